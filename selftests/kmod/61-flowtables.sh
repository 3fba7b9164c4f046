#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 900
# stock full: which flows get into a flowtable differs, and a minute and a half
#
# Ways past netfilter's hooks. Flowtables must not take a group's flows, neither
# deciphered ones, which strangers would be let in by, nor clear ones that were
# there first. Of XDP, tc and nft's netdev chains group add warns.
#
#	a eth0 ---- eth0 b eth1 ---- eth0 c
#	                 b eth2 ---- eth0 d
#
# b is a gateway, whose outside is eth0.

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 nft tc ping smcrouted
load_mcsec
ns_create a b c d
veth a:eth0 10.1.0.1/24 fd01::1/64 -- b:eth0 10.1.0.2/24 fd01::2/64
veth b:eth1 10.3.0.1/24 fd03::1/64 -- c:eth0 10.3.0.2/24 fd03::2/64
veth b:eth2 10.4.0.1/24 fd04::1/64 -- d:eth0 10.4.0.2/24 fd04::2/64
for n in a c d; do
	mroute_to $n eth0 224.0.0.0/4 ff00::/8
done
# the way back, which a flowtable wants to know
nip a route add default via fd01::2
nip a route add default via 10.1.0.2
for n in 3 4; do
	[ $n = 3 ] && h=c || h=d
	nip $h route add default via fd0$n::1
	nip $h route add default via 10.$n.0.1
done
in_ns b sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
{
	for d in eth0 eth1 eth2; do
		echo "phyint $d enable"
	done
	for g in $G6 ff3e::2:1; do
		echo "mroute from eth0 source fd01::1 group $g to eth1"
		echo "mroute from eth1 source fd03::2 group $g to eth0 eth2"
	done
	echo "mroute from eth0 source 10.1.0.1 group $G4 to eth1"
	echo "mroute from eth1 source 10.3.0.2 group $G4 to eth0 eth2"
} >"$TMP/conf"
spawn in_ns b smcrouted -n -N -f "$TMP/conf" -u "$TMP/sock" -P "$TMP/pid" \
	>"$TMP/smc" 2>&1
routed() {
	[ "$(nip b mroute show | grep -c 'State: resolved')" -ge 2 ] &&
		[ "$(nip b -6 mroute show | grep -c 'State: resolved')" -ge 4 ]
}
try "b routes multicast" wait_until 30 routed
# neighbours must be known, too
for n in 1 3 4; do
	in_ns b ping -q -c 1 fd0$n::$((n == 1 ? 1 : 2)) >/dev/null
	in_ns b ping -q -c 1 10.$n.0.$((n == 1 ? 1 : 2)) >/dev/null
done
in_ns b nft -f - <<'END' || skip_all "nft knows no flowtables here"
table inet f {
	flowtable ft { hook ingress priority 0; devices = { eth0, eth1, eth2 }; }
	chain forwards {
		type filter hook forward priority 0;
		meta l4proto udp flow add @ft
	}
}
END
for n in a c d; do
	sniff $n $n "udp or esp or ip6 proto 50"
done

seen() { # sniffer, word
	sniffed "$1"
	grep -ao "$2" "$TMP/$1.pcap" | wc -l
}
cat >"$TMP/offloaded.py" <<'END'
import socket, struct, sys
def attrs(data):
    while len(data) >= 4:
        n, kind = struct.unpack_from("=HH", data)
        yield kind & 0x3fff, data[4:n]
        data = data[(n + 3) & ~3:]
port, count = int(sys.argv[1]), 0
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
s.send(struct.pack("=IHHIIBBH", 20, 0x101, 0x301, 1, 0, 0, 0, 0))
done = False
while not done:
    data = s.recv(1 << 16)
    while data:
        n, kind = struct.unpack_from("=IH", data)
        a = dict(attrs(data[20:n]))
        done = done or kind == 3
        if kind == 0x100:
            t = dict(attrs(a[1]))
            ip, proto = dict(attrs(t[1])), dict(attrs(t[2]))
            dst = ip.get(2) or ip.get(4)
            sport = struct.unpack("!H", proto.get(2, b"\0\0"))[0]
            status = struct.unpack("!I", a[3])[0]
            if (dst[0] in (0xff, 239) and status & 0x4000 and
                    port == sport):
                count += 1
        data = data[(n + 3) & ~3:]
