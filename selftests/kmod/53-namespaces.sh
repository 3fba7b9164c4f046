#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The cost of groups in one namespace for others: whoever waits for interfaces
# to be made or for namespaces to go, and the machine's memory. Time passes here
# while programs work, so that it can be measured, and other work of the machine
# makes anything late: each time is compared with that of a control run beside it,
# in turns until the shortest of both tell that nothing waits.
#
# debug full: what KASAN and lockdep cost is no part of what is compared
# timeout: 600
# clock: real

. "$(dirname "$0")/kmod.sh"
need python3 unshare

# Namespaces without groups: objects of a kilobyte, with which hash tables begin,
# that a hundred of them take
cat >"$TMP/plain.py" <<'PY'
import ctypes, os
libc, held = ctypes.CDLL(None), []
def objects():
    with open("/proc/slabinfo") as f:
        return sum(int(line.split()[1]) for line in f
                   if line.startswith(("kmalloc-1k ", "kmalloc-cg-1k ")))
before = objects()
for _ in range(100):
    libc.unshare(0x40000000)
    held.append(os.open("/proc/self/ns/net", os.O_RDONLY))
print(objects() - before)
PY
without=''
[ -d /sys/module/mcsec ] || [ ! -r /proc/slabinfo ] ||
	without=$(python3 "$TMP/plain.py")
load_mcsec
if [ -n "$without" ]; then
	with=$(python3 "$TMP/plain.py")
	diag "100 namespaces: $without objects without the module, $with with it"
	try "a namespace without groups has no tables" \
		test $((with - without)) -lt 200
else
	skip "a namespace without groups has no tables" \
		"no /proc/slabinfo, or the module was there before"
fi
ns_create x y

ms() { # command...: how long it takes
	local t=${EPOCHREALTIME/./}

	"$@" >/dev/null || return
	echo $(((${EPOCHREALTIME/./} - t) / 1000))
}

# name, percent, milliseconds, two commands that print how long they took: the
# second takes no more than so much of the first's time, and so much longer. After
# one round the first may seem long by other work, so $rounds are the fewest.
as_fast() {
	local name=$1 percent=$2 more=$3 first=$4 second=$5 a='' b='' i t held=

	for ((i = 1; i <= 20; i++)); do
		t=$($first) && [ -n "$t" ] || break
		[ -n "$a" ] && [ "$t" -ge "$a" ] || a=$t
		t=$($second) && [ -n "$t" ] || break
		[ -n "$b" ] && [ "$t" -ge "$b" ] || b=$t
		[ "$i" -lt "${rounds:-1}" ] ||
			[ $((b * 100)) -gt $((a * percent + more * 100)) ] ||
			{ held=1; break; }
	done
	diag "$second took $b ms and $first $a ms, the shortest of $i"
	try "$name" test -n "$held"
}

section "a flush"

many() { # groups, SAs in each
	local g s

	for ((g = 0; g < $1; g++)); do
		echo "group add g$g 239.7.$((g / 250)).$((g % 250 + 1))"
		for ((s = 0; s < $2; s++)); do
			echo "sa add g$g spi $((5000 + s)) dir in" \
				"alg aes-gcm-16 window 64 key-file $TMP/key"
		done
	done
}
(umask 077; new_key 20 >"$TMP/key")
many $((SCALE * 10)) 60 >"$TMP/batch"
n=$((SCALE * 600))
filled() {
	ctl x batch "$TMP/batch" && [ "$(ctl x -j sa show | grep -o '"spi"' | wc -l)" = $n ]
}
try "SAs by the thousand" ctl x batch "$TMP/batch"
is "all of the SAs are there" "$(ctl x -j sa show | grep -o '"spi"' | wc -l)" $n
cat >"$TMP/links.py" <<'PY'
"""Make interfaces until a file is there, and write when each of them was asked
for, and how long it took, in milliseconds."""
import os, subprocess, sys, time
with open(sys.argv[2], "w") as out:
    while not os.path.exists(sys.argv[1]):
        t = time.time()
        subprocess.run(["ip", "link", "add", "d1", "type", "dummy"], check=True)
        took = time.time() - t
        subprocess.run(["ip", "link", "del", "d1"], check=True)
        print(int(t * 1000), int(took * 1000), file=out, flush=True)
PY
for host in x y; do
	spawn in_ns $host python3 "$TMP/links.py" "$TMP/stop" \
		"$TMP/links.$host"
done
written() { # namespace, number
	[ -e "$TMP/links.$1" ] && [ "$(wc -l <"$TMP/links.$1")" -ge "$2" ]
}
for host in x y; do
	wait_until 60 written $host 20
