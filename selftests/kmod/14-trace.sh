#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Tracepoints say what became of each datagram.
#
# timeout: 600

. "$(dirname "$0")/kmod.sh"
need python3
load_mcsec
T=/sys/kernel/tracing
[ -d $T/events ] || mount -t tracefs tracefs $T 2>/dev/null
[ -d $T/events/mcsec ] || skip_all "the kernel has no tracing"
two_hosts
groups a b
key=$(new_key 20)
sa_add a g4 "$key" spi 0x1234 dir out alg aes-gcm-16 sender-id 7 select
sa_add b g4 "$key" spi 0x1234 dir in alg aes-gcm-16
listen b $G4 r4

# The buffer is the machine's: ours in an instance, which is removed.
I=$T/instances/mcsec$$
mkdir $I || skip_all "no instance of the trace buffer"
on_exit "echo 0 >$I/events/mcsec/enable; rmdir $I"
echo 1 >$I/events/mcsec/enable
traced() { grep -c "$1" $I/trace; }

send a $G4 count=2 size=20 >/dev/null
wait_until 20 has_lines r4 2
like "a datagram is protected" "$(<$I/trace)" \
	'mcsec_protect: group=g4 spi=0x00001234 sender_id=7 counter=1 len=84 '
like "the next datagram is protected with the next counter" "$(<$I/trace)" \
	'mcsec_protect: group=g4 spi=0x00001234 sender_id=7 counter=2 '
like "the datagram is verified at the other end" "$(<$I/trace)" \
	'mcsec_unprotect: group=g4 spi=0x00001234 sender_id=7 counter=2 len=48 '
is "each datagram is traced once" \
	"$(traced 'mcsec_protect:') $(traced 'mcsec_unprotect:')" "2 2"
is "nothing was dropped" "$(traced mcsec_drop)" 0

send a $G6 >/dev/null
like "a datagram without an SA is dropped" "$(<$I/trace)" \
	'mcsec_drop: group=g6 reason=out-no-sa spi=0x00000000 sender_id=-1'
ctl b sa del g4 0x1234
send a $G4 >/dev/null
wait_until 20 counted b in-no-sa 1
like "ESP of an unknown SPI is dropped" "$(<$I/trace)" \
	'mcsec_drop: group=g4 reason=in-no-sa spi=0x00001234 sender_id=-1'
sa_add b g4 "$(new_key 20)" spi 0x1234 dir in alg aes-gcm-16
send a $G4 >/dev/null
wait_until 20 counted b in-bad-icv 1
like "ESP with a wrong tag is dropped, with the Sender-ID that it claims" \
	"$(<$I/trace)" \
	'mcsec_drop: group=g4 reason=in-bad-icv spi=0x00001234 sender_id=7'
is "each drop is traced once, too" "$(traced mcsec_drop)" 3
like "the formats of the tracepoints are there for tools" \
	"$(<$T/events/mcsec/mcsec_protect/format)" 'field:u64 counter;'
echo 0 >$I/events/mcsec/enable
tap_done
