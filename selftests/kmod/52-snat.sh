#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Translated source addresses: rules of connection tracking have no effect on
# what a host or a gateway protects, and nothing leaves in the clear for them;
# the rule of firewall.rst, which does without connection tracking, has.
#
#	h 192.168.7.2 -- eth0 r eth1 10.1.0.1 -- eth0 b 10.1.0.2

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 nft smcrouted
doc=$(project_file Documentation/firewall.rst)
[ -n "$doc" ] || skip_all "firewall.rst is not here"
load_mcsec
ns_create h r b
veth h:eth0 192.168.7.2/24 -- r:eth0 192.168.7.1/24
veth r:eth1 10.1.0.1/24 -- b:eth0 10.1.0.2/24
nip r addr add 10.1.0.77/24 dev eth1
in_ns r sysctl -qw net.ipv4.ip_forward=1
mroute_to h eth0 224.0.0.0/4
mroute_to r eth1 224.0.0.0/4
mroute_to b eth0 224.0.0.0/4
in_ns b sysctl -qw net.ipv4.conf.all.rp_filter=0 \
	net.ipv4.conf.eth0.rp_filter=0
cat >"$TMP/mroutes" <<END
phyint eth0 enable
phyint eth1 enable
mroute from eth0 source 192.168.7.2 group $G4 to eth1
END
spawn in_ns r smcrouted -n -N -f "$TMP/mroutes" -u "$TMP/smcroute.sock" \
	-P "$TMP/smcroute.pid" >"$TMP/smcroute.log" 2>&1
routed() { nip r mroute show | grep -q 'State: resolved'; }
try "r routes the group" wait_until 20 routed
in_ns r nft -f - <<END
table ip t {
	chain post {
		type nat hook postrouting priority srcnat
		ip saddr 192.168.7.2 ip daddr $G4 snat to 10.1.0.1
		ip saddr 10.1.0.1 ip daddr $G4 snat to 10.1.0.77
	}
}
END
listen b $G4 b4
sniff b wire "dst $G4"
clear() { sniffed wire; tcpdump -A -n -r "$TMP/wire.pcap" 2>/dev/null | grep -c LEAK; }
# number: the sources of so many, the last that b got
from() { tail -n "$1" "$TMP/b4" | cut -d' ' -f3 | sort -u | xargs; }

send h $G4 count=3 text=CLEAR >/dev/null
try "clear datagrams: three arrive" wait_until 20 has_lines b4 3
is "clear datagrams: the source is the one that the rule gives" \
	"$(from 3)" 10.1.0.1
mc r send $G4 $PORT eth1 text=CLEAR loop=0 >/dev/null
try "a clear datagram of the router's own arrives" wait_until 20 has_lines b4 4
is "a clear datagram of the router's own has the source that its rule gives" \
	"$(from 1)" 10.1.0.77

key=$(new_key 36)
ctl r group add g4 $G4 dev eth1 forward
ctl b group add g4 $G4
sa_add r g4 "$key" spi 4096 dir inout alg aes-gcm-16 sender-id 1-4 select
sa_add b g4 "$key" spi 4096 dir in alg aes-gcm-16
# from a port that connection tracking has not seen
mc h send $G4 $PORT eth0 count=3 text=LEAK >/dev/null
try "three datagrams that the gateway protects arrive" \
	wait_until 20 has_lines b4 7
is "datagrams that the gateway protects keep their source" \
	"$(from 3)" 192.168.7.2
mc r send $G4 $PORT eth1 count=2 text=LEAK loop=0 >/dev/null
try "two datagrams that the gateway sends itself arrive" \
	wait_until 20 has_lines b4 9
is "datagrams that the gateway sends itself keep their source" \
	"$(from 2)" 10.1.0.1

sed -n '/^    # at a gateway$/,/^    }$/p' "$doc" >"$TMP/rules"
try "the rules of the documentation" in_ns r nft -f "$TMP/rules"
mc h send $G4 $PORT eth0 count=3 text=LEAK >/dev/null
try "under the documentation's rules three datagrams arrive" \
	wait_until 20 has_lines b4 12
is "under the documentation's rules the source is the one that these give" \
	"$(from 3)" 10.1.0.1
is "no datagram that was protected was in the clear" "$(clear)" 0
is "each protected datagram was accepted" \
	"$(counters b out-exempt in-exempt)" "in-accepted 8"
tap_done
