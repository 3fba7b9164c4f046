#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A gateway routes what it deciphers, and nothing else that came from outside:
# segment routing decapsulates behind PRE_ROUTING, and hands clear datagrams to
# multicast routing that no hook has seen.
#
#	a eth0 ---- eth0 b eth1 ---- eth0 c

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 smcrouted
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
in_ns b sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
for n in b c; do
	in_ns $n sysctl -qw net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.eth0.rp_filter=0
done
cat >"$TMP/conf" <<CONF
phyint eth0 enable
phyint eth1 enable
mroute from eth0 source 10.1.0.1 group $G4 to eth1
mroute from eth0 source fd01::1 group $G6 to eth1
CONF
spawn in_ns b smcrouted -n -N -f "$TMP/conf" -u "$TMP/sock" -P "$TMP/pid" \
	>"$TMP/smcrouted" 2>&1
routed() {
	nip b mroute show | grep -q 'State: resolved' &&
		nip b -6 mroute show | grep -q 'State: resolved'
}
try "multicast is routed" wait_until 20 routed

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

section "without the groups"
# The control: the same datagrams arrive where nothing protects. Another group has
# fragments reassembled as before.
ctl b group flush
ctl b group add other 239.77.0.1
came() { try "$1 clear datagrams are routed" wait_until 20 cleared "$1"; }
cleared() { [ $(($(wc -l <"$TMP/c4") + $(wc -l <"$TMP/c6"))) -ge $(($1 + 4)) ]; }
forge came

tap_done
