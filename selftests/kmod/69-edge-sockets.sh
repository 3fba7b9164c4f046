#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Sockets of programs that have edges, and what their owners do with them.
#
#	a 10.1.0.1 eth0 ---- eth0 b 10.1.0.2
#
# stock full: the same code as on the other kernels

. "$(dirname "$0")/edge.sh"
need python3 tcpdump nft
load_mcsec

# owner NAMESPACE STEP...: a program in a namespace whose socket has an edge of the
# group g4, which takes each step and prints what it sees. It stays after the last.
cat >"$TMP/owner.py" <<'PY'
import errno
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, sys.argv[1])
from family import Client, Refused, Spec

mapped = "mapped" in sys.argv
other = "other" in sys.argv
s = socket.socket(socket.AF_INET6 if mapped else socket.AF_INET,
                  socket.SOCK_DGRAM)
s.bind(("::ffff:10.1.0.3" if mapped else "0.0.0.0", 4601 if other else 4600))
c = Client(Spec(sys.argv[2]))


def edge():
    c.do("edge-new", {"group": "g4", "id": 8 if other else 7,
                      "socket": s.fileno(), "dir": 3,
                      "peer": bytes([10, 1, 0, 2]), "peer-port": 4500})


for step in sys.argv[3:]:
    if step == "edge":
        edge()
    elif step == "insist":
        while True:
            try:
                edge()
                break
            except Refused as e:
                if e.errno != errno.EAGAIN:
                    raise
            time.sleep(0.1)
    elif step == "refused":
        try:
            edge()
        except Refused as e:
            print("refused", e, flush=True)
    elif step.startswith("mark="):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, int(step[5:]))
    elif step.startswith("encap="):
        s.setsockopt(17, 100, int(step[6:]))
    elif step == "encap":
        print("encap", s.getsockopt(17, 100), flush=True)
    elif step == "loop":
        print("loop", s.getsockopt(0, 34), flush=True)
    elif step == "close":
        s.close()
    elif step == "become-ipv4":
        s.connect(("::ffff:10.1.0.2", 4500))
        s.setsockopt(socket.IPPROTO_IPV6, 1, socket.AF_INET)  # IPV6_ADDRFORM
    elif step == "hold":
        # UDP sleeps with the lock of the socket until there is room for more.
        to = ("10.5.0.9", 9)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        try:
            while True:
                s.sendto(b"x" * 1000, socket.MSG_DONTWAIT, to)
        except BlockingIOError:
            pass
        threading.Thread(target=s.sendto, daemon=True,
                         args=(b"x" * 1000, socket.MSG_MORE, to)).start()
        time.sleep(1)
        print("held", flush=True)
    elif step == "wait":
        signal.sigwait([signal.SIGUSR1])
    elif step == "read":
        print("read", s.recv(100).hex(), flush=True)
    elif step == "say":
        print("there", flush=True)
signal.pause()
PY
spec=$(project_file Documentation/netlink/specs/mcsec.yaml)
owner() { # namespace, name of the output, step...
	local n=$1 out=$TMP/$2
	shift 2

	# in_ns would give the pid of a shell
	spawn nsenter "--net=/run/netns/$(ns "$n")" -- python3 -c \
		'import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
os.execvp("python3", ["python3"] + sys.argv[1:])' \
		"$TMP/owner.py" "$LIB/kfuzz" "$spec" "$@" \
		>"$out" 2>"$out.err"
	owner=$!
}
said() { grep -q "^$2\$" "$TMP/$1"; }
n_edges() { [ "$(ctl "$1" -j edge show g4 | json 'len(j)')" = "$2" ]; }
host() { # namespace: a network, the group and its keys
	nip "$1" link add dummy0 type dummy &&
		nip "$1" addr add 10.1.0.1/24 dev dummy0 &&
		nip "$1" link set dummy0 up &&
		ctl "$1" group add g4 $G4 &&
		sa_add "$1" g4 "$(new_key 20)" spi 4096 dir inout alg aes-gcm-16 \
			mode tunnel sender-id 1-4 select
}

section "an owner that takes the packets of its socket"

ns_create x
try "a host has a group" host x
owner x open loop edge loop say wait encap=0 encap say
try "a program hands its socket in" wait_until 30 said open there
is "the socket has an edge" "$(ctl x -j edge show g4 | json 'len(j)')" 1
is "the owner's option of the socket is as it was" \
	"$(grep loop "$TMP/open" | xargs)" "loop 1 loop 1"
taker=$owner
owner x other other edge say
other=$owner
try "another program hands a socket in" wait_until 30 said other there
try "an edge of the kernel's own socket" ctl x edge add g4 9 \
	local 10.1.0.1:4602 peer 10.1.0.2:4500 up down
