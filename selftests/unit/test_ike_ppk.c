// SPDX-License-Identifier: Apache-2.0
/*
 * Post-quantum pre-shared keys (RFC 8784): keys, negotiation at both ends, and
 * that nobody in the middle can have them left out.
 */
#include <errno.h>

#include "crypto/prf.h"
#include "ike/exchange.h"
#include "ike/ppk.h"
#include "ike_pair.h"
#include "lib/log.h"
#include "lib/secret.h"
#include "tap.h"
#include "wipes.h"

#define SECRET "a secret of at least thirty-two octets, for one peer"
#define OTHER "another secret of thirty-two octets, or rather more"

static struct ppks *gppks, *mppks;
static struct err err;

static void give(struct ppks **p, const char *id, const char *name,
		 const char *key, bool mandatory)
{
	const struct ppk like = { .id = (char *)id,
				  .name = (char *)name,
				  .key = (uint8_t *)key,
				  .len = strlen(key),
				  .mandatory = mandatory };

	if (!*p && ppks_new(p))
		bail("no memory");
	if (ppks_add(*p, &like, &err))
		bail("%s", err.text);
}

static void setup(void)
{
	struct ike_engine_cfg gcfg = { .ppks = gppks };
	struct ike_engine_cfg mcfg = { .ppks = mppks };

	pair_setup(&gcfg, &mcfg);
}

static void teardown(void)
{
	pair_teardown();
	ppks_free(gppks);
	ppks_free(mppks);
	gppks = NULL;
	mppks = NULL;
}

/* Both ends have the PPK, mandatory or not. */
static void setup_both(bool mandatory)
{
	give(&gppks, "a.example", "first", SECRET, mandatory);
	give(&mppks, GCKS, "first", SECRET, mandatory);
	setup();
}

static void registers(bool ppk, const char *what)
{
	char at_g[80], at_m[80];

	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(m->seen.registered, 1, "%s: registered", what);
	is_int(m->seen.tek_ret, 0, "%s: TEK unwrapped", what);
	if (!m->sa || !g->sa) {
		diag("%s | %s", m->seen.text, g->seen.text);
		return;
	}
	ike_sa_algs(m->sa, at_m, sizeof(at_m));
	ike_sa_algs(g->sa, at_g, sizeof(at_g));
	is_str(at_m, at_g, "%s: both ends agree", what);
	is_int(!!strstr(at_m, " ppk"), ppk, "%s: %s", what,
	       ppk ? "with the PPK" : "without PPK");
}

static void refused(const char *what, const char *why)
{
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(m->seen.registered, 0, "%s: no keys", what);
	is_int(g->seen.requests, 0, "%s: no group is asked for", what);
	is_int(g->seen.auth_failed, 1, "%s: noted", what);
	is_str(g->seen.text, why, "%s: the reason", what);
	is_int(m->seen.notify, IKE_N_AUTHENTICATION_FAILED,
	       "%s: the member is told", what);
	is_int(ike_engine_stats(g->engine)->sas, 0, "%s: no IKE SA is left",
	       what);
}

/* ---- keys --------------------------------------------------------------- */

