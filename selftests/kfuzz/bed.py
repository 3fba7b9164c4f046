# SPDX-License-Identifier: Apache-2.0
"""The namespace of the packet fuzzer: taps, routes, sockets, groups and SAs, as
packets.py describes it.
"""
import errno
import fcntl
import os
import socket
import struct

from esp import CHACHA, Aead, ip4, ip6, packed, trailer
from family import Client, Refused

OUT4, OUT6, IN4, IN6 = "10.1.0.1", "fd01::1", "10.2.0.1", "fd02::1"
ME4, ME6 = "10.1.0.2", "fd01::2"
# by last number: all of an address, a port of it, observed, without an SA, by edges
BASE, PORT, OBSERVED, EMPTY, EDGED = 1, 2, 3, 4, 5
DST = {False: "239.1.1.{}", True: "ff3e::1:{}"}
SECRET = b"\xc5group's clear text\x5c"
FORGED = b"\xc5nobody's datagram\x5c"
# Each of these takes failing memory, a cipher that fails or answers later, a rule of
# the output, a tunnel in itself, or what a tap does not let by.
UNLIKELY = {"out-no-memory", "out-gso", "out-checksum", "out-crypto",
            "out-crypto-busy", "out-gone", "in-no-memory", "in-crypto",
            "in-crypto-busy", "in-gone", "edge-no-memory", "edge-refused",
            "edge-loop", "edge-too-big"}


class Tap:
    def __init__(self, name):
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        # IFF_TAP, IFF_NO_PI, IFF_VNET_HDR
        fcntl.ioctl(self.fd, 0x400454ca,
                    struct.pack("16sH22x", name.encode(), 0x5002))
        # checksums and all kinds of batches
        fcntl.ioctl(self.fd, 0x400454d0, 0x1f)
        self.index = socket.if_nametoindex(name)

    def put(self, data, virtio=bytes(10)):
        try:
            os.write(self.fd, virtio + data)
        except OSError as e:
            if e.errno not in (errno.EINVAL, errno.EMSGSIZE, errno.EIO,
                               errno.ENOMEM, errno.EFAULT):
                raise

    def frames(self):
        while True:
            try:
                yield os.read(self.fd, 1 << 17)[10:]
            except BlockingIOError:
                return


class Sa:
    def __init__(self, group, spi, values):
        self.group, self.spi, self.values = group, spi, values
        self.aead = Aead(values["alg"], values["key"])
        self.tunnel = values.get("mode") == 1
        self.sid_bits = values.get("sid-bits", 16)
        self.replay = values.get("replay", 0)
        self.counter = 0


