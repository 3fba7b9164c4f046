#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Nothing is for ever: memberships end, signing and seal keys are
# changed, one identity at two addresses is refused, and members come back from
# a thief who has the key server's store and keys.
# timeout: 400

# shellcheck source=selftests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"

members_are() { [ "$(gcks_is members)" = "$1" ]; }
roster() { ctl k -j member video | jq -r "$1"; }
audit() { ctl k -j audit | jq -r "[.audit[] | select(.event == \"$1\")] | $2"; }
knows_key() { [ "$(member_is "$1" signing-key)" = "$(gcks_is signing-key)" ]; }
thief_is() {
	ctl x -j status 2>/dev/null | jq -r ".gcks.groups[0].\"$1\""
}
with_thief() { [ "$(member_is "$1" data-spi)" = "$(thief_is data-spi)" ]; }
with_gcks() { [ "$(member_is "$1" data-spi)" = "$(gcks_is data-spi)" ]; }
logs() { grep -q "$2" "$LAB/$1/mcsecd.log"; }

lab_start k s a b x
G_EXTRA='membership-lifetime = 60; beat = 5; one-place = "refuse";'
gcks_conf
member_conf s true false
member_conf a false true
member_conf b false true
daemons_run k s a b
stream_recv a rx
stream_send s tx -r 100
try "a hears s" wait_until 60 hears a 100

section "a membership ends"
now=$(date +%s)
until=$(member_is a until)
try "a knows until when it is a member" \
	test "$until" -gt "$now" -a "$until" -le $((now + 61))
is "the key server has its address" \
	"$(roster '.rosters[0].members[] | select(.id == "a.lab").address')" \
	"$(ip_of a)"
like "the audit trail has a's address" "$(audit join '.[].detail')" \
	"as receiver, at $(ip_of a):"
daemon_kill b
try "a member that vanished is taken out a minute later" \
	wait_until 90 members_are 2
is "the membership that expired is counted" "$(gcks_is expired)" 1
like "the membership that expired is in the audit trail" \
	"$(audit expire '.[].detail')" membership-lifetime
try "a goes on" member_in a
try "a has renewed its membership" test "$(member_is a registrations)" -ge 2
whole a "the end of a membership"

section "keys of the key server"
was=$(gcks_is signing-key)
try "the key server makes another signing key" \
	ctl k rekey video --signing-key
try "the new signing key comes with a rekey" wait_until 20 \
	eval '[ "$(gcks_is signing-key)" != "$was" ]'
try "a knows the new signing key" wait_until 20 knows_key a
sleep 6
whole a "a new signing key"
cp "$LAB/k/seal.key" "$TMP/seal.old"
try "the key server makes another seal key" ctl k reseal
try "the new seal key is in the file" \
	eval '! cmp -s "$LAB/k/seal.key" "$TMP/seal.old"'
daemon_stop k
try "mcsecd on k once more" daemon_start k
is "the key server has its members after a restart" "$(gcks_is members)" 2
is "the key server has its signing key after a restart" \
	"$(gcks_is signing-key)" "$(member_is a signing-key)"
daemon_stop k
cp "$LAB/k/seal.key" "$TMP/seal.new"
cp "$TMP/seal.old" "$LAB/k/seal.key"
spawn_as k mcsecd "$MCSECD" -f "$LAB/k/mcsecd.conf"
try "with the old seal key mcsecd does not start" wait_until 20 \
	logs k 'seal key is not that of the store'
reap k mcsecd TERM
cp "$TMP/seal.new" "$LAB/k/seal.key"
try "with the new seal key mcsecd starts" daemon_start k

section "one identity on two hosts"
sed -i 's,/b\.lab\.,/a.lab.,' "$LAB/b/mcsecd.conf"
try "mcsecd on b with a's certificate" daemon_start b
try "b is refused under a's identity" \
	wait_until 20 eval '[ "$(member_is b refusals)" -gt 0 ]'
try "the log says that there are two" wait_until 10 \
	logs k "one identity at two addresses: \"a.lab\" at $(ip_of b):"
try "b has no key of today" \
	eval '! sa_spis b | grep -qx "$(gcks_is data-spi)"'
try "a stays a member" member_in a
daemon_stop b

section "a thief of the key server's store"
whole a "all that"
for f in gcks.db gcks.db-wal gcks.db.witness gcks.db.witness-wal seal.key; do
	[ ! -e "$LAB/k/$f" ] || cp "$LAB/k/$f" "$LAB/x/$f"
done
{
	conf_head x "$LAB/pki-other"
	sed -n '/^gcks:/,$p' "$LAB/k/mcsecd.conf" | sed "s,$LAB/k/,$LAB/x/,"
} >"$LAB/x/mcsecd.conf"
try "x has stolen store and seal key" daemon_start x
try "x rekeys the group" ctl x rekey video
try "s follows" wait_until 10 with_thief s
try "the key server's beat brings s back" wait_until 30 with_gcks s
try "the key server's beat brings a back" wait_until 30 with_gcks a
is "s counts it" "$(member_is s rivals)" 1
is "s knows that the key is stolen" "$(member_is s signing-key-stolen)" true
try "s has told the key server" wait_until 10 \
	eval '[ "$(gcks_is rivals)" -ge 1 ]'
try "the key server's log says what to do" \
	logs k 'group video: forged rekey: .*mcsecctl reset video'
like "the audit trail has the thief" \
	"$(audit rival '.[].detail')" 'reported by'
try "x rekeys again" ctl x rekey video
sleep 3
try "s does not follow" eval '! with_thief s'
try "the key server resets the group" ctl k reset video
try "s is back" wait_until 60 with_gcks s
try "a is back" wait_until 60 with_gcks a
try "the group has another signing key" knows_key s
try "x knows nothing of the new signing key" \
	test "$(thief_is signing-key)" != "$(gcks_is signing-key)"
try "a hears s" hears_on a
try "x rekeys once more" ctl x rekey video
sleep 3
try "a stays" with_gcks a
try "s stays" with_gcks s
is "no other thief is counted" "$(member_is s rivals)" 1
tap_done
