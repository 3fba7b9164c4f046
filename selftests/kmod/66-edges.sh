#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Edges: a group's ESP by unicast UDP, where there is no multicast.
#
#	a 10.1.0.1 eth0 ---- eth0 b 10.1.0.2
#
# Each host has a network of the group, a dummy device with 10.9.0.N and fd09::N.
#
# timeout: 600
# stock full: the same code as on the other kernels

. "$(dirname "$0")/edge.sh"
need tcpdump python3
load_mcsec
two_hosts

overlay a 1
overlay b 2
groups a b
sniff b wire

section "a leaf and its relay"

try "keys of tunnel mode are added" keys 4096 a b
try "an edge down is added" ctl a edge add g4 1 local 10.1.0.1:4500 \
	peer 10.1.0.2:4500 down senders 11-14
try "an edge up is added" ctl b edge add g4 1 local 10.1.0.2:4500 \
	peer 10.1.0.1:4500 up
hear b $G4 b4
hear a $G4 a4
say a $G4 count=3 size=0,1,1000 >"$TMP/sent"
try "datagrams arrive by the edge" wait_until 30 has_lines b4 9
is "datagrams from above are as they were sent" "$(got b4)" "$(cat "$TMP/sent")"
is "source, TTL and TOS are those of the sender" \
	"$(tail -n 1 "$TMP/b4" | cut -d' ' -f3-)" "10.9.0.1 8 0"
say b $G4 count=2 tos=184 >"$TMP/sent"
try "a datagram goes up by the edge" wait_until 30 has_lines a4 11
is "datagrams from below are as they were sent" \
	"$(got a4 | tail -n 2)" "$(cat "$TMP/sent")"
is "the class of a datagram is kept" \
	"$(tail -n 1 "$TMP/a4" | cut -d' ' -f3-)" "10.9.0.2 8 184"
is "the relay's counters are exact" "$(counters a out-exempt)" \
	"out-protected 9, in-accepted 11, edge-sent 9"
is "the leaf's counters are exact" "$(counters b out-exempt)" \
	"out-protected 2, in-accepted 11, edge-sent 2"
is "the edge has counted" "$(for w in in-packets in-drops out-packets out-drops
	do edge a g4 1 $w; done | xargs)" "2 0 9 0"
sniffed wire
is "all is UDP of the edge" \
	"$(tcpdump -n -r "$TMP/wire.pcap" 'udp port 4500' 2>/dev/null | wc -l)" 11
is "nothing else of the group is on the wire" \
	"$(tcpdump -n -r "$TMP/wire.pcap" "dst $G4" 2>/dev/null)" ""
is "nothing readable is on the wire" "$(grep -c SECRET "$TMP/wire.pcap")" 0

# A header of IP alone, and one octet behind it, are datagrams, too.
in_ns b python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.9.0.2"))
for n in range(3):
    s.sendto(bytes(n), ("239.1.1.1", 0))'
three() { [ "$(edge a g4 1 in-packets)" = 5 ]; }
try "the shortest datagrams come by the edge" wait_until 30 three
is "the shortest datagrams are accepted" "$(counters a out-exempt)" \
	"out-protected 9, in-accepted 14, edge-sent 9"

section "datagrams that an edge does not take"

ctl b sa flush g4
k=$(new_key 20)
ctl a sa flush g4
sa_add a g4 "$k" spi 4100 dir inout alg aes-gcm-16 mode tunnel sender-id 1-4 select
sa_add b g4 "$k" spi 4100 dir inout alg aes-gcm-16 mode tunnel sender-id 15-18 select
say b $G4 count=3 >/dev/null
try "Sender-IDs that are not the edge's are refused" \
	wait_until 30 counted a edge-sender 3
try "an edge can be given other Sender-IDs" ctl a edge set g4 1 senders 15-20
say b $G4 count=2 >/dev/null
try "the new Sender-IDs are taken" wait_until 30 has_lines a4 13
# From another port, or address, of the same host
try "the edge of b has another port" ctl b edge del g4 1
try "a port of another number is made" ctl b edge add g4 1 \
	local 10.1.0.2:4501 peer 10.1.0.1:4500 up
say b $G4 count=2 >/dev/null
try "a source that is no peer's is refused" \
	wait_until 30 counted a edge-unknown 2
try "the peer of the edge can be changed" ctl a edge set g4 1 peer 10.1.0.2:4501
say b $G4 >/dev/null
try "the new peer is heard" wait_until 30 has_lines a4 14
say a $G4 >/dev/null
try "the new peer hears" wait_until 30 has_lines b4 20
is "the former port of b is closed" \
	"$(in_ns b ss -Hnul 'sport = :4500' | wc -l)" 0
