# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and its parts share variables
# Step 3: the same with mcsec: one datagram, and a real application, with somebody
# on every link.

step_file() {
	step "3  The same with mcsec: socat and uftp know nothing of it"
	try "studio sends with a key" watch_for 20 "studio waits for its key" \
		member_sends studio
	try "the same datagram arrives at anna, and mallory listens" \
		packet_send esp
	is "the datagram is on mallory's link as one ESP packet, and not in clear" \
		"$(census '"\(.clear) \(.esp)"' "$LAB/esp.pcap")" "0 1"
	is "mallory finds nothing of its text" "$(packet_markers esp)" 0
	packet_pair
	show studio "mcsecctl sa show video"
	file_protected
	rates
	show anna "mcsecctl stats"
}

file_protected() {
	local want l n hits

	want=$(sha "$LAB/file.bin")
	try "mallory taps every link while studio sends the file again" \
		sniff_links file "${LINKS[@]}"
	uftp_to "$LAB/file.bin" anna bob ||
		not_ok "uftp delivers" "$(tail -n 5 "$LAB/studio/uftp.log")"
	is "anna has the file, SHA-256 ${want:0:16}..." \
		"$(sha "$LAB/anna/in/file.bin")" "$want"
	is "bob has the file too" "$(sha "$LAB/bob/in/file.bin")" "$want"
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

# uftp_rate: the seconds and the rate of the last transfer, as uftp says them
uftp_rate() {
	awk -F ';' '/^STATS/ { printf "%7.2f s  %s", $7, $8; exit }' \
		"$LAB/studio/uftp.status"
}

rates() {
	note "the file of $FILE_MIB MiB by uftp, which paces itself to $((UFTP_KBPS / 1000)) Mbit/s at most:"
	note "   without mcsec   $plain_rate"
	note "   with mcsec      $(uftp_rate)"
	note "on $(machine)."
	if [ "${MCSEC_CLOCK:-}" = idle ]; then
		note "Its clock stands still while programs work, so these are uftp's pace."
	elif [ -n "${MCSEC_GUEST:-}" ]; then
		note "Real machines are far faster: Documentation/performance.rst"
	fi
}
