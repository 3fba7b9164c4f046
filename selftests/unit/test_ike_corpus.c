// SPDX-License-Identifier: Apache-2.0
/*
 * The samples that the IKE fuzz targets start from: made here, so that they
 * are what the code itself says and understands.
 *
 *	build/unit/ike_corpus		checks those in selftests/fuzz/corpus
 *	build/unit/ike_corpus FOLDER	writes them anew
 */
#include <errno.h>
#include <sys/stat.h>

#include "../fuzz/ike_fuzz.h"
#include "crypto/cert.h"
#include "ike/sa.h"
#include "ike_net.h"
#include "lib/log.h"
#include "tap.h"

static const char *out; /* folder to write to, NULL: check */
static unsigned int bad, n_samples;

static void path_of(char *buf, size_t size, const char *target,
		    const char *name)
{
	snprintf(buf, size, "%s/%s/%s",
		 out ? out : SRCDIR "/selftests/fuzz/corpus", target, name);
}

/*
 * Write or find a sample. Keys and nonces differ between runs, so only the
 * existence of a sample of the same size is checked.
 */
static void sample(const char *target, const char *name, const void *p,
		   size_t len)
{
	char path[512];
	struct stat st;
	FILE *f;

	n_samples++;
	path_of(path, sizeof(path), target, name);
	if (!out) {
		if (stat(path, &st) || st.st_size < (off_t)len - 64 ||
		    st.st_size > (off_t)len + 64) {
			bad++;
			diag("%s: missing or of another size", path);
		}
		return;
	}
	f = fopen(path, "w");
	if (!f || fwrite(p, 1, len, f) != len || fclose(f)) {
		perror(path);
		exit(1);
	}
}

static void prefixed(const char *target, const char *name, const uint8_t *head,
		     size_t head_len, const void *p, size_t len)
{
	uint8_t *buf = malloc(head_len + len + 1);

	memcpy(buf, head, head_len);
	if (len)
		memcpy(buf + head_len, p, len);
	sample(target, name, buf, head_len + len);
	free(buf);
}

/* The usual head is one octet that selects the parser. */
static void selected(const char *target, const char *name, uint8_t what,
		     const void *p, size_t len)
{
	prefixed(target, name, &what, 1, p, len);
}

/* ---- samples of a handshake --------------------------------------------- */

static struct net net;
static struct pki_pair ca;
static struct node *g, *m;

static int fp_of(uint8_t type)
{
	switch (type) {
	case IKE_PLD_SA:
		return FP_SA;
	case IKE_PLD_KE:
		return FP_KE;
	case IKE_PLD_IDI:
	case IKE_PLD_IDR:
	case GIKE_PLD_IDG:
		return FP_ID;
	case IKE_PLD_CERT:
		return FP_CERT;
	case IKE_PLD_AUTH:
		return FP_AUTH;
	case IKE_PLD_NOTIFY:
		return FP_NOTIFY;
	}
	return -1;
}

static void take_apart(const char *msg, uint8_t first, const uint8_t *p,
		       size_t len)
{
	const uint8_t chain[2] = { FP_CHAIN, first };
	struct pwalk w;
	struct pld pld;
	char name[64];
	int ret;

	snprintf(name, sizeof(name), "%s-chain", msg);
	prefixed("payload", name, chain, 2, p, len);
	pwalk_init(&w, first, p, len);
	while ((ret = pwalk_next(&w, &pld)) > 0) {
		snprintf(name, sizeof(name), "%s-%u-%s", msg, w.n,
			 ike_pld_name(pld.type));
		if (pld.type == GIKE_PLD_GSA)
			selected("gpayload", name, FG_GSA, pld.body, pld.len);
		else if (pld.type == GIKE_PLD_KD)
			selected("gpayload", name, FG_KD, pld.body, pld.len);
		else if (fp_of(pld.type) >= 0)
			selected("payload", name, fp_of(pld.type), pld.body,
				 pld.len);
	}
	is_int(ret, 0, "%s: payloads add up", msg);
}

static void opened(const char *msg, const struct packet *q,
		   const struct ike_sa *sa, enum fuzz_host to)
{
	uint8_t plain[8192], first, head[4];
	const struct sk_key *k = q->p[19] & IKE_FLAG_INITIATOR ? &sa->keys.ei
							       : &sa->keys.er;
	size_t n;

	if (!is_int(sk_open(q->p, q->len, k, plain, &n, &first), 0, "%s opens",
		    msg))
		return;
	take_apart(msg, first, plain, n);
	head[0] = to;
	head[1] = q->p[18];
	head[2] = first;
	prefixed("ike_engine", msg, head, 3, plain, n);
	head[0] = FM_INNER;
	head[1] = q->p[18];
	head[2] = q->p[19];
	head[3] = first;
	prefixed("message", msg, head, 4, plain, n);
}

