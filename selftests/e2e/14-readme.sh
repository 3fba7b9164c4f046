#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The section "Your first group" of the README, typed as it is there: on two hosts with a
# cable between them, without a default route, and with rules that drop what the README
# does not allow. Packages are not built; systemd is played by what the unit says.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
need ip jq nft python3 setpriv socat systemd-sysusers systemd-tmpfiles tcpdump unshare

readme=$TOP/README
heading='Your first group: two hosts, ten minutes'
pass=$TMP/passphrase

# Lines with a prompt, each continued to its end: HOST$ COMMAND
commands() {
	awk -v from="$heading" '$0 == from { on = 1; next }
	on && /^Where to look next$/ { exit }
	on && /^       (both|server|viewer|viewer2)\$ / {
		line = $0
		while (sub(/\\$/, "", line) && (getline more) > 0)
			line = line more
		gsub(/^ +/, "", line)
		gsub(/  +/, " ", line)
		print line
	}' "$readme"
}

# HOST: files of its own where the commands write, and rules that drop what comes
host_up() {
	local h=$1

	mkdir -p "$TMP/$h/home/tools" "$TMP/$h/files"
	ln -s "$TMP/bin/nothing" "$TMP/$h/home/tools/deps"
	spawn in_ns "$h" unshare -m --propagation private bash -c "
		cd '$TMP/$h' && mount -t tmpfs tmpfs files && mkdir files/etc files/work &&
		mount -t overlay -o lowerdir=/etc,upperdir=files/etc,workdir=files/work etc /etc &&
		mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /run &&
		mount -t sysfs sysfs /sys &&
		echo \$\$ >pid && exec sleep infinity"
	wait_until 20 test -s "$TMP/$h/pid" || return 1
	on_host "$h" nft -f - <<-END
		table inet filter {
			chain input {
				type filter hook input priority filter; policy drop;
				iif lo accept
				ct state established,related accept
			}
		}
	END
}
# HOST COMMAND...: in its namespaces and in the folder of its user
on_host() {
	local h=$1

	nsenter -m -n -t "$(cat "$TMP/$h/pid")" --wd="$TMP/$h/home" \
		env "PATH=$TMP/bin:$PATH" HOME="$TMP/$h/home" "${@:2}"
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

# ---- programs that the README names and that this guest is not to run --------

mkdir "$TMP/bin"
chmod 755 "$TMP"
ln -s "$MCSECCTL" "$MCSECD" "$TMP/bin"
program() { cat >"$TMP/bin/$1" && chmod 755 "$TMP/bin/$1"; }
for name in apt dpkg-buildpackage make nothing; do
	program $name <<-'END'
		#!/bin/sh
		exit 0
	END
done
program sudo <<'END'
#!/bin/sh
exec "$@"
END
program scp <<END
#!/bin/sh
exec cp "\$1" "$TMP/\${2%:}/home/"
END
program modprobe <<'END'
#!/bin/sh
[ "$1" = mcsec ] && [ -d /sys/module/mcsec ]
END
# The other host may still have groups.
program rmmod <<'END'
#!/bin/sh
[ "$1" = mcsec ] && [ "$(mcsecctl -j group show)" = "[]" ]
END
for name in sysusers tmpfiles; do
	program systemd-$name <<-END
		#!/bin/sh
		exec $(command -v systemd-$name) "\$@" "$TOP/tools/systemd/$name.conf"
	END
done
# enable|disable --now UNIT
program systemctl <<END
#!/bin/bash
unit=$TOP/tools/systemd/\$3.service
if [ "\$1" = disable ]; then
	kill "\$(cat /run/\$3.pid)" || exit
	while [ -d "/proc/\$(cat /run/\$3.pid)" ]; do sleep 0.1; done
	exit 0
fi
caps=-all\$(sed -n 's/^AmbientCapabilities=//p' "\$unit" | tr 'A-Z' 'a-z' |
	sed 's/cap_/,+/g; s/ //g')
user=\$(sed -n 's/^User=//p' "\$unit")
install -d -o "\$user" /run/mcsec && install -d -m 700 -o "\$user" /var/lib/mcsec || exit
setpriv --reuid "\$user" --regid "\$user" --clear-groups --bounding-set "\$caps" \
	--inh-caps "\$caps" --ambient-caps "\$caps" --no-new-privs \
	\$(sed -n 's/^ExecStart=//p' "\$unit") >>\$HOME/\$3.log 2>&1 </dev/null &
echo \$! >/run/\$3.pid
until mcsecctl status >/dev/null 2>&1; do
	[ -d /proc/\$! ] || { cat \$HOME/\$3.log; exit 1; }
	sleep 0.1
done
END

# ---- hosts -------------------------------------------------------------------

(umask 077 && echo "a passphrase that is typed" >"$pass")
ns_create server viewer
veth server:eth0 192.0.2.1/24 viewer:eth0 192.0.2.2/24
load_mcsec
host_up server && host_up viewer || {
	echo "Bail out! no hosts"
	exit 1
}

# HOST COMMAND: typed there; a passphrase is typed when it is asked for
type_at() {
	local out

	case $2 in
	*'pki bundle'* | *'pki import'*)
		out=$(on_host "$1" python3 "$TOP/selftests/e2e/typed.py" \
			'assphrase of the bundle: ' "$pass" bash -c "$2" 2>&1)
		;;
	*)
		out=$(on_host "$1" bash -c "$2" 2>&1)
		;;
	esac
	local rc=$?
	printf '%s\n' "$out" | tee -a "$TMP/all" >"$TMP/out"
	[ $rc -eq 0 ] && ok "$1\$ $2" || not_ok "$1\$ $2" "ended with $rc:" "$out"
}

# The second terminal of the viewer: COMMAND runs on, and its output is a file.
type_beside() {
	spawn on_host viewer bash -c "exec ${1#sudo }" >>"$TMP/beside" 2>&1
	case $1 in
	*tcpdump*) wait_until 20 grep -q '^listening on' "$TMP/beside" ;;
	*) wait_until 20 listens ;;
	esac
	[ $? -eq 0 ] && ok "viewer2\$ $1" || not_ok "viewer2\$ $1" "$(cat "$TMP/beside")"
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
	*'health -v') like "$1 is well" "$(cat "$TMP/out")" '^well' ;;
	*'mcsecctl doctor') unlike "the doctor of $1 has no problem" "$(cat "$TMP/out")" \
		'^(problem|not checked)' ;;
	*'mcsecctl member'*) like "the viewer is a member" "$(cat "$TMP/out")" \
		'viewer\.example' ;;
	viewer:*'mcsecctl show') try "the viewer has the key that the server uses" same_key ;;
	*'echo hello'*)
		try "the viewer hears hello" wait_until 20 grep -qx hello "$TMP/beside"
		try "the wire has ESP" wait_until 20 grep -q \
			'IP 192.0.2.1 > 239.1.1.1: ESP(spi=' "$TMP/beside"
		;;
	*'audit show') like "the trail has who was evicted" "$(cat "$TMP/out")" \
		'evict.*viewer\.example' ;;
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
done 3< <(commands)

section "afterwards"
is "no line of the README was left out" \
	"$(sed -n "/^$heading/,/^Where to look next/p" "$readme" | grep -c '^       [a-z0-9]*\$ ')" "$n"
unlike "no passphrase was shown" "$(cat "$TMP/all")" "that is typed"
for h in server viewer; do
	is "$h has no file of mcsec left" \
		"$(on_host $h bash -c 'ls -d /etc/mcsec /var/lib/mcsec' 2>/dev/null)" ""
done
tap_done
