#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Which files of one folder need each other in a circle, so that none of them can
be understood, tested or moved without the others.

The linker knows who uses whose functions and data, also where no header shows
it (a prototype in a header of all, a table of functions by name). Each folder of
daemon/, tools/mcsecctl and the module is one graph of its objects; an arrow goes
to the file that defines what another one names. A function that is handed over at
run time (the operations of whoever uses a part, the function of a timer) makes no
arrow at the one that is given it: that is the way to call up.

Prints each cycle with the names that make it, and fails if there is one that is
neither in CANNOT nor in KNOWN. Folders have no cycles among themselves, since
arrows.py lets includes point down only.
"""

import collections
import fcntl
import os
import pathlib
import subprocess
import sys

CACHE = os.environ.get("MCSEC_CACHE", "/var/cache/mcsec")

# Arrows that do not count, since they cannot be otherwise: what is named, or the
# file that names it.
CANNOT = {
    # Generic netlink multicasts an event by the family, which is where the
    # handlers of all requests hang: who tells of a group needs what changes it.
    "mcsec_nl_family",
    # ynl-gen-c writes the policies, which the family needs, and the table of
    # operations, which needs the family's handlers, into one file.
    "kmod/netlink-gen",
}

# Cycles that stand and are to go. Files are taken off, none is put on.
KNOWN = []


def symbols(paths):
    """For each object what it defines for others, and what it needs."""
    # One program for all: starting it costs more than reading an object.
    out = subprocess.run(["nm", "-A", "-P", "-g"] + [str(p) for p in paths],
                         check=True, capture_output=True, text=True).stdout
    found = {str(p): (set(), set()) for p in paths}
    for line in out.splitlines():
        path, name, kind = line.split()[:3]
        defines, needs = found[path.removesuffix(":")]
        (needs if kind in "Uwv" else defines).add(name)
    return found


def graph(objects):
    """{object: {object that it needs: names}} of {name: path}"""
    owner, needs = {}, {}
    found = symbols(objects.values()) if objects else {}
    for name, path in objects.items():
        defines, needs[name] = found[str(path)]
        for symbol in defines:
            owner[symbol] = name
    arrows = {}
    for name in objects:
        to = arrows[name] = collections.defaultdict(set)
        if name in CANNOT:
            continue
        for symbol in needs[name] - CANNOT:
            if owner.get(symbol, name) != name:
                to[owner[symbol]].add(symbol)
    return arrows


def components(arrows):
    """Tarjan's strongly connected components of more than one node."""
    index, low, stack, found = {}, {}, [], []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        for w in arrows[v]:
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in stack:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            part = stack[stack.index(v):]
            del stack[-len(part):]
            if len(part) > 1:
                found.append(sorted(part))

    for v in sorted(arrows):
        if v not in index:
            visit(v)
    return found


def report(cycle, arrows):
    print(f"a cycle of {len(cycle)} files: {' '.join(cycle)}")
    for a in cycle:
        for b in sorted(set(arrows[a]) & set(cycle)):
            print(f"    {a} -> {b}: {', '.join(sorted(arrows[a][b]))}")


def userspace():
    """For each folder {file without .c: object}"""
    # From the sources: the object of a file that is gone may still lie there.
    for top in sorted(pathlib.Path("daemon").iterdir()) + [
            pathlib.Path("tools/mcsecctl")]:
        if top.is_dir():
            yield {str(c.with_suffix("")): "build/obj" / c.with_suffix(".o")
                   for c in sorted(top.glob("*.c"))}


def module():
    """Arrows of the module, while no other clone builds in its place."""
    objects = pathlib.Path(CACHE, "objects", "stock")
    own = f"{os.stat('kmod').st_ino} {os.getcwd()}/kmod"
    for _ in range(5):
        done = subprocess.run(["selftests/guest/module", "stock"],
                              capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        with open(f"{objects}.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if (objects / "clone").read_text().strip() != own:
                continue
            # a file of another build, as the selftest's, has no object here
            files = {str(c.with_suffix("")): objects / c.with_suffix(".o")
                     for c in sorted(pathlib.Path("kmod").glob("*.c"))}
            return graph({f: o for f, o in files.items() if o.exists()})
    sys.exit("cycles: other clones build the module all the time, try again")


def main():
    subprocess.run(["make", "-s", f"-j{os.cpu_count()}", "userspace"],
                   check=True, stdout=subprocess.DEVNULL)
    known = {frozenset(k.split()): 0 for k in KNOWN}
    bad, files = 0, 0
    for arrows in [graph(o) for o in userspace()] + [module()]:
        files += len(arrows)
        for cycle in components(arrows):
            within = [k for k in known if k >= set(cycle)]
            for k in within:
                known[k] += 1
            if not within:
                bad += 1
                report(cycle, arrows)
    for k, seen in known.items():
        if not seen:
            bad += 1
            print(f"gone, take it off KNOWN: {' '.join(sorted(k))}")
    if not files:
        sys.exit("cycles: no objects were found")
    sys.exit(bad > 0)


main()
