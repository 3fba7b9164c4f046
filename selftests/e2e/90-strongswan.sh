#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Debian's strongSwan as a peer of the key server, which takes IKE SAs of its kind with
# plain-ike only: authentication, renewal, liveness, cookies, fragments, NAT, PPK, and
# what both say where they do not agree.
# timeout: 600

# shellcheck source=selftests/e2e/ike_peer.sh
. "$(dirname "$0")/ike_peer.sh" strongswan

S=$TMP/p/swan
export SWANCTL_DIR=$S STRONGSWAN_CONF=$TMP/p/strongswan.conf

swan() {
	local what=$1

	shift
	in_ns p swanctl "--$what" --uri "unix://$TMP/p/vici" "$@" 2>&1
}

# NAME AUTH ID [SETTINGS [OF-US]]: a connection
conn() {
	cat <<-END
		$1 {
		    version = 2
		    local_addrs = $P4
		    remote_addrs = $K4
		    proposals = aes256gcm16-prfsha256-x25519
		    childless = force
		    mobike = no
		    $4
		    local {
		        auth = $2
		        id = $3
		        $5
		    }
		    remote {
		        auth = ${2/eap*/pubkey}
		        id = k.lab
		    }
		}
	END
}

# NAME OF-CERTIFICATE ID [SETTINGS]
by_cert() { conn "$1" pubkey "$3" "$4" "certs = $2"; }
by_psk() { conn "$1" psk "$2" "$3"; }

