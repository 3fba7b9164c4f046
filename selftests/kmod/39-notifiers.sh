#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Does the kernel call the module when the machine is copied, and before it
# hibernates? 39-rollback has what comes of that, by a knob.
#
# stock only: User Mode Linux has neither VM generation IDs nor hibernation

. "$(dirname "$0")/kmod.sh"
need python3
for f in /proc/kcore /dev/snapshot; do
	[ -e $f ] || skip_all "the kernel has no $f"
done
cat >"$TMP/chain.py" <<'PY'
"""Print how many functions a blocking notifier chain of the kernel has, and the names
of those of a module: from the kernel's memory, because the function that calls the
chain is not there for modules. A semaphore of 40 octets comes before the first."""
import struct, sys
chain, module = sys.argv[1], f"[{sys.argv[2]}]"
at, names = None, {}
with open("/proc/kallsyms") as f:
    for line in f:
        words = line.split()
        if words[2] == chain:
            at = int(words[0], 16)
        if words[-1] == module:
            names[int(words[0], 16)] = words[2]
core = open("/proc/kcore", "rb", buffering=0)
head = core.read(64)
offset, = struct.unpack_from("<Q", head, 32)
size, count = struct.unpack_from("<HH", head, 54)
core.seek(offset)
table = core.read(size * count)
segments = [struct.unpack_from("<IIQQQQQ", table, i * size) for i in range(count)]
def word(address):
    for kind, _, offset, begin, _, _, length in segments:
        if kind == 1 and begin <= address < begin + length:
            core.seek(offset + address - begin)
            return struct.unpack("<Q", core.read(8))[0]
    sys.exit(f"{address:x} is not in /proc/kcore")
if word(at + 24) != at + 24:
    sys.exit("the semaphore is laid out otherwise, or somebody waits for it")
node, calls = word(at + 40), []
while node:
    calls.append(word(node))
    node = word(node + 8)
print(len(calls), *(names[call] for call in calls if call in names))
PY
chain() { python3 "$TMP/chain.py" "$1" mcsec 2>&1; }

for c in vmfork_chain pm_chain_head; do
	before[${#before[@]}]=$(chain $c)
	like "$c can be read" "${before[-1]}" '^[0-9]+$'
done
load_mcsec

section "a copied machine"

is "the kernel will tell the module when the machine was copied" \
	"$(chain vmfork_chain)" "$((before[0] + 1)) vm_forked"

section "hibernation"

is "the kernel will tell the module when the machine hibernates" \
	"$(chain pm_chain_head)" "$((before[1] + 1)) pm_event"
ns_create a
ctl a group add g4 $G4
sa_add a g4 "$(new_key 20)" spi 4096 dir inout alg aes-gcm-16 sender-id 1-8 select
state() { sa_word a g4 "$1" state; }
again() { sa_add a g4 "$1" spi "$2" dir in alg aes-gcm-16; }
is "before hibernation the SA is in use" "$(state 4096)" live
# A program that writes the image opens this file first, and closes it when the machine
# is back.
exec 7</dev/snapshot
is "when the machine is about to hibernate, the SA has ended" \
	"$(state 4096)" expired
refuse "an SA is refused before the image" again "$(new_key 20)" 4097
exec 7<&-
try "when the machine is back, an SA is taken" again "$(new_key 20)" 4098
is "the SA of after hibernation is in use" "$(state 4098)" live

section "without the module"

ns_delete a
rmmod_wait
is "the kernel tells nobody of a copy any more" \
	"$(chain vmfork_chain)" "${before[0]}"
is "the kernel tells nobody of hibernation any more" \
	"$(chain pm_chain_head)" "${before[1]}"
tap_done
