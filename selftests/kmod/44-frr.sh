#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# FRR over mcsec: OSPFv2, OSPFv3 and PIM find each other by protected hellos,
# lose nobody over twenty rekeys, and do not believe who has no key.
# a and b are the routers; a's end of the cable is also where forgeries start.
#
# debug full: most of it is the work of daemons that the debug kernel makes slow
# timeout: 600

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 nft jq
FRR=/usr/lib/frr
[ -x $FRR/zebra ] && command -v vtysh >/dev/null || skip_all "FRR is missing"
load_mcsec
two_hosts
ll() {
	nip "$1" -6 -o addr show dev eth0 scope link |
		awk '{ sub("/.*", "", $4); print $4 }'
}
LLA=$(ll a)

# On a point-to-point link OSPFv2 sends all it has to 224.0.0.5.
conf() { # namespace, number
	cat <<-CONF
	hostname $1
	log file $TMP/$1/log informational
	interface eth0
	 ip ospf area 0
	 ip ospf network point-to-point
	 ip ospf hello-interval 1
	 ip ospf dead-interval 4
	 ipv6 ospf6 area 0
	 ipv6 ospf6 network point-to-point
	 ipv6 ospf6 hello-interval 1
	 ipv6 ospf6 dead-interval 4
	 ip pim
	 ip pim hello 1 4
	interface lo
	 ip address 192.0.2.$2/32
	 ipv6 address 2001:db8::$2/128
	 ip ospf area 0
	 ipv6 ospf6 area 0
	router ospf
	 ospf router-id 192.0.2.$2
	 log-adjacency-changes
	router ospf6
	 ospf6 router-id 192.0.2.$2
	 log-adjacency-changes
	CONF
}
frr() { # namespace, number
	local n=$1 d

	# the daemons give up root
	chmod 711 "$TMP"
	install -d -o frr -g frr "$TMP/$n"
	conf "$@" >"$TMP/$n/conf"
	for d in zebra ospfd ospf6d pimd; do
		spawn in_ns "$n" $FRR/$d -P 0 -f /dev/null \
			-i "$TMP/$n/$d.pid" --vty_socket "$TMP/$n" \
			-z "$TMP/$n/zserv" >"$TMP/$n/$d.out" 2>&1
		wait_until 60 test -S "$TMP/$n/$d.vty" ||
			diag "$(<"$TMP/$n/$d.out")"
	done
	vtysh --vty_socket "$TMP/$n" -f "$TMP/$n/conf" \
		</dev/null >"$TMP/$n/vtysh" 2>&1 ||
		diag "$(<"$TMP/$n/vtysh")"
}
show() { # namespace, command
	vtysh --vty_socket "$TMP/$1" -c "show $2" </dev/null
}
frr a 1
frr b 2

ospf_full() { show "$1" "ip ospf neighbor" | grep -q 'Full/'; }
ospf6_full() { show "$1" "ipv6 ospf6 neighbor" | grep -q 'Full/'; }
pim_up() { show "$1" "ip pim neighbor" | grep -q '^ *eth0 *10\.1\.0\.[12] '; }
stranger() { show b "$1" | grep -qE '192\.0\.2\.66|10\.1\.0\.66'; }
forge() { # protocol, source, destination
	pkt a control frame eth0 "$1" "$2" "$3" id=192.0.2.66
}

section "without protection"

try "a and b are adjacent by OSPFv2" wait_until 60 ospf_full a
try "a and b are adjacent by OSPFv3" wait_until 60 ospf6_full a
try "a and b are neighbors by PIM" wait_until 60 pim_up a
for n in a b; do
	ctl $n group add ospf 224.0.0.5 dev eth0 proto ospf policy observe
	ctl $n group add ospf6 ff02::5 dev eth0 proto ospf policy observe
	ctl $n group add pim 224.0.0.13 dev eth0 proto pim policy observe
done
forge ospf 10.1.0.66 224.0.0.5
pim_stranger() { stranger "ip pim neighbor"; }
ospf_stranger() { stranger "ip ospf neighbor"; }
ospf6_stranger() { stranger "ipv6 ospf6 neighbor"; }
# A neighbor ends that sends no more, so each is forged when it is looked for.
forge pim 10.1.0.66 224.0.0.13
try "b believes a forged hello of PIM" wait_until 20 pim_stranger
forge ospf fe80::66 ff02::5
try "b believes a forged hello of OSPFv3" wait_until 20 ospf6_stranger
like "b has counted the clear hellos" "$(counters b)" 'in-observed [1-9]'

section "protected"

spi=4096
declare -A sid=([a]=1-4 [b]=5-8)
batch() { # namespace; commands on standard input
	"$MCSECCTL" -n "$(ns "$1")" batch
}
key_for() { # group, namespace: the command for an SA
	echo "sa add $1 spi $spi dir inout alg aes-gcm-16" \
		"key-file $TMP/key.$1 sender-id ${sid[$2]}"
}
rekey() {
	local g n old=$spi

	spi=$((spi + 1))
	for g in ospf ospf6 pim; do
		rm -f "$TMP/key.$g"
		"$MCSECCTL" key generate aes-gcm-16 file "$TMP/key.$g"
	done
	# first all can receive, then they send, then the old one goes
	for n in a b; do
		for g in ospf ospf6 pim; do
			key_for $g $n
		done | batch $n || return 1
	done
	for n in a b; do
		for g in ospf ospf6 pim; do
			echo "sa set $g $spi select"
		done | batch $n || return 1
	done
	[ $old = 4096 ] || for n in a b; do
		for g in ospf ospf6 pim; do
			echo "sa del $g $old"
		done | batch $n || return 1
	done
}
# not by "try", whose command runs in a shell of its own
rekey || tap_done
for n in a b; do
	for g in ospf ospf6 pim; do
		try "$n enforces $g" ctl $n group set $g policy enforce
	done
