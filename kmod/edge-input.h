/* SPDX-License-Identifier: GPL-2.0-only */
/* Datagrams that come by edges. */
#ifndef _MCSEC_EDGE_INPUT_H
#define _MCSEC_EDGE_INPUT_H

#include <linux/skbuff.h>

struct sock;

/*
 * Take a packet from the socket of a port. Runs under RCU with BH disabled; skb->data
 * is at the UDP header, whose checksum was verified. ESP goes on as the datagram
 * inside, behind PRE_ROUTING, or is dropped and counted. Returns 0 if @skb was taken,
 * or 1 for a packet of the socket's owner, which UDP delivers.
 */
int mcsec_edge_input(struct sock *sk, struct sk_buff *skb);

#endif /* _MCSEC_EDGE_INPUT_H */
