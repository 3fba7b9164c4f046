#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A second opinion on the bytes of IKE: with the keys that mcsecd exports for
# debugging, tshark decrypts the exchanges of a registration and finds them
# well formed. Without the option no key is written. The log is loud about it.
# timeout: 300

# shellcheck source=selftests/e2e/tap.sh
. "$(dirname "$0")/tap.sh"
need tshark

lab_start k a
gcks_conf
member_conf a false true
try "the eavesdropper listens" sniff_links ike k
try "mcsecd on k" daemon_start k || tap_done
try "mcsecd on a, without the option" daemon_start a || tap_done
try "a is in" wait_until 30 member_in a
daemon_stop a
unlike "a's log says nothing of an export without the option" \
	"$(<"$LAB/a/mcsecd.log")" \
	'export'
CONF_MORE="debug: { export-ike-keys = \"$LAB/a/ike.keys\"; };"
member_conf a false true
CONF_MORE=
: >"$LAB/a/mcsecd.log"
try "mcsecd on a, with the option" daemon_start a || tap_done
try "a is in again" wait_until 30 member_in a
like "a's log tells of the export" "$(<"$LAB/a/mcsecd.log")" 'keys of all IKE SAs are written'
is "the file is for its owner alone" "$(stat -c %a "$LAB/a/ike.keys")" 600
ctl k rekey video >/dev/null
sleep 3
daemon_stop a
try "the capture is complete" sniff_links_end k

mkdir -p "$TMP/home/.config/wireshark"
cp "$LAB/a/ike.keys" "$TMP/home/.config/wireshark/ikev2_decryption_table"
shark() {
	HOME=$TMP/home XDG_CONFIG_HOME=$TMP/home/.config timeout 120 \
		tshark -n -r "$LAB/wire/ike-k.pcap" -d udp.port==848,isakmp "$@" \
		2>/dev/null
}
all=$(shark -V)
like "tshark sees IKE_SA_INIT" "$all" 'Exchange type: IKE_SA_INIT'
n=$(printf '%s\n' "$all" | grep -c 'Decrypted Data\|Decrypted data')
try "tshark decrypts payloads: $n" test "$n" -ge 2
like "the identity of a is inside" "$all" 'a\.lab'
like "the identity of k too" "$all" 'k\.lab'
like "the payloads of a group are inside: IDg, GSA, KD" "$all" \
	'Group Identification|Group Security Association|Key Download'
unlike "no payload is malformed" "$all" '\[Malformed Packet'
n=$(shark -Y 'isakmp.exchangetype == 41' -T fields -e frame.number | wc -l)
try "multicast rekeys are on the wire: $n" test "$n" -ge 1
# without the keys there is nothing to see
rm -f "$TMP/home/.config/wireshark/ikev2_decryption_table"
unlike "without the keys no identity is to be seen" "$(shark -V)" 'a\.lab'
tap_done
