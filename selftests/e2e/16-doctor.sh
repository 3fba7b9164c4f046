#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The doctor of a host: what keeps a member or a key server from working is found
# before mcsecd is started, each with what to do, and is ok once that was done.
# timeout: 200

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/process.sh"
need ip nft jq openssl python3 setpriv

# HOST [FILE]: the lines that are not ok, and the exit code. Bridges are seen in the
# /sys of the host only.
doctor() {
	ip netns exec "$(ns "$1")" "$MCSECCTL" doctor "${2:-$TMP/$1.conf}" >"$TMP/lines" 2>&1
	echo "exit $?" >>"$TMP/lines"
	grep -v '^ok ' "$TMP/lines"
}
# HOST FIREWALL'S-TITLE: the block of the documentation, for this network
rules() {
	sed -n "/^    # $2\$/,/^    }\$/p" "$TOP/Documentation/firewall.rst" |
		sed "s/192\.0\.2\.1/$K4/; s/239\.1\.1\./239.7.1./" >"$TMP/rules"
	in_ns "$1" nft -f "$TMP/rules"
}
unruled() { in_ns "$1" nft flush ruleset; }

pki_make m
mkdir -p "$TMP/k" "$TMP/m"
ns_create k m
veth k:eth0 $K4/24 fd07::1/64 -- m:eth0 10.7.0.2/24 fd07::2/64
for h in k m; do
	mroute_to $h eth0 239.7.0.0/16
done
load_mcsec
gcks_conf '{ name = "video"; address = "239.7.1.1"; rekey-address = "239.7.1.254";
	     receivers = [ "*.lab" ]; senders = [ "*.lab" ]; }' '' \
	'"0.0.0.0:848", "0.0.0.0:4500"' >"$TMP/k.conf"
video='name = "video"; address = "239.7.1.1"; protocol = "udp";
       destination-port = 5000;'
member_conf m "{ $video send = true; }" >"$TMP/m.conf"

section "well"

is "a member's host" "$(doctor m)" "exit 0"
like "a check that is ok is told" "$(<"$TMP/lines")" \
	'^ok +module: mcsec is loaded'
like "the route to the key server is told" "$(<"$TMP/lines")" \
	"^ok +route: to the key server $K4:848 by eth0"
is "a key server's host" "$(doctor k)" "exit 0"
ip netns exec "$(ns m)" "$MCSECCTL" -j doctor "$TMP/m.conf" >"$TMP/doctor.json"
fits "the JSON of a host that is well fits the schema" doctor <"$TMP/doctor.json"

section "rules"

rules m "at a member"
is "the rules of firewall.rst for a member" "$(doctor m)" "exit 0"
unruled m
sed -i '/igmp accept/d' "$TMP/rules"
in_ns m nft -f "$TMP/rules"
like "rules without IGMP" "$(doctor m)" \
	'problem +firewall: reports of IGMP are dropped by table inet filter, chain output, its policy; to do: accept it'
is "the exit code of a problem" "$(tail -n 1 "$TMP/lines")" "exit 1"
ip netns exec "$(ns m)" "$MCSECCTL" -j doctor "$TMP/m.conf" >"$TMP/doctor.json"
fits "the JSON of a host with problems fits the schema" doctor <"$TMP/doctor.json"
unruled m
rules k "at the key server"
is "the rules of firewall.rst for a key server" "$(doctor k)" "exit 0"
unruled k
in_ns k nft 'add table ip f; add chain ip f i { type filter hook input priority 0; }
	add rule ip f i udp dport { 500, 4500 } drop'
like "a rule that drops one port of two" "$(doctor k)" \
	'firewall: requests of members to UDP port 4500 are dropped by table ip f'
unruled k

in_ns m nft 'add table ip f; add chain ip f i { type filter hook input priority 0; policy drop; }
	add rule ip f i udp dport 848 accept; add rule ip f i ct state established accept
	add rule ip f i meta l4proto igmp accept'
like "a policy that drops the group, with the rule that is missing" "$(doctor m)" \
	'problem +firewall: datagrams of the group video are dropped by table ip f, chain i, its policy; to do: accept it in that chain: "ip daddr 239.7.1.1 udp dport 5000 accept"'
