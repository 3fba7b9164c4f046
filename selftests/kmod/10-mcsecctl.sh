#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# mcsecctl and the real module: every command, what it shows, what it refuses
# and in which words; that nothing changes when it refuses; that keys are not
# to be had back; namespaces and rights. No packets here.
#
# debug full: no packets, and 11, 12, 70-netlink and 71-senders call the same code
# timeout: 600

. "$(dirname "$0")/../lib.sh"
need ip python3 setpriv unshare

# The words on stderr match the pattern: one line, and no more.
says() {
	local name=$1 want=$2 out rc=0
	shift 2

	out=$("$@" 2>&1 >/dev/null) || rc=$?
	if [ $rc -eq 0 ] || [ $rc -gt 2 ]; then
		not_ok "$name" "\"$*\" ended with $rc" "$out"
	elif [[ $out == *$'\n'* ]]; then
		not_ok "$name" "not one line:" "$out"
	elif [[ $out =~ $want ]]; then
		ok "$name"
	else
		not_ok "$name" "no match for /$want/ in:" "$out"
	fi
}

# A module that is installed is loaded by itself.
if [ ! -d /sys/module/mcsec ] && ! modprobe -nq mcsec; then
	says "without the module there is a word on what to do" \
		'module mcsec is not loaded' "$MCSECCTL" group show
fi
load_mcsec

# By -n: a process less than by ip netns exec
ctl() {
	local in=$1-mc$$
	shift
	"$MCSECCTL" -n "$in" "$@"
}

ns_create a b

k20=$TMP/k20 k36=$TMP/k36
"$MCSECCTL" key generate aes-gcm-16 bits 128 file "$k20"
"$MCSECCTL" key generate aes-gcm-16 file "$k36"

section "groups"

is "at first there is no group" "$(ctl a group show 2>&1)" "no groups"
is "at first there is no group in JSON" "$(ctl a -j group show)" "[]"
try "an IPv4 group" ctl a group add video 239.1.1.1
try "an IPv6 group" ctl a group add six ff3e::8000:1
is "a group is shown" "$(ctl a group show video)" \
	"GROUP  ADDRESS    POLICY   SAS  OUT-SPI
video  239.1.1.1  enforce    0  none"
is "a group is shown as JSON" \
	"$(ctl a -j group show six | json 'j[0]["dst"]')" \
	"ff3e::8000:1"
is "both groups are listed" "$(ctl a -j group show | json 'len(j)')" 2
is "another namespace has no group" "$(ctl b group show 2>&1)" "no groups"
is "mcsecctl inside the namespace shows the same groups" \
	"$(in_ns a "$MCSECCTL" -j group show | json 'len(j)')" 2
is "mcsecctl -n takes the path of a namespace" \
	"$("$MCSECCTL" -n "/run/netns/$(ns a)" -j group show |
	json 'len(j)')" 2

is "without a terminal a change tells nothing" \
	"$(ctl a group add told 239.1.1.77; ctl a group del told)" ""
is "-v tells what was done" "$(
	ctl a -v group add told 239.1.1.77
	ctl a -v sa add told spi 0x1234 dir in alg aes-gcm-16 key-file "$k20"
	ctl a -v sender add told 0x1234 7 name x
	ctl a -v sender del told 0x1234 7
	ctl a -v sa set told 0x1234 hard-time 60
	ctl a -v sa del told 0x1234
	ctl a -v group set told policy observe
	ctl a -v group del told)" \
	"group told: 239.1.1.77 is protected now
group told: SA 0x00001234 is added
group told: SA 0x00001234: sender 7 is added
group told: SA 0x00001234: sender 7 is deleted
group told: SA 0x00001234 is changed
group told: SA 0x00001234 is deleted, after 0 packets out and 0 in
group told: the policy is observe now
group told is deleted"

section "refused groups"
says "a name that is taken" '\(attribute name\)' \
	ctl a group add video 239.1.1.2
says "an address that is taken" '\(attribute dst\)' \
	ctl a group add other 239.1.1.1
says "a unicast address" '\(attribute dst\)' ctl a group add other 10.0.0.1
says "the unspecified address" '\(attribute dst\)' \
	ctl a group add other 0.0.0.0
says "a unicast IPv6 address" '\(attribute dst\)' \
	ctl a group add other 2001:db8::1
