#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Help and version of mcsecctl and mcsecd: of every command there is, in agreement
# with the man pages, and without doing anything else. Help of programs of the sources.

. "$(dirname "$0")/../lib.sh"

# page: its text as it is typed, without fonts
page_text() {
	sed 's/\\f[BIRP]//g; s/\\-/-/g; s/\\&//g; s/\\(lq\|\\(rq/"/g' \
		"$TOP/Documentation/man/$1"
}
page=$(page_text mcsecctl.8)

# command...: runs it; leaves out, err and rc
run() {
	out=$("$@" 2>"$TMP/err") && rc=0 || rc=$?
	err=$(cat "$TMP/err")
}

# pattern: the first words of the lines of $out that match
words_like() { sed -n "s/^  \($1\)\( .*\)\?\$/\1/p" <<<"$out"; }

# ---- mcsecctl --------------------------------------------------------------

section "mcsecctl"
run "$MCSECCTL" --help
help=$out
commands=$(words_like '[a-z][a-z]*')
is "--help succeeds" "$rc:$err" "0:"
like "--help begins with the usage" "$(head -n 1 <<<"$out")" '^Usage: mcsecctl .*COMMAND'
is "-h is the same" "$("$MCSECCTL" -h)" "$help"
is "help is the same" "$("$MCSECCTL" help)" "$help"
run "$MCSECCTL"
is "no command ends with code 2, and help on stderr" "$rc:$out:$err" "2::$help"
version=$("$MCSECCTL" --version)
is "--version is the version of the package" "$version" "mcsecctl $(cat "$TOP/VERSION")"
is "-V is the same" "$("$MCSECCTL" -V)" "$version"
is "--json --version is -j -V" "$("$MCSECCTL" --json --version)" "$("$MCSECCTL" -j -V)"
run "$MCSECCTL" --socket "$TMP/none" status
is "--socket takes a path" "$rc" 1
like "--socket is the one that is asked" "$err" "$TMP/none"
run "$MCSECCTL" --netns /none/of/these group show
like "--netns takes a name" "$rc:$err" '^1:.*"/none/of/these"'

section "words that are wrong"
run "$MCSECCTL" --frob
is "an unknown option ends with code 2" "$rc:$out" "2:"
like "an unknown option is named, with those that exist" "$err" \
	'"--frob": --color WHEN, --help, --json, --netns NETNS, --socket SOCKET, --verbose or --version'
run "$MCSECCTL" --netns
like "an option without its value is named" "$rc:$err" '^2:.*--netns: a value is missing'
run "$MCSECCTL" help frob
like "help on an unknown command lists the commands" "$rc:$err" \
	'^2:.*"frob": group, sa, .* or help'
run "$MCSECCTL" help group frob
like "help on an unknown sub-command lists the others" "$rc:$err" \
	'^2:.*group: unknown word "frob": add, set, del, show or flush'
run "$MCSECCTL" help status frob
like "help on a sub-command of none is refused" "$rc:$err" '^2:.*"status" has no commands'
run "$MCSECCTL" group add
is "the error for too few words has the usage that help has" "$rc:$err" \
	"2:mcsecctl: too few arguments; usage: $("$MCSECCTL" help group add |
		sed -n 's/^Usage: //p')"

# ---- each command ----------------------------------------------------------

# WORD...: help of a command, by both ways; leaves it in out
help_of() {
	run "$MCSECCTL" "$@" --help
	is "$*: --help succeeds" "$rc:$err" "0:"
	like "$*: --help begins with the usage" "$(head -n 1 <<<"$out")" \
		"^Usage: mcsecctl $*( |\$)"
	is "$*: help is the same" "$("$MCSECCTL" help "$@")" "$out"
}

# Words of the help that follow a command, which the page does not have
strange() {
	local word

	sed -n '/^Words/,/^$/s/^  \([a-z-]*\).*/\1/p' <<<"$out" | while read -r word; do
		grep -qE "(^|[^a-z-])$word([^a-z-]|\$)" <<<"$page" || echo "$word"
	done
}

section "help"
for c in $commands; do
	help_of "$c"
	like "$c: the page has it" "$page" "(^|[^a-z-])$c([^a-z-]|\$)"
	for sub in $(words_like "$c [a-z][a-z]*" | cut -d' ' -f2); do
		help_of "$c" "$sub"
		is "$c $sub: the page has all words" "$(strange)" ""
	done
done
out=$("$MCSECCTL" group add --help)
like "values of a word are listed" "$out" '^  policy +enforce or observe$'
like "words without a value are listed" "$out" '^  forward$'

section "topics"
topics=$(sed -n 's/^mcsecctl help TOPIC: //p' <<<"$help" | tr -d ,)
is "topics are listed" "$topics" "exit output socket start"
for t in $topics; do
	run "$MCSECCTL" help "$t"
	like "help on $t" "$rc:$out" '^0:[A-Z]'
	like "the page has the topic $t" "$page" "(^|[^a-z-])$t([^a-z-]|\$)"
done

section "nothing else is done"
run "$MCSECCTL" pki init "$TMP/pki" --help
is "pki init makes no folder" "$rc:$(find "$TMP" -name pki)" "0:"
run "$MCSECCTL" key generate aes-gcm-16 file "$TMP/key" --help
is "key generate makes no file" "$rc:$(find "$TMP" -name key)" "0:"
unlike "key generate prints no key" "$out" '[0-9a-f]{32}'
run "$MCSECCTL" -s "$TMP/none" evict video a.lab --help
is "evict asks no daemon" "$rc:$err" "0:"

# ---- mcsecd ----------------------------------------------------------------

section "mcsecd"
run "$MCSECD" --help
help=$out
is "--help succeeds" "$rc:$err" "0:"
is "-h is the same" "$("$MCSECD" -h)" "$help"
is "--version is the version of the package" "$("$MCSECD" --version)" \
	"mcsecd $(cat "$TOP/VERSION")"
page=$(page_text mcsecd.8)
for option in $(grep -oE -- '(^|[ ,])--?[A-Za-z]+' <<<"$help" | tr -d ', ' | sort -u); do
	like "the page has $option" "$page" "(^|[^a-z-])$option([^a-z-]|\$)"
done
run "$MCSECD" --frob
like "an unknown option ends with code 2 and the usage" "$rc:$out:$err" \
	"^2::.*mcsecd: unrecognized option '--frob'"
like "the usage follows on stderr" "$err" '^usage: mcsecd'
run "$MCSECD" frob
like "an unknown word ends with code 2 and its name" "$rc:$out:$err" \
	'^2::mcsecd: .*"frob"'

# ---- programs of the sources -----------------------------------------------

section "sources"
for program in tools/deps tools/demo tools/style/run selftests/run selftests/bench/run; do
	run "$TOP/$program" --help
	like "$program --help names the program" "$rc:$err:$out" "(^|[[:space:]])$program"
	is "$program --help succeeds" "$rc:$err" "0:"
	run "$TOP/$program" --frob
	like "$program names an option that it does not have" "$rc:$out:$err" \
		'^2::.*--frob'
done
for option in --step --keep "--uml --step --keep"; do
	# shellcheck disable=SC2086 # words
	run "$TOP/tools/demo" $option </dev/null
	like "tools/demo $option is refused without a terminal" "$rc:$out:$err" \
		"^2::demo: ${option#--uml }: standard input and output must be a terminal"
done
tap_done
