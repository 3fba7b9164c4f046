# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A key server k, and a host p with another implementation of IKEv2, which knows no
# groups; r routes between them, counts their datagrams, and can be a NAT:
#
#	k eth0 10.7.0.1 fd07::1 --- r --- eth0 p 10.8.0.2 fd08::2
#
# To be sourced in place of lib.sh, with the folder in which the other implementation
# was unpacked. The test runs with mounts of its own, where that is as if installed.

apps=${MCSEC_CACHE:-/var/cache/mcsec}/apps
[ -n "${PEER_MOUNTS:-}" ] || PEER_MOUNTS=1 exec unshare -m "$0"
# shellcheck source=selftests/lib.sh
. "${BASH_SOURCE[0]%/*}/../lib.sh"
[ -e "$apps/$1" ] || skip_all "$apps/$1 is missing: tools/deps test"
need ip jq nft openssl unshare
# The overlay hides what is mounted below /usr, as the kernel's modules are in a guest.
kernel_modules=/lib/modules/$(uname -r)
[ ! -d "$kernel_modules" ] || mount --bind "$kernel_modules" "$TMP"
mount -t overlay -o "lowerdir=$apps/$1/usr:/usr" none /usr ||
	skip_all "no overlay over /usr"
! mountpoint -q "$TMP" || {
	mount --bind "$TMP" "$kernel_modules" && umount "$TMP"
}

K4=10.7.0.1 K6=fd07::1
P4=10.8.0.2 P6=fd08::2
LAB=	# ctl() asks by the socket that it is given
# shellcheck source=selftests/e2e/process.sh
. "$TOP/selftests/e2e/process.sh"

peer_net() {
	mkdir -p "$TMP/k" "$TMP/p"
	ns_create k r p
	veth k:eth0 "$K4/24" "$K6/64" -- r:eth0 10.7.0.254/24 fd07::fe/64
	veth p:eth0 "$P4/24" "$P6/64" -- r:eth1 10.8.0.254/24 fd08::fe/64
	in_ns r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	nip k route add default via 10.7.0.254
	nip k route add default via fd07::fe
	nip p route add default via 10.8.0.254
	nip p route add default via fd08::fe
	in_ns r nft -f - <<-END
		table inet count {
		    counter to_k { }
		    counter from_k { }
		    chain forward {
		        type filter hook forward priority 0
		        iifname "eth1" meta l4proto udp counter name to_k
		        iifname "eth0" meta l4proto udp counter name from_k
		    }
		}
	END
}

# r gives p another port again and again: it forgets one after five seconds.
nat_begins() {
	in_ns r sysctl -qw net.netfilter.nf_conntrack_udp_timeout=5 \
		net.netfilter.nf_conntrack_udp_timeout_stream=5
	in_ns r nft -f - <<-END
		table ip nat {
		    chain post {
		        type nat hook postrouting priority 100
		        ip saddr $P4 masquerade random
		    }
		}
	END
}

# Sets to_now and from_now. No jq, which would cost more than the test.
counted() {
	local text

	text=$(in_ns r nft list counters table inet count)
	[[ $text =~ from_k[^0-9]*([0-9]+) ]] && from_now=${BASH_REMATCH[1]}
	[[ $text =~ to_k[^0-9]*([0-9]+) ]] && to_now=${BASH_REMATCH[1]}
}

# N M: k has got N datagrams since the last time, and has sent M. Any more that
# follow spoil the next count.
to_k=0 from_k=0
crossed() {
	counted
	[ "$to_now $from_now" = "$((to_k + $1)) $((from_k + $2))" ]
}

# SUBJECT N M: the capture has N datagrams to the key server, and M from it.
datagrams() {
	wait_until 10 crossed "$2" "$3"
	is "$1: $2 datagrams to the key server, $3 from it" \
		"$((to_now - to_k)) $((from_now - from_k))" "$2 $3"
	to_k=$to_now from_k=$from_now
}

