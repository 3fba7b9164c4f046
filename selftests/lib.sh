# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For the tests in shell: TAP, network namespaces, the module, waiting.
#
#	. "$(dirname "$0")/../lib.sh"
#	need tshark				# else the program skips, with why
#	load_mcsec
#	ns_create a b
#	veth a:eth0 10.0.0.1/24 b:eth0 10.0.0.2/24
#	try "b answers" in_ns a ping -c 1 10.0.0.2
#	is "two packets" "$(count ...)" 2
#	tap_done
#
# Every check prints its line at once and the plan comes last, so that a
# program that died half way is seen to have died. What was created is removed
# on exit. Nothing here sleeps for luck: wait_until polls a predicate.
#
# There is one word for each thing, in every test and in the demo:
#
#	section		what the checks that follow are about
#	try, refuse	a command succeeds, or fails
#	is, like, unlike	got and expected are the same; a text matches, or not
#	ok, not_ok, skip	the outcome, where it was found out otherwise
#	need, skip_all	what the program cannot run without
#	tap_done	the last line of a program
#	wait_until	asks again until a command succeeds
#	ns_create, ns_delete, ns	namespaces, and their names for the machine
#	in_ns, nip	a command, or ip(8), in one of them
#	veth, mroute_to	a cable between two; where multicast leaves
#	spawn, on_exit	what ends, and what happens, with the program
#	load_mcsec	the module
#	ctl, counter, json	mcsecctl in a namespace, what it counts, its answers
#
# kmod/kmod.sh adds two hosts on a cable, keys, datagrams and sniff; e2e/lab.sh a
# routed network, whose hosts are namespaces as well, streams, sniff_links and
# spawn_as; e2e/daemons.sh what mcsecd needs.

LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=${MCSEC_TOP:-$(cd "$LIB/.." && pwd)}
# In a kernel's tree nothing is built here: what is installed is tested then.
built() {
	[ ! -e "$TOP/build/$1" ] && command -v "$1" || echo "$TOP/build/$1"
}
MCSECCTL=${MCSECCTL:-$(built mcsecctl)}
MCSECD=${MCSECD:-$(built mcsecd)}
# shellcheck disable=SC2034 # for who sources this
PKT=$LIB/pkt	# programs that send and listen, each with its usage at its head
TMP=$(mktemp -d)

# One file of the project, by its names below the top, in a kernel's tree that
# the folder stands in, or installed. Nothing where there is none.
project_file() {
	local name

	for name in "$@"; do
		case $name in
		/*) ;;
		*) [ ! -e "$TOP/$name" ] || name=$TOP/$name
		   [ -e "$name" ] || name=$LIB/../../../../../$name ;;
		esac
		[ -e "$name" ] && echo "$name" && return
	done
}

tap_count=0
tap_failed=0
tap_section=
tap_before=0
lib_ns=()
lib_pids=()
lib_cleanups=()
lib_loaded=

# ---- TAP -------------------------------------------------------------------

# Lines of detail, below the check that they belong to.
diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

# title: what follows is about it, until the next title. The name of each check
# is printed behind it ("title: name"), so that a line of a log stands alone. A
# section without a check fails: a loop in it ran over nothing.
section() {
	section_end
	tap_section=${1:+$1: }
	tap_before=$tap_count
}

section_end() {
	[ -z "$tap_section" ] || [ $tap_count -gt $tap_before ] ||
		not_ok "the section has a check"
}

ok() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $tap_section$1"
}

not_ok() {
	tap_count=$((tap_count + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $tap_section$1"
	shift
	[ $# -eq 0 ] || diag "$@"
	diag "at ${BASH_SOURCE[1]##*/}:${BASH_LINENO[0]}" \
		"${BASH_SOURCE[2]:+from ${BASH_SOURCE[2]##*/}:${BASH_LINENO[1]}}"
	return 1
}

# name, why
skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $tap_section$1 # SKIP $2"
}

# The whole program cannot run here.
skip_all() {
	echo "1..0 # SKIP $*"
	exit 4
}

# Tools without which the program means nothing.
need() {
	local tool

	for tool; do
		command -v "$tool" >/dev/null || skip_all "$tool is missing"
	done
}

# name, command...: the command succeeds
try() {
	local name=$1 out
	shift

	if out=$("$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name" "\"$*\" failed ($?):" "$out"
	fi
}

# name, command...: the command fails; by a refusal, not by a signal
refuse() {
	local name=$1 out rc=0
	shift

	out=$("$@" 2>&1) || rc=$?
	if [ $rc -gt 0 ] && [ $rc -lt 126 ]; then
		ok "$name"
	else
		not_ok "$name" "\"$*\" ended with $rc:" "$out"
	fi
}

# name, got, expected
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "     got $2" $'\n'"expected $3"
	fi
}

# name, text, extended regular expression
like() {
	if printf '%s\n' "$2" | grep -qE -- "$3"; then
		ok "$1"
	else
		not_ok "$1" "no match for /$3/ in:"$'\n'"$2"
	fi
}

