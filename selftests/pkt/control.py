#!/usr/bin/python3 -ISs
# SPDX-License-Identifier: Apache-2.0
"""Control protocols as their daemons see them, and forged, for the module's
tests.

  control.py hear DEV READY OUT GROUP...
      Join the groups, create READY, write "TYPE SOURCE DESTINATION" to OUT
      for each message of IGMP and MLD that the raw sockets get, TYPE in hex,
      and behind a colon, the type of a report's first record.
  control.py frame DEV KIND SRC DST [WORD=VALUE]...
      One message as a frame, past the IP stack. KIND and its words:
        igmp, mld   type=HEX group=ADDR
        ospf        id=ADDR, a hello that knows of nobody; IPv4 or IPv6
        pim         a hello that holds for ten seconds
        vrrp        vrid=N prio=N addr=ADDR; IPv4 or IPv6
  control.py say DEV KIND SRC DST [WORD=VALUE]...
      The same by a raw socket that writes its own IP header.
"""
import _socket as socket
import select
import struct
import sys

sys.path.insert(0, __file__.rpartition("/")[0])
from inet import checksum  # noqa: E402


def number(addr):
    six = ":" in addr
    return socket.inet_pton(socket.AF_INET6 if six else socket.AF_INET, addr)


def summed(body, at, before=b""):
    """with its checksum at this offset"""
    return body[:at] + struct.pack("!H", checksum(before + body)) + \
        body[at + 2:]


class Message:
    """payload, protocol, TTL, and whether a router is to look at it"""

    def __init__(self, src, dst, words):
        self.src, self.dst = number(src), number(dst)
        self.six = len(self.dst) == 16
        self.words = words

    def pseudo(self, length, proto):
        return self.src + self.dst + struct.pack("!II" if self.six else "!HH",
                                                 *((length, proto)
                                                   if self.six else
                                                   (proto, length)))

    def igmp(self):
        body = struct.pack("!BBH", int(self.words["type"], 16), 10, 0) + \
            number(self.words["group"])
        return summed(body, 2), 2, 1, True

    def mld(self):
        body = struct.pack("!BBHHH", int(self.words["type"], 16), 0, 0, 1000,
                           0) + number(self.words["group"])
        return summed(body, 2, self.pseudo(len(body), 58)), 58, 1, True

    def ospf(self):
        me = number(self.words["id"])
        if self.six:
            body = struct.pack("!BBH", 3, 1, 36) + me + bytes(8) + \
                struct.pack("!IIHH", 7, 1 << 24 | 0x13, 1, 4) + bytes(8)
            return summed(body, 12, self.pseudo(36, 89)), 89, 1, False
        body = struct.pack("!BBH", 2, 1, 44) + me + bytes(16) + \
            struct.pack("!IHBBI", 0xffffff00, 1, 2, 1, 4) + bytes(8)
        return summed(body, 12), 89, 1, False

    def pim(self):
        body = struct.pack("!BBHHHHHHI", 0x20, 0, 0, 1, 2, 10, 20, 4, 0x66)
        before = self.pseudo(len(body), 103) if self.six else b""
        return summed(body, 2, before), 103, 1, False

    def vrrp(self):
        addr = number(self.words["addr"])
        body = struct.pack("!BBBBHH", 0x31, int(self.words["vrid"]),
                           int(self.words["prio"]), 1, 100, 0) + addr
        return summed(body, 6, self.pseudo(len(body), 112)), 112, 255, False

    def packet(self, name):
        body, proto, ttl, alert = getattr(self, name)()
        if self.six:
            hop = bytes([proto, 0, 5, 2, 0, 0, 1, 0]) if alert else b""
            return struct.pack("!IHBB", 6 << 28, len(hop + body),
                               0 if alert else proto, ttl) + \
                self.src + self.dst + hop + body
        option = bytes([0x94, 4, 0, 0]) if alert else b""
        head = struct.pack("!BBHHHBBH", 0x45 + alert, 0xc0,
                           20 + len(option + body), 1, 0, ttl, proto, 0) + \
            self.src + self.dst + option
        return summed(head, 10) + body

    def mac(self):
        if self.six:
            return b"\x33\x33" + self.dst[12:]
        return b"\x01\x00\x5e" + bytes([self.dst[1] & 127]) + self.dst[2:]


def frame(dev, name, src, dst, *words):
    m = Message(src, dst, dict(w.split("=") for w in words))
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((dev, 0))
    s.send(m.mac() + b"\x02\x00\x00\x00\x00\x66" +
           (b"\x86\xdd" if m.six else b"\x08\x00") + m.packet(name))


def say(dev, name, src, dst, *words):
    m = Message(src, dst, dict(w.split("=") for w in words))
    s = socket.socket(socket.AF_INET6 if m.six else socket.AF_INET,
                      socket.SOCK_RAW, socket.IPPROTO_RAW)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, dev.encode())
    s.sendto(m.packet(name), (dst, 0))


def kind(body, report):
    """the type; of a report by records, also what the first of them says"""
    return f"{body[0]:02x}" + (f":{body[8]}" if body[0] == report else "")


def hear(dev, ready, out, *groups):
    index = socket.if_nametoindex(dev)
    r4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, 2)
    r6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)
    for g in groups:
        if ":" in g:
            r6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                          number(g) + struct.pack("@I", index))
        else:
            r4.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                          number(g) + bytes(4) + struct.pack("@I", index))
    r6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    # to the end, wherever that is: who reads it may empty it
    with open(out, "a", buffering=1) as f:
        open(ready, "w").close()
        while True:
            for s in select.select([r4, r6], [], [])[0]:
                if s is r4:
                    data = s.recv(65536)
                    f.write(f"{kind(data[(data[0] & 15) * 4:], 0x22)} "
                            f"{socket.inet_ntoa(data[12:16])} "
                            f"{socket.inet_ntoa(data[16:20])}\n")
                    continue
                data, more, _, src = s.recvmsg(65536, 256)
                if data[0] not in (130, 131, 132, 143):
                    continue
                dst = socket.inet_ntop(socket.AF_INET6, more[0][2][:16])
                f.write(f"{kind(data, 0x8f)} {src[0].split('%')[0]} {dst}\n")


def main(name, *words):
    {"hear": hear, "frame": frame, "say": say}[name](*words)


if __name__ == "__main__":
    main(*sys.argv[1:])