static void rfc8784_3_keys(void)
{
	static const uint8_t label[] = "Key Wrap for G-IKEv2";
	const struct ike_suite s = { .encr = IKE_ENCR_AES_GCM_16,
				     .key_bits = 256,
				     .prf = IKE_PRF_HMAC_SHA2_384,
				     .kwa = GIKE_KWA_5649_256 };
	uint8_t want[48], block[49], kw[32];
	struct ike_unmixed before, again;
	static uint8_t sk_pi[PRF_MAX_LEN], sk_pr[PRF_MAX_LEN];
	struct ike_keys k = {
		.have = true, .prf_len = 48, .sk_pi = sk_pi, .sk_pr = sk_pr
	};
	struct ike_keys was;

	memset(k.sk_d, 1, 48);
	memset(k.sk_pi, 2, 48);
	memset(k.sk_pr, 3, 48);
	memset(&k.ei, 4, sizeof(k.ei));
	memset(&k.er, 5, sizeof(k.er));
	was = k;
	is_int(keys_mix_ppk(&k, &s, (const uint8_t *)SECRET, strlen(SECRET),
			    &before),
	       0, "a PPK is mixed in");
	/* One block of prf+ is prf(PPK, SK' | 0x01). */
	for (int i = 1; i <= 3; i++) {
		memset(block, i, 48);
		block[48] = 1;
		prf_one(s.prf, SECRET, strlen(SECRET), block, sizeof(block),
			want);
		is_mem(i == 1	? k.sk_d
		       : i == 2 ? k.sk_pi
				: k.sk_pr,
		       48, want, 48, "%s = prf+ (PPK, SK')",
		       i == 1	? "SK_d"
		       : i == 2 ? "SK_pi"
				: "SK_pr");
	}
	prf_plus(s.prf, k.sk_d, 48, label, sizeof(label) - 1, kw, sizeof(kw));
	is_mem(k.gsk_w.key, k.gsk_w.len, kw, sizeof(kw),
	       "GSK_w is of the new SK_d");
	ok(!memcmp(&k.ei, &was.ei, sizeof(k.ei)) &&
		   !memcmp(&k.er, &was.er, sizeof(k.er)),
	   "SK_ei and SK_er stay, and their IVs");
	k.ei.iv++;
	keys_unmix(&k, &before);
	memset(block, 2, 48);
	memset(want, 3, 48);
	ok(!memcmp(k.sk_d, was.sk_d, 48) && !memcmp(k.sk_pi, block, 48) &&
		   !memcmp(k.sk_pr, want, 48),
	   "the keys without PPK can be had back");
	is_int(k.ei.iv, was.ei.iv + 1, "IVs do not go back with them");
	k.have = false;
	is_int(keys_mix_ppk(&k, &s, (const uint8_t *)SECRET, 32, &again),
	       -EINVAL, "without keys there is nothing to mix into");
}

static void table(void)
{
	struct ppk like = { .id = (char *)"a.example",
			    .name = (char *)"first",
			    .key = (uint8_t *)SECRET,
			    .len = 32 };

	if (ppks_new(&gppks))
		bail("no memory");
	is_int(ppks_add(gppks, &like, &err), 0, "a PPK");
	is_int(ppks_add(gppks, &like, &err), -EEXIST, "a peer has one PPK: %s",
	       err.text);
	like.id = (char *)"b.example";
	is_int(ppks_add(gppks, &like, &err), 0,
	       "several peers may have the same");
	like.id = (char *)"2001:db8:0::2";
	is_int(ppks_add(gppks, &like, &err), 0,
	       "an address in an odd spelling");
	ok(ppks_find(gppks, "2001:db8::2"),
	   "an address is found in any spelling");
	like.id = (char *)"c.example";
	like.len = 31;
	is_int(ppks_add(gppks, &like, &err), -EINVAL, "a short one: %s",
	       err.text);
	like.len = 32;
	like.name = (char *)"";
	is_int(ppks_add(gppks, &like, &err), -EINVAL, "no name: %s", err.text);
	like.name = (char *)"two words";
	is_int(ppks_add(gppks, &like, &err), -EINVAL, "a blank in the name");
	like.name = (char *)"first";
	like.id = (char *)"no peer";
	is_int(ppks_add(gppks, &like, &err), -EINVAL, "no identity: %s",
	       err.text);
	is_int(ppks_load(gppks, &like, "/nonexistent", &err), -ENOENT,
	       "no file");
	ok(ppks_find(gppks, "A.EXAMPLE") && !ppks_find(gppks, "c.example") &&
		   !ppks_find(NULL, "a.example"),
	   "found without regard to case");
	wipes_look_for((const uint8_t *)SECRET, 32);
	ppks_free(gppks);
	is_int(wipes_found(), 3, "all keys are wiped");
	gppks = NULL;
}

