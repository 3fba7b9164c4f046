#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Directions of an existing SA: receiving can be switched on and off, and sending off,
# without losing the replay windows. Sending can never be switched on.
#
#	a eth0 ---- eth0 b

. "$(dirname "$0")/kmod.sh"
need tcpdump python3
load_mcsec
two_hosts
groups a b
forge() { pkt a forge "$@"; }
replayed() { forge replay "$TMP/old.pcap" eth0; }
set_b() { ctl b sa set g4 4096 "$@"; }

key=$(new_key 20)
sa_add a g4 "$key" spi 4096 dir out alg aes-gcm-16 sender-id 4 select
sa_add b g4 "$key" spi 4096 dir inout alg aes-gcm-16 sender-id 5 select
listen b $G4 rx
sniff b wire "esp and src 10.1.0.1"
send a $G4 count=3 >/dev/null
try "datagrams come" wait_until 30 has_lines rx 3
sniffed wire
cp "$TMP/wire.pcap" "$TMP/old.pcap"
send b $G4 count=1 loop=0 >/dev/null
is "an SA in both directions sends" "$(counter b out-protected)" 1

section "refused"
like "no direction" "$(set_b dir none 2>&1)" 'unknown dir "none"'
sa_add b g4 "$(new_key 20)" spi 4097 dir in alg aes-gcm-16
like "a receiver cannot begin to send" \
	"$(ctl b sa set g4 4097 dir inout 2>&1)" \
	'dir out cannot be added to an SA'
like "a receiver cannot be selected" \
	"$(ctl b sa set g4 4097 select 2>&1)" \
	'selected needs an SA with dir out'
like "stopping to send and being selected is refused" \
	"$(set_b dir in select 2>&1)" 'selected needs an SA with dir out'
is "a refusal leaves the direction" "$(sa_word b g4 4096 dir)" inout
is "a refusal leaves the choice" "$(sa_word b g4 4096 selected)" yes
like "a bad limit refuses the direction with it" \
	"$(set_b dir in soft-time 9 hard-time 8 2>&1)" 'limit'
is "a bad limit leaves the direction" "$(sa_word b g4 4096 dir)" inout

section "send turned off"
try "the SA is set to receive alone" set_b dir in
is "the SA receives alone" "$(sa_word b g4 4096 dir)" in
is "the SA is not selected" "$(sa_word b g4 4096 selected)" no
unlike "no Sender-ID is left to it" "$(ctl b sa show g4 4096)" 'sender-id'
was=$(counter b out-no-sa)
send b $G4 count=2 loop=0 >/dev/null
is "nothing leaves without an SA that sends" "$(counter b out-no-sa)" $((was + 2))
is "nothing more was protected" "$(counter b out-protected)" 1
refuse "the SA does not send again" set_b dir inout
was=$(counter b in-replay)
is "old datagrams come again" "$(replayed)" 3
try "all of them are replays" wait_until 20 counted b in-replay $((was + 3))
send a $G4 count=2 >/dev/null
try "new datagrams come" wait_until 30 has_lines rx 5

section "receive turned off and on"
sa_add b g6 "$key" spi 4096 dir inout alg aes-gcm-16 sender-id 6 select
sa_add a g6 "$key" spi 4096 dir out alg aes-gcm-16 sender-id 7 select
listen b $G6 rx6
sniff b wire6 "ip6 and ip6 proto 50 and src fd01::1"
send a $G6 count=2 >/dev/null
try "datagrams of the other group come" wait_until 30 has_lines rx6 2
sniffed wire6
cp "$TMP/wire6.pcap" "$TMP/old.pcap"
try "the SA is set to send alone" ctl b sa set g6 4096 dir out
was=$(counter b in-send-only)
send a $G6 count=2 >/dev/null
try "an SA that sends alone receives nothing" wait_until 20 \
	counted b in-send-only $((was + 2))
send b $G6 count=1 loop=0 >/dev/null
is "an SA that sends alone sends" "$(counter b out-protected)" 2
try "the SA is set to receive again" ctl b sa set g6 4096 dir inout
was=$(counter b in-replay)
is "old datagrams come again" "$(replayed)" 2
try "all of them are replays" wait_until 20 counted b in-replay $((was + 2))
send a $G6 count=1 >/dev/null
try "new datagrams come" wait_until 30 has_lines rx6 3
sleep 0.2
is "nothing old was delivered" "$(wc -l <"$TMP/rx6")" 3

section "own datagrams that somebody sends back"
# From another source, since IP takes none that claims to be this host.
ctl b sa flush g4
ctl b sa flush g6
for g in g4 g6; do
	sa_add b $g "$(new_key 20)" spi 4110 dir inout alg aes-gcm-16 \
		sender-id 1-4 select
done
sniff b own "(src 10.1.0.2 and esp) or (src fd01::2 and ip6 proto 50)"
send b $G4 count=2 loop=0 >/dev/null
send b $G6 count=2 loop=0 >/dev/null
sniffed own
# The sniffer goes on, and the own datagrams that follow are not to come back.
cp "$TMP/own.pcap" "$TMP/back.pcap"
before=$(wc -l <"$TMP/rx") before6=$(wc -l <"$TMP/rx6")
was=$(counter b in-replay)
is "four own datagrams come back" "$(forge moved "$TMP/back.pcap" eth0)" 4
try "each of them is a replay" wait_until 20 counted b in-replay $((was + 4))
is "the SA counts its own as replays" "$(sa_word b g6 4110 in-replays)" 2
send b $G4 count=1 >/dev/null
send b $G6 count=1 >/dev/null
try "a copy for the own sockets comes" wait_until 20 has_lines rx $((before + 1))
try "a copy of IPv6 for the own sockets comes" \
	wait_until 20 has_lines rx6 $((before6 + 1))
ctl b sa set g4 4110 dir in
is "own datagrams come back once more" "$(forge moved "$TMP/back.pcap" eth0)" 4
try "an SA that has stopped to send knows its own" \
	wait_until 20 counted b in-replay $((was + 8))
ctl b sa flush g4

section "a window by sequence number"
sa_add b g4 "$(new_key 20)" spi 4098 dir out alg aes-gcm-16 replay seq sender-id 9
try "an SA made to send alone is set to receive" ctl b sa set g4 4098 dir inout
is "the SA receives and sends" "$(sa_word b g4 4098 dir)" inout
key=$(new_key 20)
sa_add b g4 "$key" spi 4099 dir out alg aes-gcm-16 replay seq sender-id 9
sa_add a g4 "$key" spi 4099 dir out alg aes-gcm-16 sender-id 10 select
try "an SA by sequence number is set to receive" ctl b sa set g4 4099 dir in
sniff b wire7 "esp and src 10.1.0.1"
send a $G4 count=2 >/dev/null
try "datagrams by sequence number come" wait_until 30 has_lines rx 7
sniffed wire7
cp "$TMP/wire7.pcap" "$TMP/old.pcap"
was=$(counter b in-replay)
is "old datagrams by sequence number come again" "$(replayed)" 2
try "the window of the SA knows them" wait_until 20 counted b in-replay $((was + 2))

tap_done
