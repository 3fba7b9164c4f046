#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Counts instructions per datagram in a guest whose clock counts them: plain,
# through xfrm, through mcsec, and of the bare cipher. One object a line.
#
#	selftests/bench/dataplane.sh FOLDER [QUICK]
#
# FOLDER has dgram and aead.ko. Two hosts on a cable, as in selftests/kmod.

# shellcheck source=selftests/kmod/kmod.sh
. "$(dirname "$0")/../kmod/kmod.sh"
bin=$1 quick=${2:-}
kernel=$(uname -r)
count=600
mode=transport

die() { echo "bench: $*" >&2; exit 1; }
object() { # path, family, alg, size, instructions, what is more
	printf '{"path": "%s", "family": %s, "mode": "%s", ' "$1" "$2" $mode
	printf '"alg": "%s", "size": %s, "instructions_per_packet": %s, ' \
		"$3" "$4" "$5"
	printf '"kernel": "%s"%s}\n' "$kernel" "${6:+, $6}"
}

[ "$(nproc)" = 1 ] || die "needs one CPU and -icount"
# what udev loads on a real machine by the features of its CPU
for m in aesni_intel ghash-clmulni-intel chacha-x86_64 poly1305-x86_64; do
	modprobe -q $m || echo "# no $m"
done
load_mcsec
two_hosts
a=$(ns a) b=$(ns b)

dgram() { # address, size
	"$bin/dgram" "$a" "$b" "$1" "$2" "$count" || die "dgram $*"
}

# alg, xfrm's name, octets of key
algs=(
	"aes-gcm-16-128 rfc4106(gcm(aes)) 20"
	"aes-gcm-16-256 rfc4106(gcm(aes)) 36"
	"aes-gmac-128 rfc4543(gcm(aes)) 20"
	"chacha20-poly1305 rfc7539esp(chacha20,poly1305) 36"
)
sizes="64 512 1300"
[ -z "$quick" ] || { algs=("${algs[0]}"); sizes="64 1300"; }

dst_of() { [ "$1" = 4 ] && echo $G4 || echo $G6; }

for f in 4 6; do
	for size in $sizes; do
		object plain $f none "$size" "$(dgram "$(dst_of $f)" "$size")"
	done
done

for line in "${algs[@]}"; do
	read -r alg name key <<<"$line"
	for size in $sizes; do
		# UDP's header, the trailer, rounded up to 4
		text=$(((size + 8 + 2 + 3) / 4 * 4))
		# the template itself, not what would wrap it
		insmod "$bin/aead.ko" name="$name" key="$key" text=$text \
			2>/dev/null
		n=$(dmesg | sed -n "s/.*mcsec-aead: .* $text octets: //p" |
			tail -n 1)
		[ -n "$n" ] || die "the cipher $name was not measured"
		object aead 4 "$alg" "$size" "$n"
	done
done

for line in "${algs[@]}"; do
	read -r alg name key <<<"$line"
	for f in 4 6; do
		dst=$(dst_of $f)
		[ $f = 4 ] && any=0.0.0.0 || any=::
		k=$(new_key "$key")
		for n in a b; do
			nip $n xfrm state add src $any dst "$dst" proto esp \
				spi 4096 mode transport replay-window 64 \
				flag esn aead "$name" "0x$k" 128 ||
				die "xfrm state"
		done
		nip a xfrm policy add dir out src $any/0 dst "$dst" tmpl \
			src $any dst "$dst" proto esp spi 4096 mode transport
		nip b xfrm policy add dir in src $any/0 dst "$dst" tmpl \
			proto esp mode transport level required
		for size in $sizes; do
			object xfrm $f "$alg" "$size" "$(dgram "$dst" "$size")"
		done
		for n in a b; do
			nip $n xfrm state flush
			nip $n xfrm policy flush
		done
	done
done

groups a b || die "groups"
for line in "${algs[@]}"; do
	read -r alg name key <<<"$line"
	for f in 4 6; do
		dst=$(dst_of $f)
		k=$(new_key "$key")
		sa_add a g$f "$k" spi 4096 dir out alg "${alg%-[12]*}" \
			sender-id 1 select || die "SA at a"
		sa_add b g$f "$k" spi 4096 dir in alg "${alg%-[12]*}" ||
			die "SA at b"
		for size in $sizes; do
			object mcsec $f "$alg" "$size" "$(dgram "$dst" "$size")"
		done
		ctl a sa flush g$f
		ctl b sa flush g$f
	done
done

# ---- tunnel mode, and much of everything, with the first cipher

key() { # family, Sender-ID, words of both SAs
	local f=$1 sid=$2
	shift 2

	sa_add a "g$f" "$k" spi 4096 dir out alg aes-gcm-16 sender-id "$sid" \
		select "$@" || die "SA at a"
	ctl b sa show "g$f" 4096 >/dev/null 2>&1 ||
		sa_add b "g$f" "$k" spi 4096 dir in alg aes-gcm-16 "$@" ||
		die "SA at b"
}
alg=aes-gcm-16-128
mode=tunnel
for f in 4 6; do
	k=$(new_key 20)
	key $f 1 mode tunnel
	for size in $sizes; do
		object mcsec $f $alg "$size" "$(dgram "$(dst_of $f)" "$size")"
	done
	ctl a sa flush g$f
	ctl b sa flush g$f
done
mode=transport

for f in 4 6; do
	k=$(new_key 20)
	key $f 1
	object mcsec $f $alg 64 "$(dgram "$(dst_of $f)" 64)" \
		'"groups": 2, "senders": 1'
	# what only has to be known at the receiver: one datagram of each
	(umask 077; echo "$k" >"$TMP/k")
	for ((i = 2; i <= 1000; i++)); do
		printf 'sa flush g%s\nsa add g%s %s key-file %s %s %s select\n' \
			$f $f "spi 4096 dir out alg aes-gcm-16" "$TMP/k" \
			sender-id $i | "$MCSECCTL" -n "$a" batch ||
			die "Sender-ID $i"
		"$bin/dgram" "$a" "$b" "$(dst_of $f)" 64 1 >/dev/null
	done
	senders=$(ctl b -j sa show g$f | json 'j[0]["senders"]')
	[ "$senders" = 1000 ] || die "$senders senders, not 1000"
	object mcsec $f $alg 64 "$(dgram "$(dst_of $f)" 64)" \
		'"groups": 2, "senders": 1000'
done
for ((i = 0; i < 5000; i++)); do
	echo "group add m$i 239.8.$((i / 250)).$((i % 250))"
	echo "group add n$i ff3e::8:$(printf %x $i)"
done >"$TMP/groups"
for n in a b; do
	"$MCSECCTL" -n "$(ns $n)" batch "$TMP/groups" || die "10,000 groups"
done
for f in 4 6; do
	object mcsec $f $alg 64 "$(dgram "$(dst_of $f)" 64)" \
		'"groups": 10002, "senders": 1000'
done
exit 0
