# SPDX-License-Identifier: Apache-2.0
"""The name of a check stands alone.

A log shows one line of TAP without those around it, so that a name which begins
in the middle of a sentence ("it is counted", "and gone") does not tell what
failed. This program refuses names that begin with a word that leans on the line
before, or with punctuation, in tests in shell and in C; and names that are one
word, or a few behind a preposition ("printed", "by one rekey"), unless a function
or a "subject: " says whose they are.

	tools/style/testnames.py		all tests
	tools/style/testnames.py --list FILE...	the names in files, with lines

A function that hands its own argument on as a name is recognised, and the names
that it is called with are checked as well.
"""

import re
import subprocess
import sys

# Words that have no meaning without a sentence before them
LEANING = set("""also and as but either else even he her hers here his however
	instead it its it's likewise meanwhile neither nor not of ones or
	otherwise she so still than that that's their them then these they
	this those though thus too what which who whose yet""".split())
# Words that are no beginning behind "subject: " either
JOINING = set("also and but it neither nor or so still then too".split())
# First words of fragments
PREPOSITIONS = set("at by for from in into on until while with without".split())
SHELL = {"is": 1, "like": 1, "not_ok": 1, "ok": 1, "refuse": 1, "section": 1,
	 "skip": 1, "try": 1, "unlike": 1}
C = {"is_int": 3, "is_mem": 5, "is_str": 3, "ok": 2, "section": 1, "skip": 1}
SOURCES = ("selftests/*.sh", "selftests/*.c", "selftests/*.h", "tools/demo.d/*")
# Words after which a command begins
BEFORE = {"!", "do", "else", "elif", "if", "then", "time", "until", "while", "{"}


def shell_word(text, at):
	"""The end of the word that begins at @at."""
	while at < len(text):
		c = text[at]
		if c == "\\":
			at += 2
		elif c == "'":
			at = text.index("'", at + 1) + 1
		elif c == '"':
			at = shell_quote(text, at + 1)
		elif text.startswith("$'", at):
			at += 2
			while text[at] != "'":
				at += 2 if text[at] == "\\" else 1
			at += 1
		elif text.startswith("$(", at) or text.startswith("<(", at) or \
				text.startswith(">(", at):
			at = shell_nested(text, at + 2, "(", ")")
		elif text.startswith("${", at):
			at = shell_nested(text, at + 2, "{", "}")
		elif c in " \t\n;&|()<>":
			break
		else:
			at += 1
	return at


def shell_quote(text, at):
	while text[at] != '"':
		if text[at] == "\\":
			at += 2
		elif text.startswith("$(", at):
			at = shell_nested(text, at + 2, "(", ")")
		elif text.startswith("${", at):
			at = shell_nested(text, at + 2, "{", "}")
		else:
			at += 1
	return at + 1


def shell_nested(text, at, opening, closing):
	depth = 1
	while depth:
		c = text[at]
		if c == "\\":
			at += 1
		elif c == "'" and opening == "(":
			at = text.index("'", at + 1)
		elif c == '"':
			at = shell_quote(text, at + 1) - 1
		elif c == opening:
			depth += 1
		elif c == closing:
			depth -= 1
		at += 1
	return at


def shell_commands(text):
	"""Simple commands: (offset, words), each word as it is written."""
	at, words, start, pending = 0, [], 0, []
	while at < len(text):
		c = text[at]
		if text.startswith("\\\n", at):
			at += 2
			continue
		if c == "#":
			at = text.find("\n", at)
			if at < 0:
				break
			continue
		if text.startswith("<<<", at):
			at += 3
			continue
		match = re.compile(r"<<(-?)\s*(\\?)(['\"]?)(\w+)\3").match(text, at)
		if match:
			pending.append((match[1], match[4]))
			at = match.end()
			continue
		if c in "\n;&|()" or c in "<>" and text[at + 1] != "(":
			if c in "<>":
				# A redirection is not the end of a command.
				at += 1
				while at < len(text) and text[at] in "<>&|- \t":
					at += 1
				at = shell_word(text, at)
				continue
			if words:
				yield start, words
			words = []
			at += 1
			if c == "\n":
				for dash, end in pending:
					while True:
						stop = text.find("\n", at)
						stop = len(text) if stop < 0 else stop
						line = text[at:stop]
						at = stop + 1
						if (line.lstrip("\t") if dash else
								line) == end or \
								at > len(text):
							break
				pending = []
			continue
		if c in " \t":
			at += 1
			continue
		end = max(shell_word(text, at), at + 1)
		word = text[at:end]
		if not words:
			start = at
		if words or word not in BEFORE:
			words.append(word)
		at = end
	if words:
		yield start, words


def shell_plain(word):
	"""A word without the quotes around its parts."""
	out, at = "", 0
	while at < len(word):
		c = word[at]
		if c == "'":
			end = word.index("'", at + 1)
			out += word[at + 1:end]
			at = end + 1
		elif c == '"':
			end = shell_quote(word, at + 1)
			out += re.sub(r"\\(\n|(.))", r"\2", word[at + 1:end - 1])
			at = end
		elif c == "\\":
			out += word[at + 1:at + 2].strip("\n")
			at += 2
		else:
			out += c
			at += 1
	return out


def shell_functions(text):
	"""Names of functions, with where their bodies begin and end."""
	for match in re.finditer(r"^(\w+)\(\)\s*\{", text, re.MULTILINE):
		line_end = text.find("\n", match.end())
		one_line = text[match.end():line_end].rstrip().endswith("}")
		end = line_end if one_line else text.find("\n}", match.end())
		yield match[1], match.end(), end


