# SPDX-License-Identifier: Apache-2.0
"""
Names of the module's static functions, which perf, ftrace and an oops show
without their file: two words or more, and unique in the module.
"""
import collections
import pathlib
import re
import sys

DEFINITION = re.compile(
    r"^(?:static|DEFINE_\w+)\b(?![^;{]*=)[^;{()]*?\b(\w+)\((?![^)]*\)\s*;)",
    re.M)
# Entry points that the kernel's macros name, as every module has them
USUAL = {"init", "exit"}


def main():
    where = collections.defaultdict(set)
    for path in sorted(pathlib.Path("kmod").rglob("*.c")):
        for match in DEFINITION.finditer(path.read_text()):
            if not match.group(1).isupper():
                where[match.group(1)].add(str(path))
    if not where:
        sys.exit("statics: no static function was found in kmod/")
    bad = 0
    for name, files in sorted(where.items()):
        if "_" not in name and name not in USUAL:
            bad = 1
            print(f"{', '.join(sorted(files))}: {name}(): one word does not "
                  "say whose it is")
        if len(files) > 1:
            bad = 1
            print(f"{', '.join(sorted(files))}: {name}(): more than one")
    sys.exit(bad)


main()
