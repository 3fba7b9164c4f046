#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Daemons that are killed. Without a key server the group goes on, and a new
# one knows its members, hands out no Sender-ID twice and is believed. Without
# its daemon a member's kernel goes on with the keys it has until they end, and
# is closed then; a new daemon takes over without a loss.
# timeout: 400

# shellcheck source=selftests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"

sids() { ctl s -j sa show | jq -r '.[]."sender-id"[]?' | sort -nu; }
spi_is_not() { [ "$(member_is "$1" data-spi)" != "$2" ]; }
closed() { [ "$(ctl s -j stats -a |
	jq '."out-no-sa" + ."out-expired"')" -gt "$1" ]; }

lab_start k s a
G_INTERVAL=18 G_ATD=2 G_DTD=4 G_LIFETIME=36
G_EXTRA='kek-lifetime = 36;'
gcks_conf
member_conf s true false
member_conf a false true
daemons_run k s a
sniff_links all s
stream_recv a rx
stream_send s tx -r 500
try "a hears s" wait_until 20 hears a 100

section "the key server"
before=$(sids)
last=$(gcks_is next-sender-id)
daemon_kill k
n=$(heard a)
sleep 3
try "the stream goes on without a key server" test "$(heard a)" -gt $((n + 300))
spi=$(member_is a data-spi)
try "the key server starts again" daemon_start k
is "the key server knows its members" "$(gcks_is members)" 2
# s may have registered again by now, since k has no IKE SA with it any more
try "the key server knows how far Sender-IDs were given" \
	test "$(gcks_is next-sender-id)" -ge "$last"
try "the next rekey is believed by a" wait_until 30 spi_is_not a "$spi"
sleep 4
whole a "the key server's death"
is "a receiver had not to register again" "$(member_is a registrations)" 1
try "the sender had to register again once at most" \
	test "$(member_is s registrations)" -le 2
daemon_kill k
try "the key server is killed again, and started" daemon_start k
ctl s leave video >/dev/null
try "s leaves" wait_until 20 member_state s out
ctl s join video >/dev/null
try "s joins again" wait_until 30 member_in s
is "s has no Sender-ID that was given before" \
	"$(sids | grep -cxF "$before")" 0
n=$(heard a)
try "a hears s" wait_until 20 hears a $((n + 100))

section "a receiver's daemon"
# The daemon dies right after a rekey: only the next comes without it.
# if it is dead for longer than a restart takes
spi=$(member_is a data-spi)
try "a rekey" wait_until 40 spi_is_not a "$spi"
gap=$(stream_now a rx .streams[0].lost)
daemon_kill a
n=$(heard a)
sleep 2
try "a hears s without its daemon" test "$(heard a)" -gt $((n + 200))
try "a's daemon starts again" daemon_start a
try "a registers again" wait_until 30 member_in a
sleep 5
is "a has lost nothing by its daemon's death" \
	"$(stream_now a rx .streams[0].lost)" "$gap" ||
	diag "gaps $(stream_of a rx '.streams[0].gaps | tostring')"

section "the sender's daemon"
# The sender's keys end, and it does not begin to speak plainly.
drops=$(ctl s -j stats -a | jq '."out-no-sa" + ."out-expired"')
daemon_kill s
try "the sender's keys end without its daemon" wait_until 60 closed $((drops + 200))
try "a hears nothing any more" wait_until 20 hears_nothing a
is "the group is still protected at s" \
	"$(ctl s -j group show | jq -r '.[0].dst')" "$GROUP"
try "the sender's daemon starts again" daemon_start s
try "the sender is in again" wait_until 30 member_in s
try "a hears s again" wait_until 20 hears_on a

reap s tx
try "the capture is complete" sniff_links_end s
is "nothing of the group was ever in clear" "$(wire_clear)" 0
is "no marker of the stream was ever in clear" "$(stream_markers)" 0
tap_done
