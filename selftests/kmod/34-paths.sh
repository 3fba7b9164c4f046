#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The other ways by which a group's clear datagrams could leave a host or reach
# a socket: raw sockets, foreign ESP, xfrm, copies by rules, translated
# addresses, multicast routing, bridges. All closed.
#
#	a eth0 ---- eth0 b eth1 ---- eth0 c
#
# b is the host that could leak; c is where it would be seen.
#
# timeout: 600

. "$(dirname "$0")/kmod.sh"
need tcpdump python3
load_mcsec
two_hosts
ns_create c
veth b:eth1 10.3.0.1/24 fd03::1/64 -- c:eth0 10.3.0.2/24 fd03::2/64
groups a b
for g in g4 g6; do
	key=$(new_key 20)
	sa_add a $g "$key" spi 4096 dir out alg aes-gcm-16 sender-id 1-4 select
	sa_add b $g "$key" spi 4096 dir in alg aes-gcm-16
done
listen b $G4 r4
sniff c leak
sniff b wire

section "raw sockets"

raw() { mc a hdrincl $G4 eth0 10.1.0.1 "$@"; }
raw >"$TMP/sent"
try "a raw socket's datagram arrives" wait_until 20 has_lines r4 1
is "a raw socket's datagram arrives as it was sent" \
	"$(got r4)" "$(<"$TMP/sent")"
is "a raw socket's datagram goes by way of ESP" "$(counter a out-protected)" 1
is "ESP that is not ours is not sent" "$(raw proto=50)" EPERM
is "ESP that is not ours is counted" "$(counter a out-foreign-esp)" 1
raw frag=1 >/dev/null
is "a fragment alone is not sent, the kernel keeps it" "$(counters a)" \
	"out-protected 1, out-foreign-esp 1"
raw offset=9 nodefrag=0 >/dev/null
try "a fragment arrives with its other half" wait_until 20 has_lines r4 2
is "both fragments go as one datagram, by way of ESP" "$(counters a)" \
	"out-protected 2, out-foreign-esp 1"

section "xfrm policy for the group"

nip a xfrm state add src 0.0.0.0 dst $G4 proto esp spi 0x2000 mode transport \
	aead 'rfc4106(gcm(aes))' 0x"$(new_key 20)" 128
nip a xfrm policy add dir out dst $G4 tmpl dst $G4 proto esp mode transport
send a $G4 count=2 >/dev/null
is "ESP upon ESP is not sent" "$(counter a out-foreign-esp)" 3
nip a xfrm policy flush
nip a xfrm state flush

section "rules"

if command -v nft >/dev/null; then
	if in_ns a nft -f - 2>/dev/null <<NFT
table ip t {
	chain out {
		type filter hook output priority 0
		ip daddr $G4 dup to 10.1.0.2 device eth0
	}
}
NFT
	then
		send a $G4 text=SECRET >/dev/null
		in_ns a nft delete table ip t
	else
		skip "a rule that duplicates" "the kernel lacks nft_dup_ipv4"
	fi
	# datagrams to b are translated into the group, behind our hook
	in_ns b nft -f - <<NFT
table ip t {
	chain pre {
		type nat hook prerouting priority -100
		udp dport 7000 dnat to $G4:$PORT
	}
}
NFT
	lines=$(wc -l <"$TMP/r4")
	in_ns a python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(3): s.sendto(b"INTRUSION", ("10.1.0.2", 7000))'
	before=$(counter b in-accepted)
	send a $G4 >/dev/null
	wait_until 20 counted b in-accepted $((before + 1))
	is "a datagram that rules translate into a group is not delivered" \
		"$(wc -l <"$TMP/r4")" $((lines + 1))
	like "a datagram that rules translate into a group is counted" \
		"$(counters b)" "(in|forward)-clear 3"
	in_ns b nft delete table ip t
else
	skip "copies and translation by rules" "nft is missing"
fi

section "multicast routing"

