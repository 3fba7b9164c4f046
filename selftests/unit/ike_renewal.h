/* SPDX-License-Identifier: Apache-2.0 */
/* A pair whose IKE SA is up and to be renewed, and what holds when it was. */
#ifndef UNIT_IKE_RENEWAL_H
#define UNIT_IKE_RENEWAL_H

#include "ike/sa.h"
#include "ike_pair.h"
#include "tap.h"

static struct ike_sa *msa, *gsa; /* the member's end and the key server's */

static inline void join_pair(void)
{
	msa = node_join(m, g, GCKS, true);
	net_run(&net);
	gsa = g->sa;
	if (m->seen.registered != 1 || !gsa)
		bail("not registered: %s", m->seen.text);
	ike_sa_set_user(gsa, &gsa);
}

static inline void setup_with(const struct ike_engine_cfg *gcfg,
			      const struct ike_engine_cfg *mcfg,
			      time_t member_s)
{
	pair_setup_opt(&(struct pair_opt){
		.gcfg = gcfg, .mcfg = mcfg, .member_s = member_s });
	join_pair();
}

static inline void setup(void)
{
	setup_with(NULL, NULL, 0);
}

static inline unsigned int sas_of(const struct node *n)
{
	return ike_engine_stats(n->engine)->sas;
}

/* A group is registered over the IKE SA, whose ends agree. */
static inline void agrees(const char *what)
{
	struct gike_req req;

	is_str(ike_sa_name(msa), ike_sa_name(gsa), "%s: both have one SA",
	       what);
	is_mem(ike_sa_kwk(msa)->key, ike_sa_kwk(msa)->len, ike_sa_kwk(gsa)->key,
	       ike_sa_kwk(gsa)->len, "%s: GSK_w is the same", what);
	node_clear(m);
	node_clear(g);
	group_req(&req, "video", true);
	ike_register_more(msa, &req);
	net_pass(&net, 4000, true);
	is_int(m->seen.registered, 1, "%s: registered over it", what);
	is_int(m->seen.tek_ret, 0, "%s: TEK unwrapped", what);
	is_str(g->seen.peer, "a.example", "%s: the peer stays who it was",
	       what);
	ok(g->sa == gsa && ike_sa_user(gsa) == &gsa,
	   "%s: the group layer has the same SA", what);
	ike_liveness(gsa);
	net_pass(&net, 1000, true);
	ok(ike_sa_is_up(gsa) && !gsa->my_busy,
	   "%s: requests of the key server are answered", what);
}

#endif
