# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A small routed network of namespaces, for the end-to-end tests and the demo:
#
#	k 10.77.1.2 ---+		k	key server
#	s 10.77.2.2 ---+		s	sender
#	a 10.77.3.2 ---+			a b c	members
#	b 10.77.4.2 ---+--- r		x	stranger
#	c 10.77.5.2 ---+			r	multicast router
#	x 10.77.6.2 ---+
#
# Every host has eth0; the router's end of the link is named after the host
# (r-a), has .1, and is where the eavesdropper listens. IPv6 likewise:
# fd77:3::2. The router routes 239.77/16 and ff0e::77:0/112 from k, s and x to
# all others, and has no mcsec module: it routes ESP, and UDP port 848.
#
# A program may give the hosts other names before it sources this file, of at most
# 13 characters each: LAB_HOSTS has all in the order of their addresses,
# LAB_SOURCES those whose multicast the router forwards. daemons.sh has three more
# variables for what they do.
#
# This file is sourced after lib.sh, in whose namespaces the hosts are. LAB is the
# folder of all files; there is one lab at a time. Its state is in files, since many
# of these functions run in subshells.

LAB=${LAB:-$TMP/lab}
LAB_HOSTS=${LAB_HOSTS:-k s a b c x}
LAB_SOURCES=${LAB_SOURCES:-k s x}
PKT_BIN=${PKT_BIN:-$TOP/build/pkt}

GROUP=239.77.1.1
GROUP6=ff0e::77:1
REKEY=239.77.1.254
REKEY6=ff0e::77:fe

lab_num() {
	local h n=0

	for h in $LAB_HOSTS; do
		n=$((n + 1))
		[ "$h" != "$1" ] || { echo $n; return; }
	done
	echo "lab: no host $1" >&2
	return 1
}

ip_of() { echo "10.77.$(lab_num "$1").2"; }
ip6_of() { echo "fd77:$(lab_num "$1")::2"; }

# spawn_as HOST NAME COMMAND...: runs in the background on a host, with a name by
# which pid_of, running and reap know it; its output is in LAB/HOST/NAME.log and
# its pid in LAB/HOST/NAME.pid.
spawn_as() {
	local h=$1 name=$2

	shift 2
	# in_ns would give the pid of a shell
	nsenter "--net=/run/netns/$h-mc$$" -- "$@" \
		>>"$LAB/$h/$name.log" 2>&1 </dev/null &
	echo $! >>"$LAB/pids"
	echo $! >"$LAB/$h/$name.pid"
}

pid_of() {
	local pid

	{ read -r pid <"$LAB/$1/$2.pid"; } 2>/dev/null && echo "$pid"
}
running() { [ -e "$LAB/$1/$2.pid" ] && kill -0 "$(pid_of "$1" "$2")" 2>/dev/null; }

