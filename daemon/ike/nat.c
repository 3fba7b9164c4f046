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

static bool is_chosen(const struct addr *a)
{
	return !addr_is_none(a) && !addr_is_any(a);
}

bool nat_may_move(const struct ike_sa *sa)
{
	return !sa->gcks && sa->engine->ops.local_of &&
	       !is_chosen(&sa->path.local.addr);
}

bool nat_own(const struct ike_sa *sa, const struct ike_path *path,
	     struct ep *own)
{
	const struct ike_engine *engine = sa->engine;

	*own = path->local;
	if (is_chosen(&own->addr))
		return true;
	if (sa->gcks || !engine->ops.local_of ||
	    engine->ops.local_of(engine->ctx, &path->peer, own))
		return false;
	/* The port that local_of() tells is that of before a change to 4500. */
	if (path->local.port && path->local.port == engine->cfg.natt_port)
		own->port = path->local.port;
	return true;
}

static bool may_float(const struct ike_sa *sa, const struct ike_path *path)
{
	const struct ike_engine *engine = sa->engine;

	return !sa->gcks || !engine->ops.hears_natt ||
	       engine->ops.hears_natt(engine->ctx, &path->local);
}

void nat_put(struct pchain *c, const struct ike_sa *sa,
	     const struct ike_path *path)
{
	uint8_t src[HASH_SHA1_LEN], dst[HASH_SHA1_LEN];
	struct ep own;

	if (!may_float(sa, path) || !nat_own(sa, path, &own) ||
	    natd_hash(sa->spi_i, sa->spi_r, &own, src) ||
	    natd_hash(sa->spi_i, sa->spi_r, &path->peer, dst))
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

void nat_look(const struct ike_msg *m, const struct ike_path *path,
	      struct nat_seen *seen)
{
	seen->there =
		natd_differs(m, IKE_N_NAT_DETECTION_SOURCE_IP, &path->peer);
	seen->here = natd_differs(m, IKE_N_NAT_DETECTION_DESTINATION_IP,
				  &path->local);
}

void nat_see(struct ike_sa *sa, const struct ike_msg *m,
	     const struct ike_path *path)
{
	struct nat_seen seen;

	nat_look(m, path, &seen);
	sa->nat_there = seen.there;
	sa->nat_here = seen.here;
	sa->natt |= msg_notify(m, IKE_N_NAT_DETECTION_SOURCE_IP) &&
		    msg_notify(m, IKE_N_NAT_DETECTION_DESTINATION_IP);
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

void nat_keep(struct ike_sa *sa)
{
	struct timerq *tq = sa->engine->cfg.tq;

	if (!sa->t_keepalive)
		return;
	if (!sa->nat_here || !sa->engine->cfg.natt_port ||
	    !sa->engine->ops.keepalive)
		timer_del(tq, sa->t_keepalive);
	else if (!timer_armed(sa->t_keepalive))
		timer_set(tq, sa->t_keepalive, KEEPALIVE_MS);
}

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
