#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Check that the guest reports faults, since a test bed that cannot fail proves
# nothing: a WARN, an oops, a hang, a failing command, and with kernels for
# debugging a thread that is stuck, a leak, an overrun, a use after free, sleeping
# where it is not allowed, and locks taken in two orders.
#
# Runs on the host: it boots the guests itself. Arguments are the kernels, of
# uml, uml-debug, uml-smp and stock; without any, it is all of these.

. "$(dirname "$0")/../lib.sh"
cd "$TOP" || exit 1
boot=selftests/guest/boot
[ $# -gt 0 ] || set -- uml uml-debug uml-smp stock

# kernel: builds the module with the faults for it, fault_ko
build_fault() {
	local dir out
	dir=$(selftests/guest/kernel "$1") || return 1
	out=$TOP/build/fault-$(cat "$dir/release")

	mkdir -p "$out"
	ln -sf "$TOP"/selftests/guest/faults/* "$out/"
	# shellcheck disable=SC2046 # words
	make -s -C "$dir/build" M="$out" $(cat "$dir/make") modules \
		>"$TMP/log" 2>&1 || {
		cat "$TMP/log"
		return 1
	}
	fault_ko=$out/fault.ko
}

# kernel, name, exit code, what it says, command in the guest, words for boot
guest_ends() {
	local kernel=$1 name=$2 code=$3 says=$4 command=$5 out rc
	shift 5

	case $kernel in
	uml | uml-debug) set -- --clock idle "$@" ;;
	esac
	out=$($boot --kernel "$kernel" --timeout 400 "$@" -- \
		bash -c "$command" 2>&1)
	rc=$?
	if [ $rc = "$code" ] && grep -qE -- "$says" <<<"$out"; then
		ok "$kernel: $name ends with $code"
	else
		not_ok "$kernel: $name ends with $code" \
			"ended with $rc, and /$says/ was to be in:" "$out"
	fi
}

# kernel, fault, exit code, what it says, words for boot
fault_ends() {
	local kernel=$1 fault=$2 code=$3 says=$4
	shift 4

	guest_ends "$kernel" "the fault $fault" "$code" "$says" \
		"insmod '$fault_ko' fault=$fault; true" "$@"
}

# The checks of every kernel
outcomes() {
	fault_ends "$1" none 0 'Operation canceled'
	fault_ends "$1" warn 97 'asked to warn'
}

# Output, files and the console between a guest and its starter: the same for kernels of a
# kind
channels() {
	local out rc log=$TMP/console

	out=$($boot --kernel "$1" --timeout 400 --log "$log" -- \
		bash -c 'echo one; echo two >&2; exit 42' 2>&1)
	rc=$?
	is "$1: a command's failure ends with 42" $rc 42
	is "$1: the command's output comes back" "$out" $'one\ntwo'
	try "$1: the console is kept" test -s "$log"
	out=$($boot --kernel "$1" --timeout 400 --share "$TMP/share" -- \
		bash -c "echo guest >'$TMP/share/f'; rm -f '$0' /etc/passwd
		seq 200000" | sha256sum)
	is "$1: much output is whole" "$out" "$(seq 200000 | sha256sum)"
	is "$1: a shared folder is written to" \
		"$(cat "$TMP/share/f" 2>&1)" "guest"
	try "$1: what the guest removes is still the host's" \
		test -e /etc/passwd -a -e "$0"
	rm -rf "$TMP/share"
}

# A command that has a terminal: its size, lines, echo, and an interrupt that ends
# the command and not the guest. $TMP/shown is what the terminal shows.
at_terminal() {
	local rc=0 keys pid

	refuse "$1: no terminal without a terminal" \
		$boot --kernel "$1" --terminal -- true
	cat >"$TMP/typed.sh" <<-END
		stty rows 33 cols 99
		stty -g >"$TMP/before"
		$boot --kernel $1 --timeout 400 --terminal -- bash -c '
			trap "echo interrupted; exit 42" INT
			stty size
			read -r line
			echo "read \$line"
			sleep 1000'
		rc=\$?
		stty -g >"$TMP/after"
		exit \$rc
	END
	mkfifo "$TMP/keys"
	: >"$TMP/shown"
	script -qefc "bash $TMP/typed.sh" "$TMP/shown" <"$TMP/keys" >/dev/null &
	pid=$!
	exec {keys}>"$TMP/keys"
	try "$1: a command has a terminal of this one's size" \
		wait_until 100 grep -q '^33 99' "$TMP/shown"
	printf 'a line\r' >&$keys
	try "$1: a command reads what is typed" \
		wait_until 100 grep -q '^read a line' "$TMP/shown"
	printf '\003' >&$keys
	wait $pid || rc=$?
	exec {keys}>&-
	is "$1: an interrupt is the command's, which ends with 42" $rc 42
	like "$1: what is said after an interrupt is shown" \
		"$(tr -d '\r' <"$TMP/shown")" '^(\^C)?interrupted$'
	like "$1: what is typed is shown" "$(tr -d '\r' <"$TMP/shown")" '^a line$'
	is "$1: this terminal is as before" "$(cat "$TMP/after")" "$(cat "$TMP/before")"
	rm "$TMP/keys"
}

# The checks of a kernel for debugging besides
debugging() {
	fault_ends "$1" overrun 97 'KASAN: slab-out-of-bounds'
	fault_ends "$1" use-after-free 97 'KASAN: slab-use-after-free'
	fault_ends "$1" sleep 99 'sleeping function called from invalid context'
	fault_ends "$1" inversion 99 'possible circular locking dependency'
	fault_ends "$1" stuck 97 'hung_task: blocked tasks'
	fault_ends "$1" leak 98 'unreferenced object .*size 512'
	guest_ends "$1" "a program that skips after a complaint" 99 \
		'sleeping function' "insmod '$fault_ko' fault=sleep; exit 4"
	guest_ends "$1" "a complaint that dmesg no longer shows" 99 \
		'sleeping function' \
		"insmod '$fault_ko' fault=sleep; dmesg -C; true"
}

# pid: guests that an interrupted boot has left, which must be none
guests_of() { pgrep -f "umid=guest uml_dir=$1/"; }

# Two at once, one of which is ended from outside
together() {
	local a b dir

	mkdir "$TMP/one" "$TMP/two"
	TMPDIR=$TMP/one $boot --kernel "$1" --clock idle -- \
		bash -c 'echo up; exec sleep 36000' >"$TMP/one.out" 2>&1 &
	a=$!
	lib_pids+=("$a")
	TMPDIR=$TMP/two $boot --kernel "$1" --clock real -- \
		bash -c 'echo up; exec sleep 1000' >"$TMP/two.out" 2>&1 &
	b=$!
	wait "$a"
	is "$1: ten hours that nobody uses are skipped" $? 0
	try "$1: two guests at a time" wait_until 60 grep -q up "$TMP/two.out"
	dir=$(echo "$TMP"/two/*)
	try "$1: one of them runs" guests_of "$dir"
	kill "$b"
	wait "$b"
	is "$1: boot ends as what was interrupted" $? 130
	try "$1: its guest ends with it" wait_until 10 not guests_of "$dir"
	is "$1: the guest leaves no file" "$(ls "$TMP/two")" ""
}
not() { ! "$@"; }

for kernel; do
	build_fault "$kernel" || {
		echo "Bail out! the fault module does not build for $kernel"
		exit 1
	}
	outcomes "$kernel"
	case $kernel in
	uml)
		channels uml
		fault_ends uml oops 97 'Kernel mode fault|Oops|panic'
		fault_ends uml loop 124 'no end after 10 s' --timeout 10
		together uml
		at_terminal uml
		;;
	uml-debug) debugging uml-debug ;;
	uml-smp)
		channels uml-smp
		fault_ends uml-smp inversion 99 'possible circular locking'
		guest_ends uml-smp "a command on two CPUs" 2 '' 'exit $(nproc)' \
			--cpus 2
		;;
	stock)
		channels stock
		fault_ends stock oops 97 'NULL pointer dereference'
		guest_ends stock "a hang" 124 'no end after 25 s' 'sleep 1000' \
			--timeout 25
		at_terminal stock
		;;
	esac
done
tap_done
