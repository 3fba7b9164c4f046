# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # what guest/boot knows, and asks for
#
# The guest as a process of the host, User Mode Linux, for guest/boot. The
# host's files are its root by hostfs.

machine_tools="busybox mount pivot_root stty taskset timeout"
machine_file=linux
uml_on=

# The guest's memory is a file without a name. Where it is kept must hold it,
# and let it be executed; a container's /dev/shm often does neither.
uml_tmpdir() {
	local dir=/dev/shm

	[ -w $dir ] &&
		[ "$(stat -f -c %T $dir)" = tmpfs ] &&
		[ $(($(stat -f -c '%a * %S' $dir))) -gt $((mem << 20)) ] &&
		! findmnt -n -o OPTIONS $dir 2>/dev/null | grep -qw noexec ||
		dir=$work
	echo $dir
}

# Prints the CPU that did least during a twentieth of a second, of those that this
# process may have.
uml_quiet_cpu() {
	local file=/proc/self/status

	{
		sed -n 's/^Cpus_allowed_list:[[:space:]]*/allowed /p' $file
		cat /proc/stat
		sleep 0.05
		cat /proc/stat
	} | awk '
		$1 == "allowed" {
			n = split($2, part, ",")
			for (i = 1; i <= n; i++) {
				split(part[i] "-" part[i], end, "-")
				for (c = end[1] + 0; c <= end[2] + 0; c++)
					allowed["cpu" c] = c
			}
		}
		$1 in allowed { idle[$1] = $5 + $6 - idle[$1] }
		END {
			srand()
			most = -1
			for (c in idle) {
				rank = idle[c] + rand()
				if (rank > most) {
					most = rank
					best = allowed[c]
				}
			}
			print best
		}'
}

# Fills args; the job is in $work/job, output goes to $work/out.
machine_prepare() {
	local o keys_from=null

	[ -z "$terminal" ] || keys_from=fd:5
	for o in ${icount:+--icount} ${monitor:+--monitor}; do
		die "$o is for kernels in QEMU"
	done
	# a clock that waits for nobody skips the time until a key is pressed
	[ -z "$terminal" ] || [ "$clock" = real ] ||
		die "--terminal: a user needs --clock real"
	mem=${mem:-1536}
	# shellcheck disable=SC2054 # the kernel's words have commas in them
	args=("$kernel/linux" "mem=${mem}M" root=/dev/root rootfstype=hostfs
		rootflags=/ ro "init=$here/uml-init" "mcsec_job=$work"
		"umid=guest" "uml_dir=$work/" mconsole=/dev/null
		con=null con0=null,fd:3 "con1=$keys_from,fd:4" console=tty0 loglevel=5
		panic_on_warn=1 oops=panic random.trust_cpu=on seccomp=auto)
	if grep -q '^CONFIG_SMP=y' "$kernel/build/.config"; then
		[ "$clock" = real ] ||
			die "a kernel for several CPUs has only --clock real"
		args+=("ncpus=$cpus")
	else
		[ "$cpus" = 1 ] ||
			die "--cpus $cpus: $release is for one, take uml-smp"
		# The kernel and its processes are processes of the host that
		# take turns at each system call: side by side on two CPUs
		# they would wake each other up, which costs more than the call.
		uml_on=$(uml_quiet_cpu)
		case $clock in
		cpu) args+=(time-travel) ;;
		idle) args+=(time-travel=inf-cpu) ;;
		esac
	fi
	# The allocator's caches of each CPU go on pointing at what they gave
	# out, and so hide leaks; checked caches have none of these.
	! grep -q '^CONFIG_DEBUG_KMEMLEAK=y' "$kernel/build/.config" ||
		args+=(slab_debug=F)
	# shellcheck disable=SC2206 # words, by their description
	args+=($append)
}

# The kernel's lines before its console is there go to the errors. Its console
# is the third descriptor, what the command says the fourth, the keys the fifth.
machine_run() {
	# the kernel dies by aborting
	ulimit -c 0
	[ -z "$terminal" ] || exec 5<>"$work/in"
	[ -z "$uml_on" ] || taskset -pc "$uml_on" $BASHPID >/dev/null
	TMPDIR=$(uml_tmpdir) exec "$@" </dev/null >"$work/errors" 2>&1 \
		3>"$work/console" 4>"$work/out"
}

# exit code: did it end before its kernel had a console?
machine_failed() { [ ! -s "$work/console" ]; }
