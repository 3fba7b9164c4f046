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
need python3
load_mcsec
two_hosts

section "edges through tunnels to the group"

# gr1 to gr8 have the group as their remote host. IPv6 would solicit routers there.
in_ns a sysctl -qw net.ipv6.conf.default.disable_ipv6=1
modprobe -q ip_gre || true
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

tap_done
