#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The example of a gateway, m, in ten lines: h, which knows nothing of mcsec, sends
# behind it, and n receives. On the link between m and n is ESP in tunnel mode, with
# the addresses of the datagram; in the other direction m decrypts for h.
#
#	h -- eth1 m eth0 == bridge of k == eth0 n
# timeout: 300

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/process.sh"
need ip jq tcpdump python3 smcrouted

G=239.7.32.1
PORT=5000

of() { # HOST FIELD
	host_ctl "$1" -j status | jq -r ".member.groups[0].\"$2\""
}
is_state() { [ "$(of "$1" state)" = "$2" ]; }
sends() { [ "$(of "$1" out-spi)" -gt 0 ]; }
same_key() { [ "$(of m out-spi)" = "$(of n data-spi)" ]; }
listen() { # HOST
	spawn in_ns "$1" "$PKT/mc.py" recv $G $PORT eth0 "$TMP/rx-$1.ready" \
		"$TMP/rx-$1"
	wait_until 30 test -e "$TMP/rx-$1.ready" || not_ok "a receiver: $1"
}
has_lines() { [ "$(wc -l <"$TMP/rx-$1")" -ge "$2" ]; }
send() { # HOST N
	in_ns "$1" "$PKT/mc.py" send $G $PORT eth0 count="$2" ttl=8 loop=0 \
		>/dev/null
}
wire() { # FILTER
	sniffer_catches_up $dump "$TMP/wire.err" || return 1
	tcpdump -n -r "$TMP/wire.pcap" "$@" 2>/dev/null | wc -l
}
routed() { [ "$(nip m mroute show | grep -c 'State: resolved')" -ge 2 ]; }

pki_make m n
bridge_up
ns_create h
veth h:eth0 10.8.0.2/24 -- m:eth1 10.8.0.1/24
nip h route add default via 10.8.0.1
mroute_to h eth0 239.7.0.0/16
nip n route add 10.8.0.0/24 via 10.7.0.2
in_ns m sysctl -qw net.ipv4.ip_forward=1
cat >"$TMP/mroute.conf" <<-END
	phyint eth0 enable
	phyint eth1 enable
	mroute from eth1 source 10.8.0.2 group $G to eth0
	mroute from eth0 source 10.7.0.3 group $G to eth1
END
spawn in_ns m smcrouted -n -N -f "$TMP/mroute.conf" -u "$TMP/mroute.sock" \
	-P "$TMP/mroute.pid" >"$TMP/mroute.log" 2>&1
try "m routes multicast" wait_until 30 routed
load_mcsec

gcks_conf "{ name = \"site\"; address = \"239.7.32.0/24\"; mode = \"tunnel\";
	rekey-address = \"239.7.200.1\"; rekey-interface = \"eth0\";
	senders = [ \"m.lab\", \"n.lab\" ]; atd = 1; dtd = 3; beat = 2; }" \
	>"$TMP/k.conf"
site='name = "site"; address = "239.7.32.0/24"; mode = "tunnel"; send = true;'
{
	conf_head m
	example_part m gateway member | sed "s|wan0|eth0|; s|gcks\.example|k.lab|
		s|239\.1\.0\.0/16|239.7.32.0/24|"
} >"$TMP/m.conf"
member_conf n "{ $site }" >"$TMP/n.conf"
spawn nsenter "--net=/run/netns/$(ns n)" -- tcpdump -U -n -i eth0 \
	-w "$TMP/wire.pcap" -s 0 "dst $G and not igmp" 2>"$TMP/wire.err"
dump=$!
try "a sniffer listens" wait_until 30 grep -q listening "$TMP/wire.err"
for x in k m n; do
	up $x
done
for x in m n; do
	try "$x is in" wait_until 60 is_state $x in
	try "$x sends" wait_until 60 sends $x
done
try "both have one key" wait_until 60 same_key
is "the mode of the SA" "$(ctl m -j sa show site | jq -r '.[0].mode')" tunnel
is "the status has the mode and what is local" \
	"$(mctl -j status | jq -c '.member.groups[0] | [.mode, .interfaces, .forward]')" \
	'["tunnel",["eth0"],true]'
mctl -j status >"$TMP/status.json"
fits "the status fits the schema" status <"$TMP/status.json"

section "traffic"

listen n
listen h
send h 3
try "n receives what h sends" wait_until 20 has_lines n 3
is "the address of h is kept, and a router was passed" \
	"$(cut -d' ' -f3,4 "$TMP/rx-n" | sort -u)" "10.8.0.2 7"
is "all of it was ESP with the addresses of the datagram" \
	"$(wire esp and src 10.8.0.2) $(wire udp)" "3 0"
send n 3
try "h receives what n sends" wait_until 20 has_lines h 3
is "the address of n is kept" "$(cut -d' ' -f3 "$TMP/rx-h" | sort -u)" 10.7.0.3
is "datagrams of n were ESP" "$(wire esp and src 10.7.0.3) $(wire udp)" "3 0"

section "a rekey"

spi=$(of n data-spi)
try "a rekey on command" kctl rekey site
renewed() { [ "$(of m out-spi)" = "$(of n data-spi)" ] && [ "$(of n data-spi)" != "$spi" ]; }
try "both send with the next key" wait_until 30 renewed
send h 3
try "the gateway goes on" wait_until 20 has_lines n 6
is "nothing was in the clear" "$(wire udp)" 0

section "the daemon ends"

down KILL "$(pgrep -f "$MCSECD -c $TMP/m.conf" | tail -n 1)"
ctl m sa flush site
send h 3
dropped() { [ "$(counter m out-no-sa)" -ge 3 ]; }
try "a gateway without keys routes nothing" wait_until 20 dropped
is "nothing leaves it in the clear" "$(wire udp)" 0
is "nothing more arrives" "$(wc -l <"$TMP/rx-n")" 6

section "another mode"

sed -i 's|mode = "tunnel"; ||' "$TMP/n.conf"
try "a reload to transport mode" host_ctl n reload
refused() { of n last-error | grep -q 'tunnel mode, configured is transport'; }
try "keys of the other mode are refused" wait_until 60 refused

tap_done
