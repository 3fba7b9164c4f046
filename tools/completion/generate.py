#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Completion of mcsecctl for bash, zsh and fish, from the tables of commands and
words in tools/mcsecctl and the usage lines there.

    tools/completion/generate.py            write the three files
    tools/completion/generate.py --check    complain about what differs
"""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
SOURCES = {p.name: p.read_text() for p in sorted(
    (TOP / "tools/mcsecctl").glob("*.c"))}
KERNEL = (TOP / "daemon/kernel/kernel.c").read_text()
LITERAL = r'"(?:[^"\\]|\\.)*"'
LITERALS = re.compile(rf'{LITERAL}(?:\s*{LITERAL})*')
# position in a usage line: what completes it
KINDS = {"GROUP": "group", "NAME": "group", "DIR": "folder", "FILE": "file",
         "ALG": "alg"}
OPTIONS = {"-h": ("--help", "print help"), "-j": ("--json", "answer in JSON"),
           "-n": ("--netns", "network namespace"),
           "-s": ("--socket", "socket of the daemon"),
           "-v": ("--verbose", "print all there is"),
           "": ("--color", "always, never or auto"),
           "-V": ("--version", "print the version")}
COLORS = "always never auto"
TOPICS = re.findall(r'^\t\{ "(\w+)",', SOURCES["topics.c"], re.M)
ALL_OPTIONS = " ".join(f"{o} {long}".strip() for o, (long, _) in OPTIONS.items())


def strings_in(text):
    """The text with its macros that are strings written out."""
    text = re.sub(r"\\\n", " ", text)
    for name, value in re.findall(rf"^#define (\w+)\s+({LITERAL}(?:\s*{LITERAL})*)",
                                  text, re.M):
        text = re.sub(rf"(?<!define )\b{name}\b", lambda _: value, text)
    return text


def joined(text):
    return "".join(s[1:-1] for s in re.findall(LITERAL, text))


def command_table(name):
    """Rows of a table: name, usage, help, table of sub-commands, of words."""
    for text in map(strings_in, SOURCES.values()):
        found = re.search(rf"struct command {name}\[\] = \{{(.*?)\{{\}}\s*\}};",
                          text, re.S)
        if found:
            break
    else:
        sys.exit(f"generate.py: no table {name}[]")
    rows = re.findall(rf'COMMAND\(\s*"(\w+)",\s*\w+,\s*({LITERALS.pattern}),'
                      rf'\s*({LITERALS.pattern})((?:,\s*\.\w+ = \w+)*)\)',
                      found.group(1))
    if len(rows) != found.group(1).count("COMMAND("):
        sys.exit(f"generate.py: a row of {name}[] is not understood")
    made = []
    for name, usage, text_of, rest in rows:
        more = dict(re.findall(r"\.(\w+) = (\w+)", rest))
        tables = {**WORDS, **word_tables(text)}
        made.append((name, joined(usage), joined(text_of), more.get("subs"),
                     tables[more["words"]] if "words" in more else []))
    return made


def names_of(array, text):
    found = re.search(rf"\b{array}\[\] = \{{(.*?)\}};", text + KERNEL, re.S)
    return re.findall(r'"([^"]+)"', found.group(1)) if found else []


def listed(takes):
    """The values in "a, b or c", or none if the text is no list of values."""
    values = re.split(r", | or ", takes)
    plain = all(re.fullmatch(r"[a-z0-9-]+", v) for v in values)
    return values if plain and len(values) > 1 else []


def word_tables(text):
    """Tables of words: {table: [(word, takes, values)]}."""
    text = re.sub(r"\\\n", " ", text)
    for name, value in re.findall(r"^#define (\w+)\s+((?:WORD|TEXT)\(.*)$", text,
                                  re.M):
        text = re.sub(rf"(?<!define )\b{name}\b(?=,)", lambda _: value, text)
    text = re.sub(rf"\bTEXT\(({LITERAL}),\s*({LITERAL}),\s*\w+\)",
                  r"WORD(\1, \2, set_string)", text)
    text = re.sub(r"(?<!define )\bLIMIT\((\"[\w-]+\"), \w+, \w+,\s*",
                  r"WORD(\1, ", text)
    tables = {}
    for name, rows in re.findall(
            r"struct word (\w+)\[\] = \{(.*?)\{\}\s*\};", text, re.S):
        tables[name] = []
        for word, takes, rest in re.findall(
                rf'WORD\(\s*("[\w-]+"),\s*({LITERAL}|\w+)([^W]*)', rows):
            array = re.search(r"\.names = (\w+)", rest)
            values = names_of(array.group(1), text) if array else []
            if not array and takes.startswith('"'):
                values = listed(takes[1:-1])
            tables[name].append((word[1:-1], takes.strip('"'), values))
    return tables


# Those of all files, for a table of commands that has a file of its own
WORDS = {}
for _text in SOURCES.values():
    WORDS.update(word_tables(_text))


class Command:
    """A command or sub-command: what may follow it."""

    def __init__(self, row, of=""):
        name, usage, self.help, subs, self.words = row
        self.path = f"{of} {name}".strip()
        rows = command_table(subs) if subs else []
        self.subs = [r[0] for r in rows]
        self.parts = [Command(r, name) for r in rows]
        self.positions = []
        # The words behind "help" are commands, which complete as without it.
        if name == "help":
            return
        if self.subs:
            return
        for token in usage.split():
            if not re.match(r"\[?[A-Z]", token) or token == "[WORD":
                break
            kind = re.match(r"\[?([A-Z-]+)", token).group(1)
            fresh = kind == "NAME" and (self.path == "group add" or of == "pki")
            self.positions.append("" if fresh else KINDS.get(kind, ""))
        self.words = list(self.words)
        values = {v for _, _, vs in self.words for v in vs}
        known = values | {w for w, _, _ in self.words}
        for said in re.findall(r"(?<![A-Za-z-])(--?[a-z][a-z-]*|[a-z][a-z-]*)",
                               usage):
            if said not in known:
                self.words.append((said, "NULL", ()))
                known.add(said)


TABLE = command_table("commands")


def flat(commands):
    for c in commands:
        yield c
        yield from flat(c.parts)


def value_of(word):
    name, takes, values = word
    if values:
        return " ".join(values)
    return {"a file": "@file", "a folder": "@folder"}.get(
        takes, "" if takes == "NULL" else "@none")


def lookup(commands):
    """The tables as a function of the shells that have "case"."""
    out = ["# path: what may follow in mc_words, kinds of positions in mc_args",
           "_mcsecctl_lookup() {", "\tmc_words='' mc_args=''", '\tcase "$1" in',
           f"\t'') mc_words='{' '.join(n for n, *_ in TABLE)}' ;;"]
    for c in flat(commands):
        words = " ".join(c.subs or [w for w, _, _ in c.words])
        args = " ".join(k or "none" for k in c.positions)
        if words or args:
            out.append(f"\t'{c.path}') mc_words='{words}' mc_args='{args}' ;;")
    out += ["\tesac", "}", "", "# path, word: values of the word in mc_value",
            "_mcsecctl_value() {", "\tmc_value=''", '\tcase "$1 $2" in']
    for c in flat(commands):
        for word in c.words:
            if value_of(word):
                out.append(f"\t'{c.path} {word[0]}') mc_value='{value_of(word)}' ;;")
    out += ["\tesac", "}"]
    return "\n".join(out)


HEAD = """# SPDX-License-Identifier: Apache-2.0
# Made by tools/completion/generate.py from the tables of mcsecctl; not to be edited.
"""
GROUPS = """# Groups that the module has, and those of a key server. Without the privilege
# to ask there are none.
_mcsecctl_groups() {
	{ mcsecctl -j group show; mcsecctl -j status; } 2>/dev/null |
		tr '{,' '\\n\\n' | sed -n 's/^"name":"\\([^"]*\\)"$/\\1/p'
}
"""


def for_bash(commands):
    return f"""{HEAD}# shellcheck shell=bash

