#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# ICMP errors about a group's datagrams that routes with an encapsulation take out
# of IP before POST_ROUTING.
#
#	a eth0 ---- eth0 b eth1 ---- eth0 c
#
# b is a host at first, and then a gateway whose outside is eth0.

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 nft ping
load_mcsec
two_hosts
ns_create c
veth b:eth1 fd03::1/64 10.3.0.1/24 -- c:eth0 fd03::2/64 10.3.0.2/24
nip a route add fd03::/64 via fd01::2
nip c route add default via fd03::1
nip c route add default via 10.3.0.1
in_ns b sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.icmp.ratelimit=0 \
	net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
mc c send fd03::1 $PORT eth0 >/dev/null # neighbours know each other
mc a send fd01::2 $PORT eth0 >/dev/null
nip b route add fd01::77/128 dev eth0
nip b neigh replace fd01::77 dev eth0 \
	lladdr "$(nip a -j link show eth0 | json 'j[0]["address"]')"
segs() { # mode, device: where b's packets to a go
	nip b route replace fd01::1/128 encap seg6 mode "$1" segs fd01::77 \
		dev "$2"
}
segs4() { # device
	nip b route replace 10.1.0.1/32 encap seg6 mode encap segs fd01::77 \
		dev "$1"
}
segs encap eth0 2>/dev/null || skip_all "the kernel lacks encap seg6"
nip b route del fd01::1/128
ctl a group add g6 $G6
key=$(new_key 20)
sa_add a g6 "$key" spi 4096 dir out alg aes-gcm-16 sender-id 1-4 select
gets() { # words of b's group
	ctl b group add g6 $G6 "$@" 2>"$TMP/warned" &&
		sa_add b g6 "$key" spi 4096 dir in alg aes-gcm-16
}
ctl a group add g4 $G4
key4=$(new_key 20)
sa_add a g4 "$key4" spi 4096 dir out alg aes-gcm-16 sender-id 1-4 select
gets4() {
	ctl b group add g4 $G4 "$@" 2>/dev/null &&
		sa_add b g4 "$key4" spi 4096 dir in alg aes-gcm-16
}
try "b receives the group" gets
try "b receives the group of IPv4" gets4
listen b $G6 r6
listen b $G4 r4
sniff a wire
leaked() {
	sniffed wire
	grep -aoc "$1" "$TMP/wire.pcap"
}
quoted=0
# stopped ROUTE TEXT COMMAND...: an error that the command causes does not leave.
stopped() {
	local route=$1 text=$2
	shift 2

	quoted=$(($(counter b out-quoted) + 1))
	"$@" >/dev/null
	try "$route: an error is stopped" wait_until 30 counted b out-quoted $quoted
	is "$route: nothing of the datagram was on the wire in the clear" \
		"$(leaked "$text")" 0
}
# An unknown option, about which b complains
odd() { mc a send $G6 $PORT eth0 text="$1" dst=0000be0400000000; }

section "the host's own errors"

stopped "a plain route" PLAINOPT odd PLAINOPT
for mode in inline encap; do
	try "$mode: b has a route" segs $mode eth0
	stopped "$mode" "OPT$mode" odd "OPT$mode"
done
nip b link add dummy0 type dummy
nip b link set dummy0 up
try "b has a route of IPv4 that names the loopback interface" segs4 lo
stopped "a route by lo" LOFOUR- pkt b quote clear $G4 10.1.0.1 10.1.0.1 LOFOUR-
nip b route del 10.1.0.1/32

section "errors about what rules translate"

T=/sys/kernel/tracing
[ -d $T/events ] || mount -t tracefs tracefs $T 2>/dev/null
I=$T/instances/mcsec$$ untraced=$quoted
if mkdir "$I" 2>/dev/null; then
	on_exit "echo 0 >$I/events/mcsec/enable; rmdir $I"
	echo 1 >"$I/events/mcsec/enable"
else
	skip "each error that was stopped was traced" "the kernel has no tracing"
fi

# The errors of b quote what they complain about with the address that rules gave
# it, until POST_ROUTING. Routes with an encapsulation skip that.
nip b route del fd01::1/128
in_ns b nft -f - <<NFT || not_ok "b has rules"
table inet kind {
	chain pre {
		type filter hook prerouting priority -150
		udp dport 7777 meta pkttype set host
	}
}
table ip n {
	chain pre {
		type nat hook prerouting priority -100
		ip daddr $G4 udp dport 7777 dnat to 10.1.0.2
	}
}
table ip6 n {
	chain pre {
		type nat hook prerouting priority -100
		ip6 daddr $G6 udp dport 7777 dnat to fd01::2
	}
}
NFT
# Nobody listens on that port.
closed() { mc a send "$1" 7777 eth0 text="$2"; }
stopped "IPv4, a plain route" NATFOURPLAIN closed $G4 NATFOURPLAIN
stopped "IPv6, a plain route" NATSIXPLAIN closed $G6 NATSIXPLAIN
for mode in inline encap; do
	try "translated, $mode: b has a route" segs $mode eth0
	stopped "IPv6, $mode" "NATSIX$mode" closed $G6 "NATSIX$mode"
