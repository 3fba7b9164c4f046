#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Documentation/recipes/ospf.rst, typed as it is there: two routers with FRR are adjacent
# over mcsec, exchange routes, do not notice a rekey, and believe no forged hello.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
FRR=/usr/lib/frr
[ -x $FRR/ospfd ] && command -v vtysh >/dev/null || skip_all "FRR is missing"
. "$TOP/selftests/e2e/recipe.sh"
need nft

# As frrinit.sh does it: zebra and what "daemons" has, and then the configuration.
program unit-frr <<END
#!/bin/sh
install -d -o frr -g frr /run/frr
for d in zebra \$(sed -n 's/^\\([a-z0-9]*\\)=yes.*/\\1/p' /etc/frr/daemons | grep -x ospfd); do
	$FRR/\$d -d -P 0 || exit
done
vtysh -b && exec sleep infinity
END
full() { on_host "$1" vtysh -c 'show ip ospf neighbor' | grep -q 'Full/'; }
routed() { on_host r2 ip route show proto ospf | grep -q '^198.51.100.1 '; }
# To ask for the route is cheap, again and again.
both_full() { routed && full r1 && full r2; }
# How long r2's neighbor has been one, in milliseconds
age() {
	on_host r2 vtysh -c 'show ip ospf neighbor detail json' |
		jq '[.. | .lastPrgrsvChangeMsec? // empty] | first'
}

before_command() {
	case $1:$2 in
	*'mcsecctl member ospf') try "both routers have the key" wait_until 60 agree r1 r2 ;;
	r2:*'show ip ospf neighbor'*) try "the routers are adjacent" wait_until 60 both_full ;;
	r2:'ip route show'*) try "r2 has the route of r1" wait_until 60 routed ;;
	r1:*'mcsecctl rekey'*) spi=$(of r1 data-spi) age=$(age) ;;
	esac
}
moved() { [ "$(of r1 out-spi)" != "$spi" ] && agree r1 r2; }
after_command() {
	case $1:$2 in
	r2:*'show ip ospf neighbor'*) output_has "the neighbor is r1" \
		'^198\.51\.100\.1 .*Full/' ;;
	r2:*'mcsecctl stats') output_has "hellos are verified" '^in-accepted +[1-9]' ;;
	r2:*tcpdump*)
		output_has "the capture has ESP" '> 224.0.0.5: ESP\(spi='
		output_lacks "the capture has no OSPF" 'OSPF'
		;;
	r1:*'mcsecctl rekey'*) try "both routers send with the next key" wait_until 60 moved ;;
	esac
}
recipe_up r1 r2 -- x
type_recipe ospf "r1|r2"
like "the age of the adjacency is known" "$age" '^[0-9]+$'
try "the adjacency is as old as before, and older" test "$(age)" -gt "$age"

section "a stranger"
hello() { in_ns x "$PKT/control.py" frame eth0 ospf 192.0.2.66 "$1" id=198.51.100.66; }
before=$(stat_of r2 in-clear)
for i in 1 2 3; do
	hello 224.0.0.5
done
try "forged hellos are refused" wait_until 20 counted r2 in-clear $((before + 3))
unlike "forged hellos make no neighbor" "$(on_host r2 vtysh -c 'show ip ospf neighbor')" '198\.51\.100\.66'
try "the routers are adjacent" both_full
is "the only OSPF in the clear is forged" \
	"$(wire "proto 89 and not src 192.0.2.66") $(wire "proto 89")" "0 3"
try "the rest is ESP" wire_has 20 "esp and dst 224.0.0.5"
tap_done
