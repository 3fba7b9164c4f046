// SPDX-License-Identifier: Apache-2.0
/*
 * The published vectors (Documentation/vectors) are made again and compared
 * octet for octet with the files:
 *
 *	build/unit/vectors
 *	build/unit/vectors --write DIRECTORY
 *
 * The second form writes the files, after a change of messages that was meant.
 */
#include <errno.h>

#include "gcks/group.h"
#include "group_sim.h"
#include "ike/ppk.h"
#include "ike/psk.h"
#include "ike_net.h"
#include "lib/log.h"
#include "tap.h"
#include "vectors.h"

#define GCKS "gcks.example"
#define PSK "a key of 32 octets for a.example"

static const char *write_to;
static struct vectors *v;

/* ---- files -------------------------------------------------------------- */

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text;
	long size;

	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	text = calloc(1, size + 1);
	if (!text || fread(text, 1, size, f) != (size_t)size)
		bail("%s: %s", path, strerror(errno));
	fclose(f);
	return text;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		bail("%s: %s", path, strerror(errno));
}

/* Report the first line that differs. */
static void show_difference(const char *got, const char *want)
{
	unsigned int line = 1;

	for (; *got && *got == *want; got++, want++)
		line += *got == '\n';
	diag("line %u: made \"%.40s\", published \"%.40s\"", line, got, want);
}

static void finish(const char *name)
{
	char *text = vectors_end(v), *made, *published;
	char path[512];

	if (asprintf(&made, "%s\n", text) < 0)
		bail("no memory");
	free(text);
	snprintf(path, sizeof(path), "%s/%s.json",
		 write_to ? write_to : SRCDIR "/Documentation/vectors", name);
	if (write_to)
		write_file(path, made);
	published = read_file(path);
	ok(published, "%s.json is published", name);
	ok(published && !strcmp(made, published),
	   "%s.json is what is made again, octet for octet", name);
	if (published && strcmp(made, published))
		show_difference(made, published);
	free(published);
	free(made);
}

/* ---- one IKE SA --------------------------------------------------------- */

static struct net net;
static struct pki_pair ca;
static struct node *g, *m;
static struct psks *gkeys, *mkeys;

static void pair_start(struct ike_engine_cfg *gcfg, struct ike_engine_cfg *mcfg,
		       bool psk)
{
	struct pki_opt opt = { .kind = PKI_GCKS, .dns = GCKS, .psk_only = psk };
	struct err err;

	if (psk && (psks_new(&gkeys) || psks_new(&mkeys) ||
		    psks_add(gkeys, "a.example", PSK, strlen(PSK), &err) ||
		    psks_add(mkeys, GCKS, PSK, strlen(PSK), &err)))
		bail("no keys");
	gcfg->psks = gkeys;
	mcfg->psks = mkeys;
	net_init(&net);
	pki_ca(&net, "Vectors CA", &ca);
	opt.ca = &ca;
	g = node_new(&net, "192.0.2.1:848", &opt, &ca, gcfg);
	opt.kind = PKI_MEMBER;
	opt.dns = "a.example";
	m = node_new(&net, "192.0.2.2:848", &opt, &ca, mcfg);
	if (psk) {
		vectors_psk(v, "a.example", GCKS, PSK, strlen(PSK));
		return;
	}
	vectors_identity(v, "Vectors CA", &ca, NULL);
	vectors_identity(v, GCKS, &g->cert, &g->ep);
	vectors_identity(v, "a.example", &m->cert, &m->ep);
}

static void pair_end(void)
{
	net_free(&net);
	pki_pair_free(&ca);
	psks_free(gkeys);
	psks_free(mkeys);
	gkeys = NULL;
	mkeys = NULL;
}

/* Record and deliver all messages, and those that they cause. */
static void deliver(const char *step)
{
	vectors_step(v, step);
	while (net.n_queue) {
		struct packet *q = &net.queue[0];

		vectors_message(v, net.ms, &q->from, &q->to, q->p, q->len);
		net_step(&net);
	}
}

static struct ike_sa *join(bool send)
{
	struct ike_sa *sa = node_join(m, g, GCKS, send);

	if (!sa)
		bail("no IKE SA");
	return sa;
}

