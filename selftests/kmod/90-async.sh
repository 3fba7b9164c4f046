#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A cipher that answers later: pcrypt in front of the kernel's own, which hands
# each packet to another CPU's worker, or on kernels for debugging cryptd, which
# hands it to a worker of the same CPU: lockdep treats pcrypt's lists as one class
# and reports a false recursion, and cryptd has a lower priority than the AES of
# such a kernel. Data, verdicts of rules behind us, faults and removal are the same
# then. This test runs last, because all later users of the cipher get this one.
#
#	a eth0 ---- eth0 b
#
# timeout: 600
# cpus: 2
# stock full: pcrypt, which lockdep does not believe

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 smcrouted
async=pcrypt name='gcm(aes)' alg=aes-gcm-16 octets=20
! slow_kernel || {
	async=cryptd name='rfc7539(chacha20,poly1305)'
	alg=chacha20-poly1305 octets=36
}
modprobe -q $async	# or it is built in: binding shows it
load_mcsec
two_hosts
make_async $async "$name"

groups a b
for g in g4 g6; do
	key=$(new_key $octets)
	sa_add a $g "$key" spi 4096 dir out alg $alg sender-id 1-4 select
	sa_add b $g "$key" spi 4096 dir in alg $alg
done
listen b $G4 r4
listen b $G6 r6
sniff b wire "esp or udp"

send a $G4 size=0,1,100,1438,1439,3000,40000 count=4 >"$TMP/sent4"
send a $G6 size=0,1,100,1418,1419,3000,40000 count=4 >"$TMP/sent6"
for f in 4 6; do
	wait_until 30 has_lines r$f 28
	is "IPv$f: what arrives is what was sent" "$(got r$f | sort)" \
		"$(sort "$TMP/sent$f")"
done
is "each datagram was protected" "$(counter a out-protected)" 56
is "each datagram was verified" \
	"$(counters b in-exempt out-exempt)" "in-accepted 56"
is "the transform was $async" "$(awk -F' *: ' -v async="$async(" '
	$1 == "driver" { driver = $2 }
	$1 == "refcnt" && index(driver, async) == 1 && $2 > 1 {
		print "used"
		exit
	}
	' /proc/crypto)" used

send a $G4 size=10000 gso=1000 >"$TMP/sent4"
wait_until 30 has_lines r4 38
is "the segments of a GSO packet arrive" "$(got r4 | tail -n 10 | sort)" "$(sort "$TMP/sent4")"

# rules behind the hook see the clear datagram, and its mark lasts
if command -v nft >/dev/null; then
	in_ns b nft -f - <<'NFT'
table inet t {
	chain pre {
		type filter hook prerouting priority -300
		ip daddr 239.1.1.1 udp dport 5000 counter
		ip daddr 239.1.1.1 meta l4proto esp counter
	}
}
NFT
	send a $G4 count=5 >/dev/null
	wait_until 30 has_lines r4 43
	is "rules behind the hook see each once, in the clear" \
		"$(in_ns b nft list chain inet t pre |
		awk '/counter/ { for (i = 1; i < NF; i++)
			if ($i == "packets") print $(i + 1) }' |
		tr '\n' ' ')" "5 0 "
else
	skip "rules behind the hook" "nft is missing"
fi

section "a cipher that fails"
# pcrypt fails when it has no CPU to work on.

fails() {
	local masks=/sys/kernel/pcrypt cpus before n

	cpus=$(<$masks/pencrypt/parallel_cpumask)
	n=$(wc -l <"$TMP/r4") before=$(counter a out-protected)
	echo 0 >$masks/pencrypt/parallel_cpumask
	is "a sender is told that its cipher fails" \
		"$(send a $G4 count=3 recverr=1 | sort | uniq -c | xargs)" \
		"3 ENOBUFS"
	is "an IPv6 sender is told that its cipher fails" \
		"$(send a $G6 recverr=1)" ENOBUFS
	is "each failure is counted" "$(counter a out-crypto)" 4
	is "a failed datagram is not counted as sent" \
		"$(counter a out-protected)" "$before"
	echo "$cpus" >$masks/pencrypt/parallel_cpumask
	echo 0 >$masks/pdecrypt/parallel_cpumask
	send a $G4 count=3 >/dev/null
	send a $G6 >/dev/null
	try "a receiver counts a cipher's failure, too" \
		wait_until 20 counted b in-crypto 4
	echo "$cpus" >$masks/pdecrypt/parallel_cpumask
	send a $G4 count=2 >"$TMP/sent4"
	try "a cipher that works again goes on" wait_until 20 has_lines r4 $((n + 2))
	is "no datagram of those that failed arrives later" \
		"$(got r4 | tail -n +$((n + 1)) | sort)" \
		"$(sort "$TMP/sent4")"
	is "each datagram after the failure arrives once" \
		"$(counter a out-crypto) $(counter b in-crypto)" "4 4"
}
if [ $async = cryptd ]; then
	skip "a sender is told that its cipher fails" \
		"cryptd does not fail on demand"
