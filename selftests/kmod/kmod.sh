# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Functions of the module's tests: two hosts on a link, keys, traffic.
#
#	a 10.1.0.1, fd01::1  eth0 ------------ eth0  b 10.1.0.2, fd01::2
#
# Groups are 239.1.1.1 and ff3e::1:1, both called g4 and g6. The sniffer s sees
# the cable from a's end.

# shellcheck source=selftests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

# shellcheck disable=SC2034 # used by scripts that source this file
G4=239.1.1.1 G6=ff3e::1:1 PORT=5000
MC=$PKT/mc.py

# shellcheck disable=SC2034
KEY128=000102030405060708090a0b0c0d0e0fa0a1a2a3
# shellcheck disable=SC2034
KEY256=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fa0a1a2a3

# How much traffic a flood is: kernels for debugging are slow.
slow_kernel() {
	case $(uname -r) in
	*-uml-debug | *-uml-smp) ;;
	*) return 1 ;;
	esac
}
# shellcheck disable=SC2034
SCALE=10
# shellcheck disable=SC2034
! slow_kernel || SCALE=1

# Loaded, or built in
has_br_netfilter() {
	modprobe -q br_netfilter 2>/dev/null || [ -d /proc/sys/net/bridge ]
}
has_ipip() {
	modprobe -q ipip 2>/dev/null || [ -d /sys/module/ipip ]
}

# AEAD's name: a socket of AF_ALG bound to it makes an instance, if there is none
bind_aead() {
	python3 -c 'import socket, sys
socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET).bind(("aead", sys.argv[1]))' \
		"$1" 2>"$TMP/bind.err"
}

# Newer kernels let sockets have few algorithms, unless they are told to.
has_af_alg() {
	modprobe -q algif_aead
	sysctl -qw crypto.af_alg_restrict=0 2>/dev/null
	bind_aead 'gcm(aes)'
}

two_hosts() {
	ns_create a b &&
		veth a:eth0 10.1.0.1/24 fd01::1/64 \
			-- b:eth0 10.1.0.2/24 fd01::2/64 &&
		mroute_to a eth0 224.0.0.0/4 ff00::/8 &&
		mroute_to b eth0 224.0.0.0/4 ff00::/8
}

# groups NAMESPACE...: add both groups in each.
groups() {
	local n

	for n; do
		ctl "$n" group add g4 $G4 && ctl "$n" group add g6 $G6 ||
			return 1
	done
}

# new_key OCTETS: print a random key with its salt, in hex.
new_key() {
	local key=

	while [ ${#key} -lt $(($1 * 2)) ]; do
		printf -v key '%s%08x' "$key" "$SRANDOM"
	done
	printf %s "${key:0:$1*2}"
}

# windows_in ROOM OCTETS [STEP]: how many windows of so many octets a room in octets is
# enough for, of every STEPth Sender-ID from 0 on, in SAs of 4,095. A table of senders
# has nodes of 576 octets for 64 Sender-IDs, for 4,096, and for all.
windows_in() {
	local n=$(($1 / $2)) per=$((64 / ${3:-1})) rest nodes

	while :; do
		rest=$((n % 4095)) nodes=$((n / 4095 * 66))
		[ $rest = 0 ] || nodes=$((nodes + (rest + per - 1) / per +
			(rest + per * 64 - 1) / (per * 64) + 1))
		[ $((n * $2 + nodes * 576)) -gt "$1" ] || break
		n=$((n - 1))
	done
	echo $n
}

# sa_add NAMESPACE GROUP KEY OPTION...: add an SA with this key in hex.
sa_add() {
	local n=$1 g=$2 key=$3
	shift 3

	ctl "$n" sa add "$g" key-stdin "$@" <<<"$key"
}

# last_counts FROM TO GROUP SPI KEY OPTION...: delete an SA at the receiver and at the sender
# while it is used, and check what both are told against the counters. Nothing else may
# be under way.
last_counts() {
	local from=$1 to=$2 g=$3 spi=$4 key=$5 out in sender told
	shift 5

	sa_add "$to" "$g" "$key" spi "$spi" dir in "$@"
	out=$(counter "$from" out-protected) in=$(counter "$to" in-accepted)
	sa_add "$from" "$g" "$key" spi "$spi" dir out sender-id 1-4 select "$@"
	spawn in_ns "$from" "$MC" send $G4 $PORT eth0 count=100000 size=300 \
		text=SECRET >/dev/null
	sender=$!
	try "SA $spi is used" wait_until 30 counted "$to" in-accepted $((in + 20))
	told="$(ctl "$to" -v sa del "$g" "$spi"), $(ctl "$from" -v sa del "$g" "$spi")"
	kill "$sender"
	wait "$sender" 2>/dev/null
	is "SA $spi: the last counts are those of all that it has carried" \
		"$(echo "$told" | sed 's/group [^,]*, after //g')" \
		"0 packets out and $(($(counter "$to" in-accepted) - in)) in, $(($(
			counter "$from" out-protected) - out)) packets out and 0 in"
}

