#!/usr/bin/python3 -ISs
# SPDX-License-Identifier: Apache-2.0
"""Run the packet tools of this folder without starting Python for each datagram.

  serve.py ASK SAY
      Until a signal: read a tool's name and its words from the FIFO ASK, one a
      line, run it, and write to the FIFO SAY what it prints.

The module's tests call it by pkt and mc of kmod.sh.
"""
import importlib
import os
import sys


def main(ask, say):
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    while True:
        with open(ask, encoding="utf-8") as f:
            name, *words = f.read().splitlines()
        tool = importlib.import_module(name)
        # In a process of its own, with which ends what the tool binds itself to
        if not os.fork():
            out = os.open(say, os.O_WRONLY)
            os.dup2(out, 1)
            try:
                tool.main(*words)
            except BaseException as e:
                print(f"{name} {' '.join(words)}: {e!r}", file=sys.stderr)
            sys.stdout.flush()
            os._exit(0)
        os.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
