#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Members join, leave, are evicted and let in again while a stream runs; who
# stays loses nothing, who goes hears nothing, and what the administrator may
# say over the control socket is done or refused in words.
# timeout: 400

# shellcheck source=selftests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"

# says WHAT PATTERN HOST WORD...: mcsecctl refuses with words that match
says() {
	local what=$1 pattern=$2 out rc=0
	shift 2

	out=$(ctl "$@" 2>&1) || rc=$?
	if [ $rc -eq 0 ]; then
		not_ok "$what" "it was done: $out"
	else
		like "$what" "$out" "$pattern"
	fi
}

members() { gcks_is members; }
members_are() { [ "$(members)" = "$1" ]; }
spi_is_not() { [ "$(member_is "$1" data-spi)" != "$2" ]; }
denied() { [ "$(member_is "$1" refusals)" -gt "$2" ]; }

lab_start k s a b
G_ATD=1 G_DTD=3
gcks_conf
member_conf s true false
member_conf a false true
member_conf b false true
daemons_run k s a
sniff_links all s b
stream_recv a rx
stream_recv b rx
stream_send s tx -r 500
try "a hears s" wait_until 60 hears a 100
is "b, no member yet, does not" "$(heard b)" 0

section "join"
at=$(stream_now s tx .next)
try "mcsecd on b" daemon_start b
try "b is in" wait_until 30 member_in b
try "b hears s" wait_until 20 hears b 100
try "b heard nothing that was sent before it asked" \
	test "$(stream_of b rx '.streams[0].first')" -ge "$at"
whole a "a join"
is "three members" "$(members)" 3

section "rekey by command"
spi=$(member_is a data-spi)
try "a rekey on command" ctl k rekey video
try "the rekey reaches a" wait_until 20 spi_is_not a "$spi"
sleep 2
whole a "a rekey"
whole b "a rekey"

section "leave"
try "b leaves" ctl b leave video
try "the key server knows two members" wait_until 20 members_are 2
try "the group's sender confirms that it changed keys" wait_until 10 \
	eval '[ "$(gcks_is waiting-for-senders)" = 0 ]'
try "b hears nothing any more" wait_until 20 hears_nothing b
is "b holds no key" "$(sa_spis b | wc -l)" 0
is "b's group is closed, not open" \
	"$(ctl b -j group show | jq -r '.[0].dst')" "$GROUP"
says "leaving twice" 'left already' b leave video
whole a "a leave"
n=$(heard b)
try "b joins again" ctl b join video
try "b is in again" wait_until 30 member_in b
try "b hears s again" wait_until 20 hears b $((n + 100))
says "joining twice" 'joined already' b join video

section "evict"
says "an unknown group" 'no group "vidio"|vidio' k evict vidio b.lab
says "evicting who is no member" 'is not a member' k evict video z.lab
try "an identity is denied before it comes" ctl k evict video z.lab --ahead
try "a denied identity can be admitted" ctl k admit video z.lab
says "an eviction at a member is refused" 'no role gcks: ask that of the key server$' a evict video b.lab
says "a leave at the key server is refused" 'no role member: ask that of a member$' k leave video
n=$(gcks_is rekeys)
says "a group that is not UTF-8 does not stand for all groups" 'the name is not UTF-8' \
	k rekey $'vid\xff'
is "no keys of another group are changed" "$(gcks_is rekeys)" "$n"
says "status of an unknown group" 'vidio' k status vidio
sa_spis b >"$TMP/b-spis"
n=$(member_is b refusals)
out=$(ctl k -j evict video b.lab)
ms=$(jq -r '."effective-ms"' <<<"$out")
like "an eviction says from when on it holds" "$ms" '^[0-9]+$'
is "an eviction says that it was sent, and to how many senders" \
	"$(jq -c '[.sent, ."waiting-for-senders"]' <<<"$out")" '[true,1]'
sleep $((ms / 1000 + 1))
try "b hears nothing any more" wait_until 20 hears_nothing b
try "b asks to be let in, and is refused" wait_until 40 denied b "$n"
like "b is told why it is refused" \
	"$(member_is b last-error)" 'AUTHORIZATION_FAILED'
is "the outbound key is none that b had" \
	"$(grep -cx "$(member_is s out-spi)" "$TMP/b-spis")" 0
says "to evict twice" 'was evicted' k evict video b.lab
is "two members, one denied" "$(members) $(gcks_is denied)" "2 1"
is "the tree has who is in, and who is denied" \
	"$(ctl k tree video | sed -n 's/^[^a-z]*\([a-z]*\.lab\)  *\([a-z]*\) .*/\1 \2/p')" \
	"s.lab confirmed
a.lab member
b.lab denied"
like "the tree of a member has its group" "$(ctl a tree)" \
	'^[^a-z]*video +in +receive +0x[0-9a-f]{8}, ends in'
whole a "an eviction"

cat >"$TMP/terminal.py" <<'PY'
"""Runs a command on a terminal, types q when it has drawn twice, and tells of it."""
import fcntl, os, pty, struct, sys, termios
rows = int(sys.argv.pop(1))
pid, fd = pty.fork()
if not pid:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", rows, 120, 0, 0))
    os.environ.update(TERM="xterm", NO_COLOR="1")
    os.execvp(sys.argv[1], sys.argv[1:])
said, typed = b"", False
while True:
    try:
        more = os.read(fd, 65536)
    except OSError:
        break
    said += more
    if not typed and said.count(b"GROUP") == 2:
        typed = os.write(fd, b"q")
most = max(part.count(b"\n") for part in said.split(b"\x1b[H\x1b[J"))
print("fits" if most < rows else f"{most + 1} lines of {rows}", end=" ")
print("exit", os.WEXITSTATUS(os.waitpid(pid, 0)[1]), "tables", said.count(b"GROUP"),
      "restored" if said.endswith(b"\x1b[?25h\x1b[?1049l") else repr(said[-40:]))
PY
for rows in 24 8 6; do
	is "top is drawn again on a terminal of $rows lines, and q ends it" \
		"$(timeout 60 python3 "$TMP/terminal.py" $rows "$MCSECCTL" \
			-n "/run/netns/$(ns a)" top)" \
		"fits exit 0 tables 2 restored"
done

section "admit"
try "b may come back" ctl k admit video b.lab
says "admitting twice" 'not evicted' k admit video b.lab
n=$(heard b)
ctl b leave video >/dev/null 2>&1
ctl b join video >/dev/null 2>&1
try "b is in again" wait_until 40 member_in b
try "b hears s again" wait_until 20 hears b $((n + 100))
whole a "all of it"

section "schema"
for h in k s b; do
	fits "status of $h" status < <(ctl $h -j status)
	fits "member of $h" member < <(ctl $h -j member)
done
fits "the audit trail" audit < <(ctl k -j audit)

section "the audit trail"
log=$(ctl k -j audit | jq -r '.audit[] | "\(.event) \(.id)"')
for e in "join b.lab" "leave b.lab" "evict b.lab" "refuse b.lab"; do
	like "the audit trail has: $e" "$log" "^$e\$"
done

reap s tx
sleep 1
n=$(stream_of s tx .next)
whole a "to the end"
is "a has the last packet" "$(stream_of a rx '.streams[0].last')" $((n - 1))
try "the captures are complete" sniff_links_end s b
is "nothing of the group was ever in clear" "$(wire_clear)" 0
tap_done
