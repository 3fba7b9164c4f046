#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Programs that were built here, with the libraries of Debian 13, whose OpenSSL has
# ML-KEM and ML-DSA; and its strongSwan, which has additional key exchanges (RFC 9370), as a peer of
# the key server. The packages are unpacked into the cache once.
# full only: 60 MB of Debian's packages for the first run
# timeout: 900

# Mounts are this program's own, and end with it.
[ -n "${MCSEC_MOUNTS:-}" ] ||
	MCSEC_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"

. "$(dirname "$0")/../lib.sh"
need apt-get dpkg-deb ip jq make
[ "$(id -u)" = 0 ] || skip_all "only root can unpack a tree of Debian"
base=${MCSEC_CACHE:-/var/cache/mcsec}/debian/trixie
packages="charon-systemd libssl3t64 libstrongswan-standard-plugins strongswan-swanctl"

# ---- packages --------------------------------------------------------------

# Asks apt with lists and a status of its own, as if nothing was installed.
get_packages() {
	local new=$base.new uri deb

	rm -rf --one-file-system "$new"
	mkdir -p "$new/apt/lists/partial" "$new/apt/archives/partial" "$new/tree"
	uri=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null |
		grep -m 1 '/debian/*$')
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
		"${uri:-http://deb.debian.org/debian} trixie main" >"$new/apt/sources"
	: >"$new/apt/status"
	cat >"$new/apt/conf" <<-END
		Dir::State::Lists "$new/apt/lists";
		Dir::State::status "$new/apt/status";
		Dir::Cache::archives "$new/apt/archives";
		Dir::Cache::pkgcache "";
		Dir::Cache::srcpkgcache "";
		Dir::Etc::sourcelist "$new/apt/sources";
		Dir::Etc::sourceparts "-";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
	END
	# shellcheck disable=SC2086 # words
	APT_CONFIG=$new/apt/conf apt-get -qq update &&
		APT_CONFIG=$new/apt/conf apt-get -qq -y --download-only \
			--no-install-recommends install $packages || return 1
	for deb in "$new/apt/archives"/*.deb; do
		dpkg-deb -x "$deb" "$new/tree" || return 1
	done
	for deb in bin sbin lib lib64; do
		[ -e "$new/tree/$deb" ] || ln -s "usr/$deb" "$new/tree/$deb"
	done
	mkdir -p "$new/tree"/{proc,dev,run,test}
	rm -rf "$new/apt"
	echo "$packages" >"$new/packages"
	rm -rf --one-file-system "$base"
	mv "$new" "$base"
}

mkdir -p "${base%/*}"
exec 9>"$base.lock"
flock 9
[ "$(cat "$base/packages" 2>/dev/null)" = "$packages" ] || {
	echo "# unpacking packages of Debian 13 in $base, once"
	get_packages >"$TMP/base.log" 2>&1 || {
		tail -n 20 "$TMP/base.log" | sed 's/^/# /'
		skip_all "packages of Debian 13 cannot be had"
	}
}
flock -u 9
tree=$base/tree

# Libraries that Debian 13 has in these packages are its own, others are of here.
there=$(cd "$tree" && echo usr/lib/*-linux-gnu)
loader=$(echo "$tree/$there"/ld-linux*.so.*)
newer() { "$loader" --library-path "$tree/$there:/$there" "$@"; }

# ---- ML-KEM ----------------------------------------------------------------

section "ML-KEM"

try "the programs are built" make -C "$TOP" -s build/unit/ke build/unit/ike_addke \
	build/unit/conf
for program in ke ike_addke conf; do
	ML_KEM=1 newer "$TOP/build/unit/$program" >"$TMP/out" 2>&1
	is "$program ends well" $? 0
	is "no check of $program fails" "$(grep '^not ok' "$TMP/out")" ""
done
like "a check of ike_addke has ML-KEM-768" \
	"$(ML_KEM=1 newer "$TOP/build/unit/ike_addke" | grep 'ml_kem: ML-KEM')" 'registered'

# ---- ML-DSA ----------------------------------------------------------------

section "ML-DSA"

try "the program is built" make -C "$TOP" -s build/unit/mldsa
ML_KEM=1 newer "$TOP/build/unit/mldsa" >"$TMP/out" 2>&1
is "mldsa ends well" $? 0
is "no check of mldsa fails" "$(grep '^not ok' "$TMP/out")" ""
is "certificates of ML-DSA register, in fragments as well" \
	"$(grep -c '^ok .*: registered$' "$TMP/out")" 5
newer "$MCSECCTL" pki init "$TMP/mldsa" name "lab CA" type ml-dsa-65 >"$TMP/out" 2>&1 &&
	newer "$MCSECCTL" pki gcks "$TMP/mldsa" k.lab type ml-dsa-44 >>"$TMP/out" 2>&1 &&
	newer "$MCSECCTL" pki member "$TMP/mldsa" m.lab type ml-dsa-87 >>"$TMP/out" 2>&1
is "mcsecctl pki makes certificates with them" $? 0
like "the list has all of them" "$(newer "$MCSECCTL" pki list "$TMP/mldsa")" 'm.lab'
like "an OpenSSL without ML-DSA says what is missing" \
	"$("$MCSECCTL" pki init "$TMP/none" name "lab CA" type ml-dsa-65 2>&1)" \
	'a key of ML-DSA-65 needs OpenSSL 3.5'

# ---- strongSwan ------------------------------------------------------------

section "strongSwan"

K4=10.7.0.1 P4=10.7.0.2
pki=$TMP/pki
"$MCSECCTL" pki init "$pki" name "lab CA" >"$TMP/pki.log" &&
	"$MCSECCTL" pki gcks "$pki" k.lab >>"$TMP/pki.log" &&
	"$MCSECCTL" pki member "$pki" p.lab >>"$TMP/pki.log" || skip_all "no certificates"
ns_create k p
veth k:eth0 "$K4/24" -- p:eth0 "$P4/24"

mkdir -p "$TMP/k" "$TMP/p/swan"/{x509,x509ca,private}
(umask 077 && head -c 32 /dev/urandom >"$TMP/k/seal.key")
cat >"$TMP/k.conf" <<-END
	identity: { certificate = "$pki/k.lab.pem"; key = "$pki/k.lab.key";
	    ca = "$pki/ca.pem"; };
	control = "$TMP/k/s.sock";
	log-level = "debug";
	gcks: {
	  listen = ( "$K4:500", "$K4:4500" );
	  plain-ike = true;
	  additional-key-exchange = [ "p-256", "p-384" ];
	  additional-key-exchange-policy = "offered";
	  store = "$TMP/k/gcks.db"; seal-key = "$TMP/k/seal.key";
	  groups = ( { name = "video"; address = "239.7.1.1";
	    rekey-address = "239.7.2.1"; receivers = [ "*.lab" ]; } );
	};
END
spawn in_ns k "$MCSECD" -c "$TMP/k.conf" >"$TMP/k.log" 2>&1

# NAME PROPOSAL
conn() {
	cat <<-END
		$1 {
		    version = 2
		    local_addrs = $P4
		    remote_addrs = $K4
		    proposals = aes256gcm16-prfsha256-$2
		    childless = force
		    mobike = no
		    rekey_time = 0
		    local {
		        auth = pubkey
		        id = p.lab
		        certs = p.lab.pem
		    }
		    remote {
		        auth = pubkey
		        id = k.lab
		    }
		}
	END
}

cat >"$TMP/p/strongswan.conf" <<-END
	charon-systemd {
	    load = random nonce openssl pem pkcs1 pkcs8 x509 constraints pubkey kdf hmac sha1 sha2 aes gcm kernel-netlink socket-default vici
	    fragment_size = 576
	    plugins {
	        vici {
	            socket = unix:///test/p/vici
	        }
	    }
	    retransmit_tries = 3
	    retransmit_timeout = 1
	    journal {
	        default = -1
	    }
	}
	swanctl {
	    load = pem pkcs1 pkcs8 x509 openssl
	}
END
cp "$pki/p.lab.pem" "$TMP/p/swan/x509"
cp "$pki/ca.pem" "$TMP/p/swan/x509ca"
cp "$pki/p.lab.key" "$TMP/p/swan/private"
{
	echo "connections {"
	conn none x25519
	conn one x25519-ke1_ecp256
	conn two x25519-ke2_ecp384-ke5_ecp256
	conn maybe x25519-ke1_ecp521-ke1_none-ke2_ecp384-ke2_none
	conn other x25519-ke1_ecp521
	echo "}"
} >"$TMP/p/swan/swanctl.conf"

mount -t proc proc "$tree/proc"
mount --rbind /dev "$tree/dev"
mount -t tmpfs tmpfs "$tree/run"
mount --bind "$TMP" "$tree/test"
export STRONGSWAN_CONF=/test/p/strongswan.conf SWANCTL_DIR=/test/p/swan
swan() {
	local what=$1

	shift
	in_ns p chroot "$tree" /usr/sbin/swanctl "--$what" --uri unix:///test/p/vici "$@" \
		2>&1
}
spawn in_ns p chroot "$tree" /usr/sbin/charon-systemd >"$TMP/p.log" 2>&1
try "strongSwan is there" wait_until 20 test -S "$TMP/p/vici"
swan load-all >"$TMP/load.log"

# NAME CONNECTION ALGORITHMS
opens() {
	local said

	said=$(swan initiate --ike "$2")
	like "$1: opened" "$said" 'initiate completed successfully'
	like "$1: the algorithms" "$(swan list-sas)" "$3"
	swan terminate --ike "$2" >/dev/null
}
key_server() { "$MCSECCTL" -s "$TMP/k/s.sock" -j status | jq -r ".gcks.ike.\"$1\""; }

opens "no additional key exchange" none 'CURVE_25519$'
opens "one of them" one 'CURVE_25519/KE1_ECP_256$'
opens "two of them, the second and the fifth" two \
	'CURVE_25519/KE2_ECP_384/KE5_ECP_256$'
opens "one that may be none, and is" maybe 'CURVE_25519/KE2_ECP_384$'
rekeyed() { [ "$(key_server rekeyed)" = "$1" ]; }
swan initiate --ike two >/dev/null
like "strongSwan renews: done" "$(swan rekey --ike two)" 'rekey completed successfully'
try "strongSwan renews: the key server has, too" wait_until 10 rekeyed 1
like "strongSwan renews: the algorithms stay" "$(swan list-sas)" \
	'CURVE_25519/KE2_ECP_384/KE5_ECP_256$'
swan terminate --ike two >/dev/null
like "only one that the key server lacks: refused" "$(swan initiate --ike other)" \
	'NO_PROPOSAL_CHOSEN'
is "no authentication failed" "$(key_server auth-failed)" 0
is "five IKE SAs were opened" "$(key_server up)" 5

tap_done