static void registration(bool psk)
{
	static const char *const about[] = {
		"A sender registers by GSA_AUTH with certificates, then for "
		"another group, leaves that, and closes the IKE SA.",
		"A sender registers by GSA_AUTH with a pre-shared key, then for "
		"another group, leaves that, and closes the IKE SA.",
	};
	const char *name = psk ? "gsa-auth-psk" : "gsa-auth-certificates";
	struct ike_engine_cfg gcfg = { 0 }, mcfg = { 0 };
	struct gike_req req;
	struct ike_sa *sa;

	v = vectors_begin(name, about[psk]);
	pair_start(&gcfg, &mcfg, psk);
	sa = join(true);
	deliver("a.example registers for group video as a sender");
	is_int(m->seen.registered, 1, "the member is registered");
	is_int(m->seen.tek_ret, 0, "the member has the TEK");
	group_req(&req, "audio", false);
	ike_register_more(sa, &req);
	deliver("a.example registers for group audio as a receiver");
	is_int(m->seen.registered, 2, "another group is registered");
	ike_leave(sa, &req.idg);
	deliver("a.example leaves group audio");
	is_int(m->seen.left, 1, "the second group is left");
	ike_liveness(sa);
	deliver("a.example checks that the key server is alive");
	ike_close(sa, "done");
	deliver("a.example closes the IKE SA");
	is_int(g->seen.sa_closed, 1, "the IKE SA is closed");
	pair_end();
	finish(name);
}

static void certificates(void)
{
	registration(false);
}

static void pre_shared_key(void)
{
	registration(true);
}

static void childless_by(bool psk)
{
	static const char *const about[] = {
		"An IKE SA is opened by IKE_AUTH without a Child SA with "
		"certificates, and a group is requested by GSA_REGISTRATION.",
		"An IKE SA is opened by IKE_AUTH without a Child SA with a "
		"pre-shared key, and a group is requested by GSA_REGISTRATION.",
	};
	const char *name = psk ? "childless-psk" : "childless-certificates";
	struct ike_engine_cfg gcfg = { 0 }, mcfg = { 0 };
	struct gike_req req;
	struct ike_sa *sa;
	struct ike_id id;

	v = vectors_begin(name, about[psk]);
	pair_start(&gcfg, &mcfg, psk);
	id_from_text(&id, GCKS);
	if (ike_open(m->engine, &m->ep, &g->ep, &id, &sa))
		bail("ike_open");
	deliver("a.example opens an IKE SA without a Child SA");
	is_int(m->seen.up, 1, "the IKE SA is up");
	group_req(&req, "video", true);
	ike_register_more(sa, &req);
	deliver("a.example registers for group video as a sender");
	is_int(m->seen.registered, 1, "the member is registered");
	is_int(m->seen.tek_ret, 0, "the member has the TEK");
	pair_end();
	finish(name);
}

static void childless(void)
{
	childless_by(false);
	childless_by(true);
}

static void cookie(void)
{
	struct ike_engine_cfg gcfg = { .cookie_always = true }, mcfg = { 0 };

	v = vectors_begin("cookie",
			  "The key server asks for a cookie before it opens an IKE SA.");
	pair_start(&gcfg, &mcfg, false);
	join(false);
	deliver("a.example registers for group video as a receiver");
	is_int(m->seen.registered, 1, "the member is registered");
	pair_end();
	finish("cookie");
}

static void renewal(void)
{
	struct ike_engine_cfg gcfg = { 0 }, mcfg = { 0 };
	struct gike_req req;
	struct ike_sa *sa;

	v = vectors_begin("create-child-sa",
			  "The IKE SA is renewed by CREATE_CHILD_SA, first by the member and then by the key server.");
	pair_start(&gcfg, &mcfg, false);
	sa = join(false);
	deliver("a.example registers for group video as a receiver");
	is_int(ike_rekey(sa), 0, "the member begins a renewal");
	deliver("a.example renews the IKE SA");
	group_req(&req, "audio", false);
	ike_register_more(sa, &req);
	deliver("a.example registers for group audio over the new IKE SA");
	is_int(m->seen.registered, 2, "a group is registered over the new SA");
	is_int(ike_rekey(g->sa), 0, "the key server begins a renewal");
	deliver("the key server renews the IKE SA");
	ike_leave(sa, &req.idg);
	deliver("a.example leaves group audio");
	is_int(m->seen.left, 1, "the second group is left");
	pair_end();
	finish("create-child-sa");
}

/* An additional key exchange with the same curve, since its keys can be told. */
#define ADDITIONAL \
	{ \
		.n = 1, .method = { IKE_KE_X25519 }, .required = true \
	}