static void rfc8784_5_1_ppk_id(void)
{
	static const uint8_t id[] = { 2, 'f', 'i', 'r', 's', 't' };
	struct notify_pld n = { .data = id, .len = sizeof(id) };
	const struct ppk ppk = { .name = (char *)"first" };
	uint8_t opaque[sizeof(id)];
	struct pchain c;
	struct wbuf w;

	wbuf_init(&w, 256);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	ppk_put_identity(&c, &ppk);
	is_mem(w.p + 8, w.len - 8, id, sizeof(id),
	       "PPK_ID_FIXED, and the name");
	wbuf_free(&w);
	ok(ppk_is_named(&ppk, &n), "a PPK_ID of its own is recognised");
	n.len--;
	ok(!ppk_is_named(&ppk, &n), "a shorter one is another");
	n.len = 0;
	ok(!ppk_is_named(&ppk, &n), "an empty one is another");
	memcpy(opaque, id, sizeof(id));
	opaque[0] = 1;
	n = (struct notify_pld){ .data = opaque, .len = sizeof(opaque) };
	ok(!ppk_is_named(&ppk, &n), "PPK_ID_OPAQUE is another");
}

/* ---- both ends ---------------------------------------------------------- */

static bool has_notify(const struct packet *q, uint16_t type)
{
	const uint8_t notify[] = { 0, 8, 0, 0, type >> 8, type & 255 };

	return memmem(q->p, q->len, notify, sizeof(notify));
}

static void rfc8784_3_use_ppk(void)
{
	for (int kind = 0; kind < 4; kind++) {
		bool at_m = kind & 1, at_g = kind & 2;

		if (at_m)
			give(&mppks, GCKS, "first", SECRET, false);
		if (at_g)
			give(&gppks, "other.example", "x", SECRET, false);
		setup();
		node_join(m, g, GCKS, false);
		is_int(has_notify(&net.queue[0], IKE_N_USE_PPK), at_m,
		       "a member %s a PPK: USE_PPK in its request",
		       at_m ? "with" : "without");
		net_step(&net);
		is_int(has_notify(&net.queue[0], IKE_N_USE_PPK), at_m && at_g,
		       "a key server %s any PPK: USE_PPK in its answer",
		       at_g ? "with" : "without");
		teardown();
	}

	/* RFC 8784 section 3: the request with a cookie has it as well. */
	give(&mppks, GCKS, "first", SECRET, true);
	give(&gppks, "a.example", "first", SECRET, true);
	setup();
	g->engine->cfg.cookie_always = true;
	node_join(m, g, GCKS, false);
	net_step(&net);
	net_step(&net);
	ok(has_notify(&net.queue[0], IKE_N_COOKIE) ||
		   ike_engine_stats(g->engine)->cookie_sent == 1,
	   "a cookie was asked for");
	ok(has_notify(&net.queue[0], IKE_N_USE_PPK),
	   "the request with the cookie has USE_PPK");
	net_run(&net);
	is_int(m->seen.registered, 1, "with a cookie: registered");
	teardown();
}

static void rfc8784_3_both_ends(void)
{
	setup_both(true);
	registers(true, "mandatory");
	teardown();
	setup_both(false);
	registers(true, "optional");
	teardown();

	give(&gppks, "a.example", "first", SECRET, true);
	give(&mppks, GCKS, "first", OTHER, true);
	setup();
	refused("another secret of the same name",
		"certificate: signature does not verify, with the PPK mixed in");
	teardown();

	/* The PPK of another member is not taken. */
	give(&gppks, "a.example", "first", SECRET, true);
	give(&gppks, "b.example", "second", OTHER, true);
	give(&mppks, GCKS, "second", OTHER, true);
	setup();
	refused("the PPK of another member",
		"PPK: another one is configured for this identity, and mandatory");
	teardown();
}

static void rfc8784_3_no_use_ppk(void)
{
	give(&mppks, GCKS, "first", SECRET, true);
	setup();
	node_join(m, g, GCKS, false);
	net_run(&net);
	is_int(m->seen.sa_closed, 0, "an answer without USE_PPK may be forged");
	is_int(ike_engine_stats(g->engine)->up, 0, "AUTH is not sent");
	net_pass(&net, 1500, true);
	is_int(m->seen.sa_closed, 1, "the member gives up a little later");
	is_str(m->seen.reason,
	       "the key server uses no PPK, which is mandatory here",
	       "the reason");
	is_int(ike_engine_stats(g->engine)->up, 0, "AUTH is never sent");
	teardown();

	/* A forged copy comes first, and the genuine answer then. */
	setup_both(true);
	node_join(m, g, GCKS, false);
	net_step(&net);
	net_dup(&net, 0);
	{
		struct packet *q = &net.queue[0];
		const uint8_t notify[] = {
			0, 8, 0, 0, IKE_N_USE_PPK >> 8, IKE_N_USE_PPK & 255
		};
		uint8_t *n = memmem(q->p, q->len, notify, sizeof(notify));

		if (n)
			n[5]++;
	}
	net_run(&net);
	is_int(m->seen.registered, 1,
	       "a forged answer does not keep the genuine one out");
	teardown();
}

