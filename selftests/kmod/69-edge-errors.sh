#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# ICMP errors that quote a gateway's group which has edges: whatever an edge goes
# by, an error leaves beside it with nothing of the payload, and yet a sender inside
# learns what fits.
#
#	h eth0 ---- eth0 a eth1 ---- eth0 b
#	i eth0 ---- eth3   eth2 ---- eth1
#	                   eth4 ---- eth2
#
# h and i are inside. The group's own interface is dummy0 of a.
#
# stock full: the same code as on the other kernels

. "$(dirname "$0")/edge.sh"
need python3 tcpdump
load_mcsec
ns_create h i a b
veth h:eth0 10.11.0.2/24 fd11::2/64 -- a:eth0 10.11.0.1/24 fd11::1/64
veth i:eth0 10.12.0.2/24 fd12::2/64 -- a:eth3 10.12.0.1/24 fd12::1/64
veth a:eth1 10.1.0.1/24 fd01::1/64 -- b:eth0 10.1.0.2/24 fd01::2/64
veth a:eth2 10.2.0.1/24 fd02::1/64 -- b:eth1 10.2.0.2/24 fd02::2/64
veth a:eth4 -- b:eth2 10.4.0.2/24 fd04::2/64
overlay a 1
in_ns a sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
for n in h i; do
	nip $n route add default via "fd1$([ $n = h ] && echo 1 || echo 2)::1"
	nip $n route add default via "10.1$([ $n = h ] && echo 1 || echo 2).0.1"
done
SNIFF=any sniff b wire
seen() { sniffed wire; grep -aoc "$1" "$TMP/wire.pcap"; }
# all of a batch by one program, which costs more than what it asks for
groups_of() { # interfaces, local, peer: both groups with an edge, or with none
	{
		echo "group add g4 $G4 forward dev $1"
		echo "group add g6 $G6 forward dev $1"
		[ $# = 1 ] || echo "edge add g4 1 local $2:4504 peer $3:4504 down"
		[ $# = 1 ] || echo "edge add g6 1 local $2:4506 peer $3:4506 down"
	} | ctl a batch - >/dev/null
}
groups_gone() { printf 'group del %s\n' g4 g6 | ctl a batch - >/dev/null; }
# sums NAME: how many Packet Too Big messages with a right checksum were captured
sums() {
	sniffed "$1"
	tcpdump -n -vv -r "$TMP/$1.pcap" 'icmp6 and ip6[40] == 2' 2>/dev/null |
		grep -c 'icmp6 sum ok'
}
counts_big() { [ "$(sums "$1")" = "$2" ]; }

section "devices that edges go by"

ipip_up() { nip a link add t0 type ipip local 10.1.0.1 remote 10.1.0.2; }
gre_up() { nip a link add t0 type gre local 10.1.0.1 remote 10.1.0.2; }
vlan_up() { nip a link add link eth1 name t0 type vlan id 5; }
vxlan_up() {
	nip a link add t0 type vxlan id 5 local 10.1.0.1 remote 10.1.0.2 \
		dstport 4789
}
bond_up() {
	nip a link add t0 type bond mode active-backup &&
		nip a link set eth4 down && nip a link set eth4 master t0
}
over() { # kind: a device over eth1 that an edge goes by
	"$1_up" && nip a link set t0 up && nip a addr add 10.77.0.1/24 dev t0
}
quoted=0 big=0
# beside NAME ADDRESS4 ADDRESS6: errors by the interfaces of these stop, and a Packet
# Too Big has no payload.
beside() {
	quoted=$((quoted + 2)) big=$((big + 1))
	pkt h quote clear $G4 "$2" "$2" "$1-FOUR-"
	pkt h quote clear $G6 "$3" "$3" "$1-SIX-" 1
	pkt h quote clear $G6 "$3" "$3" "$1-BIG-"
	try "$1: both errors are stopped" \
		wait_until 30 counted a out-quoted $quoted
	try "$1: a Packet Too Big leaves" wait_until 30 counts_big wire $big
	is "$1: nothing of what was quoted is in the clear" "$(seen "$1-")" 0
}
nip a route add fd99::/64 nexthop via fd01::2 nexthop via fd02::2
for kind in direct vlan bond ipip gre vxlan uplink ecmp noroute; do
	local=10.1.0.1 peer=10.1.0.2 at4=10.1.0.2 at6=fd01::2
	case $kind in
	direct) ;;
	uplink) local=10.2.0.1 peer=10.2.0.2 ;;
	noroute) peer=10.99.0.2 ;;
	ecmp) local='[fd01::1]' peer='[fd99::2]' ;;
	*)
		local=10.77.0.1 peer=10.77.0.2
		over $kind || {
			skip "$kind: errors" "the kernel lacks it"
			continue
		}
		;;
	esac
	if [ $kind = bond ]; then
		nip a addr add 10.4.0.1/24 dev t0
		nip a addr add fd04::1/64 dev t0 nodad
		at4=10.4.0.2 at6=fd04::2
	fi
	try "$kind: a gateway's groups have an edge" groups_of dummy0 "$local" "$peer"
	beside $kind $at4 $at6
	[ $kind != ecmp ] || beside ecmp-other 10.2.0.2 fd02::2
	groups_gone
	nip a link del t0 2>/dev/null
