#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The promise, state by state: whatever happens to keys, programs, rules,
# interfaces, namespaces and the module, nothing of a protected group is seen
# in the clear. Sniffers on every link look for what was sent.
#
#	a eth0 ---- eth0 b eth1 ---- eth0 c
#
# Text that may be seen begins with OPEN, others with LEAK; text that b must not
# pass to c, with PASS. 50-memory.sh does the same for memory that fails.
#
# debug full: a minute of CPU time, most of it for sniffers and routers
# timeout: 900

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 nft smcrouted
load_mcsec
two_hosts
ns_create c
veth b:eth1 10.3.0.1/24 fd03::1/64 -- c:eth0 10.3.0.2/24 fd03::2/64
mroute_to c eth0 224.0.0.0/4 ff00::/8
sniffers=()
for n in a b c; do
	# by ip: $! must be tcpdump itself
	ip netns exec "$(ns $n)" tcpdump -U -n -i any -w "$TMP/$n.pcap" \
		-B 65536 -s 0 2>"$TMP/$n.err" &
	sniffers+=($!)
	lib_pids+=($!)
	wait_until 30 grep -q listening "$TMP/$n.err"
done

# host, word: how often it was seen there
seen() { LC_ALL=C grep -aoF -- "$2" "$TMP/$1.pcap" | wc -l; }
fences=0
fenced() {
	local n

	for n in a b c; do
		tail -c 65536 "$TMP/$n.pcap" |
			LC_ALL=C grep -aqF "OPENf$fences." || return
	done
}
# All that was sent before is in the files: what comes after it is.
fence() {
	fences=$((fences + 1))
	mc a send 239.99.9.9 9 eth0 text=OPENf$fences. >/dev/null
	mc b send 239.99.9.9 9 eth1 text=OPENf$fences. >/dev/null
	wait_until 20 fenced || not_ok "the sniffers have seen the fence"
}
nothing() { # name
	fence
	is "$1: nothing in the clear" \
		"$(seen a LEAK) $(seen b LEAK) $(seen c LEAK)" "0 0 0"
}
more() { # name, host, counter, by how many since the last time
	local now

	now=$(counter "$2" "$3")
	is "$1" $((now - ${was[$2$3]:-0})) "$4"
	was[$2$3]=$now
}
declare -A was=()
spi=4096
# words for the SAs of a; b gets the same without limits
keys() {
	local g key

	spi=$((spi + 1))
	for g in g4 g6; do
		key=$(new_key 20)
		sa_add a $g "$key" spi $spi dir out alg aes-gcm-16 \
			sender-id 1 select "$@"
		sa_add b $g "$key" spi $spi dir in alg aes-gcm-16 ${mode:-}
	done
}

section "the detector"

send a $G4 count=7 text=OPEN4 >/dev/null
send a $G6 count=5 text=OPEN6 >/dev/null
mc a send $G4 $PORT eth0 size=9000 text=OPENbig >/dev/null
mc b send $G4 $PORT eth1 text=OPENc count=3 >/dev/null
fence
is "unprotected, every datagram is seen where it leaves" \
	"$(seen a OPEN4) $(seen a OPEN6) $(seen a OPENbig)" "7 5 1"
is "unprotected, every datagram is seen where it arrives" \
	"$(seen b OPEN4) $(seen b OPEN6) $(seen b OPENbig)" "7 5 1"
is "unprotected, every datagram is seen on the other cable" \
	"$(seen c OPEN4) $(seen c OPENc)" "0 3"

section "keys"

groups a b
both 3
more "no SA: dropped" a out-no-sa 6
keys
ctl a sa flush g4
ctl a sa flush g6
both 3
more "SAs deleted: dropped" a out-no-sa 6
keys soft-packets 1 hard-packets 3
both 5
more "packets: up to the limit" a out-protected 6
more "packets: dropped after the limit" a out-expired 4
# 8 + 64 and the trailer make 76
keys soft-bytes 76 hard-bytes 152
both 5
more "bytes: up to the limit" a out-protected 4
more "bytes: dropped after the limit" a out-expired 6
keys iv-limit 2
both 5
more "IVs: as many as there are" a out-protected 4
more "IVs: dropped when all are used" a out-exhausted 6
keys soft-time 1 hard-time 2
both 1
expired() { [ "$(sa_word a g6 $spi state)" = expired ]; }
wait_until 20 expired
both 2
is "time: sent or, when it is up, dropped" \
	$(($(counter a out-protected) - was[aout-protected] + \
	$(counter a out-expired) - was[aout-expired])) 6
try "time: the last were dropped" \
	counted a out-expired $((was[aout-expired] + 4))
