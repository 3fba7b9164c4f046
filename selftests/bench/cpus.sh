#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Two CPUs that send to one group at a time, in datagrams a second of the
# guest's clock, to what one of them sends; plain, xfrm and mcsec in turn. Then
# whether an IV was used twice meanwhile, by a capture.
#
#	selftests/bench/cpus.sh FOLDER
#
# Emulated CPUs: only the ratio means something, and only where nothing else
# runs on as many of the host's.

# shellcheck source=selftests/bench/bench.sh
. "$(dirname "$0")/bench.sh"
[ "$(nproc)" = 2 ] || die "needs two CPUs"
need tcpdump python3
ciphers
load_mcsec
ns_create a
# datagrams end here, so that it is sending alone that is measured
nip a link add eth0 type dummy
nip a addr add 10.1.0.1/24 dev eth0
nip a link set eth0 up
mroute_to a eth0 224.0.0.0/4
alg=aes-gcm-16-128
rounds=7
time=700

flood() {
	in_ns a "$bin/flood" $G4 64 $time "$@" || die "flood"
}

# path, cipher: the median of the ratios of pairs of runs
measure() {
	local i one two

	flood 0 >/dev/null
	for ((i = 0; i < rounds; i++)); do
		one=$(((i & 1 ? $(flood 0) : $(flood 1)) + 0))
		two=$(flood 0 1)
		echo "$((two * 1000 / one)) $one $two"
	done | sort -n | awk -v n=$(((rounds + 1) / 2)) -v path="$1" \
		-v alg="$2" -v kernel="$kernel" 'NR == n {
			printf "{\"path\": \"%s\", \"family\": 4, ", path
			printf "\"mode\": \"transport\", \"alg\": \"%s\", ", alg
			printf "\"size\": 64, \"one_cpu\": %d, ", $2
			printf "\"two_cpus\": %d, \"ratio\": %.3f, ", $3, $1 / 1000
			printf "\"kernel\": \"%s\"}\n", kernel
		}'
}

measure plain none

nip a xfrm state add src 0.0.0.0 dst $G4 proto esp spi 4096 mode transport \
	replay-window 64 flag esn aead 'rfc4106(gcm(aes))' \
	"0x$(new_key 20)" 128 &&
	nip a xfrm policy add dir out src 0.0.0.0/0 dst $G4 tmpl src 0.0.0.0 \
		dst $G4 proto esp spi 4096 mode transport || die "xfrm"
measure xfrm $alg
nip a xfrm state flush
nip a xfrm policy flush

ctl a group add g4 $G4 || die "group"
sa_add a g4 "$(new_key 20)" spi 4096 dir out alg aes-gcm-16 sender-id 1-2 \
	select || die "SA"
measure mcsec $alg

# Fewer: a capture that loses packets would prove nothing.
sent=$(counter a out-protected)
ip netns exec "$(ns a)" tcpdump -i eth0 -n -s 64 -B 65536 \
	-w "$TMP/ivs.pcap" 2>"$TMP/ivs.err" &
capture=$!
lib_pids+=("$capture")
wait_until 30 grep -q listening "$TMP/ivs.err" || die "no capture"
time=300
flood 0 1 >/dev/null
sent=$(($(counter a out-protected) - sent))
sleep 2
kill $capture
wait $capture
grep -q '^0 packets dropped by kernel' "$TMP/ivs.err" ||
	die "the capture lost packets: $(cat "$TMP/ivs.err")"
python3 - "$TMP/ivs.pcap" "$sent" "$kernel" <<'EOF' || die "the capture"
import collections
import json
import struct
import sys

seen = collections.Counter()
with open(sys.argv[1], "rb") as f:
    f.read(24)
    while head := f.read(16):
        frame = f.read(struct.unpack("<8xI4x", head)[0])
        # Ethernet, IPv4 without options, ESP's SPI and sequence number
        if frame[12:14] == b"\x08\0" and frame[23] == 50:
            seen[frame[42:50]] += 1
if not seen:
    sys.exit("no ESP")
print(json.dumps({
    "path": "mcsec", "sent": int(sys.argv[2]), "captured": seen.total(),
    "sender_ids": len({iv[:2] for iv in seen}),
    "ivs_repeated": seen.total() - len(seen), "kernel": sys.argv[3]}))
if seen.total() != int(sys.argv[2]) or seen.total() != len(seen):
    sys.exit("not every datagram was captured, or not each had its IV")
EOF
exit 0
