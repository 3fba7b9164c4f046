#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Installed files: versions that agree, units as hardened as they are said to be,
# completion of what mcsecctl has, and "make install" that installs what the packages
# have and no debugging information.
# timeout: 120

. "$(dirname "$0")/../lib.sh"
need make readelf strip journalctl systemd-analyze systemd-sysusers systemd-tmpfiles python3
cd "$TOP" || exit 1

# ---- one version -----------------------------------------------------------

version=$(cat VERSION)
like "VERSION has a version" "$version" '^[0-9]+\.[0-9]+$'
is "mcsecd has the version in VERSION" "$("$MCSECD" -V)" "mcsecd $version"
is "mcsecctl has the version in VERSION" "$("$MCSECCTL" -V)" "mcsecctl $version"
is "the newest entry of CHANGES is of this version" \
	"$(grep -m 1 '^[0-9]' CHANGES)" "$version"
is "the newest entry of debian/changelog is of this version" \
	"$(sed -n '1s/^mcsec (\([^)]*\)).*/\1/p' debian/changelog)" "$version"
is "CHANGES and debian/changelog have the same versions" \
	"$(grep '^[0-9]' CHANGES | xargs)" \
	"$(sed -n 's/^mcsec (\([^)]*\)).*/\1/p' debian/changelog | xargs)"

# ---- units -----------------------------------------------------------------

# unit: its exposure, 0 to 10, by systemd's own table
exposure() {
	systemd-analyze security --offline=true "tools/systemd/$1" 2>/dev/null |
		sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p'
}

for unit in mcsecd.service mcsecd@.service mcsec-metrics.service; do
	level=$(exposure "$unit")
	try "$unit has an exposure of at most 1.5 ($level)" \
		awk -v "l=$level" 'BEGIN { exit !(l != "" && l <= 1.5) }'
done
# UNIT: the system calls that its filters leave, by systemd's own sets
calls_of() {
	python3 - "tools/systemd/$1" <<-'END'
		import subprocess, sys
		def members(name):
		    if not name.startswith("@"):
		        return {name}
		    text = subprocess.run(["systemd-analyze", "syscall-filter", name],
		                          capture_output=True, text=True, check=True).stdout
		    words = [line.strip() for line in text.splitlines()[1:]]
		    return set().union(*(members(w) for w in words if w and w[0] != "#"))
		left = set()
		for line in open(sys.argv[1], encoding="ascii"):
		    if not line.startswith("SystemCallFilter="):
		        continue
		    words = line.split("=", 1)[1].split()
		    gone = words[0].startswith("~")
		    words[0] = words[0].lstrip("~")
		    calls = set().union(*map(members, words))
		    left = left - calls if gone else left | calls
		print("\n".join(sorted(left)))
	END
}
for unit in mcsecd.service mcsecd@.service; do
	is "$unit lets the daemon give its capabilities up and confine itself" \
		"$(calls_of "$unit" | grep -xE 'seccomp|prctl|clone|execve|capget' | xargs)" \
		"capget clone execve prctl seccomp"
	is "$unit allows neither modules nor mounts" \
		"$(calls_of "$unit" | grep -xE 'init_module|mount|bpf|reboot')" ""
done
is "the two units differ in names and folders only" \
	"$(sed -e '/^#/d; s/ (%i)$//; s,/%i$,,; s/%i/mcsecd/g' \
		'tools/systemd/mcsecd@.service')" \
	"$(sed '/^#/d' tools/systemd/mcsecd.service)"
mkdir -p "$TMP/root/etc" "$TMP/root/usr/lib/sysusers.d"
cp tools/systemd/sysusers.conf "$TMP/root/usr/lib/sysusers.d/mcsec.conf"
try "systemd-sysusers makes the user" systemd-sysusers "--root=$TMP/root" mcsec.conf
like "the user cannot log in" "$(grep ^mcsec: "$TMP/root/etc/passwd")" \
	'^mcsec:.*:/var/lib/mcsec:.*/nologin$'
cp tools/systemd/tmpfiles.conf "$TMP/tmpfiles.conf"
try "systemd-tmpfiles makes the folders" systemd-tmpfiles "--root=$TMP/root" \
	--create "$TMP/tmpfiles.conf"
is "nobody else can read the folder of stores" \
	"$(stat -c %a "$TMP/root/var/lib/mcsec")" 700

# ---- the journal's catalogue -----------------------------------------------

try "the catalogue is what Documentation/logging.rst says" \
	python3 tools/systemd/catalog.py --check
mkdir -p "$TMP/root/usr/lib/systemd/catalog" "$TMP/root/var/lib/systemd/catalog"
cp tools/systemd/mcsec.catalog "$TMP/root/usr/lib/systemd/catalog/"
is "the journal takes the catalogue without a complaint" \
	"$(journalctl "--root=$TMP/root" --update-catalog 2>&1)" ""
