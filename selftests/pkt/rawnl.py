#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Netlink requests to the family mcsec as no honest client makes them.

  rawnl.py mangle COUNT   valid requests with octets and lengths changed, each
                          with its answer awaited; those that would be valid
                          and change something are left out
  rawnl.py wrong          one wrong thing at a time; prints for each
                          "what: attribute that the answer points at: refusal"
  rawnl.py edges          the last value that is taken, and the first that is
                          not; prints for each "what: accepted", or as above
  rawnl.py rights         each operation, and each dump; prints for each its
                          name and what it is refused with
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
        """The attribute that is refused, and in which words."""
        last = self.ask(self.id, cmd, attrs)[-1]
        kind, flags = struct.unpack_from("=HH", last, 4)
        err = struct.unpack_from("=i", last, 16)[0]
        asked = struct.unpack_from("=I", last, 20)[0]
        at = 20 + (16 if flags & 0x100 else (asked + 3) & ~3)
        words, bad = f"error {-err}" if err else "accepted", None
        # Success has attributes only if it warns.
        while flags & 0x200 and at + 4 <= len(last):
            n, kind = struct.unpack_from("=HH", last, at)
            data = last[at + 4:at + n]
            if kind == 1:                       # NLMSGERR_ATTR_MSG
                words = data.rstrip(b"\0").decode()
            elif kind == 2:                     # NLMSGERR_ATTR_OFFS
                at_bad = struct.unpack("=I", data)[0] - 20
                bad = struct.unpack_from("=H", attrs, at_bad + 2)[0]
            elif kind == 4:                     # NLMSGERR_ATTR_MISS_TYPE
                bad = struct.unpack("=I", data)[0]
            at += max((n + 3) & ~3, 4)
        if not err:
            return words
        space = "GROUP_" if cmd == C["GROUP_NEW"] else "SA_"
        names = [k for k, v in A.items() if v == bad and k.startswith(space)]
        field = names[0].removeprefix(space).lower() if names else "none"
        return f"{field.replace('_', '-')}: {words}"


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


def group(*more, dst=bytes([239, 2, 2, 2])):
    return text(A["GROUP_NAME"], "x") + attr(A["GROUP_DST"], dst) + \
        b"".join(more)


def port(kind, value):
    return attr(kind, struct.pack("!H", value))


def u8(kind, value):
    return attr(kind, bytes([value]))


