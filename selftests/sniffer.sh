# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# To be sourced by what captures with tcpdump.

# pid, file of its messages: does tcpdump have all that was captured for it so
# far? The kernel keeps packets for it for up to a second, and without this
# question a capture in which something is not to be found proves nothing.
sniffer_idle() {
	local said was i

	was=$(grep -c 'packets captured' "$2")
	kill -USR1 "$1" || return 1
	for ((i = 0; i < 200; i++)); do
		[ "$(grep -c 'packets captured' "$2")" -le "$was" ] || break
		sleep 0.05
	done
	# tcpdump: 6 packets captured, 6 packets received by filter, 0 ...
	said=$(tail -n 1 "$2" | tr -dc '0-9,')
	[[ $said == *,*,* && ${said%%,*} = "$(cut -d, -f2 <<<"$said")" ]]
}
