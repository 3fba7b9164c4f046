#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A second implementation recomputes the published vectors.

	test_vectors_check.py [FOLDER]

It takes the JSON in Documentation/vectors alone and derives all keys from the
private values, nonces and pre-shared keys, decrypts every message, unwraps
every key, and verifies and repeats every signature and code.  It shares no code
with the daemon.  Messages are parsed here by the text of the RFCs; primitives
are those of python3-cryptography.

Then it alters one digit of each kind of member in turn, and must notice each.
"""
import copy
import hashlib
import hmac
import ipaddress
import json
import pathlib
import struct
import sys

try:
    from cryptography.exceptions import InvalidSignature, InvalidTag
    from cryptography.hazmat.primitives import keywrap, serialization
    from cryptography.hazmat.primitives.asymmetric import x25519
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.x509 import load_der_x509_certificate
except ImportError as error:
    print(f"1..0 # SKIP python3-cryptography is not installed: {error}")
    sys.exit(4)

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from tap import Tap			# noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENTATION = HERE.parent.parent / "Documentation"
PRF = {5: "sha256", 6: "sha384", 7: "sha512"}
KWA_LEN = {1: 16, 2: 24, 3: 32}
AES_GCM_16, X25519, ED25519 = 20, 31, bytes.fromhex("300506032b6570")
SA, KE, IDI, IDR, CERT, AUTH, NONCE, NOTIFY = 33, 34, 35, 36, 37, 39, 40, 41
SK, GSA, KD, SKF = 46, 51, 52, 53
INIT, IKE_AUTH, CREATE_CHILD, GSA_AUTH, GSA_REKEY = 34, 35, 36, 39, 41
INTERMEDIATE, FOLLOWUP, PPK_IDENTITY = 43, 44, 16436
EXCHANGES = {34: "IKE_SA_INIT", 35: "IKE_AUTH", 36: "CREATE_CHILD_SA",
             37: "INFORMATIONAL", 39: "GSA_AUTH", 40: "GSA_REGISTRATION",
             41: "GSA_REKEY", 42: "GSA_INBAND_REKEY", 43: "IKE_INTERMEDIATE",
             44: "IKE_FOLLOWUP_KE"}


class Wrong(Exception):
    """Something in the vectors is not what it should be."""


def same(got, want, what):
    if got != want:
        show = [x.hex() if isinstance(x, bytes) else x for x in (got, want)]
        raise Wrong(f"{what} is {show[0]} and not {show[1]}")


def prf(number, key, data):
    return hmac.new(key, data, PRF[number]).digest()


def prf_plus(number, key, seed, length):
    out = last = b""
    n = 0
    while len(out) < length:
        n += 1
        last = prf(number, key, last + seed + bytes([n]))
        out += last
    return out[:length]


def take(data, sizes):
    """Cut @data into pieces of these sizes, which use it up."""
    out, at = [], 0
    for size in sizes:
        out.append(data[at:at + size])
        at += size
    same(at, len(data), "the sum of lengths")
    return out


# ---- wire ------------------------------------------------------------------

def payloads(first, data):
    """Payloads of a chain: (type, body), which must use up @data."""
    out, kind, at = [], first, 0
    while kind:
        following, _, length = struct.unpack_from("!BBH", data, at)
        if length < 4 or at + length > len(data):
            raise Wrong(f"payload {kind} has the length {length}")
        out.append((kind, data[at + 4:at + length]))
        kind, at = following, at + length
    same(at, len(data), "the end of the payloads")
    return out


def body_of(chain, kind):
    found = [body for k, body in chain if k == kind]
    same(len(found), 1, f"the number of payloads {kind}")
    return found[0]


def attributes(data):
    """Data attributes of RFC 7296 section 3.3.5: (type, value)."""
    at = 0
    while at < len(data):
        kind, value = struct.unpack_from("!HH", data, at)
        at += 4
        if kind & 0x8000:
            yield kind & 0x7fff, value
            continue
        same(len(data[at:at + value]), value, "the length of an attribute")
        yield kind, data[at:at + value]
        at += value


def transforms(data, at):
    """Transform substructures up to the last; ({type: (id, bits)}, end)."""
    out = {}
    while True:
        last, _, length, kind, _, number = struct.unpack_from("!BBHBBH", data, at)
        attrs = dict(attributes(data[at + 8:at + length]))
        out[kind] = (number, attrs.get(14, 0))
        at += length
        if not last:
            return out, at


def proposal(body):
    """The first proposal of an SA payload: (spi, transforms)."""
    _, _, length, _, _, spi_size, _ = struct.unpack_from("!BBHBBBB", body)
    spi = body[8:8 + spi_size]
    return spi, transforms(body[:length], 8 + spi_size)[0]


def policies(body):
    """Group SA policies of GSA (RFC 9838 section 4.4.2): {spi: transforms}."""
    out, at = {}, 0
    while at < len(body):
        proto, spi_size, length = struct.unpack_from("!BBH", body, at)
        if proto:
            one = body[at:at + length]
            spi, here = one[4:4 + spi_size], 4 + spi_size
            for _ in "sd":
                here += struct.unpack_from("!H", one, here + 2)[0]
            out[spi], here = transforms(one, here)
            list(attributes(one[here:]))
        at += length
    same(at, len(body), "the end of GSA")
    return out


def key_bags(body):
    """KD (RFC 9838 section 4.5): ({spi: [SA_KEY]}, [WRAP_KEY], AUTH_KEY)."""
    bags, wraps, auth_key, at = {}, [], None, 0
    while at < len(body):
        proto, spi_size, length = struct.unpack_from("!BBH", body, at)
        one = body[at + 4:at + length]
        if proto:
            spi, rest = one[:spi_size], one[spi_size:]
            bags[spi] = [value for kind, value in attributes(rest) if kind == 1]
        else:
            for kind, value in attributes(one):
                if kind == 1:
                    wraps.append(value)
                elif kind == 2:
                    auth_key = value
        at += length
    same(at, len(body), "the end of KD")
    return bags, wraps, auth_key


def unwrap(kwk, wrapped):
    try:
        return keywrap.aes_key_unwrap_with_padding(kwk, wrapped)
    except keywrap.InvalidUnwrap as error:
        raise Wrong("a wrapped key does not unwrap") from error


# ---- one document ----------------------------------------------------------

def octets_of(o):
    return {k: bytes.fromhex(v) for k, v in o.items() if isinstance(v, str)
            and k not in ("name", "renews")}


def share(get):
    """The shared secret of two private values, whose public ones are there."""
    public = {}
    for side in "ir":
        key = x25519.X25519PrivateKey.from_private_bytes(
            get[f"ke-private-{side}"])
        public[side] = key.public_key()
        same(get[f"ke-public-{side}"], public[side].public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw),
             f"ke-public-{side}")
        if side == "i":
            first = key
    shared = first.exchange(public["r"])
    same(get["shared-secret"], shared, "shared-secret")
    return shared


class Sa:
    def __init__(self, o, old, ppks):
        self.o = o
        self.init, self.int_auth = {}, {"i": b"", "r": b""}
        get = octets_of(o)
        same((o["encr"], o["ke"]), (AES_GCM_16, X25519), "the suite")
        self.nonce = {"i": get["nonce-i"], "r": get["nonce-r"]}
        self.public = {"i": get["ke-public-i"], "r": get["ke-public-r"]}
        self.spi = {"i": get["spi-i"], "r": get["spi-r"]}
        self.more = o.get("additional", [])
        nonces = self.nonce["i"] + self.nonce["r"]
        shared = share(get)
        secrets = []
        for one in self.more:
            same(one["ke"], X25519, "the additional key exchange")
            secrets.append(share(octets_of(one)))
        # The keys of before each IKE_INTERMEDIATE, and those of after the last
        self.stages = []
        if old:
            # RFC 9370 section 2.2.4
            self.derive(get, prf(old.o["prf"], old.d,
                                 shared + nonces + b"".join(secrets)))
        else:
            self.derive(get, prf(o["prf"], nonces, shared))
            for one, secret in zip(self.more, secrets):
                # RFC 9370 section 2.2.2
                self.derive(octets_of(one),
                            prf(o["prf"], self.d, secret + nonces))
        self.mixed = o.get("ppk")
        if self.mixed:
            self.mix(self.mixed, ppks)

    def derive(self, get, seed):
        number = self.o["prf"]
        same(get["skeyseed"], seed, "skeyseed")
        size = hashlib.new(PRF[number]).digest_size
        cipher = self.o["encr-key-bits"] // 8 + 4
        sizes = (size, cipher, cipher, size, size)
        keys = take(prf_plus(number, seed, self.nonce["i"] + self.nonce["r"] +
                             self.spi["i"] + self.spi["r"], sum(sizes)), sizes)
        for name, key in zip(("sk-d", "sk-ei", "sk-er", "sk-pi", "sk-pr"), keys):
            same(get[name], key, name)
        self.d, self.ei, self.er, self.pi, self.pr = keys
        self.wrap_key(get)
        self.stages.append({"ei": self.ei, "er": self.er, "i": self.pi,
                            "r": self.pr})

    def wrap_key(self, get):
        self.w = prf_plus(self.o["prf"], self.d, b"Key Wrap for G-IKEv2",
                          KWA_LEN[self.o["kwa"]])
        same(get["gsk-w"], self.w, "gsk-w")

    def mix(self, o, ppks):
        """RFC 8784 section 3; PPK_ID_FIXED is 2."""
        get = octets_of(o)
        ppk = next((bytes.fromhex(k["key"]) for k in ppks
                    if b"\2" + k["name"].encode() == get["ppk-id"]), None)
        if not ppk:
            raise Wrong("no PPK of this name")
        self.d, self.pi, self.pr = (
            prf_plus(self.o["prf"], ppk, key, len(key))
            for key in (self.d, self.pi, self.pr))
        for name, key in (("sk-d", self.d), ("sk-pi", self.pi),
                          ("sk-pr", self.pr)):
            same(get[name], key, name)
        self.wrap_key(get)


class Rekey:
    def __init__(self, e, w, algorithms, signer):
        self.e, self.w, self.algorithms, self.signer = e, w, algorithms, signer


class Document:
    def __init__(self, doc):
        self.doc = doc
        self.sas, self.rekeys, self.tree = {}, {}, {}
        self.data, self.parts, self.requests = {}, {}, {}
        self.used, self.natted, self.followups = set(), 0, {}
        self.signers = {}
        self.step = "keys"

    def check(self):
        doc = self.doc
        same(doc["json-version"], 1, "json-version")
        self.identities()
        for o in doc["signing-keys"]:
            key = serialization.load_der_private_key(
                bytes.fromhex(o["private-key"]), None)
            spki = key.public_key().public_bytes(
                serialization.Encoding.DER,
                serialization.PublicFormat.SubjectPublicKeyInfo)
            same(o["public-key"], spki.hex(), "public-key")
            self.signers[spki] = key
        for o in doc["ike-sas"]:
            old = self.sas[o["renews"]] if "renews" in o else None
            self.sas[o["name"]] = Sa(
                o, old, doc.get("post-quantum-pre-shared-keys", []))
        if not doc["ike-sas"]:
            self.given()
        for n, o in enumerate(doc["messages"], 1):
            self.step = f"message {n} ({o['exchange']})"
            self.message(o)
        self.step = "the end"
        self.nothing_left()

    def identities(self):
        self.certs, ca = {}, None
        for o in self.doc["identities"]:
            der = bytes.fromhex(o["certificate"])
            cert = load_der_x509_certificate(der)
            key = serialization.load_der_private_key(
                bytes.fromhex(o["private-key"]), None)
            raw = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            same(cert.public_key().public_bytes(*raw),
                 key.public_key().public_bytes(*raw),
                 f"the key of {o['name']}")
            ca = ca or cert.public_key()
            try:
                ca.verify(cert.signature, cert.tbs_certificate_bytes)
            except InvalidSignature as error:
                raise Wrong(f"certificate of {o['name']}") from error
            same(cert.subject.rfc4514_string(), f"CN={o['name']}", "name")
            self.certs[der] = key
        self.certs_used = set()

    def given(self):
        """Without registrations the keys of the past are taken as given."""
        for o in self.doc["tree-keys"]:
            self.tree[o["key-id"]] = bytes.fromhex(o["key"])
        for o in self.doc["rekey-sas"]:
            self.learn_rekey(bytes.fromhex(o["spi"]), bytes.fromhex(o["keymat"]),
                             o["encr-key-bits"], o["kwa"],
                             next(iter(self.signers)))
        for o in self.doc["data-sas"]:
            self.data[bytes.fromhex(o["spi"])] = (
                o["encr"], o["encr-key-bits"], bytes.fromhex(o["keymat"]))

    def nothing_left(self):
        doc = self.doc
        same(sorted((o["key-id"], o["key"]) for o in doc["tree-keys"]),
             sorted((n, key.hex()) for n, key in self.tree.items()),
             "tree-keys")
        same({o["spi"]: (o["gsk-e"], o["gsk-w"]) for o in doc["rekey-sas"]},
             {spi.hex(): (r.e.hex(), r.w.hex())
              for spi, r in self.rekeys.items()}, "rekey-sas")
        same({o["spi"]: (o["encr"], o["encr-key-bits"], o["keymat"])
              for o in doc["data-sas"]},
             {spi.hex(): (encr, bits, key.hex())
              for spi, (encr, bits, key) in self.data.items()}, "data-sas")
        for o in doc["rekey-sas"]:
            same(o["keymat"], o["gsk-e"] + o["gsk-w"], "keymat")
            same((o["encr"], o["encr-key-bits"], o["kwa"]),
                 self.rekeys[bytes.fromhex(o["spi"])].algorithms, "algorithms")
        same(self.used, set(self.sas), "the IKE SAs that have messages")
        same([k for k, v in self.parts.items() if v], [],
             "incomplete messages")
        same(self.followups, {s.o["name"]: len(s.more) for s in
                              self.sas.values() if "renews" in s.o and s.more},
             "exchanges of IKE_FOLLOWUP_KE")
        # Both addresses of a request and of its answer
        same(self.natted >= 4 * sum("renews" not in s.o for s in
                                    self.sas.values()), True,
             "NAT_DETECTION in each IKE_SA_INIT")

    # ---- messages

    def message(self, o):
        octets = bytes.fromhex(o["octets"])
        spi_i, spi_r, first, version, kind, flags, mid, length = \
            struct.unpack_from("!8s8sBBBBII", octets)
        same(length, len(octets), "Length")
        same(version, 0x20, "the version")
        same(o["exchange-type"], kind, "exchange-type")
        same(o["exchange"], EXCHANGES[kind], "exchange")
        same(o["message-id"], mid, "message-id")
        same(o["response"], bool(flags & 0x20), "response")
        if kind == INIT:
            self.natted += self.nat(o, octets)
            self.init(octets, first, spi_i, spi_r, bool(flags & 0x20))
            return
        if first not in (SK, SKF):
            # An error without protection, such as INVALID_IKE_SPI
            same([k for k, _ in payloads(first, octets[28:])], [NOTIFY],
                 "payloads without protection")
            same("encryption-key" in o, False, "protection")
            return
        sa = rekey = None
        if kind == GSA_REKEY:
            same(o["rekey-sa"], (spi_i + spi_r).hex(), "rekey-sa")
            rekey = self.rekeys[spi_i + spi_r]
            name, key = "gsk-e", rekey.e
        else:
            sa = self.sas[o["ike-sa"]]
            self.used.add(o["ike-sa"])
            same((spi_i, spi_r), (sa.spi["i"], sa.spi["r"]), "the SPIs")
            keys = sa.stages[o.get("key-exchanges", 0)]
            name, key = ("sk-ei", keys["ei"]) if flags & 8 else \
                ("sk-er", keys["er"])
        same(o["encryption-key"], name, "encryption-key")
        found = self.decrypt(o, octets, first, key)
        if found is None:
            return
        first, inner = found
        same(o["inner"], inner.hex(), "inner")
        same(o["first-payload"], first, "first-payload")
        chain = payloads(first, inner)
        if kind in (IKE_AUTH, GSA_AUTH):
            self.auth(o, sa, chain, mid)
        if kind == INTERMEDIATE:
            self.intermediate(o, sa, octets, inner, chain)
        if kind == FOLLOWUP:
            self.followup(o, chain)
        if kind == CREATE_CHILD:
            self.renewal(o, chain, bool(flags & 0x20))
        if rekey:
            self.signature(o, rekey, octets, first, inner, chain)
        if any(k == KD for k, _ in chain):
            self.keys(o, chain, sa, rekey)

    def decrypt(self, o, octets, first, key):
        kind = "fragment" in o
        same(first, SKF if kind else SK, "the first payload")
        head = 28 + (8 if kind else 4)
        inner_first, _, length = struct.unpack_from("!BBH", octets, 28)
        same(length, len(octets) - 28, "the length of SK")
        iv = octets[head:head + 8]
        try:
            plain = AESGCM(key[:-4]).decrypt(key[-4:] + iv, octets[head + 8:],
                                             octets[:head])
        except InvalidTag as error:
            raise Wrong("the ICV does not verify") from error
        pad = plain[-1]
        plain = plain[:len(plain) - 1 - pad]
        if not kind:
            return inner_first, plain
        same(o["fragment-inner"], plain.hex(), "fragment-inner")
        number, total = struct.unpack_from("!HH", octets, 32)
        same((o["fragment"], o["fragments"]), (number, total), "fragment")
        parts = self.parts.setdefault(octets[:16] + octets[18:24], {})
        parts[number] = (inner_first, plain)
        if len(parts) < total:
            same("inner" in o, False, "an inner part of a fragment")
            return None
        whole = b"".join(parts[n][1] for n in sorted(parts))
        start = parts[1][0]
        parts.clear()
        return start, whole

    @staticmethod
    def nat(o, octets):
        """NAT_DETECTION_SOURCE_IP and NAT_DETECTION_DESTINATION_IP."""
        seen = 0
        for kind, body in payloads(octets[16], octets[28:]):
            number = struct.unpack_from("!H", body, 2)[0]
            if kind != NOTIFY or number not in (16388, 16389):
                continue
            address, port = o["from" if number == 16388 else "to"].rsplit(":", 1)
            place = ipaddress.ip_address(address).packed + \
                struct.pack("!H", int(port))
            same(body[4:], hashlib.sha1(octets[:16] + place).digest(),
                 f"NAT_DETECTION of {address}")
            seen += 1
        return seen

    def init(self, octets, first, spi_i, spi_r, response):
        chain = payloads(first, octets[28:])
        if not response:
            self.requests[spi_i] = octets
            return
        if not any(k == KE for k, _ in chain):
            return
        request = self.requests[spi_i]
        asked = payloads(request[16], request[28:])
        sa = next((s for s in self.sas.values()
                   if s.spi == {"i": spi_i, "r": spi_r}), None)
        if not sa:
            raise Wrong("IKE_SA_INIT of an IKE SA that is not listed")
        self.halves(sa, asked, chain)
        sa.init = {"i": request, "r": octets}

    def halves(self, sa, asked, answered):
        for side, chain in (("i", asked), ("r", answered)):
            same(sa.nonce[side], body_of(chain, NONCE), f"nonce-{side}")
            same(struct.pack("!HH", X25519, 0) + sa.public[side],
                 body_of(chain, KE), f"KE of {side}")
        _, chosen = proposal(body_of(answered, SA))
        want = {1: (sa.o["encr"], sa.o["encr-key-bits"]),
                2: (sa.o["prf"], 0), 4: (sa.o["ke"], 0),
                13: (sa.o["kwa"], 0)}
        for n, one in enumerate(sa.more):
            want[6 + n] = (one["ke"], 0)
        same(chosen, want, "the chosen proposal")

    def renewal(self, o, chain, response):
        old = o["ike-sa"]
        if not response:
            self.requests[old] = chain
            return
        asked = self.requests[old]
        spi = {"i": proposal(body_of(asked, SA))[0],
               "r": proposal(body_of(chain, SA))[0]}
        new = next((s for s in self.sas.values() if s.spi == spi), None)
        if not new:
            raise Wrong("an IKE SA that is not listed")
        same(new.o.get("renews"), old, "renews")
        self.halves(new, asked, chain)
        self.used.add(new.o["name"])

    # ---- additional key exchanges

    @staticmethod
    def more_ke(o, one, chain):
        side = "r" if o["response"] else "i"
        same(struct.pack("!HH", one["ke"], 0) +
             bytes.fromhex(one[f"ke-public-{side}"]), body_of(chain, KE),
             f"KE of {side}")

    def intermediate(self, o, sa, octets, inner, chain):
        """RFC 9242 section 3.3.2: the lengths are those without IV and ICV."""
        done = o.get("key-exchanges", 0)
        self.more_ke(o, sa.more[done], chain)
        side = "r" if o["response"] else "i"
        part = octets[:24] + struct.pack("!I", 32 + len(inner)) + \
            octets[28:30] + struct.pack("!H", 4 + len(inner)) + inner
        sa.int_auth[side] = prf(sa.o["prf"], sa.stages[done][side],
                                sa.int_auth[side] + part)

    def followup(self, o, chain):
        """RFC 9370 section 2.2.4: notifies link the exchanges of a renewal."""
        new = next(s for s in self.sas.values()
                   if s.o.get("renews") == o["ike-sa"])
        n = self.followups.setdefault(new.o["name"], 0)
        self.more_ke(o, new.more[n], chain)
        linked = [b for k, b in chain
                  if k == NOTIFY and b[2:4] == b"\x40\x39"]
        last = o["response"] and n + 1 == len(new.more)
        same(len(linked), 0 if last else 1, "ADDITIONAL_KEY_EXCHANGE")
        if o["response"]:
            self.followups[new.o["name"]] += 1

    # ---- AUTH

    def auth(self, o, sa, chain, mid):
        side, peer = ("r", "i") if o["response"] else ("i", "r")
        ident = body_of(chain, IDR if o["response"] else IDI)
        body = body_of(chain, AUTH)
        number = sa.o["prf"]
        maced = prf(number, sa.pr if o["response"] else sa.pi, ident)
        same(o["maced-id"], maced.hex(), "maced-id")
        octets = sa.init[side] + sa.nonce[peer] + maced
        if sa.int_auth["i"]:
            more = sa.int_auth["i"] + sa.int_auth["r"] + struct.pack("!I", mid)
            same(o["int-auth"], more.hex(), "int-auth")
            octets += more
        named = [b[4:].hex() for k, b in chain if k == NOTIFY and
                 struct.unpack_from("!H", b, 2)[0] == PPK_IDENTITY]
        if sa.mixed:
            who = "initiator" if side == "i" else "responder"
            same([k[who].encode() for k in
                  self.doc["post-quantum-pre-shared-keys"]], [ident[4:]],
                 f"the {who} that has the PPK")
        if side == "i":
            same(named, [sa.mixed["ppk-id"]] if sa.mixed else [],
                 "PPK_IDENTITY")
        else:
            same(len(named), bool(sa.mixed), "PPK_IDENTITY of the answer")
        same(o["signed-octets"], octets.hex(), "signed-octets")
        if body[0] == 2:
            self.code(o, number, ident, octets, body)
            return
        same(body[0], 14, "the method of AUTH")
        der = next(b for k, b in chain if k == CERT)
        same(der[0], 4, "the encoding of CERT")
        self.verify(self.certs[der[1:]], octets, body[4:])
        self.certs_used.add(der[1:])

    def code(self, o, number, ident, octets, body):
        who = "responder" if o["response"] else "initiator"
        psk = next((k for k in self.doc["pre-shared-keys"]
                    if k[who].encode() == ident[4:]), None)
        if not psk:
            raise Wrong(f"no key of {ident[4:]}")
        pad = prf(number, bytes.fromhex(psk["key"]), b"Key Pad for IKEv2")
        same(body[4:], prf(number, pad, octets), "the code of AUTH")

    @staticmethod
    def verify(key, octets, data):
        """An Ed25519 signature is verified, and is what its key makes again."""
        size = data[0]
        same(data[1:1 + size], ED25519, "AlgorithmIdentifier")
        try:
            key.public_key().verify(data[1 + size:], octets)
        except InvalidSignature as error:
            raise Wrong("a signature does not verify") from error
        same(data[1 + size:], key.sign(octets), "the signature")

    def signature(self, o, rekey, octets, first, inner, chain):
        body = body_of(chain, AUTH)
        same(body[0], 14, "the method of AUTH")
        size = 4 + 1 + body[4]
        at = inner.rindex(body) + size
        clear = inner[:at] + bytes(len(body) - size) + \
            inner[at + len(body) - size:]
        signed = octets[:16] + bytes([SK]) + octets[17:24] + struct.pack(
            "!IBBH", 32 + len(clear), first, 0, 4 + len(clear)) + clear
        same(o["signed-octets"], signed.hex(), "signed-octets")
        self.verify(self.signers[rekey.signer], signed, body[4:])

    # ---- KD

    def learn_rekey(self, spi, keymat, bits, kwa, signer):
        e, w = take(keymat, (bits // 8 + 4, KWA_LEN[kwa]))
        if spi not in self.rekeys:
            self.rekeys[spi] = Rekey(e, w, (AES_GCM_16, bits, kwa), signer)
        same((self.rekeys[spi].e, self.rekeys[spi].w), (e, w),
             f"KEYMAT of {spi.hex()}")

    def unwrap_all(self, wraps, default, listed):
        """WRAP_KEYs in an order in which the wrapping keys are known."""
        left = list(wraps)
        while left:
            for value in left:
                key_id, kwk_id = struct.unpack_from("!II", value)
                kwk = self.tree.get(kwk_id) if kwk_id else default
                if kwk:
                    break
            else:
                raise Wrong("WRAP_KEYs that nobody can unwrap")
            left.remove(value)
            key = unwrap(kwk, value[8:])
            same(len(key), len(kwk), "the length of a tree key")
            same(self.tree.setdefault(key_id, key), key, f"Key ID {key_id}")
            listed.append((key_id, kwk_id, kwk.hex(), value[8:].hex(),
                           key.hex(), None))

    def keys(self, o, chain, sa, rekey):
        policy = policies(body_of(chain, GSA))
        bags, wraps, auth_key = key_bags(body_of(chain, KD))
        default = rekey.w if rekey else sa.w
        signer = auth_key or (rekey.signer if rekey else None)
        if auth_key and auth_key not in self.signers:
            raise Wrong("AUTH_KEY is not among the signing keys")
        listed = []
        self.unwrap_all(wraps, default, listed)
        for spi, values in bags.items():
            for value in values:
                key_id, kwk_id = struct.unpack_from("!II", value)
                kwk = self.tree[kwk_id] if kwk_id else default
                key = unwrap(kwk, value[8:])
                self.sa_key(spi, policy[spi], key, signer)
                listed.append((key_id, kwk_id, kwk.hex(), value[8:].hex(),
                               key.hex(), spi.hex()))
        same(sorted((k["key-id"], k["kwk-id"], k["wrapping-key"],
                     k["wrapped-key"], k["key"], k.get("spi") or "")
                    for k in o["keys"]),
             sorted(k[:5] + (k[5] or "",) for k in listed), "keys")

    def sa_key(self, spi, policy, key, signer):
        encr, bits = policy[1]
        same(encr, AES_GCM_16, "the cipher")
        if len(spi) == 16:
            self.learn_rekey(spi, key, bits, policy[13][0], signer)
            return
        same(len(key), bits // 8 + 4, "the length of a TEK")
        same(self.data.setdefault(spi, (encr, bits, key)), (encr, bits, key),
             f"TEK of {spi.hex()}")


def wrong(doc):
    """What is wrong with a document, or None."""
    checked = Document(doc)
    try:
        checked.check()
    except Wrong as error:
        return f"{checked.step}: {error}"
    except (KeyError, ValueError, IndexError, struct.error, StopIteration) as error:
        return f"{checked.step}: {type(error).__name__} {error}"
    return None


# ---- does it notice? -------------------------------------------------------

# A digit of these has no other copy in the document to contradict
FREE = {"about", "at-ms", "copies", "step", "address"}


def spots(node, kind=""):
    """One place of each kind of member: (kind, parent, key)."""
    for key, value in node.items():
        here = f"{kind}{key}"
        if isinstance(value, list):
            for o in value:
                yield from spots(o, f"{here}[].")
        elif isinstance(value, dict):
            yield from spots(value, f"{here}.")
        elif here != "name" and key not in FREE and \
                not isinstance(value, bool):
            yield here, node, key


def alter(value):
    if isinstance(value, int):
        return value + 1
    at = len(value) * 2 // 3
    return value[:at] + ("1" if value[at] == "0" else "0") + value[at + 1:]


def unnoticed(doc):
    """Kinds of members that may be altered without being noticed."""
    seen, missed = {}, []
    doc = copy.deepcopy(doc)
    for kind, parent, key in spots(doc):
        seen.setdefault(kind, (parent, key))
    for kind, (parent, key) in seen.items():
        was = parent[key]
        parent[key] = alter(was)
        if wrong(doc) is None:
            missed.append(kind)
        parent[key] = was
    return missed, len(seen)


# ---- the checks -------------------------------------------------------------

def schema_of():
    try:
        import jsonschema
    except ImportError:
        return None
    schema = json.loads((DOCUMENTATION / "schema/vectors.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else \
        DOCUMENTATION / "vectors"
    tap, schema, seen = Tap(), schema_of(), set()
    for path in sorted(folder.glob("*.json")):
        doc = json.loads(path.read_text())
        if schema:
            errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}"
                      for e in schema.iter_errors(doc)]
            tap.ok(not errors, f"{path.name} fits the schema", errors[:3])
        tap.ok(doc["name"] == path.stem, f"{path.name} has its name in it")
        why = wrong(doc)
        tap.ok(why is None, f"{path.name} is recomputed, {len(doc['messages'])} "
               "messages", why)
        seen |= {o["exchange"] for o in doc["messages"]}
    tap.ok(seen == set(EXCHANGES.values()), "every exchange has vectors",
           sorted(set(EXCHANGES.values()) - seen))
    for name in ("gsa-auth-certificates", "gsa-auth-psk", "create-child-sa",
                 "ike-fragments", "gsa-rekey", "gsa-inband-rekey",
                 "ike-intermediate", "gsa-auth-ppk", "gsa-rekey-data"):
        doc = json.loads((folder / f"{name}.json").read_text())
        missed, kinds = unnoticed(doc)
        tap.ok(not missed, f"{name}.json: an altered digit is noticed in each "
               f"of {kinds} kinds of members", missed)
    print(f"1..{tap.n}")
    return tap.failed > 0


sys.exit(main())
