#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Only somebody with the key can send these: datagrams that verify and are odd
# inside. Each ends under its name or arrives, and never does more than that.
#
#	a eth0 (forges, without the module's help) ---- eth0 b
#
# timeout: 300

. "$(dirname "$0")/kmod.sh"
need python3
has_af_alg || skip_all "the kernel has no AF_ALG"
load_mcsec
two_hosts
groups b

# family, address, name of the group
round() {
	local f=$1 dst=$2 g=$3 key n=0
	key=$(new_key 20)

	inside() { # what, Sender-ID, counter
		pkt a inside "$dst" eth0 "$key" 4096 \
			$((($2 << 48) + $3)) "$1"
	}
	sees() { # name, counter
		n=$((n + 1))
		try "IPv$f: $1" wait_until 15 counted b "$2" \
			$((${base[$2]:-0} + 1))
		base[$2]=$((${base[$2]:-0} + 1))
	}
	sa_add b "$g" "$key" spi 4096 dir in alg aes-gcm-16
	listen b "$dst" "r$f"
	inside udp 7 1
	sees "a datagram by hand is accepted" in-accepted
	inside padded 7 2
	sees "so is one with 200 octets of padding" in-accepted
	wait_until 15 has_lines "r$f" 2
	is "IPv$f: both datagrams arrive" "$(wc -l <"$TMP/r$f")" 2
	inside dummy 7 3
	sees "a dummy is thrown away" in-dummy
	inside overlong 7 4
	sees "a pad length beyond the text is refused" in-bad-trailer
	inside dummy 7 3
	sees "a dummy counts for the window" in-replay
	inside overlong 7 4
	sees "so does what was wrong inside" in-replay
	inside all-pad 7 5
	sees "nothing but padding is a datagram of no octets" in-accepted
	inside no-text 7 6
	sees "so is a trailer alone" in-accepted
	inside udp 7 0
	sees "a counter of 0 is none" in-replay
	is "IPv$f: nothing more arrives" "$(wc -l <"$TMP/r$f")" 2
	# an address of another group, for which the key is none
	ctl b group add other "$dst" proto udp dport $PORT
	inside udp 7 7
	sees "a datagram of a narrower group is refused" in-selector
	if [ "$f" = 6 ]; then
		inside atomic 7 8
		sees "also behind a fragment header" in-selector
		inside behind 7 9
		sees "or behind many others" in-selector
	fi
	is "IPv$f: the datagram does not arrive" "$(wc -l <"$TMP/r$f")" 2
	ctl b group del other
	is "IPv$f: nothing else was counted" \
		"$(counters b in-exempt out-exempt)" "$(printf '%s %s, ' \
		in-accepted ${base[in-accepted]} in-replay ${base[in-replay]} \
		in-bad-trailer ${base[in-bad-trailer]} \
		in-dummy ${base[in-dummy]} \
		in-selector ${base[in-selector]} | sed 's/, $//')"
}

