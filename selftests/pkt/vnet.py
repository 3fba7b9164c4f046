#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Frames of a virtual machine: UDP datagrams written to a tap, with a checksum that
is left to the device.

  vnet.py DEV SRC GROUP PORT TEXT START:OFFSET...
      For each START:OFFSET write a frame to the tap DEV, which was made with
      vnet_hdr: the checksum begins START octets behind the beginning of the IP
      header, which may be below 0, and belongs OFFSET octets behind that. Prints
      "taken", or the error, for each.
"""
import errno
import fcntl
import os
import socket
import struct
import sys
import time

sys.path.insert(0, __file__.rpartition("/")[0])
from inet import checksum  # noqa: E402

TUNSETIFF = 0x400454ca
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x2, 0x1000, 0x4000
NEEDS_CSUM = 1
MAC = bytes.fromhex("020000000003")


def opened(dev):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack(
        "16sH22x", dev.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    return fd


def frame4(src, dst, udp):
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 8, 17, 0,
                     src, dst)
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    return bytes.fromhex("01005e") + dst[1:] + MAC + b"\x08\x00" + ip + udp


def frame6(src, dst, udp):
    ip = struct.pack("!IHBB", 6 << 28, len(udp), 17, 8) + src + dst
    return b"\x33\x33" + dst[12:] + MAC + b"\x86\xdd" + ip + udp


def pseudo_sum(src, dst, udp):
    """What the device adds the rest to: the sum over the pseudo header"""
    return ~checksum(src + dst + struct.pack("!II", len(udp), 17)) & 0xffff


def main(dev, src, group, port, text, *checksums):
    family = socket.AF_INET6 if ":" in group else socket.AF_INET
    src, group = (socket.inet_pton(family, a) for a in (src, group))
    udp = struct.pack("!HHHH", 4000, int(port), 8 + len(text), 0) + text.encode()
    udp = udp[:6] + struct.pack("!H", pseudo_sum(src, group, udp)) + udp[8:]
    frame = (frame6 if family == socket.AF_INET6 else frame4)(src, group, udp)
    fd = opened(dev)
    # IPv6 begins with the interface when somebody has opened the tap.
    time.sleep(0.5)
    for arg in checksums:
        start, offset = map(int, arg.split(":"))
        header = struct.pack("<BBHHHH", NEEDS_CSUM, 0, 0, 0, 14 + start, offset)
        try:
            os.write(fd, header + frame)
            print("taken")
        except OSError as e:
            print(errno.errorcode[e.errno])


if __name__ == "__main__":
    main(*sys.argv[1:])