is "the journal has an entry for each phrase" \
	"$(journalctl "--root=$TMP/root" --list-catalog | grep -c ' mcsec: ')" \
	"$(grep -c '^	{ "' daemon/lib/phrase_ids.h)"

# ---- completion ------------------------------------------------------------

try "completion is what the tables of mcsecctl say" \
	python3 tools/completion/generate.py --check

# word...: what bash offers for the last one
offered() {
	bash -c '
		mcsecctl() { [ "$2" != group ] || echo "[{\"name\":\"video\",\"dst\":1}]"; }
		. tools/completion/mcsecctl.bash
		COMP_WORDS=(mcsecctl "$@") COMP_CWORD=$#
		_mcsecctl
		echo "${COMPREPLY[*]}"' bash "$@"
}
like "bash offers commands" "$(offered '')" '^group sa sender .*status'
is "every command in the help is offered" \
	"$(offered '' | tr ' ' '\n' | grep -v ^- | xargs)" \
	"$("$MCSECCTL" -h | sed -n 's/^  \([a-z]*\) .*/\1/p' | xargs)"
is "bash offers sub-commands" "$(offered group '')" "add set del show flush"
is "bash offers sub-commands after help" "$(offered help group '')" \
	"add set del show flush"
like "bash offers topics after help" "$(offered help '')" ' exit output socket start$'
is "bash offers sub-commands after long options" \
	"$(offered --json --netns red group '')" "add set del show flush"
like "bash offers long options" "$(offered --)" '^--help --json .*--version$'
is "bash offers a group's name" "$(offered -s /x evict '')" video
is "bash offers a word" "$(offered group add v 239.1.1.1 pol)" policy
is "bash offers values" "$(offered group add v 239.1.1.1 policy '')" \
	"enforce observe"
is "bash offers algorithms" "$(offered key generate aes-)" \
	"aes-gcm-16 aes-gmac"
is "bash offers nothing where a free text stands" \
	"$(offered group add v 239.1.1.1 dport '')" ""

# ---- make install ----------------------------------------------------------

root=$TMP/install
as_packaged() {
	make -s install "DESTDIR=$root" PREFIX=/usr UNITDIR=/lib/systemd/system \
		ZSHDIR=/usr/share/zsh/vendor-completions | tee "$TMP/out"
	return "${PIPESTATUS[0]}"
}
try "make install takes PREFIX and DESTDIR" as_packaged
find "$root" -type f -printf '/%P\n' | grep -v '\.ko$' | sort >"$TMP/installed"
is "every file that was installed is told" "$(sed -n "s,.*INSTALL *$root,,p" \
	"$TMP/out" | grep -v '\.ko$' | sort | cat)" "$(cat "$TMP/installed")"
# Each file belongs to one package, by the lists that debhelper reads.
packaged() {
	local file n pattern

	while read -r file; do
		n=0
		while read -r pattern; do
			# shellcheck disable=SC2053 # a pattern
			[[ $file != /$pattern && $file != /$pattern/* ]] ||
				n=$((n + 1))
		done < <(cat debian/*.install)
		[ $n -eq 1 ] || echo "$file: in $n packages"
	done <"$TMP/installed"
}
is "every file is in one package" "$(packaged)" ""
debugged() {
	find "$root" -type f | while read -r f; do
		! readelf -S "$f" 2>/dev/null | grep -q '\.debug_' || echo "$f"
	done
}
is "nothing has debugging information" "$(debugged)" ""
is "nothing is writable by others" "$(find "$root" -type f -perm /022)" ""
is "only programs are executable" "$(cd "$root" && find . -type f -perm /111 |
	sort | xargs)" "./usr/bin/mcsecctl ./usr/sbin/mcsecd"
is "an installed program runs" "$("$root/usr/sbin/mcsecd" -V)" "mcsecd $version"

# ---- make uninstall --------------------------------------------------------

try "the pages that man pages name are installed" \
	test -s "$root/usr/share/doc/mcsec/keymgmt.rst"
touch "$root/usr/share/doc/other"
as_removed() {
	make -s uninstall "DESTDIR=$root" PREFIX=/usr UNITDIR=/lib/systemd/system \
		ZSHDIR=/usr/share/zsh/vendor-completions >"$TMP/out"
}
try "make uninstall takes the same words" as_removed
is "make uninstall removes all that was installed, and nothing else" \
	"$(cd "$root" && find . ! -type d)" ./usr/share/doc/other
try "the folders of mcsec are gone" test ! -e "$root/usr/share/doc/mcsec" \
	-a ! -e "$root/usr/share/mcsec"
tap_done
