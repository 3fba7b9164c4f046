#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Netlink requests to the family mcsec as no honest client makes them.

  rawnl.py mangle COUNT   valid requests with octets and lengths changed, each
                          with its answer awaited; those that would be valid
                          and change something are left out
  rawnl.py wrong          one wrong thing at a time; prints "what: refusal"
  rawnl.py dumps HEX      dump everything and look for the octets HEX
Numbers are those of linux/mcsec.h, which the environment's MCSEC_UAPI names.
"""
import os
import random
import re
import socket
import struct
import sys

with open(os.environ["MCSEC_UAPI"], encoding="ascii") as header:
    HEADER = header.read()


def numbers():
    found = {}
    for body in re.findall(r"enum(?: \w+)? \{(.*?)\};", HEADER, re.S):
        value = 0
        for name, given in re.findall(r"(\w+)(?:\s*=\s*(\w+))?\s*,", body):
            if given:
                value = int(given, 0) if given[0].isdigit() else found[given]
            found[name] = value
            value += 1
    return found


N = numbers()


def attr(kind, data):
    n = 4 + len(data)
    return struct.pack("=HH", n, kind) + data + bytes(-n % 4)


def u32(kind, value):
    return attr(kind, struct.pack("=I", value))


def u64(kind, value):
    return attr(kind, struct.pack("=Q", value))


def text(kind, value):
    return attr(kind, value.encode() + b"\0")


class Family:
    def __init__(self):
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.sock.bind((0, 0))
        self.sock.settimeout(30)
        self.sock.setsockopt(270, 11, 1)        # NETLINK_EXT_ACK
        self.seq = 0
        answer = self.ask(16, 3, text(2, "mcsec"))[0]
        at = 20
        while at + 4 <= len(answer):
            n, kind = struct.unpack_from("=HH", answer, at)
            if kind == 1:
                self.id = struct.unpack_from("=H", answer, at + 4)[0]
            at += (n + 3) & ~3

    def ask(self, family, cmd, attrs, flags=5, raw=None):
        self.seq += 1
        body = raw if raw is not None else \
            struct.pack("=BBH", cmd, 1, 0) + attrs
        self.sock.send(struct.pack("=IHHII", 16 + len(body), family, flags,
                                   self.seq, 0) + body)
        out = []
        while True:
            data = self.sock.recv(1 << 17)
            at = 0
            while at + 16 <= len(data):
                n, kind, fl, seq, _ = struct.unpack_from("=IHHII", data, at)
                message = data[at:at + n]
                at += (n + 3) & ~3
                if seq != self.seq:
                    continue
                out.append(message)
                if kind in (2, 3):
                    return out

    def refusal(self, cmd, attrs):
        last = self.ask(self.id, cmd, attrs)[-1]
        kind, flags = struct.unpack_from("=HH", last, 4)
        err = struct.unpack_from("=i", last, 16)[0]
        if not err:
            return "accepted"
        asked = struct.unpack_from("=I", last, 20)[0]
        at = 20 + (16 if flags & 0x100 else (asked + 3) & ~3)
        while at + 4 <= len(last):
            n, kind = struct.unpack_from("=HH", last, at)
            if kind == 1:
                return last[at + 4:at + n].rstrip(b"\0").decode()
            at += max((n + 3) & ~3, 4)
        return f"error {-err}"


A = {k.removeprefix("MCSEC_A_"): v for k, v in N.items()
     if k.startswith("MCSEC_A_")}
C = {k.removeprefix("MCSEC_CMD_"): v for k, v in N.items()
     if k.startswith("MCSEC_CMD_")}


def spi(value):
    return attr(A["SA_SPI"], struct.pack("!I", value))


def sa(**change):
    parts = {
        "group": text(A["SA_GROUP"], "g4"),
        "spi": spi(8192),
        "dir": u32(A["SA_DIR"], 3),
        "alg": u32(A["SA_ALG"], N["MCSEC_ALG_AES_GCM_16"]),
        "key": attr(A["SA_KEY"], bytes(range(20))),
        "sid": u32(A["SA_SENDER_ID"], 9),
        "more": b"",
    }
    parts.update(change)
    return b"".join(parts.values())


def wrong():
    f = Family()
    new = C["GROUP_NEW"]
    dst = attr(A["GROUP_DST"], bytes([239, 2, 2, 2]))
    for what, cmd, attrs in (
            ("no name", new, dst),
            ("short dst", new, text(A["GROUP_NAME"], "x") +
             attr(A["GROUP_DST"], b"\xef\x01")),
            ("name not terminated", new,
             attr(A["GROUP_NAME"], b"x" * 40) + dst),
            ("no key", C["SA_NEW"], sa(key=b"")),
            ("key of 19", C["SA_NEW"],
             sa(key=attr(A["SA_KEY"], bytes(21)))),
            ("sender-id too wide", C["SA_NEW"],
             sa(sid=u32(A["SA_SENDER_ID"], 65536))),
            ("hard below soft", C["SA_NEW"],
             sa(more=u64(A["SA_SOFT_TIME"], 9) + u64(A["SA_HARD_TIME"], 8))),
            ("unknown alg", C["SA_NEW"], sa(alg=u32(A["SA_ALG"], 77))),
            ("dir of none", C["SA_NEW"], sa(dir=u32(A["SA_DIR"], 0))),
            ("spi of 255", C["SA_NEW"], sa(spi=spi(255))),
            ("same sender-id twice", C["SA_NEW"],
             sa(more=u32(A["SA_SENDER_ID"], 9))),
            ("window of 100", C["SA_NEW"],
             sa(more=u32(A["SA_WINDOW"], 100)))):
        print(f"{what}: {f.refusal(cmd, attrs)}")


def mangle(count):
    f = Family()
    rng = random.Random(1)
    seeds = [
        (C["GROUP_GET"], text(A["GROUP_NAME"], "g4")),
        (C["SA_GET"], text(A["SA_GROUP"], "g4") + spi(4096)),
        (C["SA_NEW"], sa(group=text(A["SA_GROUP"], "nogroup"))),
        (C["SA_SET"], text(A["SA_GROUP"], "nogroup") + spi(4096) +
         u64(A["SA_HARD_PACKETS"], 5)),
        (C["SA_DEL"], text(A["SA_GROUP"], "nogroup") + spi(4096)),
        (C["SENDER_GET"], text(A["SENDER_GROUP"], "g4") +
         attr(A["SENDER_SPI"], struct.pack("!I", 4096))),
    ]
    asked = refused = 0
    while asked < int(count):
        cmd, attrs = rng.choice(seeds)
        body = bytearray(struct.pack("=BBH", cmd, 1, 0) + attrs)
        for _ in range(rng.randint(1, 4)):
            # not the command: flush and the like are valid as they are
            at = rng.randrange(1, len(body))
            body[at] ^= 1 << rng.randrange(8)
        if rng.random() < 0.3:
            del body[rng.randrange(4, len(body)):]
        if b"g4\0" in body and cmd in (C["SA_NEW"], C["SA_SET"], C["SA_DEL"]):
            continue
        flags = 5 if rng.random() < 0.7 else 0x305
        answer = f.ask(f.id, cmd, None, flags, bytes(body))[-1]
        asked += 1
        refused += struct.unpack_from("=i", answer, 16)[0] != 0
    print(f"{asked} answered, {refused} refused")


def dumps(key):
    f = Family()
    octets = bytes.fromhex(key)
    seen = b"".join(
        m for cmd, attrs in (
            (C["GROUP_GET"], b""), (C["SA_GET"], b""), (C["STATS_GET"], b""),
            (C["SENDER_GET"], text(A["SENDER_GROUP"], "g4") +
             attr(A["SENDER_SPI"], struct.pack("!I", 4096))))
        for m in f.ask(f.id, cmd, attrs, 0x305))
    print("key found" if octets in seen or octets[:16] in seen else "clean")


{"wrong": wrong, "mangle": mangle, "dumps": dumps}[sys.argv[1]](*sys.argv[2:])
