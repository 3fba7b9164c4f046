#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The kernel source's own YNL client drives the family from the specification:
# every operation, notifications, refusals with their words. It is where
# tools/ynl-regen keeps it, or in YNL_TREE.
#
# timeout: 300

. "$(dirname "$0")/../lib.sh"
tree=${YNL_TREE:-${MCSEC_CACHE:-/var/cache/mcsec}/ynl}
[ -e "$tree/tools/net/ynl/cli.py" ] ||
	skip_all "no YNL client in $tree: run tools/ynl-regen --check"
python3 -c 'import yaml, jsonschema' 2>/dev/null ||
	skip_all "python3-yaml or python3-jsonschema is missing"
spec=$(project_file Documentation/netlink/specs/mcsec.yaml)
[ -n "$spec" ] || skip_all "the family's specification is not here"
load_mcsec
ns_create a

cat >"$TMP/drive.py" <<'PY'
"""All of it in one process: starting Python is what takes time here."""
import ipaddress
import os
import sys

tree, spec = sys.argv[1:]
sys.path.insert(0, os.path.join(tree, "tools/net/ynl"))
from lib import NlError, YnlFamily

schema = os.path.join(tree, "Documentation/netlink/genetlink-legacy.yaml")
y = YnlFamily(spec, schema)
number = failed = 0


def addr(text):
    """This version of YNL takes addresses in hex, and gives them readable."""
    return ipaddress.ip_address(text).packed.hex()


def check(name, good, detail=""):
    global number, failed
    number += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {number} - {name}")
    if not good:
        print(f"# {detail}")


def do(name, op, attrs, want=None):
    try:
        reply = y.do(op, attrs)
    except NlError as e:
        check(name, False, e)
        return None
    check(name, want is None or want(reply), reply)
    return reply


def refused(name, op, attrs, words):
    try:
        reply = y.do(op, attrs)
        check(name, False, f"accepted: {reply}")
    except NlError as e:
        said = (e.nl_msg.extack or {}).get("msg", "")
        check(name, words in said, said or e)


y.ntf_subscribe("events")
key = bytes(range(36)).hex()
do("group-new", "group-new", {"name": "y4", "dst": addr("239.1.1.1")})
do("group-new, IPv6", "group-new", {"name": "y6", "dst": addr("ff3e::1")})
do("group-get", "group-get", {"name": "y4"},
   lambda r: r["dst"] == "239.1.1.1" and r["sas"] == 0 and "out-spi" not in r)
check("group-get, dump", [g["name"] for g in y.dump("group-get", {})] ==
      ["y4", "y6"])
sa = {"group": "y4", "spi": 4096, "dir": ["in", "out"], "alg": "aes-gcm-16",
      "key": key, "sender-id": [1, 2], "replay": "iv", "window": 2048,
      "hard-time": 1, "soft-packets": 5, "selected": True}
do("sa-new", "sa-new", sa)
do("sa-get", "sa-get", {"group": "y4", "spi": 4096},
   lambda r: r["sender-id"] == [1, 2] and r["window"] == 2048 and
   set(r["dir"]) == {"in", "out"} and r["alg"] == "aes-gcm-16" and
   r["hard-time"] == 1 and r["state"] == "live" and "selected" in r)
check("no answer has a key", all("key" not in s for s in y.dump("sa-get", {})))
check("sa-get, dump of a group", len(y.dump("sa-get", {"group": "y4"})) == 1)
check("sa-get, dump of another", y.dump("sa-get", {"group": "y6"}) == [])
do("sa-set", "sa-set", {"group": "y4", "spi": 4096, "soft-packets": 9})
do("sa-get after it", "sa-get", {"group": "y4", "spi": 4096},
   lambda r: r["soft-packets"] == 9 and r["hard-time"] == 1)
check("sender-get, dump",
      y.dump("sender-get", {"group": "y4", "spi": 4096}) == [])
of = {"group": "y4", "spi": 4096}
do("sender-new", "sender-new", of | {"sender-id": 7, "name": "s.example"})
check("sender-get, dump of it", y.dump("sender-get", of) == [
      of | {"sender-id": 7, "name": "s.example", "counter": 0, "packets": 0,
            "replays": 0}], y.dump("sender-get", of))
do("sender-set", "sender-set", of | {"sender-id": 7, "name": "t.example"})
do("sender-get after it", "sender-get", of | {"sender-id": 7},
   lambda r: r["name"] == "t.example")
for name, op, change, words in (
        ("the same sender", "sender-new", {}, "sender of this sender-id"),
        ("a sender of 17 bits", "sender-new", {"sender-id": 65536},
         "must fit the sid-bits of the SA"),
        ("a name of two lines", "sender-new",
         {"sender-id": 8, "name": "a\nb"}, "must be printable ASCII"),
        ("a name with a control", "sender-set", {"name": "a\x7f"},
         "must be printable ASCII"),
        ("a sender that is not there", "sender-set",
         {"sender-id": 8, "name": "x"}, "no sender of this sender-id")):
    refused(name, op, of | {"sender-id": 7} | change, words)
refused("a sender without a Sender-ID", "sender-new", of,
        "missing attribute: sender-id")
