# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and its parts share variables
# Step 3: members come and go, keys change, and nobody who stays loses a packet.

seconds_of_stream() {
	local end=$((SECONDS + $1))

	while [ $SECONDS -lt $end ]; do
		progress "$2"
		sleep 0.5
	done
	progress_end
}

# Every key that the key server has made so far, by its SPI
spis_made() {
	sed -n 's/.*Data SA 0x\([0-9a-f]\{8\}\).*/\1/p' "$LAB/k/mcsecd.log" |
		while read -r spi; do
			echo $((16#$spi))
		done | sort -un
}

# common FILE FILE: lines in both, of two sorted lists of numbers
common() { sort "$1" | comm -12 - <(sort "$2") | wc -l; }

c_hears() { [ "$(packets c)" -gt "${1:-0}" ]; }
b_quiet() {
	local n

	n=$(packets b)
	sleep 1.5
	[ "$(packets b)" = "$n" ]
}

rekeys_since() { [ "$(($(gcks_is rekeys) - $1))" -ge "$2" ]; }

# Nothing of the past. @at: the sender's sequence number before c asked
c_joins() {
	local at n spi before

	note "c was not a member until now; what was sent so far is captured"
	try "the eavesdropper records what c must not read" \
		sniff_links before "${LINKS[@]}"
	seconds_of_stream 6 "the stream goes on"
	try "the captures are complete" sniff_links_end "${LINKS[@]}"
	wire spis -g "$GROUP" "$LAB/wire/before-c.pcap" |
		sort -n >"$LAB/before.spis"
	spis_made >"$LAB/made-before-c.spis"
	is "all that was captured is under keys that the key server has made so far" \
		"$(common "$LAB/before.spis" "$LAB/made-before-c.spis")" \
		"$(wc -l <"$LAB/before.spis")"
	at=$(stream_now s tx .next)
	member_conf c false true
	try "mcsecd runs on c" daemon_start c
	join_in c "as a receiver, while the stream runs"
	sa_spis c >"$LAB/c.spis"
	try "c hears the stream" watch_for 20 "s changes keys" c_hears 300
	try "c hears from packet $(stream_now c rx '.streams[0].first') on; $at were sent before it asked" \
		test "$(stream_of c rx '.streams[0].first')" -ge "$at"
	is "c holds none of the $(wc -l <"$LAB/made-before-c.spis") keys that were made before" \
		"$(common "$LAB/c.spis" "$LAB/made-before-c.spis")" 0

	before=$(ctl c -j stats -a | jq '."in-no-sa"')
	n=$(in_ns r "$PKT_BIN/attack" replay -i r-c -g "$GROUP" -r 3000 \
		"$LAB/wire/before-c.pcap" | jq .sent)
	sleep 1
	spi=$(($(ctl c -j stats -a | jq '."in-no-sa"') - before))
	is "packets captured before, sent to c again: all $n refused (in-no-sa)" \
		"$spi" "$n"
	try "a lost no packet, nor got one twice" no_loss a
	try "b lost no packet" no_loss b
	try "c lost no packet since its first" no_loss c
}

# Nothing of the future.
b_is_evicted() {
	local out t1 t2 ms

	spis_made >"$LAB/made-for-b.spis"
	out=$(ctl k -j evict video b.lab) ||
		not_ok "b is evicted" "$out"
	ms=$(jq -r '."effective-ms"' <<<"$out")
	ok "b is evicted: effective in $ms ms"
	sleep "$(((ms + 999) / 1000 + 1))"
	try "b's application gets nothing any more" \
		watch_for 20 "the old key ends" b_quiet
	t1=$(packets b)
	try "the eavesdropper records what b must not read" \
		sniff_links after "${LINKS[@]}"
	seconds_of_stream 8 "the stream goes on without b"
	try "the captures are complete" sniff_links_end "${LINKS[@]}"
	t2=$(packets b)
	sa_spis b >"$LAB/b.spis"
	wire spis -g "$GROUP" "$LAB/wire/after-b.pcap" |
		sort -n >"$LAB/after.spis"
	is "$(census .esp "$LAB/wire/after-b.pcap") packets passed b's link, none reached its application" \
		"$((t2 - t1))" 0
	is "no packet was under any of the $(wc -l <"$LAB/made-for-b.spis") keys made while b was in" \
		"$(common "$LAB/made-for-b.spis" "$LAB/after.spis")" 0
	is "no packet was under a key that b's kernel holds now" \
		"$(common "$LAB/b.spis" "$LAB/after.spis")" 0
	try "b may not come back" watch_for 30 "b asks" refusals_of b
	note "b is told:  $(member_is b last-error)"
	try "a lost no packet" no_loss a
	try "c lost no packet" no_loss c
}

step_join_evict() {
	local r h

	step "3  Members come and go; keys change under a running stream"
	for h in a b c; do
		try "$h's application waits for the stream" stream_recv $h rx
	done
	delayable a || not_ok "the router can delay"
	stream_send s tx -r "$RATE"
	seconds_of_stream 3 "the stream starts"
	try "a stream of $RATE packets/s begins: $(packets a) at a so far" \
		test "$(packets a)" -gt 1000
	is "no packet at c, which is no member" "$(packets c)" 0
	c_joins
	b_is_evicted
	r=$(gcks_is rekeys)
	try "three periodic rekeys" watch_for 60 \
		"one every $G_INTERVAL s" rekeys_since "$r" 3
	seconds_of_stream $((G_ATD + 2)) "s changes keys for the third time"
	try "a lost no packet" no_loss a
	try "c lost no packet" no_loss c
	note "$(packets a) packets at a so far: $(stream_of a rx '.streams[0].rate | round') packets/s is what this machine sustains"
}
