# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and its parts share variables
# Step 5: the key server dies, and comes back.

spi_changed() { [ "$(member_is anna data-spi)" != "$1" ]; }

step_restart() {
	local before spi rspi

	step "5  The key server is killed and restarted"
	before=$(packets anna)
	daemon_kill keyserver
	ok "the key server is killed (kill -9)"
	seconds_of_stream 5 "the stream goes on without a key server"
	try "anna got $(($(packets anna) - before)) packets meanwhile" \
		test "$(packets anna)" -gt $((before + 1000))
	try "anna lost no packet" no_loss anna
	show anna "mcsecctl status"
	rspi=$(member_is anna rekey-spi)
	spi=$(member_is anna data-spi)
	try "the key server starts again" daemon_start keyserver
	is "the key server still knows its members" "$(gcks_is members)" 3
	try "the next rekey reaches anna" watch_for 40 \
		"the next rekey is due in $(gcks_is next-rekey) s" \
		spi_changed "$spi"
	try "the Rekey SA is a new one: ${rspi:0:8}... is replaced by $(member_is anna rekey-spi | cut -c1-8)..." \
		test "$rspi" != "$(member_is anna rekey-spi)"
	seconds_of_stream $((G_ATD + 2)) "studio changes keys"
	show keyserver "mcsecctl tree"
	try "anna lost no packet" no_loss anna
	try "carol lost no packet" no_loss carol
}
