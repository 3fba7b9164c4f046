#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A member's key, certificates and configuration in one file: what "mcsecctl pki
# bundle" puts in, "mcsecctl pki import" writes, and both refuse. Nothing is left of
# what fails. No daemon runs.
# timeout: 400

. "$(dirname "$0")/../lib.sh"
need jq openssl
. "$TOP/selftests/e2e/refused.sh"

pki() { "$MCSECCTL" pki "$@"; }
# NAME TEXT: a passphrase file
pass() { (umask 077 && printf '%s\n' "$2" >"$1"); }
bundle() { pki bundle pki "$@" config "$TMP/k.conf" passphrase-file pp; }
# FILE FOLDER [WORD]...
import() { pki import "$1" dir "$2" passphrase-file pp "${@:3}"; }

{
	pki init pki && pki gcks pki gcks.example && pki member pki viewer.example &&
	pki member pki camera.example && pki member pki stranger.lab
} >/dev/null
sed "s,/etc/mcsec/\(gcks\|ca\),$TMP/pki/\1,; s,0.0.0.0:848,192.0.2.1:848," \
	"$TOP/Documentation/examples/gcks.conf" |
	sed 's/"\*.viewers.example"/"*.example"/' >k.conf
pass pp "a long passphrase"
pass wrong "a wrong passphrase"
pass short "too short"

section "bundle"

is "the file of a member is made, with what to do" "$(bundle viewer.example)" \
"wrote pki/viewer.example.p12 (mode 0600, owner root)
next: give it to the host viewer.example only, and the passphrase another way
there: \"mcsecctl pki import FILE\" writes its files"
is "only its owner may read it" "$(stat -c %a pki/viewer.example.p12)" 600
is "openssl finds the member's certificate first" "$(openssl pkcs12 \
	-in pki/viewer.example.p12 -passin file:pp -nokeys 2>/dev/null |
	grep ^subject)" "subject=CN = viewer.example
subject=CN = mcsec CA"
unlike "no word of it can be read without the passphrase" \
	"$(strings pki/viewer.example.p12)" 'example|video|192\.0'
spoils_nothing "a bundle that exists" 'pki/viewer.example.p12: exists' \
	bundle viewer.example
spoils_nothing "a member in no list" \
	'"stranger.lab" is neither in senders nor in receivers of a group of .*k.conf' \
	bundle stranger.lab
spoils_nothing "a member without a certificate" \
	'bundle: pki/nobody.pem: No such file' bundle nobody
spoils_nothing "the name of a file elsewhere" 'name "../x": only letters' bundle ../x
spoils_nothing "a name that is an option" 'name "-rf": only letters' bundle -rf
spoils_nothing "a name with a line end" 'name "a' bundle $'a\nb'
spoils_nothing "the authority itself" 'name "ca": ' bundle ca
spoils_nothing "a passphrase that is too short" \
	'bundle: the passphrase needs 12 characters' pki bundle pki camera.example \
	config "$TMP/k.conf" passphrase-file short
chmod 644 short
spoils_nothing "a passphrase that others can read" \
	'passphrase: short: accessible to other users' pki bundle pki camera.example \
	config "$TMP/k.conf" passphrase-file short
chmod 600 short
spoils_nothing "no terminal to ask for a passphrase" \
	'there is no terminal to ask at; "passphrase-file FILE"' setsid -w "$MCSECCTL" pki \
	bundle pki camera.example config "$TMP/k.conf"
spoils_nothing "no configuration of a key server" \
	'configuration of the key server: none.conf: .*"config FILE"' \
	pki bundle pki camera.example config none.conf passphrase-file pp
spoils_nothing "a folder that is not there" \
	'none/bundle.p12: No such file' pki bundle pki camera.example config "$TMP/k.conf" \
	file none/bundle.p12 passphrase-file pp
sed 's/192.0.2.1:848/0.0.0.0:848/' k.conf >any.conf
spoils_nothing "a key server at every address" 'any.conf: .*say "gcks ADDRESS"' \
	pki bundle pki camera.example config any.conf passphrase-file pp
spoils_nothing "a key server at no host's address" 'gcks "239.1.1.1": not the address' \
	pki bundle pki camera.example config any.conf passphrase-file pp gcks 239.1.1.1
is "the address can be said, and the passphrase comes from stdin" \
	"$(pki bundle pki camera.example config any.conf gcks 2001:db8::1 \
		gcks-id other.example passphrase-file - file c.p12 <pp 2>&1 |
		head -n 1)" "wrote c.p12 (mode 0600, owner root)"

