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
# Every check prints its line at once, and the plan comes last, so that a program
# that dies early has no plan and fails. Namespaces, processes and the module are
# removed on exit. No function sleeps for a fixed time; wait_until polls a
# predicate.
#
# Functions for every test and for the demo:
#
#	section		set the subject of the checks that follow
#	try, refuse	check that a command succeeds, or fails
#	is, like, unlike	check that a text is the expected one, matches, or not
#	ok, not_ok, skip	report a check that passed, failed or was skipped
#	need, skip_all	skip the program if a tool, or something else, is missing
#	tap_done	print the plan; the last line of a program
#	wait_until	repeat a command until it succeeds
#	ns_create, ns_delete, ns	make and delete namespaces, print their names
#	in_ns, nip	run a command, or ip(8), in a namespace
#	veth, mroute_to	link two namespaces; route multicast by a device
#	spawn, on_exit	run a process, or at the end a command, with the program
#	load_mcsec	load the module
#	ctl, counter, json	run mcsecctl in a namespace, print a counter, a value
#
# kmod/kmod.sh adds two hosts on a link, keys, datagrams and sniff; e2e/lab.sh adds
# a routed network, whose hosts are namespaces as well, streams, sniff_links and
# spawn_as; e2e/daemons.sh starts and configures mcsecd.

LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=${MCSEC_TOP:-$(cd "$LIB/.." && pwd)}
# In a kernel's tree nothing is built here: installed programs are tested then.
built() {
	[ ! -e "$TOP/build/$1" ] && command -v "$1" || echo "$TOP/build/$1"
}
MCSECCTL=${MCSECCTL:-$(built mcsecctl)}
MCSECD=${MCSECD:-$(built mcsecd)}
# shellcheck disable=SC2034 # used by scripts that source this file
PKT=$LIB/pkt	# programs that send and listen, each with its usage at its head
TMP=$(mktemp -d)

# project_file NAME...: print the path of the first file that exists: below the top,
# in the kernel's tree that has this folder, or installed.
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

# diag LINE...: print details of the check before.
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

# skip NAME REASON: report that a check cannot run.
skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $tap_section$1 # SKIP $2"
}

# skip_all REASON: report that the whole program cannot run here, and exit.
skip_all() {
	echo "1..0 # SKIP $*"
	exit 4
}

# need TOOL...: skip the program if a tool is missing.
need() {
	local tool

	for tool; do
		command -v "$tool" >/dev/null || skip_all "$tool is missing"
	done
}

# try NAME COMMAND...: pass if the command succeeds.
try() {
	local name=$1 out
	shift

	if out=$("$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name" "\"$*\" failed ($?):" "$out"
	fi
}

# refuse NAME COMMAND...: pass if the command fails, but not by a signal.
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

# is NAME GOT EXPECTED: pass if both are equal.
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "     got $2" $'\n'"expected $3"
	fi
}

# any_line TEXT REGEX: succeed if a line of the text matches the extended regular
# expression; 2 means that the expression is invalid. Neither a pipe nor grep, which
# cost more than most of what is checked, and no here-document, which bash reads an
# octet at a time.
any_line() {
	local line rc IFS=$'\n' -

	set -f
	# an empty line is no word
	for line in $1 ''; do
		[[ $line =~ $2 ]] && rc=0 || rc=$?
		[ $rc != 2 ] || return 2
		[ $rc = 0 ] || continue
		[ -n "$line" ] || [[ $'\n'$1$'\n' == *$'\n\n'* ]] || continue
		return 0
	done
	return 1
}

# like NAME TEXT REGEX, unlike NAME TEXT REGEX: pass if a line of the text matches
# the extended regular expression, or if none does.
like() {
	if any_line "$2" "$3"; then
		ok "$1"
	else
		not_ok "$1" "no match for /$3/ in:"$'\n'"$2"
	fi
}

# An empty text is what a command that failed leaves, and no answer.
unlike() {
	local rc=0

	[ -n "$2" ] || {
		not_ok "$1" "there is no text to look for /$3/ in"
		return
	}
	any_line "$2" "$3" || rc=$?
	case $rc in
	1) ok "$1" ;;
	0) not_ok "$1" "a match for /$3/ in:"$'\n'"$2" ;;
	*) not_ok "$1" "/$3/ is no regular expression" ;;
	esac
}