done
is "nothing else was dropped" "$(counters a)" "out-quoted $quoted"

section "the rest of a quote"

# i tells h, by the gateway, what fits a link of its own.
try "both groups have an edge" groups_of dummy0 10.1.0.1 10.1.0.2
SNIFF=eth0 sniff h inside
# newest: the newest such message to h in hex, from the length of IPv6 on, without the
# checksum
newest() {
	sniffed inside
	tcpdump -n -x -r "$TMP/inside.pcap" 'icmp6 and ip6[40] == 2' 2>/dev/null |
		awk '!/^\t/ { l = ""; next } { $1 = ""; gsub(" ", ""); l = l $0 }
			END { print substr(l, 9, 76) substr(l, 89) }'
}
# short NEXT PLEN PORTS: that which quotes header and ports alone
short() {
	python3 - "$@" $G6 <<'PY'
import ipaddress
import sys

proto, plen, ports, group = sys.argv[1:]


def addr(text):
    return ipaddress.ip_address(text).packed.hex()


print("00383a3f" + addr("fd12::2") + addr("fd11::2") + "0200" + "00000500" +
      "60000000%04x%02x08" % (int(plen), int(proto)) + addr("fd11::2") +
      addr(group) + ports + "00000000")
PY
}
told=0
# tells KIND TEXT NEXT PLEN PORTS
tells() {
	told=$((told + 1))
	pkt i quote "$1" $G6 fd11::2 fd11::2 "$2"
	try "$1: a Packet Too Big reaches the inside" \
		wait_until 30 counts_big inside $told
	is "$1: header and ports are left of the datagram" "$(newest)" \
		"$(short "$3" "$4" "$5")"
}
# the sender that the error is about
cat >"$TMP/sender.py" <<'PY'
import socket
import sys
import time

s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 4000))
with open(sys.argv[1], "w", encoding="ascii") as f:
    f.write("ready\n")
time.sleep(100000)
PY
spawn in_ns h python3 "$TMP/sender.py" "$TMP/sender"
try "h has a sender" wait_until 30 has_lines sender 1
fits() { nip h -6 route get $G6 from fd11::2 oif eth0 | grep -o 'mtu 1280'; }
is "h knows of no limit" "$(fits)" ""
tells clear QUOTE-CLEAR- 17 $((8 + 12 * 12)) 0fa01388
try "the sender inside learns what fits" wait_until 30 fits
tells option QUOTE-OPTION- 17 $((24 + 8 + 12 * 13)) 0fa01388
tells first QUOTE-FIRST- 17 $((8 + 8 + 12 * 12)) 0fa01388
# stopped NAME NAMESPACE WORD...: an error does not leave
stopped() {
	local name=$1 n=$2
	shift 2

	quoted=$((quoted + 1))
	pkt "$n" quote "$@"
	try "$name is stopped" wait_until 30 counted a out-quoted $quoted
}
stopped "an error about a later fragment" i later $G6 fd11::2 fd11::2 QUOTE-LATER-
stopped "an error with a wrong checksum" i damaged $G6 fd11::2 fd11::2 QUOTE-SUM-
stopped "an error that quotes a header alone" i empty $G6 fd11::2 fd11::2 QUOTE-
is "nothing of the payload is on the wire inside" \
	"$(grep -ao QUOTE- "$TMP/inside.pcap" | wc -l)" 0

section "groups beside one with edges"

try "a wider group is protected on the interface" \
	ctl a group add wide ff3e::1:0/112 forward dev eth1
stopped "a Packet Too Big about the wider group" h clear $G6 fd01::2 fd01::2 OTHER-
ctl a group set g6 policy observe
stopped "a Packet Too Big while the group with edges observes" h clear $G6 fd01::2 \
	fd01::2 OTHER-
ctl a group del wide
is "nothing of both left" "$(seen OTHER-)" 0
whole() { [ "$(seen "$1")" = 1 ]; }
pkt h quote clear $G6 fd01::2 fd01::2 OBSERVED- 1
try "an error about a group that observes leaves" wait_until 30 whole OBSERVED-
ctl a group set g6 policy enforce
pkt h quote clear ff3e::2 fd01::2 fd01::2 OTHERS- 1
try "an error about a datagram of no group leaves" wait_until 30 whole OTHERS-
try "the group has no edge any more" ctl a edge del g6 1
stopped "an error about what may have come by an edge" h clear $G6 fd01::2 \
	fd01::2 AFTER- 1
is "nothing of it left" "$(seen AFTER-)" 0
groups_gone
try "groups that name the interface have an edge" \
	groups_of dummy0,eth1 10.1.0.1 10.1.0.2
stopped "a Packet Too Big by an interface that the group names" h clear $G6 \
	fd01::2 fd01::2 NAMED-
is "nothing leaves by an interface that the group names" "$(seen NAMED-)" 0
groups_gone
try "groups that never had an edge" groups_of dummy0
pkt h quote clear $G6 fd01::2 fd01::2 NEVER- 1
try "an error about a group that never had an edge leaves to the inside" \
	wait_until 30 whole NEVER-
is "only these errors were dropped" "$(counter a out-quoted)" $quoted

tap_done
