#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Hosts without multicast between them: a sender s and receivers a, b and c ask the
# relays p and q for edges. A killed relay, one that ends, an evicted child and one that
# finds its relay full are where they have to be, and nothing is in the clear.
#
#	s, a, b, c --- r, which routes unicast only --- p, q, k
#
# timeout: 400

LAB_HOSTS="k p q s a b c"
LAB_MEMBERS="p q s a b c"
# shellcheck source=selftests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"

# No multicast is routed.
lab_routes() { :; }

# The group is in a network that leads nowhere.
overlay() {
	nip "$1" link add dummy0 type dummy &&
		nip "$1" addr add "10.9.0.$(lab_num "$1")/24" dev dummy0 &&
		nip "$1" link set dummy0 multicast on up &&
		nip "$1" route add multicast "$GROUP" dev dummy0
}
relays_of() {
	local h list=

	for h; do
		list+="${list:+, }{ address = \"$(ip_of "$h")\"; id = \"$h.lab\"; }"
	done
	echo "parents = ( $list );"
}
# edge_conf HOST SEND RECEIVE GROUP-SETTINGS [MEMBER-SETTINGS]
edge_conf() {
	member_conf "$1" "$2" "$3"
	sed -i "s|receive = $3;|& inband = true; mode = \"tunnel\"; sender-ids = 2; $4|
		s|interface = \"eth0\";|& ${5:-}|" "$LAB/$1/mcsecd.conf"
}
# edges HOST: peers of its edges as the kernel has them, as names of hosts
edges() {
	local h p out

	out=$(ctl "$1" -j edge show video | jq -r '.[].peer' | sed 's/:.*//')
	for h in $LAB_HOSTS; do
		for p in $out; do
			[ "$p" != "$(ip_of "$h")" ] || echo "$h"
		done
	done | xargs
}
edges_are() { [ "$(edges "$1")" = "$2" ]; }
# edge_of HOST PEER FIELD
edge_of() {
	ctl "$1" -j edge show video |
		jq -r ".[] | select(.peer | startswith(\"$(ip_of "$2"):\")) | .\"$3\""
}
# esp_to HOST NAME: ESP of edges to a host, in a capture of that name
esp_to() {
	tcpdump -n -r "$LAB/wire/$2-$1.pcap" \
		"udp src port 4500 and dst host $(ip_of "$1") and udp[8:4] != 0" \
		2>/dev/null | wc -l
}
logged() { grep -qE "$2" "$LAB/$1/mcsecd.log"; }

lab_start k p q s a b c
for h in p q s a b c; do
	try "$h has a network for the group" overlay $h
done
G_EXTRA='inband = "always"; mode = "tunnel"; relays = [ "p.lab", "q.lab" ];'
gcks_conf
edge_conf p false true "relay = true;" \
	"relay: { listen = \"$(ip_of p)\"; max-children = 3; };"
edge_conf q false true "relay = true;" \
	"relay: { listen = \"$(ip_of q)\"; max-children = 8; };"
edge_conf s true false "$(relays_of p q)"
edge_conf a false true "$(relays_of p q)"
edge_conf b false true "$(relays_of p q)"
daemons_run k p q s a b
for h in s a b; do
	try "$h has an edge to the first relay" wait_until 20 edges_are $h p
done
try "the first relay has an edge to each" wait_until 10 edges_are p "s a b"
is "the second relay has none" "$(edges q)" ""
is "an edge down takes the Sender-IDs of its child" \
	"$(edge_of p s senders | jq length)" 1
is "an edge down to a receiver takes none" "$(edge_of p a senders)" null

section "status"
is "the relay counts its children" \
	"$(ctl p -j status | jq -c '.member | [.relay.children, .relay.granted, .edges[0].relays]')" \
	'[3,3,true]'
is "a knows who serves it" \
	"$(ctl a -j status | jq -r '.member.edges[0] | "\(.name) \(.parent) \(.address) \(.granted) \(.refused)"')" \
	"video p.lab $(ip_of p):4500 1 0"
