#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Debian's packages, in a tree of their own: built, checked by lintian, installed,
# upgraded from the version before, built again for a new kernel, removed and purged,
# after which nothing of them is left. The version before is this source with a
# lower number, as long as no release had packages. The RPM spec, the PKGBUILD and
# the completions of zsh and fish are tried there too.
#
# The tree with what it takes to build is made once, in the cache; each run works in
# a layer above it.
# full only: four minutes of CPU time, and 400 MB of Debian's packages for the first tree
# timeout: 3600

# Mounts are this program's own, and end with it.
[ -n "${MCSEC_MOUNTS:-}" ] ||
	MCSEC_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"

. "$(dirname "$0")/../lib.sh"
need debootstrap unshare git
[ "$(id -u)" = 0 ] || skip_all "only root can make a tree of Debian"
base=${MCSEC_CACHE:-/var/cache/mcsec}/debian/bookworm
root=$TMP/root
version=$(cat "$TOP/VERSION")
before=0.1
kernel=amd64
[ "$(dpkg --print-architecture)" = amd64 ] ||
	kernel=$(dpkg --print-architecture)

# tree, command...: run in a tree of Debian
in_root() {
	local tree=$1
	shift

	chroot "$tree" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
		${http_proxy:+"http_proxy=$http_proxy"} \
		"DEB_BUILD_OPTIONS=parallel=$(nproc)" "$@" </dev/null
}
in_tree() { in_root "$root" "$@"; }
sh_tree() { in_tree bash -ec "$1"; }

# Ends what still runs in the tree, as a run that is interrupted leaves it, and
# unmounts it. The files below are the layer of this run, and go with its folder.
leave_root() {
	local p

	for p in /proc/[0-9]*; do
		[ "$(readlink "$p/root" 2>/dev/null)" != "$root" ] || kill -9 "${p#/proc/}"
	done
	wait_until 5 umount -R "$root" || umount -R -l "$root"
}

# ---- the tree --------------------------------------------------------------

tools="build-essential debhelper dh-dkms dkms lintian fakeroot dpkg-dev systemd iptables
	linux-headers-$kernel rpm rpmlint makepkg pacman-package-manager
	zsh fish procps"
needs=$(sed -n '/^Build-Depends/,/^[A-Z].*:/{/^Build-Depends\|^ /p}' \
	"$TOP/debian/control" | sed 's/^Build-Depends://; s/([^)]*)//g' |
	tr -d '\n' | tr ',' ' ')
needs=$(printf '%s' "$needs" | tr ' ' '\n' |
	grep -vE '^(debhelper-compat|dh-sequence-.*)?$' | xargs)

make_base() {
	local new=$base.new mirror

	rm -rf --one-file-system "$new"
	mkdir -p "$new"
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null |
		grep -m 1 '/debian/*$')
	debootstrap --variant=minbase bookworm "$new" \
		"${mirror:-http://deb.debian.org/debian}" || return 1
	printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
	chmod 755 "$new/usr/sbin/policy-rc.d"
	# The tree is made again if the machine stops, so nothing has to be synced.
	echo force-unsafe-io >"$new/etc/dpkg/dpkg.cfg.d/unsafe-io"
	cp /etc/resolv.conf "$new/etc/resolv.conf" 2>/dev/null
	in_root "$new" apt-get -qq update || return 1
	# shellcheck disable=SC2086 # words
	in_root "$new" apt-get -qq -y install --no-install-recommends \
		$needs $tools || return 1
	in_root "$new" apt-get clean
	echo "$needs $tools" >"$new/etc/mcsec-tree"
	rm -rf --one-file-system "$base"
	mv "$new" "$base"
}

mkdir -p "${base%/*}"
exec 9>"$base.lock"
flock 9
[ "$(cat "$base/etc/mcsec-tree" 2>/dev/null)" = "$needs $tools" ] || {
	echo "# making a tree of Debian 12 in $base, once"
	make_base >"$TMP/base.log" 2>&1 || {
		tail -n 20 "$TMP/base.log" | sed 's/^/# /'
		not_ok "a tree of Debian is made"
		tap_done
	}
}
flock -u 9
mkdir -p "$TMP/upper" "$TMP/work" "$root"
mount -t overlay overlay -o "lowerdir=$base,upperdir=$TMP/upper,workdir=$TMP/work" \
	"$root" || skip_all "no overlay file system here"
on_exit leave_root
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"

# ---- build -----------------------------------------------------------------

# version: builds packages of it in /pkg/VERSION of the tree
build() {
	sh_tree "
		cd /src
		echo $1 >VERSION
		sed -n '/^mcsec ($1)/,\$p' /pkg/changelog >debian/changelog
		dh_clean
		dpkg-buildpackage -us -uc -b -nc >/pkg/build.log 2>&1 ||
			{ tail -n 40 /pkg/build.log; exit 1; }
		mkdir -p /pkg/$1
		mv /mcsec*_$1_* /pkg/$1/
		dh_clean
		dpkg-source -I -Ibuild --build . >/pkg/source.log 2>&1 ||
			{ cat /pkg/source.log; exit 1; }
		mv /mcsec_$1.* /pkg/$1/"
}

