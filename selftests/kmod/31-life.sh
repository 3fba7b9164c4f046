#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Lifetimes and IV space, exactly; rollover without loss; and the memory of what
# was sent with. 92-cpus.sh has the IVs of several CPUs.
#
#	a eth0 ---- eth0 b
#
# timeout: 600

. "$(dirname "$0")/kmod.sh"
need python3
load_mcsec
two_hosts
groups a b
spawn ctl a monitor >"$TMP/a.events"
spawn ctl b monitor >"$TMP/b.events"
listen b $G4 r
listening() { [ "$(in_ns a cat /proc/net/netlink |
	awk '$2 == 16 && $4 != "00000000"' | wc -l)" -ge 1 ] &&
	[ "$(in_ns b cat /proc/net/netlink |
	awk '$2 == 16 && $4 != "00000000"' | wc -l)" -ge 1 ]; }
try "the monitors listen" wait_until 20 listening

lines=0
arrives() { # name, number
	lines=$((lines + $2))
	wait_until 20 has_lines r $lines
	is "$1" "$(wc -l <"$TMP/r")" $lines
}
hears() { # host, line
	if wait_until 15 grep -qxF "$2" "$TMP/$1.events"; then
		is "$1 hears once: $2" "$(grep -cxF "$2" "$TMP/$1.events")" 1
	else
		not_ok "$1 hears: $2" "$(<"$TMP/$1.events")"
	fi
}
spi=4096
pair() { # words for a's SA -- words for b's
	local left=() key sid="sender-id 1"

	spi=$((spi + 1)) key=$(new_key 20)
	while [ "$1" != -- ]; do
		[ "$1" != sender-id ] || sid=
		left+=("$1")
		shift
	done
	shift
	# shellcheck disable=SC2086 # two words or none
	sa_add a g4 "$key" spi $spi dir out alg aes-gcm-16 $sid select \
		"${left[@]}"
	sa_add b g4 "$key" spi $spi dir in alg aes-gcm-16 "$@"
	hex=$(printf '0x%08x' $spi)
}

section "packets"

pair soft-packets 5 hard-packets 12 -- soft-packets 4 hard-packets 10
send a $G4 count=20 >/dev/null
hears a "soft-expire sa g4 $hex limit packets"
hears a "hard-expire sa g4 $hex limit packets"
is "the sender stops at its limit" "$(sa_word a g4 $spi out-packets)" 12
is "the sender's SA has expired" "$(sa_word a g4 $spi state)" expired
is "datagrams that an expired SA does not send are counted" \
	"$(counter a out-expired)" 8
hears b "soft-expire sa g4 $hex limit packets"
hears b "hard-expire sa g4 $hex limit packets"
arrives "the receiver stops at its own limit" 10
is "the receiver counts what it refuses after its limit" \
	"$(counter b in-expired)" 2

section "bytes"
# 8 + 90 + 2 octets are 100 in the cipher.

pair soft-bytes 300 hard-bytes 750 -- window 64
send a $G4 count=9 size=90 >/dev/null
hears a "soft-expire sa g4 $hex limit bytes"
hears a "hard-expire sa g4 $hex limit bytes"
arrives "seven datagrams of 100 arrive" 7
is "the bytes are counted as such" "$(sa_word a g4 $spi out-bytes)" 700
pair -- hard-bytes 750
before=$(counter b in-expired)
send a $G4 count=9 size=90 >/dev/null
hears b "hard-expire sa g4 $hex limit bytes"
arrives "a receiver takes seven datagrams of 100 of 750 octets" 7
try "the datagram that exceeds the limit is refused as those after it" \
	wait_until 20 counted b in-expired $((before + 2))

section "time"

# The datagrams that must arrive go over an SA that does not end by time, since a
# busy machine may take longer than any time that is worth waiting for.
pair soft-time 2 -- soft-time 3
send a $G4 >/dev/null
arrives "a datagram arrives before or after the soft time" 1
hears a "soft-expire sa g4 $hex limit time"
hears b "soft-expire sa g4 $hex limit time"
pair hard-time 2 -- window 64
hears a "hard-expire sa g4 $hex limit time"
send a $G4 >/dev/null
arrives "no datagram arrives after the time is up" 0
refuse "an expired SA is not brought back" ctl a sa set g4 $spi hard-time 0
pair hard-time 3600 -- window 64
try "a limit can be moved" ctl a sa set g4 $spi hard-time 1
hears a "hard-expire sa g4 $hex limit time"

section "IV space"

pair iv-limit 16 -- window 64
send a $G4 count=15 size=90 >/dev/null
hears a "iv-exhausting sa g4 $hex sender-id 1"
is "an SA with one more IV lives" "$(sa_word a g4 $spi state)" live
send a $G4 size=90 >/dev/null
hears a "hard-expire sa g4 $hex limit iv"
is "the SA is exhausted with its last IV" "$(sa_word a g4 $spi state)" exhausted
send a $G4 count=4 size=90 >/dev/null
arrives "sixteen IVs are used and no more" 16
is "datagrams without an IV are counted" "$(counter a out-exhausted)" 4
is "an exhausted SA has sent sixteen datagrams" \
	"$(sa_word a g4 $spi out-packets) $(sa_word a g4 $spi out-bytes)" "16 1600"

section "an IV is never used twice"

key=$(new_key 20)
again() { sa_add a g4 "$key" spi 9000 dir out alg "$@"; }
try "a new key is taken with a Sender-ID" again aes-gcm-16 sender-id 7
ctl a sa del g4 9000
refuse "the same Sender-ID is not taken again" again aes-gcm-16 sender-id 7
refuse "the same Sender-ID is not taken among others" \
	again aes-gcm-16 sender-id 5-9
refuse "the same Sender-ID is not taken under the other transform of the cipher" \
	again aes-gmac sender-id 7
refuse "the same IVs are not taken with another width of Sender-IDs" \
	again aes-gcm-16 sender-id 1 sid-bits 8
ns_create c
ctl c group add g4 $G4
refuse "the same Sender-ID is not taken in another namespace" \
	eval "echo $key | ctl c sa add g4 key-stdin \
	spi 9001 dir out alg aes-gcm-16 sender-id 7"
try "Sender-ID 0 of the key is another one" again aes-gcm-16 sender-id 0
ctl a sa del g4 9000
try "another Sender-ID of the key is taken" again aes-gcm-16 sender-id 8
long=$key$(printf '%032d' 0)
try "a longer key that begins with it is another one" \
	sa_add a g4 "$long" spi 9003 dir out alg aes-gcm-16 sender-id 7
try "the octets of a key are another one for ChaCha20-Poly1305" \
	sa_add a g4 "$long" spi 9004 dir out alg chacha20-poly1305 sender-id 7
try "the key is taken for receiving" \
	sa_add a g4 "$key" spi 9002 dir in alg aes-gcm-16
ctl a sa flush g4

section "rollover"

before=$(counter a out-protected)
pair -- window 1024
spawn in_ns a "$MC" send $G4 $PORT eth0 count=600 pace=0.005 size=200 \
	>"$TMP/stream"
sender=$!
for _ in 1 2 3 4 5; do
	old=$spi
	sleep 0.4
	spi=$((spi + 1)) key=$(new_key 20)
	sa_add b g4 "$key" spi $spi dir in alg aes-gcm-16
	sa_add a g4 "$key" spi $spi dir out alg aes-gcm-16 sender-id 1-4
	ctl a sa set g4 $spi select
	sleep 0.2
	ctl a sa del g4 "$old"
done
wait $sender
arrives "600 datagrams arrive over five rollovers, none lost" 600
is "each datagram arrives once, in order" \
	"$(got r | tail -n 600)" "$(<"$TMP/stream")"
is "each datagram was protected" "$(($(counter a out-protected) - before))" 600
spi=20000

is "no datagram was refused at b" \
	"$(counters b in-accepted in-expired in-exempt out-exempt)" ""
tap_done