section "import"

is "each file is told" "$(import pki/viewer.example.p12 "$TMP/v")" \
"wrote $TMP/v/viewer.example.key (mode 0600, owner mcsec)
wrote $TMP/v/viewer.example.pem
wrote $TMP/v/ca.pem
wrote $TMP/v/mcsecd.conf
next: \"mcsecctl doctor\" checks this host
then: \"systemctl enable --now mcsecd\" starts it, now and at boot"
is "the files have their modes, and the key is mcsecd's" \
	"$(cd v && stat -c '%n %a %U' . *)" ". 755 root
ca.pem 644 root
mcsecd.conf 644 root
viewer.example.key 600 mcsec
viewer.example.pem 644 root"
cmp -s v/viewer.example.pem pki/viewer.example.pem && cmp -s v/ca.pem pki/ca.pem
is "certificates are those of the authority" $? 0
cmp -s v/viewer.example.key pki/viewer.example.key
is "the key is that of the authority" $? 0
like "the configuration is valid" "$("$MCSECD" --check v/mcsecd.conf)" \
	'mcsecd.conf: configuration is valid$'
chown nobody v/viewer.example.key
like "root does not take a key of any other user" "$("$MCSECD" --check v/mcsecd.conf 2>&1)" \
	'viewer.example.key: permission denied to uid 64999 \(mcsec\), .*run "chown mcsec"$'
chown mcsec v/viewer.example.key
is "the settings are those of the key server" \
	"$(sed -n '/^member/,$p' v/mcsecd.conf | grep -v '#' | xargs)" \
	"member: { gcks = 192.0.2.1:848; gcks-id = gcks.example; groups = ( { name = video; address = 239.1.1.1; send = false; receive = true; } ); };"
(umask 0 && import c.p12 c interface eth1) >/dev/null
is "a sender's settings, with what was said" \
	"$(sed -n '/^member/,$p' c/mcsecd.conf | grep -v '#' | xargs)" \
	"member: { gcks = [2001:db8::1]:848; gcks-id = other.example; interface = eth1; groups = ( { name = video; address = 239.1.1.1; send = true; receive = true; } ); };"
import c.p12 d interfaces eth1,eth2 >/dev/null
is "the interfaces of a group are what was said" \
	"$(sed -n '/^member/,$p' d/mcsecd.conf | grep -v '#' | grep -o 'interfaces.*')" \
	'interfaces = ( "eth1", "eth2" );'
is "no umask lets others at the key" "$(stat -c %a c/camera.example.key)" 600
is "paths are absolute where the folder is not" \
	"$(sed -n 's/^\tkey = //p' c/mcsecd.conf)" "\"$TMP/c/camera.example.key\";"
is "a second time all are kept" \
	"$(import pki/viewer.example.p12 "$TMP/v" | grep -c ': it is the same$')" 4

section "rights"

chown root v/viewer.example.key
spoils_nothing "a key of another owner is not kept" \
	'.*/v/viewer.example.key: exists, of uid 0 with mode 0600, which has to be uid 64999 with mode 0600; nothing was written' \
	import pki/viewer.example.p12 v
chmod 640 v/ca.pem
is "owner and mode are made right if asked" \
	"$(import pki/viewer.example.p12 v replace | cut -d' ' -f 1 | sort | uniq -c | xargs)
$(stat -c '%U %a' v/viewer.example.key v/ca.pem | xargs)" \
	"2 kept 1 next: 2 replaced
mcsec 600 root 644"

section "refused import"

spoils_nothing "a wrong passphrase" 'pki/viewer.example.p12: wrong passphrase' \
	pki import pki/viewer.example.p12 dir w passphrase-file wrong
spoils_nothing "no file" 'none.p12: No such file' import none.p12 w
spoils_nothing "a folder" 'pki: Is a directory' import pki w
spoils_nothing "a file of something else" 'k.conf: not in the form of PKCS #12' \
	import k.conf w
head -c 700 pki/viewer.example.p12 >half.p12
spoils_nothing "a half file" 'half.p12: not in the form of PKCS #12' import half.p12 w
spoils_nothing "a parent that is not there" 'folder .*/none/w: No such file' \
	import pki/viewer.example.p12 none/w
spoils_nothing "a file where the folder is to be" 'folder .*/pp: not a folder' \
	import pki/viewer.example.p12 pp