static void sealed_sample(const char *name, uint8_t xchg, uint8_t first,
			  const void *p, size_t len)
{
	struct ike_hdr h = { .xchg = xchg, .flags = IKE_FLAG_INITIATOR };
	struct sk_key k;
	struct wbuf w;

	fuzz_sk(&k);
	wbuf_init(&w, IKE_MSG_MAX);
	ike_hdr_build(&w, &h);
	if (sk_seal(&w, &k, 5, first, p, len))
		abort();
	selected("message", name, FM_SK, w.p, w.len);
	wbuf_free(&w);
}

static void handshake(void)
{
	static const char *const names[] = { "init-request", "init-answer",
					     "auth-request", "auth-answer" };
	static const struct {
		const char *name;
		uint8_t to;
	} raw[] = {
		{ "raw-0", FH_RAW_GCKS },
		{ "raw-1", FH_RAW_MEMBER },
		{ "raw-2", FH_RAW_GCKS_INIT },
		{ "raw-3", FH_RAW_MEMBER_AUTH },
	};
	struct pki_opt opt = { .kind = PKI_GCKS,
			       .dns = "gcks.example",
			       .ca = &ca };
	struct gike_req req;
	struct ike_sa *sa;

	net_init(&net);
	pki_ca(&net, "test CA", &ca);
	g = node_new(&net, "192.0.2.1", &opt, &ca, NULL);
	opt.kind = PKI_MEMBER;
	opt.dns = "a.example";
	m = node_new(&net, "192.0.2.2", &opt, &ca, NULL);
	sa = node_join(m, g, "gcks.example", true);
	for (int i = 0; i < 4; i++) {
		const struct packet *q = &net.queue[0];

		selected("ike_engine", raw[i].name, raw[i].to, q->p, q->len);
		if (i < 2) {
			selected("message", names[i], FM_CLEAR, q->p, q->len);
			take_apart(names[i], q->p[16], q->p + 28, q->len - 28);
		} else {
			opened(names[i], q, sa,
			       i == 2 ? FH_AUTH_REQ : FH_AUTH_RES);
		}
		net_step(&net);
	}
	is_int(m->seen.registered, 1,
	       "the recorded handshake is a registration");

	group_req(&req, "audio", false);
	ike_register_more(sa, &req);
	opened("reg-request", &net.queue[0], sa, FH_REQ);
	net_step(&net);
	opened("reg-answer", &net.queue[0], sa, FH_RES);
	net_step(&net);
	ike_leave(sa, &req.idg);
	opened("leave", &net.queue[0], sa, FH_REQ);
	net_run(&net);
	group_req(&req, "video", false);
	ike_inband(g->sa, &req.idg);
	opened("inband-rekey", &net.queue[0], sa, FH_REQ_MEMBER);
	net_run(&net);
	ike_inband_exclude(g->sa, &req.idg);
	opened("inband-exclude", &net.queue[0], sa, FH_REQ_MEMBER);
	net_run(&net);
	is_int(m->seen.inband, 2, "the recorded inband rekeys arrive");
	ike_close(g->sa, "closed");
	opened("delete", &net.queue[0], sa, FH_REQ_MEMBER);
	net_free(&net);
	pki_pair_free(&ca);
}

