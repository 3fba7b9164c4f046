# SPDX-License-Identifier: Apache-2.0
"""A comment is a sentence with a subject.

A reader who looks for one comment does not read those around it, so that one
which begins with a pronoun ("It is then ...", "Nor may ...", "Of a group: ...")
cannot be understood where it stands. This program reads the comments of all C
code, and refuses

  - a comment, or the description of a member in kernel-doc, that begins with a
    word that stands in for a subject (STAND_INS, and BEFORE_A_VERB if a verb
    follows);
  - a comment of more than three words on lines of its own that does not begin
    with a capital letter, or does not end with a full stop. A name that the code
    or a library has may begin it as it is spelled, and a list of "@name: ..." or
    lines that are indented by a tab may end it.

Dividers (---- like this ----), generated files and licence lines are left out.

	tools/style/comments.py			all C files
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

SOURCES = ("daemon", "kmod", "selftests", "tools", "uapi")
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
		alone = not text[start:m.start()].strip()
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
	for line, alone, doc, text in comments(source):
		if not text or "SPDX-" in text or re.match(r"-{3,}|={3,}", text):
			continue
		word = stand_in(text)
		if word:
			yield line, f'begins with "{word}", which has no noun'
		for m in MEMBER.finditer(text) if doc else ():
			word = stand_in(m[2])
			if word:
				yield line, f'"@{m[1]}: {word}" has no noun'
		if not alone or doc or len(text.split()) <= 3:
			continue
		if not begins_well(text):
			yield line, "does not begin with a capital letter"
		if not ends_well(text) and not text.startswith("@"):
			yield line, "does not end with a full stop"


def main():
	files = sys.argv[1:] or [
		f for f in subprocess.run(
			["git", "ls-files", "--cached", "--others",
			 "--exclude-standard", "--", *SOURCES], check=True,
			capture_output=True, text=True).stdout.splitlines()
		if f.endswith((".c", ".h")) and os.path.exists(f)]
	files = [f for f in files if not GENERATED.search(f)]
	if not files:
		sys.exit("comments: no C file was found")
	bad = 0
	for path in files:
		for line, what in complaints(path):
			bad = 1
			print(f"{path}:{line}: the comment {what}")
	sys.exit(bad)


main()