# An empty text is what a command that failed leaves, and no answer.
unlike() {
	if [ -z "$2" ]; then
		not_ok "$1" "there is no text to look for /$3/ in"
	elif printf '%s\n' "$2" | grep -qE -- "$3"; then
		not_ok "$1" "a match for /$3/ in:"$'\n'"$2"
	else
		ok "$1"
	fi
}

# Last line of every program.
tap_done() {
	section_end
	echo "1..$tap_count"
	[ "$tap_count" -gt 0 ] && [ $tap_failed -eq 0 ]
	exit
}

# ---- removal ---------------------------------------------------------------

# Commands to run on exit, the last first.
on_exit() {
	lib_cleanups=("$*" ${lib_cleanups[@]+"${lib_cleanups[@]}"})
}

# Runs a command in the background until the program ends; its pid is in $!
spawn() {
	"$@" &
	lib_pids+=($!)
}

lib_exit() {
	local rc=$? c

	trap - EXIT
	for c in ${lib_cleanups[@]+"${lib_cleanups[@]}"}; do
		eval "$c"
	done
	for c in ${lib_pids[@]+"${lib_pids[@]}"}; do
		kill "$c" 2>/dev/null && wait "$c" 2>/dev/null
	done
	for c in ${lib_ns[@]+"${lib_ns[@]}"}; do
		ip netns pids "$c" 2>/dev/null | xargs -r kill -9 2>/dev/null
		ip netns del "$c" 2>/dev/null
	done
	[ -z "$lib_loaded" ] || rmmod_wait || {
		echo "# the module does not unload"
		rc=1
	}
	rm -rf "$TMP"
	exit $rc
}
trap lib_exit EXIT
trap 'exit 1' INT TERM

# ---- waiting ---------------------------------------------------------------

# Where time passes while programs work, other work of the machine makes each of
# them late, and only what fails waits for the whole time.
lib_patience=6 lib_slower=5
[ "${MCSEC_CLOCK:-}" != idle ] || lib_patience=1 lib_slower=8

# seconds, command...: until the command succeeds; fails when it never does.
# Asks less often the longer it takes: where waiting costs nothing, asking does.
wait_until() {
	local end=$((SECONDS + $1 * lib_patience)) ms=20
	shift

	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep "0.$(printf %03d $ms)"
		[ $ms -ge 400 ] || ms=$((ms * lib_slower / 4))
	done
}

# ---- namespaces ------------------------------------------------------------

# Names get a suffix, so that a native run disturbs nobody.
ns() {
	echo "$1-mc$$"
}

# Not by ip netns exec, which mounts /sys anew each time: where the processor is
# emulated, most of a test would be that. /sys is the machine's.
in_ns() {
	local n=$1
	shift
	nsenter "--net=/run/netns/$n-mc$$" -- "$@"
}

# ip(8) inside a namespace
nip() {
	local n=$1
	shift
	ip -n "$n-mc$$" "$@"
}

ns_create() {
	local n

	for n; do
		ip netns add "$(ns "$n")" || return 1
		lib_ns+=("$(ns "$n")")
		nip "$n" link set lo up
		# an address must be usable at once
		in_ns "$n" sysctl -qw net.ipv6.conf.default.accept_dad=0 \
			net.ipv6.conf.all.accept_dad=0
	done
}

# A process that stays in it to send for others ends first: it would keep it.
ns_delete() {
	[ ! -e "$TMP/pkt-$1.pid" ] || kill "$(cat "$TMP/pkt-$1.pid")" 2>/dev/null
	ip netns del "$(ns "$1")"
}

# namespace, type: can there be links of this type? Loaded, or built in
has_link_type() {
	nip "$1" link add "probe$$" type "$2" 2>/dev/null &&
		nip "$1" link del "probe$$"
}

ns_up() {
	[[ $(nip "$1" -o link show dev "$2") == *" state UP "* ]]
}

# A cable between two namespaces, ends as NAMESPACE:DEVICE, each followed by
# the addresses that it gets:
#	veth a:eth0 10.0.0.1/24 fd00::1/64 -- b:eth0 10.0.0.2/24 fd00::2/64
# ("--" may be left out where there is one address each)
veth() {
	local end=() addr=([0]='' [1]='') i=-1 arg n dev a

	for arg; do
		case $arg in
		--) ;;
		*:*[!0-9a-f:/.]* | *:eth*)
			i=$((i + 1))
			end[i]=$arg
			;;
		*) addr[i]+=" $arg" ;;
		esac
	done
	ip link add "${end[0]#*:}" netns "$(ns "${end[0]%%:*}")" type veth \
		peer name "${end[1]#*:}" netns "$(ns "${end[1]%%:*}")" ||
		return 1
	for i in 0 1; do
		n=${end[i]%%:*} dev=${end[i]#*:}
		for a in ${addr[i]}; do
			nip "$n" addr add "$a" dev "$dev" || return 1
		done
		nip "$n" link set "$dev" up
	done
	wait_until 20 ns_up "${end[0]%%:*}" "${end[0]#*:}" &&
		wait_until 20 ns_up "${end[1]%%:*}" "${end[1]#*:}"
}

