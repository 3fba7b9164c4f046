#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# debug full: it starts multicast routing five times
#
# IP copies what it sends to a multicast group to this host, if a socket has joined
# the group there or a multicast router has to see it. Its own datagrams that a
# gateway routes in fragments come back only in the first case.
#
#	a eth0 ---- eth0 b eth1 ---- eth0 c

. "$(dirname "$0")/kmod.sh"
need python3 smcrouted
load_mcsec
two_hosts
ns_create c
veth b:eth1 10.3.0.1/24 fd03::1/64 -- c:eth0 10.3.0.2/24 fd03::2/64
mroute_to c eth0 224.0.0.0/4 ff00::/8
for n in a b c; do
	in_ns $n sysctl -qw net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.eth0.rp_filter=0
done
inward() { mroute b eth0 eth1 10.1.0.1 $G4 fd01::1 $G6; }
outward() { mroute b eth1 eth0 10.3.0.2 $G4 fd03::2 $G6; }
spi=4096
keys() { # direction of b's SAs: new keys in a and b
	local g k

	spi=$((spi + 1))
	for g in g4 g6; do
		k=$(new_key 20)
		sa_add a $g "$k" spi $spi dir inout alg aes-gcm-16 \
			sender-id 1-4 select
		sa_add b $g "$k" spi $spi dir "$1" alg aes-gcm-16 \
			sender-id 5-8 select
	done
}
# numbers of datagrams that multicast routing got, and got by the wrong interface
routed() {
	in_ns b awk 'FNR > 1 { print $4, $6 }' /proc/net/ip_mr_cache \
		/proc/net/ip6_mr_cache | xargs
}
large() { # from, receiver...: a datagram of each family in three fragments
	local from=$1 r f
	shift

	for r; do
		wc -l <"$TMP/${r}4" >"$TMP/$r.before"
	done
	send "$from" $G4 ttl=8 size=3000 >/dev/null
	send "$from" $G6 ttl=8 size=3000 >/dev/null
	for r; do
		for f in 4 6; do
			try "a large datagram of IPv$f arrives at $r" wait_until 20 \
				has_lines "$r$f" $(($(<"$TMP/$r.before") + 1))
		done
	done
}
listen_at() { # receivers of both families
	listen "$1" $G4 "${1}4"
	listen "$1" $G6 "${1}6"
}
ctl b group add g4 $G4 dev eth0 forward
ctl b group add g6 $G6 dev eth0 forward
groups a
keys inout

section "into the inside"
inward
listen_at c
large a c
is "multicast routing has seen each datagram once" "$(routed)" "1 0 1 0"
is "each datagram was decrypted once" "$(counters b)" "in-accepted 2"

section "to the outside"
outward
keys out
listen_at a
large c a
is "multicast routing has seen each datagram once" "$(routed)" "1 0 1 0"
is "each datagram was encrypted, and none decrypted" "$(counters b)" \
	"out-protected 2, in-accepted 2"
large c a
is "multicast routing has seen two of each family" "$(routed)" "2 0 2 0"

section "out of a tunnel"
# Datagrams out of a tunnel have the type of those that this host sends.
for e in b:1:2 c:2:1; do
	IFS=: read -r ns here there <<<"$e"
	nip "$ns" -6 tunnel add t6 mode ip6ip6 local fd03::"$here" \
		remote fd03::"$there" encaplimit none
	nip "$ns" link set t6 up multicast on
	nip "$ns" addr add fd05::"$here"/64 dev t6 nodad
done
nip c -6 route add $G6/128 dev t6 table local
mroute b t6 eth0 fd05::2 $G6
before=$(wc -l <"$TMP/a6")
mc c send $G6 $PORT t6 ttl=8 size=3000 >/dev/null
try "a large datagram arrives" wait_until 20 has_lines a6 $((before + 1))
is "multicast routing has seen the datagram once" "$(routed)" "1 0"
is "the datagram was encrypted, and nothing decrypted" "$(counters b)" \
	"out-protected 5, in-accepted 2"

section "a gateway that has joined outside"
# IP's routing sees these copies too, and does not route them.
outward
keys inout
listen_at b
large c a b
is "multicast routing has seen the copies for sockets" "$(routed)" "2 0 2 1"
is "the copies for sockets were decrypted" "$(counters b)" \
	"out-protected 7, in-accepted 4"

section "other addresses"
# The first fragment has the flag, so that copies of the rest would wait for it.
mroute b eth0 eth1 fd01::1 ff3e::77 fd01::2 ff3e::77
listen c ff3e::77 other
in_ns b sysctl -qw net.netfilter.nf_conntrack_frag6_low_thresh=60000 \
	net.netfilter.nf_conntrack_frag6_high_thresh=65536
mc a send ff3e::77 $PORT eth0 ttl=8 count=40 size=3000 >/dev/null
try "all of 40 large datagrams are routed" wait_until 20 has_lines other 40
mc b send ff3e::77 $PORT eth0 ttl=8 size=3000 >/dev/null
try "a large datagram that the gateway sends is routed by a copy" \
	wait_until 20 has_lines other 41
is "multicast routing has seen 40 datagrams and one" \
	"$(routed | xargs -n 2 | sort | xargs)" "1 0 40 0"

tap_done
