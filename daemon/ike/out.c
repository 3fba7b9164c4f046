// SPDX-License-Identifier: Apache-2.0
/* Sending of datagrams: kept messages, and answers in the clear. */
#include <errno.h>

#include "ike/sa.h"
#include "lib/clock.h"
#include "lib/quota.h"

static void send_datagram(struct ike_engine *engine,
			  const struct ike_path *path, const uint8_t *p,
			  size_t len)
{
	engine->stats.out++;
	engine->ops.send(engine->ctx, &path->local, &path->peer, p, len);
}

void out_send(struct ike_engine *engine, const struct ike_path *path,
	      const struct dgrams *d)
{
	for (unsigned int i = 0; i < d->n; i++)
		send_datagram(engine, path, d->v[i].p, d->v[i].len);
}

bool out_too_much(const struct dgrams *d, const struct ike_in *in,
		  const struct ep *known)
{
	size_t octets = 0;

	for (unsigned int i = 0; i < d->n; i++)
		octets += d->v[i].len;
	return d->n > 1 && octets > in->len && !ep_equal(&in->path.peer, known);
}

void out_unprotected(struct ike_engine *engine, const struct ike_in *in,
		     uint16_t type, const void *data, size_t len)
{
	struct ike_hdr res = in->m.h;
	struct pchain c;
	struct wbuf w;

	/*
	 * The I flag is the sender's role in the SA, so the answer inverts it.
	 */
	res.flags = IKE_FLAG_RESPONSE | (~in->m.h.flags & IKE_FLAG_INITIATOR);
	res.next = IKE_PLD_NONE;
	wbuf_init(&w, 512);
	ike_hdr_build(&w, &res);
	pchain_init(&c, &w, IKE_HDR_NEXT_OFF);
	notify_build(&c, type, data, len);
	msg_finish(&w);
	if (!w.err)
		send_datagram(engine, &in->path, w.p, w.len);
	wbuf_free(&w);
}

/*
 * Errors in the clear may go to a forged source address, so their number is
 * limited by network and in all.
 */
static const struct quota_rule errors_to_net = {
	.burst = 20,
	.every_ms = 100,
	.keys = 4096,
};

static const struct quota_rule errors_in_all = {
	.burst = 1000,
	.every_ms = 1,
	.keys = 1,
};

int out_init(struct ike_engine *engine)
{
	if (!engine->cfg.responder)
		return 0;
	engine->net_errors = quota_new(&errors_to_net, engine->seed);
	engine->all_errors = quota_new(&errors_in_all, engine->seed);
	return engine->net_errors && engine->all_errors ? 0 : -ENOMEM;
}

void out_free(struct ike_engine *engine)
{
	quota_free(engine->net_errors);
	quota_free(engine->all_errors);
}

void out_unprotected_error(struct ike_engine *engine, const struct ike_in *in,
			   uint16_t type, const void *data, size_t len)
{
	uint64_t now = clock_mono_ms(engine->cfg.clock);
	struct addr net;

	addr_net(&in->path.peer.addr, &net);
	if (quota_take(engine->net_errors, &net, sizeof(net), now) &&
	    quota_take(engine->all_errors, "", 0, now))
		out_unprotected(engine, in, type, data, len);
	else
		engine->stats.mute++;
}
