#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Counts instructions per datagram that a gateway routes to several outputs:
# plain, then protected.
#
#	h eth0 ---- eth0 g eth1 ---- eth0 k
#	                 g eth2 ---- eth2 o	...
#	                 g eth16 --- eth16 o
#
#	selftests/bench/gateway.sh FOLDER
#
# h sends in the clear and k listens. What is counted is everything from h's
# system call to k's, and what arrives at o, where nobody listens.

# shellcheck source=selftests/bench/bench.sh
. "$(dirname "$0")/bench.sh"
need smcrouted
one_cpu
load_mcsec
ns_create h g k o
veth h:eth0 10.11.0.2/24 fd11::2/64 -- g:eth0 10.11.0.1/24 fd11::1/64
veth g:eth1 10.12.1.1/24 fd12:1::1/64 -- k:eth0 10.12.1.2/24 fd12:1::2/64
for ((i = 2; i <= 16; i++)); do
	veth g:eth$i 10.12.$i.1/24 fd12:$i::1/64 \
		-- o:eth$i 10.12.$i.2/24 fd12:$i::2/64
done
mroute_to h eth0 224.0.0.0/4 ff00::/8
nip k route add default via 10.12.1.1
nip k route add default via fd12:1::1
in_ns g sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
alg=aes-gcm-16-128
smc=

# number: both groups go to so many outputs
resolved() {
	local f

	for f in 4 6; do
		[ "$(nip g -$f mroute show |
			sed -n 's/.*Oifs:\(.*\)State: resolved.*/\1/p' |
			grep -o eth | wc -l)" = "$1" ] || return 1
	done
}

# number: route both groups to so many outputs
outputs() {
	local to='' i

	for ((i = 1; i <= $1; i++)); do
		to+=" eth$i"
	done
	[ -z "$smc" ] || { kill "$(cat "$TMP/pid")" && wait "$smc"; }
	{
		for i in eth0 $to; do
			echo "phyint $i enable"
		done
		echo "mroute from eth0 source 10.11.0.2 group $G4 to$to"
		echo "mroute from eth0 source fd11::2 group $G6 to$to"
	} >"$TMP/conf"
	spawn in_ns g smcrouted -n -N -f "$TMP/conf" -u "$TMP/sock" \
		-P "$TMP/pid" >"$TMP/out" 2>&1
	smc=$!
	wait_until 30 resolved "$1" || die "no routes to $1 outputs: $(cat "$TMP/out" &&
			nip g mroute show)"
}

# path, cipher
measure() {
	local n f size

	for n in 1 4 16; do
		outputs $n
		for f in 4 6; do
			for size in 64 1300; do
				object "$1" $f "$2" $size \
					"$(datagram h k "$(dst_of $f)" $size)" \
					"\"outputs\": $n"
			done
		done
	done
}

measure plain none
out=$(echo eth{1..16} | tr ' ' ,)
ctl g group add g4 $G4 dev "$out" forward &&
	ctl g group add g6 $G6 dev "$out" forward && groups k || die "groups"
for f in 4 6; do
	share_key g$f "$(new_key 20)" g k
done
measure mcsec $alg
exit 0