in_ns m nft 'add rule ip f i ip daddr 239.7.1.1 udp dport 5000 accept'
is "a policy that drops the group, with that rule" "$(doctor m)" "exit 0"
unruled m

section "network"

sed 's/send = true/interfaces = [ "eth0", "eth7" ]/; s/gcks = "10.7.0.1/gcks = "10.99.0.1/' \
	"$TMP/m.conf" >"$TMP/m2.conf"
like "no route to the key server" "$(doctor m "$TMP/m2.conf")" \
	'problem +route: to the key server 10.99.0.1:848: Network is unreachable; to do: add a route'
sed 's/send = true/interfaces = [ "eth7" ]/' "$TMP/m.conf" >"$TMP/m2.conf"
like "no such interface" "$(doctor m "$TMP/m2.conf")" \
	'problem +interface: no interface eth7, for 239.7.1.1'
nip m route del 239.7.0.0/16
is "no route to the group is no problem, as mcsecd needs none" "$(doctor m)" "exit 0"
like "no route to the group is told" "$(<"$TMP/lines")" \
	'^ok +route: none to 239.7.1.1, the group video; applications have to choose'
mroute_to m eth0 239.7.0.0/16
nip k route del 239.7.0.0/16
is "no route to the rekey address, and one interface" "$(doctor k)" "exit 0"
nip k link add eth1 type bridge
nip k link set eth1 up
like "no route to the rekey address, and two interfaces" "$(doctor k)" \
	'problem +route: to 239.7.1.254, the rekey address of group video: Network is unr'
gcks_conf '{ name = "video"; address = "239.7.1.1"; inband = "always";
	     receivers = [ "*.lab" ]; senders = [ "*.lab" ]; }' >"$TMP/k2.conf"
is "rekeys over IKE SAs only need no route" "$(doctor k "$TMP/k2.conf")" "exit 0"
nip k link del eth1
mroute_to k eth0 239.7.0.0/16
nip m link add eth1 type dummy
nip m link set eth1 up
nip m route add 10.7.0.1/32 dev eth1
in_ns m sysctl -qw net.ipv4.conf.all.rp_filter=1
like "strict reverse path filtering, and rekeys from elsewhere" "$(doctor m)" \
	'problem +rp_filter: strict on eth0, and the key server is reached by eth1'
in_ns m sysctl -qw net.ipv4.conf.all.rp_filter=0
nip m route del 10.7.0.1/32
nip m route del 239.7.0.0/16
nip m route add 239.7.0.0/16 dev eth1
like "a route that leads the group away from the key server" "$(doctor m)" \
	'not checked +interface: 239.7.1.1, the group video, is on eth1 by route, and the key server is reached by eth0; to do: if'
sed 's/^member: {/& interface = "eth0";/' "$TMP/m.conf" >"$TMP/m2.conf"
is "an interface that is set" "$(doctor m "$TMP/m2.conf")" "exit 0"
nip m link del eth1
mroute_to m eth0 239.7.0.0/16
sed 's/send = true/forward = true/' "$TMP/m.conf" >"$TMP/m2.conf"
like "a gateway where nothing routes multicast" "$(doctor m "$TMP/m2.conf")" \
	'problem +forward: the group video has "forward", and no program routes multicast'
# A socket of MRT_INIT is a program that routes.
spawn in_ns m python3 -c 'import os, socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP)
s.setsockopt(socket.IPPROTO_IP, 200, 1)
open(sys.argv[1], "w").close()
while os.path.exists(sys.argv[1]):
    time.sleep(0.1)' "$TMP/routing"
wait_until 20 test -e "$TMP/routing"
is "a gateway where a program routes multicast" "$(doctor m "$TMP/m2.conf")" "exit 0"
like "a router whose group is not forwarded" "$(doctor m)" \
	'not checked +forward: this host routes multicast, and the group video has no "forward"'
rm "$TMP/routing"
wait "${lib_pids[-1]}"
nip m link set eth0 mtu 1000
like "an MTU below the size of fragments" "$(doctor m)" \
	'problem +mtu: 1000 for registration, and fragment-size is 1280'
