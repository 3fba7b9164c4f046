#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A stranger on the cable does all that it can: repeat, change, cut and invent
# datagrams. Each is refused and counted under the one right name, none reaches
# a socket, and the stream beside it does not suffer.
#
#	a eth0 ---- eth0 b
#
# timeout: 600

. "$(dirname "$0")/kmod.sh"
need tcpdump python3
load_mcsec
two_hosts
groups a b
forge() { pkt a forge "$@"; }

# The growth of b's counters since the last time.
mark() { ctl b stats -a >"$TMP/mark"; }
grown() {
	ctl b stats -a | awk '
		NR == FNR { old[$1] = $2; next }
		$2 != old[$1] && $1 !~ /exempt/ {
			printf "%s%s %d", sep, $1, $2 - old[$1]
			sep = ", "
		}' "$TMP/mark" -
}
has_grown() { [ "$(grown)" = "$1" ]; }
grows() { # name, counters
	wait_until 15 has_grown "$2"
	is "$1" "$(grown)" "$2"
}

hostile() { # family, group, its address
	local f=$1 g=$2 dst=$3 n key

	key=$(new_key 20)
	sa_add a "$g" "$key" spi 4096 dir out alg aes-gcm-16 sender-id 1-4 \
		select
	sa_add b "$g" "$key" spi 4096 dir in alg aes-gcm-16
	listen b "$dst" "r$f"
	sniff b "w$f" "esp or ip6 proto 50"
	mark
	send a "$dst" count=20 size=60 >"$TMP/sent$f"
	wait_until 30 has_lines "r$f" 20
	sniffed "w$f"
	is "IPv$f: the stream arrives" "$(got "r$f")" "$(<"$TMP/sent$f")"
	cp "$TMP/w$f.pcap" "$TMP/c$f.pcap"

	mark
	is "IPv$f: all of it again" "$(forge replay "$TMP/c$f.pcap" eth0)" 20
	grows "the replays are counted as such" "in-replay 20"
	is "the SA counts the replays" "$(sa_word b "$g" 4096 in-replays)" 20

	# 16 head, 60 + 8 payload, 2 padding, 2 trailer, 16 ICV. A receiver
	# that has seen none of it, so that each is verified; but a counter of
	# 0 is none.
	ctl b sa del "$g" 4096
	sa_add b "$g" "$key" spi 4096 dir in alg aes-gcm-16
	mark
	n=$(forge alter "$TMP/c$f.pcap" eth0)
	is "IPv$f: each octet changed in turn" "$n" 104
	wait_until 15 eval '[ "$(grown | tr -dc "0-9\n " |
		awk "{ for (i = 1; i <= NF; i++) n += \$i; print n }")" = 104 ]'
	like "altered octets are refused, by name" "$(grown)" \
		'^in-no-sa 4, (in-replay 1, in-bad-icv 99|in-bad-icv 100)$'
	is "all altered datagrams are refused" \
		"$(grown | tr -dc '0-9\n ' | awk '{
		for (i = 1; i <= NF; i++) n += $i; print n }')" 104

	is "IPv$f: the SA counts the altered datagrams that did not verify" \
		"$(sa_word b "$g" 4096 in-bad-icv)" \
		"$(grown | sed -n 's/.*in-bad-icv \([0-9]*\).*/\1/p')"
	is "altered datagrams made no sender" "$(sa_word b "$g" 4096 senders)" 0
	mark
	forge replay "$TMP/c$f.pcap" eth0 >/dev/null
	grows "altered datagrams moved no window: their originals still pass" \
		"in-accepted 20"

	mark
	forge lengths "$TMP/c$f.pcap" eth0 >/dev/null
	# up to 33 octets cannot be ESP with an ICV of 16
	grows "IPv$f: cut to each length from 0 to 80" \
		"in-malformed 34, in-replay 47"
	mark
	forge noise "$TMP/c$f.pcap" eth0 >/dev/null
	wait_until 15 eval 'grown | grep -q "in-bad-icv 4[0-9]"'
	like "IPv$f: noise of each length" "$(grown)" \
		'^in-malformed 34, in-bad-icv 47$'
	mark
	forge spi "$TMP/c$f.pcap" eth0 >/dev/null
	grows "IPv$f: SPIs that nobody has" "in-no-sa 2"
	mark
	forge clear "$TMP/c$f.pcap" eth0 >/dev/null
	grows "IPv$f: in the clear" "in-clear 1"
	mark
	forge fragments "$TMP/c$f.pcap" eth0 >/dev/null
	grows "IPv$f: fragments that never come together" ""

	is "IPv$f: none of it made a sender" "$(sa_word b "$g" 4096 senders)" 1
	mark
	send a "$dst" count=3 text=AFTER >"$TMP/sent$f"
	wait_until 30 has_lines "r$f" 43
	is "IPv$f: the stream goes on" "$(got "r$f" | tail -n 3)" \
		"$(<"$TMP/sent$f")"
	grows "the stream goes on with nothing lost" "in-accepted 3"
	is "nothing came that was not sent" \
		"$(wc -l <"$TMP/r$f")" 43
}
in_ns a taskset -p 1 $$ >/dev/null 2>&1
taskset -p 1 $$ >/dev/null
hostile 4 g4 $G4
hostile 6 g6 $G6
taskset -p 3 $$ >/dev/null