def shell_helpers(text, known):
	"""Functions whose argument is a name: {function: number of argument}."""
	out = {}
	for name, start, end in shell_functions(text):
		if name in SHELL:
			continue
		body = text[start:end]
		given = dict(re.findall(r"\b(\w+)=\"?\$\{?(\d)\b", body))
		for _, words in shell_commands(body):
			if words[0] not in known or len(words) <= known[words[0]]:
				continue
			got = shell_plain(words[known[words[0]]])
			match = re.match(r"\$\{?(\w+)", got)
			if not match:
				continue
			number = match[1] if match[1].isdigit() else \
				given.get(match[1])
			if number:
				out[name] = int(number)
	return out


def shell_names(text, known):
	for at, words in shell_commands(text):
		n = known.get(words[0])
		if n and len(words) > n:
			name = shell_plain(words[n])
			yield text.count("\n", 0, at) + 1, words[0], name


def c_arguments(text, at):
	"""The arguments of a call whose bracket opens before @at."""
	out, depth, start = [], 1, at
	while depth:
		c = text[at]
		if c in "\"'":
			end = at + 1
			while text[end] != c:
				end += 2 if text[end] == "\\" else 1
			at = end
		elif c in "([{":
			depth += 1
		elif c in ")]}":
			depth -= 1
		if depth == 0 or depth == 1 and c == ",":
			out.append(text[start:at].strip())
			start = at + 1
		at += 1
	return out


def c_calls(text, known):
	for match in re.finditer(r"\b(\w+)\(", text):
		if match[1] not in known:
			continue
		line = text[text.rfind("\n", 0, match.start()) + 1:match.start()]
		if line.lstrip().startswith(("*", "#define", "//")):
			continue
		yield match.start(), match[1], c_arguments(text, match.end())


def c_helpers(text, known):
	"""Functions whose argument is a name: {function: number of argument}."""
	out = {}
	for match in re.finditer(r"^(?:[\w*][\w\s*]*?)\b(\w+)\(([^;{}]*)\)\n\{",
				 text, re.MULTILINE):
		name, head = match[1], match[2]
		if name in C:
			continue
		given = [re.sub(r".*?(\w+)(\[.*)?$", r"\1", p.strip(),
				flags=re.DOTALL) for p in head.split(",")]
		body = text[match.end():text.find("\n}", match.end())]
		for _, call, args in c_calls(body, known):
			args = args[known[call] - 1:]
			if args and re.match(r'"%s', args[0]):
				args = args[1:]
			if args and args[0] in given:
				out[name] = given.index(args[0]) + 1
	return out


def c_names(text, known):
	for at, call, args in c_calls(text, known):
		args = args[known[call] - 1:]
		if not args:
			continue
		name, line = args[0], text.count("\n", 0, at) + 1
		if not name.startswith('"') and "?" not in name:
			continue
		strings = re.findall(r'"((?:[^"\\]|\\.)*)"', name)
		for branch in (re.findall(r'[?:]\s*"((?:[^"\\]|\\.)*)', name)
			       if "?" in re.sub(r'"(?:[^"\\]|\\.)*"', "", name)
			       else ["".join(strings)]):
			if branch:
				yield line, call, branch


def first_word(text):
	word = re.match(r"[A-Za-z']+", text)
	return word[0].lower() if word else ""


def leans(name):
	"""Does a name begin badly, or what follows the subject in front of it?"""
	subject, _, rest = name.partition(": ")
	return first_word(subject) in LEANING or first_word(rest) in JOINING or \
		not re.match(r"[\w$%/\\\"<(\[-]|::\w|$", name)


def is_fragment(call, name):
	"""Is a name too little for a sentence? Functions of tests have their own."""
	words = name.split()
	if call == "section" or call not in C and call not in SHELL or \
			re.search(r": |[$%]s?\b", name):
		return False
	return re.fullmatch(r"[a-z]+(-[a-z]+)?", name) is not None or \
		1 < len(words) <= 4 and words[0] in PREPOSITIONS


def names_of(paths):
	"""(path, line, function, name) of every check in files."""
	text = {p: open(p, encoding="utf-8").read() for p in paths}
	shell = [p for p in paths if not p.endswith((".c", ".h"))]
	code = [p for p in paths if p.endswith((".c", ".h"))]
	shared = dict(SHELL)
	for p in shell:
		if not re.search(r"/[0-9][^/]*$", p):
			for _ in range(2):
				shared.update(shell_helpers(text[p], shared))
	for p in shell:
		known = dict(shared)
		for _ in range(3):
			known.update(shell_helpers(text[p], known))
		for found in shell_names(text[p], known):
			yield (p, *found)
	shared = dict(C)
	for p in code:
		if "/test_" not in p:
			shared.update(c_helpers(text[p], shared))
	for p in code:
		known = dict(shared)
		for _ in range(3):
			known.update(c_helpers(text[p], known))
		for found in c_names(text[p], known):
			yield (p, *found)


def main():
	paths = sys.argv[1:]
	listing = paths[:1] == ["--list"]
	paths = paths[listing:] or [p for p in subprocess.run(
		["git", "ls-files", "--", *SOURCES], check=True,
		capture_output=True, text=True).stdout.split()
		if not p.endswith((".py", ".jq"))]
	bad = 0
	for path, line, call, name in names_of(paths):
		if listing:
			print(f"{path}:{line}: {call}: {name}")
		elif leans(name) or is_fragment(call, name):
			print(f"{path}:{line}: the name does not stand alone: {name}")
			bad = 1
	sys.exit(bad)


if __name__ == "__main__":
	main()
