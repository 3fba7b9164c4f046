#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Every allocation that a datagram needs on its way out or in fails in turn: it
# is dropped and counted, or goes on as ESP; nothing vanishes or leaks, and the
# next one goes on.
#
# timeout: 900
# debug only

. "$(dirname "$0")/kmod.sh"
need python3 nft
[ -e /proc/self/fail-nth ] || skip_all "no fault injection in this kernel"
load_mcsec
ns_create a w b
veth a:eth0 10.1.0.1/24 fd01::1/64 -- w:eth0 10.1.0.3/24 fd01::3/64
mroute_to a eth0 224.0.0.0/4 ff00::/8
slab=/sys/kernel/debug/failslab
echo 0 >$slab/verbose
# settings that a test before this one has left
echo 0 >$slab/require-start
groups a b
declare -A key=()
# right in front of mcsec, which has the same priority and was there before
in_ns b nft -f - <<NFT
table inet nth {
	counter pre { }
	chain pre {
		type filter hook prerouting priority -399
		ip daddr $G4 meta l4proto esp counter name pre
		ip6 daddr $G6 meta l4proto esp counter name pre
	}
}
NFT
# words of the SAs
keys() {
	local g

	for g in g4 g6; do
		key[$g]=$(new_key 20)
		ctl a sa flush $g
		ctl b sa flush $g
		sa_add a $g "${key[$g]}" spi 4096 dir out alg aes-gcm-16 \
			sender-id 1-4 select "$@"
		sa_add b $g "${key[$g]}" spi 4096 dir in alg aes-gcm-16 "$@"
	done
}

# name, how many failures at least are mcsec's, words of nth.py. Only this task's
# allocations fail, and now and then another task handles the datagram: where too few
# failures were seen, all are tried again.
turn() {
	local name=$1 least=$2 g=g4 said counted
	shift 2

	[[ $* != *six=1* ]] || g=g6
	for _ in 1 2 3; do
		said=$("$PKT/nth.py" "$1" "$MCSECCTL" "$(ns a)" "$(ns w)" \
			"$(ns b)" "${key[$g]}" "${@:2}" 2>&1)
		diag "$name: $said"
		counted=$(sed -n 's/.*counted=\([0-9]*\).*/\1/p' <<<"$said")
		[[ $said == *"vanished=0 clear=0" && ${counted:-0} -lt $least ]] || break
	done
	try "$name: what fails is counted" test "${counted:-0}" -ge "$least"
	like "$name: a failure is counted or told, and nothing is in the clear" \
		"$said" \
		'vanished=0 clear=0$'
}
keys
# numbers of failures that are mcsec's; most others are tried again or do not
# matter
turn "a datagram in pages" 1 out size=5000
turn "a batch" 1 out size=5000 gso=1000
# all that it needs is there
turn "a full frame" 0 out size=1472
turn "arrival beside a sniffer" 1 in size=100 sniff=1
turn "arrival of a new sender" 1 in size=100 fresh=1
turn "arrival in fragments" 1 in size=3000 fresh=1
# the first has left the memory that this one needs
turn "IPv6 in pages" 0 out size=5000 six=1
turn "arrival of IPv6 in fragments" 1 in size=3000 fresh=1 six=1
keys mode tunnel
# the datagram moves up in its own memory
turn "a tunnel" 0 out size=1400 mode=tunnel
turn "a tunnel's batch of IPv6" 1 out size=5000 gso=1000 six=1 mode=tunnel
turn "arrival out of a tunnel" 1 in size=100 fresh=1 mode=tunnel
turn "arrival out of a tunnel of IPv6" 1 in size=100 fresh=1 six=1 \
	mode=tunnel
is "no other reason was counted at the sender" \
	"$(counters a out-protected out-no-memory out-gso)" ""
is "no other reason was counted at the receiver" \
	"$(counters b in-accepted in-no-memory)" ""
tap_done
