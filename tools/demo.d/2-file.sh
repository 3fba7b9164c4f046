# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and its parts share variables
# Step 2: a real application, protected, with somebody on every link.

step_file() {
	local want l n hits

	step "2  A file of $FILE_MIB MiB by uftp, which knows nothing of mcsec"
	make_file $((FILE_MIB << 20)) "$LAB/file.bin" ||
		not_ok "a file of $FILE_MIB MiB"
	want=$(sha "$LAB/file.bin")
	try "an eavesdropper listens on every link" sniff_links file "${LINKS[@]}"
	try "s sends with a key" watch_for 20 "s waits for its key" \
		member_sends s
	uftp_to "$LAB/file.bin" a b ||
		not_ok "uftp delivers" "$(tail -n 5 "$LAB/s/uftp.log")"
	note "$(awk -F ';' '/^STATS/ { print $6 " in " $7 " s, " $8; exit }' \
		"$LAB/s/uftp.status")"
	is "a has the file, SHA-256 ${want:0:16}..." \
		"$(sha "$LAB/a/in/file.bin")" "$want"
	is "b has the file too" "$(sha "$LAB/b/in/file.bin")" "$want"
	try "the captures are complete" sniff_links_end "${LINKS[@]}"
	for l in "${LINKS[@]}"; do
		n=$(census .esp "$LAB/wire/file-$l.pcap")
		try "$l's link: $n ESP packets for the group" test "$n" -gt 14000
	done
	# shellcheck disable=SC2046 # names without blanks
	census . $(caps file) >"$LAB/census.json"
	is "nothing was sent to the group but ESP, no other multicast but rekeys" \
		"$(jq '.clear + .multicast_other' "$LAB/census.json")" 0
	# shellcheck disable=SC2046
	hits=$(wire scan -m "$LAB/markers.txt" $(caps file))
	is "markers of the file in all captures, octet by octet" "$hits" 0
	note "besides: $(jq -r '"\(.membership) of IGMP and neighbour discovery, \(.rekey) rekeys, \(.ike) of IKE, \(.not_ip) ARP"' \
		"$LAB/census.json"),"
	note "and $(jq .unicast_other "$LAB/census.json") unicast packets: uftp's receivers answer the sender directly, in"
	note "clear, with lists of what they miss. Unicast is not mcsec's."
}
