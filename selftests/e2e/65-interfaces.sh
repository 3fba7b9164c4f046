#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Rekeys are heard on the interface that the route to their address names, and
# sent by it; without such a route, on that which leads to the other end. A
# host whose address is on lo, one with the same address twice, a network
# without a default route, a host whose network is in a VRF.
# timeout: 300

# shellcheck source=selftests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"

rekeyed() { [ "$(member_is a rekeys)" -gt "$1" ]; }
spi_like_k() { [ "$(member_is a data-spi)" = "$(gcks_is data-spi)" ]; }
# interfaces of a that joined the group: each name once, in order
joined_on() {
	in_ns a ip -j maddr show | jq -r --arg g "${1:-$REKEY}" \
		'.[] | select(.maddr[].address == $g).ifname' | sort -u | xargs
}
joined_is() { [ "$(joined_on "${2:-}")" = "$1" ]; }

rekey_reaches_a() {
	local n

	n=$(member_is a rekeys)
	try "$1: a rekey" ctl k rekey video
	try "$1: a hears it" wait_until 20 rekeyed "$n"
	try "$1: a has k's key" wait_until 20 spi_like_k
}

# restart_a [COMMAND...]: with a log of its own, and wait until it is in, or A_STATE
restart_a() {
	daemon_stop a
	rm -f "$LAB/a/mcsecd.log"
	spawn_as a mcsecd "$@" "$MCSECD" -f "$LAB/a/mcsecd.conf" &&
		wait_until 20 daemon_up a &&
		wait_until 30 member_state a "${A_STATE:-in}"
}

# The configurations of both ends name no interface.
conf_all() {
	gcks_conf
	member_conf a false true
	sed -i '/interface = "eth0"/d' "$LAB"/[ak]/mcsecd.conf
}

# Both daemons, and what they leave behind
stop_all() {
	daemon_stop k
	daemon_stop a
	ctl a group flush --force
	rm -f "$LAB"/[ak]/mcsecd.log "$LAB"/k/gcks.db*
}

lab_start k s a
G_ATD=1 G_DTD=4
conf_all
for h in k a; do
	try "mcsecd on $h" daemon_start $h || tap_done
done
try "a is in" wait_until 30 member_in a
is "status says where rekeys are joined" \
	"$(member_is a rekey-address) $(member_is a rekey-interface) $(member_is a rekey-joined)" \
	"$REKEY:848 eth0 true"
rekey_reaches_a "at first"

section "address on lo"
# a's address is there as routing to the host has it.

in_ns a ip addr add 10.255.0.2/32 dev lo
in_ns a ip route replace default via 10.77.3.1 src 10.255.0.2
in_ns r ip route add 10.255.0.2/32 via 10.77.3.2
try "a is in" restart_a
is "the rekey address is joined on" "$(joined_on)" eth0
rekey_reaches_a "address on lo"
in_ns a ip route replace default via 10.77.3.1
in_ns a ip addr del 10.255.0.2/32 dev lo

section "one address on two interfaces"
# The route says which of them it is.

in_ns a ip link add eth9 type dummy
in_ns a ip addr add 10.77.3.2/32 dev eth9
in_ns a ip link set eth9 up
in_ns a ip route add 239.77.0.0/16 dev eth9 src 10.77.3.2
try "the rekey address is joined where the route says" wait_until 20 \
	joined_is eth9
in_ns a ip route del 239.77.0.0/16
try "the rekey address is joined again where the route says" wait_until 20 \
	joined_is eth0
in_ns a ip link del eth9
rekey_reaches_a "one address once more"

section "no route"

in_ns a ip route add 10.77.1.0/24 via 10.77.3.1
in_ns a ip route del default
in_ns k ip route add 10.77.0.0/16 via 10.77.1.1
in_ns k ip route del default
rekey_reaches_a "no route, a was in"
try "a is in" restart_a
is "the rekey address is joined on" "$(joined_on)" eth0
is "a's log says once that there is no route" \
	"$(grep -c 'no route to 239.77.1.254; assuming eth0' "$LAB/a/mcsecd.log")" 1
like "a names the setting, in status, too" \
	"$(member_is a rekey-note)" 'set "interface"'
rekey_reaches_a "no route"

# A sender on the key server's host: the way to the key server is no way out
member_conf s true false
sed -i '/interface = "eth0"/d' "$LAB/s/mcsecd.conf"
spawn_as k member "$MCSECD" -f "$LAB/s/mcsecd.conf"
try "on k's host: s is in" wait_until 30 member_in s
is "on k's host: joined where k's address is" \
	"$(member_is s rekey-interface)" eth0
s_rekeyed() { [ "$(member_is s rekeys)" -gt "$1" ]; }
n=$(member_is s rekeys)
rekey_reaches_a "no route, a sender on k's host"
try "on k's host: s hears the rekey, too" wait_until 20 s_rekeyed "$n"
reap k member

# Several ways, none of which leads anywhere: k can't guess, and says what helps
in_ns k ip link add eth8 type veth peer name eth8-peer
in_ns k ip link set eth8 up
n=$(member_is a rekeys)
ctl k rekey video >/dev/null
unsent() { grep -q "$1" "$LAB/k/mcsecd.log"; }
try "with two interfaces: k names the setting" wait_until 20 \
	unsent 'no route to 239.77.1.254; set \"rekey-interface\", or a route, or a link up'