# reap HOST NAME [SIGNAL] [SECONDS]: ends what spawn_as started, and waits for it.
reap() {
	local pid i

	pid=$(pid_of "$1" "$2") || return 0
	kill "-${3:-TERM}" "$pid" 2>/dev/null
	for ((i = 0; i < ${4:-10} * 10; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	rm -f "$LAB/$1/$2.pid"
}

lab_host() {
	local h=$1 n

	n=$(lab_num "$h") || return 1
	mkdir -p "$LAB/$h"
	echo "$h" >>"$LAB/hosts"
	ns_create "$h" &&
	nip r link add "r-$h" type veth peer name eth0 netns "$h-mc$$" &&
	in_ns "$h" sysctl -qw net.ipv6.conf.eth0.accept_ra=0 &&
	nip r -b - <<-END &&
		addr add 10.77.$n.1/24 dev r-$h
		addr add fd77:$n::1/64 dev r-$h nodad
		link set r-$h txqueuelen 10000 up
	END
	nip "$h" -b - <<-END || return 1
		addr add 10.77.$n.2/24 dev eth0
		addr add fd77:$n::2/64 dev eth0 nodad
		link set eth0 txqueuelen 10000 up
		route add default via 10.77.$n.1
		route add default via fd77:$n::1
	END
}

lab_hosts() { cat "$LAB/hosts" 2>/dev/null; }

# Sources are named one by one: for an unknown source the kernel asks the
# routing daemon first, and drops all but the first packets meanwhile.
lab_routes() {
	local h o to f=$LAB/r/smcroute.conf

	: >"$f"
	for h in $(lab_hosts); do
		echo "phyint r-$h enable" >>"$f"
	done
	for h in $LAB_SOURCES; do
		lab_hosts | grep -qx "$h" || continue
		to=
		for o in $(lab_hosts); do
			[ "$o" = "$h" ] || to+=" r-$o"
		done
		for o in "$GROUP" "$REKEY"; do
			echo "mroute from r-$h source $(ip_of $h) group $o to$to"
		done >>"$f"
		for o in "$GROUP6" "$REKEY6"; do
			echo "mroute from r-$h source $(ip6_of $h) group $o to$to"
		done >>"$f"
	done
	spawn_as r smcrouted smcrouted -n -N -f "$f" -u "$LAB/r/smcroute.sock" \
		-P "$LAB/r/smcroute.pid"
	wait_until 20 lab_routed
}

lab_routed() {
	[ "$(nip r mroute show | grep -c 'State: resolved')" -ge 2 ]
}

# lab_up HOST...
lab_up() {
	mkdir -p "$LAB/r"
	ns_create r || return 1
	# Receive queues as deep as a machine of this speed needs: the tests
	# are about mcsec's losses. Not per namespace, so only in the guest.
	[ -z "${MCSEC_GUEST:-}" ] ||
		sysctl -qw net.core.netdev_max_backlog=100000
	in_ns r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	local h
	for h in "$@"; do
		lab_host "$h" || return 1
	done
	lab_routes
}

# The function takes the network down, whatever its state, and keeps the files.
lab_down() {
	local p h

	[ -e "$LAB/pids" ] || return 0
	while read -r p; do
		kill "$p" 2>/dev/null
	done <"$LAB/pids"
	wait_until 5 lab_quiet
	for h in $(lab_hosts) r; do
		ip netns pids "$(ns "$h")" 2>/dev/null |
			xargs -r kill -KILL 2>/dev/null
		ip netns del "$(ns "$h")" 2>/dev/null
	done
	rm -f "$LAB/pids" "$LAB/hosts"
}

lab_quiet() {
	local h

	for h in $(lab_hosts) r; do
		[ -z "$(ip netns pids "$(ns "$h")" 2>/dev/null)" ] ||
			return 1
	done
}

# delayable LINK, delay LINK MS: the router's datagrams to the link wait so long.
# A link is made delayable before there is traffic: to give a device another queueing
# discipline loses what is sent at that moment.
delayable() { in_ns r tc qdisc add dev "r-$1" root netem limit 100000; }
delay() {
	in_ns r tc qdisc change dev "r-$1" root netem delay "$2ms" limit 100000
}

# ---- the eavesdropper ------------------------------------------------------

# sniff_links NAME LINK...: one capture per link, LAB/wire/NAME-LINK.pcap
sniff_links() {
	local name=$1 l

	shift
	mkdir -p "$LAB/wire"
	for l in "$@"; do
		spawn_as r "tcpdump-$l" tcpdump -i "r-$l" -n -s 0 -B 65536 -Z root \
			-w "$LAB/wire/$name-$l.pcap"
	done
	for l in "$@"; do
		wait_until 20 grep -q '^tcpdump: listening' \
			"$LAB/r/tcpdump-$l.log" || return 1
	done
}

# The function ends the captures, and fails if one missed a packet, since what a test
# says of a capture holds for a complete one only.
sniff_links_end() {
	local l rc=0

	for l in "$@"; do
		sniffer_catches_up "$(pid_of r "tcpdump-$l")" \
			"$LAB/r/tcpdump-$l.log" || {
			echo "lab: the capture on link $l is behind"
			rc=1
		}
		reap r "tcpdump-$l" TERM 30
		if ! grep -q '^0 packets dropped by kernel' \
		    "$LAB/r/tcpdump-$l.log"; then
			echo "lab: the capture on link $l is not complete"
			rc=1
		fi
		cat "$LAB/r/tcpdump-$l.log" >>"$LAB/r/tcpdump.log"
		rm "$LAB/r/tcpdump-$l.log"
	done
	return $rc
}

wire() { "$PKT_BIN/wire" "$@"; }
# census FILTER CAPTURE...: a number out of wire's census of the group
census() {
	local f=$1

	shift
	wire census -g "${CENSUS_GROUP:-$GROUP}" "$@" | jq -r "$f"
}

# ---- the stream ------------------------------------------------------------

# stream_recv HOST NAME [OPTION]...: a receiver, joined when this returns
stream_recv() {
	local h=$1 name=$2

	shift 2
	rm -f "$LAB/$h/$name.json"
	spawn_as "$h" "$name" "$PKT_BIN/mstream" recv -i eth0 \
		-g "$GROUP" -m "$STREAM_MARKER" -o "$LAB/$h/$name.json" "$@"
	wait_until 10 stream_joined "$h" "$name"
}

stream_joined() {
	# the socket is there once /proc/PID/net says so; the join comes next
	[ -e "/proc/$(pid_of "$1" "$2")/net/udp" ] &&
		in_ns "$1" ss -Hnlu 2>/dev/null | grep -q ':5004 '
}

# stream_send HOST NAME [OPTION]...
stream_send() {
	local h=$1 name=$2

	shift 2
	rm -f "$LAB/$h/$name.json"
	spawn_as "$h" "$name" "$PKT_BIN/mstream" send -i eth0 -g "$GROUP" \
		-m "$STREAM_MARKER" -o "$LAB/$h/$name.json" "$@"
}

# stream_now HOST NAME FILTER: a number out of the report so far
stream_now() {
	local f=$LAB/$1/$2.json

	rm -f "$f"
	kill -USR1 "$(pid_of "$1" "$2")" || return 1
	wait_until 10 test -e "$f" || return 1
	jq -r "$3" "$f"
}

# stream_of HOST NAME FILTER: out of the last report
stream_of() { jq -r "$3" "$LAB/$1/$2.json"; }
