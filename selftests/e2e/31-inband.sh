#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A member that no multicast rekey reaches is rekeyed over its IKE SA, beside one
# that has a Rekey SA. Periodic rekeys, a rekey after the key server was killed, and
# an eviction of either cost the stream no packet that they need not cost.
# timeout: 300

# shellcheck source=selftests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"

rekeys_are() { [ "$(gcks_is rekeys)" -ge "$1" ]; }
all_current() { [ "$(gcks_is inband-behind)" = 0 ]; }
# A slow machine takes longer to ask both than some changes are apart: a member is in
# step as well with what the key server had just before.
in_step() {
	local before spi

	before=$(gcks_is data-spi)
	spi=$(member_is "$1" data-spi)
	[ "$spi" = "$before" ] || [ "$spi" = "$(gcks_is data-spi)" ]
}
no_sas() { [ -z "$(sa_spis "$1")" ]; }

lab_start k s a b
G_INTERVAL=8 G_ATD=3 G_DTD=4 G_LIFETIME=60
G_EXTRA='kek-lifetime = 60; inband = "asked"; beat = 3;'
gcks_conf
member_conf s true false
member_conf a false true
member_conf b false true
sed -i 's/receive = true;/receive = true; inband = true;/' "$LAB/a/mcsecd.conf"
daemons_run k s a b
is "a has no Rekey SA" "$(member_is a keyed) $(member_is a inband)" "false true"
is "b has a Rekey SA" "$(member_is b keyed) $(member_is b inband)" "true null"
is "the key server knows which is which" "$(ctl k -j member |
	jq -r '[.rosters[0].members[] | select(.inband) | .id] | join(" ")')" \
	a.lab
try "the router sends nothing to the rekey address to a" in_ns r nft -f - <<-END
	table ip lost {
	    chain forward {
	        type filter hook forward priority 0;
	        oifname "r-a" ip daddr $REKEY drop
	    }
	}
END
sniff_links all s
stream_recv a rx
stream_recv b rx
stream_send s tx -r 200
try "a hears s" wait_until 20 hears a 100

section "periodic rekeys"
n=$(gcks_is rekeys)
try "three periodic rekeys" wait_until 60 rekeys_are $((n + 3))
sleep 5
whole a "three rekeys"
whole b "three rekeys"
is "a followed them without registering again" \
	"$(member_is a registrations)" 1
try "a counts them" test "$(member_is a inband-rekeys)" -ge 3
is "the key server has an answer to each" \
	"$(gcks_is inband-answered)" "$(gcks_is inband-rekeys)"

section "a killed key server"
daemon_kill k
try "the key server starts again" daemon_start k
is "the key server knows that a has no IKE SA" "$(gcks_is inband-behind)" 1
try "a notices, and opens another IKE SA" wait_until 30 all_current
n=$(gcks_is rekeys)
try "another periodic rekey" wait_until 30 rekeys_are $((n + 1))
sleep 5
whole a "a restart"
whole b "a restart"
try "a is in step" wait_until 10 in_step a

section "evictions"
try "b is evicted" ctl k evict video b.lab
try "a gets the new key" wait_until 5 in_step a
sleep 2
whole a "the eviction of b"
try "a is evicted" ctl k evict video a.lab
try "a is told, and has no SA any more" wait_until 15 no_sas a
try "b has no SA any more, either" wait_until 15 no_sas b
try "a hears nothing" hears_nothing a
like "a knows why" "$(member_is a last-error)" 'AUTHORIZATION_FAILED'
like "the audit trail says how a joined" "$(ctl k audit)" \
	"as receiver, inband, at $(ip_of a)"

reap s tx
try "the capture is complete" sniff_links_end s
is "nothing of the group was ever in clear" "$(wire_clear)" 0
is "no marker of the stream was ever in clear" "$(stream_markers)" 0
tap_done
