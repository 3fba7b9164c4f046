#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Senders as objects: made before anything came from them, named, deleted. What a
# sender sent before it was deleted is a replay afterwards as well.
#
#	a eth0 ---- eth0 b

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 setpriv unshare
load_mcsec
two_hosts
groups a b
forge() { pkt a forge "$@"; }
sender() { ctl b sender "$@"; }
senders() { ctl b sender show g4 4096 | awk 'NR > 1 { $1 = $1; print }'; }

says() { # name, what it has to say, command...
	local name=$1 want=$2 out rc=0
	shift 2

	out=$("$@" 2>&1 >/dev/null) || rc=$?
	if [ $rc -eq 0 ]; then
		not_ok "$name" "\"$*\" was accepted"
	else
		like "$name" "$out" "$want"
	fi
}

key=$(new_key 20)
sa_add a g4 "$key" spi 4096 dir out alg aes-gcm-16 sender-id 4 select
sa_add b g4 "$key" spi 4096 dir in alg aes-gcm-16 max-senders 2
spawn ctl b monitor >"$TMP/events"
heard() { grep -c "new-sender sa g4 0x00001000 sender-id $1$" "$TMP/events"; }
hears() { [ "$(heard "$1")" = "$2" ]; }
# A monitor is ready when its socket has joined; the kernel lists who has.
listening() {
	in_ns b cat /proc/net/netlink | awk '$2 == 16 && $4 != "00000000"' |
		grep -q .
}
try "a monitor listens" wait_until 20 listening
listen b $G4 rx
sniff b wire "esp"

section "sender add"
try "a sender that was not heard yet" \
	sender add g4 4096 4 name "a.example, room 3"
is "the sender is there, with no packets" "$(senders)" \
	'4 a.example, room 3 0 0'
is "the sender takes a place" "$(sa_word b g4 4096 senders)" 1
is "a sender made by hand is no event" "$(heard 4)" 0
says "the same again" 'sender-id: the SA has a sender|has a sender of this sender-id' \
	sender add g4 4096 4
try "a second sender, without a name" sender add g4 4096 5
says "a third, of two that may be" 'has windows for max-senders senders' \
	sender add g4 4096 6
says "an SA that is not there" 'no SA of this spi' sender add g4 5000 4
says "a group that is not there" 'no group of this name' \
	sender add nope 4096 4
says "a name that is too long" 'at most 63' \
	sender add g4 4096 6 name "$(printf '%064d' 0)"
says "a name with a line feed" 'printable' \
	sender add g4 4096 6 name $'a\nb'
sa_add b g4 "$(new_key 20)" spi 4097 dir in alg aes-gcm-16 sid-bits 8
says "a Sender-ID of 9 bits" 'must fit the sid-bits of the SA' sender add g4 4097 256
try "a Sender-ID of 8 bits" sender add g4 4097 255
sa_add b g4 "$(new_key 20)" spi 4098 dir in alg aes-gcm-16 replay seq
says "an SA that tells no senders apart" 'need an SA with replay iv' \
	sender add g4 4098 4
sa_add b g4 "$(new_key 20)" spi 4099 dir out alg aes-gcm-16 sender-id 1
says "an SA that only sends" 'need an SA with dir in' sender add g4 4099 4
is "no refusal left a sender" "$(senders | wc -l)" 2

section "sender set"
try "another name" sender set g4 4096 5 name e.example
like "the other name" "$(senders)" '^5 e.example 0 0$'
try "no name" sender set g4 4096 5 name ""
like "the name is gone" "$(senders)" '^5 0 0$'
says "a sender that is not there" 'no sender of this sender-id' \
	sender set g4 4096 6 name x
says "nothing to set" '"name" is missing' sender set g4 4096 5

section "traffic"
send a $G4 count=3 >/dev/null
try "datagrams come" wait_until 30 has_lines rx 3
like "the datagrams are the named sender's" "$(senders)" \
	'^4 a.example, room 3 [0-9]+ 3$'
try "the first one is an event" wait_until 20 hears 4 1
sniffed wire
cp "$TMP/wire.pcap" "$TMP/old.pcap"

section "sender del"
try "a sender that was heard" sender del g4 4096 4
is "one sender is left" "$(senders)" \
	"5 0 0"
says "a second time" 'no sender of this sender-id' sender del g4 4096 4
says "the name of one that is gone" 'no sender of this sender-id' \
	sender set g4 4096 4 name x
is "the window keeps its place" "$(sa_word b g4 4096 senders)" 2
was=$(counter b in-replay)
is "replays of what was sent before" "$(forge replay "$TMP/old.pcap" eth0)" 3
try "all of it is refused as replays" wait_until 20 counted b in-replay $((was + 3))
is "none of it was delivered" "$(wc -l <"$TMP/rx")" 3
is "a replay makes no sender" "$(senders | wc -l)" 1
send a $G4 count=2 >/dev/null
try "new datagrams come" wait_until 30 has_lines rx 5
like "the sender is new, and has no name" "$(senders)" \
	'^4 [0-9]+ 2 3$'
