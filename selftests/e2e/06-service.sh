#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The daemon as tools/systemd/mcsecd.service starts it: an ordinary user with two
# capabilities, which tells systemd when it is ready, when it reloads, that it lives
# and that it stops, and whose lines reach the journal with their fields. What systemd
# and the journal would hear is written to files.
# timeout: 200

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/process.sh"
need ip jq python3 setpriv
ldd "$MCSECD" | grep -q libsystemd || skip_all "mcsecd is built without libsystemd"

user=65534
heard=$TMP/heard
journal=/run/systemd/journal/socket
entries=$TMP/entries
unit=$TOP/tools/systemd/mcsecd.service

group_conf() {
	echo '{ name = "video"; address = "239.7.1.1"; rekey-address = "239.7.1.254";
		rekey-interface = "eth0"; receivers = [ "*.lab" ];
		senders = [ "*.lab" ]; atd = 1; dtd = 3; }'
}
capabilities() { sed -n 's/^AmbientCapabilities=//p' "$unit"; }
# for setpriv: +net_admin,+net_bind_service
words=$(capabilities | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')

# HOST: starts mcsecd as the unit does, with a watchdog that wants a word each second
service() {
	spawn in_ns "$1" env "NOTIFY_SOCKET=$TMP/notify" WATCHDOG_USEC=1000000 \
		setpriv --reuid $user --regid $user --clear-groups \
		--bounding-set "-all,$words" --inh-caps "-all,$words" \
		--ambient-caps "-all,$words" --no-new-privs \
		"$TOP/build/pkt/without" "$MCSECD" -c "$TMP/$1.conf" \
		>>"$TMP/$1.log" 2>&1
}
# The helper of a daemon has a title of its own, and is its child.
helper_of() { pgrep -f -P "$(daemon_pid "$1")" '^mcsecd: helper' | tail -n 1; }
of_process() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
daemon_pid() { pgrep -f "^$MCSECD -c $TMP/$1.conf" | tail -n 1; }
said() { grep -c "^$1" "$heard"; }
said_more() { [ "$(said "$1")" -gt "$2" ]; }
state_is() { [ "$(mctl -j status | jq -r '.member.groups[0].state')" = "$1" ]; }
status_of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$(daemon_pid "$1")/status"; }

pki_make m
bridge_up
load_mcsec
ulimit -l unlimited
gcks_conf "$(group_conf)" >"$TMP/k.conf"
member_conf m '{ name = "video"; address = "239.7.1.1"; }' >"$TMP/m.conf"
chmod 755 "$TMP" "$pki"
chown -R $user "$TMP/k" "$TMP/m"
: >"$heard"
cat >"$TMP/hear.py" <<'END'
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
with open(sys.argv[2], "a", buffering=1) as out:
    while True:
        out.write(s.recv(4096).decode().replace("\n", " ") + "\n")
END
spawn python3 "$TMP/hear.py" "$TMP/notify" "$heard"
wait_until 20 test -S "$TMP/notify"

section "start"
service k
failed() { grep -q 'configuration invalid' "$TMP/k.log"; }
try "a key of root alone is refused" wait_until 20 failed
like "the message names the file, and who has to own it" "$(<"$TMP/k.log")" \
	"k.lab.key: permission denied to uid $user \\(nobody\\), which has to own the file"
is "nothing was ready" "$(said READY=1)" 0
chown $user "$pki"/*.lab.key
service k
try "the key server is ready" wait_until 20 said_more READY=1 0
service m
try "the member is ready" wait_until 20 said_more READY=1 1
try "the member comes in, with the module" wait_until 60 state_is in
is "the daemon is not root" "$(status_of m Uid)" "$user	$user	$user	$user"
none=0000000000000000
# Inheritable ones stay without capset(), and give nothing without a file that has them.
is "the daemon has no capability, nor can it get one" \
	"$(status_of m CapEff) $(status_of m CapPrm) $(status_of m CapAmb) $(status_of m NoNewPrivs)" \
	"$none $none $none 1"
# One filter is that of the unit, which lacks capset().
is "a filter of its own confines the system calls of each thread" \
	"$(sed -n 's/^Seccomp_filters:[[:space:]]*//p' /proc/"$(daemon_pid k)"/task/*/status | sort -u)" 2
helper=$(helper_of m)
# CAP_NET_BIND_SERVICE is bit 10, CAP_NET_ADMIN bit 12
is "the helper has two capabilities" "$(of_process "$helper" CapEff)" 0000000000001400
is "the helper cannot get others, and is confined" \
	"$(of_process "$helper" CapBnd) $(of_process "$helper" NoNewPrivs) $(of_process "$helper" Seccomp_filters)" \
	"0000000000001400 1 2"
# The socket of the daemon's requests is not among them: it ends with the daemon.
is "the helper has a socket for the daemon, and one of netlink" \
	"$(readlink /proc/"$helper"/fd/* | grep -c '^socket:')" 2
cp "$MCSECCTL" "$TMP/mcsecctl"
like "another user is told who may ask the daemon" \
	"$(setpriv --reuid 12345 --regid 12345 --clear-groups "$TMP/mcsecctl" \
		-s "$TMP/m/s.sock" status 2>&1)" \
	'Permission denied: only root and the user of mcsecd may ask: use sudo$'
unlike "the daemon has locked its memory" "$(<"$TMP/m.log")" 'memory not locked'
like "the memory of the daemon is locked" "$(status_of m VmLck)" '^[1-9][0-9]* kB'

section "journal"
# HOST: the same service, whose standard error is the journal for all that it knows
journaled() {
	: >>"$TMP/$1.log"
	JOURNAL_STREAM=$(stat -c %d:%i "$TMP/$1.log") service "$1"
}
# FIELD, VALUE: the last entry that has both
entry_with() { jq -c "select(.$1 == \"$2\")" "$entries" 2>/dev/null | tail -n 1; }
has_entry() { [ -n "$(entry_with "$@")" ]; }
if [ -e "$journal" ]; then
	skip "entries have their fields" "a journal runs here"
else
	mkdir -p "${journal%/*}"
	cat >"$TMP/journal.py" <<'END'
import json, os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
with open(sys.argv[2], "a", buffering=1) as out:
    while True:
        # Each field is NAME=VALUE, since no value has a line end.
        lines = s.recv(65536).decode("ascii").rstrip("\n").split("\n")
        fields = dict(line.split("=", 1) for line in lines)
        assert len(fields) == len(lines), lines
        out.write(json.dumps(fields) + "\n")
END
	spawn python3 "$TMP/journal.py" "$journal" "$entries"
	wait_until 20 test -S "$journal"
	kill -TERM "$(daemon_pid m)" "$(daemon_pid k)"
	wait_until 20 eval '[ -z "$(daemon_pid m)$(daemon_pid k)" ]'
	lines_before=$(wc -l <"$TMP/k.log")
	journaled k
	try "the key server is ready" wait_until 20 said_more READY=1 2
	journaled m
	try "the member comes in again" wait_until 60 state_is in
	try "the member is named in the journal" wait_until 20 has_entry MCSEC_NAME m.lab
	entry=$(jq -c 'select(.MCSEC_PHRASE == "authentication succeeded" and
		.MCSEC_NAME == "m.lab")' "$entries")
	is "the entry of a peer has its name, address, priority and program" \
		"$(jq -r '[.MCSEC_NAME, (.MCSEC_ADDRESS | sub(":.*"; "")), .PRIORITY,
			.SYSLOG_IDENTIFIER] | join(" ")' <<<"$entry")" \
		"m.lab 10.7.0.2 6 mcsecd"
	try "the keys change" host_ctl k rekey video
	try "the rekey is in the journal" wait_until 20 has_entry MCSEC_PHRASE "group rekeyed"
	like "the entry of a group has its name and the SPI" \
		"$(jq -r '[.MCSEC_GROUP, .MCSEC_SPI] | join(" ")' \
			<<<"$(entry_with MCSEC_PHRASE "group rekeyed")")" '^video 0x[0-9a-f]{8}$'
	is "the MESSAGE_ID is that of the catalogue" \
		"$(jq -r .MESSAGE_ID <<<"$entry")" \
		"$(grep -B 1 '^Subject: authentication succeeded$' \
			"$TOP/tools/systemd/mcsec.catalog" | sed -n 's/^-- //p')"
	is "no line is said twice" "$(wc -l <"$TMP/k.log")" "$lines_before"
	rm "$journal"
	kill -HUP "$(daemon_pid k)"
	try "without the journal lines go to standard error" wait_until 20 \
		grep -q '^<6>reload done' "$TMP/k.log"
