#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Members with pre-shared keys beside one with a certificate: keys are read again at
# a reload, a removed one ends IKE SA and membership, an added one works at once. A
# member that was killed says that it starts anew, and PPKs are mixed in.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/process.sh"
need ip jq openssl

# FILE: another key
key() {
	(umask 077 && { printf 0x && openssl rand -hex 32; } >"$TMP/$1")
}

# PSK [MORE]: of the key server, with the entries PSK
k_conf() {
	[ -z "$1" ] || echo "psk = ( $1 );"
	gcks_conf '{ name = "video"; address = "239.7.1.1";
	  rekey-address = "239.7.2.1"; rekey-interface = "eth0";
	  receivers = [ "key-id:plc-7", "n.lab", "x.lab" ]; senders = [ "key-id:plc-7" ];
	  atd = 1; dtd = 3; beat = 2; }'
	echo "$2"
}

# HOST ID [MORE]: a member without a certificate
psk_member() {
	cat <<-END
		identity: { id = "$2"; };
		psk = ( { id = "k.lab"; key = "$TMP/$1.psk"; } );
		control = "$TMP/$1/s.sock";
		member: {
		  gcks = "$K4"; gcks-id = "k.lab";
		  groups = ( { name = "video"; address = "239.7.1.1"; $4 } );
		};
		$3
	END
}

entry() { echo "{ id = \"$1\"; key = \"$TMP/$2\"; }"; }
state() { host_ctl "$1" -j status | jq -r '.member.groups[0].state'; }
state_is() { [ "$(state "$1")" = "$2" ]; }
sas() { kctl -j status | jq -r '.gcks.ike.sas'; }
roster() { kctl -j member video | jq -r '[.rosters[0].members[].id] | sort | join(" ")'; }
sas_are() { [ "$(sas)" = "$1" ]; }
algorithms() { host_ctl "$1" -j status | jq -r '.member."ike-sa".algorithms'; }
pid_of() { pgrep -f "$MCSECD -c $TMP/$1.conf" | tail -n 1; }

pki_make
bridge_up
load_mcsec
key m.psk
key n.psk
k_conf "$(entry key-id:plc-7 m.psk)" >"$TMP/k.conf"
psk_member m key-id:plc-7 '' 'send = true; sender-ids = 1;' >"$TMP/m.conf"
psk_member n x.lab '' 'send = false;' >"$TMP/n.conf"
up k
up m
up n

section "keys"

try "a member comes in by its pre-shared key" wait_until 60 state_is m in
refused_n() { host_ctl n -j status | jq -e '.member.groups[0].refusals > 0' >/dev/null; }
try "one without a key of the key server is refused" wait_until 30 refused_n
last_error() { host_ctl "$1" -j status | jq -r '.member.groups[0]."last-error"'; }
like "a refused member is told that it used a pre-shared key, and what to compare" \
	"$(last_error n)" 'does not take the pre-shared key: compare the files of psk'
unlike "a key behind 0x is no text" "$(<"$TMP/n.log")" 'key taken as text'
cut -c 3- "$TMP/n.psk" >"$TMP/digits.psk" && chmod 600 "$TMP/digits.psk"
sed "s:$TMP/n.psk:$TMP/digits.psk:" "$TMP/n.conf" >"$TMP/digits.conf"
like "--check warns of a key of 64 digits without 0x" \
	"$("$MCSECD" --check -c "$TMP/digits.conf" 2>&1)" \
	'warning: key taken as text: .*/digits.psk has 64 hexadecimal digits without 0x'
unlike "no key is logged" "$(cat "$TMP"/?.log)" \
	"$(cut -c 3- "$TMP/m.psk")|$(cut -c 3- "$TMP/n.psk")"

section "a reload"

k_conf "$(entry key-id:plc-7 m.psk), $(entry x.lab n.psk)" >"$TMP/k.conf"
like "--check names the key that would be added" "$(kctl reload --check 2>&1)" \
	'psk x.lab: added'
try "SIGHUP adds a key" kill -HUP "$(pid_of k)"
down TERM "$(pid_of n)"
up n
try "the added key works without a restart of the key server" \
	wait_until 60 state_is n in
try "both have an IKE SA" wait_until 10 sas_are 2
chmod 644 "$TMP/m.psk"
like "a file that others may read refuses the reload" "$(kctl reload 2>&1)" \
	'm.psk'
chmod 600 "$TMP/m.psk"
is "a refused reload ends no IKE SA" "$(sas)" 2
try "a reload of the same keys" kctl reload
is "the same keys end no IKE SA" "$(sas)" 2
is "both are members" "$(roster)" "key-id:plc-7 x.lab"
k_conf "$(entry key-id:plc-7 m.psk)" >"$TMP/k.conf"
like "--check names who would be evicted" "$(kctl reload --check 2>&1)" \
	'group video: "x.lab" is evicted, its pre-shared key is removed'
