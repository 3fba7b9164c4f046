#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A cipher that answers later: pcrypt in front of the kernel's own, which hands
# each packet to another CPU's worker. Data, verdicts of rules behind us, faults
# and removal are the same then. The last of all: whatever asks for the cipher
# afterwards gets this one, too.
#
#	a eth0 ---- eth0 b
#
# timeout: 600

. "$(dirname "$0")/kmod.sh"
need tcpdump python3
modprobe -q pcrypt	# or it is built in: binding shows it
load_mcsec
two_hosts

# Binding a socket to it makes an instance, of higher priority than the rest.
cat >"$TMP/bind.py" <<'PY'
import socket, sys
s = socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)
s.bind(("aead", sys.argv[1]))
PY
driver=$(awk -F' *: ' '$1 == "name" { name = $2 }
	$1 == "driver" && name == "rfc4106(gcm(aes))" { print $2; exit }' \
	/proc/crypto)
modprobe -q algif_aead
python3 "$TMP/bind.py" "pcrypt(${driver:-rfc4106(gcm(aes))})" ||
	skip_all "pcrypt cannot be instantiated"
grep -q '^driver *: pcrypt(' /proc/crypto ||
	skip_all "pcrypt is not there after all"

groups a b
for g in g4 g6; do
	key=$(new_key 20)
	sa_add a $g "$key" spi 4096 dir out alg aes-gcm-16 sender-id 1-4 select
	sa_add b $g "$key" spi 4096 dir in alg aes-gcm-16
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
is "each was protected" "$(counter a out-protected)" 56
is "and verified" "$(counters b in-exempt out-exempt)" "in-accepted 56"
is "the transform was pcrypt" "$(awk -F' *: ' '
	$1 == "driver" { driver = $2 }
	$1 == "refcnt" && driver ~ /^pcrypt/ && $2 > 1 { print "used"; exit }
	' /proc/crypto)" used

send a $G4 size=10000 gso=1000 >"$TMP/sent4"
wait_until 30 has_lines r4 38
is "GSO" "$(got r4 | tail -n 10 | sort)" "$(sort "$TMP/sent4")"

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

before=$(counter b in-bad-icv)
in_ns a "$(dirname "$0")/forge.py" noise "$TMP/wire.pcap" eth0 >/dev/null
try "noise is refused" wait_until 20 counted b in-bad-icv $((before + 40))

# ---- removal while packets are with the cipher

listen a $G4 a4
for i in 1 2 3 4; do
	spawn in_ns a "$MC" send $G4 $PORT eth0 count=$((300 * SCALE)) text=SECRET \
		>/dev/null
	key=$(new_key 20)
	sa_add a g4 "$key" spi $((5000 + i)) dir inout alg aes-gcm-16 \
		sender-id 1-4 select
	sa_add b g4 "$key" spi $((5000 + i)) dir in alg aes-gcm-16
	sleep 0.2
	ctl a sa flush g4
	ctl b sa flush g4
done
ok "SAs were deleted with packets in flight"
key=$(new_key 20)
sa_add a g4 "$key" spi 6000 dir out alg aes-gcm-16 sender-id 1-4 select
sa_add b g4 "$key" spi 6000 dir in alg aes-gcm-16
sleep 0.2
for n in b a; do
	ip netns pids "$(ns $n)" | xargs -r kill -9 2>/dev/null
	ns_delete $n
done
ok "namespaces were deleted with packets in flight"
is "nothing of it was in the clear" "$(grep -ac SECRET "$TMP/wire.pcap")" 0
try "the module unloads" rmmod_wait
tap_done
