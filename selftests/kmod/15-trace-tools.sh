#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The commands of counters.rst that show the tracepoints: bpftrace and perf.
#
# timeout: 600
# stock only: perf and types of the kernel (BTF)
# full only: 14-trace has the tracepoints themselves

. "$(dirname "$0")/kmod.sh"
load_mcsec
two_hosts
groups a b

# name, sign that it has begun or nothing, command...: what it says while
# datagrams go to a group without an SA: two, or more until it says something
traced_by() {
	local name=$1 begun=$2 pid
	shift 2

	"$@" >"$TMP/$name" 2>&1 &
	pid=$!
	lib_pids+=("$pid")
	[ -z "$begun" ] || wait_until 120 grep -q "$begun" "$TMP/$name"
	send a $G6 count=2 >/dev/null
	while [ -z "$begun" ] && ! grep -q mcsec_drop "$TMP/$name" &&
		[ $((SECONDS - began)) -lt $((120 * lib_patience)) ]; do
		sleep 1
		send a $G6 count=2 >/dev/null
	done
	kill -INT $pid
	wait $pid
}
doc=$(project_file Documentation/counters.rst)
# tool: its line in the documentation
shown() { sed -n "s/^  \($1 .*\)/\1/p" "$doc"; }

began=$SECONDS
if ! command -v bpftrace >/dev/null; then
	skip "bpftrace counts drops" "bpftrace is missing"
elif [ -z "$doc" ]; then
	skip "bpftrace counts drops" "no documentation here"
else
	traced_by bpftrace Attaching sh -c "exec $(shown bpftrace)"
	like "bpftrace counts drops" "$(<"$TMP/bpftrace")" \
		'^@\[out-no-sa\]: 2$'
fi
began=$SECONDS
if ! command -v perf >/dev/null; then
	skip "perf trace shows datagrams" "perf is missing"
elif [ -z "$doc" ]; then
	skip "perf trace shows datagrams" "no documentation here"
else
	traced_by perf '' sh -c "exec $(shown perf)"
	like "perf trace shows datagrams" "$(<"$TMP/perf")" \
		'mcsec:mcsec_drop\(group: "g6", reason: "out-no-sa"'
fi

tap_done
