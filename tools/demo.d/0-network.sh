# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run and its parts share variables
# Step 0: the network.

step_network() {
	step "0  The network"
	picture
	try "the network: six hosts, a multicast router between them that knows nothing of mcsec" \
		lab_up "${LINKS[@]}"
	lab_tools
	try "unicast passes the router too" in_ns anna \
		ping -q -c 1 -W 10 "$(ip_of keyserver)"
	show router "ip mroute show iif r-studio"
	load_mcsec
	ok "the module loads into $(uname -r)"
}
