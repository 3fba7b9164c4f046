#!/usr/bin/python3 -ISs
# SPDX-License-Identifier: Apache-2.0
"""Send and receive multicast datagrams, for the module's tests.

  mc.py recv GROUP PORT DEV READY OUT [raw]
      Join, create the file READY, and write a line for each datagram to OUT
      at once: length, CRC-32, source, TTL, TOS.
      Ends by a signal.
  mc.py send GROUP PORT DEV [size=N[,N]...] [count=N] [sport=N]
      [pmtu=want|do|dont|probe|interface] [dontfrag=0|1]
      [gso=N] [ttl=N] [tos=N] [text=WORD] [recverr=1] [pace=SECONDS] [cpu=N]
      [loop=0] [src=ADDR] [mark=N] [ipopt=HEX] [hop=HEX] [dst=HEX] [same=1]
      Send COUNT datagrams of SIZE octets that begin with WORD and differ, or
      not, with IPv4 options, or hop-by-hop and destination options of IPv6. GROUP
      may be several, with commas between them, which take turns.
      Prints the lines that recv will, or the name of the error, and what the
      error queue says would have fit.
  mc.py hdrincl GROUP DEV SRC [frag=1] [offset=N] [proto=N] [size=N] [mark=N]
          [spi=N]
      One datagram by a raw socket that writes its own header, and with IPv6 a
      fragment header, if it shall be a fragment; what begins as ESP of an SPI.
"""
import errno
import os
import signal
import _socket as socket
import struct
import sys
import zlib

UDP_SEGMENT = 103
SO_SNDBUFFORCE = 32
SO_RCVBUFFORCE = 33
IP_MTU_DISCOVER = 10
IPV6_MTU_DISCOVER = 23
IPV6_DONTFRAG = 62
PMTU = {"dont": 0, "want": 1, "do": 2, "probe": 3, "interface": 4}


def line(data, more=""):
    return f"{len(data)} {zlib.crc32(data):08x}{more}"


def six(group):
    return ":" in group


def recv(group, port, dev, ready, out):
    family = socket.AF_INET6 if six(group) else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
    index = socket.if_nametoindex(dev)
    raw = socket.inet_pton(family, group)
    if six(group):
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                     raw + struct.pack("@I", index))
    else:
        s.setsockopt(socket.IPPROTO_IP, 12, 1)
        s.setsockopt(socket.IPPROTO_IP, 13, 1)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                     raw + bytes(4) + struct.pack("@I", index))
    s.bind((group, int(port)))
    f = open(out, "w", buffering=1)
    open(ready, "w").close()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    while True:
        data, anc, _, src = s.recvmsg(1 << 17, 256)
        values = {}
        for level, kind, value in anc:
            values[kind] = int.from_bytes(value, sys.byteorder)
        if six(group):
            ttl, tos = values.get(52), values.get(67)
        else:
            ttl, tos = values.get(2), values.get(1)
        f.write(line(data, f" {src[0]} {ttl} {tos}") + "\n")