try "the sender is an event again" wait_until 20 hears 4 2

section "sender del and add"
try "deleted again" sender del g4 4096 4
try "made again, before anything comes" sender add g4 4096 4 name again
like "the sender has counted nothing" "$(senders)" \
	'^4 again [1-9][0-9]* 0$'
was=$(counter b in-replay)
is "replays after the sender was made again" "$(forge replay "$TMP/old.pcap" eth0)" 3
try "all of them are refused as replays again" wait_until 20 counted b in-replay $((was + 3))
is "no replay was delivered" "$(wc -l <"$TMP/rx")" 5
try "a sender that was never heard is deleted" sender del g4 4096 5
is "the window of one that was never heard keeps its place" "$(sa_word b g4 4096 senders)" 2
says "there is no room for another" 'deleted ones keep theirs' \
	sender add g4 4096 6
try "there is room for the one that was deleted" sender add g4 4096 5
send a $G4 count=1 >/dev/null
try "one more datagram comes" wait_until 30 has_lines rx 6
like "the sender made again counts it" "$(senders)" \
	'^4 again [0-9]+ 1( |$)'
is "no other sender was an event" "$(grep -c new-sender "$TMP/events")" 3

section "two senders in turn"
turn_key=$(new_key 20)
# Sender-ID, counter
of() { pkt a inside $G4 eth0 "$turn_key" 4100 $((($1 << 48) + $2)) udp; }
if has_af_alg; then
	# A member sends no ESP that its module did not make.
	ctl a group del g4
	sa_add b g4 "$turn_key" spi 4100 dir in alg aes-gcm-16
	accepted=$(counter b in-accepted)
	of 7 1
	of 8 10
	of 7 2
	of 8 11
	try "datagrams of two senders in turn are accepted" \
		wait_until 30 counted b in-accepted $((accepted + 4))
	is "each sender has its own counter and datagrams" \
		"$(ctl b -j sender show g4 4100 | json \
			'[[s["sender-id"], s["counter"], s["packets"]] for s in j]')" \
		"[[7, 2, 2], [8, 11, 2]]"
	was=$(counter b in-replay)
	of 8 10
	of 7 2
	try "replays of two senders in turn are refused" \
		wait_until 30 counted b in-replay $((was + 2))
	is "no replay of two senders in turn is accepted" \
		"$(counter b in-accepted)" $((accepted + 4))
else
	skip "datagrams of two senders in turn" "the kernel has no AF_ALG"
fi

section "a user's part"
cat >"$TMP/user.sh" <<'USER'
"$MCSECCTL" group add g 239.1.1.1
"$MCSECCTL" sa add g spi 4096 dir in alg aes-gcm-16 window 32768 \
	max-senders 2048 key-file "$1"
for ((i = 0; i < 65536; i += $2)); do
	echo "sender add g 4096 $i"
done | "$MCSECCTL" batch 2>&1
"$MCSECCTL" sender show g 4096 | grep -c '^ *[0-9]'
"$MCSECCTL" sa del g 4096
"$MCSECCTL" sa add g spi 4097 dir in alg aes-gcm-16 window 32768 key-file "$1"
# the windows go after the readers
for ((i = 0; i < 100; i++)); do
	"$MCSECCTL" sender add g 4097 1 2>/dev/null && break
	sleep 0.1
done
[ $i -lt 100 ] && echo room again
USER
echo "$key" >"$TMP/key"
chmod 644 "$TMP/key"
chmod 755 "$TMP"
# the user may have no way to where this tree is, which may be in root's home
install -m 755 "$MCSECCTL" "$TMP/mcsecctl"
# a quarter of the 16th part of the machine, at 16 KiB each
total=$(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo)
most=$(windows_in $((total * 16)) 16384)
if [ $most -lt 2048 ] && setpriv --reuid 65534 --regid 65534 --clear-groups \
	unshare -Urn true 2>/dev/null; then
	fill() { # user, step of the Sender-IDs
		MCSECCTL=$TMP/mcsecctl setpriv --reuid "$1" --regid "$1" \
			--clear-groups unshare -Urn bash "$TMP/user.sh" \
			"$TMP/key" "$2" 2>&1
	}
	out=$(fill 65534 1)
	like "an ordinary user is told that more windows are too many" "$out" \
		"too much memory in replay windows of this namespace"
	like "an ordinary user gets that part" "$out" "^$most\$"
	like "an ordinary user has the room again when the SA goes" "$out" \
		'^room again$'
	# A user chooses Sender-IDs, and with them how many nodes there are. The
	# memory of the first one may be held for a while.
	like "nodes of Sender-IDs that are far apart count as well" \
		"$(fill 65533 32)" "^$(windows_in $((total * 16)) 16384 32)\$"
else
	skip "an ordinary user is refused windows" \
		"user namespaces are off, or the machine is too large"
fi
tap_done