done
longest() { # namespace, from, to: of those that were asked for or came between
	awk -v from="$2" -v to="$3" '$1 + $2 >= from && $1 <= to && $2 > most {
		most = $2
	}
	END { print most + 0 }' "$TMP/links.$1"
}
wall() { echo $((${EPOCHREALTIME/./} / 1000)); }
busy() { # until: work that no interface has to wait for
	while [ "${EPOCHREALTIME/./}" -lt $(($1 * 1000)) ]; do :; done
}
# command...: how long an interface took meanwhile in x, and in y, and how long the command
beside() {
	local began over host

	began=$(wall)
	"$@" >/dev/null || return
	over=$(wall)
	for host in x y; do
		wait_until 60 written $host \
			$(($(wc -l <"$TMP/links.$host") + 3)) || return
	done
	echo "$(longest x "$began" "$over") $(longest y "$began" "$over")" \
		$((over - began))
}
# A tenth of the flush is what two that wait for nothing may differ by.
own='' other=''
for ((i = 1; i <= 20; i++)); do
	[ $i = 1 ] || filled || break
	read -r at_x at_y took < <(beside ctl x group flush) || break
	read -r x y _ < <(beside busy $(($(wall) + took))) || break
	diag "flush of $n SAs: $took ms; an interface took $at_x and $at_y ms at most meanwhile, $x and $y ms beside other work"
	[ "$at_x" -gt $((x + took / 10)) ] || own=1
	[ "$at_y" -gt $((y + took / 10)) ] || other=1
	[ "$own$other" != 11 ] || break
done
touch "$TMP/stop"
try "an interface does not wait for a flush in its namespace" test -n "$own"
try "an interface does not wait for a flush in another namespace" \
	test -n "$other"

section "names of interfaces"

names() { # from, to: groups of 64 names each
	local g d

	for ((g = $1; g < $2; g++)); do
		printf 'group add n%s 239.8.%s.%s dev ' $g $((g / 250)) \
			$((g % 250 + 1))
		for ((d = 0; d < 64; d++)); do
			printf '%sw%x-%x' "${sep-}" $g $d
			sep=,
		done
		sep=
		echo
	done
}
k=$((SCALE * 20))
names 0 $((2 * k)) >"$TMP/many"
names $((2 * k)) $((3 * k)) >"$TMP/more"
sed 's/^group add \([^ ]*\) .*/group del \1/' "$TMP/more" >"$TMP/less"
names_alone() { ms ctl y batch "$TMP/more" && ctl y batch "$TMP/less"; }
names_beside() { ms ctl x batch "$TMP/more" && ctl x batch "$TMP/less"; }
ctl x batch "$TMP/many"
as_fast "names do not wait for one another" 150 20 names_alone names_beside
renamed() { # namespace: an interface gets so many names
	local i

	for ((i = 0; i < 500; i++)); do
		echo "link set z$i name z$((i + 1))"
	done | in_ns "$1" ip -batch -
	nip "$1" link set z500 name z0
}
for h in x y; do
	nip $h link add z0 type dummy
	renamed $h
done
ctl x batch "$TMP/more"
renamed_alone() { ms renamed y; }
renamed_beside() { ms renamed x; }
as_fast "names that no group has do not wait for one another" 400 100 \
	renamed_alone renamed_beside
ctl x group flush

section "one interface"

same() { # from, to: groups that name it
	local g

	for ((g = $1; g < $2; g++)); do
		echo "group add s$g 239.9.$((g / 250)).$((g % 250 + 1)) dev z0"
	done
}
swapped() { # namespace: the interface loses its name, and gets it back
	local i

	for ((i = 0; i < 250; i++)); do
		echo "link set z0 name q0"
		echo "link set q0 name z0"
	done | in_ns "$1" ip -batch -
}
k=$((SCALE * 300))
same 0 $((2 * k)) >"$TMP/many"
same $((2 * k)) $((3 * k)) >"$TMP/more"
sed 's/^group add \([^ ]*\) .*/group del \1/' "$TMP/more" >"$TMP/less"
ctl x batch "$TMP/many"
as_fast "groups of one interface do not wait for one another" 150 20 \
	names_alone names_beside
ctl x batch "$TMP/more"
swapped_alone() { ms swapped y; }
swapped_beside() { ms swapped x; }
as_fast "the name comes and goes as fast as that of no group" 200 50 \
	swapped_alone swapped_beside
ctl x group flush

section "namespaces that go"

cat >"$TMP/go.py" <<'PY'
"""So many namespaces, with a group each or not, which go in one moment."""
import ctypes, os, subprocess, sys
n, words = int(sys.argv[1]), sys.argv[2:]
libc = ctypes.CDLL(None, use_errno=True)
held = []
for _ in range(n):
    if libc.unshare(0x40000000):
        sys.exit(os.strerror(ctypes.get_errno()))
    held.append(os.open("/proc/self/ns/net", os.O_RDONLY))
    if words:
        subprocess.run(words, check=True)
