#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A gateway enciphers a datagram once for all of its outputs: what is the same
# becomes the same ESP, what is not never does.
#
#	h eth0 -- eth0 g eth1 -- eth0 k
#	               g eth2 -- eth2 o
#	               g eth3 -- eth3 o
#	               g eth4 -- eth4 o, which is not protected
#
# timeout: 600

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 smcrouted nft
load_mcsec
ns_create h g k o
veth h:eth0 10.11.0.2/24 fd11::2/64 -- g:eth0 10.11.0.1/24 fd11::1/64
veth g:eth1 10.12.1.1/24 fd12:1::1/64 -- k:eth0 10.12.1.2/24 fd12:1::2/64
for i in 2 3 4; do
	veth g:eth$i 10.12.$i.1/24 fd12:$i::1/64 \
		-- o:eth$i 10.12.$i.2/24 fd12:$i::2/64
done
mroute_to h eth0 224.0.0.0/4 ff00::/8
nip k route add default via 10.12.1.1
nip k route add default via fd12:1::1
in_ns g sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
{
	for i in 0 1 2 3 4; do
		echo "phyint eth$i enable"
	done
	echo "mroute from eth0 source 10.11.0.2 group $G4 to eth1 eth2 eth3 eth4"
	echo "mroute from eth0 source fd11::2 group $G6 to eth1 eth2 eth3 eth4"
} >"$TMP/conf"
spawn in_ns g smcrouted -n -N -f "$TMP/conf" -u "$TMP/sock" -P "$TMP/pid" \
	>"$TMP/out" 2>&1
routed() {
	nip g -4 mroute show | grep -q 'eth1.*State: resolved' &&
		nip g -6 mroute show | grep -q 'eth1.*State: resolved'
}
try "multicast is routed" wait_until 30 routed

ctl g group add g4 $G4 dev eth1,eth2,eth3 forward
ctl g group add g6 $G6 dev eth1,eth2,eth3 forward
groups k
spi=4096
# group, words of both SAs: a new key; what follows -- is of g's alone
key() {
	local g=$1 k
	shift

	k=$(new_key 20) spi=$((spi + 1))
	sa_add g "$g" "$k" spi $spi dir out alg aes-gcm-16 sender-id 1-4 \
		select "$@" && sa_add k "$g" "$k" spi $spi dir in \
		alg aes-gcm-16 "$@"
}
key g4
key g6
listen k $G4 k4
listen k $G6 k6
for i in 2 3 4; do
	SNIFF=eth$i sniff o o$i "esp or ip6 proto 50 or udp"
done

# output: the ESP in its capture, a line each: header, IV, a digest of all
esp_of() {
	python3 - "$TMP/o$1.pcap" <<'EOF'
import hashlib
import struct
import sys

with open(sys.argv[1], "rb") as f:
    f.read(24)
    while head := f.read(16):
        frame = f.read(struct.unpack("<8xI4x", head)[0])
        esp = frame[34 if frame[12:14] == b"\x08\0" else 54:]
        print(esp[:16].hex() + hashlib.sha256(esp).hexdigest()[:16])
EOF
}
# output, number: so many were captured
seen() {
	[ "$(tcpdump -n -r "$TMP/o$1.pcap" 2>/dev/null | wc -l)" -ge "$2" ]
}
# number: wait for so many on both, and keep what is new in $TMP/e2 and e3
done_before=0
both() {
	local i

	for i in 2 3; do
		wait_until 30 seen $i $((done_before + $1))
		esp_of $i | tail -n +$((done_before + 1)) >"$TMP/e$i"
	done
	done_before=$((done_before + $1))
}
ivs() { cut -c17-32 "$TMP/e$1" | sort; }
shared() { counter g out-shared; }

# One CPU: what it keeps is its own. Of the very first datagram the first copy is
# not kept, since it might have been the only one.
send h $G4 cpu=0 >/dev/null
both 1
try "the first datagram arrives" wait_until 30 has_lines k4 1
is "the last copy was the same as the one before" "$(shared)" 1
n4=1 n6=0 s=1
for mode in transport tunnel; do
	if [ $mode = tunnel ]; then
		key g4 mode tunnel
		key g6 mode tunnel
	fi
	send h $G4 cpu=0 count=3 size=0,1,500,1300 >"$TMP/want"
	n4=$((n4 + 12))
	try "$mode: IPv4 arrives" wait_until 30 has_lines k4 $n4
	is "$mode: as it was sent" "$(got k4 | tail -n 12)" "$(cat "$TMP/want")"
	both 12
	is "$mode: all outputs have the same" "$(cat "$TMP/e2")" \
		"$(cat "$TMP/e3")"
	is "$mode: with an IV for each datagram" "$(ivs 2 | uniq | wc -l)" 12
	s=$((s + 24))
	is "$mode: enciphered once" "$(shared)" $s
	send h $G6 cpu=0 count=3 size=0,1,500,1300 >"$TMP/want"
	n6=$((n6 + 12)) s=$((s + 24))
	try "$mode: IPv6 arrives" wait_until 30 has_lines k6 $n6
	is "$mode: as it was sent" "$(got k6 | tail -n 12)" "$(cat "$TMP/want")"
	both 12
	is "$mode: all outputs have the same" "$(cat "$TMP/e2")" \
		"$(cat "$TMP/e3")"
	is "$mode: with an IV for each datagram" "$(ivs 2 | uniq | wc -l)" 12
	is "$mode: enciphered once" "$(shared)" $s
