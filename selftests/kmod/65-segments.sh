#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A datagram that comes out of a segment behind PRE_ROUTING has the mark of the
# datagram around it, which says nothing about the group. A mark of its own may.
# debug full: other tests have its paths
#
#	a eth0 ---- eth0 b

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 nft
load_mcsec
two_hosts
SID=fd01::99
segment() { # family: what comes out of the segment is of it
	local how="End.DT6 table 255"

	[ "$1" = 6 ] || how="End.DX4 nh4 $G4"
	# shellcheck disable=SC2086 # words of a command
	nip b -6 route replace $SID/128 encap seg6local action $how dev eth0
}
segment 6 2>/dev/null || skip_all "the kernel lacks seg6local"
nip a -6 route add $SID via fd01::2
in_ns b sysctl -qw net.ipv6.conf.all.forwarding=1 \
	net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0
mac=$(nip b -o link show dev eth0 | sed 's,.*link/ether \([^ ]*\).*,\1,')
listen b $G4 b4
listen b $G6 b6
arrived() { cat "$TMP/b4" "$TMP/b6" | wc -l; }
# one clear datagram of IPv6, and eight of IPv4
forge() {
	segment 6
	pkt a ways inside fd01::1 $SID $G6 $PORT FORGED
	segment 4
	pkt a ways inside4 eth0 "$mac" fd01::1 $SID 10.1.0.1 $G4 $PORT
}
mark() { # MARK: of the datagrams around
	in_ns b nft -f - <<-NFT
		table ip6 outer {
			chain pre {
				type filter hook prerouting priority mangle
				ip6 daddr $SID meta mark set $1
			}
		}
	NFT
}
others() { # SELECTOR...: groups that are more specific, and observe
	ctl b group add m4 $G4 "$@" policy observe
	ctl b group add m6 $G6 "$@" policy observe
}
groups b
for g in g4 g6; do
	key=$(new_key 20)
	sa_add b $g "$key" spi 4096 dir in alg aes-gcm-16
	printf -v "key_$g" %s "$key"
done

section "clear datagrams in one with a mark"
mark 0x10
others mark 0x10/0xf0
forge
try "each of nine is dropped" wait_until 20 counted b in-clear 9
is "nothing else is counted" "$(counters b in-exempt)" "in-clear 9"
is "none of them arrives" "$(arrived)" 0

clear=$(counter b in-clear)
in_ns b nft delete table ip6 outer
ctl b group del m4
ctl b group del m6

section "clear datagrams in one without a mark"
others mark 0/0xf0
forge
clear=$((clear + 9))
try "each of nine is dropped" wait_until 20 counted b in-clear $clear
is "nothing else is counted" "$(counters b in-exempt)" "in-clear $clear"
is "none of them arrives" "$(arrived)" 0
ctl b group del m4
ctl b group del m6

section "ESP in one with a mark"
mark 0x10
others mark 0x10/0xf0
# without these rules it would have come before
in_ns b nft -f - <<'NFT'
table inet direct {
	chain pre {
		type filter hook prerouting priority -450
		ip protocol esp drop
		ip6 nexthdr esp drop
	}
}
NFT
groups a
for f in 4 6; do
	G=G$f key=key_g$f
	sa_add a g$f "${!key}" spi 4096 dir out alg aes-gcm-16 sender-id 1-4 \
		select
	sniff a esp$f "dst ${!G} and (ip proto 50 or ip6 proto 50)"
	send a "${!G}" ttl=8 loop=0 >"$TMP/want$f"
	sniffed esp$f
	segment $f
	pkt a ways wrap "$TMP/esp$f.pcap" fd01::1 $SID
	try "a datagram of IPv$f is accepted" wait_until 20 has_lines b$f 1
	is "the datagram of IPv$f arrives as it was sent" "$(got b$f)" \
		"$(<"$TMP/want$f")"
	pkt a ways wrap "$TMP/esp$f.pcap" fd01::1 $SID 9999
	pkt a ways wrap "$TMP/esp$f.pcap" fd01::1 $SID
