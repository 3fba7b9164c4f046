#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Debian's libreswan as a peer of the key server, as strongSwan is in 90-strongswan.sh. It
# asks for a Child SA whenever it opens an IKE SA, and keeps the IKE SA without it.
# timeout: 600

# shellcheck source=selftests/e2e/ike_peer.sh
. "$(dirname "$0")/ike_peer.sh" libreswan
need certutil pk12util

P=$TMP/p
EXEC=/usr/libexec/ipsec
whack() { in_ns p "$EXEC/whack" --ctlsocket "$P/pluto.ctl" "$@" 2>&1; }

# NAME ID METHOD [SETTINGS]...: a connection
conn() {
	printf 'conn %s\n\tleftid=@%s\n' "$1" "$2"
	case $3 in
	secret) printf '\tauthby=secret\n' ;;
	*) printf '\tauthby=ecdsa\n\tleftcert=%s\n' "$3" ;;
	esac
	shift 3
	[ $# = 0 ] || printf '\t%s\n' "$@"
}

pluto_conf() {
	cat <<-END
		config setup
		    uniqueids=no
		    dnssec-enable=no
		conn %default
		    left=$P4
		    right=$K4
		    rightid=@k.lab
		    ikev2=insist
		    ike=aes_gcm256-sha2_256;dh31
		    type=transport
		    retransmit-timeout=4s
		    keyingtries=1
		    auto=add
	END
	conn cert p.lab p.lab
	conn none p.lab p.lab rekey=no
	conn six p.lab p.lab "left=$P6" "right=$K6"
	conn p384 ec.lab ec.lab
	conn example other.example other.example rekey=no
	conn stranger y.lab y.lab rekey=no
	conn psk psk.lab secret
	conn wrong wrong.lab secret rekey=no
	conn ppk p.lab p.lab ppk=insist
	conn ppk-other ec.lab ec.lab ppk=insist rekey=no
	conn alive psk.lab secret dpddelay=30 dpdtimeout=60 dpdaction=clear
	conn alg1 psk.lab secret 'ike=aes_gcm128-sha2_384;dh19'
	conn alg2 psk.lab secret 'ike=chacha20_poly1305-sha2_512;dh20'
	conn alg3 psk.lab secret 'ike=aes_gcm256-sha2_256;modp2048+dh19'
	conn default psk.lab secret 'ike='
	conn cbc psk.lab secret 'ike=aes256-sha2_256;dh31' rekey=no
	conn modp psk.lab secret 'ike=aes_gcm256-sha2_256;modp2048' rekey=no
}

# NAME FOLDER: into the database of NSS
nss_take() {
	openssl pkcs12 -export -in "$2/$1.pem" -inkey "$2/$1.key" -name "$1" \
		-passout pass: -out "$P/take.p12" &&
	pk12util -i "$P/take.p12" -d "sql:$P/nss" -W ""
} >/dev/null

said=
# NAME CONNECTION: the connection gets up; what libreswan said is in "said"
opens() {
	said=$(whack --initiate --name "$2")
	like "$1" "$said" \
		"^003 \"$2\" #[0-9]+: initiator established IKE SA; authenticated peer"
}

# NAME CONNECTION: it is refused without a try of AUTH
unanswered() {
	said=$(whack --initiate --name "$2")
	in_interop "$1" 'dropping unexpected IKE_SA_INIT message containing NO_PROPOSAL_CHOSEN notification'
	in_interop "$1, and tried again" \
		'No response (or no acceptable response) to our first IKEv2 message'
	datagrams "$1" 4 4
}

# NAME CONNECTION N M: it is refused at AUTH
refused() {
	said=$(whack --initiate --name "$2")
	in_interop "$1" \
		'IKE SA authentication request rejected by peer: AUTHENTICATION_FAILED'
	datagrams "$1" "$3" "$4"
}

closes() { # NAME CONNECTION
	like "$1" "$(whack --terminate --name "$2")" \
		'deleting state \(STATE_V2_ESTABLISHED_IKE_SA\) .* and sending notification'
	try "$1: the key server has none either" wait_until 10 k_count_is sas 0
	datagrams "$1" 1 1
}

# IKE SAs of libreswan
states() { whack --showstates | grep -c 'STATE_V2_ESTABLISHED_IKE_SA'; }

"$MCSECCTL" pki init "$pki" type ecdsa-p256 >/dev/null
"$MCSECCTL" pki gcks "$pki" k.lab type ecdsa-p256 >/dev/null
for h in p.lab ec.lab other.example; do
	[ $h = ec.lab ] && kind=384 || kind=256
	"$MCSECCTL" pki member "$pki" $h type ecdsa-p$kind >/dev/null
done
"$MCSECCTL" pki init "$TMP/pki2" name "another CA" type ecdsa-p256 >/dev/null
"$MCSECCTL" pki member "$TMP/pki2" y.lab type ecdsa-p256 >/dev/null
for k in psk ppk other; do
	key "$TMP/$k" 32
