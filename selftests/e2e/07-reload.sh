#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A key server goes over to a changed configuration: by SIGHUP and by mcsecctl
# reload, with members that are put out, that register anew and that are told
# that their group is gone; and what is refused changes nothing.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/process.sh"
need ip jq python3

K=$TMP/k

# NAME NUMBER RECEIVERS [MORE]: a group of the key server
group_conf() {
	cat <<-END
		{ name = "$1"; address = "239.7.1.$2";
		  rekey-address = "239.7.2.$2"; rekey-interface = "eth0";
		  receivers = [ $3 ]; senders = [ "m.lab" ];
		  atd = 1; dtd = 3; beat = 2; $4 }
	END
}

# HOST: a member of "video"
video_member() {
	member_conf "$1" '{ name = "video"; address = "239.7.1.1"; sender-ids = 1; }'
}

# GROUP MEMBER: of the key server's status
of() { kctl -j status | jq -r ".gcks.groups[] | select(.name == \"$1\").\"$2\""; }
state() { host_ctl "$1" -j status | jq -r '.member.groups[0].state'; }
state_is() { [ "$(state "$1")" = "$2" ]; }
in_step() {
	[ "$(host_ctl "$1" -j status |
		jq -r '.member.groups[0]."data-spi"')" = "$(of video data-spi)" ]
}
roster() { kctl -j member video | jq -r '[.rosters[0].members[].id] | sort | join(" ")'; }
reloads() { grep -c 'reload done' "$TMP/k.log"; }
# SIGHUP, and wait for its end
hup() {
	local n

	n=$(reloads)
	kill -HUP "$(pgrep -f "$MCSECD -c $TMP/k.conf" | tail -n 1)"
	reloaded() { [ "$(reloads)" -gt "$n" ]; }
	wait_until 20 reloaded
}

pki_make m n
bridge_up
load_mcsec
both='"m.lab", "n.lab"'
gcks_conf "$(group_conf video 1 "$both")" >"$TMP/k.conf"
video_member m >"$TMP/m.conf"
video_member n >"$TMP/n.conf"
up k
up m
up n
try "two members come in" wait_until 60 state_is m in
try "the second one, too" wait_until 60 state_is n in

section "refused"

cp "$TMP/k.conf" "$TMP/good.conf"
spi=$(of video data-spi)
echo 'gcks: {' >"$TMP/k.conf"
like "a syntax error is said" "$(kctl reload 2>&1)" 'k.conf:1: the \{ of this line is not closed'
gcks_conf "$(group_conf video 1 '"m.lab"'), $(group_conf audio 2 "$both")" \
	'sa-idle = 77;' >"$TMP/k.conf"
like "a refused reload names the setting that cannot change" "$(kctl reload 2>&1)" \
	'gcks.sa-idle.*nothing was changed'
like "--check says so, too" "$("$MCSECD" --check "$TMP/k.conf" 2>&1)" \
	'would be refused: .*gcks.sa-idle'
is "a refused reload changes no list" "$(of video members)" 2
is "a refused reload adds no group" "$(of audio name)" ""
is "a refused reload changes no key" "$(of video data-spi)" "$spi"
cp "$TMP/good.conf" "$TMP/k.conf"
try "a reload of the same file" kctl reload
is "a reload of the same file changes no key" "$(of video data-spi)" "$spi"
is "a reload of the same file changes no policy" \
	"$(of video policy-version)" 1

section "a list"

gcks_conf "$(group_conf video 1 '"m.lab"'), $(group_conf audio 2 "$both")" \
	>"$TMP/k.conf"
like "--check names who would go" "$("$MCSECD" --check "$TMP/k.conf" 2>&1)" \
	'"n.lab" is evicted'
like "--check names the daemon that it compares with" \
	"$("$MCSECD" --check "$TMP/k.conf" 2>&1)" \
	"^compared with the mcsecd that runs at $K/s.sock:"
like "mcsecctl reload --check names what would come" \
	"$(kctl reload --check 2>&1)" 'group audio: added'
is "a check changes nothing" "$(of video members)" 2
hup
is "SIGHUP: who is not in the list is out" "$(roster)" "m.lab"
is "SIGHUP: the new group is there" "$(of audio name)" audio
is "SIGHUP: the policy has a version of its own" \
	"$(of video policy-version)" 2
unlike "SIGHUP: keys are new" "$(of video data-spi)" "^$spi\$"
try "a member that stays follows the rekey" wait_until 20 in_step m
try "an evicted member does not come back" state_is n waiting
like "the audit trail has the eviction" "$(kctl -j audit)" \
	'"event": *"evict"'

section "an algorithm"

gcks_conf "$(group_conf video 1 "$both" 'algorithm = "aes-gcm-16-256";')" \
	>"$TMP/k.conf"
