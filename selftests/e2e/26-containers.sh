#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Documentation/recipes/containers.rst, typed as it is there: a namespace with a macvlan,
# as a container has it, is a member, and its host is none. A second one without the
# group sends in the clear, and is not heard.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/recipe.sh"
need socat

in_cam() { on_host host ip netns exec cam "$@"; }
cam_of() {
	on_host host mcsecctl -s /run/mcsec/cam/mcsecd.sock -j status |
		jq -r ".member.groups[0].\"$1\""
}
keyed() {
	sends server && [ "$(of server out-spi)" -gt 0 ] && [ "$(cam_of data-spi)" = "$(of server out-spi)" ]
}
listens() { in_cam ss -Hlnu | grep -q ':5000 '; }
heard() { grep -qx hello "$TMP/host/home/heard"; }
# A process in that namespace would keep the namespace, and the module.
on_exit 'for n in cam other; do on_host host ip netns pids $n; done 2>/dev/null | xargs -r kill -9'

before_command() {
	case $1:$2 in
	*'ip netns del cam')
		on_host host ip netns pids cam | xargs -r kill -9
		empty() { [ -z "$(on_host host ip netns pids cam)" ]; }
		wait_until 20 empty
		;;
	*'mcsecctl -n cam group show') try "the container has the key of the server" \
		wait_until 60 keyed ;;
	server:echo*)
		try "a program in the container listens" wait_until 20 listens
		;;
	*'cat heard') try "the program in the container hears" wait_until 20 heard ;;
	esac
}
after_command() {
	case $1:$2 in
	*'mcsecctl -n cam group show') output_has "the group is in the namespace" \
		'^video +239\.1\.1\.1 .*enforce' ;;
	*'mcsecctl group show') is "the group is not on the host" "$(<"$TMP/out")" "no groups" ;;
	*health) output_has "the container's membership is well" '^well' ;;
	*'mcsecctl -n cam stats')
		output_has "one datagram is verified" '^in-accepted +1 '
		is "the wire has one datagram of the group, and it is ESP" \
			"$(wire "dst 239.1.1.1 and udp") $(wire "dst 239.1.1.1 and esp")" "0 1"
		another_container
		;;
	*'disable --now'*) is "the group is closed without a daemon" \
		"$(on_host host mcsecctl -n cam -j group show | jq -r '.[0].policy')" enforce ;;
	*'ip netns del cam') is "the host has no namespace any more" \
		"$(on_host host ip netns list | grep cam)" "" ;;
	esac
}
# One on the same host and link, without the group
another_container() {
	on_host host ip netns add other
	on_host host ip link add link eth0 name other0 type macvlan mode bridge
	on_host host ip link set other0 netns other name eth0
	on_host host ip -n other address add 192.0.2.4/24 dev eth0
	on_host host ip -n other link set eth0 up
	on_host host ip netns exec other bash -c "echo forged |
		socat -u - UDP4-DATAGRAM:239.1.1.1:5000,ip-multicast-if=192.0.2.4" ||
		not_ok "another container sends"
	clear() { [ "$(on_host host mcsecctl -n cam -j stats -a | jq '."in-clear"')" = 1 ]; }
	try "a container with the group refuses what another one sends" wait_until 20 clear
	is "a container without the group sends in the clear" \
		"$(wire "udp and dst 239.1.1.1 and src 192.0.2.4")" 1
	is "nobody has read it" "$(<"$TMP/host/home/heard")" hello
}
recipe_up server host
type_recipe containers "server|host"
tap_done
