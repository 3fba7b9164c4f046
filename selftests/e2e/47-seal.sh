#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The seal key of a key server in a credential, in a token by PKCS#11 (SoftHSM) and in a
# TPM (swtpm), by OpenSSL's providers of Debian: a start, changes of the key while the
# token is away, and each way in which a start has to fail, after which nothing has
# changed and no PIN was tried twice.
# timeout: 200

apps=${MCSEC_CACHE:-/var/cache/mcsec}/apps
[ -n "${SEAL_MOUNTS:-}" ] || SEAL_MOUNTS=1 exec unshare -m "$0"
. "$(dirname "$0")/../lib.sh"
[ -e "$apps/tokens" ] || skip_all "$apps/tokens is missing: tools/deps test"
need ip jq openssl unshare
mount -t overlay -o "lowerdir=$apps/tokens/usr:/usr" none /usr ||
	skip_all "no overlay over /usr"
. "$TOP/selftests/e2e/process.sh"

S=$TMP/seal
libs=$(dirname /usr/lib/*/ossl-modules/tpm2.so)
libs=${libs%/*}
group='{ name = "video"; address = "239.7.1.1"; rekey-address = "239.7.1.254";
	rekey-interface = "lo"; receivers = [ "*.lab" ]; senders = [ "m.lab" ]; }'

# SETTINGS [SEAL-KEY]
seal_conf() {
	gcks_conf "$group" "$1" | sed "s|seal-key = \"[^\"]*\"|seal-key = \"${2:-$TMP/k/seal.key}\"|" \
		>"$TMP/k.conf"
}
wrap_conf() { # CERTIFICATE KEY PROVIDER [MORE]
	seal_conf "seal-wrap = { certificate = \"$S/$1\"; key = \"$2\"; provider = \"$3\";
		pin = \"$S/pin\"; ${4:-} };"
}
pin() { (umask 077 && echo "$1" >"$S/pin"); }
# all that a start may not change
files() { (cd "$TMP/k" && sha256sum gcks.db gcks.db.witness seal.key* 2>&1); }
running() { kctl status >"$TMP/status" 2>&1; }
# the key server starts, and serves
starts() {
	: >"$TMP/k.log"
	up k
	try "$1" running
}
ends() { down TERM "$pid"; }
# NAME STATUS TEXT: a start ends with this status and line, and has changed nothing
fails() {
	local before status=0

	before=$(files)
	in_ns k timeout 60 "$MCSECD" -c "$TMP/k.conf" 2>"$TMP/k.log" || status=$?
	is "$1: the exit status" $status "$2"
	like "$1: the reason" "$(<"$TMP/k.log")" "not started: .*$3"
	is "$1: no file has changed" "$(files)" "$before"
}
anew() { rm -rf "$TMP/k" && mkdir "$TMP/k"; }

pki_make
mkdir -p "$TMP/k" "$S"
ns_create k
in_ns k ip link set lo up

section "a revocation list"

seal_conf ""
ca_make
openssl req -x509 -new -newkey ed25519 -nodes -keyout "$S/forger.key" \
	-out "$S/forger.pem" -subj "/CN=mcsec CA" 2>"$S/log" || sed 's/^/# /' "$S/log"
try "a forger makes a list" ca_do -gencrl -out "$S/list" -keyfile "$S/forger.key" \
	-cert "$S/forger.pem"
sed -i "s|^identity: { |&crl = \"$S/list\"; |" "$TMP/k.conf"
status=0
in_ns k timeout 60 "$MCSECD" -c "$TMP/k.conf" 2>"$TMP/k.log" || status=$?
like "a forged list is refused" "$(<"$TMP/k.log")" \
	'not started: .*its signature is not by that CA'
is "the units start again, for a list that is corrected" $status 1
anew

section "a credential"

seal_conf "" credential:seal
fails "a service without credentials" 1 "this process has no credentials"
export CREDENTIALS_DIRECTORY=$S
fails "a credential that is missing" 1 "LoadCredential=seal:"
(umask 077 && head -c 32 /dev/urandom >"$S/seal")
starts "a key server starts with a credential"
like "a reseal says what to do" "$(kctl reseal 2>&1)" \
	'credential:seal.new: mcsecd cannot make a credential: pass one'
ends
(umask 077 && head -c 32 /dev/urandom >"$S/seal.new")
starts "a key server starts with a new credential beside it"
like "the log says what remains" "$(<"$TMP/k.log")" \
	'seal key changed: credential:seal: the store is sealed with credential:seal.new'
ends
mv "$S/seal" "$S/old"
mv "$S/seal.new" "$S/seal"
starts "a key server starts with the new credential in place"
unlike "nothing remains" "$(<"$TMP/k.log")" 'seal key changed'
ends
cp "$S/old" "$S/seal"
fails "the former credential" 1 'seal key is not that of the store'
unset CREDENTIALS_DIRECTORY

section "a token"

export SOFTHSM2_CONF=$S/softhsm.conf PKCS11SPY=$libs/softhsm/libsofthsm2.so
export PKCS11SPY_OUTPUT=$S/spy PKCS11_PROVIDER_MODULE=$libs/pkcs11-spy.so
mkdir "$S/tokens"
echo "directories.tokendir = $S/tokens" >"$SOFTHSM2_CONF"
{
	softhsm2-util --module "$PKCS11SPY" --init-token --free --label mcsec \
		--pin 1234 --so-pin 12345678 &&
		openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$S/rsa.key" &&
		softhsm2-util --module "$PKCS11SPY" --import "$S/rsa.key" --token mcsec \
			--label seal --id 01 --pin 1234 &&
		openssl req -x509 -key "$S/rsa.key" -subj /CN=token -out "$S/token.pem" &&
		openssl req -x509 -newkey rsa:2048 -nodes -keyout "$S/recovery.key" \
			-subj /CN=recovery -out "$S/recovery.pem"
} >"$S/log" 2>&1 || sed 's/^/# /' "$S/log"
rm -f "$S/rsa.key"
# how often the token was told a PIN
logins() { grep -c ': C_Login$' "$S/spy"; }

anew
uri='pkcs11:token=mcsec;object=seal'
wrap_conf token.pem "$uri" pkcs11 "recovery = [ \"$S/recovery.pem\" ];"
pin 4321
fails "no store begins with a wrong PIN" 77 'is the PIN in seal-wrap.pin right'
is "one PIN was tried" "$(logins)" 1
is "no key was made" "$(ls "$TMP/k")" ""
pin 1234
starts "a key server starts with a token"
is "the file is an envelope" "$(head -n 1 "$TMP/k/seal.key")" "-----BEGIN CMS-----"
is "the library of the token is not in the daemon" \
	"$(grep -cE 'softhsm|pkcs11' "/proc/$pid/maps")" 0
is "the daemon is confined" "$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$pid/status")" 2
mv "$S/tokens" "$S/away"
first=$(sha256sum <"$TMP/k/seal.key")
try "a confined daemon changes the key without the token" kctl reseal
refuse "the file has another envelope" [ "$(sha256sum <"$TMP/k/seal.key")" = "$first" ]
ends
fails "the token is away" 1 "provider \"pkcs11\" has no private key at"
mv "$S/away" "$S/tokens"
starts "a key server starts with the token again"
ends
: >"$S/spy"
pin 4321
fails "a wrong PIN" 77 'It was tried once and is not tried again'
is "one wrong PIN was tried" "$(logins)" 1
: >"$S/spy"
status=0
in_ns k timeout 60 "$MCSECD" --check "$TMP/k.conf" >"$TMP/check" 2>&1 || status=$?
is "a check finds no error" $status 0
like "a check says that it tells no PIN" "$(<"$TMP/check")" \
	'not compared with .*: its seal key is in an envelope, and a check tells no token the PIN'
is "a check tries no PIN" "$(logins)" 0
is "the units do not try again" \
	"$(sed -n 's/^RestartPreventExitStatus=//p' "$TOP"/tools/systemd/mcsecd*.service | xargs)" \
	"77 77"
pin 1234
wrap_conf recovery.pem "$uri" pkcs11
fails "the certificate of another key" 77 "is not that of the certificate"
wrap_conf token.pem "$uri" nosuch
fails "a provider that is missing" 1 'OpenSSL cannot load "nosuch"'
wrap_conf token.pem "$uri" pkcs11
printf '%s\n' 'openssl_conf = init' '[init]' 'providers = p' '[p]' 'default = d' \
	'pkcs11 = t' '[d]' 'activate = 1' '[t]' 'activate = 1' >"$S/openssl.cnf"
: >"$S/spy"
export OPENSSL_CONF=$S/openssl.cnf
fails "a provider that openssl.cnf activates in the daemon" 1 \
	'openssl.cnf activates "pkcs11" in mcsecd itself'
is "no PIN is tried by the daemon itself" "$(logins)" 0
sed -i '/^\[t\]/,$d' "$S/openssl.cnf"
echo '[t]' >>"$S/openssl.cnf"
starts "a key server starts with a provider that is only described there"
ends
unset OPENSSL_CONF
try "openssl opens it with the recovery key" openssl cms -decrypt -binary \
	-inform PEM -in "$TMP/k/seal.key" -inkey "$S/recovery.key" -out "$S/plain"
cp "$TMP/k/seal.key" "$S/envelope"
(umask 077 && head -c 32 /dev/urandom >"$S/evil")
(umask 077 && openssl cms -encrypt -binary -aes-256-gcm -keyid -in "$S/evil" -outform PEM \
	-out "$TMP/k/seal.key.new" -recip "$S/token.pem" -keyopt rsa_padding_mode:oaep)
: >"$S/spy"
starts "a key server starts beside an envelope that anybody can have made"
is "the token opened one envelope" "$(logins)" 1
like "the other one is removed" "$(<"$TMP/k.log")" \
	"seal key removed: $TMP/k/seal.key.new: the store does not name it"
is "one key is left" "$(ls "$TMP"/k/seal.key*)" "$TMP/k/seal.key"
try "the key that is left was there before" cmp "$TMP/k/seal.key" "$S/envelope"
ends
(umask 077 && cp "$S/evil" "$TMP/k/seal.key")
seal_conf ""
fails "the key that somebody has put there" 1 'seal key is not that of the store'
(umask 077 && cp "$S/envelope" "$TMP/k/seal.key")
wrap_conf token.pem "$uri" pkcs11
(umask 077 && cat "$S/plain" >"$TMP/k/seal.key")
fails "a key without its envelope" 1 'has a key that is not wrapped'
seal_conf ""
starts "the key itself opens the store"
ends
softhsm2-util --module "$PKCS11SPY" --delete-token --token mcsec >"$S/log" 2>&1 ||
	sed 's/^/# /' "$S/log"
cat "$S/envelope" >"$TMP/k/seal.key"
wrap_conf token.pem "$uri" pkcs11
fails "the key was removed from the token" 1 'has no private key at'

section "a TPM"

mkdir "$S/tpm"
export TPM2TOOLS_TCTI="swtpm:path=$S/tpm.sock" TPM2OPENSSL_TCTI="swtpm:path=$S/tpm.sock"
export TSS2_LOG=all+NONE
spawn env "LD_LIBRARY_PATH=$libs/swtpm" swtpm socket --tpm2 --tpmstate "dir=$S/tpm" \
	--server "type=unixio,path=$S/tpm.sock" --ctrl "type=unixio,path=$S/tpm.sock.ctrl" \
	--flags not-need-init,startup-clear >"$S/swtpm.log" 2>&1
swtpm=$!
wait_until 20 tpm2 getcap properties-variable >/dev/null
lockouts() {
	tpm2 getcap properties-variable | sed -n 's/^TPM2_PT_LOCKOUT_COUNTER: *//p'
}
{
	tpm2 createprimary -C o -G rsa2048 -p secret -c "$S/tpm.ctx" \
		-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt|sign' &&
		tpm2 evictcontrol -C o -c "$S/tpm.ctx" 0x81000001 && tpm2 flushcontext -t &&
		openssl req -x509 -provider tpm2 -provider default -propquery '?provider=tpm2' \
			-key 'handle:0x81000001?pass' -passin pass:secret -subj /CN=tpm \
			-out "$S/tpm.pem"
} >"$S/log" 2>&1 || sed 's/^/# /' "$S/log"