# listen NAMESPACE GROUP NAME: start a receiver that writes lines to $TMP/NAME.
listen() {
	spawn in_ns "$1" "$MC" recv "$2" $PORT eth0 "$TMP/$3.ready" "$TMP/$3"
	wait_until 30 test -e "$TMP/$3.ready" || not_ok "a receiver in $1"
}

# print_file FILE: print its few lines, as cat does, without a process.
print_file() {
	local text_lines

	mapfile text_lines <"$1"
	printf %s ${text_lines[@]+"${text_lines[@]}"}
}

# pkt NAMESPACE TOOL ARGUMENT...: run a tool of pkt/ (without .py) and print its output.
# A process that stays in the namespace forks for each, because starting Python costs
# more than the rest of most checks. Fails with the messages of a tool that fails. A
# tool that has to run beside the test is started directly.
pkt() {
	local n=$1 d=$TMP/pkt-$1
	shift

	if [ ! -p "$d.ask" ]; then
		mkfifo "$d.ask" "$d.say" || return 1
		# in_ns would give the pid of a shell
		nsenter "--net=/run/netns/$n-mc$$" -- "$PKT/serve.py" \
			"$d.ask" "$d.say" >/dev/null 2>>"$d.err" &
		echo $! >"$d.pid"
	fi
	printf '%s\n' "$@" >"$d.ask"
	print_file "$d.say"
	if [ -s "$d.err" ]; then
		cat "$d.err" >&2
		: >"$d.err"
		return 1
	fi
}

# mc NAMESPACE ARGUMENT...: run mc.py, which sends and receives multicast datagrams.
mc() {
	local n=$1
	shift

	pkt "$n" mc "$@"
}

# send NAMESPACE GROUP OPTION...: send by mc.py, and append its output to $TMP/sent.
send() {
	local n=$1 g=$2
	shift 2

	mc "$n" send "$g" $PORT eth0 "$@" >"$TMP/sent.now"
	print_file "$TMP/sent.now"
	print_file "$TMP/sent.now" >>"$TMP/sent"
}

# both COUNT OPTION...: send datagrams with a marker from a to both groups.
both() {
	local n=$1
	shift

	mc a send $G4 $PORT eth0 count="$n" text=LEAK4 "$@" >/dev/null
	mc a send $G6 $PORT eth0 count="$n" text=LEAK6 "$@" >/dev/null
}

# has_lines NAME NUMBER: succeed if the receiver has so many lines.
has_lines() {
	[ "$(wc -l <"$TMP/$1")" -ge "$2" ]
}

# got NAME: print the lines of a receiver in the form of send.
got() {
	cut -d' ' -f1,2 "$TMP/$1"
}

