#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The group that a datagram belongs to: ranges, sources, protocols and ports,
# interfaces, marks; the most specific one; what cannot be.
#
#	b eth0 ---- eth0 a eth1 ---- eth0 c
#
# debug full: half a minute of tcpdump and python, and 36-inside, 47-rules and 55-lookup select too
# timeout: 600

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 nft
load_mcsec
two_hosts
ns_create c
veth a:eth1 10.3.0.1/24 fd03::1/64 -- c:eth0 10.3.0.2/24 fd03::2/64
sniff b wire

# namespace, group, options of mc.py send: to another port than send() does
to_port() {
	local n=$1 port=$2 g=$3
	shift 3

	mc "$n" send "$g" "$port" eth0 "$@" >/dev/null
}
# tcpdump's filter finds so many datagrams on the wire
wire() {
	local want=$1
	shift

	[ "$(tcpdump -n -r "$TMP/wire.pcap" "$@" 2>/dev/null | wc -l)" = "$want" ]
}
# name, number, filter...: so many on the wire, now or soon
on_wire() {
	local name=$1
	shift

	sniffed wire || return 1
	try "$name" wait_until 20 wire "$@"
}
# both keyed alike: group, spi, Sender-ID
keyed() {
	local key
	key=$(new_key 20)

	sa_add a "$1" "$key" spi "$2" dir out alg aes-gcm-16 sender-id 1-4 select
	sa_add b "$1" "$key" spi "$2" dir in alg aes-gcm-16
}

section "ranges"

for n in a b; do
	ctl $n group add wide 239.1.0.0/16
	ctl $n group add wide6 ff3e:0:1::/48
done
keyed wide 0x1001
keyed wide6 0x1002
listen b 239.1.2.3 w4
listen b ff3e:0:1::7 w6
send a 239.1.2.3 count=2 >/dev/null
send a ff3e:0:1::7 count=2 >/dev/null
try "a range protects its addresses" wait_until 20 has_lines w4 2
try "a range of IPv6 protects its addresses" wait_until 20 has_lines w6 2
is "datagrams to both ranges arrive as ESP" "$(counter b in-accepted)" 4
send a 239.2.2.3 >/dev/null
send a ff3e:0:2::7 >/dev/null
on_wire "a datagram next to the range goes in the clear" 1 udp and dst 239.2.2.3
on_wire "a datagram next to the IPv6 range goes in the clear" \
	1 udp and dst ff3e:0:2::7
like "a group of a range is shown" "$(ctl a group show wide)" \
	'^wide +239\.1\.0\.0/16 +enforce +1 +0x00001001'
is "a group of a range is shown in JSON" \
	"$(ctl a -j group show wide6 | json 'j[0]["dst"]')" \
	"ff3e:0:1::/48"

section "the most specific group"

ctl b group add narrow 239.1.2.3
before=$(counter b in-no-sa)
send a 239.1.2.3 >/dev/null
try "a member of the range cannot send into a group of its own" \
	wait_until 20 counted b in-no-sa $((before + 1))
ctl a group add narrow 239.1.2.3
keyed narrow 0x1003
send a 239.1.2.3 count=3 >/dev/null
try "a member with the narrower group's key can send into it" \
	wait_until 20 has_lines w4 5
is "the datagrams go under the narrower group's key" \
	"$(ctl a -j sa show narrow | json 'j[0]["out-packets"]')" 3
send a 239.1.9.9 >/dev/null
is "the range still has the other addresses" \
	"$(ctl a -j sa show wide | json 'j[0]["out-packets"]')" 4
ctl a group del narrow
ctl b group del narrow
send a 239.1.2.3 >/dev/null
try "the range gets the address back when the narrower group is gone" \
	wait_until 20 has_lines w4 6

section "sources"

nip a addr add 10.1.0.9/24 dev eth0
for n in a b; do
	ctl $n group add ssm 239.5.0.1 src 10.1.0.9
done
keyed ssm 0x1004
listen b 239.5.0.1 s4
send a 239.5.0.1 src=10.1.0.9 count=2 >/dev/null
try "a group by source takes what comes from there" \
	wait_until 20 has_lines s4 2
is "a datagram of the group's source arrives as ESP" \
	"$(ctl b -j sa show ssm | json 'j[0]["in-packets"]')" 2
