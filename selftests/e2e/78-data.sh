#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A group with two Data SAs: each range of addresses has an algorithm and keys of its
# own, under one registration. What is sent to each arrives by its own SA, before and
# after a rekey, and an evicted member reads neither.
# timeout: 200

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/process.sh"
need ip jq tcpdump python3

# HOST FIELD: of a member's status
of() { host_ctl "$1" -j status | jq -r ".member.groups[0].\"$2\""; }
# HOST FLOW FIELD: of a Data SA
flow() { host_ctl "$1" -j status | jq -r ".member.groups[0].data[$2].\"$3\""; }
is_in() { [ "$(of "$1" state)" = in ]; }
# n receives by the SAs with which m sends
agree() {
	local i

	for i in 0 1; do
		[ "$(flow m $i out-spi)" -gt 0 ] &&
		[ "$(flow m $i out-spi)" = "$(flow n $i data-spi)" ] || return 1
	done
}
# NAME GROUP: n listens
listen() {
	spawn in_ns n "$PKT/mc.py" recv "$2" 5000 eth0 "$TMP/$1.ready" "$TMP/$1"
	wait_until 30 test -e "$TMP/$1.ready" || not_ok "a receiver: $1"
}
has_lines() { [ "$(wc -l <"$TMP/$1")" -ge "$2" ]; }
send_both() {
	in_ns m "$PKT/mc.py" send 239.7.64.9 5000 eth0 count=3 >/dev/null &&
	in_ns m "$PKT/mc.py" send 239.7.65.9 5000 eth0 count=5 >/dev/null
}
# Algorithm and datagrams of the SAs that n has now
by_sa() {
	local i

	for i in 0 1; do
		ctl n -j sa show "$(flow n $i kernel-group)" "$(flow n $i data-spi)" |
			jq -r '.[0] | "\(.alg) \(."in-packets")"'
	done
}
wire() { # FILTER
	sniffer_catches_up $dump "$TMP/wire.err" || return 1
	tcpdump -n -r "$TMP/wire.pcap" "$@" 2>/dev/null | wc -l
}

DATA='data = ( { address = "239.7.64.0/24"; },
	{ address = "239.7.65.0/24"; algorithm = "chacha20-poly1305"; } );'

pki_make m n
bridge_up
load_mcsec
gcks_conf "{ name = \"two\"; $DATA rekey-address = \"239.7.200.1\";
	rekey-interface = \"eth0\"; senders = [ \"m.lab\" ]; receivers = [ \"n.lab\" ];
	atd = 1; dtd = 3; beat = 2; }" >"$TMP/k.conf"
MINE="$(sed 's/ algorithm = "chacha20-poly1305";//' <<<"$DATA")"
member_conf m "{ name = \"two\"; $MINE send = true; receive = false; sender-ids = 1; }" \
	>"$TMP/m.conf"
member_conf n "{ name = \"two\"; $MINE }" >"$TMP/n.conf"
up k
up m
up n
try "m is in" wait_until 60 is_in m
try "n is in" wait_until 60 is_in n
try "m sends to both with keys that n has" wait_until 60 agree
is "one registration for both" "$(of n registrations) $(of n keyed)" "1 true"
is "the module has a group for each" \
	"$(ctl n group show | awk 'NR > 1 { print $1, $2 }' | sort)" \
	"two 239.7.64.0/24
two#2 239.7.65.0/24"
kctl -j status >"$TMP/status.json"
fits "the status of the key server fits the schema" status <"$TMP/status.json"
is "the key server tells both algorithms" \
	"$(jq -r '.gcks.groups[0].data[].algorithm' "$TMP/status.json" | paste -sd' ')" \
	"aes-gcm-16-128 chacha20-poly1305"
like "the table tells that there are more" "$(kctl status)" ' 239.7.64.0/24 \+1 '
like "the table of a member tells that there are more" "$(mctl status)" \
	' 239.7.64.0/24 \+1 '
like "the details have both" "$(mctl status -v)" \
	"data +239.7.64.0/24 0x[0-9a-f]{8}, 239.7.65.0/24 0x[0-9a-f]{8}"
mctl -j status >"$TMP/status.json"
fits "the status of a member fits the schema" status <"$TMP/status.json"

section "traffic"

spawn nsenter "--net=/run/netns/$(ns n)" -- tcpdump -U -n -i eth0 \
	-w "$TMP/wire.pcap" -s 0 "src net 10.7.0.0/24 and dst net 239.7.64.0/23" \
	2>"$TMP/wire.err"
dump=$!
try "a sniffer listens" wait_until 30 grep -q listening "$TMP/wire.err"
listen first 239.7.64.9
listen second 239.7.65.9
send_both
try "datagrams arrive: first" wait_until 20 has_lines first 3
try "datagrams arrive: second" wait_until 20 has_lines second 5
is "each range has its own SA" "$(by_sa)" "aes-gcm-16 3
chacha20-poly1305 5"
is "all of it is ESP" "$(wire "esp and dst net 239.7.64.0/24") $(
	wire "esp and dst net 239.7.65.0/24") $(wire udp)" "3 5 0"

section "a rekey"

first=$(flow n 0 data-spi)
second=$(flow n 1 data-spi)
kctl rekey two >/dev/null
moved() {
	[ "$(flow m 0 out-spi)" != "$first" ] && [ "$(flow m 1 out-spi)" != "$second" ] &&
		agree
}
try "both SAs are replaced" wait_until 60 moved
send_both
try "datagrams arrive after the rekey: first" wait_until 20 has_lines first 6
try "datagrams arrive after the rekey: second" wait_until 20 has_lines second 10
is "each range has its own new SA" "$(by_sa)" "aes-gcm-16 3
chacha20-poly1305 5"
is "nobody registered again" "$(of m registrations) $(of n registrations)" "1 1" ||
	diag "$(<"$TMP/m.log")"

section "an eviction"

kctl evict two n.lab >/dev/null
out() { ! is_in n && [ "$(ctl n -j sa show | jq length)" = 0 ]; }
try "the evicted member has no SA any more" wait_until 60 out
send_both
is "after an eviction all of it is ESP" "$(wire "esp and dst net 239.7.64.0/24") $(
	wire "esp and dst net 239.7.65.0/24") $(wire udp)" "9 15 0"
is "the evicted member reads neither" "$(wc -l <"$TMP/first") $(wc -l <"$TMP/second")" "6 10"

tap_done