section "a stranger with many SPIs"

spawn ctl b monitor >"$TMP/events"
# GROUP DIGITS: how many SPIs that begin with these were told
told() { grep -c "unknown-spi group $1 spi 0x$2" "$TMP/events"; }
some_told() { [ "$(told "$1" "$2")" -gt 0 ]; }
monitor_hears() {
	forge spi "$TMP/c4.pcap" eth0 >/dev/null
	some_told g4 deadbeef
}
try "the monitor listens" wait_until 20 monitor_hears
for f in 4 6; do
	forge spis "$TMP/c$f.pcap" eth0 200 >/dev/null
	forge hosts "$TMP/c$f.pcap" eth0 24 >/dev/null
	try "IPv$f: SPIs of other hosts are told" wait_until 20 some_told g$f 7
	# One in each second, and all was sent within a part of one.
	like "IPv$f: one host has its share only, of 200 SPIs" \
		"$(told g$f 6)" '^[012]$'
done

section "room for two senders"

ctl b sa flush g4
ctl a sa flush g4
key=$(new_key 20)
sa_add b g4 "$key" spi 5000 dir in alg aes-gcm-16 max-senders 2
for i in 1 2 3; do
	sa_add a g4 "$key" spi 5000 dir out alg aes-gcm-16 sender-id $i select
	mark
	send a $G4 count=2 >/dev/null
	if [ $i -le 2 ]; then
		grows "sender $i of 2" "in-accepted 2"
	else
		grows "a third is refused" "in-too-many-senders 2"
	fi
	ctl a sa del g4 5000
done

section "other replay checks"

for mode in seq none; do
	ctl b sa flush g4
	ctl a sa flush g4
	key=$(new_key 20)
	sa_add b g4 "$key" spi 6000 dir in alg aes-gcm-16 replay $mode window 64
	sa_add a g4 "$key" spi 6000 dir out alg aes-gcm-16 sender-id 1 select
	sniff b "m$mode" esp
	mark
	send a $G4 count=100 >/dev/null
	grows "replay $mode: a stream" "in-accepted 100"
	sniffed "m$mode"
	cp "$TMP/m$mode.pcap" "$TMP/c.pcap"
	mark
	forge replay "$TMP/c.pcap" eth0 >/dev/null
	if [ $mode = seq ]; then
		grows "replay seq: again" "in-replay 100"
	else
		grows "replay none: again" "in-accepted 100"
	fi
done
tap_done