def wrong():
    f = Family()
    dev = [text(A["GROUP_DEV"], f"d{i}") for i in range(65)]
    udp = u8(A["GROUP_PROTO"], 17)
    for what, attrs in (
            ("no name", attr(A["GROUP_DST"], bytes([239, 2, 2, 2]))),
            ("no dst", text(A["GROUP_NAME"], "x")),
            ("empty name", attr(A["GROUP_NAME"], b"\0") +
             attr(A["GROUP_DST"], bytes([239, 2, 2, 2]))),
            ("long name", attr(A["GROUP_NAME"], b"x" * 40) +
             attr(A["GROUP_DST"], bytes([239, 2, 2, 2]))),
            ("name taken", text(A["GROUP_NAME"], "g4") +
             attr(A["GROUP_DST"], bytes([239, 2, 2, 2]))),
            ("address taken", group(dst=bytes([239, 1, 1, 1]))),
            ("short dst", group(dst=b"\xef\x01")),
            ("unicast dst", group(dst=bytes([10, 0, 0, 1]))),
            ("dst-len of 33", group(u8(A["GROUP_DST_LEN"], 33))),
            ("dst-len of 3", group(u8(A["GROUP_DST_LEN"], 3),
                                   dst=bytes([224, 0, 0, 0]))),
            ("bits beyond dst-len", group(u8(A["GROUP_DST_LEN"], 24))),
            ("src of IPv6", group(attr(A["GROUP_SRC"], bytes(16)))),
            ("src-len of 0", group(attr(A["GROUP_SRC"], bytes(4)),
                                   u8(A["GROUP_SRC_LEN"], 0))),
            ("src-len without src", group(u8(A["GROUP_SRC_LEN"], 8))),
            ("bits beyond src-len", group(attr(A["GROUP_SRC"], b"\x0a\1\1\1"),
                                          u8(A["GROUP_SRC_LEN"], 24))),
            ("proto of 0", group(u8(A["GROUP_PROTO"], 0))),
            ("proto ESP", group(u8(A["GROUP_PROTO"], 50))),
            ("port without proto", group(port(A["GROUP_SPORT"], 5000))),
            ("port of OSPF", group(u8(A["GROUP_PROTO"], 89),
                                   port(A["GROUP_DPORT"], 5000))),
            ("port of 0", group(udp, port(A["GROUP_DPORT"], 0))),
            ("mark outside", group(u32(A["GROUP_MARK"], 0x18),
                                   u32(A["GROUP_MARK_MASK"], 7))),
            ("mask of 0", group(u32(A["GROUP_MARK"], 0),
                                u32(A["GROUP_MARK_MASK"], 0))),
            ("mask without mark", group(u32(A["GROUP_MARK_MASK"], 7))),
            ("in-mark outside", group(u32(A["GROUP_IN_MARK"], 0x18),
                                      u32(A["GROUP_IN_MARK_MASK"], 7))),
            ("in-mask without in-mark", group(u32(A["GROUP_IN_MARK_MASK"],
                                                  7))),
            ("dev of no name", group(text(A["GROUP_DEV"], "a/b"))),
            ("dev twice", group(dev[0], dev[1], dev[0])),
            ("65 devs", group(*dev)),
            ("policy of 2", group(u32(A["GROUP_POLICY"], 2)))):
        print(f"{what}: {f.refusal(C['GROUP_NEW'], attrs)}")
    for what, attrs in (
            ("no key", sa(key=b"")),
            ("key of 19", sa(key=attr(A["SA_KEY"], bytes(19)))),
            ("short key", sa(alg=u32(A["SA_ALG"],
                                     N["MCSEC_ALG_CHACHA20_POLY1305"]))),
            ("group of none", sa(group=text(A["SA_GROUP"], "nogroup"))),
            ("spi of 255", sa(spi=spi(255))),
            ("spi taken", sa(spi=spi(4096))),
            ("dir of 0", sa(dir=u32(A["SA_DIR"], 0))),
            ("dir of 4", sa(dir=u32(A["SA_DIR"], 4))),
            ("alg of 77", sa(alg=u32(A["SA_ALG"], 77))),
            ("mode of 2", sa(more=u32(A["SA_MODE"], 2))),
            ("sid-bits of 9", sa(more=u32(A["SA_SID_BITS"], 9))),
            ("sender-id of 17 bits", sa(sid=u32(A["SA_SENDER_ID"], 65536))),
            ("sender-id of 9 bits", sa(sid=u32(A["SA_SENDER_ID"], 256) +
                                       u32(A["SA_SID_BITS"], 8))),
            ("sender-id twice", sa(more=u32(A["SA_SENDER_ID"], 9))),
            ("no sender-id", sa(sid=b"")),
            ("sender-id of a receiver", sa(dir=u32(A["SA_DIR"], 1))),
            ("selected receiver", sa(dir=u32(A["SA_DIR"], 1), sid=b"",
                                     more=attr(A["SA_SELECTED"], b""))),
            ("replay of 3", sa(more=u32(A["SA_REPLAY"], 3))),
            ("window of 100", sa(more=u32(A["SA_WINDOW"], 100))),
            ("max-senders of 0", sa(more=u32(A["SA_MAX_SENDERS"], 0))),
            ("iv-limit of 0", sa(more=u64(A["SA_IV_LIMIT"], 0))),
            ("iv-limit of 49 bits", sa(more=u64(A["SA_IV_LIMIT"], 1 << 48))),
            ("hard below soft", sa(more=u64(A["SA_SOFT_TIME"], 9) +
                                   u64(A["SA_HARD_TIME"], 8))),
            ("time of 41 bits", sa(more=u64(A["SA_HARD_TIME"], 1 << 40))),
            ("packets of 64 bits", sa(more=u64(A["SA_HARD_PACKETS"], 1 << 63)))):
        print(f"{what}: {f.refusal(C['SA_NEW'], attrs)}")


