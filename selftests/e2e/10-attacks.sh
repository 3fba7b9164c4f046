#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# An attacker on the path sends all that it can, against keys that were set by
# hand: replays from everywhere, and each field of ESP altered before the
# genuine packet arrives. Every packet is refused and counted once, and for the
# right reason; the running stream loses nothing. IPv4 and IPv6.
# timeout: 300

# shellcheck source=selftests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"

try "the network" lab_up s a c x || tap_done
try "a's link can be slowed" delayable a

# The number of refusals at a, without what the router's IGMP and MLD are exempt
# for
refused() {
	ctl a -j stats -a | jq '[to_entries[] | select(.key |
		startswith("in-") and . != "in-accepted" and . != "in-exempt") |
		.value] | add'
}
refused_more() { [ "$(($(refused) - $1))" -ge "$2" ]; }

why() { ctl a stats; }

# Asserts that so many more were refused, for this reason alone.
refuses() {
	local what=$1 reason=$2 n=$3 all0=$4 one0=$5

	wait_until 20 refused_more "$all0" "$n"
	is "$what: $n refused" "$(($(refused) - all0))" "$n" || why | sed 's/^/# /'
	is "$what: as $reason" "$(($(counter a "$reason") - one0))" "$n"
}

# A packet that is under way is not lost: the machine may be busy, and what
# overtook leaves a gap for as long as the others need.
stream_says() {
	stream_now a rx '.streams[0] | "\(.lost) lost, \(.duplicates) twice, \(.corrupt) altered"'
	stream_of a rx '"\(.socket_drops) dropped"'
}
stream_at_once() {
	says=$(stream_says | paste -sd,)
	[ "$says" = "0 lost, 0 twice, 0 altered,0 dropped" ]
}
stream_whole() {
	local says=''

	wait_until 20 stream_at_once && ok "$1" && return
	not_ok "$1" "$says" "gaps $(stream_of a rx \
		'.streams[0].gaps | tostring') up to $(stream_of a rx \
		'.streams[0].last')"
	diag "$(why)"
	diag "$(in_ns a nstat -as 'Udp*Err*' 'Udp6*Err*' 'Ip*Discards')"
	diag "$(in_ns r tc -s qdisc show dev r-a)"
}

attacks() {
	local fam=$1 src=$2 dst=$3 x=$4 all0 one0 sent n=10 h
	local key=$TMP/key.$fam

	GROUP=$dst
	"$MCSECCTL" key generate aes-gcm-16 file "$key"
	for h in s a c; do
		ctl $h group add "$fam" "$dst"
	done
	ctl s sa add "$fam" spi 0x1234 dir out alg aes-gcm-16 \
		key-file "$key" sender-id 7,8 select
	for h in a c; do
		ctl $h sa add "$fam" spi 0x1234 dir in \
			alg aes-gcm-16 key-file "$key"
		stream_recv $h rx
	done
	sniff_links "$fam" s
	stream_send s tx -r 500
	wait_until 10 stream_heard || not_ok "$fam: a hears the stream"
	sleep 2
	try "$fam: a capture of the stream" sniff_links_end s
	stream_whole "$fam: nothing is lost without an attack"

	# from another host, under its own address: the router forwards it
	all0=$(refused) one0=$(counter a in-replay)
	sent=$(in_ns x "$PKT_BIN/attack" replay -i eth0 -g "$dst" -s "$x" \
		-r 1000 "$LAB/wire/$fam-s.pcap" | jq .sent)
	like "$fam: a capture of some length" "$sent" '^[0-9]{3,}$'
	refuses "$fam: replay from another host" in-replay "$sent" \
		"$all0" "$one0"
	# on the receiver's own link, as it was
	all0=$(refused) one0=$(counter a in-replay)
	sent=$(in_ns r "$PKT_BIN/attack" replay -i r-a -g "$dst" -r 1000 \
		"$LAB/wire/$fam-s.pcap" | jq .sent)
	refuses "$fam: replay on its link" in-replay "$sent" "$all0" "$one0"
	# in the sender's name from elsewhere: routers check where it comes from
	all0=$(refused)
	in_ns x "$PKT_BIN/attack" replay -i eth0 -g "$dst" -r 1000 -s "$src" \
		"$LAB/wire/$fam-s.pcap" >"$TMP/spoofed"
	sleep 0.5
	is "$fam: the sender's address from x's link stops at the router" \
		"$(($(refused) - all0))" 0
	stream_whole "$fam: the stream goes on through the replays"

	# The genuine packets wait, and the altered ones overtake them.
	delay a 500
	sleep 1
	cp "$LAB/a/rx.json" "$TMP/before"
	all0=$(refused)
	ctl a -j stats -a >"$TMP/stats0"
	in_ns r "$PKT_BIN/attack" alter -f r-s -i r-a -g "$dst" -n $n -k 2 \
		>"$TMP/altered"
	sent=$(jq .sent "$TMP/altered")
	is "$fam: packets are altered on their way" "$sent" $((16 * n))
	wait_until 20 refused_more "$all0" "$sent"
	is "$fam: all of them are refused" "$(($(refused) - all0))" "$sent" ||
		why | sed 's/^/# /'
	# spi: there is no such SA. Too short for SPI, sequence number, IV and
	# tag: malformed. All others: the tag.
	ctl a -j stats -a >"$TMP/stats1"
	is "$fam: each for its reason" \
		"$(jq -s -r '.[1] as $b | .[0] as $a | ["in-no-sa",
		"in-malformed", "in-bad-icv", "in-replay"] | map("\(.) \($b[.] -
		$a[.])") | join(" ")' "$TMP/stats0" "$TMP/stats1")" \
		"in-no-sa $n in-malformed $((4 * n)) in-bad-icv $((11 * n)) in-replay 0"
	sleep 1
	stream_whole "$fam: the genuine packets were accepted behind them"

	# Transport mode does not cover these: the altered packet is the first
	# of its kind and is taken, the genuine one comes second.
	all0=$(refused) one0=$(counter a in-replay)
	in_ns r "$PKT_BIN/attack" alter -O -f r-s -i r-a -g "$dst" -n $n -k 2 \
		>"$TMP/outer"
	sent=$(jq .sent "$TMP/outer")
	sleep 1
	refuses "$fam: source, TTL, DSCP altered: taken, but in the place of the genuine" \
		in-replay "$sent" "$all0" "$one0"
	stream_whole "$fam: each payload arrives once"
	delay a 0

	reap s tx
	sleep 1
	n=$(stream_of s tx .next)
	is "$fam: the last packet of the stream got to a" \
		"$(stream_now a rx '.streams[0].last')" $((n - 1))
	is "$fam: the last packet of the stream got to c, which was not attacked" \
		"$(stream_now c rx '.streams[0] | "\(.last) \(.lost)"')" \
		"$((n - 1)) 0"
	reap a rx
	reap c rx
	for h in s a c; do
		ctl $h group del "$fam"
	done
}

stream_heard() { [ "$(stream_now a rx '.streams | length')" -gt 0 ]; }

attacks IPv4 "$(ip_of s)" "$GROUP" "$(ip_of x)"
attacks IPv6 "$(ip6_of s)" "$GROUP6" "$(ip6_of x)"
tap_done
