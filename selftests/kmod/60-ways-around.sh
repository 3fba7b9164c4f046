#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
#
# Packets that reach a socket, or leave a host, without passing where packets
# usually pass: a bridge that calls IP's hooks, decapsulation behind
# PRE_ROUTING, headers that lie, rules that rewrite the destination last.
# stock too: each kernel's ways past netfilter are others

. "$(dirname "$0")/kmod.sh"
need python3 tcpdump nft

marker_in() {
	sniffed "$1" || return 1
	tcpdump -n -A -r "$TMP/$1.pcap" 2>/dev/null | grep -c "$2"
}

load_mcsec
two_hosts
groups a b
K4=$(new_key 20) K6=$(new_key 20)
for n in a b; do
	[ $n = a ] && sid=1 || sid=2
	sa_add $n g4 "$K4" spi 4096 dir inout alg aes-gcm-16 sender-id $sid \
		select
	sa_add $n g6 "$K6" spi 4096 dir inout alg aes-gcm-16 sender-id $sid \
		select
done

section "decapsulated behind PRE_ROUTING"

if nip b -6 route add fd01::99/128 encap seg6local action End.DT6 table 255 \
	dev eth0 2>/dev/null; then
	nip a -6 route add fd01::99/128 via fd01::2
	in_ns b sysctl -qw net.ipv6.conf.all.forwarding=1
	listen b $G6 srv6
	pkt a ways inside fd01::1 fd01::99 $G6 $PORT forged
	try "a clear datagram out of a segment is counted" \
		wait_until 20 test "$(counter b in-clear)" -eq 1
	send a $G6 count=1 >/dev/null
	try "a protected datagram after the segment arrives" \
		wait_until 20 has_lines srv6 1
	is "only the protected datagram arrives of IPv6" \
		"$(got srv6)" "$(tail -n 1 "$TMP/sent")"
	# IPv6's note of the segment's fragments is where IPv4 keeps flags
	nip b -6 route replace fd01::99/128 encap seg6local action End.DX4 \
		nh4 $G4 dev eth0
	listen b $G4 srv4
	mac=$(nip b -o link show dev eth0 | sed 's,.*link/ether \([^ ]*\).*,\1,')
	pkt a ways inside4 eth0 "$mac" fd01::1 fd01::99 10.1.0.1 $G4 $PORT
	try "eight clear datagrams of IPv4 out of fragments are counted" \
		wait_until 20 test "$(counter b in-clear)" -eq 9
	send a $G4 count=1 >/dev/null
	try "a protected datagram of IPv4 after the fragments arrives" \
		wait_until 20 has_lines srv4 1
	is "only the protected datagram arrives of IPv4" "$(got srv4)" \
		"$(tail -n 1 "$TMP/sent")"
	in_ns b sysctl -qw net.ipv6.conf.all.forwarding=0
else
	skip "a clear datagram out of a segment" "the kernel lacks seg6local"
fi

section "a header that lies about its version"

before=$(counter a out-malformed)
sniff b lie 'ether proto 0x86dd and not icmp6'
pkt a ways nibble fd01::1 $G6 eth0 NIBBLE >/dev/null
is "IPv6 that says version 4 is refused" "$(counter a out-malformed)" \
	$((before + 1))
send a $G6 count=1 >/dev/null
wait_until 20 captured lie 1
is "IPv6 that says version 4 does not leave" "$(marker_in lie NIBBLE)" 0

section "a destination that becomes the group"

in_ns a nft add table ip late
in_ns a nft 'add chain ip late out { type filter hook postrouting priority 300; }'
in_ns a nft add rule ip late out ip daddr 239.9.9.9 ip daddr set $G4
sniff b late "host $G4"
before=$(counter a forward-clear)
mc a send 239.9.9.9 $PORT eth0 count=1 text=LATERULE >/dev/null
is "a rule behind the hooks makes nothing of the group" \
	"$(counter a forward-clear)" $((before + 1))
send a $G4 count=1 >/dev/null
wait_until 20 captured late 1
is "nothing clear left" "$(marker_in late LATERULE)" 0
in_ns a nft delete table ip late

section "events"

pkt a ways listen >"$TMP/listen.out" 2>&1
is "an ordinary user cannot listen to events" "$(<"$TMP/listen.out")" \
	"Operation not permitted"

section "windows"

refuse "an SA whose windows could fill the memory is refused" \
	sa_add b g4 "$(new_key 20)" spi 5000 dir in alg aes-gcm-16 \
	window 32768 max-senders 65536

section "a virtual machine's checksum"