# a keepalive, the marker of IKE, less than an SPI, nothing, and ESP
in_ns b python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("10.1.0.2", 4502))
for data in (b"\xff", bytes(4) + b"IKE", b"abc", b"", b"\0\0\x10\x04" + bytes(60)):
    s.sendto(data, ("10.1.0.1", 4500))'
try "packets of strangers are counted" wait_until 30 counted a edge-unknown 5
is "the relay dropped exactly what it refused" "$(counters a out-exempt)" \
	"out-protected 10, in-accepted 18, edge-sent 10, edge-unknown 5, edge-sender 3"
ctl a edge set g4 1 peer 10.1.0.2:4502
in_ns b python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.1.0.2", 4502))
for data in (b"\xff", bytes(4) + b"IKE", b"abc", b"\0\0\x10\x04" + bytes(20),
             b"\0\0\x10\x05" + bytes(60), b"\0\0\x10\x04\0\0\0\1\0\x0f\0\0\0\0\0\xf0" + bytes(60)):
    s.sendto(data, ("10.1.0.1", 4500))'
try "forged ESP of the peer is refused by its tag" \
	wait_until 30 counted a in-bad-icv 1
is "each packet of the peer is counted by its reason" "$(counters a out-exempt \
	out-protected in-accepted edge-sent edge-unknown edge-sender)" \
	"in-malformed 2, in-no-sa 1, in-bad-icv 1"
is "the edge has counted what it dropped" "$(edge a g4 1 in-drops)" 7

section "the socket of a program"

# The program has one edge, and reads what is not ESP.
cat >"$TMP/owner.py" <<'PY'
import signal
import socket
import sys

sys.path.insert(0, sys.argv[1])
from family import Client, Spec

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.1.0.1", 4600))
c = Client(Spec(sys.argv[2]))
c.do("edge-new", {"group": "g4", "id": 7, "socket": s.fileno(), "dir": 3,
                  "peer": bytes([10, 1, 0, 2]), "peer-port": 4501})
print("there", flush=True)
print(*[s.recv(100).hex() for _ in range(2)], flush=True)
signal.pause()
PY
spec=$(project_file Documentation/netlink/specs/mcsec.yaml)
# in_ns would give the pid of a shell
spawn nsenter "--net=/run/netns/$(ns a)" -- python3 "$TMP/owner.py" \
	"$LIB/kfuzz" "$spec" >"$TMP/owner.out" 2>"$TMP/owner.err"
owner=$!
try "a program hands its socket in" wait_until 30 grep -q there "$TMP/owner.out"
diag "$(cat "$TMP/owner.err")"
try "the edge of b leads to that socket" ctl b edge set g4 1 peer 10.1.0.1:4600
say b $G4 >/dev/null
try "ESP to the socket of a program arrives" wait_until 30 has_lines a4 16
say a $G4 >/dev/null
try "ESP from the socket of a program arrives" wait_until 30 has_lines b4 22
in_ns b python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.1.0.2", 4503))
for data in (b"\xff", bytes(4) + b"IKE"):
    s.sendto(data, ("10.1.0.1", 4600))'
try "keepalives and the non-ESP marker are the program's" \
	wait_until 30 grep -q "^ff 00000000494b45$" "$TMP/owner.out"
kill $owner
gone() { [ "$(ctl a -j edge show g4 | json 'len(j)')" = 1 ]; }
try "the edge ends with the socket" wait_until 30 gone

section "requests that are refused"

no() { # name, pattern, word...
	like "$1" "$(ctl a "${@:3}" 2>&1)" "$2"
}
at() { no "$1" "$2" edge add g4 9 local 10.1.0.1:4600 peer "$3" up; }
at6() { no "$1" "$2" edge add g4 9 local '[::]:4600' peer "$3" up; }
at "an edge to a multicast address" 'multicast' 239.9.9.9:1
at "an edge to no address" 'no address of one host' 0.0.0.0:1
at "an edge to a broadcast" 'no address of one host' 10.1.0.255:1
at "an edge to this host" 'address of this host' 10.1.0.1:1
at "an edge to the loopback" 'address of this host' 127.0.0.9:1
at6 "an edge to a multicast address of IPv6" 'multicast' '[ff02::1]:1'
at6 "an edge to this host by IPv6" 'address of this host' '[fd01::1]:1'
at6 "an edge to a link-local address" 'link-local' '[fe80::1]:1'
at6 "an edge to an IPv4 address in IPv6" 'write it as IPv4' '[::ffff:10.1.0.2]:1'
no "two edges with one peer and socket" 'has this peer' \
	edge add g4 9 local 10.1.0.1:4500 peer 10.1.0.2:4502 up
