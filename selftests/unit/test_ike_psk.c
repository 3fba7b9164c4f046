// SPDX-License-Identifier: Apache-2.0
/*
 * Authentication by a pre-shared key (RFC 7296 section 2.15): the code itself,
 * the files of keys, and that each identity has one method, which no message
 * changes.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/prf.h"
#include "ike/psk.h"
#include "ike/sa.h"
#include "ike_net.h"
#include "tap.h"
#include "wipes.h"

#define GCKS "gcks.example"
#define KEY_A "the key of a, a long one"
#define KEY_B "the key of b, a long one"

static struct net net;
static struct pki_pair ca;
static struct node *g, *m;
static struct psks *gkeys, *mkeys;
static struct err err;

/* ---- both ends ---------------------------------------------------------- */

static void give(struct psks **p, const char *id, const char *key)
{
	if (!*p && psks_new(p))
		bail("no memory");
	if (psks_add(*p, id, key, strlen(key), &err))
		bail("%s", err.text);
}

static void setup(const char *name, bool gcks_bare, bool member_bare)
{
	struct ike_engine_cfg gcfg = { .psks = gkeys };
	struct ike_engine_cfg mcfg = { .psks = mkeys };
	struct pki_opt opt = { .kind = PKI_GCKS,
			       .dns = GCKS,
			       .psk_only = gcks_bare };

	net_init(&net);
	pki_ca(&net, "test CA", &ca);
	opt.ca = &ca;
	g = node_new(&net, "192.0.2.1", &opt, &ca, &gcfg);
	opt.kind = PKI_MEMBER;
	opt.dns = name;
	opt.psk_only = member_bare;
	m = node_new(&net, "192.0.2.2", &opt, &ca, &mcfg);
}

static void teardown(void)
{
	net_free(&net);
	pki_pair_free(&ca);
	psks_free(gkeys);
	psks_free(mkeys);
	gkeys = NULL;
	mkeys = NULL;
}

static void joins(const char *what)
{
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(m->seen.registered, 1, "%s: registered", what);
	is_int(m->seen.tek_ret, 0, "%s: TEK unwrapped", what);
	ok(g->seen.up == 1 && m->seen.up == 1, "%s: up on both sides", what);
	if (m->seen.refused || !m->seen.registered)
		diag("%s | %s", m->seen.text, g->seen.text);
}

/* The key server rejects the member, which gets AUTHENTICATION_FAILED. */
static void rejected(const char *what, const char *why)
{
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(g->seen.requests, 0, "%s: no group is asked for", what);
	is_int(g->seen.auth_failed, 1, "%s: noted", what);
	is_str(g->seen.text, why, "%s: the reason", what);
	is_int(m->seen.notify, IKE_N_AUTHENTICATION_FAILED,
	       "%s: the member is told", what);
	is_int(ike_engine_stats(g->engine)->sas, 0, "%s: no IKE SA is left",
	       what);
	is_int(m->seen.registered, 0, "%s: no keys", what);
}

static void rfc7296_2_15_both_ends(void)
{
	give(&gkeys, "plc.example", KEY_A);
	give(&mkeys, GCKS, KEY_A);
	setup("plc.example", true, true);
	joins("no certificate at either end");
	is_str(g->seen.peer, "plc.example", "the key server knows who");
	is_int(ike_sa_peer_ends(g->sa), 0, "a pre-shared key has no end");
	teardown();

	/* The one who has a certificate does not send it. */
	give(&gkeys, "PLC.example", KEY_A);
	give(&mkeys, GCKS, KEY_A);
	setup("plc.example", false, false);
	joins("both have certificates, and keys");
	teardown();
}

