#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Rekeys, and rekeys that do not arrive. Three periodic rekeys, and three with their
# first copies lost, cost the stream no packet. A member that receives none registers
# again by itself. A member that cannot do that either drops all traffic when its keys
# end, and never accepts or sends in the clear.
# timeout: 400

# shellcheck source=selftests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"

rekeys_are() { [ "$(gcks_is rekeys)" -ge "$1" ]; }
registered() { [ "$(member_is "$1" registrations)" -ge "$2" ]; }

# A rule of the router for rekeys on their way to a
drop_rekeys() {
	in_ns r nft -f - <<-END
		table ip lost {
		    chain forward {
		        type filter hook forward priority 0;
		        oifname "r-a" ip daddr $REKEY udp dport 848 $1
		    }
		}
	END
}
drop_nothing() { in_ns r nft delete table ip lost; }
dropped() {
	in_ns r nft -j list table ip lost |
		jq '[.. | .counter? | objects | .packets] | add'
}

lab_start k s a
G_INTERVAL=8 G_ATD=3 G_DTD=4 G_LIFETIME=20
G_EXTRA='kek-lifetime = 20; rekey-copies = 3;'
gcks_conf
member_conf s true false
member_conf a false true
daemons_run k s a
sniff_links all s
stream_recv a rx
stream_send s tx -r 200
try "a hears s" wait_until 20 hears a 100

n=$(gcks_is rekeys)
try "three periodic rekeys" wait_until 60 rekeys_are $((n + 3))
sleep 4
whole a "three rekeys"
is "a followed them without registering again" \
	"$(member_is a registrations)" 1

# One copy in three is left: the last.
try "the router loses the first two copies of each rekey" drop_rekeys \
	'numgen inc mod 3 < 2 counter drop'
n=$(gcks_is rekeys)
try "two more rekeys" wait_until 60 rekeys_are $((n + 2))
sleep 5
try "copies were lost" test "$(dropped)" -ge 3
whole a "lost copies"
drop_nothing

# Nothing gets through, but a's way to the key server is open.
try "the router loses every rekey to a" drop_rekeys 'counter drop'
n=$(member_is a registrations)
try "a registers again by itself" wait_until 60 registered a $((n + 1))
try "a hears s again" hears_on a
# a could not know that s changed keys: until it asks, it misses what s sends.
is "the stream has one gap at a" \
	"$(stream_now a rx '.streams[0] | "\(.gap_count) \(.duplicates) \(.corrupt)"')" \
	"1 0 0" || diag "gaps $(stream_of a rx '.streams[0].gaps | tostring')"
try "rekeys were lost" test "$(dropped)" -ge 1

# Now a is cut off from k altogether; s goes on.
try "the router loses everything between a and k" in_ns r nft add rule ip lost \
	forward ip saddr "$(ip_of a)" ip daddr "$(ip_of k)" counter drop
a_keys() { sa_spis a | wc -l; }
try "a's keys come to their end" wait_until 60 hears_nothing a
n=$(heard a)
ctl a -j stats -a >"$TMP/stats0"
sleep 2
ctl a -j stats -a >"$TMP/stats1"
is "a hears nothing" "$(heard a)" "$n"
try "a drops what comes, and counts it" test "$(jq -s '
	.[1]."in-no-sa" + .[1]."in-expired" -
	.[0]."in-no-sa" - .[0]."in-expired"' "$TMP/stats0" "$TMP/stats1")" \
	-gt 100
drop_nothing
try "a comes back when the way is free again" wait_until 90 hears_on a

# The other end: a sender without keys says nothing.
try "s loses its key server and the rekeys" in_ns r nft -f - <<-END
	table ip lost {
	    chain forward {
	        type filter hook forward priority 0;
	        oifname "r-s" ip daddr $REKEY counter drop
	        ip saddr $(ip_of s) ip daddr $(ip_of k) counter drop
	    }
	}
END
silent() { [ "$(ctl s -j stats -a | jq '."out-no-sa" + ."out-expired"')" -gt 100 ]; }
try "s sends nothing when its last key has ended" wait_until 60 silent
try "a hears nothing" wait_until 20 hears_nothing a
drop_nothing
try "s sends when the way is free again" wait_until 90 hears_on a

reap s tx
try "the capture is complete" sniff_links_end s
is "nothing of the group was ever in clear" "$(wire_clear)" 0
is "no marker of the stream was ever in clear" "$(stream_markers)" 0
tap_done
