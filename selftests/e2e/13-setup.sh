#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The first configuration of a host: what "mcsecctl setup" writes, and that nothing is
# left of what it refuses. No daemon runs; 14-readme.sh starts some with these files.
# timeout: 200

. "$(dirname "$0")/../lib.sh"
need jq
. "$TOP/selftests/e2e/refused.sh"

# NAME DIR [WORD]...: a key server whose words are complete
server() {
	"$MCSECCTL" setup gcks "$1" dir "$2" state "$2/state" listen 192.0.2.1 group video \
		address 239.1.1.1 rekey-address 239.1.1.254 receivers '*.example' "${@:3}"
}
member() {
	"$MCSECCTL" setup member "$1" dir "$2" gcks 192.0.2.1 gcks-id k.example group video \
		address 239.1.1.1 "${@:3}"
}
# FILE ROLE: its settings without comments, on one line
settings() { sed -n "/^$2/,/^};/p" "$1" | grep -v '#' | xargs; }

section "key server"

is "each file is told, and what comes next" "$(server k.example k)" \
"wrote $TMP/k/pki/ca.key (mode 0600, owner root)
wrote $TMP/k/pki/ca.pem
wrote $TMP/k/pki/k.example.pem
wrote $TMP/k/k.example.key (mode 0600, owner mcsec)
wrote $TMP/k/k.example.pem
wrote $TMP/k/ca.pem
wrote $TMP/k/mcsecd.conf
next, for each member: mcsecctl pki member $TMP/k/pki NAME
                       mcsecctl pki bundle $TMP/k/pki NAME
then: \"mcsecctl doctor\" checks this host
      \"systemctl enable --now mcsecd\" starts it, now and at boot"
is "files and folders have their modes and owners" \
	"$(cd k && find . -printf '%P %m %u\n' | sort | xargs)" \
	"755 root ca.pem 644 root k.example.key 600 mcsec k.example.pem 644 root mcsecd.conf 644 root pki 700 root pki/ca.key 600 root pki/ca.pem 644 root pki/k.example.pem 644 root state 700 mcsec"
is "the settings are what was said" "$(settings k/mcsecd.conf gcks)" \
	"gcks: { listen = ( 192.0.2.1:848, 192.0.2.1:4500 ); store = $TMP/k/state/gcks.db; seal-key = $TMP/k/state/seal.key; groups = ( { name = video; address = 239.1.1.1; rekey-address = 239.1.1.254; algorithm = aes-gcm-16-128; senders = ( ); receivers = ( *.example ); } ); };"
like "mcsecd takes the file" "$("$MCSECD" --check k/mcsecd.conf)" \
	'mcsecd.conf: configuration is valid$'
is "each setting but the seal key, which is of the store, has a comment above" \
	"$(awk '/^\t+[a-z-]+ = / && above !~ /# / { print $1 } { above = $0 }' k/mcsecd.conf |
		xargs)" "seal-key groups"
is "a second time the files are kept" "$(server k.example k | head -n 1)" \
	"kept $TMP/k/mcsecd.conf: it is the same"
is "another setting is written if asked, with the same certificates" \
	"$(server k.example k replace algorithm chacha20-poly1305 | head -n 1)" \
	"replaced $TMP/k/mcsecd.conf"
spoils_nothing "a configuration that is another" \
	'.*/k/mcsecd.conf: exists, with another content; nothing was written, "replace"' \
	server k.example k
{ "$MCSECCTL" pki init p && "$MCSECCTL" pki gcks p k.example; mkdir q && mv p q/pki; } >/dev/null
is "a certificate that \"pki gcks\" has made is used" \
	"$(server k.example q | sed -n 's/^wrote .*q\///p' | xargs)" \
	"k.example.key (mode 0600, owner mcsec) k.example.pem ca.pem mcsecd.conf"
cmp -s q/k.example.pem q/pki/k.example.pem
is "the certificate is that one" $? 0

is "quotes stay within their string" \
	"$(server k.example e interface '";x="' >/dev/null && "$MCSECD" --check e/mcsecd.conf |
		head -n 1)" "e/mcsecd.conf: configuration is valid"

section "errors as JSON"

# COMMAND...: what it says on standard error, if that is all it says
complains() {
	"$MCSECCTL" -j "$@" 2>"$TMP/complaint" >"$TMP/said"
	cat "$TMP/said" "$TMP/complaint"
}
is "a command that there is not" "$(complains stauts)" \
	'{"error":"unknown word \"stauts\"; there is \"stats\", \"status\""}'
fits "an error of words fits the schema" complaint <"$TMP/complaint"
is "an address that is none" "$(complains group add video :5000)" \
	'{"error":"address \":5000\": not an IPv4 or IPv6 address: a port has no place here, but a setting of its own: write the address alone"}'
is "an edge that leads nowhere" "$(complains edge add video 1 local :5000)" \
	'{"error":"local \":5000\": not like 192.0.2.1:4500 or [2001:db8::1]:4500: there is no address in front of the port"}'