is "s has a grant for ten minutes" "$(ctl s -j status | jq \
	'.member.edges[0]."granted-until" - now | . > 0 and . <= 600')" true
for h in p a k; do
	fits "status of $h" status < <(ctl $h -j status)
done
like "the status of a says it to people" "$(ctl a status)" \
	"Edges of video: served by p.lab at $(ip_of p):4500"
like "the status of the relay says it to people" "$(ctl p status)" 'Relay of 3 children'
like "the metrics of the relay have its children" "$(ctl p metrics export)" \
	'^mcsec_relay_children 3$'
like "the metrics of a have its edge" "$(ctl a metrics export)" \
	'^mcsec_child_granted_total\{group="video"\} 1$'
is "the health of a finds nothing about edges" "$(ctl a -j health | jq -c \
	'[.problems[].kind | select(. == "no-relay" or . == "grant-refused")]')" '[]'

section "a relay that is none"
edge_conf c false true "relay = true;" "relay: { listen = \"$(ip_of c)\"; };"
try "mcsecd on c" daemon_start c
try "c may not relay the group" wait_until 30 logged c \
	'group video: grant refused: this host may not relay the group'
is "the health of c has that" "$(ctl c -j health | jq -c \
	'[.problems[].kind | select(. == "no-relay" or . == "grant-refused")]')" \
	'["grant-refused"]'
daemon_stop c
edge_conf c false true "$(relays_of p q)"

section "a full relay"
try "mcsecd on c" daemon_start c
try "c is in" wait_until 30 member_in c
try "c has an edge to the second relay" wait_until 20 edges_are c q
try "c knows why" logged c 'group video: relay not used: .*has as many children'
is "the first relay has as many as it may have" "$(edges p)" "s a b"
daemon_stop c
try "c is gone from the second relay" wait_until 10 edges_are q ""

section "a stream"
sniff_links all s a b
for h in a b; do
	stream_recv $h rx -i dummy0
done
stream_send s tx -i dummy0 -r 100
try "a hears s" wait_until 20 hears a 100
try "b hears s" wait_until 20 hears b 100
whole a "a stream"
whole b "a stream"

section "a reload"
try "the configuration of b names no relays any more" \
	sed -i 's/parents = ([^)]*);//' "$LAB/b/mcsecd.conf"
try "b reloads" ctl b reload
is "b has no edge any more" "$(edges b)" ""
try "the relay has none to b" wait_until 10 edges_are p "s a"
edge_conf b false true "$(relays_of p q)"
try "b reloads again" ctl b reload
try "b has an edge again" wait_until 20 edges_are b p
try "b hears on" hears_on b

# A relay that asks others of late keeps the edges to its own children.
began=$(grep -c 'edge granted:' "$LAB/p/mcsecd.log")
lost=$(stream_now a rx '.streams[0].lost')
cp "$LAB/p/mcsecd.conf" "$LAB/p/conf.was"
try "the configuration of the first relay names the second" \
	sed -i "s|relay = true;|& $(relays_of q)|" "$LAB/p/mcsecd.conf"
try "the first relay reloads" ctl p reload
try "the first relay has an edge to the second" wait_until 20 edges_are p "q s a b"
cp "$LAB/p/conf.was" "$LAB/p/mcsecd.conf"
try "the first relay reloads again" ctl p reload
try "the first relay has no edge to the second any more" wait_until 5 edges_are p "s a b"
try "the second relay has none either" wait_until 10 edges_are q ""
try "a hears on" hears_on a
is "no child had to ask again" "$(grep -c 'edge granted:' "$LAB/p/mcsecd.log")" "$began"
is "no edge has ended for it" "$(grep -c 'the group is not relayed' "$LAB/p/mcsecd.log")" 0
is "other relays of a relay cost no datagram" "$(stream_now a rx '.streams[0].lost')" "$lost"