# namespace, device, prefix...: multicast leaves by a device
mroute_to() {
	local n=$1 dev=$2 p
	shift 2

	for p; do
		case $p in
		*:*) nip "$n" route add multicast "$p" dev "$dev" table local ;;
		*) nip "$n" route add multicast "$p" dev "$dev" ;;
		esac || return 1
	done
}

# ---- tcpdump ---------------------------------------------------------------

# pid, file of its messages: tcpdump's counts so far, "captured received"
sniffer_counts() {
	# tcpdump writes a line of these in pieces
	local whole='packets\? captured, [0-9]* packets\? received .*kernel'
	local was i

	was=$(grep -c "$whole" "$2")
	kill -USR1 "$1" || return 1
	for ((i = 0; i < 200; i++)); do
		[ "$(grep -c "$whole" "$2")" -le "$was" ] || break
		sleep 0.05
	done
	# tcpdump: 6 packets captured, 6 packets received by filter, 0 ...
	tail -n 1 "$2" | sed -n 's/^[^0-9]*\([0-9]*\) packets\? captured, \([0-9]*\) packets\? received .*/\1 \2/p'
}

# pid, file of its messages: waits until tcpdump has written all that had come
# when it was asked. The kernel keeps packets for it for up to a second, and
# without this question a capture in which something is not to be found proves
# nothing.
#
# A packet between its socket and its filter is counted as received, and thrown
# away: then the numbers never meet, and it is enough that for ten seconds, in
# which it answered, it had nothing more to write, and that none was dropped.
sniffer_catches_up() {
	local captured received now was='' same=0 i

	read -r captured received <<<"$(sniffer_counts "$1" "$2")"
	[ -n "$received" ] || return 1
	for ((i = 0; i < 150; i++)); do
		[ "$captured" -lt "$received" ] || return 0
		[ "$captured" = "$was" ] || same=0
		was=$captured same=$((same + 1))
		[ $same -le 50 ] || break
		sleep 0.2
		read -r captured now <<<"$(sniffer_counts "$1" "$2")"
		[ -n "$now" ] || return 1
	done
	[ $same -gt 50 ] && tail -n 1 "$2" | grep -q ' 0 packets dropped'
}

# ---- the module ------------------------------------------------------------

# The module built for the kernel that runs. Arguments go to insmod.
mcsec_ko() {
	local ko=${MCSEC_KO:-$TOP/build/kmod-$(uname -r)/kmod/mcsec.ko}

	[ -e "$ko" ] || ko=$(modinfo -F filename mcsec 2>/dev/null || echo "$ko")
	echo "$ko"
}

load_mcsec() {
	local ko m
	ko=$(mcsec_ko)

	[ "$(id -u)" = 0 ] || skip_all "needs root to load the module"
	if [ -d /sys/module/mcsec ]; then
		[ $# -eq 0 ] && return 0
		rmmod_wait || return 1
	fi
	[ -e "$ko" ] || {
		echo "Bail out! no module for kernel $(uname -r): $ko"
		exit 1
	}
	for m in $(modinfo -F depends "$ko" | tr , ' '); do
		modprobe "$m" || return 1
	done
	if ! insmod "$ko" "$@"; then
		echo "Bail out! the module does not load"
		dmesg | tail -n 20 | sed 's/^/# /'
		exit 1
	fi
	lib_loaded=1
}

# References of packets in flight go away a moment after their namespace.
rmmod_wait() {
	[ ! -d /sys/module/mcsec ] || wait_until 20 rmmod mcsec
}

# ---- asking mcsecctl -------------------------------------------------------

# namespace, arguments: mcsecctl in a namespace; on a host of lab.sh it asks the
# daemon there, where the command is one for a daemon
ctl() {
	local n=$1
	shift
	in_ns "$n" "$MCSECCTL" ${LAB:+-s "$LAB/$n/mcsecd.sock"} "$@"
}

# JSON on standard input, a Python expression over it (called j) as argument:
#	ctl a -j stats | json 'j["rx_replay"]'
json() {
	python3 -IS -c 'import json, sys
j = json.load(sys.stdin)
v = eval(sys.argv[1])
print(json.dumps(v) if isinstance(v, (dict, list, bool)) else v)' "$1"
}

# JSON on standard input, one document a line: is it what the definition of this
# name in Documentation/schema says?
#	ctl a -j stats | fits "the counters fit the schema" stats
fits() {
	local said rc=0

	said=$(python3 "$LIB/schema.py" "$2" 2>&1) || rc=$?
	case $rc in
	0) ok "$1" ;;
	4) skip "$1" "$said" ;;
	*) not_ok "$1" "$said" ;;
	esac
}

# namespace, name: a counter; without Python, which is slow under emulation
counter() {
	ctl "$1" stats -a | awk -v name="$2" '$1 == name { print $2 }'
}
