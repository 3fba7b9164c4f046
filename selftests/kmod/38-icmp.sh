#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
#
# IP's own messages about a group's datagrams: IP must not repeat in the
# clear what came as ESP. And large ones still reach a small link inside.
#
#	a eth0 ---- eth0 b eth1 --(1280)-- eth0 c
#
# b is a gateway, whose outside is eth0.

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 nft ping smcrouted
has_af_alg || skip_all "the kernel has no AF_ALG"
load_mcsec
ns_create a b c
veth a:eth0 10.1.0.1/24 fd01::1/64 -- b:eth0 10.1.0.2/24 fd01::2/64
veth b:eth1 10.3.0.1/24 fd03::1/64 -- c:eth0 10.3.0.2/24 fd03::2/64
nip b link set eth1 mtu 1280
nip c link set eth0 mtu 1280
mroute_to a eth0 224.0.0.0/4 ff00::/8
mroute_to c eth0 224.0.0.0/4 ff00::/8
nip a route add fd03::/64 via fd01::2
nip a route add 10.3.0.0/24 via 10.1.0.2
nip c route add default via fd03::1
nip c route add default via 10.3.0.1
in_ns b sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
	net.ipv4.icmp_echo_ignore_broadcasts=0
in_ns a sysctl -qw net.ipv4.icmp_echo_ignore_broadcasts=0
{
	echo "phyint eth0 enable"
	echo "phyint eth1 enable"
	echo "mroute from eth0 source 10.1.0.1 group $G4 to eth1"
	echo "mroute from eth0 source fd01::1 group $G6 to eth1"
	echo "mroute from eth1 source 10.3.0.2 group $G4 to eth0"
	echo "mroute from eth1 source fd03::2 group $G6 to eth0"
} >"$TMP/conf"
spawn in_ns b smcrouted -n -N -f "$TMP/conf" -u "$TMP/sock" -P "$TMP/pid" \
	>"$TMP/smc" 2>&1
routed() {
	[ "$(nip b mroute show | grep -c 'State: resolved')" -ge 2 ] &&
		nip b -6 mroute show | grep -q 'State: resolved'
}
try "b routes multicast" wait_until 30 routed
mc a send fd01::2 $PORT eth0 >/dev/null # neighbours know each other
groups a
ctl b group add g4 $G4 dev eth0 forward
ctl b group add g6 $G6 dev eth0 forward
for g in g4 g6; do
	key=$(new_key 20)
	sa_add a $g "$key" spi 4096 dir inout alg aes-gcm-16 sender-id 1-4 select
	sa_add b $g "$key" spi 4096 dir inout alg aes-gcm-16 sender-id 5-8 \
		select
done
listen c $G4 c4
listen c $G6 c6
# a host that is to answer echo requests is a member
listen b $G4 b4
listen b $G6 b6
sniff a wire

# The number of clear payloads on the wire that have the word
leaked() {
	sniffed wire
	grep -aoc "$1" "$TMP/wire.pcap"
}
wire() { sniffed wire; tcpdump -n -r "$TMP/wire.pcap" "$@" 2>/dev/null; }

section "links inside that are too small"

mc a send $G6 $PORT eth0 count=2 size=1350 text=BIGSECRET >"$TMP/want6"
mc a send $G6 $PORT eth0 count=1 size=4000 text=BIGSECRET >>"$TMP/want6"
try "IPv6: large datagrams reach the small link" \
	wait_until 20 has_lines c6 3
is "IPv6: large datagrams arrive as they were sent" \
	"$(got c6)" "$(<"$TMP/want6")"
mc a send $G4 $PORT eth0 count=2 size=1350 pmtu=dont text=BIGSECRET \
	>"$TMP/want4"
mc a send $G4 $PORT eth0 count=1 size=4000 text=BIGSECRET >>"$TMP/want4"
try "IPv4: large datagrams reach the small link where their sender permits fragments" \
	wait_until 20 has_lines c4 3
is "IPv4: large datagrams arrive as they were sent" \
	"$(got c4)" "$(<"$TMP/want4")"
