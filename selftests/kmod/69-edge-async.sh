#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Edges that are deleted while an asynchronous cipher takes packets from them, on
# another CPU.
#
#	a 10.1.0.1 eth0 ---- eth0 b 10.1.0.2
#
# cpus: 2
# timeout: 600

. "$(dirname "$0")/edge.sh"
need python3
modprobe -q cryptd	# or it is built in: binding shows it
load_mcsec
two_hosts
make_async cryptd 'rfc7539(chacha20,poly1305)'
[ "$(nproc)" -ge 2 ] || skip_all "one CPU"

ctl b group add g4 $G4
try "a host has a key" sa_add b g4 "$(new_key 36)" spi 4096 dir in \
	alg chacha20-poly1305 mode tunnel
# The socket stays while the other edge comes and goes.
try "an edge that stays is added" ctl b edge add g4 2 local 10.1.0.2:4500 \
	peer 10.1.0.9:4500 up

# Forged ESP from CPU 0, as fast as it goes; the edge is CPU 1's.
cat >"$TMP/race.py" <<'PY'
import ctypes
import os
import socket
import struct
import sys

sys.path.insert(0, sys.argv[1])
from family import Client, Spec


def enter(name):
    fd = os.open("/run/netns/" + name, os.O_RDONLY)
    assert ctypes.CDLL(None).setns(fd, 0x40000000) == 0
    os.close(fd)


def flood(stop):
    os.sched_setaffinity(0, {0})
    enter(sys.argv[3])
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.1.0.1", 4500))
    s.connect(("10.1.0.2", 4500))
    os.set_blocking(stop, False)
    sent = 0
    while True:
        sent += 1
        s.send(struct.pack("!IIQ", 4096, sent, 1 << 48 | sent) + bytes(64))
        if sent % 64 == 0:
            try:
                os.read(stop, 1)
                return sent
            except BlockingIOError:
                pass


stop, end = os.pipe()
out, told = os.pipe()
if not os.fork():
    os.write(told, b"%d" % flood(stop))
    os._exit(0)
os.sched_setaffinity(0, {1})
enter(sys.argv[4])
c = Client(Spec(sys.argv[2]))
for _ in range(int(sys.argv[5])):
    c.do("edge-new", {"group": "g4", "id": 1, "dir": 1,
                      "local": bytes([10, 1, 0, 2]), "local-port": 4500,
                      "peer": bytes([10, 1, 0, 1]), "peer-port": 4500})
    c.do("edge-del", {"group": "g4", "id": 1})
os.write(end, b"x")
print(os.read(out, 100).decode())
PY
spec=$(project_file Documentation/netlink/specs/mcsec.yaml)
sent=$(timeout 300 python3 "$TMP/race.py" "$LIB/kfuzz" "$spec" "$(ns a)" \
	"$(ns b)" 200)
like "an edge is added and deleted 200 times under a flood" "$sent" '^[1-9]'
has_all() {
	[ "$(($(counter b in-bad-icv) + $(counter b in-crypto-busy) +
		$(counter b edge-unknown)))" -ge "$sent" ]
}
try "every packet of the flood is counted" wait_until 60 has_all
is "every packet of the flood is counted once" "$(counters b in-bad-icv \
	in-crypto-busy edge-unknown out-exempt)" ""
unlike "the cipher had packets of the edge" "$(counter b in-bad-icv)" '^0$'
is "one edge is left" "$(ctl b -j edge show g4 | json 'len(j)')" 1

tap_done