/* ---- what a peer may leave out ------------------------------------------ */

static bool drop_identity, drop_no_ppk;

/* GSA_AUTH without one of the notifies that our own member sends. */
static int ask_less(struct ike_sa *sa, const struct ike_task *t)
{
	struct pchain all, c;
	struct pwalk walk;
	struct wbuf full, w;
	struct pld p;
	int ret;

	wbuf_init(&full, IKE_INNER_MAX);
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&all, &full, PCHAIN_DETACHED);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	ret = authenticate_request(sa, &all);
	if (!ret)
		ret = groupreq_build(&all, t);
	pwalk_init(&walk, all.first, full.p, full.len);
	while (!ret && pwalk_next(&walk, &p) > 0) {
		unsigned int type = p.type == IKE_PLD_NOTIFY
					    ? p.body[2] << 8 | p.body[3]
					    : 0;

		if ((type == IKE_N_PPK_IDENTITY && drop_identity) ||
		    (type == IKE_N_NO_PPK_AUTH && drop_no_ppk))
			continue;
		raw_build(&c, p.type, p.body, p.len);
	}
	if (!ret)
		ret = sa_request(sa, GIKE_XCHG_GSA_AUTH, c.first, &w);
	wbuf_free(&full);
	wbuf_free(&w);
	return ret;
}

static void use_less(bool identity, bool no_ppk)
{
	drop_identity = identity;
	drop_no_ppk = no_ppk;
	node_own_exchange(m, GIKE_XCHG_GSA_AUTH)->build = ask_less;
}

static void rfc8784_3_no_identity(void)
{
	for (int mandatory = 0; mandatory < 2; mandatory++) {
		setup_both(mandatory);
		use_less(true, false);
		refused("USE_PPK and then no PPK_IDENTITY",
			"PPK: PPK_IDENTITY is missing");
		teardown();
	}
}

/*
 * Table 1: whether the peer sends USE_PPK and NO_PPK_AUTH, whether the key server
 * has that PPK for it, and whether it is mandatory there.
 */
static void rfc8784_3_table_1(void)
{
	give(&gppks, "other.example", "x", SECRET, true);
	setup();
	registers(false, "no USE_PPK, no PPK");
	teardown();

	give(&gppks, "a.example", "first", SECRET, false);
	setup();
	registers(false, "no USE_PPK, an optional PPK");
	teardown();

	give(&gppks, "a.example", "first", SECRET, true);
	setup();
	refused("no USE_PPK, a mandatory PPK",
		"PPK: the peer uses none, and it is mandatory for this identity");
	teardown();

	give(&gppks, "other.example", "x", SECRET, true);
	give(&mppks, GCKS, "first", SECRET, true);
	setup();
	refused("USE_PPK without NO_PPK_AUTH, no PPK",
		"PPK: the peer demands one that is not configured for this identity");
	teardown();

	give(&gppks, "a.example", "second", OTHER, true);
	give(&mppks, GCKS, "first", SECRET, false);
	setup();
	refused("USE_PPK and NO_PPK_AUTH, another PPK that is mandatory",
		"PPK: another one is configured for this identity, and mandatory");
	teardown();

	give(&gppks, "other.example", "x", SECRET, true);
	give(&mppks, GCKS, "first", SECRET, false);
	setup();
	registers(false, "USE_PPK and NO_PPK_AUTH, no PPK");
	teardown();

	give(&gppks, "a.example", "second", OTHER, false);
	give(&mppks, GCKS, "first", SECRET, false);
	setup();
	registers(false, "USE_PPK and NO_PPK_AUTH, another PPK");
	teardown();

	give(&gppks, "a.example", "first", SECRET, true);
	give(&mppks, GCKS, "first", SECRET, false);
	setup();
	registers(true, "USE_PPK and NO_PPK_AUTH, the PPK");
	teardown();

	setup_both(false);
	use_less(false, true);
	registers(true, "USE_PPK without NO_PPK_AUTH, the PPK");
	teardown();
}

