#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The section "Your first group" of the README, typed as it is there: on two hosts with a
# cable between them, without a default route, and with rules that drop what the README
# does not allow. Packages are not built; systemd is played by what the unit says.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/typed.sh"
need ip jq nft python3 setpriv socat systemd-sysusers systemd-tmpfiles tcpdump unshare

readme=$TOP/README
heading='Your first group: two hosts, ten minutes'

# Drops what comes in, but for what is allowed before and by what the README says.
closed() {
	on_host "$1" nft -f - <<-END
		table inet filter {
			chain input {
				type filter hook input priority filter; policy drop;
				iif lo accept
				ct state established,related accept
			}
		}
	END
}
well() { on_host "$1" mcsecctl health; }
# The SA by which the server sends is one of the viewer's.
same_key() {
	local spi

	spi=$(on_host server mcsecctl -j show | jq -r '.[0]."out-spi" // empty')
	[ -n "$spi" ] && on_host viewer mcsecctl -j show |
		jq -e ".[0].sa[] | select(.spi == $spi)" >/dev/null
}
listens() { on_host viewer ss -Hlnu | grep -q ':5000 '; }

# ---- hosts -------------------------------------------------------------------

ns_create server viewer
veth server:eth0 192.0.2.1/24 viewer:eth0 192.0.2.2/24
load_mcsec
typed_hosts server viewer
closed server && closed viewer || not_ok "hosts have rules"

# The second terminal of the viewer: COMMAND runs on, and its output is a file.
type_beside() {
	spawn on_host viewer bash -c "exec ${1#sudo }" >>"$TMP/beside" 2>&1
	case $1 in
	*tcpdump*) wait_until 20 grep -q '^listening on' "$TMP/beside" ;;
	*) wait_until 20 listens ;;
	esac
	[ $? -eq 0 ] && ok "viewer2\$ $1" || not_ok "viewer2\$ $1" "$(<"$TMP/beside")"
}

# COMMAND: what the text above it says holds first
before_command() {
	case $1 in
	*'mcsecctl doctor'*)
		wait_until 90 well viewer
		wait_until 30 well server
		;;
	*'mcsecctl show') wait_until 30 same_key ;;
	esac
}

# HOST COMMAND: what the README says of it
after_command() {
	case $1:$2 in
	*'health -v') output_has "$1 is well" '^well' ;;
	*'mcsecctl doctor') output_lacks "the doctor of $1 has no problem" \
		'^(problem|not checked)' ;;
	*'mcsecctl member'*) output_has "the viewer is a member" 'viewer\.example' ;;
	viewer:*'mcsecctl show') try "the viewer has the key that the server uses" same_key ;;
	*'echo hello'*)
		try "the viewer hears hello" wait_until 20 grep -qx hello "$TMP/beside"
		try "the wire has ESP" wait_until 20 grep -q \
			'IP 192.0.2.1 > 239.1.1.1: ESP(spi=' "$TMP/beside"
		;;
	*'audit show') output_has "the trail has who was evicted" 'evict.*viewer\.example' ;;
	*'group del'*) is "$1 has no group" "$(on_host "$1" mcsecctl group show)" "no groups" ;;
	esac
}

section "typed"
n=0
while IFS= read -r line <&3; do
	where=${line%%\$ *} what=${line#*\$ }
	n=$((n + 1))
	before_command "$what"
	case $where in
	both) hosts="server viewer" ;;
	viewer2) type_beside "$what" && continue ;;
	*) hosts=$where ;;
	esac
	for h in $hosts; do
		type_at "$h" "$what"
		after_command "$h" "$what"
	done
done 3< <(typed_commands "$readme" "$heading" "Where to look next" \
	"both|server|viewer|viewer2")

section "afterwards"
is "no line of the README was left out" \
	"$(sed -n "/^$heading/,/^Where to look next/p" "$readme" | grep -c '^       [a-z0-9]*\$ ')" "$n"
unlike "no passphrase was shown" "$(<"$TMP/all")" "that is typed"
for h in server viewer; do
	is "$h has no file of mcsec left" \
		"$(on_host $h bash -c 'ls -d /etc/mcsec /var/lib/mcsec' 2>/dev/null)" ""
done
tap_done
