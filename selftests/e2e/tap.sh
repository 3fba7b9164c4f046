# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Every end-to-end test begins with this: lib.sh's TAP, lab.sh's network,
# daemons.sh's mcsecd, the module, and the logs of everybody when a check
# failed. To be sourced by the tests in this folder.

# shellcheck source=selftests/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh"
need ip tcpdump smcrouted jq tc ss nft
# shellcheck source=selftests/e2e/lab.sh
. "$TOP/selftests/e2e/lab.sh"
# shellcheck source=selftests/e2e/daemons.sh
. "$TOP/selftests/e2e/daemons.sh"
# shellcheck disable=SC2034
STREAM_MARKER=0123456789abcdef

e2e_end() {
	local f

	lab_down
	[ "$tap_failed" -gt 0 ] || return 0
	for f in "$LAB"/*/mcsecd*.log; do
		[ -e "$f" ] || continue
		diag "---- ${f#"$LAB"/}"
		tail -n 25 "$f" | sed 's/^/# /'
	done
}
on_exit e2e_end
load_mcsec

# lab_start HOST...: the network, and certificates for it
lab_start() {
	try "the network" lab_up "$@" || tap_done
	try "certificates are made" pki_make || tap_done
}

# daemons_run HOST...: mcsecd on each, and those that are members get in
daemons_run() {
	local h

	for h; do
		try "mcsecd on $h" daemon_start "$h" || tap_done
	done
	for h; do
		[ "$h" = k ] || try "$h is in" wait_until 30 member_in "$h"
	done
}

# whole HOST WHAT: the stream at a host has no gap, nothing twice or altered
whole() {
	is "$2: $1 has lost nothing" \
		"$(stream_now "$1" rx '.streams[0] | "\(.lost) lost, \(.duplicates) twice, \(.corrupt) altered"'), $(stream_of "$1" rx .socket_drops) dropped" \
		"0 lost, 0 twice, 0 altered, 0 dropped" ||
		diag "gaps $(stream_of "$1" rx '.streams[0].gaps | tostring')"
}

heard() { stream_now "$1" rx '[.streams[].packets] | add // 0'; }
hears() { [ "$(heard "$1")" -gt "${2:-0}" ]; }
# hears_on HOST: more comes now
hears_on() {
	local n

	n=$(heard "$1")
	wait_until 20 hears "$1" "$n"
}
# Asks over a second and a half
hears_nothing() {
	local n

	n=$(heard "$1")
	sleep 1.5
	[ "$(heard "$1")" = "$n" ]
}
# wire_clear: datagrams of the group that were not ESP, in all captures
wire_clear() { census .clear "$LAB"/wire/*.pcap; }
# stream_markers: how often a capture has the stream's text
stream_markers() {
	printf '%s' "$STREAM_MARKER" | od -An -v -tx1 | tr -d ' ' >"$TMP/marker"
	wire scan -m "$TMP/marker" "$LAB"/wire/*.pcap
}
