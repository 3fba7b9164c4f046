#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Documentation/recipes/mdns.rst, typed as it is there, with Avahi: a member finds the
# printer of another one. A stranger with a printer of the same name finds nothing, is not
# found, and gets no answer at the address of a host.
# timeout: 300

. "$(dirname "$0")/../lib.sh"
. "$TOP/selftests/e2e/recipe.sh"
need avahi-browse avahi-daemon avahi-resolve dbus-daemon nft

program unit-avahi-daemon <<'END'
#!/bin/sh
mkdir -p /run/dbus && dbus-daemon --system --fork --nopidfile && exec avahi-daemon
END
browse() { on_host "$1" avahi-browse -rpkt _ipp._tcp; }
# Avahi gives one of the printer's addresses, of either family.
found='^=;eth0;IPv4;Printer\\032of\\032the\\032office;_ipp\._tcp;local;printer\.local;(192\.0\.2\.1|fe80::[0-9a-f:]+);631;'
finds() { browse "$1" | grep -qE "$found"; }

before_command() {
	case $1:$2 in
	*'mcsecctl member mdns') try "both hosts have the key" wait_until 60 agree printer laptop ;;
	laptop:avahi-browse*) try "the laptop finds the printer" wait_until 60 finds laptop ;;
	esac
}
after_command() {
	case $1:$2 in
	laptop:avahi-browse*) output_has "the printer has its address and port" "$found" ;;
	laptop:avahi-resolve*) output_has "the printer's name has its address" \
		$'^printer\\.local\t192\\.0\\.2\\.1$' ;;
	laptop:*'mcsecctl stats') output_has "answers are verified" '^in-accepted +[1-9]' ;;
	laptop:*tcpdump*)
		# The time limit ends it, so its exit code does not tell that it has run.
		output_has "the capture has run" '^[0-9]+ packets captured'
		output_lacks "the capture has nothing in the clear" '\.5353'
		;;
	esac
}
recipe_up printer laptop x
type_recipe mdns "printer|laptop"

section "a stranger"
for f in avahi-daemon.conf ipp.service; do
	sed 's/host-name=printer/host-name=evil/' "$TMP/printer/home/$f" >"$TMP/x/home/$f"
done
on_host x install -D -m 644 ipp.service /etc/avahi/services/ipp.service
on_host x install -m 644 avahi-daemon.conf /etc/avahi/avahi-daemon.conf
before=$(stat_of laptop in-clear)
on_host x systemctl start avahi-daemon
try "the stranger's announcements are refused" wait_until 60 counted laptop in-clear $((before + 3))
own() { browse x | grep -q '^=;.*;evil\.local;192\.0\.2\.3;'; }
try "the stranger finds its own printer" wait_until 60 own
unlike "the stranger finds no other printer" "$(browse x)" ';192\.0\.2\.1;'
like "the laptop finds the printer still" "$(browse laptop)" "$found"
unlike "the laptop does not find the stranger's" "$(browse laptop)" 'evil|192\.0\.2\.3'
# HOST OWN-ADDRESS TO: asks for printer.local from no port of mDNS, which gets a unicast answer
ask() {
	in_ns "$1" python3 -ISs -c '
import _socket as socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[1]))
s.sendto(bytes.fromhex("000100000001000000000000") + b"\7printer\5local\0\0\1\0\1",
         (sys.argv[2], 5353))
s.settimeout(3)
try:
    print("answer", s.recv(512))
except TimeoutError:
    print("nothing")' "$2" "$3"
}
refused() { # CHAIN: datagrams that a rule of the printer has dropped
	on_host printer nft list chain inet mdns "$1" | sed -n 's/.*counter packets \([0-9]*\).*/\1/p'
}
is "a question to the host itself has no answer" "$(ask x 192.0.2.3 192.0.2.1)" nothing
is "a rule has refused the question" "$(refused in)" 1
is "a member gets no answer in the clear" "$(ask laptop 192.0.2.2 224.0.0.251)" nothing
is "a rule has refused the answer" "$(refused out)" 1
is "members say nothing in the clear" "$(wire "udp port 5353 and not src 192.0.2.3")" 0
try "messages of members are ESP" wire_has 5 "esp and dst 224.0.0.251"
tap_done