# Linux 6.1 takes a frame whose checksum begins in front of the packet.
[ -e /dev/net/tun ] || modprobe -q tun
if [ -e /dev/net/tun ] && command -v smcrouted >/dev/null; then
	ns_create gw out
	veth gw:eth0 10.5.0.1/24 fd05::1/64 -- out:eth0 10.5.0.2/24 fd05::2/64
	nip gw tuntap add dev tap0 mode tap vnet_hdr
	nip gw addr add 10.6.0.1/24 dev tap0
	nip gw addr add fd06::1/64 dev tap0 nodad
	nip gw link set tap0 up
	in_ns gw sysctl -qw net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.tap0.rp_filter=0
	mroute gw tap0 eth0 10.6.0.2 $G4 fd06::2 $G6
	ctl out group add g4 $G4
	ctl out group add g6 $G6
	for g in g4 g6; do
		[ $g = g4 ] && to=$G4 || to=$G6
		ctl gw group add $g $to dev eth0 forward
		k=$(new_key 20)
		sa_add gw $g "$k" spi 4096 dir out alg aes-gcm-16 \
			sender-id 3-6 select
		sa_add out $g "$k" spi 4096 dir in alg aes-gcm-16
		listen out $to "vm-$g"
	done
	vm() { # group, START:OFFSET...
		local src=10.6.0.2
		[ "$1" = $G4 ] || src=fd06::2
		pkt gw vnet tap0 $src "$1" $PORT VIRTUAL "${@:2}"
	}
	is "IPv4: a frame with a checksum of its UDP header is taken" \
		"$(vm $G4 20:6)" taken
	is "IPv6: a frame with a checksum of its UDP header is taken" \
		"$(vm $G6 40:6)" taken
	try "IPv4: the datagram arrives with its checksum" \
		wait_until 20 has_lines vm-g4 1
	try "IPv6: the datagram arrives with its checksum" \
		wait_until 20 has_lines vm-g6 1
	taken=$({
		vm $G4 -14:20 -13:40 -2:4 0:16 10:2 19:0
		vm $G6 -14:20 -13:60 0:24 20:4 39:0
	} | grep -c taken)
	wait_until 20 counted gw out-checksum "$taken"
	is "checksums that begin in front of UDP are refused where the tap takes them" \
		"$(counter gw out-checksum)" "$taken"
	is "none of these was protected" "$(counter gw out-protected)" 2
	is "none of these arrived" "$(got vm-g4 | wc -l) $(got vm-g6 | wc -l)" "1 1"
else
	skip "a virtual machine's checksum" "no tun, or no smcrouted"
fi

section "bridges and multicast tunnels"

if has_br_netfilter && has_ipip; then
	ns_create c
	veth b:eth1 10.9.9.9/32 -- c:eth0 10.1.0.3/24
	nip b link add br0 type bridge mcast_snooping 0
	nip b link set br0 up
	nip b addr flush dev eth0
	nip b link set eth0 master br0
	nip b addr flush dev eth1
	nip b link set eth1 master br0
	nip b addr add 10.1.0.2/24 dev br0
	wait_until 10 ns_up b br0
	in_ns b sysctl -qw net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.br0.rp_filter=0 net.ipv4.ip_forward=1
	is "the bridge calls IP's hooks" \
		"$(in_ns b sysctl -n net.bridge.bridge-nf-call-iptables)" 1
	spawn in_ns b "$PKT/ways.py" tunnel br0 10.1.0.2 10.1.0.1 10.1.0.1 $G4 \
		"$TMP/tunnel"
	wait_until 20 test -e "$TMP/tunnel"
	sniff a tun 'ip proto 4 or ip proto 50'
	sniff c port 'ip'
	spawn in_ns b "$MC" recv $G4 $PORT br0 "$TMP/br.ready" "$TMP/br"
	wait_until 20 test -e "$TMP/br.ready"
	mc a send $G4 $PORT eth0 count=3 text=BRIDGED ttl=8 \
		>"$TMP/bridged"
	try "a datagram that comes up a bridge is verified and arrives" \
		wait_until 20 has_lines br 3
	is "a datagram that comes up a bridge is as it was sent" \
		"$(got br)" "$(<"$TMP/bridged")"
	try "the other port of the bridge has the datagram as ESP" \
		wait_until 20 captured port 3
	is "the other port of the bridge has nothing in the clear" \
		"$(marker_in port BRIDGED)" 0
	is "multicast routing tunnels nothing in the clear" \
		"$(marker_in tun BRIDGED)" 0
	is "no datagram was dropped in the clear" "$(counter b in-clear)" \
		"$([ -e "$TMP/srv6" ] && echo 9 || echo 0)"
else
	skip "a bridge with br_netfilter" "the kernel lacks it"
fi

tap_done
