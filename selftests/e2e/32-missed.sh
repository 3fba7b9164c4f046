#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A receiver is off the network while others leave. An exclusion replaces the
# announced SPIs, so after two of them it knows none that is in use; it is back as
# soon as after one.

# shellcheck source=selftests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"

# The promise is 2 s; the rest is for a busy machine, more of it where time passes while
# programs work. A member that waits for an announced SPI takes 16 s at the least.
BACK_MS=5000
[ "${MCSEC_CLOCK:-}" = idle ] || BACK_MS=15000

cut_off() {
	in_ns r nft -f - <<-END
		table ip lost {
		    chain forward {
		        type filter hook forward priority 0;
		        oifname "r-$1" counter drop
		        iifname "r-$1" counter drop
		    }
		}
	END
}
hears_more() { [ "$(heard "$1")" -gt "$2" ]; }

# Let $1 onto the network; print the milliseconds until it reads the stream.
free() {
	local n t0

	n=$(heard "$1")
	t0=$(date +%s%3N)
	in_ns r nft delete table ip lost
	wait_until 60 hears_more "$1" "$n"
	echo $(($(date +%s%3N) - t0))
}

lab_start k s a b c
gcks_conf
member_conf s true false
for h in a b c; do member_conf $h false true; done
daemons_run k s a b c
stream_recv a rx
stream_send s tx -r 50
try "a hears s" wait_until 60 hears a 100
sleep 15

try "a is cut off" cut_off a
try "c leaves" ctl c leave video
sleep 6
try "b leaves" ctl b leave video
sleep 6
ms=$(free a)
diag "back after $ms ms"
try "a hears s as soon as the way is free" test "$ms" -le $BACK_MS
is "a is in" "$(member_is a state)" in
is "nobody was taken for a rival" "$(member_is a rivals)" 0
tap_done
