#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Documentation/recipes/vxlan.rst, typed as it is there: a segment of the kernel's VXLAN
# between two hosts, whose broadcast goes to a group, and a third one without a key that
# has the same segment.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/recipe.sh"
need bridge nft ping

before_command() {
	case $2 in
	*'mcsecctl member vxlan') try "both hosts have the key" wait_until 60 agree vtep1 vtep2 ;;
	*tcpdump*)
		# The neighbor is asked for by broadcast again while the capture runs.
		spawn on_host vtep1 bash -c \
			'sleep 1; ip neigh flush dev vx7; ping -c 1 -w 5 10.9.0.2' >/dev/null
		;;
	esac
}
after_command() {
	case $1:$2 in
	vtep1:ping*) output_has "the segment works" ' 0% packet loss' ;;
	vtep2:*'mcsecctl stats') output_has "broadcast is verified" '^in-accepted +[1-9]' ;;
	vtep2:*tcpdump*)
		output_has "the capture has ESP" '> 239.192.0.7: ESP\(spi='
		output_lacks "the capture has no VXLAN" 'VXLAN'
		is "unicast between VTEPs is in the clear, as the page says" \
			"$([ "$(wire "udp port 4789 and dst 192.0.2.2")" -gt 0 ]; echo $?)" 0
		;;
	*'bridge fdb show'*) output_has "the table has the other VTEP" 'dst 192.0.2.2 self' ;;
	vtep1:*nolearning) clear=$(wire "udp port 4789") ;;
	esac
}
recipe_up vtep1 vtep2 -- x
type_recipe vxlan "vtep1|vtep2"

section "without learning"
is "nothing more is in the clear" "$(wire "udp port 4789")" "$clear"
frags="ip[6:2] & 0x3fff != 0"
try "a full frame passes" on_host vtep1 ping -q -c 1 -w 20 -M "do" -s 1388 10.9.0.2
is "a full frame is one of ESP, and so is its answer" \
	"$(wire "esp and dst 239.192.0.7 and greater 1400") $(wire "$frags")" "2 0"

section "a stranger"
in_ns x ip link add vx7 type vxlan id 7 group 239.192.0.7 dev eth0 dstport 4789 nolearning
in_ns x ip address add 10.9.0.3/24 dev vx7
in_ns x ip link set vx7 up
before=$(stat_of vtep2 in-clear)
refuse "a host without a key does not reach the segment" \
	in_ns x ping -q -c 1 -w 3 10.9.0.2
try "frames that it floods are counted" counted vtep2 in-clear $((before + 1))
refused() { on_host vtep2 nft list chain inet vxlan in | grep -q 'counter packets 1 '; }
in_ns x socat -u - UDP4-DATAGRAM:192.0.2.2:4789 <<<"frame" || not_ok "x sends"
try "the rule refuses what goes to the VTEP itself" wait_until 20 refused
try "the segment works" on_host vtep1 ping -q -c 1 -w 20 10.9.0.2
is "members send nothing of the segment in the clear" \
	"$(wire "udp port 4789 and not src 192.0.2.3")" "$clear"
tap_done
