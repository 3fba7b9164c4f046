#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The rules of firewall.rst, word by word but for addresses and ports: at
# members, key server and router, everything but what they name is dropped, and
# registration, rekeys and the stream work. Without the rule for the
# application's datagrams, which are no ESP to a member, nothing does.
# timeout: 300

# shellcheck source=selftests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"
doc=$(project_file Documentation/firewall.rst)
[ -n "$doc" ] || skip_all "firewall.rst is not here"

rekeyed() { [ "$(member_is a rekeys)" -gt "$1" ]; }
spi_like_k() { [ "$(member_is a data-spi)" = "$(gcks_is data-spi)" ]; }

# rules TITLE: the block of the documentation, for this network
rules() {
	sed -n "/^    # $1\$/,/^    }\$/p" "$doc" |
		sed "s/192\\.0\\.2\\.1/$(ip_of k)/; s/239\\.1\\.1\\.254/$REKEY/
			s/239\\.1\\.1\\.1/$GROUP/; s/dport 5000/dport 5004/"
}

# firewall HOST TITLE
firewall() {
	rules "$2" >"$TMP/rules.$1" && [ -s "$TMP/rules.$1" ] &&
		in_ns "$1" nft -f "$TMP/rules.$1"
}

lab_start k s a
for h in s a; do
	try "rules of a member on $h" firewall $h "at a member"
done
try "rules of the key server" firewall k "at the key server"
try "rules of the router" firewall r "between them"
G_ATD=1 G_DTD=4
gcks_conf
member_conf s true false
member_conf a false true
daemons_run k s a
sniff_links all s a
stream_recv a rx
stream_send s tx -r 300
try "a hears s" wait_until 20 hears a 100
n=$(member_is a rekeys)
try "a rekey" ctl k rekey video
try "a hears it" wait_until 20 rekeyed "$n"
try "a has k's key" wait_until 20 spi_like_k
try "a hears s under the new key" hears_on a

# The documentation calls these of no use: ESP in place of the application's
# datagrams
sed -i "s/^\\(.*ip daddr $GROUP\\) udp dport 5004/\\1 meta l4proto esp/" \
	"$TMP/rules.a"
in_ns a nft delete table inet filter
try "a takes rules with ESP instead" in_ns a nft -f "$TMP/rules.a"
sleep 1
try "under rules with ESP a hears nothing" hears_nothing a
in_ns a nft delete table inet filter
try "without rules a hears s" hears_on a

reap s tx
try "the captures are complete" sniff_links_end s a
is "nothing of the group was ever in clear" "$(wire_clear)" 0
tap_done
