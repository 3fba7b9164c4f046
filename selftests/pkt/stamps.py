#!/usr/bin/python3 -ISs
# SPDX-License-Identifier: Apache-2.0
"""Ask when datagrams were queued and when they left (SO_TIMESTAMPING).

  stamps.py GROUP COUNT SIZE GSO PMTU
      Send COUNT datagrams of SIZE octets by eth0; print what the kernel said,
      by their numbers, and what the socket is charged for in the end.
"""
import fcntl
import socket
import struct
import sys
import time


def main(group, *numbers):
    count, size, gso, pmtu = map(int, numbers)
    six = ":" in group
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    index = socket.if_nametoindex("eth0")
    if six:
        s.setsockopt(41, socket.IPV6_MULTICAST_IF, index)
        s.setsockopt(41, 24, pmtu)                  # IPV6_MTU
    else:
        s.setsockopt(0, 32, bytes(8) + struct.pack("@I", index))
    # SO_TIMESTAMPING: TX_SCHED, TX_SOFTWARE, SOFTWARE, OPT_ID, OPT_TSONLY
    s.setsockopt(socket.SOL_SOCKET, 37, 256 | 2 | 16 | 128 | 2048)
    if gso:
        s.setsockopt(17, 103, gso)
    for _ in range(count):
        s.sendto(b"y" * size, (group, 5000))
    said, end = {}, time.time() + 2
    while time.time() < end:
        try:
            _, more, _, _ = s.recvmsg(2000, 1024,
                                      socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
        except BlockingIOError:
            time.sleep(0.05)
            continue
        for level, kind, value in more:
            if (level, kind) in ((0, 11), (41, 25)):
                *_, info, data = struct.unpack_from("=IBBBBII", value)
                said.setdefault({0: "left", 1: "queued"}[info], []).append(data)
    print({k: sorted(v) for k, v in sorted(said.items())})
    # the socket's charge is given back
    print(struct.unpack("@I", fcntl.ioctl(s, 0x5411, bytes(4)))[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