mkdir "$root/src" "$root/pkg"
git -C "$TOP" ls-files --cached --others --exclude-standard |
	(cd "$TOP" && while read -r f; do [ ! -f "$f" ] || echo "$f"; done) |
	tar -C "$TOP" -cf - -T - | tar -C "$root/src" -xf -
cp "$root/src/debian/changelog" "$root/pkg/changelog"
try "the version before is built" build "$before" || tap_done
try "the current version is built" build "$version" || tap_done
is "the packages are the four" \
	"$(cd "$root/pkg/$version" && ls -- *.deb | sed 's/_.*//' | grep -v dbgsym |
		sort | xargs)" "mcsec mcsec-dev mcsec-dkms mcsec-iptables"
is "lintian has neither errors nor warnings" "$(sh_tree "lintian --allow-root \
	--fail-on none /pkg/$version/*.changes /pkg/$version/*.dsc" 2>&1 |
	grep -E '^[EW]:|rror')" ""
refuse "a changelog of another version is refused" sh_tree \
	'cd /src && sed -i "1s/(.*)/(9.9)/" debian/changelog &&
		debian/rules override_dh_auto_configure'

# ---- install ---------------------------------------------------------------

# All files of the tree but those of dpkg, apt, depmod, of accounts and of DKMS's own
files() {
	(cd "$root" && find . -xdev \( -path ./proc -o -path ./run -o -path ./pkg \
		-o -path ./src -o -path ./var/lib/dpkg -o -path ./var/log -o \
		-path ./var/cache -o -path ./var/lib/apt -o \
		-path ./var/lib/systemd -o -path ./tmp -o -path ./root -o -name \
		'modules.*' -o -path './etc/*-' -o -path './var/lib/dkms/mok.*' \) \
		-prune -o -print | sort)
}

# version: all packages of it, by apt
install_version() {
	sh_tree "apt-get -qq -y install --no-install-recommends --allow-downgrades \
		/pkg/$1/mcsec{,-dkms,-dev,-iptables}_*.deb" >"$TMP/apt.log" 2>&1 || {
		tail -n 30 "$TMP/apt.log"
		in_tree sh -c 'tail -n 30 /var/lib/dkms/mcsec/*/build/make.log'
		return 1
	}
}

installed() {
	sh_tree "dpkg-query -W -f '\${Package} \${Version} \${db:Status-Abbrev}\n' \
		'mcsec*'" | sed -n 's/ ii *$//p' | xargs
}
krel=$(basename "$(ls -d "$root"/lib/modules/*-"$kernel" | head -n 1)")

# field, release: of the module that DKMS installed
of_module() {
	in_tree modinfo -F "$1" -k "$2" mcsec
}

files >"$TMP/before"
section "installed"
try "apt installs the version before" install_version "$before"
is "all have that version" "$(installed)" "mcsec $before mcsec-dev $before mcsec-dkms \
$before mcsec-iptables $before"
is "DKMS built the module" "$(of_module version "$krel")" "$before"
try "the match for iptables is built as well" in_tree modinfo -k "$krel" xt_mcsec
try "DKMS signed it, for Secure Boot" test -n "$(of_module signer "$krel")"
like "the user of the daemon is made" "$(in_tree id mcsec)" 'mcsec'
is "the state belongs to the daemon" "$(in_tree stat -c '%U %a' /var/lib/mcsec)" "mcsec 700"
is "nothing is started at boot without a configuration" \
	"$(in_tree systemctl is-enabled mcsecd 2>&1)" disabled
like "iptables has the match" "$(in_tree iptables -m mcsec --help)" \
	'\[!\] --protected'
try "units are what systemd understands" in_tree systemd-analyze verify \
	/lib/systemd/system/mcsecd.service /lib/systemd/system/mcsecd@.service
try "man finds the pages" sh_tree 'for p in man8/mcsecd.8 man8/mcsecctl.8 \
	man5/mcsecd.conf.5 man8/iptables-mcsec.8; do
		test -e /usr/share/man/$p.gz; done'

# A configuration as a user makes it
sh_tree '
	mcsecctl pki init /etc/mcsec/pki
	mcsecctl pki gcks /etc/mcsec/pki gcks.example
	mkdir -p /var/lib/mcsec/more
	sed "s,/etc/mcsec/\(gcks\|ca\),/etc/mcsec/pki/\1," \
		/usr/share/doc/mcsec/examples/gcks.conf >/etc/mcsec/mcsecd.conf
	chmod 755 /etc/mcsec /etc/mcsec/pki' >/dev/null
as_daemon() {
	in_tree setpriv --reuid mcsec --regid mcsec --clear-groups \
		mcsecd --check 2>&1
}
like "a key of root alone is named" "$(as_daemon)" \
	'gcks.example.key: permission denied to uid [0-9]+ \(mcsec\), which has to own'
in_tree chown mcsec /etc/mcsec/pki/gcks.example.key
like "the example is valid once the key is the daemon's" "$(as_daemon)" \
	'configuration is valid'

