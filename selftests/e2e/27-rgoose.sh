#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Documentation/recipes/rgoose.rst, typed as it is there. A generator of R-GOOSE publishes
# events, which arrive as ESP with their traffic class and in order, also while keys
# change. A stranger's are refused, and a receiver's never leave it.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/recipe.sh"

G=239.192.61.1
keyed() {
	sends rtu && [ "$(of rtu out-spi)" -gt 0 ] && [ "$(of relay data-spi)" = "$(of rtu out-spi)" ]
}
publish() { in_ns "$1" "$PKT/rgoose.py" send $G "$2" "$3"; } # HOST ADDRESS EVENTS
# EVENTS: what is received of them, each ten times, with the traffic class EF
lines() {
	local st sq

	for ((st = 1; st <= $1; st++)); do
		for ((sq = 0; sq < 10; sq++)); do
			echo "$st $sq 184"
		done
	done
}
got() { wc -l <"$TMP/rx"; }
has() { [ "$(got)" -ge "$1" ]; }
digest() { md5sum | cut -d' ' -f 1; }

before_command() {
	case $2 in
	*'mcsecctl member rgoose') try "the relay has the key of the publisher" \
		wait_until 60 keyed ;;
	*tcpdump*)
		spawn in_ns relay "$PKT/rgoose.py" recv $G 192.0.2.2 "$TMP/rx.ready" "$TMP/rx"
		try "the relay listens" wait_until 20 test -e "$TMP/rx.ready"
		spawn publish rtu 192.0.2.1 3
		;;
	esac
}
after_command() {
	case $1:$2 in
	*health) output_has "the relay is well" '^well' ;;
	*'mcsecctl member rgoose') output_has "the relay is a member" \
		'relay\.example +receive' ;;
	*'group show rgoose') output_has "the group has port and protocol" \
		'^rgoose +239\.192\.61\.0/24 +udp +102 ' ;;
	relay:*tcpdump*)
		output_has "the capture has ESP of the traffic class" 'tos 0xb8.* ESP '
		try "the relay gets three events" wait_until 30 has 30
		is "each repetition arrives once, in order, with its class" \
			"$(digest <"$TMP/rx")" "$(lines 3 | digest)"
		is "each is a datagram of ESP with the class" \
			"$(wire "udp and dst $G") $(wire "esp and dst $G and ip[1] = 0xb8")" "0 30"
		;;
	relay:*'mcsecctl stats') output_has "each is verified" '^in-accepted +30 ' ;;
	esac
}
recipe_up rtu relay -- x
type_recipe rgoose "rtu|relay"

section "a rekey within a burst"
spi=$(of rtu data-spi)
publish rtu 192.0.2.1 8 &
publisher=$!
try "the burst has begun" wait_until 20 has 35
try "the keys change" on_host rtu mcsecctl rekey rgoose
wait $publisher
moved() { [ "$(of rtu out-spi)" != "$spi" ] && keyed; }
try "the publisher sends with the next key" wait_until 60 moved
try "the relay gets eight events" wait_until 30 has 110
is "each repetition arrives once, in order" "$(tail -n +31 "$TMP/rx" | digest)" \
	"$(lines 8 | digest)"

section "others"
before=$(stat_of relay in-clear)
publish x 192.0.2.3 1
try "a stranger's events are refused" wait_until 20 counted relay in-clear $((before + 10))
publish relay 192.0.2.2 1 2>/dev/null
is "a receiver's events are dropped there" "$(stat_of relay out-no-sa)" 10
is "a receiver's events are not on the link" "$(wire "dst $G and src 192.0.2.2 and not igmp")" 0
is "nobody reads either" "$(got)" 110
tap_done
