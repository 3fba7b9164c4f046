#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A gateway routes what it deciphers, and nothing else that came from outside:
# segment routing decapsulates behind PRE_ROUTING, and hands clear datagrams to
# multicast routing that no hook has seen.
#
#	a eth0 ---- eth0 b eth1 ---- eth0 c

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 smcrouted nft
load_mcsec
two_hosts
ns_create c
veth b:eth1 10.3.0.1/24 fd03::1/64 -- c:eth0 10.3.0.2/24 fd03::2/64
nip b -6 route add fd01::99/128 encap seg6local action End.DT6 table 255 \
	dev eth0 2>/dev/null || {
	echo "1..0 # SKIP the kernel lacks seg6local"
	exit 4
}
nip a -6 route add fd01::99/128 via fd01::2
for n in b c; do
	in_ns $n sysctl -qw net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.eth0.rp_filter=0
done
inward() { mroute b eth0 eth1 10.1.0.1 $G4 fd01::1 $G6; }
inward
try "multicast is routed inward" mrouted b fd01::1

ctl b group add g4 $G4 dev eth0 forward
ctl b group add g6 $G6 dev eth0 forward
groups a
for g in g4 g6; do
	key=$(new_key 20)
	sa_add a $g "$key" spi 4096 dir out alg aes-gcm-16 sender-id 1-4 select
	sa_add b $g "$key" spi 4096 dir in alg aes-gcm-16
done
listen c $G4 c4
listen c $G6 c6
routes() { # name, number of each family
	send a $G4 ttl=8 >/dev/null
	send a $G6 ttl=8 >/dev/null
	try "$1" wait_until 20 has_lines c4 "$2"
	try "$1, of IPv6" wait_until 20 has_lines c6 "$2"
}
mac=$(nip b -o link show dev eth0 | sed 's,.*link/ether \([^ ]*\).*,\1,')
forge() {
	nip b -6 route replace fd01::99/128 encap seg6local \
		action End.DT6 table 255 dev eth0
	pkt a ways inside fd01::1 fd01::99 $G6 $PORT FORGED
	"$@" 1
	nip b -6 route replace fd01::99/128 encap seg6local \
		action End.DX4 nh4 $G4 dev eth0
	pkt a ways inside4 eth0 "$mac" fd01::1 fd01::99 10.1.0.1 $G4 $PORT
	"$@" 9
}

section "a gateway"

routes "a datagram that was verified is routed" 1
before=$(counter b in-clear)
dropped() {
	try "a forged one of $1 is dropped and counted" \
		wait_until 20 counted b in-clear $((before + $1))
}
forge dropped
routes "a verified one is routed after it" 2
is "two datagrams of each family were routed" \
	"$(wc -l <"$TMP/c4") $(wc -l <"$TMP/c6")" "2 2"

section "a gateway with another group for mark 0"
# At FORWARD the mark is not the one that the datagram came with, so a group that
# selects by it hides no other.
ctl b group add m4 $G4 dev eth0 mark 0/0xf0 forward
ctl b group add m6 $G6 dev eth0 mark 0/0xf0 forward
before=$(counter b in-clear)
forge dropped
is "beside a group for mark 0 nothing forged is routed" \
	"$(wc -l <"$TMP/c4") $(wc -l <"$TMP/c6")" "2 2"

section "a gateway that selects by a mark"
# A rule of FORWARD sets the mark, so it says nothing about where a datagram came by.
ctl b group flush
ctl a group flush
in_ns b nft -f - <<NFT
table inet t {
	chain fw {
		type filter hook forward priority mangle
		oifname eth0 ip daddr $G4 meta mark set 0x10
		oifname eth0 ip6 daddr $G6 meta mark set 0x10
	}
}
NFT
mroute b eth1 eth0 10.3.0.2 $G4 fd03::2 $G6
try "multicast is routed outward" mrouted b fd03::2
for f in 4 6; do
	G=G$f
	key=$(new_key 20)
	ctl b group add g$f "${!G}" mark 0x10/0xf0 forward
	ctl a group add g$f "${!G}"
	sa_add b g$f "$key" spi 4099 dir out alg aes-gcm-16 sender-id 1-4 select
	sa_add a g$f "$key" spi 4099 dir in alg aes-gcm-16
	listen a "${!G}" a$f
	send c "${!G}" ttl=8 count=3 >/dev/null
	try "IPv$f: what rules mark on its way is protected" \
		wait_until 20 has_lines a$f 3
done
is "each of them was protected" "$(counter b out-protected)" 6
in_ns b nft delete table inet t

