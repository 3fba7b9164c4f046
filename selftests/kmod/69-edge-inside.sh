#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Datagrams inside of edges: those that IP lets nobody send or take, and where those
# that arrive go.
#
#	h eth0 ---- eth0 a eth1 ---- eth0 b
#
# stock full: the same code as on the other kernels

. "$(dirname "$0")/edge.sh"
need python3 smcrouted tcpdump
load_mcsec
ns_create h a b
veth h:eth0 10.11.0.2/24 fd11::2/64 -- a:eth0 10.11.0.1/24 fd11::1/64
veth a:eth1 10.1.0.1/24 -- b:eth0 10.1.0.2/24
mroute_to h eth0 224.0.0.0/4 ff00::/8
overlay a 1
overlay b 2
nip b route add fd11::/64 dev dummy0
ctl a group add g4 $G4
ctl b group add g4 $G4
ctl a group add g6 $G6 forward dev dummy0
ctl b group add g6 $G6
try "both hosts have keys" keys 4096 a b
for f in 4 6; do
	ctl a edge add g$f 1 local 10.1.0.1:450$f peer 10.1.0.2:450$f down
	ctl b edge add g$f 1 local 10.1.0.2:450$f peer 10.1.0.1:450$f up
done
hear b $G4 b4
hear b $G6 b6

section "datagrams that stay on their host"

went() { edge a "g$1" 1 out-packets; }
say a $G4 loop=0 ttl=1 >/dev/null
say a $G6 loop=0 ttl=1 >/dev/null
try "a TTL of 1 is enough for an edge" wait_until 30 has_lines b4 1
try "a hop limit of 1 is enough for an edge" wait_until 30 has_lines b6 1
say a $G4 loop=0 ttl=0 >/dev/null
say a $G6 loop=0 ttl=0 >/dev/null
is "with a TTL of 0 IPv4 goes by no edge" "$(went 4)" 1
is "with a hop limit of 0 IPv6 goes by no edge" "$(went 6)" 1
near=ff01::9
ctl a group add gn $near
sa_add a gn "$KEY128" spi 4200 dir inout alg aes-gcm-16 mode tunnel \
	sender-id 1-4 select
try "a group of interface-local scope has an edge" ctl a edge add gn 1 \
	local 10.1.0.1:4509 peer 10.1.0.2:4509 down
say a $near loop=0 >/dev/null
is "interface-local scope goes by no edge" "$(counters a out-exempt)" \
	"out-protected 5, edge-sent 2"
ctl a group del gn

section "sources that no datagram may have"

was=$(counter b in-accepted)
for source in fd09::1 ::1 ff02::5 ff3e::7; do
	mc a hdrincl $G6 dummy0 $source
done
try "sources that IPv6 forbids are refused" wait_until 30 counted b in-inner 3
is "a source that IPv6 permits is accepted" "$(counter b in-accepted)" \
	$((was + 1))

section "a gateway's datagrams that do not fit an edge"

mroute a eth0 dummy0 fd11::2 $G6 || not_ok "a routes multicast"
nip h route add default via fd11::1
routed() { mc h send $G6 $PORT eth0 size=1200 "$@"; }
routed first=1 count=3 >"$TMP/sent"
try "datagrams of another host go by the edge" wait_until 30 has_lines b6 4
# A datagram that fits the edge is smaller than senders of IPv6 have to make any.
try "the edge can be made narrow" ctl a edge set g6 1 mtu 1280
routed first=4 count=3 >>"$TMP/sent"
try "datagrams that do not fit go by the edge in pieces" \
	wait_until 30 has_lines b6 7
is "datagrams of another host are as they were sent" "$(got b6 | tail -n 6)" \
	"$(cat "$TMP/sent")"
is "no datagram of another host was dropped" "$(counters a out-exempt)" \
	"out-protected 15, edge-sent 12"
# A datagram that must be sent again in smaller pieces
try "the edge can be made wider" ctl a edge set g6 1 mtu 1400
mc h send $G6 $PORT eth0 size=1340 >/dev/null
try "a datagram larger than the edge is refused" wait_until 30 counted a out-mtu 1
told() { nip h -6 route get $G6 oif eth0 | grep -q 'mtu 13'; }
try "the sender of a refused datagram is told the size" wait_until 30 told
ctl a edge set g6 1 mtu 1500

section "an interface that is a port of a VRF"

nip b link add red type vrf table 100
nip b link set red up
nip b link set dummy0 master red
# on a socket of the VRF, and on one of none, which has joined there as well
cat >"$TMP/joined.py" <<'PY'
import socket
import struct
import sys

group, vrf, at = sys.argv[1:]
v6 = ":" in group
family = socket.AF_INET6 if v6 else socket.AF_INET
addr = socket.inet_pton(family, group)
dev = struct.pack("@I", socket.if_nametoindex("dummy0"))
s = socket.socket(family, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if vrf:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, vrf.encode())
if v6:
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, addr + dev)
else:
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                 addr + bytes(4) + dev)
s.bind((group, 5000))
with open(at, "w", buffering=1, encoding="ascii") as f:
    f.write("ready\n")
    while True:
        f.write("%d\n" % len(s.recv(2000)))
PY
joined() { # group, VRF, name
	spawn in_ns b python3 "$TMP/joined.py" "$1" "$2" "$TMP/$3"
	wait_until 30 has_lines "$3" 1 || not_ok "a receiver for $3"
}
joined $G4 red in4
joined $G4 "" out4
joined $G6 red in6
joined $G6 "" out6
for f in 4 6; do
	ctl b edge del g$f 1
	try "an edge of g$f leads to a port of the VRF" ctl b edge add g$f 1 \
		local 10.1.0.2:450$f peer 10.1.0.1:450$f up dev dummy0
done
say a $G4 count=2 loop=0 >/dev/null
say a $G6 count=2 loop=0 >/dev/null
try "the VRF's socket has IPv4 of an edge" wait_until 30 has_lines in4 3
try "the VRF's socket has IPv6 of an edge" wait_until 30 has_lines in6 3
is "no socket outside of the VRF has any" "$(lines out4 out6)" "1 1"

tap_done