static void rfc7296_4_key_id(void)
{
	give(&gkeys, "key-id:plc-7", KEY_A);
	give(&mkeys, GCKS, KEY_A);
	setup("key-id:plc-7", false, true);
	joins("ID_KEY_ID");
	is_str(g->seen.peer, "key-id:plc-7", "a KEY_ID has a text of its own");
	teardown();

	give(&gkeys, "plc@example", KEY_A);
	give(&mkeys, GCKS, KEY_A);
	setup("plc@example", false, true);
	joins("ID_RFC822_ADDR");
	teardown();

	give(&gkeys, "192.0.2.2", KEY_A);
	give(&mkeys, GCKS, KEY_A);
	setup("192.0.2.2", false, true);
	joins("ID_IPV4_ADDR");
	teardown();
}

/* An address may be written in several forms, and is one identity. */
static void other_spelling(void)
{
	give(&gkeys, "2001:DB8:0:0::0002", KEY_A);
	give(&mkeys, GCKS, KEY_A);
	setup("2001:db8::2", false, true);
	joins("ID_IPV6_ADDR");
	is_int(psks_add(gkeys, "2001:db8::2", KEY_B, strlen(KEY_B), &err),
	       -EEXIST, "the address is there twice: %s", err.text);
	teardown();
}

/* One server has members of both kinds. */
static void mixed(void)
{
	struct pki_opt opt = { .kind = PKI_MEMBER, .dns = "b.example" };

	give(&gkeys, "plc.example", KEY_A);
	give(&mkeys, GCKS, KEY_A);
	setup("plc.example", false, true);
	joins("by key");
	opt.ca = &ca;
	m = node_new(&net, "192.0.2.3", &opt, &ca, NULL);
	node_join(m, g, GCKS, false);
	net_run(&net);
	is_int(m->seen.registered, 1, "another registers by its certificate");
	ok(ike_sa_peer_ends(g->sa) > 0, "a certificate has an end");
	is_int(ike_rekey(m->sa), 0, "the IKE SA by certificate is renewed");
	net_run(&net);
	ok(ike_engine_stats(g->engine)->rekeyed == 1 &&
		   ike_sa_peer_ends(g->sa) > 0,
	   "the end of a certificate is that of the renewed IKE SA as well");
	is_int(g->seen.up, 2, "both are up");
	teardown();
}

static void rfc7296_2_15_wrong_key(void)
{
	give(&gkeys, "plc.example", KEY_A);
	give(&mkeys, GCKS, KEY_B);
	setup("plc.example", false, true);
	rejected("another key", "pre-shared key: AUTH does not verify");
	teardown();

	give(&gkeys, "plc.example", KEY_A);
	give(&gkeys, "other.example", KEY_B);
	give(&mkeys, GCKS, KEY_B);
	setup("plc.example", false, true);
	rejected("key of another member",
		 "pre-shared key: AUTH does not verify");
	teardown();
}

static void unknown_identity(void)
{
	give(&gkeys, "plc.example", KEY_A);
	give(&mkeys, GCKS, KEY_A);
	setup("stranger.example", false, true);
	rejected("a name that has no key", "AUTH is not a digital signature");
	teardown();

	give(&gkeys, "plc.example", KEY_A);
	give(&mkeys, GCKS, KEY_A);
	setup("stranger.example", true, true);
	rejected("no name and no certificates",
		 "no pre-shared key is configured for this identity");
	teardown();

	/* The octets of a FQDN in a KEY_ID are another identity. */
	give(&gkeys, "plc.example", KEY_A);
	give(&mkeys, GCKS, KEY_A);
	setup("key-id:plc.example", true, true);
	rejected("the same octets of another type",
		 "no pre-shared key is configured for this identity");
	teardown();
}

