# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and its parts share variables
# The end: all captures once more, and everything goes away again.

step_end() {
	local h

	step "7  At the end"
	for h in anna bob carol; do
		reap "$h" rx
	done
	is "no datagram of the group was in clear, in any capture since step 2" \
		"$(census .clear "$LAB"/wire/*.pcap "$LAB/esp.pcap")" 0
	printf '%s' "${STREAM_MARKER:0:16}" | od -An -v -tx1 | tr -d ' ' \
		>"$LAB/stream.txt"
	is "no marker of the stream was in clear" \
		"$(wire scan -m "$LAB/stream.txt" "$LAB"/wire/*.pcap)" 0
	is "no marker of the file was in clear" \
		"$(wire scan -m "$LAB/markers.txt" "$LAB"/wire/*.pcap)" 0
	lab_left_up
	for h in studio anna carol keyserver; do
		daemon_stop "$h"
	done
	ok "everybody leaves, and the daemons end"
	lab_down
	[ -z "$lib_loaded" ] || try "the module unloads" rmmod_wait
	printf '\n   %d assertions held, in %d s\n' "$tap_count" "$SECONDS"
}

# With --keep: a shell, while a stream runs again
lab_left_up() {
	[ -n "${MCSEC_DEMO_KEEP:-}" ] || return 0
	stream_recv anna rx && stream_recv carol rx ||
		not_ok "receivers for a stream in the lab that stays"
	stream_send studio tx -r 100
	lab_shell "The lab stays up, with a stream of 100 packets/s to anna and carol."
}