spoils_nothing "the name of the authority's files" 'name "crl": the authority itself' \
	import pki/viewer.example.p12 w name crl
spoils_nothing "an interface that ends the string and the line" \
	'settings are refused: interface: a value that' \
	import pki/viewer.example.p12 w interface $'eth0";\nkey = "x'
spoils_nothing "an interface that no host can have" \
	'settings are refused: .*interface: "eth0/1" is not the name of an interface' \
	import pki/viewer.example.p12 w interface eth0/1
spoils_nothing "an interface that is not UTF-8" 'interface: not UTF-8' \
	import pki/viewer.example.p12 w interface $'eth\xff'
spoils_nothing "interfaces that no host can have" \
	'settings are refused: .*interfaces\[1\]: ' import c.p12 w interfaces eth0,eth0/1
spoils_nothing "interfaces that are not UTF-8" 'interfaces: not UTF-8' \
	import c.p12 w interfaces $'eth0,eth\xff'
echo "# mine" >>v/mcsecd.conf
spoils_nothing "a configuration that was changed" \
	'.*/v/mcsecd.conf: exists, with another content; nothing was written, "replace"' \
	import pki/viewer.example.p12 v
rm v/viewer.example.key
spoils_nothing "one of four files is in the way" '.*/v/mcsecd.conf: exists' \
	import pki/viewer.example.p12 v
is "without the configuration the rest is written" \
	"$(import pki/viewer.example.p12 v keys-only | grep -c ^wrote)" 1
is "the configuration is as it was" "$(tail -n 1 v/mcsecd.conf)" "# mine"
is "the configuration is replaced if asked" "$(import pki/viewer.example.p12 v replace |
	sed -n 's/^replaced .*v/replaced v/p')" "replaced v/mcsecd.conf"
is "the replaced configuration is the bundle's, and no other file is left" \
	"$(find v -type f -printf '%P\n' | sort | xargs) $(grep -c mine v/mcsecd.conf)" \
	"ca.pem mcsecd.conf viewer.example.key viewer.example.pem 0"
ln -s ../pp w.link && mkdir w && mv w.link w/mcsecd.conf
spoils_nothing "a symbolic link is not followed" '.*/w/mcsecd.conf: a symbolic link' \
	import pki/viewer.example.p12 w replace
rm -r w

section "another authority"

{ pki init other name "other CA" && pki member other viewer.example; } >/dev/null
openssl pkcs12 -export -inkey other/viewer.example.key -in other/viewer.example.pem \
	-certfile other/ca.pem -out other.p12 -passout file:pp
spoils_nothing "a bundle of another authority" \
	".*/c/ca.pem: exists, of another authority than the bundle's" \
	import other.p12 c
is "a file of another program has no settings" "$(import other.p12 o | tail -n 1)" \
	"no configuration was written: the bundle has no settings"
openssl pkcs12 -export -inkey pki/viewer.example.key -in pki/viewer.example.pem \
	-certfile other/ca.pem -out mixed.p12 -passout file:pp
spoils_nothing "a CA that did not issue the certificate" \
	'mixed.p12: issuer unknown .* the clock of this host says 20' import mixed.p12 w
cp -r pki gone && rm gone/viewer.example.* && pki member gone viewer.example days 1 \
	>/dev/null
pki bundle gone viewer.example config k.conf passphrase-file pp >/dev/null
date -s "+2 days" >/dev/null
spoils_nothing "a certificate that has ended" \
	'gone/viewer.example.p12: certificate has expired; the certificate is valid from .*Z to .*Z, and the clock' \
	import gone/viewer.example.p12 w
spoils_nothing "no bundle of one that has ended" 'gone/viewer.example.pem: certificate has expired' \
	pki bundle gone viewer.example config "$TMP/k.conf" file w.p12 passphrase-file pp
date -s "-400 days" >/dev/null
spoils_nothing "a clock that is behind" \
	'pki/viewer.example.p12: certificate is not yet valid' \
	import pki/viewer.example.p12 w
date -s "+398 days" >/dev/null

section "full disk"

mkdir full && mount -t tmpfs -o size=16k tmpfs full
on_exit "umount $TMP/full"
head -c 8192 /dev/zero >full/most
spoils_nothing "four files do not fit" '.*/full/.*: No space left' \
	import pki/viewer.example.p12 full
rm full/most
is "four files fit where there is room" "$(import pki/viewer.example.p12 full | grep -c ^wrote)" 4
tap_done
