#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Datagrams of every size, from none to the largest there can be: fragments
# behind ESP on the way out and reassembled before it on the way in, GSO,
# checksums left to the device, path MTU discovery in each of its modes.
#
#	a eth0 ---- eth0 b
#
# timeout: 600

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 ethtool
load_mcsec
two_hosts
groups a b
for g in g4 g6; do
	key=$(new_key 20)
	sa_add a $g "$key" spi 4096 dir out alg aes-gcm-16 sender-id 1-4 select
	sa_add b $g "$key" spi 4096 dir in alg aes-gcm-16
done
listen b $G4 r4
listen b $G6 r6
sniff b wire

arrive() { # name, receiver, lines
	if wait_until 30 has_lines "$2" "$(($(wc -l <"$TMP/was") + $3))"; then
		is "$1" "$(got "$2" | tail -n "$3")" "$(<"$TMP/now")"
	else
		not_ok "$1" "$(($(wc -l <"$TMP/$2"))) lines," \
			"$(counters a) / $(counters b)"
	fi
}
sends() { # name, family, lines, options
	local name=$1 f=$2 lines=$3 dst=$G4
	shift 3

	[ "$f" = 4 ] || dst=$G6
	cp "$TMP/r$f" "$TMP/was"
	mc a send $dst $PORT eth0 "$@" >"$TMP/now"
	arrive "$name" "r$f" "$lines"
}

section "sizes"

# IPv4: 20 + 16 + (8 + n + 2 rounded up) + 16 = 1500 at n = 1438
sends "IPv4 around the MTU" 4 10 \
	size=1400,1437,1438,1439,1442,1443,1472,1473,1480,2000
sends "IPv6 around the MTU" 6 10 \
	size=1400,1417,1418,1419,1422,1423,1452,1453,1480,2000
# The largest that ESP leaves room for: 65535 - 20 - 32 rounded to 4, less 10;
# IPv6 does not count its header
sends "IPv4, large" 4 4 size=9000,32768,60000,65470
sends "IPv6, large" 6 4 size=9000,32768,60000,65490
sniffed wire
try "fragments were on the wire" sh -c "tcpdump -n -r '$TMP/wire.pcap' \
	'ip[6:2] & 0x1fff != 0' 2>/dev/null | grep -q ."
is "the fragments on the wire are of ESP, none of anything else" \
	"$(tcpdump -n -r "$TMP/wire.pcap" \
	"ip[6:2] & 0x3fff != 0 and not ip proto 50" 2>/dev/null | wc -l)" 0
is "one octet more than the largest does not fit IPv4" \
	"$(send a $G4 size=65471)" EMSGSIZE
is "one octet more than the largest does not fit IPv6" \
	"$(send a $G6 size=65491)" EMSGSIZE
is "datagrams that are too large are counted" "$(counter a out-too-big)" 2

section "path MTU discovery"

is "IPv4: who forbids fragments is told" \
	"$(send a $G4 size=1439 pmtu=do)" EMSGSIZE
is "IPv6: who forbids fragments is told" \
	"$(send a $G6 size=1419 pmtu=do)" EMSGSIZE
is "IPv4: who probes is told, too" "$(send a $G4 size=1439 pmtu=probe)" EMSGSIZE
is "datagrams that exceed the MTU are counted" "$(counter a out-mtu)" 3
sends "IPv4: what just fits goes" 4 1 size=1438 pmtu=do
sends "IPv6: what just fits goes" 6 1 size=1418 pmtu=do
sends "IPv4: who allows fragments may exceed the MTU" \
	4 2 size=1472,3000 pmtu=dont

section "GSO"

before=$(counter a out-protected)
sends "IPv4 GSO: 40 datagrams in one call" 4 40 size=40000 gso=1000
sends "IPv6 GSO, the last one shorter" 6 11 size=10100 gso=1000
sends "GSO of segments that need fragments" 4 4 size=5888 gso=1472
is "each segment was protected by itself" \
	"$(($(counter a out-protected) - before))" 55
is "segments that are too large and not to be fragmented are refused" \
	"$(send a $G4 size=5888 gso=1472 pmtu=do)" EMSGSIZE
sends "segments that fit and are not to be fragmented go" \
	4 4 size=5752 gso=1438 pmtu=do

section "checksums"
# veth leaves checksums to the device by default.

in_ns a ethtool -K eth0 tx off >/dev/null 2>&1
sends "datagrams go without checksum offload" 4 3 size=1,100,5000
in_ns a ethtool -K eth0 tx on sg on >/dev/null 2>&1
sends "datagrams go with checksum offload" 4 3 size=1,100,5000

section "other MTUs"

nip a link set eth0 mtu 9000
nip b link set eth0 mtu 9000
sends "jumbo frames go" 4 3 size=8938,8939,40000
nip a link set eth0 mtu 1280
nip b link set eth0 mtu 1280
sends "datagrams go at IPv6's least MTU" 6 3 size=1198,1199,8000
nip a link set eth0 mtu 576
nip b link set eth0 mtu 576
sends "datagrams go at a small MTU" 4 3 size=514,515,8000

is "nothing was lost on the way" \
	"$(counters b in-accepted in-exempt out-exempt)" ""
is "nothing was lost at the sender" \
	"$(counters a out-protected out-exempt in-exempt)" \
	"out-too-big 2, out-mtu 4"
is "no fragment waits to be completed" "$(in_ns b awk \
	'/^(FRAG|FRAG6):/ { print $3 }' /proc/net/sockstat \
	/proc/net/sockstat6 | tr '\n' ' ')" "0 0 "
tap_done