class Bed:
    """The namespace: taps, routes, sockets, groups."""

    def __init__(self, spec, rng):
        self.rng = rng
        self.client = Client(spec)
        self.taps = [Tap(f"tap{i}") for i in range(3)]
        os.system("""
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
for i in 0 1 2; do
	sysctl -qw net.ipv4.conf.tap$i.rp_filter=0
	ip link set tap$i address 02:00:00:00:00:01 up
	ip addr add 10.$((i + 1)).0.2/24 dev tap$i
	ip addr add fd0$((i + 1))::2/64 dev tap$i nodad
	ip neigh add 10.$((i + 1)).0.1 lladdr 02:00:00:00:00:09 dev tap$i
	ip neigh add fd0$((i + 1))::1 lladdr 02:00:00:00:00:09 dev tap$i
done
ip route add multicast 224.0.0.0/4 dev tap0
ip route add multicast ff00::/8 dev tap0 table local
""")
        self.route()
        self.sockets()
        self.sas = []
        self.n_spi = 0x1000

    def route(self):
        self.mr4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, 2)
        self.mr4.setsockopt(0, 200, 1)
        self.mr6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)
        self.mr6.setsockopt(41, 200, 1)
        for i, tap in enumerate(self.taps):
            self.mr4.setsockopt(0, 202, struct.pack("@HBBIi4s", i, 8, 1, 0,
                                                    tap.index, bytes(4)))
            self.mr6.setsockopt(41, 202, struct.pack("@HBBHI", i, 0, 1,
                                                     tap.index, 0))
        for n in range(1, 6):
            # from outside in, from inside to both outputs
            for source, i, out in (1, 0, [1]), (2, 1, [0, 2]):
                ttls = bytearray(32)
                for o in out:
                    ttls[o] = 1
                self.mr4.setsockopt(0, 204, struct.pack(
                    "@4s4sH32sIIIi", packed(f"10.{source}.0.1"),
                    packed(DST[False].format(n)), i, bytes(ttls), 0, 0, 0, 0))
                self.mr6.setsockopt(41, 204, self.name6(
                    f"fd0{source}::1") + self.name6(DST[True].format(n)) +
                    struct.pack("@HH8I", i, 0, sum(1 << o for o in out),
                                *[0] * 7))

    @staticmethod
    def name6(address):
        return struct.pack("@HHI16sI", socket.AF_INET6, 0, 0, packed(address),
                           0)

    def sockets(self):
        index = self.taps[0].index
        self.listen, self.udp, self.raw = [], {}, {}
        for six in False, True:
            family = socket.AF_INET6 if six else socket.AF_INET
            for port in 5000, 5001:
                s = socket.socket(family, socket.SOCK_DGRAM)
                s.setblocking(False)
                if six:
                    s.setsockopt(41, socket.IPV6_V6ONLY, 1)
                s.bind(("::" if six else "", port))
                for n in range(1, 5):
                    group = packed(DST[six].format(n))
                    if six:
                        s.setsockopt(41, socket.IPV6_JOIN_GROUP,
                                     group + struct.pack("@I", index))
                    else:
                        s.setsockopt(0, socket.IP_ADD_MEMBERSHIP, group +
                                     bytes(4) + struct.pack("@I", index))
                self.listen.append(s)
            s = socket.socket(family, socket.SOCK_DGRAM)
            r = socket.socket(family, socket.SOCK_RAW, 255)
            for one in s, r:
                one.setblocking(False)
                if six:
                    one.setsockopt(41, socket.IPV6_MULTICAST_IF, index)
                else:
                    one.setsockopt(0, 32, bytes(8) + struct.pack("@I", index))
            if six:
                r.setsockopt(41, 36, 1)         # IPV6_HDRINCL
            self.udp[six], self.raw[six] = s, r

    # ---- groups and SAs ----

    def do(self, op, **values):
        values = {k.replace("_", "-"): v for k, v in values.items()}
        try:
            return self.client.do(op, values)
        except Refused:
            return None

    def group(self, name, six, n, **more):
        return self.do("group-new", name=name, dst=packed(DST[six].format(n)),
                       **more)

    def sa(self, group, must=True, **values):
        r = self.rng
        self.n_spi += 1
        alg = values.setdefault("alg", r.randrange(3))
        values.setdefault("key", r.randbytes(36 if alg == CHACHA else
                                             r.choice([20, 36])))
        values.setdefault("dir", 1)
        made = self.do("sa-new", group=group, spi=self.n_spi, **values)
        if made is None:
            assert not must, (group, values)
            return None
        sa = Sa(group, self.n_spi, {k.replace("_", "-"): v
                                    for k, v in values.items()})
        self.sas.append(sa)
        return sa

    def flush(self):
        self.do("group-flush", force=True)
        self.sas = []

    def counters(self):
        return {c["name"]: c["value"]
                for c in self.client.do("stats-get", dump=True)}

    # ---- one SA's ESP ----

    def seal(self, sa, payload, proto, sid=1, counter=None, **how):
        if counter is None:
            sa.counter += 1
            counter = sa.counter
        iv = (sid << 64 - sa.sid_bits | counter) & (1 << 64) - 1
        return sa.aead.seal(sa.spi, counter & 0xffffffff, iv,
                            trailer(payload, proto, **how))


def ip(six, src, dst, proto, payload, **more):
    if six:
        more = {k: v for k, v in more.items() if k in ("ttl", "tos")}
        return ip6(src, dst, proto, payload, **more)
    return ip4(src, dst, proto, payload, **more)


def is_esp(packet, quoted=True):
    """Whether it is ESP, a fragment of some, or an ICMP error about some: what is
    authenticated alone (RFC 4543) can be read in it."""
    if packet[:1] and packet[0] >> 4 == 4:
        at, proto = (packet[0] & 15) * 4, packet[9:10]
    else:
        at, proto = 40, packet[6:7]
        while proto in (b"\0", b"\x2b", b"\x2c", b"\x3c") and \
                len(packet) > at + 1:
            size = 8 if proto == b"\x2c" else 8 * packet[at + 1] + 8
            proto, at = packet[at:at + 1], at + size
    if proto in (b"\1", b"\x3a") and quoted:
        return is_esp(packet[at + 8:], False)
    return proto == b"\x32"