else
	fails
fi

section "tunnels and routing"

ns_create h
veth h:eth0 10.2.0.2/24 fd02::2/64 -- a:eth1 10.2.0.1/24 fd02::1/64
mroute_to h eth0 224.0.0.0/4 ff00::/8
nip b route add default via 10.1.0.1
nip b route add default via fd01::1
in_ns a sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
{
	echo "phyint eth0 enable"
	echo "phyint eth1 enable"
	echo "mroute from eth1 source 10.2.0.2 group $G4 to eth0"
	echo "mroute from eth1 source fd02::2 group $G6 to eth0"
} >"$TMP/conf"
ip netns exec "$(ns a)" smcrouted -n -N -f "$TMP/conf" -u "$TMP/sock" \
	-P "$TMP/pid" >"$TMP/smc" 2>&1 &
router=$!
lib_pids+=("$router")
routed() {
	nip a mroute show | grep -q 'State: resolved' &&
		nip a -6 mroute show | grep -q 'State: resolved'
}
try "a routes multicast" wait_until 30 routed
# h sends in the clear, by an interface that no group has
ctl a group del g4
ctl a group del g6
ctl a group add g4 $G4 dev eth0
ctl a group add g6 $G6 dev eth0
ctl a group add f4 $G4 src 10.2.0.2 dev eth0 forward
ctl a group add f6 $G6 src fd02::2 dev eth0 forward
ctl b group add f4 $G4 src 10.2.0.2
ctl b group add f6 $G6 src fd02::2
spi=4200
for mode in tunnel transport; do
	for g in g4 g6 f4 f6; do
		key=$(new_key $octets) spi=$((spi + 1))
		sa_add a $g "$key" spi $spi dir out alg $alg \
			sender-id 1-4 mode $mode select
		sa_add b $g "$key" spi $spi dir in alg $alg mode $mode
	done
	for n in h a; do
		for f in 4 6; do
			[ $f = 4 ] && g=$G4 || g=$G6
			[ $mode$n != transporta ] || continue
			had=$(wc -l <"$TMP/r$f")
			send $n $g size=0,100,1300,3000 count=2 gso=0 \
				loop=0 >"$TMP/sent$f"
			send $n $g size=5000 gso=500 loop=0 >>"$TMP/sent$f"
			wait_until 30 has_lines r$f $((had + 18))
			is "$mode, from $n, IPv$f: arrives" \
				"$(got r$f | tail -n +$((had + 1)) | sort)" \
				"$(sort "$TMP/sent$f")"
		done
	done
done
kill "$router"
wait "$router" 2>/dev/null
ctl a group del f4
ctl a group del f6
in_ns a sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
for g in g4 g6; do
	key=$(new_key $octets) spi=$((spi + 1))
	sa_add a $g "$key" spi $spi dir out alg $alg sender-id 1-4 select
	sa_add b $g "$key" spi $spi dir in alg $alg
done
send a $G4 >/dev/null

before=$(counter b in-bad-icv)
pkt a forge noise "$TMP/wire.pcap" eth0 >/dev/null
try "noise is refused" wait_until 20 counted b in-bad-icv $((before + 40))

section "removal with packets in flight"

listen a $G4 a4
floods=()
for i in 1 2 3 4; do
	spawn in_ns a "$MC" send $G4 $PORT eth0 count=$((300 * SCALE)) text=SECRET \
		>/dev/null
	floods+=("$!")
	key=$(new_key $octets)
	sa_add a g4 "$key" spi $((5000 + i)) dir inout alg $alg \
		sender-id 1-4 select
	sa_add b g4 "$key" spi $((5000 + i)) dir in alg $alg
	sleep 0.2
	ctl a sa flush g4
	ctl b sa flush g4
done
ok "SAs were deleted with packets in flight"
kill "${floods[@]}" 2>/dev/null
wait "${floods[@]}" 2>/dev/null
for i in 1 2 3; do
	last_counts a b g4 $((5500 + i)) "$(new_key $octets)" alg $alg
done
key=$(new_key $octets)
sa_add a g4 "$key" spi 6000 dir out alg $alg sender-id 1-4 select
sa_add b g4 "$key" spi 6000 dir in alg $alg
sleep 0.2
sniffed wire
for n in b a h; do
	ip netns pids "$(ns $n)" | xargs -r kill -9 2>/dev/null
	ns_delete $n
done
ok "namespaces were deleted with packets in flight"
is "nothing of the packets in flight was in the clear" \
	"$(grep -ac SECRET "$TMP/wire.pcap")" 0
try "the module unloads" rmmod_wait
tap_done