static void intermediate(void)
{
	struct ike_engine_cfg gcfg = { .addke = ADDITIONAL };
	struct ike_engine_cfg mcfg = { .addke = ADDITIONAL };
	struct gike_req req;
	struct ike_sa *sa;

	v = vectors_begin("ike-intermediate",
			  "An additional key exchange in IKE_INTERMEDIATE before GSA_AUTH, and one in IKE_FOLLOWUP_KE when the IKE SA is renewed.");
	pair_start(&gcfg, &mcfg, false);
	sa = join(true);
	deliver("a.example registers for group video as a sender");
	is_int(m->seen.registered, 1, "the member is registered");
	is_int(m->seen.tek_ret, 0, "the member has the TEK");
	is_int(ike_rekey(sa), 0, "the member begins a renewal");
	deliver("a.example renews the IKE SA");
	group_req(&req, "audio", false);
	ike_register_more(sa, &req);
	deliver("a.example registers for group audio over the new IKE SA");
	is_int(m->seen.registered, 2, "a group is registered over the new SA");
	pair_end();
	finish("ike-intermediate");
}

static void post_quantum_key(void)
{
	static const char key[] = "a PPK with 256 bits of randomness";
	struct ppk ppk = { .id = (char *)"a.example",
			   .name = (char *)"plant-7",
			   .key = (uint8_t *)key,
			   .len = sizeof(key) - 1,
			   .mandatory = true };
	struct ike_engine_cfg gcfg = { 0 }, mcfg = { 0 };
	struct ppks *gppks, *mppks;
	struct gike_req req;
	struct ike_sa *sa;
	struct err why;

	if (ppks_new(&gppks) || ppks_new(&mppks) || ppks_add(gppks, &ppk, &why))
		bail("no PPK");
	ppk.id = (char *)GCKS;
	if (ppks_add(mppks, &ppk, &why))
		bail("%s", why.text);
	gcfg.ppks = gppks;
	mcfg.ppks = mppks;
	v = vectors_begin("gsa-auth-ppk",
			  "A sender registers with a certificate and a post-quantum pre-shared key (RFC 8784), and renews the IKE SA.");
	vectors_ppk(v, "a.example", GCKS, &ppk);
	pair_start(&gcfg, &mcfg, false);
	sa = join(true);
	deliver("a.example registers for group video as a sender");
	is_int(m->seen.registered, 1, "the member is registered");
	is_int(m->seen.tek_ret, 0, "the member has the TEK");
	is_int(ike_rekey(sa), 0, "the member begins a renewal");
	deliver("a.example renews the IKE SA");
	group_req(&req, "audio", false);
	ike_register_more(sa, &req);
	deliver("a.example registers for group audio over the new IKE SA");
	is_int(m->seen.registered, 2, "a group is registered over the new SA");
	pair_end();
	finish("gsa-auth-ppk");
	ppks_free(gppks);
	ppks_free(mppks);
}

static void fragments(void)
{
	struct ike_engine_cfg gcfg = { .fragment_size = 576 };
	struct ike_engine_cfg mcfg = { .fragment_size = 576 };

	v = vectors_begin("ike-fragments",
			  "Both messages of GSA_AUTH are sent in IKE fragments, at most 576 octets of IP each.");
	pair_start(&gcfg, &mcfg, false);
	join(true);
	deliver("a.example registers for group video as a sender");
	is_int(m->seen.registered, 1, "the member is registered");
	ok(ike_engine_stats(g->engine)->frag_in > 1, "the request was cut");
	ok(ike_engine_stats(m->engine)->frag_in > 1, "the answer was cut");
	pair_end();
	finish("ike-fragments");
}

/* ---- a group ------------------------------------------------------------ */

static struct sim s;
static struct err err;
static bool is_inband; /* the members are rekeyed over their IKE SAs */

static void on_wire(struct sim *sim, const struct ep *from, const struct ep *to,
		    const uint8_t *p, size_t len)
{
	vectors_message(v, sim->ms, from, to, p, len);
}

static struct group *group_here(void)
{
	return TAILQ_FIRST(&s.gcks->groups);
}

/* The recorder has found the keys that the key server has now. */
static void is_known(const char *what)
{
	const struct gkm_state *st = &group_here()->st;
	unsigned int i;

	ok(vectors_has_keymat(v, st->rekey.keymat, st->rekey.len),
	   "%s: the KEYMAT of the Rekey SA is in the vectors", what);
	for (i = 0; i < st->n_data; i++)
		ok(vectors_has_keymat(v, st->data[i].key.keymat,
				      st->data[i].key.len),
		   "%s: the KEYMAT of Data SA %u is in the vectors", what,
		   i + 1);
}