/* Each identity has one method at each end. */
static void no_downgrade(void)
{
	/* The member has a key that the key server does not take for it. */
	give(&gkeys, "plc.example", KEY_A);
	give(&mkeys, GCKS, KEY_A);
	setup("a.example", false, false);
	rejected("configured for certificates, authenticates by key",
		 "AUTH is not a digital signature");
	teardown();

	give(&gkeys, "a.example", KEY_A);
	setup("a.example", false, false);
	rejected("configured for a key, authenticates by certificate",
		 "AUTH is not by the pre-shared key that is configured");
	teardown();

	/*
	 * A key server that answers by a certificate, although the member
	 * asked for the key: the one who answers is not the one who was asked.
	 */
	give(&gkeys, "a.example", KEY_A);
	give(&mkeys, GCKS, KEY_A);
	setup("a.example", false, false);
	node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	net_step(&net);
	is_int(net.n_queue, 1, "the answer is on its way");
	/* The member is told now that the server has a certificate. */
	m->engine->cfg.psks = NULL;
	net_run(&net);
	is_int(m->seen.registered, 0, "no keys by another method");
	is_str(m->seen.text, "AUTH is not a digital signature", "the reason");
	m->engine->cfg.psks = mkeys;
	teardown();

	give(&mkeys, GCKS, KEY_A);
	setup("a.example", false, false);
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(m->seen.registered, 0, "a key server that has no key of ours");
	teardown();
}

static void cannot_begin(void)
{
	struct ike_engine_cfg cfg = { 0 };
	static const struct ike_ops none;
	struct ike_engine *engine = NULL;

	give(&mkeys, "other.example", KEY_A);
	setup("plc.example", false, true);
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_str(m->seen.text,
	       "no pre-shared key is configured for the peer, and no certificate",
	       "no key and no certificate for this key server");
	is_int(g->seen.auth_failed, 0, "nothing was tried");
	cfg = m->cfg;
	cfg.psks = NULL;
	is_int(ike_engine_new(&cfg, &none, NULL, &engine), -EINVAL,
	       "an engine needs keys or a certificate");
	cfg = g->cfg;
	cfg.trust = NULL;
	is_int(ike_engine_new(&cfg, &none, NULL, &engine), -EINVAL,
	       "an engine with a certificate needs a CA");
	teardown();
}

static void lost(void)
{
	for (int lose = 0; lose < 4; lose++) {
		give(&gkeys, "plc.example", KEY_A);
		give(&mkeys, GCKS, KEY_A);
		setup("plc.example", false, true);
		node_join(m, g, GCKS, false);
		for (int i = 0; i < lose; i++)
			net_step(&net);
		net_drop(&net, 0);
		net_pass(&net, 1500, true);
		is_int(m->seen.registered, 1, "packet %d lost: registered",
		       lose);
		teardown();
	}
}

/* ---- a reload ----------------------------------------------------------- */

/* Replace the keys of an end, as a reload does, by those of @p. */
static void reload(struct node *n, struct psks **at, struct psks *p)
{
	ike_engine_set_psks(n->engine, p);
	psks_free(*at);
	*at = p;
}

static struct psks *table_of(const char *id, const char *key)
{
	struct psks *p = NULL;

	give(&p, id, key);
	return p;
}

/* Two members: plc.example by KEY_A, and b.example by KEY_B. */
static struct node *two_members(void)
{
	struct ike_engine_cfg cfg = { 0 };
	struct pki_opt opt = { .kind = PKI_MEMBER,
			       .dns = "b.example",
			       .psk_only = true,
			       .ca = &ca };
	static struct psks *bkeys;
	struct node *b;

	give(&gkeys, "plc.example", KEY_A);
	give(&gkeys, "b.example", KEY_B);
	give(&mkeys, GCKS, KEY_A);
	setup("plc.example", false, true);
	psks_free(bkeys);
	bkeys = table_of(GCKS, KEY_B);
	cfg.psks = bkeys;
	b = node_new(&net, "192.0.2.3", &opt, &ca, &cfg);
	node_join(b, g, GCKS, false);
	net_run(&net);
	node_clear(g);
	joins("before the reload");
	is_int(b->seen.registered, 1, "before the reload: the other one, too");
	return b;
}

static unsigned int n_sas(void)
{
	return ike_engine_stats(g->engine)->sas;
}

