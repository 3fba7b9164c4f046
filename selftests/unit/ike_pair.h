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

/* Options that are 0 or NULL are as usual. */
struct pair_opt {
	const struct ike_engine_cfg *gcfg, *mcfg;
	int gtype, mtype; /* key types */
	const char *gaddr, *maddr;
	const struct pki_pair *member_ca; /* instead: ca */
	time_t member_s; /* the member's certificate ends after so many seconds */
};

/* Make the network and the CA, for what a test adds before the two nodes. */
static inline void pair_begin(void)
{
	net_init(&net);
	pki_ca(&net, "test CA", &ca);
}

static inline void pair_nodes(const struct pair_opt *o)
{
	struct pki_opt opt = {
		.kind = PKI_GCKS, .dns = GCKS, .ca = &ca, .type = o->gtype
	};

	g = node_new(&net, o->gaddr ? o->gaddr : "192.0.2.1", &opt, &ca,
		     o->gcfg);
	opt.kind = PKI_MEMBER;
	opt.dns = "a.example";
	opt.type = o->mtype;
	opt.to = o->member_s ? net.wall + o->member_s : 0;
	if (o->member_ca)
		opt.ca = o->member_ca;
	m = node_new(&net, o->maddr ? o->maddr : "192.0.2.2", &opt, &ca,
		     o->mcfg);
}

static inline void pair_setup_opt(const struct pair_opt *o)
{
	pair_begin();
	pair_nodes(o);
}

/* A configuration that is NULL is the usual one. */
static inline void pair_setup(const struct ike_engine_cfg *gcfg,
			      const struct ike_engine_cfg *mcfg)
{
	pair_setup_opt(&(struct pair_opt){ .gcfg = gcfg, .mcfg = mcfg });
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
