#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Rules and groups: what nft and iptables mark is protected, and rules ask how
# a packet came: by the mark that a group gives, and by "-m mcsec".
#
# timeout: 600

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 nft iptables ip6tables
load_mcsec
two_hosts
theirs=(/usr/lib/*/xtables)
export XTABLES_LIBDIR=$TOP/build:${theirs[0]}
modprobe -q x_tables
try "the module of the match" insmod "$(dirname "$(mcsec_ko)")/xt_mcsec.ko"
on_exit eval '
	for n in a b; do
		in_ns $n iptables -F; in_ns $n iptables -t mangle -F
		in_ns $n ip6tables -F; in_ns $n nft flush ruleset
	done 2>/dev/null
	wait_until 20 rmmod xt_mcsec'
sniff b wire
listen b $G4 r4
listen b $G6 r6

section "rules mark what is sent"

for n in a b; do
	ctl $n group add g4 $G4 proto udp dport $PORT mark 0x10/0xf0
	ctl $n group add g6 $G6 proto udp dport $PORT mark 0x10/0xf0
done
i=0
for g in g4 g6; do
	i=$((i + 1)) key=$(new_key 20)
	sa_add a $g "$key" spi $((4096 + i)) dir out alg aes-gcm-16 \
		sender-id 5-8 select
	sa_add b $g "$key" spi $((4096 + i)) dir in alg aes-gcm-16
done
wire() { sniffed wire || return 1; tcpdump -n -r "$TMP/wire.pcap" "$@" 2>/dev/null | wc -l; }
send a $G4 >/dev/null
try "without a rule a datagram goes in the clear" wait_until 20 eval \
	'[ "$(wire udp)" = 1 ]'
in_ns a nft -f - <<NFT
table inet rules {
	chain out {
		type route hook output priority mangle
		ip daddr $G4 meta mark set 0x10
	}
}
NFT
in_ns a ip6tables -t mangle -A OUTPUT -d $G6 -j MARK --set-xmark 0x10/0xf0
send a $G4 count=3 >/dev/null
send a $G6 count=3 >/dev/null
try "a datagram that nft marks is protected" wait_until 20 has_lines r4 4
try "a datagram that ip6tables marks is protected" wait_until 20 has_lines r6 3
try "the marked datagrams go as ESP" wait_until 20 eval '[ "$(wire esp)" = 6 ]'
is "the only clear datagram is the one before the rule" "$(wire udp)" 1
in_ns a nft delete table inet rules
in_ns a ip6tables -t mangle -F
in_ns a iptables -t mangle -A OUTPUT -d $G4 -j MARK --set-xmark 0x10/0xf0
send a $G4 count=2 >/dev/null
try "a datagram that iptables marks is protected" wait_until 20 has_lines r4 6
try "datagrams that iptables marks go as ESP" \
	wait_until 20 eval '[ "$(wire esp)" = 8 ]'
in_ns a iptables -t mangle -F
send a $G4 >/dev/null
try "without its rule a datagram goes in the clear again" wait_until 20 eval \
	'[ "$(wire udp)" = 2 ]'

section "rules say who may send"

in_ns a nft -f - <<NFT
table inet who {
	chain marked {
		type route hook output priority mangle
		ip daddr $G4 meta mark set 0x10
	}
	chain out {
		type filter hook output priority 0
		ip daddr $G4 meta skuid != 0 reject
	}
}
NFT
cat >"$TMP/who.py" <<END
import errno, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
i = socket.if_nametoindex("eth0")
s.setsockopt(0, 32, bytes(8) + i.to_bytes(4, "little"))
try:
    s.sendto(b"WHO", ("$G4", $PORT))
    print("sent")
except OSError as e:
    print(errno.errorcode[e.errno])
END

was=$(counter a out-protected)
is "a user that the rule does not name may not send into the group" \
	"$(in_ns a setpriv --reuid 65534 --clear-groups --inh-caps=-all \
		python3 - <"$TMP/who.py")" EPERM
is "the user that the rule names may send into the group" \
	"$(in_ns a python3 - <"$TMP/who.py")" sent
is "one datagram was protected" "$(counter a out-protected)" $((was + 1))
is "no datagram was sent in the clear" "$(wire udp)" 2
in_ns a nft delete table inet who

ctl a group flush
ctl b group flush

section "a group marks what it has verified"

refuse "a mark outside of its mask is refused" ctl b group add g4 $G4 \
	in-mark 0x30/0x10
refuse "a mask of nothing is refused" ctl b group add g4 $G4 in-mark 0/0
keyed() { # group, words for it in b
	local g=$1 dst=$G4 key
	shift

	[ "$g" = g4 ] || dst=$G6
	i=$((i + 1)) key=$(new_key 20)
	ctl a group add $g $dst
	ctl b group add $g $dst "$@"
	sa_add a $g "$key" spi $((4096 + i)) dir out alg aes-gcm-16 \
		sender-id 5-8 select
	sa_add b $g "$key" spi $((4096 + i)) dir in alg aes-gcm-16
}
keyed g4 in-mark 0x400/0xc00
keyed g6 in-mark 0x800
like "the mark is shown" "$(ctl b group show g4)" '^g4 .* 0x400/0xc00 '
like "a mark without a mask is shown" "$(ctl b group show g6)" '^g6 .* 0x800 '
is "the mark is shown in JSON" "$(ctl b -j group show g4 |
	json 'j[0]["in-mark"], j[0]["in-mark-mask"]')" "(1024, 3072)"
in_ns b nft -f - <<NFT
table inet rules {
	chain before {
		type filter hook prerouting priority -450
		ip daddr $G4 meta mark set 0xc21
		ip6 daddr $G6 meta mark set 0xc21
	}
	chain in {
		type filter hook input priority filter
		ip daddr $G4 meta mark 0x421 counter accept comment "v4"
		ip6 daddr $G6 meta mark 0x800 counter accept comment "v6"
		ip daddr $G4 meta mark 0x21 counter accept comment "clear"
		ip daddr $G4 meta mark and 0xc00 != 0x400 counter drop comment "other"
		ip6 daddr $G6 counter comment "other"
	}
}
NFT
rule() { # comment: packets that its rules counted
	in_ns b nft list chain inet rules in |
		sed -n "/\"$1\"/s/.*packets \([0-9]*\).*/\1/p" |
		awk '{ n += $1 } END { print n + 0 }'
}
x4=$(wc -l <"$TMP/r4") x6=$(wc -l <"$TMP/r6")
send a $G4 count=4 >/dev/null
send a $G6 count=5 >/dev/null
try "datagrams of IPv4 arrive" wait_until 20 has_lines r4 $((x4 + 4))
try "datagrams of IPv6 arrive" wait_until 20 has_lines r6 $((x6 + 5))
is "nft tells protected datagrams by their marks, with bits beside the mask kept" \
	"$(rule v4) $(rule v6) $(rule clear) $(rule other)" "4 5 0 0"
