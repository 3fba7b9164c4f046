# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and its parts share variables
# Step 5: packets sent again, and packets altered on their way.

replays_from() {
	local what=$1 host=$2 iface=$3 sent b0 c0 got
	shift 3

	b0=$(refused_at a)
	c0=$(refused_at c)
	in_ns "$host" "$PKT_BIN/attack" replay -i "$iface" -g "$GROUP" "$@" \
		>"$LAB/replay.json" 2>"$LAB/replay.err" &
	while kill -0 $! 2>/dev/null; do
		progress "$what: $(($(refused_at a) - b0)) refused at a"
		sleep 1
	done
	progress_end
	wait $! || not_ok "$what" "$(cat "$LAB/replay.err")"
	sent=$(jq .sent "$LAB/replay.json")
	# packets on their way get there
	wait_until 10 refused_all a "$b0" "$sent"
	got=$(($(refused_at a) - b0))
	is "$what: all of $sent refused and counted at a" "$got" "$sent"
	[ "$host" != x ] ||
		is "$what: all of $sent refused and counted at c" "$(($(refused_at c) - c0))" "$sent"
}

refused_all() { [ $(($(refused_at "$1") - $2)) -ge "$3" ]; }

alterations() {
	local b0 a0 icv0 n=20 k

	# The genuine packets wait here, so that the altered arrive first.
	delay a 400 || not_ok "a delay on a's link"
	sleep 1
	b0=$(refused_at a)
	icv0=$(counter a in-bad-icv)
	in_ns r "$PKT_BIN/attack" alter -f r-s -i r-a -g "$GROUP" -n $n -k 3 \
		>"$LAB/alter.json" 2>"$LAB/alter.err" ||
		not_ok "packets are altered on their way" "$(cat "$LAB/alter.err")"
	sleep 1
	a0=$(($(refused_at a) - b0))
	is "altered on their way, $n each of $(jq -r 'del(.sent) | keys | join(", ")' "$LAB/alter.json" | sed 's/\(.\{60\}[^ ]*\) /\1\n       /g'): all refused and counted" \
		"$a0" "$(jq .sent "$LAB/alter.json")"
	k=$(($(counter a in-bad-icv) - icv0))
	try "altered on their way: $k refused by their tag" test "$k" -ge $((n * 8))
	try "the genuine packets behind the altered were all accepted" no_loss a
}

step_attack() {
	local rest

	step "5  Replays and alterations"
	try "the eavesdropper records" sniff_links now s
	seconds_of_stream 8 "the stream goes on"
	try "a complete capture" sniff_links_end s
	replays_from "the last 8 s again, from x under its own address" \
		x eth0 -r 1500 -s "$(ip_of x)" "$LAB/wire/now-s.pcap"
	try "the stream does not suffer: a lost no packet, got none twice" \
		no_loss a
	try "the stream does not suffer: c lost no packet" no_loss c
	alterations
	try "c lost no packet" no_loss c

	reap s tx
	sleep 1
	rest=$(stream_of s tx .next)
	try "the stream ends after $rest packets" no_loss a
	is "a got the last packet" "$(last_of a)" $((rest - 1))
	replays_from "every packet ever captured, on a's own link, in s's name" \
		r r-a -r 6000 -s "$(ip_of s)" "$LAB"/wire/*-s.pcap
	try "a's application got none of the packets that were sent again" no_loss a
	note "What transport mode leaves unauthenticated, the outer source address"
	note "above all, and what stops its abuse: Documentation/security.rst"
}

step_end() {
	local h

	step "At the end"
	for h in a b c; do
		reap "$h" rx
	done
	is "no datagram of the group was in clear, in any capture" \
		"$(census .clear "$LAB"/wire/*.pcap)" 0
	printf '%s' "${STREAM_MARKER:0:16}" | od -An -v -tx1 | tr -d ' ' \
		>"$LAB/stream.txt"
	is "no marker of the stream was in clear" \
		"$(wire scan -m "$LAB/stream.txt" "$LAB"/wire/*.pcap)" 0
	is "no marker of the file was in clear" \
		"$(wire scan -m "$LAB/markers.txt" "$LAB"/wire/*.pcap)" 0
	for h in s a c k; do
		daemon_stop "$h"
	done
	ok "everybody leaves, and the daemons end"
	lab_down
	[ -z "$lib_loaded" ] || try "the module unloads" rmmod_wait
	printf '\n   %d assertions held, in %d s\n' "$tap_count" "$SECONDS"
}
