#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The life of certificates by "mcsecctl pki": requests and their signing, renewal,
# revocation and the list, as openssl and mcsecd judge them. No daemon runs.
# timeout: 200

. "$(dirname "$0")/../lib.sh"
need jq openssl
. "$TOP/selftests/e2e/refused.sh"

pki() { "$MCSECCTL" pki "$@"; }
verify() {
	openssl verify -CAfile ca/ca.pem "$@" 2>&1 | sed 's/.*: //' | xargs
}
# NAME KIND STATE of each certificate of the list
states() { pki list ca | awk 'NR > 1 { print $1, $2, $4 }' | xargs; }

{ pki init ca && pki gcks ca k.example && pki member ca a.example; } >/dev/null

section "request"

said=$(pki request m m.example dns other.example)
like "the files are told" "$said" '^wrote m/m.example.key \(mode 0600, owner mcsec\)$'
is "the request is for the names" "$(openssl req -in m/m.example.csr -noout -text |
	sed -n 's/^ *Subject: //p; s/^ *DNS:/DNS:/p' | xargs)" \
	"CN = m.example DNS:m.example, DNS:other.example"
is "the request is signed by the key that it has" \
	"$(openssl req -in m/m.example.csr -noout -verify 2>&1)" \
	"Certificate request self-signature verify OK"
is "a request that is made again has the same key" \
	"$(pki request m m.example dns other.example replace | grep ^key)" \
	"$(grep ^key <<<"$said")"
spoils_nothing "a request that is there" 'm/m.example.csr: exists' \
	pki request m m.example dns third.example
spoils_nothing "a request for the name of a path" 'name "../m": only letters' pki request m ../m
spoils_nothing "a request in a folder below none" 'folder none/m: No such' \
	pki request none/m m.example

section "sign"

spoils_nothing "a name that nobody has said" \
	'sign: m/m.example.csr: it asks for the name "other.example" too' \
	pki sign ca m.example m/m.example.csr
spoils_nothing "another name than that of the request" 'sign: .*it is for "m.example"' \
	pki sign ca k2.example m/m.example.csr
spoils_nothing "no request" 'sign: ca/ca.pem: no request in PEM form' \
	pki sign ca m.example ca/ca.pem
spoils_nothing "no file" 'sign: none: No such file' pki sign ca m.example none
openssl req -in m/m.example.csr -outform DER -out req.der
# the last octets are the signature
printf '\0\0' | dd of=req.der bs=1 seek=$(($(stat -c %s req.der) - 9)) conv=notrunc 2>/dev/null
openssl req -inform DER -in req.der -out bad.csr
spoils_nothing "a request that was altered" 'sign: bad.csr: it is not signed by the key' \
	pki sign ca m.example bad.csr dns other.example
openssl req -new -newkey rsa:1024 -nodes -keyout weak.key -subj /CN=m.example \
	-out weak.csr 2>/dev/null
spoils_nothing "a weak key" 'sign: weak.csr: its key is neither' \
	pki sign ca m.example weak.csr
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout p256.key \
	-subj /O=x/CN=p256.example -addext basicConstraints=critical,CA:TRUE \
	-addext extendedKeyUsage=serverAuth -out p256.csr 2>/dev/null
pki sign ca p256.example p256.csr >/dev/null
is "the rest of a request is not granted" "$(openssl x509 -in ca/p256.example.pem \
	-noout -subject -ext basicConstraints,extendedKeyUsage | xargs)" \
	"subject=CN = p256.example X509v3 Basic Constraints: critical CA:FALSE X509v3 Extended Key Usage: TLS Web Client Authentication, ipsec Internet Key Exchange"
is "both sides see the same key" "$(pki sign ca m.example m/m.example.csr \
	dns other.example | grep ^key)" "$(grep ^key <<<"$said")"
is "the certificate is verified" "$(verify ca/m.example.pem)" OK
is "the certificate is of the key that stayed" \
	"$(openssl x509 -in ca/m.example.pem -noout -pubkey | cksum)" \
	"$(openssl pkey -in m/m.example.key -pubout | cksum)"