says "a mapped IPv4 address" 'address|dst' \
	ctl a group add other ::ffff:239.1.1.9
says "a text that is not an address" 'not an IPv4 or IPv6 address' ctl a group add other 239.1.1
says "a name that is too long" '1 to 31' \
	ctl a group add aaaaaaaaaabbbbbbbbbbccccccccccdd 239.1.1.2
says "an empty name" '1 to 31' ctl a group add '' 239.1.1.2
says "a name of two words" 'no spaces' ctl a group add 'a b' 239.1.1.2
says "a group that is not there" 'attribute name' ctl a group del other
says "showing a group that is not there" 'attribute name' ctl a group show other
says "a command of too few words" 'too few' ctl a group add
says "a command of too many words" 'too many' ctl a group show x y
says "an unknown word" 'add, set, del, show or flush' ctl a group create x
is "no refusal made a group" "$(ctl a -j group show | json 'len(j)')" 2

try "the longest name there is" \
	ctl a group add aaaaaaaaaabbbbbbbbbbccccccccccd 239.1.1.3
try "can be deleted" ctl a group del aaaaaaaaaabbbbbbbbbbccccccccccd

section "SAs"

add="sa add video spi 0x1000 dir inout alg aes-gcm-16 key-file $k20"
# shellcheck disable=SC2086
try "an SA with everything" ctl a $add sid-bits 12 sender-id 1-3,9 \
	replay iv window 64 max-senders 7 soft-time 30m hard-time 1h \
	soft-packets 100 hard-packets 200 soft-bytes 0x1000 hard-bytes 8192 \
	iv-limit 1000 mode transport select
# One line for each field, so that many are compared with one Python.
fields() {
	ctl a -j sa show "$@" | json '"\n".join(f"{k}={json.dumps(v)}"
		for k, v in j[0].items()).replace("\"", "")'
}
f=$(fields video 0x1000)
field() { sed -n "s/^$1=//p" <<<"$f"; }
for want in group=video spi=4096 dir=inout alg=aes-gcm-16 mode=transport \
	state=live selected=true sid-bits=12 "sender-id=[1, 2, 3, 9]" \
	replay=iv window=64 max-senders=7 senders=0 soft-time=1800 \
	hard-time=3600 soft-packets=100 hard-packets=200 soft-bytes=4096 \
	hard-bytes=8192 iv-limit=1000 out-packets=0 out-bytes=0 in-packets=0 \
	in-bytes=0 in-replays=0 in-bad-icv=0; do
	is "the SA has ${want%%=*}" "$(field "${want%%=*}")" "${want#*=}"
done
key=$(<"$k20")
unlike "the SA's key is not shown" \
	"$(ctl a -j sa show; ctl a sa show; ctl a show)" \
	"${key:0:16}"
like "the text has the Sender-IDs as they were typed" \
	"$(ctl a sa show video 0x1000)" '^sender-id +1-3,9$'
is "the group sends with it" \
	"$(ctl a -j group show video | json 'j[0]["out-spi"]')" 4096

try "an SA with nothing but what must be" ctl a sa add video spi 0x2000 \
	dir in alg chacha20-poly1305 key-file "$k36"
f=$(fields video 0x2000)
for want in dir=in selected=false sid-bits=16 replay=iv window=1024 \
	max-senders=1024 soft-time=0 hard-time=0 soft-packets=0 \
	hard-packets=0 soft-bytes=0 hard-bytes=0; do
	is "the SA's ${want%%=*} is the default" "$(field "${want%%=*}")" \
		"${want#*=}"
done
try "an SA whose key comes from stdin" bash -c \
	"'$MCSECCTL' -n $(ns a) sa add six spi 256 dir inout \
	alg aes-gmac key-stdin sender-id 0-255 select <'$k36'"
is "an SA has as many Sender-IDs as there can be" \
	"$(ctl a -j sa show six | json 'len(j[0]["sender-id"])')" 256
is "all SAs are listed" "$(ctl a -j sa show | json 'len(j)')" 3
is "the SAs of one group are listed" \
	"$(ctl a -j sa show video | json 'len(j)')" 2
is "groups and SAs are listed together" "$(ctl a -j show |
	json 'sorted((g["name"], len(g["sa"])) for g in j)')" \
	'[["six", 1], ["video", 2]]'
