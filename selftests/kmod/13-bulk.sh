#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Many at once: batches, their errors, dumps while they run.
#
# timeout: 600

. "$(dirname "$0")/kmod.sh"
need python3
load_mcsec
ns_create a

batch() {
	"$MCSECCTL" -n "$(ns a)" batch "$@"
}
answers() {
	"$MCSECCTL" -n "$(ns a)" "$@" batch
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
try "a batch adds $many groups" batch "$TMP/groups"
took=$(($(ms) - from))
diag "groups: $((many * 1000 / took)) a second"
try "groups are added at thousands a second" \
	test $((many * 1000 / took)) -ge 1000
is "all groups of the batch are there" "$(group_names a | wc -l)" $many
from=$(ms)
try "a batch from standard input adds an SA for each group" bash -c \
	"'$MCSECCTL' -n $(ns a) batch <'$TMP/sas'"
took=$(($(ms) - from))
diag "SAs: $((many * 1000 / took)) a second"
# Thousands, on a CPU that is not emulated; here what no accident explains.
try "SAs are added at hundreds a second and more" \
	test $((many * 1000 / took)) -ge 300
is "all SAs of the batch are there" "$(ctl a -j sa show | json 'len(j)')" $many
is "each SA is in its group" \
	"$(ctl a -j group show | json 'sum(g["sas"] == 1 for g in j)')" $many

section "dumps during changes"

# The groups up to 999 stay, with their SAs; the others come and go with theirs.
{
	sed -n "s/^group add \(g[0-9]*\) .*/group del \1/; 1001,${many}p" \
		"$TMP/groups"
	tail -n +1001 "$TMP/groups"
	tail -n +1001 "$TMP/sas"
} >"$TMP/churn"
churn() {
	while [ ! -e "$TMP/stop" ]; do
		batch "$TMP/churn" || return
		echo round >>"$TMP/rounds"
	done
	touch "$TMP/churned"
}
# dump, word that has a group's name: those that stay are in it, none twice
whole() {
	python3 - "$1" "$2" <<-'PY'
		import json, sys
		names = [o[sys.argv[2]] for o in json.load(open(sys.argv[1]))]
		sys.exit(len(names) != len(set(names)) or
		         not {f"g{i}" for i in range(1000)} <= set(names))
	PY
}
: >"$TMP/rounds"
spawn churn
dumps=0 wrong=0 partial=0
# Some dumps must have been within a round, and some rounds within the dumps.
until [ $dumps -ge 3 ] && [ $partial -gt 0 ] && [ -s "$TMP/rounds" ] ||
      [ $dumps -ge 12 ]; do
	ctl a -j group show >"$TMP/dump"
	whole "$TMP/dump" name || wrong=$((wrong + 1))
	ctl a -j sa show >"$TMP/dump"
	whole "$TMP/dump" group || wrong=$((wrong + 1))
	[ "$(grep -o '"spi"' "$TMP/dump" | wc -l)" = $many ] ||
		partial=$((partial + 1))
	dumps=$((dumps + 1))
done
touch "$TMP/stop"
diag "$dumps dumps of each, $partial met a change," \
	"$(wc -l <"$TMP/rounds") rounds of changes"
is "an SA or group that is there all the time is in each dump, once" $wrong 0
is "some dumps met a change" "$((partial > 0))" 1
try "the changes ran to their end" wait_until 60 test -e "$TMP/churned"
is "the changes left all groups" "$(group_names a | wc -l)" $many
is "the changes left all SAs" \
	"$(ctl a -j sa show | grep -o '"spi"' | wc -l)" $many
try "all groups are deleted at once" ctl a group flush
is "no group and no SA is left after the flush" \
	"$(ctl a group show), $(ctl a sa show)" "no groups, no SAs"

section "a bad line in the middle"

half=$((many / 2))
sed "${half}s/.*/group add other 239.0.0.1/" "$TMP/groups" >"$TMP/middle"
out=$(batch "$TMP/middle" 2>&1)
like "a batch with a line that is refused fails" \
	"$?, $(wc -l <<<"$out"), $out" \
	"^1, 1, mcsecctl: $TMP/middle:$half: group add: another group has this"
is "the groups before the bad line stay, and none after it is added" \
	"$(group_names a | tail -n 1), $(group_names a | wc -l)" \
	"g$((half - 2)), $((half - 1))"
ctl a group flush
out=$(batch -f "$TMP/middle" 2>&1)
like "batch -f names the line that is refused, too" \
	"$?, $(wc -l <<<"$out"), $out" \
	"^1, 1, mcsecctl: $TMP/middle:$half: group add: another group has this"
is "batch -f adds all other groups" "$(group_names a | wc -l)" $((many - 1))

section "errors"

ctl a group flush
printf '%s\n' '# a comment' '' 'group add one 239.1.1.1 # another' \
	'group add two 239.1.1.1' '	group   add three 239.1.1.3' \
	'group add four 10.0.0.1' 'show' >"$TMP/bad"
out=$(batch "$TMP/bad" 2>&1)
is "a refused line ends the batch" $? 1
like "the refused line is named" "$out" \
	"^mcsecctl: $TMP/bad:4: group add: another group has this address"
is "the groups before the refused line stay" \
	"$(group_names a)" one
out=$(batch force "$TMP/bad" 2>&1)
is "batch force fails when a line was refused" $? 1
is "batch force tells each refusal" "$(grep -c '^mcsecctl: ' <<<"$out")" 3
like "batch force carries the other lines out" "$out" '^three +239.1.1.3 '
out=$(echo 'group make x' | batch 2>&1)
is "wrong words are a usage error" $? 2
like "wrong words are named by line as well" \
	"$out" '^mcsecctl: stdin:1: group: unknown word'
out=$(echo 'status' | batch 2>&1)
like "commands of the daemon are none for a batch" "$out" \
	'unknown word "status"; there is "stats"$'
like "a batch has no help" "$(echo 'group add x 239.1.1.9 --help' | batch 2>&1)" \
	'^mcsecctl: stdin:1: unknown word "--help": src'
for file in - /dev/stdin; do
	for from in key-stdin 'key-file -' 'key-file /dev/stdin'; do
		out=$(echo "sa add one spi 4096 dir in alg aes-gcm-16 $from" |
			batch $file 2>&1)
		like "no $from where the batch is $file" "$out" 'no key can'
	done
done
echo 'sa add one spi 4096 dir in alg aes-gcm-16 key-stdin
sa add one spi 4097 dir in alg aes-gcm-16 key-stdin' >"$TMP/two"
try "a batch takes keys from another file, line by line" bash -c \
	"{ cat '$TMP/key'; echo; cat '$TMP/key'; } |
	'$MCSECCTL' -n $(ns a) batch '$TMP/two'"
is "both SAs with keys from standard input are added" \
	"$(ctl a -j sa show one | json 'len(j)')" 2
out=$(batch "$TMP/key" 2>&1)
is "a key file that is taken for a batch is a usage error" $? 2
unlike "a key that is taken for a command is not repeated" \
	"$out" "$(cut -c1-8 "$TMP/key")"
printf 'show\0\n' >"$TMP/zero"
like "a line with a NUL is refused" \
	"$(batch "$TMP/zero" 2>&1)" 'zero:1: .*contains a NUL octet'
printf '%s\n' 'group add "a#b" 239.1.2.1' 'group add a 239.1.2.2' \
	'group del a#b#' >"$TMP/names"
batch "$TMP/names" 2>/dev/null
is "a name is not cut" "$(ctl a group show a | awk 'NR > 1 { print $1 }')" a
is "each answer in JSON is a line" "$(printf '%s\n' 'group show a' 'sa show' \
	stats | answers -j | while read -r l; do json 'type(j).__name__' <<<"$l"
	done | xargs)" "list list dict"
like "a file that is not there" "$(batch "$TMP/none" 2>&1)" 'No such file'

tap_done