done
try "datagrams that came before are dropped" wait_until 20 \
	counted b in-replay 2
is "each other fate is counted once for each family" \
	"$(counters b in-exempt in-clear)" \
	"in-accepted 2, in-no-sa 2, in-replay 2"
in_ns b nft flush ruleset
ctl a group flush
section "a mark by which rules know what was verified"
ctl b group flush
for g in g4:$G4 g6:$G6; do
	ctl b group add "${g%%:*}" "${g#*:}" policy observe in-mark 0x400/0xc00
done
in_ns b nft -f - <<NFT
table ip6 outer {
	chain pre {
		type filter hook prerouting priority mangle
		ip6 daddr $SID meta mark set 0x402
	}
}
table inet input {
	chain in {
		type filter hook input priority filter
		ip daddr $G4 meta mark 2 counter name four
		ip6 daddr $G6 meta mark 2 counter name six
	}
	counter four { }
	counter six { }
}
NFT
before=$(arrived)
forge
all_nine() { [ "$(arrived)" = $((before + 9)) ]; }
try "nine clear datagrams arrive" wait_until 20 all_nine
passed() { in_ns b nft list counter inet input "$1" | grep -o 'packets [0-9]*'; }
is "no datagram of them has the mark of a verified one" \
	"$(passed four), $(passed six)" "packets 8, packets 1"
is "each clear datagram is counted" "$(counter b in-observed)" 9
in_ns b nft flush ruleset
ctl b group flush

section "marks of their own"
# The control: by these a group that observes has the datagrams, unless another one
# enforces.
groups b
others mark 0x10/0xf0
in_ns b nft -f - <<NFT
table inet own {
	chain pre {
		type filter hook prerouting priority -450
		ip daddr $G4 meta mark set 0x10
		ip6 daddr $G6 meta mark set 0x10
	}
}
NFT
was=$(counter b in-observed) before=$(arrived) dropped=$(counter b in-clear)
both_clear() {
	send a $G4 "$@" >/dev/null
	send a $G6 "$@" >/dev/null
}
both_clear
try "groups without a mark drop two datagrams" wait_until 20 \
	counted b in-clear $((dropped + 2))
ctl b group del g4
ctl b group del g6
observed() { # number of datagrams
	try "$1 datagrams are observed" wait_until 20 \
		counted b in-observed $((was + $1))
	try "$1 datagrams arrive" wait_until 20 come $1
}
come() { [ "$(arrived)" = $((before + $1)) ]; }
both_clear
observed 2
both_clear size=3000
observed 4
is "no datagram is counted at the second hook, too" \
	"$(counter b in-observed)" $((was + 4))
ctl b group add unheard 239.77.0.9 policy observe
send a 239.77.0.9 >/dev/null
try "a datagram is counted that nobody here receives" wait_until 20 \
	counted b in-observed $((was + 5))
if has_br_netfilter && nip b link add br0 type bridge mcast_snooping 0; then
	nip b link set br0 up
	nip b link set eth0 master br0
	wait_until 20 ns_up b br0
	for f in 4 6; do
		G=G$f
		spawn in_ns b "$MC" recv "${!G}" $PORT br0 "$TMP/ready$f" \
			"$TMP/br$f"
		wait_until 20 test -e "$TMP/ready$f"
	done
	is "a bridge calls IP's hooks" \
		"$(in_ns b sysctl -n net.bridge.bridge-nf-call-iptables)" 1
	both_clear
	try "two datagrams up the bridge are observed" wait_until 20 \
		counted b in-observed $((was + 7))
	for f in 4 6; do
		try "the datagram of IPv$f up the bridge arrives" \
			wait_until 20 has_lines br$f 1
	done
else
	skip "datagrams of a bridge that calls IP's hooks" "no br_netfilter"
fi
tap_done
