#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# keepalived over mcsec: three nodes of VRRPv3 whose advertisements are
# authenticated (AES-GMAC) hand their address on as nodes die and return, and
# do not yield to who has no key.
#
# debug full: most of it is the work of daemons that the debug kernel makes slow
# timeout: 600

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 keepalived
load_mcsec
# a, b and c on a switch; whoever forges has a port as well
ns_create a b c x sw
nip sw link add br0 type bridge mcast_snooping 0
nip sw link set br0 up
i=0
for n in a b c x; do
	i=$((i + 1))
	veth $n:eth0 10.1.0.$i/24 fd01::$i/64 -- sw:eth$i
	nip sw link set eth$i master br0
done
VIP=10.1.0.100 VIP6=fe80::100

conf() { # namespace, priority
	local f vip

	echo "global_defs { vrrp_garp_master_delay 1 }"
	for f in 4 6; do
		[ $f = 4 ] && vip=$VIP/24 || vip=$VIP6/64
		cat <<-CONF
		vrrp_instance V$f {
			version 3
			state BACKUP
			interface eth0
			virtual_router_id 7
			priority $2
			advert_int 1
			virtual_ipaddress { $vip }
		}
		CONF
	done
}
declare -A prio=([a]=150 [b]=100 [c]=50)
keep() { # namespace
	local n=$1

	conf $n "${prio[$n]}" >"$TMP/$n.conf"
	chmod 600 "$TMP/$n.conf"
	spawn in_ns $n keepalived -n -l -P -f "$TMP/$n.conf" \
		-p "$TMP/$n.pid" -r "$TMP/$n.vrrp" >>"$TMP/$n.log" 2>&1
	wait_until 30 grep -q 'Entering BACKUP' "$TMP/$n.log" ||
		diag "$(tail -n 20 "$TMP/$n.log")"
}
stop() { # namespace: without a word to the others
	kill -KILL "$(<"$TMP/$1.pid")" "$(<"$TMP/$1.vrrp")"
	rm -f "$TMP/$1.pid" "$TMP/$1.vrrp"
	# the dead node's kernel still holds these addresses
	nip "$1" addr del $VIP/24 dev eth0 2>/dev/null
	nip "$1" addr del $VIP6/64 dev eth0 2>/dev/null
	: >"$TMP/$1.log"
}
has() { # namespace, address
	nip "$1" -o addr show dev eth0 | grep -q " $2/"
}
owners() {
	local n who=''

	for n in a b c; do
		! has $n $VIP || who+="$n "
		! has $n $VIP6 || who+="${n}6 "
	done
	echo "$who"
}
owned() { [ "$(owners)" = "$*" ] || [ "$(owners)" = "$* " ]; }
forge() { # priority, of either family
	pkt x control frame eth0 vrrp 10.1.0.66 224.0.0.18 vrid=7 \
		prio="$1" addr=$VIP
	pkt x control frame eth0 vrrp fe80::66 ff02::12 vrid=7 \
		prio="$1" addr=$VIP6
}

sniff x wire
declare -A key=([vrrp4]=$(new_key 20) [vrrp6]=$(new_key 20))
sid=1
for n in a b c; do
	ctl $n group add vrrp4 224.0.0.18 dev eth0 proto vrrp
	ctl $n group add vrrp6 ff02::12 dev eth0 proto vrrp
	for g in vrrp4 vrrp6; do
		sa_add $n $g "${key[$g]}" spi $((4096 + ${g#vrrp})) dir inout \
			alg aes-gmac sender-id $sid-$((sid + 3)) select
	done
	sid=$((sid + 4))
done
for n in c b a; do
	keep $n
done
try "the first router has the addresses" wait_until 60 owned a a6
like "the first router has the addresses by what it said with authentication" \
	"$(counters b)" \
	'in-accepted [1-9]'

section "failover"

stop a
try "after the death of the first, the second router has the addresses" \
	wait_until 60 owned b b6
stop b
try "after the death of the second, the third router has the addresses" \
	wait_until 60 owned c c6
keep b
try "the second router gets the addresses back" wait_until 60 owned b b6
keep a
try "the first router gets the addresses back" wait_until 60 owned a a6
is "nothing was refused at any node" \
	"$(for n in a b c; do counters $n in-accepted out-protected; done)" ""

section "forged"

changes() { grep -c 'Entering' "$TMP/$1.log"; }
a0=$(changes a) b0=$(changes b) c0=$(changes c)
for ((i = 0; i < 6; i++)); do
	forge 254
	sleep 0.5
done
for n in a b c; do
	try "$n refuses what is forged" wait_until 20 counted $n in-clear 12
done
sleep 4
is "the first router keeps the addresses" "$(owners)" "a a6 "
is "no router has wavered" \
	"$(($(changes a) - a0)) $(($(changes b) - b0)) $(($(changes c) - c0))" \
	"0 0 0"
is "each forged advertisement was counted once" \
	"$(for n in a b c; do counter $n in-clear; done | xargs)" "12 12 12"

section "observing"

for g in vrrp4 vrrp6; do
	ctl a group set $g policy observe
done
yields() {
	forge 254
	[ "$(changes a)" -ge $((a0 + 2)) ]
}
try "a router that only observes yields to the forger" wait_until 30 yields
for g in vrrp4 vrrp6; do
	ctl a group set $g policy enforce
done
try "a router that enforces again has the addresses" wait_until 60 owned a a6

wire() { sniffed wire || return 1; tcpdump -n -r "$TMP/wire.pcap" "$@" 2>/dev/null | wc -l; }
try "the wire has ESP" test "$(wire esp)" -ge 20
is "the wire has no VRRP in the clear but the forger's" \
	"$(wire "(proto 112 or ip6 proto 112) and
		not ether src 02:00:00:00:00:66")" 0
tap_done
