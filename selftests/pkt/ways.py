#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ways around the hooks, for tests of the module.

  ways.py inside SRC SID GROUP PORT TEXT
      An IPv6 datagram to SID that holds a clear one to GROUP.
  ways.py inside4 DEV MAC SRC SID SRC4 GROUP PORT
      The same with IPv4 inside, in two fragments, of which the second is the
      larger: eight times, so that its size has each of its lowest bits set. As
      frames, since IP would put them together here.
  ways.py wrap PCAP SRC SID [SPI]
      The first ESP datagram of a capture inside of an IPv6 datagram to SID, with
      another SPI if one is given.
  ways.py nibble SRC GROUP DEV TEXT
      A raw IPv6 datagram to GROUP whose header says version 4.
  ways.py tunnel DEV LOCAL REMOTE SENDER GROUP READY
      Route multicast from DEV into an IPIP tunnel until killed.
  ways.py listen
      Ask as an ordinary user for the notifications of the family mcsec.
"""
import os
import socket
import struct
import sys

sys.path.insert(0, __file__.rpartition("/")[0])
from inet import checksum  # noqa: E402

MRT_INIT, MRT_ADD_VIF, MRT_ADD_MFC = 200, 202, 204
VIFF_TUNNEL, VIFF_USE_IFINDEX = 1, 8
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP = 270, 1


def header6(version, payload, nexthdr, src, dst):
    return struct.pack("!IHBB", version << 28, len(payload), nexthdr,
                       64) + src + dst + payload


def ip6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def raw6():
    return socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)


def inside(src, sid, group, port, text):
    body = text.encode()
    udp = struct.pack("!HHHH", 4000, int(port), 8 + len(body), 0) + body
    pseudo = ip6(src) + ip6(group) + struct.pack("!II", len(udp), 17)
    udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp)) + udp[8:]
    clear = header6(6, udp, 17, ip6(src), ip6(group))
    raw6().sendto(header6(6, clear, 41, ip6(src), ip6(sid)), (sid, 0))


def inside4(dev, mac, src, sid, src4, group, port):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    to = (dev, 0x86dd, 0, 0, bytes.fromhex(mac.replace(":", "")))
    for more in range(8):
        body = b"forged-%d-" % more + b"x" * (300 + more)
        addrs = socket.inet_aton(src4) + socket.inet_aton(group)
        udp = struct.pack("!HHHH", 4000, int(port), 8 + len(body), 0) + body
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 7, 0, 8, 17,
                           0) + addrs
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        clear = head + udp
        for offset, more_follow, part in ((0, 1, clear[:8]),
                                          (8, 0, clear[8:])):
            frag = struct.pack("!BBHI", 4, 0, offset | more_follow, 70 + more)
            s.sendto(header6(6, frag + part, 44, ip6(src), ip6(sid)), to)


def wrap(pcap, src, sid, spi=None):
    with open(pcap, "rb") as f:
        size = struct.unpack("<24xII I4x", f.read(40))[2]
        packet = f.read(size)[14:]
    inner = 41 if packet[0] >> 4 == 6 else 4
    if spi:
        at = 40 if inner == 41 else 20
        packet = packet[:at] + struct.pack("!I", int(spi)) + packet[at + 4:]
    raw6().sendto(header6(6, packet, inner, ip6(src), ip6(sid)), (sid, 0))


def nibble(src, group, dev, text):
    s = raw6()
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF,
                 socket.if_nametoindex(dev))
    data = header6(4, bytes(8) + text.encode(), 17, ip6(src), ip6(group))
    try:
        s.sendto(data, (group, 0))
    except OSError as e:
        print(e.strerror)


def tunnel(dev, local, remote, sender, group, ready):
    addr = socket.inet_aton
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP)
    s.setsockopt(socket.IPPROTO_IP, MRT_INIT, 1)
    s.setsockopt(socket.IPPROTO_IP, MRT_ADD_VIF, struct.pack(
        "@HBBIi4s", 0, VIFF_USE_IFINDEX, 1, 0, socket.if_nametoindex(dev),
        bytes(4)))
    s.setsockopt(socket.IPPROTO_IP, MRT_ADD_VIF, struct.pack(
        "@HBBI4s4s", 1, VIFF_TUNNEL, 1, 0, addr(local), addr(remote)))
    ttls = bytes([0, 1]) + bytes(30)
    s.setsockopt(socket.IPPROTO_IP, MRT_ADD_MFC, struct.pack(
        "@4s4sH32s2xIIIi", addr(sender), addr(group), 0, ttls, 0, 0, 0, 0))
    open(ready, "w").close()
    while True:
        s.recv(1 << 16)


def listen():
    name = b"mcsec\0\0\0"
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
    s.bind((0, 0))
    ask = struct.pack("=BBH", 3, 1, 0) + struct.pack("=HH", 10, 2) + name
    s.send(struct.pack("=IHHII", 16 + len(ask), 16, 1, 1, 0) + ask)
    answer = s.recv(1 << 16)
    # a group is an attribute with its id and one with its name behind it
    at = answer.find(b"events\0")
    at = answer.rfind(struct.pack("=HH", 8, 2), 0, at)
    group = struct.unpack("=I", answer[at + 4:at + 8])[0]
    os.setgid(65534)
    os.setuid(65534)
    try:
        s.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
        print("joined")
    except OSError as e:
        print(e.strerror)


def main(way, *words):
    ways = {f.__name__: f for f in (inside, inside4, wrap, nibble, tunnel,
                                   listen)}
    ways[way](*words)


if __name__ == "__main__":
    main(*sys.argv[1:])
