# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Functions of the tests of edges, for hosts that have no multicast between them.

# shellcheck source=selftests/kmod/kmod.sh
. "$(dirname "${BASH_SOURCE[0]}")/kmod.sh"

# overlay NAMESPACE NUMBER: the network in which the group is, which leads nowhere.
overlay() {
	nip "$1" link add dummy0 type dummy &&
		nip "$1" addr add "10.9.0.$2/24" dev dummy0 &&
		nip "$1" addr add "fd09::$2/64" dev dummy0 &&
		nip "$1" link set dummy0 multicast on up &&
		nip "$1" route add multicast $G4 dev dummy0 &&
		nip "$1" route add multicast $G6 dev dummy0 table local
}

# hear NAMESPACE GROUP NAME: like listen, in that network.
hear() {
	spawn in_ns "$1" "$MC" recv "$2" $PORT dummy0 "$TMP/$3.ready" "$TMP/$3"
	wait_until 30 test -e "$TMP/$3.ready" || not_ok "a receiver in $1"
}

say() { mc "$1" send "$2" $PORT dummy0 text=SECRET "${@:3}"; }

# edge NAMESPACE GROUP ID NAME: print a value of "edge show".
edge() {
	ctl "$1" -j edge show "$2" |
		json "[e for e in j if e['id'] == $3][0].get('$4')"
}

# keys SPI NAMESPACE...: the same SA in tunnel mode of both groups in each, where
# the Sender-IDs of the first are 1 to 4, those of the second 11 to 14...
keys() {
	local spi=$1 n g k at=0
	shift

	for g in g4 g6; do
		k=$(new_key 20) at=0
		for n; do
			sa_add "$n" $g "$k" spi "$spi" dir inout alg aes-gcm-16 \
				mode tunnel sender-id "$((at + 1))-$((at + 4))" \
				select || return 1
			at=$((at + 10))
		done
	done
}

# lines NAME...: print how many datagrams each receiver has.
lines() {
	local name

	for name; do
		wc -l <"$TMP/$name"
	done | xargs
}

# summed COUNTER NAMESPACE...: print the sum of a counter.
summed() {
	local c=$1 n sum=0
	shift

	for n; do
		sum=$((sum + $(counter "$n" "$c")))
	done
	echo $sum
}
