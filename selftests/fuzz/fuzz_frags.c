// SPDX-License-Identifier: Apache-2.0
/*
 * IKE fragments of a peer that has made a key exchange and is not authenticated:
 * each verifies, with any number, total and contents. An input is a list of
 * fragments: number, total, Message ID (an octet each), length (two octets), and
 * contents.
 *
 * No more is kept than the limits allow, nothing after the SA has ended, and
 * nobody is authenticated by it.
 */
#include "ike/sa.h"
#include "ike_fuzz.h"
#include "lib/log.h"

/* The network of the unit tests; only the library is linked here. */
#include "ike_net.c"

static struct net net;
static struct pki_pair ca;
static struct node *g, *m;

static void quiet(enum log_level level, const char *line, void *ctx)
{
	(void)level;
	(void)line;
	(void)ctx;
}

static void check(bool fine)
{
	if (!fine)
		abort();
}

static void begin(void)
{
	const struct ike_engine_cfg cfg = { .fragment_size = 576 };
	struct pki_opt opt = { .kind = PKI_GCKS, .dns = "gcks.example" };

	log_set_sink(quiet, NULL);
	net_init(&net);
	pki_ca(&net, "test CA", &ca);
	opt.ca = &ca;
	g = node_new(&net, "192.0.2.1", &opt, &ca, &cfg);
	opt.kind = PKI_MEMBER;
	opt.dns = "a.example";
	m = node_new(&net, "192.0.2.2", &opt, &ca, &cfg);
}

static void drop_all(void)
{
	while (net.n_queue)
		net_drop(&net, 0);
}

static void deliver(struct ike_sa *sa, const struct skf *skf, uint8_t mid,
		    const uint8_t *p, size_t len)
{
	struct ike_hdr h = { .xchg = GIKE_XCHG_GSA_AUTH,
			     .flags = IKE_FLAG_INITIATOR,
			     .mid = mid };
	struct wbuf w;

	memcpy(h.spi_i, sa->spi_i, IKE_SPI_LEN);
	memcpy(h.spi_r, sa->spi_r, IKE_SPI_LEN);
	wbuf_init(&w, IKE_MSG_MAX);
	ike_hdr_build(&w, &h);
	if (!skf_seal(&w, &sa->keys.ei, sa->keys.ei.iv++, IKE_PLD_IDI, skf, p,
		      len))
		ike_engine_input(g->engine, &m->ep, &g->ep, w.p, w.len);
	wbuf_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	struct ike_sa *sa;
	struct rbuf r;

	if (!g)
		begin();
	sa = node_join(m, g, "gcks.example", false);
	check(sa);
	net_step(&net);
	net_step(&net);
	drop_all();
	check(sa->state == IKE_ST_AUTH_SENT && sa->fragments);
	rbuf_init(&r, p, len);
	while (rbuf_left(&r) >= 5) {
		struct skf skf;
		const uint8_t *piece;
		uint8_t mid;
		uint16_t n;

		skf.number = rbuf_u8(&r);
		skf.total = rbuf_u8(&r);
		mid = rbuf_u8(&r) & 3;
		n = rbuf_u16(&r);
		if (n > rbuf_left(&r))
			n = rbuf_left(&r);
		piece = rbuf_bytes(&r, n);
		deliver(sa, &skf, mid, piece, n);
		check(g->engine->frag_octets <= FRAGS_OCTETS_STRANGER);
		drop_all();
	}
	check(!g->seen.requests && !g->seen.up);
	ike_close(sa, "fuzz");
	/* The half-open SA and the limits of its address have expired. */
	net_pass(&net, 60000, false);
	drop_all();
	check(!g->engine->frag_octets && !g->engine->stats.sas);
	return 0;
}
