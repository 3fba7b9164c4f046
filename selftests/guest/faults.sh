#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Does the guest tell when something is wrong? A bed that cannot fail proves
# nothing, so here it must: on a WARN, an oops, a hang, a failing command; and
# with the debug kernel on a leak, an overrun and sleeping where it may not.
# "faults.sh debug" adds those, which take a minute each.
#
# Runs on the host: it boots the guests itself.

. "$(dirname "$0")/../lib.sh"
cd "$TOP" || exit 1
boot=selftests/guest/boot

build_fault() {
	local dir out
	dir=$(selftests/guest/kernel "$1") || return 1
	out=$TOP/build/fault-$(cat "$dir/release")

	mkdir -p "$out"
	ln -sf "$TOP"/selftests/guest/faults/* "$out/"
	make -s -C "$dir/build" M="$out" modules >"$TMP/log" 2>&1 || {
		cat "$TMP/log"
		return 1
	}
	fault_ko=$out/fault.ko
}

# kernel, fault, exit code
expect() {
	local out rc

	out=$($boot --kernel "$1" --timeout 400 -- \
		bash -c "insmod '$fault_ko' fault=$2; true" 2>&1)
	rc=$?
	if [ $rc = "$3" ]; then
		ok "$1: $2 ends with $3"
	else
		not_ok "$1: $2 ends with $3" "it ended with $rc:" "$out"
	fi
}

build_fault stock || { echo "Bail out! the fault module does not build"; exit 1; }
expect stock none 0
expect stock warn 97
expect stock oops 97
$boot --timeout 60 -- bash -c 'exit 42' >/dev/null 2>&1
is "the command's exit code comes back" $? 42
out=$($boot --timeout 25 -- sleep 1000 2>&1)
is "a hang ends with 124" $? 124
like "and says so" "$out" "no end after 25 s"
out=$($boot --timeout 60 -- bash -c 'echo one; echo two >&2' 2>&1)
is "the command's output comes back" "$out" $'one\ntwo'
if [ "${1:-}" = debug ]; then
	build_fault debug || not_ok "the fault module builds" "$(cat "$TMP/log")"
	expect debug none 0
	expect debug leak 98
	expect debug overrun 97
	expect debug sleep 99
fi
tap_done
