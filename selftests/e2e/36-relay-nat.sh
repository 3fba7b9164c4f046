#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Relays with children behind a NAT, and below another relay: s and a are behind one
# address of r, which forgets their ports in mid-stream; m and q are relays whose parent
# is p, and b is below m, which is killed, and then below q, which ends. IPv4 and IPv6 go
# by edges of both. A stranger with a certificate of the same authority gets no edge and
# no packet.
#
#	s, a --- r (NAT of IPv4, routes unicast only) --- k, p, m, q, b, x
#
#	p -- s			video by IPv4, video6 by IPv6
#	p -- a			both by IPv4
#	p -- m -- b, p -- q	both by IPv6
#
# timeout: 500

LAB_HOSTS="k p m q s a b x"
LAB_MEMBERS="p m q s a b x"
LAB_STRANGER=other
# shellcheck source=selftests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"
need python3

# No multicast is routed.
lab_routes() { :; }

overlay() {
	nip "$1" -b - <<-END
		link add dummy0 type dummy
		addr add 10.9.0.$(lab_num "$1")/24 dev dummy0
		addr add fd09::$(lab_num "$1")/64 dev dummy0 nodad
		link set dummy0 multicast on up
		route add multicast $GROUP dev dummy0
		route add multicast $GROUP6 dev dummy0 table local
	END
}
# nat_begins FIRST [RULE...]: s and a get ports from FIRST on, at the address of r that is next to
# whom they ask. From outside nothing is let in that they have not asked for.
nat_begins() {
	local first=$1

	in_ns r nft -f - <<-END
		table ip nat
		delete table ip nat
		table ip nat {
		    chain post {
		        type nat hook postrouting priority srcnat;
		        $(printf '%s\n' "${@:2}")
		        ip saddr { $(ip_of s), $(ip_of a) } meta l4proto udp masquerade to :$first-$((first + 99))
		    }
		    chain forward {
		        type filter hook forward priority filter;
		        oifname { "r-s", "r-a" } ct state new drop
		    }
		}
	END
}
nat_forgets() { nat_begins "$@" && in_ns r "$PKT/forget.py"; }

# relays_of ADDRESS-FUNCTION HOST...
relays_of() {
	local h fn=$1 list=''

	shift
	for h; do
		list+="${list:+, }{ address = \"$($fn "$h")\"; id = \"$h.lab\"; }"
	done
	echo "parents = ( $list );"
}
# member_group NAME ADDRESS SEND RECEIVE SETTINGS
member_group() {
	echo "{ name = \"$1\"; address = \"$2\"; send = $3; receive = $4;" \
		"inband = true; mode = \"tunnel\"; sender-ids = 2; $5 }"
}
# both_conf HOST SEND RECEIVE SETTINGS SETTINGS6 [MEMBER-SETTINGS]
both_conf() {
	{
		conf_head "$1"
		cat <<-END
			member: {
			  gcks = "$(ip_of k):848"; gcks-id = "k.lab";
			  interface = "eth0"; ${6:-}
			  groups = (
			    $(member_group video $GROUP "$2" "$3" "$4"),
			    $(member_group video6 $GROUP6 "$2" "$3" "$5")
			  );
			};
		END
	} >"$LAB/$1/mcsecd.conf"
}
listen_at() { echo "relay: { listen = [ \"$(ip_of "$1")\", \"[$(ip6_of "$1")]\" ]; };"; }

