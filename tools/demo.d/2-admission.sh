# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and its parts share variables
# Step 2: who is let in, and who is not, and why.

join_in() {
	try "$1 authenticates with its certificate and is in, $2" \
		watch_for 30 "$1 registers" member_in "$1"
}

step_admission() {
	step "2  Only members get keys"
	try "a CA, and certificates for all but mallory (mcsecctl pki)" pki_make
	G_SENDERS='"studio.lab"'
	G_INTERVAL=12 G_LIFETIME=40 G_ATD=2 G_DTD=5
	gcks_conf
	try "mcsecd finds no fault with the key server's configuration" \
		"$MCSECD" --check -f "$LAB/keyserver/mcsecd.conf"
	try "the key server runs" daemon_start keyserver
	note "its policy of \"video\": everybody of the CA may receive, studio may"
	note "send as well; new keys every $G_INTERVAL s"

	member_conf studio true false
	member_conf anna false true
	try "mallory records who talks to the key server" \
		sniff_links admission keyserver
	try "mcsecd runs on studio" daemon_start studio
	try "mcsecd runs on anna" daemon_start anna
	join_in studio "with Sender-IDs $(member_is studio first-sender-id) and on"
	join_in anna "as a receiver"
	show anna "mcsecctl status"

	mallory_is_refused
	bob_may_not_send
	nothing_leaves_without_keys
	daemon_stop mallory

	daemon_stop bob
	member_conf bob false true
	try "bob asks again, to receive" daemon_start bob
	join_in bob "as a receiver"
	is "the key server has three members: studio, anna, bob" \
		"$(ctl keyserver -j member video |
			jq -r '[.rosters[0].members[].id] | sort | join(" ")')" \
		"anna.lab bob.lab studio.lab"
	show keyserver "mcsecctl member video"
	try "the capture of the key server's link is complete" \
		sniff_links_end keyserver
}

K_STRANGER='authentication failed: "mallory\.lab" at '
K_SENDER='registration refused: "bob\.lab"'

refusals_of() { [ "$(member_is "$1" refusals)" -gt 0 ] 2>/dev/null; }

mallory_is_refused() {
	note "mallory has a certificate, but of another CA:"
	member_conf mallory false true "$LAB/pki-other" "$LAB/pki"
	try "mcsecd runs on mallory" daemon_start mallory
	try "mallory is refused" watch_for 30 "mallory tries" refusals_of mallory
	note "mallory is told:  $(member_is mallory last-error)"
	try "the key server knows why mallory is refused" wait_until 10 \
		grep -qE "$K_STRANGER" "$LAB/keyserver/mcsecd.log"
	note "keyserver's log:  $(reason "$LAB/keyserver/mcsecd.log" "$K_STRANGER")"
}

bob_may_not_send() {
	note "bob is genuine, and asks to send where it may only receive:"
	member_conf bob true true
	try "mcsecd runs on bob" daemon_start bob
	try "bob is refused" watch_for 30 "bob tries" refusals_of bob
	note "bob is told:      $(member_is bob last-error)"
	try "the key server knows why bob is refused" wait_until 10 \
		grep -qE "$K_SENDER" "$LAB/keyserver/mcsecd.log"
	note "keyserver's log:  $(reason "$LAB/keyserver/mcsecd.log" "$K_SENDER")"
}

nothing_leaves_without_keys() {
	local h

	try "mallory records what bob and mallory's host would send to the group" \
		sniff_links refused bob mallory
	for h in bob mallory; do
		stream_send "$h" tx -r 500 -n 200
		wait_until 20 test -e "$LAB/$h/tx.json" ||
			not_ok "$h tries to send"
		is "$h's module drops each of 200 datagrams (out-no-sa)" \
			"$(counter "$h" out-no-sa)" 200
	done
	try "the captures are complete" sniff_links_end bob mallory
	is "no datagram of bob or mallory was on the wire, in clear or in ESP" \
		"$(census '.clear + .esp' "$LAB/wire/refused-bob.pcap" \
			"$LAB/wire/refused-mallory.pcap")" 0
	show bob "mcsecctl stats"
}
