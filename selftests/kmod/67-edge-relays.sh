#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Four relays in a ring, a leaf of one of them, and two leaves behind NAT. Each
# datagram arrives once, and what arrives twice is counted.
#
#	a eth1 ---- eth0 b		l eth0 ---- eth2 a eth3 ---- eth0 n
#	eth0        eth1		n eth1 ---- eth0 e
#	 |           |			n eth2 ---- eth0 f
#	eth1        eth0
#	d eth0 ---- eth1 c
#
# timeout: 900
# stock full: the same code as on the other kernels

. "$(dirname "$0")/edge.sh"
need tcpdump python3 nft
load_mcsec
ring="a b c d"
ns_create $ring l n e f
link() { # namespace, device, number, namespace, device
	veth "$1:$2" "10.1.$3.1/24" "fd01:$3::1/64" -- \
		"$4:$5" "10.1.$3.2/24" "fd01:$3::2/64"
}
link a eth1 1 b eth0
link b eth1 2 c eth0
link c eth1 3 d eth0
link d eth1 4 a eth0
link a eth2 5 l eth0
link a eth3 6 n eth0
link n eth1 7 e eth0
link n eth2 8 f eth0
at=0
for n in $ring l e f; do
	at=$((at + 1))
	overlay $n $at
done
# shellcheck disable=SC2086 # names
groups $ring l e f
# shellcheck disable=SC2086
try "all hosts have the keys" keys 4096 $ring l e f
equal() { # number of the link, namespaces of its ends
	ctl "$2" edge add g4 "$1" local "10.1.$1.1:4500" peer "10.1.$1.2:4500" \
		up down &&
		ctl "$3" edge add g4 "$1" local "10.1.$1.2:4500" \
			peer "10.1.$1.1:4500" up down
}
try "an edge of the ring" equal 1 a b
try "a second edge of the ring" equal 2 b c
try "a third edge of the ring" equal 3 c d
try "a fourth edge of the ring" equal 4 d a
try "an edge to a leaf" ctl a edge add g4 5 local 10.1.5.1:4500 \
	peer 10.1.5.2:4500 down senders 41-44
try "the leaf's edge" ctl l edge add g4 5 local 10.1.5.2:4500 \
	peer 10.1.5.1:4500 up
for n in $ring l; do
	hear $n $G4 r$n
done

section "a ring"

say a $G4 count=100 loop=0 >"$TMP/sent"
all() { has_lines rb 100 && has_lines rc 100 && has_lines rd 100 && has_lines rl 100; }
try "every datagram arrives at every host" wait_until 60 all
# Each of the four sends a datagram by each edge but that where it came from first:
# 2 + 1 + 1 + 1 copies, of which three are the first; the leaf has its own.
twice() { [ "$(summed in-replay $ring)" -ge 200 ]; }
try "copies that are one too many arrive" wait_until 60 twice
is "every datagram arrives once" "$(lines ra rb rc rd rl)" "0 100 100 100 100"
is "datagrams arrive as they were sent" "$(got rc)" "$(cat "$TMP/sent")"
is "exactly the copies that are one too many are replays" \
	"$(summed in-replay $ring)" 200
is "the sender has sent one for each edge" "$(counter a edge-sent)" 300
is "each relay has sent on what was new" \
	"$(summed edge-relayed $ring)" 300
is "the relays have accepted each datagram once" \
	"$(for n in $ring l; do counter $n in-accepted; done | xargs)" \
	"0 100 100 100 100"
is "nothing else was dropped" "$(for n in $ring l; do
	counters $n out-protected out-exempt in-accepted in-replay edge-sent \
		edge-relayed
done)" ""
say l $G4 count=10 loop=0 >"$TMP/sent"
from_leaf() { has_lines ra 10 && has_lines rb 110 && has_lines rc 110 && has_lines rd 110; }
try "datagrams of the leaf arrive everywhere" wait_until 60 from_leaf
is "datagrams of the leaf arrive once" "$(lines ra rb rc rd rl)" \
	"10 110 110 110 100"
is "datagrams of the leaf do not come back to it" "$(counter l in-replay)" 0

section "a relay is killed under a stream"

ends_as() { [ "$(got "$1" | tail -n 1)" = "$(tail -n 1 "$2")" ]; }

for dead in b c d; do
	alive=$(echo b c d | tr ' ' '\n' | grep -v $dead)
	# shellcheck disable=SC2086
	set -- $alive
	had=$(lines "r$1")
	say a $G4 count=100 pace=0.01 loop=0 first=1000 >"$TMP/sent-$dead" &
	sender=$!
	try "the stream is on its way before $dead is killed" \
		wait_until 60 has_lines "r$1" $((had + 10))
	nip $dead link set eth0 down
	nip $dead link set eth1 down
	wait $sender
	for n in $alive; do
		try "$n has the last of the stream without $dead" wait_until 60 \
			ends_as r$n "$TMP/sent-$dead"
		is "$n has the whole stream once without $dead" \
			"$(got r$n | tail -n 100)" "$(cat "$TMP/sent-$dead")"
	done
	nip $dead link set eth0 up
	nip $dead link set eth1 up
	wait_until 20 ns_up $dead eth0
	wait_until 20 ns_up $dead eth1
done

tap_done
