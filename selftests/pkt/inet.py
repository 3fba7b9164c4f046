# SPDX-License-Identifier: Apache-2.0
"""Parts of IP that the tools of this folder share."""
import struct


def checksum(data):
    """The Internet checksum (RFC 1071)"""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
