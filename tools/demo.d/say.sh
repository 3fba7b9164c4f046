# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The demo's output: steps, check marks, progress, and why it failed. To be
# sourced after lib.sh, whose checks write check marks then.

if [ -n "${MCSEC_COLOR:-}" ]; then
	c_ok=$'\e[32m' c_bad=$'\e[31m' c_head=$'\e[1m' c_off=$'\e[0m'
else
	c_ok='' c_bad='' c_head='' c_off=''
fi

step() { printf '\n%s%s%s  [%s s]\n' "$c_head" "$*" "$c_off" "$SECONDS"; }
note() { printf '     %s\n' "$*"; }

# In place of TAP's lines; the first check that does not hold ends the demo.
ok() {
	tap_count=$((tap_count + 1))
	printf '   %s✓%s %s\n' "$c_ok" "$c_off" "$*"
}

not_ok() {
	printf '   %s✗ %s%s\n' "$c_bad" "$1" "$c_off"
	shift
	[ $# -eq 0 ] || printf '%s\n' "$*" | sed 's/^/       /'
	exit 1
}

# Progress during a long step: one line that changes on a terminal, one
# line now and then elsewhere.
progress_at=0
progress() {
	if [ -n "${MCSEC_COLOR:-}" ]; then
		printf '\r     %-60s' "$*"
	elif [ $SECONDS -ge $((progress_at + 5)) ]; then
		printf '     ... %s\n' "$*"
		progress_at=$SECONDS
	fi
}

progress_end() {
	[ -z "${MCSEC_COLOR:-}" ] || printf '\r%-66s\r' ''
}

# watch_for SECONDS TEXT COMMAND...: wait_until with progress
watch_for() {
	local end=$((SECONDS + $1)) text=$2 rc=0
	shift 2

	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $end ]; then
			rc=1
			break
		fi
		progress "$text"
		sleep 0.5
	done
	progress_end
	return $rc
}

# After a failure: what everybody thinks.
say_states() {
	local h

	for h in "${LINKS[@]}"; do
		[ -S "$LAB/$h/mcsecd.sock" ] || continue
		echo "   -- $h"
		in_ns "$h" timeout 5 "$MCSECCTL" -s "$LAB/$h/mcsecd.sock" \
			status 2>&1 | sed 's/^/      /'
		in_ns "$h" timeout 5 "$MCSECCTL" stats 2>&1 | sed 's/^/      /'
		tail -n 15 "$LAB/$h/mcsecd.log" | sed 's/^/      /'
	done
}
