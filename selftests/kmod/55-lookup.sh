#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A datagram finds its own SA: address and SPI must both be right, also where
# others with the one or the other stand in the same bucket of the table; the
# interface must be one of the group's; a narrower group hides no SA that may be the
# datagram's; and what passes two hooks is looked at once.
#
#	a eth0, eth1, eth2 ---- eth0, eth1, eth2 b eth3 ---- eth0 c
#
# timeout: 500

. "$(dirname "$0")/kmod.sh"
need python3 smcrouted
load_mcsec
two_hosts

# Tables begin with 64 buckets: of forty entries some must share one.
n=40
umask 077
od -An -v -tx1 -w20 -N$((20 * n)) /dev/urandom | tr -d ' ' |
	awk -v to="$TMP/key" '{ print >(to (NR - 1)) }'
accepted() { counters "$1" in-exempt out-exempt; }
# namespace; lines on standard input: all of these commands succeed
batch() { ctl "$1" batch - || not_ok "the entries of $1"; }
# family, number of a group
nth_group() {
	[ "$1" = 4 ] && echo "239.3.0.$(($2 + 1))" || echo "ff3e::3:$(($2 + 1))"
}
one_address() { # family, direction, what else an SA of number i has
	local i

	echo group flush
	[ "$1" = 4 ] && echo "group add one $G4" || echo "group add one $G6"
	for ((i = 0; i < n; i++)); do
		echo "sa add one key-file $TMP/key$i spi $((4096 + i)) dir $2" \
			"alg aes-gcm-16" \
			"$([ "$2" = in ] || echo "sender-id $(($1 * n + i))")"
	done
}
one_spi() { # family, direction
	local i

	echo group flush
	for ((i = 0; i < n; i++)); do
		echo "group add g$i $(nth_group "$1" $i)"
		echo "sa add g$i key-file $TMP/key$(((i + 1) % n)) spi 5000" \
			"dir $2 alg aes-gcm-16" "$([ "$2" = in ] ||
			echo "sender-id $((500 + $1 * n + i)) select")"
	done
}
for f in 4 6; do
	[ $f = 4 ] && g=$G4 || g=$G6
	one_address $f out | batch a
	one_address $f in | batch b
	before=$(counter b in-accepted)
	for ((i = 0; i < n; i++)); do
		ctl a sa set one $((4096 + i)) select
		mc a send "$g" $PORT eth0 >/dev/null
	done
	wait_until 20 counted b in-accepted $((before + n))
	is "IPv$f: of $n SAs of one address each is found" "$(accepted b)" \
		"in-accepted $((before + n))"
	one_spi $f out | batch a
	one_spi $f in | batch b
	before=$(counter b in-accepted)
	all=$(for ((i = 0; i < n; i++)); do nth_group $f $i; done | paste -sd ,)
	mc a send "$all" $PORT eth0 count=$n >/dev/null
	wait_until 20 counted b in-accepted $((before + n))
	is "IPv$f: of $n SAs of one SPI each is found" "$(accepted b)" \
		"in-accepted $((before + n))"
done

section "interfaces"

for h in a b; do
	ctl $h group flush
done
for i in 1 2; do
	veth a:eth$i 10.2$i.0.1/24 fd2$i::1/64 -- b:eth$i 10.2$i.0.2/24 fd2$i::2/64
done
for f in 4 6; do
	[ $f = 4 ] && g=$G4 || g=$G6
	key=$(new_key 20)
	ctl a group add g$f "$g"
	ctl b group add g$f "$g" dev eth0,eth1
	sa_add a g$f "$key" spi 4096 dir out alg aes-gcm-16 sender-id 1 select
	sa_add b g$f "$key" spi 4096 dir in alg aes-gcm-16
	was=$(counter b in-accepted)
	by() { mc a send "$g" $PORT "eth$1" text=x >/dev/null; }
	by 0
	by 1
	try "IPv$f: ESP is taken by either interface of the group" \
		wait_until 20 counted b in-accepted $((was + 2))
	by 2
	by 0
	wait_until 20 counted b in-accepted $((was + 3))
	is "IPv$f: ESP is taken by no interface of no group" \
		"$(counter b in-accepted)" $((was + 3))
	is "IPv$f: ESP by an interface of no group is not deciphered" \
		"$(accepted b)" \
		"in-accepted $((was + 3))"