static void keys_change(void)
{
	struct node *b = two_members();
	struct psks *p;

	/* The same keys in another table. */
	p = table_of("b.example", KEY_B);
	give(&p, "PLC.example", KEY_A);
	reload(g, &gkeys, p);
	net_run(&net);
	is_int(n_sas(), 2, "the same keys: both IKE SAs stay");
	is_int(m->seen.sa_closed + b->seen.sa_closed, 0,
	       "the same keys: nobody hears of it");

	reload(g, &gkeys, table_of("b.example", KEY_B));
	is_int(n_sas(), 1, "a key is removed: its IKE SA ends");
	is_str(g->seen.reason, "the pre-shared key of the peer was removed",
	       "the reason");
	net_run(&net);
	is_int(m->seen.sa_closed, 1,
	       "the peer of a removed key is told by a Delete");
	is_int(b->seen.sa_closed, 0, "the other one keeps its IKE SA");
	node_clear(m);
	node_clear(g);
	node_join(m, g, GCKS, false);
	net_run(&net);
	is_int(m->seen.notify, IKE_N_AUTHENTICATION_FAILED,
	       "a peer without a key does not come back");

	p = table_of("b.example", KEY_B);
	give(&p, "plc.example", KEY_A);
	reload(g, &gkeys, p);
	is_int(n_sas(), 1, "a key is added: nothing ends");
	node_clear(m);
	node_clear(g);
	joins("with the key that was added");

	p = table_of("b.example", KEY_B);
	give(&p, "plc.example", "another key of a, a long one");
	reload(g, &gkeys, p);
	net_run(&net);
	is_str(g->seen.reason, "the pre-shared key of the peer was changed",
	       "another key: the reason");
	ok(n_sas() == 1 && m->seen.sa_closed == 1, "another key ends it, too");
	reload(m, &mkeys, table_of(GCKS, "another key of a, a long one"));
	node_clear(m);
	node_clear(g);
	joins("both ends with another key");

	reload(g, &gkeys, NULL);
	net_run(&net);
	is_int(n_sas(), 0, "no keys at all: no IKE SA is left");
	ok(m->seen.sa_closed == 1 && b->seen.sa_closed == 1,
	   "no keys at all: both are told");
	teardown();
}

/* Reloads while IKE SAs are being opened. */
static void keys_change_meanwhile(void)
{
	/* The key server has answered IKE_SA_INIT, and knows no name yet. */
	give(&gkeys, "plc.example", KEY_A);
	give(&mkeys, GCKS, KEY_A);
	setup("plc.example", false, true);
	node_join(m, g, GCKS, true);
	net_step(&net);
	reload(g, &gkeys, table_of("plc.example", KEY_B));
	net_run(&net);
	is_int(m->seen.notify, IKE_N_AUTHENTICATION_FAILED,
	       "AUTH is verified by the key of now");
	teardown();

	/* The answer of the group layer is due. */
	give(&gkeys, "plc.example", KEY_A);
	give(&mkeys, GCKS, KEY_A);
	setup("plc.example", false, true);
	g->later = true;
	node_join(m, g, GCKS, true);
	net_run(&net);
	reload(g, &gkeys, NULL);
	is_int(n_sas(), 0, "an IKE SA that waits ends as well");
	is_int(node_reply(g), -ENOENT, "keys for it are not sent");
	net_run(&net);
	is_int(m->seen.registered, 0, "the member gets none");
	teardown();

	/* The member waits for the answer to GSA_AUTH. */
	give(&gkeys, "plc.example", KEY_A);
	give(&mkeys, GCKS, KEY_A);
	setup("plc.example", false, true);
	node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	is_str(ike_sa_state_name(LIST_FIRST(&m->engine->sas)), "AUTH_SENT",
	       "the member has sent AUTH");
	reload(m, &mkeys, table_of(GCKS, KEY_B));
	net_run(&net);
	is_int(m->seen.registered, 0, "no keys by the key of before");
	is_str(m->seen.reason, "the pre-shared key of the peer was changed",
	       "the member ends it itself");
	teardown();

	/* The member has sent nothing but IKE_SA_INIT. */
	give(&gkeys, "plc.example", KEY_A);
	give(&mkeys, GCKS, KEY_B);
	setup("plc.example", false, true);
	node_join(m, g, GCKS, true);
	reload(m, &mkeys, table_of(GCKS, KEY_A));
	net_run(&net);
	is_int(m->seen.registered, 1, "AUTH is made by the key of now");
	teardown();

	/* A certificate is not valid any more for who has a key. */
	give(&gkeys, "other.example", KEY_B);
	setup("a.example", false, false);
	joins("by certificate");
	reload(g, &gkeys, table_of("a.example", KEY_A));
	net_run(&net);
	is_str(g->seen.reason, "the peer has a pre-shared key now",
	       "a key in place of a certificate");
	is_int(m->seen.sa_closed, 1, "the IKE SA by certificate ends");
	teardown();
}

