/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key server and a member with certificates of one CA, for the test programs of
 * ike/.
 */
#ifndef IKE_PAIR_H
#define IKE_PAIR_H

#include "ike_net.h"

#define GCKS "gcks.example"

static struct net net;
static struct pki_pair ca;
static struct node *g, *m;

/* @gtype and @mtype are the types of their keys, 0 for the usual one. */
static inline void pair_setup_types(int gtype, int mtype,
				    const struct ike_engine_cfg *gcfg,
				    const struct ike_engine_cfg *mcfg)
{
	struct pki_opt opt = { .kind = PKI_GCKS, .dns = GCKS, .type = gtype };

	net_init(&net);
	pki_ca(&net, "test CA", &ca);
	opt.ca = &ca;
	g = node_new(&net, "192.0.2.1", &opt, &ca, gcfg);
	opt.kind = PKI_MEMBER;
	opt.dns = "a.example";
	opt.type = mtype;
	m = node_new(&net, "192.0.2.2", &opt, &ca, mcfg);
}

/* A configuration that is NULL is the usual one. */
static inline void pair_setup(const struct ike_engine_cfg *gcfg,
			      const struct ike_engine_cfg *mcfg)
{
	pair_setup_types(0, 0, gcfg, mcfg);
}

static inline void pair_teardown(void)
{
	net_free(&net);
	pki_pair_free(&ca);
}

/* Lose all that is under way. */
static inline void pair_drop_all(void)
{
	while (net.n_queue)
		net_drop(&net, 0);
}

#endif
