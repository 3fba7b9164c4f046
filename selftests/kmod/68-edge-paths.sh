#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Edges over IPv4 and IPv6 for groups of both, of every size, through NAT.
#
#	a eth0 ---- eth0 b
#	a eth1 ---- eth0 n eth1 ---- eth0 e
#	                   eth2 ---- eth0 f
#
# n translates the addresses of e and f.
#
# timeout: 900
# stock full: the same code as on the other kernels

. "$(dirname "$0")/edge.sh"
need tcpdump python3 nft
load_mcsec
two_hosts
ns_create n e f
veth a:eth1 10.2.0.1/24 -- n:eth0 10.2.0.2/24
veth n:eth1 10.3.0.1/24 -- e:eth0 10.3.0.2/24
veth n:eth2 10.4.0.1/24 -- f:eth0 10.4.0.2/24
at=0
for n in a b e f; do
	at=$((at + 1))
	overlay $n $at
done
groups a b e f
try "all hosts have the keys" keys 4096 a b e f
sniff b wire
hear b $G4 b4
hear b $G6 b6

section "families"

combine() { # group's address, its name, addresses of a and b outside
	ctl a edge add "$2" 1 local "$3:4500" peer "$4:4500" down &&
		ctl b edge add "$2" 1 local "$4:4500" peer "$3:4500" up || return 1
	say a "$1" size=0,1,1000 >"$TMP/sent"
}
try "IPv4 over IPv4" combine $G4 g4 10.1.0.1 10.1.0.2
try "IPv4 over IPv4 arrives" wait_until 30 has_lines b4 3
is "IPv4 over IPv4 is as it was sent" "$(got b4)" "$(cat "$TMP/sent")"
try "IPv6 over IPv6" combine $G6 g6 "[fd01::1]" "[fd01::2]"
try "IPv6 over IPv6 arrives" wait_until 30 has_lines b6 3
is "IPv6 over IPv6 is as it was sent" "$(got b6)" "$(cat "$TMP/sent")"
for n in a b; do
	ctl $n edge del g4 1
	ctl $n edge del g6 1
done
try "IPv4 over IPv6" combine $G4 g4 "[fd01::1]" "[fd01::2]"
try "IPv4 over IPv6 arrives" wait_until 30 has_lines b4 6
is "IPv4 over IPv6 is as it was sent" "$(got b4 | tail -n 3)" "$(cat "$TMP/sent")"
try "IPv6 over IPv4" combine $G6 g6 10.1.0.1 10.1.0.2
try "IPv6 over IPv4 arrives" wait_until 30 has_lines b6 6
is "IPv6 over IPv4 is as it was sent" "$(got b6 | tail -n 3)" "$(cat "$TMP/sent")"
is "every family's datagrams are counted" "$(counters b out-exempt)" \
	"in-accepted 12"
sniffed wire
is "each family's datagrams went as UDP of the edge" "$(for v in ip ip6; do
	tcpdump -n -r "$TMP/wire.pcap" "$v and udp port 4500" 2>/dev/null | wc -l
done | xargs)" "6 6"

section "the class outside"

say a $G4 tos=184 >/dev/null
say a $G4 tos=2 >/dev/null
try "datagrams of two classes arrive" wait_until 30 has_lines b4 8
is "the class inside is what was sent" \
	"$(tail -n 2 "$TMP/b4" | cut -d' ' -f5 | xargs)" "184 2"
sniffed wire
is "the class outside is that of the datagram" \
	"$(tcpdump -v -n -r "$TMP/wire.pcap" 'ip6 and udp port 4500' 2>/dev/null |
		tail -n 2 | sed -n 's/.*class \(0x[0-9a-f]*\).*/\1/p' | xargs)" \
	"0xb8 0x02"
# A router that marks what may be marked
in_ns a nft -f - <<'END'
table ip congested {
	chain out {
		type filter hook postrouting priority 0
		udp dport 4500 counter ip ecn set ce counter
	}
}
END
say a $G6 tos=2 >/dev/null
try "a mark of congestion arrives" wait_until 30 has_lines b6 7
is "the mark of congestion is in the datagram" \
	"$(tail -n 1 "$TMP/b6" | cut -d' ' -f5)" 3
