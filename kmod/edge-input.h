/* SPDX-License-Identifier: GPL-2.0-only */
/* Datagrams that come by edges. */
#ifndef _MCSEC_EDGE_INPUT_H
#define _MCSEC_EDGE_INPUT_H

#include <linux/skbuff.h>

struct sock;

/*
 * Take a packet from the socket of a port. ESP is taken, and either goes on as
 * the datagram inside, behind PRE_ROUTING, or is dropped and counted. Returns 0,
 * or 1 for what belongs to the owner of the socket.
 */
int mcsec_edge_input(struct sock *sk, struct sk_buff *skb);

#endif /* _MCSEC_EDGE_INPUT_H */
