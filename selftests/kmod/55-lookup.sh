#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A datagram finds its own SA: address and SPI must both be right, also where
# others with the one or the other stand in the same bucket of the table; the
# interface must be one of the group's; and what passes two hooks is looked at
# once.
#
#	a eth0, eth1, eth2 ---- eth0, eth1, eth2 b
#
# timeout: 300

. "$(dirname "$0")/kmod.sh"
need python3
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
tap_done