ctl b group set g4 policy observe
ctl a group del g4
send a $G4 count=2 >/dev/null
try "a datagram that is let in the clear arrives" \
	wait_until 20 has_lines r4 $((x4 + 6))
is "a datagram that is let in the clear loses the mark that it claimed" \
	"$(rule v4) $(rule clear) $(rule other)" "4 2 0"
in_ns b nft delete table inet rules
ctl a group flush
ctl b group flush

section "the iptables match"

in_ns b iptables -m mcsec -h >"$TMP/help" 2>&1
like "iptables tells of the match" "$(<"$TMP/help")" 'mcsec match options'
refuse "a match that asks nothing is refused" in_ns b iptables -A INPUT -m mcsec
refuse "an empty range of senders is refused" \
	in_ns b iptables -A INPUT -m mcsec --sender 7:3
refuse "a group's name that is too long is refused" \
	in_ns b iptables -A INPUT -m mcsec \
	--group 12345678901234567890123456789012
refuse "a match where protection cannot be known is refused" \
	in_ns b iptables -A OUTPUT -m mcsec \
	--protected
keyed g4 policy observe
keyed g6
ctl b group add other 239.9.9.9
for t in iptables:$G4 ip6tables:$G6; do
	for r in "--protected" "! --protected" "--group nobody" \
		"--group g4" "--group g6" "! --group g4" "--group other" \
		"--sender 5:8" "! --sender 5:8" "--sender 9" \
		"--group g4 --sender 1:20"; do
		# shellcheck disable=SC2086
		in_ns b ${t%%:*} -A INPUT -d "${t#*:}" -m mcsec $r ||
			not_ok "$r by ${t%%:*}"
	done
done
counts() {
	in_ns b $1 -L INPUT -v -n -x | awk 'NR > 2 { printf "%s ", $1 }'
}
x4=$(wc -l <"$TMP/r4") x6=$(wc -l <"$TMP/r6")
send a $G4 count=4 >/dev/null
send a $G6 count=3 >/dev/null
try "four protected datagrams of IPv4 arrive" \
	wait_until 20 has_lines r4 $((x4 + 4))
try "three protected datagrams of IPv6 arrive" \
	wait_until 20 has_lines r6 $((x6 + 3))
is "each rule of iptables has matched what it asks for" "$(counts iptables)" \
	"4 0 0 4 0 0 0 4 0 0 4 "
is "each rule of ip6tables has matched what it asks for" \
	"$(counts ip6tables)" "3 0 0 0 3 3 0 3 0 0 0 "
