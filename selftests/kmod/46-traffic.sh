#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Everything that real traffic does, in both modes and families: options and
# extension headers, traffic classes, path MTUs, devices with little room,
# batches in both directions, other protocols' tunnels over a group.
#
#	a eth0 ---- eth0 r eth1 ---- eth0 b
#
# r routes multicast: first it knows nothing of mcsec, then it is a gateway.
#
# debug full: most of it is the work of daemons that the debug kernel makes slow
# timeout: 900

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 nft ethtool smcrouted
load_mcsec
ns_create a r b
veth a:eth0 10.1.0.1/24 fd01::1/64 -- r:eth0 10.1.0.2/24 fd01::2/64
veth r:eth1 10.2.0.1/24 fd02::1/64 -- b:eth0 10.2.0.2/24 fd02::2/64
for n in a b; do
	mroute_to $n eth0 224.0.0.0/4 ff00::/8
done
in_ns r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
nip a route add default via 10.1.0.2
nip a route add default via fd01::2
nip b route add default via 10.2.0.1
nip b route add default via fd02::1
M4=239.1.1.2
# record route, as long as options can be
all=072704$(printf '%074d' 0)
{
	echo "phyint eth0 enable"
	echo "phyint eth1 enable"
	for g in $G4 $M4; do
		echo "mroute from eth0 source 10.1.0.1 group $g to eth1"
	done
	echo "mroute from eth0 source fd01::1 group $G6 to eth1"
} >"$TMP/conf"
spawn in_ns r smcrouted -n -N -f "$TMP/conf" -u "$TMP/sock" -P "$TMP/pid" \
	>"$TMP/smc" 2>&1
routed() {
	[ "$(nip r mroute show | grep -c 'State: resolved')" -ge 2 ] &&
		nip r -6 mroute show | grep -q 'State: resolved'
}
try "r routes multicast" wait_until 30 routed
listen b $G4 r4
listen b $G6 r6
listen b $M4 m4
# all that arrives is cloned
sniff b wire

