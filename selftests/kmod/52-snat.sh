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

section "a policy of xfrm for translated addresses"
# r sends on to h what it verifies, and has a policy to encrypt what it sends there.

in_ns r nft flush ruleset
ctl r group flush
ctl b group flush
in_ns r sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth1.rp_filter=0
in_ns r nft -f - <<END
table ip t {
	chain kind {
		type filter hook prerouting priority -150
		udp dport $PORT meta pkttype set host
	}
	chain pre {
		type nat hook prerouting priority dstnat
		ip daddr $G4 dnat to 192.168.7.2
	}
	chain post {
		type nat hook postrouting priority srcnat
		oifname eth0 snat to 192.168.7.1
	}
}
END
nip r xfrm state add src 192.168.7.1 dst 192.168.7.2 proto esp spi 0x100 \
	mode transport aead 'rfc4106(gcm(aes))' "0x$(new_key 20)" 128
nip r xfrm policy add dir out src 192.168.7.1/32 dst 192.168.7.2/32 tmpl \
	src 192.168.7.1 dst 192.168.7.2 proto esp spi 0x100 mode transport
sniff h inside "src 192.168.7.1"
inside() {
	sniffed inside
	echo "$(grep -ac "$1" "$TMP/inside.pcap") in the clear," \
		"$(tcpdump -nr "$TMP/inside.pcap" 2>/dev/null | grep -c ESP) ESP"
}
mc b send $G4 $PORT eth0 sport=4001 count=6 ttl=8 text=PLAIN >/dev/null
wait_until 20 captured inside 6
is "without a group xfrm encrypts what rules translate" "$(inside PLAIN)" \
	"0 in the clear, 6 ESP"
ctl r group add g4 $G4 dev eth1 forward
ctl b group add g4 $G4
key=$(new_key 20)
sa_add b g4 "$key" spi 4200 dir out alg aes-gcm-16 sender-id 8-9 select
sa_add r g4 "$key" spi 4200 dir in alg aes-gcm-16
before=$(counter r in-accepted)
mc b send $G4 $PORT eth0 sport=4002 count=6 ttl=8 text=VERIFIED >/dev/null
wait_until 20 captured inside 12
is "each of six is verified" "$(($(counter r in-accepted) - before))" 6
is "xfrm encrypts what was verified and rules translate" "$(inside VERIFIED)" \
	"0 in the clear, 12 ESP"
tap_done
