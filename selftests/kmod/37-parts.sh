#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Datagrams that do not show what a group selects by: fragments, which have no
# ports, and ESP of unknown keys. Its addresses, mark and interface are what is
# left to tell by.
#
#	b eth0 ---- eth0 a eth1 ---- eth0 c
#
# timeout: 600

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 nft
load_mcsec
two_hosts
ns_create c
veth a:eth1 10.3.0.1/24 fd03::1/64 -- c:eth0 10.3.0.2/24 fd03::2/64
H4=239.2.1.1 H6=ff3e::2:1
sniff b b0 'dst net 224.0.0.0/4 or ip6'
sniff c c0 'dst net 224.0.0.0/4 or ip6'

# interface, group, options: a datagram that a program of a made by itself
raw() {
	local dev=$1 g=$2 src=10.1.0.1
	shift 2

	[[ $g != *:* ]] || src=fd01::1
	mc a hdrincl "$g" "$dev" "$src" "$@" >/dev/null
}
# the number of datagrams to that group that were captured there
there() {
	sniffed "$1" || return 1
	[ "$(tcpdump -n -r "$TMP/$1.pcap" dst "$2" 2>/dev/null | wc -l)" = "$3" ]
}
# datagrams that b's or c's sockets could have got of a protocol
arrivals() {
	in_ns "$1" nft -f - <<-NFT
	table inet t {
		counter n_esp { }
		chain in {
			type filter hook input priority 0
			meta l4proto esp counter name n_esp
		}
	}
	NFT
}
arrived() {
	[ "$(in_ns "$1" nft list counter inet t n_esp |
		sed -n 's/.*packets \([0-9]*\).*/\1/p')" = "$2" ]
}

section "fragments that leave"

# without this they wait in a for the rest of their datagrams
in_ns a nft -f - <<NFT
table inet raw {
	chain out {
		type filter hook output priority -450
		notrack
	}
}
NFT
for g in "p4 $G4" "p6 $G6"; do
	# shellcheck disable=SC2086 # name and address
	ctl a group add $g dev eth0 proto udp dport $PORT
done
for g in $G4 $G6; do
	raw eth0 $g offset=8
	raw eth0 $g frag=1
	raw eth1 $g offset=8
	raw eth1 $g frag=1
done
is "fragments towards a protected interface stay" \
	"$(counters a)" "out-fragment 4"
try "fragments of IPv4 go through another interface" \
	wait_until 20 there c0 $G4 2
try "fragments of IPv6 go through another interface" \
	wait_until 20 there c0 $G6 2
raw eth0 $G4
is "a first fragment that shows its ports belongs to the group" \
	"$(counters a)" \
	"out-no-sa 1, out-fragment 4"
nip a link set eth0 down
nip a link set eth0 name eth9
nip a link set eth9 up
wait_until 20 ns_up a eth9
raw eth9 $G4 offset=8
try "fragments through a renamed interface go" wait_until 20 there b0 $G4 1
nip a link set eth9 down
nip a link set eth9 name eth0
nip a link set eth0 up
wait_until 20 ns_up a eth0
mroute_to a eth0 224.0.0.0/4 ff00::/8
raw eth0 $G4 offset=8
is "fragments stay when the interface has its name again" \
	"$(counter a out-fragment)" 5

ctl a group add m4 $H4 mark 0x10/0xf0 proto udp dport $PORT
ctl a group add m6 $H6 mark 0x10/0xf0 proto udp dport $PORT
for g in $H4 $H6; do
	raw eth0 $g offset=8 mark=0x15
	raw eth1 $g frag=1 mark=0x1f
	raw eth0 $g offset=8 mark=0x25
done
is "fragments of a group's mark stay" "$(counter a out-fragment)" 9
try "fragments of other marks go, of IPv4" wait_until 20 there b0 $H4 1
try "fragments of other marks go, of IPv6" wait_until 20 there b0 $H6 1

# headers of IPv6 without an end
pad=$(printf '1eff%0510d1eff%0510d1eff%0510d1ed9%0434d' 0 0 0 0)
before=$(counter a out-malformed)
mc a send $G6 $PORT eth0 hop="007b$pad" dst=0000010400000000 \
	text=BEHIND >/dev/null