print(count)
END
# source port: flows to multicast that are in b's flowtables
offloaded() {
	in_ns b python3 "$TMP/offloaded.py" "$1"
}
flow() { # namespace, group, source port, word, number
	mc "$1" send "$2" $PORT eth0 sport="$3" text="$4" count="$5" pace=0.1 \
		>/dev/null
}

section "a flow of no group"
# Flowtables do take multicast, or nothing here would mean anything.

flow a ff3e::2:1 4001 OTHER 5
is "a flow of no group gets into the flowtable" "$(offloaded 4001)" 1
is "a flow of no group arrives" "$(seen c OTHER)" 5

section "a deciphered flow"

groups a
ctl b group add g4 $G4 dev eth0 forward
ctl b group add g6 $G6 dev eth0 forward
for g in g4 g6; do
	key=$(new_key 20)
	sa_add a $g "$key" spi 4096 dir out alg aes-gcm-16 sender-id 1-4 select
	sa_add b $g "$key" spi 4096 dir inout alg aes-gcm-16 sender-id 5-8 \
		select
done
for g in $G4 $G6; do
	flow a $g 4100 GENUINE 6
done
is "a deciphered flow arrives" "$(seen c GENUINE)" 12
is "a deciphered flow gets into no flowtable" "$(offloaded 4100)" 0
ctl a group flush
for g in $G4 $G6; do
	flow a $g 4100 FORGED 6
done
is "the same flow in the clear is refused" "$(counter b in-clear)" 12
is "the same flow in the clear does not arrive" "$(seen c FORGED)" 0

section "a flow that a rule redirects"

# IP would not route it without the type.
in_ns b nft -f - <<'END'
table inet kind {
	chain pre {
		type filter hook prerouting priority -150
		udp sport 4150-4159 meta pkttype set host
	}
}
table ip n {
	chain pre {
		type nat hook prerouting priority -100
		udp sport 4150-4159 dnat to 10.3.0.2
	}
}
table ip6 n {
	chain pre {
		type nat hook prerouting priority -100
		udp sport 4150-4159 dnat to fd03::2
	}
}
END
in_ns c sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
spi=4096
genuine() { # source port, word: six datagrams to each group
	spi=$((spi + 1))
	groups a
	for g in g4 g6; do
		key=$(new_key 20)
		sa_add a $g "$key" spi $spi dir out alg aes-gcm-16 \
			sender-id 1-4 select
		sa_add b $g "$key" spi $spi dir in alg aes-gcm-16
	done
	for g in $G4 $G6; do
		flow a $g "$1" "$2" 6
	done
	is "a deciphered flow that a rule sends to a host arrives: $2" \
		"$(seen c "$2")" 12
}
forged() { # source port, word: clear datagrams in a flow that is established
	local was
	was=$(counter b in-clear)

	ctl a group flush
	for g in $G4 $G6; do
		flow a $g "$1" "$2" 6
	done
	is "a clear flow that a rule sends to a host is refused: $2" \
		"$(counter b in-clear)" $((was + 12))
	is "a clear flow that a rule sends to a host does not arrive: $2" \
		"$(seen c "$2")" 0
	is "a flow that a rule sends to a host is in no flowtable: $2" \
		"$(offloaded "$1")" 0
}
genuine 4150 ELSEWHERE
forged 4150 AFTERWARDS
genuine 4151 ANSWERED
mc c send 10.1.0.1 4151 eth0 sport=$PORT text=REPLY count=3 >/dev/null
mc c send fd01::1 4151 eth0 sport=$PORT text=REPLY count=3 >/dev/null
is "answers of the host arrive" "$(seen a REPLY)" 6
forged 4151 AFTERANSWERS
# Nobody listens at c, so an error goes back for each, which a rule offloads.
in_ns b nft add rule inet f forwards 'meta l4proto { icmp, icmpv6 } flow add @ft'
was=$(counter b out-quoted)
genuine 4152 COMPLAINED
is "errors about what a rule sends to a host are stopped" \
	"$(counter b out-quoted)" $((was + 12))
forged 4152 AFTERERRORS
for t in "inet kind" "ip n" "ip6 n"; do
	# shellcheck disable=SC2086 # words
	in_ns b nft delete table $t
done

section "an error about a protected flow"

