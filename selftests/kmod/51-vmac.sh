#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# keepalived with use_vmac sends and hears advertisements by a macvlan: a group
# protects them that names it, as security.rst says, or with vmac_xmit_base the
# interface below; and not one that names only the latter.
#
# debug full: most of it is the work of daemons that the debug kernel makes slow
# timeout: 600

. "$(dirname "$0")/kmod.sh"
need tcpdump python3 keepalived
load_mcsec
ns_create a b x sw
nip sw link add br0 type bridge mcast_snooping 0
nip sw link set br0 up
i=0
for n in a b x; do
	i=$((i + 1))
	veth $n:eth0 10.1.0.$i/24 -- sw:eth$i
	nip sw link set eth$i master br0
done
nip a link add probe link eth0 type macvlan 2>/dev/null ||
	skip_all "no macvlan"
nip a link del probe
VIP=10.1.0.100

keep() { # namespace, priority, more
	cat >"$TMP/$1.conf" <<-CONF
	global_defs { vrrp_garp_master_delay 1 }
	vrrp_instance V {
		version 3
		state BACKUP
		interface eth0
		virtual_router_id 7
		priority $2
		advert_int 1
		use_vmac vrrp.7
		$3
		virtual_ipaddress { $VIP/24 }
	}
	CONF
	chmod 600 "$TMP/$1.conf"
	spawn in_ns $1 keepalived -n -l -P -f "$TMP/$1.conf" \
		-p "$TMP/$1.pid" -r "$TMP/$1.vrrp" >>"$TMP/$1.log" 2>&1
}
gone() { ! nip "$1" link show vrrp.7 >/dev/null 2>&1; }
stop() {
	kill -TERM "$(<"$TMP/$1.pid")"
	wait_until 20 gone "$1"
}
owners() {
	local n

	for n in a b; do
		! nip $n -o addr show | grep -q " $VIP/" || echo $n
	done | xargs
}
owned() { [ "$(owners)" = "$*" ]; }
sniff x wire "dst 224.0.0.18"
wire() { sniffed wire; tcpdump -n -r "$TMP/wire.pcap" "$@" 2>/dev/null | wc -l; }
more_on_wire() { [ "$(wire "$1")" -gt "$2" ]; }

spi=4096
protect() { # interfaces: as security.rst does, by keys of its own
	local n sid=1 key

	key=$(new_key 20)
	spi=$((spi + 1))
	for n in a b; do
		ctl $n group flush
		ctl $n group add vrrp 224.0.0.18 dev "$1" proto vrrp
		sa_add $n vrrp "$key" spi $spi dir inout alg aes-gmac \
			sender-id $sid-$((sid + 3)) select
		sid=$((sid + 4))
	done
}
round() { # what is on the wire, interfaces, more of the configuration
	local name="${3:-use_vmac}, dev $2" clear esp forged

	protect "$2"
	keep a 150 "$3"
	keep b 100 "$3"
	try "$name: a has the address" wait_until 60 owned a
	clear=$(wire proto 112) esp=$(wire esp)
	try "$name: advertisements go on" wait_until 20 more_on_wire \
		"$1" "$(wire "$1")"
	sleep 5
	if [ "$1" = esp ]; then
		is "$name: none is in the clear" \
			"$(($(wire proto 112) - clear))" 0
		forged=$(counter b in-clear)
		for i in 1 2 3 4; do
			pkt x control frame eth0 vrrp 10.1.0.66 \
				224.0.0.18 vrid=7 prio=254 addr=$VIP
			sleep 1
		done
		try "$name: b refuses forged ones" wait_until 20 counted b \
			in-clear $((forged + 4))
		is "$name: a still has the address" "$(owners)" a
	else
		is "$name: none is protected" "$(($(wire esp) - esp))" 0
	fi
	stop a
	stop b
}
round "proto 112" eth0 ""
round esp eth0,vrrp.7 ""
round esp eth0 vmac_xmit_base
tap_done
