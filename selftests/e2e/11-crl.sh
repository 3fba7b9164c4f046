#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Revocation lists by "openssl ca": a member and then the key server are revoked, a
# damaged or an older list changes nothing, and a restart does not let anybody in. A
# member whose list is damaged starts not, and leaves its group closed.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/process.sh"
need ip jq openssl

lists=$TMP/lists

# OPTION...: the next list, which is put in place as a whole
ca_list() {
	ca_do -gencrl -out "$lists/.new" "$@" && mv "$lists/.new" "$lists/lab.crl"
}
# HOST: revoke its certificate, and issue the next list
ca_revoke() { ca_do -revoke "$pki/$1.lab.pem" && ca_list -crldays 7; }

k_conf() {
	gcks_conf '{ name = "video"; address = "239.7.1.1";
	  rekey-address = "239.7.2.1"; rekey-interface = "eth0";
	  receivers = [ "m.lab", "n.lab" ]; senders = [ "m.lab" ];
	  atd = 1; dtd = 3; beat = 2; }' |
		sed "s|^identity: { |&crl = \"$lists\"; crl-policy = \"$1\"; |"
}
m_conf() {
	member_conf "$1" '{ name = "video"; address = "239.7.1.1"; sender-ids = 1; }' |
		sed "s|^identity: { |&crl = \"$lists\"; crl-numbers = \"$TMP/$1/numbers\"; |"
}
roster() { kctl -j member video | jq -r '[.rosters[0].members[].id] | sort | join(" ")'; }
state() { host_ctl "$1" -j status | jq -r '.member.groups[0].state'; }
state_is() { [ "$(state "$1")" = "$2" ]; }
lists_are() { kctl -j status | jq -r ".crl.lists[0].\"$1\""; }
pid_of() { pgrep -f "$MCSECD -c $TMP/$1.conf" | tail -n 1; }

pki_make m n
bridge_up
load_mcsec
mkdir -p "$lists"
ca_make
k_conf strict >"$TMP/k.conf"
m_conf m >"$TMP/m.conf"
m_conf n >"$TMP/n.conf"

section "lists"

up k
like "a CA without a list is named" "$(<"$TMP/k.log")" \
	'revocation list missing: .*are refused'
down TERM "$(pid_of k)"
try "openssl ca makes a list" ca_list -crldays 7
cp "$lists/lab.crl" "$TMP/first.crl"
like "mcsecd --check reads it" "$("$MCSECD" --check "$TMP/k.conf" 2>&1)" \
	'configuration is valid'
up k
up m
up n
try "a member comes in" wait_until 60 state_is m in
try "another one comes in" wait_until 60 state_is n in
is "status has the list" "$(lists_are state) $(lists_are revoked)" "valid 0"

section "a member"

try "openssl ca revokes a certificate" ca_revoke n
cp "$lists/lab.crl" "$TMP/second.crl"
like "--check names who would go" "$(kctl reload --check 2>&1)" \
	'"n.lab" is evicted, the certificate is revoked'
is "a check changes nothing" "$(roster)" "m.lab n.lab"
try "mcsecctl reload reads the list" kctl reload
is "the member is out" "$(roster)" "m.lab"
is "the list in use has one entry" "$(lists_are revoked)" 1
like "the audit trail has the eviction" "$(kctl -j audit)" \
	'"event": *"evict", *"detail": *"the certificate is revoked"'
like "the IKE SA ends for that reason" "$(<"$TMP/k.log")" \
	'IKE SA closed.*n.lab.*the certificate of the peer is revoked'
try "the member does not come back" wait_until 60 grep -q \
	'authentication failed.*n.lab.*revoked by its CA' "$TMP/k.log"
is "the other one stays" "$(state m)" in

section "a restart"

down KILL "$(pid_of k)"
up k
is "the roster is the same" "$(roster)" "m.lab"
down TERM "$(pid_of n)"
up n
sleep 3
is "the revoked member is not in" "$(roster)" "m.lab"

section "broken lists"

head -c 200 "$TMP/second.crl" >"$lists/lab.crl"
like "half a list is refused" "$(kctl reload 2>&1)" \
	'identity.crl: .*lab.crl: a damaged revocation list'
openssl req -x509 -new -newkey ed25519 -nodes -keyout "$TMP/forger.key" \
	-out "$TMP/forger.pem" -subj "/CN=mcsec CA" 2>/dev/null
