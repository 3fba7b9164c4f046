#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Reports, leaves and queries of IGMP and MLD in groups that protect them: as
# ESP on the wire, in the clear for who reads them, forged ones refused.
# a is the host, b hears what a router would.
#
# timeout: 600

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 nft
load_mcsec
two_hosts

spi=4096
# name, address, more words: a group that both are keyed for
control_group() {
	local name=$1 key n sid=1
	shift

	key=$(new_key 20) spi=$((spi + 1))
	for n in a b; do
		ctl $n group add "$name" "$@"
		sa_add $n "$name" "$key" spi $spi dir inout alg aes-gmac \
			sender-id $sid-$((sid + 3)) select
		sid=$((sid + 4))
	done
}
control_group igmp 224.0.0.0/4 proto igmp
control_group mld2 ff02::16
control_group done6 ff02::2 proto icmpv6
control_group query6 ff02::1 proto icmpv6
control_group mld1 $G6 proto icmpv6
# now: an interface reports what it is a member of for a while after it came
sniff a wire
LL=$(nip a -6 -o addr show dev eth0 scope link | awk '{ sub("/.*", "", $4)
	print $4 }')

# not "listen": what is left of one member would be taken for the next
joined=0
member() {
	joined=$((joined + 1))
	listen a "$1" m$joined
	member=$!
}
leave() {
	# the shell waits for the parent
	pkill -P $member
	wait $member 2>/dev/null
}
spawn in_ns b "$PKT/control.py" hear eth0 "$TMP/ready" "$TMP/heard" \
	224.0.0.22 224.0.0.2 $G4 ff02::16 ff02::2 $G6
wait_until 30 test -e "$TMP/ready"

# type, destination: b heard it from a
heard() { grep -qE "^$1 (10\.1\.0\.1|$LL) $2\$" "$TMP/heard"; }
# type, destination, name
hears() { try "$3" wait_until 30 heard "$1" "$2"; }
refused=0
# name, source, destination, type, group: towards b, past a's stack
forged() {
	local name=$1
	shift

	refused=$((refused + 1))
	pkt a control frame eth0 "$@"
	try "a forged $name is refused" wait_until 20 counted b in-clear \
		$refused
}

for v in 3 2; do
	in_ns a sysctl -qw net.ipv4.conf.eth0.force_igmp_version=$v \
		net.ipv6.conf.eth0.force_mld_version=$((v - 1))
	: >"$TMP/heard"
	member $G4
	if [ $v = 3 ]; then
		hears 22:4 224.0.0.22 "IGMPv3: a join is heard"
		leave
		hears 22:3 224.0.0.22 "IGMPv3: a leave is heard"
	else
		hears 16 $G4 "IGMPv2: a join is heard"
		leave
		hears 17 224.0.0.2 "IGMPv2: a leave is heard"
	fi
	: >"$TMP/heard"
	member $G6
	if [ $v = 3 ]; then
		hears 8f:4 ff02::16 "MLDv2: a join is heard"
		leave
		hears 8f:3 ff02::16 "MLDv2: a leave is heard"
	else
		hears 83 $G6 "MLDv1: a join is heard"
		leave
		hears 84 ff02::2 "MLDv1: a done is heard"
	fi
done
is "nothing that readers of membership sent was refused" \
	"$(counter b in-clear)" 0

forged "join (IGMPv2)" igmp 10.1.0.66 $G4 type=16 group=$G4
forged "leave (IGMPv2)" igmp 10.1.0.66 224.0.0.2 type=17 group=$G4
forged "report (IGMPv3)" igmp 10.1.0.66 224.0.0.22 type=22 group=$G4
forged "query (IGMPv2)" igmp 10.1.0.66 224.0.0.1 type=11 group=0.0.0.0
forged "join (MLDv1)" mld fe80::66 $G6 type=83 group=$G6
forged "done (MLDv1)" mld fe80::66 ff02::2 type=84 group=$G6
forged "report (MLDv2)" mld fe80::66 ff02::16 type=8f group=$G6
forged "query (MLDv1)" mld fe80::66 ff02::1 type=82 group=::
is "no more than the forged reports are refused" \
	"$(counter b in-clear)" $refused
is "no reader saw a forged report" \
	"$(grep -cE '10\.1\.0\.66|fe80::66' "$TMP/heard")" 0

section "queries"
# A query of IGMPv2 makes a host speak IGMPv2.

version() {
	in_ns a awk '$2 == "eth0" { print $5 }' /proc/net/igmp
}
in_ns a sysctl -qw net.ipv4.conf.eth0.force_igmp_version=0
pkt b control frame eth0 igmp 10.1.0.66 224.0.0.1 \
	type=11 group=0.0.0.0
try "the host refuses a forged query" wait_until 20 counted a in-clear 1
is "the host stays with IGMPv3" "$(version)" V3
pkt b control say eth0 igmp 10.1.0.2 224.0.0.1 \
	type=11 group=0.0.0.0
v2() { [ "$(version)" = V2 ]; }
try "a protected query counts" wait_until 20 v2

section "PIM of IPv6"
# Debian's FRR has no daemon for it.

in_ns b nft -f - <<'NFT'
table inet pim {
	counter hellos { }
	chain in {
		type filter hook input priority 0
		ip6 daddr ff02::d meta l4proto pim counter name hellos
	}
}
NFT
# a raw socket that has joined, so that hellos get that far
spawn in_ns b "$PKT/control.py" hear eth0 "$TMP/ready6" "$TMP/heard6" ff02::d
wait_until 30 test -e "$TMP/ready6"
control_group pim6 ff02::d proto pim
hellos() {
	in_ns b nft list counter inet pim hellos | grep -q "packets $1 "
}
for i in 1 2 3; do
	pkt a control say eth0 pim "$LL" ff02::d
done
try "protected hellos of PIM arrive in IPv6" wait_until 20 hellos 3
forged "hello of PIM (IPv6)" pim fe80::66 ff02::d
forged "one in a's name" pim "$LL" ff02::d
try "forged hellos of PIM do not arrive" hellos 3

wire() { sniffed wire || return 1; tcpdump -n -r "$TMP/wire.pcap" "$@" 2>/dev/null | wc -l; }
genuine="not ether src 02:00:00:00:00:66"
try "the wire has ESP" wait_until 20 eval '[ "$(wire esp)" -ge 6 ]'
is "the wire has no IGMP in the clear but what was forged" \
	"$(wire "igmp and $genuine")" 0
is "the wire has no PIM in the clear" "$(wire "$genuine and ip6 proto 103")" 0
sniffed wire
is "the wire has no MLD in the clear, behind whichever header" \
	"$(tcpdump -n -tt -r "$TMP/wire.pcap" \
	"$genuine and ip6[6] == 0 and ip6[40] == 58 and
	(dst ff02::16 or dst ff02::2 or dst $G6)" 2>/dev/null)" ""
tap_done
