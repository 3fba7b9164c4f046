#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Gateways protect for hosts that know nothing of it, across a router that
# knows nothing of it either, in both modes and families.
#
#	h -- eth0 g eth1 == eth0 r eth1 == eth1 f eth0 -- k
#
# h sends, k listens; g and f are gateways. g's eth2 leads to another, e.
#
# timeout: 900

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 smcrouted
load_mcsec
ns_create h g r f k e
veth h:eth0 10.11.0.2/24 fd11::2/64 -- g:eth0 10.11.0.1/24 fd11::1/64
veth g:eth1 10.12.0.1/24 fd12::1/64 -- r:eth0 10.12.0.2/24 fd12::2/64
veth r:eth1 10.13.0.2/24 fd13::2/64 -- f:eth1 10.13.0.1/24 fd13::1/64
veth f:eth0 10.14.0.1/24 fd14::1/64 -- k:eth0 10.14.0.2/24 fd14::2/64
veth g:eth2 10.15.0.1/24 fd15::1/64 -- e:eth0 10.15.0.2/24 fd15::2/64
mroute_to h eth0 224.0.0.0/4 ff00::/8
for n in g r f; do
	in_ns $n sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
done
# back to the source, which reverse path checks want to see
for n in g r f k e; do
	in_ns $n sysctl -qw net.ipv4.conf.all.rp_filter=1
done
nip e route add default via 10.15.0.1
nip r route add 10.11.0.0/24 via 10.12.0.1
nip r route add fd11::/64 via fd12::1
nip f route add 10.11.0.0/24 via 10.13.0.2
nip f route add fd11::/64 via fd13::2
nip k route add default via 10.14.0.1
nip k route add default via fd14::1
nip h route add default via 10.11.0.1
nip h route add default via fd11::1

# namespace, from, to...: route both groups
mroutes() {
	local n=$1 from=$2 dir=$TMP/$1
	shift 2

	mkdir -p "$dir"
	{
		for d in $from "$@"; do
			echo "phyint $d enable"
		done
		echo "mroute from $from source 10.11.0.2 group $G4 to $*"
		echo "mroute from $from source fd11::2 group $G6 to $*"
		# datagrams of a stranger on the way
		echo "mroute from $from source 10.12.0.2 group $G4 to $*"
		echo "mroute from $from source 10.13.0.2 group $G4 to $*"
	} >"$dir/conf"
	spawn in_ns "$n" smcrouted -n -N -f "$dir/conf" -u "$dir/sock" \
		-P "$dir/pid" >"$dir/out" 2>&1
}
routed() {
	[ "$(nip "$1" mroute show | grep -c 'State: resolved')" -ge 2 ]
}
mroutes g eth0 eth1 eth2
mroutes r eth0 eth1
mroutes f eth1 eth0
for n in g r f; do
	try "multicast is routed in $n" wait_until 30 routed $n
done
sniff r wire
listen k $G4 k4
listen k $G6 k6
listen e $G4 e4

wire() { sniffed wire || return 1; tcpdump -n -r "$TMP/wire.pcap" "$@" 2>/dev/null; }
field() { tail -n 1 "$TMP/$1" | cut -d' ' -f"$2"; }

send h $G4 >/dev/null
send h $G6 >/dev/null
try "without protection a datagram of IPv4 arrives" wait_until 30 has_lines k4 1
try "without protection a datagram of IPv6 arrives" wait_until 30 has_lines k6 1

section "closed"

for n in g f; do
	ctl $n group add g4 $G4 dev eth1,eth2
	ctl $n group add g6 $G6 dev eth1,eth2
done
send h $G4 >/dev/null
send h $G6 >/dev/null
try "where no gateway is wanted, nothing is routed" \
	wait_until 30 counted g forward-clear 3
for n in g f; do
	ctl $n group flush
	ctl $n group add g4 $G4 dev eth1,eth2 forward
	ctl $n group add g6 $G6 dev eth1,eth2 forward
done
send h $G4 >/dev/null
send h $G6 >/dev/null
try "a gateway without a key routes nothing" wait_until 30 counted g out-no-sa 3
is "nothing of it was on the way" "$(wire udp | wc -l)" 2
is "nothing that was held back arrived" \
	"$(cat "$TMP/k4" "$TMP/k6" "$TMP/e4" | wc -l)" 3

section "both modes"

