#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Documentation/recipes/gateway.rst, typed as it is there, with smcroute: what a camera
# sends that knows nothing of mcsec arrives, and what it is sent, as ESP between. A
# firewall of the gateway that drops it behind mcsec is told, with the rule to add.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
need smcrouted socat nft
. "$TOP/selftests/e2e/recipe.sh"

routes() { [ "$(in_ns gw cat /proc/sys/net/ipv4/conf/all/mc_forwarding)" = 1 ]; }
listens() { on_host "$1" ss -Hlnu | grep -q ':5000 '; }
heard() { grep -q "$2" "$TMP/$1/home/heard"; }
member() { # a predicate of the health of the gateway
	on_host gw mcsecctl health >"$TMP/health" 2>&1
	grep -qE "$1" "$TMP/health"
}

before_command() {
	case $1:$2 in
	*doctor*) try "smcroute routes" wait_until 30 routes ;;
	*'mcsecctl member site') try "both have the key" wait_until 60 agree hq gw ;;
	camera:*picture*)
		try "hq listens" wait_until 30 listens hq
		try "the camera listens" wait_until 30 listens camera
		;;
	hq:'cat heard') try "hq hears the camera" wait_until 30 heard hq picture ;;
	camera:'cat heard') try "the camera hears hq" wait_until 30 heard camera pan ;;
	esac
}
after_command() {
	case $1:$2 in
	*doctor*) output_has "the doctor sees smcroute" \
		'^ok +forward: a program routes multicast, as the gateway of site needs' ;;
	hq:'cat heard') is "hq has heard it once" "$(<"$TMP/out")" picture ;;
	camera:'cat heard') is "the camera has heard it once" "$(<"$TMP/out")" pan ;;
	*stats) output_has "a datagram is verified" '^in-accepted +1 ' ;;
	*mroute*) output_has "the kernel has the route" '\(10\.8\.0\.2,239\.1\.1\.1\) .*Oifs: eth0 +State: resolved' ;;
	esac
}

recipe_up hq gw
ns_create camera
veth camera:eth0 10.8.0.2/24 -- gw:eth1 10.8.0.1/24
typed_hosts camera
nip hq route add 10.8.0.0/24 via 192.0.2.2
nip camera route add default via 10.8.0.1
program unit-smcroute <<-'END'
	#!/bin/sh
	exec smcrouted -n -N -f /etc/smcroute.conf
END
type_recipe gateway "hq|gw|camera"
is "one datagram of each direction is ESP between them" \
	"$(wire "esp and net 239.1.0.0/16") $(wire "udp and net 239.1.0.0/16")" "2 0"

section "a firewall behind mcsec"

try "the gateway is well" wait_until 30 member '^well'
in_ns gw nft 'add table inet f
	add chain inet f r { type filter hook forward priority 0; policy drop; }'
drops='datagrams of the group site that this host routes are dropped by table inet f, chain r, its policy; to do: accept it in that chain: "ip daddr 239.1.0.0/16 meta l4proto udp accept"'
is "health names the chain and the rule" "$(on_host gw mcsecctl health | sort -u | sed 's/; Documentation.*//')" \
	"group site: $drops"
is "health ends with 1 then" "$(on_host gw mcsecctl health >/dev/null; echo $?)" 1
on_host gw mcsecctl -j health >"$TMP/health.json"
fits "the JSON of that fits the schema" health <"$TMP/health.json"
is "the JSON of health has a kind, and the group" \
	"$(jq -r '.health, (.problems[] | "\(.kind) \(.group)")' "$TMP/health.json" | sort -u | xargs)" \
	"firewall-drops site problems"
like "the doctor says the same" "$(on_host gw mcsecctl doctor)" "problem +firewall: $drops"
before=$(stat_of gw in-accepted)
on_host hq socat -u - UDP4-DATAGRAM:239.1.1.2:5000,ip-multicast-if=192.0.2.1,ip-multicast-ttl=8 \
	<<<again
try "the module has accepted it" wait_until 30 counted gw in-accepted $((before + 1))
in_ns gw nft add rule inet f r ip daddr 239.1.0.0/16 meta l4proto udp accept
try "with that rule the gateway is well" wait_until 30 member '^well'
on_host hq socat -u - UDP4-DATAGRAM:239.1.1.2:5000,ip-multicast-if=192.0.2.1,ip-multicast-ttl=8 \
	<<<tilt
try "with that rule the camera hears hq" wait_until 30 heard camera tilt
is "a datagram that was dropped is not heard" "$(<"$TMP/camera/home/heard")" $'pan\ntilt'
tap_done
