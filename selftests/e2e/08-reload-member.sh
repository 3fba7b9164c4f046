#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A member goes over to a changed configuration: groups come, go and change, and
# what was received before the change is a replay behind it.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/process.sh"
need ip jq tcpdump python3

PORT=5000

# NAME NUMBER: a group of the key server
group_conf() {
	cat <<-END
		{ name = "$1"; address = "239.7.1.$2";
		  rekey-address = "239.7.2.$2"; rekey-interface = "eth0";
		  receivers = [ "m.lab", "n.lab" ]; senders = [ "m.lab", "n.lab" ];
		  atd = 1; dtd = 3; beat = 2; }
	END
}

# NAME NUMBER [SETTINGS]: a group of a member
member_group() {
	cat <<-END
		{ name = "$1"; address = "239.7.1.$2"; sender-ids = 1; $3 }
	END
}

# HOST GROUPS [SETTINGS]: the configuration of a member
configure() { member_conf "$@" >"$TMP/$1.conf"; }

# GROUP MEMBER: of m's status
of() {
	mctl -j status |
		jq -r ".member.groups[] | select(.name == \"$1\").\"$2\""
}
is_state() { [ "$(of "$1" state)" = "$2" ]; }
sends() { [ "$(of video out-spi)" -gt 0 ]; }
# WORD: that value of the newest SA of "video", as the kernel has it
sa_has() { ctl m -j sa show video "$(of video data-spi)" | jq -r ".[0].\"$1\""; }
reload() { mctl reload; }
# GROUP NUMBER N: datagrams of n
send() {
	in_ns n "$PKT/mc.py" send "239.7.1.$1" $PORT eth0 count="$2" loop=0 \
		>/dev/null
}
lines() { wc -l <"$TMP/rx"; }
has_lines() { [ "$(lines)" -ge "$1" ]; }
in_replay() { counter m in-replay; }
replayed() { [ "$(in_replay)" -ge "$1" ]; }
# Takes the datagrams of the capture "old" again, all of them to be refused.
replay_old() { # name
	local was before sent

	was=$(in_replay)
	before=$(lines)
	sent=$(in_ns n "$PKT/forge.py" replay "$TMP/old.pcap" eth0)
	is "$1: old datagrams come again" "$sent" 3
	try "$1: all of them are replays" wait_until 20 replayed $((was + 3))
	is "$1: none of them is delivered" "$(lines)" "$before"
}

pki_make m n
bridge_up
load_mcsec
gcks_conf "$(group_conf video 1), $(group_conf audio 2)" >"$TMP/k.conf"
video=$(member_group video 1)
both=$(member_group video 1 'send = true;')
configure m "$both"
configure n "$both"
up k
up m
up n
try "a sender and receiver comes in" wait_until 60 is_state video in
try "a sender and receiver sends" wait_until 60 sends
in_n() { [ "$(host_ctl n -j status | jq -r '.member.groups[0]."data-spi"')" = "$(of video data-spi)" ]; }
try "both have one Data SA" wait_until 60 in_n
out_n() { [ "$(host_ctl n -j status | jq -r '.member.groups[0]."out-spi"')" = "$(of video data-spi)" ]; }
try "both send with it" wait_until 60 out_n
spawn in_ns m "$PKT/mc.py" recv 239.7.1.1 $PORT eth0 "$TMP/rx.ready" "$TMP/rx"
try "a receiver listens" wait_until 30 test -e "$TMP/rx.ready"
spawn nsenter "--net=/run/netns/$(ns n)" -- tcpdump -U -n -i eth0 \
	-w "$TMP/old.pcap" -s 0 "esp and src 10.7.0.3" 2>"$TMP/tcpdump.err"
dump=$!
try "a sniffer listens" wait_until 30 grep -q listening "$TMP/tcpdump.err"
send 1 3
try "datagrams come" wait_until 20 has_lines 3
sniffer_catches_up $dump "$TMP/tcpdump.err" || not_ok "the sniffer has all"
kill $dump
spi=$(of video data-spi)
replay_old "before any change"

section "send turned off"

configure m "$video"
like "a check says so" "$("$MCSECD" --check "$TMP/m.conf" 2>&1)" \
	'group video: changed: send: registers again'
is "a check changes nothing" "$(sa_has dir)" inout
try "mcsecctl reload" reload
is "the SA receives alone, at once" "$(sa_has dir)" in
is "nothing sends, at once" "$(of video out-spi)" 0
replay_old "at once"
registered() { [ "$(of video n-sender-ids)" = 0 ]; }
try "the member registers as a receiver" wait_until 20 registered
is "the Data SA goes on" "$(of video data-spi)" "$spi"
replay_old "registered"
n=$(lines)
send 1 2
try "new datagrams come" wait_until 20 has_lines $((n + 2))

section "a restart in another role"

configure m "$both"
kill -TERM "$(pgrep -f "$MCSECD -c $TMP/m.conf" | tail -n 1)"
gone() { ! mctl status; }
wait_until 20 gone
up m
try "the member is in" wait_until 60 is_state video in
try "the member sends" wait_until 60 sends
unlike "a member that begins to send has another Data SA" "$(of video data-spi)" "^$spi\$"
before=$(lines)
is "old datagrams come again" \
	"$(in_ns n "$PKT/forge.py" replay "$TMP/old.pcap" eth0)" 3
send 1 1
try "a new datagram comes" wait_until 20 has_lines $((before + 1))
is "nothing old is delivered" "$(lines)" $((before + 1))

section "a group comes and goes"

configure m "$both, $(member_group audio 2)"
like "a check names the group" "$("$MCSECD" --check "$TMP/m.conf" 2>&1)" \
	'group audio: added: 239.7.1.2 is protected'
is "a check adds nothing" "$(of audio name)" ""
try "mcsecctl reload with it" reload
is "the kernel has the group at once" \
	"$(ctl m -j group show audio | jq -r '.[0].name')" audio
try "the group comes in" wait_until 60 is_state audio in
is "the group is not removed" "$(of audio removed)" null
out=$(of video registrations)
configure m "$both"
try "mcsecctl reload without it" reload
is "JSON says that it is removed" "$(of audio removed)" true
like "the status says that it is removed" "$(mctl status | tr -d '\n')" \
	'audio .*not configured any more; stays closed'

mctl -j status >"$TMP/status.json"
fits "the status of a removed group fits the schema" status <"$TMP/status.json"
is "the kernel has none of its SAs" "$(ctl m -j sa show audio | jq length)" 0
is "the address of a removed group stays closed" \
	"$(ctl m -j group show audio | jq -r '.[0].name')" audio
try "a removed group leaves" wait_until 20 is_state audio out
try "an administrator gives it up" ctl m group del audio --force
no_audio() { [ "$(of audio name)" = "" ]; }
try "a group given up is not listed any more" wait_until 20 no_audio
is "the group beside it did not register again" "$(of video registrations)" "$out"

section "refused"

spi=$(of video data-spi)
configure m "$(member_group video 9 'send = true;')"
like "another address is refused" "$(reload 2>&1)" 'group del video --force'
configure m "$both" 'local = "10.7.0.2:848";'
like "another local address is refused" "$(reload 2>&1)" 'member: local cannot change'
configure m "$both, $(member_group audio 1)"
refuse "a group with an address that is taken" reload
is "a refused reload adds no group" "$(of audio name)" ""
is "a refused reload changes no SA" "$(of video data-spi)" "$spi"
configure m "$both"
try "a reload of what there is" reload

tap_done
