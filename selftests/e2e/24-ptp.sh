#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Documentation/recipes/ptp.rst, typed as it is there, with the clocks of linuxptp: two
# find master and slave over mcsec, and the slave goes on to measure while a clock without
# a key says that it is better, and while keys change. Time stamps are the kernel's, of
# packets that are ESP on the wire.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
linuxptp=${MCSEC_CACHE:-/var/cache/mcsec}/apps/linuxptp/usr/sbin
[ -x "$linuxptp/ptp4l" ] || skip_all "$linuxptp/ptp4l is missing: tools/deps test"
. "$TOP/selftests/e2e/recipe.sh"

ln -s "$linuxptp/ptp4l" "$linuxptp/pmc" "$TMP/bin"
program unit-ptp4l@eth0 <<'END'
#!/bin/sh
exec ptp4l -m -f /etc/linuxptp/ptp4l.conf -i eth0
END
log() { echo "$TMP/$1/home/ptp4l@eth0.log"; }
said() { grep -c "$2" "$(log "$1")"; } # HOST WORDS
said_more() { [ "$(said "$1" "$2")" -gt "$3" ]; }
# The offset of a clock is measured again, for which Sync and both delay messages have
# to arrive.
measures() { wait_until 60 said_more clock2 ' rms ' $(($(said clock2 ' rms ') + 3)); }

before_command() {
	case $1:$2 in
	*'mcsecctl member ptp') try "both clocks have the key" wait_until 60 agree clock1 clock2 ;;
	clock2:*pmc*)
		try "clock2 chooses a master" wait_until 60 said_more clock2 \
			'selected best master clock' 0
		try "clock2 measures the offset of its clock" measures
		;;
	esac
}
after_command() {
	case $1:$2 in
	clock2:*pmc*)
		output_has "clock2 is a slave that measures" 'portState +UNCALIBRATED$'
		output_has "clock2 has a master" \
			'parentPortIdentity +[0-9a-f]{6}\.[0-9a-f]{4}\.[0-9a-f]{6}-1$'
		;;
	clock2:*'mcsecctl stats') output_has "messages are verified" '^in-accepted +[1-9]' ;;
	clock2:*tcpdump*)
		output_has "the capture has ESP" '> 224.0.1.129: ESP\(spi='
		output_lacks "the capture has no PTP" 'PTPv2'
		;;
	esac
}
recipe_up clock1 clock2 x
type_recipe ptp "clock1|clock2"
master=$(sed -n 's/.*selected best master clock //p' "$(log clock2)" | tail -n 1)
is "the master is clock1" "$master" \
	"$(sed -n 's/.*selected local clock \(.*\) as best master/\1/p' "$(log clock1)" | tail -n 1)"
like "the master has an identity" "$master" '^[0-9a-f]{6}\.[0-9a-f]{4}\.[0-9a-f]{6}$'

section "a better clock without a key"
sed 's/^priority1 .*/priority1 1/' "$TMP/clock1/home/ptp4l.conf" >"$TMP/x/home/ptp4l.conf"
on_host x install -D -m 644 ptp4l.conf /etc/linuxptp/ptp4l.conf
on_host x systemctl start ptp4l@eth0
try "x takes itself for the master" wait_until 60 said_more x 'grand master role' 0
refused() { counted clock1 in-clear 11 && counted clock2 in-clear 11; }
try "messages of x are refused and counted" wait_until 60 refused
try "clock2 goes on to measure" measures
is "clock2 has chosen no other master" "$(said clock2 'selected best master clock')" 1
is "clock1 has not given way" "$(said clock1 'to PASSIVE\|to UNCALIBRATED\|to SLAVE')" 0
is "x hears of no other clock" "$(said x 'new foreign master')" 0

section "a rekey"
spi=$(of clock1 data-spi)
try "the keys change" on_host clock1 mcsecctl rekey ptp
moved() { [ "$(of clock1 out-spi)" != "$spi" ] && agree clock1 clock2; }
try "both clocks send with the next key" wait_until 60 moved
try "clock2 goes on to measure" measures
is "clock2 has still one master" "$(said clock2 'selected best master clock')" 1

section "the wire"
is "members send nothing of PTP in the clear" \
	"$(wire "udp and dst 224.0.1.129 and not src 192.0.2.3")" 0
try "messages of x are in the clear" test "$(wire "udp and dst 224.0.1.129 and src 192.0.2.3")" -gt 10
try "messages of clock1 are ESP" test "$(wire "esp and src 192.0.2.1")" -gt 20
try "messages of clock2 are ESP" test "$(wire "esp and src 192.0.2.2")" -gt 5
tap_done
