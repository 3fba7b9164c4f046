#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The dissector tools/wireshark/mcsec.lua, on captures of the published vectors.

tshark decrypts the vectors with their own keys by another cryptographic library
(libgcrypt), which must find each ICV correct. The fields that the dissector adds
are compared with the vectors. Then messages are cut and altered at each octet,
encrypted again, and must not raise an error of Lua; a copy of the dissector
without its checks shows that such an error would be seen here.
"""
import ipaddress
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

try:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError as error:
    print(f"1..0 # SKIP python3-cryptography is not installed: {error}")
    sys.exit(4)

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from tap import Tap			# noqa: E402

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
LUA = TOP / "tools/wireshark/mcsec.lua"
VECTORS = TOP / "Documentation/vectors"

tap = Tap()


# ---- captures --------------------------------------------------------------

def datagram(source, target, octets):
    """An IPv4 packet with a UDP datagram; "address:port" each."""
    ends = [e.rsplit(":", 1) for e in (source, target)]
    udp = struct.pack("!HHHH", *(int(port) for _, port in ends),
                      8 + len(octets), 0) + octets
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0x4000, 64, 17,
                       0) + b"".join(ipaddress.ip_address(a).packed
                                     for a, _ in ends) + udp


def write_pcap(path, packets):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for ms, packet in packets:
            f.write(struct.pack("<IIII", ms // 1000, ms % 1000 * 1000,
                                len(packet), len(packet)) + packet)


def table_line(spi_i, spi_r, e_i, e_r):
    bits = (len(e_i) // 2 - 4) * 8
    return (f'{spi_i},{spi_r},{e_i},{e_r},'
            f'"AES-GCM-{bits} with 16 octet ICV [RFC5282]",,,"NONE [RFC4306]"\n')


def keys_at(sa, stage):
    """SK_ei and SK_er of an IKE SA after so many IKE_INTERMEDIATE exchanges."""
    keys = sa["additional"][stage - 1] if stage and "renews" not in sa else sa
    return keys["sk-ei"], keys["sk-er"]


def table_of(doc, stage=0):
    """Lines of Wireshark's table of IKEv2 keys."""
    return "".join(
        [table_line(o["spi-i"], o["spi-r"], *keys_at(o, stage))
         for o in doc["ike-sas"]] +
        [table_line(o["spi"][:16], o["spi"][16:], o["gsk-e"], o["gsk-e"])
         for o in doc["rekey-sas"]])


class Shark:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.pcap = self.folder / "vectors.pcap"
        (self.folder / "wireshark").mkdir()

    def set(self, table, packets):
        write_pcap(self.pcap, packets)
        (self.folder / "wireshark/ikev2_decryption_table").write_text(table)

    def run(self, *words, lua=LUA):
        env = dict(os.environ, XDG_CONFIG_HOME=str(self.folder),
                   HOME=str(self.folder))
        script = ["-X", f"lua_script:{lua}"] if lua else []
        got = subprocess.run(
            ["tshark", "-n", *script, "-r", str(self.pcap), *words], env=env,
            capture_output=True, text=True, timeout=250, errors="replace")
        if got.returncode:
            print(f"# tshark ended with {got.returncode}: {got.stderr[-500:]}")
        return got.stdout, got.stderr

    def fields(self, *names, lua=LUA):
        """For each packet the values of each field: [{name: [value]}]."""
        words = ["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a",
                 "-E", "aggregator=|"]
        for name in names:
            words += ["-e", name]
        out, _ = self.run(*words, lua=lua)
        return [{n: c.split("|") if c else [] for n, c in
                 zip(names, line.split("\t"))}
                for line in out.rstrip("\n").split("\n")]


# ---- the vectors -----------------------------------------------------------

# Files whose IKE SAs have several pairs of keys
STAGED = ("ike-intermediate",)

