// SPDX-License-Identifier: Apache-2.0
/* NAT detection, RFC 7296 2.23; init.c acts on what is found */
#include <string.h>

#include "crypto/hash.h"
#include "ike/sa.h"
#include "lib/log.h"

/* SHA-1(SPIi | SPIr | address | port), RFC 7296 2.23 */
static int natd(const uint8_t *spi_i, const uint8_t *spi_r,
		const struct ep *e, uint8_t out[HASH_SHA1_LEN])
{
	uint8_t port[2] = { e->port >> 8, e->port };
	struct iovec iov[] = {
		{ (void *)spi_i, IKE_SPI_LEN },
		{ (void *)spi_r, IKE_SPI_LEN },
		{ (void *)e->addr.b, e->addr.len },
		{ port, sizeof(port) },
	};

	return hash_sha1(iov, 4, out);
}

void nat_put(struct pchain *c, const struct ike_sa *sa)
{
	uint8_t src[HASH_SHA1_LEN], dst[HASH_SHA1_LEN];

	if (addr_is_none(&sa->local.addr) || addr_is_any(&sa->local.addr) ||
	    natd(sa->spi_i, sa->spi_r, &sa->local, src) ||
	    natd(sa->spi_i, sa->spi_r, &sa->peer, dst))
		return;
	notify_build(c, IKE_N_NAT_DETECTION_SOURCE_IP, src, sizeof(src));
	notify_build(c, IKE_N_NAT_DETECTION_DESTINATION_IP, dst, sizeof(dst));
}

/* True when notifies of @type are there and none of them is for @e. */
static bool natd_differs(const struct ike_msg *m, uint16_t type,
			 const struct ep *e)
{
	uint8_t want[HASH_SHA1_LEN];
	bool any = false;

	if (natd(m->h.spi_i, m->h.spi_r, e, want))
		return false;
	for (unsigned int i = 0; i < m->n_notify; i++) {
		const struct notify_pld *n = &m->notify[i];

		if (n->type != type)
			continue;
		any = true;
		if (n->len == sizeof(want) &&
		    !memcmp(n->data, want, sizeof(want)))
			return false;
	}
	return any;
}

void nat_see(struct ike_sa *sa, const struct ike_msg *m,
	     const struct ep *from, const struct ep *to)
{
	sa->nat_there = natd_differs(m, IKE_N_NAT_DETECTION_SOURCE_IP, from);
	sa->nat_here = natd_differs(m, IKE_N_NAT_DETECTION_DESTINATION_IP, to);
	if (sa->nat_there || sa->nat_here)
		log_debug("ike %s: NAT%s%s", sa->name,
			  sa->nat_here ? " before us" : "",
			  sa->nat_there ? " before the peer" : "");
}
