#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Programs that ask when a datagram left (SO_TIMESTAMPING; PTP does) are told as
# often as without mcsec: small ones, what is fragmented, batches, in both modes.
#
#	a eth0 ---- eth0 b
#
# timeout: 300

. "$(dirname "$0")/kmod.sh"
need python3
load_mcsec
two_hosts
stamps() { pkt a stamps "$@"; }
kinds=("3 100 0 1500" "2 3000 0 1500" "1 65000 0 1500" "1 5000 1000 1500"
	"2 3000 0 1400")
declare -A clear
for g in $G4 $G6; do
	for what in "${kinds[@]}"; do
		# shellcheck disable=SC2086 # words
		clear[$g$what]=$(stamps $g $what)
	done
done
like "without mcsec each datagram has two" "${clear[${G4}2 3000 0 1500]}" \
	"'left': \[0, 1\], 'queued': \[0, 1\]"
groups a b
listen b $G4 r4
listen b $G6 r6
lines=0
for mode in transport tunnel; do
	for f in 4 6; do
		[ $f = 4 ] && g=$G4 || g=$G6
		key=$(new_key 20)
		[ $mode = tunnel ] && spi=8192 || spi=4096
		sa_add a g$f "$key" spi $spi dir out alg aes-gcm-16 \
			sender-id 1-4 mode $mode select
		sa_add b g$f "$key" spi $spi dir in alg aes-gcm-16 mode $mode
		for what in "${kinds[@]}"; do
			# shellcheck disable=SC2086 # words
			is "IPv$f, $mode, $what: as in the clear" \
				"$(stamps $g $what)" "${clear[$g$what]}"
		done
	done
	lines=$((lines + 13))
	for f in 4 6; do
		wait_until 20 has_lines r$f $lines
		is "IPv$f, $mode: all of it arrives" "$(wc -l <"$TMP/r$f")" $lines
	done
done
is "all datagrams with timestamps are verified" \
	"$(counters b in-exempt out-exempt)" \
	"in-accepted $((2 * lines))"
tap_done