kill -USR1 $taker
try "the edge ends when its packets are taken" wait_until 30 n_edges x 2
is "the edges of other sockets stay" \
	"$(ctl x -j edge show g4 | json 'sorted(e["id"] for e in j)')" "[8, 9]"
ctl x edge del g4 9
kill $other
try "the edge ends with its socket" wait_until 30 n_edges x 0
is "the socket of an owner that took its packets is open" \
	"$(in_ns x ss -Hnul 'sport = :4600' | wc -l)" 1
kill $taker
owner x espinudp edge encap=2 say wait encap
try "an owner gives its packets to xfrm" wait_until 30 said espinudp there
try "the edge ends when xfrm gets its packets" wait_until 30 n_edges x 0
kill -USR1 $owner
try "the socket is left as its owner set it" \
	wait_until 30 said espinudp "encap 2"
kill $owner

section "a socket that was closed after that"

ns_create y
try "another host has a group" host y
pinned=$(cat /sys/module/mcsec/refcnt)
owner y closed edge encap=0 close say
try "the owner has closed its socket" wait_until 30 said closed there
# The namespace must end while the edge is there, or after.
kill $owner
ns_delete y
unpinned() { [ "$(cat /sys/module/mcsec/refcnt)" -lt "$pinned" ]; }
try "no group stays of a namespace that was deleted" wait_until 60 unpinned

section "an owner that sleeps with the lock of its socket"

ns_create u v
veth u:eth0 10.5.0.1/24 -- v:eth0 10.5.0.2/24
# Nobody has the address that is asked for.
in_ns u sysctl -qw net.ipv4.neigh.eth0.mcast_solicit=1000000
try "a host beside another one has a group" host u
owner u held hold refused wait insist say
try "a program holds the lock of its socket" wait_until 30 said held held
try "the request of that program does not wait" \
	wait_until 30 grep -q ^refused "$TMP/held"
is "the program is told to try again" "$(grep ^refused "$TMP/held")" \
	"refused Resource temporarily unavailable: socket is in use by another thread or process, such as one that waits to send: try again"
is "the program has no edge" "$(ctl u -j edge show g4 | json 'len(j)')" 0
# The registration waits for all requests, and everybody behind it.
family=$(dirname "$(mcsec_ko)")/mcsec_test.ko
if [ -e "$family" ]; then
	(insmod "$family" && rmmod mcsec_test && echo gone >"$TMP/family") &
	try "a module with a family comes and goes" \
		wait_until 30 test -s "$TMP/family"
else
	skip "a module with a family comes and goes" "$family was not built"
fi
try "a request of somebody else does not wait" ctl u group add g9 239.1.1.9
try "the program does not wait to send any more" nip u link set eth0 down
kill -USR1 $owner
try "the program has its edge when its socket is free" \
	wait_until 30 said held there
kill -KILL $owner

section "a socket of IPv6 with an IPv4 address"

ns_create z
try "a host with two addresses has a group" host z
nip z addr add 10.1.0.3/24 dev dummy0
SNIFF=dummy0 sniff z wire udp
owner z mapped mapped mark=5 edge say wait become-ipv4 say
try "a program has a v4-mapped address" wait_until 30 said mapped there
nip z neigh add 10.1.0.2 lladdr 02:00:00:00:00:02 dev dummy0
in_ns z nft -f - <<'END'
table ip m {
	counter marked {}
	counter unmarked {}
	chain out {
		type filter hook output priority 0
		udp dport 4500 meta mark 5 counter name marked accept
		udp dport 4500 counter name unmarked
	}
}
END
marked() {
	in_ns z nft -j list counters | json \
		'{o["counter"]["name"]: o["counter"]["packets"] for o in j["nftables"] if "counter" in o}'
}
mc z send $G4 $PORT dummy0 loop=0 >/dev/null
sniffed wire
is "the copy comes from that address" \
	"$(tcpdump -n -r "$TMP/wire.pcap" 'udp dst port 4500' 2>/dev/null |
		awk '{ print $3 }')" "10.1.0.3.4600"
is "rules see the copy with the socket's mark" "$(marked)" \
	'{"marked": 1, "unmarked": 0}'
is "the edge shows the IPv4 address" "$(edge z g4 7 local)" 10.1.0.3:4600
kill -USR1 $owner
twice() { [ "$(grep -c there "$TMP/mapped")" = 2 ]; }
try "the socket has become one of IPv4" wait_until 30 twice
is "the edge shows the same address after that" "$(edge z g4 7 local)" 10.1.0.3:4600
mc z send $G4 $PORT dummy0 loop=0 >/dev/null
sniffed wire
is "the copy comes from the same address after that" \
	"$(tcpdump -n -r "$TMP/wire.pcap" 'udp dst port 4500' 2>/dev/null |
		awk '{ print $3 }' | xargs)" "10.1.0.3.4600 10.1.0.3.4600"
kill $owner

tap_done