static char diffs[128];

static void note_diff(void *arg, const char *id, const struct psk *old,
		      const struct psk *new)
{
	(void)arg;
	strcat(diffs, !new ? "-" : old ? "!" : "+");
	strcat(diffs, id);
}

static void differences(void)
{
	struct psks *from = table_of("a", KEY_A), *to = table_of("A", KEY_A);

	psks_diff(from, to, note_diff, NULL);
	is_str(diffs, "", "the same keys");
	give(&from, "b", "the key of b, another one");
	give(&from, "c", "the key of c, another one");
	give(&to, "c", "the key of c, a changed one");
	give(&to, "d", "the key of d, another one");
	psks_diff(from, to, note_diff, NULL);
	is_str(diffs, "-b!c+d", "removed, changed, added");
	diffs[0] = '\0';
	psks_diff(NULL, from, note_diff, NULL);
	psks_diff(from, NULL, note_diff, NULL);
	psks_diff(NULL, NULL, note_diff, NULL);
	is_str(diffs, "+a+b+c-a-b-c", "a table that is none is empty");
	psks_free(from);
	psks_free(to);
}

/* ---- the code ----------------------------------------------------------- */

static void rfc7296_2_15_code(void)
{
	static const uint8_t octets[] = "octets of a side";
	uint8_t pad[64], want[64], got[PRF_MAX_LEN];
	const struct psk *psk;

	give(&gkeys, "a.example", KEY_A);
	psk = psks_find(gkeys, "A.EXAMPLE");
	ok(psk, "the case of a name does not matter");
	if (!psk)
		return;
	prf_one(IKE_PRF_HMAC_SHA2_512, KEY_A, strlen(KEY_A),
		"Key Pad for IKEv2", 17, pad);
	prf_one(IKE_PRF_HMAC_SHA2_512, pad, 64, octets, sizeof(octets), want);
	is_int(psk_mac(IKE_PRF_HMAC_SHA2_512, psk, octets, sizeof(octets), got),
	       0, "the code is made");
	is_mem(got, 64, want, 64,
	       "prf(prf(key, \"Key Pad for IKEv2\"), octets)");
	is_int(psk_mac(99, psk, octets, sizeof(octets), got), -EOPNOTSUPP,
	       "no such PRF");
	psks_free(gkeys);
	gkeys = NULL;
}

/* ---- files -------------------------------------------------------------- */

static char path[] = "/tmp/mcsec-psk-XXXXXX";

static int load(const char *text, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_TRUNC), ret;
	struct psks *p;

	if (fd < 0 || write(fd, text, len) != (ssize_t)len || fchmod(fd, mode))
		bail("no file");
	close(fd);
	if (psks_new(&p))
		bail("no memory");
	err.text[0] = '\0';
	ret = psks_load(p, "a.example", path, &err);
	psks_free(gkeys);
	gkeys = p;
	return ret;
}

