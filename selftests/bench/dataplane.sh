#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Counts instructions per datagram in a guest whose clock counts them: plain,
# through xfrm, through mcsec, and of the bare cipher. One object a line.
#
#	selftests/bench/dataplane.sh FOLDER [QUICK]
#
# FOLDER has dgram and aead.ko. Two hosts on a cable, as in selftests/kmod.

# shellcheck source=selftests/bench/bench.sh
. "$(dirname "$0")/bench.sh"
quick=${2:-}

one_cpu
load_mcsec
two_hosts

dgram() { # address, size
	datagram a b "$1" "$2"
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

# ---- tunnel mode, with the first cipher

alg=aes-gcm-16-128
mode=tunnel
for f in 4 6; do
	k=$(new_key 20)
	sa_add a g$f "$k" spi 4096 dir out alg aes-gcm-16 sender-id 1 select \
		mode tunnel || die "SA at a"
	sa_add b g$f "$k" spi 4096 dir in alg aes-gcm-16 mode tunnel ||
		die "SA at b"
	for size in $sizes; do
		object mcsec $f $alg "$size" "$(dgram "$(dst_of $f)" "$size")"
	done
done
exit 0