refused("no name to set", "sender-set", of | {"sender-id": 7},
        "missing attribute: name")
do("sender-del", "sender-del", of | {"sender-id": 7})
refused("a sender that was deleted", "sender-del", of | {"sender-id": 7},
        "no sender of this sender-id")
check("no sender is left", y.dump("sender-get", of) == [])
check("stats-get, dump", {"name": "in-accepted", "value": 0} in
      y.dump("stats-get", {}))
do("stats-get", "stats-get", {"name": "out-no-sa"},
   lambda r: r == {"name": "out-no-sa", "value": 0})

edge = {"group": "y6", "id": 3}
do("edge-new", "edge-new", edge | {
    "local-port": 4500, "peer": addr("192.0.2.1"), "peer-port": 4501,
    "dir": ["down"], "senders": [1 << 16 | 4], "mtu": 1400})
do("edge-get", "edge-get", edge,
   lambda r: r["peer"] == "192.0.2.1" and r["peer-port"] == 4501 and
   set(r["dir"]) == {"down"} and r["senders"] == [1 << 16 | 4])
do("edge-set", "edge-set", edge | {"peer": addr("192.0.2.2")})
check("edge-get, dump", [e["peer"] for e in y.dump(
    "edge-get", {"group": "y6"})] == ["192.0.2.2"])
refused("an edge to a multicast address", "edge-set",
        edge | {"peer": addr("239.1.1.1")}, "peer is a multicast address")
do("edge-del", "edge-del", edge)
refused("an edge that was deleted", "edge-get", edge, "no edge of this id")

refused("a name twice", "group-new", {"name": "y4", "dst": addr("239.1.1.2")},
        "a group of this name exists")
refused("an address twice", "group-new", {"name": "y5", "dst": addr("239.1.1.1")},
        "another group has this address: add a source")
refused("a unicast address", "group-new", {"name": "y5", "dst": addr("10.0.0.1")},
        "must be a multicast address")
refused("no address", "group-new", {"name": "y5"}, "missing attribute: dst")
refused("no such group", "group-get", {"name": "none"}, "no group")
for name, change, words in (
        ("an SPI twice", {}, "SA of this spi"),
        ("a reserved SPI", {"spi": 255}, "RFC 4303 reserves"),
        ("a short key", {"key": key[:62]}, "20 or 36 octets"),
        ("ChaCha20's key", {"alg": "chacha20-poly1305", "key": key[:40]},
         "must be 36 octets"),
        ("no direction", {"dir": []}, "dir must be in, out or both"),
        ("out without Sender-IDs", {"sender-id": []}, "dir out needs a sender-id"),
        ("a Sender-ID twice", {"sender-id": [3, 3]}, "must name each Sender-ID once"),
        ("a Sender-ID too large", {"sender-id": [256], "sid-bits": 8},
         "sender-id must fit sid-bits"),
        ("odd widths", {"sid-bits": 9}, "must be 8, 12 or 16"),
        ("an odd window", {"window": 100}, "power of two"),
        ("soft above hard", {"soft-time": 9}, "must be at most its hard limit"),
        ("an IV limit of 0", {"iv-limit": 0}, "iv-limit must not be 0"),
        ("an IV limit too large", {"iv-limit": 1 << 48}, "beside sid-bits"),
        ("selected, only receiving", {"dir": ["in"], "sender-id": []},
         "selected needs an SA with dir out"),
        ("sent with before", {"spi": 5000}, "IVs would repeat"),
        ("sent with before by another width", {"spi": 5000, "sid-bits": 8},
         "with this key and other sid-bits")):
    refused(name, "sa-new", sa | {"key": key} | change, words)
check("no refusal left anything", len(y.dump("sa-get", {})) == 1)

import time
end = time.time() + 15
events = []
while time.time() < end and not any(
        e["name"] == "hard-expire" for e in events):
    time.sleep(0.2)
    y.check_ntf()
    events += y.async_msg_queue
    y.async_msg_queue = []
check("a notification", any(
    e["name"] == "hard-expire" and e["msg"]["spi"] == 4096 and
    e["msg"]["limit"] == "time" for e in events), events)
do("sa-get: expired", "sa-get", {"group": "y4", "spi": 4096},
   lambda r: r["state"] == "expired")
gone = {"group": "y4", "spi": 4096, "last-counts": True}
do("sa-del with the last counts", "sa-del", gone,
   lambda r: r == {"group": "y4", "spi": 4096, "out-packets": 0,
                   "out-bytes": 0, "in-packets": 0, "in-bytes": 0,
                   "in-replays": 0, "in-bad-icv": 0})
refused("the last counts of an SA that is not there", "sa-del", gone,
        "no SA of this spi")
del sa["hard-time"]
do("sa-new again", "sa-new", sa | {"key": key[::-1]})
do("sa-del", "sa-del", {"group": "y4", "spi": 4096}, lambda r: not r)
do("sa-flush", "sa-flush", {"group": "y4"})
do("group-del", "group-del", {"name": "y4"})
do("group-flush", "group-flush", {})
check("nothing is left", y.dump("group-get", {}) == [])
print(f"1..{number}")
sys.exit(failed > 0)
PY
in_ns a python3 "$TMP/drive.py" "$tree" "$spec"
exit