/* NO_PPK_AUTH is no way around AUTH. */
static int ask_forged(struct ike_sa *sa, const struct ike_task *t)
{
	static const uint8_t forged[80] = { 7 };
	struct pchain c;
	struct wbuf w;
	int ret;

	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	/* The member itself adds a good one, behind the forged one. */
	notify_build(&c, IKE_N_NO_PPK_AUTH, forged, sizeof(forged));
	ret = authenticate_request(sa, &c);
	if (!ret)
		ret = groupreq_build(&c, t);
	if (!ret)
		ret = sa_request(sa, GIKE_XCHG_GSA_AUTH, c.first, &w);
	wbuf_free(&w);
	return ret;
}

static void forged_no_ppk_auth(void)
{
	give(&gppks, "other.example", "x", SECRET, true);
	give(&mppks, GCKS, "first", SECRET, false);
	setup();
	node_own_exchange(m, GIKE_XCHG_GSA_AUTH)->build = ask_forged;
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(m->seen.registered + g->seen.requests, 0,
	       "a NO_PPK_AUTH that does not verify: nobody in");
	is_int(g->seen.auth_failed, 1, "a forged NO_PPK_AUTH is noted");
	teardown();
}

/*
 * An attacker in the middle removes USE_PPK from the request or from the answer, where
 * PPKs are optional: both IKE_SA_INITs are covered by AUTH.
 */
static void stripped(void)
{
	for (int at = 0; at < 2; at++) {
		const uint8_t notify[] = {
			0, 8, 0, 0, IKE_N_USE_PPK >> 8, IKE_N_USE_PPK & 255
		};
		uint8_t *n;

		setup_both(false);
		node_join(m, g, GCKS, true);
		if (at)
			net_step(&net);
		n = memmem(net.queue[0].p, net.queue[0].len, notify,
			   sizeof(notify));
		ok(n, "USE_PPK is there");
		if (n)
			n[5] += 100;
		net_run(&net);
		is_int(m->seen.registered + g->seen.requests, 0,
		       "USE_PPK removed from the %s: nobody in",
		       at ? "answer" : "request");
		teardown();
	}

	/* A key server that leaves PPK_IDENTITY out, where it is mandatory. */
	give(&gppks, "other.example", "x", SECRET, false);
	give(&mppks, GCKS, "first", SECRET, false);
	setup();
	node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	net_step(&net);
	is_int(g->seen.requests, 1, "the answer without PPK is on its way");
	ppks_free(mppks);
	mppks = NULL;
	give(&mppks, GCKS, "first", SECRET, true);
	m->engine->cfg.ppks = mppks;
	net_run(&net);
	is_int(m->seen.registered, 0,
	       "mandatory: an answer without PPK_IDENTITY is not taken");
	is_str(m->seen.text,
	       "PPK: the key server uses none, and it is mandatory here",
	       "the reason is in the member's log");
	is_str(g->seen.reason, "AUTHENTICATION_FAILED from the peer",
	       "the key server is told");
	teardown();
}

static void rfc8784_3_renewal(void)
{
	struct ike_keys was;
	struct ike_sa *at_m, *at_g;
	char algs[80];

	setup_both(true);
	registers(true, "before");
	at_m = m->sa;
	at_g = g->sa;
	was = at_m->keys;
	is_int(ike_rekey(at_m), 0, "a renewal");
	net_run(&net);
	is_int(ike_engine_stats(g->engine)->rekeyed, 1,
	       "the IKE SA is renewed");
	ok(memcmp(was.sk_d, at_m->keys.sk_d, was.prf_len), "SK_d is new");
	is_mem(at_m->keys.sk_d, at_m->keys.prf_len, at_g->keys.sk_d,
	       at_g->keys.prf_len, "both ends have the same");
	ok(strstr(ike_sa_algs(at_m, algs, sizeof(algs)), " ppk"),
	   "the IKE SA is protected by the PPK as before");
	secret_wipe(&was, sizeof(was));
	teardown();
}

