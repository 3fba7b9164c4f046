#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
#
# Fragmentation of ESP: options of sockets that forbid it, gateways that
# have to, batches of fragments out of virtual machines (UFO); hop-by-hop options
# in tunnels; VRFs as interfaces of groups.
#
#	h eth0 ---- eth1 a eth0 ---- eth0 b

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 nft smcrouted
load_mcsec
two_hosts
ns_create h
veth h:eth0 10.3.0.2/24 fd03::2/64 -- a:eth1 10.3.0.1/24 fd03::1/64
mroute_to h eth0 224.0.0.0/4 ff00::/8
in_ns a sysctl -qw net.ipv4.ip_forward=1
nip b route add 10.3.0.0/24 via 10.1.0.1
spi=4096
keys() { # mode
	local g k

	spi=$((spi + 1))
	for g in g4 g6; do
		k=$(new_key 20)
		sa_add a $g "$k" spi $spi dir out alg aes-gcm-16 \
			sender-id 1-8 mode "$1" select
		sa_add b $g "$k" spi $spi dir in alg aes-gcm-16 mode "$1"
	done
}
ctl a group add g4 $G4 dev eth0 forward
ctl a group add g6 $G6 dev eth0 forward
groups b
keys transport
listen b $G4 r4
listen b $G6 r6
sniff b wire
frags() {
	sniffed wire
	tcpdump -nr "$TMP/wire.pcap" \
		'ip[6:2] & 0x3fff != 0 or ip6 proto 44' 2>/dev/null | wc -l
}

section "socket options"

# group, options of mc.py send: "sent", or the error
opt() {
	local said

	said=$(mc a send "$1" $PORT eth0 "${@:2}")
	case $said in
	[0-9]*) echo sent ;;
	*) echo "$said" ;;
	esac
}
is "IPV6_DONTFRAG: what does not fit is refused" "$(opt $G6 size=1440 dontfrag=1)" \
	EMSGSIZE
is "IPV6_DONTFRAG: what fits is sent" "$(opt $G6 size=1418 dontfrag=1)" sent
is "IP_PMTUDISC_INTERFACE: what does not fit is refused" \
	"$(opt $G4 size=1460 pmtu=interface)" EMSGSIZE
is "IP_PMTUDISC_INTERFACE: what fits is sent" "$(opt $G4 size=1438 pmtu=interface)" sent
is "nothing was fragmented" "$(frags)" 0
is "both refusals are counted" "$(counter a out-mtu)" 2
is "IPV6_DONTFRAG off: what does not fit is fragmented" \
	"$(opt $G6 size=1440 dontfrag=0)" sent
is "IPV6_DONTFRAG off: there are two fragments" "$(frags)" 2

section "identification of fragments by a gateway"

{
	echo "phyint eth0 enable"
	echo "phyint eth1 enable"
	echo "mroute from eth1 source 10.3.0.2 group $G4 to eth0"
} >"$TMP/conf"
spawn in_ns a smcrouted -n -N -f "$TMP/conf" -u "$TMP/sock" -P "$TMP/pid" \
	>"$TMP/smc" 2>&1
routed() { nip a mroute show | grep -q 'State: resolved'; }
try "a routes multicast" wait_until 30 routed
in_ns b nft -f - <<'END'
table ip x {
	chain p {
		type filter hook prerouting priority -450;
		ip frag-off & 0x3fff == 0x2000 numgen inc mod 100000 5 drop
	}
}
END
was=$(wc -l <"$TMP/r4")
mc h send $G4 $PORT eth0 count=40 size=1460 pmtu=do pace=0.01 \
	>/dev/null
try "one lost fragment costs one datagram" \
	wait_until 20 has_lines r4 $((was + 39))
is "no datagram was put together of two" "$(counter b in-bad-icv)" 0
in_ns b nft flush ruleset

section "batches of fragments"