is "nobody is told that the datagrams were too big" \
	"$(wire '(icmp6 and ip6[40] == 2) or (icmp and icmp[0] == 3)' | wc -l)" 0
is "nothing of the datagrams was on the wire in the clear" \
	"$(leaked BIGSECRET)" 0

section "unknown option"

# c does not complain either, whose complaint b would route
mc a send $G6 $PORT eth0 count=2 text=OPTSECRET dst=0000be0400000000 \
	>/dev/null
try "IPv6: an unknown option is not complained about in the clear" \
	wait_until 20 counted b out-quoted 4
is "no complaint quotes the datagram with the unknown option" \
	"$(leaked OPTSECRET)" 0
is "a itself does not complain about the unknown option" \
	"$(wire 'icmp6 and ip6[40] == 4' | wc -l)" 0

section "errors that quote"

was=$(counter b out-quoted)
# Source quench and redirect quote, too; 0 is assigned to nothing, 100 and 127 to anybody.
types4=(3 4 5 11 12) types6=(0 1 2 3 4 100 127)
for t in "${types4[@]}"; do
	was=$((was + 1))
	pkt c quote clear $G4 10.1.0.1 10.1.0.1 QUOTED4- "$t"
	try "ICMP's error $t that quotes clear text is refused" \
		wait_until 20 counted b out-quoted $was
done
for t in "${types6[@]}"; do
	was=$((was + 1))
	pkt c quote clear $G6 fd01::1 fd01::1 QUOTED6- "$t"
	try "ICMPv6's error $t that quotes clear text is refused" \
		wait_until 20 counted b out-quoted $was
done
for t in hop routing dest; do
	was=$((was + 1))
	pkt c quote $t $G6 fd01::1 fd01::1 QUOTED6- 1
	try "ICMPv6's error that quotes clear text behind a header of type $t is refused" \
		wait_until 20 counted b out-quoted $was
done
is "an error that quotes clear text is not routed out in either family" \
	"$(leaked QUOTED)" 0
for t in "${types4[@]}"; do
	pkt c quote esp $G4 10.1.0.1 10.1.0.1 CIPHER4- "$t"
done
for t in "${types6[@]}"; do
	pkt c quote esp $G6 fd01::1 fd01::1 CIPHER6- "$t"
done
pkt c quote behind $G6 fd01::1 fd01::1 BEHIND6-
pkt c quote fragment $G6 fd01::1 fd01::1 FRAGMENT6-
pkt c quote clear ff3e::2 fd01::1 fd01::1 OTHERS6-
pkt c quote clear 239.1.1.9 10.1.0.1 10.1.0.1 OTHERS4-
errors() {
	[ "$(wire '(icmp6 and ip6[40] < 128 and src fd03::2) or
		(icmp and icmp[0] != 14 and src 10.3.0.2)' |
		grep -c ICMP)" -eq \
		$((${#types4[@]} + ${#types6[@]} + 4)) ]
}
# an answer with a timestamp, and a type that is assigned to nothing
pkt c quote clear $G4 10.1.0.1 10.1.0.1 NOERROR4- 14
pkt c quote clear $G6 fd01::1 fd01::1 NOERROR6- 201
no_errors() {
	sniffed wire
	[ "$(grep -ao 'NOERROR[46]-' "$TMP/wire.pcap" | sort -u | wc -l)" = 2 ]
}
try "messages that are no errors are routed, whatever they contain" \
	wait_until 20 no_errors
try "errors that quote ESP or what is of no group are routed" \
	wait_until 20 errors
is "errors that quote ESP or what is of no group are not counted" \
	"$(counter b out-quoted)" $was

section "errors that quote what several groups select"

