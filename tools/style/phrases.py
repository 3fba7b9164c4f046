#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Lines of the log, and the phrases of Documentation/logging.rst:

- every line of the daemon and of the module begins with a phrase that the page
  has, at a level that the page has for it, and every phrase is in some line;
- what a line is about, a group or an IKE SA, is put in front by one macro;
- SPIs have one form, which is that of SPI_FMT;
- events of the audit trail are those of the page;
- a refusal of the module is a sentence without a capital and a full stop.
"""
import pathlib
import re
import sys

DOCUMENT = pathlib.Path("Documentation/logging.rst")
STRING = r'"(?:[^"\\]|\\.)*"'
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
FORMAT = re.compile(rf"(?:\s*(?:{STRING}|PRI\w+|SPI_FMT))+")
CALL = re.compile(r"\b(log|group|sa|pr|note)_(err|warn|info|debug|line|group|"
                  r"stranger|member)\(")
EXTACK = re.compile(r"\b(?:(?:NL|GENL)_SET_ERR_MSG\w*|refuse)\(")
# The level is the first or second argument of these.
BY_LEVEL = {"log_line": 0, "log_group": 0, "log_stranger": 1, "log_member": 1}
# A helper hands on the level and the words that its callers give.
HANDED_ON = {("daemon/gcks/notice.c", "log_line")}
LEVELS = {"err", "warn", "info", "debug"}
bad = 0


def report(text):
    global bad
    bad = 1
    print(text)


def without_comments(text):
    """Blanks in place of comments, so that places stay."""
    return re.sub(rf"{STRING}|'(?:[^'\\]|\\.)'|//[^\n]*|/\*.*?\*/",
                  lambda m: m.group(0) if m.group(0)[0] in "\"'" else
                  re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.S)


def arguments(text, at):
    """What is between the parenthesis before @at and its end, in parts."""
    parts, depth, begin = [], 1, at
    while depth:
        quoted = re.compile(rf"{STRING}|'(?:[^'\\]|\\.)'").match(text, at)
        if quoted:
            at = quoted.end()
            continue
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1,
                  "}": -1}.get(text[at], 0)
        if (text[at] == "," and depth == 1) or not depth:
            parts.append(text[begin:at].strip())
            begin = at + 1
        at += 1
    return parts


def calls(path, pattern):
    text = without_comments(path.read_text())
    for match in pattern.finditer(text):
        line = text[text.rfind("\n", 0, match.start()) + 1:match.start()]
        if line.lstrip().startswith("#define") or re.match(r"[a-z]", line):
            continue  # a macro, or the definition of a function
        yield (match.group(0)[:-1], text.count("\n", 0, match.start()) + 1,
               arguments(text, match.end()))


def beginnings(name, args):
    """Level of a line, and what it can begin with."""
    kind, level = name.split("_", 1)
    if name in BY_LEVEL:
        level = args[BY_LEVEL[name]].removeprefix("LOG_LEVEL_").lower()
        args = args[BY_LEVEL[name] + 1:]
    if name == "log_group" or kind in ("group", "sa"):
        args = args[1:]
    for i, arg in enumerate(args):
        if FORMAT.fullmatch(arg):
            break
    else:
        return level, []
    form = "".join(LITERAL.findall(arg))
    if kind == "pr":
        if not form.startswith("mcsec: "):
            return level, []
        form = form.removeprefix("mcsec: ")
    if not form.startswith("%s"):
        return level, [form]
    # one of several phrases, all of which stand in the next argument
    return level, [s + form[2:] for s in
                   LITERAL.findall("".join(args[i + 1:i + 2]))]


def rows(title):
    """First two cells of the rows of the tables below @title."""
    text = DOCUMENT.read_text()
    begin = re.search(rf"^{title}\n=+\n", text, re.M)
    if not begin:
        sys.exit(f"phrases: {DOCUMENT} has no {title}")
    text = text[begin.end():]
    end = re.search(r"^\S.*\n===+\n", text, re.M)
    return re.findall(r"^   \* - ``(.+?)``\n     - (.+)$",
                      text[:end.start()] if end else text, re.M)


def check_lines(said):
    used, lines = set(), 0
    files = [*pathlib.Path("daemon").rglob("*.c"),
             *pathlib.Path("kmod").rglob("*.[ch]")]
    for path in sorted(files):
        for name, number, args in calls(path, CALL):
            if (str(path), name) in HANDED_ON and args[0] == "level":
                continue
            lines += 1
            level, begins = beginnings(name, args)
            if "group %s" in args[0] or "IKE SA %s" in args[0]:
                report(f"{path}:{number}: what it is about is for group_{level}"
                       f"() or sa_{level}() to say")
            if not begins:
                report(f"{path}:{number}: begins with no words of ours")
            for begin in begins:
                found = [p for p in said
                         if re.match(re.escape(p) + r"(:|\\n|$)", begin)]
                if not found:
                    report(f"{path}:{number}: {begin[:60]!r} is no phrase of "
                           f"{DOCUMENT}")
                for phrase in found:
                    used.add((phrase, level))
                    if level not in said[phrase]:
                        report(f"{path}:{number}: {phrase!r} at level {level}, "
                               f"of which {DOCUMENT} does not know")
    if not lines:
        sys.exit("phrases: no line was found")
    for phrase, levels in said.items():
        for level in levels:
            if (phrase, level) not in used:
                report(f"{DOCUMENT}: no line begins with {phrase!r} at level "
                       f"{level}")


def check_spis():
    for folder in ("daemon", "tools"):
        for path in sorted(pathlib.Path(folder).rglob("*.[ch]")):
            text = without_comments(path.read_text())
            for match in re.finditer(r'%08(x|" PRIx32)', text):
                line = text[text.rfind("\n", 0, match.start()) + 1:
                            text.find("\n", match.end())]
                if "#define SPI_FMT" in line or "key_digests" in str(path):
                    continue
                report(f"{path}:{text.count(chr(10), 0, match.start()) + 1}: "
                       "SPIs are printed by SPI_FMT")


def check_audit(events):
    used = set()
    pattern = re.compile(r"\b(?:gmc_audit|audit_as|app_note_event|app_note_changes)\(")
    place = {"gmc_audit": 3, "audit_as": 1, "app_note_event": 1,
             "app_note_changes": 1}
    paths = [*pathlib.Path("daemon/gcks").glob("*.c"),
             *pathlib.Path("daemon/app").glob("*.c")]
    for path in sorted(paths):
        for name, number, args in calls(path, pattern):
            event = args[place[name]]
            words = LITERAL.findall(event)
            used.update(words)
            for word in words:
                if word not in events:
                    report(f"{path}:{number}: {word!r} is no event of "
                           f"{DOCUMENT}")
    for event in events:
        if event not in used:
            report(f"{DOCUMENT}: the audit trail has no event {event!r}")


def check_refusals():
    seen = 0
    for path in sorted(pathlib.Path("kmod").glob("*.c")):
        for _, number, args in calls(path, EXTACK):
            words = [a for a in args if FORMAT.fullmatch(a)]
            for word in words:
                word = "".join(LITERAL.findall(word))
                seen += 1
                if not re.match(r"(?!it )[a-z]", word) or word[-1] in ".!\n":
                    report(f"{path}:{number}: {word!r} is not \"what: why\"")
    if not seen:
        sys.exit("phrases: no refusal was found")


def main():
    said = {}
    for phrase, levels in rows("Phrases"):
        said[phrase] = set(levels.split(", "))
        if not said[phrase] <= LEVELS:
            report(f"{DOCUMENT}: levels of {phrase!r}: {levels}")
    if not said:
        sys.exit("phrases: no phrase was found")
    check_lines(said)
    check_spis()
    check_audit([event for event, _ in rows("Audit trail")])
    check_refusals()
    sys.exit(bad)


main()
