# SPDX-License-Identifier: Apache-2.0
"""A generic netlink family as its YAML specification describes it: requests
out of names and values, answers into names and values, and nothing assumed that
the specification does not say. For the fuzzers, which also need requests that it
forbids, each step can be replaced by octets.
"""
import os
import socket
import struct

import yaml

F_REQUEST, F_ACK, F_DUMP = 1, 4, 0x300
ERROR, DONE = 2, 3
SCALARS = {"u8": 1, "u16": 2, "u32": 4, "u64": 8}


class Refused(Exception):
    """The kernel's refusal of a request."""

    def __init__(self, errno, words, attr):
        super().__init__(f"{os.strerror(errno)}: {words or 'no words'}")
        self.errno = errno
        self.words = words
        self.attr = attr


class Attr:
    def __init__(self, spec, number, consts, enums):
        self.name = spec["name"]
        self.number = spec.get("value", number)
        self.type = spec["type"]
        self.multi = spec.get("multi-attr", False)
        self.order = ">" if spec.get("byte-order") == "big-endian" else "="
        self.enum = enums.get(spec.get("enum"))
        self.flags = spec.get("enum-as-flags", False)
        self.nested = spec.get("nested-attributes")
        checks = spec.get("checks", {})
        self.checks = {k: consts.get(v, v) for k, v in checks.items()}

    def pack(self, value):
        if self.type in SCALARS:
            size = SCALARS[self.type]
            code = self.order + " BH I   Q"[size]
            return struct.pack(code, value & (1 << 8 * size) - 1)
        if self.type == "string":
            return value.encode("utf-8", "surrogateescape") + b"\0"
        if self.type == "flag":
            return b""
        return bytes(value)

    def unpack(self, data):
        """Raises ValueError where the data are not of the type."""
        if self.type in SCALARS:
            size = SCALARS[self.type]
            if len(data) != size:
                raise ValueError(f"{self.name}: {len(data)} octets")
            value, = struct.unpack(self.order + " BH I   Q"[size], data)
            if self.enum and (value >> len(self.enum) if self.flags else
                              value >= len(self.enum)):
                raise ValueError(f"{self.name}: {value} is not in its enum")
            return value
        if self.type == "string":
            if not data.endswith(b"\0") or b"\0" in data[:-1]:
                raise ValueError(f"{self.name}: not a string: {data!r}")
            return data[:-1].decode("utf-8", "surrogateescape")
        if self.type == "flag":
            if data:
                raise ValueError(f"{self.name}: a flag of {len(data)} octets")
            return True
        return data


class Op:
    def __init__(self, spec, number):
        self.name = spec["name"]
        self.number = spec.get("value", number)
        self.set = spec["attribute-set"]
        do, dump = spec.get("do"), spec.get("dump")
        self.request = (do or {}).get("request", {}).get("attributes", [])
        self.reply = (do or {}).get("reply", {}).get("attributes", [])
        self.dump = dump is not None
        self.dump_reply = (dump or {}).get("reply", {}).get("attributes", [])
        self.event = (spec.get("event") or {}).get("attributes", [])
        self.do = do is not None


def nla(kind, data):
    n = 4 + len(data)
    return struct.pack("=HH", n & 0xffff, kind) + data + bytes(-n % 4)