section "upgraded"
touch "$root/var/lib/mcsec/gcks.db"
try "apt upgrades to this version" install_version "$version"
is "all have this version" "$(installed)" "mcsec $version mcsec-dev $version mcsec-dkms \
$version mcsec-iptables $version"
is "DKMS built the module again" "$(of_module version "$krel")" "$version"
is "DKMS has no other version" "$(in_tree dkms status | cut -d, -f1 | sort -u)" \
	"mcsec/$version"
is "the daemon is this version" "$(in_tree mcsecd -V)" "mcsecd $version"
try "configuration and state are kept" sh_tree \
	'test -e /etc/mcsec/mcsecd.conf -a -e /var/lib/mcsec/gcks.db'

section "a new kernel"
try "headers of a kernel are installed" in_tree apt-get -qq -y install \
	--no-install-recommends "linux-headers-rt-$kernel"
new=$(basename "$(ls -d "$root"/lib/modules/*-rt-"$kernel" | head -n 1)")
is "DKMS has built the module for it" "$(of_module version "$new")" "$version"
in_tree apt-get -qq -y purge "linux-headers-rt-$kernel" >/dev/null 2>&1
in_tree apt-get -qq -y autoremove --purge >/dev/null 2>&1
# The folder has the lists of depmod, which DKMS called, and no package owns them.
rm -rf --one-file-system "$root/lib/modules/$new"

section "completion"
like "zsh reads it" "$(sh_tree 'zsh -n /usr/share/zsh/vendor-completions/_mcsecctl &&
	echo fine')" fine
is "fish offers commands" "$(in_tree fish -c 'complete -C "mcsecctl sen"' 2>&1 |
	cut -f1)" sender
is "fish offers sub-commands" "$(in_tree fish -c 'complete -C "mcsecctl group "' 2>&1 |
	cut -f1 | sort | xargs)" "add del flush set show"
is "fish offers sub-commands after help" "$(in_tree fish -c \
	'complete -C "mcsecctl help sender "' 2>&1 | cut -f1 | sort | xargs)" \
	"add del set show"
is "fish offers values" "$(in_tree fish -c \
	'complete -C "mcsecctl group add v 239.1.1.1 policy "' 2>&1 | cut -f1 | xargs)" \
	"enforce observe"

section "removed"
try "apt removes them" sh_tree 'apt-get -qq -y remove mcsec mcsec-dkms \
	mcsec-iptables mcsec-dev'
refuse "the module is gone" in_tree modinfo -k "$krel" mcsec
is "programs are gone" "$(in_tree sh -c 'command -v mcsecd mcsecctl')" ""
try "configuration and state stay" sh_tree \
	'test -e /etc/mcsec/mcsecd.conf -a -e /var/lib/mcsec/gcks.db'
section "purged"
# The others have nothing that is for purge to delete.
try "apt purges them" sh_tree 'apt-get -qq -y purge mcsec mcsec-dkms'
is "dpkg knows none of them any more" "$(sh_tree \
	"dpkg-query -W -f '\${Package} \${Status}\n' 'mcsec*'" 2>&1 |
	grep -E 'installed|config-files' | grep -v not-installed)" ""
try "the configuration of an administrator stays" in_tree test -e /etc/mcsec/mcsecd.conf
try "state is gone" in_tree test ! -e /var/lib/mcsec
rm -rf "$root/etc/mcsec"
files >"$TMP/after"
is "nothing else is left" "$(comm -13 "$TMP/before" "$TMP/after")" ""
is "nothing else is missing" "$(comm -23 "$TMP/before" "$TMP/after")" ""

# ---- other distributions ---------------------------------------------------

section "make dist"
mkdir -p "$root/dist"
for f in mcsec.spec PKGBUILD; do
	sed "s/@VERSION@/$version/" "$TOP/tools/packaging/$f.in" >"$root/dist/$f"
done
# Debian's rpm lacks the macros that Fedora's packages define.
macros="--define '_unitdir /usr/lib/systemd/system' --define '_pkgdocdir /usr/share/doc/mcsec'"
for m in sysusers tmpfiles; do
	macros+=" --define '_${m}dir /usr/lib/$m.d'"
done
macros+=" --define '_modulesloaddir /usr/lib/modules-load.d'"
for m in systemd_post systemd_preun systemd_postun_with_restart; do
	macros+=" --define '$m() true'"
done
like "rpm reads the spec" "$(sh_tree "rpmspec -P $macros /dist/mcsec.spec" 2>&1)" \
	"^Version: *$version"
is "the spec has packages as Debian has" "$(sh_tree \
	"rpmspec -q $macros --qf '%{NAME}\n' /dist/mcsec.spec" | sort | xargs)" \
	"mcsec mcsec-devel mcsec-dkms mcsec-iptables"
is "rpmlint has no errors" "$(sh_tree 'rpmlint /dist/mcsec.spec' 2>&1 |
	grep ' E: ')" ""
like "makepkg reads the PKGBUILD" "$(sh_tree 'chown -R nobody /dist; cd /dist;
	setpriv --reuid nobody makepkg --printsrcinfo' 2>&1)" "pkgver = $version"
tap_done