anew
handle='handle:0x81000001?pass'
wrap_conf tpm.pem "$handle" tpm2 'padding = "pkcs1";'
pin secret
starts "a key server starts with a TPM"
try "a confined daemon changes the key without the TPM" kctl reseal
ends
starts "a key server starts with the TPM again"
is "the library of the TPM is not in the daemon" "$(grep -c tss2 "/proc/$pid/maps")" 0
ends
is "the TPM has seen no wrong password" "$(lockouts)" 0x0
pin wrong
fails "a wrong password" 77 'It was tried once and is not tried again'
is "the TPM was told one wrong password" "$(lockouts)" 0x1
pin secret
wrap_conf token.pem "$handle" tpm2 'padding = "pkcs1";'
fails "the envelope of another TPM" 77 'wrapped to other certificates'
wrap_conf tpm.pem "$handle" tpm2 'padding = "pkcs1";'
anew
(umask 077 && head -c 32 /dev/urandom >"$S/plain" && openssl cms -encrypt -binary -aes-256-gcm \
	-keyid -in "$S/plain" -outform PEM -out "$TMP/k/seal.key" -recip "$S/tpm.pem")
wrap_conf tpm.pem "$handle" tpm2
starts "an envelope made by hand has the padding that the TPM can"
like "a reseal with another padding is refused" "$(kctl reseal 2>&1)" \
	'seal-wrap.padding: this would be "oaep", and the envelope that was opened .* has "pkcs1"'
ends
starts "a key server starts after a reseal that was refused"
ends
tpm2 evictcontrol -C o -c 0x81000001 >"$S/log"
fails "the key was removed from the TPM" 1 'has no private key at'
down TERM $swtpm
fails "the TPM is away" 1 'OpenSSL cannot load "tpm2"'

tap_done
