#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Links and addresses change under a member: the link goes down and comes back,
# the address is another, the default route goes. It hears rekeys again, and
# the stream, and never speaks in clear.
# timeout: 300

# shellcheck source=selftests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"

rekeyed() { [ "$(member_is a rekeys)" -gt "$1" ]; }
spi_like_k() { [ "$(member_is a data-spi)" = "$(gcks_is data-spi)" ]; }
joined() { in_ns a ip -j maddr show dev eth0 | jq -e --arg g "$REKEY" \
	'.[0].maddr[] | select(.address == $g)' >/dev/null; }

rekey_heard() {
	local n

	n=$(member_is a rekeys)
	try "$1: a rekey" ctl k rekey video
	try "$1: a hears it" wait_until 20 rekeyed "$n"
	try "$1: a has k's key" wait_until 20 spi_like_k
}
rekey_reaches_a() {
	rekey_heard "$1"
	try "$1: a hears s" hears_on a
}

lab_start k s a
G_ATD=1 G_DTD=4
gcks_conf
member_conf s true false
member_conf a false true
# by the kernel's choice of interface
sed -i '/interface = "eth0"/d' "$LAB/a/mcsecd.conf"
daemons_run k s a
sniff_links all s a
stream_recv a rx
stream_send s tx -r 300
try "a hears s" wait_until 20 hears a 100
rekey_reaches_a "at first"

in_ns a ip link set eth0 down
sleep 2
in_ns a ip link set eth0 up
in_ns a ip route replace default via 10.77.3.1
try "link down and up: the rekey address is joined" wait_until 20 joined
rekey_reaches_a "link down and up"

# Another address, as after DHCP
in_ns a ip addr del 10.77.3.2/24 dev eth0
sleep 0.5
in_ns a ip addr add 10.77.3.7/24 dev eth0
in_ns a ip route replace default via 10.77.3.1
rekey_reaches_a "another address"
try "another address: a talks to k from it" ctl a leave video
try "another address: left" wait_until 20 member_state a out
try "another address: join" ctl a join video
try "another address: in" wait_until 30 member_in a
try "another address: a hears s" hears_on a

# The way to the key server is gone while a rekey is due, and comes back
in_ns a ip route del default
n=$(member_is a rekeys)
ctl k rekey video >/dev/null
try "no route: rekeys are multicast and do not mind" wait_until 20 rekeyed "$n"
in_ns a ip route replace default via 10.77.3.1
rekey_reaches_a "the route is back"

# The sender, too
in_ns s ip link set eth0 down
sleep 1
in_ns s ip link set eth0 up
in_ns s ip route replace default via 10.77.2.1
try "the sender's link down and up: a hears s" hears_on a
rekey_reaches_a "the sender's link down and up"

# A bridge stays up with another port, and says nothing by itself when the port to the
# network is back.
nip a -b - <<'END'
link add br0 type bridge mcast_snooping 0
link add p0 type veth peer name p1
link set p0 master br0 up
link set p1 up
link set br0 up
addr flush dev eth0
link set eth0 master br0
addr add 10.77.3.2/24 dev br0
route replace default via 10.77.3.1
END
on_bridge() { [ "$(member_is a rekey-interface)" = br0 ]; }
try "a bridge: the rekey address is joined there" wait_until 20 on_bridge
try "a bridge: a is in, and not deaf" wait_until 20 member_in a
rekey_heard "a bridge"
spawn_as r reports tcpdump -U -n -s 0 -Z root -i r-a -w "$LAB/r/reports.pcap" igmp
wait_until 20 grep -q '^tcpdump: listening' "$LAB/r/reports.log"
reports() {
	sniffer_catches_up "$(pid_of r reports)" "$LAB/r/reports.log" &&
		tcpdump -nvr "$LAB/r/reports.pcap" 2>/dev/null |
		grep -o "gaddr $REKEY to_ex" | wc -l
}
reported() { [ "$(reports)" -gt "$n" ]; }
sleep 3 # a report of a join is repeated
n=$(reports)
in_ns a ip link set eth0 down
sleep 1
like "a bridge stays up without the port" "$(nip a -o link show br0)" ' state UP '
in_ns a ip link set eth0 up
try "a bridge: a reports the rekey address by its port" wait_until 20 reported
rekey_heard "a bridge whose port was down"

reap s tx
try "the captures are complete" sniff_links_end s a
is "nothing of the group was ever in clear" "$(wire_clear)" 0
tap_done