cat >"$TMP/ufo.py" <<'END'
import fcntl, os, socket, struct, sys, time
f = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(f, 0x400454ca, struct.pack("16sH22x", b"tap0", 0x5001))
fcntl.ioctl(f, 0x400454d0, 0x11)
os.system("ip link set tap0 up; sysctl -qw net.ipv4.conf.tap0.rp_filter=0")
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP)
s.setsockopt(0, 200, 1)
for vif, d in (0, "tap0"), (1, "eth0"):
    s.setsockopt(0, 202, struct.pack("@HBBIi4s", vif, 8, 1, 0,
                                     socket.if_nametoindex(d), bytes(4)))
src, dst = socket.inet_aton("10.9.0.2"), socket.inet_aton(sys.argv[1])
s.setsockopt(0, 204, struct.pack("@4s4sH32sIIIi", src, dst, 0,
                                 bytes([0, 1]) + bytes(30), 0, 0, 0, 0))
def total(d):
    t = sum(struct.unpack(f"!{len(d) // 2}H", d))
    while t >> 16:
        t = (t & 0xffff) + (t >> 16)
    return t
for n, gso in (600, 0), (5000, 1480), (5000, 1480), (5000, 1480):
    pseudo = total(src + dst + struct.pack("!HH", 17, 8 + n))
    udp = struct.pack("!HHHH", 4000, 5000, 8 + n, pseudo) + b"u" * n
    ip = struct.pack("!BBHHHBBH", 69, 0, 28 + n, 7, 0, 8, 17, 0) + src + dst
    ip = ip[:10] + struct.pack("!H", ~total(ip) & 0xffff) + ip[12:]
    os.write(f, struct.pack("@BBHHHH", 1, 3 if gso else 0, 28, gso, 20, 6) +
             ip + udp)
    time.sleep(0.1)
END
if [ -e /dev/net/tun ]; then
	kill "$(cat "$TMP/pid" 2>/dev/null)" 2>/dev/null
	wait_until 10 sh -c "! ip -n $(ns a) mroute show | grep -q resolved"
	in_ns b sysctl -qw net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.eth0.rp_filter=0
	was=$(wc -l <"$TMP/r4") out=$(counter a out-protected)
	in_ns a python3 "$TMP/ufo.py" $G4
	try "datagrams that came as batches of fragments arrive" \
		wait_until 20 has_lines r4 $((was + 4))
	is "datagrams that came as batches of fragments are whole" \
		"$(tail -n 4 "$TMP/r4" | cut -d' ' -f1 | xargs)" \
		"600 5000 5000 5000"
	is "each batch of fragments was protected as one datagram" \
		"$(($(counter a out-protected) - out))" 4
else
	skip "batches of fragments" "no tun"
fi

section "hop-by-hop options in a tunnel"

ctl a sa flush g6
ctl a sa flush g4
ctl b sa flush g4
ctl b sa flush g6
keys tunnel
is "an option that no receiver would take is not sent" \
	"$(send a $G6 hop=0000050200000100)" EPERM
is "an option that no receiver would take is counted" \
	"$(counter a out-options)" 1
was=$(wc -l <"$TMP/r6")
send a $G6 >/dev/null
try "datagrams without that option are sent" \
	wait_until 20 has_lines r6 $((was + 1))
is "no datagram was refused inside" "$(counter b in-inner)" 0

section "VRFs"

if nip b link add blue type vrf table 100 2>/dev/null; then
	like "a VRF is no interface of a group" \
		"$(ctl b group add v 239.2.2.2 dev blue 2>&1)" 'is a VRF'
	try "a group may wait for an interface that is not there" \
		ctl b group add v 239.2.2.2 dev green
	refuse "an interface that a group waits for may not become a VRF" \
		nip b link add green type vrf table 101
	try "an interface that a group waits for may come" \
		nip b link add green type dummy
else
	skip "VRFs" "the kernel lacks them"
fi
tap_done