{GROUPS}
{lookup(commands)}

_mcsecctl() {{
	local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}}
	local path='' kind i n=0 list=''
	local mc_words mc_args mc_value
	local -a kinds

	COMPREPLY=()
	case $prev in
	-n | --netns)
		[ "$COMP_CWORD" -lt 2 ] || mapfile -t COMPREPLY < <(compgen -W \\
			"$(ls /run/netns 2>/dev/null)" -- "$cur")
		return
		;;
	-s | --socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--color)
		mapfile -t COMPREPLY < <(compgen -W '{COLORS}' -- "$cur")
		return
		;;
	esac
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${{COMP_WORDS[i]}} in
		-n | --netns | -s | --socket | --color)
			[ -n "$path" ] || {{ i=$((i + 1)) && continue; }}
			;;
		help)
			[ -n "$path" ] || continue
			;;
		-*) continue ;;
		esac
		_mcsecctl_lookup "$path"
		if [ $n -eq 0 ] && [[ $path != *' '* ]] && [ -z "$mc_args" ] &&
			[[ " $mc_words " == *" ${{COMP_WORDS[i]}} "* ]]; then
			path=${{path:+$path }}${{COMP_WORDS[i]}}
		else
			n=$((n + 1))
		fi
	done
	_mcsecctl_value "$path" "$prev"
	_mcsecctl_lookup "$path"
	# shellcheck disable=SC2206 # words
	kinds=($mc_args)
	kind=${{kinds[n]:-}}
	[ -z "$mc_value" ] || kind=$mc_value
	case $kind in
	@file | file) mapfile -t COMPREPLY < <(compgen -f -- "$cur") && return ;;
	@folder | folder) mapfile -t COMPREPLY < <(compgen -d -- "$cur") && return ;;
	@none | none) return ;;
	group) list=$(_mcsecctl_groups) ;;
	alg) list='{" ".join(names_of("kalg_names", ""))}' ;;
	'') list=$mc_words ;;
	*) list=$kind ;;
	esac
	[ -n "$path" ] || list+=' {ALL_OPTIONS}'
	[ -n "$path" ] || [ "$prev" != help ] || list+=' {" ".join(TOPICS)}'
	mapfile -t COMPREPLY < <(compgen -W "$list" -- "$cur")
}}
complete -F _mcsecctl mcsecctl
"""


def for_zsh(commands):
    described = "\n".join(f'\t"{n}:{h}"' for n, _, h, *_ in TABLE)
    return f"""#compdef mcsecctl
{HEAD}
{GROUPS}
{lookup(commands)}

