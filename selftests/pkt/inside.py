#!/usr/bin/python3 -ISs
# SPDX-License-Identifier: Apache-2.0
"""Send ESP that verifies, whatever is inside: what a member could do.

  inside.py ADDRESS DEV KEY SPI IV WHAT

KEY is AES-GCM's with its salt, in hex; IV 8 octets as a number. WHAT:

  udp        a datagram from port 9 to port 5000 that says "inside"
  dummy      RFC 4303 2.6: next header 59
  padded     the datagram with 200 octets of padding
  overlong   a pad length beyond the text
  all-pad    a pad length that leaves no payload
  no-text    a trailer alone
  atomic     the datagram behind a fragment header of IPv6, as all of it
  behind     the datagram behind more headers of IPv6 than are walked
  option     the datagram behind an option of IPv6 that is to be complained about
  first:ID, last:ID, late:ID
             in a tunnel from 10.1.0.1 or fd01::1: the first of two fragments of
             the datagram, the second, or one that overlaps the first
  clear:ID   no ESP at all, but the second fragment by itself
  hops:INNER:OUTER
             in a tunnel, the datagram whole, with these hops left in the two headers
  other:source, other:destination
             in a tunnel, the datagram whole, with an address that the outer header
             does not have
  other:version, other:length
             in a tunnel, the datagram whole, with a version of IP that there is not,
             or a header that is too short, and in IPv6 more octets than there are
"""
import socket
import struct
import sys

sys.path.insert(0, __file__.rpartition("/")[0])
from inet import checksum  # noqa: E402

SOL_ALG = 279
SET_KEY, SET_AEAD_AUTHSIZE = 1, 5


def seal(key, spi, iv, text):
    head = struct.pack("!II", spi, iv & 0xffffffff)
    with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET) as alg:
        alg.bind(("aead", "gcm(aes)"))
        alg.setsockopt(SOL_ALG, SET_KEY, key[:-4])
        alg.setsockopt(SOL_ALG, SET_AEAD_AUTHSIZE, None, 16)
        op, _ = alg.accept()
        with op:
            op.sendmsg_afalg([head + text], op=socket.ALG_OP_ENCRYPT,
                             iv=key[-4:] + struct.pack("!Q", iv), assoclen=8)
            out = op.recv(len(head) + len(text) + 16)
    return head + struct.pack("!Q", iv) + out[8:]


def padding(n):
    return bytes(i % 256 for i in range(1, n + 1)) + bytes([n])


def options(after, size):
    """A header of options that nobody knows and everybody may skip."""
    out = bytes([after, size // 8 - 1])
    while len(out) < size:
        n = min(size - len(out), 257)
        out += bytes([0x1e, n - 2]) + bytes(n - 2)
    return out


def fragment(address, what, mark=0):
    """An IP packet: a part of a datagram of 24 octets."""
    which, ident = what.split(":")
    udp = struct.pack("!HHHH", 9, 5000, 24, 0x1234) + b"inside a tunnel!"
    at, more = (0, 1) if which == "first" else (8 if which == "late" else 16, 0)
    part = udp[at:16 if more else 24]
    if ":" in address:
        body = struct.pack("!BBHI", 17, 0, at | more, int(ident)) + part
        return struct.pack("!IHBB", 6 << 28 | mark << 20, len(body), 44, 8) + \
            socket.inet_pton(socket.AF_INET6, "fd01::1") + \
            socket.inet_pton(socket.AF_INET6, address) + body
    head = struct.pack("!BBHHHBBH", 0x45, mark, 20 + len(part), int(ident),
                       at // 8 | more << 13, 8, 17, 0) + \
        socket.inet_aton("10.1.0.1") + socket.inet_aton(address)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + part


def whole(address, hops, other=None):
    """An IP packet: the datagram of 14 octets."""
    udp = struct.pack("!HHHH", 9, 5000, 14, 0x1234) + b"inside"
    source = "fd01::1" if ":" in address else "10.1.0.1"
    if other == "source":
        source = "fd01::9" if ":" in address else "10.1.0.9"
    elif other == "destination":
        address = "ff3e::9:9" if ":" in address else "239.9.9.9"
    version = 5 if other == "version" else 6 if ":" in address else 4
    if ":" in address:
        return struct.pack("!IHBB", version << 28,
                           len(udp) + (other == "length"), 17, hops) + \
            socket.inet_pton(socket.AF_INET6, source) + \
            socket.inet_pton(socket.AF_INET6, address) + udp
    words = 4 if other == "length" else 5
    head = struct.pack("!BBHHHBBH", version << 4 | words, 0, 20 + len(udp), 7, 0,
                       hops, 17, 0) + \
        socket.inet_aton(source) + socket.inet_aton(address)
    return head[:10] + struct.pack("!H", checksum(head[:words * 4])) + \
        head[12:] + udp


def text_of(what, address):
    if ":" in what:
        kind, value = what.split(":")[:2]
        inner = whole(address, int(value)) if kind == "hops" else \
            whole(address, 8, value) if kind == "other" else \
            fragment(address, what)
        return inner + padding(-(len(inner) + 2) % 4) + \
            (b"\x29" if ":" in address else b"\x04")
    data = b"inside"
    # a wrong checksum: the tag says more. None at all IPv6 does not take.
    udp = struct.pack("!HHHH", 9, 5000, 8 + len(data), 1) + data
    fill = padding(-(len(udp) + 2) % 4)
    return {
        "udp": udp + fill + b"\x11",
        "dummy": b"\0" * 30 + padding(0) + b"\x3b",
        "padded": udp + padding(200) + b"\x11",
        "overlong": udp + bytes([255]) + b"\x11",
        "all-pad": padding(14) + b"\x11",
        "no-text": padding(0) + b"\x11",
        "atomic": bytes([17]) + bytes(7) + udp + fill + b"\x2c",
        "option": bytes([17, 0, 0x9e, 4, 0, 0, 0, 0]) + udp + fill + b"\x3c",
        "behind": options(60, 992) + options(17, 8) + udp + fill + b"\x3c",
    }[what]


def main(address, dev, key, spi, iv, what):
    six = ":" in address
    family = socket.AF_INET6 if six else socket.AF_INET
    proto = 50
    if what.startswith("clear:"):
        packet, proto = fragment(address, what), 255
    else:
        packet = seal(bytes.fromhex(key), int(spi), int(iv, 0),
                      text_of(what, address))
    with socket.socket(family, socket.SOCK_RAW, proto) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, dev.encode())
        if six:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF,
                         socket.if_nametoindex(dev))
            if proto == 255:
                s.setsockopt(socket.IPPROTO_IPV6, 36, 1)    # IPV6_HDRINCL
        if what.startswith("hops:"):
            level, option = ((socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS)
                             if six else
                             (socket.IPPROTO_IP, socket.IP_MULTICAST_TTL))
            s.setsockopt(level, option, int(what.split(":")[2]))
        s.sendto(packet, (address, 0))


if __name__ == "__main__":
    main(*sys.argv[1:])
