#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A machine that is copied sends no more with what its original sends with, and
# one that goes to disk takes no keys along. No guest has snapshots: modules for
# debugging can be told that there was one. 39-notifiers has whether the kernel tells.
# debug only

. "$(dirname "$0")/kmod.sh"
need python3
has_af_alg || skip_all "the kernel has no AF_ALG"
load_mcsec
knob=/sys/module/mcsec/parameters/rollback
[ -e $knob ] || skip_all "the module was built without its self-tests"
two_hosts
groups a b
k4=$(new_key 20) k6=$(new_key 20)
for n in a b; do
	[ $n = a ] && sid=1 || sid=11
	sa_add $n g4 "$k4" spi 4096 dir inout alg aes-gcm-16 \
		sender-id $sid-$((sid + 7)) select
	sa_add $n g6 "$k6" spi 4096 dir in alg aes-gcm-16
done
listen a $G4 a4
spawn in_ns a "$MCSECCTL" monitor >"$TMP/events"
wait_until 10 test -s "$TMP/a4.ready" -o -e "$TMP/a4.ready"
send b $G4 >/dev/null
try "before the copy, a hears the group" wait_until 20 has_lines a4 1
state() { sa_word "$1" "$2" 4096 state; }
events() { [ "$(grep -c "$1" "$TMP/events")" -ge "$2" ]; }

section "a copied machine"

echo 0 >$knob
is "an SA that sends has ended" "$(state a g4)" exhausted
is "an SA that only receives lives on" "$(state a g6)" live
# no group of b's may be in the way of what b makes up
ctl b group del g4
pkt b inside $G4 eth0 "$k4" 4096 $((11 << 48 | 999)) udp
try "the copy goes on hearing others" wait_until 20 has_lines a4 2
pkt b inside $G4 eth0 "$k4" 4096 $((1 << 48 | 999)) udp
try "the copy takes what its original sends for its own" \
	wait_until 20 counted a in-replay 1
ctl b group add g4 $G4
try "userspace is told why" wait_until 20 events 'hard-expire.*rollback' 1
send a $G4 count=2 >/dev/null
is "nothing is sent under the key of before the copy" \
	"$(counters a in-accepted)" "out-exhausted 2, in-replay 1"
refuse "the key of before the copy is not taken again" \
	sa_add a g4 "$k4" spi 4097 dir out \
	alg aes-gcm-16 sender-id 1-8 select
sa_add b g4 "$(new_key 20)" spi 5000 dir out alg aes-gcm-16 sender-id 1-8
k=$(new_key 20)
for n in a b; do
	sa_add $n g4 "$k" spi 4098 dir inout alg aes-gcm-16 \
		sender-id "$([ $n = a ] && echo 1-8 || echo 11-18)" select
done
send b $G4 >/dev/null
try "a receives under a new key" wait_until 20 has_lines a4 3
send a $G4 >/dev/null
is "a sends under a new key" "$(counter a out-protected)" 1

section "hibernation"

echo 1 >$knob
is "before hibernation every SA ends" \
	"$(state a g4) $(state a g6) $(sa_word a g4 4098 state)" \
	"expired expired expired"
try "userspace is told of each SA that ended" \
	wait_until 20 events 'hard-expire.*rollback' 4
send a $G4 >/dev/null
is "nothing is sent after hibernation began" "$(counter a out-expired)" 1
is "the groups stay, closed" "$(group_names a | wc -l)" 2
k=$(new_key 20)
again() { sa_add a g4 "$k" spi 4099 dir out alg aes-gcm-16 sender-id 1-8 select; }
again 2>"$TMP/busy" && not_ok "an SA added before the image is refused"
is "an SA added before the image is refused, and why is said" \
	"$(grep -c 'the machine is hibernating' "$TMP/busy")" 1
is "nothing is left of the SA that was refused" \
	"$(state a g4) $(sa_word a g4 4099 state)" "expired "
send a $G4 >/dev/null
is "nothing is sent by the SA that was refused" \
	"$(counter a out-protected) $(counter a out-expired)" "1 2"
echo 0 >$knob
refuse "an SA is refused before the image also after a copy" again
refuse "an SA is refused before the image in other namespaces, too" \
	sa_add b g4 "$(new_key 20)" spi 4099 \
	dir in alg aes-gcm-16

section "a namespace that is being deleted"
# Namespaces are taken off the kernel's list seconds before their SAs go. The cipher
# counts who has a key of it.

refs() {
	awk -F ' *: ' '$1 == "name" { name = $2 }
		$1 == "refcnt" && name == "gcm(aes)" { print $2; exit }' /proc/crypto
}
echo 2 >$knob
ctl a group flush
ctl b group flush
wait_until 20 test "$(refs)" -le 1
ns_create dying
ctl dying group add g4 $G4
sa_add dying g4 "$(new_key 20)" spi 4096 dir inout alg aes-gcm-16 \
	sender-id 1-8 select
for i in {1..400}; do
	echo "link add d$i type dummy"
done | nip dying -batch -
ns_delete dying
sleep 0.001
with=$(refs)
echo 1 >$knob
is "the key of a namespace that is being deleted is in no image" \
	"$with, then $(refs)" "2, then 1"

section "resume"

groups a

echo 2 >$knob
try "when the machine is back, the very same SA is taken" again
send a $G4 >/dev/null
is "the SA that was added after resume sends" "$(counter a out-protected)" 2
tap_done