FIELDS = ("gikev2.exchange", "gikev2.rekey.spi", "gikev2.idg.text",
          "gikev2.spi", "gikev2.lifetime", "gikev2.atd", "gikev2.dtd",
          "gikev2.sender_id_bits", "gikev2.sender_id", "gikev2.next_spi",
          "gikev2.key.id", "gikev2.key.kwk_id", "gikev2.key.encrypted",
          "gikev2.auth_key", "gikev2.transform.type", "gikev2.transform.id",
          "gikev2.transform.key_length", "gikev2.ts.ipv4", "gikev2.ts.port",
          "gikev2.group_sender", "gikev2.notify", "gikev2.malformed",
          "gikev2.mcsec.group",
          "gikev2.transform.signature_algorithm", "gikev2.proposal.number",
          "gikev2.mcsec.made", "gikev2.mcsec.beat", "gikev2.mcsec.next_rekey",
          "gikev2.mcsec.term", "gikev2.initial_message_id", "gikev2.protocol",
          "_ws.malformed", "_ws.lua.error")


def keys_agree(got, message):
    seen = sorted(zip(got["gikev2.key.id"], got["gikev2.key.kwk_id"],
                      got["gikev2.key.encrypted"]))
    return seen == sorted((str(k["key-id"]), str(k["kwk-id"]), k["wrapped-key"])
                          for k in message.get("keys", []))


def plain(hex_text):
    return hex_text.replace(":", "")


def documents(shark):
    """All files in one capture, for one run: {name: (document, rows)}."""
    docs = [json.loads(p.read_text()) for p in sorted(VECTORS.glob("*.json"))]
    docs = [doc for doc in docs if doc["name"] not in STAGED]
    shark.set("".join(map(table_of, docs)), [
        (o["at-ms"], datagram(o["from"], o["to"], bytes.fromhex(o["octets"])))
        for doc in docs for o in doc["messages"]])
    rows, out = shark.fields(*FIELDS), {}
    tap.equal(len(rows), sum(len(doc["messages"]) for doc in docs),
              "tshark sees all messages")
    text, _ = shark.run("-V")
    tap.equal(text.count("[correct]"),
              sum("encryption-key" in o for doc in docs
                  for o in doc["messages"]),
              "libgcrypt finds every ICV correct")
    for doc in docs:
        n = len(doc["messages"])
        out[doc["name"]] = doc, document(doc, rows[:n])
        rows = rows[n:]
    return out


def staged(shark, name):
    """IKE_INTERMEDIATE replaces the keys, of which the table has one pair."""
    doc = json.loads((VECTORS / f"{name}.json").read_text())
    packets = [(o["at-ms"], datagram(o["from"], o["to"],
                                     bytes.fromhex(o["octets"])))
               for o in doc["messages"]]
    sas = {o["name"]: o for o in doc["ike-sas"]}
    last = max(o.get("key-exchanges", 0) for o in doc["messages"])
    tap.equal(last, 1, f"{name}: one exchange replaces the keys")
    for stage in range(last + 1):
        shark.set(table_of(doc, stage), packets)
        mine = [o for o in doc["messages"] if "encryption-key" in o and
                ("renews" in sas[o["ike-sa"]] or
                 o.get("key-exchanges", 0) == stage)]
        text, _ = shark.run("-V")
        tap.equal(text.count("[correct]"), len(mine),
                  f"{name}: libgcrypt opens the messages of stage {stage}")
    # With the last keys all of what concerns the group can be read
    rows = shark.fields(*FIELDS)
    pairs = document(doc, rows, lambda o: o in mine)
    asks = [r for o, r in pairs if o["exchange"] == "GSA_AUTH"]
    tap.equal([asks[0]["gikev2.idg.text"], asks[1]["gikev2.sender_id"]],
              [["video"], ["7"]], f"{name}: GSA_AUTH is shown")


def document(doc, rows, readable=lambda o: True):
    """One file, message by message; returns pairs of both."""
    name, messages = doc["name"], doc["messages"]
    tap.equal([(i, r[f]) for i, (r, o) in enumerate(zip(rows, messages), 1)
               for f in ("gikev2.malformed", "_ws.malformed", "_ws.lua.error")
               if r[f] and readable(o)],
              [], f"{name}: nothing is malformed")
    tap.equal([i for i, (r, o) in enumerate(zip(rows, messages), 1)
               if r["gikev2.exchange"] != (
                   [str(o["exchange-type"])] if 39 <= o["exchange-type"] <= 42
                   else [])], [], f"{name}: exchanges of groups are named")
    tap.equal([i for i, (r, o) in enumerate(zip(rows, messages), 1)
               if [plain(s) for s in r["gikev2.rekey.spi"]] !=
               ([o["rekey-sa"]] if "rekey-sa" in o else [])], [],
              f"{name}: each GSA_REKEY has the SPI of its Rekey SA")
    tap.equal([i for i, (r, o) in enumerate(zip(rows, messages), 1)
               if readable(o) and not keys_agree(r, o)], [],
              f"{name}: Key IDs, KWK IDs and encrypted keys are those of the "
              "vectors")
    return list(zip(messages, rows))