cat >"$TMP/route.py" <<'PY'
"""Route the groups from eth0 to eth1, by the kernel's multicast routing."""
import signal, socket, struct, sys

i0, i1 = (socket.if_nametoindex(d) for d in ("eth0", "eth1"))
s4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP)
s4.setsockopt(socket.IPPROTO_IP, 200, 1)                # MRT_INIT
for vif, index in (0, i0), (1, i1):                     # MRT_ADD_VIF
    s4.setsockopt(socket.IPPROTO_IP, 202,
                  struct.pack("@HBBIi4s", vif, 8, 1, 0, index, bytes(4)))
for source in ("10.1.0.1",):                            # MRT_ADD_MFC
    for group in sys.argv[1], "239.9.9.9":
        s4.setsockopt(socket.IPPROTO_IP, 204, struct.pack(
            "@4s4sH32sIIIi", socket.inet_aton(source),
            socket.inet_aton(group), 0, bytes([0, 1]) + bytes(30), 0, 0, 0, 0))
open(sys.argv[2], "w").close()
signal.pause()
PY
in_ns b sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0
spawn in_ns b python3 "$TMP/route.py" $G4 "$TMP/routing"
try "b routes multicast" wait_until 20 test -e "$TMP/routing"
lines=$(wc -l <"$TMP/r4")
send a 239.9.9.9 text=PLAIN count=2 >/dev/null
try "a datagram that is not protected is routed" wait_until 20 \
	grep -aq PLAIN "$TMP/leak.pcap"
send a $G4 text=SECRET count=3 >/dev/null
wait_until 20 has_lines r4 $((lines + 3))
is "a group's datagrams are delivered" "$(wc -l <"$TMP/r4")" $((lines + 3))
send a 239.9.9.9 text=LAST >/dev/null
wait_until 20 grep -aq LAST "$TMP/leak.pcap"
is "a group's datagrams are not routed on in the clear" \
	"$(grep -ac SECRET "$TMP/leak.pcap")" 0

section "bridge that calls IP's hooks"

if has_br_netfilter; then
	ns_create e
	veth b:eth2 10.9.0.1/24 -- e:eth0 10.9.0.2/24
	nip b addr flush dev eth0
	nip b link add br0 type bridge mcast_snooping 0
	nip b link set eth0 master br0
	nip b link set eth2 master br0
	nip b link set br0 up
	nip b addr add 10.1.0.2/24 dev br0
	in_ns b sysctl -qw net.bridge.bridge-nf-call-iptables=1 \
		net.bridge.bridge-nf-call-ip6tables=1
	sniff e bridged
	forwards() { send a 239.8.8.8 text=PLAIN >/dev/null
		grep -aq PLAIN "$TMP/bridged.pcap"; }
	try "the bridge passes what is not protected" wait_until 40 forwards
	before=$(counter b in-accepted)
	in_ns b python3 - $G4 br0 <<'PY' &
import socket, struct, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(0, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(sys.argv[1]) +
             bytes(4) + struct.pack("@I", socket.if_nametoindex(sys.argv[2])))
time.sleep(30)
PY
	joined() { nip b maddr show dev br0 | grep -q "$G4"; }
	wait_until 20 joined
	send a $G4 text=SECRET count=4 >/dev/null
	try "b itself verifies what came over the bridge" wait_until 20 \
		counted b in-accepted $((before + 4))
	sniffed bridged
	try "the other port of the bridge gets ESP as it came" sh -c \
		"tcpdump -n -r '$TMP/bridged.pcap' esp 2>/dev/null | grep -q ."
	is "the other port of the bridge gets nothing in the clear" \
		"$(grep -ac SECRET "$TMP/bridged.pcap")" 0
else
	skip "a bridge that calls IP's hooks" "no br_netfilter"
fi
sniffed wire
is "the cable from a had ESP only" "$(grep -ac SECRET "$TMP/wire.pcap")" 0
tap_done
