#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The demo's shell in the network that it leaves up (--keep), and its pauses between
# steps (--step), at a terminal. The steps themselves are what tools/demo checks.

# shellcheck disable=SC2034 # for lab.sh and keep.sh
LAB_HOSTS="keyserver anna" LAB_SOURCES=keyserver LAB_GCKS=keyserver
LAB_MEMBERS=anna c_head='' c_off=''
# shellcheck source=selftests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"
need script
# shellcheck source=tools/demo.d/hosts.sh
. "$TOP/tools/demo.d/hosts.sh"
# shellcheck source=tools/demo.d/keep.sh
. "$TOP/tools/demo.d/keep.sh"

try "the network, with hosts that have names" lab_up keyserver anna || tap_done
try "certificates are made" pki_make || tap_done
gcks_conf
try "the key server" daemon_start keyserver || tap_done
lab_tools

# at_terminal KEYS FUNCTION [ARGUMENT]...: a function of keep.sh at a terminal, which
# shows the text that is left in said; its shell ends with the code in rc.
at_terminal() {
	local keys=$1
	shift

	cat >"$TMP/typed.sh" <<-END
		set -u
		LAB='$LAB' LAB_HOSTS='$LAB_HOSTS' c_head='' c_off=''
		. '$TOP/tools/demo.d/keep.sh'
		$(printf '%q ' "$@")
		echo "\$1 goes on"
	END
	printf '%b' "$keys" >"$TMP/keys"
	rc=0
	said=$(TERM=dumb script -qec "bash $TMP/typed.sh $1" /dev/null <"$TMP/keys") ||
		rc=$?
	said=${said//$'\r'/}
}

section "step"
export MCSEC_DEMO_STEP=1
at_terminal '\n' step_pause "what comes next"
like "the next step is told" "$said" 'Enter: what comes next +q: quit'
# The terminal shows Enter as a new line where it reads that first, or after the prompt.
like "Enter goes on" "$rc:$(tail -n 1 <<<"$said")" '^0:(.*q: quit +)?step_pause goes on$'
at_terminal 'next\nq\n' step_pause "what comes next"
like "another word is asked for again" "$said" 'Enter or q:'
is "q ends the demo" "$rc" 3
unlike "nothing comes after q" "$said" 'goes on'
at_terminal '' step_pause "what comes next"
is "a terminal that is gone ends the demo" "$rc" 3
unset MCSEC_DEMO_STEP
is "no pause without --step" "$(step_pause "what comes next" </dev/null; echo $?)" 0

section "keep"
export MCSEC_DEMO_KEEP=1
at_terminal 'on anna ip -br addr show dev eth0\non keyserver mcsecctl status
on nobody true\nmcsecctl status\non anna\nmcsecctl group show; echo "none: $?"
exit\nexit 5\n' lab_shell "The lab stays up."
like "the shell tells what the lab is" "$said" '^The lab stays up\.'
like "a command runs on a host" "$said" '^eth0@[^ ]* +UP +10\.77\.2\.2/24 '
like "mcsecctl asks the daemon of that host" "$said" '^mcsecd .* is key server$'
like "an unknown host is told, with those there are" "$said" \
	'^on: no host "nobody": use on HOST COMMAND, with$'
like "mcsecctl outside of the hosts says what to do" "$said" \
	'^mcsecctl: on which host\? Use on HOST mcsecctl \.\.\.$'
like "the prompt says which host a shell is on" "$said" '^anna# .*'
like "mcsecctl works in a host's shell" "$said" '^none: 0$'
is "the shell's end goes on, however it was" "$rc:$(tail -n 1 <<<"$said")" \
	"0:lab_shell goes on"
unset MCSEC_DEMO_KEEP
is "no shell without --keep" "$(lab_shell "The lab stays up." </dev/null; echo $?)" 0
tap_done