# edges HOST GROUP: peers of its edges as the kernel has them, sorted; those at an
# address of the NAT as "nat"
edges() {
	local p out=

	for p in $(ctl "$1" -j edge show "$2" | jq -r '.[].peer'); do
		p=${p%:*} p=${p#\[} p=${p%\]}
		[ "$p" != "${nat_of[$1]}" ] || p=nat
		out+="${name_of[$p]:-$p}"$'\n'
	done
	printf '%s' "$out" | sort | xargs
}
edges_are() { [ "$(edges "$1" "$2")" = "$3" ]; }
# nat_ports: the ports of the NAT that p has edges to, sorted
nat_ports() {
	for g in video video6; do
		ctl p -j edge show $g
	done | jq -r --arg nat "${nat_of[p]}:" \
		'.[].peer | select(startswith($nat)) | ltrimstr($nat)' | sort -n | xargs
}
# port_of HOST: from which it asks for its edge of the group video
port_of() { ctl "$1" -j edge show video | jq -r '.[].local' | sed 's/.*://'; }
# nat_of_port HOST PORT: a rule that gives a host's edge of that group this port
nat_of_port() { echo "ip saddr $(ip_of "$1") udp sport $(port_of "$1") udp dport 4500 masquerade to :$2"; }
# ports_from FIRST: p has three edges to the NAT, all of them with ports from there on
ports_from() {
	local p n=0

	for p in $(nat_ports); do
		[ "$p" -ge "$1" ] && [ "$p" -lt $(($1 + 200)) ] || return 1
		n=$((n + 1))
	done
	[ $n = 3 ]
}
# got HOST NAME STREAM: what a receiver has of a stream
got() {
	stream_now "$1" "$2" "[.streams[] | select(.stream == $3)] |
		if . == [] then \"nothing\" else .[0] |
		\"\(.packets) got, \(.lost) lost, \(.duplicates) twice, \(.corrupt) altered\" end"
}
got_is() { [ "$(got "$1" "$2" "$3")" = "$4" ]; }
# all_of_100 NAME HOST RECEIVER STREAM
all_of_100() {
	wait_until 10 got_is "$2" "$3" "$4" "$whole_100"
	is "$1" "$(got "$2" "$3" "$4")" "$whole_100"
}
# value HOST NAME STREAM FIELD
value() { stream_now "$1" "$2" ".streams[] | select(.stream == $3) | .$4"; }
more_than() { [ "$(value "$1" "$2" "$3" packets)" -gt "$4" ]; }
goes_on() {
	local n

	n=$(value "$1" "$2" "$3" packets)
	wait_until 20 more_than "$1" "$2" "$3" $((n + 20))
}
hear() { GROUP=$2 stream_recv "$1" "$3" -i dummy0 -p "$4" && wait_until 10 listens "$1" "$4"; }
listens() { in_ns "$1" ss -Hnlu | grep -q ":$2 "; }
# say HOST NAME GROUP PORT STREAM [OPTION]...
say() { GROUP=$3 stream_send "$1" "$2" -i dummy0 -p "$4" -s "$5" "${@:6}"; }
# said HOST NAME: it has sent all that it was to send
said() { wait "$(pid_of "$1" "$2")"; }
logged() { grep -qE "$2" "$LAB/$1/mcsecd.log"; }
relays_both() { [ "$(ctl "$1" -j status | jq -c '[.member.edges[].relays]')" = '[true,true]' ]; }
stats_of() { ctl "$1" -j stats | jq -r ".\"$2\""; }

declare -A name_of nat_of
for h in $LAB_HOSTS; do
	name_of[$(ip_of $h)]=$h
	name_of[$(ip6_of $h)]=$h
	nat_of[$h]=10.77.$(lab_num $h).1
done
lab_start k p m q s a b x
for h in p m q s a b x; do
	try "$h has a network for the groups" overlay $h
done
G_SENDERS='"s.lab", "a.lab"'
G_RECEIVERS='"s.lab", "a.lab", "b.lab", "p.lab", "m.lab", "q.lab"'
G_EXTRA='inband = "always"; mode = "tunnel"; relays = [ "p.lab", "m.lab", "q.lab" ];'
gcks_conf
six=$(gcks_group video6 $GROUP6 $REKEY6)
text=$(<"$LAB/k/mcsecd.conf")
printf '%s\n' "${text/  groups = (/  groups = ($'\n'$six,}" >"$LAB/k/mcsecd.conf"
both_conf p false true "relay = true;" "relay = true;" "$(listen_at p)"
for h in m q; do
	six="relay = true; $(relays_of ip6_of p)"
	both_conf $h false true "$six" "$six" "$(listen_at $h)"
done
both_conf s true true "$(relays_of ip_of p)" "$(relays_of ip6_of p)"
both_conf a true true "$(relays_of ip_of p)" "$(relays_of ip_of p)"
both_conf b false true "$(relays_of ip6_of m q)" "$(relays_of ip6_of m q)"
try "r is a NAT for s and a" nat_begins 20000
daemons_run k p m q s a
# A child that asks a relay too early is not to ask it again for ten seconds.
for h in m q; do
	try "$h relays both groups" wait_until 30 relays_both $h
done
daemons_run b
try "b has an edge to the middle relay by IPv6" wait_until 30 edges_are b video m
try "b has one of the IPv6 group" wait_until 10 edges_are b video6 m
try "the upper relay has an edge to each of its children" \
	wait_until 20 edges_are p video "m nat nat q"
try "the upper relay has one of the IPv6 group to each" \
	wait_until 20 edges_are p video6 "m nat q s"
is "the middle relay has its parent and its child" \
	"$(edges m video), $(edges m video6)" "b p, b p"
try "two children have three edges by one address, each with a port of its own" \
	ports_from 20000
is "the ports are different" "$(nat_ports | tr ' ' '\n' | sort -u | wc -l)" 3

section "exact counts"
# The last member has the newest key only, and senders wait before they use it.
spis_of() { ctl "$1" -j status | jq -c "[.member.groups[].\"$2\"]"; }
same_key() {
	local spis

	spis=$(spis_of b data-spi)
	[ "$(spis_of s out-spi)" = "$spis" ] && [ "$(spis_of a out-spi)" = "$spis" ]
}
try "s and a send with keys that b has" wait_until 20 same_key
for h in s a b; do
	try "$h listens to the IPv4 group" hear $h $GROUP rx 5004
	try "$h listens to the IPv6 group" hear $h $GROUP6 rx6 5006
done
sniff_links all s a b
whole_100="100 got, 0 lost, 0 twice, 0 altered"
say s tx $GROUP 5004 1 -r 100 -n 100
say a tx $GROUP 5004 2 -r 100 -n 100
say s tx6 $GROUP6 5006 3 -r 100 -n 100
say a tx6 $GROUP6 5006 4 -r 100 -n 100
said s tx6
said a tx6
for h in a b; do
	all_of_100 "the hundred of s, from behind the NAT, are at $h once" \
		$h rx 1
	all_of_100 "the hundred of s to the IPv6 group are at $h once" \
		$h rx6 3
done
for h in s b; do
	all_of_100 "the hundred of a, from behind the same address, are at $h once" \
		$h rx 2
	all_of_100 "the hundred of a to the IPv6 group are at $h once" \
		$h rx6 4
done
for h in p m q s a b; do
	is "$h has dropped nothing" "$(ctl $h -j stats | jq -r \
		'[."edge-unknown", ."edge-sender", ."edge-loop", ."in-replay"] | add')" 0
done

section "another mapping"
say s tx7 $GROUP 5004 7 -r 100
try "a hears the stream" wait_until 20 more_than a rx 7 50
try "b hears the stream" wait_until 20 more_than b rx 7 50
is "a has lost nothing before" "$(value a rx 7 lost)" 0
is "b has lost nothing before" "$(value b rx 7 lost)" 0
n=$(stats_of p edge-unknown)
try "r forgets the mappings and gives others" nat_forgets 30000 \
	"$(nat_of_port s 30101)" "$(nat_of_port a 30102)"
try "the edges move to the other ports" wait_until 10 ports_from 30000
try "a hears on" goes_on a rx 7
try "b hears on" goes_on b rx 7
lost_a=$(value a rx 7 lost) lost_b=$(value b rx 7 lost)
diag "a has lost $lost_a, b $lost_b, without $(stream_of a rx '.streams[] | select(.stream == 7) | .silence_ms') ms"
is "the upper relay has dropped and counted each that b has lost" \
	"$(($(stats_of p edge-unknown) - n))" "$lost_b"
try "a has lost those, and those that were sent to its former port" \
	test "$lost_a" -ge "$lost_b"
# A child that is not heard notices when it asks the next time, in half a second; one
# that does not hear looks each half second, and asks half a second later.
try "b has lost no more than came in a second" test "$lost_b" -le 100
try "a has lost no more than came in a second and a half" test "$lost_a" -le 150

section "mappings that change places"
try "r gives s the port that a had, and a that of s" nat_forgets 30000 \
	"$(nat_of_port s 30102)" "$(nat_of_port a 30101)"
try "the edge of one of them gives way" wait_until 10 logged p \
	'group video: edge ended: "[as]\.lab" at .*:3010[12]: another IKE SA has its address now'
try "both have edges again" wait_until 10 edges_are p video "m nat nat q"
try "a hears on" goes_on a rx 7
try "b hears on" goes_on b rx 7
diag "a has lost $(($(value a rx 7 lost) - lost_a)), b $(($(value b rx 7 lost) - lost_b))"
try "b has lost no more than came in two seconds" \
	test $(($(value b rx 7 lost) - lost_b)) -le 200
try "a has lost no more than came in two seconds and a half" \
	test $(($(value a rx 7 lost) - lost_a)) -le 250
lost_a=$(value a rx 7 lost) lost_b=$(value b rx 7 lost)
is "nothing came twice" "$(for h in s a b; do value $h rx 7 duplicates; done | xargs)" \
	"0 0 0"
is "no child has changed its relay" "$(for h in s a b; do
	ctl $h -j status | jq -r '[.member.edges[].changes] | add'
done | xargs)" "0 0 0"

