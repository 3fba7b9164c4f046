# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and its parts share variables
# Step 4: the key server dies, and comes back.

spi_changed() { [ "$(member_is a data-spi)" != "$1" ]; }

step_restart() {
	local before spi rspi

	step "4  The key server is killed and restarted"
	before=$(packets a)
	daemon_kill k
	ok "the key server is killed (kill -9)"
	seconds_of_stream 5 "the stream goes on without a key server"
	try "a got $(($(packets a) - before)) packets meanwhile" \
		test "$(packets a)" -gt $((before + 1000))
	try "a lost no packet" no_loss a
	rspi=$(member_is a rekey-spi)
	spi=$(member_is a data-spi)
	try "the key server starts again" daemon_start k
	is "the key server still knows its members" "$(gcks_is members)" 3
	try "the next rekey reaches a" watch_for 40 \
		"the next rekey is due in $(gcks_is next-rekey) s" \
		spi_changed "$spi"
	try "the Rekey SA is a new one: ${rspi:0:8}... is replaced by $(member_is a rekey-spi | cut -c1-8)..." \
		test "$rspi" != "$(member_is a rekey-spi)"
	seconds_of_stream $((G_ATD + 2)) "s changes keys"
	try "a lost no packet" no_loss a
	try "c lost no packet" no_loss c
}