# A batch that was merged may come behind the fragments that came with it.
check_received() { # name, family, lines, options
	local name=$1 f=$2 lines=$3 dst=$G4 was order=${order:-cat}
	shift 3

	[ "$f" = 4 ] || dst=$G6
	was=$(wc -l <"$TMP/r$f")
	mc a send $dst $PORT eth0 "$@" >"$TMP/now"
	if wait_until 15 has_lines "r$f" $((was + lines)); then
		is "$name" "$(got "r$f" | tail -n "$lines" | $order)" \
			"$($order "$TMP/now")"
	else
		not_ok "$name" "$(($(wc -l <"$TMP/r$f") - was)) of $lines;" \
			"a: $(counters a)" "r: $(counters r)" "b: $(counters b)" \
			"said: $(head -n 3 "$TMP/now")"
	fi
}
report_of() { # family, options: what the sender is told
	local dst=$G4

	[ "$1" = 4 ] || dst=$G6
	shift
	mc a send $dst $PORT eth0 pmtu=do recverr=1 "$@"
}
class_of() { tail -n 1 "$TMP/r$1" | cut -d' ' -f5; }
spi=4096
add_keys() { # sender, mode
	local g key

	for g in g4 g6 m4; do
		spi=$((spi + 1)) key=$(new_key 20)
		sa_add "$1" $g "$key" spi $spi dir inout alg aes-gcm-16 \
			sender-id 1-4 mode "$2" select
		sa_add b $g "$key" spi $spi dir in alg aes-gcm-16 mode "$2"
	done
}
mtu() {
	nip a link set eth0 mtu "$1"
	nip r link set eth0 mtu "$1"
	nip r link set eth1 mtu "$1"
	nip b link set eth0 mtu "$1"
}
# mode, family, MTU: what the sender of a large one is told fits, and does
check_reported_mtu() {
	local m=$1 f=$2 mtu=$3 head=28 n

	[ "$f" = 4 ] || head=48
	n=$(report_of "$f" size=$((mtu - head)))
	like "$m, IPv$f, MTU $mtu: the sender is told what fits" "$n" \
		'^EMSGSIZE mtu [0-9]+$'
	n=${n##* }
	check_received "$m, IPv$f, MTU $mtu: $n does" "$f" 1 size=$((n - head)) pmtu=do
	is "$m, IPv$f, MTU $mtu: one more does not" \
		"$(report_of "$f" size=$((n - head + 1)))" "EMSGSIZE mtu $n"
}

for n in a b; do
	groups $n
	ctl $n group add m4 $M4
done

for mode in transport tunnel; do
	add_keys a $mode

	# ---- options and extension headers

	check_received "$mode: router alert" 4 2 ipopt=94040000 size=0,100
	check_received "$mode: record route" 4 2 ipopt=070b04000000000000000000 \
		count=2 size=100
	check_received "$mode: IPv4 options, in fragments" 4 1 \
		ipopt=070b04000000000000000000 size=5000
	check_received "$mode: all the options there can be" 4 2 size=10,3000 \
		ipopt=$all
	check_received "$mode: destination options" 6 2 dst=0000010400000000 size=0,100
	check_received "$mode: destination options, in fragments" 6 1 \
		dst=0000010400000000 size=5000
	if [ $mode = transport ]; then
		check_received "$mode: hop-by-hop options" 6 2 hop=0000010400000000 \
			size=0,100
		check_received "$mode: both, in fragments" 6 1 hop=0000010400000000 \
			dst=0000010400000000 size=5000
	else
		is "$mode: hop-by-hop options inside are refused" \
			"$(send a $G6 hop=0000010400000000)" EPERM
	fi

	# ---- nothing at all, and several groups in turn

	check_received "$mode: no octets" 4 2 size=0 count=2
	check_received "$mode: no octets, IPv6" 6 2 size=0 count=2
	x4=$(wc -l <"$TMP/r4") y4=$(wc -l <"$TMP/m4")
	mc a send $G4,$M4 $PORT eth0 count=6 >"$TMP/now"
	wait_until 15 has_lines r4 $((x4 + 3))
	wait_until 15 has_lines m4 $((y4 + 3))
	is "$mode: two groups on one socket" \
		"$({ got r4 | tail -n 3; got m4 | tail -n 3; } | sort)" \
		"$(sort "$TMP/now")"

	# ---- traffic classes, and what a router marks

	check_received "$mode: a traffic class" 4 1 tos=184
	check_received "$mode: a traffic class of IPv6" 6 1 tos=184
	is "$mode: the traffic class arrives" "$(class_of 4) $(class_of 6)" "184 184"
	in_ns r nft -f - <<'NFT'
table inet m {
	chain post {
		type filter hook postrouting priority 0
		ip protocol esp ip ecn set ce
		ip6 nexthdr esp @nh,0,16 set 0x6bb0
	}
}
NFT
	# Not by IP_TOS: newer kernels keep these bits of IPv4 to themselves. Nor
	# does their nft write one octet of IPv6's header (ip6 ecn set).
	in_ns a nft -f - <<NFT
table inet ect {
	chain out {
		type filter hook output priority 0
		ip daddr $G4 ip ecn set ect0
	}
}
NFT
	check_received "$mode: congestion on the way" 4 1 tos=184
	check_received "$mode: congestion on the way of IPv6" 6 1 tos=186
	is "$mode: congestion reaches the receiver" "$(class_of 4) $(class_of 6)" "187 187"
	in_ns a nft delete table inet ect
	if [ $mode = tunnel ]; then
		before=$(counter b in-inner)
		send a $G4 tos=184 >/dev/null
		send a $G6 tos=184 >/dev/null
		try "$mode: congestion of who does not know of it is a loss" \
			wait_until 15 counted b in-inner $((before + 2))
	fi
	in_ns r nft delete table inet m

	# ---- sockets of the sender's own host

	listen a $G4 l4$mode
	listen a $G6 l6$mode
	mc a send $G4 $PORT eth0 size=1,1400,5000 >"$TMP/now"
	mc a send $G6 $PORT eth0 size=1,1400,5000 >>"$TMP/now"
	wait_until 15 has_lines l4$mode 3
	wait_until 15 has_lines l6$mode 3
	is "$mode: the sender's own host hears it" \
		"$(got l4$mode; got l6$mode)" "$(<"$TMP/now")"

	# ---- batches, and checksums that are left to the device

	check_received "$mode: GSO" 4 20 size=20000 gso=1000
	check_received "$mode: GSO, IPv6" 6 20 size=20000 gso=1000
	in_ns a ethtool -K eth0 tx off >/dev/null 2>&1
	check_received "$mode: checksums by software" 4 3 size=1,100,5000
	check_received "$mode: checksums of IPv6 by software" 6 3 size=1,100,5000
	in_ns a ethtool -K eth0 tx on sg on >/dev/null 2>&1
	check_received "$mode: checksums by the device" 4 3 size=1,100,5000
	check_received "$mode: checksums of IPv6 by the device" 6 3 size=1,100,5000
	in_ns b ethtool -K eth0 gro on >/dev/null 2>&1
	check_received "$mode: GRO at the receiver" 4 20 size=20000 gso=1000
	in_ns b ethtool -K eth0 gro off >/dev/null 2>&1

	# ---- path MTUs

	for m in 1500 1280 9000 65535; do
		mtu $m
		check_reported_mtu $mode 4 $m
		check_reported_mtu $mode 6 $m
	done
	mtu 1500
done
is "no fragment waits to be completed" "$(in_ns b awk \
	'/^(FRAG|FRAG6):/ { print $3 }' /proc/net/sockstat \
	/proc/net/sockstat6 | tr '\n' ' ')" "0 0 "

section "the least MTU"
# IPv6 is gone at that MTU, so this is on a cable of its own.

veth a:eth4 10.4.0.1/24 b:eth4 10.4.0.2/24
in_ns b "$MC" recv $G4 $PORT eth4 "$TMP/s4.ready" "$TMP/s4" &
lib_pids+=($!)
wait_until 30 test -e "$TMP/s4.ready"
nip a link set eth4 mtu 68
nip b link set eth4 mtu 68
small() { mc a send $G4 $PORT eth4 "$@"; }
n=0
for mode in transport tunnel; do
	add_keys a $mode
	small size=0,7,100,1000 >"$TMP/now"
	n=$((n + 4))
	wait_until 15 has_lines s4 $n
	is "$mode, MTU 68: arrives" "$(got s4 | tail -n 4)" "$(<"$TMP/now")"
done
add_keys a transport
is "transport, MTU 68: the sender is told what fits" \
	"$(small size=7 pmtu=do recverr=1)" "EMSGSIZE mtu 34"
small size=6 pmtu=do >"$TMP/now"
n=$((n + 1))
wait_until 15 has_lines s4 $n
is "transport, MTU 68: what fits arrives" \
	"$(got s4 | tail -n 1)" "$(<"$TMP/now")"
like "transport, MTU 68: with all options nothing fits, which is told" \
	"$(small size=0 pmtu=do recverr=1 ipopt=$all)" 'EMSGSIZE mtu [0-9]{1,2}$'
add_keys a tunnel
like "tunnel, MTU 68: nothing fits, which is told" \
	"$(small size=0 pmtu=do recverr=1)" 'EMSGSIZE mtu [0-9]{1,2}$'

section "devices with headers of their own"

if nip a link add gre1 type gre local 10.4.0.1 remote 10.4.0.2 2>/dev/null &&
	nip b link add gre1 type gre local 10.4.0.2 remote 10.4.0.1; then
	nip a link set eth4 mtu 1500
	nip b link set eth4 mtu 1500
	for n in a b; do
		nip $n link set gre1 up
	done
	nip a addr add 10.7.0.1/24 dev gre1
	nip b addr add 10.7.0.2/24 dev gre1
	spawn in_ns b "$MC" recv $G4 $PORT gre1 "$TMP/g4.ready" "$TMP/g4"
	wait_until 30 test -e "$TMP/g4.ready"
	n=0
	for mode in transport tunnel; do
		add_keys a $mode
		mc a send $G4 $PORT gre1 size=0,1,1400,3000 \
			>"$TMP/now"
		n=$((n + 4))
		wait_until 15 has_lines g4 $n
		is "$mode: through GRE" "$(got g4 | tail -n 4)" \
			"$(<"$TMP/now")"
	done
else
	skip "through GRE" "the kernel lacks it"
fi

section "tunnels whose carrier is the group"

if nip a link add vx type vxlan id 7 group $M4 dev eth4 dstport 4789 \
	2>/dev/null; then
	nip b link add vx type vxlan id 7 group $M4 dev eth4 dstport 4789
	nip a link set eth4 mtu 1500
	nip b link set eth4 mtu 1500
	# unicast to a learned address would not be the group's
	for n in a b; do
		nip $n link set vx type vxlan nolearning 2>/dev/null
		nip $n link set vx mtu 1400
		nip $n link set vx up
		in_ns $n ethtool -K eth4 gro on >/dev/null 2>&1
	done
	nip a addr add 10.8.0.1/24 dev vx
	nip b addr add 10.8.0.2/24 dev vx
	spi=$((spi + 1)) key=$(new_key 20)
	# a node that has the SA sends at once, and a counts what it does not
	# know
	for n in b a; do
		[ $n = a ] && sid=11-14 || sid=15-18
		sa_add $n m4 "$key" spi $spi dir inout alg aes-gcm-16 \
			sender-id $sid mode tunnel select
	done
	cat >"$TMP/tcp.py" <<'PY'
import hashlib, socket, sys
data = bytes(i * 7 & 255 for i in range(400000))
if sys.argv[1] == "in":
    s = socket.create_server(("10.8.0.2", 7777))
    open(sys.argv[2], "w").close()
    c, _ = s.accept()
    got = b""
    while part := c.recv(1 << 16):
        got += part
    print(got == data, flush=True)
else:
    s = socket.create_connection(("10.8.0.2", 7777), 20)
    s.sendall(data)
PY
	spawn in_ns b python3 "$TMP/tcp.py" in "$TMP/tcp.ready" >"$TMP/tcp"
	wait_until 20 test -e "$TMP/tcp.ready"
	before=$(counter b in-accepted)
	in_ns a python3 "$TMP/tcp.py" out
	wait_until 20 grep -q . "$TMP/tcp"
	is "TCP in VXLAN in the group arrives whole" "$(<"$TMP/tcp")" True
	try "TCP in VXLAN in the group goes by way of ESP" \
		test "$(counter b in-accepted)" -gt $((before + 100))
	nip a link del vx
	nip b link del vx
else
	skip "TCP in VXLAN in the group" "the kernel lacks VXLAN"
fi

section "batches at a gateway"

ctl a group flush
for g in g4:$G4 g6:$G6 m4:$M4; do
	ctl r group add ${g%%:*} "${g#*:}" dev eth1 forward
done
in_ns r ethtool -K eth0 gro on >/dev/null 2>&1
# how many packets a batch has become when it comes to r's hooks
in_ns r nft -f - <<NFT
table ip t {
	counter batch { }
	chain pre {
		type filter hook prerouting priority -450
		ip daddr $G4 udp dport $PORT counter name batch
	}
}
NFT
batch() {
	in_ns r nft reset counter ip t batch |
		sed -n 's/.*packets \([0-9]*\).*/\1/p'
}
for mode in transport tunnel; do
	add_keys r $mode
	for how in "off off" "on off" "off on"; do
		try "$mode: the receiver merges: $how" in_ns r ethtool -K eth0 \
			rx-udp-gro-forwarding "${how% *}" \
			rx-gro-list "${how#* }"
		# how they came makes no difference to the mode
		for tx in on off; do
			[ $mode$tx != tunneloff ] || continue
			in_ns a ethtool -K eth0 tx-udp-segmentation $tx \
				>/dev/null 2>&1
			is=$mode,\ $how,\ $tx
			before=$(counter r out-protected)
			batch >/dev/null
			check_received "gateway, $is: a batch" 4 30 size=30000 gso=1000
			n=$(batch)
			case $tx,$how in
			on,*) is "gateway, $is: came as one" $n 1 ;;
			*off\ off) is "gateway, $is: came as 30" $n 30 ;;
			*) try "gateway, $is: was merged" test $n -lt 30 ;;
			esac
			check_received "gateway, $is: IPv6" 6 25 size=24500 gso=1000
			order="sort" check_received "gateway, $is: one, then large" \
				4 3 size=0,10,9000
			is "gateway, $is: each by itself" \
				$(($(counter r out-protected) - before)) 58
		done
	done
	in_ns a ethtool -K eth0 tx-udp-segmentation on >/dev/null 2>&1
	nip r link set eth1 mtu 1280
	check_received "gateway, $mode: a small link, one" 6 1 size=1200
	check_received "gateway, $mode: a small link, a batch" 6 10 size=12000 gso=1200
	check_received "gateway, $mode: a batch of IPv4 to a small link" \
		4 10 size=12000 gso=1200
	nip r link set eth1 mtu 1500
done
# b has no key to send ARP in VXLAN with at first
is "nothing else was dropped at b" "$(counters b in-accepted in-inner \
	in-exempt out-exempt in-send-only out-protected out-no-sa)" ""
tap_done