is "datagrams with more headers than are walked stay" \
	"$(counter a out-malformed)" $((before + 1))
mc a send $G6 7000 eth0 text=FENCE >/dev/null
try "a datagram to no group's port goes on" wait_until 20 eval \
	'grep -aq FENCE "$TMP/b0.pcap"'
is "the datagram with too many headers was not sent" \
	"$(grep -ac BEHIND "$TMP/b0.pcap")" 0

section "unknown ESP that arrives"

arrivals b
arrivals c
for n in b c; do
	ctl $n group add p4 $G4 dev eth0 proto udp dport $PORT
	ctl $n group add p6 $G6 dev eth0 proto udp dport $PORT
	listen $n $G4 l4
	listen $n $G6 l6
done
ctl c group del p4
ctl c group del p6
ctl c group add p4 $G4 dev eth1 proto udp dport $PORT
ctl c group add p6 $G6 mark 1 proto udp dport $PORT
ctl a group flush
for g in $G4 $G6; do
	raw eth0 $g proto=50
	raw eth1 $g proto=50
done
try "unknown ESP from a protected interface is refused" \
	wait_until 20 counted b in-no-sa 2
try "unknown ESP of no group's interface or mark passes" \
	wait_until 20 arrived c 2
is "unknown ESP that passes is not counted" "$(counters c)" ""
try "unknown ESP that was refused did not arrive" arrived b 0

# ESP of 18 octets, which several groups may have
for g in 4 6; do
	G=G$g
	ctl b group add q$g "${!G}" proto udp dport 7000 dev eth0
done
before=$(counter b in-malformed)
raw eth0 $G4 proto=50 size=10
raw eth0 $G6 proto=50 size=10
try "ESP that is too short is malformed" \
	wait_until 20 counted b in-malformed $((before + 2))
is "ESP that is too short is none of an unknown SPI" "$(counter b in-no-sa)" 2
for g in 4 6; do ctl b group del q$g; done

section "groups that observe"

ctl b group set p4 policy observe
ctl b group set p6 policy observe
for g in $G4 $G6; do
	raw eth0 $g proto=50
done
try "groups that observe let unknown ESP by" wait_until 20 arrived b 2
is "groups that observe count unknown ESP" \
	"$(counters b in-malformed)" "in-no-sa 2, in-observed 2"
ctl a group add p4 $G4 proto udp dport $PORT policy observe
ctl a group add p6 $G6 proto udp dport $PORT policy observe
ctl a group add w4 $H4 policy observe
ctl a group add w6 $H6 policy observe
before=$(counter a out-fragment)
for g in $G4 $G6 $H4 $H6; do
	raw eth0 $g offset=8
done
raw eth0 $H4 proto=50
raw eth0 $H6 proto=50
is "groups that observe let fragments and others' ESP out" \
	"$(counter a out-observed)" 6
try "fragments and others' ESP are on the wire, of IPv4" \
	wait_until 20 there b0 $H4 3
try "fragments and others' ESP are on the wire, of IPv6" \
	wait_until 20 there b0 $H6 3
is "groups that observe refuse nothing" "$(counter a out-fragment)" "$before"
# another group, for which the same fragment may be
ctl a group add q4 $G4 proto udp dport 7000
raw eth0 $G4 offset=8
is "a group that enforces is asked before one that observes" \
	"$(counter a out-fragment)" \
	$((before + 1))
ctl a group set q4 policy observe
raw eth0 $G4 offset=8
is "a group that no longer enforces does not refuse" \
	"$(counter a out-fragment)" $((before + 1))
is "a fragment that is observed is counted" "$(counter a out-observed)" 7
ctl a group del q4
ctl a group set p4 policy enforce
raw eth0 $G4 offset=8
is "a group that enforces again refuses again" "$(counter a out-fragment)" \
	$((before + 2))

section "a stricter group within a wide one"

ctl a group flush
for g in "w4 239.0.0.0/8" "w6 ff3e::/16"; do
	# shellcheck disable=SC2086 # name and prefix
	ctl a group add $g policy observe
done
for g in "n4 $G4" "n6 $G6"; do
	# shellcheck disable=SC2086 # name and address
	ctl a group add $g proto udp dport $PORT
