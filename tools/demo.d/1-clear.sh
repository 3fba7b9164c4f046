# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and its parts share variables
# Step 1: what an eavesdropper gets without mcsec.

UFTP_KBPS=20000

# A search that finds nothing proves something only if it can find.
step_plain() {
	local hits

	step "1  Without mcsec, to see what there is to be seen"
	try "one datagram from studio arrives at anna, and mallory listens" \
		packet_send clear
	is "the datagram is on mallory's link in clear, and no ESP" \
		"$(census '"\(.clear) \(.esp)"' "$LAB/clear.pcap")" "1 0"
	is "mallory reads it: \"$PACKET_TEXT\"" "$(packet_markers clear)" 1

	make_file $((FILE_MIB << 20)) "$LAB/file.bin" ||
		not_ok "a file of $FILE_MIB MiB"
	try "mallory taps a link while studio sends $FILE_MIB MiB by uftp" \
		sniff_links plain mallory
	uftp_to "$LAB/file.bin" anna bob ||
		not_ok "uftp delivers without mcsec" \
			"$(tail -n 5 "$LAB/studio/uftp.log")"
	plain_rate=$(uftp_rate)
	is "the file arrives at anna and bob" \
		"$(sha "$LAB/anna/in/file.bin") $(sha "$LAB/bob/in/file.bin")" \
		"$(sha "$LAB/file.bin") $(sha "$LAB/file.bin")"
	try "the capture is complete" sniff_links_end mallory
	hits=$(wire scan -m "$LAB/markers.txt" "$LAB/wire/plain-mallory.pcap")
	try "mallory reads the file: $hits markers of it on mallory's link" \
		test "$hits" -gt $((FILE_MIB * 1000))
	rm -f "$LAB"/wire/plain-* "$LAB"/{anna,bob}/in/file.bin
}
