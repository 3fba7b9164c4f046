#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What only one with the key can send: datagrams that verify and are odd inside.
# Each ends under its name or arrives, and never does more than that.
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
		in_ns a "$(dirname "$0")/inside.py" "$dst" eth0 "$key" 4096 \
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
	is "IPv$f: both arrive" "$(wc -l <"$TMP/r$f")" 2
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
	# of another group, for which the key is none
	ctl b group add other "$dst" proto udp dport $PORT
	inside udp 7 7
	sees "a datagram of a narrower group is refused" in-selector
	if [ "$f" = 6 ]; then
		inside atomic 7 8
		sees "also behind a fragment header" in-selector
		inside behind 7 9
		sees "or behind many others" in-selector
	fi
	is "IPv$f: nor does it arrive" "$(wc -l <"$TMP/r$f")" 2
	ctl b group del other
	is "IPv$f: and nothing else was counted" \
		"$(counters b in-exempt out-exempt)" "$(printf '%s %s, ' \
		in-accepted ${base[in-accepted]} in-replay ${base[in-replay]} \
		in-bad-trailer ${base[in-bad-trailer]} \
		in-dummy ${base[in-dummy]} \
		in-selector ${base[in-selector]} | sed 's/, $//')"
}
declare -A base=()
round 4 $G4 g4
round 6 $G6 g6
tap_done