# Print the plan, and exit. Every program ends with this.
tap_done() {
	section_end
	echo "1..$tap_count"
	[ "$tap_count" -gt 0 ] && [ $tap_failed -eq 0 ]
	exit
}

# ---- removal ---------------------------------------------------------------

# on_exit COMMAND: run a command on exit, the last one first.
on_exit() {
	lib_cleanups=("$*" ${lib_cleanups[@]+"${lib_cleanups[@]}"})
}

# spawn COMMAND...: run in the background until the program ends; its pid is in $!.
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

# Where time passes while programs work, a busy machine delays them, so limits are
# longer. Only a check that fails waits for all of it.
lib_patience=6 lib_slower=5
[ "${MCSEC_CLOCK:-}" != idle ] || lib_patience=1 lib_slower=8

# lib_sleep MILLISECONDS: as sleep(1), less a process: read waits for what nobody
# writes.
lib_sleep() {
	local s

	[ -p "$TMP/never" ] || mkfifo "$TMP/never"
	printf -v s '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
	read -rt "$s" s <>"$TMP/never"
	return 0
}

# wait_until SECONDS COMMAND...: repeat the command until it succeeds, or fail. The
# intervals grow, because with an idle clock each attempt costs more than waiting.
wait_until() {
	local end=$((SECONDS + $1 * lib_patience)) ms=20
	shift

	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		lib_sleep $ms
		[ $ms -ge 400 ] || ms=$((ms * lib_slower / 4))
	done
}

# ---- namespaces ------------------------------------------------------------

# ns NAME: print the name of the namespace on this machine. The suffix prevents
# conflicts of a native run.
ns() {
	echo "$1-mc$$"
}

# in_ns NAME COMMAND...: run a command in a namespace. ip netns exec is not used,
# because it mounts /sys each time, which would take most of a test's time on an
# emulated processor. /sys is therefore the machine's.
in_ns() {
	local n=$1
	shift
	nsenter "--net=/run/netns/$n-mc$$" -- "$@"
}

# nip NAME ARGUMENT...: run ip(8) in a namespace.
nip() {
	local n=$1
	shift
	ip -n "$n-mc$$" "$@"
}

ns_create() {
	local n

	for n; do
		ip netns add "$n-mc$$" || return 1
		lib_ns+=("$n-mc$$")
		nip "$n" link set lo up
		# an address must be usable at once
		in_ns "$n" sysctl -qw net.ipv6.conf.default.accept_dad=0 \
			net.ipv6.conf.all.accept_dad=0
	done
}

# ns_delete NAME: delete a namespace. The process of pkt ends first, because it would
# keep the namespace.
ns_delete() {
	[ ! -e "$TMP/pkt-$1.pid" ] || kill "$(<"$TMP/pkt-$1.pid")" 2>/dev/null
	ip netns del "$(ns "$1")"
}

# has_link_type NAMESPACE TYPE: succeed if links of this type can be created.
has_link_type() {
	nip "$1" link add "probe$$" type "$2" 2>/dev/null &&
		nip "$1" link del "probe$$"
}

ns_up() {
	[[ $(nip "$1" -o link show dev "$2") == *" state UP "* ]]
}

