#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Documentation/conformance-rfc9838.rst names a test for each requirement, as
``program: test``; this program checks that each of them exists and is called. A
test that is named after a section of an RFC has to be in the document, so that
neither of the two goes without the other.
"""
import pathlib
import re
import sys

DOCUMENT = pathlib.Path("Documentation/conformance-rfc9838.rst")
UNIT = pathlib.Path("selftests/unit")
NAMED = re.compile(r"``([a-z0-9_/-]+): ([A-Za-z0-9_]+)``")
CALL = re.compile(r"^\t+RUN\((?:test_)?(\w+)[,)]", re.M)
SECTION = re.compile(r"(?:test_)?(rfc\d+_\w+)$")
bad = 0


def report(text):
    global bad
    bad = 1
    print(text)


def calls_of(program):
    path = UNIT / f"test_{program}.c"
    return set(CALL.findall(path.read_text())) if path.exists() else None


text = DOCUMENT.read_text()
named = set(NAMED.findall(text))
if not named:
    report(f"{DOCUMENT}: names no test")
for program, test in sorted(named):
    calls = calls_of(program)
    if calls is None:
        report(f"{DOCUMENT}: {program}: no selftests/unit/test_{program}.c")
    elif test not in calls:
        report(f"{DOCUMENT}: {program}: no test {test} is called")
for path in sorted(UNIT.glob("test_*.c")):
    program = path.stem[len("test_"):]
    for test in sorted(calls_of(program)):
        if SECTION.match(test) and (program, test) not in named:
            report(f"{path}: {test} is not in {DOCUMENT}")
sys.exit(bad)
