#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Packets that come by wires, out of virtual machines, from inside a gateway and
# from this host's own sockets, of a program that makes it up. What the kernel
# says to it, the guest looks for.
#
#	selftests/run kfuzz/packets
#	MCSEC_KFUZZ_SEED=7 MCSEC_KFUZZ_SECONDS=60 selftests/run kfuzz/packets
#
# timeout: 300
# clock: real

. "$(dirname "$0")/../kmod/kmod.sh"
need python3 nft
python3 -c 'import yaml' 2>/dev/null || skip_all "python3-yaml is missing"
spec=$(project_file Documentation/netlink/specs/mcsec.yaml)
[ -n "$spec" ] || skip_all "the family's specification is not here"
[ -e /dev/net/tun ] || modprobe -q tun
[ -e /dev/net/tun ] || skip_all "the kernel has no tun"
load_mcsec
has_af_alg	# for a cipher that answers later
ns_create a
# some fragments stay so; connection tracking sees all; some are marked
in_ns a nft -f - <<'NFT' || skip_all "nft cannot"
table inet f {
	chain early {
		type filter hook prerouting priority -450
		ip dscp cs7 notrack
		ip6 dscp cs7 notrack
		udp sport 9 numgen random mod 8 == 0 meta mark set 5
	}
	chain own {
		type filter hook output priority -450
		ip dscp cs7 notrack
		ip6 dscp cs7 notrack
	}
	chain routed {
		type filter hook forward priority 0
		ct state established counter
	}
}
NFT
in_ns a python3 "$(dirname "$0")/packets.py" "$spec" \
	"${MCSEC_KFUZZ_SECONDS:-20}" "${MCSEC_KFUZZ_SEED:-$RANDOM$RANDOM}"
exit