try "mcsecctl reload removes a key" kctl reload
try "a removed key ends its IKE SA, and no other" wait_until 10 sas_are 1
roster_is() { [ "$(roster)" = "$1" ]; }
try "a removed key ends the membership that it gave, and no other" \
	wait_until 10 roster_is key-id:plc-7
like "the log has the eviction and its reason" "$(<"$TMP/k.log")" \
	'member evicted: "x.lab": its pre-shared key was removed'
like "the log has the reason" "$(<"$TMP/k.log")" \
	'x.lab.*the pre-shared key of the peer was removed'
like "the audit trail has the change" "$(kctl -j audit)" \
	'psk x.lab: removed'
down TERM "$(pid_of n)"

section "a member that was killed"

down KILL "$(pid_of m)"
is "the key server has its IKE SA" "$(sas)" 1
up m
try "a killed member comes back" wait_until 60 state_is m in
try "the old IKE SA has ended" wait_until 10 sas_are 1
like "the log says why" "$(<"$TMP/k.log")" 'INITIAL_CONTACT'

section "PPK"

key ppk
ppk="ppk = ( { id = \"key-id:plc-7\"; ppk-id = \"q\"; key = \"$TMP/ppk\"; } );"
k_conf "$(entry key-id:plc-7 m.psk)" "$ppk" >"$TMP/k.conf"
like "--check names the PPK that would be added" "$(kctl reload --check 2>&1)" \
	'ppk key-id:plc-7: added: IKE SAs without it are closed'
try "a reload adds a PPK" kctl reload
like "the log has the PPK that was added" "$(<"$TMP/k.log")" \
	'reload change: ppk key-id:plc-7: added'
like "a member without PPK is refused where that is mandatory" "$(
	wait_until 30 grep -q 'PPK: the peer uses none' "$TMP/k.log"
	cat "$TMP/k.log"
)" 'authentication failed.*PPK: the peer uses none'
like "a member without PPK is told that the key server may have one" "$(
	wait_until 10 grep -q 'registration failed.*has a ppk for this host' "$TMP/m.log"
	last_error m)" 'whether the key server has a ppk for this host'
down TERM "$(pid_of m)"
psk_member m key-id:plc-7 "${ppk/key-id:plc-7/k.lab}" \
	'send = true; sender-ids = 1;' >"$TMP/m.conf"
up m
try "with the PPK of both it comes in" wait_until 60 state_is m in
like "status shows the PPK" "$(algorithms m)" ' ppk$'
try "the member has one IKE SA" wait_until 10 sas_are 1
key ppk
try "SIGHUP takes another PPK from the same file" kill -HUP "$(pid_of k)"
try "the IKE SA with the former PPK ends" wait_until 10 sas_are 0
like "the log has the PPK that was changed" "$(<"$TMP/k.log")" \
	'reload change: ppk key-id:plc-7: another key'
unlike "no PPK is logged" "$(cat "$TMP"/?.log)" "$(cut -c 3- "$TMP/ppk")"
is "the change of a PPK ends no membership" "$(roster)" key-id:plc-7
down TERM "$(pid_of m)"

section "additional key exchanges"

# FILE ROLE METHODS: into a configuration
add_methods() {
	sed -i "s/^\(.*\)$2: {/\1$2: { additional-key-exchange = [ $3 ];/" "$TMP/$1.conf"
}
k_conf "$(entry key-id:plc-7 m.psk)" >"$TMP/k.conf"
add_methods k gcks '"p-384", "p-256"'
refuse "a reload does not change them" kctl reload
like "the reason of that names the setting" "$(kctl reload 2>&1)" \
	'gcks.additional-key-exchange'
down TERM "$(pid_of k)"
up k
psk_member m key-id:plc-7 '' 'send = true; sender-ids = 1;' >"$TMP/m.conf"
up m
like "a member without them is refused, and the log says why" "$(
	wait_until 30 grep -q 'RFC 9370' "$TMP/k.log"
	cat "$TMP/k.log"
)" 'NO_PROPOSAL_CHOSEN: an additional key exchange .RFC 9370. is required here'
down TERM "$(pid_of m)"
add_methods m member '"p-256", "p-384"'
up m
try "a member with them comes in" wait_until 60 state_is m in
like "status shows the methods in the order of the member" "$(algorithms m)" \
	' x25519[+]p-256[+]p-384 '
if openssl list -kem-algorithms 2>/dev/null | grep -q ML-KEM; then
	skip "a method that OpenSSL lacks is refused" "OpenSSL has ML-KEM here"
else
	sed 's/"p-384"/"ml-kem-768"/' "$TMP/m.conf" >"$TMP/lacks.conf"
	like "a method that OpenSSL lacks is refused" \
		"$("$MCSECD" --check -c "$TMP/lacks.conf" 2>&1)" \
		'"ml-kem-768" is not in the OpenSSL of this host, 3'
fi

tap_done