nip m link set eth0 mtu 1500
in_ns m sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1
sed 's/239.7.1.1/ff15::1/; s/send = true/interfaces = [ "eth0" ]/' \
	"$TMP/m.conf" >"$TMP/m2.conf"
like "a group of IPv6 where IPv6 is disabled" "$(doctor m "$TMP/m2.conf")" \
	'problem +ipv6: IPv6 is disabled on eth0'
nip m link add br0 type bridge mcast_snooping 1
nip m link set br0 up
nip m link add eth1 type dummy
nip m link set eth1 master br0 up
sed 's/send = true/interfaces = [ "br0" ]/' "$TMP/m.conf" >"$TMP/m2.conf"
like "a bridge that snoops without a querier" "$(doctor m "$TMP/m2.conf")" \
	'not checked +querier: the bridge of br0 snoops IGMP and is no querier'
nip m link set br0 type bridge mcast_querier 1
unlike "a bridge that is the querier" "$(doctor m "$TMP/m2.conf")" querier
nip m link set eth0 down
like "an interface that is down" "$(doctor m)" \
	'problem +(interface|route): (eth0|to .*: Network is unreachable)'
nip m link set eth0 up
mroute_to m eth0 239.7.0.0/16

like "a namespace without a /sys of its own" \
	"$(in_ns m "$MCSECCTL" doctor "$TMP/m.conf")" \
	'not checked +querier: /sys is of another network namespace'

section "configuration"

like "a file that is not there" "$(doctor m "$TMP/none.conf")" \
	'problem +configuration: .*none.conf: No such file'
"$MCSECCTL" pki init "$TMP/other" >/dev/null
sed "s|$pki/ca.pem|$TMP/other/ca.pem|" "$TMP/m.conf" >"$TMP/m2.conf"
like "a CA that has not issued the certificate" "$(doctor m "$TMP/m2.conf")" \
	'problem +certificate: .*m.lab.pem: '
"$MCSECCTL" pki member "$pki" soon.lab days 5 >/dev/null
sed "s|/m.lab|/soon.lab|g" "$TMP/m.conf" >"$TMP/m2.conf"
like "a certificate that ends soon" "$(doctor m "$TMP/m2.conf")" \
	'problem +certificate: .*soon.lab.pem or its CA ends in [45] days'
touch -d '+3 days' "$TMP/m2.conf"
like "a clock that is behind the files" "$(doctor m "$TMP/m2.conf")" \
	'problem +clock: it is 20.*m2.conf is from later'

sed 's/239\.7\.1\.1/224.0.0.1/; s/protocol = "udp";//; s/destination-port = 5000;//' \
	"$TMP/m.conf" >"$TMP/m2.conf"
like "a group that takes the queries of IGMP" "$(doctor m "$TMP/m2.conf")" \
	'problem +configuration: group video: without "protocol" it drops the queries of IGMP, which are in the clear and go to 224.0.0.1: .*; to do: correct that here'
like "--check warns of it" "$("$MCSECD" --check "$TMP/m2.conf")" \
	'^warning: group video: without "protocol" it drops the queries of IGMP'

section "start"

# Files of root are not readable by the user of the units, as a start would show.
check() { "$MCSECD" --check "$1" 2>&1; }
psk_conf() { # KEY'S-FILE
	cat <<-END
		identity: { id = "m.lab"; };
		psk = ( { id = "k.lab"; key = "$1"; } );
		control = "$TMP/m/s.sock";
		member: { gcks = "$K4"; gcks-id = "k.lab"; groups = ( { $video } ); };
	END
}
printf '0x%064d\n' 7 >"$TMP/psk.key"
chmod 600 "$TMP/psk.key"
psk_conf "$TMP/psk.key" >"$TMP/p.conf"
is "a pre-shared key of root, where only root could run mcsecd" \
	"$(doctor m "$TMP/p.conf")" "exit 0"
like "--check takes it" "$(check "$TMP/p.conf")" 'p.conf: configuration is valid'
printf 'mcsec:x:64999:64999::/:/bin/false\n' >>/etc/passwd
like "a folder that the user of the units may not search" "$(doctor m "$TMP/p.conf")" \
	"problem +keys: psk: .*psk.key: permission denied to uid 64999 \\(mcsec\\), which may not search the folder $TMP: run \"chmod 755\" for it; to do: "