# The error has no interface of the datagram's, so a group that observes on one
# does not speak for a wider one that enforces.
was=$(counter b out-quoted)
for f in 4 6; do
	[ $f = 4 ] && g=239.2.0. range=239.2.0.0/24 to=10.1.0.1 ||
		g=ff3e::2: range=ff3e::2:0/112 to=fd01::1
	ctl b group add outer $range
	ctl b group add dev ${g}1 dev eth0 policy observe
	ctl b group add other ${g}2 proto udp dport 5001 policy observe
	ctl b group add port ${g}3 proto udp dport 5000 policy observe
	for i in 1 2; do
		pkt c quote clear $g$i $to $to AMONG$i-
	done
	was=$((was + 2))
	try "IPv$f: an error is refused for the wider group" \
		wait_until 20 counted b out-quoted $was
	pkt c quote clear ${g}3 $to $to PORTS$f-
	among() { sniffed wire; grep -aq PORTS$f- "$TMP/wire.pcap"; }
	try "IPv$f: an error is let by of a port for which a group observes" \
		wait_until 20 among
	for i in outer dev other port; do
		ctl b group del $i
	done
done
is "errors that the wider group refused are not on the wire" \
	"$(counter b out-quoted) $(leaked AMONG)" "$was 0"

section "a gateway's errors to the inside"
# The inside is in the clear anyhow.

nip b link set eth1 mtu 1500
nip c link set eth0 mtu 1500
mc c send $G6 $PORT eth0 count=1 size=1440 pmtu=do text=INSIDE >/dev/null
told() { nip c route get $G6 | grep -q 'mtu 1[0-9]*'; }
try "a sender inside hears what fits" wait_until 20 told
is "an error to the inside is no quote for the outside" \
	"$(counter b out-quoted)" "$was"

section "selectors that an error does not have"

ns_create h i
veth h:eth0 10.4.0.1/24 fd04::1/64 -- i:eth0 10.4.0.2/24 fd04::2/64
veth h:eth1 10.5.0.1/24 fd05::1/64 -- i:eth1 10.5.0.2/24 fd05::2/64
mroute_to i eth0 224.0.0.0/4 ff00::/8
in_ns h sysctl -qw net.ipv6.icmp.ratelimit=0
sniff i direct
SNIFF=eth1 sniff i around
# /sys is the machine's
nip h neigh replace fd05::2 dev eth1 nud permanent \
	lladdr "$(nip i -j link show eth1 | json 'j[0]["address"]')"
is "the error's way round has a neighbour that is known" \
	"$(nip h neigh show fd05::2 nud permanent | wc -l)" 1
key=$(new_key 20)
quotes=0
# i sends to h's group of these words: a complaint is due, and not sent.
complain() {
	ctl h group add odd "${wide:-$G6}" "$@"
	sa_add h odd "$key" spi 4096 dir in alg aes-gcm-16
	listen h $G6 "odd$quotes"
	quotes=$((quotes + 1))
	pkt i inside $G6 eth0 "$key" 4096 \
		$((7 << 48 | quotes)) option
	try "$* is not quoted" wait_until 20 counted h out-quoted $quotes
	ctl h group del odd
}
complain dev eth0
complain mark 0x1/0x1
complain mark 0x1/0x1 dev eth0
complain forward mark 0x1/0x1 dev eth0
nip h -6 route add fd04::2/128 via fd05::2 dev eth1
complain dev eth0
complain mark 0x1/0x1 dev eth0
# The group of the other interface says nothing about the datagram either.
ctl h group add other $G6 dev eth1 policy observe
wide=ff3e::1:0/112 complain policy enforce
wide=ff3e::1:0/112 complain forward
ctl h group del other
# The error has mark 0, which says nothing about the datagram that it quotes.
ctl h group add zero $G6 mark 0/0xff policy observe
complain policy enforce
ctl h group del zero
sniffed direct
sniffed around
is "nothing of the quote is on the wire" \
	"$(cat "$TMP/direct.pcap" "$TMP/around.pcap" | grep -aoc inside)" 0
# a group that observes does not mind: the wire is looked at as it should be
SNIFF=eth1 sniff i seen
ctl h group add odd $G6 dev eth0 policy observe
sa_add h odd "$key" spi 4096 dir in alg aes-gcm-16
listen h $G6 odd
pkt i inside $G6 eth0 "$key" 4096 $((7 << 48 | 99)) option
seen() { sniffed seen; grep -aq inside "$TMP/seen.pcap"; }
try "a group that observes lets the quote out" wait_until 20 seen
is "a quote that is let out is not counted" "$(counter h out-quoted)" $quotes

section "echo"

