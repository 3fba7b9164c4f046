#!/usr/bin/python3 -ISs
# SPDX-License-Identifier: Apache-2.0
"""Let each allocation on a datagram's way fail in turn (/proc/*/fail-nth).

  nth.py out|in MCSECCTL NS-A NS-W NS-B KEY [size=N] [gso=N] [sniff=1] [fresh=1]
      [six=1] [mode=tunnel]

A's eth0 leads to W's eth0, where nobody listens but this. B has what this puts
into its tap0. Both groups are called g4, 239.1.1.1, or g6, ff3e::1:1; SPI
0x1000, KEY in hex.

  out   A sends: the system call's first allocation fails, then the second, ...
  in    B receives what A sent, written to tap0 by a task, so that its
        allocations are this task's; sniff: with a sniffer, fresh: by a new SA

Prints how many sites failed and what became of the datagrams:
  sites=N counted=N told=N kept=N before=N vanished=N clear=N
counted: a counter of mcsec says so; told: the sender's system call does, and it
never came to mcsec; kept: it was protected or accepted in spite of it;
before: lost on arrival in front of mcsec, where the counter pre of the table
inet nth in B has not seen it; vanished: nothing says so.
"""
import fcntl
import os
import select
import _socket as socket
import struct
import subprocess
import sys

PORT = 5000
ETH_P_ALL = 3
FAIL = "/proc/thread-self/fail-nth"
SETS = ("out-protected", "out-exempt", "in-accepted", "in-exempt")


def enter(ns):
    with open(f"/run/netns/{ns}", encoding="ascii") as f:
        if LIBC.setns(f.fileno(), 0x40000000):
            sys.exit(f"nth: setns {ns}")


def counters(ctl, ns, way):
    said = subprocess.run([ctl, "-n", ns, "stats", "-a"], check=True,
                          capture_output=True, text=True).stdout
    good = bad = 0
    for line in said.splitlines():
        name, n = line.split()[:2]
        if not name.startswith(way):
            continue
        if name in ("out-protected", "in-accepted"):
            good += int(n)
        elif name not in SETS:
            bad += int(n)
    return good, bad


def came():
    """How many datagrams have come to where mcsec is next."""
    said = subprocess.run(["nft", "list", "counter", "inet", "nth", "pre"],
                          check=True, capture_output=True, text=True).stdout
    words = said.split()
    return int(words[words.index("packets") + 1])


def packets(s, wait):
    """Frames that are there, or come within some time."""
    got = []
    while select.select([s], [], [], wait if not got else 0.3)[0]:
        got.append(s.recv(1 << 17))
    return got


def esp(frames):
    """ESP, and fragments"""
    return [f for f in frames if f[12:14] == b"\x08\0" and
            (f[23] == 50 or f[20:22] != b"\x40\0" and f[20:22] != b"\0\0") or
            f[12:14] == b"\x86\xdd" and f[20] in (44, 50)]


def arm(n):
    with open(FAIL, "w", encoding="ascii") as f:
        f.write(str(n))


def spent():
    """Whether the armed allocation was there, and failed. Disarms."""
    with open(FAIL, encoding="ascii") as f:
        left = int(f.read())
    arm(0)
    return left == 0


def sniffer(dev):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.bind((dev, ETH_P_ALL))
    return s


def tap():
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", b"tap0", 0x1002))
    subprocess.run("ip addr add 10.1.0.2/24 dev tap0; ip addr add fd01::2/64 "
                   "dev tap0 nodad; ip link set tap0 up",
                   shell=True, check=True)
    return fd


def sender(six, group, gso):
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET,
                      socket.SOCK_DGRAM)
    index = socket.if_nametoindex("eth0")
    if six:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        s.setsockopt(socket.IPPROTO_IPV6, 25, 1)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
    else:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                     bytes(8) + struct.pack("@I", index))
        s.setsockopt(socket.IPPROTO_IP, 11, 1)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    if gso:
        s.setsockopt(socket.IPPROTO_UDP, 103, gso)
    return s


def receiver(six, group):
    family = socket.AF_INET6 if six else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind((group, PORT))
    index = struct.pack("@I", socket.if_nametoindex("tap0"))
    if six:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                     socket.inet_pton(family, group) + index)
    else:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                     socket.inet_aton(group) + bytes(4) + index)
    return s


def main():
    way, ctl, a, w, b, key = sys.argv[1:7]
    opt = dict(o.split("=") for o in sys.argv[7:])
    size, gso = int(opt.get("size", 64)), int(opt.get("gso", 0))
    fresh, six = int(opt.get("fresh", 0)), int(opt.get("six", 0))
    name, group = ("g6", "ff3e::1:1") if six else ("g4", "239.1.1.1")
    mode = opt.get("mode", "transport")
    enter(a)
    tx = sender(six, group, gso)
    enter(w)
    wire = sniffer("eth0")
    enter(b)
    if way == "in":
        fd = tap()
        rx = receiver(six, group)
    sniff = sniffer("tap0") if int(opt.get("sniff", 0)) else None
    done = dict.fromkeys(("sites", "counted", "told", "kept", "before",
                          "vanished", "clear"), 0)
    data = b"MARKER" + bytes(size - 6)
    for n in range(1, 200):
        error = frames = None
        if way == "in":
            if fresh:
                subprocess.run(
                    f"{ctl} -n {b} sa flush {name}; echo {key} | {ctl} -n {b} "
                    f"sa add {name} key-stdin spi 0x1000 dir in "
                    f"alg aes-gcm-16 mode {mode}",
                    shell=True, check=True)
            tx.sendto(data, (group, PORT))
            frames = esp(packets(wire, 10))
            if not frames:
                sys.exit("nth: nothing to receive")
        good, bad = counters(ctl, a if way == "out" else b, way)
        had = came() if way == "in" else 0
        arm(n)
        try:
            if way == "out":
                tx.sendto(data, (group, PORT))
            else:
                for f in frames:
                    os.write(fd, f)
        except OSError as e:
            error = e
        if not spent():
            break
        done["sites"] += 1
        now_good, now_bad = counters(ctl, a if way == "out" else b, way)
        seen = packets(wire, 0.3) if way == "out" else packets(rx, 0.3)
        if sniff:
            packets(sniff, 0.1)
        if way == "out" and any(b"MARKER" in f for f in seen):
            done["clear"] += 1
        if now_bad > bad:
            done["counted"] += 1
        elif now_good > good:
            done["kept"] += 1
        elif error:
            done["told"] += 1
        elif way == "in" and came() == had:
            done["before"] += 1
        else:
            done["vanished"] += 1
    else:
        sys.exit("nth: no end of sites")
    # sending goes on: the last one had no failure
    print(" ".join(f"{k}={v}" for k, v in done.items()))


import ctypes  # noqa: E402
LIBC = ctypes.CDLL(None, use_errno=True)
main()
