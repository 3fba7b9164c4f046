# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # what guest/boot knows, and asks for
#
# The guest as a machine that QEMU emulates, for guest/boot: Debian's kernels.
# The host's files are its root by 9p.

machine_tools="qemu-system-x86_64 cpio busybox modprobe xz"
machine_file=vmlinuz

# Prints what QEMU is given as the kernel: the ELF file inside of vmlinuz, which
# then need not be decompressed by an emulated CPU at each start (three seconds of
# five), or vmlinuz itself where that has no entry for PVH or is compressed by
# what this machine has no program for. The words of the header are those of the
# x86 boot protocol: setup_sects, payload_offset, payload_length.
boot_image() {
	local image=$kernel/vmlinux packed=$kernel/vmlinuz new tool n at size

	if [ ! -e "$image" ] && grep -qs '^CONFIG_PVH=y' "$kernel/build/.config"; then
		new=$(mktemp "$image.XXXXXX" 2>/dev/null) || new=
	fi
	if [ -n "${new:-}" ]; then
		n=$(od -An -tu1 -j $((0x1f1)) -N 1 "$packed")
		at=$(od -An -tu4 -j $((0x248)) -N 4 "$packed")
		size=$(od -An -tu4 -j $((0x24c)) -N 4 "$packed")
		at=$((at + (n + 1) * 512))
		case $(od -An -tx1 -j $at -N 4 "$packed") in
		" fd 37 7a 58") tool=xz ;;
		" 28 b5 2f fd") tool=zstd ;;
		*) tool=gzip ;;
		esac
		# the last four octets are the size when decompressed
		if tail -c +$((at + 1)) "$packed" | head -c $((size - 4)) |
			"$tool" -dc 2>/dev/null >"$new" &&
			[ "$(head -c 4 "$new" | od -An -tx1)" = " 7f 45 4c 46" ]; then
			chmod 644 "$new"
			mv "$new" "$image"
		else
			rm -f "$new"
		fi
	fi
	[ -e "$image" ] || image=$packed
	echo "$image"
}

# The part of the initramfs that is the same for every run of a kernel.
make_initramfs() {
	local d=$work/initramfs m name

	mkdir -p "$d/bin" "$d/modules" "$d/proc" "$d/dev" "$d/sys"
	cp "$(command -v busybox)" "$d/bin/busybox"
	ln -s busybox "$d/bin/sh"
	cp "$here/qemu-init" "$d/init"
	cp "$here/mounts" "$d/mounts"
	chmod 755 "$d/init"
	if [ -e "$kernel/modules" ]; then
		for m in virtio_pci 9p 9pnet_virtio overlay virtio_console \
			virtio_rng; do
			# a driver that is built in is no module
			modprobe -d "$kernel" -S "$release" --show-depends $m \
				2>/dev/null | sed -n 's/^insmod //p'
		done | awk '!seen[$1]++ { print $1 }' >"$work/list"
		[ -s "$work/list" ] || die "no modules in $kernel"
		while read -r m; do
			name=${m##*/}
			case $name in
			*.xz) xz -dc "$m" >"$d/modules/${name%.xz}" ;;
			*) cp "$m" "$d/modules/$name" ;;
			esac
			echo "${name%.xz}" >>"$d/modules/order"
		done <"$work/list"
	fi
	(cd "$d" && find . | cpio -o -H newc --quiet) | gzip -1 >"$work/base" ||
		die "cannot make the initramfs"
	# the kernel wants the next archive at a multiple of four
	truncate -s %4 "$work/base"
}

# /dev/kvm can be there, and open, and never get a kernel past its loader.
accel() {
	local f=$cache/accel id

	id="$(cat /proc/sys/kernel/random/boot_id) $release"
	if [ -r "$f" ] && [ "$(sed -n 1p "$f")" = "$id" ]; then
		sed -n 2p "$f"
		return
	fi
	accel=tcg
	if [ -w /dev/kvm ]; then
		timeout 20 qemu-system-x86_64 -accel kvm -cpu host -m 512 \
			-nodefaults -display none -no-reboot \
			-kernel "$kernel/vmlinuz" -initrd "$work/base" \
			-append "console=ttyS0 panic=-1 mcsec.probe" \
			-serial "file:$work/probe" </dev/null >/dev/null 2>&1
		grep -q 'guest: probe succeeded' "$work/probe" 2>/dev/null &&
			accel=kvm
	fi
	printf '%s\n%s\n' "$id" "$accel" >"$f.$$" 2>/dev/null &&
		mv "$f.$$" "$f"
	echo "$accel"
}

# pci=noacpi: newer kernels interpret the firmware's interrupt routing for many
# seconds per device, and every device here works without. no_timer_check: on a busy
# host no interrupt of the timer may come while the kernel looks whether one does, and
# it panics ("IO-APIC + timer doesn't work").
#
# Fills args; the job is in $work/job, output goes to $work/out.
machine_prepare() {
	local i=0 s

	make_initramfs
	(cd "$work" && echo job | cpio -o -H newc --quiet) >"$work/job.cpio"
	cat "$work/base" "$work/job.cpio" >"$work/initrd"
	args=(qemu-system-x86_64 -m "${mem:-2048}" -nodefaults -display none -no-reboot
		-kernel "$(boot_image)" -initrd "$work/initrd"
		-append "console=ttyS0 loglevel=5 panic=-1 panic_on_warn=1 oops=panic
	mitigations=off random.trust_cpu=on rcupdate.rcu_cpu_stall_timeout=60
	nokaslr pci=noacpi no_timer_check $append"
		-serial "file:$work/console" -device virtio-serial-pci
		-chardev "file,id=result,path=$work/result"
		-device "virtserialport,chardev=result,name=result"
		-device virtio-rng-pci
		-virtfs "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap")
	if [ -n "$terminal" ]; then
		ln -s in "$work/terminal.in"
		ln -s out "$work/terminal.out"
		args+=(-chardev "pipe,id=terminal,path=$work/terminal"
			-device "virtconsole,chardev=terminal")
	else
		args+=(-chardev "file,id=out,path=$work/out,append=on"
			-device "virtserialport,chardev=out,name=out")
	fi
	[ -z "$monitor" ] || args+=(-monitor "unix:$monitor,server=on,wait=off")
	for s in ${shares[@]+"${shares[@]}"}; do
		args+=(-virtfs "local,path=$s,mount_tag=share$i,security_model=none,multidevs=remap")
		i=$((i + 1))
	done
	if [ -n "$icount" ]; then
		args+=(-accel "tcg,thread=single" -cpu "max,la57=off" -smp 1
			-icount "shift=0,sleep=off")
	elif [ "$(accel)" = kvm ]; then
		args+=(-accel kvm -cpu host -smp "$cpus")
	else
		args+=(-accel "tcg,thread=multi" -cpu "max,la57=off" -smp "$cpus")
	fi
}

machine_run() { exec "$@" </dev/null 2>"$work/errors"; }

# exit code: was it QEMU that did not do its work?
machine_failed() { [ "$1" -ne 0 ]; }