static struct sim_member *comes(const char *name, bool send)
{
	struct sim_member *member = sim_add(&s, name, send, !send);

	member->cg.inband = is_inband;
	vectors_identity(v, name, &member->cert, &member->ep);
	sim_up(member);
	if (!sim_settle(&s, 30000))
		bail("%s is not in", name);
	return member;
}

static void group_start(const char *name, const char *about)
{
	v = vectors_begin(name, about);
	sim_init(&s, 1);
	s.store_ms = 0;
	vectors_draw(v);
	s.on_wire = on_wire;
	s.cg.inband = is_inband ? INBAND_ASKED : INBAND_NEVER;
	sim_gcks_up(&s);
	vectors_identity(v, "Test CA", &s.ca, NULL);
	vectors_identity(v, GCKS, &s.cert, &s.ep);
}

static void multicast(void)
{
	struct sim_member *c;
	uint32_t ms;

	group_start("gsa-rekey",
		    "A sender and three receivers join a group one after the other; all kinds of GSA_REKEY follow.");
	vectors_signing_key(v, group_here()->sign);
	vectors_step(v, "s.example joins as a sender");
	comes("s.example", true);
	sim_run(&s, 12000);
	vectors_step(v, "a.example joins as a receiver");
	comes("a.example", false);
	sim_run(&s, 12000);
	vectors_step(v, "b.example joins as a receiver");
	comes("b.example", false);
	sim_run(&s, 12000);
	vectors_step(v, "c.example joins as a receiver");
	c = comes("c.example", false);
	is_known("after the joins");
	vectors_step(v, "beats");
	sim_run(&s, 30000);
	vectors_step(v, "periodic rekey");
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 800);
	is_known("after a periodic rekey");
	vectors_step(v, "a beat after it");
	sim_run(&s, 12000);
	vectors_step(v, "b.example is evicted, by two messages");
	if (sim_evict(s.gcks, "video", "b.example", &ms, &err))
		bail("%s", err.text);
	sim_run(&s, 1000);
	is_known("after the eviction");
	vectors_step(v, "what follows an eviction");
	sim_down(s.m[2]);
	sim_run(&s, 12000);
	vectors_step(v, "c.example leaves, by two messages");
	member_leave(c->m, NULL);
	sim_run(&s, 1000);
	is_known("after the leave");
	vectors_step(v, "what follows a leave");
	sim_down(c);
	sim_run(&s, 12000);
	vectors_step(v, "the signing key changes");
	if (sim_renew_signing_key(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 800);
	vectors_signing_key(v, group_here()->sign);
	is_known("after another signing key");
	is_int(sim_out_of_step(&s), 0, "all members follow");
	vectors_step(v, "a beat after it");
	sim_run(&s, 12000);
	vectors_step(v, "reset: all SAs of the group are deleted");
	if (sim_reset(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 100);
	sim_free(&s);
	finish("gsa-rekey");
}

/* Two Data SAs: all messages have a policy and a key bag for each. */
static void several_data(void)
{
	uint32_t ms;

	v = vectors_begin("gsa-rekey-data",
			  "A group has two Data SAs: a sender and two receivers join, the group is rekeyed, and one of them is evicted.");
	sim_init(&s, 1);
	s.store_ms = 0;
	vectors_draw(v);
	s.on_wire = on_wire;
	s.cg.more.n = 1;
	s.cg.more.v[0].alg = (struct conf_alg){ IKE_ENCR_AES_GCM_16, 256 };
	if (prefix_parse("239.2.0.0/16", &s.cg.more.v[0].sel.dst,
			 &s.cg.more.v[0].sel.dst_len))
		bail("prefix");
	sim_gcks_up(&s);
	vectors_identity(v, "Test CA", &s.ca, NULL);
	vectors_identity(v, GCKS, &s.cert, &s.ep);
	vectors_signing_key(v, group_here()->sign);
	vectors_step(v, "s.example joins as a sender");
	comes("s.example", true);
	sim_run(&s, 12000);
	vectors_step(v, "a.example joins as a receiver");
	comes("a.example", false);
	sim_run(&s, 12000);
	vectors_step(v, "b.example joins as a receiver");
	comes("b.example", false);
	sim_run(&s, 12000);
	vectors_step(v, "periodic rekey");
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 12000);
	is_known("after a periodic rekey");
	vectors_step(v, "b.example is evicted, by two messages");
	if (sim_evict(s.gcks, "video", "b.example", &ms, &err))
		bail("%s", err.text);
	sim_run(&s, 1000);
	is_known("after the eviction");
	is_int(sim_out_of_step(&s), 1, "the others follow");
	sim_free(&s);
	finish("gsa-rekey-data");
}

