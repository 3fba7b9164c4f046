#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The audit trail of a key server: who did what, over restarts, deaths, a full
# disk and a cut; and what mcsecctl audit says of a trail that was tampered with.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
K4=10.9.0.1
. "$TOP/selftests/e2e/process.sh"
need ip jq python3

K=$TMP/k
T=$TMP/trail/audit

# [MORE [GROUP-MORE]]: the configuration of the key server
audit_conf() {
	gcks_conf "{ name = \"video\"; address = \"239.9.1.1\";
		    rekey-address = \"239.9.1.254\"; rekey-interface = \"eth0\";
		    receivers = [ \"*.lab\" ]; senders = [ \"m.lab\" ];
		    atd = 1; dtd = 3; ${2:-} }" "audit-trail = \"$T\"; ${1:-}"
}

pid_of() { pgrep -f "$MCSECD -c $TMP/$1.conf" | tail -n 1; }
# SIGNAL HOST
stop() { down "$1" "$(pid_of "$2")"; }

state_is() {
	[ "$(mctl -j status |
		jq -r '.member.groups[0].state')" = "$1" ]
}
# WORD...: records as lines of JSON
show() { "$MCSECCTL" -j audit show dir "$T" "$@"; }
# verify WORD...: prints the verdict, and its exit code
verify() {
	"$MCSECCTL" audit verify dir "$T" certificate "$pki/k.lab.pem" "$@" 2>&1
	echo "exit $?"
}
last() { show event "$1" | tail -n 1 | jq -r "$2"; }
trail_fails() { [ "$(kctl -j status | jq -r .audit.error)" != null ]; }
trail_works() { ! trail_fails; }
rekeys() { kctl -j status | jq '.gcks.groups[0].rekeys'; }
is_scarce() { [ "$(kctl -j status | jq .audit.scarce)" = true ]; }
missing() { kctl -j status | jq .audit.missing; }

pki_make m
mkdir -p "$K" "$TMP/m" "$TMP/trail"
mount -t tmpfs -o size=1m none "$TMP/trail"
ns_create k m
veth k:eth0 $K4/24 m:eth0 10.9.0.2/24
for h in k m; do
	mroute_to $h eth0 239.9.0.0/16
done
load_mcsec
audit_conf >"$TMP/k.conf"
member_conf m '{ name = "video"; address = "239.9.1.1"; sender-ids = 1; }' \
	>"$TMP/m.conf"
up k
up m
try "a member comes in" wait_until 60 state_is in

section "orders"

try "a rekey is ordered" kctl rekey video
is "the order has the uid of who gave it" "$(last order .uid)" 0
is "the order has the name of the uid" "$(last order .user)" root
is "the order says what" "$(last order .detail)" rekey
try "an eviction is ordered" kctl evict video m.lab
is "the eviction has the uid of who ordered it" \
	"$(last evict '"\(.id) \(.group) \(.uid) \(.user)"')" "m.lab video 0 root"
is "the join has the address and no uid" \
	"$(last join '"\(.detail | test("at 10.9.0.2:")) \(.uid)"')" "true null"
refuse "an eviction of a stranger is refused" kctl evict video z.lab
like "a refused order is on record" \
	"$(last order-refused '"\(.id) \(.uid) \(.detail)"')" \
	'^z.lab 0 .*not a member'
refused() { [ -n "$(show event refuse id m.lab)" ]; }
stop TERM m
up m
try "a refusal is on record" wait_until 30 refused
try "the member is admitted" kctl admit video m.lab
is "the admission has the uid of who ordered it" "$(last admit .uid)" 0
audit_conf "" "beat = 20;" >"$TMP/k.conf"
echo 'log-level = "debug";' >>"$TMP/k.conf"
try "a reload is ordered" kctl reload
is "each change of the reload is on record" \
	"$(show event reload | jq -r .detail)" "group video: beat changed, from now on
log-level changed"
is "the policy has the uid of who ordered the reload" \
	"$(last policy '"\(.uid) \(.detail)"')" "0 beat"

section "files"

show >"$TMP/records"
fits "each record fits the schema" audit-record <"$TMP/records"
kctl -j status >"$TMP/status.json"
fits "the status fits the schema" status <"$TMP/status.json"
"$MCSECCTL" -j audit verify dir "$T" >"$TMP/verdict.json"
fits "the verdict fits the schema" audit-verify <"$TMP/verdict.json"
like "the trail of a running key server is sound" "$(verify)" '^sound: '
like "the end of a running trail is open" "$(verify)" 'exit 3'
head=$(kctl -j status | jq -r '"\(.audit.records):\(.audit.head)"')
like "the head of status proves it" "$(verify head "$head")" 'exit 0'
is "only the owner reads the files" "$(stat -c %a "$T"/trail-*)" 600
like "the table has a line for the eviction" \
	"$("$MCSECCTL" audit show dir "$T" event evict)" \
	'evict +video +m.lab +root/[0-9]+ '
is "a filter by group finds nothing of another" "$(show group audio)" ""
is "a filter by time finds nothing of the past" "$(show until 2020-01-01)" ""
is "a filter by uid finds orders only" \
	"$(show uid 0 event join)$(show uid 0 event order | head -n 1 |
		jq .uid)" 0
refuse "a second writer of the trail is refused" \
	sh -c "exec 9<>'$T/lock'; flock -n 9"
refuse "the seal key is not in the trail" \
	grep -qF "$(od -An -tx1 -v -N16 "$K/seal.key" | tr -d ' \n')" "$T"/trail-*
refuse "the private key is not in the trail" \
	grep -qF "$(sed -n 2p "$pki/k.lab.key")" "$T"/trail-*

