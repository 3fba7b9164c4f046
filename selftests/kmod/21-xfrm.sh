#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# mcsec and the kernel's own IPsec understand each other: manually keyed xfrm
# SAs at b, mcsec at a, both directions, IPv4 and IPv6, each transform that xfrm
# has. And tshark, which is neither, deciphers and verifies what mcsec sends.
#
#	a eth0 (mcsec) ---- eth0 b (xfrm)
#
# timeout: 600

. "$(dirname "$0")/kmod.sh"
need tcpdump python3
load_mcsec
two_hosts
groups a
listen b $G4 b4
listen b $G6 b6
listen a $G4 a4
listen a $G6 a6

xfrm() { nip b xfrm "$@"; }

spi=4096 n=0
round() { # name, alg, xfrm's name, octets of key
	local g dst any key

	spi=$((spi + 16))
	xfrm state flush
	xfrm policy flush
	for g in g4 g6; do
		[ $g = g4 ] && dst=$G4 any=0.0.0.0 || { dst=$G6; any=::; }
		key=$(new_key "$4")
		[ $g$n != g40 ] || first_key=$key first_spi=$spi
		# b receives what a sends
		sa_add a $g "$key" spi $spi dir out alg "$2" sender-id 1-4 \
			select || return
		xfrm state add src $any dst $dst proto esp spi $spi mode \
			transport replay-window 0 aead "$3" 0x"$key" 128 ||
			return
		# a receives what b sends, whose IV is no counter
		key=$(new_key "$4")
		sa_add a $g "$key" spi $((spi + 1)) dir in alg "$2" \
			replay seq || return
		xfrm state add src $any dst $dst proto esp spi $((spi + 1)) \
			mode transport replay-window 0 aead "$3" 0x"$key" 128 \
			sel src $any/0 dst $dst || return
		xfrm policy add dir out src $any/0 dst $dst tmpl src $any \
			dst $dst proto esp spi $((spi + 1)) mode transport ||
			return
		xfrm policy add dir in src $any/0 dst $dst tmpl proto esp \
			mode transport level required || return
	done
	both_ways "$1"
}
both_ways() { # name; sizes
	local g dst commas k

	commas=${sizes:-0,5,700,3000}
	commas=${commas//[!,]/}
	k=$((${#commas} + 1))
	n=$((n + k))
	for g in 4 6; do
		[ $g = 4 ] && dst=$G4 || dst=$G6
		send a $dst size=${sizes:-0,5,700,3000} text="$1" loop=0 >"$TMP/sent$g"
		wait_until 20 has_lines b$g $n
		# xfrm's cipher may answer later: then it reorders
		is "$1, IPv$g, mcsec to xfrm" "$(got b$g | tail -n $k |
			sort)" "$(sort "$TMP/sent$g")"
		send b $dst size=${sizes:-0,5,700,3000} text="$1" loop=0 >"$TMP/sent$g"
		wait_until 20 has_lines a$g $n
		is "$1, IPv$g, xfrm to mcsec" "$(got a$g | tail -n $k |
			sort)" "$(sort "$TMP/sent$g")"
	done
}
try_round() {
	if ! ${round:-round} "$@" 2>"$TMP/why"; then
		not_ok "$1: keys" "$(<"$TMP/why")"
	fi
}

sniff b wire esp
# name, alg, xfrm's name, octets of key: in tunnels, whose outer addresses are
# the inner ones
tunnel_round() {
	local g dst me key

	spi=$((spi + 16))
	xfrm state flush
	xfrm policy flush
	for g in g4 g6; do
		[ $g = g4 ] && dst=$G4 me=10.1.0 || { dst=$G6; me=fd01:; }
		[ $g = g4 ] && me=$me. || me=$me:
		key=$(new_key "$4")
		sa_add a $g "$key" spi $spi dir out alg "$2" mode tunnel \
			sender-id 1-4 select || return
		xfrm state add src ${me}1 dst $dst proto esp spi $spi \
			mode tunnel replay-window 0 aead "$3" 0x"$key" 128 ||
			return
		key=$(new_key "$4")
		sa_add a $g "$key" spi $((spi + 1)) dir in alg "$2" \
			mode tunnel replay seq || return
		xfrm state add src ${me}2 dst $dst proto esp spi $((spi + 1)) \
			mode tunnel replay-window 0 aead "$3" 0x"$key" 128 ||
			return
		xfrm policy add dir out src ${me}2 dst $dst tmpl src ${me}2 \
			dst $dst proto esp spi $((spi + 1)) mode tunnel ||
			return
		xfrm policy add dir in src ${me}1 dst $dst tmpl src ${me}1 \
			dst $dst proto esp mode tunnel level required || return
	done
	sizes=0,5,700,1300,3000,30000 both_ways "$1"
}
try_round aes-gcm-16/128 aes-gcm-16 'rfc4106(gcm(aes))' 20
# the first one's wire and key are tshark's, below
sniffed wire
cp "$TMP/wire.pcap" "$TMP/first.pcap"
try_round aes-gcm-16/256 aes-gcm-16 'rfc4106(gcm(aes))' 36
try_round aes-gmac/128 aes-gmac 'rfc4543(gcm(aes))' 20
try_round chacha20-poly1305 chacha20-poly1305 \
	'rfc7539esp(chacha20,poly1305)' 36
round=tunnel_round try_round "tunnel, aes-gcm-16/256" aes-gcm-16 \
	'rfc4106(gcm(aes))' 36
is "xfrm found nothing wrong" "$(in_ns b cat /proc/net/xfrm_stat |
	awk '$2 && $1 != "XfrmInNoStates" { print $1, $2 }')" ""
is "mcsec found nothing wrong" \
	"$(counters a out-exempt in-exempt out-protected \
	in-inner-fragment)" "in-accepted $((2 * n))"
# xfrm makes fragments before ESP there, of 1,368 octets behind two headers, the
# fragment's and ESP's: three and 22
is "mcsec put together what xfrm had cut, of IPv6 in a tunnel" \
	"$(counter a in-inner-fragment)" 23

section "xfrm's replay window"
# xfrm has one window for all senders, mcsec's sequence numbers are each sender's.

# Two senders under one SPI, who both count from 1, at an xfrm receiver with
# this window: how many of ten datagrams each it takes
window() { # replay-window, SPI, key
	local sid x

	xfrm state flush
	xfrm policy flush
	xfrm state add src 0.0.0.0 dst $G4 proto esp spi "$2" mode transport \
		replay-window "$1" aead 'rfc4106(gcm(aes))' 0x"$3" 128
	x=$(wc -l <"$TMP/b4")
	for sid in 1 2; do
		ctl a group flush
		ctl a group add g4 $G4
		sa_add a g4 "$3" spi "$2" dir out alg aes-gcm-16 \
			sender-id $sid select
		send a $G4 count=10 text=window loop=0 >/dev/null
	done
	wait_until 5 has_lines b4 $((x + 20))
	echo $(($(wc -l <"$TMP/b4") - x))
}
is "with replay-window 0 xfrm takes two senders" \
	"$(window 0 8192 "$(new_key 20)")" 20
is "with a replay window xfrm takes only the first sender" \
	"$(window 32 8193 "$(new_key 20)")" 10
is "xfrm counts what its replay window refuses" \
	"$(in_ns b awk '$1 == "XfrmInStateSeqError" { print $2 }' \
	/proc/net/xfrm_stat)" 10

section "tshark"

if ! command -v tshark >/dev/null; then
	skip "tshark deciphers and verifies" "tshark is missing"
else
	shark() { # key
		tshark -r "$TMP/first.pcap" -o ip.defragment:TRUE \
			-o esp.enable_encryption_decode:TRUE \
			-o esp.enable_authentication_check:TRUE \
			-o 'uat:esp_sa:"IPv4","*","'$G4'","'"$(printf '0x%08x' \
			"$first_spi")"'","AES-GCM with 16 octet ICV [RFC4106]","0x'"$1"'","NULL",""' \
			-Y "esp.spi == $first_spi && ip.dst == $G4 && udp" \
			-T fields -e udp.length -e esp.icv_good 2>"$TMP/shark"
	}
	if shark "$first_key" >"$TMP/fields"; then
		is "tshark deciphers what mcsec sent" \
			"$(cut -f1 "$TMP/fields" | tr '\n' ' ')" \
			"8 13 708 3008 "
		is "tshark verifies what mcsec sent" \
			"$(cut -f2 "$TMP/fields" | sort -u)" 1
		is "with another key tshark does not verify it" \
			"$(shark "${first_key%?????????}000000000" |
				awk '$NF == 1' | wc -l)" 0
	else
		not_ok "tshark deciphers" "$(<"$TMP/shark")"
	fi
fi
tap_done