b_echo=$(counter b in-echo)
in_ns a ping -6 -q -c 2 -i 0.2 -W 2 -p 4543484f -s 64 -I eth0 $G6 >/dev/null 2>&1
in_ns a ping -q -c 2 -i 0.2 -W 2 -p 4543484f -s 64 -I eth0 $G4 >/dev/null 2>&1
try "echo requests to a group are counted" \
	wait_until 20 counted b in-echo $((b_echo + 4))
is "echo requests to a group are not answered in the clear" \
	"$(wire '(icmp6 and ip6[40] == 129) or (icmp and icmp[0] == 0)' | wc -l)" 0
is "the payload of the echo requests is not seen" "$(leaked ECHOECHO)" 0
# Timestamps and extended echo are answered, too, the latter where that is enabled.
b_echo=$(counter b in-echo)
pkt a quote clear $G4 10.1.0.1 $G4 ASKED 0
for t in 8 13 42; do
	b_echo=$((b_echo + 1))
	pkt a quote clear $G4 10.1.0.1 $G4 ASKED $t
	try "a request of ICMP's type $t is counted" \
		wait_until 20 counted b in-echo $b_echo
done
pkt a quote clear $G6 fd01::1 $G6 ASKED 129
for t in 128 160; do
	b_echo=$((b_echo + 1))
	pkt a quote clear $G6 fd01::1 $G6 ASKED $t
	try "a request of ICMPv6's type $t is counted" \
		wait_until 20 counted b in-echo $b_echo
done
is "replies to a group are no requests" "$(counter b in-echo)" $b_echo
is "the payload of the requests is not seen" "$(leaked ASKED)" 0
in_ns a ping -6 -q -c 1 -W 5 fd01::2 >/dev/null
is "echo requests to other addresses are answered" \
	"$(wire 'icmp6 and ip6[40] == 129' | wc -l)" 1

section "rules that send a group's datagrams to this host"

in_ns b sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
# IP sends no error about what came as a multicast frame.
in_ns b nft -f - <<NFT
table inet kind {
	chain pre {
		type filter hook prerouting priority -150
		udp dport 7777 meta pkttype set host
	}
}
table ip n {
	chain pre {
		type nat hook prerouting priority -100
		ip daddr $G4 dnat to 10.1.0.2
	}
}
table ip6 n {
	chain pre {
		type nat hook prerouting priority -100
		ip6 daddr $G6 dnat to fd01::2
	}
}
NFT
b_echo=$(counter b in-echo) quoted=$(counter b out-quoted)
in_ns a ping -6 -q -c 2 -i 0.2 -W 2 -p 54555243 -s 64 -I eth0 $G6 >/dev/null 2>&1
in_ns a ping -q -c 2 -i 0.2 -W 2 -p 54555243 -s 64 -I eth0 $G4 >/dev/null 2>&1
try "echo requests that a rule sends to this host are counted" \
	wait_until 20 counted b in-echo $((b_echo + 4))
is "echo requests that a rule sends to this host are not answered" \
	"$(wire '(icmp6 and ip6[40] == 129) or (icmp and icmp[0] == 0)' | wc -l)" 1
is "the payload of redirected echo requests is not seen" "$(leaked TURCTURC)" 0
for g in $G4 $G6; do
	mc a send $g 7777 eth0 count=2 text=NOBODY >/dev/null
done
try "an error about a datagram that a rule sends to this host is counted" \
	wait_until 20 counted b out-quoted $((quoted + 4))
is "an error about a datagram that a rule sends to this host does not leave" \
	"$(leaked NOBODY)" 0
is "no more is counted of what a rule sends to this host" \
	"$(counter b in-echo) $(counter b out-quoted)" \
	"$((b_echo + 4)) $((quoted + 4))"
in_ns b nft flush ruleset

section "an echo request to a group that observes"

ctl b group set g6 policy observe
ctl a group set g6 policy observe
in_ns a ping -6 -q -c 1 -W 5 -I eth0 $G6 >/dev/null 2>&1
is "echo requests to a group that observes are answered" \
	"$(wire 'icmp6 and ip6[40] == 129' | wc -l)" 2

tap_done