done
psk="psk = ( { id = \"psk.lab\"; key = \"$TMP/psk\"; },
	{ id = \"wrong.lab\"; key = \"$TMP/other\"; } );"
plain='plain-ike = true; sa-idle = 1000;'
peer_net
mkdir -p "$P/nss" "$P/d"
certutil -N -d "sql:$P/nss" --empty-password
certutil -A -d "sql:$P/nss" -n ca -t CT,, -i "$pki/ca.pem"
for h in p.lab ec.lab other.example; do
	nss_take $h "$pki"
done
nss_take y.lab "$TMP/pki2"
pluto_conf >"$P/ipsec.conf"
cat >"$P/secrets" <<-END
	@psk.lab @k.lab : PSK $(<"$TMP/psk")
	@wrong.lab @k.lab : PSK $(<"$TMP/psk")
	@p.lab @k.lab : PPKS "q" $(<"$TMP/ppk")
	@ec.lab @k.lab : PPKS "other" $(<"$TMP/other")
END
k_anew
spawn in_ns p "$EXEC/pluto" --nofork --config "$P/ipsec.conf" --rundir "$P" \
	--nssdir "$P/nss" --secretsfile "$P/secrets" --ipsecdir "$P/d" \
	--use-xfrm --logfile "$TMP/p.log" >"$TMP/p.out" 2>&1


section "without plain-ike"

try "libreswan runs" wait_until 20 grep -q 'loading secrets' "$TMP/p.log" ||
	tap_done
unanswered "libreswan's proposals are refused" none
k_says "the key server says what it misses" \
	"request refused: $P4:500: IKE_SA_INIT, NO_PROPOSAL_CHOSEN: no acceptable key wrap algorithm \(RFC 9838\)"
is "no IKE SA is half-open" "$(k_counts half-open)" 0

section "certificates"

k_anew "$plain" "$psk"
opens "ECDSA P-256" cert
like "libreswan verifies the key server" "$said" \
	"digital signature using peer certificate '@k.lab' issued by CA 'CN=mcsec CA'"
# IKE_AUTH is in two fragments, and libreswan deletes the Child SA that it has not got
datagrams "an IKE SA" 4 3
is "the key server has put the fragments together" \
	"$(k_counts fragments) $(k_counts fragments-dropped)" "2 0"
in_interop "a Child SA is refused" \
	'IKE_AUTH response missing v2SA, v2TSi or v2TSr: not attempting to setup CHILD SA'
in_interop "the IKE SA is there all the same" \
	'IKE SA established but initiator rejected Child SA response'
k_says "the key server knows the peer, and says that it can be no member" \
	"authentication succeeded: \"p.lab\" at $P4:500: authenticated, without key wrap, for no group"
is "libreswan has one IKE SA" "$(states)" 1

section "renewal"

rekey() { whack --rekey-ike --name "$1"; }
like "libreswan renews" "$(rekey cert)" \
	'initiator rekeyed IKE SA #[0-9]+ \{cipher=AES_GCM_16_256 integ=n/a prf=HMAC_SHA2_256 group=DH31\}'
datagrams "a renewal, and the Delete of the old IKE SA" 2 2
is "both have one IKE SA" "$(k_counts rekeyed) $(k_counts sas) $(states)" "1 1 1"
said=$(rekey cert)
in_interop "another renewal within ten seconds has to wait" \
	'CREATE_CHILD_SA failed with error notification TEMPORARY_FAILURE'
datagrams "a renewal that is put off" 1 1
closes "a Delete by libreswan" cert
k_says "the key server knows that the peer closed it" \
	"IKE SA closed: \"p.lab\" at $P4:500: closed by the peer"

section "identities"

opens "ECDSA P-384" p384
datagrams "ECDSA P-384" 4 3
closes "ECDSA P-384" p384
opens "IPv6" six
k_says "the key server has the peer's address" "\"p.lab\" at \[$P6\]:500: auth"
datagrams "IPv6" 3 3
closes "IPv6" six
refused "a certificate of another CA" stranger 3 2
k_says "the key server knows why" \
	"authentication failed: \"y.lab\" at $P4:500: certificate: issuer unknown"
opens "the same key at both" psk
datagrams "the same key at both" 3 3
closes "the same key at both" psk
refused "another key" wrong 2 2
opens "a peer that no group admits is authenticated" example
gone() { [ "$(states)" = 0 ]; }
try "libreswan hears a Delete" wait_until 10 gone
is "the key server has no IKE SA of it" "$(k_counts sas)" 0
k_says "the key server says why" \
	"IKE SA closed: \"other.example\" at $P4:500: no group admits the peer"

section "algorithms"

k_anew "$plain" "$psk"
counted
to_k=$to_now from_k=$from_now
has() { # CONNECTION ALGORITHMS N M
	opens "$2" "$1"
	like "$2 it is" "$said" "sent IKE_AUTH request \{cipher=$2\}"
	datagrams "$2" "$3" "$4"
	closes "$2" "$1"
}
has alg1 "AES_GCM_16_128 integ=n/a prf=HMAC_SHA2_384 group=DH19" 3 3
has alg2 "CHACHA20_POLY1305_256 integ=n/a prf=HMAC_SHA2_512 group=DH20" 3 3
has alg3 "AES_GCM_16_256 integ=n/a prf=HMAC_SHA2_256 group=DH19" 4 4
like "INVALID_KE_PAYLOAD is understood" "$said" \
	'INVALID_KE_PAYLOAD response to DH MODP2048; resending with suggested DH DH19'
has default "AES_GCM_16_256 integ=n/a prf=HMAC_SHA2_256 group=DH31" 3 3
unanswered "AES-CBC" cbc
k_says "AES-CBC: the key server says what it misses" 'no acceptable AEAD cipher'
lines_rest
unanswered "MODP groups" modp
k_says "MODP groups: the key server says what it misses" \
	'no acceptable key exchange method'

section "liveness"

opens "a peer with dpddelay" alive
datagrams "a peer with dpddelay" 3 3
sleep 100
datagrams "100 seconds: libreswan checks Child SAs only" 0 0
closes "a peer with dpddelay" alive

section "cookies and fragments"

k_anew "$plain cookie-threshold = 0; fragment-size = 576;" "$psk"
opens "a key server that asks for a cookie, and sends fragments" cert
like "the cookie is returned" "$said" \
	'received anti-DDOS COOKIE response, resending IKE_SA_INIT request with COOKIE payload'
is "one cookie was given out" "$(k_counts cookie-sent) $(k_counts cookie-bad)" "1 0"
# IKE_AUTH is in two fragments in each direction
datagrams "a cookie, and fragments" 5 5
closes "after that" cert

section "renewal by the key server"

k_anew 'plain-ike = true; sa-idle = 1000; sa-rekey = 60;' "$psk"
opens "an IKE SA" cert
datagrams "an IKE SA" 4 3
sleep 60
try "the key server has renewed it" wait_until 10 k_count_is rekeyed 1
datagrams "a renewal, and the Delete of the old IKE SA" 2 2
is "libreswan has one IKE SA" "$(states)" 1
# A delay of 0.7 seconds behind k makes both sides begin before they hear of each other.
in_ns r tc qdisc add dev eth1 root netem delay 700ms
sleep 47
begun() { counted; [ "$from_now" -gt "$from_k" ]; }
try "the key server begins another one" wait_until 20 begun
like "libreswan begins at the same time" "$(rekey cert)" 'initiator rekeyed IKE SA'
in_ns r tc qdisc del dev eth1 root
try "the key server has renewed it again" wait_until 10 k_count_is rekeyed 2
sleep 66
one_each() { [ "$(k_counts sas) $(states)" = "1 1" ]; }
try "both have one IKE SA in the end" wait_until 10 one_each
counted
to_k=$to_now from_k=$from_now
closes "after that" cert

section "NAT"

k_anew "$plain" "$psk"
nat_begins
opens "a peer behind a NAT" cert
k_says "the key server knows" 'NAT detected: in front of the peer'
like "libreswan changes to port 4500" "$(whack --showstates)" '"cert":4500 STATE'
datagrams "a peer behind a NAT" 4 3
sleep 70
datagrams "70 seconds: no keepalives without a Child SA" 0 0
like "the IKE SA is renewed from another port" "$(rekey cert)" 'initiator rekeyed IKE SA'
datagrams "a renewal through a NAT" 2 2
closes "a peer behind a NAT" cert
ports=$(sed -n 's/.*"p.lab" at 10.7.0.254:\([0-9]*\): .*/\1/p' "$TMP/k.log")
is "the key server has followed it" "$(sort -u <<<"$ports" | wc -l)" 2
in_ns r nft delete table ip nat

section "PPK"

k_anew "$plain" "ppk = ( { id = \"p.lab\"; ppk-id = \"q\"; key = \"$TMP/ppk\"; },
	{ id = \"ec.lab\"; ppk-id = \"q\"; key = \"$TMP/ppk\"; } );"
opens "the PPK of both" ppk
like "libreswan has mixed it in" "$said" 'PPK AUTH calculated as initiator'
datagrams "the PPK of both" 4 3
like "the IKE SA with a PPK is renewed" "$(rekey ppk)" 'initiator rekeyed IKE SA'
datagrams "a renewal" 2 2
closes "the PPK of both" ppk
refused "another PPK" ppk-other 3 2
k_says "the key server knows why" 'PPK: another one is configured for this identity'
refused "no PPK" none 3 2
k_says "the key server knows why there, too" \
	'PPK: the peer uses none, and it is mandatory for this identity'

tap_done
