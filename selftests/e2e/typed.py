#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
typed.py PROMPT FILE COMMAND...

Runs a command at a terminal of its own, and types the first line of the file each
time the prompt is there and the terminal shows no input. Prints what the terminal
showed; the exit code is the command's.
"""
import os
import pty
import select
import sys
import termios


def main():
    prompt = sys.argv[1].encode()
    with open(sys.argv[2], encoding="utf-8") as file:
        line = file.readline().rstrip("\n").encode() + b"\n"
    pid, fd = pty.fork()
    if not pid:
        os.execvp(sys.argv[3], sys.argv[3:])
    shown = b""
    asked = 0
    while True:
        ready, _, _ = select.select([fd], [], [], 0.05)
        if ready:
            try:
                part = os.read(fd, 4096)
            except OSError:  # the command has ended
                break
            if not part:
                break
            shown += part
        elif shown.count(prompt) > asked and not termios.tcgetattr(fd)[3] & termios.ECHO:
            asked += 1
            os.write(fd, line)
    sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


main()
