#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where the instructions of a datagram go, by function: not sampled, counted.

    trace.py MONITOR SHARE LOG SIZE...

QEMU, whose monitor is at the socket MONITOR, runs selftests/bench/profile.sh
in its guest. While that sends, one instruction is a block and each block is
written to LOG for a moment; then the addresses are looked up among the guest's
symbols. Datagrams are counted by how often their system call was entered.
"""
import bisect
import collections
import os
import re
import socket
import sys
import time

ENTRY = "udp_sendmsg"
LINES = 4_000_000
PC = re.compile(r"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/")

# Functions to parts, the first that fits: where a reader looks for them.
PARTS = (
    ("the cipher, with its way through the crypto API",
     r".*\[(aesni_intel|ghash_clmulni_intel|crypto_simd|gf128mul)\]$"
     r"|crypto_|simd_|scatterwalk_|skcipher_walk|aead_|kernel_fpu|irq_fpu"
     r"|save_fpregs|gcm_|aes|ghash|sg_next|fpu|restore_fpregs"),
    ("mcsec's own functions", r".*\[mcsec\]$"),
    ("moving and copying the payload", r"memmove|memcpy|__memcpy|__memmove"),
    ("checksums", r"csum_|do_csum|ip_send_check|ip_fast_csum"),
    ("netfilter's hooks", r"nf_|ipv4_conntrack_defrag|.*\[nf_defrag"),
)


class Monitor:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(path)
        self.wait()

    def wait(self):
        said = b""
        while not said.endswith(b"(qemu) "):
            more = self.sock.recv(4096)
            if not more:
                sys.exit("trace: QEMU is gone")
            said += more

    def say(self, line):
        self.sock.sendall(line.encode() + b"\n")
        self.wait()


class Symbols:
    def __init__(self, path):
        found = []
        with open(path, encoding="ascii") as f:
            for line in f:
                word = line.split()
                # text only; a module's name follows
                if word[1] in "tTwW":
                    found.append((int(word[0], 16),
                                  " ".join(word[2:]).replace("\t", " ")))
        found.sort()
        self.at = [a for a, _ in found]
        self.names = [n for _, n in found]
        if ENTRY not in self.names:
            sys.exit("trace: no symbol " + ENTRY)
        self.entry = self.at[self.names.index(ENTRY)]

    def name(self, pc):
        if pc < 1 << 63:
            return "(user)"
        i = bisect.bisect_right(self.at, pc) - 1
        name = self.names[i] if i >= 0 else "?"
        # labels inside of the assembler's functions
        return "(aes in asm) [aesni_intel]" if re.match(
            r"_.*\[aesni_intel\]$", name) else name


def wait_for(path):
    end = time.monotonic() + 900
    while not os.path.exists(path):
        if time.monotonic() > end:
            sys.exit("trace: no " + path)
        time.sleep(0.2)


def count(monitor, log, symbols):
    """Instructions by function, per datagram."""
    if os.path.exists(log):
        os.unlink(log)
    monitor.say("singlestep on")
    time.sleep(1)
    monitor.say("logfile " + log)
    monitor.say("log exec,nochain")
    end = time.monotonic() + 300
    while not os.path.exists(log) or os.path.getsize(log) < LINES * 60:
        if time.monotonic() > end:
            break
        time.sleep(0.2)
    monitor.say("log none")
    monitor.say("singlestep off")

    pcs = collections.Counter()
    first = None
    run = collections.Counter()
    packets = -1
    with open(log, encoding="ascii", errors="replace") as f:
        for line in f:
            m = PC.match(line)
            if not m:
                continue
            pc = m.group(1)
            if int(pc, 16) == symbols.entry:
                packets += 1
                if first is None:
                    first = True
                else:
                    pcs.update(run)
                run.clear()
            if first:
                run[pc] += 1
    os.unlink(log)
    if packets < 20:
        sys.exit(f"trace: only {packets} datagrams were seen")
    names = collections.Counter()
    for pc, n in pcs.items():
        names[symbols.name(int(pc, 16))] += n
    return {k: v / packets for k, v in names.items()}, packets


def part(name):
    for title, pattern in PARTS:
        if re.match(pattern, name):
            return title
    return "IP, sockets, memory, the device"


def show(size, plain, mcsec):
    rows = sorted(((mcsec.get(n, 0) - plain.get(n, 0), mcsec.get(n, 0),
                    plain.get(n, 0), n) for n in plain.keys() | mcsec.keys()),
                  reverse=True)
    parts = collections.Counter()
    for added, _, _, name in rows:
        parts[part(name)] += added
    print(f"{size} octets:    added    mcsec    plain  function")
    for added, m, p, name in rows:
        if abs(added) >= 8:
            print(f"{'':12}{added:8.0f} {m:8.0f} {p:8.0f}  {name}")
    total = sum(parts.values())
    print(f"{size} octets:    added  by part")
    for title, added in parts.most_common():
        print(f"{'':12}{added:8.0f}  {title}")
    print(f"{'':12}{total:8.0f}  in all", flush=True)


def main():
    path, share, log = sys.argv[1:4]
    sizes = sys.argv[4:]
    result = {}
    wait_for(os.path.join(share, f"plain-{sizes[0]}.ready"))
    monitor = Monitor(path)
    symbols = Symbols(os.path.join(share, "symbols"))
    for way in ("plain", "mcsec"):
        for size in sizes:
            name = f"{way}-{size}"
            wait_for(os.path.join(share, name + ".ready"))
            result[name], n = count(monitor, f"{log}-{name}",
                                    symbols)
            print(f"# {name}: {n} datagrams", file=sys.stderr, flush=True)
            with open(os.path.join(share, name + ".done"), "w",
                      encoding="ascii"):
                pass
    for size in sizes:
        show(size, result["plain-" + size], result["mcsec-" + size])


main()