section "deaths"

stop KILL k
like "a trail is sound after a kill" "$(verify)" '^sound: '
printf '{"n":' >>"$(ls "$T"/trail-* | tail -n 1)"
like "a torn line is no fault" "$(verify)" 'torn'
up k
like "the next start goes on behind it" "$(last trail-torn .octets)" '^5$'
like "the trail is sound with it" "$(verify)" '^sound: '
stop TERM k
like "a trail that was closed is proven" "$(verify)" 'exit 0'
is "the stop is on record" "$(last stop .event)" stop

section "a full disk"

up k
head -c 2m /dev/zero >"$TMP/trail/full" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
	kctl rekey video >/dev/null
done
try "keys change without room for the trail" kctl rekey video
try "the status says that the trail fails" trail_fails
try "the status says that room is scarce" wait_until 10 is_scarce
like "the log says it once" "$(grep -c 'audit trail failed' "$TMP/k.log")" '^1$'
refuse "lines are missing" test "$(missing)" = 0
rm "$TMP/trail/full"
try "the trail goes on once there is room" wait_until 30 trail_works
is "no line is missing" "$(missing)" 0
refuse "room is not scarce any more" is_scarce
like "the trail is sound" "$(verify)" '^sound: '
is "all orders are in it" "$(show event order | jq -r .detail | grep -c '^rekey')" \
	"$(kctl -j audit | jq '[.audit[] | select(.event == "order" and
		.detail == "rekey")] | length')"
stop TERM k
audit_conf "audit-required = true;" >"$TMP/k.conf"
up k
head -c 2m /dev/zero >"$TMP/trail/full" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
	kctl rekey video >/dev/null 2>&1
done
like "nothing changes with audit-required" \
	"$(kctl evict video x.lab --ahead 2>&1)" \
	'audit trail cannot be written, and audit-required is set'
like "with audit-required the seal does not change" "$(kctl reseal 2>&1)" \
	'audit trail cannot be written, and audit-required is set'
audit_conf "audit-required = true;" "beat = 30;" >"$TMP/k.conf"
like "with audit-required nothing is reloaded" "$(kctl reload 2>&1)" \
	'audit trail cannot be written, and audit-required is set'
is "with audit-required keys do not change" \
	"$(rekeys; kctl rekey video >/dev/null; sleep 2; rekeys)" "$(rekeys; rekeys)"
rm "$TMP/trail/full"
try "an eviction is possible once there is room" \
	kctl evict video x.lab --ahead
stop TERM k

section "tampering"

cp -r "$T" "$TMP/good"
file=$T/$(basename "$(ls "$TMP"/good/trail-* | tail -n 1)")
good() { rm -r "$T" && cp -r "$TMP/good" "$T"; }
n=$(show event evict id m.lab | jq .n)
sed -i 's/"event":"evict",\(.*\)m.lab/"event":"evict",\1z.lab/' "$file"
like "an altered record is named" "$(verify | tr '\n' ' ')" \
	"^altered: record $n: .*exit 4"
good
sed -i '/"event":"evict"/d' "$file"
like "a removed record is named" "$(verify | tr '\n' ' ')" \
	"^removed: record $n: .*exit 5"
good
python3 - "$file" "$n" <<-'END'
	import sys
	path, n = sys.argv[1], int(sys.argv[2]) - 1
	lines = open(path).readlines()
	lines[n], lines[n + 1] = lines[n + 1], lines[n]
	open(path, "w").writelines(lines)
END
like "a record that was moved is named" "$(verify | tr '\n' ' ')" \
	"^reordered: record $n: .*exit 6"
good
sed -i '$d' "$file"
sed -i '$d' "$file"
like "a cut leaves the end open" "$(verify)" 'exit 3'
up k
like "the next start notices the cut" \
	"$(grep 'audit trail damaged' "$TMP/k.log")" 'were cut off'
like "the cut is in the trail for good" "$(verify | tr '\n' ' ')" \
	"^cut off: record .*exit 7"
stop TERM k
good
python3 - "$file" <<-'END'
	import hashlib, json, sys
	last = json.loads(open(sys.argv[1]).readlines()[-1])
	body = json.dumps({"n": last["n"] + 1, "time": last["time"],
		"event": "admit", "group": "video", "id": "m.lab", "uid": 1000,
		"pid": 4711, "user": "alice", "prev": last["hash"]},
		separators=(",", ":"))[:-1]
	digest = hashlib.sha256(body.encode()).hexdigest()
	open(sys.argv[1], "a").write('%s,"hash":"%s"}\n' % (body, digest))
END
n=$(show uid 1000 | jq .n)
like "a record behind the close is named" "$(verify | tr '\n' ' ')" \
	"^altered: record $n: .*exit 4"
# The store is the one of a later trail, so the cut is remarked as well.
up k
like "the next start does not take it for its own" \
	"$(show event trail-unproven | tail -n 1 | jq -r '.first <= '"$n")" true
stop TERM k
like "a signature behind the record proves nothing" "$(verify | tr '\n' ' ')" \
	"^altered: record $n: .*exit 4"
show event trail-unproven >"$TMP/unproven"
fits "the record of what is not proven fits the schema" audit-record \
	<"$TMP/unproven"
good
like "another key is not trusted" "$("$MCSECCTL" audit verify dir "$T" \
	certificate "$pki/m.lab.pem" 2>&1; echo "exit $?")" 'exit 8'
like "no trail is an error" "$("$MCSECCTL" audit verify dir "$TMP/no" 2>&1
	echo "exit $?")" 'exit 1'

umount "$TMP/trail"
tap_done