static void has_key(const char *want, size_t len, const char *what)
{
	const struct psk *psk = psks_find(gkeys, "a.example");

	is_mem(psk ? psk->key : NULL, psk ? psk->len : 0, want, len, "%s",
	       what);
}

static void rfc7296_2_15_ascii_and_hex(void)
{
	char text[2 * PSK_MAX + 8];
	size_t n;

	/* MUST accept ASCII of at least 64 octets, without a null behind. */
	memset(text, 'x', 64);
	text[64] = '\n';
	is_int(load(text, 65, 0600), 0, "64 octets of ASCII");
	has_key(text, 64, "the octets as they are, without the newline");
	is_int(load(text, 16, 0400), 0, "no newline");
	has_key(text, 16, "16 octets");
	is_int(load("sixteen octets !\r\n", 18, 0600), 0, "CR and LF");
	has_key("sixteen octets !", 16, "CR and LF are no part of the key");
	is_int(load("0x000102030405060708090a0B0c0D0e0F\n", 35, 0600), 0,
	       "ascii and hex: hexadecimal");
	has_key("\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 16,
		"octets of the digits");
	n = 2 + 2 * PSK_MAX;
	memset(text, 'a', n);
	memcpy(text, "0x", 2);
	is_int(load(text, n, 0600), 0, "the longest key");

	is_int(load("0x00010203040506070809", 22, 0600), -EINVAL, "%s",
	       "a short key");
	ok(strstr(err.text, "16") && strstr(err.text, path) &&
		   !strstr(err.text, "0405"),
	   "the error names file and length, and no octet of the key: %s",
	   err.text);
	is_int(load("0x000102030405060708090a0b0c0d0e0g", 34, 0600), -EINVAL,
	       "no digit");
	is_int(load("0x000102030405060708090a0b0c0d0e0", 33, 0600), -EINVAL,
	       "half an octet");
	is_int(load("", 0, 0600), -EINVAL, "ascii and hex: empty");
	is_int(load("sixteen\noctets !", 16, 0600), -EINVAL, "two lines");
	is_int(load("sixteen octets !\n", 17, 0640), -EPERM,
	       "others may read the file");
	ok(strstr(err.text, path), "the error names it: %s", err.text);
	ok(!psks_find(gkeys, "a.example"), "nothing was added");
	unlink(path);
	is_int(psks_load(gkeys, "a.example", path, &err), -ENOENT, "no file");
	psks_free(gkeys);
	gkeys = NULL;
}

static void one_each(void)
{
	struct psks *p;

	if (psks_new(&p))
		bail("no memory");
	is_int(psks_add(p, "a.example", KEY_A, 24, &err), 0, "one each: one");
	is_int(psks_add(p, "A.example", KEY_B, 24, &err), -EEXIST,
	       "an identity has one key: %s", err.text);
	is_int(psks_add(p, "b.example", KEY_A, 24, &err), -EEXIST,
	       "a key has one identity: %s", err.text);
	ok(!psks_find(p, "b.example"), "nothing of it stays");
	is_int(psks_add(p, "b.example", KEY_B, 24, &err), 0,
	       "one each: another");
	is_int(psks_add(p, "no name", KEY_B, 24, &err), -EINVAL,
	       "a name with a blank");
	is_int(psks_add(p, "key-id:a@b", "sixteen octets !", 16, &err), -EINVAL,
	       "a KEY_ID that could be a mail address");
	is_int(psks_add(p, "key-id:", "sixteen octets !", 16, &err), -EINVAL,
	       "an empty KEY_ID");
	wipes_look_for((const uint8_t *)KEY_A, 24);
	psks_free(p);
	ok(wipes_found() >= 1, "keys are wiped");
	psks_free(NULL);
	ok(!psks_find(NULL, "a.example"), "no table has no keys");
}

