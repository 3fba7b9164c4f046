// SPDX-License-Identifier: Apache-2.0
/*
 * The flows of a group. A key server may give a group several Data SAs, each for traffic
 * of its own (RFC 9838 section 4.4.2); one registration and one Rekey SA are for all of
 * them. Each flow has the selector of one, and a group of the kernel.
 */
#include <errno.h>
#include <string.h>

#include "lib/util.h"
#include "member/mgroup.h"

_Static_assert(CONF_MAX_DATA == GSA_MAX_DATA,
	       "a GSA payload has another limit of Data SAs");

int flow_of(const struct mgroup *g, const struct gsa_sa *sa)
{
	struct selector sel;

	if (ts_to_selector(&sa->src, &sa->dst, &sel))
		return -ENOENT;
	return conf_flow_of(g->conf, &sel);
}

unsigned int flows_in(const struct mgroup *g, const struct gsa *gsa)
{
	unsigned int i, flows = 0;
	int flow;

	for (i = 0; i < gsa->n_data; i++) {
		flow = flow_of(g, &gsa->data[i]);
		if (flow >= 0)
			flows |= 1u << flow;
	}
	return flows;
}

uint32_t flow_spi(const struct mgroup *g, const struct gsa *gsa,
		  unsigned int flow)
{
	unsigned int i;

	for (i = 0; i < gsa->n_data; i++)
		if (flow_of(g, &gsa->data[i]) == (int)flow)
			return get_unaligned_be32(gsa->data[i].spi);
	return 0;
}

bool flows_have(const struct mgroup *g, const struct gsa *gsa, bool or_next)
{
	unsigned int i;
	uint32_t spi;
	int flow;

	for (i = 0; i < gsa->n_data; i++) {
		flow = flow_of(g, &gsa->data[i]);
		spi = get_unaligned_be32(gsa->data[i].spi);
		if (flow < 0 || msa_find(g, spi) ||
		    (or_next && g->next_data[flow].n &&
		     g->next_data[flow].spi[0] == spi))
			continue;
		return false;
	}
	return gsa->n_data;
}

static bool came_with(const struct mrekey *rk, uint32_t spi)
{
	unsigned int i;

	for (i = 0; i < rk->n_data; i++)
		if (rk->data[i].spi == spi)
			return true;
	return false;
}

static bool flow_is_known(const struct mrekey *rk, int flow)
{
	unsigned int i;

	for (i = 0; i < rk->n_data; i++)
		if ((int)rk->data[i].flow == flow)
			return true;
	return false;
}

void flows_store_spis(struct mrekey *rk, const struct gsa *gsa)
{
	unsigned int i;
	uint32_t spi;
	int flow;

	for (i = 0; i < gsa->n_data; i++) {
		flow = flow_of(rk->g, &gsa->data[i]);
		spi = get_unaligned_be32(gsa->data[i].spi);
		if (flow < 0 || came_with(rk, spi) ||
		    rk->n_data == GSA_MAX_DATA)
			continue;
		rk->data[rk->n_data].flow = (unsigned int)flow;
		rk->data[rk->n_data++].spi = spi;
	}
}

bool flows_repeat(const struct mrekey *rk, const struct gsa *gsa)
{
	unsigned int i;

	if (gsa->has_rekey || !gsa->n_data || gsa->n_data != rk->n_data)
		return false;
	for (i = 0; i < gsa->n_data; i++)
		if (!came_with(rk, get_unaligned_be32(gsa->data[i].spi)))
			return false;
	return true;
}

bool flows_differ(const struct mrekey *rk, const struct gsa *gsa)
{
	unsigned int i;

	for (i = 0; i < gsa->n_data; i++)
		if (flow_is_known(rk, flow_of(rk->g, &gsa->data[i])) &&
		    !came_with(rk, get_unaligned_be32(gsa->data[i].spi)))
			return true;
	return false;
}