fi

section "watchdog"
try "a daemon that lives says so" wait_until 20 said_more WATCHDOG=1 3
kill -STOP "$(daemon_pid k)" "$(daemon_pid m)"
stopped=$(said WATCHDOG=1)
sleep 3
is "a daemon that hangs does not" "$(said WATCHDOG=1)" "$stopped"
kill -CONT "$(daemon_pid k)" "$(daemon_pid m)"
try "the daemon is heard again afterwards" wait_until 20 said_more WATCHDOG=1 "$stopped"

section "reload"
# SIGNAL of k, and what systemd heard of its reload
reload() {
	local from

	from=$(wc -l <"$heard")
	kill -HUP "$(daemon_pid k)"
	done_reloading() { tail -n +$((from + 1)) "$heard" | grep -q READY=1; }
	wait_until 20 done_reloading
	tail -n +$((from + 1)) "$heard" | grep -v WATCHDOG |
		sed 's/=[0-9]\{2,\}/=N/' | xargs
}
is "systemd hears of begin and end" "$(reload)" \
	"RELOADING=1 MONOTONIC_USEC=N READY=1"
echo nonsense >>"$TMP/k.conf"
is "a reload that fails ends as well" "$(reload)" \
	"RELOADING=1 MONOTONIC_USEC=N READY=1"
like "the log has the reason" "$(<"$TMP/k.log")" 'reload failed: .*k.conf'

section "a helper that is killed"
kill -KILL "$(helper_of m)"
ended() { ! kill -0 "$member" 2>/dev/null; }
member=$(daemon_pid m)
try "the daemon ends" wait_until 20 ended
like "the log says why" "$(<"$TMP/m.log")" 'helper ended: '
wait "${lib_pids[-1]}"
service m
try "the member comes in again" wait_until 60 state_is in

section "stop"
kill -TERM "$(daemon_pid k)"
try "systemd hears that it stops" wait_until 20 said_more STOPPING=1 0
unlike "nothing failed" "$(<"$TMP/m.log")" 'ermission denied|not permitted'
tap_done