/* ---- a reload ------------------------------------------------------------ */

/* Replace the PPKs of an end, as a reload does, by those of @p. */
static void reload(struct node *n, struct ppks **at, struct ppks *p)
{
	ike_engine_set_ppks(n->engine, p);
	ppks_free(*at);
	*at = p;
}

static struct ppks *table_of(const char *id, const char *key, bool mandatory)
{
	struct ppks *p = NULL;

	give(&p, id, "first", key, mandatory);
	return p;
}

static unsigned int n_sas(void)
{
	return ike_engine_stats(g->engine)->sas;
}

static void stays(const char *what)
{
	net_run(&net);
	is_int(n_sas(), 1, "%s: the IKE SA stays", what);
	is_int(m->seen.sa_closed, 0, "%s: the peer hears of nothing", what);
}

static void ends(const char *what, const char *why)
{
	is_int(n_sas(), 0, "%s: the IKE SA ends", what);
	is_str(g->seen.reason, why, "%s: the reason", what);
	net_run(&net);
	is_int(m->seen.sa_closed, 1, "%s: the peer is told by a Delete", what);
	node_clear(m);
	node_clear(g);
}

static void ppks_change(void)
{
	setup_both(true);
	registers(true, "before the reload");
	reload(g, &gppks, table_of("A.example", SECRET, true));
	stays("the same PPK");
	reload(g, &gppks, table_of("a.example", SECRET, false));
	stays("a PPK becomes optional");
	reload(g, &gppks, table_of("a.example", SECRET, true));
	stays("a PPK becomes mandatory for an IKE SA that has it");
	wipes_look_for(SECRET, 32);
	reload(g, &gppks, table_of("a.example", OTHER, true));
	is_int(wipes_found(), 1, "the PPK of before is wiped");
	ends("another PPK", "the PPK for the peer was changed");
	refused("the PPK of before",
		"certificate: signature does not verify, with the PPK mixed in");
	reload(m, &mppks, table_of(GCKS, OTHER, true));
	node_clear(m);
	node_clear(g);
	registers(true, "both ends with another PPK");
	reload(g, &gppks, NULL);
	ends("no PPK", "the PPK for the peer was removed");
	teardown();

	/* An IKE SA without PPK. */
	setup();
	registers(false, "no PPK");
	reload(g, &gppks, table_of("b.example", SECRET, true));
	stays("a PPK for another peer");
	reload(g, &gppks, table_of("a.example", SECRET, false));
	stays("a PPK that is optional is added");
	reload(g, &gppks, table_of("a.example", SECRET, true));
	ends("the optional PPK becomes mandatory",
	     "the peer has a mandatory PPK now");
	refused("no PPK where it is mandatory",
		"PPK: the peer uses none, and it is mandatory for this identity");
	reload(m, &mppks, table_of(GCKS, SECRET, false));
	node_clear(m);
	node_clear(g);
	registers(true, "the PPK was added at both ends");
	teardown();
}

/* Let the member ask again, after @what has ended its first attempt. */
static void tries_again(const char *what)
{
	net_run(&net);
	is_int(m->seen.registered, 0, "%s: no keys", what);
	is_str(m->seen.reason, "the PPK for the peer is another one now",
	       "%s: the member ends it itself", what);
	node_clear(m);
	node_clear(g);
}