_mcsecctl() {{
	local at='' kind i n=0 prev mc_words mc_args mc_value
	local -a described list given kinds
	described=(
{described}
	)
	given=("${{(@)words[2,CURRENT-1]}}")
	prev=${{words[CURRENT-1]}}
	case $prev in
	-n | --netns) _files -W /run/netns && return ;;
	-s | --socket) _files && return ;;
	--color) compadd {COLORS} && return ;;
	esac
	for ((i = 1; i <= $#given; i++)); do
		case ${{given[i]}} in
		-n | --netns | -s | --socket | --color)
			[[ -n $at ]] || {{ i=$((i + 1)); continue; }}
			;;
		help) [[ -n $at ]] || continue ;;
		-*) continue ;;
		esac
		_mcsecctl_lookup "$at"
		if [[ $n -eq 0 && -z $mc_args && " $mc_words " == *" ${{given[i]}} "* &&
			$at != *' '* ]]; then
			at=${{at:+$at }}${{given[i]}}
		else
			n=$((n + 1))
		fi
	done
	_mcsecctl_value "$at" "$prev"
	_mcsecctl_lookup "$at"
	kinds=(${{=mc_args}})
	kind=${{kinds[n+1]}}
	[[ -z $mc_value ]] || kind=$mc_value
	case $kind in
	@file | file) _files; return ;;
	@folder | folder) _files -/; return ;;
	@none | none) return 1 ;;
	group) list=(${{(f)"$(_mcsecctl_groups)"}}) ;;
	alg) list=({" ".join(names_of("kalg_names", ""))}) ;;
	'') list=(${{=mc_words}}) ;;
	*) list=(${{=kind}}) ;;
	esac
	if [[ -z $at ]]; then
		_describe command described
		list=({ALL_OPTIONS})
		[[ $prev != help ]] || list=({" ".join(TOPICS)})
	fi
	compadd -- $list
}}
_mcsecctl "$@"
"""


def quoted(text):
    return text.replace("\\", "\\\\").replace("'", "\\'")


def for_fish(commands):
    out = [HEAD.rstrip(), """