def registration(pairs):
    """One GSA_AUTH with certificates, field by field."""
    (_, init), (_, chosen), (_, ask), (_, answer) = pairs[:4]

    tap.ok("13" in init["gikev2.transform.type"],
           "IKE_SA_INIT: a key wrap algorithm is proposed", init)
    tap.equal(chosen["gikev2.transform.type"], ["1", "2", "4", "13"],
              "IKE_SA_INIT: one transform of each type is chosen")
    tap.equal(chosen["gikev2.transform.id"], ["20", "5", "31", "3"],
              "IKE_SA_INIT: the chosen transforms")
    tap.equal(ask["gikev2.idg.text"], ["video"], "GSA_AUTH: IDg")
    tap.equal(ask["gikev2.group_sender"], ["2"],
              "GSA_AUTH: GROUP_SENDER asks for two Sender-IDs")
    tap.ok({"3", "6"} <= set(ask["gikev2.protocol"]) and
           {"13", "14"} <= set(ask["gikev2.transform.type"]),
           "GSA_AUTH: SAg has ESP and GIKE_UPDATE with their transforms", ask)
    tap.equal(answer["gikev2.spi"], ["00000101"] * 2,
              "GSA_AUTH: policy and key bag have the SPI of the Data SA")
    tap.equal(answer["gikev2.sender_id"], ["7"], "GSA_AUTH: the Sender-ID")
    tap.equal([answer[f"gikev2.{n}"] for n in ("atd", "dtd", "sender_id_bits")],
              [["5"], ["15"], ["16"]], "GSA_AUTH: group-wide policy")


def group(doc, pairs):
    """A registration and the kinds of GSA_REKEY."""
    answer = next(r for o, r in pairs if o["exchange"] == "GSA_AUTH" and
                  o["response"])
    tap.equal(answer["gikev2.ts.ipv4"],
              ["0.0.0.0", "255.255.255.255", "239.1.1.254", "239.1.1.254",
               "0.0.0.0", "255.255.255.255", "239.1.1.1", "239.1.1.1"]
              if answer["gikev2.ts.ipv4"][0] == "0.0.0.0" else
              ["10.0.0.1", "10.0.0.1", "239.1.1.254", "239.1.1.254",
               "0.0.0.0", "255.255.255.255", "239.1.1.1", "239.1.1.1"],
              "GSA: traffic selectors of both SAs")
    tap.ok("848" in answer["gikev2.ts.port"], "GSA: the port of rekeys",
           answer["gikev2.ts.port"])
    tap.equal(sorted(answer["gikev2.lifetime"]), ["14400", "7200"],
              "GSA: lifetimes of both SAs")
    tap.equal([plain(k) for k in answer["gikev2.auth_key"]],
              [doc["signing-keys"][0]["public-key"]], "KD: AUTH_KEY")
    tap.equal([plain(a) for a in
               answer["gikev2.transform.signature_algorithm"]],
              ["300506032b6570"], "GSA: the AlgorithmIdentifier of Ed25519")
    tap.equal(answer["gikev2.mcsec.beat"], ["15"], "GSA: seconds between beats")
    rekeys = [(o, r) for o, r in pairs if o["exchange"] == "GSA_REKEY"]
    evict = [r for o, r in rekeys if "evicted" in o["step"]][:2]
    tap.equal([sorted(set(map(len, map(plain, r["gikev2.spi"]))))
               for r in evict], [[32], [8]],
              "eviction: first a Rekey SA, then a Data SA")
    tap.ok(evict[0]["gikev2.key.kwk_id"] and
           "0" not in evict[0]["gikev2.key.kwk_id"],
           "eviction: no key is wrapped with what the evicted member has",
           evict[0])
    tap.equal(evict[1]["gikev2.key.kwk_id"], ["0"],
              "eviction: the TEK is wrapped with GSK_w of the new Rekey SA")
    periodic = next(r for o, r in rekeys if o["step"] == "periodic rekey")
    tap.equal(periodic["gikev2.key.kwk_id"], ["0", "0"],
              "periodic: both keys are wrapped with GSK_w")
    new = next(r for o, r in rekeys if o["step"] == "the signing key changes")
    tap.equal([plain(k) for k in new["gikev2.auth_key"]],
              [doc["signing-keys"][1]["public-key"]], "another AUTH_KEY")


