#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The daemon as a process: its command line, what it refuses to start with, its
# socket, files and memory, signals and death; the sockets it answers from; and
# a member whose links, addresses and interfaces change under it.
# timeout: 400

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/process.sh"
need ip jq openssl setpriv

K4=10.5.0.1 K6=fd05::1
K=$TMP/k

# LISTEN [SETTINGS OF THE GROUP]
video_conf() {
	gcks_conf "    { name = \"video\"; address = \"239.5.1.1\";
		    rekey-address = \"239.5.1.254\"; rekey-interface = \"eth0\";
		    receivers = [ \"*.lab\" ]; senders = [ \"*.lab\" ];
		    atd = 1; dtd = 3; $2 }" '' "$1"
}

# GCKS [SETTINGS]
m_conf() {
	member_conf m '{ name = "video"; address = "239.5.1.1";
		    send = true; sender-ids = 1; }' "$2" "$1"
}

group() { mctl -j status | jq -r ".member.groups[0].\"$1\""; }
state_is() { [ "$(group state)" = "$1" ]; }
rekeys_more() { [ "$(group rekeys)" -gt "$1" ]; }
in_step() {
	[ "$(group data-spi)" = "$(kctl -j status |
		jq -r '.gcks.groups[0]."data-spi"')" ]
}

# A rekey is heard by the member.
heard() {
	local n

	n=$(group rekeys)
	kctl rekey video && wait_until 15 rekeys_more "$n"
}

section "arguments"

like "mcsecd says its version" "$("$MCSECD" --version)" '^mcsecd [0-9]'
like "mcsecd says its usage" "$("$MCSECD" --help)" '--check'
"$MCSECD" --nonsense >/dev/null 2>&1
is "an unknown option ends with code 2" $? 2
"$MCSECD" start >/dev/null 2>&1
is "a word too many ends with code 2" $? 2
like "a file that isn't there" "$("$MCSECD" --check -c "$TMP/no" 2>&1)" \
	"$TMP/no: No such file"

pki_make m
video_conf '"0.0.0.0:848", "[::]:848"' >"$TMP/k.conf"
m_conf "$K4" >"$TMP/m.conf"
is "--check of a good one" \
	"$("$MCSECD" --check -c "$TMP/k.conf" 2>&1 | head -n 1)" \
	"$TMP/k.conf: configuration is valid"
like "--check tells of a store that a start would make" \
	"$("$MCSECD" --check -c "$TMP/k.conf" 2>&1 | xargs)" \
	"compared with the store $K/gcks.db .* as no mcsecd runs:.*made, without"
like "--check of a member that is down has nothing to compare with" \
	"$("$MCSECD" --check -c "$TMP/m.conf" 2>&1 | xargs)" \
	"valid not compared: no mcsecd runs at $TMP/m/s.sock"
try "--check has no effect" test ! -e "$K"
video_conf '"0.0.0.0:848"' 'lifetme = 5;' >"$TMP/bad.conf"
like "a wrong word: file, line, word, and the right one" \
	"$("$MCSECD" --check -c "$TMP/bad.conf" 2>&1)" \
	'bad.conf:11: gcks.groups\[0\].lifetme: .*"lifetime"'
refuse "mcsecd with a wrong word in its configuration does not start" \
	"$MCSECD" -c "$TMP/bad.conf"
chmod 0640 "$pki/k.lab.key"
like "a key that others can read" \
	"$("$MCSECD" --check -c "$TMP/k.conf" 2>&1)" 'identity.key.*0640'
refuse "mcsecd with a key that others can read does not start" \
	"$MCSECD" -c "$TMP/k.conf"
chmod 0600 "$pki/k.lab.key"
sed "s/k.lab.key/m.lab.key/" "$TMP/k.conf" >"$TMP/bad.conf"
like "another's key" "$("$MCSECD" --check -c "$TMP/bad.conf" 2>&1)" \
	'm.lab.key is not the key of'
sed "s/ca.pem/k.lab.pem/" "$TMP/k.conf" >"$TMP/bad.conf"
like "a CA that is none" "$("$MCSECD" --check -c "$TMP/bad.conf" 2>&1)" \
	'identity.ca: .*is not a CA certificate'