/* A handshake with an additional key exchange (RFC 9370). */
static void addke_samples(void)
{
	static const struct ike_engine_cfg cfg = {
		.addke = { .n = 2, .method = { IKE_KE_X25519, IKE_KE_P256 } },
	};
	static const char *const names[] = { "addke-init-request",
					     "addke-init-answer",
					     "addke-inter-request",
					     "addke-inter-answer" };
	struct pki_opt opt = { .kind = PKI_GCKS,
			       .dns = "gcks.example",
			       .ca = &ca };
	struct ike_keys keys;
	struct ike_sa *sa;

	net_init(&net);
	pki_ca(&net, "test CA", &ca);
	g = node_new(&net, "192.0.2.1", &opt, &ca, &cfg);
	opt.kind = PKI_MEMBER;
	opt.dns = "a.example";
	m = node_new(&net, "192.0.2.2", &opt, &ca, &cfg);
	sa = node_join(m, g, "gcks.example", true);
	for (int i = 0; i < 4; i++) {
		const struct packet *q = &net.queue[0];

		if (i < 2) {
			selected("message", names[i], FM_CLEAR, q->p, q->len);
			take_apart(names[i], q->p[16], q->p + 28, q->len - 28);
		}
		if (!i)
			selected("ike_engine", names[i], FH_RAW_GCKS, q->p,
				 q->len);
		/* The keys of the request are those of the answer, too. */
		if (i == 2)
			keys = sa->keys;
		if (i >= 2) {
			struct ike_keys now = sa->keys;

			sa->keys = keys;
			opened(names[i], q, sa,
			       i == 2 ? FH_INTER_REQ : FH_INTER_RES);
			sa->keys = now;
		}
		net_step(&net);
	}
	net_run(&net);
	is_int(m->seen.registered, 1,
	       "the handshake with additional key exchanges is one, too");
	ike_rekey(sa);
	net_step(&net);
	net_step(&net);
	opened("addke-follow-request", &net.queue[0], sa, FH_FOLLOW_REQ);
	net_step(&net);
	opened("addke-follow-answer", &net.queue[0], sa, FH_FOLLOW_RES);
	net_run(&net);
	is_int(ike_engine_stats(g->engine)->rekeyed, 1,
	       "the recorded renewal is one");
	net_free(&net);
	pki_pair_free(&ca);
}

/* A child asks a relay for an edge, and whether it is still there. */
static void edge_samples(void)
{
	static const struct ike_engine_cfg cfg = { .relays = true };
	static const struct edge_request beat = { .group = "video",
						  .beat = true };
	struct edge_request req = { .group = "video", .n = 2 };
	struct pki_opt opt = { .kind = PKI_MEMBER,
			       .dns = "relay.example",
			       .ca = &ca };
	struct ike_id id;
	struct ike_sa *sa;

	net_init(&net);
	pki_ca(&net, "test CA", &ca);
	g = node_new(&net, "192.0.2.1", &opt, &ca, &cfg);
	opt.dns = "a.example";
	m = node_new(&net, "192.0.2.2", &opt, &ca, &cfg);
	g->edge = (struct edge_answer){ .verdict = EDGE_REDIRECTED,
					.reason = EDGE_FULL,
					.n_parents = 1 };
	g->edge.parent[0].ep = m->ep;
	id_from_text(&g->edge.parent[0].id, "b.example");
	id_from_text(&id, "relay.example");
	if (ike_open(m->engine, &m->ep, &g->ep, &id, &sa))
		bail("no IKE SA");
	net_run(&net);
	req.grant[0] = (struct edge_grant){ 0, (const uint8_t *)"one", 3 };
	req.grant[1] = (struct edge_grant){ 1, (const uint8_t *)"two", 3 };
	ike_ask_edge(sa, &req);
	opened("edge-request", &net.queue[0], sa, FH_EDGE_REQ);
	net_step(&net);
	opened("edge-redirect", &net.queue[0], sa, FH_EDGE_RES);
	net_run(&net);
	g->edge = (struct edge_answer){ .verdict = EDGE_GRANTED,
					.lifetime_ms = 15000 };
	ike_ask_edge(sa, &beat);
	opened("edge-beat", &net.queue[0], sa, FH_EDGE_REQ);
	net_step(&net);
	opened("edge-granted", &net.queue[0], sa, FH_EDGE_RES);
	net_run(&net);
	is_int(m->seen.edge_answers, 2, "the recorded requests are answered");
	net_free(&net);
	pki_pair_free(&ca);
}

/* Let a member open an IKE SA with a key server of the same settings. */
static struct ike_sa *join_pair(const struct ike_engine_cfg *cfg, bool send)
{
	struct pki_opt opt = { .kind = PKI_GCKS,
			       .dns = "gcks.example",
			       .ca = &ca };
	struct ike_sa *sa;

	net_init(&net);
	pki_ca(&net, "test CA", &ca);
	g = node_new(&net, "192.0.2.1", &opt, &ca, cfg);
	opt.kind = PKI_MEMBER;
	opt.dns = "a.example";
	m = node_new(&net, "192.0.2.2", &opt, &ca, cfg);
	sa = node_join(m, g, "gcks.example", send);
	net_run(&net);
	return sa;
}