/* Reloads while IKE SAs are being opened. */
static void ppks_change_meanwhile(void)
{
	/* The member has sent nothing but IKE_SA_INIT. */
	give(&gppks, "a.example", "first", SECRET, true);
	setup();
	node_join(m, g, GCKS, true);
	reload(m, &mppks, table_of(GCKS, SECRET, true));
	tries_again("without USE_PPK");
	registers(true, "with USE_PPK");
	teardown();

	/* The member waits for the answer to GSA_AUTH. */
	setup_both(true);
	node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	is_str(ike_sa_state_name(LIST_FIRST(&m->engine->sas)), "AUTH_SENT",
	       "the member has sent AUTH");
	reload(m, &mppks, table_of(GCKS, OTHER, true));
	tries_again("AUTH by the PPK of before");
	teardown();

	/* The key server has answered IKE_SA_INIT. */
	setup_both(true);
	node_join(m, g, GCKS, true);
	net_step(&net);
	reload(g, &gppks, table_of("a.example", OTHER, true));
	net_run(&net);
	is_int(m->seen.notify, IKE_N_AUTHENTICATION_FAILED,
	       "AUTH is verified with the PPK of now");
	teardown();
	setup_both(false);
	node_join(m, g, GCKS, true);
	net_step(&net);
	reload(g, &gppks, NULL);
	net_run(&net);
	is_int(m->seen.registered, 1,
	       "a PPK that is optional is removed: the IKE SA is up without");
	is_int(m->seen.tek_ret, 0, "TEK unwrapped without PPK");
	teardown();

	/* The answer of the group layer is due. */
	setup_both(true);
	g->later = true;
	node_join(m, g, GCKS, true);
	net_run(&net);
	reload(g, &gppks, NULL);
	is_int(n_sas(), 0, "an IKE SA that waits ends as well");
	is_int(node_reply(g), -ENOENT, "keys for it are not sent");
	net_run(&net);
	is_int(m->seen.registered, 0, "the member gets none");
	teardown();
}

static char diffs[128];

static void note_diff(void *arg, const char *id, const struct ppk *old,
		      const struct ppk *new)
{
	(void)arg;
	strcat(diffs, !new ? "-" : old ? "!" : "+");
	strcat(diffs, id);
}

static void differences(void)
{
	struct ppks *from = table_of("a", SECRET, true);
	struct ppks *to = table_of("A", SECRET, true);

	ppks_diff(from, to, note_diff, NULL);
	is_str(diffs, "", "the same PPKs");
	give(&from, "b", "first", SECRET, true);
	give(&from, "c", "first", SECRET, true);
	give(&from, "d", "first", SECRET, true);
	give(&from, "e", "first", SECRET, true);
	give(&to, "c", "first", OTHER, true);
	give(&to, "d", "second", SECRET, true);
	give(&to, "e", "first", SECRET, false);
	give(&to, "f", "first", SECRET, false);
	ppks_diff(from, to, note_diff, NULL);
	is_str(diffs, "-b!c!d!e+f",
	       "removed; another key, name or obligation; added");
	diffs[0] = '\0';
	ppks_diff(NULL, to, note_diff, NULL);
	ppks_diff(to, NULL, note_diff, NULL);
	ppks_diff(NULL, NULL, note_diff, NULL);
	is_str(diffs, "+A+c+d+e+f-A-c-d-e-f", "a table that is none is empty");
	ppks_free(from);
	ppks_free(to);
}

static void lost(void)
{
	for (int mandatory = 0; mandatory < 2; mandatory++) {
		for (int lose = 0; lose < 4; lose++) {
			setup_both(mandatory);
			node_join(m, g, GCKS, false);
			for (int i = 0; i < lose; i++)
				net_step(&net);
			net_drop(&net, 0);
			net_pass(&net, 1500, true);
			is_int(m->seen.registered, 1,
			       "packet %d lost: registered", lose);
			is_int(m->seen.tek_ret, 0,
			       "packet %d lost: TEK unwrapped", lose);
			teardown();
		}
	}
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	RUN(rfc8784_3_keys);
	RUN(table);
	RUN(rfc8784_5_1_ppk_id);
	RUN(rfc8784_3_use_ppk);
	RUN(rfc8784_3_both_ends);
	RUN(rfc8784_3_no_use_ppk);
	RUN(rfc8784_3_no_identity);
	RUN(rfc8784_3_table_1);
	RUN(forged_no_ppk_auth);
	RUN(stripped);
	RUN(rfc8784_3_renewal);
	RUN(ppks_change);
	RUN(ppks_change_meanwhile);
	RUN(differences);
	RUN(lost);
	return done();
}
