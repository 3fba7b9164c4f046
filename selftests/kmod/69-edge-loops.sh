#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Edges that lead back into their group: nothing multiplies.
#
#	a 10.1.0.1 eth0 ---- eth0 b 10.1.0.2
#
# timeout: 600
# stock full: the same code as on the other kernels, but their stack has a guard

. "$(dirname "$0")/edge.sh"
need python3 smcrouted nft
load_mcsec
two_hosts

section "edges through tunnels to the group"

# gr1 to gr8 have the group as their remote host. IPv6 would solicit routers there,
# and each tunnel reports the group by the tunnel below it.
in_ns a sysctl -qw net.ipv6.conf.default.disable_ipv6=1
in_ns a nft -f - <<'END'
table ip quiet {
	chain out {
		type filter hook output priority 0
		ip protocol igmp drop
	}
}
END
modprobe -q ip_gre	# or it is built in: the tunnels below show it
ctl a group add g4 $G4
try "a host has keys" sa_add a g4 "$(new_key 20)" spi 4096 dir inout \
	alg aes-gcm-16 mode tunnel sender-id 1-4 select
nip a route replace multicast $G4 dev eth0
tunnel() {
	nip a link add "gr$1" type gre local 10.1.0.1 remote $G4 key "$1" ttl 8 &&
		nip a addr add "10.77.$1.1/24" dev "gr$1" &&
		nip a link set "gr$1" up
}
edges() { # number of the tunnel, how many
	local i

	for ((i = 0; i < $2; i++)); do
		ctl a edge add g4 "$1$i" local "10.77.$1.1:4500" \
			peer "10.77.$1.2:$((4500 + i))" down || return 1
	done
}
try "a tunnel to the group is made" tunnel 1
try "edges lead through the tunnel" edges 1 3
mc a send $G4 $PORT eth0 loop=0 >/dev/null
# The datagram, and what the tunnel made of three copies
is "copies that a tunnel makes datagrams of go by no edge" \
	"$(counters a out-exempt)" "out-protected 4, edge-sent 3, edge-loop 3"
try "an edge beside the tunnel is added" ctl a edge add g4 1 \
	local 10.1.0.1:4500 peer 10.1.0.2:4500 down
mc a send $G4 $PORT eth0 loop=0 count=10 >/dev/null
is "an edge beside the tunnel has one copy of each" "$(counters a out-exempt)" \
	"out-protected 44, edge-sent 43, edge-loop 33"
is "the edge has counted what the host sent" "$(edge a g4 1 out-packets)" 10
several() {
	local i

	for i in 2 3 4 5 6 7 8; do
		tunnel $i && edges $i 3 || return 1
	done
}
try "seven more tunnels have edges" several
mc a send $G4 $PORT eth0 loop=0 >/dev/null
is "copies through eight tunnels go by no other edge" "$(counters a out-exempt)" \
	"out-protected 69, edge-sent 68, edge-loop 57"
# Each tunnel leads through the one before, and each header is one of the group.
deep() {
	local i

	ctl a group del g4 && ctl a group add g4 $G4 &&
		sa_add a g4 "$(new_key 20)" spi 4097 dir inout alg aes-gcm-16 \
			mode tunnel sender-id 1-4 select || return 1
	for i in 2 3; do
		nip a link del "gr$i" &&
			nip a link add "gr$i" type gre local "10.77.$((i - 1)).1" \
				remote $G4 key "$i" ttl 8 dev "gr$((i - 1))" &&
			nip a addr add "10.77.$i.1/24" dev "gr$i" &&
			nip a link set "gr$i" up || return 1
	done
	edges 1 3 && edges 3 3
}
try "tunnels lead through tunnels" deep
mc a send $G4 $PORT eth0 loop=0 size=100 >/dev/null
is "each edge has one copy, however deep its tunnel" "$(counters a out-exempt)" \
	"out-protected 82, edge-sent 74, edge-loop 69"

section "gateways with an edge between them"

ns_create c d
veth c:eth0 10.2.0.1/24 -- d:eth0 10.2.0.2/24
overlay c 1
overlay d 2
k=$(new_key 20) at=1
for n in c d; do
	nip $n link add dummy1 type dummy
	nip $n link set dummy1 multicast on up
	ctl $n group add g4 $G4 forward dev dummy0,dummy1
	sa_add $n g4 "$k" spi 4098 dir inout alg aes-gcm-16 mode tunnel \
		sender-id $at-$((at + 3)) select || not_ok "$n has keys"
	at=$((at + 10))
done
try "a gateway has an edge" ctl c edge add g4 1 local 10.2.0.1:4500 \
	peer 10.2.0.2:4500 up down dev dummy0
try "the other gateway has the edge" ctl d edge add g4 1 local 10.2.0.2:4500 \
	peer 10.2.0.1:4500 up down dev dummy0
for n in c d; do
	mroute $n dummy0 dummy1 10.9.0.77 $G4 || not_ok "$n routes multicast"
done
hear c $G4 rc
hear d $G4 rd
mc c hdrincl $G4 dummy0 10.9.0.77
# A datagram with a TTL of 8: each gateway would send it back to the other.
try "the other gateway routes the datagram" wait_until 30 counted d out-protected 1
try "the sender routes its own copy" wait_until 30 counted c out-protected 2
is "a gateway does not send back what came by an edge" \
	"$(counters d out-exempt)" "out-protected 1, in-accepted 1"
is "a gateway sends what it routes by no edge again" "$(counters c out-exempt)" \
	"out-protected 2, in-accepted 1, edge-sent 1"
is "both gateways have the datagram once" "$(lines rc rd)" "1 1"

tap_done