function __mcsecctl_groups
	begin; mcsecctl -j group show; mcsecctl -j status; end 2>/dev/null |
		string match -arg '"name":"([^"]*)"'
end

# The words before the cursor without options, and without help at the start
function __mcsecctl_words
	set -l skip 0
	set -l n 0
	for word in (commandline -opc)[2..]
		if test $skip = 1
			set skip 0
		else if contains -- $word -n --netns -s --socket --color
			set skip 1
		else if not string match -q -- '-*' $word
			test $n = 0 -a $word = help; or echo $word
			set n 1
		end
	end
end

# COMMAND...: are these the words, with any others behind them?
function __mcsecctl_at
	set -l words (__mcsecctl_words)
	set -l n (count $argv)
	test (count $words) -ge $n; or return 1
	test $n = 0; or test "$words[1..$n]" = "$argv"
end

# NUMBER COMMAND...: are these the words, and as many others behind them?
function __mcsecctl_arg
	set -l words (__mcsecctl_words)
	test (count $words) = (math (count $argv) - 1 + $argv[1])
	and __mcsecctl_at $argv[2..]
end

# WORD...: is the last word none of these, each of which takes a value?
function __mcsecctl_free
	not contains -- (commandline -opc)[-1] $argv
end

# NUMBER COMMAND...: are these the words, and as many others or more behind them?
function __mcsecctl_past
	set -l words (__mcsecctl_words)
	test (count $words) -ge (math (count $argv) - 1 + $argv[1])
	and __mcsecctl_at $argv[2..]
end

complete -c mcsecctl -f
"""]
    first = "__mcsecctl_arg 0"
    for letter, (long, text) in OPTIONS.items():
        takes = {"-n": " -x -a '(ls /run/netns 2>/dev/null)'", "-s": " -r",
                 "": f" -x -a '{COLORS}'"}
        short = f"-s {letter[1]} " if letter else ""
        out.append(f"complete -c mcsecctl -n '{first}' {short}"
                   f"-l {long[2:]} -d '{quoted(text)}'{takes.get(letter, '')}")
    out.append("complete -c mcsecctl -n 'contains -- (commandline -opc)[-1] help' "
               f"-a '{' '.join(TOPICS)}'")
    for name, _, text, *_ in TABLE:
        out.append(f"complete -c mcsecctl -n '{first}' -a {name} "
                   f"-d '{quoted(text)}'")
    for c in flat(commands):
        if c.subs:
            out.append(f"complete -c mcsecctl -n '__mcsecctl_arg 0 {c.path}' "
                       f"-a '{' '.join(c.subs)}'")
            continue
        takers = [w[0] for w in c.words if value_of(w)]
        for i, kind in enumerate(c.positions):
            what = {"group": "-a '(__mcsecctl_groups)'", "file": "-F",
                    "folder": "-a '(__fish_complete_directories)'",
                    "alg": f"-a '{' '.join(names_of('kalg_names', ''))}'"}
            if kind:
                out.append(f"complete -c mcsecctl -n '__mcsecctl_arg {i} {c.path}'"
                           f" {what[kind]}")
        if c.words:
            words = " ".join(w for w, _, _ in c.words)
            out.append(f"complete -c mcsecctl -n '__mcsecctl_past "
                       f"{len(c.positions)} {c.path}; and __mcsecctl_free "
                       f"{' '.join(takers)}' -a '{words}'")
        for word in c.words:
            value = value_of(word)
            if value in ("", "@none"):
                continue
            what = {"@file": "-F", "@folder":
                    "-a '(__fish_complete_directories)'"}.get(
                        value, f"-a '{value}'")
            out.append(f"complete -c mcsecctl -n '__mcsecctl_at {c.path}; and not "
                       f"__mcsecctl_free {word[0]}' {what}")
    return "\n".join(out) + "\n"


def main():
    commands = [Command(r) for r in TABLE]
    made = {"mcsecctl.bash": for_bash(commands), "_mcsecctl": for_zsh(commands),
            "mcsecctl.fish": for_fish(commands)}
    bad = 0
    for name, text in made.items():
        path = HERE / name
        if sys.argv[1:] != ["--check"]:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(f"tools/completion/{name} is not what the tables of mcsecctl "
                  "say: run tools/completion/generate.py")
            bad = 1
    return bad


sys.exit(main())