done
n=$(counter b in-accepted)
try "b has verified hellos" wait_until 20 counted b in-accepted $((n + 10))
try "adjacent by protected hellos: OSPFv2" wait_until 60 ospf_full b
try "adjacent by protected hellos: OSPFv3" wait_until 60 ospf6_full b
try "adjacent by protected hellos: PIM" wait_until 60 pim_up b
no_stranger() {
	! pim_stranger && ! ospf6_stranger && ! ospf_stranger
}
try "the stranger is gone" wait_until 120 no_stranger

section "rekeys"

sniff a wire
adj() { grep -c 'AdjChg\|nghbr\|NEIGHBOR\|Neighbor' "$TMP/$1/log"; }
pim_since() { # when a's neighbor came, in seconds of the guest
	show a "ip pim neighbor json" | jq '.eth0 | to_entries[] |
		select(.key == "10.1.0.2") | .value.upTime' | awk -F: '{
		gsub("\"", ""); print $1 * 3600 + $2 * 60 + $3 }'
}
sleep 2
a0=$(adj a) b0=$(adj b) up0=$(pim_since) t0=$SECONDS
refused0=$(counters b in-accepted out-protected)
try "both logs tell of changes" test "$a0" -gt 0 -a "$b0" -gt 0
for ((i = 0; i < 20; i++)); do
	rekey || break
	sleep 0.7
done
is "twenty rekeys" "$(for n in a b; do
	ctl $n -j sa show pim | json '"%s %d" % (j[0]["spi"], len(j))'
done | xargs)" "$spi 1 $spi 1"
is "a's log of changes grew by nothing" "$(($(adj a) - a0))" 0
is "b's log of changes grew by nothing" "$(($(adj b) - b0))" 0
is "nothing was refused during the rekeys" \
	"$(counters b in-accepted out-protected)" "$refused0"
try "PIM's neighbor is as old as it would be" \
	test $(($(pim_since) - up0)) -ge $((SECONDS - t0 - 2))
try "OSPFv2 is full" ospf_full a
try "OSPFv3 is full" ospf6_full a
try "routes of IPv4 are there" wait_until 20 eval \
	'nip a route show proto ospf | grep -q 192.0.2.2'
try "routes of IPv6 are there" wait_until 20 eval \
	'nip a -6 route show proto ospf | grep -q 2001:db8::2'

section "forged hellos"

c0=$(counter b in-clear)
for ((i = 0; i < 3; i++)); do
	forge ospf 10.1.0.66 224.0.0.5
	forge pim 10.1.0.66 224.0.0.13
	forge ospf fe80::66 ff02::5
	# in a's name, as if a had forgotten b
	pkt a control frame eth0 ospf 10.1.0.1 224.0.0.5 id=192.0.2.1
	pkt a control frame eth0 ospf "$LLA" ff02::5 id=192.0.2.1
done
try "forged hellos are refused" wait_until 20 counted b in-clear $((c0 + 15))
sleep 2
is "each forged hello was refused, and nothing else" \
	"$(counter b in-clear)" $((c0 + 15))
try "nobody believes the forged hellos" no_stranger
is "no neighbor changed for a moment" "$(($(adj b) - b0))" 0

section "beside the groups"

unicast() {
	in_ns b nft list chain inet control in | grep -o 'packets [0-9]*'
}
in_ns b nft -f - <<'NFT'
table inet control {
	chain in {
		type filter hook input priority 0
		ip protocol ospf ip daddr != 224.0.0.5 counter drop
	}
}
NFT
in_ns a ip route add 10.1.0.66 dev lo 2>/dev/null
pkt a control say eth0 ospf 10.1.0.1 10.1.0.2 id=192.0.2.1
is "a rule takes care of OSPF to an address of its own" \
	"$(wait_until 20 eval '[ "$(unicast)" = "packets 1" ]'; unicast)" \
	"packets 1"
is "the rule costs no adjacency" "$(($(adj b) - b0))" 0

wire() { sniffed wire || return 1; tcpdump -n -r "$TMP/wire.pcap" "$@" 2>/dev/null | wc -l; }
genuine="not ether src 02:00:00:00:00:66"
try "the wire has ESP" wait_until 20 eval '[ "$(wire esp)" -ge 100 ]'
# the last that was sent: once it is written, all the others are
wait_until 20 eval '[ "$(wire "ip proto 89 and $genuine")" -ge 1 ]'
is "no OSPF in the clear but what was meant so" \
	"$(wire "ip proto 89 and $genuine")" 1
is "the wire has no OSPFv3 in the clear" "$(wire "ip6 proto 89 and $genuine")" 0
is "the wire has no PIM in the clear" \
	"$(wire "(ip proto 103 or ip6 proto 103) and $genuine")" 0
tap_done
