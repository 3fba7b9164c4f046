#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
#
# The netlink family as enemies meet it: requests that are cut, twisted or made
# without rights are refused and change nothing; keys do not come back.

. "$(dirname "$0")/kmod.sh"
need python3 setpriv
RAW=$PKT/rawnl.py
MCSEC_UAPI=$(project_file uapi/linux/mcsec.h include/uapi/linux/mcsec.h \
	/usr/local/include/linux/mcsec.h /usr/include/linux/mcsec.h)
export MCSEC_UAPI
[ -n "$MCSEC_UAPI" ] || skip_all "linux/mcsec.h is not here"

load_mcsec
ns_create a

section "malformed requests"

KEY=$(new_key 20)
ctl a group add g4 $G4
sa_add a g4 "$KEY" spi 4096 dir inout alg aes-gcm-16 sender-id 1 select
state() { ctl a -j group show; ctl a -j sa show |
	json "[{k: v for k, v in s.items() if k != 'age'} for s in j]"; }
before=$(state)
out=$(in_ns a "$RAW" mangle 3000 2>&1)
like "3000 twisted requests are all answered" "$out" "^3000 answered"
is "twisted requests change nothing" "$(state)" "$before"
diag "$out"

in_ns a "$RAW" wrong >"$TMP/wrong"
# each line is the fault, the attribute that the answer points at: some of its
# words
while IFS= read -r want; do
	like "refused: ${want%%:*}" "$(grep -F "${want%%:*}: " "$TMP/wrong")" \
		"^$want"
done <<'WANT'
no name: none: missing attribute: name
no dst: none: missing attribute: dst
empty name: name: .*name
long name: name: .*
name taken: name: a group of this name
address taken: dst: another group has this address
short dst: dst: dst must be 4 octets
unicast dst: dst: dst must be a multicast
dst-len of 33: dst-len: dst-len must be at most
dst-len of 3: dst-len: dst-len must be at least
bits beyond dst-len: dst: dst must have no bits set beyond dst-len
src of IPv6: src: src and dst must be of the same address family
src-len of 0: src-len: src-len must be from 1
src-len without src: src-len: src-len needs src
bits beyond src-len: src: src must have no bits set beyond src-len
proto of 0: proto: proto must not be 0
proto ESP: proto: proto must not be 0 or 50 .ESP
port without proto: sport: a port needs a proto
port of OSPF: dport: a port needs a proto
port of 0: dport: a port must not be 0
mark outside: mark: a mark must have no bits set outside its mask
mask of 0: mark-mask: a mark's mask must not be 0
mask without mark: mark-mask: a mark's mask needs the mark
in-mark outside: in-mark: a mark must have no bits set outside its mask
in-mask without in-mark: in-mark-mask: a mark's mask needs the mark
dev of no name: dev: dev must be an interface name
dev twice: dev: dev must name each interface once
65 devs: dev: a group has at most 64
policy of 2: policy: .*
no key: none: missing attribute: key
key of 19: key: key must be 20 or 36 octets
short key: key: key must be 36 octets
group of none: group: .*group
spi of 255: spi: spi must be at least 256
spi taken: spi: .*has an SA of this spi
dir of 0: dir: dir must be in, out or both
dir of 4: dir: .*
alg of 77: alg: .*
mode of 2: mode: .*
sid-bits of 9: sid-bits: sid-bits must be 8, 12 or 16
sender-id of 17 bits: sender-id: sender-id must fit
sender-id of 9 bits: sender-id: sender-id must fit
sender-id twice: sender-id: sender-id must name each Sender-ID once
no sender-id: dir: dir out needs a sender-id
sender-id of a receiver: sender-id: sender-id needs dir out
selected receiver: selected: selected needs an SA with dir out
replay of 3: replay: .*
window of 100: window: window must be a power
max-senders of 0: max-senders: max-senders must be from 1
iv-limit of 0: iv-limit: iv-limit must not be 0
iv-limit of 49 bits: iv-limit: iv-limit must fit
hard below soft: soft-time: a soft limit must be at most
time of 41 bits: hard-time: a time limit must be at most 100 years
packets of 64 bits: hard-packets: a limit must be at most
WANT
is "the refusals are as many as were tried" "$(wc -l <"$TMP/wrong")" 54
is "wrong requests have changed nothing" "$(state)" "$before"

# Values inside of the limits are accepted; the others are refused by attribute.
in_ns a "$RAW" edges >"$TMP/edges"
is "the limits of what is taken" \
	"$(sed 's/: \([a-z-]*\).*/: \1/' "$TMP/edges")" "$(cat <<'WANT'
