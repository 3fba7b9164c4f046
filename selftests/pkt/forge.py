#!/usr/bin/python3 -ISs
# SPDX-License-Identifier: Apache-2.0
"""Put captured and altered ESP datagrams on a cable, for the module's tests.

  forge.py replay PCAP DEV [N]      each datagram of a capture, again
  forge.py moved PCAP DEV           each, from another host of the same prefix
  forge.py alter PCAP DEV           the first one, each of its ESP octets
                                    changed in turn, one octet a datagram
  forge.py lengths PCAP DEV         the first one, its ESP part cut to 0..80
                                    octets (and its IP length with it)
  forge.py noise PCAP DEV           the first one, its ESP part random, of
                                    0..80 octets behind the right SPI
  forge.py spi PCAP DEV             the first one, with an SPI that nobody has
  forge.py spis PCAP DEV N          the first one, with N of those in turn
  forge.py hosts PCAP DEV N         the first one, from N hosts, each with one of
                                    those
  forge.py clear PCAP DEV           the first one, as UDP in the clear
  forge.py fragments PCAP DEV       the first one as the first of two fragments
                                    that never come together, and overlapping

Prints how many datagrams were sent. IPv4 or IPv6, as the capture has it.
"""
import os
import random
import socket
import struct
import sys

sys.path.insert(0, __file__.rpartition("/")[0])
from inet import checksum  # noqa: E402


def frames(path):
    with open(path, "rb") as f:
        data = f.read()
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16:at + 16 + size]
        at += 16 + size


class Datagram:
    def __init__(self, frame):
        self.ether = frame[:14]
        self.four = frame[12:14] == b"\x08\x00"
        hlen = 20 if self.four else 40
        self.head = bytearray(frame[14:14 + hlen])
        if self.four:
            end = 14 + struct.unpack_from("!H", frame, 16)[0]
        else:
            end = 54 + struct.unpack_from("!H", frame, 18)[0]
        self.body = frame[14 + hlen:end]

    def build(self, body, proto=50, offset=0, more=0):
        head = bytearray(self.head)
        if self.four:
            struct.pack_into("!H", head, 2, 20 + len(body))
            struct.pack_into("!H", head, 6, offset // 8 | more << 13)
            head[9] = proto
            head[10:12] = bytes(2)
            struct.pack_into("!H", head, 10, checksum(head))
            return self.ether + bytes(head) + body
        if offset or more:
            body = struct.pack("!BBHI", proto, 0, offset | more, 77) + body
            proto = 44
        struct.pack_into("!H", head, 4, len(body))
        head[6] = proto
        return self.ether + bytes(head) + body


def main(verb, path, dev, count=None):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((dev, 0))
    all_frames = list(frames(path))
    first = Datagram(all_frames[0])
    random.seed(1101)
    out = []
    if verb == "replay":
        out = all_frames[:int(count) if count else None]
    elif verb == "moved":
        for frame in all_frames:
            d = Datagram(frame)
            d.head[15 if d.four else 23] = 0x77
            d.ether = d.ether[:11] + b"\x77" + d.ether[12:]
            out.append(d.build(d.body))
    elif verb == "alter":
        for i in range(len(first.body)):
            body = bytearray(first.body)
            body[i] ^= 1 << random.randrange(8)
            out.append(first.build(bytes(body)))
    elif verb == "lengths":
        out = [first.build(first.body[:n]) for n in range(81)]
    elif verb == "noise":
        out = [first.build((first.body[:4] + random.randbytes(80))[:n])
               for n in range(81)]
    elif verb == "spi":
        out = [first.build(b"\xde\xad\xbe\xef" + first.body[4:]),
               first.build(bytes(4) + first.body[4:])]
    elif verb in ("spis", "hosts"):
        for i in range(int(count)):
            spi = struct.pack("!I", 0x60000000 + i)
            if verb == "hosts":
                first.head[15 if first.four else 23] = 100 + i
                spi = struct.pack("!I", 0x70000000 + i)
            out.append(first.build(spi + first.body[4:]))
    elif verb == "clear":
        udp = struct.pack("!HHHH", 4000, 5000, 8 + 9, 0) + b"INTRUSION"
        out = [first.build(udp, 17)]
    elif verb == "fragments":
        out = [first.build(first.body[:40], 50, 0, 1),
               first.build(first.body[16:56], 50, 16, 1)]
    for frame in out:
        s.send(frame)
    print(len(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
