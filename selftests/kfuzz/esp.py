# SPDX-License-Identifier: Apache-2.0
"""Packets for the fuzzer: headers, and ESP that verifies, by OpenSSL."""
import ctypes
import ipaddress
import struct

_lib = ctypes.CDLL("libcrypto.so.3")
for _name in ("EVP_CIPHER_CTX_new", "EVP_aes_128_gcm", "EVP_aes_256_gcm",
              "EVP_chacha20_poly1305"):
    getattr(_lib, _name).restype = ctypes.c_void_p
GET_TAG = 0x10
GCM, GMAC, CHACHA = 0, 1, 2                 # enum alg of the specification


class Aead:
    def __init__(self, alg, key):
        self.alg, self.salt, self.key = alg, key[-4:], key[:-4]
        cipher = _lib.EVP_chacha20_poly1305() if alg == CHACHA else \
            _lib.EVP_aes_256_gcm() if len(key) == 36 else _lib.EVP_aes_128_gcm()
        self.ctx = ctypes.c_void_p(_lib.EVP_CIPHER_CTX_new())
        assert _lib.EVP_EncryptInit_ex(self.ctx, ctypes.c_void_p(cipher),
                                       None, None, None)

    def seal(self, spi, seq, iv, text):
        head = struct.pack("!II", spi, seq)
        octets = struct.pack("!Q", iv)
        aad, body = (head + octets + text, b"") if self.alg == GMAC else \
            (head, text)
        n = ctypes.c_int()
        out = ctypes.create_string_buffer(len(body) + 16)
        tag = ctypes.create_string_buffer(16)
        ok = _lib.EVP_EncryptInit_ex(self.ctx, None, None, self.key,
                                     self.salt + octets) and \
            _lib.EVP_EncryptUpdate(self.ctx, None, ctypes.byref(n), aad,
                                   len(aad)) and \
            _lib.EVP_EncryptUpdate(self.ctx, out, ctypes.byref(n), body,
                                   len(body)) and \
            _lib.EVP_EncryptFinal_ex(self.ctx, tag, ctypes.byref(n)) and \
            _lib.EVP_CIPHER_CTX_ctrl(self.ctx, GET_TAG, 16, tag)
        assert ok
        return head + octets + (text if self.alg == GMAC else
                                out.raw[:len(body)]) + tag.raw


def trailer(payload, proto, pad=None, say=None):
    """RFC 4303 2.4; @say is what is said about the padding."""
    if pad is None:
        pad = -(len(payload) + 2) % 4
    return payload + bytes(i + 1 & 255 for i in range(pad)) + \
        bytes([(pad if say is None else say) & 255, proto])


def packed(address):
    return ipaddress.ip_address(address).packed


def sum16(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip4(src, dst, proto, payload, ttl=8, tos=0, options=b"", frag=0, ident=1):
    ihl = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | ihl, tos,
                       ihl * 4 + len(payload) & 0xffff, ident, frag, ttl, proto,
                       0, packed(src), packed(dst)) + options
    return head[:10] + struct.pack("!H", sum16(head)) + head[12:] + payload


def ip6(src, dst, proto, payload, ttl=8, tos=0, flow=0):
    return struct.pack("!IHBB16s16s", 6 << 28 | tos << 20 | flow,
                       len(payload) & 0xffff, proto, ttl, packed(src),
                       packed(dst)) + payload


def udp(src, dst, sport, dport, data):
    """With its checksum, which IPv6 wants."""
    head = struct.pack("!HHHH", sport, dport, 8 + len(data) & 0xffff, 0)
    pseudo = packed(src) + packed(dst) + struct.pack("!II", 8 + len(data), 17)
    total = sum16(pseudo + head + data) or 0xffff
    return head[:6] + struct.pack("!H", total) + data


def options6(after, size):
    """A header of options that nobody knows and everybody may skip."""
    out = bytes([after, size // 8 - 1])
    while len(out) < size:
        n = min(size - len(out), 257)
        out += b"\0" if n == 1 else bytes([0x1e, n - 2]) + bytes(n - 2)
    return out


def fragment6(after, offset, more, ident):
    return struct.pack("!BBHI", after, 0, offset & ~7 | more, ident)


def frame(packet, six):
    """Ethernet's header by what the packet says, or as it should be."""
    dst = packet[24:40] if six else packet[16:20]
    if six and dst[:1] == b"\xff":
        mac = b"\x33\x33" + dst[-4:]
    elif not six and dst and dst[0] >> 4 == 14:
        mac = b"\x01\x00\x5e" + bytes([dst[1] & 0x7f]) + dst[2:4]
    else:
        mac = b"\x02\0\0\0\0\x01"
    return mac.ljust(6, b"\0") + b"\x02\0\0\0\0\x09" + \
        (b"\x86\xdd" if six else b"\x08\x00") + packet
