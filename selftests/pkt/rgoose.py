#!/usr/bin/python3 -ISs
# SPDX-License-Identifier: Apache-2.0
"""R-GOOSE as a device sends it and another reads it, for the end-to-end tests.

  rgoose.py send GROUP SRC EVENTS
      Publish so many events from the address SRC: each is sent at once, and again
      2, 4, 8 ... 512 ms after the one before, ten times in all.
  rgoose.py recv GROUP ADDR READY OUT
      Join at the interface of ADDR, create READY, and write "stNum sqNum TOS" to OUT
      for each datagram that has the form of R-GOOSE, and else "malformed".

The form is that of IEC 61850-90-5: UDP port 102, the session header of GOOSE without a
signature, and a GOOSE APDU of one boolean. The traffic class is EF.
"""
import _socket as socket
import struct
import sys
import time

PORT = 102
REPETITIONS = 10
TOS = 0xb8
IP_RECVTOS = 13


def tlv(tag, value):
    """A value of BER; those here are short."""
    return bytes([tag, len(value)]) + value


def number(value):
    """A number of BER, whose first bit is its sign."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big")


def apdu(st, sq):
    data = tlv(0x83, b"\xff" if st % 2 else b"\x00")
    return tlv(0x61, tlv(0x80, b"RTU/LLN0$GO$trip") + tlv(0x81, number(2000)) +
               tlv(0x82, b"RTU/LLN0$trip") + tlv(0x83, b"trip") + tlv(0x84, bytes(8)) +
               tlv(0x85, number(st)) + tlv(0x86, number(sq)) + tlv(0x87, b"\x00") +
               tlv(0x88, number(1)) + tlv(0x89, b"\x00") + tlv(0x8a, number(1)) +
               tlv(0xab, data))


def spdu(n, st, sq):
    """The session of 90-5: transport, GOOSE, the common header, one payload, no MAC."""
    pdu = apdu(st, sq)
    payload = struct.pack("!BBHH", 0x81, 0, 1, len(pdu) + 2) + pdu
    payload = struct.pack("!I", len(payload)) + payload
    after = struct.pack("!IHIHHI", n, 1, 0, 0, 0, 0) + payload + b"\x85\x00"
    head = struct.pack("!BBI", 0x80, 22, len(after) + 4)
    return b"\x01\x40\xa1" + bytes([len(head) + 18]) + head + after


def parsed(data):
    """stNum and sqNum, or None if the form is not that of spdu()."""
    if data[:3] != b"\x01\x40\xa1" or data[4:6] != b"\x80\x16":
        return None
    at = 28 + 4
    if len(data) < at + 8 or data[at] != 0x81 or data[at + 6] != 0x61:
        return None
    pos, end = at + 8, at + 8 + data[at + 7]
    found = {}
    while pos + 2 <= min(end, len(data)):
        found[data[pos]] = data[pos + 2:pos + 2 + data[pos + 1]]
        pos += 2 + data[pos + 1]
    if pos != end or 0x85 not in found or 0x86 not in found:
        return None
    return [int.from_bytes(found[tag], "big") for tag in (0x85, 0x86)]


def send(group, src, events):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(src))
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, TOS)
    n = 0
    for st in range(1, int(events) + 1):
        for sq in range(REPETITIONS):
            if sq:
                time.sleep(2 ** sq / 1000)
            n += 1
            s.sendto(spdu(n, st, sq), (group, PORT))


def recv(group, addr, ready, out):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, IP_RECVTOS, 1)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                 socket.inet_aton(group) + socket.inet_aton(addr))
    s.bind((group, PORT))
    with open(out, "w", buffering=1, encoding="ascii") as f:
        open(ready, "w", encoding="ascii").close()
        while True:
            data, anc, _, _ = s.recvmsg(2048, 64)
            tos = [v[0] for _, kind, v in anc if kind == socket.IP_TOS]
            said = parsed(data)
            print(f"{said[0]} {said[1]} {tos[0]}" if said and tos else "malformed",
                  file=f)


{"send": send, "recv": recv}[sys.argv[1]](*sys.argv[2:])
