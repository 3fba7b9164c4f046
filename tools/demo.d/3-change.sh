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
	sed -n 's/.*Data SA \([0-9a-f]\{8\}\).*/\1/p' "$LAB/k/mcsecd.log" |
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
	check "the eavesdropper records what c must not read" \
		listen before "${LINKS[@]}"
	seconds_of_stream 6 "the stream goes on"
	check "the captures are complete" listen_end "${LINKS[@]}"
	wire spis -g "$GROUP" "$LAB/wire/before-c.pcap" |
		sort -n >"$LAB/before.spis"
	spis_made >"$LAB/made-before-c.spis"
	check_is "all of it is under keys that the key server has made so far" \
		"$(common "$LAB/before.spis" "$LAB/made-before-c.spis")" \
		"$(wc -l <"$LAB/before.spis")"
	at=$(stream_now s tx .next)
	member_conf c false true
	check "mcsecd runs on c" daemon_start c
	join_in c "as a receiver, while the stream runs"
	sa_spis c >"$LAB/c.spis"
	check "c hears the stream" watch_for 20 "s changes keys" c_hears 300
	check_that "from packet $(stream_now c rx '.streams[0].first') on; $at were sent before it asked" \
		"$(stream_of c rx '.streams[0].first')" -ge "$at"
	check_is "c holds none of the $(wc -l <"$LAB/made-before-c.spis") keys that were made before" \
		"$(common "$LAB/c.spis" "$LAB/made-before-c.spis")" 0

	before=$(on c "$MCSECCTL" -j stats -a | jq '."in-no-sa"')
	n=$(on r "$E2E_BIN/attack" replay -i r-c -g "$GROUP" -r 3000 \
		"$LAB/wire/before-c.pcap" | jq .sent)
	sleep 1
	spi=$(($(on c "$MCSECCTL" -j stats -a | jq '."in-no-sa"') - before))
	check_is "what was captured before, sent to c again: all $n packets refused (in-no-sa)" \
		"$spi" "$n"
	check "a lost no packet, nor got one twice" no_loss a
	check "b lost no packet" no_loss b
	check "c neither, since its first" no_loss c
}

# Nothing of the future.
b_is_evicted() {
	local out t1 t2 ms

	spis_made >"$LAB/made-for-b.spis"
	out=$(e2e_ctl k -j evict video b.lab) ||
		failed "b is evicted" "$out"
	ms=$(jq -r '."effective-ms"' <<<"$out")
	passed "b is evicted: effective in $ms ms"
	sleep "$(((ms + 999) / 1000 + 1))"
	check "b's application gets nothing any more" \
		watch_for 20 "the old key ends" b_quiet
	t1=$(packets b)
	check "the eavesdropper records what b must not read" \
		listen after "${LINKS[@]}"
	seconds_of_stream 8 "the stream goes on without b"
	check "the captures are complete" listen_end "${LINKS[@]}"
	t2=$(packets b)
	sa_spis b >"$LAB/b.spis"
	wire spis -g "$GROUP" "$LAB/wire/after-b.pcap" |
		sort -n >"$LAB/after.spis"
	check_is "$(census .esp "$LAB/wire/after-b.pcap") packets passed b's link, none reached its application" \
		"$((t2 - t1))" 0
	check_is "not one under any of the $(wc -l <"$LAB/made-for-b.spis") keys made while b was in" \
		"$(common "$LAB/made-for-b.spis" "$LAB/after.spis")" 0
	check_is "nor under one that b's kernel holds now" \
		"$(common "$LAB/b.spis" "$LAB/after.spis")" 0
	check "b may not come back" watch_for 30 "b asks" refusals_of b
	note "b is told:  $(member_is b last-error)"
	check "a lost no packet" no_loss a
	check "c lost no packet" no_loss c
}

step_join_evict() {
	local r h

	step "3  Members come and go; keys change under a running stream"
	for h in a b c; do
		check "$h's application waits for the stream" stream_recv $h rx
	done
	delayable a || failed "the router can delay"
	stream_send s tx -r "$RATE"
	seconds_of_stream 3 "the stream starts"
	check_that "a stream of $RATE packets/s begins: $(packets a) at a so far" \
		"$(packets a)" -gt 1000
	check_is "none at c, which is no member" "$(packets c)" 0
	c_joins
	b_is_evicted
	r=$(gcks_is rekeys)
	check "three periodic rekeys" watch_for 60 \
		"one every $G_INTERVAL s" rekeys_since "$r" 3
	seconds_of_stream $((G_ATD + 2)) "s changes keys for the third time"
	check "a lost no packet" no_loss a
	check "c lost no packet" no_loss c
	note "$(packets a) packets at a so far: $(stream_of a rx '.streams[0].rate | round') packets/s is what this machine sustains"
}