try "a forger makes a list" ca_list -keyfile "$TMP/forger.key" \
	-cert "$TMP/forger.pem"
like "a forged list is refused" "$(kctl reload 2>&1)" \
	'lab.crl: list of .*CN=.*: its signature is not by that CA'
rm "$lists/lab.crl"
like "a list does not vanish" "$(kctl reload 2>&1)" \
	'the list of CN=.*, which was in use, is missing'
is "the list in use is the former one" "$(lists_are revoked)" 1
cp "$TMP/second.crl" "$lists/lab.crl"
try "the former list is taken again" kctl reload
is "nobody was put out" "$(roster)" "m.lab"

section "an older list"

numbers=$TMP/k/gcks.db.crl-numbers
cp "$TMP/first.crl" "$lists/lab.crl"
like "a reload does not go back" "$(kctl reload 2>&1)" \
	'the list of CN=.* is older than one that was in use'
is "the list in use is the newer one" "$(lists_are revoked)" 1
down TERM "$(pid_of k)"
like "a start would not go back either" "$("$MCSECD" --check "$TMP/k.conf" 2>&1)" \
	'a start would be refused: .*is older than one that was in use'
like "a start does not go back" \
	"$(in_ns k timeout 20 "$MCSECD" -c "$TMP/k.conf" 2>&1)" \
	'not started: .*is older than one that was in use.*gcks.db.crl-numbers'
rm "$lists/lab.crl"
like "a start does not do without the list" \
	"$(in_ns k timeout 20 "$MCSECD" -c "$TMP/k.conf" 2>&1)" \
	'not started: .*which was in use, is missing'
cp "$TMP/second.crl" "$lists/lab.crl"
up k
is "the audit trail has each refusal" \
	"$(kctl -j audit | jq -r '.audit[].event' | grep -c crl-refused)" 6
is "the roster is as before" "$(roster)" "m.lab"
cp "$numbers" "$TMP/numbers"
cp "$TMP/first.crl" "$lists/lab.crl"
sed -i '/^[0-9a-f]/d' "$numbers"
try "an administrator may go back" kctl reload
is "the older list is in use" "$(lists_are revoked)" 0
cp "$TMP/second.crl" "$lists/lab.crl"
try "the newer list is taken again" kctl reload
is "the file has what it had" "$(<"$numbers")" "$(<"$TMP/numbers")"

section "a member and half a list"

down TERM "$(pid_of m)"
mctl group del video --force >/dev/null 2>&1
is "the member protects nothing" "$(mctl -j group show | jq length)" 0
head -c 200 "$TMP/second.crl" >"$lists/lab.crl"
like "the member does not start" \
	"$(in_ns m timeout 20 "$MCSECD" -c "$TMP/m.conf" 2>&1)" \
	'not started: .*a damaged revocation list'
is "the group of the member is closed" \
	"$(mctl -j group show | jq -r '.[0].name')" video
cp "$TMP/second.crl" "$lists/lab.crl"
up m
try "the member is in with the whole list" wait_until 60 state_is m in

section "an outdated list"

try "openssl ca makes a list for 8 s" ca_list -crlsec 8
try "a list for 8 s is taken" kctl reload
expired() { [ "$(lists_are state)" = expired ]; }
try "the log warns before the list expires" wait_until 20 grep -q \
	'revocation list expires soon: ' "$TMP/k.log"
try "status says when it has expired" wait_until 20 expired
try "the log says so" wait_until 10 grep -q 'revocation list expired: ' \
	"$TMP/k.log"
is "nobody was put out by that" "$(roster)" "m.lab"

section "the key server"

try "openssl ca revokes the key server" ca_revoke k
try "the key server reads the list, too" kctl reload
like "the key server says that its own certificate is revoked" "$(<"$TMP/k.log")" \
	'certificate revoked: .*k.lab.pem'
try "SIGHUP lets the member read the list" kill -HUP "$(pid_of m)"
try "the member does not follow the key server" wait_until 20 grep -q \
	'key server revoked: ' "$TMP/m.log"
try "the member deletes the keys" wait_until 60 state_is m waiting
like "the member does not believe the key server" "$(
	wait_until 30 grep -q 'authentication failed' "$TMP/m.log"
	cat "$TMP/m.log"
)" 'authentication failed: key server.*revoked by its CA'

tap_done
