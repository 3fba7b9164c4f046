#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Documentation/recipes/observe.rst, typed as it is there, while a stream runs: a group
# in use is protected step by step. No receiver loses a datagram, and once the sender has
# protected one there is no clear one behind it. At the end, forged clear datagrams are
# refused, which observing members had accepted.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/typed.sh"
need ip jq python3 setpriv socat systemd-sysusers tcpdump unshare

page=$TOP/Documentation/recipes/observe.rst
hosts="gcks studio viewer tv"

# HOST PATH: a value of what a host has counted
stat_of() { on_host "$1" mcsecctl -j stats -a | jq ".\"$2\""; }
observed() { on_host "$1" mcsecctl -j group show video | jq '.[0].observed'; }
got() { wc -l <"$TMP/$1.rx"; }
got_more() { [ "$(got viewer)" -gt "$1" ] && [ "$(got tv)" -gt "$2" ]; }
# The stream goes on for some datagrams at both receivers.
goes_on() { wait_until 30 got_more $(($(got viewer) + 10)) $(($(got tv) + 10)); }
# HOST: its first and last number, and how many there are between and including them
unbroken() {
	grep -x '[0-9]*' "$TMP/$1.rx" | awk 'NR == 1 { first = $1 } { last = $1 }
		END { print NR == last - first + 1 ? "whole" : NR " of " last - first + 1 }'
}
roster() {
	on_host gcks mcsecctl -j member video |
		jq -r '[.rosters[0].members[].id] | sort | join(" ")'
}
roster_is() { [ "$(roster)" = "$1" ]; }
protected() { [ "$(stat_of studio out-protected)" -gt 0 ]; }
# TEXT: somebody without keys, on the link of the key server, sends in the clear
forge() {
	on_host gcks bash -c "printf '%s\n' '$1' |
		socat -u - UDP4-DATAGRAM:239.1.1.1:5000,ip-multicast-if=192.0.2.1"
}
heard() { grep -qx "$1" "$TMP/viewer.rx" && grep -qx "$1" "$TMP/tv.rx"; }
refused() { [ "$(stat_of viewer in-clear)" = 1 ] && [ "$(stat_of tv in-clear)" = 1 ]; }

# ---- the network before ------------------------------------------------------

# shellcheck disable=SC2086 # words
ns_create $hosts
in_ns gcks ip link add eth0 type bridge mcast_snooping 0
in_ns gcks ip addr add 192.0.2.1/24 dev eth0
in_ns gcks ip link set eth0 up
n=1
for h in studio viewer tv; do
	n=$((n + 1))
	veth "gcks:p$n" -- "$h:eth0" 192.0.2.$n/24
	in_ns gcks ip link set p$n master eth0
done
load_mcsec
# shellcheck disable=SC2086 # words
typed_hosts $hosts
for h in $hosts; do
	try "$h has the user of the daemon" on_host "$h" systemd-sysusers
done
for h in viewer tv; do
	n=$([ $h = viewer ] && echo 3 || echo 4)
	spawn on_host $h socat -u "UDP4-RECV:5000,ip-add-membership=239.1.1.1:192.0.2.$n" \
		"CREATE:$TMP/$h.rx"
	wait_until 20 test -e "$TMP/$h.rx"
done
spawn on_host tv tcpdump -U -ni eth0 -w "$TMP/wire.pcap" dst host 239.1.1.1 \
	2>"$TMP/wire.err"
dump=$!
wait_until 20 grep -q '^listening on' "$TMP/wire.err"
spawn on_host studio python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("192.0.2.2"))
n = 0
while True:
    n += 1
    s.sendto(b"%d\n" % n, ("239.1.1.1", 5000))
    time.sleep(0.05)'
try "the stream runs in the clear" goes_on

# ---- what the page says ------------------------------------------------------

# HOST COMMAND: what has to hold before
before_command() {
	case $1:$2 in
	gcks:*'mcsecctl member') try "all receivers come in" \
		wait_until 60 roster_is "tv.example viewer.example" ;;
	studio:*'mcsecctl stats') try "the sender protects" wait_until 60 protected ;;
	esac
}

# HOST COMMAND: what the page says of it
after_command() {
	case $1:$2 in
	viewer:*'group show video')
		try "the stream goes on in the clear" goes_on
		before=$(observed viewer)
		goes_on
		try "each clear datagram that passes counts as observed" \
			test "$(observed viewer)" -gt "$before"
		try "a forged datagram is not told from others yet" forge forged-early
		try "the forged datagram is accepted" wait_until 20 heard forged-early
		;;
	studio:*'mcsecctl stats')
		try "the stream goes on as ESP" goes_on
		before=$(observed viewer) out=$(stat_of studio out-observed)
		goes_on
		is "nothing more is observed" "$(observed viewer) $(stat_of studio out-observed)" \
			"$before $out"
		;;
	viewer:*tcpdump*)
		# The time limit ends it, so its exit code does not tell that it has run.
		output_has "the capture has run" '^[0-9]+ packets captured'
		output_lacks "no clear datagram is captured" 'UDP'
		;;
	viewer:*'reload --check') output_has "a check says what a reload does" \
		'policy enforce: datagrams .* are dropped$' ;;
	*'mcsecctl health') output_has "$1 is well" '^well' ;;
	esac
}

section "typed"
type_page "$page" "gcks|studio|viewer|tv"

section "protected"
try "a clear datagram is forged" forge forged-late
try "each receiver has refused it" wait_until 20 refused
try "the stream goes on" goes_on
unlike "nobody has read it" "$(cat "$TMP/viewer.rx" "$TMP/tv.rx")" forged-late
is "no receiver has lost a datagram, nor got one twice" \
	"$(unbroken viewer) $(unbroken tv)" "whole whole"

section "the wire"
kill $dump
wait $dump 2>/dev/null
# U: clear, from the studio; E: ESP
order=$(tcpdump -nr "$TMP/wire.pcap" src host 192.0.2.2 2>/dev/null |
	awk '/ESP\(/ { print "E"; next } /UDP/ { print "U" }' | uniq | xargs)
is "no clear datagram of the sender is behind the first ESP" "$order" "U E"

section "the way back"
on_host studio systemctl disable --now mcsecd
on_host studio mcsecctl group set video policy observe --force
on_host viewer sed -i 's/policy = "enforce"/policy = "observe"/' /etc/mcsec/mcsecd.conf
on_host tv sed -i 's/policy = "enforce"/policy = "observe"/' /etc/mcsec/mcsecd.conf
try "a receiver observes again" on_host viewer systemctl reload mcsecd
try "the other one does, too" on_host tv systemctl reload mcsecd
try "the sender's keys are deleted" on_host studio mcsecctl sa flush video
try "the stream goes on in the clear" goes_on
is "no receiver has lost a datagram" "$(unbroken viewer) $(unbroken tv)" "whole whole"
try "a restart gives the kernel's group the policy of the file" \
	on_host studio systemctl enable --now mcsecd
is "the sender's group enforces" \
	"$(on_host studio mcsecctl -j group show video | jq -r '.[0].policy')" enforce
tap_done