def edges():
    f = Family()
    edge = {"sid-bits": "SID_BITS", "iv-limit": "IV_LIMIT",
            "window": "WINDOW", "senders": "MAX_SENDERS",
            "soft": "SOFT_PACKETS", "hard": "HARD_PACKETS"}
    wide = ("IV_LIMIT", "SOFT_PACKETS", "HARD_PACKETS")

    for line in """
        window 64; window 32; window 32768; window 65536; window 96
        senders 1; senders 65536 window 64; senders 65537 window 64
        senders 65536; senders 65536 window 32768
        iv-limit 1; iv-limit 281474976710655; iv-limit 281474976710656
        iv-limit 72057594037927935 sid-bits 8
        iv-limit 72057594037927936 sid-bits 8
        iv-limit 4503599627370495 sid-bits 12
        iv-limit 4503599627370496 sid-bits 12
        sid 65535; sid 65536; sid 255 sid-bits 8; sid 256 sid-bits 8
        sid 4095 sid-bits 12; sid 4096 sid-bits 12
        sids 256; sids 257; spi 256; spi 255
        soft 7 hard 7; soft 7 hard 8; soft 8 hard 7
        key 20; key 36; key 35; key 37; key 19; key 21; key 28; key 0
        key 36 chacha 1; key 20 chacha 1; key 35 chacha 1
        """.replace("\n", ";").split(";"):
        words = line.split()
        if not words:
            continue
        given = dict(zip(words[::2], map(int, words[1::2])))
        more, change = b"", {}
        for word, value in given.items():
            if word in edge:
                make = u64 if edge[word] in wide else u32
                more += make(A["SA_" + edge[word]], value)
        number = given.get("spi", 8192)
        change["spi"] = spi(number)
        change["key"] = attr(A["SA_KEY"], os.urandom(given.get("key", 20)))
        if "chacha" in given:
            change["alg"] = u32(A["SA_ALG"], N["MCSEC_ALG_CHACHA20_POLY1305"])
        sids = range(given.get("sids", 0)) or [given.get("sid", 9)]
        change["sid"] = b"".join(u32(A["SA_SENDER_ID"], i) for i in sids)
        said = f.refusal(C["SA_NEW"], sa(more=more, **change))
        print(f"{line.strip()}: {said}")
        f.ask(f.id, C["SA_DEL"], text(A["SA_GROUP"], "g4") + spi(number))


def rights():
    f = Family()
    for name, cmd in C.items():
        if name.split("_")[0] not in ("GROUP", "SA", "SENDER", "STATS",
                                      "EDGE") or \
           name.endswith(("_NTF", "_GONE")):
            continue
        for flags in (5, 0x305) if name.endswith("_GET") else (5,):
            answer = f.ask(f.id, cmd, b"", flags)[-1]
            err = -struct.unpack_from("=i", answer, 16)[0]
            print(f"{name}{'-DUMP' if flags > 5 else ''} {err}")


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
             attr(A["SENDER_SPI"], struct.pack("!I", 4096))),
            (C["EDGE_GET"], text(A["EDGE_GROUP"], "g4")))
        for m in f.ask(f.id, cmd, attrs, 0x305))
    print("key found" if octets in seen or octets[:16] in seen else "clean")


def main(name, *words):
    {"wrong": wrong, "edges": edges, "rights": rights, "mangle": mangle,
     "dumps": dumps}[name](*words)


if __name__ == "__main__":
    main(*sys.argv[1:])
