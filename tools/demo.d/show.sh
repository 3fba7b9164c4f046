# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # what run and say.sh have
#
# The demo shows more than check marks: the network, the product's commands and
# what they say, a datagram, and the machine. To be sourced after say.sh.

# The network, and what everybody in it may
picture() {
	local h addresses=

	for h in $LAB_HOSTS; do
		addresses+="s/$h\\( *\\)<address>/$h\\1$(ip_of "$h")/;"
	done
	sed "$addresses" <<-'END'

	     keyserver <address> ──┐              ┌── anna  <address>
	     lets members in,      │  ┌────────┐  │   receives
	     makes the keys        │  │        │  │
	     studio    <address> ──┼──┤ router ├──┼── bob   <address>
	     sends                 │  │        │  │   receives, until it is evicted
	                           │  └────────┘  │
	     mallory   <address> ──┘              └── carol <address>
	     is no member, but                        joins while the stream runs
	     taps every link

	END
	note "the group \"video\" is $GROUP; new keys come by $REKEY"
}

# show HOST COMMAND: a command as one types it on a host, and what it says, which
# is left in the variable shown. The command must succeed.
show() {
	local host=$1 rc=0
	shift

	printf '     %s%s#%s %s\n' "$c_head" "$host" "$c_off" "$*"
	shown=$(LAB_COLOR=${c_head:+always} "$LAB/bin/on" "$host" \
		bash -c "$*" 2>&1 </dev/null) || rc=$?
	[ -z "$shown" ] || grep -v '^$' <<<"$shown" | sed 's/^/       /'
	[ $rc -eq 0 ] ||
		not_ok "the command on $host succeeds" "it ended with $rc"
}

# The machine that the rates are of
machine() {
	local model

	model=$(sed -n '/^model name[[:blank:]]*: /{ s///p; q }' /proc/cpuinfo)
	if grep -q 'User Mode Linux' /proc/cpuinfo; then
		echo "User Mode Linux, a kernel that is a process, which has no AES instructions"
	elif [[ $model == *TCG* ]]; then
		echo "a machine that QEMU emulates instruction by instruction"
	elif [ -n "${MCSEC_GUEST:-}" ]; then
		echo "a virtual machine ($model)"
	else
		echo "this machine ($model)"
	fi
}

# ---- one datagram, before and after ------------------------------------------

PACKET_TEXT='Goal! 2:1, number 9 in minute 87'
PACKET_PORT=5005

packet_heard() { grep -qF "$PACKET_TEXT" "$LAB/anna/$1.log"; }

# packet_send NAME: sends one datagram from studio while mallory listens on its own
# link, whose capture is LAB/NAME.pcap then; fails unless anna gets its text.
packet_send() {
	sniff_links "$1" mallory || return 1
	spawn_as anna "$1" socat -u \
		"UDP4-RECVFROM:$PACKET_PORT,ip-add-membership=$GROUP:eth0" STDOUT
	wait_until 10 packet_awaited || return 1
	printf '%s' "$PACKET_TEXT" | in_ns studio socat -u STDIN \
		"UDP4-DATAGRAM:$GROUP:$PACKET_PORT,bind=:$PACKET_PORT,ip-multicast-if=$(ip_of studio),ip-multicast-ttl=16" ||
		return 1
	wait_until 20 packet_heard "$1" || return 1
	reap anna "$1"
	sniff_links_end mallory && mv "$LAB/wire/$1-mallory.pcap" "$LAB/$1.pcap"
}

packet_awaited() { in_ns anna ss -Hnlu | grep -q ":$PACKET_PORT "; }

# packet_markers NAME: how often the text is in a capture
packet_markers() {
	printf '%s' "${PACKET_TEXT:0:16}" | od -An -v -tx1 | tr -d ' ' \
		>"$LAB/packet.txt"
	wire scan -m "$LAB/packet.txt" "$LAB/$1.pcap"
}

# Both captures of the datagram side by side
packet_pair() {
	note "on mallory's link without mcsec     and with it, as ESP"
	wire pair -g "$GROUP" "$LAB/clear.pcap" "$LAB/esp.pcap" \
		>"$LAB/pair" ||
		not_ok "the two packets are printed"
	sed 's/^/     /; s/ *$//' "$LAB/pair"
	note "SPI: which key. IV: which sender, and a number that never comes twice."
	note "encrypted: the UDP header, the data, padding. ICV: proves all from the"
	note "SPI on to be as studio sent it. The IP header says ESP (0x32), not UDP (0x11)."
}
