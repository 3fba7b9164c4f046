#!/usr/bin/python3 -ISs
# SPDX-License-Identifier: Apache-2.0
"""Send an ICMP error that quotes a datagram.

  quote.py KIND GROUP SRC TO TEXT [TYPE]
      The datagram came from SRC to GROUP, and has TEXT in it; the error goes to TO.
      IPv4 or IPv6, as the addresses are. Without a TYPE it says that the datagram
      was too big, or that fragmentation was needed. TYPE may be that of a request.
      KIND is
        clear     UDP
        esp       ESP
        behind    ESP behind an option of IPv6 that all may skip
        option    UDP behind one that has TEXT
        first, later
                  the first fragment of UDP over IPv6, or another one
        empty     UDP, of which the header of IP alone is quoted
        damaged   UDP, quoted by an error over IPv6 whose checksum is wrong
        fragment  the first fragment of ESP over IPv6
        hop, routing, dest
                  UDP, quoted by an error over IPv6 behind that extension header
"""
import _socket as socket
import struct
import sys

sys.path.insert(0, __file__.rpartition("/")[0])
from inet import checksum  # noqa: E402


# Extension headers before an error, and what makes routers on the way skip them
BEFORE = {"hop": (0, bytes([58, 0, 1, 4, 0, 0, 0, 0])),
          "routing": (43, bytes([58, 0, 253, 0, 0, 0, 0, 0])),
          "dest": (60, bytes([58, 0, 1, 4, 0, 0, 0, 0]))}


def send_behind(kind, to, data):
    """Send an error of ICMPv6 behind an extension header."""
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.connect((to, 9))
    addrs = (socket.inet_pton(socket.AF_INET6, s.getsockname()[0]) +
             socket.inet_pton(socket.AF_INET6, to))
    data = data[:2] + struct.pack("!H", checksum(
        addrs + struct.pack("!II", len(data), 58) + data)) + data[4:]
    number, header = BEFORE[kind]
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    s.sendto(struct.pack("!IHBB", 6 << 28, len(header + data), number, 9) +
             addrs + header + data, (to, 0))


def main(kind, group, src, to, text, error=None):
    six = ":" in group
    family = socket.AF_INET6 if six else socket.AF_INET
    body = (text * 12).encode()
    udp = struct.pack("!HHHH", 4000, 5000, 8 + len(body), 0) + body
    addrs = socket.inet_pton(family, src) + socket.inet_pton(family, group)
    proto = {"esp": 50, "behind": 60, "option": 60, "first": 44,
             "later": 44, "fragment": 44}.get(kind, 17)
    if kind == "behind":
        udp = bytes([50, 0, 0x1e, 4, 0, 0, 0, 0]) + udp
    elif kind == "option":
        value = (text * 12).encode()[:20]
        udp = bytes([17, 2, 0x1e, len(value)]) + value + udp
    elif kind in ("first", "later"):
        udp = struct.pack("!BBHI", 17, 0, 1 if kind == "first" else 801,
                          7) + udp
    elif kind == "fragment":
        udp = struct.pack("!BBHI", 50, 0, 1, 7) + udp
    elif kind == "empty":
        udp = b""
    if six:
        quote = struct.pack("!IHBB", 6 << 28, len(udp), proto, 8) + addrs + udp
        s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        data = struct.pack("!BBHI", int(error or 2), 0, 0, 1280) + quote
        if kind in BEFORE:
            send_behind(kind, to, data)
            return
        if kind == "damaged":
            # The kernel would set the checksum.
            s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
            end = socket.inet_pton(family, to)
            data = struct.pack("!IHBB", 6 << 28, len(data), 58,
                               9) + end + end + data
    else:
        quote = struct.pack("!BBHHHBBH", 69, 0, 20 + len(udp), 7, 0, 8, proto,
                            0) + addrs + udp
        error = int(error or 3)
        data = struct.pack("!BBHI", error, 4 if error == 3 else 0, 0,
                           1280) + quote
        data = data[:2] + struct.pack("!H", checksum(data)) + data[4:]
        s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    s.sendto(data, (to, 0))


if __name__ == "__main__":
    main(*sys.argv[1:])