in_ns b iptables -Z
ctl a group del g4
send a $G4 count=2 >/dev/null
try "two clear datagrams arrive" wait_until 20 has_lines r4 $((x4 + 6))
is "no rule matches a clear datagram" \
	"$(counts iptables)" "0 2 0 0 0 2 0 0 2 0 0 "
like "rules are saved as they were given" "$(in_ns b iptables-save)" \
	'-m mcsec --group "?g4"? --sender 1:20'
like "inverted rules are saved as they were given" \
	"$(in_ns b iptables-save)" '-m mcsec ! --sender 5:8'
in_ns b iptables-save >"$TMP/saved"
try "saved rules can be restored" in_ns b iptables-restore "$TMP/saved"
is "restored rules are the same" \
	"$(in_ns b iptables-save | grep -c -- '-m mcsec')" 11

# before routing, as soon as the group has verified
in_ns b iptables -F
ctl b group flush
keyed g4 policy observe
for t in raw mangle; do
	in_ns b iptables -t $t -A PREROUTING -d $G4 -m mcsec --group g4
	in_ns b iptables -t $t -A PREROUTING -d $G4 -m mcsec ! --protected
done
x4=$(wc -l <"$TMP/r4")
send a $G4 count=3 >/dev/null
try "three protected datagrams arrive before routing" \
	wait_until 20 has_lines r4 $((x4 + 3))
for t in raw mangle; do
	is "the table $t knows them at PREROUTING" \
		"$(in_ns b iptables -t $t -L PREROUTING -v -n -x |
			awk 'NR > 2 { printf "%s ", $1 }')" "3 0 "
	in_ns b iptables -t $t -F
done
ctl a group flush

# a group of the same name is not the same group: what it verified is not
in_ns b iptables -F
ctl b group flush
keyed g4
in_ns b iptables -A INPUT -d $G4 -m mcsec ! --group g4 -j DROP
x4=$(wc -l <"$TMP/r4")
send a $G4 count=2 >/dev/null
try "a rule outlives its group and knows the next of its name" \
	wait_until 20 has_lines r4 $((x4 + 2))
in_ns b iptables -F

section "the documentation's example"

doc=$(project_file Documentation/dataplane.rst)
if [ -z "$doc" ]; then
	skip "the documentation's example" "dataplane.rst is not here"
else
	ctl a group flush
	ctl b group flush
	sed -n '/^    # nft marks what/,/^    }$/p' "$doc" >"$TMP/example"
	try "the documentation's rules are rules" in_ns a nft -f "$TMP/example"
	try "the documentation's rules are for both families" \
		in_ns b nft -f "$TMP/example"
	key=$(new_key 20)
	ctl a group add video 239.1.1.1 mark 0x10/0xf0
	ctl b group add video 239.1.1.1 in-mark 0x400/0xc00
	sa_add a video "$key" spi 9000 dir out alg aes-gcm-16 \
		sender-id 17 select
	sa_add b video "$key" spi 9000 dir in alg aes-gcm-16
	# a datagram that passes the mark must also pass this
	# shellcheck disable=SC2046 # words of a command
	try "the documentation's rules of iptables are rules" in_ns b \
		$(sed -n 's/^    \(iptables .*-m mcsec.*\)/\1/p' "$doc")
	x4=$(wc -l <"$TMP/r4") esp=$(wire esp)
	send a 239.1.1.1 count=4 >/dev/null
	try "a protected datagram arrives under the rules" \
		wait_until 20 has_lines r4 $((x4 + 4))
	try "each datagram under the rules goes as ESP" wait_until 20 eval \
		"[ \"\$(wire esp)\" = $((esp + 4)) ]"
	ctl b group set video policy observe
	in_ns a nft delete table inet rules
	send a 239.1.1.1 count=2 >/dev/null
	try "a clear datagram comes past a group that observes" \
		wait_until 20 counted b in-observed 2
	sleep 1
	is "a clear datagram ends at the rules" \
		"$(wc -l <"$TMP/r4")" $((x4 + 4))
	like "nft has dropped the clear datagram" \
		"$(in_ns b nft list ruleset)" 'drop'
	in_ns b nft delete table inet rules
	send a 239.1.1.1 count=2 >/dev/null
	try "without nft, a clear datagram comes past the group to iptables" \
		wait_until 20 counted b in-observed 4
	sleep 1
	is "iptables drops the clear datagram" "$(wc -l <"$TMP/r4")" $((x4 + 4))
	in_ns b iptables -F
	send a 239.1.1.1 >/dev/null
	try "without any rules, a clear datagram arrives" \
		wait_until 20 has_lines r4 $((x4 + 5))
fi
tap_done