was[aout-protected]=$(counter a out-protected)
nothing "keys that are missing or used up"

section "programs"

keys
# not by spawn: $! is the program itself then
ip netns exec "$(ns a)" "$MCSECCTL" monitor >/dev/null &
victim=$!
spawn in_ns a "$MC" send $G4 $PORT eth0 count=200 pace=0.005 text=LEAKkill \
	>/dev/null
sender=$!
for i in 1 2 3 4 5; do
	new_key 20 >"$TMP/key"
	ip netns exec "$(ns a)" "$MCSECCTL" sa add g4 key-stdin \
		spi $((0x5000 + i)) dir out alg aes-gcm-16 sender-id 1 \
		select <"$TMP/key" &
	sleep 0.0$i
	kill -9 $! 2>/dev/null
	wait $! 2>/dev/null
done
kill -9 $victim
wait $victim 2>/dev/null
wait $sender
more "programs killed: all was protected" a out-protected 200
ctl a sa flush g4
nothing "programs that are killed"

section "shapes of datagrams"

keys
both 1 size=0,1,1400,1472,9000,60000
more "sizes: each protected" a out-protected 12
both 1 size=10000 gso=1000
more "GSO: each part" a out-protected 20
listen a $G4 self4
listen a $G6 self6
both 2
more "loopback: protected" a out-protected 4
wait_until 20 counted a in-send-only 4
is "loopback: nothing comes back in the clear" \
	"$(cat "$TMP/self4" "$TMP/self6" | wc -l)" 0
ctl a sa flush g4
ctl a sa flush g6
was[aout-no-sa]=$(counter a out-no-sa)
both 1 size=0,9000,60000
both 1 size=10000 gso=1000
more "without a key: dropped" a out-no-sa 8
nothing "datagrams of all shapes"

section "groups"

for i in 1 2 3 4; do
	ctl a group flush
	send a $G4 count=2 text=OPENgap >/dev/null
	groups a
	[ $i = 1 ] || keys
	both 2
done
fence
is "groups deleted: the gap is seen, and it alone" "$(seen a OPENgap)" 8
more "groups added: protected from then on" a out-protected 12
refuse "the module does not unload" rmmod mcsec
both 2
more "a module that is asked to unload protects on" a out-protected 4
nothing "groups that come and go"

section "rules"

cat >"$TMP/rules" <<'NFT'
flush ruleset
table inet t {
	chain pre { type filter hook prerouting priority -500; counter; }
	chain out { type route hook output priority -150; meta mark set 1; }
	chain late { type filter hook output priority 500; ct state new; }
	chain post { type filter hook postrouting priority 400; counter; }
}
NFT
spawn in_ns a "$MC" send $G4 $PORT eth0 count=300 pace=0.005 text=LEAKrule \
	>/dev/null
sender=$!
reloads=0
while kill -0 $sender 2>/dev/null; do
	in_ns a nft -f "$TMP/rules"
	in_ns b nft -f "$TMP/rules"
	in_ns a nft flush ruleset
	reloads=$((reloads + 1))
	# the sender goes on only while nobody works, where waiting costs nothing
	sleep 0.1
done
wait $sender
more "$((reloads > 4 ? 5 : reloads)) reloads of rules and more: all was protected" \
	a out-protected 300
in_ns b nft flush ruleset
nothing "rules that change"

section "interfaces"

ns_create e
ctl e group add g4 $G4
veth a:eth2 10.5.0.1/24 c:eth2 10.5.0.2/24
mc a send $G4 $PORT eth2 text=LEAKif >/dev/null
nip a link set eth2 down
nip a link set eth2 name eth3
nip a link set eth3 up
mc a send $G4 $PORT eth3 text=LEAKif >/dev/null
nip a link set eth3 netns "$(ns e)"
nip e addr add 10.5.0.1/24 dev eth3
nip e link set eth3 up
mc e send $G4 $PORT eth3 text=LEAKif count=3 >/dev/null
is "an interface moved: its new namespace's group has it" \
	"$(counter e out-no-sa)" 3
nip e link del eth3
veth a:eth2 10.5.0.1/24 c:eth2 10.5.0.2/24
mc a send $G4 $PORT eth2 text=LEAKif >/dev/null
more "renamed, made again: protected" a out-protected 3
# by name
was[aout-no-sa]=$(counter a out-no-sa)
ctl a group add named 239.5.5.5 dev eth2,eth9
mc a send 239.5.5.5 $PORT eth2 text=LEAKif >/dev/null
for i in 1 2 3; do
	nip a link del eth2
	veth a:eth2 10.5.0.1/24 c:eth2 10.5.0.2/24
	mc a send 239.5.5.5 $PORT eth2 text=LEAKif >/dev/null