chmod 755 "$TMP" "$pki"
denied='psk.key: permission denied to uid 64999 \(mcsec\), which has to own the file .*: run "chown mcsec"'
like "a pre-shared key of root is not one of that user" "$(doctor m "$TMP/p.conf")" \
	"problem +keys: psk: .*$denied"
like "--check refuses it" "$(check "$TMP/p.conf")" "p.conf:2: psk: .*$denied"
refuse "--check fails then" "$MCSECD" --check "$TMP/p.conf"
chown mcsec "$TMP/psk.key"
is "a pre-shared key that was given to the user of the units" "$(doctor m "$TMP/p.conf")" "exit 0"
like "--check takes it then" "$(check "$TMP/p.conf")" 'p.conf: configuration is valid'
like "the key of a certificate that is root's" "$(doctor m)" \
	'problem +certificate: .*m.lab.key: permission denied to uid 64999 \(mcsec\)'
chown mcsec "$pki"/?.lab.key
is "the key of a certificate that the user of the units has" "$(doctor m)" "exit 0"
mkdir /etc/mcsec
cp "$TMP/m.conf" /etc/mcsec/mcsecd.conf
chmod 600 /etc/mcsec/mcsecd.conf
like "a configuration that is root's" "$(doctor m /etc/mcsec/mcsecd.conf)" \
	'problem +configuration: .*mcsecd.conf: permission denied to uid 64999 \(mcsec\): run "chmod 644"'
like "--check refuses it, too" "$(check /etc/mcsec/mcsecd.conf)" \
	'configuration invalid: /etc/mcsec/mcsecd.conf: permission denied to uid 64999'
chmod 644 /etc/mcsec/mcsecd.conf
chmod 700 /etc/mcsec
like "a folder of the configuration that is root's" "$(check /etc/mcsec/mcsecd.conf)" \
	'permission denied to uid 64999 \(mcsec\), which may not search the folder /etc/mcsec: run "chmod 755"'
chmod 755 /etc/mcsec
like "both as they should be" "$(check /etc/mcsec/mcsecd.conf)" 'configuration is valid'
like "an ordinary user is told to be root" \
	"$(ip netns exec "$(ns m)" setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$(readlink -f "$MCSECCTL")" doctor "$TMP/m.conf" 2>&1)" \
	'not checked +certificate: .*m.lab.key: permission denied to uid 65534 .*; to do: run this as root \(sudo\)'

like "a folder of the store that is root's" "$(doctor k)" \
	"problem +folders: gcks.store: uid 64999 \\(mcsec\\) cannot write to the folder $TMP/k; to do: run \"chown mcsec $TMP/k\""
like "--check refuses it as well" "$(check "$TMP/k.conf")" \
	"k.conf: gcks.store: uid 64999 .mcsec. cannot write to the folder $TMP/k: run \"chown"
chown mcsec "$TMP/k"
is "a folder that that user has" "$(doctor k)" "exit 0"
mv "$TMP/k" "$TMP/k.away"
is "a folder that mcsecd cannot make" "$(doctor k |
	sed -n 's/^problem *folders: \([^:]*\): no folder .*/\1/p' | xargs)" \
	"gcks.store gcks.witness gcks.seal-key gcks.audit-trail"
like "the folder that has to be made is told" "$(doctor k)" \
	"to do: run \"install -d -m 700 -o mcsec $TMP/k\""
mv "$TMP/k.away" "$TMP/k"
: >"$TMP/k/gcks.db"
chown mcsec "$TMP/k/gcks.db"
like "a store whose seal key is missing" "$(doctor k)" \
	"problem +keys: gcks.seal-key: $TMP/k/seal.key is missing, and the store $TMP/k/gcks.db cannot be read"
rm "$TMP/k/gcks.db"
mount -t tmpfs -o size=64k,uid=64999,mode=700 none "$TMP/k"
like "a store on a disk that is full" "$(doctor k)" \
	"problem +folders: gcks.store: the file system of $TMP/k is full; to do: make room"
umount "$TMP/k"
sed 's/0.0.0.0:848/10.7.0.77:848/' "$TMP/k.conf" >"$TMP/k2.conf"
like "an address that the key server does not have" "$(doctor k "$TMP/k2.conf")" \
	'problem +listen: gcks.listen: 10.7.0.77:848 is not an address of this host, so nobody reaches it; to do: correct'