# template, AEAD's name: puts pcrypt or cryptd in front of the kernel's own cipher.
# The instance has the higher priority, so that whatever asks for the cipher
# afterwards gets this one, until the kernel ends. Without it all is skipped.
make_async() {
	local driver

	has_af_alg || skip_all "the kernel has no AF_ALG"
	# The cipher has to be there to be called by the name of its driver.
	bind_aead "$2"
	driver=$(awk -F' *: ' -v want="$2" '$1 == "name" { name = $2 }
		$1 == "driver" && name == want { print $2; exit }' /proc/crypto)
	# Newer kernels make it and then do not let a socket have it.
	bind_aead "$1(${driver:-$2})"
	grep -q "^driver *: $1(" /proc/crypto || {
		diag "$(<"$TMP/bind.err")"
		skip_all "$1 cannot be instantiated"
	}
}

# namespace, name, filter...: capture eth0, or $SNIFF, to $TMP/NAME.pcap
sniff() {
	local n=$1 name=$2
	shift 2

	# in_ns would give the pid of a shell
	spawn nsenter "--net=/run/netns/$n-mc$$" -- tcpdump -U -n \
		-i "${SNIFF:-eth0}" -w "$TMP/$name.pcap" -B 16384 -s 0 "$@" \
		2>"$TMP/$name.err"
	echo $! >"$TMP/$name.pid"
	wait_until 30 grep -q listening "$TMP/$name.err"
}

# sniffed NAME...: wait until the files have all packets so far. A failure in a
# predicate, or in a text that is compared, must fail that check.
sniffed() {
	local name

	for name; do
		sniffer_catches_up "$(<"$TMP/$name.pid")" \
			"$TMP/$name.err" || {
			not_ok "the sniffer $name has all" \
				"$(tail -n 1 "$TMP/$name.err")"
			return 1
		}
	done
}

# captured NAME NUMBER: succeed if so many packets were captured.
captured() {
	[ "$(tcpdump -n -r "$TMP/$1.pcap" 2>/dev/null | wc -l)" -ge "$2" ]
}

# counters NAMESPACE NAME...: print the counters that are not 0 on one line, without
# the named ones.
counters() {
	local n=$1 but all counter_lines line sep='' IFS=' ' -
	shift
	but=" $* " IFS=$'\n'
	set -f

	all=$(ctl_last "$n" stats) || all+=$'\n'"stats failed"
	# shellcheck disable=SC2206 # a line is a word
	counter_lines=($all)
	for line in "${counter_lines[@]:1}"; do
		[[ $line =~ ^([^ ]+)\ +([^ ]+) ]]
		[[ $but == *" ${BASH_REMATCH[1]} "* ]] || {
			printf '%s%s %s' "$sep" "${BASH_REMATCH[@]:1:2}"
			sep=', '
		}
	done
}

# sa_word NAMESPACE GROUP SPI NAME: print the value of that name in "sa show".
sa_word() {
	local all line IFS=$'\n' -
	set -f

	all=$(ctl_last "$1" sa show "$2" "$3")
	for line in $all; do
		[[ ! $line =~ ^\ *"$4"\ +([^ ]+) ]] || echo "${BASH_REMATCH[1]}"
	done
}

# group_names NAMESPACE: print the names of all groups, one a line.
group_names() { ctl "$1" group show | awk 'NR > 1 { print $1 }'; }

# group_is NAMESPACE GROUP NAME: print the value of that name in JSON.
group_is() { ctl "$1" -j group show "$2" | json "j[0].get(\"$3\")"; }

# counted NAMESPACE COUNTER NUMBER: succeed if the counter has reached the number.
counted() {
	local count=0

	count_of "$1" "$2" &&
	[ "$count" -ge "$3" ]
}

# mroute NAMESPACE FROM TO [SOURCE GROUP]...: route multicast of these sources from
# one interface to another, instead of what the namespace routed before, and wait for
# it. Without sources nothing is routed any more. It starts a program, which "try" would
# wait for.
mroute() {
	local n=$1 from=$2 to=$3 run=$TMP/mroute-$1 pid
	shift 3

	if [ -e "$run.pid" ]; then
		pid=$(<"$run.pid")
		kill "$pid"
		wait_until 20 test ! -d "/proc/$pid" || return 1
	fi
	[ $# -gt 0 ] || return 0
	in_ns "$n" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	printf 'phyint %s enable\n' "$from" "$to" >"$run.conf"
	printf "mroute from $from source %s group %s to $to\n" "$@" >>"$run.conf"
	spawn in_ns "$n" smcrouted -n -N -f "$run.conf" -u "$run.sock" \
		-P "$run.pid" >"$run.out" 2>&1
	while [ $# -gt 0 ]; do
		wait_until 20 mrouted "$n" "$1" || return 1
		shift 2
	done
}

# mrouted NAMESPACE SOURCE: succeed if multicast of the source is routed.
mrouted() {
	local six=

	[[ $2 != *:* ]] || six=-6
	nip "$1" $six mroute show | grep -qF "($2,"
}