done
# a device that goes, while another one gets its name
nip b link set eth1 down
nip b link set eth1 name was1
nip b link set was1 up
wait_until 20 ns_up b was1
was=$(counter b in-accepted)
mc a send $G4 $PORT eth1 text=x >/dev/null
mc a send $G4 $PORT eth0 text=x >/dev/null
wait_until 20 counted b in-accepted $((was + 1))
is "ESP is not taken by an interface that is renamed" \
	"$(counter b in-accepted)" \
	$((was + 1))

section "two hooks"

# a member of the group: its datagrams pass PRE_ROUTING and LOCAL_IN
listen b $G4 r4
listen b $G6 r6
ctl b group flush
for f in 4 6; do
	[ $f = 4 ] && g=$G4 || g=$G6
	ctl b group add p$f "$g" proto udp dport $PORT policy observe
done
was=$(counter b in-observed)
send a $G4 >/dev/null
send a $G6 >/dev/null
wait_until 20 counted b in-observed $((was + 2))
is "unknown ESP that is let by is counted once" "$(counter b in-observed)" \
	$((was + 2))

section "SPIs that are none"

ctl a group flush
ctl b group flush
for f in 4 6; do
	[ $f = 4 ] && g=$G4 src=10.1.0.1 || g=$G6 src=fd01::1
	ctl b group add z$f "$g"
	for spi in 0 1 255; do
		was=$(counter b in-no-sa)
		mc a hdrincl "$g" eth0 $src proto=50 spi=$spi >/dev/null
		try "IPv$f: ESP of SPI $spi is of no SA" \
			wait_until 20 counted b in-no-sa $((was + 1))
	done
	ctl b group add y$f "$g" src $src
	was=$(counter b in-no-sa)
	mc a hdrincl "$g" eth0 $src proto=50 spi=0 >/dev/null
	try "IPv$f: ESP of SPI 0 is of no SA where groups select by the source" \
		wait_until 20 counted b in-no-sa $((was + 1))
done

section "narrower groups of a payload"
# ESP does not show of which of two groups it is.

ns_create c
veth b:eth3 10.6.0.1/24 fd06::1/64 -- c:eth0 10.6.0.2/24 fd06::2/64
listen c $G4 c4
listen c $G6 c6
mroute b eth0 eth3 10.1.0.1 $G4 fd01::1 $G6 || not_ok "b routes multicast"
# group, SPI, more words: a sends to b
keyed() {
	local g=$1 spi=$2 key
	shift 2

	key=$(new_key 20)
	sa_add a "$g" "$key" spi "$spi" dir out alg aes-gcm-16 sender-id 1 \
		select "$@"
	sa_add b "$g" "$key" spi "$spi" dir in alg aes-gcm-16 "$@"
}
# name, family, mode, receiver; the wide group, the narrow group, more words of both
# at b: $PORT is the wide group's, and 5001 the narrow one's
nested() {
	local name="IPv$2, $3, $1" f=$2 mode=$3 at=$4 wide=$5 narrow=$6 n
	local lines no_sa selector accepted more=('' '')

	for n in a b; do
		[ $n = a ] || more=("$7" "$8")
		ctl $n group flush
		# shellcheck disable=SC2086 # words
		ctl $n group add wide $wide ${more[0]}
		# shellcheck disable=SC2086 # words
		ctl $n group add narrow $narrow proto udp dport 5001 ${more[1]}
	done
	keyed wide 4096 mode "$mode"
	keyed narrow 4097 mode "$mode"
	[ "$f" = 4 ] && g=$G4 || g=$G6
	lines=$(wc -l <"$TMP/$at$f") no_sa=$(counter b in-no-sa)
	accepted=$(counter b in-accepted) selector=$(counter b in-selector)
	mc a send "$g" $PORT eth0 count=2 >/dev/null
	mc a send "$g" $PORT eth0 size=3000 >/dev/null
	try "$name: the wide group has its ports" \
		wait_until 20 has_lines "$at$f" $((lines + 3))
	mc a send "$g" 5001 eth0 >/dev/null
	wait_until 20 counted b in-accepted $((accepted + 4))
	is "$name: each datagram came by its own group's key" \
		"$(sa_word b wide 4096 in-packets) $(sa_word b narrow 4097 \
			in-packets) $(($(counter b in-no-sa) - no_sa))" "3 1 0"
	ctl a group del narrow
	mc a send "$g" 5001 eth0 >/dev/null
	try "$name: the wide group's key is none for the narrow one's port" \
		wait_until 20 counted b in-selector $((selector + 1))
	is "$name: the narrow group's port has got no more" \
		"$(counter b in-accepted) $(wc -l <"$TMP/$at$f")" \
		"$((accepted + 4)) $((lines + 3))"
}
for f in 4 6; do
	[ $f = 4 ] && g=$G4 range=239.1.0.0/16 src=10.1.0.1 ||
		g=$G6 range=ff3e::/96 src=fd01::1
	nested "an address in a range" $f transport r "$range" "$g" '' ''
	nested "a source" $f tunnel r "$g" "$g src $src" '' ''
	for mode in transport tunnel; do
		nested "a gateway" $f $mode c "$range" "$g" \
			"forward dev eth0" forward
	done
