#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Programs that ask when a datagram left (SO_TIMESTAMPING; PTP does) are told as
# often as without mcsec: small ones, what is fragmented, batches, in both modes.
#
#	a eth0 ---- eth0 b
#
# timeout: 300

. "$(dirname "$0")/kmod.sh"
need python3
load_mcsec
two_hosts
cat >"$TMP/stamps.py" <<'PY'
"""Send COUNT datagrams of SIZE octets; print what the kernel said of when they
were queued and when they left, by their numbers."""
import socket, struct, sys, time
group, count, size, gso, pmtu = sys.argv[1], *map(int, sys.argv[2:])
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
# and what was charged to the socket is given back
print(struct.unpack("@I", __import__("fcntl").ioctl(s, 0x5411, bytes(4)))[0])
PY
stamps() { in_ns a python3 "$TMP/stamps.py" "$@"; }
kinds=("3 100 0 1500" "2 3000 0 1500" "1 65000 0 1500" "1 5000 1000 1500"
	"2 3000 0 1400")
declare -A clear
for g in $G4 $G6; do
	for what in "${kinds[@]}"; do
		# shellcheck disable=SC2086 # words
		clear[$g$what]=$(stamps $g $what)
	done
done
like "without mcsec each datagram has two" "${clear[${G4}2 3000 0 1500]}" \
	"'left': \[0, 1\], 'queued': \[0, 1\]"
groups a b
listen b $G4 r4
listen b $G6 r6
lines=0
for mode in transport tunnel; do
	for f in 4 6; do
		[ $f = 4 ] && g=$G4 || g=$G6
		key=$(new_key 20)
		[ $mode = tunnel ] && spi=8192 || spi=4096
		sa_add a g$f "$key" spi $spi dir out alg aes-gcm-16 \
			sender-id 1-4 mode $mode select
		sa_add b g$f "$key" spi $spi dir in alg aes-gcm-16 mode $mode
		for what in "${kinds[@]}"; do
			# shellcheck disable=SC2086 # words
			is "IPv$f, $mode, $what: as in the clear" \
				"$(stamps $g $what)" "${clear[$g$what]}"
		done
	done
	lines=$((lines + 13))
	for f in 4 6; do
		wait_until 20 has_lines r$f $lines
		is "IPv$f, $mode: all of it arrives" "$(wc -l <"$TMP/r$f")" $lines
	done
done
is "all datagrams with timestamps are verified" \
	"$(counters b in-exempt out-exempt)" \
	"in-accepted $((2 * lines))"
tap_done
