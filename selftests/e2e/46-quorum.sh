#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Three administrators, two of whom have to sign: they change the policy of a group with
# documents, and evict and admit; no one of them, no file and no old document does. An
# emergency is the exception, and is confirmed.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/process.sh"
need ip jq openssl

k_conf() {
	gcks_conf "{ name = \"video\"; address = \"239.7.1.1\";
	  rekey-address = \"239.7.2.1\"; rekey-interface = \"eth0\";
	  receivers = [ $1 ]; senders = [ \"m.lab\" ];
	  atd = 1; dtd = 3; beat = 2; }" \
		'quorum = { administrators = [ "x.lab", "y.lab", "z.lab" ]; needed = 2; orders = true; };'
}
m_conf() {
	member_conf "$1" '{ name = "video"; address = "239.7.1.1"; sender-ids = 1; }'
}
roster() { kctl -j member video | jq -r '[.rosters[0].members[].id] | sort | join(" ")'; }
roster_is() { [ "$(roster)" = "$1" ]; }
# ADMINISTRATOR FILE: sign it
sign() { "$MCSECCTL" policy sign "$2" certificate "$pki/$1.lab.pem" key "$pki/$1.lab.key"; }
policy() { kctl policy "$@" 2>&1; }

pki_make m n
for h in x y z; do
	"$MCSECCTL" pki member "$pki" $h.lab type ecdsa-p256 >/dev/null
done
bridge_up
load_mcsec
k_conf '"m.lab", "n.lab"' >"$TMP/k.conf"
m_conf m >"$TMP/m.conf"
m_conf n >"$TMP/n.conf"
up k
up m
up n
try "both members come in" wait_until 60 roster_is "m.lab n.lab"

section "a policy"

like "the policy of the file is written" "$(policy write video v1.json config "$TMP/k.conf")" \
	'^wrote v1.json'
is "the document has what the file says" \
	"$(jq -c '[.["key-server"], .group, .version, .settings.receivers, .settings.atd]' v1.json)" \
	'["k.lab","video",1,["m.lab","n.lab"],1]'
sed 's/"key-server": "k.lab"/"key-server": "l.lab"/' v1.json >other.json
sed '/"key-server"/d' v1.json >none.json
like "a document is signed for its key server" "$(sign x other.json)" \
	'^key server l.lab: group video: version 1 of its policy$'
like "a check tells for whom a document is" "$(policy check other.json)" \
	'would be refused: it is for the key server "l.lab", and this one is "k.lab"'
like "a document for another key server is refused" "$(policy apply other.json)" \
	'it is for the key server "l.lab", and this one is "k.lab"'
like "nobody signs a document for any key server" "$(sign x none.json 2>&1)" \
	'none.json: no "key-server": write the document again'
sed -i 's/"n.lab"/"o.lab"/' v1.json
like "one administrator signs" "$(sign x v1.json)" '^signed by x.lab$'
like "nobody signs twice" "$(sign x v1.json 2>&1)" 'x.lab has signed it already'
openssl cms -verify -in v1.json -inform PEM -CAfile "$pki/ca.pem" -purpose any \
	-binary -out openssl.json 2>openssl.log
is "openssl verifies the signature" "$(tail -n 1 openssl.log)" \
	"CMS Verification successful"
is "openssl reads the document" "$(jq .version openssl.json)" 1
like "a check tells what is missing" "$(policy check v1.json)" \
	'would be refused: 1 of 2 signatures that are needed; not signed by y.lab, z.lab'
like "a check tells who would go" "$(policy check v1.json)" '"n.lab" is evicted'
like "one signature is not enough" "$(policy apply v1.json)" '1 of 2 signatures'
is "nobody is out" "$(roster)" "m.lab n.lab"
like "a check tells who would come" "$(policy check v1.json)" \
	'would change: group video: receivers: with "o.lab"'
printf '{"mcsec-order":1,"key-server":"k.lab","identity":"\u009b2K\u202ex"}' |
	jq . >odd.json
is "a name in a document says nothing to a terminal" \
	"$(policy show file odd.json | sed -n 's/.*"identity": //p')" '"\u009B2K\u202Ex"'
