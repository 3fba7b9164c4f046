# SPDX-License-Identifier: Apache-2.0
"""A comment is a sentence with a subject, and so is the text of a page.

A reader who looks for one comment does not read those around it, so that one
which begins with a pronoun ("It is then ...", "Nor may ...", "Of a group: ...")
cannot be understood where it stands. This program reads the comments of all C
code, and refuses

  - a comment, or the description of a member in kernel-doc, that begins with a
    word that stands in for a subject (STAND_INS, and BEFORE_A_VERB if a verb
    follows);
  - a comment that is directly followed by another one: what it describes has moved;
  - a comment on lines of its own that does not begin with a capital letter, or
    does not end with a full stop. A name that the code or a library has may
    begin it as it is spelled, and a list of "@name: ..." or lines that are
    indented by a tab may end it.

Dividers (---- like this ----), generated files and licence lines are left out.
In the pages of Documentation and the comments of shell programs it refuses

  - a paragraph, or an item of a list, that begins with a stand-in, and a
    sentence inside of it that begins with one of NEVER;
  - a cell of a list-table, from the column "Meaning" on, that is no sentence: no
    full stop, or a beginning without a subject (PREPOSITIONS).

	tools/style/comments.py			all files
	tools/style/comments.py FILE...		these
"""

import os
import re
import subprocess
import sys

# Words that begin no comment: their noun is in another sentence
STAND_INS = set("""also and but either else hence he her hers him his however
	instead it its it's likewise moreover neither none nor of or otherwise
	she so such that that's their theirs them then they thus too what
	whatever which who whoever whom whose yet those""".split())
# Determiners that are pronouns if one of the VERBS follows
BEFORE_A_VERB = set("another both each one ones others these this".split())
VERBS = set("""also and are can cannot comes could did do does gets goes had has
	have is may might must needs only shall should stays that then to too
	was were which who will would""".split())
# Names in lower case that begin a sentence as they are spelled
NAMES = set("""clang conntrack errno etcd gcc getopt glibc iptables iwd jansson
	libcrypto libmnl libnl mcsec mcsecctl mcsecd netlink nft qemu rtnetlink
	softirq sparse stderr stdin stdio stdout systemd tc tshark xfrm""".split())

# Words that begin no sentence at all
NEVER = set("and but nor none of so what who whose whom".split())
# First words of cells that leave out what they are about
PREPOSITIONS = set("as before by how whether why with without".split())

SOURCES = ("daemon", "kmod", "selftests", "tools", "uapi", "Documentation")
# A table whose rows begin with numbers
INDEXED = {"kmod/selftest/replay.c"}
GENERATED = re.compile(r"(^|/)netlink-gen\.[ch]$|^uapi/linux/mcsec\.h$")

TOKEN = re.compile(r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*"
	| '(?:\\.|[^'\\\n])*'""", re.S | re.X)
MEMBER = re.compile(r"^@([\w.]+(?:, @[\w.]+)*):[ \t\n]*(.*?)(?=\n@|\n\n|\Z)",
		    re.S | re.M)


def comments(text):
	"""Line, whether nothing stands before it, and lines of each comment."""
	for m in TOKEN.finditer(text):
		if not m[0].startswith("/"):
			continue
		start = text.rfind("\n", 0, m.start()) + 1
		end = (text + "\n").index("\n", m.end())
		alone = not text[start:m.start()].strip() and \
			not text[m.end():end].strip()
		body = re.sub(r"^//|^/\*+|\*/$", "", m[0])
		lines = [re.sub(r"^\s*\*(?=\s|$) ?", "", line).rstrip()
			 for line in body.split("\n")]
		lines[0] = lines[0].lstrip()
		yield (text.count("\n", 0, m.start()) + 1, alone,
		       m[0].startswith("/**"), "\n".join(lines).strip())


def stand_in(text):
	"""The word that stands in for the subject of @text, or None."""
	words = re.findall(r"[\w'@()*.:-]+", text.lower())[:2] + ["", ""]
	if words[0] == "neither" and " nor " in text or \
			words[0] == "either" and " or " in text:
		return None
	if words[0] in STAND_INS:
		return words[0]
	if words[0] in BEFORE_A_VERB and words[1] in VERBS:
		return f"{words[0]} {words[1]}"
	return None


def begins_well(text):
	word = re.match(r"\S+", text)[0]
	return (not word[0].islower() or re.match(r"\w+", word)[0] in NAMES or
		re.search(r"[_()\d>]|\w\.\w|-\w+-", word) is not None)


def ends_well(text):
	lines = text.split("\n")
	return (text[-1] in ".?!:" or text.endswith(('."', ".)")) or
		lines[-1].startswith("\t"))