# veth NAMESPACE:DEVICE ADDRESS... [--] NAMESPACE:DEVICE ADDRESS...: link two
# namespaces:
#	veth a:eth0 10.0.0.1/24 fd00::1/64 -- b:eth0 10.0.0.2/24 fd00::2/64
# "--" may be left out if each end has one address. Each end is made by one process:
# nearly every test makes several links.
veth() {
	local end=() addr=([0]='' [1]='') i=-1 arg n dev a words

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
	ip link add "${end[0]#*:}" netns "${end[0]%%:*}-mc$$" type veth \
		peer name "${end[1]#*:}" netns "${end[1]%%:*}-mc$$" ||
		return 1
	for i in 0 1; do
		n=${end[i]%%:*} dev=${end[i]#*:} words=
		for a in ${addr[i]}; do
			words+="addr add $a dev $dev"$'\n'
		done
		nip "$n" -batch - <<<"${words}link set $dev up" || return 1
	done
	wait_until 20 ns_up "${end[0]%%:*}" "${end[0]#*:}" &&
		wait_until 20 ns_up "${end[1]%%:*}" "${end[1]#*:}"
}

# mroute_to NAMESPACE DEVICE PREFIX...: route multicast by a device.
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

# sniffer_read MESSAGES: set sniffer_said to how often tcpdump has told its counts,
# and the others to the last ones. Nothing is started: captures are waited for so
# often that processes would take most of a test's time.
sniffer_read() {
	local messages line

	sniffer_said=0
	mapfile -t messages <"$1"
	for line in "${messages[@]}"; do
		# tcpdump writes a line of these in pieces
		[[ $line =~ ([0-9]+)\ packets?\ captured,\ ([0-9]+)\ packets?\ received\ .*\ ([0-9]+)\ packets?\ dropped\ by\ kernel ]] || continue
		sniffer_said=$((sniffer_said + 1))
		sniffer_captured=${BASH_REMATCH[1]}
		sniffer_received=${BASH_REMATCH[2]}
		sniffer_dropped=${BASH_REMATCH[3]}
	done
}

# sniffer_ask PID MESSAGES: let tcpdump tell its counts, and read them.
sniffer_ask() {
	local was i

	sniffer_read "$2"
	was=$sniffer_said
	kill -USR1 "$1" || return 1
	for ((i = 0; i < 200; i++)); do
		lib_sleep 20
		sniffer_read "$2"
		[ "$sniffer_said" -le "$was" ] || return 0
	done
	return 1
}

# sniffer_catches_up PID MESSAGES: wait until tcpdump has written all packets that
# had arrived before. The kernel keeps packets for it for up to a second; without
# this wait the absence of a packet from a capture proves nothing.
#
# A packet between tcpdump's socket and its filter is counted as received, and thrown
# away. The numbers then never meet, and it is enough that tcpdump had nothing more
# to write for ten seconds in which it answered, and that no packet was dropped.
sniffer_catches_up() {
	local received was='' same=0 i

	sniffer_ask "$1" "$2" || return 1
	received=$sniffer_received
	for ((i = 0; i < 150; i++)); do
		[ "$sniffer_captured" -lt "$received" ] || return 0
		[ "$sniffer_captured" = "$was" ] || same=0
		was=$sniffer_captured same=$((same + 1))
		[ $same -le 50 ] || break
		lib_sleep 200
		sniffer_ask "$1" "$2" || return 1
	done
	[ $same -gt 50 ] && [ "$sniffer_dropped" = 0 ]
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

# Unload the module. References of packets in flight are dropped up to some seconds
# after their namespace was deleted, so this waits.
rmmod_wait() {
	[ ! -d /sys/module/mcsec ] || wait_until 20 rmmod mcsec
}

# ---- asking mcsecctl -------------------------------------------------------

# ctl NAMESPACE ARGUMENT...: run mcsecctl in a namespace. On a host of lab.sh, commands
# for a daemon go to the daemon of that host.
ctl() {
	local n=$1
	shift
	"$MCSECCTL" -n "$n-mc$$" ${LAB:+-s "$LAB/$n/mcsecd.sock"} "$@"
}

# The same as the last command of a subshell, whose process becomes mcsecctl: each process
# is dear in User Mode Linux.
ctl_last() {
	local n=$1
	shift
	exec "$MCSECCTL" -n "$n-mc$$" ${LAB:+-s "$LAB/$n/mcsecd.sock"} "$@"
}

# JSON on standard input, a Python expression over it (called j) as argument:
#	ctl a -j stats | json 'j["rx_replay"]'
json() {
	python3 -IS -c 'import json, sys
j = json.load(sys.stdin)
v = eval(sys.argv[1])
print(json.dumps(v) if isinstance(v, (dict, list, bool)) else v)' "$1"
}

# fits NAME DEFINITION: pass if the JSON on standard input, one document a line, is
# valid for the definition in Documentation/schema. A check behind a pipe would be
# counted by a subshell only, so the input comes from a file:
#	fits "the counters fit the schema" stats <"$TMP/stats.json"
fits() {
	local said rc=0

	said=$(python3 "$LIB/schema.py" "$2" 2>&1) || rc=$?
	case $rc in
	0) ok "$1" ;;
	4) skip "$1" "$said" ;;
	*) not_ok "$1" "$said" ;;
	esac
}

# counter NAMESPACE NAME: print a counter, without Python, which is slow under emulation.
counter() { count_of "$@" && echo "$count"; }

# the same in the variable "count", without a subshell for the answer
count_of() {
	local all

	all=$(ctl_last "$1" stats -a)
	[[ $'\n'$all =~ $'\n'"$2"\ +([0-9]+) ]] && count=${BASH_REMATCH[1]}
}