spoils_nothing "a name that has a certificate" 'ca/m.example.pem: exists; "pki renew"' \
	pki sign ca m.example m/m.example.csr dns other.example
cp ca/m.example.pem ca/ca.pem m
is "the host becomes a member" "$("$MCSECCTL" setup member m.example dir m gcks 192.0.2.1 \
	gcks-id k.example group video address 239.1.1.1 | head -n 1)" \
	"wrote $TMP/m/mcsecd.conf"

section "renew"

was=$(openssl x509 -in ca/m.example.pem -noout -serial -pubkey -ext subjectAltName)
like "a renewed certificate is told with what to do" "$(pki renew ca m.example days 10)" \
	'^next: bring ca/m.example.pem to its host'
now=$(openssl x509 -in ca/m.example.pem -noout -serial -pubkey -ext subjectAltName)
is "the renewed certificate has the same key and names" "$(tail -n +2 <<<"$now")" \
	"$(tail -n +2 <<<"$was")"
is "the serial numbers are two" "$(grep -h ^serial <<<"$was"$'\n'"$now" | sort -u | wc -l)" 2
is "the renewed certificate is verified" "$(verify ca/m.example.pem)" OK
is "old and new are listed, and what ends soon" "$(states)" \
	"a.example member valid ca authority valid k.example key-server valid m.example member ends-soon p256.example member valid m.example member valid"
spoils_nothing "a name without a certificate" 'pki: ca/none.example.pem: No such' \
	pki renew ca none.example
{ pki init other && pki member other x.example; } >/dev/null
cp other/x.example.pem ca
spoils_nothing "a certificate of another authority" \
	'renew: the certificate was not issued by this authority' pki renew ca x.example
is "the list tells that it is of another authority" \
	"$(states | grep -o 'x.example.*' | cut -d' ' -f 3)" other-authority
spoils_nothing "the authority itself" 'name "ca": the authority itself' pki renew ca ca

section "revoke"

spoils_nothing "revocation of another authority's" \
	'revoke: the certificate was not issued by this authority' pki revoke ca x.example
rm ca/x.example.pem
spoils_nothing "revocation of a name that nobody has" \
	'revoke: no certificate of "none.example" in ca that is valid still' \
	pki revoke ca none.example
like "both certificates of a name are revoked" "$(pki revoke ca m.example)" \
	'^revoked: 2 more of "m.example"$'
is "the list says so" "$(pki list ca | awk '$1 == "m.example" { print $4 }' | xargs)" \
	"revoked revoked"
crl() { openssl crl -in ca/crl.pem -noout "$@" 2>&1; }
is "the list is signed by the authority" "$(crl -CAfile ca/ca.pem)" "verify OK"
is "openssl refuses the certificates now, and no other" \
	"$(verify -crl_check -CRLfile ca/crl.pem ca/k.example.pem) $(verify -crl_check \
		-CRLfile ca/crl.pem ca/old/m.example+*.pem | grep -o 'certificate revoked' | wc -l)" \
	"OK 2"
is "the first list has number 1" "$(crl -crlnumber)" "crlNumber=0x01"
pki revoke ca days 90 >/dev/null
is "a list that is made again has the next number and the same entries" \
	"$(crl -crlnumber) $(crl -text | grep -c 'Serial Number')" "crlNumber=0x02 2"
is "a list that is made again ends when said" \
	"$(($(date -d "$(crl -nextupdate | cut -d= -f2)" +%s) / 86400 - $(date +%s) / 86400))" 90
# The folder of the authority is nobody's business but root's.
install -m 644 ca/crl.pem list.pem
install -d -m 700 -o mcsec /var/lib/mcsec
sed "s,# crl = .*,crl = \"$TMP/list.pem\";," m/mcsecd.conf >crl.conf
like "mcsecd warns of the own certificate by this list" \
	"$("$MCSECD" --check crl.conf 2>&1)" 'revoked'
