# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # what selftests/run knows
#
# Counts what programs say, for selftests/run: the variables passed, failed,
# skipped and failures, and the file $work/times, are the result.

fail() {
	failed=$((failed + 1))
	failures+=("$1")
	echo "FAIL  $1"
}

# name, exit code, seconds, seconds of CPU
conclude() {
	local name=$1 rc=$2 why=''

	printf '%s\t' "${3:-0}" "$name" "$seen" "$bad" "$rc" "${4:-0}" \
		>>"$work/times"
	echo >>"$work/times"
	if [ "$rc" = 4 ] && [ "$plan" = 0 ]; then
		skipped=$((skipped + 1))
		echo "SKIP  $name: $why_skip"
		return
	fi
	case $rc in
	97) why="the kernel died" ;;
	98) why="memory of the kernel leaked" ;;
	99) why="the kernel complained" ;;
	124 | 137) why="no end within its time" ;;
	esac
	if [ -n "$why" ]; then
		:
	elif [ -n "$bailed" ]; then
		why=$bailed
	elif [ -z "$plan" ]; then
		why="ended without its plan (exit code $rc)"
	elif [ "$plan" != "$seen" ]; then
		why="planned $plan checks and made $seen"
	elif [ "$seen" = 0 ]; then
		why="checked nothing"
	elif [ "$rc" != 0 ] && [ "$bad" = 0 ]; then
		why="exit code $rc"
	elif [ "$rc" = 0 ] && [ "$bad" != 0 ]; then
		why="exit code 0 in spite of failures"
	fi
	if [ -n "$why" ]; then
		fail "$name: $why"
	elif [ "$bad" = 0 ]; then
		printf 'ok    %s (%s, %s s, %s s of CPU)\n' "$name" "$seen" \
			"${3:-0}" "${4:-0}"
		return
	fi
	mkdir -p build/failed
	cp "$said" "build/failed/${name//[^a-zA-Z0-9.-]/-}.tap"
	# the end of what it said, where -v has not shown it, and what failed
	# in front of that
	[ -n "$verbose" ] || {
		head -n -60 "$said" | grep -E -A 3 '^not ok|✗' | head -n 40
		tail -n 60 "$said"
	} | sed 's/^/      /'
}

# Counts the TAP of programs from standard input, each framed by "@begin NAME"
# and "@end EXITCODE SECONDS CPU", and shows what matters.
judge() {
	local line name='' seen=0 bad=0 plan='' bailed='' why_skip=''

	while IFS= read -r line; do
		line=${line%$'\r'}
		case $line in
		@begin\ *)
			if [ -n "$name" ]; then
				bailed="broke off"
				conclude "$name" 1
			fi
			name=${line#@begin } seen=0 bad=0 plan='' bailed=''
			: >"$said"
			[ -z "$verbose" ] || echo "      $name"
			continue
			;;
		@end\ *)
			# shellcheck disable=SC2086 # exit code and times
			conclude "$name" ${line#@end }
			name=''
			continue
			;;
		esac
		if [ -z "$name" ]; then
			echo "      $line"
			continue
		fi
		[ -z "$verbose" ] || echo "      $line"
		printf '%s\n' "$line" >>"$said"
		case $line in
		"ok "*"# SKIP"*)
			seen=$((seen + 1)) skipped=$((skipped + 1))
			echo "SKIP  $name: ${line#*- }"
			;;
		"ok "*)
			seen=$((seen + 1)) passed=$((passed + 1))
			;;
		"not ok "*)
			seen=$((seen + 1)) bad=$((bad + 1))
			fail "$name: ${line#*- }"
			;;
		1..*)
			plan=${line#1..}
			plan=${plan%% *}
			why_skip=${line#*SKIP }
			;;
		"Bail out!"*)
			bailed=$line
			;;
		esac
	done
	if [ -n "$name" ]; then
		bailed="broke off"
		conclude "$name" 1
	fi
}