# ---- hostile messages ------------------------------------------------------

class Sealer:
    """Messages with any content, in place of one of the vectors."""

    def __init__(self, doc, message):
        self.octets = bytes.fromhex(message["octets"])
        self.ends = message["from"], message["to"]
        self.first = message["first-payload"]
        self.inner = bytes.fromhex(message["inner"])
        if "rekey-sa" in message:
            key = next(o for o in doc["rekey-sas"]
                       if o["spi"] == message["rekey-sa"])["gsk-e"]
        else:
            key = next(o for o in doc["ike-sas"]
                       if o["name"] == message["ike-sa"])[
                           message["encryption-key"]]
        self.key = bytes.fromhex(key)
        self.n = 0

    def seal(self, inner, exchange=None):
        self.n += 1
        iv = struct.pack("!Q", self.n)
        size = 32 + 8 + len(inner) + 1 + 16
        head = self.octets[:18] + bytes([exchange or self.octets[18]]) + \
            self.octets[19:20] + struct.pack("!II", self.n, size) + \
            struct.pack("!BBH", self.first, 0, size - 28)
        sealed = AESGCM(self.key[:-4]).encrypt(self.key[-4:] + iv,
                                               inner + b"\0", head)
        return self.n, datagram(*self.ends, head + iv + sealed)


def last_payload(first, inner):
    """Where the payload begins that a cut would hit: GSA or KD."""
    at, kind = 0, first
    found = None
    while kind:
        if kind in (33, 50, 51, 52):
            found = at
        kind = inner[at]
        at += struct.unpack_from("!H", inner, at + 2)[0]
    return found


def cut(sealer):
    """Cuts behind each octet, then the same with a length of the payload that
    is right, as an insider makes them."""
    inner = sealer.inner
    for n in range(len(inner)):
        yield inner[:n]
    at = last_payload(sealer.first, inner)
    size = struct.unpack_from("!H", inner, at + 2)[0]
    for n in range(4, size):
        yield inner[:at] + b"\0" + inner[at + 1:at + 2] + struct.pack("!H", n) + \
            inner[at + 4:at + n]


