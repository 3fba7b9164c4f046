#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Events: each kind is made to happen, and comes as one line, in text and JSON,
# in the namespace where it happened and in no other. What mcsecctl prints as
# JSON on the way fits Documentation/schema.
#
#	a eth0 ---- eth0 b

. "$(dirname "$0")/kmod.sh"
need ip python3
load_mcsec
ns_create a b
veth a:eth0 10.0.0.1/24 -- b:eth0 10.0.0.2/24
mroute_to a eth0 224.0.0.0/4
mroute_to b eth0 224.0.0.0/4

send() { mc a send 239.1.1.1 $PORT eth0 count="$1" size=100 >/dev/null; }

# Both forms, side by side; in b too, where a's events must not be heard.
spawn ctl a monitor >"$TMP/a"
spawn ctl a -j monitor >"$TMP/a.json"
spawn ctl b monitor >"$TMP/b"
heard() { grep -qxF -- "$2" "$TMP/$1"; }
hears() { # where, line
	if wait_until 20 heard "$1" "$2"; then
		ok "$1 hears: $2"
	else
		not_ok "$1 hears: $2" "$(<"$TMP/$1")"
	fi
}
# A monitor is ready when its socket has joined; the kernel lists who has.
listening() {
	[ "$(for n in a a b; do in_ns $n cat /proc/net/netlink; done |
		awk '$2 == 16 && $4 != "00000000"' | wc -l)" -ge 5 ]
}
try "the monitors listen" wait_until 20 listening

"$MCSECCTL" key generate aes-gcm-16 file "$TMP/k"
ctl a group add video 239.1.1.1
ctl b group add video 239.1.1.1
send 3
hears a "acquire group video 239.1.1.1"
hears a.json '{"event":"acquire","group":"video","dst":"239.1.1.1"}'
is "three datagrams at once are one event" \
	"$(grep -c acquire "$TMP/a")" 1

ctl a sa add video spi 0x1000 dir out alg aes-gcm-16 key-file "$TMP/k" \
	sender-id 4 iv-limit 8 soft-packets 2 select
ctl b sa add video spi 0x1000 dir in alg aes-gcm-16 key-file "$TMP/k"
send 2
hears a "soft-expire sa video 0x00001000 limit packets"
hears a.json '{"event":"soft-expire","group":"video","spi":4096,"limit":"packets"}'
hears b "new-sender sa video 0x00001000 sender-id 4"
is "a Sender-ID is new once" "$(grep -c new-sender "$TMP/b")" 1
is "the receiver lists it" "$(ctl b -j sender show video 0x1000 |
	json '[j[0]["sender-id"], j[0]["packets"]]')" "[4, 2]"
like "the receiver lists the Sender-ID as text" \
	"$(ctl b sender show video 0x1000)" \
	'^ +4 +[0-9]+ +2$'
send 6
hears a "iv-exhausting sa video 0x00001000 sender-id 4"
hears a.json '{"event":"iv-exhausting","group":"video","spi":4096,"sender-id":4}'
send 1
is "the counter at its end stops the SA" "$(ctl a -j sa show video 0x1000 |
	json '[j[0]["state"], j[0]["out-packets"]]')" '["exhausted", 8]'

ctl a sa add video spi 0x2000 dir out alg aes-gcm-16 key-file "$TMP/k" \
	sender-id 5 soft-time 1 hard-time 2 select
send 3
hears b "unknown-spi group video spi 0x00002000"
is "an unknown SPI is reported once a second" \
	"$(grep -c unknown-spi "$TMP/b")" 1
hears a "soft-expire sa video 0x00002000 limit time"
hears a "hard-expire sa video 0x00002000 limit time"
is "a limit of time stops an SA too" "$(ctl a -j sa show video 0x2000 |
	json 'j[0]["state"]')" expired
is "every event was on a line by itself, and known" \
	"$(grep -cvE '^(acquire group|(soft|hard)-expire sa|iv-exhausting sa) video ' "$TMP/a")" 0
is "b heard nothing of a" \
	"$(grep -cvE 'new-sender|unknown-spi' "$TMP/b")" 0

section "schema"
for what in group sa; do
	for n in a b; do
		fits "$what show, in $n" "$what-show" < <(ctl $n -j $what show)
	done
done
fits "sender show" sender-show < <(ctl b -j sender show video 0x1000)
fits "show" show < <(ctl a -j show)
fits "stats" stats < <(ctl a -j stats)
ctl a -j top >"$TMP/top.json"
fits "top" top <"$TMP/top.json"
fits "metrics" metrics < <(ctl a -j metrics)
fits "the version" mcsecctl-version < <("$MCSECCTL" -j -V)
fits "events" monitor <"$TMP/a.json"

section "top"
like "without a terminal top prints a table once" "$(ctl a top)" \
	'^video +239\.1\.1\.1 +.*0x00002000 +[0-9smh]+$'
section ""

rm -f "$TMP/quit"
"$MCSECCTL" -n "$(ns a)" monitor >/dev/full 2>"$TMP/err" &
full=$!
sleep 1
ctl a sa del video 0x1000
ctl a sa del video 0x2000
send 1
rc=0
wait $full || rc=$?
is "a monitor that can not write ends with an error" "$rc" 1
tap_done
