// SPDX-License-Identifier: Apache-2.0
/* NAT detection and traversal (RFC 7296 section 2.23, RFC 3948). */
#include <string.h>

#include "crypto/hash.h"
#include "ike/sa.h"
#include "lib/log.h"
#include "lib/util.h"

/* SHA-1(SPIi | SPIr | address | port), RFC 7296 section 2.23. */
static int natd_hash(const uint8_t *spi_i, const uint8_t *spi_r,
		     const struct ep *e, uint8_t out[HASH_SHA1_LEN])
{
	uint8_t port[2];
	struct iovec iov[] = {
		{ (void *)spi_i, IKE_SPI_LEN },
		{ (void *)spi_r, IKE_SPI_LEN },
		{ (void *)e->addr.b, e->addr.len },
		{ port, sizeof(port) },
	};

	put_unaligned_be16(e->port, port);
	return hash_sha1(iov, 4, out);
}

/* Set @e to the source of our datagrams, before any NAT. */
static bool own_ep(const struct ike_sa *sa, struct ep *e)
{
	const struct ike_engine *engine = sa->engine;

	*e = sa->path.local;
	if (!addr_is_none(&e->addr) && !addr_is_any(&e->addr))
		return true;
	return sa->initiator && engine->ops.local_of &&
	       !engine->ops.local_of(engine->ctx, &sa->path.peer, e);
}

static bool may_float(const struct ike_sa *sa)
{
	const struct ike_engine *engine = sa->engine;

	return sa->initiator || !engine->ops.hears_natt ||
	       engine->ops.hears_natt(engine->ctx, &sa->path.local);
}

void nat_put(struct pchain *c, const struct ike_sa *sa)
{
	uint8_t src[HASH_SHA1_LEN], dst[HASH_SHA1_LEN];
	struct ep own;

	if (!may_float(sa) || !own_ep(sa, &own) ||
	    natd_hash(sa->spi_i, sa->spi_r, &own, src) ||
	    natd_hash(sa->spi_i, sa->spi_r, &sa->path.peer, dst))
		return;
	notify_build(c, IKE_N_NAT_DETECTION_SOURCE_IP, src, sizeof(src));
	notify_build(c, IKE_N_NAT_DETECTION_DESTINATION_IP, dst, sizeof(dst));
}

/* Return true if @m has notifies of @type and none of them matches @e. */
static bool natd_differs(const struct ike_msg *m, uint16_t type,
			 const struct ep *e)
{
	uint8_t want[HASH_SHA1_LEN];
	bool any = false;

	if (natd_hash(m->h.spi_i, m->h.spi_r, e, want))
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
	     const struct ike_path *path)
{
	sa->nat_there =
		natd_differs(m, IKE_N_NAT_DETECTION_SOURCE_IP, &path->peer);
	sa->nat_here = natd_differs(m, IKE_N_NAT_DETECTION_DESTINATION_IP,
				    &path->local);
	if (sa->nat_there || sa->nat_here)
		sa_debug(sa, "NAT detected:%s%s",
			 sa->nat_here ? " in front of this host" : "",
			 sa->nat_there ? " in front of the peer" : "");
}

/*
 * Interval that suits NATs with a timeout of half a minute (RFC 3948 section
 * 4).
 */
#define KEEPALIVE_MS 20000

void nat_float(struct ike_sa *sa)
{
	uint16_t port = sa->engine->cfg.natt_port;

	if (!port || (!sa->nat_here && !sa->nat_there))
		return;
	sa->path.local.port = port;
	sa->path.peer.port = IKE_NATT_PORT;
	if (sa->nat_here && sa->engine->ops.keepalive)
		timer_set(sa->engine->cfg.tq, sa->t_keepalive, KEEPALIVE_MS);
}

void nat_keepalive(void *arg)
{
	struct ike_sa *sa = arg;
	struct ike_engine *engine = sa->engine;

	engine->ops.keepalive(engine->ctx, &sa->path.local, &sa->path.peer);
	timer_set(engine->cfg.tq, sa->t_keepalive, KEEPALIVE_MS);
}
