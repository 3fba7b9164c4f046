#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Dumps of more than one message can hold, dumps while things change, many
# mcsecctl at once; and the link monitor with devices that the host of the
# unit tests may not have.
#
# timeout: 600

. "$(dirname "$0")/../lib.sh"
need ip python3
load_mcsec

# By -n: a process less than by ip netns exec
ctl() {
	local in=$1-mc$$
	shift
	"$MCSECCTL" -n "$in" "$@"
}

ns_create a

many=300
fill() {
	local i

	for ((i = 0; i < many; i++)); do
		echo "group add group-with-a-long-name-$i" \
			239.2.$((i / 250)).$((i % 250 + 1))
	done | "$MCSECCTL" batch || return 1
	for ((i = 0; i < 60; i++)); do
		"$MCSECCTL" key generate aes-gcm-16 |
			"$MCSECCTL" sa add group-with-a-long-name-1 \
				spi $((4096 + i)) dir inout alg aes-gcm-16 \
				key-stdin sender-id 100-299 || return 1
	done
}
export -f fill
export MCSECCTL TMP many
try "$many groups and 60 SAs of 200 Sender-IDs" in_ns a bash -c fill
is "a dump has every group once" "$(ctl a -j group show |
	json 'len(j), len(set(g["name"] for g in j))')" "($many, $many)"
is "a dump has every SA once, whole" "$(ctl a -j sa show |
	json '[len(j), len(set(s["spi"] for s in j)),
	       set(len(s["sender-id"]) for s in j) == {200}]')" \
	"[60, 60, true]"
is "the overview has all groups and SAs" "$(ctl a -j show |
	json '[len(j), sum(len(g["sa"]) for g in j)]')" "[$many, 60]"

# Each dump, whatever it meets, has once what was there all the time.
churn() {
	local i=0

	while [ ! -e "$TMP/stop" ]; do
		"$MCSECCTL" group add "churn-$((i % 5))" \
			239.3.0.$((i % 5 + 1)) 2>/dev/null
		"$MCSECCTL" group del "churn-$(((i + 3) % 5))" 2>/dev/null
		i=$((i + 1))
	done
}
export -f churn
spawn in_ns a bash -c churn
good=0 torn=0
for _ in 1 2 3 4 5 6 7 8; do
	if ctl a -j group show >"$TMP/dump" 2>"$TMP/err"; then
		[ "$(json 'len([g for g in j if "long" in g["name"]])' \
			<"$TMP/dump")" = "$many" ] && good=$((good + 1))
	else
		torn=$((torn + 1))
		cat "$TMP/err"
	fi
done
touch "$TMP/stop"
is "eight dumps while groups come and go are complete" "$good $torn" "8 0"

race() {
	local i

	for i in 1 2 3 4 5; do
		"$MCSECCTL" group add race 239.4.0.1 2>/dev/null && echo won
		"$MCSECCTL" sa flush group-with-a-long-name-1 || echo failed
	done >"$1"
}
export -f race
pids=()
for i in 1 2 3; do
	in_ns a bash -c "race '$TMP/race$i'" &
	pids+=($!)
done
wait "${pids[@]}"
is "one of many who add the same group succeeds" \
	"$(cat "$TMP"/race? | sort | uniq -c |
	tr -s ' ')" " 1 won"

start=$(date +%s%N)
try "all groups are deleted at once" ctl a group flush
diag "in $((($(date +%s%N) - start) / 1000000)) ms"
is "no group is left after the flush" "$(ctl a group show 2>&1)" "no groups"

section "link monitor"

link=${TOP}/build/unit/link
if [ ! -x "$link" ]; then
	skip "the link monitor" "build/unit/link is not built"
elif ! has_link_type a dummy || ! has_link_type a bridge; then
	skip "the link monitor" "no dummy or bridge"
else
	rc=0
	out=$("$link" 2>&1) || rc=$?
	if [ $rc -eq 0 ] && ! grep -q SKIP <<<"$out"; then
		ok "the link monitor sees devices and bridge ports come and go"
	else
		not_ok "the link monitor sees devices and bridge ports come and go" \
			"$(grep -E -A3 '^not ok|SKIP' <<<"$out")"
	fi
fi
tap_done