is "a daemon that does not run" "$(complains -s "$TMP/none" status)" \
	"{\"error\":\"mcsecd at $TMP/none: No such file or directory: is it running (\\\"systemctl start mcsecd\\\")?\"}"
fits "an error of a connection fits the schema" complaint <"$TMP/complaint"

section "refused key server"

spoils_nothing "no address to listen at" '"listen" is missing: the address of this host' \
	"$MCSECCTL" setup gcks k.example dir n group video address 239.1.1.1
spoils_nothing "no group" '"group" is missing: a name' "$MCSECCTL" setup gcks k.example dir n
spoils_nothing "no member" '"senders" or "receivers" is missing' "$MCSECCTL" setup gcks \
	k.example dir n listen 192.0.2.1 group video address 239.1.1.1 rekey-address 239.1.1.254
spoils_nothing "every address of the host" 'listen "0.0.0.0": members need the address' \
	"$MCSECCTL" setup gcks k.example dir n listen 0.0.0.0 group video address 239.1.1.1 \
	rekey-address 239.1.1.254 receivers a.example
spoils_nothing "a group at one host" 'settings are refused: .*address: "10.1.1.1" is not a multi' \
	"$MCSECCTL" setup gcks k.example dir n listen 192.0.2.1 group video address 10.1.1.1 \
	rekey-address 239.1.1.254 receivers a.example
spoils_nothing "rekeys to the group itself" 'settings are refused: .*rekey-address' \
	"$MCSECCTL" setup gcks k.example dir n listen 192.0.2.1 group video address 239.1.1.1 \
	rekey-address 239.1.1.1 receivers a.example
spoils_nothing "a cipher that there is not" 'settings are refused: .*algorithm: ' \
	server k.example n algorithm rot13
spoils_nothing "a member's name that ends the string and the line" \
	'settings are refused: senders: a value that a configuration cannot have' \
	server k.example n senders $'a"; \n debug = "x'
spoils_nothing "an interface longer than any" 'interface: name too long' \
	server k.example n interface interface0123456
spoils_nothing "a member's name that is not UTF-8" 'a value is not UTF-8' \
	server k.example n senders $'a.example,b\xff.example'
spoils_nothing "an interface that is not UTF-8" 'a value is not UTF-8' \
	server k.example n interface $'eth\xff'
spoils_nothing "an interface that no host can have" \
	'settings are refused: .*rekey-interface: "eth 0" is not the name' \
	server k.example n interface 'eth 0'
from_nowhere() {
	mkdir "$TMP/gone" && cd "$TMP/gone" && rmdir "$TMP/gone" &&
		"$MCSECCTL" setup gcks k.example dir "$TMP/n" state state listen 192.0.2.1 \
			group video address 239.1.1.1 rekey-address 239.1.1.254 \
			receivers a.example
}
spoils_nothing "a folder of the store in one that is gone" '\.: No such file' from_nowhere
cd "$TMP" || exit 1
spoils_nothing "a name that is a path" 'name "../k": only letters' server ../k n
spoils_nothing "the name of the authority" 'name "crl": the authority itself' server crl n
spoils_nothing "a folder below none" 'folder .*/none/n: No such file' server k.example none/n
spoils_nothing "a store below none" 'folder none/state: No such file' \
	"$MCSECCTL" setup gcks k.example dir n state none/state listen 192.0.2.1 group video \
	address 239.1.1.1 rekey-address 239.1.1.254 receivers a.example
mkdir alien && cp k/ca.pem alien
spoils_nothing "an authority that is elsewhere" \
	'.*/alien/ca.pem is of an authority that is not in .*/alien/pki: have it issue' \
	server k.example alien
spoils_nothing "a key server as member in no list" \
	'settings are refused: "k.other" is neither in senders nor in receivers' \
	"$MCSECCTL" setup both k.other dir n state n/state listen 192.0.2.1 group video \
	address 239.1.1.1 rekey-address 239.1.1.254 receivers '*.example'

section "both"

"$MCSECCTL" setup both k.example dir b state b/state listen 2001:db8::1 group video \
	address ff3e::1 rekey-address ff3e::2 senders k.example receivers a.example,b.example \
	interface eth7 >/dev/null
is "the member is that of the lists" "$(settings b/mcsecd.conf member)" \
	"member: { gcks = [2001:db8::1]:848; gcks-id = k.example; interface = eth7; groups = ( { name = video; address = ff3e::1; send = true; receive = false; } ); };"
like "mcsecd takes the file of both roles" "$("$MCSECD" --check b/mcsecd.conf)" \
	'mcsecd.conf: configuration is valid$'

"$MCSECCTL" setup both k.example dir vrrp state vrrp/state listen 192.0.2.1 group vrrp \
	address 224.0.0.18 protocol vrrp interfaces eth0,vrrp.7 rekey-address 239.1.1.254 \
	senders '*.example' interface eth0 >/dev/null