is "the overview as text" "$(ctl a show | awk 'NF { print $1, $2, $3 }' |
	LC_ALL=C sort)" \
	"GROUP ADDRESS POLICY
GROUP SPI DIR
six 0x00000100 inout
six ff3e::8000:1 enforce
video 0x00001000 inout
video 0x00002000 in
video 239.1.1.1 enforce"

try "limits can be replaced" ctl a sa set video 0x2000 hard-time 1d \
	soft-packets 5
is "limits that were replaced are shown" "$(ctl a -j sa show video 0x2000 |
	json '[j[0]["hard-time"], j[0]["soft-packets"]]')" "[86400, 5]"
try "a limit is removed" ctl a sa set video 0x2000 hard-time 0
is "the limit that was not removed stays" "$(ctl a -j sa show video 0x2000 |
	json '[j[0]["hard-time"], j[0]["soft-packets"]]')" "[0, 5]"

section "refused SAs"

sa() {
	ctl a sa add video spi "$@"
}

before=$(ctl a -j sa show | json '[{k: v for k, v in s.items()
	if k != "age"} for s in j]')
says "an SPI that is taken" '\(attribute spi\)' sa 0x1000 dir in \
	alg aes-gcm-16 key-file "$k36"
says "an SPI that is reserved" '0x100' sa 255 dir in alg aes-gcm-16 \
	key-file "$k36"
says "an SPI that is too long" '0xffffffff' sa 0x100000000 dir in \
	alg aes-gcm-16 key-file "$k36"
says "no transform" 'alg is missing' sa 0x3000 dir in key-file "$k36"
says "an unknown transform" 'aes-gcm-16, aes-gmac or' sa 0x3000 dir in \
	alg rot13 key-file "$k36"
says "no key" 'key-file FILE and key-stdin' sa 0x3000 dir in alg aes-gmac
says "a key in the arguments" 'not on the command line' sa 0x3000 dir in \
	alg aes-gmac key "$key"
says "a key of another length" '20 octets.* takes 36' sa 0x3000 dir in \
	alg chacha20-poly1305 key-file "$k20"
says "a key file that is not there" 'No such file' sa 0x3000 dir in \
	alg aes-gmac key-file "$TMP/nope"
echo "0123xyz" >"$TMP/bad"
chmod 600 "$TMP/bad"
says "a key that is no number" 'character 5 is no' sa 0x3000 dir in \
	alg aes-gmac key-file "$TMP/bad"
install -m 644 "$k36" "$TMP/open"
like "a key file that everybody can read is used with a warning" \
	"$(sa 0x3000 dir in alg aes-gcm-16 key-file "$TMP/open" 2>&1)" \
	'^mcsecctl: warning: key file .* accessible to other users'
try "the SA with the key of an open file is there" ctl a sa del video 0x3000
says "an SA that sends without a Sender-ID" 'sender-id' sa 0x3000 dir out \
	alg aes-gcm-16 key-file "$k36"
says "a Sender-ID twice" '\(attribute sender-id\)' sa 0x3000 dir out \
	alg aes-gcm-16 key-file "$k36" sender-id 1,1
says "a Sender-ID with too many bits" '\(attribute sender-id\)' sa 0x3000 \
	dir out alg aes-gcm-16 key-file "$k36" sid-bits 8 sender-id 256
says "an SA of too many Sender-IDs" \
	'at most 256' sa 0x3000 dir out alg aes-gcm-16 \
	key-file "$k36" sender-id 0-256
says "bits that RFC 6054 does not have" '\(attribute sid-bits\)' sa 0x3000 \
	dir in alg aes-gcm-16 key-file "$k36" sid-bits 10
says "a window that is no power of two" '\(attribute window\)' sa 0x3000 \
	dir in alg aes-gcm-16 key-file "$k36" window 100
says "a window that is too large" '\(attribute window\)' sa 0x3000 dir in \
	alg aes-gcm-16 key-file "$k36" window 65536
says "a window that is too small" '\(attribute window\)' sa 0x3000 dir in \
	alg aes-gcm-16 key-file "$k36" window 32
says "an IV limit beyond the counter" '\(attribute iv-limit\)' sa 0x3000 \
	dir out alg aes-gcm-16 key-file "$k36" sender-id 1 \
	iv-limit 0x1000000000000