/* A member that moves, and is asked whether it is where it says. */
static void move_samples(void)
{
	static const struct ike_engine_cfg cfg = { .mobike = true };
	static const struct ike_task update = {
		.xchg = IKE_XCHG_INFORMATIONAL,
		.notify = IKE_N_UPDATE_SA_ADDRESSES,
	};
	struct ike_sa *sa = join_pair(&cfg, false);

	sa_ask(sa, &update);
	opened("move-update", &net.queue[0], sa, FH_MOVE_REQ);
	ep_parse("192.0.2.3:500", 0, &net.queue[0].from);
	net_step(&net);
	opened("move-answer", &net.queue[0], sa, FH_MOVED_RES);
	opened("move-check", &net.queue[1], sa, FH_REQ_MEMBER);
	ep_parse("192.0.2.3:500", 0, &m->ep);
	net_step(&net);
	net_step(&net);
	opened("move-cookie", &net.queue[0], sa, FH_MOVE_RES);
	net_run(&net);
	is_int(ike_engine_stats(g->engine)->moved, 1,
	       "the recorded member has moved");
	net_free(&net);
	pki_pair_free(&ca);
}

/* A registration by a ticket (RFC 5723). */
static void resume_samples(void)
{
	static const struct ike_engine_cfg cfg = { .ticket_s = 3600,
						   .resume = true };
	static const char *const names[] = { "resume-request",
					     "resume-answer" };
	struct ike_sa *sa = join_pair(&cfg, true);

	ike_close(sa, "closed");
	net_run(&net);
	node_clear(m);
	sa = node_join(m, g, "gcks.example", true);
	for (int i = 0; i < 4; i++) {
		const struct packet *q = &net.queue[0];

		if (i < 2) {
			selected("message", names[i], FM_CLEAR, q->p, q->len);
			selected("ike_engine", names[i],
				 i ? FH_RESUME_RAW : FH_RAW_GCKS, q->p, q->len);
		}
		if (i == 2)
			opened("resume-auth-request", q, sa, FH_RESUME_REQ);
		if (i == 3)
			opened("resume-auth-answer", q, sa, FH_RESUME_RES);
		net_step(&net);
	}
	is_int(ike_engine_stats(g->engine)->resumed, 1,
	       "the recorded registration is by a ticket");
	net_free(&net);
	pki_pair_free(&ca);
}

/* ---- rekeys ------------------------------------------------------------- */

static void rekey_sample(struct rekey_sa *rs, struct rekey_msg *r,
			 const char *name, bool sign)
{
	uint8_t plain[8192], head[2];
	char full[64];
	struct err err;
	struct wbuf w;
	size_t n;

	wbuf_init(&w, IKE_MSG_MAX);
	if (!is_int(rekey_build(rs, r, &w, &err), 0, "%s is built", name))
		diag("%s", err.text);
	if (sign) {
		snprintf(full, sizeof(full), "raw-%s", name);
		selected("rekey", full, FR_RAW, w.p, w.len);
	}
	head[0] = sign ? FR_SIGNED : FR_IMPLICIT;
	n = fuzz_rekey_inner(rs, w.p, w.len, plain, &head[1]);
	prefixed("rekey", name, head, 2, plain, n);
	if (sign)
		sealed_sample(name, GIKE_XCHG_GSA_REKEY, head[1], plain, n);
	wbuf_free(&w);
}

/* GSA and KD together, for the tables. */
static void both_sample(const char *name, uint8_t where,
			const struct rekey_msg *r)
{
	struct pchain c;
	struct wbuf w;
	size_t split;

	wbuf_init(&w, IKE_MSG_MAX);
	wbuf_u8(&w, FG_BOTH);
	wbuf_u8(&w, where);
	wbuf_u8(&w, where == GC_REGISTRATION);
	wbuf_u16(&w, 0);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	gsa_build(&c, &r->gsa);
	split = w.len - 5;
	/* The target expects no generic headers. */
	memmove(w.p + 5, w.p + 9, split - 4);
	wbuf_truncate(&w, w.len - 4);
	wbuf_patch_u16(&w, 3, split - 4);
	split = w.len;
	kd_build(&c, &r->kd);
	memmove(w.p + split, w.p + split + 4, w.len - split - 4);
	wbuf_truncate(&w, w.len - 4);
	sample("gpayload", name, w.p, w.len);
	wbuf_free(&w);
}

