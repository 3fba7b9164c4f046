#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fuzz the module's packet paths from both sides and from within.

  packets.py SPEC SECONDS SEED

Runs in a namespace of its own that routes multicast between three taps:

    outside 10.1.0.1, fd01::1 --- tap0        tap1 --- inside 10.2.0.1, fd02::1
                      another --- tap2

Groups are protected outside, at tap0 and tap2. Frames come with virtio headers,
as out of virtual machines. First what is known to lead to each counter is sent,
then what chance makes of it: ESP that verifies around insides that are broken,
outer headers, chains of IPv6, fragments, batches; what is routed; what sockets of
this host send; all while groups and SAs change. Held against it:

  - what is meant for a group that enforces leaves outside as ESP alone, whatever
    else happens: no octet of it in the clear, ICMP errors included;
  - what came in the clear, or was changed on the way, is neither delivered nor
    routed on.

In the second half ChaCha20 answers later, by cryptd, where the kernel lets it.
Writes TAP, and which counters were never reached. What the kernel says about
it all, the guest looks for.
"""
import random
import socket
import struct
import sys
import time

from bed import (BASE, DST, EDGED, EMPTY, FORGED, IN4, IN6, ME4, ME6, OBSERVED, OUT4,
                 OUT6, PORT, SECRET, UNLIKELY, Bed, ip, is_esp)
from esp import fragment6, frame, ip4, ip6, options6, packed, udp
from family import Spec


class Known:
    """Lead to each counter, once for each family."""

    def __init__(self, bed):
        self.b = bed

    def outside(self, six, n, proto, payload, **more):
        self.b.taps[0].put(frame(ip(six, OUT6 if six else OUT4,
                                    DST[six].format(n), proto, payload,
                                    **more), six))

    def inside(self, six, n, data=SECRET):
        src, dst = IN6 if six else IN4, DST[six].format(n)
        self.b.taps[1].put(frame(ip(six, src, dst, 17,
                                    udp(src, dst, 9, 5000, data)), six))

    def send(self, six, n, data=SECRET, port=5000):
        try:
            self.b.udp[six].sendto(data, (DST[six].format(n), port))
        except OSError:
            pass

    def groups(self, six):
        b, f = self.b, "6" if six else "4"
        outside = {"dev": ["tap0", "tap2"], "forward": True}
        b.group("base" + f, six, BASE, **outside)
        b.group("port" + f, six, PORT, proto=17, dport=5000)
        b.group("observed" + f, six, OBSERVED, policy=1)
        b.group("empty" + f, six, EMPTY, dev=["tap0", "tap2"])

    def run(self, six):
        b, f = self.b, "6" if six else "4"
        src, dst = OUT6 if six else OUT4, DST[six].format(BASE)
        self.groups(six)
        base, port = "base" + f, "port" + f
        icmp, ping = (58, b"\x80") if six else (1, b"\x08")

        # datagrams that are sent and routed
        for n in OBSERVED, EMPTY:
            self.send(six, n)                   # observed, no-sa
            self.inside(six, n)                 # forward-observed, -clear
        out = b.sa(base, dir=2, sender_id=[1], selected=True)
        self.send(six, BASE)                    # protected
        self.inside(six, BASE)                  # twice: two outputs
        self.send(six, BASE, bytes(65500))      # too big
        option = (41, 23) if six else (0, 10)   # MTU_DISCOVER
        b.udp[six].setsockopt(*option, 2)
        self.send(six, BASE, bytes(1440))       # mtu
        b.udp[six].setsockopt(*option, 1)
        self.raw(six)                           # exempt, foreign, fragment
        if six:
            b.sa(base, dir=2, sender_id=[2], selected=True, mode=1)
            b.udp[True].setsockopt(41, 54, options6(0, 8))
            self.send(six, BASE)                # options
            b.udp[True].setsockopt(41, 54, b"")
        b.sa(base, dir=2, sender_id=[3], selected=True, hard_packets=1)
        self.send(six, BASE)
        self.send(six, BASE)                    # expired
        b.sa(base, dir=2, sender_id=[4], selected=True, iv_limit=1)
        self.send(six, BASE)
        self.send(six, BASE)                    # exhausted
        # an error about what is in the clear, on its way outside
        inner = ip(six, OUT6 if six else OUT4, dst, 17,
                   udp(src, dst, 9, 5000, SECRET))
        body = bytes([1 if six else 3, 0, 0, 0]) + bytes(4) + inner
        b.taps[1].put(frame(ip(six, IN6 if six else IN4, src, icmp, body),
                            six))               # quoted

        # datagrams that arrive
        u = udp(src, dst, 9, 5000, SECRET)
        sa = b.sa(base)
        sealed = b.seal(sa, u, 17)
        self.outside(six, BASE, 50, sealed)     # accepted
        self.outside(six, BASE, 50, sealed)     # replay
        self.outside(six, BASE, 50, b.seal(sa, u, 17)[:-1] + b"\0")
        self.outside(six, BASE, 50, b.seal(sa, u, 17)[:-1] + b"\1")
        self.outside(six, BASE, 50, b.seal(sa, u, 17, say=255))
        self.outside(six, BASE, 50, b.seal(sa, bytes(9), 59))   # dummy
        self.outside(six, BASE, 50, sealed[:20])                # malformed
        self.outside(six, BASE, 50, b"\0\0\1\0" + sealed[4:])   # no SA
        self.outside(six, BASE, 50, struct.pack("!I", out.spi) + sealed[4:])
        self.outside(six, BASE, 50,
                     b.seal(sa, ping + bytes(20), icmp))        # echo
        self.outside(six, BASE, 17, u)                          # clear
        self.outside(six, OBSERVED, 17, u)                      # observed
        self.exempt(six)
        self.fragment(six)
        one = b.sa(base, hard_packets=1)
        for _ in range(2):
            self.outside(six, BASE, 50, b.seal(one, u, 17))     # expired
        few = b.sa(base, max_senders=1)
        for sid in 1, 2:
            self.outside(six, BASE, 50, b.seal(few, u, 17, sid=sid))
        tunnel = b.sa(base, mode=1)
        self.outside(six, BASE, 50, b.seal(tunnel, u, 17))      # mode
        self.outside(six, BASE, 50, b.seal(
            tunnel, inner[:-1], 41 if six else 4))              # inner
        part = ip6(src, dst, 44, fragment6(17, 0, 1, 7) + bytes(64)) if six \
            else ip4(src, dst, 17, bytes(64), frag=0x2000)
        self.outside(six, BASE, 50, b.seal(tunnel, part, 41 if six else 4))
        self.edges(six)
        narrow = b.sa(port)
        self.outside(six, PORT, 50,
                     b.seal(narrow, udp(src, dst, 9, 5001, SECRET), 17))

    def edges(self, six):
        """Two hosts below at a socket, and three edges by which nothing goes."""
        b, f = self.b, "6" if six else "4"
        me, out = (ME6, OUT6) if six else (ME4, OUT4)
        group, dst = "edged" + f, DST[six].format(EDGED)
        b.group(group, six, EDGED)

        def edge(n, port, peer=out, **more):
            made = b.do("edge-new", group=group, id=n, local=packed(me),
                        local_port=port, peer=packed(peer), peer_port=4500 + n,
                        dir=2, senders=[1 << 16 | 9], **more)
            assert made is not None, (group, n)

        edge(1, 4500)
        edge(2, 4500)
        edge(3, 4500, peer="fd0f::1" if six else "10.15.0.1")   # no route
        edge(4, 4501, dev="later0")
        sa = b.sa(group, dir=3, sender_id=[100], selected=True, mode=1, alg=0)
        self.send(six, EDGED)                           # sent, no-route

        def arrive(sid, port, to):
            inner = ip(six, out, dst, 17, udp(out, dst, 9, 5000, SECRET))
            sealed = b.seal(sa, inner, 41 if six else 4, sid=sid)
            self.b.taps[0].put(frame(ip(six, out, me, 17, udp(
                out, me, port, to, sealed)), six))

        arrive(3, 4501, 4500)                           # relayed
        arrive(3, 4599, 4500)                           # unknown
        arrive(10, 4501, 4500)                          # sender
        arrive(4, 4504, 4501)                           # no device

    def exempt(self, six):
        report = bytes([131 if six else 0x16, 0, 0, 0]) + bytes(20)
        self.outside(six, BASE, 58 if six else 2, report, ttl=1)

    def fragment(self, six):
        """By itself: a rule says so for this traffic class."""
        if six:
            self.outside(True, BASE, 44, fragment6(17, 0, 1, 7) + bytes(64),
                         tos=0xe0)
        else:
            self.outside(False, BASE, 17, bytes(64), frag=0x2000, tos=0xe0)

    def raw(self, six):
        me, dst = ME6 if six else ME4, DST[six].format(BASE)
        report = bytes([131 if six else 0x16, 0, 0, 0]) + bytes(20)
        packets = [ip(six, me, dst, 58 if six else 2, report, ttl=1),
                   ip(six, me, dst, 50, bytes(40))]
        if six:
            packets += [
                ip6(me, dst, 44, fragment6(17, 0, 1, 7) + bytes(64),
                    tos=0xe0),
                ip6(me, DST[True].format(PORT), 60,
                    options6(60, 1000) + options6(17, 64) + bytes(40))]
        else:
            packets += [ip4(me, dst, 17, bytes(64), frag=0x2000, tos=0xe0),
                        b"\x44" + ip4(me, dst, 17, bytes(64))[1:]]
        for p in packets:
            try:
                self.b.raw[six].sendto(p, (dst, 0))
            except OSError:
                pass


class Chance:
    """The rest."""

    def __init__(self, bed):
        self.b, self.rng = bed, bed.rng
        self.old = []
        self.sent = 0
        self.observes = False

    # ---- groups ----

    def configure(self):
        b, r = self.b, self.rng
        b.flush()
        self.observes = r.random() < 0.25
        self.old = []
        for six in False, True:
            f = "6" if six else "4"
            more = {}
            if r.random() < 0.7:
                more["dev"] = ["tap0", "tap2"]
            if r.random() < 0.7:
                more["forward"] = True
            if r.random() < 0.3:
                more.update(in_mark=5, in_mark_mask=7)
            assert b.group("base" + f, six, BASE, **more) is not None
            names = ["base" + f]
            for i in range(r.randrange(6)):
                name = f"g{i}{f}"
                if b.group(name, six, r.choice([1, 1, 1, 2, 3, 4]),
                           **self.selector(six, i)) is not None:
                    names.append(name)
            for name in names:
                self.keys(name)

    def selector(self, six, i):
        r = self.rng
        more = {}
        if r.random() < 0.5:
            more["proto"] = r.choice([17, 17, 17, 58 if six else 1, 136, 2])
            if more["proto"] == 17 and r.random() < 0.7:
                more["dport"] = r.choice([5000, 5001])
        if r.random() < 0.3:
            more["src"] = packed(r.choice(["fd01::1", "fd02::1"] if six else
                                          ["10.1.0.1", "10.2.0.1"]))
        if r.random() < 0.3:
            more["dev"] = r.sample(["tap0", "tap1", "tap2"], r.choice([1, 2]))
        if r.random() < 0.2:
            more.update(mark=5, mark_mask=7)
        if r.random() < 0.3:
            more["forward"] = True
        if self.observes and r.random() < 0.5:
            more["policy"] = 1
        return more or {"proto": 17 + i}

    def keys(self, name):
        b, r = self.b, self.rng
        for _ in range(r.randrange(4)):
            sa = {"mode": r.choice([0, 0, 1]), "replay": r.choice([0, 0, 1, 2]),
                  "window": 64 << r.randrange(4), "dir": r.choice([1, 1, 3]),
                  "sid_bits": r.choice([8, 12, 16])}
            if sa["dir"] & 2:
                sa["sender_id"] = r.sample(range(1, 250), r.choice([1, 3]))
                sa["selected"] = True
            if r.random() < 0.2:
                sa["max_senders"] = 3
            if r.random() < 0.1:
                sa["hard_packets"] = r.randrange(1, 200)
            if r.random() < 0.1:
                sa["iv_limit"] = r.randrange(1, 200)
            b.sa(name, must=False, **sa)

    def change(self):
        """While packets are on their way."""
        b, r = self.b, self.rng
        what = r.randrange(6)
        if what < 2 and b.sas:
            sa = b.sas.pop(r.randrange(len(b.sas)))
            b.do("sa-del", group=sa.group, spi=sa.spi)
        elif what < 4:
            self.keys(r.choice(["base4", "base6", "g04", "g06", "g16"]))
        elif what == 4:
            name = r.choice(["g04", "g06", "g14", "g16"])
            b.do("group-del", name=name)
            b.sas = [sa for sa in b.sas if sa.group != name]
        else:
            six = r.random() < 0.5
            name = f"g{r.randrange(3)}{'6' if six else '4'}"
            if b.group(name, six, r.choice([1, 2, 3]),
                       **self.selector(six, 9)) is not None:
                self.keys(name)

    # ---- insides ----

    def payload(self, six, src, dst, mark):
        """Protocol and octets: UDP mostly, with @mark in it."""
        r = self.rng
        data = mark + r.randbytes(r.choice([0, 1, 40, 300, 1300, 1500, 3000]))
        what = r.randrange(14)
        if what < 7:
            return 17, udp(src, dst, 9, r.choice([5000, 5000, 5001, 0]), data)
        if what == 7:
            return 17, r.randbytes(r.randrange(8))
        if what == 8:
            return 136, udp(src, dst, 9, 5000, data)
        if what == 9:
            # the type is random: no marker, it may be exempt
            return (58 if six else 1), r.randbytes(r.randrange(60))
        if what == 10:
            return (58 if six else 2), bytes([r.choice(
                [130, 131, 132, 143, 0x11, 0x16, 0x22])]) + r.randbytes(30)
        if what == 11:
            return 50, r.randbytes(r.randrange(100))
        if what == 12:
            return (41 if six else 4), ip(six, src, dst, 17,
                                          udp(src, dst, 9, 5000, data))
        return r.choice([0, 6, 43, 44, 51, 59, 60, 255]), \
            r.randbytes(r.randrange(64))

    def chain(self, proto, body):
        """Headers of IPv6 in front."""
        r = self.rng
        for _ in range(r.choice([0, 0, 0, 1, 2, 5])):
            kind = r.choice([0, 43, 44, 60, 60])
            if kind in (0, 60):
                head = options6(proto, r.choice([8, 16, 64, 512]))
            elif kind == 43:
                head = bytes([proto, 0, r.choice([0, 2, 4]), 0]) + bytes(4)
            else:
                head = fragment6(proto, r.choice([0, 0, 8, 1400]),
                                 r.randrange(2), r.randrange(4))
            proto, body = kind, head + body
            if r.random() < 0.1:
                body = body[:r.randrange(len(body))]
        return proto, body

    def mangled(self, octets, times=1, start=0):
        r = self.rng
        out = bytearray(octets)
        for _ in range(times):
            if start < len(out):
                out[r.randrange(start, len(out))] ^= 1 << r.randrange(8)
        return bytes(out)

    def inner(self, six, src, dst):
        """The inside of a tunnel."""
        r = self.rng
        proto, body = self.payload(six, src, dst, SECRET)
        if six and r.random() < 0.4:
            proto, body = self.chain(proto, body)
        more = {"ttl": r.choice([0, 1, 8, 255]), "tos": r.randrange(256)}
        if not six and r.random() < 0.3:
            more["frag"] = r.choice([0x2000, 0x4000, 5, 0x2005, 0x8000])
            more["ident"] = r.randrange(4)
            body = body[:r.choice([8, 64, len(body) & ~7])]
        if not six and r.random() < 0.1:
            more["options"] = b"\x94\x04\0\0" + bytes(4)
        if r.random() < 0.1:
            dst = r.choice([dst, DST[six].format(4), src])
        out = ip(six, src, dst, proto, body, **more)
        if r.random() < 0.2:
            out = self.mangled(out, 2)
        if r.random() < 0.1:
            out = out[:r.randrange(len(out) + 1)]
        return out

    # ---- frames ----

    def virtio(self, packet, six):
        r = self.rng
        if r.random() < 0.75:
            return bytes(10)
        hlen = 40 if six else 20
        flags = r.choice([0, 1, 1, 2])
        kind = r.choice([0, 1, 3, 4, 5, 5, 5, 0x83])
        start = 14 + hlen if r.random() < 0.8 else r.randrange(200)
        return struct.pack("=BBHHHH", flags, kind,
                           r.choice([14 + hlen + 8, 0, r.randrange(2000)]),
                           r.choice([500, 1000, 8, 1, r.randrange(65536)]),
                           start, r.choice([6, 6, 16, r.randrange(100)]))

    def split(self, packet, six):
        """As fragments, of whatever order and overlap."""
        r = self.rng
        hlen = 40 if six else 20
        head, body = packet[:hlen], packet[hlen:]
        size = r.choice([8, 64, 512]) if len(body) < 2000 else 512
        at, ident, out = 0, r.getrandbits(16), []
        while at < len(body):
            part, more = body[at:at + size], at + size < len(body)
            if six:
                out.append(ip6(head[8:24], head[24:40], 44, fragment6(
                    head[6], at, more, ident) + part))
            else:
                out.append(ip4(head[12:16], head[16:20], head[9], part,
                               frag=at // 8 | more << 13, ident=ident))
            at += size
            if r.random() < 0.02:
                at = max(at - 16, 0) & ~7
            if len(out) > 300:
                break
        if r.random() < 0.5:
            r.shuffle(out)
        if r.random() < 0.2:
            del out[r.randrange(len(out))]
        return out

    def inject(self, tap, packet, six, whole=0.8):
        r = self.rng
        if r.random() > whole and len(packet) > 40 and \
                packet[:1] in (b"\x45", b"\x60"):
            for part in self.split(packet, six):
                self.b.taps[tap].put(frame(part, six))
            return
        self.b.taps[tap].put(frame(packet, six), self.virtio(packet, six))

    def from_outside(self):
        b, r = self.b, self.rng
        if self.old and r.random() < 0.1:
            six, packet = r.choice(self.old)
            self.inject(0, packet, six)
            return
        if not b.sas or r.random() < 0.25:
            self.forge()
            return
        sa = r.choice(b.sas)
        six = sa.group.endswith("6")
        src = r.choice([OUT6, IN6] if six else [OUT4, IN4])
        dst = DST[six].format(r.choice([1, 1, 1, 2, 3]))
        if sa.tunnel and r.random() < 0.9:
            proto, body = (41 if six else 4), self.inner(six, src, dst)
        else:
            proto, body = self.payload(six, src, dst, SECRET)
            if six and r.random() < 0.2:
                proto, body = self.chain(proto, body)
        how = {"sid": r.choice([1, 1, 1, 2, 3, 200])}
        if r.random() < 0.1:
            how["counter"] = r.choice([0, 1, sa.counter + 5000,
                                       r.getrandbits(48)])
        if r.random() < 0.1:
            how["pad"] = r.randrange(256)
        if r.random() < 0.05:
            how["say"] = r.randrange(256)
        if r.random() < 0.03:
            proto = 59
        text = b.seal(sa, body, proto, **how)
        if r.random() < 0.1:
            text = self.mangled(text)
        if r.random() < 0.05:
            text = text[:r.randrange(len(text))]
        proto, more = 50, {"ttl": r.choice([1, 2, 8, 255]),
                           "tos": r.randrange(256)}
        if six and r.random() < 0.15:
            proto, text = self.chain(proto, text)
        elif not six and r.random() < 0.05:
            more["options"] = r.choice([b"\x94\x04\0\0", b"\x07\x07\x04" +
                                        bytes(5), r.randbytes(8)])
        packet = ip(six, src, dst, proto, text, **more)
        self.old.append((six, packet))
        del self.old[:-64]
        self.inject(0, packet, six)

    def forge(self):
        """In the clear, from outside."""
        r = self.rng
        six = r.random() < 0.5
        src = r.choice([OUT6, IN6] if six else [OUT4, IN4])
        dst = DST[six].format(1)
        proto, body = self.payload(six, src, dst, FORGED)
        if six and r.random() < 0.4:
            proto, body = self.chain(proto, body)
        packet = ip(six, src, dst, proto, body, ttl=r.choice([1, 8]))
        # not the destination's octets: other addresses are open
        if r.random() < 0.3:
            packet = self.mangled(packet[:8], 2) + packet[8:]
        self.inject(0, packet, six)

    def from_inside(self):
        r = self.rng
        six = r.random() < 0.5
        src, dst = (IN6 if six else IN4), DST[six].format(1)
        proto, body = self.payload(six, src, dst, SECRET)
        if six and r.random() < 0.3:
            proto, body = self.chain(proto, body)
        more = {"ttl": r.choice([1, 2, 64]), "tos": r.randrange(256)}
        if not six:
            more["frag"] = r.choice([0, 0, 0x4000])
        packet = ip(six, src, dst, proto, body, **more)
        what = r.random()
        if what < 0.2:
            packet = self.mangled(packet[:8], 2) + packet[8:]
        elif what < 0.25:
            # an error about one, on its way out
            kind = r.choice([1, 2, 3, 4] if six else [3, 4, 5, 11, 12])
            packet = ip(six, src, OUT6 if six else OUT4, 58 if six else 1,
                        bytes([kind, 0, 0, 0]) + bytes(4) + packet)
        self.inject(1, packet, six)

    def from_here(self):
        b, r = self.b, self.rng
        six = r.random() < 0.5
        dst = DST[six].format(r.choice([1, 1, 1, 2, 3, 4]))
        s = b.udp[six]
        level = 41 if six else 0
        s.setsockopt(level, 23 if six else 10, r.randrange(4))
        s.setsockopt(level, 18 if six else 33, r.choice([1, 8]))    # hops
        s.setsockopt(17, 103, r.choice([0, 0, 0, 100, 1000, 1400]))  # GSO
        s.setsockopt(socket.SOL_SOCKET, 36, r.choice([0, 0, 5]))    # mark
        s.setsockopt(socket.SOL_SOCKET, 11, r.choice([0, 0, 1]))    # no check
        if six:
            s.setsockopt(41, 54, options6(0, 8) if r.random() < 0.1 else b"")
            s.setsockopt(41, 59, options6(0, 64) if r.random() < 0.1 else b"")
        data = SECRET + r.randbytes(r.choice(
            [0, 1, 100, 1380, 1400, 1420, 1440, 3000, 9000, 65000]))
        # one that observes may have it in the clear: no marker then
        if dst != DST[six].format(1):
            data = data[len(SECRET):]
        try:
            if r.random() < 0.7:
                s.sendto(data, (dst, r.choice([5000, 5001])))
                return
            me = ME6 if six else ME4
            proto, body = self.payload(six, me, dst, b"")
            if six:
                proto, body = self.chain(proto, body)
            packet = ip(six, me, dst, proto, body)
            if r.random() < 0.5:
                packet = self.mangled(packet[:16], 2) + packet[16:]
            b.raw[six].sendto(packet, (dst, 0))
        except OSError:
            pass

    def step(self):
        r = self.rng
        self.sent += 1
        if r.random() < 0.01:
            self.change()
        what = r.random()
        if what < 0.5:
            self.from_outside()
        elif what < 0.75:
            self.from_inside()
        else:
            self.from_here()


def answer_later():
    """Put cryptd before ChaCha20-Poly1305 as the module asks for it."""
    name = "rfc7539(chacha20,poly1305)"

    def drivers():
        out, found = open("/proc/crypto", encoding="ascii").read(), []
        for entry in out.split("\n\n"):
            lines = dict(line.split(":", 1) for line in entry.splitlines()
                         if ":" in line)
            fields = {k.strip(): v.strip() for k, v in lines.items()}
            if fields.get("name") == name:
                found.append(fields["driver"])
        return found

    def bind(driver):
        try:
            with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET) as s:
                s.bind(("aead", driver))
        except OSError:
            pass        # newer kernels make it and do not give it to sockets

    bind(name)
    for driver in drivers() or [name]:
        bind(f"cryptd({driver})")
    return any(d.startswith("cryptd(") for d in drivers())


def main():
    spec = Spec(sys.argv[1])
    seconds, seed = int(sys.argv[2]), int(sys.argv[3])
    print(f"# seed {seed}", flush=True)
    bed = Bed(spec, random.Random(seed))
    faults = []

    def look(observes):
        """The packets that left and arrived since the last time."""
        left = 0
        for i in 0, 2:
            for data in bed.taps[i].frames():
                left += 1
                if SECRET in data and not observes and not is_esp(data[14:]):
                    faults.append(f"in the clear at tap{i}: {data.hex()}")
        for data in bed.taps[1].frames():
            if FORGED in data and not observes:
                faults.append(f"forged, and routed on: {data.hex()}")
        for s in bed.listen:
            while True:
                try:
                    data = s.recv(1 << 16)
                except BlockingIOError:
                    break
                except OSError:
                    continue
                if FORGED in data and not observes:
                    faults.append(f"forged, and delivered: {data.hex()}")
        return left

    known = Known(bed)
    for six in False, True:
        known.run(six)
    for _ in range(20):
        time.sleep(0.02)
        look(True)
    reached = {c for c, n in bed.counters().items() if n}
    chance = Chance(bed)
    begin, left, later = time.time(), 0, None
    end = begin + seconds
    while (time.time() < end or chance.sent < 8000) and not faults:
        if later is None and chance.sent >= 4000 and \
                time.time() >= (begin + end) / 2:
            later = answer_later()
            chance.sent += -chance.sent % 2000
        if chance.sent % 2000 == 0:
            left += look(chance.observes)
            chance.configure()
        chance.step()
        if chance.sent % 25 == 0:
            left += look(chance.observes)
    time.sleep(0.2)
    left += look(chance.observes)
    counters = bed.counters()
    bed.flush()
    number = failed = 0

    def check(name, bad):
        nonlocal number, failed
        number += 1
        failed += bool(bad)
        print(f"{'not ok' if bad else 'ok'} {number} - {name}")
        for one in bad:
            print(f"# {one}")

    check(f"{chance.sent} datagrams, {left} left outside: nothing in the "
          f"clear, nothing forged (seed {seed})", faults)
    check("what is known to lead to each counter does",
          sorted(set(counters) - UNLIKELY - reached))
    check("chance had some verified and some protected",
          [c for c in ("in-accepted", "out-protected")
           if counters[c] < chance.sent // 100])
    print("# a cipher that answers later: " + ("yes" if later else "no"))
    never = sorted(c for c, n in counters.items() if not n)
    print("# never reached: " + (", ".join(never) or "none"))
    for name, n in sorted(counters.items(), key=lambda c: -c[1]):
        if n:
            print(f"# {n:9} {name}")
    print(f"1..{number}")
    sys.exit(failed > 0)


main()
