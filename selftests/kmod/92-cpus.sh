#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The IVs of two CPUs that send at the same moment: with a Sender-ID for each, and
# with one for both. 31-life.sh has all that one CPU is enough for.
#
#	a eth0 ---- eth0 b
#
# cpus: 2

. "$(dirname "$0")/kmod.sh"
need tcpdump taskset
load_mcsec
two_hosts
groups a b
listen b $G4 r
sniff b wire esp

cpus=$(nproc)
[ "$cpus" -ge 2 ] || { echo "1..0 # SKIP one CPU"; exit 4; }
spi=4096
sender_ids() { # words for the SA of a
	local key

	spi=$((spi + 1)) key=$(new_key 20)
	sa_add b g4 "$key" spi $spi dir in alg aes-gcm-16 window 1024
	sa_add a g4 "$key" spi $spi dir out alg aes-gcm-16 select "$@"
}
both_send() { # name, datagrams that arrived by then
	local i

	for i in 0 1; do
		spawn in_ns a "$MC" send $G4 $PORT eth0 count=300 cpu=$i \
			>"$TMP/cpu$i"
		pids[i]=$!
	done
	wait "${pids[@]}"
	wait_until 20 has_lines r "$2"
	is "$1" "$(wc -l <"$TMP/r")" "$2"
}

section "a Sender-ID for each CPU"

sender_ids sender-id 1-$cpus
both_send "all 600 datagrams arrive" 600
is "two senders are known" "$(sa_word b g4 $spi senders)" 2
ctl a sa flush g4

section "one Sender-ID for two CPUs"

sender_ids sender-id 9
both_send "all 600 datagrams arrive" 1200
is "one sender is known" "$(sa_word b g4 $spi senders)" 1

section "on the wire"

wait_until 20 captured wire 1200
is "1200 IVs, none twice" "$(tcpdump -n -x -r "$TMP/wire.pcap" 2>/dev/null |
	awk '/0x0010:/ { spi = $4 $5 } /0x0020:/ { print spi, last, $2, $3 }
		{ last = $8 $9 }' | sort -u | wc -l)" 1200
is "no datagram was refused at b" \
	"$(counters b in-accepted in-expired in-exempt out-exempt)" ""
tap_done