is "the server's group is of the protocol" "$(settings vrrp/mcsecd.conf gcks |
	grep -o 'groups.*senders')" \
	"groups = ( { name = vrrp; address = 224.0.0.18; protocol = vrrp; rekey-address = 239.1.1.254; rekey-interface = eth0; algorithm = aes-gcm-16-128; senders"
is "the member's group is of the protocol, on the interfaces" \
	"$(settings vrrp/mcsecd.conf member | grep -o 'interface .*')" \
	"interface = eth0; groups = ( { name = vrrp; address = 224.0.0.18; protocol = vrrp; interfaces = ( eth0, vrrp.7 ); send = true; receive = false; } ); };"
is "a protocol without a name is a number" "$(server k.example number protocol 253 >/dev/null
	settings number/mcsecd.conf gcks | grep -o 'protocol = [^;]*')" "protocol = 253"
is "a port is one of a protocol" "$(server k.example port protocol udp \
	destination-port 4789 >/dev/null
	settings port/mcsecd.conf gcks | grep -o 'protocol.*4789')" \
	"protocol = udp; destination-port = 4789"
"$MCSECCTL" setup both k.example dir gw state gw/state listen 192.0.2.1 group site \
	address 239.1.0.0/16 mode tunnel interfaces wan0 forward rekey-address 239.192.0.1 \
	senders k.example interface wan0 >/dev/null
is "the server's group of a gateway has its mode" "$(settings gw/mcsecd.conf gcks |
	grep -o 'address = 239.1.*tunnel;')" "address = 239.1.0.0/16; mode = tunnel;"
is "the member's group of a gateway forwards" "$(settings gw/mcsecd.conf member |
	grep -o 'mode.*forward = true')" \
	"mode = tunnel; interfaces = ( wan0 ); forward = true"
like "mcsecd takes the file of a gateway" "$("$MCSECD" --check gw/mcsecd.conf)" \
	'mcsecd.conf: configuration is valid$'
spoils_nothing "a mode that there is not" \
	'settings are refused: .*mode: "bridge" is not known; there is "transport", "tunnel"' \
	server k.example n mode bridge
spoils_nothing "a key server that is no member and forwards" \
	'forward: of members only; "setup both" makes this host one as well' \
	server k.example n forward
spoils_nothing "a protocol that there is not" 'settings are refused: .*protocol: ' \
	server k.example n protocol carrier-pigeon
spoils_nothing "a port without a protocol" \
	'settings are refused: .*destination-port: needs a protocol' \
	server k.example n destination-port 4789
spoils_nothing "interfaces of a key server that is no member" \
	'interfaces: of members only; "interface" is where a key server announces keys' \
	server k.example n interfaces eth0
spoils_nothing "interfaces that no host can have" \
	'settings are refused: .*interfaces\[1\]: ' "$MCSECCTL" setup both k.example dir n \
	state n/state listen 192.0.2.1 group video address 239.1.1.1 rekey-address 239.1.1.254 \
	senders k.example interfaces eth0,interface0123456

section "member"

spoils_nothing "a member without a certificate" \
	'setup: .*/m/m.example.pem: No such file .*"mcsecctl pki import" writes these files' \
	member m.example m
mkdir m && "$MCSECCTL" pki member k/pki m.example >/dev/null
cp k/pki/m.example.* k/ca.pem m
is "one with a certificate receives" "$(member m.example m >/dev/null
	settings m/mcsecd.conf member)" \
	"member: { gcks = 192.0.2.1; gcks-id = k.example; groups = ( { name = video; address = 239.1.1.1; send = false; receive = true; } ); };"
is "a member sends if told" "$(member m.example m send replace >/dev/null
	settings m/mcsecd.conf member | grep -o 'send.*e;')" "send = true; receive = false;"
is "a member protects what is said, where it is said" \
	"$(member m.example m protocol udp destination-port 5000 interfaces eth1 replace >/dev/null
	settings m/mcsecd.conf member | grep -o 'protocol.*eth1 );')" \
	"protocol = udp; destination-port = 5000; interfaces = ( eth1 );"
is "a member is a gateway if told" \
	"$(member m.example m mode tunnel interfaces wan0 forward replace >/dev/null
	settings m/mcsecd.conf member | grep -o 'mode.*forward = true')" \
	"mode = tunnel; interfaces = ( wan0 ); forward = true"
is "a member does both if told" "$(member m.example m send receive replace >/dev/null
	settings m/mcsecd.conf member | grep -o 'send.*e;')" "send = true; receive = true;"
chown mcsec m/m.example.key
like "mcsecd takes the member's file" "$("$MCSECD" --check m/mcsecd.conf)" \
	'mcsecd.conf: configuration is valid$'
cp q/ca.pem m/ca.pem
spoils_nothing "a certificate of another authority" '.*/m/m.example.pem: issuer unknown' \
	member m.example m replace
cp k/ca.pem m/ca.pem
cp q/k.example.key m/m.example.key
spoils_nothing "the key of another certificate" '.*m.example.key is not the key of .*m.example.pem' \
	member m.example m replace
tap_done