echo "-----BEGIN CERTIFICATE-----" >"$TMP/cut.pem"
sed "s:$pki/k.lab.pem:$TMP/cut.pem:" "$TMP/k.conf" >"$TMP/bad.conf"
like "a damaged certificate" "$("$MCSECD" --check -c "$TMP/bad.conf" 2>&1)" \
	'identity.certificate: .*damaged'
# A certificate of the day after tomorrow is what a clock in the past makes of any.
openssl req -new -key "$pki/k.lab.key" -subj /CN=k.lab -out "$TMP/k.csr" 2>/dev/null
: >"$TMP/index" && echo 01 >"$TMP/serial"
printf '%s\n' '[ca]' default_ca=d '[d]' "database=$TMP/index" "serial=$TMP/serial" \
	"new_certs_dir=$TMP" default_md=default policy=p '[p]' \
	commonName=supplied >"$TMP/ca.cnf"
openssl ca -batch -notext -config "$TMP/ca.cnf" -cert "$pki/ca.pem" \
	-keyfile "$pki/ca.key" -in "$TMP/k.csr" -out "$TMP/later.pem" \
	-startdate "$(date -u -d '+2 days' +%y%m%d%H%M%SZ)" \
	-enddate "$(date -u -d '+9 days' +%y%m%d%H%M%SZ)" 2>/dev/null
sed "s:$pki/k.lab.pem:$TMP/later.pem:" "$TMP/k.conf" >"$TMP/bad.conf"
like "a certificate that is not valid yet" \
	"$("$MCSECD" --check -c "$TMP/bad.conf" 2>&1)" \
	'identity.certificate: .*later.pem is not yet valid: is the clock right'
try "no refusal left anything behind" test ! -e "$K"

ns_create k m
veth k:eth0 $K4/24 $K6/64 -- m:eth0 10.5.0.2/24 fd05::2/64
mroute_to k eth0 239.5.0.0/16
mroute_to m eth0 239.5.0.0/16
if [ ! -d /sys/module/mcsec ]; then
	like "a member without the module says so" \
		"$(in_ns m "$MCSECD" -c "$TMP/m.conf" 2>&1)" 'mcsec.*not loaded'
fi

section "a key server"

up k
is "the socket is root's alone" "$(stat -c %a "$K/s.sock")" 600
is "the store is root's alone" \
	"$(stat -c %a "$K/gcks.db" "$K/seal.key" | tr '\n' ' ')" \
	"600 600 "
chmod 0711 "$TMP" "$K" && chmod 0666 "$K/s.sock"
like "another user is not answered, even if he gets at the socket" \
	"$(setpriv --reuid 65534 --clear-groups "$MCSECCTL" -s "$K/s.sock" \
		status 2>&1)" 'without an answer|reset|Broken pipe'
like "the log tells of the user that was not answered" \
	"$(<"$TMP/k.log")" 'control access denied: user 65534 is not root'
chmod 0600 "$K/s.sock"
like "a second daemon on the same store is refused" \
	"$(sed 's/s\.sock/other.sock/' "$TMP/k.conf" >"$TMP/k2.conf"
	in_ns k "$MCSECD" -c "$TMP/k2.conf" 2>&1)" 'another process has it'
like "--check compares nothing with a store in use" \
	"$("$MCSECD" --check "$TMP/k2.conf" 2>&1 | xargs)" \
	'valid not compared with the store .*another process has it open'
like "a second daemon with the same socket is refused" \
	"$(in_ns k "$MCSECD" -c "$TMP/k.conf" 2>&1)" 'another mcsecd is running'
try "the first daemon goes on when others are refused" kctl status
like "no core files" "$(<"/proc/$pid/limits")" 'core file size +0 +0'
unlike "memory is locked" "$(grep VmLck "/proc/$pid/status")" ' 0 kB'
is "others of its user can't trace it" \
	"$(stat -c %U "/proc/$pid/environ")" root
kill -HUP "$pid"
wait_until 5 grep -q 'reload done' "$TMP/k.log"
like "SIGHUP: the log says that the configuration is read" \
	"$(<"$TMP/k.log")" 'reload started: SIGHUP'
