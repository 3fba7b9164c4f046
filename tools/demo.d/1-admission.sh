# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and its parts share variables
# Step 1: who is let in, and who is not, and why.

join_in() {
	check "$1 authenticates with its certificate and is in, $2" \
		watch_for 30 "$1 registers" member_in "$1"
}

step_admission() {
	local h

	step "1  Only members get keys"
	check "a CA, and certificates for k, s, a, b and c (mcsecctl pki)" pki_make
	G_INTERVAL=12 G_LIFETIME=40 G_ATD=2 G_DTD=5
	gcks_conf
	check "mcsecd finds no fault with the key server's configuration" \
		"$MCSECD" --check -f "$LAB/k/mcsecd.conf"
	check "the key server runs" daemon_start k
	note "the group \"video\" is $GROUP: s may send, everybody of the CA may"
	note "receive; new keys every $G_INTERVAL s"

	member_conf s true false
	member_conf a false true
	check "the eavesdropper records who talks to k" listen admission k
	check "mcsecd runs on s" daemon_start s
	check "and on a" daemon_start a
	join_in s "with Sender-IDs $(member_is s first-sender-id) and on"
	join_in a "as a receiver"

	note "a stranger: its certificate comes from another CA"
	member_conf x false true "$LAB/pki-other" "$LAB/pki"
	check "mcsecd runs on x" daemon_start x
	check "x is refused" watch_for 30 "x tries" refusals_of x
	note "x is told:  $(member_is x last-error)"
	check "and k knows why" until_true 10 grep -qE "$K_STRANGER" \
		"$LAB/k/mcsecd.log"
	note "k's log:    $(reason "$LAB/k/mcsecd.log" "$K_STRANGER")"

	note "a genuine member that asks to send where it may only receive"
	member_conf b true true
	check "mcsecd runs on b" daemon_start b
	check "b is refused" watch_for 30 "b tries" refusals_of b
	note "b is told:  $(member_is b last-error)"
	check "and k knows why" until_true 10 grep -qE "$K_SENDER" \
		"$LAB/k/mcsecd.log"
	note "k's log:    $(reason "$LAB/k/mcsecd.log" "$K_SENDER")"

	check "what the refused would send to the group, meanwhile:" \
		listen refused b x
	for h in b x; do
		stream_send "$h" tx -r 500 -n 200
		until_true 20 test -e "$LAB/$h/tx.json" ||
			failed "$h tries to send"
		check_is "$h's module drops each of 200 datagrams (out-no-sa)" \
			"$(mod_counter "$h" out-no-sa)" 200
	done
	check "the captures are complete" listen_end b x
	check_is "none was on the wire, neither in clear nor in ESP" \
		"$(census '.clear + .esp' "$LAB/wire/refused-b.pcap" \
			"$LAB/wire/refused-x.pcap")" 0
	daemon_stop x

	daemon_stop b
	member_conf b false true
	check "b asks again, to receive" daemon_start b
	join_in b "as a receiver"
	e2e_ctl k -j member video | jq -r '.rosters[0].members[] |
		"       \(.id): \(if .send then "sends, " else "" end)receives"'
	check "a capture of all that" listen_end k
}

K_STRANGER='claims to be "x\.lab"'
K_SENDER='refused: "b\.lab"'

refusals_of() { [ "$(member_is "$1" refusals)" -gt 0 ] 2>/dev/null; }