say a $G6 tos=0 >/dev/null
try "a mark on what cannot have it is dropped" wait_until 30 counted b in-inner 1
in_ns a nft delete table ip congested

section "sizes"

# 48 octets outside, 34 to 37 of ESP, 28 of IP and UDP inside
is "the sender is told the size that fits the edge" "$(say a $G4 size=1472 pmtu=do recverr=1)" \
	"EMSGSIZE mtu 1418"
is "a datagram that is too large goes nowhere" "$(counters a out-exempt \
	out-protected edge-sent)" "out-mtu 1"
say a $G4 size=1390 pmtu=do >"$TMP/sent"
try "a datagram of that size arrives" wait_until 30 has_lines b4 9
is "a datagram of that size is as it was sent" "$(got b4 | tail -n 1)" \
	"$(cat "$TMP/sent")"
sniffed wire
is "a datagram of that size is in one piece" \
	"$(tcpdump -n -r "$TMP/wire.pcap" 'ip6[6] == 44' 2>/dev/null | wc -l)" 0
say a $G4 size=1391,1472,9000,60000 >"$TMP/sent"
try "larger datagrams arrive in pieces" wait_until 60 has_lines b4 13
is "larger datagrams are as they were sent" "$(got b4 | tail -n 4)" \
	"$(cat "$TMP/sent")"
say a $G4 size=4000 gso=1000 >"$TMP/sent"
try "segments of a large send arrive" wait_until 60 has_lines b4 17
is "segments of a large send are as they were sent" "$(got b4 | tail -n 4)" \
	"$(cat "$TMP/sent")"
# With the link header; before this an edge was as wide as the link.
wide() {
	tcpdump -n -r "$TMP/wire.pcap" 'ip and greater 1015 and
		(udp port 4500 or ip[6:2] & 0x3fff != 0)' 2>/dev/null | wc -l
}
before=$(wide)
try "the edge can be made narrower" ctl a edge set g6 1 mtu 1000
say a $G6 size=0,900,901,1400,5000 >"$TMP/sent"
try "datagrams arrive by a narrow edge" wait_until 60 has_lines b6 12
is "datagrams by a narrow edge are as they were sent" "$(got b6 | tail -n 5)" \
	"$(cat "$TMP/sent")"
sniffed wire
is "no piece is larger than the edge" "$(wide)" "$before"

# 42 octets of IP, UDP and ESP's head outside, 18 of its end, 48 of IP and UDP inside
pieces() { in_ns a nstat -asz IpFragCreates | awk '/^Ip/ { print $2 }'; }
before=$(pieces)
say a $G6 size=887,890,891 >"$TMP/sent"
try "datagrams of about the size of an edge arrive" \
	wait_until 60 has_lines b6 15
is "only a datagram that is larger than the edge goes in pieces" \
	$(($(pieces) - before)) 2

section "no route"

lead() { # group's name, local and peer address
	ctl a edge add "$1" 2 local "$2:4520" peer "$3:4500" down
}
try "an edge of IPv4 to where no route leads" lead g4 10.1.0.1 203.0.113.1
say a $G4 loop=0 >/dev/null
try "a copy without a route of IPv4 is counted" \
	wait_until 30 counted a edge-no-route 1
is "the edge of IPv4 has dropped the copy" "$(edge a g4 2 out-drops)" 1
ctl a edge del g4 2
try "an edge of IPv6 to where no route leads" lead g6 "[fd01::1]" "[2001:db8::1]"
say a $G6 loop=0 >/dev/null
try "a copy without a route of IPv6 is counted" \
	wait_until 30 counted a edge-no-route 2
is "the edge of IPv6 has dropped the copy" "$(edge a g6 2 out-drops)" 1
ctl a edge del g6 2

section "NAT"