like "--check names a reset" "$("$MCSECD" --check "$TMP/k.conf" 2>&1)" \
	'algorithm changed: the group is reset, and its 1'
try "mcsecctl reload" kctl reload
is "a group that is removed is not served" "$(of audio name)" ""
try "a member registers anew" wait_until 60 in_step m
try "a member that may again comes back" wait_until 120 state_is n in
is "the group has the new algorithm" "$(of video algorithm)" aes-gcm-16-256

section "a group that goes"

gcks_conf "$(group_conf audio 2 "$both")" >"$TMP/k.conf"
try "mcsecctl reload without it" kctl reload
is "a removed group is not served" "$(of video name)" ""
out() { ! state_is m in; }
try "members of a removed group are told" wait_until 10 out
cp "$TMP/good.conf" "$TMP/k.conf"
try "mcsecctl reload with it" kctl reload
try "members of a group that is there again come back" wait_until 240 state_is m in

section "a key server that is down"

down TERM "$(pgrep -f "$MCSECD -c $TMP/k.conf" | tail -n 1)"
files() { (cd "$K" && sha256sum ./*); }
before=$(files)
gcks_conf "$(group_conf video 1 '"n.lab"'), $(group_conf text 3 "$both")" \
	>"$TMP/k.conf"
would=$("$MCSECD" --check "$TMP/k.conf" 2>&1)
like "--check names the store that it compares with" "$would" \
	"^compared with the store $K/gcks.db .* as no mcsecd runs:"
like "--check names who would be evicted by a start" "$would" \
	'group video: "m.lab" is evicted'
like "--check names the group that a start would add" "$would" \
	'^  group text: added'
like "--check says that it is a start that changes it" "$would" \
	'^a start would make the changes above'
is "--check leaves every file as it is" "$(files)" "$before"

section "three reloads at once"

# The stores answer by a thread, so that a reload is in flight when the next
# request is read.
gcks_conf "$(group_conf video 1 "$both")" 'store-thread = true;' \
	>"$TMP/k.conf"
up k
try "members come back" wait_until 120 state_is n in
gcks_conf "$(group_conf video 1 '"m.lab"')" 'store-thread = true;' \
	>"$TMP/k.conf"
before=$(reloads)
pid=$(pgrep -f "$MCSECD -c $TMP/k.conf" | tail -n 1)
is "three requests are answered" "$(python3 - "$K/s.sock" "$pid" <<'PY'
import json, os, signal, socket, sys, time

def ask(s, **request):
    s.sendall(json.dumps(request).encode() + b"\n")

socks = [socket.socket(socket.AF_UNIX) for _ in range(3)]
for s in socks:
    s.connect(sys.argv[1])
time.sleep(0.5)		# they are accepted
os.kill(int(sys.argv[2]), signal.SIGSTOP)
for s in socks:
    ask(s, cmd="reload")
os.kill(int(sys.argv[2]), signal.SIGCONT)
print(*(json.loads(s.makefile().readline())["ok"] for s in socks))
PY
)" "True True True"
ran=$(($(reloads) - before))
is "the second and the third are served together" "$ran" 2
is "after three requests the evicted member is out" "$(roster)" "m.lab"
pid=$(pgrep -f "$MCSECD -c $TMP/k.conf" | tail -n 1)
kill -TERM "$pid"
like "the log names each change" "$(<"$TMP/k.log")" \
	'reload change: group video: receivers \(-n\.lab\) changed'

section "a daemon of both roles"

# GROUPS: what adds a member of video, and of these, to the configuration of the key server
member_part() {
	cat <<-END
		member: { gcks = "$K4"; gcks-id = "k.lab"; groups = (
		  { name = "video"; address = "239.7.1.1"; }$1 ); };
	END
}

wait_until 20 test ! -d "/proc/$pid"
{ gcks_conf "$(group_conf video 1 "$both")"; member_part ""; } >"$TMP/k.conf"
up k
# The kernel has the address of the group to come, under another name.
try "the address is taken" ctl k group add other 239.7.1.4
{
	gcks_conf "$(group_conf video 1 '"m.lab"'), $(group_conf more 4 "$both")"
	member_part ', { name = "more"; address = "239.7.1.4"; }'
} >"$TMP/k.conf"
refuse "mcsecctl reload, which the kernel refuses" kctl reload
is "the group is not served either" "$(of more name)" ""
unlike "no change is logged as made" "$(<"$TMP/k.log")" \
	'reload change: group more'
try "the address is free" ctl k group del other
try "mcsecctl reload, when the address is free" kctl reload
is "the group is served" "$(of more name)" more
kill -TERM "$pid"

tap_done
