#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A cipher that answers later and refuses what does not fit its queue: cryptd with
# a queue of one. A datagram that is refused is dropped and counted, and those
# behind it arrive as they were sent.
#
#	a eth0 ---- eth0 b
#
# uml only: Debian's kernels test ciphers behind such a queue, which fails, and warn
# append: cryptd.cryptd_max_cpu_qlen=1

. "$(dirname "$0")/kmod.sh"
need python3
load_mcsec
two_hosts
make_async cryptd 'rfc7539(chacha20,poly1305)'

groups a b
key=$(new_key 36)
sa_add a g4 "$key" spi 4096 dir out alg chacha20-poly1305 sender-id 1-4 select
sa_add b g4 "$key" spi 4096 dir in alg chacha20-poly1305
listen b $G4 r4
# the datagrams that were protected or refused
handled() { echo $(($(counter a out-protected) + $(counter a out-crypto-busy))); }
handled_are() { [ "$(handled)" = "$1" ]; }

send a $G4 size=100 >/dev/null
try "a single datagram arrives" wait_until 30 has_lines r4 1

for i in 1 2 3 4 5; do
	section "batch $i"
	before=$(counter a out-crypto-busy)
	send a $G4 size=40000 gso=1000 >/dev/null
	try "each part is protected or counted" \
		wait_until 30 handled_are $((41 * i))
	unlike "the queue was full" "$(counter a out-crypto-busy)" "^$before\$"
	lines=$(wc -l <"$TMP/r4")
	send a $G4 size=100 >"$TMP/one"
	try "the next datagram arrives" \
		wait_until 30 has_lines r4 $((lines + 1))
	is "the next datagram is as it was sent" \
		"$(got r4 | tail -n 1)" "$(cut -d' ' -f1,2 "$TMP/one")"
done
section "all"
is "nothing that arrived was altered" "$(counter b in-bad-icv)" 0
is "each datagram that was protected was accepted" \
	"$(counter b in-accepted)" "$(counter a out-protected)"
tap_done