done
nip a link set eth2 down
nip a link set eth2 name eth9
nip a link set eth9 up
mc a send 239.5.5.5 $PORT eth9 text=LEAKif >/dev/null
more "a group by an interface's name: dropped" a out-no-sa 5
ctl a group del named
nothing "interfaces that change"

section "routes"

# IPv4 routes multicast by its source then
ctl a group add routed 239.5.5.6 dev eth9
sa_add a routed "$(new_key 20)" spi 0x6001 dir out alg aes-gcm-16 sender-id 1 \
	select
in_ns a nft -f - <<'NFT'
table ip r {
	chain out {
		type route hook output priority -150
		ip daddr 239.5.5.6 meta mark set 7
	}
}
NFT
mc a send 239.5.5.6 $PORT eth0 src=10.5.0.1 text=LEAKroute count=2 \
	>/dev/null
is "another route: protected by where it leaves" \
	"$(sa_word a routed 0x6001 out-packets)" 2
more "another route: counted" a out-protected 2
in_ns a nft flush ruleset
ctl a group del routed
nothing "routes that rules change"

section "a namespace that goes"

ns_create d
veth d:eth0 10.6.0.1/24 c:eth6 10.6.0.2/24
ctl d group add g4 $G4
sa_add d g4 "$(new_key 20)" spi 4096 dir out alg aes-gcm-16 sender-id 1 select
ip netns exec "$(ns d)" "$MC" send $G4 $PORT eth0 count=100000 pace=0.001 text=LEAKns \
	>/dev/null &
sender=$!
esp_from() { tcpdump -n -r "$TMP/c.pcap" "esp and src $1" 2>/dev/null |
	grep -q .; }
try "a namespace sends" wait_until 20 esp_from 10.6.0.1
# the program holds it to its end
ns_delete d
kill -9 $sender
wait $sender 2>/dev/null
gone() { ! nip c link show eth6 >/dev/null 2>&1; }
try "the sending namespace is deleted" wait_until 30 gone
nothing "a namespace that goes"

section "observing"

ctl a group flush
ctl b group flush
groups a b
ctl a group set g4 policy observe
send a $G4 count=4 text=OPENobs >/dev/null
ctl a group set g4 policy enforce
both 2
fence
is "observed, a datagram is seen" "$(seen a OPENobs)" 4
is "observed, a datagram is counted" "$(counter a out-observed)" 4
nothing "a group that observes no more"

section "routers and gateways"

ctl a group flush
ctl b group flush
mroute b eth0 eth1 10.1.0.1 $G4 fd01::1 $G6
try "b routes multicast" mrouted b fd01::1
pass() { # word, count, options
	local word=$1 n=$2
	shift 2

	mc a send $G4 $PORT eth0 text="$word" count="$n" "$@" \
		>/dev/null
	mc a send $G6 $PORT eth0 text="$word" count="$n" "$@" \
		>/dev/null
}
pass OPENpass 2
fence
is "a datagram that is not protected is routed" "$(seen c OPENpass)" 4
not_passed() { # name
	fence
	is "$1: not passed in the clear" "$(seen c PASS)" 0
}
esp_at_c() {
	fence
	tcpdump -n -r "$TMP/c.pcap" '(ip proto 50 and src 10.1.0.1) or
		(ip6 proto 50 and src fd01::1)' 2>/dev/null | wc -l
}
for gate in "" forward; do
	# shellcheck disable=SC2086 # a word or none
	ctl b group add g4 $G4 dev eth1 $gate &&
		ctl b group add g6 $G6 dev eth1 $gate
	pass PASS 2
	pass PASS 1 size=9000
	pass PASS 1 size=10000 gso=1000
	not_passed "${gate:-routed} without a key"
	at_c=$(esp_at_c)
	for m in transport tunnel; do
		for g in g4 g6; do
			spi=$((spi + 1))
			sa_add b $g "$(new_key 20)" spi $spi dir out \
				alg aes-gcm-16 sender-id 1 mode $m select
		done
		was[bout-protected]=$(counter b out-protected)
		pass PASS 2
		pass PASS 1 size=10000 gso=1000
		want=0
		[ -z "$gate" ] || want=24
		fence
		more "${gate:-routed}, $m: $want protected" b out-protected $want
		at_c=$((at_c + want))
		is "${gate:-routed}, $m: seen as ESP" "$(esp_at_c)" $at_c
		not_passed "${gate:-routed}, $m"
	done
	# a report that claims to stay on its link, but was one link away
	in_ns a python3 - $G6 <<'PY'
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(41, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("eth0"))
s.setsockopt(41, socket.IPV6_MULTICAST_HOPS, 2)
for i in range(3):
    s.sendto(bytes([131, 0, 0, 0]) + bytes(20) + b"PASSmld", (sys.argv[1], 0))
