# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For tests of commands that write files: what is refused leaves everything as it was.
# To be sourced after lib.sh; changes to a folder of the test's own.

cd "$TMP" || exit 1
# Keys are given to this user if it exists.
# Checks by root are made with the rights of that user, too.
chmod 755 "$TMP"
printf 'mcsec:x:64999:64999::/:/bin/false\n' >>/etc/passwd

# FOLDER...: what would tell that a file there is another, or was written to
state() {
	find "$@" \( -type f -printf '%P %m %u %s %i %T@\n' -o \
		-printf '%P %m %u\n' \) | sort
}

# NAME PATTERN COMMAND...: one line on stderr matches, and the folder is as it was
spoils_nothing() {
	local name=$1 want=$2 before out rc=0

	before=$(state "$TMP")
	out=$("${@:3}" 2>&1 >/dev/null) || rc=$?
	like "$name" "$rc:$out" "^[12]:mcsecctl: $want"
	is "$name: nothing has changed" "$(state "$TMP")" "$before"
}