def broken(sealer):
    """Cuts, and alterations of each octet and by chance."""
    inner = sealer.inner
    yield from cut(sealer)
    for n in range(len(inner)):
        for value in (0, 0xff):
            yield inner[:n] + bytes([value]) + inner[n + 1:]
    chance = random.Random(1)
    for _ in range(200):
        octets = bytearray(inner)
        for _ in range(chance.randint(1, 8)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        yield bytes(octets)


def hostile(shark, doc, pairs):
    messages = [o for o, _ in pairs]
    chosen = {
        "a request": next(o for o in messages if o["exchange"] == "GSA_AUTH" and
                          not o["response"]),
        "an answer": next(o for o in messages if o["exchange"] == "GSA_AUTH" and
                          o["response"]),
        "a rekey": next(o for o in messages if "evicted" in o["step"]),
    }
    sealers = {what: Sealer(doc, o) for what, o in chosen.items()}
    packets = {what: [sealer.seal(inner) for inner in broken(sealer)]
               for what, sealer in sealers.items()}
    shark.set(table_of(doc), sum(packets.values(), []))
    every = shark.fields("frame.number", "gikev2.malformed", "_ws.lua.error")
    tap.equal(len(every), sum(map(len, packets.values())),
              "tshark reads all broken messages")
    for what, sealer in sealers.items():
        n = len(packets[what])
        rows, every = every[:n], every[n:]
        tap.equal([r["frame.number"] for r in rows if r["_ws.lua.error"]][:5],
                  [], f"{what}: none of {n} broken messages is an error of Lua")
        n = sum(bool(r["gikev2.malformed"]) for r in rows)
        tap.ok(n > len(sealer.inner) / 2,
               f"{what}: {n} are malformed by the dissector", n)
    return sealers["an answer"]


def inband(pairs):
    """GSA_INBAND_REKEY: keys, or Deletes, and the name of the group."""
    rows = [r for o, r in pairs
            if o["exchange-type"] == 42 and not o["response"]]
    tap.ok(rows and all(r["gikev2.exchange"] == ["42"] for r in rows),
           "GSA_INBAND_REKEY is named")
    keys = [r for r in rows if r["gikev2.key.id"]]
    tap.ok(keys and all(r["gikev2.atd"] for r in keys),
           "GSA_INBAND_REKEY: GSA and KD are shown", rows)
    tap.ok(len(keys) < len(rows), "GSA_INBAND_REKEY: some have Deletes alone")
    tap.ok(all(r["gikev2.mcsec.group"] == ["video"] for r in rows),
           "GSA_INBAND_REKEY: the group is shown", rows)


def several(pairs):
    """Both Data SAs, with their selectors and keys, in each kind of message."""
    for exchange in ("GSA_AUTH", "GSA_REKEY"):
        rows = [r for o, r in pairs if o["exchange"] == exchange and
                {"239.2.0.0", "239.2.255.255"} <= set(r["gikev2.ts.ipv4"])]
        tap.ok(rows and all(
            "239.1.1.1" in r["gikev2.ts.ipv4"] and
            {"128", "256"} <= set(r["gikev2.transform.key_length"]) and
            len({plain(s) for s in r["gikev2.spi"] if len(plain(s)) == 8}) >= 2
            for r in rows), f"{exchange}: both Data SAs are shown", rows[:1])


def installed(shark, doc, sealer, folder):
    """A link in the folder of plugins, and a capture without IKE_SA_INIT."""
    shark.set(table_of(doc), [sealer.seal(sealer.inner)])
    words = ["-O", "gikev2"]
    tap.ok("Key Bag" not in shark.run(*words, lua=None)[0],
           "Wireshark alone knows nothing of key bags")
    plugins = pathlib.Path(folder) / ".local/lib/wireshark/plugins"
    plugins.mkdir(parents=True)
    (plugins / "mcsec.lua").symlink_to(LUA)
    tap.ok("Key Bag" in shark.run(*words, lua=None)[0],
           "a link in the folder of plugins is enough")
    (plugins / "mcsec.lua").unlink()


def unchecked(shark, doc, sealer, folder):
    """Without its checks of lengths the dissector would fail."""
    text = LUA.read_text()
    check = "if n < least or n > r:left() then"
    tap.equal(text.count(check), 1, "the check of lengths is in one place")
    lua = pathlib.Path(folder) / "unchecked.lua"
    # The other half has to stay: a length of 0 would have no end
    lua.write_text(text.replace(check, "if n < least then"))
    shark.set(table_of(doc), [sealer.seal(inner) for inner in cut(sealer)])
    rows = shark.fields("frame.number", "_ws.lua.error", lua=lua)
    tap.ok(any(r["_ws.lua.error"] for r in rows),
           "an error of Lua would be noticed")


def main():
    if not shutil.which("tshark"):
        print("1..0 # SKIP tshark is not installed")
        return 4
    with tempfile.TemporaryDirectory(prefix="mcsec-shark-") as folder:
        shark = Shark(folder)
        seen = documents(shark)
        registration(seen["gsa-auth-certificates"][1])
        group(*seen["gsa-rekey"])
        doc, pairs = seen["gsa-rekey"]
        sealer = hostile(shark, doc, pairs)
        inband(seen["gsa-inband-rekey"][1])
        several(seen["gsa-rekey-data"][1])
        for name in STAGED:
            staged(shark, name)
        installed(shark, doc, sealer, folder)
        unchecked(shark, doc, sealer, folder)
    print(f"1..{tap.n}")
    return tap.failed > 0


sys.exit(main())
