#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Documentation/recipes/dds.rst, typed as it is there, with Cyclone DDS: samples arrive as
# ESP, also under the next key, and a participant without a key neither hears nor is heard.
# timeout: 600

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/recipe.sh"
need ddsperf

# Total of what a subscriber received.
received() { sed -n 's/.* total \([0-9]*\) .*/\1/p' "$1" | tail -n 1; }
samples=$TMP/robot2/home/sub.log
has_data() { [ "$(received "$samples")" -gt "$1" ]; }

before_command() {
	case $1:$2 in
	*'mcsecctl member dds') try "both robots have the key" wait_until 60 agree robot1 robot2 ;;
	*'tail -n 2 sub.log') try "robot2 receives samples" wait_until 60 has_data 10 ;;
	esac
}
after_command() {
	case $1:$2 in
	*'tail -n 2 sub.log') output_has "the log counts samples" ' total [1-9]' ;;
	robot2:*'mcsecctl stats') output_has "datagrams are verified" '^in-accepted +[1-9]' ;;
	robot2:*tcpdump*)
		output_has "the capture has ESP" '> 239.255.0.1: ESP\(spi='
		output_lacks "the capture has no UDP" 'UDP'
		;;
	esac
}
recipe_up robot1 robot2 -- x
type_recipe dds "robot1|robot2"
is "robots send nothing to the group in the clear" "$(wire "udp and dst 239.255.0.1")" 0
try "samples were ESP" test "$(wire "esp and dst 239.255.0.1 and src 192.0.2.1")" -gt 10

section "a stranger"
before=$(stat_of robot2 in-clear)
in_ns x sh -c "CYCLONEDDS_URI=file://$TMP/robot1/home/cyclonedds.xml; export CYCLONEDDS_URI
	ddsperf -T KS sub >$TMP/x.log 2>&1 &"
try "announcements of a participant without a key are counted" \
	wait_until 60 counted robot2 in-clear $((before + 1))

section "a rekey"
spi=$(of robot1 data-spi)
try "the keys change" on_host robot1 mcsecctl rekey dds
moved() { [ "$(of robot1 out-spi)" != "$spi" ] && agree robot1 robot2; }
try "both robots send with the next key" wait_until 60 moved
try "samples arrive under the next key" wait_until 60 has_data $(($(received "$samples") + 10))
is "a participant without a key receives no sample" "$(received "$TMP/x.log" | grep -v '^0$')" ""
try "the one without a key has announced itself" \
	test "$(wire "udp and dst 239.255.0.1 and src 192.0.2.3")" -gt 0
is "robots still send nothing to the group in the clear" \
	"$(wire "udp and dst 239.255.0.1 and not src 192.0.2.3")" 0
tap_done