done
try "translated: b has a route of IPv4" segs4 eth0
stopped "IPv4, encap" NATFOURencap closed $G4 NATFOURencap
# an error about a translated datagram that is of no multicast
nip b addr add fd01::99/64 dev eth0 nodad
in_ns b nft add rule ip6 n pre ip6 daddr fd01::99 udp dport 7778 dnat to fd01::2
mc a send fd01::99 7778 eth0 text=NATUNICAST >/dev/null
# the datagram itself, and the error or the answer
both() {
	sniffed wire
	[ "$(grep -ao "$1" "$TMP/wire.pcap" | wc -l)" = 2 ]
}
try "an error about a translated unicast datagram leaves" \
	wait_until 30 both NATUNICAST
# an answer is no error, though its request is one of multicast
in_ns b nft add rule ip6 n pre ip6 daddr ff3e::2 dnat to fd01::2
in_ns a ping -6 -q -c 1 -W 1 -p 4e415450494e4721 -s 24 -I eth0 ff3e::2 \
	>/dev/null 2>&1
try "an answer to a translated request leaves" wait_until 30 both 'NATPING!'
# a route that encapsulates behind POST_ROUTING
try "translated: b has a route with data for a tunnel" nip b route replace \
	fd01::1/128 encap ip6 id 5 dst fd01::1 dev eth0
closed ff3e::2 NATFOREIGN >/dev/null
try "an error about translated multicast of no group leaves by it" \
	wait_until 30 both NATFOREIGN
is "errors about what is of no group are not counted" "$(counter b out-quoted)" $quoted
[ ! -d "$I" ] || is "each error that was stopped was traced" \
	"$(grep -c 'reason=out-quoted' "$I/trace")" $((quoted - untraced))
nip b route del fd01::1/128
in_ns b nft flush ruleset
nip b route del 10.1.0.1/32

section "an interface that packets do not take"

ctl b group del g6
ctl b group del g4
try "b becomes a gateway" gets forward dev eth0
try "b has a route that names an interface which packets do not take" \
	segs encap dummy0
stopped "another interface" OPTOTHER odd OPTOTHER
try "b has the route by the interface that they take" segs encap eth0
pkt c quote clear ff3e::2 fd01::1 fd01::1 OTHERS-
left() { [ "$(leaked OTHERS-)" = 1 ]; }
try "an error about a datagram of no group leaves" wait_until 30 left
is "errors about other datagrams are not counted" \
	"$(counter b out-quoted)" $quoted

section "routes that leave IP behind POST_ROUTING"

SNIFF=eth0 sniff c inside
try "b has a route to the inside with data for a tunnel" nip b route add fd03::2/128 \
	encap ip6 id 5 dst fd03::2 dev eth1
pkt b quote clear $G6 fd03::2 fd03::2 TOINSIDE-
arrived() {
	sniffed inside
	[ "$(grep -aoc TOINSIDE- "$TMP/inside.pcap")" = 1 ]
}
try "a gateway's own error reaches a host inside" wait_until 30 arrived
is "errors for hosts inside are not counted" "$(counter b out-quoted)" $quoted
nip b route del fd03::2/128

section "errors that a gateway routes"

nip b route del fd01::1/128
inside() { pkt c quote clear $G6 fd01::1 fd01::1 "$1-"; }
stopped "a plain route" INPLAIN inside INPLAIN
is "a gateway is warned of routes that IP would hide from the hooks" \
	"$(<"$TMP/warned")" \
	"mcsecctl: warning: group add: if a route of this gateway has encap seg6, ICMP errors of hosts inside leave by it in the clear: set net.netfilter.nf_hooks_lwtunnel to 1 first"
try "rules see what routes encapsulate" \
	sysctl -qw net.netfilter.nf_hooks_lwtunnel=1
ctl b group del g6
try "b is a gateway once more" gets forward dev eth0
is "a gateway that sees all is not warned" "$(<"$TMP/warned")" ""
for mode in inline encap; do
	try "$mode: b has a route" segs $mode eth0
	stopped "$mode" "IN$mode" inside "IN$mode"
done
# takes nothing of the gateway's own, so only the way of routed packets differs
try "l2encap: b has a route" segs l2encap dummy0
stopped "l2encap" INl2encap inside INl2encap
try "b is a gateway of IPv4" gets4 forward dev eth0
inside4() { pkt c quote clear $G4 10.1.0.1 10.1.0.1 "$1-"; }
try "b has a route that names another interface" segs encap dummy0
stopped "a route by another interface" SIXdummy0 inside SIXdummy0
for dev in eth0 dummy0 lo; do
	try "$dev: b has a route of IPv4 by it" segs4 $dev
	stopped "a route of IPv4 by $dev" "FOUR$dev" inside4 "FOUR$dev"
done
is "only errors were dropped" "$(counters b in-accepted)" "out-quoted $quoted"

tap_done
