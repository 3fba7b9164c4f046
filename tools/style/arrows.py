#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Parts may include others, and use libraries, by these tables.

Arrows point down. A part may include what stands right of it and itself; what
is not in the table may not be included. Prints what breaks that, one line
each, and fails if there is any.
"""

import os
import re
import sys

# folder of daemon/ (or file, for main.c): folders that it may include
LOW = "rekey ike wire kernel store conf audit crypto lib"
DAEMON = {
    "main.c": "app ctl gcks member priv " + LOW,
    "priv": "kernel lib",
    "app": "gcks member relay " + LOW,
    "ctl": "gcks member relay " + LOW,
    "gcks": "rekey ike wire store conf crypto lib",  # a key server has no kernel
    "member": LOW,
    "rekey": "wire crypto lib",
    "ike": "wire crypto lib",
    "relay": "wire crypto lib",
    "wire": "crypto lib",
    "kernel": "crypto lib",
    "store": "crypto lib",
    "audit": "crypto lib",
    "conf": "wire crypto lib",
    "crypto": "lib",
    "lib": "",
}

# The only users of a library, by what its headers begin with
LIBRARIES = {
    "openssl/": "crypto",
    "libmnl/": "kernel",
    "netlink/": "kernel",
    "linux/mcsec": "kernel",
    "sqlite3.h": "store",
    "libconfig.h": "conf",
    "seccomp.h": "priv",
}

# part of the module: parts whose header it may include
BASE = "pkt chacha verified header tunnel pmtu timestamp stats deferred compat"
KEYS = "trace sa sender select dev esp replay notify netlink-gen " + BASE
KMOD = {
    "main": "netlink edge hooks flows rollback output input group nonce " + KEYS,
    "netlink": "hooks output input group nonce flows " + KEYS,
    "netlink-group": "netlink hooks flows group " + KEYS,
    "netlink-sa": "netlink group nonce " + KEYS,
    "netlink-sender": "netlink group " + KEYS,
    "netlink-edge": "netlink edge-input edge group " + KEYS,
    "hooks": "output input flows group " + KEYS,
    "output": "encrypt input icmp learn flows family group " + KEYS,
    "input": "decrypt icmp learn family group " + KEYS,
    "edge-input": "decrypt input edge group " + KEYS,
    "decrypt": "edge-output edge icmp group " + KEYS,
    "icmp": "edge-output edge family group " + KEYS,
    "learn": "group " + KEYS,
    "flows": "family group " + KEYS,
    "rollback": "group " + KEYS,
    "encrypt": "edge-output group " + KEYS,
    "edge-output": "edge group " + KEYS,
    "edge": "group insert " + KEYS,
    "xt_mcsec": "match",
    "match": "group " + KEYS,
    "group": "insert " + KEYS,
    "sa": "selftest " + KEYS,
    "nonce": "esp " + BASE,
    "select": "dev table insert " + BASE,
    "lookup": "select table header " + BASE,
    "table": "select",
    "dev": "insert",
    "insert": "",
    "verified": "header",
    "family": "group " + KEYS,
    "pkt": "header",
    "header": "",
    "tunnel": "",
    "pmtu": "compat esp",
    "timestamp": "",
    "notify": "netlink-gen " + BASE,
    "sender": "esp replay " + BASE,
    "esp": "replay selftest " + BASE,
    "chacha": "compat esp",
    "replay": "selftest " + BASE,
    "selftest": "esp replay " + BASE,
    "trace": "sa compat",
    "netlink-gen": "",
    "stats": "",
    "deferred": "compat",
    "compat": "",
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
bad = 0


def report(path, number, text):
    global bad
    bad += 1
    print(f"{path}:{number}: {text}")


def includes(path):
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            m = INCLUDE.match(line)
            if m:
                yield number, m.group(1) == '"', m.group(2)


def sources(top):
    for folder, dirs, names in os.walk(top):
        dirs.sort()
        for name in sorted(names):
            if name.endswith((".c", ".h")):
                yield os.path.join(folder, name)


def check_daemon(path):
    part = os.path.relpath(path, "daemon").split(os.sep)[0]
    if part not in DAEMON:
        report(path, 1, f'folder "{part}" is not in the table of arrows')
        return
    allowed = DAEMON[part].split() + [part]
    for number, quoted, name in includes(path):
        if not quoted:
            for prefix, owner in LIBRARIES.items():
                if name.startswith(prefix) and part != owner:
                    report(path, number, f"<{name}> is for {owner}/ only")
            continue
        target = name.split("/")[0]
        if "/" not in name:
            report(path, number, f'"{name}" is written without its folder')
        elif target not in allowed:
            report(path, number, f"{part} must not know of {target}")


def check_kmod(path):
    rel = os.path.relpath(path, "kmod")
    part = rel.split(os.sep)[0]
    part = re.sub(r"\.[ch]$", "", part)
    if part not in KMOD:
        report(path, 1, f'part "{part}" is not in the table of arrows')
        return
    allowed = KMOD[part].split() + [part]
    for number, quoted, name in includes(path):
        target = re.sub(r"\.h$", "", name.split("/")[-1])
        # a header of types for all is no part, and no arrow
        if quoted and target in KMOD and target not in allowed:
            report(path, number, f"{part} must not know of {target}")


for source in sources("daemon"):
    check_daemon(source)
for source in sources("kmod"):
    check_kmod(source)
sys.exit(bad > 0)
