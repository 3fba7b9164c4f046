#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Groups that select a part of what goes to their addresses, keyed by the daemon:
# prefixes, protocols, ports, sources and interfaces. What is selected is ESP on the
# wire and arrives, the rest is in the clear, and a member that selects something
# else gets no key and says why.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/process.sh"
need ip jq tcpdump python3

# NAME NUMBER SELECTOR: a group of the key server
group_conf() {
	cat <<-END
		{ name = "$1"; $3
		  rekey-address = "239.7.200.$2"; rekey-interface = "eth0";
		  senders = [ "m.lab", "n.lab" ]; atd = 1; dtd = 3; beat = 2; }
	END
}
# NAME SELECTOR: a group of a member
member_group() {
	echo "{ name = \"$1\"; $2 send = true; sender-ids = 1; }"
}
# HOST GROUP FIELD: of a member's status
of() {
	host_ctl "$1" -j status |
		jq -r ".member.groups[] | select(.name == \"$2\").\"$3\""
}
is_state() { [ "$(of "$1" "$2" state)" = "$3" ]; }
sends() { [ "$(of "$1" "$2" out-spi)" -gt 0 ]; }
same_key() { [ "$(of m "$1" out-spi)" = "$(of n "$1" data-spi)" ]; }
# NAME GROUP PORT: n listens
listen() {
	spawn in_ns n "$PKT/mc.py" recv "$2" "$3" eth0 "$TMP/$1.ready" "$TMP/$1"
	wait_until 30 test -e "$TMP/$1.ready" || not_ok "a receiver: $1"
}
has_lines() { [ "$(wc -l <"$TMP/$1")" -ge "$2" ]; }
send() { # GROUP PORT [OPTION...]
	local g=$1 port=$2

	shift 2
	in_ns m "$PKT/mc.py" send "$g" "$port" eth0 count=3 "$@" >/dev/null
}
wire() { # FILTER
	sniffer_catches_up $dump "$TMP/wire.err" || return 1
	tcpdump -n -r "$TMP/wire.pcap" "$@" 2>/dev/null | wc -l
}

PORTS='address = "239.7.64.0/18"; protocol = "udp"; destination-port = 5000;'
PART='address = "239.7.65.0/24"; protocol = "udp"; destination-port = 5000;'
CHANNEL='address = "239.7.3.1"; source = "10.7.0.2";'
# a group without a key server
OWN='address = "239.7.128.0/24"; source = "10.7.0.0/25"; protocol = "udp";
	source-port = 7; destination-port = 9; interfaces = [ "eth0", "lo" ];
	mark = "0x10/0xf0"; in-mark = "0x400"; forward = true;'
SIX='address = "ff3e::/32"; source = "2001:db8::/64"; protocol = "ospf";'

pki_make m n
bridge_up
load_mcsec
nip m addr add 10.7.0.9/24 dev eth0
gcks_conf "$(group_conf ports 1 "$PORTS"), $(group_conf part 2 "$PART"),
	$(group_conf channel 3 "$CHANNEL")" >"$TMP/k.conf"
for h in m n; do
	more=
	[ $h = n ] || more=", $(member_group own "$OWN"), $(member_group six "$SIX")"
	member_conf $h "$(member_group ports "$PORTS"),
		$(member_group part "$PART"),
		$(member_group channel "$CHANNEL") $more" >"$TMP/$h.conf"
done
like "a check says what is left in the clear" \
	"$("$MCSECD" --check "$TMP/m.conf" 2>&1)" \
	'^warning: group ports: only 239.7.64.0/18 proto udp dport 5000 is protected'
up k
up m
m_pid=$pid
up n
n_pid=$pid
for g in ports part channel; do
	try "m is in $g" wait_until 60 is_state m $g in
	try "n is in $g" wait_until 60 is_state n $g in
	try "m sends to $g" wait_until 60 sends m $g
	try "n has the key of $g" wait_until 60 same_key $g
done
is "the status has the selector" "$(of m ports selector)" \
	"239.7.64.0/18 proto udp dport 5000"
is "the key server's status has the selector" \
	"$(kctl -j status | jq -r '.gcks.groups[] |
		select(.name == "channel").selector')" "239.7.3.1 src 10.7.0.2"
mctl -j status >"$TMP/status.json"
fits "the status fits the schema" status <"$TMP/status.json"
kctl -j status >"$TMP/status.json"
fits "the status of the key server fits the schema" status <"$TMP/status.json"

section "the module"

in_module() {
	ctl m group show | awk 'NR > 1 { sub(/ enforce +mcsecd .*/, ""); $1 = $1; print }' | sort
}
configured="channel 239.7.3.1 10.7.0.2
own 239.7.128.0/24 10.7.0.0/25 udp 7 9 0x10/0xf0 eth0,lo yes 0x400
part 239.7.65.0/24 udp 5000
ports 239.7.64.0/18 udp 5000
six ff3e::/32 2001:db8::/64 ospf"
is "the module protects what is configured" "$(in_module)" "$configured"
down TERM "$m_pid"
is "without the daemon the module protects the same" "$(in_module)" "$configured"
ctl m group del own --force
ctl m group add own 239.7.128.0/24 src 10.7.0.0/25 proto udp sport 7 dport 10 \
	mark 0x10/0xf0 dev eth0,lo forward in-mark 0x400