swan_conf() {
	cat >"$STRONGSWAN_CONF" <<-END
		charon-systemd {
		    load = random nonce openssl pem pkcs1 pkcs8 x509 constraints revocation pubkey kdf hmac sha1 sha2 aes gcm kernel-netlink socket-default vici
		    plugins {
		        vici {
		            socket = unix://$TMP/p/vici
		        }
		    }
		    retransmit_tries = 3
		    retransmit_timeout = 1
		    retransmit_base = 1
		    keep_alive = 20
		    rsa_pss = yes
		    filelog {
		        log {
		            path = $TMP/p.log
		            flush_line = yes
		        }
		    }
		    journal {
		        default = -1
		    }
		}
		swanctl {
		    load = pem pkcs1 pkcs8 x509 openssl
		}
	END
	mkdir -p "$S/x509" "$S/x509ca" "$S/private"
	cp "$pki"/*.lab.pem "$pki/other.example.pem" "$TMP/pki2/y.lab.pem" \
		"$chain/deep.lab.pem" "$S/x509"
	echo "$swan_ca" >"$S/x509ca/ca.pem"
	# authorities between its own and the one that k trusts are sent
	cp "$chain"/{top,sub?}.pem "$S/x509ca"
	cp "$pki"/[!kc]*.key "$TMP/pki2/y.lab.key" "$chain/deep.lab.key" \
		"$S/private"
	{
		echo "connections {"
		by_cert cert p.lab.pem p.lab
		by_cert six p.lab.pem p.lab "local_addrs = $P6
			remote_addrs = $K6"
		by_cert moves p.lab.pem p.lab "mobike = yes"
		by_cert alive p.lab.pem p.lab "dpd_delay = 30s"
		by_cert ecdsa ec.lab.pem ec.lab
		by_cert chain deep.lab.pem deep.lab "fragmentation = yes"
		by_cert example other.example.pem other.example
		by_cert stranger y.lab.pem y.lab
		by_psk psk psk.lab
		by_psk wrong wrong.lab
		by_psk unknown unknown.lab
		conn eap eap p.lab
		by_cert ppk p.lab.pem p.lab "ppk_id = q
			ppk_required = yes"
		by_cert ppk-other p.lab.pem p.lab "ppk_id = other
			ppk_required = yes"
		by_psk alg1 psk.lab "proposals = aes128gcm16-prfsha384-ecp256"
		by_psk alg2 psk.lab "proposals = chacha20poly1305-prfsha512-ecp384"
		by_psk alg3 psk.lab "proposals = aes256gcm16-prfsha256-modp2048-ecp256"
		by_psk cbc psk.lab "proposals = aes256-sha256-x25519"
		by_psk modp psk.lab "proposals = aes256gcm16-prfsha256-modp2048"
		by_psk default psk.lab "proposals = default"
		by_psk child psk.lab "childless = allow
			children {
			    net {
			    }
			}"
		cat <<-END
			}
			secrets {
			    ike-1 {
			        id-1 = psk.lab
			        id-2 = wrong.lab
			        id-3 = unknown.lab
			        secret = $(<"$TMP/psk")
			    }
			    ppk-1 {
			        id = q
			        secret = $(<"$TMP/ppk")
			    }
			    ppk-2 {
			        id = other
			        secret = $(<"$TMP/other")
			    }
			}
		END
	} >"$S/swanctl.conf"
}

said=
# NAME CONNECTION: the connection gets up; what strongSwan said is in "said"
opens() {
	said=$(swan initiate --ike "$2")
	like "$1" "$said" "IKE_SA $2\[[0-9]+\] established between"
}

# NAME CONNECTION [NOTIFY]: it does not, and strongSwan says why
refused() {
	said=$(swan initiate --ike "$2")
	in_interop "$1" "received ${3:-AUTHENTICATION_FAILED} notify error"
	like "$1: there is no IKE SA" "$said" \
		"^initiate failed: establishing IKE_SA '$2' failed"
}

closes() { # NAME CONNECTION
	like "$1" "$(swan terminate --ike "$2")" '^terminate completed'
	try "$1: the key server has none either" wait_until 10 k_count_is sas 0
	datagrams "$1" 1 1
}

spis() { swan list-sas --ike "$1" | sed -n 's/.*, \([0-9a-f]*_i\*\{0,1\}\) \([0-9a-f]*_r\*\{0,1\}\).*/\1 \2/p'; }
p_forgets() { : >"$TMP/p.log"; }

pki_make p m
"$MCSECCTL" pki member "$pki" other.example >/dev/null
"$MCSECCTL" pki member "$pki" ec.lab type ecdsa-p384 >/dev/null
"$MCSECCTL" pki init "$TMP/pki2" name "another CA" >/dev/null
"$MCSECCTL" pki member "$TMP/pki2" y.lab >/dev/null
swan_ca=$(<"$pki/ca.pem")
chain_make
for k in psk ppk other; do
	key "$TMP/$k" 32
done
psk="psk = ( { id = \"psk.lab\"; key = \"$TMP/psk\"; },
	{ id = \"wrong.lab\"; key = \"$TMP/other\"; } );"
peer_net
swan_conf
k_anew

section "without plain-ike"

spawn in_ns p charon-systemd >"$TMP/p.out" 2>&1
try "strongSwan runs" wait_until 20 test -S "$TMP/p/vici" || tap_done
like "strongSwan has its connections" "$(swan load-all)" \
	'^successfully loaded [0-9]+ connections, 0 unloaded'
refused "strongSwan's proposals are refused" cert NO_PROPOSAL_CHOSEN
datagrams "an IKE SA that is refused" 1 1
k_says "the key server says what it misses" \
	"request refused: $P4:500: IKE_SA_INIT, NO_PROPOSAL_CHOSEN: no acceptable key wrap algorithm \(RFC 9838\)"
is "no IKE SA is half-open" "$(k_counts half-open)" 0

section "certificates"

plain='plain-ike = true; sa-idle = 1000;'
k_anew "$plain" "$psk"
opens "Ed25519" cert
datagrams "an IKE SA" 2 2
like "CHILDLESS_IKEV2_SUPPORTED is understood" "$said" \
	'parsed IKE_SA_INIT response 0 \[ SA KE No CERTREQ N\(NATD_S_IP\) N\(NATD_D_IP\) N\(HASH_ALG\) N\(CHDLESS_SUP\) N\(FRAG_SUP\) \]'
like "strongSwan verifies the key server" "$said" \
	"authentication of 'k.lab' with ED25519 successful"
k_says "the key server knows the peer, and says that it can be no member" \
	"authentication succeeded: \"p.lab\" at $P4:500: authenticated, without key wrap, for no group"
like "strongSwan shows the algorithms" "$(swan list-sas)" \
	'^  AES_GCM_16-256/PRF_HMAC_SHA2_256/CURVE_25519$'

section "renewal"

was=$(spis cert)
like "strongSwan renews" "$(swan rekey --ike cert)" '^rekey completed successfully'
p_says "the renewal is complete" 'IKE_SA cert\[[0-9]+\] rekeyed between'
datagrams "a renewal, and the Delete of the old IKE SA" 2 2
unlike "both SPIs are new" "$(spis cert)" "${was% *}|${was#* }"
is "the key server has renewed it" "$(k_counts rekeyed)" 1
is "the key server has one IKE SA" "$(k_counts sas)" 1
swan rekey --ike cert >/dev/null
said=$(wait_until 10 grep TEMPORARY_FAILURE "$TMP/p.log"; cat "$TMP/p.log")
in_interop "another renewal within ten seconds has to wait" \
	'received TEMPORARY_FAILURE notify error'
p_says "strongSwan tries again" 'IKE_SA rekeying failed, trying again in [0-9]+ seconds'
try "the next one is taken" wait_until 60 k_count_is rekeyed 2
n=$(grep -c 'received TEMPORARY_FAILURE' "$TMP/p.log")
datagrams "a renewal that is put off" $((2 + n)) $((2 + n))
closes "a Delete by strongSwan" cert
k_says "the key server knows that the peer closed it" \
	"IKE SA closed: \"p.lab\" at $P4:500: closed by the peer"

section "identities"

opens "ECDSA P-384" ecdsa
datagrams "ECDSA P-384" 2 2
closes "ECDSA P-384" ecdsa
refused "a certificate of another CA" stranger
k_says "the key server knows why" \
	"authentication failed: \"y.lab\" at $P4:500: certificate: issuer unknown"
datagrams "a certificate of another CA" 2 2
p_forgets
opens "a peer that no group admits is authenticated" example
said=$(wait_until 10 grep DELETE "$TMP/p.log"; cat "$TMP/p.log")
in_interop "a peer that no group admits hears a Delete" 'received DELETE for IKE_SA'
k_says "the key server says why" \
	"IKE SA closed: \"other.example\" at $P4:500: no group admits the peer"
gone() { [ -z "$(swan list-sas)" ]; }
try "the refused peer has no IKE SA" wait_until 10 gone
# the Delete may overtake the answer, and is sent again then
n=$(k_counts retransmitted)
datagrams "a peer that no group admits" 3 $((3 + n))
is "the key server has no IKE SA of it" "$(k_counts sas)" 0
refused "EAP" eap
k_says "the key server takes no EAP" 'EAP is not supported'
datagrams "EAP" 2 2

section "pre-shared keys"

opens "the same key at both" psk
datagrams "the same key at both" 2 2
closes "the same key at both" psk
refused "another key" wrong
datagrams "another key" 2 2
refused "an identity without a key" unknown
datagrams "an identity without a key" 2 2

section "algorithms"

k_anew "$plain" "$psk"

has() { # CONNECTION ALGORITHMS N M
	opens "$2" "$1"
	like "$2 it is" "$(swan list-sas)" "^  $2\$"
	datagrams "$2" "$3" "$4"
	closes "$2" "$1"
}
has alg1 AES_GCM_16-128/PRF_HMAC_SHA2_384/ECP_256 2 2
has alg2 CHACHA20_POLY1305/PRF_HMAC_SHA2_512/ECP_384 2 2
has alg3 AES_GCM_16-256/PRF_HMAC_SHA2_256/ECP_256 3 3
like "INVALID_KE_PAYLOAD is understood" "$said" \
	"peer didn't accept DH group MODP_2048, it requested ECP_256"
has default AES_GCM_16-128/PRF_HMAC_SHA2_256/CURVE_25519 2 2
for c in "cbc no acceptable AEAD cipher" \
	"modp no acceptable key exchange method"; do
	lines_rest
	refused "${c%% *}" "${c%% *}" NO_PROPOSAL_CHOSEN
	k_says "${c%% *}: the key server says what it misses" \
		"IKE_SA_INIT, NO_PROPOSAL_CHOSEN: ${c#* }"
	datagrams "${c%% *}" 1 1
done

section "Child SAs"

said=$(swan initiate --child net)
in_interop "a Child SA in IKE_AUTH is refused" \
	'received NO_ADDITIONAL_SAS notify, no CHILD_SA built'
in_interop "the IKE SA is there all the same" \
	'failed to establish CHILD_SA, keeping IKE_SA'
datagrams "IKE_AUTH with a Child SA" 2 2
said=$(swan initiate --child net)
in_interop "a Child SA in CREATE_CHILD_SA is refused" \
	'received NO_ADDITIONAL_SAS notify, no CHILD_SA built'
datagrams "CREATE_CHILD_SA" 1 1
closes "after that" child

section "addresses"

opens "IPv6" six
datagrams "IPv6" 2 2
k_says "the key server has the peer's address" "\"p.lab\" at \[$P6\]:500: auth"
closes "IPv6" six
opens "a peer that changes to port 4500 without NAT (MOBIKE)" moves
like "strongSwan sends from port 4500" "$said" "from $P4\[4500\] to $K4\[4500\]"
k_says "the key server answers there" "\"p.lab\" at $P4:4500: auth"
datagrams "a peer at port 4500" 2 2
closes "a peer at port 4500" moves

section "NAT"

nat_begins
p_forgets
opens "a peer behind a NAT" cert
p_says "strongSwan knows" 'local host is behind NAT, sending keep alives'
like "strongSwan changes to port 4500" "$said" "from $P4\[4500\] to $K4\[4500\]"
k_says "the key server knows, too" 'NAT detected: in front of the peer'
datagrams "a peer behind a NAT" 2 2
k_says "the key server has the NAT's address" \
	"\"p.lab\" at 10.7.0.254:[0-9]+: auth"
n=$(k_counts in)
sleep 70
datagrams "keepalives of 70 seconds" 3 0
is "keepalives are no messages" "$(k_counts in) $(k_counts in-short)" "$n 0"
swan rekey --ike cert >/dev/null
try "the IKE SA is renewed" wait_until 10 k_count_is rekeyed 1
datagrams "a renewal through a NAT" 2 2
# the NAT has forgotten the peer meanwhile, and given it another port
closes "a peer behind a NAT" cert
two_ports() {
	[ "$(sed -n 's/.*"p.lab" at 10.7.0.254:\([0-9]*\): .*/\1/p' "$TMP/k.log" |
		sort -u | wc -l)" = 2 ]
}
try "the key server has followed it" wait_until 20 two_ports
in_ns r nft delete table ip nat

section "liveness"

p_forgets
opens "a peer that checks the key server" alive
datagrams "a peer that checks the key server" 2 2
sleep 100
datagrams "three checks in 100 seconds" 3 3
in_ns r nft -f - <<-END
	table inet cut {
	    chain forward {
	        type filter hook forward priority 10; policy drop
	    }
	}
END
sleep 30
p_says "strongSwan finds the key server dead" 'giving up after 3 retransmits'
datagrams "a check that is lost, and sent again" 4 0
is "the key server has the IKE SA still" "$(k_counts sas)" 1
in_ns r nft delete table inet cut
opens "the peer comes again" alive
k_says "strongSwan says that it begins anew" \
	'the peer has started anew \(INITIAL_CONTACT\)'
is "the key server has one IKE SA" "$(k_counts sas)" 1
# a Delete of the old IKE SA, to which the peer has no answer
datagrams "INITIAL_CONTACT" 2 3
closes "after that" alive

section "the time of an IKE SA"

k_anew 'plain-ike = true; sa-idle = 100;' "$psk"
p_forgets
opens "a peer that checks the key server" alive
sleep 105
p_says "strongSwan hears a Delete all the same" 'received DELETE for IKE_SA alive'
k_says "the key server says why" \
	"\"p.lab\" at $P4:500: sa-idle is over for an IKE SA without key wrap"
datagrams "sa-idle" 6 6
is "no IKE SA is left" "$(k_counts sas) $(swan list-sas)" "0 "

section "renewal by the key server"

k_anew 'plain-ike = true; sa-idle = 1000; sa-rekey = 60;' "$psk"
opens "an IKE SA" cert
datagrams "an IKE SA" 2 2
was=$(spis cert)
p_forgets
sleep 60
p_says "strongSwan renews it, too" 'IKE_SA cert\[[0-9]+\] rekeyed between'
try "the key server has renewed it" wait_until 10 k_count_is rekeyed 1
datagrams "a renewal, and the Delete of the old IKE SA" 2 2
unlike "both SPIs are new" "$(spis cert)" "${was% *}|${was#* }"
# A delay behind k makes both sides begin before they hear of each other. It is longer
# than a slow machine takes to start swanctl, and shorter than strongSwan waits before it
# sends again.
in_ns r tc qdisc add dev eth1 root netem delay 3500ms
p_forgets
# the next one is due after 54 seconds at the least, counted from the last
sleep 47
begun() { counted; [ "$from_now" -gt "$from_k" ]; }
try "the key server begins another one" wait_until 20 begun
swan rekey --ike cert >/dev/null
p_says "strongSwan has begun at the same time" 'IKE_REKEY collision'
# An IKE SA that strongSwan deletes sends its Delete until it is answered, and counts as well.
sas_are() { [ "$(k_counts sas) $(swan list-sas | grep -c '^[^ ].*: #')" = "$1" ]; }
try "both have one IKE SA in the end" wait_until 100 sas_are "1 1"
in_ns r tc qdisc del dev eth1 root
now=$(spis cert)
now=${now%%_*}
k_says "both have the same one" \
	"IKE SA 0x${now}_0x[0-9a-f]*: IKE SA renewed|IKE SA 0x[0-9a-f]*_0x$now: IKE SA renewed"
counted
to_k=$to_now from_k=$from_now
closes "after that" cert

section "cookies"

k_anew "$plain cookie-threshold = 0;" "$psk"
opens "a key server that asks for a cookie" cert
like "the cookie is returned" "$said" \
	'generating IKE_SA_INIT request 0 \[ N\(COOKIE\) SA KE No'
datagrams "a cookie" 3 3
is "one was given out" "$(k_counts cookie-sent) $(k_counts cookie-bad)" "1 0"
closes "after that" cert

section "fragments"

k_anew "$plain fragment-size = 576;" "$psk"
opens "a long chain of certificates" chain
like "strongSwan sends two fragments" "$said" \
	'splitting IKE message \([0-9]+ bytes\) into 2 fragments'
is "the key server has put them together" \
	"$(k_counts fragments) $(k_counts fragments-dropped)" "2 0"
datagrams "a long chain of certificates" 3 2
closes "a long chain of certificates" chain

section "PPK"

k_anew "$plain" "ppk = ( { id = \"p.lab\"; ppk-id = \"q\"; key = \"$TMP/ppk\"; } );"
opens "the PPK of both" ppk
like "strongSwan has mixed it in" "$(swan list-sas)" \
	'^  AES_GCM_16-256/PRF_HMAC_SHA2_256/CURVE_25519/PPK$'
datagrams "the PPK of both" 2 2
swan rekey --ike ppk >/dev/null
try "the IKE SA with a PPK is renewed" wait_until 10 k_count_is rekeyed 1
datagrams "a renewal" 2 2
closes "the PPK of both" ppk
refused "another PPK" ppk-other
k_says "the key server knows why" 'PPK: another one is configured for this identity'
datagrams "another PPK" 2 2
lines_rest
refused "no PPK" cert
k_says "the key server knows why there, too" \
	'PPK: the peer uses none, and it is mandatory for this identity'
datagrams "no PPK" 2 2

section "a member that takes strongSwan for its key server"

down TERM "$pid"
load_mcsec
mkdir "$TMP/m"
{
	conf_head m
	cat <<-END
		member: {
		    gcks = "$P4:500";
		    gcks-id = "p.lab";
		    groups = ( { name = "video"; address = "239.7.1.1"; } );
		};
	END
} >"$TMP/m.conf"
p_forgets
spawn in_ns k "$MCSECD" -c "$TMP/m.conf" >"$TMP/m.log" 2>&1
log_says "the member says why it is not in" "$TMP/m.log" \
	'registration failed: as receiver: NO_PROPOSAL_CHOSEN: the key server takes none of our algorithms, or no groups \(RFC 9838\); next try in'
p_says "strongSwan does not know the key wrap algorithms" \
	'received proposals: IKE:AES_GCM_16_256/.*/UNKNOWN_13_3/UNKNOWN_13_1$'
said=$(<"$TMP/p.log")
in_interop "strongSwan refuses" 'received proposals unacceptable'
datagrams "a member's IKE_SA_INIT" 1 1

tap_done