def complaints(path):
	with open(path, encoding="utf-8") as f:
		source = f.read()
	end = None
	for line, alone, doc, text in comments(source):
		# the second of two, unless the first is a licence or a divider
		if alone and end == line and path not in INDEXED:
			yield line, "follows another one, which describes nothing"
		end = None
		if not text or "SPDX-" in text or re.match(r"-{3,}|={3,}", text):
			continue
		word = stand_in(text)
		if word:
			yield line, f'begins with "{word}", which has no noun'
		for m in MEMBER.finditer(text) if doc else ():
			word = stand_in(m[2])
			if word:
				yield line, f'"@{m[1]}: {word}" has no noun'
		if alone:
			end = line + source.split("\n", line - 1)[-1].split(
				"*/")[0].count("\n") + 1
		if not alone or doc:
			continue
		if not begins_well(text):
			yield line, "does not begin with a capital letter"
		if not ends_well(text) and not text.startswith("@"):
			yield line, "does not end with a full stop"


def paragraphs(text):
	"""First line and words of each paragraph and list item of a page."""
	literal = None
	part, at = [], 0
	for n, line in enumerate(text.split("\n") + [""], 1):
		body = line.strip()
		indent = len(line) - len(line.lstrip())
		if literal is not None and (not body or indent > literal):
			continue
		literal = None
		item = re.match(r"([-*] |\d+\. |\* - )", body)
		if part and (not body or item):
			yield at, " ".join(part)
			part = []
		if not body or body.startswith("..") or \
				re.fullmatch(r"([-=~^])\1*[-= ~^]*", body):
			# underlined: a title, and not a paragraph
			if not body.startswith(".."):
				part = []
			elif not re.match(r"\.\. \[|\.\. _", body):
				literal = indent
			continue
		if item:
			body = body[item.end():]
		if not part:
			at = n
		part.append(body)
		if body.endswith("::"):
			yield at, " ".join(part)
			part, literal = [], indent


def page_complaints(path):
	with open(path, encoding="utf-8") as f:
		text = f.read()
	for line, words in paragraphs(text):
		if "  " in re.sub(r"[.:?!]  ", ". ", words):
			continue  # a row of a table
		word = stand_in(words)
		if word and not words.endswith("?"):
			yield line, f'begins with "{word}", which has no noun'
		for m in re.finditer(r"(?<=[a-z)`][.!?] ) ?([A-Z][a-z]*)\b", words):
			if m[1].lower() in NEVER:
				yield line, f'has a sentence that begins with "{m[1]}"'
	for table in re.finditer(r"^\.\. list-table::.*?(?=^\S|\Z)", text,
				 re.S | re.M):
		yield from cell_complaints(text, table)


def cell_complaints(text, table):
	"""Cells of a list-table, which are sentences from "Meaning" on."""
	rows = re.split(r"^   \* (?=- )", table[0], flags=re.M)
	names = [c.strip() for c in re.split(r"^ *- ", rows[1], flags=re.M)[1:]]
	if "Meaning" not in names:
		return
	line = text.count("\n", 0, table.start()) + 1 + \
		rows[0].count("\n") + rows[1].count("\n")
	for row in rows[2:]:
		cells = re.split(r"^ *- ", row, flags=re.M)[1:]
		for cell in cells[names.index("Meaning"):]:
			words = " ".join(cell.split())
			first = words.split(" ")[0].lower()
			if first in PREPOSITIONS or not words.endswith("."):
				yield line, f'"{words}" is no sentence'
		line += row.count("\n")


def shell_complaints(path):
	"""Comments of a shell program on lines of their own, behind its licence."""
	with open(path, encoding="utf-8") as f:
		lines = f.read().split("\n")
	part, at = [], 0
	for n, line in enumerate(lines, 1):
		mark = re.match(r"\s*#(?!!)", line)
		body = line[mark.end():] if mark and "SPDX-" not in line else ""
		if body.strip() and not body.startswith(("\t", " \t")):
			at = at if part else n
			part.append(body.strip())
			continue
		word = stand_in(" ".join(part)) if part else None
		if word:
			yield at, f'begins with "{word}", which has no noun'
		part = []


def is_shell(path):
	if path.endswith(".sh"):
		return True
	if "." in os.path.basename(path):
		return False
	with open(path, "rb") as f:
		return re.match(rb"#!.*sh\b", f.readline()) is not None


def checks(path):
	if path.endswith((".c", ".h")) and not GENERATED.search(path):
		return "comment", complaints
	if path.endswith(".rst"):
		return "text", page_complaints
	if is_shell(path):
		return "comment", shell_complaints
	return None


def main():
	files = sys.argv[1:] or [
		f for f in subprocess.run(
			["git", "ls-files", "--cached", "--others",
			 "--exclude-standard", "--", *SOURCES], check=True,
			capture_output=True, text=True).stdout.splitlines()
		if os.path.exists(f)]
	kinds = {f: checks(f) for f in files}
	for ends in ((".c", ".h"), (".rst",), (".sh",)):
		if not sys.argv[1:] and not any(f.endswith(ends) for f in files):
			sys.exit(f"comments: no file {ends} was found")
	bad = 0
	for path, kind in kinds.items():
		for line, what in kind[1](path) if kind else ():
			bad = 1
			print(f"{path}:{line}: the {kind[0]} {what}")
	sys.exit(bad)


main()
