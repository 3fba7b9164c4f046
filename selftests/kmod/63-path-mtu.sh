#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# IPv6: a router on the way answers ESP that is too large with a Packet Too Big.
# The sender learns from it, and the gateway that protects for others.
#
#	h eth0 ---- eth1 a eth0 ---- eth0 r eth1 ---- eth0 b
#	                                    1400
#
# timeout: 300

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 smcrouted
load_mcsec
ns_create h a r b
veth h:eth0 fd00::1/64 -- a:eth1 fd00::9/64
veth a:eth0 fd01::1/64 -- r:eth0 fd01::9/64
veth r:eth1 fd02::9/64 -- b:eth0 fd02::2/64
nip r link set eth1 mtu 1400
nip b link set eth0 mtu 1400
mroute_to h eth0 ff00::/8
mroute_to a eth0 ff00::/8
nip h route add default via fd00::9
nip a route add default via fd01::9
nip b route add default via fd02::9
nip r route add fd00::/64 via fd01::1
# The SPI that quote.py gives to ESP.
spi=262149000
GH=ff3e::7
mroute r eth0 eth1 fd01::1 $G6 fd00::1 $GH fd01::1 ff3e::9 fd01::1 ff3e::a
try "the router is ready" mrouted r fd00::1
mroute a eth1 eth0 fd00::1 $GH
try "the gateway is ready" mrouted a fd00::1
ctl a group add own $G6 dev eth0
ctl a group add for-h $GH dev eth0 forward
ctl b group add own $G6
ctl b group add for-h $GH
for g in own for-h; do
	key=$(new_key 20)
	sa_add a $g "$key" spi $spi dir out alg aes-gcm-16 sender-id 1-4 select
	sa_add b $g "$key" spi $spi dir in alg aes-gcm-16
done
listen b $G6 r1
listen b $GH r2

section "errors that prove nothing"

# quote.py says 1280.
quoted() { # name, host, address, group
	pkt r quote esp "$4" "$3" "$3" SECRET
	unlike "$1 changes no route" "$(nip "$2" -6 route get "$4" oif eth0)" \
		'mtu 1280'
}
mc a send $G6 $PORT eth0 ttl=8 size=1000 >/dev/null
try "a small datagram arrives" wait_until 20 has_lines r1 1
quoted "an error about ESP that only arrives here" b fd02::2 $G6
ctl a sa del own $spi
quoted "an error about an SPI without an SA" a fd01::1 $G6
quoted "an error about another group" a fd01::1 ff3e::8
key=$(new_key 20)
ctl b sa del own $spi
sa_add a own "$key" spi $spi dir out alg aes-gcm-16 sender-id 1-4 select
sa_add b own "$key" spi $spi dir in alg aes-gcm-16

section "a sender"

sniff a wire
mc a send $G6 $PORT eth0 ttl=8 size=1400 >/dev/null
learned() { nip a -6 route get "$1" oif eth0 | grep -q 'mtu 1400'; }
try "the route learns from the error" wait_until 20 learned $G6
mc a send $G6 $PORT eth0 ttl=8 size=1400 count=3 >"$TMP/sent"
try "large datagrams arrive from then on" wait_until 20 has_lines r1 4
is "large datagrams are as they were sent" "$(got r1 | tail -n 3)" \
	"$(<"$TMP/sent")"
sniffed wire
is "nothing left in the clear" \
	"$(tcpdump -n -r "$TMP/wire.pcap" 'ip6 proto 17' 2>/dev/null | wc -l)" 0

section "groups with the same SPI"

# A narrower group of another interface has the SPI for a key of its own.
twins() { # address, words of the SA of the other group
	ctl a group add wide "$1" dev eth0
	sa_add a wide "$(new_key 20)" spi $spi dir out alg aes-gcm-16 \
		sender-id 1-4 select
	ctl a group add near "$1" src fd01::/64 dev eth1
	sa_add a near "$(new_key 20)" spi $spi alg aes-gcm-16 "${@:2}"
	mc a send "$1" $PORT eth0 ttl=8 size=1400 >/dev/null
}
twins ff3e::9 dir in
try "the route learns beside a group that receives" \
	wait_until 20 learned ff3e::9
ctl a group del wide
ctl a group del near
twins ff3e::a dir inout sender-id 5-8 select
try "the route learns beside a group that sends" wait_until 20 learned ff3e::a
unlike "the route of the other group learns nothing" \
	"$(nip a -6 route get ff3e::a oif eth1)" 'mtu 1400'

section "a sender behind a gateway"

mc h send $GH $PORT eth0 ttl=8 size=1400 >/dev/null
try "the gateway's route learns from the error" wait_until 20 learned $GH
mc h send $GH $PORT eth0 ttl=8 size=1400 >/dev/null
told() { nip h -6 route get $GH oif eth0 | grep -q 'mtu 13'; }
try "the gateway tells its sender" wait_until 20 told
mc h send $GH $PORT eth0 ttl=8 size=1300 count=3 >"$TMP/sent"
try "datagrams of the size that it said arrive" wait_until 20 has_lines r2 3
is "datagrams of that size are as they were sent" "$(got r2)" \
	"$(<"$TMP/sent")"

tap_done