says "to select what only receives" 'select|send' sa 0x3000 dir in \
	alg aes-gcm-16 key-file "$k36" select
says "a Sender-ID that the key was used with before" \
	'\(attribute sender-id\)' sa 0x3000 dir out alg aes-gcm-16 \
	key-file "$k20" sid-bits 12 sender-id 4,9
says "a word twice" 'given twice' sa 0x3000 spi 0x3001
says "a word without its value" 'is missing' sa 0x3000 dir
says "an unknown word for an SA" \
	'unknown word "frobnicate"' sa 0x3000 frobnicate
says "a group that is not there" '\(attribute group\)' ctl a sa add nope \
	spi 0x3000 dir in alg aes-gcm-16 key-file "$k36"
says "an SA that is not there" '\(attribute spi\)' ctl a sa del video 0x9999
says "showing an SA that is not there" \
	'\(attribute spi\)' ctl a sa show video 0x9999
says "changing an SA that is not there" \
	'\(attribute spi\)' ctl a sa set video 0x9999 select
says "to select what only receives, later" 'select|send' \
	ctl a sa set video 0x2000 select
says "to change the IV limit" 'unknown word "iv-limit"' \
	ctl a sa set video 0x1000 iv-limit 5
says "SAs of a group that is not there" 'no group of this name' \
	ctl a sa show nope
says "senders of a group that is not there" \
	'no group of this name' ctl a sender show nope 0x1000
says "senders of an SA that is not there" 'no SA of this spi' \
	ctl a sender show video 0x9999
after=$(ctl a -j sa show | json '[{k: v for k, v in s.items()
	if k != "age"} for s in j]')
is "no refusal changed anything" "$after" "$before"

section "senders and counters"

is "no sender has been heard" "$(ctl a sender show video 0x1000 2>&1)" "no senders"
is "the senders in JSON are none" "$(ctl a -j sender show video 0x1000)" "[]"
is "no counter moved" "$(ctl a stats 2>&1)" "all counters are 0"
like "all counters are shown if asked for" "$(ctl a stats -a)" \
	'^in-bad-icv +0  [A-Z]'
is "JSON has all counters" "$(ctl a -j stats | json 'j["out-no-sa"]')" 0
is "JSON has as many counters as the text" "$(ctl a -j stats | json 'len(j)')" \
	"$(($(ctl a stats -a | wc -l) - 1))"
says "an unknown word for the counters" '-a' ctl a stats -z

section "rights"

says "without rights nothing is shown" 'CAP_NET_ADMIN .*: use sudo$' \
	setpriv --reuid 65534 --regid 65534 --clear-groups \
	"$MCSECCTL" group show
says "without rights no group is made" 'CAP_NET_ADMIN' \
	setpriv --reuid 65534 --regid 65534 --clear-groups \
	"$MCSECCTL" group add mine 239.9.9.9
says "root without CAP_NET_ADMIN makes no group" 'CAP_NET_ADMIN' \
	setpriv --bounding-set=-net_admin --inh-caps=-net_admin \
	"$MCSECCTL" group add mine 239.9.9.9
if unshare -Urn true 2>/dev/null; then
	is "in a user's own namespace there are rights" \
		"$(unshare -Urn bash -c "'$MCSECCTL' group add mine 239.9.9.9 &&
		'$MCSECCTL' -j group show" | json 'j[0]["name"]')" mine
else
	skip "in a user's own namespace there are rights" \
		"user namespaces are off"
fi
is "groups of a user's own namespace are not seen outside" \
	"$("$MCSECCTL" group show)" "no groups"

section "removal"

try "an SA is deleted" ctl a sa del video 0x1000
is "a group whose SA was deleted has nothing to send with" \
	"$(ctl a -j group show video |
	json 'j[0].get("out-spi")')" None
try "the SAs of a group are flushed" ctl a sa flush video
is "a flushed group has no SAs" "$(ctl a -j sa show video)" "[]"
is "a flush leaves the SAs of another group" \
	"$(ctl a -j sa show six | json 'len(j)')" 1
try "the SPI of a flushed SA can be used again" \
	ctl a sa add video spi 0x1000 dir in \
	alg aes-gmac key-file "$k20"
try "all groups are flushed" ctl a group flush
is "no group is left after the flush" "$(ctl a -j show)" "[]"
tap_done
