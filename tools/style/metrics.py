#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
What is counted and what Documentation/counters.rst says of it: every metric of
a table is explained behind ".. metrics: TABLE", and nothing else is. The kernel's
table has what kmod/stats.h counts, in its order.
"""
import pathlib
import re
import sys

DOCUMENT = pathlib.Path("Documentation/counters.rst")
TABLE = re.compile(r"^const struct metric (\w+)\[\] = \{\n(.*?)^\};", re.M | re.S)
# { "name", METRIC_KIND, "help", where it is }, or COUNTER("name", "help")
ENTRY = re.compile(
    r'^\t(?:\{ |COUNTER\()"([^"]+)",(?: METRIC_\w+,)?\s*"((?:[^"\\]|\\.)*)"', re.M)
MARK = re.compile(r"^\.\. metrics: (\w+)$")
TERM = re.compile(r"^``[a-z0-9-]+``(?:, ``[a-z0-9-]+``)*$")
bad = 0


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


def main():
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
    sys.exit(bad)


main()
