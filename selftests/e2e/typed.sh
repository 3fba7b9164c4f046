# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Documents whose commands are typed, as they are there, by the tests that source this
# file after lib.sh. The hosts are namespaces with files of their own; programs that a
# guest is not to run are played: systemd by what the unit says.
#
#	typed_hosts HOST...	give each its files; their namespaces are there
#	typed_commands ...	the commands of a document
#	type_at HOST COMMAND	a check: it succeeds; its output is in TMP/out
#	type_page FILE HOSTS	all of a page, with before_command and after_command
#	on_host HOST COMMAND...	a command that is not in the document
#	output_has NAME REGEX	a check: the output of the last command that was typed does
#	output_lacks NAME REGEX

# FILE FROM TO HOSTS: "HOST$ COMMAND" of each line between the lines FROM and TO ("" are
# beginning and end) that begins with one of HOSTS ("a|b"); one that is continued is joined.
typed_commands() {
	awk -v from="$2" -v to="$3" -v prompt="^  +($4)[$] " '
	BEGIN { on = !from }
	from && $0 == from { on = 1; next }
	on && to && $0 == to { exit }
	on && $0 ~ prompt {
		line = $0
		while (sub(/\\$/, "", line) && (getline more) > 0)
			line = line more
		gsub(/^ +/, "", line)
		gsub(/  +/, " ", line)
		print line
	}' "$1"
}