/* The AUTH of a key of @len octets, over some octets. */
static void auth_of(unsigned int prf, const uint8_t *key, size_t len,
		    uint8_t out[PRF_MAX_LEN])
{
	const struct psk psk = { .key = (uint8_t *)key, .len = len };

	memset(out, 0, PRF_MAX_LEN);
	if (psk_mac(prf, &psk, (const uint8_t *)"octets", 6, out))
		bail("no AUTH");
}

/* Try the key @b beside @a; it is refused if, and only if, AUTH by @prf is one. */
static void beside(const uint8_t *a, size_t a_len, const uint8_t *b,
		   size_t b_len, unsigned int prf, bool same, const char *what)
{
	uint8_t x[PRF_MAX_LEN], y[PRF_MAX_LEN];
	struct psks *p;

	auth_of(prf, a, a_len, x);
	auth_of(prf, b, b_len, y);
	is_int(!memcmp(x, y, sizeof(x)), same, "%s: AUTH is the same", what);
	if (psks_new(&p))
		bail("no memory");
	is_int(psks_add(p, "a.example", a, a_len, &err), 0, "%s: one", what);
	is_int(psks_add(p, "b.example", b, b_len, &err), same ? -EEXIST : 0,
	       "%s: %s", what, same ? err.text : "taken");
	is_int(!!psks_find(p, "b.example"), !same, "%s: in the table", what);
	is_int(psks_add(p, "c.example", KEY_B, 24, &err), 0, "%s: another",
	       what);
	if (same)
		is_int(psks_add(p, "b.example", "the key of b, not a's", 21,
				&err),
		       0, "%s: the refused one has left nothing", what);
	psks_free(p);
}

/* HMAC fills a key up to its block with zeros, and hashes a longer one. */
static void one_each_for_hmac(void)
{
	uint8_t key[PSK_MAX] = { 0 }, hash[HASH_SHA256_LEN];
	struct iovec iov = { key, 65 };

	memset(key, 0x5a, 16);
	beside(key, 16, key, 17, IKE_PRF_HMAC_SHA2_256, true,
	       "a zero octet behind");
	beside(key, 64, key, 16, IKE_PRF_HMAC_SHA2_256, true,
	       "zeros up to the block");
	memset(key, 0x5a, sizeof(key));
	beside(key, 16, key, 17, IKE_PRF_HMAC_SHA2_256, false,
	       "another octet behind");
	if (hash_sha256(&iov, 1, hash))
		bail("no hash");
	beside(key, 65, hash, sizeof(hash), IKE_PRF_HMAC_SHA2_256, true,
	       "the hash of a key");
	beside(hash, sizeof(hash), key, 65, IKE_PRF_HMAC_SHA2_256, true,
	       "a key and its hash");
	memset(key + 65, 0, sizeof(key) - 65);
	beside(key, 65, key, 66, IKE_PRF_HMAC_SHA2_384, true,
	       "zeros behind, of which one PRF sees nothing");
	beside(key, 65, key, 128, IKE_PRF_HMAC_SHA2_512, true,
	       "zeros up to the longer block");
	beside(key, 129, key, 130, IKE_PRF_HMAC_SHA2_512, false,
	       "zeros behind what is hashed");
}

int main(void)
{
	int fd = mkstemp(path);

	if (fd < 0)
		bail("no file");
	close(fd);
	RUN(rfc7296_2_15_code);
	RUN(rfc7296_2_15_ascii_and_hex);
	RUN(one_each);
	RUN(one_each_for_hmac);
	RUN(rfc7296_2_15_both_ends);
	RUN(rfc7296_4_key_id);
	RUN(other_spelling);
	RUN(mixed);
	RUN(rfc7296_2_15_wrong_key);
	RUN(unknown_identity);
	RUN(no_downgrade);
	RUN(cannot_begin);
	RUN(lost);
	RUN(keys_change);
	RUN(keys_change_meanwhile);
	RUN(differences);
	return done();
}
