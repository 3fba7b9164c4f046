#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The test bed itself: is this the kernel that was asked for, do namespaces,
# cables and multicast work in it, and does the kernel find the algorithms that
# it loads on demand. What fails here explains what fails later.
#
#	a eth0 ---- eth0 b
#	10.0.0.1    10.0.0.2
#
# stock too: the bed itself, and algorithms that are loaded on demand

. "$(dirname "$0")/../lib.sh"
need ip python3

if [ -n "${MCSEC_RELEASE:-}" ]; then
	is "the kernel is the expected one" "$(uname -r)" "$MCSEC_RELEASE"
else
	skip "the kernel is the expected one" "native run"
fi

try "two namespaces" ns_create a b
try "a cable between them" \
	veth a:eth0 10.0.0.1/24 fd00::1/64 -- b:eth0 10.0.0.2/24 fd00::2/64
try "IPv4 passes" in_ns a ping -q -c 1 -W 5 10.0.0.2
try "IPv6 passes" in_ns a ping -q -c 1 -W 5 fd00::2

cat >"$TMP/mcast.py" <<'PY'
import socket, struct, sys

group, port = "239.1.2.3", 5000
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
if sys.argv[1] == "recv":
    s.bind((group, port))
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                 socket.inet_aton(group) + socket.inet_aton("10.0.0.2"))
    s.settimeout(20)
    open(sys.argv[2], "w").close()
    print(s.recv(100).decode())
else:
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                 socket.inet_aton("10.0.0.1"))
    s.sendto(b"to all", (group, port))
PY
in_ns b python3 "$TMP/mcast.py" recv "$TMP/ready" >"$TMP/got" &
receiver=$!
wait_until 20 test -e "$TMP/ready"
try "a multicast datagram is sent" in_ns a python3 "$TMP/mcast.py" send
wait $receiver
is "the multicast datagram is received" "$(<"$TMP/got")" "to all"

key=0x$(printf '%040d' 7)
try "the kernel loads rfc4106(gcm(aes)) and seqiv on demand" \
	nip a xfrm state add src 10.0.0.1 dst 10.0.0.2 proto esp spi 0x1001 \
	mode transport aead 'rfc4106(gcm(aes))' "$key" 128
key=0x$(printf '%072d' 7)
try "the kernel loads rfc7539esp(chacha20,poly1305) on demand" \
	nip b xfrm state add src 10.0.0.1 dst 10.0.0.2 proto esp spi 0x1002 \
	mode transport aead 'rfc7539esp(chacha20,poly1305)' "$key" 128
key=0x$(printf '%040d' 7)
try "the kernel loads rfc4543(gcm(aes)) on demand" \
	nip b xfrm state add src 10.0.0.1 dst 10.0.0.2 proto esp spi 0x1003 \
	mode transport aead 'rfc4543(gcm(aes))' "$key" 128
tap_done
