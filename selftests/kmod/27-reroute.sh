#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Rules see the ports of a whole datagram, mark it, and the mark routes it to
# the interface of the group (whose address is the source, because IP sends
# multicast by the interface of its source). A raw socket may send it in fragments: they are put
# together in front of the rules, and not only behind them.
#
#	b eth0 ---- eth0 a eth1 ---- eth0 c

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 nft
load_mcsec
two_hosts
ns_create c
veth a:eth1 10.3.0.1/24 fd03::1/64 -- c:eth0 10.3.0.2/24 fd03::2/64
in_ns a ip rule add fwmark 0x10 table 100
in_ns a ip route add 224.0.0.0/4 dev eth1 table 100
in_ns a nft -f - <<NFT
table ip chosen {
	chain o {
		type route hook output priority mangle
		ip daddr $G4 udp dport 5000 meta mark set 0x10
	}
}
NFT

# names of the two captures, options: from a's raw socket
raw() {
	local at_b=$1 at_c=$2
	shift 2

	sniff b "$at_b" "dst host $G4"
	sniff c "$at_c" "dst host $G4"
	mc a hdrincl $G4 eth0 10.3.0.1 size=56 "$@" >/dev/null
}
# name of a capture, word: the datagrams with that word
captured() {
	sniffed "$1"
	tcpdump -nr "$TMP/$1.pcap" 2>/dev/null | grep -c "$2"
}

raw clear_b clear_c
is "without a group the mark routes to eth1" "$(captured clear_c UDP)" 1
is "without a group eth0 has nothing" "$(captured clear_b .)" 0

ctl a group add routed $G4 dev eth1
sa_add a routed "$(new_key 20)" spi 4096 dir out alg aes-gcm-16 \
	sender-id 1-8 select
raw whole_b whole_c
try "a whole datagram is protected" \
	wait_until 20 counted a out-protected 1
is "a whole datagram: eth1 has ESP alone" \
	"$(captured whole_c ESP) of $(captured whole_c .)" "1 of 1"
is "a whole datagram: eth0 has nothing" "$(captured whole_b .)" 0

raw parts_b parts_c frag=1
mc a hdrincl $G4 eth0 10.3.0.1 offset=8 nodefrag=0 size=56 >/dev/null
try "a datagram in fragments is protected" \
	wait_until 20 counted a out-protected 2
# IP sends ESP in fragments as small as those that came
is "a datagram in fragments: eth1 has ESP alone" \
	"$(captured parts_c ESP) and $(captured parts_c UDP)" "1 and 0"
is "a datagram in fragments: eth0 has nothing" "$(captured parts_b .)" 0

tap_done
