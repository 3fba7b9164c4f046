#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
#
# The netlink family as enemies meet it: requests that are cut, twisted or made
# without rights are refused and change nothing; keys do not come back.

. "$(dirname "$0")/kmod.sh"
need python3 setpriv
RAW=$(dirname "$0")/rawnl.py
MCSEC_UAPI=$(project_file uapi/linux/mcsec.h include/uapi/linux/mcsec.h \
	/usr/local/include/linux/mcsec.h /usr/include/linux/mcsec.h)
export MCSEC_UAPI
[ -n "$MCSEC_UAPI" ] || skip_all "linux/mcsec.h is not here"

load_mcsec
ns_create a

# ---- malformed requests

KEY=$(new_key 20)
ctl a group add g4 $G4
sa_add a g4 "$KEY" spi 4096 dir inout alg aes-gcm-16 sender-id 1 select
state() { ctl a -j group show; ctl a -j sa show |
	json "[{k: v for k, v in s.items() if k != 'age'} for s in j]"; }
before=$(state)
out=$(in_ns a "$RAW" mangle 3000 2>&1)
like "3000 twisted requests are all answered" "$out" "^3000 answered"
is "and change nothing" "$(state)" "$before"
diag "$out"

out=$(in_ns a "$RAW" wrong)
for want in "no name: .*missing" "short dst: dst is neither 4 nor 16" \
	"name not terminated: " "no key: .*key" "key of 19: key is not" \
	"sender-id too wide: .*sender-id" "hard below soft: .*hard" \
	"unknown alg: " "dir of none: .*dir" "spi of 255: .*spi" \
	"same sender-id twice: .*sender-id" "window of 100: .*window"; do
	like "refused in words: ${want%%:*}" "$out" "^$want"
done
is "nothing has changed" "$(state)" "$before"

# ---- rights

out=$(in_ns a setpriv --reuid 65534 --clear-groups "$MCSECCTL" group show 2>&1)
like "an ordinary user is refused" "$out" "CAP_NET_ADMIN|permitted"
out=$(in_ns a setpriv --reuid 65534 --clear-groups \
	"$MCSECCTL" group add x 239.9.9.9 2>&1)
like "also for a change" "$out" "CAP_NET_ADMIN|permitted"
is "and nothing has changed" "$(state)" "$before"
if out=$(setpriv --reuid 65534 --clear-groups unshare -Urn sh -c \
	"$MCSECCTL group add mine 239.9.9.9 && $MCSECCTL -j group show" 2>&1)
then
	is "whoever owns a namespace protects in it" \
		"$(json "[g['name'] for g in j]" <<<"$out")" '["mine"]'
else
	skip "a namespace of an ordinary user" "the kernel does not give one"
fi
is "and not here" "$(state)" "$before"

# ---- keys do not come back, neither by dumps nor as octets anywhere in them

is "no answer holds the key" "$(in_ns a "$RAW" dumps "$KEY")" "clean"

tap_done
