#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The netlink family under requests that a program made of its specification:
# valid ones, and broken ones. What the kernel says to it, the guest looks for.
#
#	selftests/run kfuzz/netlink
#	MCSEC_KFUZZ_SEED=7 MCSEC_KFUZZ_SECONDS=60 selftests/run kfuzz/netlink
#
# timeout: 300
# clock: real

. "$(dirname "$0")/../kmod/kmod.sh"
need python3
python3 -c 'import yaml' 2>/dev/null || skip_all "python3-yaml is missing"
spec=$(project_file Documentation/netlink/specs/mcsec.yaml)
[ -n "$spec" ] || skip_all "the family's specification is not here"
load_mcsec
ns_create a
nip a link add dummy0 type dummy
nip a addr add 10.1.0.1/24 dev dummy0
nip a addr add fd01::1/64 dev dummy0
nip a link set dummy0 up
mroute_to a dummy0 224.0.0.0/4 ff00::/8
in_ns a python3 "$(dirname "$0")/netlink.py" "$spec" \
	"${MCSEC_KFUZZ_SECONDS:-20}" "${MCSEC_KFUZZ_SEED:-$RANDOM$RANDOM}"
exit