try "SIGHUP: the daemon goes on" kctl status
down KILL "$pid"
try "the socket of a killed daemon is left" test -S "$K/s.sock"
up k
try "the socket of a killed daemon is taken over" kctl status
is "SIGTERM ends the daemon" "$(down TERM "$pid"; echo $?)" 0
try "the socket of a daemon that ended is gone" test ! -e "$K/s.sock"
mv "$K/seal.key" "$K/seal.gone"
refuse "without its seal key mcsecd does not start" in_ns k "$MCSECD" \
	-c "$TMP/k.conf"
try "without its seal key mcsecd does not make another" test ! -e "$K/seal.key"
mv "$K/seal.gone" "$K/seal.key"
head -c 32 /dev/urandom >"$K/other.key"
sed "s/seal[.]key/other.key/" "$TMP/k.conf" >"$TMP/bad.conf"
like "with another seal key mcsecd does not start" \
	"$(in_ns k "$MCSECD" -c "$TMP/bad.conf" 2>&1)" 'other'

section "a member"

load_mcsec
error_is() { [ "$(group last-error)" = "$1" ]; }
m_conf 10.99.0.1 >"$TMP/m.conf"
up m
try "a member without a route to the key server says so" wait_until 10 error_is \
	"datagrams to 10.99.0.1:848 are not sent: Network is unreachable"
is "the log has it once" "$(grep -c 'key server unreachable: .* Network is unreach' \
	"$TMP/m.log")" 1
down TERM "$pid"
m_conf "$K4" >"$TMP/m.conf"
up m
try "a member says that no answer has come yet" wait_until 10 error_is \
	"no answer to IKE_SA_INIT yet from $K4:848"
mpid=$pid
up k
kpid=$pid
pid=$mpid
try "a member registers" wait_until 20 state_is in
try "the member hears a rekey" heard
try "the member listens where routing sends to the rekey address" \
	in_ns m sh -c \
	"ip maddr show dev eth0 | grep -q 239.5.1.254"

nip m link set eth0 down
sleep 1
nip m link set eth0 up
# a link that goes down takes addresses of IPv6 and routes along
nip m addr add fd05::2/64 dev eth0
mroute_to m eth0 239.5.0.0/16
wait_until 20 ns_up m eth0
try "after its link was down" heard
in_ns m sysctl -qw net.ipv4.conf.all.promote_secondaries=1
nip m addr add 10.5.0.3/24 dev eth0
nip m addr del 10.5.0.2/24 dev eth0
wait_until 5 nip m route get $K4
mroute_to m eth0 239.5.0.0/16 2>/dev/null
try "mcsecd runs with another address" heard
ip link add eth1 netns "$(ns m)" type veth peer name eth1 netns "$(ns k)"
nip m link set eth1 up
nip k link set eth1 up
nip m addr add 10.5.1.2/24 dev eth1
nip k addr add 10.5.1.1/24 dev eth1
wait_until 20 ns_up m eth1
nip m route replace multicast 239.5.0.0/16 dev eth1 2>/dev/null ||
	nip m route replace 239.5.0.0/16 dev eth1
try "the route changed: the member listens on the new interface" \
	wait_until 15 in_ns m sh -c \
	"ip maddr show dev eth1 | grep -q 239.5.1.254"
try "the route changed: the member no longer listens on the old interface" \
	wait_until 15 in_ns m sh -c \
	"! ip maddr show dev eth0 | grep -q 239.5.1.254"
nip m link del eth1
mroute_to m eth0 239.5.0.0/16 2>/dev/null
try "the interface is gone: the member listens on the old one again" \
	wait_until 15 \
	in_ns m sh -c "ip maddr show dev eth0 | grep -q 239.5.1.254" ||
	tail -n 5 "$TMP/m.log" | sed 's/^/# /'
try "the interface is gone: the member hears a rekey" heard

refuse "the group of a member is not deleted by hand" ctl m group del video
ctl m group del video --force 2>/dev/null
is "the group that force deleted is there, and closed" \
	"$(ctl m -j group show video | jq -r '.[0].name // .name')" video
made_again() {
	state_is in && in_step && ctl m sa show video | grep -q '^video ' &&
		ctl m group show video | grep -q ' 0x'
}
try "the member is told of the deletion, and has keys again" \
	wait_until 60 made_again
