#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The guest's part while selftests/bench/trace.py counts from outside:
# datagrams in a loop, plain, then through mcsec, for each size.
#
#	selftests/bench/profile.sh FOLDER SHARE SIZE...
#
# FOLDER has dgram. SHARE is a folder of the host's: "NAME.ready" is made there
# when NAME runs, and it ends when the host makes "NAME.done".

# shellcheck source=selftests/kmod/kmod.sh
. "$(dirname "$0")/../kmod/kmod.sh"
bin=$1 share=$2
shift 2

for m in aesni_intel ghash-clmulni-intel; do
	modprobe -q $m
done
load_mcsec
two_hosts
echo 0 >/proc/sys/kernel/kptr_restrict
cat /proc/kallsyms >"$share/symbols"

# name, size
run() {
	touch "$share/$1.ready"
	until [ -e "$share/$1.done" ]; do
		"$bin/dgram" "$(ns a)" "$(ns b)" $G4 "$2" 500 >/dev/null ||
			exit 1
	done
}

for size; do
	run "plain-$size" "$size"
done
groups a b || exit 1
k=$(new_key 20)
sa_add a g4 "$k" spi 4096 dir out alg aes-gcm-16 sender-id 1 select &&
	sa_add b g4 "$k" spi 4096 dir in alg aes-gcm-16 || exit 1
for size; do
	run "mcsec-$size" "$size"
done
exit 0