done

section "equal SPIs"
# An SA that no datagram by this interface has hides none.

for f in 4 6; do
	[ $f = 4 ] && g=$G4 range=239.1.0.0/16 src=10.1.0.1 ||
		g=$G6 range=ff3e::/96 src=fd01::1
	for way in "address:$range $g" "source:$g $g src $src"; do
		read -r wide narrow <<<"${way#*:}"
		for n in a b; do
			ctl $n group flush
			ctl $n group add wide "$wide"
		done
		# shellcheck disable=SC2086 # words
		ctl b group add narrow $narrow dev eth2
		keyed wide 4096
		sa_add b narrow "$(new_key 20)" spi 4096 dir in alg aes-gcm-16
		was=$(wc -l <"$TMP/r$f")
		mc a send "$g" $PORT eth0 >/dev/null
		try "IPv$f: a narrower ${way%%:*} of another interface hides no SA" \
			wait_until 20 has_lines r$f $((was + 1))
		no_sa=$(counter b in-no-sa) bad=$(counter b in-bad-icv)
		mc a send "$g" $PORT eth2 src=$src >/dev/null
		try "IPv$f: by the interface of the narrower ${way%%:*} it has the SPI" \
			wait_until 20 counted b in-bad-icv $((bad + 1))
		is "IPv$f: no SPI was unknown at the narrower ${way%%:*}" \
			"$(counter b in-no-sa) $(wc -l <"$TMP/r$f")" \
			"$no_sa $((was + 1))"
	done
done

section "many groups for an unknown SPI"
# A stranger's packet has a bounded cost, and no group is left out.

spawn in_ns b "$MCSECCTL" monitor >"$TMP/events"
# family, number of groups
told_by_one() {
	local f=$1 n=$2 g=$G4 other=239.2.0.1 i

	[ "$f" = 4 ] || g=$G6 other=ff3e::2:1
	ctl a group flush
	ctl a group add wide "$g"
	sa_add a wide "$(new_key 20)" spi $((0x3000 + n)) dir out \
		alg aes-gcm-16 sender-id 1 select
	{
		echo group flush
		echo "group add end$f-$n $other"
		for ((i = 1; i <= n; i++)); do
			echo "group add u$f-$n-$i $g proto udp dport $i"
		done
	} | batch b
	heard() {
		mc b send $other $PORT eth0 >/dev/null
		grep -q "acquire group end$f-$n " "$TMP/events"
	}
	wait_until 60 heard
	was=$(counter b in-no-sa)
	mc a send "$g" $PORT eth0 >/dev/null
	wait_until 20 counted b in-no-sa $((was + 1))
	# a later event shows that all are there
	ctl b group del end$f-$n
	ctl b group add last$f-$n $other
	ended() {
		mc b send $other $PORT eth0 >/dev/null
		grep -q "acquire group last$f-$n " "$TMP/events"
	}
	wait_until 60 ended
	groups_told "$f" "$n"
}
groups_told() {
	grep -o "unknown-spi group u$1-$2-[0-9]* " "$TMP/events" | sort -u |
		wc -l
}
all_told() {
	mc a send "$g" $PORT eth0 >/dev/null
	[ "$(groups_told $f 40)" = 40 ]
}
for f in 4 6; do
	[ $f = 4 ] && g=$G4 || g=$G6
	is "IPv$f: a packet tells each of 16 groups" "$(told_by_one $f 16)" 16
	is "IPv$f: a packet tells no more than 16 of 40 groups" \
		"$(told_by_one $f 40)" 16
	try "IPv$f: packets tell each of 40 groups in the end" \
		wait_until 60 all_told
done

tap_done
