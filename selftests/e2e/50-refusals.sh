#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Refusals, and the words in which both sides say so: certificates of
# another CA, ended, of another kind or another name; roles that the policy
# does not give; groups that there are not; addresses that differ. And who is:
# ECDSA beside Ed25519. A refused member's group is closed.
# timeout: 300

# shellcheck source=selftests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"

# refused HOST WHAT ITS-WORDS K'S-WORDS
refused() {
	local h=$1 what=$2 own=$3 k=$4

	: >"$LAB/k/mark"
	local lines
	lines=$(wc -l <"$LAB/k/mcsecd.log")
	try "$what: mcsecd on $h" daemon_start "$h"
	try "$what: $h is not let in" wait_until 40 told "$h"
	like "$what: $h is told why" "$(member_is "$h" last-error)" "$own"
	[ -z "$k" ] ||
		like "$what: k says why" \
			"$(tail -n +$((lines + 1)) "$LAB/k/mcsecd.log")" "$k"
	is "$what: $h has no key" "$(sa_spis "$h" | wc -l)" 0
	is "$what: its group is closed" \
		"$(ctl "$h" -j group show | jq -r '.[0].dst')" \
		"${5:-$GROUP}"
	daemon_stop "$h"
	ctl "$h" group flush --force
}
told() { [ -n "$(member_is "$1" last-error)" ]; }

lab_start k a b x
G_SENDERS='"b.lab"' G_RECEIVERS='"a.lab", "b.lab"'
gcks_conf
try "mcsecd on k" daemon_start k || tap_done

member_conf x false true "$LAB/pki-other" "$LAB/pki"
refused x "a certificate of another CA" 'AUTHENTICATION_FAILED' \
	'authentication failed.*"x\.lab".*(issuer|self)'

"$MCSECCTL" pki member "$LAB/pki" x.lab >/dev/null
member_conf x false true
refused x "a member that no list has" 'AUTHORIZATION_FAILED' 'refused: "x\.lab"'

member_conf a true true
refused a "a receiver that asks to send" 'AUTHORIZATION_FAILED' \
	'refused: "a\.lab": may receive only'

member_conf a false true
sed -i 's/name = "video"/name = "audio"/' "$LAB/a/mcsecd.conf"
refused a "a group that there is not" 'INVALID_GROUP_ID' 'audio'

member_conf a false true
sed -i 's/gcks-id = "k.lab"/gcks-id = "other.lab"/' "$LAB/a/mcsecd.conf"
refused a "a key server of another name" 'other\.lab|k\.lab' ''

# a's view of the group is another: it must not protect what k does not mean
member_conf a false true
sed -i "s/address = \"$GROUP\"/address = \"239.77.1.9\"/" "$LAB/a/mcsecd.conf"
refused a "another address for the group" 'address|239\.77' '' 239.77.1.9

# a key server must be certified as one
cp "$LAB/k/mcsecd.conf" "$LAB/k/good.conf"
daemon_stop k
"$MCSECCTL" pki member "$LAB/pki-other" k.lab >/dev/null
sed -i "s#$LAB/pki/k.lab#$LAB/pki-other/k.lab#" "$LAB/k/mcsecd.conf"
try "k with a certificate of another CA" daemon_start k
member_conf a false true
refused a "a key server of another CA" 'certificate|issuer|k\.lab' ''
daemon_stop k
cp "$LAB/k/good.conf" "$LAB/k/mcsecd.conf"
try "k as it was" daemon_start k

section "members that are let in"
rm -f "$LAB"/pki/b.lab.*
try "an ECDSA P-256 certificate" "$MCSECCTL" pki member "$LAB/pki" b.lab \
	type ecdsa-p256
member_conf b true true
try "mcsecd on b" daemon_start b
try "b is in, to send and receive" wait_until 30 member_in b
member_conf a false true
try "mcsecd on a" daemon_start a
try "a is in" wait_until 30 member_in a
like "refusals are in the audit trail" \
	"$(ctl k -j audit | jq -r '.audit[] | "\(.event) \(.id)"')" \
	'^refuse a.lab$'

section "refused configurations"
bad() {
	local what=$1 edit=$2 pattern=$3 out rc=0

	sed "$edit" "$LAB/k/good.conf" >"$TMP/bad.conf"
	cmp -s "$LAB/k/good.conf" "$TMP/bad.conf" && {
		not_ok "$what" "the edit changes nothing"
		return
	}
	out=$("$MCSECD" --check -f "$TMP/bad.conf" 2>&1) || rc=$?
	if [ $rc -eq 0 ] || [ $rc -ge 126 ]; then
		not_ok "$what" "ended with $rc: $out"
	else
		like "$what" "$out" "bad\.conf:[0-9]+: $pattern"
	fi
}
try "a good configuration" "$MCSECD" --check -f "$LAB/k/good.conf"
bad "a word that there is not" 's/rekey-interval/rekey-intervall/' \
	'.*rekey-intervall.*rekey-interval'
bad "a unicast group" "s/$GROUP/10.1.1.1/" '.*address.*multicast'
bad "an algorithm that there is not" 's/aes-gcm-16-128/aes-cbc/' \
	'.*algorithm.*aes-cbc'
bad "lifetimes that do not fit" 's/lifetime = 7200/lifetime = 100/' \
	'.*lifetime'
bad "a text for a number" 's/atd = 2/atd = "two"/' '.*atd.*number'
bad "a brace too few" 's/^};$//' '.*'
bad "a port too large" 's/rekey-port = 848/rekey-port = 70000/' \
	'.*rekey-port.*70000'
rc=0
out=$("$MCSECD" --check -f "$TMP/none.conf" 2>&1) || rc=$?
like "a file that there is not" "$rc $out" '^[1-9][0-9]* .*none\.conf.*No such'
tap_done