send a 239.5.0.1 src=10.1.0.1 >/dev/null
on_wire "datagrams of other sources are in the clear" 1 udp and dst 239.5.0.1
try "datagrams of other sources are heard" wait_until 20 has_lines s4 3
for n in a b; do
	ctl $n group add net6 ff3e::5:1 src fd01::/64
done
keyed net6 0x1005
listen b ff3e::5:1 s6
send a ff3e::5:1 >/dev/null
try "a group by a range of sources takes what comes from there" \
	wait_until 20 has_lines s6 1
is "a datagram of the range of sources arrives as ESP" \
	"$(ctl b -j sa show net6 | json 'j[0]["in-packets"]')" 1

section "protocols and ports"

for n in a b; do
	ctl $n group add port 239.6.0.1 proto udp dport 5000
	ctl $n group add port6 ff3e::6:1 proto udp dport 5000
done
keyed port 0x1006
keyed port6 0x1007
listen b 239.6.0.1 p4
listen b ff3e::6:1 p6
send a 239.6.0.1 >/dev/null
send a ff3e::6:1 >/dev/null
try "a port is protected" wait_until 20 has_lines p4 1
try "a port is protected with IPv6" wait_until 20 has_lines p6 1
to_port a 5001 239.6.0.1
to_port a 5001 ff3e::6:1
on_wire "another port is not protected" \
	1 udp and dst 239.6.0.1 and dst port 5001
on_wire "another port is not protected with IPv6" \
	1 udp and dst ff3e::6:1 and dst port 5001
clear=$(counter b in-clear)
before=$(counter a out-fragment)
mc a hdrincl 239.6.0.1 eth0 10.1.0.1 offset=8 >/dev/null
is "a fragment that does not show the port stays" \
	"$(counter a out-fragment)" $((before + 1))
is "nothing in the clear was refused so far" "$clear" 0
# b believes the key to be for port 5000 alone, a sends all with it
key=$(new_key 20)
ctl a group add loose 239.6.0.2
ctl b group add strict 239.6.0.2 proto udp dport 5000
sa_add a loose "$key" spi 0x1008 dir out alg aes-gcm-16 sender-id 1-4 select
sa_add b strict "$key" spi 0x1008 dir in alg aes-gcm-16
listen b 239.6.0.2 st
send a 239.6.0.2 >/dev/null
try "a datagram to the group's port is accepted from its ESP" \
	wait_until 20 has_lines st 1
to_port a 5001 239.6.0.2
try "a datagram to another port is refused from the group's ESP" \
	wait_until 20 counted b in-selector 1
is "the ESP with the wrong port had the right tag" \
	"$(ctl b -j sa show strict | json 'j[0]["in-packets"]')" 2
is "unknown ESP for hidden ports is refused" "$(
	sa_add a loose "$(new_key 20)" spi 0x1009 dir out alg aes-gcm-16 \
		sender-id 1-4 select
	before=$(counter b in-no-sa)
	send a 239.6.0.2 >/dev/null
	wait_until 20 counted b in-no-sa $((before + 1)) && echo yes)" yes
is "an SPI below the same addresses is one key's" "$(
	ctl b group add other 239.6.0.2 proto udp dport 7000
	sa_add b other "$(new_key 20)" spi 0x1008 dir in alg aes-gcm-16 2>&1 |
		grep -c 'has an SA of this spi')" 1

section "marks"

for n in a b; do
	ctl $n group add marked 224.0.0.0/4 mark 0x10/0xf0
done
keyed marked 0x100a
listen b 239.7.0.1 m4
send a 239.7.0.1 mark=0x15 >/dev/null
try "a mark selects" wait_until 20 has_lines m4 1
is "a mark selects by the bits of its mask" \
	"$(ctl b -j sa show marked | json 'j[0]["in-packets"]')" 1
send a 239.7.0.1 mark=0x25 >/dev/null
on_wire "a datagram of another mark is not protected" 1 udp and dst 239.7.0.1
try "a datagram without a mark is accepted" wait_until 20 has_lines m4 2
in_ns a nft -f - <<NFT
table ip t {
	chain out {
		type filter hook output priority 0
		udp dport 5000 ip daddr 239.7.0.2 meta mark set 0x10
	}
}
NFT
listen b 239.7.0.2 m5
send a 239.7.0.2 >/dev/null
try "a mark that a rule sets selects, too" wait_until 20 has_lines m5 1
on_wire "the datagram that a rule marked is ESP on the wire" \
	1 esp and dst 239.7.0.2
