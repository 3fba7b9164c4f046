// SPDX-License-Identifier: Apache-2.0
/*
 * Attributes and notifies of private use pass through requests, answers and
 * policies unchanged, within limits.
 */
#include <errno.h>

#include "ike_net.h"
#include "lib/log.h"
#include "tap.h"
#include "wire/opaque.h"

#define GCKS "gcks.example"
#define ATTR 20000
#define NOTIFY 41000

static bool same(const struct opaque *a, const struct opaque *b)
{
	return a->n == b->n && a->used == b->used && a->cut == b->cut &&
	       !memcmp(a->v, b->v, a->n * sizeof(a->v[0])) &&
	       !memcmp(a->octets, b->octets, a->used);
}

static void lists(void)
{
	uint8_t octets[OPAQUE_OCTETS + 1] = { 1, 2, 3 };
	struct opaque o = { 0 };
	const uint8_t *p;
	size_t len;

	is_int(opaque_add(&o, ATTR, octets, 3), 0, "three octets");
	is_int(opaque_add(&o, ATTR + 1, NULL, 0), 0, "no octets");
	is_int(opaque_add(&o, ATTR, "again", 5), 0, "the first type again");
	p = opaque_find(&o, ATTR, &len);
	ok(p && len == 3 && !memcmp(p, octets, 3), "the first is found");
	ok(opaque_find(&o, ATTR + 1, &len) && !len, "no octets are found");
	ok(!opaque_find(&o, ATTR + 2, &len), "another type is not there");
	is_int(opaque_add(&o, ATTR, octets, OPAQUE_OCTETS - 7), -E2BIG,
	       "one octet too many");
	is_int(opaque_add(&o, ATTR, octets, OPAQUE_OCTETS - 8), 0,
	       "all octets there are");
	while (o.n < OPAQUE_MAX)
		opaque_add(&o, ATTR, NULL, 0);
	is_int(opaque_add(&o, ATTR, NULL, 0), -E2BIG, "an entry too many");
	ok(!o.cut, "a caller that is refused has cut nothing");
	opaque_keep(&o, ATTR, NULL, 0);
	ok(o.cut && o.n == OPAQUE_MAX, "a message that is cut says so");
}

static void types(void)
{
	static const uint16_t own_attrs[] = {
		GIKE_GWP_MADE, GIKE_GWP_NEXT_REKEY, GIKE_GWP_TERM,
		GIKE_GWP_SENDER_ATD, GIKE_GWP_DEAD
	};
	static const uint16_t own_notifies[] = { MCSEC_N_USED_UP,
						 MCSEC_N_SENDING,
						 MCSEC_N_REKEY_FRAGMENTS,
						 MCSEC_N_RIVAL,
						 MCSEC_N_GROUP,
						 MCSEC_N_LATER,
						 MCSEC_N_CHANGED,
						 MCSEC_N_EDGE_REQUEST,
						 MCSEC_N_EDGE,
						 MCSEC_N_GRANT_REQUEST,
						 MCSEC_N_GRANT,
						 MCSEC_N_GRANT_ENDS };
	unsigned int i;

	ok(opaque_is_attr(16384) && opaque_is_attr(32767) &&
		   opaque_is_attr(IKE_ATTR_AF | 16384),
	   "attributes of private use are carried");
	ok(!opaque_is_attr(16383) && !opaque_is_attr(IKE_ATTR_AF | 16383),
	   "registered attributes are not carried");
	for (i = 0; i < ARRAY_SIZE(own_attrs); i++)
		ok(!opaque_is_attr(own_attrs[i]),
		   "attribute %u of ours is not carried", own_attrs[i]);
	ok(opaque_is_notify(40960) && opaque_is_notify(65535),
	   "notifies of private use are carried");
	ok(!opaque_is_notify(40959) && !opaque_is_notify(16383) &&
		   !opaque_is_notify(8192),
	   "registered notifies and errors are not carried");
	for (i = 0; i < ARRAY_SIZE(own_notifies); i++)
		ok(!opaque_is_notify(own_notifies[i]),
		   "notify %u of ours is not carried", own_notifies[i]);
}

