# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and its parts share variables
# Step 6: packets sent again, and packets altered on their way.

replays_from() {
	local what=$1 host=$2 iface=$3 sent b0 c0 got
	shift 3

	b0=$(refused_at anna)
	c0=$(refused_at carol)
	in_ns "$host" "$PKT_BIN/attack" replay -i "$iface" -g "$GROUP" "$@" \
		>"$LAB/replay.json" 2>"$LAB/replay.err" &
	while kill -0 $! 2>/dev/null; do
		progress "$what: $(($(refused_at anna) - b0)) refused at anna"
		sleep 1
	done
	progress_end
	wait $! || not_ok "$what" "$(cat "$LAB/replay.err")"
	sent=$(jq .sent "$LAB/replay.json")
	# packets on their way get there
	wait_until 10 refused_all anna "$b0" "$sent"
	got=$(($(refused_at anna) - b0))
	is "$what: all of $sent refused and counted at anna" "$got" "$sent"
	[ "$host" != mallory ] ||
		is "$what: all of $sent refused and counted at carol" "$(($(refused_at carol) - c0))" "$sent"
}

refused_all() { [ $(($(refused_at "$1") - $2)) -ge "$3" ]; }

# Each kind of "attack alter", the counter that must rise by each of its packets,
# and what it is in words. Transport mode does not authenticate the IP header: a
# packet with another one is taken, and the genuine one behind it is refused as the
# second of its number.
ALTERED_HEADER='
source       in-replay     the source address
ttl          in-replay     the TTL
dscp         in-replay     the DSCP'
ALTERED='
spi          in-no-sa      the SPI, to one that is no key
seq          in-bad-icv    the sequence number
iv_sender    in-bad-icv    the sender in the IV
iv_counter   in-bad-icv    the number in the IV
iv_far       in-bad-icv    the number in the IV, far ahead
ciphertext   in-bad-icv    the first octet that is encrypted
trailer      in-bad-icv    the last octet that is encrypted
tag_first    in-bad-icv    the first octet of the ICV
tag_last     in-bad-icv    the last octet of the ICV
longer       in-bad-icv    four octets more at the end
cut_one      in-bad-icv    the last octet cut off
cut_tag      in-bad-icv    the ICV cut off
cut_to_iv    in-malformed  all behind the IV cut off
cut_to_head  in-malformed  all behind the sequence number cut off
cut_to_spi   in-malformed  all behind the SPI cut off
empty        in-malformed  all behind the IP header cut off'

# refusals FILE: anna's counters of what was refused, by their names
refusals() {
	ctl anna -j stats -a | jq 'with_entries(select(.key | startswith("in-") and
		. != "in-accepted" and . != "in-exempt"))' >"$1"
}

# refusals_rose FILE FILE: the counters that rose in between, "in-bad-icv 20"
refusals_rose() {
	jq -s -r '.[0] as $a | .[1] | to_entries |
		map(select(.value != $a[.key]) | "\(.key) \(.value - $a[.key])") |
		join(", ")' "$1" "$2"
}

# alter_each KINDS: each kind by itself
alter_each() {
	local n=20 kind counter text b0

	refusals "$LAB/refusals.0"
	while read -r kind counter text; do
		[ -n "$kind" ] || continue
		b0=$(refused_at anna)
		in_ns r "$PKT_BIN/attack" alter -f r-studio -i r-anna \
			-g "$GROUP" -a "$kind" -n $n -k 3 \
			>"$LAB/alter.json" 2>"$LAB/alter.err" </dev/null ||
			not_ok "packets are altered on their way: $text" \
				"$(cat "$LAB/alter.err")"
		wait_until 10 refused_all anna "$b0" $n
		refusals "$LAB/refusals.1"
		is "$(printf '%-44s %-12s +%s' "$text" "$counter" $n)" \
			"$(refusals_rose "$LAB/refusals.0" "$LAB/refusals.1")" \
			"$counter $(jq .sent "$LAB/alter.json")"
		mv "$LAB/refusals.1" "$LAB/refusals.0"
	done <<<"$1"
}

# The genuine packets wait on anna's link, so that the altered arrive first; not so
# long that more fit in between than anna's replay window has room for, where the
# altered are taken.
alterations() {
	is "every kind of alteration that there is has its line below" \
		"$(awk 'NF { print $1 }' <<<"$ALTERED$ALTERED_HEADER" | sort)" \
		"$("$PKT_BIN/attack" kinds | sort)"
	delay anna 200 || not_ok "a delay on anna's link"
	note "mallory alters packets on their way, 20 of each kind, which arrive before"
	note "the genuine. What was altered, and the only counter of anna that rises:"
	alter_each "$ALTERED_HEADER"
	wait_until 10 no_loss anna
	try "each payload was taken once, as it was sent" no_loss anna
	note "The IP header is not authenticated, so the copy counted and the genuine was"
	note "refused: Documentation/security.rst. All the rest is:"
	delay anna 1000 || not_ok "a delay on anna's link"
	alter_each "$ALTERED"
	try "the genuine packets behind the altered were all accepted" no_loss anna
}

got_last() { [ "$(last_of anna)" = $(($1 - 1)) ]; }

step_attack() {
	local rest

	step "6  Replays and alterations"
	try "mallory records" sniff_links now studio
	seconds_of_stream 8 "the stream goes on"
	try "a complete capture" sniff_links_end studio
	replays_from "the last 8 s again, from mallory under its own address" \
		mallory eth0 -r 1500 -s "$(ip_of mallory)" \
		"$LAB/wire/now-studio.pcap"
	try "the stream does not suffer: anna lost no packet, got none twice" \
		no_loss anna
	try "the stream does not suffer: carol lost no packet" no_loss carol
	alterations
	try "carol lost no packet" no_loss carol

	reap studio tx
	rest=$(stream_of studio tx .next)
	wait_until 10 got_last "$rest"
	try "the stream ends after $rest packets" no_loss anna
	is "anna got the last packet" "$(last_of anna)" $((rest - 1))
	replays_from "every packet ever captured, on anna's own link, in studio's name" \
		r r-anna -r 6000 -s "$(ip_of studio)" "$LAB"/wire/*-studio.pcap
	try "anna's application got none of the packets that were sent again" \
		no_loss anna
	show anna "mcsecctl stats"
}