cp v1.json half.json
like "a second administrator signs" "$(sign z v1.json)" '^signed by x.lab, z.lab$'
is "both signatures count" "$(kctl -j policy check v1.json |
	jq -c '[.signers[].counts, .counted, .refused]')" '[true,true,2,null]'
is "two signatures are enough" "$(policy apply v1.json)" \
	"group video: the document is stored, and carried out"
try "the member that is left out goes" wait_until 20 roster_is "m.lab"
like "an old document is refused" "$(policy apply v1.json)" \
	'its version is 1, and version 1 is applied'
is "the history has it" "$(kctl -j policy history video |
	jq -c '[.versions[] | [.version, .signers]]')" '[[1,["x.lab","z.lab"]]]'
like "the audit trail has the refusal" "$(kctl -j audit)" \
	'"group": *"video", *"id": *"", *"event": *"order-refused", *"detail": *"1 of 2 signatures'
like "the audit trail has who signed" "$(kctl -j audit)" \
	'"event": *"policy-signed", *"detail": *"version 1: signed by x.lab, z.lab"'

section "the file"

try "a reload" kctl reload
like "the file is not in force" "$(<"$TMP/k.log")" \
	'signed policy in force: version 1, and not the settings of the file'
down KILL "$(pgrep -f "$MCSECD -c $TMP/k.conf" | tail -n 1)"
up k
is "a restart lets nobody in" "$(roster)" "m.lab"

section "back"

policy write video v2.json >/dev/null
is "the next document has the next version" \
	"$(jq -c '[.version, .settings.receivers]' v2.json)" '[2,["m.lab","o.lab"]]'
sed -i 's/"o.lab"/"n.lab"/' v2.json
{ sign y v2.json && sign z v2.json; } >/dev/null
try "a second policy is applied" kctl policy apply v2.json
policy rollback video 1 v3.json >/dev/null
is "a way back has a new version" \
	"$(jq -c '[.version, .settings.receivers]' v3.json)" '[3,["m.lab","o.lab"]]'
like "a way back is not signed" "$(policy apply v3.json)" '0 of 2 signatures'
like "the policy in force is shown" "$(policy show video)" '"version": 2'
like "an older policy is shown" "$(policy show video version 1)" '"version": 1'


section "an order"

k_state() { kctl -j policy show video | jq -c '[.waiting // [] | .[].identity]'; }

try "the member asks again" host_ctl n join video
try "the member comes back" wait_until 60 roster_is "m.lab n.lab"
like "nobody evicts at the socket" "$(kctl evict video n.lab 2>&1)" \
	'2 administrators have to sign this order'
policy order video evict n.lab out.json emergency >/dev/null
is "the order is one of an emergency" \
	"$(jq -c '[.["key-server"], .number, .order, .identity, .emergency]' out.json)" \
	'["k.lab",1,"evict","n.lab",true]'
sign x out.json >/dev/null
like "one administrator is enough in an emergency" "$(policy apply out.json)" \
	'n.lab is evicted by the order of x.lab alone, to be confirmed until 20'
is "the member is out at once" "$(roster)" "m.lab"
is "the eviction waits" "$(k_state)" '["n.lab"]'
like "the history tells who waits" "$(policy history video)" \
	'n.lab is evicted by the order of x.lab alone, to be confirmed until 20'
sign y out.json >/dev/null
is "two signatures confirm it" "$(policy apply out.json)" \
	"group video: the document is stored, and carried out"
is "nothing waits" "$(k_state)" '[]'
is "the member stays out" "$(roster)" "m.lab"
policy order video admit n.lab in.json >/dev/null
sign x in.json >/dev/null
like "one administrator admits nobody" "$(policy apply in.json)" '1 of 2 signatures'
sign z in.json >/dev/null
try "two administrators admit" kctl policy apply in.json
try "the admitted member asks again" host_ctl n join video
try "the admitted member comes in" wait_until 60 roster_is "m.lab n.lab"
like "the old order is refused" "$(policy apply out.json)" \
	'its number is 1, and the next order has number 3'
is "the audit trail has the orders" "$(kctl -j audit |
	jq -r '.audit[].event' | grep -E '^(order-(signed|confirmed)|unconfirmed)$' | xargs)" \
	"order-signed order-confirmed order-signed"

tap_done