like "the tree has that rekeys cannot be sent, and why" "$(ctl k tree)" \
	'video +[0-9]+ members?, rekeys cannot be sent: '
in_ns k ip link del eth8
rekey_reaches_a "one interface again"

# An interface that is not there
sed -i 's/^  gcks-id/  interface = "eth7";\n&/' "$LAB/a/mcsecd.conf"
A_STATE=behind try "no such interface: a has keys, and is behind" restart_a
is "no such interface: status has it" \
	"$(member_is a rekey-joined) $(member_is a rekey-note)" \
	"false no interface eth7"
sleep 12
is "no such interface: the log has it once" \
	"$(grep -c 'rekey address not joined: .*: no interface eth7' \
		"$LAB/a/mcsecd.log")" 1
sed -i '/interface = "eth7"/d' "$LAB/a/mcsecd.conf"

# A group on an interface that is not there, and comes
sed -i "s/address = \"$GROUP\";/& interfaces = [ \"eth0\", \"eth7\" ];/" \
	"$LAB/a/mcsecd.conf"
daemon_stop a
ctl a group del video --force
try "a group on an interface that is missing: a is in" restart_a
is "status has the interface that is missing" "$(member_is a interface-note)" \
	"no interface eth7"
noted() { [ "$(member_is a interface-note)" = "$1" ]; }
in_ns a ip link add eth7 type veth peer name eth7-peer
try "status has no note when it comes" wait_until 10 noted null
in_ns a ip link set eth7 name eth77
try "the note returns when it is renamed" wait_until 10 noted "no interface eth7"
in_ns a ip link del eth77
is "the log has each change once" \
	"$(grep -c 'interface missing: eth7: ' "$LAB/a/mcsecd.log"
	grep -c 'interface exists: eth7' "$LAB/a/mcsecd.log")" "2
1"

section "IPv6"
# Each interface has a route of the kernel's for ff00::/8.

G_ADDRESS=$GROUP6 G_REKEY=$REKEY6
stop_all
in_ns k ip route replace default via 10.77.1.1
in_ns a ip route replace default via 10.77.3.1
in_ns a ip link add eth9 type veth peer name eth9-peer
in_ns a ip addr add fd99::1/64 dev eth9 nodad
in_ns a ip link set eth9-peer up
in_ns a ip link set eth9 up
kernel_route() {
	in_ns a ip -6 route show table local type multicast dev "$1" |
		grep -q ff00::/8
}
try "eth9 has a route of the kernel's" wait_until 20 kernel_route eth9
# the kernel takes the route that came first
in_ns a ip link set eth0 down
in_ns a ip link set eth0 up
try "eth0 has a route of the kernel's after eth9's" \
	wait_until 20 kernel_route eth0
in_ns a ip addr replace fd77:3::2/64 dev eth0 nodad
in_ns a ip route replace default via fd77:3::1
in_ns a ip route replace default via 10.77.3.1
like "the kernel would take another interface" \
	"$(in_ns a ip -6 route get "$REKEY6")" 'dev eth9'
conf_all
for h in k a; do
	try "mcsecd on $h" daemon_start $h || tap_done
done
try "a is in" wait_until 30 member_in a
is "joined on the interface that leads to k" "$(joined_on "$REKEY6")" \
	eth0
rekey_reaches_a "IPv6"
in_ns a ip route add "$REKEY6" dev eth9 table local
try "a route to the rekey address is heeded" wait_until 20 \
	joined_is eth9 "$REKEY6"
in_ns a ip link del eth9
try "a route to the rekey address that is gone is heeded" \
	wait_until 20 joined_is eth0 "$REKEY6"
rekey_reaches_a "IPv6, eth9 gone"

section "VRF"
G_ADDRESS=$GROUP G_REKEY=$REKEY
stop_all
conf_all
try "mcsecd on k" daemon_start k || tap_done

if modprobe -q vrf || in_ns a ip link add vrf-try type vrf table 99 2>/dev/null
then
	in_ns a ip link add blue type vrf table 100
	in_ns a ip link set blue up
	in_ns a ip link set eth0 master blue
	in_ns a ip route add default via 10.77.3.1 table 100
	# a preloaded library does what "ip vrf exec" does, which needs a
	# control group with BPF
	vrf="env MCSEC_VRF=blue LD_PRELOAD=$PKT_BIN/invrf.so"
	# shellcheck disable=SC2086
	try "VRF: a is in" restart_a $vrf
	is "VRF: the rekey address is joined on" "$(joined_on)" eth0
	rekey_reaches_a "VRF"
	in_ns a ip route del default table 100
	in_ns a ip route add 10.77.1.0/24 via 10.77.3.1 table 100
	rekey_reaches_a "VRF without a route"
	is "VRF without a route: joined on" "$(joined_on)" eth0
	sed -i 's/^  gcks-id/  interface = "blue";\n&/' "$LAB/a/mcsecd.conf"
	# shellcheck disable=SC2086
	A_STATE=behind try "VRF as interface: a is behind" restart_a $vrf
	is "VRF as interface: refused by name" "$(member_is a rekey-note)" \
		"blue is a VRF; name an interface that is enslaved to it"
else
	skip "a in a VRF" "no vrf"
fi
tap_done
