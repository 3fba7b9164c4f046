# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2153 # LAB, GROUP and REKEY are lab.sh's
#
# mcsecd on the hosts of lab.sh: certificates, configurations, start, death and
# questions. To be sourced after lab.sh.

# The roles of LAB_HOSTS: the key server, the members, and a stranger
LAB_GCKS=${LAB_GCKS:-k}
LAB_MEMBERS=${LAB_MEMBERS:-s a b c}
LAB_STRANGER=${LAB_STRANGER:-x}

# The policy of the group "video"; a test sets others before gcks_conf.
G_ADDRESS=$GROUP
G_REKEY=$REKEY
G_SENDERS='"s.lab"'
G_RECEIVERS='"*.lab"'
G_INTERVAL=3600
G_LIFETIME=7200
G_ATD=2
G_DTD=4
G_ALGORITHM=aes-gcm-16-128
G_EXTRA=

# pki_make: one authority for the lab, and another that issues to the stranger
pki_make() {
	local h

	"$MCSECCTL" pki init "$LAB/pki" name "lab CA" &&
	"$MCSECCTL" pki gcks "$LAB/pki" "$LAB_GCKS.lab" &&
	"$MCSECCTL" pki init "$LAB/pki-other" name "another CA" &&
	"$MCSECCTL" pki member "$LAB/pki-other" "$LAB_STRANGER.lab" || return 1
	for h in $LAB_MEMBERS; do
		"$MCSECCTL" pki member "$LAB/pki" "$h.lab" || return 1
	done
}

# conf_head HOST [PKI [CA]]: what both roles have; PKI is whose certificate the
# host has, CA whose it believes
conf_head() {
	local pki=${2:-$LAB/pki} ca=${3:-${2:-$LAB/pki}}

	cat <<-END
		identity: {
		    certificate = "$pki/$1.lab.pem";
		    key = "$pki/$1.lab.key";
		    ca = "$ca/ca.pem";
		};
		control = "$LAB/$1/mcsecd.sock";
		${CONF_MORE:-}
	END
}

# One group for gcks_conf: NAME ADDRESS REKEY-ADDRESS
gcks_group() {
	cat <<-END
		    {
		        name = "$1";
		        address = "$2";
		        rekey-address = "$3";
		        rekey-port = 848;
		        rekey-interface = "eth0";
		        algorithm = "$G_ALGORITHM";
		        senders = [ $G_SENDERS ];
		        receivers = [ $G_RECEIVERS ];
		        rekey-interval = $G_INTERVAL;
		        lifetime = $G_LIFETIME;
		        atd = $G_ATD;
		        dtd = $G_DTD;
		        $G_EXTRA
		    }
	END
}

gcks_conf() {
	{
		conf_head "$LAB_GCKS"
		cat <<-END
			gcks: {
			  listen = ( "0.0.0.0:848", "[::]:848" );
			  store = "$LAB/$LAB_GCKS/gcks.db";
			  seal-key = "$LAB/$LAB_GCKS/seal.key";
			  groups = (
			$(gcks_group video "$G_ADDRESS" "$G_REKEY")
			  );
			};
		END
	} >"$LAB/$LAB_GCKS/mcsecd.conf"
}

# member_conf HOST SEND RECEIVE [PKI [CA]]
member_conf() {
	local gcks

	case $G_ADDRESS in
	*:*) gcks="[$(ip6_of "$LAB_GCKS")]:848" ;;
	*) gcks="$(ip_of "$LAB_GCKS"):848" ;;
	esac
	{
		conf_head "$1" "${4:-}" "${5:-}"
		cat <<-END
			member: {
			  gcks = "$gcks";
			  gcks-id = "$LAB_GCKS.lab";
			  interface = "eth0";
			  groups = ( {
			    name = "video";
			    address = "$G_ADDRESS";
			    send = $2;
			    receive = $3;
			  } );
			};
		END
	} >"$LAB/$1/mcsecd.conf"
}

daemon_start() {
	spawn_as "$1" mcsecd "$MCSECD" -f "$LAB/$1/mcsecd.conf" &&
	wait_until 20 daemon_up "$1"
}

daemon_up() { ctl "$1" status >/dev/null 2>&1; }
daemon_stop() { reap "$1" mcsecd TERM 20; }
daemon_kill() { reap "$1" mcsecd KILL; }

# member_is HOST FIELD [FILTER]: of the group "video" in a member's status
member_is() {
	ctl "$1" -j status 2>/dev/null |
		jq -r ".member.groups[0].\"$2\"" 2>/dev/null
}

# gcks_is FIELD: of the group "video" in the key server's status
gcks_is() {
	ctl "$LAB_GCKS" -j status 2>/dev/null |
		jq -r ".gcks.groups[0].\"$1\"" 2>/dev/null
}

member_state() { [ "$(member_is "$1" state)" = "$2" ]; }
# can receive (has an SA)
member_in() { member_state "$1" in; }
# sends with an SA
member_sends() { [ "$(member_is "$1" out-spi)" -gt 0 ] 2>/dev/null; }

# sa_spis HOST: SPIs of the SAs that the kernel of a host holds, one a line
sa_spis() {
	ctl "$1" -j sa show | jq -r '.[].spi' | sort -n
}