section "a killed relay in the middle"
daemon_kill m
try "b has an edge to the other relay" wait_until 20 edges_are b video q
try "b has one of the IPv6 group" wait_until 20 edges_are b video6 q
try "the other relay is there as well" wait_until 5 edges_are q video "b p"
try "b hears on" goes_on b rx 7
lost=$(($(value b rx 7 lost) - lost_b))
diag "b has lost $lost"
try "b has lost what came in two seconds at least" test $lost -ge 150
try "b has lost what came in three seconds at most" test $lost -le 300
is "b has given up one relay of each group, which was silent" \
	"$(ctl b -j status | jq -c '[.member.edges[] | [.parent, .changes]]')" \
	'[["q.lab",1],["q.lab",1]]'
is "a has lost nothing by that" "$(value a rx 7 lost)" "$lost_a"
reap s tx7
try "the upper relay notices" wait_until 30 edges_are p video "nat nat q"
say s tx $GROUP 5004 11 -r 100 -n 100
say a tx6 $GROUP6 5006 14 -r 100 -n 100
said a tx6
all_of_100 "the next hundred of s are at b once" b rx 11
all_of_100 "the next hundred of a to the IPv6 group are at b once" \
	b rx6 14

section "a relay in the middle that ends"
try "the killed relay starts again" daemon_start m
try "the killed relay relays both groups again" wait_until 30 relays_both m
try "the killed relay has an edge up" wait_until 20 edges_are m video p
try "the killed relay has an edge up of the IPv6 group" wait_until 20 edges_are m video6 p
say s tx8 $GROUP 5004 8 -r 100
try "b hears the stream" wait_until 20 more_than b rx 8 50
is "b is where it is served" "$(edges b video), $(edges b video6)" "q, q"
daemon_stop q
try "b has an edge to the relay that was killed before" wait_until 10 edges_are b video m
try "b has one of the IPv6 group" wait_until 10 edges_are b video6 m
try "b hears on" goes_on b rx 8
lost=$(value b rx 8 lost)
diag "b has lost $lost"
try "b has lost no more than came in a quarter of a second" test "$lost" -le 25
is "nothing came twice" "$(for h in s a b; do value $h rx 8 duplicates; done | xargs)" \
	"0 0 0"
