#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The example for PTP with ptp4l: a master m and a slave n, both members, and a host x
# without keys, whose clock is the better one by its priority. n takes its time from m,
# over rekeys, and x is neither heard nor followed. Time stamps are the kernel's, of
# packets that are ESP on the wire.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/process.sh"
ptp4l=${MCSEC_CACHE:-/var/cache/mcsec}/apps/linuxptp/usr/sbin/ptp4l
[ -x "$ptp4l" ] || skip_all "$ptp4l is missing: tools/deps test"
need ip jq tcpdump

of() { # HOST FIELD
	host_ctl "$1" -j status |
		jq -r ".member.groups[] | select(.name == \"ptp\").\"$2\""
}
agree() {
	[ "$(of m out-spi)" -gt 0 ] && [ "$(of n out-spi)" -gt 0 ] &&
		[ "$(of m out-spi)" = "$(of n data-spi)" ] &&
		[ "$(of n out-spi)" = "$(of m data-spi)" ]
}
clock() { # HOST PRIORITY [OPTION]
	cat >"$TMP/$1.ptp" <<-END
		[global]
		free_running		1
		priority1		$2
		logAnnounceInterval	0
		logSyncInterval		-1
		summary_interval	0
		uds_address		$TMP/$1.ptp.sock
	END
	spawn in_ns "$1" "$ptp4l" -4 -S -m -i eth0 -f "$TMP/$1.ptp" $3 \
		>"$TMP/$1.clock" 2>&1
}
said() { grep -c "$2" "$TMP/$1.clock"; } # HOST WORDS
said_more() { [ "$(said "$1" "$2")" -gt "$3" ]; }
# The offset of n's clock is measured again, for which Sync and both delay messages have
# to arrive.
measures() { wait_until 60 said_more n ' rms ' $(($(said n ' rms ') + 3)); }
wire() { # FILTER
	sniffer_catches_up $dump "$TMP/wire.err" || return 1
	tcpdump -n -r "$TMP/wire.pcap" "$@" 2>/dev/null | wc -l
}

pki_make m n
bridge_up
ns_create x
veth k:p3 -- x:eth0 10.7.0.4/24
in_ns k ip link set p3 master eth0
for h in k m n x; do
	mroute_to $h eth0 224.0.1.129/32 224.0.0.107/32
done
load_mcsec
example_conf k gcks ptp >"$TMP/k.conf"
example_conf m member ptp >"$TMP/m.conf"
example_conf n member ptp >"$TMP/n.conf"
for h in k m n; do
	up $h
done
try "both members have the key" wait_until 60 agree
spawn nsenter "--net=/run/netns/$(ns n)" -- tcpdump -U -n -i eth0 \
	-w "$TMP/wire.pcap" -s 0 "dst 224.0.1.129" 2>"$TMP/wire.err"
dump=$!
try "a sniffer listens" wait_until 30 grep -q listening "$TMP/wire.err"

section "a master and a slave"
clock m 128
clock n 200 -s
try "n takes m as its master" wait_until 60 said_more n 'selected best master clock' 0
try "n measures the offset of its clock" measures
master=$(sed -n 's/.*selected best master clock //p' "$TMP/n.clock" | tail -n 1)
like "the master has an identity" "$master" '^[0-9a-f]{6}\.[0-9a-f]{4}\.[0-9a-f]{6}$'
is "the master is m" "$master" \
	"$(sed -n 's/.*selected local clock \(.*\) as best master/\1/p' "$TMP/m.clock" | tail -n 1)"

section "a better clock without a key"
clock x 1
try "x takes itself for the master" wait_until 60 said_more x 'grand master role' 0
refused() { [ "$(counter n in-clear)" -gt 10 ] && [ "$(counter m in-clear)" -gt 10 ]; }
try "messages of x are refused and counted" wait_until 60 refused
try "n goes on to measure" measures
is "n has chosen no other master" "$(said n 'selected best master clock')" 1
is "m has not given way" "$(said m 'to PASSIVE\|to UNCALIBRATED\|to SLAVE')" 0
is "x hears of no other clock" "$(said x 'new foreign master')" 0

section "a rekey"
spi=$(of m data-spi)
try "the keys change" kctl rekey ptp
moved() { [ "$(of m out-spi)" != "$spi" ] && agree; }
try "both members send with the next key" wait_until 60 moved
try "n goes on to measure" measures
is "n has still one master" "$(said n 'selected best master clock')" 1

section "the wire"
is "members send nothing of PTP in the clear" "$(wire "udp and not src 10.7.0.4")" 0
try "messages of x are not" test "$(wire "udp and src 10.7.0.4")" -gt 10
try "messages of m are ESP" test "$(wire "esp and src 10.7.0.2")" -gt 20
try "messages of n are ESP" test "$(wire "esp and src 10.7.0.3")" -gt 5
tap_done
