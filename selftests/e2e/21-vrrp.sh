#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Documentation/recipes/vrrp.rst, typed as it is there: two routers with keepalived and
# use_vmac hand an address over, and a stranger on their link cannot take it.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/recipe.sh"
need keepalived

VIP=192.0.2.100
program unit-keepalived <<'END'
#!/bin/sh
mkdir -p /run/keepalived
exec keepalived -n -l -P -f /etc/keepalived/keepalived.conf -p /run/keepalived.pid \
	-r /run/vrrp.pid
END
has() { on_host "$1" ip -o address show to $VIP | grep -q $VIP; }
owner() { for h in r1 r2; do ! has $h || echo $h; done | xargs; }
owned() { [ "$(owner)" = "$1" ]; }
changes() { grep -c 'Entering' "$TMP/r$1/home/keepalived.log"; }
forge() {
	in_ns x "$PKT/control.py" frame eth0 vrrp 192.0.2.66 224.0.0.18 vrid=7 prio=254 \
		addr=$VIP
}

before_command() {
	case $1:$2 in
	*'mcsecctl member vrrp') try "both routers have the key" wait_until 60 agree r1 r2 ;;
	r1:'ip -o address show'*) try "the better router has the address" wait_until 60 owned r1 ;;
	r2:'ip -o address show'*) try "the other router takes the address" wait_until 60 owned r2 ;;
	esac
}
after_command() {
	case $1:$2 in
	*'mcsecctl member vrrp') output_has "r2 is a member" 'r2\.example' ;;
	r1:*'start keepalived') try "r1 gets the address back" wait_until 60 owned r1 ;;
	*:'ip -o address show'*) output_has "the address is shown" "$VIP/24" ;;
	r2:*'mcsecctl stats') output_has "advertisements are verified" '^in-accepted +[1-9]' ;;
	r2:*tcpdump*)
		output_has "the capture has ESP" '> 224.0.0.18: ESP\(spi='
		output_lacks "the capture has no VRRP" 'VRRP'
		;;
	esac
}
recipe_up r1 r2 -- x
type_recipe vrrp "r1|r2"

section "a stranger"
before=$(stat_of r2 in-clear) r1=$(changes 1) r2=$(changes 2)
for i in 1 2 3 4; do
	forge
	sleep 1
done
try "r2 refuses forged advertisements" wait_until 20 counted r2 in-clear $((before + 4))
try "r1 refuses forged advertisements" wait_until 20 counted r1 in-clear 4
sleep 4
is "the address stays where it is" "$(owner)" r1
is "no router has wavered" "$(($(changes 1) - r1)) $(($(changes 2) - r2))" "0 0"
is "no advertisement of a router is in the clear" "$(wire "proto 112 and not src 192.0.2.66")" 0
is "the forged ones were on the link" "$(wire "proto 112 and src 192.0.2.66")" 4
tap_done