is "the name is free again" "$(pki member ca m.example | head -n 1)" \
	"certificate ca/m.example.pem"
is "a new certificate is valid beside the revoked ones" \
	"$(pki list ca | awk '$1 == "m.example" { print $4 }' | xargs)" "valid revoked revoked"
cp ca/crl.pem good.crl
cp other/ca.pem ca/crl.pem
spoils_nothing "a list that is none" 'revoke: ca/crl.pem: no revocation list of this' \
	pki revoke ca a.example
cp good.crl ca/crl.pem
mkdir full && mount -t tmpfs -o size=24k tmpfs full && on_exit "umount $TMP/full"
cp ca/ca.* ca/crl.pem ca/a.example.* full
head -c 65536 /dev/zero >full/most 2>/dev/null
spoils_nothing "a full disk" 'full/crl.pem: No space left' pki revoke full a.example

section "names that are shared"

{ pki member ca n1.example dns both.example && pki member ca n2.example dns both.example &&
	pki member ca n3.example; } >/dev/null
is "another certificate for a name that is revoked is told" \
	"$(pki revoke ca n1.example | grep ^still)" \
	'still valid: "n2.example" has a certificate for "both.example", too; "mcsecctl pki revoke ca n2.example" revokes it'
is "the last one for a name is the last" "$(pki revoke ca n2.example | grep -c ^still)" 0
rm ca/n3.example.* ca/old/n[12].example*

section "end of an authority"

pki init short days 5 >/dev/null
ends=$(date -u -d "$(openssl x509 -in short/ca.pem -noout -enddate | cut -d= -f2)" +%FT%TZ)
is "a certificate ends with its authority, which is told" \
	"$(pki member short a.example | tail -n 1)" \
	"the certificate ends with that of the authority, $ends"
is "the certificate has that end" "$(date -u -d "$(openssl x509 -in short/a.example.pem -noout -enddate |
	cut -d= -f2)" +%FT%TZ)" "$ends"
like "a renewed one does, too" "$(pki renew short a.example)" \
	"the certificate ends with that of the authority, $ends"
pki request m s.example >/dev/null
like "a certificate for a request does, too" "$(pki sign short s.example m/s.example.csr)" \
	"the certificate ends with that of the authority, $ends"
is "one that ends before has its own end" \
	"$(pki member short b.example days 2 | grep -c 'ends with')" 0
date -s "+6 days" >/dev/null
spoils_nothing "an authority that has ended issues nothing" \
	'pki: the certificate of the authority has ended' pki member short c.example
date -s "-6 days" >/dev/null

section "list"

"$MCSECCTL" -j pki list ca >list.json
fits "the list fits the schema" pki-list <list.json
is "the list has each certificate once" "$(jq 'length, (map(.serial) | unique | length)' list.json |
	xargs)" "7 7"
spoils_nothing "no authority" 'pki: m/none/ca.pem: No such' pki list m/none
section "at once"

pki init both >/dev/null
names=(a1 a2 a3 b1 b2 b3)
for n in "${names[@]}" c; do
	pki member both $n.example >/dev/null
done
revoking=()
for n in "${names[@]}"; do
	pki revoke both $n.example >/dev/null &
	revoking+=($!)
done
wait "${revoking[@]}"
# The number of certificates in both that are in that state
state_of() { pki list both 2>/dev/null | awk -v s="$1" '$4 == s' | wc -l; }
is "names that are revoked at once are all in the list" "$(state_of revoked)" 6
is "the authority and another name are not in the list" "$(state_of valid)" 2
echo x >both/zz.pem
try "a file that is no certificate does not stop a revocation" \
	pki revoke both c.example
is "the name is revoked beside that file" "$(state_of revoked):$(state_of valid)" 7:1
like "the list names the file" "$(pki list both 2>&1 >/dev/null)" \
	'warning: pki: both/zz.pem: '
tap_done
