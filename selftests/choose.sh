# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # what selftests/run knows
#
# The tests that selftests/run has for each of its groups, and what a test says of
# itself in its first lines. Sourced by run, whose variables it reads: names, groups,
# and the options full, quick, style, kernels, kernel and native.

# The first lines of files, by file: each of hundreds is asked several questions whenever
# tests are chosen, and starting programs for each question took seconds.
declare -A heads=()

# file: reads what it says
read_head() {
	local -a lines

	[ -z "${heads[$1]:-}" ] || return 0
	mapfile -n 25 lines <"$1"
	printf -v heads["$1"] '%s' "${lines[@]:1}"
	heads[$1]=$'\n'${heads[$1]}
}

# file, regular expression: does a line of its head begin with it?
says() {
	read_head "$1"
	[[ ${heads[$1]} =~ $'\n# '($2) ]]
}

# file, word: what it says after that word and a colon
said_of() {
	read_head "$1"
	[[ ${heads[$1]} =~ $'\n# '"$2: "\ *([^$'\n']*) ]] || return 0
	echo "${BASH_REMATCH[1]}"
}

# group, file: does the command line ask for it?
wanted() {
	local n base=${2##*/}

	[ ${#names[@]} -gt 0 ] || return 0
	[ "$1" != style ] || [ -z "$style" ] || return 0
	base=${base%.*}
	base=${base#test_}
	base=${base#fuzz_}
	for n in "${names[@]}"; do
		n=${n#selftests/}
		case $n in
		"$1" | "$base" | "${2##*/}" | "${2#selftests/}" | \
			"$1/$base" | "$1/${2##*/}")
			return 0
			;;
		esac
	done
	return 1
}

# group, file: is the test one for the group's kernel?
belongs() {
	case $1 in
	kmod)
		! says "$2" 'debug only' && ! says "$2" 'stock only' &&
			{ [ -n "$full" ] || [ ${#names[@]} -gt 0 ] ||
				! belongs debug "$2"; }
		;;
	previous)
		! says "$2" 'debug only' && ! says "$2" 'stock only' &&
			! says "$2" 'cpus: 2'
		;;
	debug)
		! says "$2" 'stock only' && ! says "$2" 'cpus: 2' &&
			{ [ -n "$full" ] || ! says "$2" 'debug full'; }
		;;
	stock | next | rt)
		! says "$2" 'debug only' && ! says "$2" 'uml only' &&
			{ [ -n "$full" ] || { ! says "$2" 'full only' &&
				says "$2" "$1 (only|too)"; }; }
		;;
	esac
}

# group, file: is it asked for by a name that has the group in it?
insisted() {
	local n f

	for n in ${names[@]+"${names[@]}"}; do
		n=${n%.sh}
		f=${2##*/}
		[ "$1" = kmod ] || [ "$n" != "$1/${f%.*}" ] || return 0
	done
	return 1
}

# group: its files that are asked for
files() {
	local f g

	case $1 in
	style) g='tools/style/run' ;;
	unit) g='selftests/unit/test_*.c selftests/unit/test_*.py' ;;
	san) g='selftests/unit/test_*.c' ;;
	bench) g='selftests/bench/cost.c selftests/bench/delivery.c' ;;
	pkg) g='selftests/pkg/*.sh' ;;
	fuzz) g='selftests/fuzz/fuzz_*.c' ;;
	build) g='build/stock build/next build/newest build/rt build/clang
		build/arm64' ;;
	smoke) g='selftests/kmod/20-data.sh' ;;
	bed) g='selftests/guest/faults.sh' ;;
	kmod | debug | stock | next | rt | previous) g='selftests/kmod/*.sh' ;;
	e2e | e2e-debug) g='selftests/e2e/[0-9]*.sh' ;;
	kfuzz | kfuzz-debug) g='selftests/kfuzz/*.sh' ;;
	demo | demo-stock) g='tools/demo' ;;
	mutate) g='selftests/mutate' ;;
	esac
	[ "$1" != stock ] || [ -n "$kernels" ] || g+=' selftests/e2e/[0-9]*.sh'
	for f in $g; do
		case $f in
		build/*) ;;
		# a file of functions for tests is not executable
		*.sh) [ -x "$f" ] || continue ;;
		*) [ -e "$f" ] || continue ;;
		esac
		case $1 in
		unit)
			[ -n "$full" ] || [ ${#names[@]} -gt 0 ] ||
				differs "$f" || continue
			;;
		bench)
			[ -n "$full" ] || [ "${f##*/}" != delivery.c ] ||
				insisted "$1" "$f" || continue
			;;
		pkg | e2e)
			[ -n "$full" ] || ! says "$f" 'full only' ||
				insisted "$1" "$f" || continue
			;;
		kmod | debug | stock | next | rt | previous)
			[ -n "$native$kernel" ] || belongs "$1" "$f" ||
				insisted "$1" "$f" || continue
			;;
		esac
		! wanted "$1" "$f" || echo "$f"
	done
}

# A test says itself how long it may take, where the usual is not enough:
# "# timeout: 600" in its first lines.
limit_of() {
	local t

	t=$(said_of "$1" timeout)
	[[ ${t:=300} =~ ^[1-9][0-9]*$ ]] || {
		echo "run: $1: timeout \"$t\" is not a number of seconds" >&2
		t=300
	}
	echo "$t"
}

# file: does a unit test do otherwise than under sanitizers? They make sizes smaller,
# seccomp filters end programs that have them, and what has a store meets a slow one
# there (which is enough for --quick).
differs() {
	local n=${1##*/}

	n=${n%.c}
	case $n in
	*.py | test_priv) ;;
	*) if has_store "$n"; then [ -z "$quick" ]; else grep -q FULL_OR_FEW "$1"; fi ;;
	esac
}

# program: can it run with a store that takes its time, or does it say itself how
# much time that is?
has_store() {
	case $1 in
	test_group_fair) return 1 ;;
	test_group* | test_control) ;;
	*) return 1 ;;
	esac
}