no "an edge of another group with that peer and socket" 'has this peer' \
	edge add g6 9 local 10.1.0.1:4500 peer 10.1.0.2:4502 up
no "an id that is taken" 'edge of this id' \
	edge add g4 1 local 10.1.0.1:4500 peer 10.1.0.2:4509 up
no "an address that is not this host's" 'no address of this host' \
	edge add g4 9 local 10.1.0.77:4600 peer 10.1.0.2:1 up
no "families that differ" 'same address family' \
	edge add g4 9 local 10.1.0.1:4600 peer '[fd01::2]:1' up
no "senders of an edge that leads up" 'only leads down' \
	edge add g4 9 local 10.1.0.1:4600 peer 10.1.0.2:1 up senders 1
no "an MTU that is too small" '576' \
	edge add g4 9 local 10.1.0.1:4600 peer 10.1.0.2:1 up mtu 500
no "an edge that leads nowhere" 'up or down is missing' \
	edge add g4 9 local 10.1.0.1:4600 peer 10.1.0.2:1
no "an edge of no group" 'no group of this name' \
	edge add g9 9 local 10.1.0.1:4600 peer 10.1.0.2:1 up
no "a change of no edge" 'no edge of this id' edge set g4 9 up
like "an SA of transport mode beside an edge" "$(sa_add a g4 "$KEY128" \
	spi 5000 dir in alg aes-gcm-16 2>&1)" 'need mode tunnel'
like "an SA without replay windows beside an edge" "$(sa_add a g4 "$KEY128" \
	spi 5000 dir in alg aes-gcm-16 mode tunnel replay none 2>&1)" \
	'need replay iv'
like "an SA with windows of sequence numbers beside an edge" "$(sa_add a g4 \
	"$KEY128" spi 5000 dir in alg aes-gcm-16 mode tunnel replay seq 2>&1)" \
	'need replay iv'
ctl a group add gt 239.1.1.9
sa_add a gt "$KEY128" spi 5000 dir in alg aes-gcm-16
no "an edge beside an SA of transport mode" 'need mode tunnel' \
	edge add gt 1 local 10.1.0.1:4600 peer 10.1.0.2:1 up
ctl a sa flush gt
sa_add a gt "$KEY128" spi 5000 dir in alg aes-gcm-16 mode tunnel replay seq
no "an edge beside an SA with windows of sequence numbers" 'need replay iv' \
	edge add gt 1 local 10.1.0.1:4600 peer 10.1.0.2:1 up
spawn in_ns a python3 -c 'import signal, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.1.0.1", 4700))
signal.pause()'
bound() { [ -n "$(in_ns a ss -Hnul 'sport = :4700')" ]; }
try "a program has the port" wait_until 20 bound
no "a port that a program has" 'a program has a socket' \
	edge add g4 9 local 10.1.0.1:4700 peer 10.1.0.2:1 up
is "refused requests have left no edge" \
	"$(for g in g4 g6 gt; do ctl a -j edge show $g | json 'len(j)'; done | xargs)" "1 0 0"
is "refused requests have left no socket" \
	"$(in_ns a ss -Hnul 'sport = :4600' | wc -l)" 0

section "the example of edges.rst"

doc=$(project_file Documentation/edges.rst)
ns_create r l
veth r:eth0 192.0.2.1/24 -- l:eth0 192.0.2.2/24
# namespace, prompt, number of lines
typed() {
	local line n=0

	while read -r line; do
		n=$((n + 1))
		# shellcheck disable=SC2086 # words
		(cd "$TMP" && in_ns "$1" ${line/#mcsecctl/$MCSECCTL}) \
			</dev/null || return 1
	done < <(sed -n "s/^    $2# //p" "$doc")
	[ $n -eq "$3" ]
}
try "the lines of the relay can be typed" typed r relay 8
try "the lines of the leaf can be typed" typed l leaf 7
hear l $G4 l4
hear r $G4 r4
say r $G4 loop=0 >"$TMP/sent"
try "the leaf of the example hears" wait_until 30 has_lines l4 1
say l $G4 loop=0 >>"$TMP/sent"
try "the relay of the example hears" wait_until 30 has_lines r4 1
is "the example delivers datagrams as they were sent" \
	"$(cat <(got l4) <(got r4))" "$(cat "$TMP/sent")"

tap_done