/* ---- the GSA payload ---------------------------------------------------- */

static void policy(struct gsa *gsa)
{
	const uint8_t spi[4] = { 0, 0, 1, 1 };
	struct gsa_sa *sa = &gsa->data[0];
	struct addr group;

	memset(gsa, 0, sizeof(*gsa));
	gsa->n_data = 1;
	addr_parse("239.1.1.1", &group);
	sa->proto = IKE_PROTO_ESP;
	sa->spi_len = 4;
	memcpy(sa->spi, spi, 4);
	ts_set(&sa->src, NULL, AF_INET, 0, 0);
	ts_set(&sa->dst, &group, AF_INET, 0, 0);
	sa->has = GSA_HAS_ENCR | GSA_HAS_SN | GSA_HAS_LIFETIME;
	sa->encr = IKE_ENCR_AES_GCM_16;
	sa->key_bits = 128;
	sa->sn = GIKE_SN_32_UNSPEC;
	sa->lifetime = 3600;
	gsa->gw.present = true;
	gsa->gw.has = GWP_HAS_ATD | GWP_HAS_MADE;
	gsa->gw.atd = 3;
	gsa->gw.made_ms = 77;
}

/* Encode @in and parse the result. Returns the error of the writer. */
static int there_and_back(const struct gsa *in, struct gsa *out)
{
	struct pchain c;
	struct wbuf w;
	struct rbuf r;
	int ret;

	wbuf_init(&w, 65535);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	gsa_build(&c, in);
	ret = w.err;
	if (!ret) {
		rbuf_init(&r, w.p + 4, w.len - 4);
		ret = gsa_parse(&r, out);
	}
	wbuf_free(&w);
	return ret;
}

static void policies(void)
{
	struct gsa a, b;
	unsigned int i;

	policy(&a);
	opaque_add(&a.data[0].opaque, ATTR, "of a Data SA", 12);
	opaque_add(&a.data[0].opaque, IKE_ATTR_AF | (ATTR + 1), "\1\2", 2);
	opaque_add(&a.data[0].opaque, ATTR + 2, NULL, 0);
	opaque_add(&a.gw.opaque, IKE_ATTR_AF | ATTR, "\3\4", 2);
	opaque_add(&a.gw.opaque, ATTR, "of the group", 12);
	is_int(there_and_back(&a, &b), 0, "a policy with private attributes");
	ok(same(&a.data[0].opaque, &b.data[0].opaque),
	   "attributes of a Data SA come back");
	ok(same(&a.gw.opaque, &b.gw.opaque),
	   "attributes of the group come back");
	ok(!b.unknown && !b.data[0].unknown,
	   "private attributes do not make a policy unknown");
	ok(b.gw.has == a.gw.has && b.gw.made_ms == 77 &&
		   b.data[0].lifetime == 3600,
	   "attributes that are known stay known");

	/* Two lists in sequence are one that is too long for a reader. */
	policy(&a);
	for (i = 0; i < OPAQUE_MAX; i++)
		opaque_add(&a.gw.opaque, ATTR + i, "x", 1);
	is_int(there_and_back(&a, &b), 0, "a list that is full");
	ok(same(&a.gw.opaque, &b.gw.opaque), "a full list comes back");

	policy(&a);
	opaque_add(&a.gw.opaque, GIKE_GWP_TERM, "\0\0\0\1", 4);
	is_int(there_and_back(&a, &b), -EINVAL,
	       "an attribute of ours cannot be attached");
	policy(&a);
	opaque_add(&a.data[0].opaque, 16383, "x", 1);
	is_int(there_and_back(&a, &b), -EINVAL,
	       "a registered attribute cannot be attached");
	policy(&a);
	opaque_add(&a.gw.opaque, IKE_ATTR_AF | ATTR, "xyz", 3);
	is_int(there_and_back(&a, &b), -EINVAL,
	       "a value in place of a length has two octets");
}

