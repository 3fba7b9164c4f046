#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
#
# The netlink family as others meet it: the kernel source's own client drives
# it from the spec; requests that are cut, twisted or made without rights are
# refused and change nothing; keys do not come back.

. "$(dirname "$0")/kmod.sh"
need python3 setpriv
RAW=$(dirname "$0")/rawnl.py
SPEC=$TOP/Documentation/netlink/specs/mcsec.yaml

load_mcsec
ns_create a

# ---- the kernel's client

SOURCE=${MCSEC_SOURCE:-$("$TOP/selftests/guest/kernel" source 2>/dev/null)}
CLI=$SOURCE/tools/net/ynl/cli.py
ynl() { # --do or --dump, operation, JSON
	in_ns a python3 "$CLI" --spec "$SPEC" \
		--schema "$SOURCE/Documentation/netlink/genetlink-legacy.yaml" \
		"$1" "$2" --output-json ${3:+--json "$3"}
}

if [ -e "$CLI" ] && python3 -c 'import yaml, jsonschema' 2>/dev/null; then
	KEY=$(new_key 20)
	try "YNL makes a group" ynl --do group-new \
		'{"name": "g4", "dst": "ef010101"}'
	try "YNL adds an SA" ynl --do sa-new "{\"group\": \"g4\",
		\"spi\": 4096, \"dir\": [\"in\", \"out\"],
		\"alg\": \"aes-gcm-16\", \"key\": \"$KEY\",
		\"sender-id\": [7, 8], \"selected\": true}"
	sas=$(ynl --dump sa-get '{"group": "g4"}')
	is "YNL dumps it" "$(json "[j[0][k] for k in
		('spi', 'alg', 'window', 'sid-bits', 'state')]" <<<"$sas")" \
		'[4096, "aes-gcm-16", 1024, 16, "live"]'
	is "with its Sender-IDs" \
		"$(json "j[0]['sender-id']" <<<"$sas")" "[7, 8]"
	unlike "and without its key" "$sas" "$KEY"
	is "YNL gets the group" \
		"$(ynl --do group-get '{"name": "g4"}' | json "j['sas']")" 1
	try "YNL sets a limit" ynl --do sa-set \
		'{"group": "g4", "spi": 4096, "hard-packets": 9}'
	is "which mcsectl reads" "$(ctl a -j sa show g4 4096 |
		json "(j[0] if isinstance(j, list) else j)['hard-packets']")" 9
	is "YNL dumps the counters" "$(ynl --dump stats-get |
		json "len(j) > 20 and all('name' in c for c in j)")" true
	like "YNL shows why it is refused" "$(ynl --do group-new \
		'{"name": "x", "dst": "0a000001"}' 2>&1)" \
		"dst is not a multicast address"
	try "YNL deletes the SA" ynl --do sa-del \
		'{"group": "g4", "spi": 4096}'
	try "YNL flushes" ynl --do group-flush '{}'
	is "and all is gone" "$(ctl a -j group show)" "[]"
else
	skip "the kernel source's YNL client" "python3-yaml, python3-jsonschema or the kernel source is missing"
fi

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
