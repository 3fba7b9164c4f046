#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The tests inside the module, which run when it loads: the replay window, known
# answers of each transform, copies that are checked at once, and IVs that are taken
# while others are. Modules for debugging kernels have them, and those built with
# MCSEC_DEBUG=1.
# debug only
# clock: real

. "$(dirname "$0")/../lib.sh"

grep -q 'self-test passed: ' "$(mcsec_ko)" 2>/dev/null ||
	skip_all "the module was built without its self-tests"
[ ! -d /sys/module/mcsec ] || rmmod_wait
dmesg -C
load_mcsec
said=$(dmesg)
like "the replay window passes its self-test" \
	"$said" 'mcsec: self-test passed: replay window'
like "the ESP transforms pass their self-tests" \
	"$said" 'mcsec: self-test passed: ESP'
unlike "no ESP transform is missing here" "$said" 'no such cipher here'
like "one of two copies that are checked at once is accepted" \
	"$said" 'mcsec: self-test passed: copies: one of two accepted'
like "the IVs pass their self-test, none given out twice" \
	"$said" 'mcsec: self-test passed: IVs: .*, none given out twice'
n=$(sed -n 's/.*self-test passed: IVs: \([0-9]*\) interrupts.*/\1/p' <<<"$said")
diag "$n interrupts"
try "the IV self-test took IVs in interrupts, too" test "$n" -ge 20
tap_done