spi=4096
key() {
	local k

	k=$(new_key 20) spi=$((spi + 1))
	sa_add g "$1" "$k" spi $spi dir out alg aes-gcm-16 sender-id 1-4 \
		mode "$2" select
	sa_add f "$1" "$k" spi $spi dir in alg aes-gcm-16 mode "$2"
	[ "$1" != g4 ] || last=$k
}
n4=1 n6=1
for mode in transport tunnel; do
	key g4 $mode
	key g6 $mode
	send h $G4 count=3 size=0,1,500 ttl=8 tos=184 >"$TMP/want4"
	send h $G6 count=3 size=0,1,500 ttl=8 tos=184 >"$TMP/want6"
	n4=$((n4 + 9)) n6=$((n6 + 9))
	try "$mode: IPv4 arrives" wait_until 30 has_lines k4 $n4
	try "$mode: IPv6 arrives" wait_until 30 has_lines k6 $n6
	is "$mode: as it was sent" "$(got k4 | tail -n 9)" "$(<"$TMP/want4")"
	is "$mode: IPv6 as it was sent" \
		"$(got k6 | tail -n 9)" "$(<"$TMP/want6")"
	is "$mode: the source address is the sender's" \
		"$(field k4 3) $(field k6 3)" \
		"10.11.0.2 fd11::2"
	is "$mode: three routers counted" "$(field k4 4) $(field k6 4)" "5 5"
	is "$mode: the traffic class is kept" "$(field k4 5) $(field k6 5)" \
		"184 184"
done
is "all datagrams are ESP on the way" "$(wire udp | wc -l)" 2
is "each datagram was on the way once" \
	"$(wire esp or 'ip6 proto 50' | wc -l)" 36
is "the ESP has the sender's address and the group's" \
	"$(wire esp and src 10.11.0.2 and dst $G4 | wc -l)" 18
is "the other output has as many datagrams" "$(counter g out-protected)" 72

section "sizes"

send h $G4 size=1472 >/dev/null
n4=$((n4 + 1))
try "a frame that was full arrives in two" wait_until 30 has_lines k4 $n4
send h $G6 size=1452 pmtu=do >/dev/null
mtu_known() { nip h route get $G6 | grep -q 'mtu 1[0-9]*'; }
try "the sender of IPv6 hears what fits" wait_until 30 mtu_known
mtu=$(nip h route get $G6 | sed -n 's/.*mtu \([0-9]*\).*/\1/p')
send h $G6 size=$((mtu - 48)) pmtu=do >/dev/null
n6=$((n6 + 1))
try "a datagram of the announced MTU ($mtu) arrives" \
	wait_until 30 has_lines k6 $n6
is "a datagram of the announced MTU is in one frame" \
	"$(wire 'ip6 proto 44' | wc -l)" 0
send h $G6 size=9000 >/dev/null
n6=$((n6 + 1))
try "larger datagrams arrive in parts" wait_until 30 has_lines k6 $n6

section "arrival"

listen f $G4 f4
send h $G4 >/dev/null
n4=$((n4 + 1))
try "the gateway itself may listen" wait_until 30 has_lines f4 1
try "a gateway that listens routes on" wait_until 30 has_lines k4 $n4
before=$(counter f in-clear)
mroute_to r eth1 224.0.0.0/4
mc r send $G4 $PORT eth1 count=2 >/dev/null
try "clear datagrams from outside are refused" \
	wait_until 30 counted f in-clear $((before + 2))

# a key of the other mode
k=$(new_key 20)
sa_add g g4 "$k" spi 5000 dir out alg aes-gcm-16 sender-id 9-12 mode tunnel \
	select
sa_add f g4 "$k" spi 5000 dir in alg aes-gcm-16 mode transport
send h $G4 >/dev/null
sa_add g g4 "$last" spi 5001 dir out alg aes-gcm-16 sender-id 9-12 \
	mode transport select
sa_add f g4 "$last" spi 5001 dir in alg aes-gcm-16 mode tunnel
send h $G4 >/dev/null
try "ESP of another mode is refused" wait_until 30 counted f in-mode 1
sleep 1
is "nothing refused has arrived" "$(wc -l <"$TMP/k4")" $n4

section "observing"

ctl g sa flush g4
ctl g group set g4 policy observe
ctl f group set g4 policy observe
send h $G4 count=2 >/dev/null
n4=$((n4 + 2))
try "gateways that observe let a datagram through" \
	wait_until 30 has_lines k4 $n4
is "gateways that observe count on the way out" "$(counter g out-observed)" 4
is "gateways that observe count on the way in" "$(counter f in-observed)" 2
is "a router without groups counts nothing" "$(counters r)" ""
ctl r group add g4 $G4 policy observe
send h $G4 count=3 >/dev/null
n4=$((n4 + 3))
try "a router that observes, too, lets a datagram through" \
	wait_until 30 has_lines k4 $n4
is "a router that observes counts both directions" \
	"$(counters r)" "in-observed 3, forward-observed 3"
ctl r group set g4 policy enforce
send h $G4 count=2 >/dev/null
try "a router that enforces refuses" wait_until 30 counted r in-clear 2

tap_done