for h in 10.1.0.1 fd01::1; do
	nip b route add default via $h
done
for g in $G4 $G6; do
	flow c $g 4000 BEFORE 6
done
pkt a quote clear $G4 10.3.0.2 10.3.0.2 QUOTE
pkt a quote clear $G6 fd03::2 fd03::2 QUOTE
for g in $G4 $G6; do
	flow c $g 4000 BEHIND 6
done
is "a protected flow is clear where it may be" "$(seen d BEHIND)" 12
is "a protected flow is ESP where it must be" "$(seen a BEHIND)" 0
is "an error opens no flowtable to a protected flow" "$(offloaded 4000)" 0
for h in 10.1.0.1 fd01::1; do
	nip b route del default via $h
done

section "one output protected, one clear"

esp_at_a() {
	sniffed a
	tcpdump -nr "$TMP/a.pcap" 'src 10.3.0.2 or src fd03::2' 2>/dev/null |
		grep -c ESP
}
before=$(esp_at_a)
for g in $G4 $G6; do
	flow c $g 4200 TWICE 6
done
is "the datagrams are clear where they may be" "$(seen d TWICE)" 12
is "the datagrams are ESP where they must be" "$(seen a TWICE)" 0
is "the flow is in no flowtable" "$(offloaded 4200)" 0
is "all datagrams arrive" "$(esp_at_a)" $((before + 12))

section "a source that is translated"
# FORWARD sees the source from before, which no group selects.

ctl b group flush
in_ns b nft -f - <<'END'
table ip6 n {
	chain post {
		type nat hook postrouting priority 100;
		ip6 saddr fd03::2 snat to fd01::2
	}
}
END
flow c $G6 4250 FREE 6
is "without a group the translated flow leaves in the clear" "$(seen a FREE)" 6
is "without a group the translated flow gets into the flowtable" \
	"$(offloaded 4250)" 1
ctl b group add g6 $G6 src fd01::2 dev eth0 forward
before=$(counter b forward-clear)
flow c $G6 4251 TRANSLATED 12
is "a translated flow is clear where it may be" "$(seen d TRANSLATED)" 12
is "a translated flow is not where a group selects its source" \
	"$(seen a TRANSLATED)" 0
is "each datagram of the translated flow is counted" \
	"$(counter b forward-clear)" $((before + 12))
is "a translated flow is in no flowtable" "$(offloaded 4251)" 0
in_ns b nft delete table ip6 n

section "a flow that was there first"

first() { # name, word, command...: flows from c, then the command, then more
	local name=$1 text=$2
	shift 2

	ctl b group flush
	[ "$1" != policy ] || ctl b group add g6 $G6 dev eth0 forward \
		policy observe
	[ "$1" != rename ] || ctl b group add g6 $G6 dev ethx forward
	[ "$1" != hidden ] || {
		ctl b group add g6 $G6 dev eth0 forward policy observe
		ctl b group add wide ff3e::/16 dev eth0 forward
	}
	flow c $G6 $((port += 1)) "OPEN$text" 5
	is "$name: at first the flow leaves in the clear" \
		"$(seen a "OPEN$text")" 5
	# where there is a group, none gets there
	is "$name: the flow is in a flowtable" "$(offloaded $port)" \
		"$([ "$1" = add ] && echo 1 || echo 0)"
	case $1 in
	add) ctl b group add g6 $G6 dev eth0 forward ;;
	policy) ctl b group set g6 policy enforce ;;
	hidden) ctl b group del g6 ;;
	rename)
		nip b link set eth0 down
		nip b link set eth0 name ethx
		nip b link set ethx up
		;;
	esac
	is "$name: its flow is forgotten" "$(offloaded $port)" 0
	flow c $G6 $port "LEAK$text" 8
	is "$name: from then on nothing leaves in the clear" \
		"$(seen a "LEAK$text")" 0
}
port=4300
first "a group is added" A add
first "a group enforces" B policy
first "a group that observed is deleted before one that enforces" C hidden
first "an interface gets a group's name" D rename
nip b link set ethx down
nip b link set ethx name eth0
nip b link set eth0 up

section "warnings"

ctl b group flush
in_ns b nft flush ruleset
is "a group without XDP, tc or netdev chains gets no warning" \
	"$(ctl b group add g4 $G4 2>&1)" ""
