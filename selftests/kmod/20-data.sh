#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# From one host to another under each transform, IPv4 and IPv6: what arrives is
# what was sent, what is on the wire is ESP. Before there is a key nothing is.
#
#	a eth0 ---- eth0 b
#
# timeout: 600
# stock full: the processor's own ciphers, which the next kernel has as well
# next too

. "$(dirname "$0")/kmod.sh"
need tcpdump python3
load_mcsec
two_hosts
sniff b wire

section "no key"

groups a b
spawn ctl a -j monitor >"$TMP/events"
listen b $G4 r4
listen b $G6 r6
began=$(date +%s%N)
is "without a key nothing is sent, and no error said" \
	"$(send a $G4 count=2 text=NOKEY | wc -l)" 2
is "a sender that asks for errors is told" \
	"$(send a $G6 recverr=1 text=NOKEY)" ENOBUFS
is "datagrams that are not sent for want of a key are counted" \
	"$(counter a out-no-sa)" 3
try "userspace is asked for a key" wait_until 20 \
	grep -q '"acquire","group":"g6"' "$TMP/events"
is "userspace is asked for a key of each group" \
	"$(grep -o '"acquire","group":"g[46]"' "$TMP/events" | sort -u | wc -l)" 2
# two groups, and the seconds that a slow machine took
try "userspace is asked for a key at most once a second" \
	[ "$(grep -c acquire "$TMP/events")" -le \
	$((2 + ($(date +%s%N) - began) / 1000000000)) ]
is "the group counts what was not sent" \
	"$(group_is a g4 out-drops)" 2

section "transforms"

spi=4096 n4=0 n6=0
round() { # name, alg, octets of key, sid-bits
	local key g

	spi=$((spi + 1))
	for g in g4 g6; do
		key=$(new_key "$3")
		sa_add b $g "$key" spi $spi dir in alg "$2" sid-bits "$4" &&
			sa_add a $g "$key" spi $spi dir out alg "$2" \
				sender-id 5-8 sid-bits "$4" select ||
			not_ok "$1: keys" "refused"
	done
	: >"$TMP/sent"
	send a $G4 size=0,1,61,62,63,64,65,1000 text="$1" >/dev/null
	n4=$((n4 + 8))
	wait_until 30 has_lines r4 $n4
	is "$1 over IPv4" "$(got r4 | tail -n 8)" "$(<"$TMP/sent")"
	: >"$TMP/sent"
	send a $G6 size=0,301,302,303,304 text="$1" >/dev/null
	n6=$((n6 + 5))
	wait_until 30 has_lines r6 $n6
	is "$1 over IPv6" "$(got r6 | tail -n 5)" "$(<"$TMP/sent")"
	like "$1: counted at the SA" \
		"$(for w in in-packets in-replays in-bad-icv senders; do
			sa_word b g4 $spi $w
		done | xargs)" '^8 0 0 [12]$'
}
round aes-gcm-16/128 aes-gcm-16 20 16
round aes-gcm-16/256 aes-gcm-16 36 12
round aes-gmac/128 aes-gmac 20 8
round aes-gmac/256 aes-gmac 36 16
round chacha20-poly1305 chacha20-poly1305 36 16

is "nothing was dropped at b" "$(counters b out-exempt in-exempt)" \
	"in-accepted $((n4 + n6))"
is "nothing was dropped at a but for want of a key" \
	"$(counter a out-protected)" $((n4 + n6))

section "fields that stay as they were sent"

: >"$TMP/sent"
send a $G4 ttl=33 tos=184 >/dev/null
send a $G6 ttl=44 tos=46 >/dev/null
wait_until 30 has_lines r4 $((n4 + 1))
wait_until 30 has_lines r6 $((n6 + 1))
is "IPv4: source, TTL and TOS" "$(tail -n 1 "$TMP/r4" | cut -d' ' -f3-)" \
	"10.1.0.1 33 184"
is "IPv6: source, hop limit, class" \
	"$(tail -n 1 "$TMP/r6" | cut -d' ' -f3-)" "fd01::1 44 46"

section "on the wire"

try "all datagrams are on the wire" wait_until 30 captured wire $((n4 + n6 + 2))
sniffed wire
is "the datagrams are on the wire as ESP only" \
	"$(tcpdump -n -r "$TMP/wire.pcap" \
	"(dst $G4 or dst $G6) and not esp and not igmp and not ip6[6] == 0" \
	2>/dev/null)" ""
is "nothing that was sent without a key is on the wire" \
	"$(grep -c NOKEY "$TMP/wire.pcap")" 0
is "nothing readable of ciphers that hide" \
	"$(grep -cE 'aes-gcm|chacha|MARKER' "$TMP/wire.pcap")" 0
try "GMAC does not hide" grep -aq 'aes-gmac/128-0000' "$TMP/wire.pcap"

section "loopback on the sender's host"

listen a $G4 loop4
key=$(new_key 20)
sa_add a g4 "$key" spi 8192 dir inout alg aes-gcm-16 sender-id 1-4 select
send a $G4 text=LOOP count=3 >"$TMP/sent"
try "a host hears itself" wait_until 30 has_lines loop4 3
is "a host hears what it sent itself" "$(got loop4)" "$(head -n 3 "$TMP/sent")"
send a $G4 text=LOOP loop=0 >/dev/null
is "a host that does not want to hear itself does not" \
	"$(counter a in-accepted)" 3
sa_add a g4 "$(new_key 20)" spi 8193 dir out alg aes-gcm-16 \
	sender-id 1-4 select
send a $G4 text=LOOP >/dev/null
try "a key that only sends does not receive" \
	wait_until 20 counted a in-send-only 1

section "IGMP and MLD"

# the versions that report to the group itself
in_ns b sysctl -qw net.ipv4.conf.eth0.force_igmp_version=2 \
	net.ipv6.conf.eth0.force_mld_version=1
for n in a b; do
	ctl $n group add igmp 239.1.1.7
	ctl $n group add mld ff3e::1:7
done
listen b 239.1.1.7 igmp
listen b ff3e::1:7 mld
try "reports of membership left b in the clear" \
	wait_until 20 counted b out-exempt 2
try "reports of membership reached a" wait_until 20 counted a in-exempt 2
igmp_seen() {
	tcpdump -n -r "$TMP/wire.pcap" "igmp and dst 239.1.1.7" 2>/dev/null |
		grep -q 'igmp v2'
}
try "IGMP of the group is on the wire" wait_until 20 igmp_seen
is "an application's IGMP with a larger TTL is not exempt" \
	"$(mc a hdrincl $G4 eth0 10.1.0.1 proto=2 | wc -l)" 1
is "an application's IGMP with a larger TTL went as ESP" \
	"$(counter b in-clear)" 0

tap_done
