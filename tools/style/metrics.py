#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
What is counted and what Documentation/counters.rst says of it: every metric of
a table is explained behind ".. metrics: TABLE", and nothing else is. The kernel's
table has what kmod/stats.h counts, in its order. The list of the man page is made
of that table: "--write" does so, and without it the list is compared.
"""
import pathlib
import re
import sys

DOCUMENT = pathlib.Path("Documentation/counters.rst")
TABLE = re.compile(r"^const struct metric (\w+)\[\] = \{\n(.*?)^\};", re.M | re.S)
# { "name", METRIC_KIND, "help", where it is }, or COUNTER("name", "help")
ENTRY = re.compile(
    r'^\t(?:\{ |COUNTER\()"([^"]+)",(?: METRIC_\w+,)?\s*"((?:[^"\\]|\\.)*)"', re.M)
MAN = pathlib.Path("Documentation/man/mcsec.7")
MAN_LIST = re.compile(r'(^\.\\" begin: tools/style/metrics.py --write\n)(.*?)'
                      r'(^\.\\" end\n)', re.M | re.S)
MARK = re.compile(r"^\.\. metrics: (\w+)$")
TERM = re.compile(r"^``[a-z0-9-]+``(?:, ``[a-z0-9-]+``)*$")
bad = 0
texts = {}


def report(text):
    global bad
    bad = 1
    print(text)


def tables():
    found = {}
    for path in sorted(pathlib.Path("daemon").rglob("metrics.c")):
        for match in TABLE.finditer(path.read_text()):
            name, body = match.groups()
            entries = ENTRY.findall(body)
            if len(entries) != len(re.findall(r'^\t[{C].*"', body, re.M)):
                report(f"{path}: {name}: an entry is not understood here")
            for entry, words in entries:
                if not re.match(r"[A-Z].*\.$", words):
                    report(f'{path}: "{entry}": "{words}" is no sentence')
            texts[name] = [(entry, re.sub(r'"\s+"', "", words))
                           for entry, words in entries]
            names = [entry for entry, _ in entries]
            for entry in sorted({n for n in names if names.count(n) > 1}):
                report(f'{path}: {name}: "{entry}" is there twice')
            found[name] = names
    return found


def documented():
    found = {}
    table = None
    for line in DOCUMENT.read_text().splitlines():
        mark = MARK.match(line)
        if mark:
            table = mark.group(1)
            found.setdefault(table, [])
        elif table and TERM.match(line):
            found[table] += re.findall(r"``([a-z0-9-]+)``", line)
    found.pop("end", None)
    return found


def check_man(write):
    """The list of the module's counters in the man page."""
    text = MAN.read_text()
    if not MAN_LIST.search(text):
        sys.exit(f"metrics: {MAN} has no place for the counters")
    rows = "".join(f".TP\n.B {name}\n{words}\n".replace("-", "\\-")
                   for name, words in texts["kernel_metrics"])
    new = MAN_LIST.sub(lambda m: f"{m[1]}.PD 0\n{rows}.PD\n{m[3]}", text)
    if write:
        MAN.write_text(new)
    elif new != text:
        report(f"{MAN}: not the counters of kernel_metrics; run "
               "tools/style/metrics.py --write")


def main():
    if sys.argv[1:] not in ([], ["--write"]):
        sys.exit(__doc__)
    have, said = tables(), documented()
    kernel = re.findall(r'X\(\w+, "([^"]+)"\)',
                        pathlib.Path("kmod/stats.h").read_text())
    if not have or not kernel:
        sys.exit("metrics: no table was found")
    if have.get("kernel_metrics") != kernel:
        report("daemon/kernel/metrics.c: not what kmod/stats.h counts: "
               + ", ".join(sorted(set(kernel)
                                  ^ set(have.get("kernel_metrics", [])))))
    for table in sorted(set(have) | set(said)):
        for name in have.get(table, []):
            if name not in said.get(table, []):
                report(f'{DOCUMENT}: nothing of "{name}" of {table}')
        for name in said.get(table, []):
            if name not in have.get(table, []):
                report(f'{DOCUMENT}: "{name}" is not in {table}')
    check_man("--write" in sys.argv)
    sys.exit(bad)


main()