# FILE HOSTS: the commands of a whole page, and its files, each of which is behind a line
# "``PATH`` of ``HOST``::" and gets a command that puts it where it belongs.
page_commands() {
	awk -v tmp="$TMP" '
	function finish() {
		if (file) {
			close(file)
			print "    " part[4] "$ sudo install -D -m 644 " name " " path
		}
		file = begun = ""
	}
	/^``\/[^`]*`` of ``[a-z0-9]+``.*::$/ {
		finish()
		split($0, part, "``")
		name = path = part[2]
		sub(/.*\//, "", name)
		file = tmp "/" part[4] "/home/" name
		printf "" >file
		between = ""
		next
	}
	# Empty lines belong to it between others only.
	file && /^$/ {
		between = between "\n"
		next
	}
	file && /^    / {
		sub(/^    /, "")
		printf "%s%s\n", begun ? between : "", $0 >file
		between = ""
		begun = 1
		next
	}
	{
		finish()
		print
	}' "$1" >"$TMP/page" && typed_commands "$TMP/page" "" "" "$2"
}

# FILE HOSTS ("a|b"): types a page. What the test does before and after a command is in
# its before_command and after_command, which get HOST and COMMAND.
type_page() {
	local line n=0

	while IFS= read -r line <&3; do
		n=$((n + 1))
		before_command "${line%%\$ *}" "${line#*\$ }"
		type_at "${line%%\$ *}" "${line#*\$ }"
		after_command "${line%%\$ *}" "${line#*\$ }"
	done 3< <(page_commands "$1" "$2")
	is "no line of the page was left out" \
		"$(grep -cE '^    [a-z0-9]+\$ |^``/.*`` of ``.*::$' "$1")" "$n"
}
before_command() { :; }
after_command() { :; }

typed_host() {
	local h=$1

	mkdir -p "$TMP/$h/home/tools" "$TMP/$h/files"
	ln -s "$TMP/bin/nothing" "$TMP/$h/home/tools/deps"
	spawn in_ns "$h" unshare -m --propagation private bash -c "
		cd '$TMP/$h' && mount -t tmpfs tmpfs files && mkdir files/etc files/work &&
		mount -t overlay -o lowerdir=/etc,upperdir=files/etc,workdir=files/work etc /etc &&
		mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /run &&
		mount -t sysfs sysfs /sys &&
		echo \$\$ >pid && exec sleep infinity"
	wait_until 20 test -s "$TMP/$h/pid"
}

typed_hosts() {
	local h

	for h; do
		typed_host "$h" || {
			echo "Bail out! no host $h"
			exit 1
		}
	done
}

# HOST COMMAND...: in its namespaces and in the folder of its user
on_host() {
	local h=$1

	nsenter -m -n -t "$(<"$TMP/$h/pid")" --wd="$TMP/$h/home" \
		env "PATH=$TMP/bin:$PATH" HOME="$TMP/$h/home" "${@:2}"
}

# HOST COMMAND: typed there; a passphrase is typed when it is asked for
type_at() {
	local out rc

	case $2 in
	*'pki bundle'* | *'pki import'*)
		out=$(on_host "$1" python3 -ISs "$TOP/selftests/e2e/typed.py" \
			'assphrase of the bundle' "$typed_pass" bash -c "$2" 2>&1)
		;;
	*)
		out=$(on_host "$1" bash -c "$2" 2>&1)
		;;
	esac
	rc=$?
	printf '%s\n' "$out" | tee -a "$TMP/all" >"$TMP/out"
	[ $rc -eq 0 ] && ok "$1\$ $2" || not_ok "$1\$ $2" "ended with $rc:" "$out"
}

# ---- programs that a guest is not to run --------------------------------------

typed_pass=$TMP/passphrase
(umask 077 && echo "a passphrase that is typed" >"$typed_pass")
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
# The target of a copy is "HOST:", the folder of that host's user.
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
# enable|disable --now UNIT, or start|stop|restart|reload UNIT; a test that has other
# units than ours says what they run: it makes a program unit-UNIT.
program systemctl <<END
#!/bin/bash
begin() {
	local unit=$TOP/tools/systemd/\$1.service name='' caps user run ns

	[[ \$1 != *@* ]] || name=\${1#*@} unit=$TOP/tools/systemd/\${1%%@*}@.service
	[ -e "\$unit" ] || {
		unit-\$1 >>\$HOME/\$1.log 2>&1 </dev/null &
		echo \$! >/run/played-\$1.pid
		return
	}
	of() { sed -n "s/^\$1=//p" "\$unit" | sed "s/%i/\$name/"; }
	caps=-all\$(of AmbientCapabilities | tr 'A-Z' 'a-z' | sed 's/cap_/,+/g; s/ //g')
	user=\$(of User) run=/run/\$(of RuntimeDirectory)/mcsecd.sock
	ns=\$(sed -n 's/^NetworkNamespacePath=//p' /etc/systemd/system/\$1.service.d/*.conf 2>/dev/null)
	install -d -o "\$user" "\${run%/*}" &&
		install -d -m 700 -o "\$user" "/var/lib/\$(of StateDirectory)" || exit
	\${ns:+nsenter "--net=\$ns"} setpriv --reuid "\$user" --regid "\$user" --clear-groups \\
		--bounding-set "\$caps" --inh-caps "\$caps" --ambient-caps "\$caps" \\
		--no-new-privs \$(of ExecStart) >>\$HOME/\$1.log 2>&1 </dev/null &
	echo \$! >/run/played-\$1.pid
	until mcsecctl -s \$run status >/dev/null 2>&1; do
		[ -d /proc/\$! ] || { cat \$HOME/\$1.log; exit 1; }
		sleep 0.1
	done
}
end() {
	kill "\$(</run/played-\$1.pid)" || exit
	while [ -d "/proc/\$(</run/played-\$1.pid)" ]; do sleep 0.1; done
	rm /run/played-\$1.pid
}
case \$1 in
daemon-reload) ;;
enable) begin "\$3" ;;
disable) end "\$3" ;;
start) begin "\$2" ;;
stop) end "\$2" ;;
restart) [ ! -e "/run/played-\$2.pid" ] || end "\$2"; begin "\$2" ;;
reload)
	said() { grep -c '^reload done' "\$HOME/\$unit.log"; }
	unit=\$2 before=\$(said)
	mcsecd --check >/dev/null && kill -HUP "\$(</run/played-\$unit.pid)" || exit
	for i in \$(seq 200); do
		[ "\$(said)" = "\$before" ] || exit 0
		sleep 0.1
	done
	exit 1
	;;
esac
END

output_has() { like "$1" "$(<"$TMP/out")" "$2"; }
output_lacks() { unlike "$1" "$(<"$TMP/out")" "$2"; }