PY
# The interface of a namespace, to the millisecond: the waits of wait_until grow.
gone() {
	local limit=$((SECONDS + 120))

	ip netns del "$1-mc$$"
	while [ -e "/sys/class/net/$1" ]; do
		[ $SECONDS -lt $limit ] || return 1
		lib_sleep 2
	done
}
# The first may go in one batch with the others, and before some of them: the second
# is behind all of them.
both_gone() { gone innocent && gone second; }
leave() { # words of a command in each of the namespaces
	local i

	for i in innocent second; do
		ip netns add "$i-mc$$" &&
			ip link add "$i" type veth peer name v1 netns "$i-mc$$" &&
			[ -e "/sys/class/net/$i" ] || return
	done
	python3 "$TMP/go.py" 60 "$@" || return
	ms both_gone
}
with_group() { leave "$MCSECCTL" group add g 239.1.1.1; }
leave >/dev/null
# The work that is left when the clock starts varies. A grace period for each namespace
# takes more than 600 ms where there are several CPUs.
rounds=3 as_fast "namespaces with groups go as fast as others" 150 100 leave with_group

section "memory of the module"
# Nobody is charged for it.

# as an ordinary user, in a namespace of its own
as() {
	local uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups -- \
		unshare -Urn -- "$@"
}
user() { as 1000 "$@"; }
total=$(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo)
most=$((total * 1024 / 32 / 4096))
for ((g = 0; g <= most / 64; g++)); do
	echo "group add u$g 239.10.$((g / 250)).$((g % 250 + 1))"
	for ((s = 0; s < 64; s++)); do
		echo "sa add u$g spi $((5000 + s)) dir in alg aes-gcm-16" \
			"window 64 key-file $TMP/key"
	done
done >"$TMP/batch"
# shellcheck disable=SC2016 # the inner shell's
chmod 755 "$TMP"
# the user may have no way to where this tree is, which may be in root's home
install -m 755 "$MCSECCTL" "$TMP/mcsecctl"
install -m 644 "$(dirname "$0")"/../kfuzz/*.py "$TMP"
MCSECCTL=$TMP/mcsecctl
chmod 644 "$TMP/key" "$TMP/batch"
head -n 2 "$TMP/batch" >"$TMP/one"
mkfifo "$TMP/hold"
user bash -c '"$1" batch "$2" 2>&3; "$1" sa show | grep -c "^u"; read -r _ <&4' - \
	"$MCSECCTL" "$TMP/batch" 3>"$TMP/refused" 4<>"$TMP/hold" >"$TMP/count" &
holds=$!
wait_until 60 test -s "$TMP/count"
is "an ordinary user gets a quarter of the SAs that the memory has room for" \
	"$(<"$TMP/count")" $((most / 4))
refuse "an ordinary user gets no more SAs in another namespace" \
	user "$MCSECCTL" batch "$TMP/one"
refuse "an ordinary user gets no more SAs in a namespace inside of that" \
	user unshare -Urn -- "$MCSECCTL" batch \
	"$TMP/one"
try "another user gets an SA" as 2000 "$MCSECCTL" batch "$TMP/one"
echo >"$TMP/hold"
wait $holds
like "a user that gets no SA is told why" "$(<"$TMP/refused")" \
	"too many SAs in this user's namespaces"
sas_gone() { user "$MCSECCTL" batch "$TMP/one"; }
try "the room of SAs that are deleted is free for others" wait_until 60 sas_gone

cat >"$TMP/windows.py" <<'PY'
"""Fill the windows: verified datagrams of one Sender-ID after the other."""
import socket, subprocess, sys
sys.path.insert(0, sys.argv[1])
from esp import GCM, Aead, frame, ip4, trailer, udp
ctl, limit = sys.argv[2], int(sys.argv[3])
run = lambda *words, **more: subprocess.run(words, check=True, **more)
run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
for dev in "v0", "v1":
    run("ip", "link", "set", dev, "up")
run("ip", "addr", "add", "10.9.0.2/24", "dev", "v1")
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("v0", 0))
key = bytes(range(20))
run(ctl, "group", "add", "w", "239.1.1.1")
spi = 5000
for left in range(limit, 0, -4095):
    run(ctl, "sa", "add", "w", "key-stdin", "spi", str(spi), "dir", "in", "alg",
        "aes-gcm-16", "window", "16384", "max-senders", "4095",
        input=key.hex().encode())
    aead = Aead(GCM, key)
    text = trailer(udp("10.9.0.1", "239.1.1.1", 9, 5000, b"x"), 17)
    for sid in range(min(left, 4095)):
        s.send(frame(ip4("10.9.0.1", "239.1.1.1", 50,
                         aead.seal(spi, 1, sid << 48 | 1, text)), False))
    spi += 1
run(ctl, "stats")
PY
# a quarter of one sixteenth of the memory, in windows that take 8 KiB with their heads, and
# some that are too many
windows=$(windows_in $((total * 16)) 8192)
user python3 "$TMP/windows.py" "$TMP" "$MCSECCTL" \
	$((windows + 100)) >"$TMP/stats" 2>"$TMP/why" ||
	not_ok "windows by the thousand" "$(tail -n 3 "$TMP/why")"
is "an ordinary user gets a quarter of the windows that there is room for" \
	"$(awk 'NR > 1 { printf "%s%s %s", sep, $1, $2; sep = ", " }' "$TMP/stats")" \
	"in-accepted $windows, in-no-memory 100"

tap_done