class Spec:
    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            spec = yaml.safe_load(f)
        self.name = spec["name"]
        consts = {d["name"]: d["value"] for d in spec["definitions"]
                  if d["type"] == "const"}
        self.consts = consts
        self.enums = {d["name"]: [e["name"] if isinstance(e, dict) else e
                                  for e in d["entries"]]
                      for d in spec["definitions"]
                      if d["type"] in ("enum", "flags")}
        self.sets = {
            s["name"]: {a["name"]: Attr(a, i, consts, self.enums)
                        for i, a in enumerate(s["attributes"], 1)}
            for s in spec["attribute-sets"]}
        self.ops = {o["name"]: Op(o, i) for i, o in
                    enumerate(spec["operations"]["list"], 1)}

    def parts(self, op, values):
        """Values by name, of multi-attrs lists, to pairs of number and data."""
        out = []
        for name, value in values.items():
            attr = self.sets[op.set][name]
            for v in value if attr.multi else [value]:
                out.append((attr.number, attr.pack(v)))
        return out

    def values(self, op, body, allowed):
        """The reverse; only attributes of the list may be there."""
        known = {a.number: a for a in self.sets[op.set].values()}
        out, at = {}, 0
        while at + 4 <= len(body):
            n, kind = struct.unpack_from("=HH", body, at)
            data = body[at + 4:at + n]
            at += max(n + 3 & ~3, 4)
            attr = known.get(kind & 0x3fff)
            if not attr:
                raise ValueError(f"{op.name}: attribute {kind}")
            if attr.type == "pad":
                continue
            if attr.name not in allowed:
                raise ValueError(f"{op.name}: answers with {attr.name}")
            if attr.multi:
                out.setdefault(attr.name, []).append(attr.unpack(data))
            elif attr.name in out:
                raise ValueError(f"{op.name}: {attr.name} twice")
            else:
                out[attr.name] = attr.unpack(data)
        return out


class Client:
    """One netlink socket, and whoever the process is while it is made."""

    def __init__(self, spec):
        self.spec = spec
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.sock.bind((0, 0))
        self.sock.settimeout(60)
        self.sock.setsockopt(270, 11, 1)        # NETLINK_EXT_ACK
        self.seq = 0
        self.seen = b""
        self.id = None
        for message in self.ask(16, struct.pack("=BBH", 3, 1, 0) +
                                nla(2, spec.name.encode() + b"\0")):
            kind, = struct.unpack_from("=H", message, 4)
            if kind != 16:
                continue
            at = 20
            while at + 4 <= len(message):
                n, kind = struct.unpack_from("=HH", message, at)
                if kind == 1:
                    self.id, = struct.unpack_from("=H", message, at + 4)
                at += max(n + 3 & ~3, 4)

    def close(self):
        self.sock.close()

    def ask(self, family, body, flags=F_REQUEST | F_ACK):
        """Messages up to the one that ends the answer, itself included."""
        self.seq += 1
        self.sock.send(struct.pack("=IHHII", 16 + len(body), family, flags,
                                   self.seq, 0) + body)
        out = []
        while True:
            data = self.sock.recv(1 << 18)
            at = 0
            while at + 16 <= len(data):
                n, kind, _, seq, _ = struct.unpack_from("=IHHII", data, at)
                message = data[at:at + n]
                at += n + 3 & ~3
                if seq != self.seq:
                    continue
                out.append(message)
                if kind in (ERROR, DONE):
                    self.seen = b"".join(out)
                    return out

    @staticmethod
    def refusal(last, asked):
        """An answer's last message: errno, words, offset or None."""
        flags, = struct.unpack_from("=H", last, 6)
        err = -struct.unpack_from("=i", last, 16)[0]
        kind, = struct.unpack_from("=H", last, 4)
        words = at_bad = missing = None
        at = 20
        if kind == ERROR:
            at += 16 if flags & 0x100 or not err else asked + 16 + 3 & ~3
        while at + 4 <= len(last):
            n, kind = struct.unpack_from("=HH", last, at)
            data = last[at + 4:at + n]
            if kind == 1:
                words = data.rstrip(b"\0").decode()
            elif kind == 2:
                at_bad, = struct.unpack("=I", data)
            elif kind == 4:
                missing, = struct.unpack("=I", data)
            at += max(n + 3 & ~3, 4)
        return err, words, at_bad, missing

    def raw(self, op, body, dump=False):
        """Values of each message; Refused."""
        messages = self.ask(self.id, body,
                            F_REQUEST | F_ACK | (F_DUMP if dump else 0))
        last = messages.pop()
        err, words, bad, _ = self.refusal(last, len(body))
        if err:
            raise Refused(err, words, bad)
        allowed = op.dump_reply if dump else op.reply
        return [self.spec.values(op, m[20:], allowed) for m in messages
                if struct.unpack_from("=H", m, 4)[0] == self.id]

    def do(self, name, values=None, dump=False):
        op = self.spec.ops[name]
        body = struct.pack("=BBH", op.number, 1, 0) + b"".join(
            nla(*p) for p in self.spec.parts(op, values or {}))
        return self.raw(op, body, dump)
