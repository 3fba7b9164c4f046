#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Taking things away under traffic, in both directions at once: SAs, groups,
# namespaces, the module. What was protected is never seen in the clear, and
# nothing is left behind.
#
#	a eth0 ---- eth0 b
#
# timeout: 900
# cpus: 2
# stock full: two CPUs at full speed

. "$(dirname "$0")/kmod.sh"
need tcpdump python3
complaints() {
	dmesg | grep -E 'WARNING:|BUG:|unreferenced object'
}
complaints=$(complaints)
load_mcsec
two_hosts
groups a b
sniff b wire

flood() { # host, group address, count
	spawn in_ns "$1" "$MC" send "$2" $PORT eth0 count="$3" size=300 \
		text=SECRET >/dev/null
}
keys() { # SPI
	local g key n

	for g in g4 g6; do
		key=$(new_key 20)
		sa_add a $g "$key" spi "$1" dir inout alg aes-gcm-16 \
			sender-id 1-4 select
		sa_add b $g "$key" spi "$1" dir inout alg aes-gcm-16 \
			sender-id 11-14 select
	done 2>"$TMP/why"
}
# b's Sender-IDs are claimed on the host that both share: keys are per host
keys 4096 || diag "$(<"$TMP/why")"
listen a $G4 a4
listen a $G6 a6
listen b $G4 b4
listen b $G6 b6
send a $G4 >/dev/null
try "traffic flows" wait_until 20 has_lines b4 1

for n in a b; do
	flood $n $G4 $((400 * SCALE))
	flood $n $G6 $((400 * SCALE))
done
for i in $(seq $((SCALE < 6 ? 2 : 6))); do
	keys $((4096 + i))
	for n in a b; do
		ctl $n sa del g4 $((4095 + i))
		ctl $n sa flush g6
	done
	keys $((8192 + i))
done
ok "SAs were deleted and flushed under traffic"
for i in 1 2 3; do
	for n in a b; do
		ctl $n sa flush g4
		ctl $n sa flush g6
	done
	keys $((12000 + i))
done
like "some datagrams arrived" "$(counters b)" "in-accepted"
ctl a sa flush g4
send a $G4 text=SECRET >/dev/null
like "a datagram without a key is dropped" "$(counters a)" "out-no-sa"
refuse "the module does not unload while there are groups" rmmod mcsec
sniffed wire
is "nothing went in the clear while SAs went" \
	"$(grep -ac SECRET "$TMP/wire.pcap")" 0

section "groups"

ns_create c d
veth c:eth0 10.2.0.1/24 d:eth0 10.2.0.2/24
mroute_to c eth0 224.0.0.0/4
mroute_to d eth0 224.0.0.0/4
listen d $G4 d4
spawn in_ns c "$MC" send $G4 $PORT eth0 count=$((600 * SCALE)) size=300 >/dev/null
sender=$!
for i in $(seq $((SCALE < 8 ? 4 : 8))); do
	ctl c group add g4 $G4
	ctl d group add g4 $G4
	key=$(new_key 20)
	sa_add c g4 "$key" spi 4096 dir out alg aes-gcm-16 sender-id 1-4 select
	sa_add d g4 "$key" spi 4096 dir in alg aes-gcm-16
	if [ $((i % 2)) = 0 ]; then
		ctl c group del g4
		ctl d group del g4
	else
		ctl d group flush
		ctl c group flush
	fi
done
ok "groups came and went under traffic"
wait $sender

section "the last counts"

ctl c group add g4 $G4
ctl d group add g4 $G4
for i in 1 2 3; do
	last_counts c d g4 $((5000 + i)) "$(new_key 20)" alg aes-gcm-16
done
ctl c group del g4
ctl d group del g4

section "namespaces"

ctl c group add g4 $G4
sa_add c g4 "$(new_key 20)" spi 4096 dir out alg aes-gcm-16 sender-id 1-4 select
flood c $G4 100000
sleep 0.3
sniffed wire
leave() {
	local n

	for n; do
		ip netns pids "$(ns "$n")" | xargs -r kill -9 2>/dev/null
		ns_delete "$n"
	done
}
# A machine that is copied meanwhile ends the SAs of each namespace. One worker deletes
# them, so a second one goes when the first is gone with its groups.
copied() { echo 0 >$knob && ! ip link show "$1" >/dev/null 2>&1; }
noticed() { # namespace...: they go while copies are noticed
	ip link add "went-$1" type veth peer name v1 netns "$(ns "$1")"
	leave "$@"
	wait_until 60 copied "went-$1"
}
knob=/sys/module/mcsec/parameters/rollback
if [ -e $knob ]; then
	ctl c group add g6 $G6
	keys 4097
	ns_create e
	try "copies are noticed while namespaces go" noticed c d
	try "copies are noticed until they are gone" noticed e
	is "each SA that sends in a namespace that stays has ended" \
		"$(sa_word a g4 4097 state) $(sa_word a g6 4097 state)" \
		"exhausted exhausted"
else
	leave c d
fi
leave a b
ok "namespaces were deleted under traffic"
try "the module unloads after its namespaces" rmmod_wait
is "nothing went in the clear to the end" \
	"$(grep -ac SECRET "$TMP/wire.pcap")" 0
is "the kernel has no new complaint" "$(complaints)" "$complaints"
load_mcsec
try "the module loads again" test -d /sys/module/mcsec
tap_done