/* A handmade GW policy with too many attributes. */
static void cut(void)
{
	struct gsa a, b;
	struct pchain c;
	struct wbuf w;
	struct rbuf r;
	unsigned int i;
	size_t gw;

	policy(&a);
	a.gw.present = false;
	wbuf_init(&w, 65535);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	gsa_build(&c, &a);
	gw = w.len;
	wbuf_u32(&w, 0);
	for (i = 0; i < OPAQUE_MAX + 3; i++) {
		wbuf_u16(&w, ATTR + i);
		wbuf_u16(&w, 1);
		wbuf_u8(&w, i);
	}
	wbuf_patch_u16(&w, gw + 2, w.len - gw);
	rbuf_init(&r, w.p + 4, w.len - 4);
	is_int(gsa_parse(&r, &b), 0, "more attributes than there is room for");
	ok(b.gw.opaque.n == OPAQUE_MAX && b.gw.opaque.cut,
	   "the first are kept, and the list says that it is cut");
	ok(!b.unknown, "a cut list does not make a policy unknown");
	wbuf_free(&w);
}

/* ---- registrations ------------------------------------------------------ */

static void registrations(void)
{
	struct opaque ask = { 0 }, reply = { 0 }, data = { 0 }, group = { 0 };
	struct pki_opt mopt = { .kind = PKI_MEMBER, .dns = "a.example" };
	struct pki_opt gopt = { .kind = PKI_GCKS, .dns = GCKS };
	struct gike_req req;
	struct pki_pair ca;
	struct node *g, *m;
	struct net net;

	net_init(&net);
	pki_ca(&net, "test CA", &ca);
	gopt.ca = &ca;
	mopt.ca = &ca;
	g = node_new(&net, "192.0.2.1", &gopt, &ca, NULL);
	m = node_new(&net, "192.0.2.2", &mopt, &ca, NULL);
	opaque_add(&ask, NOTIFY, "asked", 5);
	opaque_add(&ask, NOTIFY + 1, NULL, 0);
	opaque_add(&reply, NOTIFY + 2, "answered", 8);
	opaque_add(&data, ATTR, "of a Data SA", 12);
	opaque_add(&group, ATTR, "of the group", 12);
	m->says = &ask;
	g->says = &reply;
	g->says_data = &data;
	g->says_gw = &group;
	node_join(m, g, GCKS, false);
	net_run(&net);
	is_int(m->seen.registered, 1, "GSA_AUTH: registered");
	ok(same(&g->seen.opaque, &ask),
	   "GSA_AUTH: the key server is given the request's, and none of ours");
	ok(same(&m->seen.opaque, &reply),
	   "GSA_AUTH: the member is given the answer's");
	ok(same(&m->seen.data, &data) && same(&m->seen.gw, &group),
	   "GSA_AUTH: the member is given the policies'");

	node_clear(g);
	node_clear(m);
	group_req(&req, "video", true);
	req.opaque = &reply;
	g->says = NULL;
	is_int(ike_register_more(m->sa, &req), 0, "GSA_REGISTRATION: asked");
	net_run(&net);
	is_int(m->seen.registered, 1, "GSA_REGISTRATION: registered");
	ok(same(&g->seen.opaque, &reply),
	   "GSA_REGISTRATION: the key server is given the request's");
	ok(!m->seen.opaque.n && !m->seen.opaque.cut,
	   "GSA_REGISTRATION: an answer without has none");

	/* A refusal may have attributes too, and a report has none. */
	opaque_add(&ask, MCSEC_N_SENDING, "x", 1);
	req.opaque = &ask;
	is_int(ike_register_more(m->sa, &req), -EINVAL,
	       "a notify of ours cannot be attached to a request");
	g->says = &ask;
	node_clear(m);
	req.opaque = NULL;
	ike_register_more(m->sa, &req);
	net_run(&net);
	is_int(m->seen.notify, GIKE_N_REGISTRATION_FAILED,
	       "an answer with a notify of ours is none");
	ok(ike_sa_is_up(m->sa), "the IKE SA stays up");
	net_free(&net);
	pki_pair_free(&ca);
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	lists();
	types();
	policies();
	cut();
	registrations();
	return done();
}
