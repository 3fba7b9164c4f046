#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The examples for OSPF and PIM with FRR: two routers whose protocols are keyed by mcsecd,
# which one of them serves; over rekeys, and against forged packets. Their groups are
# beside those of the other examples of links, whose applications the recipes have.
#
# debug full: most of it is the work of daemons that the debug kernel makes slow
# timeout: 600

K4=10.7.0.1
. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/process.sh"
need ip jq tcpdump python3
FRR=/usr/lib/frr
[ -x $FRR/zebra ] && command -v vtysh >/dev/null || skip_all "FRR is missing"

of() { # HOST GROUP FIELD
	host_ctl "$1" -j status |
		jq -r ".member.groups[] | select(.name == \"$2\").\"$3\""
}
agree() { # GROUP
	[ "$(of k "$1" out-spi)" -gt 0 ] &&
		[ "$(of k "$1" out-spi)" = "$(of m "$1" out-spi)" ]
}

pki_make m
ns_create k m
mkdir -p "$TMP/k" "$TMP/m"
veth k:eth0 "$K4/24" -- m:eth0 10.7.0.2/24
for h in k m; do
	mroute_to $h eth0 224.0.0.0/4
done
load_mcsec
examples="ospf pim vrrp vxlan dds ptp"
# shellcheck disable=SC2086 # words
example_conf k "gcks member" $examples >"$TMP/k.conf"
# shellcheck disable=SC2086 # words
example_conf m member $examples >"$TMP/m.conf"
up k
up m
for g in ospf ospf6 pim vrrp vxlan dds ptp ptp-peer; do
	try "both routers have the key of $g" wait_until 60 agree $g
done
spawn nsenter "--net=/run/netns/$(ns m)" -- tcpdump -U -n -i eth0 \
	-w "$TMP/wire.pcap" -s 0 "ip or ip6" 2>"$TMP/wire.err"
dump=$!
try "a sniffer listens" wait_until 30 grep -q listening "$TMP/wire.err"
wire() { # FILTER
	sniffer_catches_up $dump "$TMP/wire.err" || return 1
	tcpdump -n -r "$TMP/wire.pcap" "$@" 2>/dev/null | wc -l
}

section "FRR"

frr_conf() { # HOST NUMBER
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
	 ip ospf area 0
	router ospf
	 ospf router-id 192.0.2.$2
	 log-adjacency-changes
	router ospf6
	 ospf6 router-id 192.0.2.$2
	 log-adjacency-changes
	CONF
}
frr() { # HOST NUMBER
	local d

	chmod 711 "$TMP"
	chown frr:frr "$TMP/$1"
	frr_conf "$@" >"$TMP/$1/frr.conf"
	for d in zebra ospfd ospf6d pimd; do
		spawn in_ns "$1" $FRR/$d -P 0 -f /dev/null \
			-i "$TMP/$1/$d.pid" --vty_socket "$TMP/$1" \
			-z "$TMP/$1/zserv" >"$TMP/$1/$d.out" 2>&1
		wait_until 60 test -S "$TMP/$1/$d.vty" ||
			diag "$(<"$TMP/$1/$d.out")"
	done
	vtysh --vty_socket "$TMP/$1" -f "$TMP/$1/frr.conf" \
		</dev/null >"$TMP/$1/vtysh" 2>&1 || diag "$(<"$TMP/$1/vtysh")"
}
show() { vtysh --vty_socket "$TMP/$1" -c "show $2" </dev/null; }
full() { show "$1" "ip ospf neighbor" | grep -q 'Full/'; }
full6() { show "$1" "ipv6 ospf6 neighbor" | grep -q 'Full/'; }
sees_pim() { show "$1" "ip pim neighbor" | grep -q "^ *eth0 *$2 "; }
frr k 1
frr m 2
try "k is adjacent by OSPF" wait_until 60 full k
try "m is adjacent by OSPF" wait_until 60 full m
try "k is adjacent by OSPFv3" wait_until 60 full6 k
try "m is adjacent by OSPFv3" wait_until 60 full6 m
try "k has a neighbor by PIM" wait_until 60 sees_pim k 10.7.0.2
try "m has a neighbor by PIM" wait_until 60 sees_pim m "$K4"
try "m has the route of k" wait_until 20 eval \
	'nip m route show proto ospf | grep -q 192.0.2.1'
changes() { grep -c AdjChg "$TMP/$1/log"; }
k0=$(changes k) m0=$(changes m)
for g in ospf ospf6 pim; do
	spi=$(of m $g data-spi)
	try "a rekey of $g" kctl rekey $g
	moved() { [ "$(of m $g out-spi)" != "$spi" ] && agree $g; }
	try "both send with the next key of $g" wait_until 30 moved
done
in_ns k "$PKT/control.py" frame eth0 ospf 10.7.0.66 224.0.0.5 id=192.0.2.66
in_ns k "$PKT/control.py" frame eth0 pim 10.7.0.66 224.0.0.13
forged() { [ "$(counter m in-clear)" -ge 2 ]; }
try "forged hellos are counted" wait_until 20 forged
unlike "a forged hello of OSPF makes no neighbor" \
	"$(show m "ip ospf neighbor")" '192\.0\.2\.66'
unlike "a forged hello of PIM makes no neighbor" \
	"$(show m "ip pim neighbor")" '10\.7\.0\.66'
is "nothing else was in the clear" "$(counter m in-clear)" 2
is "no adjacency has wavered" "$(($(changes k) - k0)) $(($(changes m) - m0))" "0 0"

section "the wire"

is "the wire has no protocol in the clear but the forger's" \
	"$(wire "(proto 89 or proto 103 or ip6 proto 89) and
		not src 10.7.0.66")" 0
for g in 224.0.0.5 224.0.0.13 ff02::5; do
	try "the wire has ESP to $g" test "$(wire "esp and dst $g")" -gt 3
done

tap_done
