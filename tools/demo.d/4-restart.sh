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
	passed "kill -9"
	seconds_of_stream 5 "the stream goes on without a key server"
	check_that "a got $(($(packets a) - before)) packets meanwhile" \
		"$(packets a)" -gt $((before + 1000))
	check "a lost no packet" no_loss a
	rspi=$(member_is a rekey-spi)
	spi=$(member_is a data-spi)
	check "the key server starts again" daemon_start k
	check_is "it still knows its members" "$(gcks_is members)" 3
	check "and the next rekey reaches a" watch_for 40 \
		"the next rekey is due in $(gcks_is next-rekey) s" \
		spi_changed "$spi"
	check_that "under a Rekey SA of its own, ${rspi:0:8}... is replaced by $(member_is a rekey-spi | cut -c1-8)..." \
		"$rspi" != "$(member_is a rekey-spi)"
	seconds_of_stream $((G_ATD + 2)) "s changes keys"
	check "a lost no packet" no_loss a
	check "c lost no packet" no_loss c
}
