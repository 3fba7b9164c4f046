#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Memory that fails inside of the module, wherever it asks for some: datagrams
# are dropped and counted, and nothing of a protected group is seen in the clear.
#
#	a eth0 ---- eth0 b
#
# timeout: 600
# debug only

. "$(dirname "$0")/kmod.sh"
need tcpdump python3
slab=/sys/kernel/debug/failslab
load_mcsec
text=/sys/module/mcsec/sections/.text
[ -e $slab/require-start ] && [ -r $text ] ||
	skip_all "no fault injection in this kernel"
two_hosts
# by ip: $! must be tcpdump itself
ip netns exec "$(ns a)" tcpdump -U -n -i any -w "$TMP/a.pcap" -B 65536 -s 0 \
	2>"$TMP/a.err" &
sniffer=$!
lib_pids+=("$sniffer")
wait_until 30 grep -q listening "$TMP/a.err"

# word: how often it was seen
seen() { grep -ao -- "$1" "$TMP/a.pcap" | wc -l; }
sees() { [ "$(seen "$1")" -ge "$2" ]; }
more() { # name, counter of a, by how many since the last time
	local now

	now=$(counter a "$2")
	is "$1" $((now - ${was[$2]:-0})) "$3"
	was[$2]=$now
}
declare -A was=()

send a $G4 count=7 text=OPEN4 >/dev/null
send a $G6 count=5 text=OPEN6 >/dev/null
try "unprotected, every datagram is seen" wait_until 20 sees OPEN4 7
try "unprotected, every datagram of IPv6 is seen" wait_until 20 sees OPEN6 5
groups a b
for g in g4 g6; do
	key=$(new_key 20)
	sa_add a $g "$key" spi 4096 dir out alg aes-gcm-16 sender-id 1 select
	sa_add b $g "$key" spi 4096 dir in alg aes-gcm-16
done

section "packets"

reset_slab() {
	echo 0 >$slab/probability
	echo 0 >$slab/require-start
	echo 0xffffffffffffffff >$slab/require-end
	echo Y >$slab/ignore-gfp-wait
	echo 1 >$slab/times
}
on_exit reset_slab
start=$(<$text)
echo "$start" >$slab/require-start
printf '0x%x\n' $((start + $(</sys/module/mcsec/coresize))) \
	>$slab/require-end
echo 32 >$slab/stacktrace-depth
echo N >$slab/ignore-gfp-wait
echo -1 >$slab/times
echo 0 >$slab/verbose
echo 1 >$slab/interval
before=$(counter a out-protected)
for p in 100 30; do
	echo $p >$slab/probability
	both 20 size=10,1000,5000,30000
	both 2 size=20000 gso=1000
done
echo 0 >$slab/probability
try "failing: some of it was dropped" \
	test "$(counter a out-no-memory)" -gt 0
is "failing: nobody else's counter but memory's and the cipher's" \
	"$(counters a out-protected out-no-sa out-expired \
	out-exhausted out-exempt in-exempt out-no-memory out-gso \
	out-crypto out-crypto-busy in-send-only)" ""
try "failing: datagrams are protected afterwards" \
	test "$(counter a out-protected)" -gt "$before"
was[out-protected]=$(counter a out-protected)

section "interfaces"
# Groups know interfaces by name, so that one that comes needs no memory of theirs.
late() { # address, name of the interface
	mc a send "$1" $PORT "$2" text=LEAKlate >/dev/null
}
ctl a group add late 239.1.1.2 dev late proto udp dport $PORT
nip b link add late type veth peer name late1
echo 100 >$slab/probability
nip b link set late netns "$(ns a)"
try "no memory: an interface that has come does come up" \
	nip a link set late up
wait_until 20 eval 'nip b link set late1 up && ns_up a late'
was[out-no-sa]=$(counter a out-no-sa)
late 239.1.1.2 late
more "no memory: the interface's group is known" out-no-sa 1
echo 0 >$slab/probability
ctl a group add other 239.1.1.3 dev other proto udp dport $PORT
echo 100 >$slab/probability
try "no memory: an interface gets the name that another group waits for" \
	nip a link set late name other
late 239.1.1.3 other
more "no memory: the group of the new name protects" out-no-sa 1
echo 0 >$slab/probability
ctl a group del other
ctl a group add other 239.1.1.2 dev other proto udp dport $PORT
echo 100 >$slab/probability
late 239.1.1.2 other
more "no memory: a group for a name that is there protects" out-no-sa 1
try "no memory: the interface gets its old name back" \
	nip a link set other name late
late 239.1.1.2 late
more "no memory: the group of the old name protects" out-no-sa 1
echo 0 >$slab/probability
nip a link del late
ctl a group del late
ctl a group del other

section "copies for edges"

edges_say() { # NAME: that value of both edges
	ctl a -j edge show e4 | json "' '.join(str(e['$1']) for e in j)"
}
ctl a group add e4 239.1.1.4
sa_add a e4 "$(new_key 20)" spi 4097 dir out alg aes-gcm-16 mode tunnel \
	sender-id 1 select
for i in 1 2; do
	ctl a edge add e4 $i local 10.1.0.1:450$i peer 10.1.0.2:4500 down
done
mc a send 239.1.1.4 $PORT eth0 text=LEAKedge >/dev/null
is "each edge has a copy" "$(edges_say out-packets)" "1 1"
sort /proc/kallsyms | awk '$3 == "mcsec_edge_send" { print "0x" $1 }
	last == "mcsec_edge_send" { print "0x" $1 } { last = $3 }' >"$TMP/range"
sed -n 1p "$TMP/range" >$slab/require-start
sed -n 2p "$TMP/range" >$slab/require-end
echo 100 >$slab/probability
mc a send 239.1.1.4 $PORT eth0 text=LEAKedge >/dev/null
is "no memory: each edge counts the copy that it loses" \
	"$(edges_say out-drops)" "1 1"
is "no memory: each copy that is lost is counted" "$(counter a edge-no-memory)" 2
# The copy of ESP is there, and the second edge's copy of that is not.
echo 3 >$slab/interval
mc a send 239.1.1.4 $PORT eth0 text=LEAKedge >/dev/null
echo 0 >$slab/probability
echo 1 >$slab/interval
is "no memory for some: each copy left, or is counted by its edge" \
	"$(ctl a -j edge show e4 | json "sum(e['out-packets'] + e['out-drops'] for e in j)")" 6
is "no memory for some: the edges count what the module does" \
	"$(ctl a -j edge show e4 | json "sum(e['out-drops'] for e in j)")" \
	"$(($(counter a edge-no-memory) + $(counter a edge-no-route)))"

section "the capture"

mc a send 239.99.9.9 9 eth0 text=OPENfence >/dev/null
try "the sniffer has come so far" wait_until 20 sees OPENfence 1
is "nothing was in the clear" "$(seen LEAK)" 0
kill -INT "$sniffer"
wait "$sniffer" 2>/dev/null
is "the sniffer has missed nothing" \
	"$(grep -c '^0 packets dropped by kernel' "$TMP/a.err")" 1
tap_done
