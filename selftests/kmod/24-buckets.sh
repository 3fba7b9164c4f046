#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Groups and SAs that meet in a bucket of a table: the address and the SPI must
# both be right. Many are there, so that many meet, and each has a key of its
# own, so that a datagram verifies under the right one only.
#
#	a eth0 ---- eth0 b

. "$(dirname "$0")/kmod.sh"
need python3
load_mcsec
two_hosts
many=60		# groups of each family, which have one SPI
spis=40		# SAs of one group
batch() { ctl "$1" batch >/dev/null; }
key() { # name: a file
	new_key 20 >"$TMP/key-$1"
	chmod 600 "$TMP/key-$1"
}
address() { # family, number
	[ "$1" = 4 ] && echo "239.7.$2.1" || echo "ff3e::7:$2"
}
# host, family, dir and more words: "sa add" for each group
sa_each() {
	local n=$1 f=$2 i
	shift 2

	for ((i = 0; i < many; i++)); do
		echo "sa add f$f-$i spi 4096 $* alg aes-gcm-16 key-file $TMP/key-$i"
	done | batch "$n"
}
# what a group's name begins with: SAs of b that have seen one datagram
hits() {
	ctl b sa show | awk -v group="$1" '
		$1 == "sa" { mine = index($2, group) == 1 }
		mine && $1 == "in" && $3 == 1 { n++ }
		END { print n + 0 }'
}
have_hits() { [ "$(hits "$1")" = "$2" ]; }

# addresses on standard input; commands that go in front of each, if any: one
# datagram to each
send_each() {
	in_ns a python3 -c '
import socket, subprocess, sys
for line in sys.stdin:
    to, *first = line.split()
    if first:
        subprocess.run(first, check=True)
    f = socket.AF_INET6 if ":" in to else socket.AF_INET
    s = socket.socket(f, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
    s.sendto(b"one", (to, 5000))
'
}

for ((i = 0; i < many; i++)); do
	key $i
done
for f in 4 6; do
	for n in a b; do
		for ((i = 0; i < many; i++)); do
			echo "group add f$f-$i $(address $f $i)"
		done | batch $n
	done
	try "IPv$f: $many SAs of one SPI to send with" \
		sa_each a $f dir out sender-id $f select
	try "and to receive with" sa_each b $f dir in
	for ((i = 0; i < many; i++)); do
		address $f $i
	done | send_each
	wait_until 20 have_hits f$f- $many
	is "each group's SA has its own datagram" "$(hits f$f-)" $many
done
is "and no other" "$(counters b out-exempt in-exempt)" \
	"in-accepted $((2 * many))"

# ---- many SPIs at one address

# Of neighbours the hash makes neighbours, which never meet.
spi() { echo $((5000 + ($1 * $1 * $1 * 7919 + $1 * $1 * 104729) % 16777213)); }

for ((i = 0; i < spis; i++)); do
	key s$i
done
for f in 4 6; do
	g=f$f-0
	for n in a b; do
		ctl $n sa flush $g
		[ $n = a ] && dir="out sender-id $f" || dir=in
		for ((i = 0; i < spis; i++)); do
			echo "sa add $g spi $(spi $i) dir $dir" \
				"alg aes-gcm-16 key-file $TMP/key-s$i"
		done | batch $n
	done
	for ((i = 0; i < spis; i++)); do
		echo "$(address $f 0) $MCSECCTL sa set $g $(spi $i) select"
	done | send_each
	wait_until 20 have_hits $g $spis
	is "IPv$f: each of $spis SAs of one group has its own datagram" \
		"$(hits $g)" $spis
done
is "and no other" "$(counters b out-exempt in-exempt)" \
	"in-accepted $((2 * many + 2 * spis))"
tap_done