window 64: accepted
window 32: window
window 32768: accepted
window 65536: window
window 96: window
senders 1: accepted
senders 65536 window 64: accepted
senders 65537 window 64: max-senders
senders 65536: accepted
senders 65536 window 32768: max-senders
iv-limit 1: accepted
iv-limit 281474976710655: accepted
iv-limit 281474976710656: iv-limit
iv-limit 72057594037927935 sid-bits 8: accepted
iv-limit 72057594037927936 sid-bits 8: iv-limit
iv-limit 4503599627370495 sid-bits 12: accepted
iv-limit 4503599627370496 sid-bits 12: iv-limit
sid 65535: accepted
sid 65536: sender-id
sid 255 sid-bits 8: accepted
sid 256 sid-bits 8: sender-id
sid 4095 sid-bits 12: accepted
sid 4096 sid-bits 12: sender-id
sids 256: accepted
sids 257: sender-id
spi 256: accepted
spi 255: spi
soft 7 hard 7: accepted
soft 7 hard 8: accepted
soft 8 hard 7: soft-packets
key 20: accepted
key 36: accepted
key 35: key
key 37: key
key 19: key
key 21: key
key 28: key
key 0: key
key 36 chacha 1: accepted
key 20 chacha 1: key
key 35 chacha 1: key
WANT
)"
is "wrong keys have changed nothing" "$(state)" "$before"

section "rights"

# where that user may run it, wherever this tree is
cp "$MCSECCTL" "$TMP/ctl"
chmod 755 "$TMP" "$TMP/ctl"
out=$(in_ns a setpriv --reuid 65534 --clear-groups "$TMP/ctl" group show 2>&1)
like "an ordinary user is refused" "$out" "CAP_NET_ADMIN|permitted"
out=$(in_ns a setpriv --reuid 65534 --clear-groups \
	"$TMP/ctl" group add x 239.9.9.9 2>&1)
like "an ordinary user is refused a change" "$out" "CAP_NET_ADMIN|permitted"
cp "$RAW" "$MCSEC_UAPI" "$TMP"
chmod 755 "$TMP/rawnl.py"
chmod 644 "$TMP/mcsec.h"
out=$(MCSEC_UAPI=$TMP/mcsec.h in_ns a setpriv --reuid 65534 --clear-groups \
	"$TMP/rawnl.py" rights)
is "an ordinary user tries each of the 19 operations and 5 dumps" \
	"$(wc -l <<<"$out")" 24
is "each operation of an ordinary user is refused with EPERM" \
	"$(grep -v ' 1$' <<<"$out")" ""
unlike "no operation of root is refused with EPERM" \
	"$(unshare -n "$RAW" rights)" ' 1$'
is "refused requests have changed nothing" "$(state)" "$before"
user() { setpriv --reuid 65534 --clear-groups unshare -Urn "$@"; }
if user true; then
	is "whoever owns a namespace protects in it" "$(user sh -c \
		"$TMP/ctl group add mine 239.9.9.9 && $TMP/ctl -j group show" |
		json "[g['name'] for g in j]")" '["mine"]'

	# More than are remembered, with keys of their own
	key=$(new_key 20)
	echo "$key" >"$TMP/keyhost"
	chmod 644 "$TMP/keyhost"
	# the user is a member, too, and was the first with this key
	printf '%s\n' "group add mine 239.9.9.9" "sa add mine spi 5000 dir out \
alg aes-gcm-16 sender-id 9 key-file $TMP/keyhost" >"$TMP/first"
	try "a namespace of a user sends with the key that the host sends with" \
		user "$TMP/ctl" batch "$TMP/first"
	sa_add a g4 "$key" spi 7000 dir out alg aes-gcm-16 sender-id 7
	ctl a sa del g4 7000
	for ((i = 0; i < 260; i++)); do
		printf '%040x\n' $((i + 1)) >"$TMP/key$i"
	done
	chmod 644 "$TMP"/key*
	{
		echo "group add mine 239.9.9.9"
		for ((i = 0; i < 260; i++)); do
			echo "sa add mine spi $((5000 + i)) dir out" \
				"alg aes-gcm-16 sender-id 0-255" \
				"key-file $TMP/key$i"
			echo "sa del mine $((5000 + i))"
		done
	} >"$TMP/many"
	try "a namespace of a user sends with as many keys as it likes" \
		user "$TMP/ctl" batch "$TMP/many"
	like "a user's keys make nobody forget which IVs others have used" \
		"$(sa_add a g4 "$key" spi 7001 dir out alg aes-gcm-16 \
		sender-id 7 2>&1)" "IVs would repeat"
	like "other IVs are not forgotten with another width of Sender-IDs" \
		"$(sa_add a g4 "$key" spi 7001 dir out alg aes-gcm-16 \
		sid-bits 8 sender-id 7 2>&1)" "other sid-bits, so IVs could repeat"
	like "a user's own oldest keys are forgotten" \
		"$(sed -n '1,2p' "$TMP/many" |
		user "$TMP/ctl" batch 2>&1; echo "$?")" '^0$'
	like "a user's latest keys are not forgotten" \
		"$({ sed -n 1p "$TMP/many"; tail -n 2 "$TMP/many"; } |
		user "$TMP/ctl" batch 2>&1)" "IVs would repeat"
else
	skip "a namespace of an ordinary user" "the kernel does not give one"
fi
is "a user's namespace has changed nothing here" "$(state)" "$before"

section "keys do not come back"

is "no answer and no memory holds the key" \
	"$(in_ns a "$RAW" dumps "$KEY")" "clean"

tap_done
