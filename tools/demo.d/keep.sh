# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # what run and say.sh have
#
# Waiting between steps (--step), and a shell in the lab (--keep). To be sourced after
# hosts.sh.

# The exit code of a demo that somebody quit, for tools/demo
EXIT_QUIT=3

# lab_shell TEXT: a shell until it ends, if --keep asked for one and there is a lab
lab_shell() {
	[ -n "${MCSEC_DEMO_KEEP:-}" ] && [ -e "$LAB/bin/on" ] || return 0
	unset MCSEC_DEMO_KEEP
	cat <<-END

		${c_head}$1${c_off} Its hosts are
		$LAB_HOSTS and router.

		   on anna mcsecctl status              a command on a host
		   on keyserver mcsecctl tree           who is in which group
		   on keyserver mcsecctl evict video carol.lab
		   on anna mcsecctl watch               what happens, as it happens
		   on router tcpdump -c 5 -n -i r-mallory    what mallory gets to see
		   on bob                               a shell on bob
		   exit                                 ends all of it

	END
	bash --noprofile --rcfile "$LAB/bin/labrc" -i
	return 0
}

# step_pause NEXT: waits for Enter if --step asked for it; "q" ends the demo
step_pause() {
	local answer

	[ -n "${MCSEC_DEMO_STEP:-}" ] || return 0
	printf '\n   %sEnter%s: %s   %sq%s: quit  ' "$c_head" "$c_off" "$1" \
		"$c_head" "$c_off"
	while read -r answer; do
		case $answer in
		'') return ;;
		q | Q) exit $EXIT_QUIT ;;
		*) printf '   Enter or q: ' ;;
		esac
	done
	# the terminal is gone
	exit $EXIT_QUIT
}
