# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and its parts share variables
# Step 1: who is let in, and who is not, and why.

join_in() {
	try "$1 authenticates with its certificate and is in, $2" \
		watch_for 30 "$1 registers" member_in "$1"
}

step_admission() {
	local h

	step "1  Only members get keys"
	try "a CA, and certificates for k, s, a, b and c (mcsecctl pki)" pki_make
	G_INTERVAL=12 G_LIFETIME=40 G_ATD=2 G_DTD=5
	gcks_conf
	try "mcsecd finds no fault with the key server's configuration" \
		"$MCSECD" --check -f "$LAB/k/mcsecd.conf"
	try "the key server runs" daemon_start k
	note "the group \"video\" is $GROUP: s may send, everybody of the CA may"
	note "receive; new keys every $G_INTERVAL s"

	member_conf s true false
	member_conf a false true
	try "the eavesdropper records who talks to k" sniff_links admission k
	try "mcsecd runs on s" daemon_start s
	try "mcsecd runs on a" daemon_start a
	join_in s "with Sender-IDs $(member_is s first-sender-id) and on"
	join_in a "as a receiver"

	note "a stranger: its certificate comes from another CA"
	member_conf x false true "$LAB/pki-other" "$LAB/pki"
	try "mcsecd runs on x" daemon_start x
	try "x is refused" watch_for 30 "x tries" refusals_of x
	note "x is told:  $(member_is x last-error)"
	try "k knows why x is refused" wait_until 10 grep -qE "$K_STRANGER" \
		"$LAB/k/mcsecd.log"
	note "k's log:    $(reason "$LAB/k/mcsecd.log" "$K_STRANGER")"

	note "a genuine member that asks to send where it may only receive"
	member_conf b true true
	try "mcsecd runs on b" daemon_start b
	try "b is refused" watch_for 30 "b tries" refusals_of b
	note "b is told:  $(member_is b last-error)"
	try "k knows why b is refused" wait_until 10 grep -qE "$K_SENDER" \
		"$LAB/k/mcsecd.log"
	note "k's log:    $(reason "$LAB/k/mcsecd.log" "$K_SENDER")"

	try "the eavesdropper records what b and x would send to the group" \
		sniff_links refused b x
	for h in b x; do
		stream_send "$h" tx -r 500 -n 200
		wait_until 20 test -e "$LAB/$h/tx.json" ||
			not_ok "$h tries to send"
		is "$h's module drops each of 200 datagrams (out-no-sa)" \
			"$(counter "$h" out-no-sa)" 200
	done
	try "the captures are complete" sniff_links_end b x
	is "no datagram of b or x was on the wire, in clear or in ESP" \
		"$(census '.clear + .esp' "$LAB/wire/refused-b.pcap" \
			"$LAB/wire/refused-x.pcap")" 0
	daemon_stop x

	daemon_stop b
	member_conf b false true
	try "b asks again, to receive" daemon_start b
	join_in b "as a receiver"
	ctl k -j member video | jq -r '.rosters[0].members[] |
		"       \(.id): \(if .send then "sends, " else "" end)receives"'
	try "the capture of k's link is complete" sniff_links_end k
}

K_STRANGER='authentication failed: "x\.lab" at '
K_SENDER='registration refused: "b\.lab"'

refusals_of() { [ "$(member_is "$1" refusals)" -gt 0 ] 2>/dev/null; }
