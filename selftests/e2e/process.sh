# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # pid is for the tests
#
# mcsecd as a process of hosts on one link: k is the key server, whose address K4 a
# test may set before, m and n are members. Each host has its folder TMP/HOST, its log
# TMP/HOST.log and its configuration TMP/HOST.conf, unless a test names another one.
# To be sourced after lib.sh.

K4=${K4:-10.7.0.1}
pki=$TMP/pki

# MEMBER...: certificates of one authority for k and for these
pki_make() {
	local h

	"$MCSECCTL" pki init "$pki" &&
	"$MCSECCTL" pki gcks "$pki" k.lab || return 1
	for h; do
		"$MCSECCTL" pki member "$pki" "$h.lab" || return 1
	done
} >/dev/null

# The CA of pki_make by "openssl ca", which can revoke.
ca=$TMP/ca
ca_make() {
	mkdir -p "$ca" &&
	: >"$ca/index.txt" &&
	echo 01 >"$ca/number" &&
	cat >"$ca/ca.conf" <<-END
		[ca]
		default_ca = lab
		[lab]
		database = $ca/index.txt
		crlnumber = $ca/number
		certificate = $pki/ca.pem
		private_key = $pki/ca.key
		default_md = default
		default_crl_days = 7
		crl_extensions = ext
		[ext]
		authorityKeyIdentifier = keyid:always
	END
}
ca_do() { openssl ca -config "$ca/ca.conf" "$@" >>"$TMP/ca.log" 2>&1; }

# HOST: what both roles have
conf_head() {
	cat <<-END
		identity: { certificate = "$pki/$1.lab.pem"; key = "$pki/$1.lab.key";
		    ca = "$pki/ca.pem"; };
		control = "$TMP/$1/s.sock";
	END
}

# GROUPS [SETTINGS [LISTEN]]
gcks_conf() {
	local listen=${3:-'"0.0.0.0:848"'}

	conf_head k
	cat <<-END
		gcks: {
		  listen = ( $listen );
		  store = "$TMP/k/gcks.db"; seal-key = "$TMP/k/seal.key"; $2
		  groups = (
		$1
		  );
		};
	END
}

# HOST GROUPS [SETTINGS [GCKS]]
member_conf() {
	conf_head "$1"
	cat <<-END
		member: {
		  gcks = "${4:-$K4}"; gcks-id = "k.lab"; $3
		  groups = ( $2 );
		};
	END
}

# HOST EXAMPLE PART: the part "gcks" or "member" of Documentation/examples/EXAMPLE.conf,
# with what there is here
example_part() {
	sed -n "/^$3: {/,/^};/p" "$TOP/Documentation/examples/$2.conf" |
		sed -e "s|\"/var/lib/mcsec/|\"$TMP/$1/|; s|eth1|eth0|g" \
			-e "s|192.0.2.1|$K4|; s/\<\(r\|vtep\|robot\|clock\)1\.example/k.lab/" \
			-e 's|"\*\.example"|"*.lab"|; s|239\.192\.|239.7.|'
}

# HOST PARTS EXAMPLE...: a configuration with the groups of all examples
example_conf() {
	local h=$1 part x

	conf_head "$h"
	for part in $2; do
		example_part "$h" "$3" "$part" | sed '/^	} );/,$d'
		for x in "${@:4}"; do
			echo "	}, {"
			example_part "$h" "$x" "$part" |
				sed '1,/^	groups = ( {/d; /^	} );/,$d'
		done
		printf '\t} );\n};\n'
	done
}

# HOST [FILE]: start, and wait until it answers; its pid is in "pid"
up() {
	local file=${2:-$TMP/$1.conf}

	spawn in_ns "$1" "$MCSECD" -c "$file" >>"$TMP/$1.log" 2>&1
	wait_until 20 host_ctl "$1" status || sed 's/^/# /' "$TMP/$1.log"
	pid=$(pgrep -f "$MCSECD -c $file" | tail -n 1)
}

# SIGNAL PID: waits for it too, so that nothing is left of it.
down() {
	kill "-$1" "$2" 2>/dev/null
	wait_until 20 test ! -d "/proc/$2"
}

# HOST COMMAND...: asks the host's daemon
host_ctl() {
	local h=$1

	shift
	ctl "$h" -s "$TMP/$h/s.sock" "$@"
}
kctl() { host_ctl k "$@"; }
mctl() { host_ctl m "$@"; }

# k, m and n at a bridge of k's, so that both members hear rekeys by links of
# their own. Groups are in 239.7.0.0/16.
bridge_up() {
	local h

	mkdir -p "$TMP/k" "$TMP/m" "$TMP/n"
	ns_create k m n
	in_ns k ip link add eth0 type bridge mcast_snooping 0
	in_ns k ip addr add "$K4/24" dev eth0
	in_ns k ip link set eth0 up
	veth k:p1 -- m:eth0 10.7.0.2/24
	veth k:p2 -- n:eth0 10.7.0.3/24
	in_ns k ip link set p1 master eth0
	in_ns k ip link set p2 master eth0
	for h in k m n; do
		mroute_to $h eth0 239.7.0.0/16
	done
}