in_ns n sysctl -qw net.ipv4.ip_forward=1
in_ns n nft -f - <<'END'
table ip nat {
	chain out {
		type nat hook postrouting priority srcnat
		oifname "eth0" masquerade
	}
}
END
nip e route add default via 10.3.0.1
nip f route add default via 10.4.0.1
hear a $G4 a4
hear e $G4 e4
hear f $G4 f4
ctl e edge add g4 1 local 0.0.0.0:4500 peer 10.2.0.1:4500 up
ctl f edge add g4 1 local 0.0.0.0:4501 peer 10.2.0.1:4500 up
# A datagram to them before would take the port that the NAT is to give them, so
# the edge leads elsewhere at first.
try "an edge with the socket to behind NAT" ctl a edge add g4 2 \
	local 10.2.0.1:4500 peer 10.2.0.9:9 down senders 21-24
say e $G4 loop=0 >/dev/null
say f $G4 loop=0 >/dev/null
try "a host behind NAT is unknown until there is an edge" \
	wait_until 30 counted a edge-unknown 2
try "an edge to a host behind NAT" ctl a edge set g4 2 peer 10.2.0.2:4500
try "an edge to a second host behind the NAT" ctl a edge add g4 3 \
	local 10.2.0.1:4500 peer 10.2.0.2:4501 down senders 31-34
say e $G4 loop=0 >/dev/null
try "a datagram from behind the NAT arrives" wait_until 30 has_lines a4 1
try "the datagram goes on to the second host behind the NAT" wait_until 30 has_lines f4 1
say f $G4 loop=0 >/dev/null
try "a datagram of a second host behind the NAT arrives" \
	wait_until 30 has_lines a4 2
try "the datagram goes on to the first host behind the NAT" wait_until 30 has_lines e4 1
say a $G4 loop=0 >/dev/null
try "both hosts behind the NAT hear" wait_until 30 has_lines e4 2
try "the second host behind the NAT hears" wait_until 30 has_lines f4 2
# The NAT gives another port, as it does to another flow of the host.
ctl e edge del g4 1
ctl e edge add g4 1 local 0.0.0.0:4510 peer 10.2.0.1:4500 up
say e $G4 loop=0 >/dev/null
try "another port of the NAT is another source" \
	wait_until 30 counted a edge-unknown 3
try "the edge can follow the NAT" ctl a edge set g4 2 peer 10.2.0.2:4510
say e $G4 loop=0 >/dev/null
try "a datagram through the new port arrives" wait_until 30 has_lines a4 3
say a $G4 loop=0 >/dev/null
try "the host behind the new port hears" wait_until 30 has_lines e4 3

section "the class of what a relay sends on"

SNIFF=eth0 sniff f relayed "udp src port 4500"
classes() { # number of the last datagrams: their classes outside
	sniffed relayed
	tcpdump -v -n -r "$TMP/relayed.pcap" 2>/dev/null |
		sed -n 's/.*(tos \(0x[0-9a-f]*\),.*/\1/p' | tail -n "$1" | xargs
}
had=$(wc -l <"$TMP/f4")
# An inner datagram of 28 to 35 octets, and a longer one
say e $G4 size=0,6,7,1000 tos=184 loop=0 >"$TMP/sent"
try "short datagrams go on" wait_until 30 has_lines f4 $((had + 4))
is "the class of short datagrams goes on outside" "$(classes 4)" \
	"0xb8 0xb8 0xb8 0xb8"
in_ns n nft -f - <<'END'
table ip congested {
	chain out {
		type filter hook postrouting priority 0
		udp dport 4500 ip ecn set ce
	}
}
END
say e $G4 size=0,6,7,1000 tos=2 loop=0 >"$TMP/sent"
try "short datagrams that were marked go on" wait_until 30 has_lines f4 $((had + 8))
is "the mark of congestion goes on outside" "$(classes 4)" "0x3 0x3 0x3 0x3"
is "the mark of congestion is in what was sent on" \
	"$(tail -n 4 "$TMP/f4" | cut -d' ' -f5 | xargs)" "3 3 3 3"
is "no short datagram was refused for its mark" "$(counter a in-inner)" 0
in_ns n nft delete table ip congested
is "nothing else was refused behind the NAT" \
	"$(for n in e f; do counters $n out-exempt out-protected in-accepted \
		edge-sent; done)" ""

tap_done