done
is "every packet counts as sent" "$(counter g out-protected)" 147
try "an unprotected output has them all" wait_until 30 seen 4 49
sniffed o2 o3 o4
is "an unprotected output has all datagrams in the clear" \
	"$(tcpdump -n -r "$TMP/o4.pcap" udp 2>/dev/null | wc -l)" 49
is "protected outputs have no datagram in the clear" "$(for i in 2 3; do
	tcpdump -n -r "$TMP/o$i.pcap" udp 2>/dev/null
done | wc -l)" 0
key g4

section "datagrams that are no copies"

send h $G4 cpu=0 count=4 size=200 same=1 >/dev/null
n4=$((n4 + 4))
try "a datagram that is sent twice arrives twice" wait_until 30 has_lines k4 $n4
both 4
is "a datagram that is sent twice has an IV each time" \
	"$(ivs 2 | uniq | wc -l)" 4

# segments of 320 octets that are equal but for the first
before=$(counter g out-protected)
send h $G4 cpu=0 size=3200 gso=320 >/dev/null
n4=$((n4 + 10))
try "equal parts of a batch all arrive" wait_until 30 has_lines k4 $n4
is "equal parts of a batch are 10 datagrams for each output" \
	$(($(counter g out-protected) - before)) 30
both 10
is "equal parts of a batch have an IV each" \
	"$(ivs 2 | uniq | wc -l) $(ivs 3 | uniq | wc -l)" \
	"10 10"
is "no IV of a part was used for another" \
	"$(sort -u "$TMP/e2" "$TMP/e3" | cut -c17-32 | uniq -d)" ""

# rules that change one of the copies
in_ns g nft -f - <<'EOF'
table ip change {
	chain c {
		type filter hook forward priority mangle
		oifname "eth2" udp dport set 5001
	}
}
EOF
send h $G4 cpu=0 count=3 size=200 >/dev/null
n4=$((n4 + 3))
try "copies that rules change arrive" wait_until 30 has_lines k4 $n4
both 3
is "copies that rules change are enciphered under other IVs" \
	"$(sort <(ivs 2) <(ivs 3) | uniq | wc -l)" 6
in_ns g nft delete table ip change

# too long to be kept
nip h link set eth0 mtu 9000
for i in 0 1 2 3; do
	nip g link set eth$i mtu 9000
done
nip k link set eth0 mtu 9000
nip o link set eth2 mtu 9000
nip o link set eth3 mtu 9000
s=$(shared)
send h $G4 cpu=0 count=2 size=2041,4000 >/dev/null
n4=$((n4 + 4))
try "datagrams that are too long to be kept arrive" \
	wait_until 30 has_lines k4 $n4
both 4
is "datagrams that are too long to be kept are not shared" $(($(shared) - s)) 0
is "each packet of a long datagram has its IV" \
	"$(sort <(ivs 2) <(ivs 3) | uniq | wc -l)" 8
send h $G4 cpu=0 count=3 size=2040 >/dev/null
n4=$((n4 + 3))
try "the longest datagram that is kept arrives" wait_until 30 has_lines k4 $n4
both 3
is "the longest datagram that is kept is the same on both outputs" \
	"$(cat "$TMP/e2")" "$(cat "$TMP/e3")"

section "limits and other keys"

key g4 hard-packets 4
send h $G4 cpu=0 count=2 size=100 >/dev/null
n4=$((n4 + 1))
wait_until 30 counted g out-expired 1
is "copies use up an SA's packets" \
	"$(sa_word g g4 $spi state) $(counter g out-expired)" "expired 2"
both 1
before=$(shared)
key g4
send h $G4 cpu=0 size=100 >/dev/null
sleep 1
is "under a new key nothing of the old is sent" \
	"$(esp_of 2 | tail -n 1 | cut -c1-8)" "$(printf %08x $spi)"
both 1
n4=$((n4 + 1))

section "from one key to another"

ctl h group add g4 $G4
ctl g group add near $G4 dev eth0 forward
k=$(new_key 20)
sa_add h g4 "$k" spi 0x2001 dir out alg aes-gcm-16 sender-id 1-4 select
sa_add g near "$k" spi 0x2001 dir in alg aes-gcm-16
sniffed o4
clear=$(tcpdump -n -r "$TMP/o4.pcap" udp 2>/dev/null | wc -l)
send h $G4 cpu=0 count=3 size=100 >/dev/null
n4=$((n4 + 3))
try "a datagram that came protected goes on under the other key" \
	wait_until 30 has_lines k4 $n4
both 3
is "all copies are under the other key" \
	"$(cut -c1-8 "$TMP/e2" "$TMP/e3" | sort -u)" \
	"$(printf %08x $spi)"
is "no IV has two datagrams" \
	"$(sort -u "$TMP/e2" "$TMP/e3" | cut -c17-32 | uniq -d)" ""
is "an output of no group has the datagram in the clear" \
	"$(wait_until 20 seen 4 $((clear + 3))
	tcpdump -n -r "$TMP/o4.pcap" udp 2>/dev/null | wc -l)" $((clear + 3))
tap_done