is "a has lost nothing by that" "$(value a rx 8 lost)" 0
reap s tx8
try "the upper relay has the other one in the middle" \
	wait_until 20 edges_are p video "m nat nat"

section "a stranger"
sniff_links hostile x
both_conf x true true "$(relays_of ip_of p)" "$(relays_of ip6_of p)"
try "mcsecd on x, which has a certificate" daemon_start x
try "the key server refuses x" wait_until 30 logged x 'AUTHORIZATION_FAILED'
is "x has no edge" "$(edges x video)$(edges x video6)" ""
daemon_stop x
try "x has a certificate of a key server" "$MCSECCTL" pki gcks "$LAB/pki" kx.lab
{
	conf_head kx | sed "s|$LAB/kx/|$LAB/x/gcks.|"
	sed -n '/^gcks: {/,$p' "$LAB/k/mcsecd.conf" |
		sed -E "s,(senders|receivers) = .*,\1 = [ \"x.lab\" ];,; s|$LAB/k/|$LAB/x/|"
} >"$LAB/x/gcks.conf"
sed -i "s|$(ip_of k):848|$(ip_of x):848|; s|k\.lab|kx.lab|" "$LAB/x/mcsecd.conf"
try "x is a key server of its own" spawn_as x gcks "$MCSECD" -f "$LAB/x/gcks.conf"
try "mcsecd on x again" daemon_start x
try "x is in a group of the same name" wait_until 30 member_in x
for g in video video6; do
	try "x shows $g a grant of its own key server and gets no edge" wait_until 20 \
		logged x "group $g: relay not used: \"p\.lab\" at .*: has no valid grant of the child"
