# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Hosts for the pages in Documentation/recipes, which the tests that source this file
# after lib.sh type: all on one link, with the addresses 192.0.2.1, 192.0.2.2 and so on
# and no route, and a sniffer that sees what is on it.
#
#	recipe_up HOST... [-- HOST...]	make them; those behind -- have a network only, and
#				no files of their own: x is a stranger by custom
#	type_recipe NAME HOSTS	type a page ("a|b"), see typed.sh
#	of HOST FIELD		of the first group in a member's status
#	agree A B		a predicate: each has the key that the other sends with
#	sends HOST		a predicate: it sends with a key that was renewed for a member
#	stat_of HOST COUNTER	a counter
#	wire FILTER		how many frames were on the link until now

. "$TOP/selftests/e2e/typed.sh"
need ip jq python3 setpriv systemd-sysusers tcpdump unshare

recipe_up() {
	local h n=0 typed=()

	for h; do
		[ "$h" != -- ] || break
		typed+=("$h")
	done
	[ $# = ${#typed[@]} ] || set -- "${typed[@]}" "${@:${#typed[@]} + 2}"
	ns_create sw "$@"
	nip sw link add br0 type bridge mcast_snooping 0
	nip sw link set br0 up
	for h; do
		n=$((n + 1))
		veth "sw:port$n" -- "$h:eth0" 192.0.2.$n/24
		nip sw link set port$n master br0
	done
	load_mcsec
	typed_hosts "${typed[@]}"
	for h in "${typed[@]}"; do
		try "$h has the user of the daemon" on_host "$h" systemd-sysusers
	done
	spawn nsenter "--net=/run/netns/$(ns sw)" -- tcpdump -U -n -i br0 -B 16384 \
		-w "$TMP/wire.pcap" -s 0 2>"$TMP/wire.err"
	recipe_dump=$!
	wait_until 30 grep -q '^listening on\|: listening' "$TMP/wire.err" ||
		not_ok "a sniffer listens"
}

type_recipe() { type_page "$TOP/Documentation/recipes/$1.rst" "$2"; }

of() { on_host "$1" mcsecctl -j status | jq -r ".member.groups[0].\"$2\""; }
# The SPIs that a host sends with and receives last, which are not 0
keys() {
	on_host "$1" mcsecctl -j status | jq -e -r '.member.groups[0] |
		select(."out-spi" > 0 and ."data-spi" > 0) | "\(."out-spi") \(."data-spi")"'
}
# To ask the log is cheap, again and again.
sends() { grep -q ': SA selected' "$TMP/$1/home/mcsecd.log"; }
agree() {
	local a b

	sends "$1" && sends "$2" || return 1
	a=$(keys "$1") && b=$(keys "$2") && [ "$a" = "${b#* } ${b% *}" ]
}
stat_of() { on_host "$1" mcsecctl -j stats -a | jq ".\"$2\""; }
counted() { [ "$(stat_of "$1" "$2")" -ge "$3" ]; }
wire() { # FILTER
	sniffer_catches_up $recipe_dump "$TMP/wire.err" || return 1
	tcpdump -n -r "$TMP/wire.pcap" "$@" 2>/dev/null | wc -l
}
wire_has() { [ "$(wire "$2")" -ge "$1" ]; }
