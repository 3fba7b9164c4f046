#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Where the instructions of a datagram go, by function: sampled every so many
# instructions, in a guest whose clock counts them. Prints, for the plain path
# and for mcsec's, instructions per datagram of each function, and the
# difference.
#
#	selftests/bench/profile.sh FOLDER SIZE [FAMILY]
#
# FOLDER has dgram. To be run in a guest by selftests/bench/run --profile.

# shellcheck source=selftests/kmod/kmod.sh
. "$(dirname "$0")/../kmod/kmod.sh"
bin=$1 size=$2 family=${3:-4}
count=700
# several, so that no step of the loop stays in step with the samples
periods=(7013 8117 9203 10301 11411 12503 13613 14717)

need perf
for m in aesni_intel ghash-clmulni-intel; do
	modprobe -q $m
done
echo 0 >/proc/sys/kernel/kptr_restrict
load_mcsec
two_hosts
[ "$family" = 4 ] && dst=$G4 || dst=$G6

# Instructions by function, "count name"; both ends, dgram's 6 rounds
sampled() {
	local every

	for every in "${periods[@]}"; do
		perf record -q -e cpu-clock -c "$every" -o "$TMP/perf" -- \
			"$bin/dgram" "$(ns a)" "$(ns b)" "$dst" "$size" \
			$count >/dev/null 2>&1
		perf report -q -i "$TMP/perf" --stdio --sort symbol -n \
			--percent-limit 0 2>/dev/null |
			awk -v every="$every" 'NF > 3 { print $2 * every, $4 }'
	done
}

sampled >"$TMP/plain"
groups a b
k=$(new_key 20)
g=g$family
sa_add a $g "$k" spi 4096 dir out alg aes-gcm-16 sender-id 1 select
sa_add b $g "$k" spi 4096 dir in alg aes-gcm-16
sampled >"$TMP/mcsec"

echo "IPv$family, $size octets, $(uname -r): instructions per datagram"
awk -v packets=$((count * 6 * ${#periods[@]})) '
	FNR == NR { plain[$2] += $1; next }
	{ mcsec[$2] += $1 }
	END {
		for (f in plain)
			all[f] = 1
		for (f in mcsec)
			all[f] = 1
		for (f in all) {
			p = plain[f] / packets
			m = mcsec[f] / packets
			sp += p
			sm += m
			printf "%8.0f %8.0f %8.0f  %s\n", m - p, m, p, f
		}
		printf "%8.0f %8.0f %8.0f  %s\n", sm - sp, sm, sp, "(all)"
	}' "$TMP/plain" "$TMP/mcsec" | sort -rn |
	awk 'BEGIN { print "   added    mcsec    plain  function" }
		$1 >= 20 || $1 <= -20'
exit 0