section "own datagrams that are routed back"
# IP makes a copy for the sockets of what it routes to where they have joined.
ctl b group flush
in_ns b sysctl -qw net.ipv4.conf.eth1.rp_filter=0
mroute b eth1 eth0 10.1.0.119 $G4 fd01::77 $G6
try "multicast is routed back" mrouted b fd01::77
for f in 4 6; do
	G=G$f
	ctl b group add g$f "${!G}" dev eth0
	sa_add b g$f "$(new_key 20)" spi 4110 dir inout alg aes-gcm-16 \
		sender-id 1-4 select
	listen b "${!G}" b$f
done
sniff a own "(src 10.1.0.2 and esp) or (src fd01::2 and ip6 proto 50)"
send b $G4 count=2 loop=0 >/dev/null
send b $G6 count=2 loop=0 >/dev/null
sniffed own
was=$(counter b in-replay)
is "four own datagrams come by the other side" \
	"$(pkt c forge moved "$TMP/own.pcap" eth0)" 4
try "each of them is a replay" wait_until 20 counted b in-replay $((was + 4))
is "none of them is delivered" "$(cat "$TMP/b4" "$TMP/b6" | wc -l)" 0
# A narrower group of another interface has the SPI for a key and Sender-IDs of its own.
for f in 4 6; do
	G=G$f
	[ $f = 4 ] && src=10.1.0.0/24 || src=fd01::/64
	ctl b group add near$f "${!G}" src $src dev elsewhere0
	sa_add b near$f "$(new_key 20)" spi 4110 dir inout alg aes-gcm-16 \
		sender-id 5-8 select
done
sniff a again "esp or ip6 proto 50"
is "the four come once more" "$(pkt c forge moved "$TMP/own.pcap" eth0)" 4
try "beside another group with the SPI each is a replay" \
	wait_until 20 counted b in-replay $((was + 8))
is "the SAs that sent them count them" "$(for g in g4 g6 near4 near6; do
	sa_word b $g 4110 in-replays
done | xargs)" "4 4 0 0"
sniffed again
is "none of them is routed" \
	"$(tcpdump -n -r "$TMP/again.pcap" 2>/dev/null | wc -l)" 0
# Another group of other hosts has the SPI and the Sender-IDs for its own key.
mroute b eth1 eth0 10.3.0.2 $G4 fd03::2 $G6
try "multicast of other hosts is routed" mrouted b fd03::2
for f in 4 6; do
	G=G$f
	ctl c group add other$f "${!G}"
	sa_add c other$f "$(new_key 20)" spi 4110 dir out alg aes-gcm-16 \
		sender-id 1-4 select
done
sniff a others "(src 10.3.0.2 and esp) or (src fd03::2 and ip6 proto 50)"
was=$(counter b in-replay)
send c $G4 ttl=8 count=3 >/dev/null
send c $G6 ttl=8 count=3 >/dev/null
six() { sniffed others && captured others 6; }
try "ESP of another host under this host's Sender-IDs is routed" wait_until 20 six
is "ESP of another host is no replay" "$(counter b in-replay)" "$was"
ctl c group flush
inward
try "multicast is routed inward again" mrouted b fd01::1

section "own datagrams that a bridge brings back"
# Hooks leave what a bridge may pass on alone before it is routed, so an SA of the
# bridge's group has not refused it. Another SA of the SPI must not hide the one that
# sent it, nor must the many that a namespace may have.
if has_br_netfilter; then
	ns_create d
	veth b:eth4 10.5.0.1/24 fd05::1/64 -- d:eth0 10.5.0.2/24 fd05::2/64
	nip b link add br0 type bridge mcast_snooping 0
	nip b link set eth4 master br0
	nip b link set br0 up
	nip b addr add fd06::1/64 dev br0 nodad
	in_ns b sysctl -qw net.ipv4.conf.br0.rp_filter=0 \
		net.bridge.bridge-nf-call-iptables=1 \
		net.bridge.bridge-nf-call-ip6tables=1
	ctl b group flush
	mroute b br0 eth0 10.1.0.119 $G4 fd01::77 $G6
	try "multicast of a bridge is routed" mrouted b fd01::77
	# family, SPI, name, interface: a group of the sender's subnet
	narrow() {
		local G=G$1 src=fd01::/$((64 - $5))

		[ "$1" = 6 ] || src=10.1.0.0/$((24 - $5))
		ctl b group add "$3$1" "${!G}" src $src dev "$4"
		sa_add b "$3$1" "$(new_key 20)" spi "$2" dir inout \
			alg aes-gcm-16 sender-id 1-4 select
	}
	for f in 4 6; do
		G=G$f
		ctl b group add g$f "${!G}" dev eth0
		sa_add b g$f "$(new_key 20)" spi 4111 dir inout \
			alg aes-gcm-16 sender-id 1-4 select
		narrow $f 4111 bridge br0 0
		narrow $f 4111 far elsewhere0 1
		narrow $f 4111 further elsewhere1 2
		narrow $f 4111 last elsewhere2 3
	done
	sniff a bridged "(src 10.1.0.2 and esp) or (src fd01::2 and ip6 proto 50)"
	before=$(cat "$TMP/b4" "$TMP/b6" | wc -l)
	send b $G4 count=2 loop=0 >/dev/null
	send b $G6 count=2 loop=0 >/dev/null
	sniffed bridged
	was=$(counter b in-replay) accepted=$(counter b in-accepted)
	sniff a none "esp or ip6 proto 50"
	is "four own datagrams come by a bridge" \
		"$(pkt d forge moved "$TMP/bridged.pcap" eth0)" 4
	try "each that a bridge brings back is a replay" \
		wait_until 20 counted b in-replay $((was + 4))
	is "none that a bridge brings back is accepted" \
		"$(counter b in-accepted) $(cat "$TMP/b4" "$TMP/b6" | wc -l)" \
		"$accepted $before"
	sniffed none
	is "none that a bridge brings back is routed" \
		"$(tcpdump -n -r "$TMP/none.pcap" 2>/dev/null | wc -l)" 0
	nip b link del br0