on_wire "the datagram that a rule marked is not in the clear" \
	0 udp and dst 239.7.0.2
in_ns b nft -f - <<NFT
table ip t {
	chain pre {
		type filter hook prerouting priority -450
		ip daddr 239.7.0.2 udp dport 5000 meta mark set 0x10
	}
}
NFT
in_ns a nft delete table ip t
before=$(counter b in-clear)
send a 239.7.0.2 >/dev/null
try "a rule before reassembly says what must arrive protected" \
	wait_until 20 counted b in-clear $((before + 1))
in_ns b nft delete table ip t
ctl a group del marked
ctl b group del marked

section "several groups for a datagram"

# group address, source: groups of ever fewer words, added in no order; what is
# sent is refused, and who refuses it is deleted
rank() {
	local g=$1 src=$2 order='' hit

	ctl a group add bare "$g"
	ctl a group add marks "$g" mark 0x10/0xf0
	ctl a group add src "$g" src "$src"
	ctl a group add proto "$g" proto udp
	ctl a group add broad "$g/${3}"
	ctl a group add ports "$g" proto udp dport $PORT
	ctl a group add dev "$g" dev eth0
	ctl a group add mark "$g" mark 0x10/0x30
	ctl a group add far "$g/${3}" src "$src" dev eth0 proto udp \
		dport $PORT mark 0x10/0xff
	while :; do
		send a "$g" src="$src" mark=0x10 >/dev/null
		hit=$(refused_by)
		[ -n "$hit" ] || break
		order="$order $hit"
		ctl a group del "$hit"
	done
	echo "$order"
}
refused_by() {
	ctl a -j group show | json '" ".join(g["name"] for g in j if g["out-drops"] == 1)'
}
want=" src dev ports proto marks mark bare far broad"
is "the order is source, interface, protocol, ports, mark" \
	"$(rank 239.11.0.0 10.1.0.9 24)" "$want"
is "the order is the same with IPv6" "$(rank ff3e::11:0 fd01::1 120)" "$want"

section "interfaces"

ctl a group add dev 239.8.0.1 dev eth1,later
sa_add a dev "$(new_key 20)" spi 0x100b dir out alg aes-gcm-16 sender-id 1-4 \
	select
send a 239.8.0.1 >/dev/null
on_wire "through another interface it goes in the clear" 1 udp and dst 239.8.0.1
mc a send 239.8.0.1 $PORT eth1 count=2 >/dev/null
is "a datagram through the group's interface goes as ESP" \
	"$(ctl a -j sa show dev | json 'j[0]["out-packets"]')" 2
ip link add later netns "$(ns a)" type dummy
nip a addr add 10.4.0.1/24 dev later
nip a link set later up
mc a send 239.8.0.1 $PORT later count=2 >/dev/null
is "a datagram through an interface that came later goes as ESP" \
	"$(ctl a -j sa show dev | json 'j[0]["out-packets"]')" 4
nip a link set later down
nip a link set later name other
nip a link set other up
mc a send 239.8.0.1 $PORT other >/dev/null
is "an interface that is renamed leaves the group" \
	"$(ctl a -j sa show dev | json 'j[0]["out-packets"]')" 4
nip a link del other
like "the names of a group's interfaces are shown" \
	"$(ctl a group show dev)" ' eth1,later '
ctl c group add dev 239.8.0.2 dev eth0
listen c 239.8.0.2 d4
mc a send 239.8.0.2 $PORT eth1 >/dev/null
try "a clear datagram that arrives by the group's interface is refused" \
	wait_until 20 counted c in-clear 1

section "observing"

ctl a group add watch 239.9.0.1 policy observe
ctl b group add watch 239.9.0.1 policy observe
listen b 239.9.0.1 o4
send a 239.9.0.1 count=3 >/dev/null
try "a group that observes lets its traffic by" wait_until 20 has_lines o4 3
is "a group that observes counts its traffic on the way out" \
	"$(counter a out-observed)" 3
is "a group that observes counts its traffic on the way in" \
	"$(counter b in-observed)" 3
is "the traffic is counted at the group too" \
	"$(ctl b -j group show watch | json 'j[0]["observed"]')" 3
keyed watch 0x100c
send a 239.9.0.1 count=2 >/dev/null
try "a group that observes and has a key protects" wait_until 20 has_lines o4 5
is "a group that observes and has a key verifies" \
	"$(ctl b -j sa show watch | json 'j[0]["in-packets"]')" 2