spawn in_ns k python3 -c 'import os, socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 848))
open(sys.argv[1], "w").close()
while os.path.exists(sys.argv[1]):
    time.sleep(0.1)' "$TMP/bound"
wait_until 20 test -e "$TMP/bound"
like "a port that another program has" "$(doctor k)" \
	'problem +listen: gcks.listen: UDP 0.0.0.0:848 is in use, so mcsecd does not start; to do: "ss -ulnp"'
rm "$TMP/bound"
wait "${lib_pids[-1]}"
is "a port that is free again" "$(doctor k)" "exit 0"
sed -i '/^mcsec:/d' /etc/passwd
chown root "$pki"/?.lab.key

section "revocation"

# [SETTING...]: the configuration of the member, with a list and these settings
crl_conf() {
	sed "s|^identity: { |&crl = \"$TMP/crl\"; crl-numbers = \"$TMP/m/numbers\"; $* |" \
		"$TMP/m.conf" >"$TMP/m2.conf"
}
ca_make
crl_conf
like "a list that is not there" "$(doctor m "$TMP/m2.conf")" \
	'problem +crl: identity.crl: .*/crl: No such file or directory; to do: correct identity.crl'
try "openssl ca makes a list" ca_do -gencrl -crldays 7 -out "$TMP/crl"
is "a list" "$(doctor m "$TMP/m2.conf")" "exit 0"
like "a list is told" "$(<"$TMP/lines")" '^ok +crl: the list of CN=.* is verified \(0 revoked\)'
unlike "--check says nothing of a good list" "$(check "$TMP/m2.conf")" 'revo'
key=$(openssl x509 -in "$pki/ca.pem" -noout -pubkey | openssl pkey -pubin -outform DER |
	sha256sum | head -c 32)
echo "${key//?/0} $key 1 - CN=gone" >"$TMP/m/numbers"
chmod 600 "$TMP/m/numbers"
like "a list that was in use and is missing" "$(doctor m "$TMP/m2.conf")" \
	'problem +crl: identity.crl: the list of CN=gone, which was in use, is missing'
echo x >"$TMP/m/numbers"
like "numbers that are damaged" "$(doctor m "$TMP/m2.conf")" \
	'problem +crl: identity.crl-numbers: .*numbers: line 1: damaged'
rm "$TMP/m/numbers"
mkdir "$TMP/none"
sed "s|$TMP/crl|$TMP/none|" "$TMP/m2.conf" >"$TMP/m3.conf"
like "a CA without a list" "$(doctor m "$TMP/m3.conf")" \
	'problem +crl: the CA CN=.* has no list: what this CA has revoked'
try "openssl ca makes a list that has ended" ca_do -gencrl -out "$TMP/crl" \
	-crl_lastupdate 20200101000000Z -crl_nextupdate 20200102000000Z
crl_conf 'crl-policy = \"strict\";'
like "a list that has ended" "$(doctor m "$TMP/m2.conf")" \
	'problem +crl: the list of CN=.* ended at 2020-01-02T00:00:00Z: peers .* are refused; to do'
like "--check warns of it" "$(check "$TMP/m2.conf" | xargs)" \
	'configuration is valid .*revocation list expired'
try "openssl ca revokes the certificate" ca_do -revoke "$pki/m.lab.pem"
try "openssl ca lists it" ca_do -gencrl -crldays 7 -out "$TMP/crl"
like "the own certificate is revoked" "$(doctor m "$TMP/m2.conf")" \
	'problem +certificate: .*m.lab.pem is revoked by a list of .*/crl: .*; to do: issue another'
unlike "such a certificate is not ok" "$(<"$TMP/lines")" '^ok +certificate'
like "--check warns of it, too" "$(check "$TMP/m2.conf")" 'error: certificate revoked: .*m.lab.pem'
ip netns exec "$(ns m)" "$MCSECCTL" -j doctor "$TMP/m2.conf" >"$TMP/doctor.json"
fits "the JSON of revocation fits the schema" doctor <"$TMP/doctor.json"

tap_done
