# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The measuring scripts share this. Their first argument is the folder of the
# programs.

# shellcheck source=selftests/kmod/kmod.sh
. "$(dirname "${BASH_SOURCE[0]}")/../kmod/kmod.sh"
bin=$1
kernel=$(uname -r)
mode=transport

die() { echo "bench: $*" >&2; exit 1; }

# path, family, alg, size, instructions, what is more: a line of JSON
object() {
	printf '{"path": "%s", "family": %s, "mode": "%s", ' "$1" "$2" $mode
	printf '"alg": "%s", "size": %s, "instructions_per_packet": %s, ' \
		"$3" "$4" "$5"
	printf '"kernel": "%s"%s}\n' "$kernel" "${6:+, $6}"
}

# udev loads these on a real machine by the features of its CPU
ciphers() {
	local m

	for m in aesni_intel ghash-clmulni-intel chacha-x86_64 \
		poly1305-x86_64; do
		modprobe -q $m || echo "# no $m"
	done
}

one_cpu() {
	[ "$(nproc)" = 1 ] || die "needs one CPU and -icount"
	ciphers
}

dst_of() { [ "$1" = 4 ] && echo $G4 || echo $G6; }

# from, to, address, size: instructions of one datagram
datagram() {
	"$bin/dgram" "$(ns "$1")" "$(ns "$2")" "$3" "$4" "${count:-600}" ||
		die "dgram $*"
}

# group, key, namespace that sends, by Sender-ID 1, those that receive
share_key() {
	local g=$1 k=$2 n from=$3
	shift 3

	sa_add "$from" "$g" "$k" spi 4096 dir out alg aes-gcm-16 sender-id 1 \
		select || die "SA at $from"
	for n; do
		sa_add "$n" "$g" "$k" spi 4096 dir in alg aes-gcm-16 ||
			die "SA at $n"
	done
}