done
drops=$(counter a out-fragment) seen=$(counter a out-observed)
for g in $G4 $G6 $H4 $H6; do
	raw eth0 $g offset=8
done
is "fragments that may be of the stricter group stay" \
	"$(counter a out-fragment)" $((drops + 2))
is "other fragments are observed" "$(counter a out-observed)" $((seen + 2))
is "fragments of the wide group are counted by it" "$(ctl a -j group show |
	json '[(g["name"], g["observed"]) for g in j if g["observed"]]')" \
	'[["w4", 1], ["w6", 1]]'
raw eth0 $G4 proto=50
is "others' ESP of the wide group is observed, too" \
	"$(counter a out-observed)" $((seen + 3))
ctl a group set w6 policy enforce
sa_add a w6 "$(new_key 20)" spi 4100 dir out alg aes-gcm-16 sender-id 1 select
before=$(counter a out-malformed)
mc a send $G6 $PORT eth0 hop="007b$pad" dst=0000010400000000 \
	text=BEHIND >/dev/null
is "the wide group's key is not for what may be the stricter group's" \
	"$(counters a out-fragment out-observed)" \
	"out-no-sa 1, out-malformed $((before + 1))"
mc a send $G6 7000 eth0 >/dev/null
is "the wide group's key is for what is certainly not the stricter group's" \
	"$(counter a out-protected)" 1
ctl a group flush
# both ways round: a narrow one that observes for all ports is asked alone
ctl a group add w4 239.0.0.0/8 proto udp dport $PORT
ctl a group add n4 $G4 policy observe
seen=$(counter a out-observed)
raw eth0 $G4 offset=8
is "a fragment that is certainly of a group that observes is observed" \
	"$(counter a out-observed)" $((seen + 1))

ctl b group flush
ctl b group add w4 239.0.0.0/8 policy observe
ctl b group add w6 ff3e::/16 policy observe
ctl b group add n4 $G4 proto udp dport $PORT
ctl b group add n6 $G6 proto udp dport $PORT
ctl a group flush
refused=$(counter b in-no-sa) seen=$(counter b in-observed)
for g in $G4 $G6 $H4 $H6; do
	raw eth0 $g proto=50
done
try "unknown ESP that may be of the stricter group is refused" \
	wait_until 20 counted b in-no-sa $((refused + 2))
try "other unknown ESP is observed" \
	wait_until 20 counted b in-observed $((seen + 2))
ctl b group flush
ctl b group add p4 $G4 dev eth0 proto udp dport $PORT
ctl b group add p6 $G6 dev eth0 proto udp dport $PORT

section "copies for local sockets"

# connection tracking would give the fragments back as they are
in_ns a nft delete table inet raw
ctl a group add p6 $G6 dev eth0 proto udp dport $PORT
spawn in_ns a "$MC" recv $G6 7000 eth0 "$TMP/own.ready" "$TMP/own"
wait_until 20 test -e "$TMP/own.ready"
before=$(counters a)
mc a send $G6 7000 eth0 size=3000 >"$TMP/own.sent"
try "a long datagram of no group is looped back" wait_until 20 has_lines own 1
is "the looped datagram is as it was sent" "$(got own)" "$(<"$TMP/own.sent")"
is "the looped datagram is refused nowhere" "$(counters a)" "$before"

section "fragments that nobody puts together"

ctl a group flush
refused=$(counter b in-fragment) seen=$(counter b in-observed)
ctl b group set p4 policy enforce
ctl b group set p6 policy enforce
in_ns b nft -f - <<NFT
table inet raw {
	chain pre {
		type filter hook prerouting priority -450
		notrack
	}
}
NFT
send a $G4 size=2000 >/dev/null
send a $G6 size=2000 >/dev/null
try "fragments that a rule keeps apart are refused" \
	wait_until 20 counted b in-fragment $((refused + 4))
ctl b group set p4 policy observe
ctl b group set p6 policy observe
send a $G4 size=2000 >/dev/null
try "fragments that a rule keeps apart are observed" \
	wait_until 20 has_lines l4 1
is "each fragment is observed once" "$(counter b in-observed)" $((seen + 2))
is "before they were observed, no fragments arrived" \
	"$(wc -l <"$TMP/l4") $(counter b in-fragment)" \
	"1 $((refused + 4))"

tap_done