ctl a sa flush watch
ctl b group set watch policy enforce
send a 239.9.0.1 >/dev/null
try "a group enforces at once when it is told to" \
	wait_until 20 counted b in-clear \
	$((before + 2))
is "a group that enforces no longer observes" "$(counter b in-observed)" 3

section "marks that are not on the wire"
# Datagrams arrive with mark 0, which says nothing about their group.

spawn in_ns b "$MCSECCTL" monitor >"$TMP/events"
told() { # group, SPI: sends again, because the monitor may start late
	send a "$3" mark="$4" >/dev/null
	grep -q "unknown-spi group $1 spi 0x0000$2" "$TMP/events"
}
for f in 4:239.13.0.1 6:ff3e::13:1; do
	g=${f#*:} f=${f%%:*}
	for n in a b; do
		ctl $n group add bare$f "$g"
		ctl $n group add zero$f "$g" mark 0/0xff
	done
	keyed bare$f 0x100d
	keyed zero$f 0x100e
	listen b "$g" z$f
	before=$(counter b in-selector)
	send a "$g" mark=7 count=3 >/dev/null
	try "IPv$f: a group for mark 0 hides no group without a mark" \
		wait_until 20 has_lines z$f 3
	send a "$g" count=2 >/dev/null
	try "IPv$f: a group for mark 0 has its own datagrams" \
		wait_until 20 has_lines z$f 5
	is "IPv$f: each datagram came by its own group's key" \
		"$(sa_word b bare$f 0x100d in-packets) $(sa_word b zero$f 0x100e \
			in-packets) $(($(counter b in-selector) - before))" "3 2 0"
	sa_add a bare$f "$(new_key 20)" spi 0x2001 dir out alg aes-gcm-16 \
		sender-id 1-4 select
	ctl b group add udp$f "$g" proto udp dport $PORT
	for group in bare zero udp; do
		try "IPv$f: group $group$f is told of an SPI that may be its own" \
			wait_until 20 told $group$f 2001 "$g" 7
	done
	ctl b group del udp$f
	before=$(counter b in-no-sa)
	ctl b group set zero$f policy observe
	send a "$g" mark=7 >/dev/null
	try "IPv$f: a group for mark 0 that observes accepts no unknown ESP" \
		wait_until 20 counted b in-no-sa $((before + 1))
	ctl a group del bare$f
	ctl a group del zero$f
	before=$(counter b in-clear)
	send a "$g" count=2 >/dev/null
	try "IPv$f: a group for mark 0 that observes accepts no clear datagram" \
		wait_until 20 counted b in-clear $((before + 2))
	ctl b group del bare$f
	ctl b group add low$f "$g" mark 0/0xf
	send a "$g" count=2 >/dev/null
	try "IPv$f: a group for fewer bits of mark 0 drops beside it" \
		wait_until 20 counted b in-clear $((before + 4))
	is "IPv$f: the group for mark 0 has observed nothing" \
		"$(counter b in-observed) $(wc -l <"$TMP/z$f")" "3 5"
	ctl b group del low$f
	ctl b group del zero$f
	for n in a b; do
		ctl $n group add alone$f "$g" mark 0x10/0xf0
	done
	sa_add a alone$f "$(new_key 20)" spi 0x2002 dir out alg aes-gcm-16 \
		sender-id 1-4 select
	try "IPv$f: a group with a mark is told of an SPI that may be its own" \
		wait_until 20 told alone$f 2002 "$g" 0x10
	before=$(counter b in-clear)
	in_ns b nft -f - <<NFT
table inet t {
	chain pre {
		type filter hook prerouting priority mangle
		udp dport $PORT meta mark set 0x10
	}
}
NFT
	send a "$g" count=2 >/dev/null
	try "IPv$f: a mark that a rule gives after arrival selects nothing" \
		wait_until 20 has_lines z$f 7
	is "IPv$f: nothing clear was refused" "$(counter b in-clear)" "$before"
	in_ns b nft delete table inet t
	ctl a group del alone$f
	ctl b group del alone$f
done

section "refused selectors"

no() {
	local name=$1 want=$2
	shift 2

	like "$name" "$(ctl a group add "$@" 2>&1)" "$want"
}
no "the same twice" 'another group selects the same datagrams' x 239.5.0.1 src 10.1.0.9
no "the same interface twice" 'another group selects the same datagrams' \
	x 239.8.0.1 dev later
nip a link property add dev eth0 altname another
no "an alternative name" 'dev is an alternative name' x 239.8.0.3 dev another
no "behind others" 'dev is an alternative name' x 239.8.0.3 dev later,another
is "a group with an alternative name does not wait for it" \
	"$(ctl a group show x 2>&1 | wc -l)" 1
no "an interface twice in one" 'dev must name each interface once' x 239.8.0.3 dev eth0,eth0
no "bits beyond the prefix" 'dst must have no bits set beyond dst-len' x 239.1.2.3/16
no "a prefix that is too wide" 'dst-len must be at least 4' x 224.0.0.0/3
no "a prefix that is too long" 'a prefix has 1 to 32 bits' x 239.1.2.3/33
no "a source of the other family" 'src and dst must be of the same address family' \
	x 239.1.2.3 src fd01::1
no "a port without a protocol" 'needs a proto that has ports' \
	x 239.1.2.3 dport 5000
no "ports of what has none" 'needs a proto that has ports' \
	x 239.1.2.3 proto ospf dport 5000
no "a mark outside its mask" 'bits outside the mask' x 239.1.2.3 mark 0x18/0x7
no "a mask of nothing" 'the mask is 0' x 239.1.2.3 mark 0/0
no "ESP as the payload" 'proto must not be 0 or 50 .ESP' x 239.1.2.3 proto 50
no "a name that no interface has" 'dev must be an interface name' x 239.1.2.3 dev a/b
for ((i = 1; i <= 513; i++)); do
	echo "group add k$i 239.10.0.1 mark 0/$i"
done >"$TMP/batch"
like "a group too many at one address" "$(ctl a batch "$TMP/batch" 2>&1)" \
	'at most 512 groups, counted per interface'
is "512 groups of one address" \
	"$(group_names a | grep -c '^k')" 512
no "an interface too many" 'at most 512 groups, counted per interface' \
	x 239.10.0.1 dev eth0
ctl a group del k7
try "a group in the place of one that was deleted" \
	ctl a group add k7 239.10.0.1 dev eth0
no "two interfaces in the place of a group" \
	'at most 512 groups, counted per interface' x 239.10.0.1 dev eth1,eth2
for ((i = 16; i <= 31; i++)); do
	echo "group add l$i ff3e::/$i"
done >"$TMP/batch"
like "lengths of prefixes beyond the limit" "$(ctl a batch "$TMP/batch" 2>&1)" \
	'at most 15 different dst-len'
group_names a | sed -n 's/^[kl][0-9]*$/group del &/p' >"$TMP/batch"
ctl a batch "$TMP/batch"
try "another length when others are gone" ctl a group add l30 ff3e::/30
send a 239.1.2.3 >/dev/null
try "refusals changed nothing" wait_until 20 has_lines w4 7

section "observing at the end of a key"

# worded OPTION...: the sender's key ends after three datagrams
worded() {
	ctl a sa flush ends
	sa_add a ends "$(new_key 20)" spi $((spi += 1)) dir out alg aes-gcm-16 \
		sender-id 1 select "$@"
	was=$(counter a out-protected)
	saw=$(counter a out-observed)
}
ctl a group add ends 239.9.0.3 policy observe
listen b 239.9.0.3 ends4
spi=4200
# 76 octets each
worded hard-bytes 300
send a 239.9.0.3 count=5 >/dev/null
is "datagrams behind a limit of octets are observed" \
	"$(($(counter a out-protected) - was)) $(($(counter a out-observed) - saw))" "3 2"
worded iv-limit 3 mode tunnel
send a 239.9.0.3 count=5 >/dev/null
is "datagrams behind the last IV of a tunnel are observed" \
	"$(($(counter a out-protected) - was)) $(($(counter a out-observed) - saw))" "3 2"
worded hard-packets 3
before=$(wc -l <"$TMP/ends4")
send a 239.9.0.3 size=1000 gso=200 >"$TMP/segments"
is "segments behind a limit are observed" \
	"$(($(counter a out-protected) - was)) $(($(counter a out-observed) - saw))" "3 2"
try "the segments that were observed arrive" wait_until 20 has_lines ends4 $((before + 2))
is "the segments that were observed are as they were sent" \
	"$(got ends4 | tail -n 2)" "$(tail -n 2 "$TMP/segments")"
is "nothing of a group that observes was dropped" \
	"$(ctl a -j group show ends | json 'j[0]["out-drops"]')" 0

tap_done