warns() { # name, words
	ctl b group flush
	like "$1" "$(ctl b group add g4 $G4 2>&1)" \
		"^mcsecctl: warning: group add: an interface has $2"
	is "$1: the group is there all the same" "$(group_names b | wc -l)" 1
}
in_ns b nft -f - <<'END'
table netdev w {
	chain in { type filter hook ingress device eth1 priority 0;
		ip daddr 239.1.1.1 fwd to eth0
	}
}
END
warns "a netdev chain that forwards" "an nft netdev chain"
# word, datagrams, what they do: c's arrive at a, from which no group keeps them
passed() {
	local before

	before=$(seen a "$1")
	flow c $G4 $((port += 1)) "$1" 3
	is "$3" "$(($(seen a "$1") - before))" "$2"
}
port=4499
passed PASSES 3 "a netdev chain forwards what it is told to, as is documented"
in_ns b nft flush chain netdev w in
passed FLUSHED 0 "a netdev chain without rules passes nothing"
in_ns b nft add rule netdev w in ip daddr 239.1.1.1 dup to eth0
passed DOUBLED 3 "a netdev chain doubles what it is told to, as is documented"
in_ns b nft flush ruleset
in_ns b nft -f - <<'END'
table netdev w {
	chain out { type filter hook egress device eth0 priority 0; }
}
END
warns "a netdev chain at the way out" "an nft netdev chain"
in_ns b nft flush ruleset
in_ns b tc qdisc add dev eth1 clsact
filter() { # action...: of a filter for all that comes from c
	in_ns b tc filter del dev eth1 ingress
	in_ns b tc filter add dev eth1 ingress matchall action "$@"
}
filter mirred egress mirror dev eth0
warns "tc that mirrors" "tc filters"
passed MIRRORED 3 "tc mirrors what it is told to, as is documented"
filter mirred egress redirect dev eth0
warns "tc that redirects" "tc filters"
passed REDIRECTED 3 "tc redirects what it is told to, as is documented"
filter ct
warns "tc that tracks connections" "tc filters"
passed TRACKED 0 "tc that tracks connections passes nothing, as is documented"
in_ns b tc qdisc del dev eth1 clsact
passed CLOSED 0 "without chains and filters nothing passes"
cat >"$TMP/xdp.py" <<'END'
"""Run a command while an interface has an XDP program that lets all pass."""
import ctypes, os, socket, struct, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def bpf(command, attr):
    fd = libc.syscall(321, command, attr, len(attr))  # as x86-64 numbers it
    if fd < 0:
        sys.exit(f"bpf {command}: {os.strerror(ctypes.get_errno())}")
    return fd
code = struct.pack("<BBhi", 0xb7, 0, 0, 2) + struct.pack("<BBhi", 0x95, 0, 0, 0)
program, words = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")
loaded = bpf(5, struct.pack("<IIQQ24x", 6, 2, ctypes.addressof(program),
                            ctypes.addressof(words)))
# while it is open; 37 is BPF_XDP, 2 that it is not the driver's
link = bpf(28, struct.pack("<IIII", loaded, socket.if_nametoindex(sys.argv[1]), 37, 2))
subprocess.run(sys.argv[2:], check=True)
END
ctl b group flush
like "an XDP program is warned of" \
	"$(in_ns b python3 "$TMP/xdp.py" eth1 "$MCSECCTL" group add g4 $G4 2>&1)" \
	"^mcsecctl: warning: group add: an interface has an XDP program"
is "an XDP program is warned of, and the group is there" \
	"$(group_names b | wc -l)" 1
ctl b group flush
is "after all of these have gone a group gets no warning" \
	"$(ctl b group add g4 $G4 2>&1)" ""

section "bridges"

# with br_netfilter IP's hooks are called, see 34-paths
[ ! -d /proc/sys/net/bridge ] ||
	in_ns b sysctl -qw net.bridge.bridge-nf-call-iptables=0
nip b link add br0 type bridge mcast_snooping 0
for d in eth0 eth1; do
	nip b link set $d master br0
done
nip b link set br0 up
try "ports of a bridge are ready" wait_until 40 sh -c \
	"[ \$(bridge -n '$(ns b)' link | grep -c forwarding) = 2 ]"
passed BRIDGED 3 "a bridge forwards between its ports, as is documented"

tap_done
