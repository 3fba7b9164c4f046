#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Counts instructions per datagram where there are many senders and groups.
#
#	selftests/bench/many.sh FOLDER

# shellcheck source=selftests/bench/bench.sh
. "$(dirname "$0")/bench.sh"
one_cpu
load_mcsec
two_hosts
groups a b || die "groups"
alg=aes-gcm-16-128

# family, groups, senders
measure() {
	object mcsec "$1" $alg 64 "$(datagram a b "$(dst_of "$1")" 64)" \
		"\"groups\": $2, \"senders\": $3${others:+, \"others\": \"$others\"}"
}

for f in 4 6; do
	k=$(new_key 20)
	share_key g$f "$k" a b
	measure $f 2 1
	# SAs that only have to be known at the receiver: one datagram of each
	(umask 077; echo "$k" >"$TMP/k")
	for ((i = 2; i <= 1000; i++)); do
		printf 'sa flush g%s\nsa add g%s %s key-file %s %s %s select\n' \
			$f $f "spi 4096 dir out alg aes-gcm-16" "$TMP/k" \
			sender-id $i | "$MCSECCTL" -n "$(ns a)" batch ||
			die "Sender-ID $i"
		count=1 datagram a b "$(dst_of $f)" 64 >/dev/null
	done
	senders=$(ctl b -j sa show g$f | json 'j[0]["senders"]')
	[ "$senders" = 1000 ] || die "$senders senders, not 1000"
	measure $f 2 1000
done
for ((i = 0; i < 5000; i++)); do
	echo "group add m$i 239.8.$((i / 250)).$((i % 250))"
	echo "group add n$i ff3e::8:$(printf %x $i)"
done >"$TMP/groups"
for n in a b; do
	"$MCSECCTL" -n "$(ns $n)" batch "$TMP/groups" || die "10,000 groups"
done
for f in 4 6; do
	measure $f 10002 1000
done
# Groups of other addresses that select by other things, and by shorter prefixes
{
	for i in 1 2 3; do
		echo "group add s$i 239.9.0.$i src 10.9.9.9"
		echo "group add p$i 239.9.0.$i proto udp dport 9"
		echo "group add d$i 239.9.0.$i dev eth7"
		echo "group add w$i 239.9.$i.0/24"
		echo "group add k$i 239.9.0.$i mark 7"
		echo "group add t$i ff3e::9:$i src fd09::1"
		echo "group add q$i ff3e::9:$i proto udp dport 9"
		echo "group add e$i ff3e::9:$i dev eth7"
		echo "group add v$i ff3e:$i::/32"
		echo "group add l$i ff3e::9:$i mark 7"
	done
} >"$TMP/groups"
for n in a b; do
	"$MCSECCTL" -n "$(ns $n)" batch "$TMP/groups" || die "others"
done
for f in 4 6; do
	others=mixed measure $f 10032 1000
done
# Groups of the same address that a datagram is compared with first
for ((i = 1; i < 64; i++)); do
	echo "group add c$i $(dst_of 4) dev eth7 proto udp dport $i"
	echo "group add h$i $(dst_of 6) dev eth7 proto udp dport $i"
done >"$TMP/groups"
for n in a b; do
	"$MCSECCTL" -n "$(ns $n)" batch "$TMP/groups" || die "candidates"
done
for f in 4 6; do
	others="63 before it" measure $f 10158 1000
done
exit 0