section "a killed relay"
daemon_kill p
is "the edges of the first relay end with it" "$(edges p)" ""
for h in s a b; do
	try "$h has an edge to the second relay" wait_until 20 edges_are $h q
done
try "a hears on" hears_on a
try "b hears on" hears_on b
# A parent that is silent is given up after two seconds, and the next one asked.
try "the relay's death has cost no more than four seconds of the stream" \
	test "$(stream_now a rx '.streams[0].lost')" -le 400

section "a relay that ends"
try "the first relay starts again" daemon_start p
try "the first relay is in" wait_until 30 member_in p
relayed_twice() { [ "$(grep -c 'group video: relay started' "$LAB/p/mcsecd.log")" = 2 ]; }
try "the first relay has its grant" wait_until 20 relayed_twice
is "children stay where they are served" "$(edges q)" "s a b"
lost=$(stream_now a rx '.streams[0].lost')
daemon_stop q
for h in s a b; do
	try "$h is back at the first relay" wait_until 20 edges_are $h p
done
try "children were told" logged q 'relay stopping: 3 children are sent to others'
is "no child was left behind" "$(grep -c 'relay stopped:' "$LAB/q/mcsecd.log")" 0
try "a hears on" hears_on a
is "a relay that ends costs no datagram" "$(stream_now a rx '.streams[0].lost')" "$lost"
try "b hears on" hears_on b

section "an evicted child"
# The daemon of b takes no part: it neither leaves nor is it silent for long enough.
kill -STOP "$(pid_of b mcsecd)"
try "b is evicted" ctl k evict video b.lab
try "the first relay has no edge to b any more" wait_until 5 edges_are p "s a"
try "the reason is named" logged p 'group video: edge ended: "b\.lab" at .*: its grant has ended'
n=$(edge_of p a out-packets)
sniff_links_end b
sniff_links later b
try "the others go on" wait_until 20 eval '[ "$(edge_of p a out-packets)" -gt $((n + 200)) ]'
try "the capture is complete" sniff_links_end b
try "the group was sent to b before" test "$(esp_to b all)" -gt 100
is "nothing of the group is sent to b any more" "$(esp_to b later)" 0
try "a hears on" hears_on a
kill -CONT "$(pid_of b mcsecd)"
try "b is told, and has no edge any more" wait_until 30 edges_are b ""

section "the end"
reap s tx
# A relay sends as soon as it has granted an edge, and a child takes datagrams when it
# knows that, so what came before is not counted.
carried() {
	echo "$(edge_of s p out-packets) $(edge_of p s in-packets)" \
		"$(edge_of p a out-packets) $(edge_of a p in-packets)"
}
more_by() {
	local n out=

	for n in $was; do
		out+="${out:+ }$((n + $1))"
	done
	echo "$out"
}
replays() { ctl "$1" -j stats | jq -r '."in-replay"'; }
quiet() { [ "$(carried)" = "$(sleep 0.5; carried)" ]; }
carried_are() { [ "$(carried)" = "$(more_by "$1")" ]; }
try "nothing is on its way" wait_until 20 quiet
was=$(carried)
# Datagrams came by two edges while a relay was going away.
declare -A twice
for h in p a; do
	twice[$h]=$(replays $h)
done
stream_send s tx2 -i dummy0 -r 100 -n 100
try "a hundred datagrams go by each edge, and all of them arrive" \
	wait_until 20 carried_are 100
for h in p a; do
	is "$h has dropped nothing of its edges" "$(ctl $h -j stats | jq -r \
		'[."edge-unknown", ."edge-sender", ."edge-loop"] | add')" 0
	is "no datagram has come to $h twice" "$(replays $h)" "${twice[$h]}"
done
try "the captures are complete" sniff_links_end s a
is "nothing of the group was ever in clear" "$(wire_clear)" 0
is "no marker of the stream was ever in clear" "$(stream_markers)" 0
for h in s a; do
	daemon_stop $h
done
is "the relay has no edge when its children are gone" "$(edges p)" ""
tap_done
