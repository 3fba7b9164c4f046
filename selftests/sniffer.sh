# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# To be sourced by what captures with tcpdump.

# pid, file of its messages: tcpdump's counts so far, "captured received"
sniffer_counts() {
	# tcpdump writes a line of these in pieces
	local whole='packets\? captured, [0-9]* packets\? received .*kernel'
	local was i

	was=$(grep -c "$whole" "$2")
	kill -USR1 "$1" || return 1
	for ((i = 0; i < 200; i++)); do
		[ "$(grep -c "$whole" "$2")" -le "$was" ] || break
		sleep 0.05
	done
	# tcpdump: 6 packets captured, 6 packets received by filter, 0 ...
	tail -n 1 "$2" | sed -n 's/^[^0-9]*\([0-9]*\) packets\? captured, \([0-9]*\) packets\? received .*/\1 \2/p'
}

# pid, file of its messages: waits until tcpdump has written all that had come
# when it was asked. The kernel keeps packets for it for up to a second, and
# without this question a capture in which something is not to be found proves
# nothing.
#
# What came between its socket and its filter is counted as received, and thrown
# away: then the numbers never meet, and it is enough that for ten seconds, in
# which it answered, it had nothing more to write, and that none was dropped.
sniffer_catches_up() {
	local captured received now was='' same=0 i

	read -r captured received <<<"$(sniffer_counts "$1" "$2")"
	[ -n "$received" ] || return 1
	for ((i = 0; i < 150; i++)); do
		[ "$captured" -lt "$received" ] || return 0
		[ "$captured" = "$was" ] || same=0
		was=$captured same=$((same + 1))
		[ $same -le 50 ] || break
		sleep 0.2
		read -r captured now <<<"$(sniffer_counts "$1" "$2")"
		[ -n "$now" ] || return 1
	done
	[ $same -gt 50 ] && tail -n 1 "$2" | grep -q ' 0 packets dropped'
}
