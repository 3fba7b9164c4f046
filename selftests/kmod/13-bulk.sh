#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Many at once: batches, their errors, dumps while they run.
#
# timeout: 600
# stock only

. "$(dirname "$0")/kmod.sh"
need python3
load_mcsec
ns_create a

batch() {
	"$MCSECCTL" -n "$(ns a)" batch "$@"
}
ms() { echo $(($(date +%s%N) / 1000000)); }

many=3000
new_key 20 >"$TMP/key"
chmod 600 "$TMP/key"
for ((i = 0; i < many; i++)); do
	echo "group add g$i 239.$((i / 60000)).$((i / 250 % 250)).$((i % 250 + 1))"
done >"$TMP/groups"
for ((i = 0; i < many; i++)); do
	echo "sa add g$i spi 4096 dir in alg aes-gcm-16 key-file $TMP/key"
done >"$TMP/sas"

from=$(ms)
try "$many groups" batch "$TMP/groups"
took=$(($(ms) - from))
diag "groups: $((many * 1000 / took)) a second"
is "are there" "$(ctl a group show | wc -l)" $many
from=$(ms)
try "an SA for each, from standard input" bash -c \
	"'$MCSECCTL' -n $(ns a) batch <'$TMP/sas'"
took=$(($(ms) - from))
diag "SAs: $((many * 1000 / took)) a second"
is "are there, too" "$(ctl a -j sa show | json 'len(j)')" $many
is "each in its group" \
	"$(ctl a -j group show | json 'sum(g["sas"] == 1 for g in j)')" $many

# ---- dumps meanwhile

# Those up to 999 stay; the others come and go.
{
	for ((i = 1000; i < many; i++)); do
		echo "group del g$i"
	done
	tail -n +1001 "$TMP/groups"
} >"$TMP/churn"
spawn bash -c "for i in {1..20}; do
	'$MCSECCTL' -n $(ns a) batch '$TMP/churn' || exit; done; >'$TMP/churned'"
dumps=0 wrong=0
until [ -e "$TMP/churned" ] || [ $dumps -ge 40 ]; do
	ctl a -j group show >"$TMP/dump"
	python3 - "$TMP/dump" <<-'PY' || wrong=$((wrong + 1))
		import json, sys
		names = [g["name"] for g in json.load(open(sys.argv[1]))]
		sys.exit(len(names) != len(set(names)) or
		         not {f"g{i}" for i in range(1000)} <= set(names))
	PY
	dumps=$((dumps + 1))
done
diag "$dumps dumps"
is "what is there all the time is in each dump, once" $wrong 0
is "there were some" "$((dumps > 0))" 1
try "the changes ran to their end" wait_until 120 test -e "$TMP/churned"
is "and left all groups" "$(ctl a group show | wc -l)" $many

# ---- errors

ctl a group flush
printf '%s\n' '# a comment' '' 'group add one 239.1.1.1 # another' \
	'group add two 239.1.1.1' '	group   add three 239.1.1.3' \
	'group add four 10.0.0.1' 'show' >"$TMP/bad"
out=$(batch "$TMP/bad" 2>&1)
is "a line that is refused ends it" $? 1
like "and is named" "$out" \
	"^mcsecctl: $TMP/bad:4: group add: another group has this address"
is "what came before stays" "$(ctl a group show | cut -d' ' -f2 | xargs)" one
out=$(batch force "$TMP/bad" 2>&1)
is "with force" $? 1
is "each refusal is told" "$(grep -c '^mcsecctl: ' <<<"$out")" 3
like "and the others are carried out" "$out" '^group three '
out=$(echo 'group make x' | batch 2>&1)
is "wrong words are" $? 2
like "named by line as well" "$out" '^mcsecctl: stdin:1: group: unknown word'
out=$(echo 'status' | batch 2>&1)
like "commands of the daemon are none for a batch" "$out" \
	'unknown word "status": group, sa, sender, show or stats'
out=$(echo 'sa add one spi 4096 dir in alg aes-gcm-16 key-stdin' | batch 2>&1)
like "a key cannot come from where the batch does" "$out" 'no key can'
echo 'sa add one spi 4096 dir in alg aes-gcm-16 key-stdin
sa add one spi 4097 dir in alg aes-gcm-16 key-stdin' >"$TMP/two"
try "but from another file, line by line" bash -c \
	"{ cat '$TMP/key'; echo; cat '$TMP/key'; } |
	'$MCSECCTL' -n $(ns a) batch '$TMP/two'"
is "both" "$(ctl a -j sa show one | json 'len(j)')" 2
like "a file that is not there" "$(batch "$TMP/none" 2>&1)" 'No such file'

tap_done