PY
	fence
	is "${gate:-routed}: b saw MLD from another link" "$(seen b PASSmld)" \
		"$([ -z "$gate" ] && echo 3 || echo 6)"
	not_passed "${gate:-routed}, MLD from another link"
	ctl b group set g4 policy observe
	ctl b sa flush g4
	ctl b group set g4 policy enforce
	pass PASS 1
	not_passed "${gate:-routed}, after observing"
	ctl b group flush
done
mroute b eth0 eth1

section "multicast routing into a tunnel"

if has_ipip && in_ns b sysctl -qw net.ipv4.conf.all.rp_filter=0 \
	net.ipv4.conf.eth0.rp_filter=0; then
	ctl b group add g4 $G4 forward
	groups a
	key=$(new_key 20)
	sa_add a g4 "$key" spi 0x7001 dir out alg aes-gcm-16 sender-id 1 select
	sa_add b g4 "$key" spi 0x7001 dir in alg aes-gcm-16
	ip netns exec "$(ns b)" "$PKT/ways.py" tunnel eth0 \
		10.3.0.1 10.3.0.2 10.1.0.1 $G4 "$TMP/tunnel" &
	tunnel=$!
	wait_until 20 test -e "$TMP/tunnel"
	listen b $G4 tun4
	mc a send $G4 $PORT eth0 count=3 text=PASStun ttl=8 >/dev/null
	try "a datagram that is tunnelled on is delivered" \
		wait_until 20 has_lines tun4 3
	not_passed "into a tunnel"
	kill $tunnel
	wait $tunnel 2>/dev/null
	ctl a group flush
	ctl b group flush
else
	skip "datagrams into a tunnel" "no ipip"
fi

section "bridges"

if has_br_netfilter; then
	in_ns b sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	nip b addr flush dev eth0
	nip b addr flush dev eth1
	nip b link add br0 type bridge mcast_snooping 0
	nip b link set eth0 master br0
	nip b link set eth1 master br0
	nip b link set br0 up
	in_ns b sysctl -qw net.bridge.bridge-nf-call-iptables=1 \
		net.bridge.bridge-nf-call-ip6tables=1
	# fences do not come out of a port any more
	fence() {
		fences=$((fences + 1))
		mc a send 239.99.9.9 9 eth0 text=OPENf$fences. \
			>/dev/null
		wait_until 20 fenced ||
			not_ok "the sniffers have seen the fence"
	}
	forwards() { mc a send 239.88.8.8 9 eth0 text=OPENbr >/dev/null
		[ "$(seen c OPENbr)" -ge 1 ]; }
	try "the bridge passes what is not protected" wait_until 40 forwards
	for gate in "" forward; do
		# shellcheck disable=SC2086 # a word or none
		ctl b group add g4 $G4 dev br0 $gate &&
			ctl b group add g6 $G6 dev br0 $gate
		for g in g4 g6; do
			spi=$((spi + 1))
			sa_add b $g "$(new_key 20)" spi $spi dir out \
				alg aes-gcm-16 sender-id 1 select
		done
		was[bout-protected]=$(counter b out-protected)
		was[bin-clear]=$(counter b in-clear)
		pass PASS 2
		pass PASS 1 size=5000
		not_passed "bridged${gate:+, $gate}"
		more "bridged${gate:+, $gate}: refused" b in-clear 6
		more "bridged${gate:+, $gate}: not sent otherwise" \
			b out-protected 0
		ctl b group flush
	done
	# a bridge is no gateway, also when all may pass
	ctl b group add g4 $G4 dev br0 forward policy observe
	sa_add b g4 "$(new_key 20)" spi $((spi + 1)) dir out alg aes-gcm-16 \
		sender-id 1 select
	mc a send $G4 $PORT eth0 text=OPENseen count=3 >/dev/null
	fence
	is "bridged, observed: passed as it came" "$(seen c OPENseen)" 3
	more "bridged, observed: not sent otherwise" b out-protected 0
else
	skip "a bridge that calls IP's hooks" "no br_netfilter"
fi

section "the sniffers"

kill -INT "${sniffers[@]}"
wait "${sniffers[@]}" 2>/dev/null
is "no sniffer has missed anything" "$(cat "$TMP"/[abc].err |
	grep -c '^0 packets dropped by kernel')" 3
tap_done
