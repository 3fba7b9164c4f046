#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fuzz the module's netlink family, from its YAML specification.

  netlink.py SPEC SECONDS SEED

Requests are made of the specification's names, types and limits, so that most
are accepted; some are then broken: as values, as attributes, as octets. Four
sockets that come and go ask, one of them without rights. Held against each answer:

  - there is one, and it is what the specification says: no attribute that is not
    listed, none of another type, no value beyond its enum;
  - a refusal has words, and a refused request has changed nothing;
  - what was accepted is there as it was asked for;
  - no key comes back, and nobody without rights gets anything.

At the end each operation must have been accepted, with each of its attributes.
Writes TAP. What broke a rule is shown with what was sent.
"""
import errno
import os
import random
import socket
import struct
import sys
import time

from family import Client, Refused, Spec, nla

NAMES = ["a", "bb", "group-3", "x" * 31, "d/e"]
OWNERS = ["mcsecd", "frr"]
DEVS = ["lo", "dummy0", "later0", "n" * 15]
V4 = ["239.1.1.1", "239.1.1.2", "224.0.0.5", "232.0.0.0"]
V6 = ["ff3e::1:1", "ff02::5", "ff0e::", "ff3e::1:2"]
CHANGING = ("group-new", "group-del", "group-flush", "group-set", "sa-new",
            "sa-set", "sa-del", "sa-flush", "edge-new", "edge-set", "edge-del")
# Values that change by themselves, or by what was asked in between.
VOLATILE = {"age", "state", "senders", "out-drops", "in-drops", "observed",
            "out-packets", "out-bytes", "in-packets", "in-bytes", "in-replays",
            "in-bad-icv"}


class Fuzzer:
    def __init__(self, spec, seed):
        self.spec = spec
        self.rng = random.Random(seed)
        self.clients = [Client(spec) for _ in range(3)]
        self.keys = []
        self.accepted, self.refusals, self.given = {}, {}, {}
        self.asked = self.broken = self.unprivileged = 0
        self.faults = []
        self.udp = self.make_udp()
        self.poor = self.make_poor()
        self.known = self.state()

    # ---- values ----

    def number(self, bits):
        r = self.rng
        return r.choice([0, 1, r.randrange(1, 300), (1 << bits) - 1,
                         1 << r.randrange(bits), (1 << r.randrange(bits)) - 1,
                         r.getrandbits(bits)]) & (1 << bits) - 1

    def address(self, six):
        r = self.rng
        text = r.choice(V6 if six else V4)
        out = bytearray(socket.inet_pton(
            socket.AF_INET6 if six else socket.AF_INET, text))
        if r.random() < 0.3:
            out[-1] = r.randrange(256)
        return bytes(out)

    def any_value(self, attr):
        """By type and limits alone."""
        r = self.rng
        if attr.type in ("u8", "u16", "u32", "u64"):
            if attr.enum and r.random() < 0.8:
                return r.randrange(1 << len(attr.enum)) if attr.flags else \
                    r.randrange(len(attr.enum))
            return self.number(int(attr.type[1:]))
        if attr.type == "string":
            n = r.choice([attr.checks.get("min-len", 0),
                          attr.checks.get("max-len", 16),
                          attr.checks.get("max-len", 16) + 1, 3])
            return "".join(chr(r.choice([97, 122, 32, 47, 127, 10]))
                           for _ in range(n))
        if attr.type == "flag":
            return True
        return r.randbytes(r.choice([0, 1, 4, 16, 20, 36, 60]))

    def likely(self, op, name, six):
        """A value of somebody who knows what the attribute is for."""
        r = self.rng
        if name == "name" and op.set == "counter":
            return r.choice(["in-accepted", "out-no-sa", "forward-clear"])
        choice = {
            "name": lambda: r.choice(NAMES),
            "group": lambda: r.choice(NAMES),
            "owner": lambda: r.choice(OWNERS),
            "dst": lambda: self.address(six),
            "src": lambda: bytes([10, 1, 0, 0]) if not six else
            bytes([0xfd, 1]) + bytes(14),
            "dst-len": lambda: r.choice([128 if six else 32, 24, 120]),
            "src-len": lambda: r.choice([16, 24, 32]),
            "proto": lambda: r.choice([17, 17, 2, 58, 89]),
            "sport": lambda: r.randrange(1, 65536),
            "dport": lambda: 5000,
            "mark": lambda: r.choice([1, 5]),
            "mark-mask": lambda: r.choice([7, 0xff]),
            "in-mark": lambda: r.choice([1, 5]),
            "in-mark-mask": lambda: r.choice([7, 0xff]),
            "dev": lambda: r.sample(DEVS, r.choice([1, 1, 2, 4])),
            "spi": lambda: 256 + r.randrange(12),
            "dir": lambda: r.randrange(1, 4),
            "key": lambda: r.randbytes(r.choice([20, 36, 36])),
            "sid-bits": lambda: r.choice([8, 12, 16]),
            "sender-id": lambda: r.sample(range(200), r.choice([1, 2, 9]))
            if op.set == "sa" else r.randrange(200),
            "window": lambda: 64 << r.randrange(5),
            "max-senders": lambda: r.choice([1, 7, 1024]),
            "iv-limit": lambda: r.choice([3, 1000, (1 << 48) - 1]),
            "id": lambda: r.randrange(1, 5),
            "local": lambda: bytes([127, 0, 0, 1]) if not six else
            bytes(15) + b"\1",
            "local-port": lambda: r.choice([4500, 4501]),
            "peer": lambda: (bytes([192, 0, 2]) if not six else
                             bytes([0x20, 1, 0xd, 0xb8]) + bytes(11)) +
            bytes([r.randrange(1, 9)]),
            "peer-port": lambda: r.choice([4500, 4501]),
            "socket": lambda: r.choice([self.udp.fileno(), 0, 1 << 20]),
            "senders": lambda: [n << 16 | n + r.randrange(9) for n in
                                r.sample(range(200), r.choice([1, 2, 9]))],
            "mtu": lambda: r.choice([0, 1280, 1500, 65535]),
        }.get(name)
        if choice:
            return choice()
        if name.startswith("soft-"):
            return r.choice([0, 1, 5])
        if name.startswith("hard-"):
            return r.choice([0, 5, 900])
        value = self.any_value(self.spec.sets[op.set][name])
        return value

    def request(self, op):
        """Values by name: mostly what makes sense together."""
        r = self.rng
        six = r.random() < 0.5
        must = {"group-new": ["name", "dst"],
                "sa-new": ["group", "spi", "dir", "alg", "key"],
                "edge-new": ["group", "id", "local-port", "peer", "peer-port",
                             "dir"],
                "group-set": ["name", "policy"]}.get(op.name)
        if must is None:
            must = [a for a in op.request if a in ("name", "group", "spi", "id",
                                                   "sender-id")]
        values = {}
        for name in op.request:
            if name not in must and r.random() < 0.75:
                continue
            if name in must and r.random() < 0.02:
                continue
            attr = self.spec.sets[op.set][name]
            if r.random() < 0.04:
                value = self.any_value(attr)
                values[name] = [value] if attr.multi else value
            else:
                value = self.likely(op, name, six)
                # a group has several interfaces, an edge one
                values[name] = value[0] if isinstance(value, list) and \
                    not attr.multi else value
        self.agree(op, values)
        return values

    def agree(self, op, values):
        """The demands of one attribute on another, mostly."""
        r = self.rng
        if r.random() < 0.05:
            return
        if op.name == "group-new":
            for port in "sport", "dport":
                if port in values:
                    values["proto"] = 17
            for mark in "mark", "in-mark":
                if mark + "-mask" in values:
                    values.setdefault(mark, 1)
            if "src-len" in values and "src" not in values:
                del values["src-len"]
            for a in "dst", "src":
                n = values.get(a + "-len")
                if n is None or a not in values:
                    continue
                bits = int.from_bytes(values[a], "big")
                rest = max(8 * len(values[a]) - n, 0)
                values[a] = (bits >> rest << rest).to_bytes(
                    len(values[a]), "big")
        elif op.name == "edge-new":
            values.pop("socket", None)
            if "senders" in values:
                values["dir"] = 2
        elif op.name == "sa-new":
            if values.get("alg") == 2 and "key" in values:
                values["key"] = r.randbytes(36)
            if "dir" in values:
                if values["dir"] & 2:
                    values.setdefault("sender-id", [r.randrange(256)])
                else:
                    values.pop("sender-id", None)
                    values.pop("selected", None)
            for limit in "time", "packets", "bytes":
                if values.get("soft-" + limit) and values.get("hard-" + limit):
                    values["hard-" + limit] = min(
                        values["hard-" + limit] + values["soft-" + limit],
                        (1 << 64) - 1)

    # ---- broken ----

    def break_parts(self, op, parts):
        r = self.rng
        what = r.randrange(9)
        i = r.randrange(len(parts)) if parts else 0
        if not parts or what == 0:
            return parts + [(r.randrange(64), r.randbytes(r.randrange(40)))]
        kind, data = parts[i]
        if what == 1:
            data = data[:r.randrange(len(data) + 1)]
        elif what == 2:
            data += r.randbytes(r.randrange(1, 64))
        elif what == 3:
            kind = r.choice([0, 0x3fff, r.randrange(64)])
        elif what == 4:
            kind |= r.choice([0x8000, 0x4000, 0xc000])
        elif what == 5:
            data = nla(kind, data)
        elif what == 6:
            return parts[:i] + parts[i + 1:]
        elif what == 7:
            return parts + [parts[i]] * r.choice([1, 2, 70, 300])
        else:
            data = bytearray(data or b"\0")
            data[r.randrange(len(data))] ^= 1 << r.randrange(8)
        return parts[:i] + [(kind, bytes(data))] + parts[i + 1:]

    def break_octets(self, body):
        r = self.rng
        body = bytearray(body)
        for _ in range(r.randint(1, 3)):
            what = r.randrange(4)
            if what == 0:
                body[r.randrange(len(body))] ^= 1 << r.randrange(8)
            elif what == 1:
                del body[r.randrange(len(body)) + 1:]
            elif what == 2:
                body += r.randbytes(r.randrange(1, 40))
            elif len(body) >= 8:
                # a length
                at = 4 + 4 * r.randrange((len(body) - 4) // 4)
                struct.pack_into("=H", body, at, self.number(16))
        return bytes(body)

    # ---- rules ----

    def fault(self, rule, detail):
        self.faults.append(f"{rule}: {detail}")

    def state(self):
        out = []
        for op in "group-get", "sa-get":
            out += [tuple(sorted(
                (k, tuple(v) if isinstance(v, list) else v)
                for k, v in one.items() if k not in VOLATILE))
                for one in self.clients[0].do(op, dump=True)]
        for group in self.clients[0].do("group-get", dump=True):
            out += [tuple(sorted(
                (k, tuple(v) if isinstance(v, list) else v)
                for k, v in one.items() if k not in VOLATILE))
                for one in self.clients[0].do(
                    "edge-get", {"group": group["name"]}, dump=True)]
        return sorted(out, key=repr)

    def look_for_keys(self, client, sent):
        for key in self.keys[-64:]:
            if key[:16] in client.seen and key[:16] not in sent:
                self.fault("a key came back", key.hex())

    def make_poor(self):
        os.seteuid(65534)
        try:
            return Client(self.spec)
        finally:
            os.seteuid(0)

    def ask_poor(self, op, body):
        self.unprivileged += 1
        os.seteuid(65534)
        try:
            self.poor.raw(op, body)
            self.fault("accepted without rights", f"{op.name} {body.hex()}")
        except Refused as e:
            if e.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EINVAL):
                self.fault("refused for another reason than rights",
                           f"{op.name}: {e} {body.hex()}")
        finally:
            os.seteuid(0)

    def unchanged(self, why):
        now = self.state()
        if now != self.known:
            self.fault("a refused request changed something", why)
            self.known = now

    def check_there(self, client, op, values):
        """An object that was accepted is there as it was asked for."""
        get, names = ("group-get", ["name"]) if op.name == "group-new" else \
            ("sa-get", ["group", "spi"])
        if not set(names) <= set(values):
            return
        try:
            there, = client.do(get, {n: values[n] for n in names})
        except Refused as e:
            self.fault("accepted and not there", f"{values}: {e}")
            return
        for name, value in values.items():
            if name not in self.spec.ops[get].reply:
                continue
            if there.get(name) != value and not (not value and
                                                 name not in there):
                self.fault("accepted and there otherwise",
                           f"{name} is {there.get(name)}: {values}")

    # ---- one request ----

    def verified(self):
        """A sender that was verified, our own, looped back; and one by request."""
        key = bytes(range(36))
        want = {"group": NAMES[0], "spi": 4096}
        for op, values in (
                ("group-flush", {"force": True}),
                ("group-new", {"name": NAMES[0], "dst": bytes([239, 1, 1, 1])}),
                ("sa-new", want | {"dir": 3, "alg": 0, "key": key,
                                   "sender-id": [77], "selected": True})):
            self.clients[0].do(op, values)
        self.keys.append(key)
        self.traffic()
        for values, dump in (want | {"sender-id": 77}, False), (want, True):
            there = self.clients[0].do("sender-get", values, dump)
            if [s["sender-id"] for s in there] != [77]:
                self.fault("not the sender", there)
            self.accepted["sender-get", dump] = 1
        self.given["sender-get"] = set(want) | {"sender-id"}
        of = want | {"sender-id": 5}
        for op, values in (("sender-new", of | {"name": "s.example"}),
                           ("sender-set", of | {"name": "t.example"}),
                           ("sender-del", of)):
            self.clients[0].do(op, values)
            self.accepted[op, False] = 1
            self.given[op] = set(values)
        self.edges()
        self.known = self.state()

    def edges(self):
        """An edge of each kind, with everything that it can have."""
        group = {"group": NAMES[1]}
        peer = {"peer": bytes([192, 0, 2, 9]), "peer-port": 4500, "dir": 2,
                "senders": [1 << 16 | 4, 9 << 16 | 9], "mtu": 1400}
        self.clients[0].do("group-new", {"name": NAMES[1],
                                         "dst": bytes([239, 1, 1, 2])})
        one, two = group | {"id": 1}, group | {"id": 2}
        for op, values in (
                ("edge-new", one | peer | {"local": bytes([127, 0, 0, 1]),
                                           "local-port": 4500, "dev": "lo"}),
                ("edge-new", two | peer | {"socket": self.udp.fileno()}),
                ("edge-set", two | peer | {"peer-port": 4501}),
                ("edge-del", one)):
            self.clients[0].do(op, values)
            self.accepted[op, False] = 1
            self.given.setdefault(op, set()).update(values)
        for values, dump in (two, False), (group, True):
            there = self.clients[0].do("edge-get", values, dump)
            if [(e["id"], e["peer-port"], e["senders"]) for e in there] != \
                    [(2, 4501, peer["senders"])]:
                self.fault("not the edge", there)
            self.accepted["edge-get", dump] = 1
        self.given["edge-get"] = set(two)
        # The end of the socket is that of its edges.
        self.udp.close()
        if self.clients[0].do("edge-get", group, True):
            self.fault("an edge without a socket", group)
        self.udp = self.make_udp()

    @staticmethod
    def make_udp():
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        return udp

    def step(self):
        r = self.rng
        self.asked += 1
        if r.random() < 0.01:
            i = r.randrange(1, len(self.clients))
            self.clients[i].close()
            self.clients[i] = Client(self.spec)
        client = r.choice(self.clients)
        op = self.spec.ops[r.choices(
            [o.name for o in self.spec.ops.values() if o.do],
            [{"group-new": 6, "sa-new": 8, "sa-set": 4, "group-flush": 0.3,
              "group-del": 1, "sa-flush": 0.5}.get(o.name, 2)
             for o in self.spec.ops.values() if o.do])[0]]
        values = self.request(op)
        parts = self.spec.parts(op, values)
        dump = op.dump and r.random() < 0.4
        whole = r.random() < 0.6
        if not whole:
            self.broken += 1
            for _ in range(r.randint(1, 2)):
                if r.random() < 0.7:
                    parts = self.break_parts(op, parts)
        key = values.get("key")
        if key and len(key) >= 16:
            self.keys.append(key)
            del self.keys[:-256]
        body = struct.pack("=BBH", op.number, r.choice([1, 1, 1, 0, 255]), 0) + \
            b"".join(nla(*p) for p in parts)
        if not whole and r.random() < 0.4:
            body = self.break_octets(body)
        if len(body) > 60000:
            return
        if r.random() < 0.03:
            self.ask_poor(op, body)
            return
        said = f"{op.name}{' dump' if dump else ''} {values} {body.hex()}"
        # with broken octets the command may be another one
        number = body[0]
        real = next((o for o in self.spec.ops.values()
                     if o.number == number and o.do), op)
        try:
            client.raw(real, body, dump)
        except Refused as e:
            self.refusals[e.words] = self.refusals.get(e.words, 0) + 1
            if not e.words and whole and e.errno != errno.EOPNOTSUPP:
                self.fault("refused without words", f"{e} {said}")
            if r.random() < 0.1:
                self.unchanged(said)
        except ValueError as e:
            self.fault("an answer that the specification does not know",
                       f"{e} {said}")
        else:
            self.accepted[real.name, dump] = \
                self.accepted.get((real.name, dump), 0) + 1
            if whole and not dump:
                self.given.setdefault(op.name, set()).update(values)
                if op.name in ("group-new", "sa-new"):
                    self.check_there(client, op, values)
            if real.name in CHANGING:
                self.known = self.state()
        self.look_for_keys(client, body)

    def traffic(self):
        """Datagrams meet what is there while it changes."""
        index = socket.if_nametoindex("dummy0")
        for family, to in (socket.AF_INET, V4), (socket.AF_INET6, V6):
            with socket.socket(family, socket.SOCK_DGRAM) as s:
                s.bind(("", 5000))
                if family == socket.AF_INET:
                    s.setsockopt(socket.IPPROTO_IP, 32,
                                 bytes(8) + struct.pack("@I", index))
                else:
                    s.setsockopt(socket.IPPROTO_IPV6,
                                 socket.IPV6_MULTICAST_IF, index)
                for address in to:
                    group = socket.inet_pton(family, address)
                    if family == socket.AF_INET:
                        s.setsockopt(socket.IPPROTO_IP,
                                     socket.IP_ADD_MEMBERSHIP, group +
                                     bytes(4) + struct.pack("@I", index))
                    else:
                        s.setsockopt(socket.IPPROTO_IPV6,
                                     socket.IPV6_JOIN_GROUP,
                                     group + struct.pack("@I", index))
                    try:
                        s.sendto(b"x" * self.rng.randrange(2000),
                                 (address, 5000))
                    except OSError:
                        pass


def main():
    spec = Spec(sys.argv[1])
    seconds, seed = int(sys.argv[2]), int(sys.argv[3])
    print(f"# seed {seed}", flush=True)
    fuzzer = Fuzzer(spec, seed)
    fuzzer.verified()
    end = time.time() + seconds
    # a least number, however slow the machine is: each rule meets each
    # operation then
    while time.time() < end or fuzzer.asked < 4000:
        fuzzer.step()
        if fuzzer.asked % 50 == 0:
            fuzzer.traffic()
        if fuzzer.faults:
            break
    number = failed = 0

    def check(name, bad):
        nonlocal number, failed
        number += 1
        failed += bool(bad)
        print(f"{'not ok' if bad else 'ok'} {number} - {name}")
        for one in bad:
            print(f"# {one}")

    accepted = sum(fuzzer.accepted.values())
    check(f"{fuzzer.asked} requests, {fuzzer.broken} of them broken, "
          f"{fuzzer.unprivileged} without rights, {accepted} accepted: no rule "
          f"broken (seed {seed})", fuzzer.faults)
    ways = [(o.name, False) for o in spec.ops.values() if o.do] + \
        [(o.name, True) for o in spec.ops.values() if o.dump]
    check("each operation and dump was accepted",
          [f"{name}{' dump' if dump else ''}" for name, dump in ways
           if (name, dump) not in fuzzer.accepted and not fuzzer.faults])
    check("with each of its attributes",
          [f"{o.name}: {name}" for o in spec.ops.values() if o.do
           for name in o.request if not fuzzer.faults and
           name not in fuzzer.given.get(o.name, ())])
    fuzzer.clients[0].do("group-flush", {"force": True})
    # a group of an owner whose socket is open stays, closed, until that is gone
    for c in fuzzer.clients[1:]:
        c.close()
    fuzzer.clients[0].do("group-flush", {"force": True})
    check("nothing is left", fuzzer.state())
    print(f"# {len(fuzzer.refusals)} kinds of refusal:")
    for words, times in sorted(fuzzer.refusals.items(), key=lambda x: -x[1]):
        print(f"#   {times:7} {words}")
    print(f"1..{number}")
    sys.exit(failed > 0)


main()