def payload(text, i, size):
    head = f"{text}-{i:08d}-".encode()
    if len(head) >= size:
        return head[:size]
    block = b"%032x" % (zlib.crc32(head) * 0x9e3779b97f4a7c15f39cc0605cedc835)
    body = (block * (size // len(block) + 1))[:size - len(head)]
    return head + body


def queued(s):
    """The path MTU of an error that waits in the socket's queue."""
    try:
        _, anc, _, _ = s.recvmsg(0, 512, socket.MSG_ERRQUEUE)
    except OSError:
        return ""
    for _, kind, value in anc:
        if kind in (11, 25):
            return f" mtu {struct.unpack_from('=IBBBBII', value)[5]}"
    return ""


def send(group, port, dev, size=64, count=1, pmtu=None, gso=0, ttl=8, tos=0,
         text="MARKER", recverr=0, pace=0, cpu=None, loop=1, src=None, first=0,
         mark=0, ipopt=None, hop=None, dst=None, same=0, sport=0, dontfrag=None):
    import time
    family = socket.AF_INET6 if six(group) else socket.AF_INET
    groups = group.split(",")
    if cpu is not None:
        os.sched_setaffinity(0, {int(cpu)})
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 24)
    index = socket.if_nametoindex(dev)
    if src or int(sport):
        s.bind((src or "", int(sport)))
    if mark:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, int(mark, 0))
    if six(group):
        ip = socket.IPPROTO_IPV6
        s.setsockopt(ip, socket.IPV6_MULTICAST_IF, index)
        s.setsockopt(ip, socket.IPV6_MULTICAST_HOPS, int(ttl))
        s.setsockopt(ip, socket.IPV6_MULTICAST_LOOP, int(loop))
        s.setsockopt(ip, socket.IPV6_TCLASS, int(tos))
        if hop:
            s.setsockopt(ip, 54, bytes.fromhex(hop))
        if dst:
            s.setsockopt(ip, 59, bytes.fromhex(dst))
        if pmtu:
            s.setsockopt(ip, IPV6_MTU_DISCOVER, PMTU[pmtu])
        if dontfrag is not None:
            s.setsockopt(ip, IPV6_DONTFRAG, int(dontfrag))
        if int(recverr):
            s.setsockopt(ip, 25, 1)
    else:
        ip = socket.IPPROTO_IP
        s.setsockopt(ip, socket.IP_MULTICAST_IF,
                     bytes(8) + struct.pack("@I", index))
        s.setsockopt(ip, socket.IP_MULTICAST_TTL, int(ttl))
        s.setsockopt(ip, socket.IP_MULTICAST_LOOP, int(loop))
        s.setsockopt(ip, socket.IP_TOS, int(tos))
        if ipopt:
            s.setsockopt(ip, socket.IP_OPTIONS, bytes.fromhex(ipopt))
        if pmtu:
            s.setsockopt(ip, IP_MTU_DISCOVER, PMTU[pmtu])
        if int(recverr):
            s.setsockopt(ip, 11, 1)
    if int(gso):
        s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, int(gso))
    sizes = [int(n) for n in str(size).split(",")]
    for i in range(int(first), int(first) + int(count) * len(sizes)):
        data = payload(text, 0 if int(same) else i, sizes[i % len(sizes)])
        try:
            s.sendto(data, (groups[i % len(groups)], int(port)))
        except OSError as e:
            print(errno.errorcode[e.errno] + queued(s))
            continue
        step = int(gso) or max(len(data), 1)
        for at in range(0, max(len(data), 1), step):
            print(line(data[at:at + step]))
        if float(pace):
            time.sleep(float(pace))


def hdrincl(group, dev, src, frag=0, offset=0, proto=17, size=64, mark=0,
            nodefrag="", spi=""):
    family = socket.AF_INET6 if six(group) else socket.AF_INET
    s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    if mark:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, int(mark, 0))
    body = payload("MARKER", 0, int(size))
    data = struct.pack("!HHHH", 4000, 5000, 8 + len(body), 0) + body
    if spi:
        data = struct.pack("!II", int(spi), 1) + body
    addrs = socket.inet_pton(family, src) + socket.inet_pton(family, group)
    frag, offset, proto = int(frag), int(offset), int(proto)
    if six(group):
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF,
                     socket.if_nametoindex(dev))
        if frag or offset:
            data = struct.pack("!BBHI", proto, 0, offset << 3 | frag, 7) + data
            proto = 44
        head = struct.pack("!IHBB", 6 << 28, len(data), proto, 8) + addrs
    else:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                     bytes(8) + struct.pack("@I", socket.if_nametoindex(dev)))
        if int(nodefrag or bool(offset)):
            s.setsockopt(socket.IPPROTO_IP, 22, 1)  # IP_NODEFRAG
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), 7,
                           frag << 13 | offset, 8, proto, 0) + addrs
    try:
        s.sendto(head + data, (group, 0))
        print(line(body))
    except OSError as e:
        print(errno.errorcode[e.errno])


def main(name, *args):
    words = [a for a in args if "=" not in a]
    options = dict(a.split("=", 1) for a in args if "=" in a)
    {"recv": recv, "send": send, "hdrincl": hdrincl}[name](*words, **options)


if __name__ == "__main__":
    main(*sys.argv[1:])
