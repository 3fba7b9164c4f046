# SPDX-License-Identifier: Apache-2.0
"""
Names of static functions, which perf, ftrace, an oops and a backtrace show
without their file: two words or more everywhere, and unique in the module and
in the daemon.
"""
import collections
import pathlib
import re
import sys

DEFINITION = re.compile(
    r"^(?:static|DEFINE_\w+)\b(?![^;{]*=)[^;{()]*?\b(\w+)\((?![^)]*\)\s*;)",
    re.M)
# With an attribute in front, as functions that take a format have it
ATTRIBUTE = re.compile(
    r"^__attribute__\(\(.*?\)\)\)\s+static\b[^;{()]*?\b(\w+)\((?![^)]*\)\s*;)",
    re.M | re.S)
# Entry points that the kernel's macros name, as every module has them
USUAL = {"init", "exit"}
FOLDERS = ("kmod", "daemon", "tools")
# One program each, in which a name stands alone
UNIQUE = {"kmod", "daemon"}


def check(folder):
    where = collections.defaultdict(set)
    for path in sorted(pathlib.Path(folder).rglob("*.c")):
        text = path.read_text()
        for kind in (DEFINITION, ATTRIBUTE):
            for match in kind.finditer(text):
                if not match.group(1).isupper():
                    where[match.group(1)].add(str(path))
    if not where:
        sys.exit(f"statics: no static function was found in {folder}/")
    bad = 0
    for name, files in sorted(where.items()):
        if "_" not in name and name not in USUAL:
            bad = 1
            print(f"{', '.join(sorted(files))}: {name}(): one word does not "
                  "say whose it is")
        if len(files) > 1 and folder in UNIQUE:
            bad = 1
            print(f"{', '.join(sorted(files))}: {name}(): more than one")
    return bad


def main():
    # each folder is looked at, whatever is wrong in another
    sys.exit(max([check(folder) for folder in FOLDERS]))


main()
