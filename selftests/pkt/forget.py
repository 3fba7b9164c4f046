#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Empty the connection tracking of this network namespace, as "conntrack -F" does.

Ends with 1 and the reason if the kernel refuses.
"""
import os
import socket
import struct
import sys

NETLINK_NETFILTER = 12
DELETE = 1 << 8 | 2  # of the subsystem of connection tracking
REQUEST_ACK = 1 | 4

with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as s:
    s.bind((0, 0))
    # A header, and that of netfilter: a deletion that names no flow is of all.
    s.send(struct.pack("=IHHIIBBH", 20, DELETE, REQUEST_ACK, 1, 0, 0, 0, 0))
    error = struct.unpack_from("=i", s.recv(4096), 16)[0]
if error:
    sys.exit("connection tracking is not emptied: " + os.strerror(-error))