/* The group as a registration gives it to a sender, with all payloads. */
static void registration_sample(const struct sigkey *key)
{
	uint8_t tek[20] = { 5 };
	struct gsa_sa *sa;
	struct sigpub *pub;
	struct kd_bag *bag;
	struct rekey_msg r;
	struct rekey_sa rs;
	const uint8_t *der;
	struct kd_key k;
	struct err err;
	size_t len;

	fuzz_rekey_sa(&rs, true, key);
	fuzz_lkh_msg(&r, &rs);
	sa = &r.gsa.rekey;
	sa->has |= GSA_HAS_GCAUTH | GSA_HAS_INITIAL_MID;
	sa->gcauth = GIKE_GCAUTH_DIGSIG;
	sa->initial_mid = 4;
	sa->sigalg_len = rs.sigalg_len;
	memcpy(sa->sigalg, rs.sigalg, rs.sigalg_len);
	r.kd.bags[0].n = 1;

	r.gsa.n_data = 1;
	sa = &r.gsa.data[0];
	sa->proto = IKE_PROTO_ESP;
	sa->spi_len = 4;
	sa->spi[3] = 9;
	ts_set(&sa->src, NULL, AF_INET6, 0, 0);
	ts_set(&sa->dst, NULL, AF_INET6, 17, 5004);
	sa->has = GSA_HAS_ENCR | GSA_HAS_SN | GSA_HAS_LIFETIME;
	sa->encr = IKE_ENCR_NULL_AUTH_AES_GMAC;
	sa->key_bits = 128;
	sa->sn = GIKE_SN_32_SEQ;
	sa->lifetime = 100;
	kwk_wrap(&rs.gsk_w, 0, 0, tek, sizeof(tek), &k);
	kd_bag(&r.kd, sa->proto, sa->spi, &bag);
	kd_bag_add(bag, &k);

	r.gsa.gw.has |= GWP_HAS_SENDER_ID_BITS;
	r.gsa.gw.sender_id_bits = 12;
	kd_add_sender_id(&r.kd, 17);
	kd_add_sender_id(&r.kd, 18);
	if (sigkey_pub(key, &pub))
		abort();
	sigpub_spki(pub, &der, &len);
	kd_set_auth_key(&r.kd, der, len);
	sigpub_free(pub);
	if (!is_int(gsa_check(&r.gsa, &r.kd, GC_REGISTRATION, true, &err), 0,
		    "the registration is right"))
		diag("%s", err.text);
	both_sample("registration", GC_REGISTRATION, &r);
	rekey_msg_free(&r);
	rekey_sa_wipe(&rs);
}

static void rekeys(void)
{
	struct sigkey *key = fuzz_key();
	struct rekey_msg r;
	struct rekey_sa rs;

	for (int sign = 0; sign < 2; sign++) {
		fuzz_rekey_sa(&rs, sign, key);
		fuzz_lkh_msg(&r, &rs);
		if (!sign)
			both_sample("both", GC_REKEY, &r);
		rekey_sample(&rs, &r, sign ? "lkh-signed" : "lkh", sign);
		rekey_msg_free(&r);
		rekey_sa_wipe(&rs);

		fuzz_rekey_sa(&rs, sign, key);
		fuzz_delete_msg(&r);
		rekey_sample(&rs, &r, sign ? "delete-signed" : "delete", sign);
		rekey_msg_free(&r);
		rekey_sa_wipe(&rs);
	}
	registration_sample(key);
	sigkey_free(key);
}

static void small(void)
{
	static const uint8_t del[] = { 3, 4, 0, 2, 0, 0, 1, 1, 0, 0, 1, 2 };
	static const uint8_t ts4[] = { 7,   17, 0, 16, 3,   80, 3, 80,
				       239, 1,	1, 1,  239, 1,	1, 1 };
	static const uint8_t ts6[40] = {
		8, 0, 0, 40, 0, 0, 255, 255, 255, 2, [24] = 255, 2, [39] = 9
	};

	selected("payload", "delete", FP_DELETE, del, sizeof(del));
	selected("payload", "ts4", FP_TS, ts4, sizeof(ts4));
	selected("payload", "ts6", FP_TS, ts6, sizeof(ts6));
}

int main(int argc, char **argv)
{
	static const char *const targets[] = {
		"payload", "gpayload", "message", "rekey", "ike_engine", NULL,
	};
	char path[512];

	log_init("test", LOG_LEVEL_ERR, true);
	out = argc > 1 ? argv[1] : NULL;
	for (size_t i = 0; out && targets[i]; i++) {
		path_of(path, sizeof(path), targets[i], "");
		if (mkdir(path, 0755) && errno != EEXIST) {
			perror(path);
			return 1;
		}
	}
	RUN(handshake);
	RUN(addke_samples);
	RUN(edge_samples);
	RUN(move_samples);
	RUN(resume_samples);
	RUN(rekeys);
	small();
	is_int(bad, 0, "%u samples are there", n_samples);
	return done();
}
