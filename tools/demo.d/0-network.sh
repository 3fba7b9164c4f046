# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and its parts share variables
# Step 0: the network, and what an eavesdropper gets without mcsec.

UFTP_KBPS=20000

step_network() {
	step "0  The network"
	try "a key server k, a sender s, members a, b and c, a stranger x" \
		lab_up "${LINKS[@]}"
	note "and a multicast router between them that knows nothing of mcsec"
	in_ns r ip mroute show | sed -n 's/ *State.*//; s/^/       /; 1,2p'
	try "unicast passes the router too" in_ns a ping -q -c 1 -W 10 "$(ip_of k)"
	load_mcsec
	ok "the module loads into $(uname -r)"
}

# A search that finds nothing proves something only if it can find.
step_plain() {
	note "first without mcsec, 1 MiB by uftp, to see what there is to be seen:"
	make_file $((1 << 20)) "$LAB/plain.bin" ||
		not_ok "a file of 1 MiB"
	try "an eavesdropper listens on every link" sniff_links plain "${LINKS[@]}"
	uftp_to "$LAB/plain.bin" a b ||
		not_ok "uftp delivers without mcsec" \
			"$(tail -n 5 "$LAB/s/uftp.log")"
	is "the file arrives at a and b" \
		"$(sha "$LAB/a/in/plain.bin") $(sha "$LAB/b/in/plain.bin")" \
		"$(sha "$LAB/plain.bin") $(sha "$LAB/plain.bin")"
	try "the captures are complete" sniff_links_end "${LINKS[@]}"
	hits=$(wire scan -m "$LAB/markers.txt" "$LAB/wire/plain-x.pcap")
	try "the eavesdropper reads the file: $hits markers of it on x's link" \
		test "$hits" -gt 1000
	rm -f "$LAB"/wire/plain-* "$LAB"/[ab]/in/plain.bin
}
