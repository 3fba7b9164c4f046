#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The examples for VXLAN and DDS with the kernel's VXLAN and Cyclone DDS: two members
# of both groups on one link, and a host without keys that has the same applications
# there.
# timeout: 600

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/process.sh"
need ip jq tcpdump ping ddsperf

of() { # HOST GROUP FIELD
	host_ctl "$1" -j status |
		jq -r ".member.groups[] | select(.name == \"$2\").\"$3\""
}
agree() { # GROUP
	[ "$(of m "$1" out-spi)" -gt 0 ] && [ "$(of n "$1" out-spi)" -gt 0 ] &&
		[ "$(of m "$1" out-spi)" = "$(of n "$1" data-spi)" ] &&
		[ "$(of n "$1" out-spi)" = "$(of m "$1" data-spi)" ]
}
wire() { # FILTER
	sniffer_catches_up $dump "$TMP/wire.err" || return 1
	tcpdump -n -r "$TMP/wire.pcap" "$@" 2>/dev/null | wc -l
}

pki_make m n
bridge_up
for h in k m n; do
	mroute_to $h eth0 239.255.0.1/32
done
load_mcsec
example_conf k gcks vxlan dds >"$TMP/k.conf"
example_conf m member vxlan dds >"$TMP/m.conf"
example_conf n member vxlan dds >"$TMP/n.conf"
for h in k m n; do
	up $h
done
for g in vxlan dds; do
	try "both members have the key of $g" wait_until 60 agree $g
done
spawn nsenter "--net=/run/netns/$(ns n)" -- tcpdump -U -n -i eth0 \
	-w "$TMP/wire.pcap" -s 0 "ip multicast" 2>"$TMP/wire.err"
dump=$!
try "a sniffer listens" wait_until 30 grep -q listening "$TMP/wire.err"

section "VXLAN"

# without learning all datagrams go to the group
i=0
for h in k m n; do
	i=$((i + 1))
	nip $h link add vx type vxlan id 7 group 239.7.0.7 dev eth0 dstport 4789 \
		nolearning
	nip $h addr add 10.9.0.$i/24 dev vx
	nip $h link set vx up
done
try "m reaches n in the segment" in_ns m ping -q -c 3 -i 0.2 -w 20 10.9.0.3
before=$(counter n in-clear)
refuse "a host without a key does not reach n" in_ns k ping -q -c 1 -w 2 10.9.0.3
try "datagrams of a host without a key are counted" \
	test "$(counter n in-clear)" -gt "$before"
is "members send nothing of the segment in the clear" \
	"$(wire "udp port 4789 and not src $K4")" 0
try "the segment is ESP" test "$(wire "esp and dst 239.7.0.7")" -gt 6

section "DDS"

dds() { # HOST ARGUMENT...
	local h=$1

	shift
	# data goes to the group even if there is one reader
	CYCLONEDDS_URI='<General><Interfaces><NetworkInterface name="eth0"
		prefer_multicast="true" multicast="true"/></Interfaces></General>' \
		spawn in_ns "$h" ddsperf -T KS "$@" >"$TMP/dds-$h" 2>&1
}
# Total of what a subscriber received.
received() { sed -n 's/.* total \([0-9]*\) .*/\1/p' "$TMP/dds-$1" | tail -n 1; }
has_data() { [ "$(received "$1")" -gt 10 ]; }
dds n sub
dds m pub 10Hz size 100
try "n receives samples of m" wait_until 60 has_data n
is "members send nothing of DDS to the group in the clear" \
	"$(wire "udp and dst 239.255.0.1")" 0
try "samples were ESP" test "$(wire "esp and dst 239.255.0.1 and src 10.7.0.2")" -gt 10
before=$(counter n in-clear)
dds k sub
announced() { [ "$(counter n in-clear)" -gt "$before" ]; }
try "announcements of a host without a key are counted" wait_until 60 announced
spi=$(of m dds data-spi)
try "a rekey" kctl rekey dds
moved() { [ "$(of m dds out-spi)" != "$spi" ] && agree dds; }
try "both members send with the next key" wait_until 60 moved
had=$(received n)
goes_on() { [ "$(received n)" -gt "$((had + 10))" ]; }
try "samples arrive under the next key" wait_until 60 goes_on
is "a host without a key receives no sample" "$(received k | grep -v '^0$')" ""
is "members still send nothing of DDS to the group in the clear" \
	"$(wire "udp and dst 239.255.0.1 and not src $K4")" 0

tap_done