# family, address, name of the group: fragments that a sender made before ESP
tunnels() {
	local f=$1 dst=$2 g=$3 n=0 key other name bad lines

	key=$(new_key 20)
	other=$(new_key 20)
	part() { # key, SPI, what
		n=$((n + 1))
		pkt a inside "$dst" eth0 "$1" "$2" \
			$(((7 << 48) + n)) "$3"
	}
	grew() { # name, counter, by
		try "IPv$f: $1" wait_until 15 counted b "$2" $((was[$2] + $3))
		was[$2]=$((was[$2] + $3))
	}
	local -A was=()
	for name in in-inner-fragment in-accepted in-selector in-inner; do
		was[$name]=$(counter b $name)
	done
	sa_add b "$g" "$key" spi 8192 dir in alg aes-gcm-16 mode tunnel
	sa_add b "$g" "$other" spi 8193 dir in alg aes-gcm-16 mode tunnel
	lines=$(wc -l <"$TMP/r$f")
	part "$key" 8192 first:1
	grew "a fragment in a tunnel waits" in-inner-fragment 1
	part "$key" 8192 last:1
	grew "until it is whole" in-accepted 1
	wait_until 15 has_lines "r$f" $((lines + 1))
	is "IPv$f: the fragments arrive as one" \
		"$(tail -n 1 "$TMP/r$f" | cut -d' ' -f1)" 16
	part "$key" 8192 last:2
	part "$key" 8192 first:2
	grew "in any order" in-accepted 1
	grew "one of them waits" in-inner-fragment 1
	# The outer header's hops are in the clear: anybody on the path can change them.
	for bad in 8:8:8 8:64:8 8:1:1 64:8:8 1:255:1; do
		part "$key" 8192 "hops:${bad%:*}"
		grew "a datagram whose headers have the hops ${bad%:*} is accepted" \
			in-accepted 1
		wait_until 15 has_lines "r$f" $((lines + 3))
		is "IPv$f: of the hops ${bad%:*} the fewer are left" \
			"$(tail -n 1 "$TMP/r$f" | cut -d' ' -f4)" "${bad##*:}"
		lines=$((lines + 1))
	done
	# Tunnels keep the addresses (RFC 5374 3.1): each of the two is compared.
	for bad in source destination; do
		part "$key" 8192 "other:$bad"
		grew "another $bad inside than outside is refused" in-inner 1
	done
	for bad in version length; do
		part "$key" 8192 "other:$bad"
		grew "a bad $bad inside is refused" in-inner 1
	done
	# fragments that never come together
	part "$key" 8192 first:3
	part "$other" 8193 last:3
	grew "those of two SAs make nothing" in-inner-fragment 2
	part "$key" 8192 first:4
	pkt a inside "$dst" eth0 00 0 0 clear:4
	grew "nor does one in the clear" in-inner-fragment 1
	part "$key" 8192 first:5
	part "$key" 8192 late:5
	wait_until 15 counted b in-inner-fragment $((was[in-inner-fragment] + 1))
	part "$key" 8192 last:5
	bad=$(($(counter b in-inner-fragment) + $(counter b in-inner)))
	is "IPv$f: a fragment that overlaps spoils the datagram" $bad \
		$((was[in-inner-fragment] + was[in-inner] + 3))
	is "IPv$f: nothing of the spoilt datagram was accepted" \
		"$(counter b in-accepted)" \
		"${was[in-accepted]}"
	is "IPv$f: nothing of the spoilt datagram arrived" \
		"$(wc -l <"$TMP/r$f")" $((lines + 2))
	# the whole is what the key must be for
	ctl b group add "narrow$f" "$dst" proto udp dport 5001
	sa_add b "narrow$f" "$(new_key 20)" spi 9000 dir in alg aes-gcm-16
	ctl b sa del "$g" 8193
	ctl b sa del "$g" 8192
	sa_add b "narrow$f" "$key" spi 8192 dir in alg aes-gcm-16 mode tunnel
	part "$key" 8192 first:6
	part "$key" 8192 last:6
	grew "one for another port is refused when it is whole" in-selector 1
	is "IPv$f: the refused datagram did not arrive" \
		"$(wc -l <"$TMP/r$f")" $((lines + 2))
	ctl b group del "narrow$f"
}
declare -A base=()
round 4 $G4 g4
round 6 $G6 g6
sniff b wire
tunnels 4 $G4 g4
tunnels 6 $G6 g6
# IP tells the sender of what stayed in pieces, and would quote it
timed_out() { in_ns b nstat -asz "Ip*ReasmTimeout" |
	awk '{ n += $2 } END { exit n < 8 }'; }
try "fragments that stay incomplete are thrown away" wait_until 90 timed_out
sniffed wire
is "nobody is told of incomplete fragments in the clear" \
	"$(grep -ac 'inside a tunnel' "$TMP/wire.pcap")" 0
tap_done
