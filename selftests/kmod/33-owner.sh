#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A group that a program keeps is not taken from it by hand without an explicit
# word; then it stays closed until the program makes it again.
#
#	a eth0 ---- eth0 b

. "$(dirname "$0")/kmod.sh"
need tcpdump python3
load_mcsec
two_hosts
groups b
# Makes a group, and what it is told on the FIFO: once more, delete it, or end.
cat >"$TMP/keeper.py" <<'END'
import os, socket, struct, sys
name, dst, fifo, *devs = sys.argv[1:]
def attr(kind, data):
    n = 4 + len(data)
    return struct.pack("=HH", n, kind) + data + bytes(-n % 4)
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
s.bind((0, 0))
def ask(kind, cmd, body):
    head = struct.pack("=BBH", cmd, 1, 0)
    s.send(struct.pack("=IHHII", 16 + len(head) + len(body), kind, 5, 1, 0) +
           head + body)
    reply = None
    while True:
        data = s.recv(65536)
        if struct.unpack_from("=H", data, 4)[0] == 2:
            return reply or struct.unpack_from("=i", data, 16)[0]
        reply = data
at = ask(16, 3, attr(2, b"mcsec\0"))[20:]
while True:
    n, kind = struct.unpack_from("=HH", at)
    if kind == 1:
        family = struct.unpack_from("=H", at, 4)[0]
        break
    at = at[(n + 3) & ~3:]
numbers, value = {}, 0
for line in open(os.environ["UAPI"]):
    word = line.split(",")[0].split("=")
    key = word[0].strip()
    if line.startswith("enum"):
        value = 0
    elif key.startswith("MCSEC_"):
        if len(word) > 1 and "(" not in word[1]:
            value = int(word[1], 0)
        numbers[key] = value
        value += 1
A = lambda w: numbers["MCSEC_A_GROUP_" + w]
what = attr(A("NAME"), name.encode() + b"\0")
make = what + attr(A("DST"), socket.inet_aton(dst)) + \
    attr(A("OWNER"), b"keeper\0") + \
    b"".join(attr(A("DEV"), d.encode() + b"\0") for d in devs)
print(ask(family, numbers["MCSEC_CMD_GROUP_NEW"], make), flush=True)
while True:
    with open(fifo) as f:
        word = f.read().strip()
    if word == "end":
        break
    new = word == "again"
    print(ask(family, numbers["MCSEC_CMD_GROUP_" + ("NEW" if new else "DEL")],
              make if new else what), flush=True)
END
export UAPI=$TOP/uapi/linux/mcsec.h
mkfifo "$TMP/fifo"
keep() {
	: >"$TMP/kept"
	spawn nsenter "--net=/run/netns/$(ns a)" -- python3 "$TMP/keeper.py" \
		g4 $G4 "$TMP/fifo" "$@" >"$TMP/kept"
	keeper=$!
}
kept() { tail -n 1 "$TMP/kept"; }
said() { [ "$(wc -l <"$TMP/kept")" -ge "$1" ]; }
keep
wait_until 20 said 1
is "a program makes a group" "$(kept)" 0
is "the group has its owner's name on it" "$(group_is a g4 owner)" keeper
k=$(new_key 20)
sa_add a g4 "$k" spi 4096 dir out alg aes-gcm-16 sender-id 1-8 select
sa_add b g4 "$k" spi 4096 dir in alg aes-gcm-16
listen b $G4 r
sniff b wire "host $G4"
spawn in_ns a "$MCSECCTL" monitor >"$TMP/events"
refused() { # name, command...
	local name=$1
	shift

	like "$name" "$(ctl a "$@" 2>&1)" 'another program owns the group: .* with --force'
}
refused "a group with an owner is not deleted by hand" group del g4
refused "a group with an owner is not flushed by hand" group flush
refused "a group with an owner is not made to observe by hand" \
	group set g4 policy observe
try "a group with an owner may be set to enforce" \
	ctl a group set g4 policy enforce
send a $G4 >/dev/null
try "the group works as before" wait_until 20 has_lines r 1

like "by force the group is taken, with a word of warning" \
	"$(ctl a group del g4 --force 2>&1)" \
	'SAs are deleted; its datagrams are dropped until the owner'
gone() { grep -q "^group-gone group g4 $G4" "$TMP/events"; }
try "the owner is told that its group is gone" wait_until 20 gone
mc a send $G4 $PORT eth0 count=3 text=OPENLEAK >/dev/null
is "the group taken by force has no SA, and is closed" \
	"$(counter a out-no-sa)" 3
sniffed wire
is "nothing left in the clear after the deletion by force" \
	"$(grep -ac OPENLEAK "$TMP/wire.pcap")" 0
echo again >"$TMP/fifo"
wait_until 20 said 2
is "the owner makes its group again" "$(kept)" 0
k=$(new_key 20)
sa_add a g4 "$k" spi 4097 dir out alg aes-gcm-16 sender-id 1-8 select
sa_add b g4 "$k" spi 4097 dir in alg aes-gcm-16
send a $G4 >/dev/null
try "the group that was made again works" wait_until 20 has_lines r 2
ctl a group flush --force >/dev/null 2>&1
is "a flush by force takes the SAs, too" \
	"$(group_is a g4 sas)" 0
mc a send $G4 $PORT eth0 count=2 text=OPENLEAK >/dev/null
is "the group flushed by force is closed" "$(counter a out-no-sa)" 5

section "the owner ends"

echo end >"$TMP/fifo"
wait "$keeper" 2>/dev/null
mc a send $G4 $PORT eth0 count=1 text=OPENLEAK >/dev/null
is "the group of an owner that has ended stays, closed" \
	"$(counter a out-no-sa)" 6
refused "the group of an owner that has ended still wants force" group del g4
keep
wait_until 20 said 1
is "the owner that is started again goes on with its group" "$(kept)" 0
kill "$keeper"
wait "$keeper" 2>/dev/null
try "without an owner that runs, force deletes the group" \
	ctl a group del g4 --force
is "the group is deleted for good" "$(ctl a group show)" "no groups"
keep
wait_until 20 said 1
echo del >"$TMP/fifo"
wait_until 20 said 2
is "the owner needs no force to delete its group" \
	"$(kept) $(ctl a group show)" "0 no groups"
sniffed wire
is "nothing of the group was in the clear meanwhile" \
	"$(grep -ac OPENLEAK "$TMP/wire.pcap")" 0

section "a group with interfaces"

kill "$keeper"
wait "$keeper" 2>/dev/null
keep eth0 other0
wait_until 20 said 1
try "a group with interfaces is taken by force" ctl a group del g4 --force
echo again >"$TMP/fifo"
wait_until 20 said 2
is "the owner makes its group with interfaces again" "$(kept)" 0
kill "$keeper"
wait "$keeper" 2>/dev/null
keep other0 eth0
wait_until 20 said 1
is "the owner makes a group that it has, and is told so" "$(kept)" -17
try "the group is taken by force once more" ctl a group del g4 --force
echo again >"$TMP/fifo"
wait_until 20 said 2
is "the order of the interfaces does not matter" "$(kept)" 0
try "the group is taken by force for the third time" ctl a group del g4 --force
kill "$keeper"
wait "$keeper" 2>/dev/null
keep eth0
wait_until 20 said 1
is "a group with other interfaces is not the same" "$(kept)" -17
tap_done