like "the log tells of the deletion" "$(<"$TMP/m.log")" \
	'group video: group deleted by another program'

before=$(group data-spi)
down KILL "$pid"
is "the kernel's group of a killed member stays" \
	"$(ctl m -j group show video | jq -r '.[0].name // .name')" video
like "the kernel's group of a killed member has its SA" \
	"$(ctl m sa show video)" '^video +0x'
try "the key server still knows the killed member" sh -c \
	"'$MCSECCTL' -s '$K/s.sock' -j member | grep -q m.lab"
up m
try "the member that is started again is in" wait_until 20 state_is in ||
	tail -n 5 "$TMP/m.log" | sed 's/^/# /'
try "the member that is started again has the group's keys" \
	wait_until 20 in_step
is "the member that is started again has the SA that the kernel has" \
	"$(group data-spi)" "$before"
like "the counters of the kernel's SA go on" \
	"$(ctl m sa show video)" "$(printf %x "$before")"
down TERM "$pid"
is "the kernel's group of a member that ended stays" \
	"$(ctl m -j group show video | jq -r '.[0].name // .name')" video
down TERM "$kpid"

section "addresses and ports"

# NAME, what k listens on, what m asks, more for m, its sockets of port 4500
between() {
	video_conf "$2" >"$TMP/k2.conf"
	m_conf "$3" "$4" >"$TMP/m2.conf"
	up k "$TMP/k2.conf"
	kpid=$pid
	up m "$TMP/m2.conf"
	try "$1" wait_until 25 state_is in || {
		tail -n 5 "$TMP/k.log" "$TMP/m.log" | sed 's/^/# /'
	}
	is "$1: at that address" "$(mctl -j status | jq -r \
		.member.\"ike-sa\".address)" "$3"
	# a key server of the same host may start later, and needs it
	is "$1: port 4500 of the member" \
		"$(in_ns m ss -Huan sport = :4500 | wc -l)" "${5:-0}"
	down TERM "$pid"
	down TERM "$kpid"
}

between "IPv6" '"[::]:848"' "[$K6]:848"
between "one address of several" "\"$K4:848\"" "$K4:848"
nip k addr add 10.5.0.9/24 dev eth0
between "a second address answers by itself" '"0.0.0.0:848"' 10.5.0.9:848
between "port 4500, with the non-ESP marker" '"0.0.0.0:4500"' "$K4:4500"
between "from a port of our own" '"0.0.0.0:848"' "$K4:848" \
	'local = "10.5.0.3:4848";' 1

# Both roles at once: a key server that is a member of its own group.
{
	video_conf '"0.0.0.0:848"'
	m_conf "$K4:848" | sed -n '/^member/,$p'
} >"$TMP/both.conf"
up k "$TMP/both.conf"
both_in() { [ "$(kctl -j status | jq -r '.member.groups[0].state')" = in ]; }
try "both roles in one process" wait_until 25 both_in
both_heard() { [ "$(kctl -j status | jq .member.groups[0].rekeys)" -gt 0 ]; }
kctl rekey video
try "a process of both roles hears its own rekeys" wait_until 15 both_heard
down TERM "$pid"

section "keys for debugging"

video_conf '"0.0.0.0:848"' >"$TMP/k3.conf"
echo "debug: { export-ike-keys = \"$TMP/ike-keys\"; };" >>"$TMP/k3.conf"
up k "$TMP/k3.conf"
kpid=$pid
up m
wait_until 20 state_is in
is "exported keys are root's alone" "$(stat -c %a "$TMP/ike-keys")" 600
like "exported keys have one line for an IKE SA" "$(<"$TMP/ike-keys")" \
	'^[0-9a-f]{16},[0-9a-f]{16},[0-9a-f]+,'
like "the log tells of the exported keys" \
	"$(<"$TMP/k.log")" 'key export enabled: keys of all IKE SAs'
down TERM "$pid"
down TERM "$kpid"
unlike "no sanitizer and no assertion spoke up" \
	"$(cat "$TMP/k.log" "$TMP/m.log")" 'Sanitizer|runtime error|assert'

tap_done
