# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and its parts share variables
# Step 4: members come and go, keys change, and nobody who stays loses a packet.

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
	sed -n 's/.*Data SA 0x\([0-9a-f]\{8\}\).*/\1/p' \
		"$LAB/keyserver/mcsecd.log" |
		while read -r spi; do
			echo $((16#$spi))
		done | sort -un
}

# common FILE FILE: lines in both, of two sorted lists of numbers
common() { sort "$1" | comm -12 - <(sort "$2") | wc -l; }

carol_hears() { [ "$(packets carol)" -gt "${1:-0}" ]; }
bob_quiet() {
	local n

	n=$(packets bob)
	sleep 1.5
	[ "$(packets bob)" = "$n" ]
}

rekeys_since() { [ "$(($(gcks_is rekeys) - $1))" -ge "$2" ]; }
# last_ms HOST: the time of its last packet of the stream, in milliseconds of the
# machine's clock
last_ms() { stream_now "$1" rx '.streams[0].last_ms | floor'; }

# Nothing of the past. @at: the sender's sequence number before carol asked
carol_joins() {
	local at n spi before

	note "carol was not a member until now; what was sent so far is captured"
	try "mallory records what carol must not read" \
		sniff_links before "${LINKS[@]}"
	seconds_of_stream 6 "the stream goes on"
	try "the captures are complete" sniff_links_end "${LINKS[@]}"
	wire spis -g "$GROUP" "$LAB/wire/before-carol.pcap" |
		sort -n >"$LAB/before.spis"
	spis_made >"$LAB/made-before-carol.spis"
	is "all that was captured is under keys that the key server has made so far" \
		"$(common "$LAB/before.spis" "$LAB/made-before-carol.spis")" \
		"$(wc -l <"$LAB/before.spis")"
	at=$(stream_now studio tx .next)
	member_conf carol false true
	try "mcsecd runs on carol" daemon_start carol
	join_in carol "as a receiver, while the stream runs"
	sa_spis carol >"$LAB/carol.spis"
	try "carol hears the stream" watch_for 20 "studio changes keys" \
		carol_hears 300
	show carol "mcsecctl sa show video"
	try "carol hears from packet $(stream_now carol rx '.streams[0].first') on; $at were sent before it asked" \
		test "$(stream_of carol rx '.streams[0].first')" -ge "$at"
	is "carol holds none of the $(wc -l <"$LAB/made-before-carol.spis") keys that were made before" \
		"$(common "$LAB/carol.spis" "$LAB/made-before-carol.spis")" 0

	before=$(ctl carol -j stats -a | jq '."in-no-sa"')
	n=$(in_ns r "$PKT_BIN/attack" replay -i r-carol -g "$GROUP" -r 3000 \
		"$LAB/wire/before-carol.pcap" | jq .sent)
	sleep 1
	spi=$(($(ctl carol -j stats -a | jq '."in-no-sa"') - before))
	is "packets captured before, sent to carol again: all $n refused (in-no-sa)" \
		"$spi" "$n"
	try "anna lost no packet, nor got one twice" no_loss anna
	try "bob lost no packet" no_loss bob
	try "carol lost no packet since its first" no_loss carol
}

# Nothing of the future.
bob_is_evicted() {
	local t1 t2 ms began

	spis_made >"$LAB/made-for-bob.spis"
	began=$(last_ms anna)
	show keyserver "mcsecctl -j evict video bob.lab"
	ms=$(jq -r '."effective-ms"' <<<"$shown") && [ "$ms" -gt 0 ] ||
		not_ok "the key server says when bob is out" "$shown"
	ok "bob is evicted: effective in $ms ms"
	sleep "$(((ms + 999) / 1000 + 1))"
	try "bob's application gets nothing any more" \
		watch_for 20 "the old key ends" bob_quiet
	note "bob's application got its last packet $(($(last_ms bob) - began)) ms after the command"
	t1=$(packets bob)
	try "mallory records what bob must not read" \
		sniff_links after "${LINKS[@]}"
	seconds_of_stream 8 "the stream goes on without bob"
	try "the captures are complete" sniff_links_end "${LINKS[@]}"
	t2=$(packets bob)
	sa_spis bob >"$LAB/bob.spis"
	wire spis -g "$GROUP" "$LAB/wire/after-bob.pcap" |
		sort -n >"$LAB/after.spis"
	is "$(census .esp "$LAB/wire/after-bob.pcap") packets passed bob's link, none reached its application" \
		"$((t2 - t1))" 0
	is "no packet was under any of the $(wc -l <"$LAB/made-for-bob.spis") keys made while bob was in" \
		"$(common "$LAB/made-for-bob.spis" "$LAB/after.spis")" 0
	is "no packet was under a key that bob's kernel holds now" \
		"$(common "$LAB/bob.spis" "$LAB/after.spis")" 0
	try "bob may not come back" watch_for 30 "bob asks" refusals_of bob
	note "bob is told:  $(member_is bob last-error)"
	show keyserver "mcsecctl member video"
	try "anna lost no packet" no_loss anna
	try "carol lost no packet" no_loss carol
}

step_join_evict() {
	local r h

	step "4  Members come and go; keys change under a running stream"
	for h in anna bob carol; do
		try "$h's application waits for the stream" stream_recv $h rx
	done
	delayable anna || not_ok "the router can delay"
	stream_send studio tx -r "$RATE"
	seconds_of_stream 3 "the stream starts"
	try "a stream of $RATE packets/s begins: $(packets anna) at anna so far" \
		test "$(packets anna)" -gt 1000
	is "no packet at carol, which is no member" "$(packets carol)" 0
	carol_joins
	bob_is_evicted
	r=$(gcks_is rekeys)
	try "three periodic rekeys" watch_for 60 \
		"one every $G_INTERVAL s" rekeys_since "$r" 3
	seconds_of_stream $((G_ATD + 2)) "studio changes keys for the third time"
	show keyserver "mcsecctl status"
	try "anna lost no packet" no_loss anna
	try "carol lost no packet" no_loss carol
	note "$(packets anna) packets at anna so far: $(stream_of anna rx '.streams[0].rate | round') packets/s is what this machine sustains"
}