# GROUP-SETTINGS [MORE]: the configuration of k, with MORE at its top
k_conf() {
	printf '%s\n' "$2" 'log-level = "debug";'
	gcks_conf '{ name = "video"; address = "239.7.1.1";
		    rekey-address = "239.7.2.1"; rekey-interface = "eth0";
		    receivers = [ "*.lab" ]; senders = [ "p.lab" ]; }' "$1" \
		'"0.0.0.0:500", "0.0.0.0:4500", "[::]:500", "[::]:4500"'
}

# [GROUP-SETTINGS [MORE]]: k begins anew, and with it what it counts
k_anew() {
	[ ! -e "$TMP/k.conf" ] || down TERM "$pid"
	rm -rf "$TMP/k/gcks.db"*
	k_conf "$1" "$2" >"$TMP/k.conf"
	: >"$TMP/k.log"
	up k
}

# NAME: a counter of k, also in "count"
k_counts() {
	[[ $(kctl -j status) =~ \"ike\":\{[^}]*\"$1\":([0-9]+) ]] &&
		count=${BASH_REMATCH[1]} && echo "$count"
}
k_count_is() { k_counts "$1" >/dev/null && [ "$count" = "$2" ]; }

# The log has one line about strangers a second.
lines_rest() { sleep 2; }

# NAME FILE REGEX: a log has such a line, or will have soon
log_says() {
	if wait_until 10 grep -qE -- "$3" "$2"; then
		ok "$1"
	else
		not_ok "$1" "no match for /$3/ in:" "$(<"$2")"
	fi
}
k_says() { log_says "$1" "$TMP/k.log" "$2"; }
p_says() { log_says "$1" "$TMP/p.log" "$2"; }

# NAME TEXT: the peer has just said so, and interop.rst has what it says
INTEROP=$(<"$(project_file Documentation/interop.rst doc/mcsec/interop.rst)")
in_interop() {
	if [[ $said != *"$2"* ]]; then
		not_ok "$1" "no \"$2\" in:" "$said"
	elif [[ $INTEROP != *"\`\`$2\`\`"* ]]; then
		not_ok "$1" "Documentation/interop.rst has no \`\`$2\`\`"
	else
		ok "$1"
	fi
}

# FILE OCTETS: a random key, as mcsecd reads it
key() { (umask 077 && { printf 0x && openssl rand -hex "$2"; } >"$1"); }

# NAME ISSUER [EXTENSION]...: an Ed25519 certificate in the folder "chain"; without
# an issuer, an authority
chain=$TMP/chain
issue() {
	local name=$1 by=$2

	shift 2
	mkdir -p "$chain"
	openssl genpkey -algorithm ed25519 -out "$chain/$name.key" || return 1
	[ -n "$by" ] || {
		openssl req -x509 -key "$chain/$name.key" -subj "/CN=$name" \
			-days 30 -out "$chain/$name.pem" \
			-addext keyUsage=critical,keyCertSign
		return
	}
	openssl req -new -key "$chain/$name.key" -subj "/CN=$name" |
		openssl x509 -req -CA "$chain/$by.pem" -CAkey "$chain/$by.key" \
			-days 30 -out "$chain/$name.pem" \
			-extfile <(printf '%s\n' "$@")
} 2>/dev/null

# chain_make: deep.lab, whose certificate needs three others; k trusts the first of these
chain_make() {
	local sub=("basicConstraints=critical,CA:TRUE" "keyUsage=critical,keyCertSign")

	issue top '' && issue sub1 top "${sub[@]}" &&
	issue sub2 sub1 "${sub[@]}" && issue sub3 sub2 "${sub[@]}" &&
	issue deep.lab sub3 subjectAltName=DNS:deep.lab extendedKeyUsage=clientAuth &&
	cat "$chain/top.pem" >>"$pki/ca.pem"
}
