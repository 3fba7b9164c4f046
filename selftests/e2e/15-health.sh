#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Health: what goes wrong is told in one line with what to do, by the exit code,
# and in the status; and what was told is gone once it was done.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
K4=10.8.0.1
. "$TOP/selftests/e2e/process.sh"
need ip jq

group='name = "video"; address = "239.8.1.1";'

# The configuration of m
configure() {
	member_conf m "{ $group send = true; sender-ids = 1; }" \
		'interface = "eth0";' >"$TMP/m.conf"
}

# HOST [ARGUMENT...]: what health says, and its exit code
health() {
	host_ctl "$1" health "${@:2}" 2>&1
	echo "exit $?"
}
is_well() { host_ctl "$1" health >/dev/null; }
# PATTERN: m's health has it
tells() { health m | grep -qE "$1"; }
state() { mctl -j status | jq -r '.member.groups[0].state'; }
state_is() { [ "$(state)" = "$1" ]; }
spi() { mctl -j status | jq -r '.member.groups[0]."data-spi"'; }
pid_of() { pgrep -f "$MCSECD -c $TMP/$1.conf" | tail -n 1; }
restart_m() { # certificate's name
	down TERM "$(pid_of m)"
	sed -i "s|$pki/[a-z]*\.lab\.|$pki/$1.lab.|g" "$TMP/m.conf"
	up m
}

pki_make m
"$MCSECCTL" pki member "$pki" short.lab days 5 >/dev/null
mkdir -p "$TMP/k" "$TMP/m"
ns_create k m
veth k:eth0 $K4/24 -- m:eth0 10.8.0.2/24
for h in k m; do
	mroute_to $h eth0 239.8.0.0/16
done
load_mcsec
gcks_conf "{ $group rekey-address = \"239.8.1.254\"; rekey-interface = \"eth0\";
	     receivers = [ \"*.lab\" ]; senders = [ \"*.lab\" ];
	     atd = 1; dtd = 3; beat = 1; }" '' "\"$K4:848\"" >"$TMP/k.conf"
configure

section "well"

is "without a daemon health cannot tell" "$(health m | tail -n 1)" "exit 2"
up k
up m
try "the member becomes well" wait_until 20 is_well m
is "the line and the exit code of a member that is well" "$(health m)" \
	"well, 1 group as member
exit 0"
like "a key server that is well tells who has confirmed the key" \
	"$(health k -v | tr '\n' ' ')" \
	'well, 1 group as key server group video: key 0x[0-9a-f]{8}: 1 of 1 senders use it; confirmed: m.lab exit 0'
like "a group that is not there is not judged" "$(health m sound | tr '\n' ' ')" \
	'no group .*sound.* exit 2'
mctl -j health >"$TMP/health.json"
fits "a health without problems fits the schema" health <"$TMP/health.json"
# METRIC: its value in the text for collectors
exported() { mctl metrics export | sed -n "s/^$1 //p"; }
is "collectors see that module and daemon answer" \
	"$(exported mcsec_module_up):$(exported mcsec_daemon_up)" 1:1
is "collectors see a member that is in and well" \
	"$(exported 'mcsec_member_in{group="video"}'):$(exported mcsec_healthy)" 1:1
is "collectors see the counters of the module" \
	"$(exported mcsec_module_out_exempt_total)" "$(counter m out-exempt)"

"$MCSECCTL" -n nosuch metrics export >"$TMP/nosuch" 2>&1
is "collectors see no values of a namespace that is not there" "$? $(<"$TMP/nosuch")" \
	'1 mcsecctl: network namespace "nosuch": No such file or directory: "ip netns" lists those that have names'

section "interface"

nip m link set eth0 down
try "an interface that is down is told" wait_until 5 tells \
	'^group video: rekeys cannot be received at 239.8.1.254:848: eth0 .* is down; to do: set the link up'
is "the exit code of a problem" "$(health m | tail -n 1)" "exit 1"
is "collectors see the problem" \
	"$(exported 'mcsec_problems{kind="rekey-interface-down",group="video"}')" 1
is "the member is not in while it cannot hear" "$(state)" behind
mctl -j health >"$TMP/health.json"
fits "a health with problems fits the schema" health <"$TMP/health.json"
nip m link set eth0 up
wait_until 20 ns_up m eth0
mroute_to m eth0 239.8.0.0/16
try "the member is well when the interface is up again" wait_until 20 is_well m

section "kernel"

ctl m group set video policy observe --force
like "a group that was told to observe" "$(health m | tr '\n' ' ')" \
	'group video: .*policy "observe".*to do: .*policy enforce.* exit 1'