like "a start with another group in the module is refused" \
	"$(in_ns m "$MCSECD" -c "$TMP/m.conf" 2>&1)" \
	'group "own": the kernel has it for 239.7.128.0/24 src 10.7.0.0/25 proto udp sport 7 dport 10 mark 0x10/0xf0 in-mark 0x400 forward dev eth0,lo'
ctl m group del own --force
up m
is "a start with the same groups takes them over" "$(in_module)" "$configured"
for g in ports part channel; do
	try "m is in $g again" wait_until 60 is_state m $g in
	try "m sends to $g again" wait_until 60 sends m $g
	try "n has the key of $g again" wait_until 60 same_key $g
done

section "traffic"

spawn nsenter "--net=/run/netns/$(ns n)" -- tcpdump -U -n -i eth0 \
	-w "$TMP/wire.pcap" -s 0 "src net 10.7.0.0/24 and dst net 239.7.0.0/17" \
	2>"$TMP/wire.err"
dump=$!
try "a sniffer listens" wait_until 30 grep -q listening "$TMP/wire.err"
listen port 239.7.70.1 5000
listen part 239.7.65.1 5000
listen other 239.7.70.1 5001
listen channel 239.7.3.1 6000
send 239.7.70.1 5000
send 239.7.65.1 5000
send 239.7.70.1 5001
send 239.7.3.1 6000 src=10.7.0.2
for f in port part other channel; do
	try "datagrams arrive: $f" wait_until 20 has_lines $f 3
done
is "the port of the prefix is ESP" \
	"$(wire "esp and dst 239.7.70.1") $(wire "udp and dst 239.7.70.1 and port 5000")" \
	"3 0"
is "the part of the prefix has its own key" \
	"$(ctl n -j sa show part "$(of n part data-spi)" | jq '.[0]."in-packets"')" 3
is "another port is in the clear" "$(wire "udp and dst 239.7.70.1 and port 5001")" 3
is "the channel is ESP" \
	"$(wire "esp and dst 239.7.3.1") $(wire "udp and dst 239.7.3.1")" "3 0"
send 239.7.3.1 6000 src=10.7.0.9
try "another source is no part of the channel" wait_until 20 has_lines channel 6
is "another source is in the clear" "$(wire "udp and dst 239.7.3.1")" 3

section "another selector"

clear0=$(wire "udp and dst 239.7.70.1 and port 5000")
member_conf n "$(member_group ports 'address = "239.7.64.0/18"; protocol = "udp";')" \
	>"$TMP/n2.conf"
like "a check says that the kernel has another group" \
	"$("$MCSECD" --check "$TMP/n2.conf" 2>&1)" \
	'group "ports": destination-port: the kernel protects 239.7.64.0/18 proto udp dport 5000'
down TERM "$n_pid"
ctl n group flush --force
up n "$TMP/n2.conf"
refused() { of n ports last-error | grep -q "$1"; }
try "less is refused" wait_until 60 refused \
	'Data SA is for 239.7.64.0/18 proto udp dport 5000, which is less, configured is 239.7.64.0/18 proto udp: destination-port differs'
is "nothing is keyed" "$(ctl n -j sa show | jq length)" 0
is "the status has what the key server keys" "$(of n ports key-server-selector)" \
	"239.7.64.0/18 proto udp dport 5000"
like "a check warns" "$("$MCSECD" --check "$TMP/n2.conf" 2>&1)" \
	'warning: the key server keys 239.7.64.0/18 proto udp dport 5000 in transport mode.*its keys are refused'
before=$(wc -l <"$TMP/port")
in_ns n "$PKT/mc.py" send 239.7.70.1 5000 eth0 count=3 >/dev/null
in_ns n "$PKT/mc.py" send 239.7.70.1 5001 eth0 count=3 >/dev/null
is "a member without a key sends nothing in the clear" \
	"$(($(wire "udp and src 10.7.0.3") + $(wire "udp and dst 239.7.70.1 and port 5000") - clear0))" 0
is "a member without a key receives nothing" "$(wc -l <"$TMP/port")" "$before"

section "the key server"

sed 's|"239.7.65.0/24"; protocol = "udp"; destination-port = 5000|"239.7.65.0/24"|' \
	"$TMP/k.conf" >"$TMP/k2.conf"
like "groups that cross are refused" "$("$MCSECD" --check "$TMP/k2.conf" 2>&1)" \
	'groups\[1\].address: group "ports" .* neither is a part of the other'
sed 's|protocol = "udp"; destination-port = 5000|protocol = "udp"|' \
	"$TMP/k.conf" >"$TMP/k2.conf"
check=$("$MCSECD" --check "$TMP/k2.conf" 2>&1)
like "a check says that the group is reset" "$check" \
	'group ports: destination-port changed: the group is reset'
like "a check says that members have to follow" "$check" \
	'group ports: members refuse its keys until their configuration has 239.7.64.0/18 proto udp in transport mode'

tap_done
