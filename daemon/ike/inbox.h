/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First messages of IKE SAs that wait: each network has a lane of its own, and lanes are
 * served in turn, so that who sends most is not served most. Private to daemon/ike.
 *
 * A first message costs ten times as much to handle as to read, and anybody can send
 * one from any address. While more come than can be handled, a socket fills up, and
 * loses what members send as well. They are read all the time therefore, and wait here.
 */
#ifndef IKE_INBOX_H
#define IKE_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/addr.h"

/*
 * Networks with messages: a newcomer has a place until there are so many. No first message
 * of a member is as large as the limit.
 */
#define INBOX_NETS 16384
#define INBOX_LEN 8192
/*
 * Messages and octets of all networks, of which each may have as much as half of what is
 * free beside its first one: a network alone, of a NAT say, a third, and each of sixteen
 * an eighteenth.
 */
#define INBOX_N 4096
#define INBOX_OCTETS (4 << 20)

struct inbox;

struct letter {
	STAILQ_ENTRY(letter) next;
	struct ep from;
	struct ep to;
	size_t len;
	uint8_t p[];
};

/* Make an empty inbox. Returns NULL without memory. */
struct inbox *inbox_new(void);
void inbox_free(struct inbox *b); /* NULL is allowed */
/*
 * Return true if the responder of a message has given no SPI yet. That it is a request
 * that opens an IKE SA is not looked at, as another one is no more urgent.
 */
bool inbox_is_first(const uint8_t *p, size_t len);
/*
 * Copy a message to the lane of its network, which has @hash. Returns 0, -ENOBUFS if
 * there is no place, or -ENOMEM.
 */
int inbox_put(struct inbox *b, uint64_t hash, const struct ep *from,
	      const struct ep *to, const uint8_t *p, size_t len);
/* Return the next message, which the caller frees by free(), or NULL. */
struct letter *inbox_take(struct inbox *b);
bool inbox_is_empty(const struct inbox *b);

#endif