#define CROWD 20

static void multicast_fragments(void)
{
	char name[32];
	int i;

	group_start("gsa-rekey-fragments",
		    "Of many members that join a group at once only the GSA_REKEYs are here, one of which is sent in fragments.");
	vectors_multicast_only(v);
	vectors_signing_key(v, group_here()->sign);
	for (i = 0; i < 2 * CROWD; i++) {
		snprintf(name, sizeof(name), "r%d.example", i);
		sim_add(&s, name, false, true);
	}
	for (i = 0; i < CROWD; i++)
		sim_up(s.m[i]);
	vectors_step(v, "the first half joins");
	if (!sim_settle(&s, 60000))
		bail("the first half is not in");
	sim_run(&s, 9000);
	vectors_step(v, "the second half joins");
	for (; i < 2 * CROWD; i++)
		sim_up(s.m[i]);
	if (!sim_settle(&s, 60000))
		bail("the second half is not in");
	is_known("after the joins");
	ok(vectors_fragments(v) > 1, "a GSA_REKEY has %u fragments",
	   vectors_fragments(v));
	sim_free(&s);
	finish("gsa-rekey-fragments");
}

static void find_ike_sa(void *arg, struct ike_sa *sa)
{
	if (!strcmp(ike_sa_peer_name(sa), "a.example"))
		*(struct ike_sa **)arg = sa;
}

static void is_known_inband(const char *what)
{
	const struct gkm_state *st = &group_here()->st;

	ok(vectors_has_keymat(v, st->data[0].key.keymat, st->data[0].key.len),
	   "%s: the KEYMAT of the Data SA is in the vectors", what);
}

static void inband(void)
{
	struct ike_sa *sa = NULL;
	uint32_t ms;

	is_inband = true;
	group_start("gsa-inband-rekey",
		    "A sender and two receivers join a group without a Rekey SA, and are rekeyed over their IKE SAs.");
	vectors_step(v, "s.example joins as a sender");
	comes("s.example", true);
	sim_run(&s, 12000);
	vectors_step(v, "a.example joins as a receiver");
	comes("a.example", false);
	sim_run(&s, 12000);
	vectors_step(v, "b.example joins as a receiver");
	comes("b.example", false);
	sim_run(&s, 12000);
	vectors_step(v, "periodic rekey");
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 800);
	is_known_inband("after a periodic rekey");
	vectors_step(v, "members report and check their IKE SAs");
	sim_run(&s, 12000);
	vectors_step(v, "b.example is evicted, and told by Deletes");
	if (sim_evict(s.gcks, "video", "b.example", &ms, &err))
		bail("%s", err.text);
	sim_run(&s, 100);
	is_known_inband("after the eviction");
	sim_down(s.m[2]);
	vectors_step(v, "members report and check their IKE SAs");
	sim_run(&s, 12000);
	vectors_step(v, "the key server renews the IKE SA of a.example");
	ike_engine_each(s.engine, find_ike_sa, &sa);
	if (!sa || ike_rekey(sa))
		bail("no IKE SA of a.example");
	sim_run(&s, 500);
	vectors_step(v, "a rekey over the renewed IKE SA");
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 800);
	is_known_inband("after the last rekey");
	vectors_step(v, "reset: all SAs of the group are deleted");
	if (sim_reset(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 100);
	sim_free(&s);
	is_inband = false;
	finish("gsa-inband-rekey");
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--write")) {
		write_to = argv[2];
	} else if (argc != 1) {
		fprintf(stderr, "usage: %s [--write DIRECTORY]\n", argv[0]);
		return 2;
	}
	log_init("test", LOG_LEVEL_ERR, true);
	RUN(certificates);
	RUN(pre_shared_key);
	RUN(childless);
	RUN(cookie);
	RUN(renewal);
	RUN(intermediate);
	RUN(post_quantum_key);
	RUN(fragments);
	RUN(multicast);
	RUN(several_data);
	RUN(multicast_fragments);
	RUN(inband);
	return done();
}
