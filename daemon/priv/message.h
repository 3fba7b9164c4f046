/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between the daemon and its helper, over a SOCK_SEQPACKET pair: one request,
 * one answer. Both ends are one program, so numbers and structures are the machine's.
 */
#ifndef PRIV_MESSAGE_H
#define PRIV_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

/* A netlink request with an SA and its name fits. */
#define PRIV_DATA_MAX 8192

enum priv_op {
	PRIV_ALLOW_PORT, /* value */
	PRIV_SEAL,
	PRIV_OPEN_REQUESTS, /* answer: a descriptor */
	PRIV_SEND, /* data, descriptor: of PRIV_OPEN_REQUESTS */
	PRIV_LEND, /* descriptor: the UDP socket of an edge, for the next order */
	PRIV_JOIN, /* descriptor, value: multicast group */
	PRIV_BIND, /* descriptor, local */
	PRIV_ROOM, /* descriptor, value: octets */
	PRIV_INTERFACE, /* descriptor, value: interface index */
};

struct priv_head {
	uint32_t seq;
	uint32_t op; /* enum priv_op */
	uint32_t value;
	struct ep local;
};

struct priv_answer {
	uint32_t seq; /* as in the request */
	int32_t ret; /* 0 or -errno */
};

/*
 * Send @head with @len octets of @data, or without data, and with descriptor @fd, or
 * without one if it is negative. Returns 0 or -errno.
 */
int priv_message_send(int sock, const void *head, size_t head_len,
		      const void *data, size_t len, int fd);
/*
 * Receive a head of @head_len octets, and data of @size octets at most, whose number is
 * in *@len. *@fd is a descriptor that the caller closes, or -1. Returns 0, -EPIPE if the
 * other end has ended, -EBADMSG, or another -errno.
 */
int priv_message_recv(int sock, void *head, size_t head_len, void *data,
		      size_t size, size_t *len, int *fd);

#endif
