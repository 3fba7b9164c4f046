#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Everything over IPv6, key server, rekeys and data; and each transform that a
# policy can name, with a rekey under the stream.
# timeout: 400

# shellcheck source=selftests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"

spi_is_not() { [ "$(member_is "$1" data-spi)" != "$2" ]; }

lab_start k s a

# group_works WHAT: from nothing to a rekey, and down again
group_works() {
	local what=$1 h spi n

	rm -f "$LAB"/k/gcks.db* "$LAB"/wire/*
	gcks_conf
	member_conf s true false
	member_conf a false true
	for h in k s a; do
		try "$what: mcsecd on $h" daemon_start $h || return
	done
	try "$what: s is in" wait_until 30 member_in s
	try "$what: a is in" wait_until 30 member_in a
	sniff_links all s
	stream_recv a rx
	stream_send s tx -r 300
	try "$what: a hears s" wait_until 20 hears a 100
	spi=$(member_is a data-spi)
	try "$what: a rekey on command" ctl k rekey video
	try "$what: the rekey reaches a" wait_until 20 spi_is_not a "$spi"
	sleep 3
	whole a "$what"
	reap s tx
	sleep 1
	n=$(stream_of s tx .next)
	is "$what: a has the stream to the last packet" \
		"$(stream_now a rx '.streams[0].last')" $((n - 1))
	reap a rx
	try "$what: a complete capture" sniff_links_end s
	is "$what: all of it was ESP" \
		"$(CENSUS_GROUP=$GROUP census '"\(.clear) \(.esp)"' \
			"$LAB/wire/all-s.pcap")" "0 $n"
	for h in a s k; do
		daemon_stop $h
		ctl $h group flush --force
	done
}

G_ATD=1 G_DTD=4
for G_ALGORITHM in aes-gcm-16-256 chacha20-poly1305 aes-gmac-128; do
	group_works "$G_ALGORITHM"
done
is "aes-gmac authenticates only: the marker is there to see" \
	"$([ "$(stream_markers)" -gt 0 ] && echo yes)" yes
G_ALGORITHM=aes-gcm-16-128
GROUP=$GROUP6 REKEY=$REKEY6 G_ADDRESS=$GROUP6 G_REKEY=$REKEY6
group_works IPv6
is "IPv6: no marker of the stream" "$(stream_markers)" 0
tap_done