else
	skip "own datagrams by a bridge" "br_netfilter is missing"
fi
inward

section "without the groups"
# The control: the same datagrams arrive where nothing protects. Another group has
# fragments reassembled as before.
ctl b group flush
ctl b group add other 239.77.0.1
came() { try "$1 clear datagrams are routed" wait_until 20 cleared "$1"; }
cleared() { [ $(($(wc -l <"$TMP/c4") + $(wc -l <"$TMP/c6"))) -ge $(($1 + 4)) ]; }
forge came


section "in a VRF"
# Behind PRE_ROUTING the hooks get the VRF, and groups name its ports.
ctl b group flush
mroute b eth0 eth1
nip b link add red type vrf table 100
nip b link set red up
for d in eth0 eth1; do nip b link set $d master red; done
nip b addr add fd01::2/64 dev eth0 nodad 2>/dev/null
nip b addr add fd03::1/64 dev eth1 nodad 2>/dev/null
nip b -6 route del fd01::99/128
in_ns b sysctl -qw net.ipv4.udp_l3mdev_accept=1
ctl b group add g4 $G4 dev eth0
ctl b group add g6 $G6 dev eth0
spawn in_ns b "$MC" recv $G6 $PORT eth0 "$TMP/vrf.ready" "$TMP/vrf6"
wait_until 20 test -e "$TMP/vrf.ready"
nip b -6 route add fd01::99/128 encap seg6local action End.DT6 table 100 \
	dev eth0 table 100
ctl a group flush
before=$(counter b in-clear)
pkt a ways inside fd01::1 fd01::99 $G6 $PORT FORGED
try "a forged one out of a segment is dropped and counted" \
	wait_until 20 counted b in-clear $((before + 1))
is "a forged one out of a segment is not delivered" \
	"$(wc -l <"$TMP/vrf6")" 0
# ESP that b has not had yet: a sends it into a link of its own
nip a link add d0 type dummy
nip a link set d0 up
nip a addr add fd09::1/64 dev d0 nodad
ctl a group add g6 $G6
key=$(new_key 20)
sa_add a g6 "$key" spi 4120 dir out alg aes-gcm-16 sender-id 1-4 select
sa_add b g6 "$key" spi 4120 dir in alg aes-gcm-16
SNIFF=d0 sniff a vrf "ip6 proto 50"
mc a send $G6 $PORT d0 ttl=8 loop=0 >"$TMP/want"
sniffed vrf
was=$(counter b in-accepted) before=$(counter b in-no-sa)
pkt a ways wrap "$TMP/vrf.pcap" fd01::1 fd01::99
try "a group has ESP out of a segment by the port of the VRF" \
	wait_until 20 counted b in-accepted $((was + 1))
try "the datagram from that ESP is delivered" wait_until 20 has_lines vrf6 1
is "the datagram from that ESP is the one that was sent" "$(got vrf6)" "$(<"$TMP/want")"
pkt a ways wrap "$TMP/vrf.pcap" fd01::1 fd01::99 9999
try "ESP of an unknown SPI out of a segment is dropped and counted" \
	wait_until 20 counted b in-no-sa $((before + 1))
tap_done