in_ns k bash -c 'echo x >/dev/udp/239.8.1.1/5000'
is "a datagram in the clear is no problem where the group observes" \
	"$(health m | grep -c 'were dropped')" 0
ctl m group set video policy enforce
try "the member is well when the group enforces again" is_well m
ctl m sa del video "$(spi)"
like "an SA that was deleted by hand" "$(health m | tr '\n' ' ')" \
	'group video: the kernel has lost 1 of . SAs; to do: ask for other keys.* exit 1'
is "the member is not in without its SA" "$(state)" behind
kctl rekey video
try "the member is well after the rekey that is the cure" wait_until 20 is_well m

section "losses"

clear_is_told() {
	in_ns k bash -c 'echo x >/dev/udp/239.8.1.1/5000'
	tells '^group video: [0-9]+ datagrams? arrived in the clear and were dropped within the last minute; to do: let the sender be a member'
}
try "a sender in the clear is told" wait_until 40 clear_is_told
is "the exit code of that loss" "$(health m | tail -n 1)" "exit 1"
mctl -j health >"$TMP/health.json"
fits "a health with losses fits the schema" health <"$TMP/health.json"

section "reload"

cp "$TMP/k.conf" "$TMP/k.good"
echo nonsense >>"$TMP/k.conf"
refuse "a configuration with a wrong line is not loaded" kctl reload
like "a reload that has failed is told" "$(health k)" \
	'^the last reload has failed: .*k.conf:[0-9]+: .*; to do: correct that, and "mcsecctl reload"'
mv "$TMP/k.good" "$TMP/k.conf"
try "the configuration is mended" kctl reload
is "the key server is well after a reload" "$(health k)" "well, 1 group as key server
exit 0"
nip k addr del $K4/24 dev eth0
is "an address of the key server that is gone" "$(host_ctl k health | grep listen)" \
	"$K4:848 of \"listen\" is not an address of this host, so nobody reaches the key server there; to do: correct \"listen\" and restart mcsecd, or give the address to an interface (\"ip address\")"
nip k addr add $K4/24 dev eth0
mroute_to k eth0 239.8.0.0/16
is "the key server is well when the address is back" "$(health k | tail -n 1)" "exit 0"
try "the member is well once the loss is a minute ago" wait_until 100 is_well m ||
	health m | sed 's/^/# /'

section "key server"

spawn mctl watch >"$TMP/watch"
spawn mctl -j watch >"$TMP/watch.json"
seen() { grep -qE "$1" "$TMP/watch"; }
connected() { [ "$(grep -c 'mcsecd: connected' "$TMP/watch")" -eq "$1" ]; }
stamp='^20[0-9-]{8}T[0-9:]{8}\.[0-9]{3}Z'
try "watch says that the daemon is there" wait_until 10 seen \
	"$stamp mcsecd: connected"
k=$(pid_of k)
kill -STOP "$k"
ctl m group del video --force 2>/dev/null
try "a group that was deleted by hand" wait_until 5 tells \
	'^group video: the keys may be out of date: no Data SA; to do: '
is "the member is not in without a key" "$(state)" behind
try "a key server that does not answer" wait_until 20 tells \
	'^the key server does not answer; to do: see whether mcsecd runs there'
is "the exit code of that" "$(health m | tail -n 1)" "exit 1"
kill -CONT "$k"
try "the member is well when the key server answers" wait_until 60 is_well m ||
	health m | sed 's/^/# /'
try "the key server is well" wait_until 20 is_well k || health k | sed 's/^/# /'

try "watch has the event of the kernel" seen \
	"$stamp kernel: group-gone group video 239.8.1.1"
try "watch has the line of the daemon about it" seen \
	"$stamp mcsecd: warning: group video: group deleted by another program"

section "certificate"

restart_m short
try "a certificate that ends soon is told" wait_until 20 tells \
	'^the certificate of this host ends in 4 days, at 20..-.*; to do: issue'
try "the member is in nevertheless" wait_until 20 state_is in
try "watch sees another start of the daemon" wait_until 10 connected 2
restart_m m
try "the member is well with another certificate" wait_until 20 is_well m ||
	health m | sed 's/^/# /'
try "watch says that the daemon was gone" seen "$stamp mcsecd: disconnected"
try "watch sees the second start of the daemon" wait_until 10 connected 3
fits "the JSON of watch fits the schema" watch <"$TMP/watch.json"
down TERM "$(pid_of m)"
down TERM "$(pid_of k)"

tap_done