done
is "x has no edge up" "$(edges x video)$(edges x video6)" ""
is "the upper relay has found that its grants are none" \
	"$(ctl p -j status | jq '.member.relay."not-entitled" >= 2')" true
is "the upper relay has none to it" "$(edges p video)" "m nat nat"
n=$(stats_of p edge-unknown)
try "x makes an edge by hand" ctl x edge add video 77 local "$(ip_of x):4501" \
	peer "$(ip_of p):4500" up
say x tx $GROUP 5004 9 -r 100 -n 50
unknown_are() { [ "$(stats_of p edge-unknown)" = $((n + 50)) ]; }
try "the upper relay drops each of the fifty datagrams of x" wait_until 20 unknown_are
say s tx $GROUP 5004 12 -r 100 -n 100
said s tx
for h in a b; do
	all_of_100 "the hundred of s are at $h once" $h rx 12
	is "$h has nothing of x" "$(got $h rx 9)" nothing
done
try "the capture of x is complete" sniff_links_end x
is "nothing of the groups was sent to x" "$(tcpdump -n -r "$LAB/wire/hostile-x.pcap" \
	"udp src port 4500 and not src host $(ip_of x) and not src host $(ip6_of x) and
	((ip and udp[8:4] != 0) or (ip6 and ip6[48:4] != 0))" 2>/dev/null | wc -l)" 0
try "x has asked, and was answered" test "$(tcpdump -n -r "$LAB/wire/hostile-x.pcap" \
	"udp src port 4500 and src host $(ip_of p)" 2>/dev/null | wc -l)" -gt 0

section "the end"
try "the captures are complete" sniff_links_end s a b
is "nothing of the IPv4 group was ever in clear" "$(wire_clear)" 0
is "nothing of the IPv6 group was ever in clear" \
	"$(CENSUS_GROUP=$GROUP6 census .clear "$LAB"/wire/*.pcap)" 0
is "no marker of a stream was ever in clear" "$(stream_markers)" 0
tap_done
