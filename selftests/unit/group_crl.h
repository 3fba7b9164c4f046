/* SPDX-License-Identifier: Apache-2.0 */
/* Groups whose members and key server have certificates that lists revoke. */
#ifndef GROUP_CRL_H
#define GROUP_CRL_H

#include "group_sim.h"

#include "crls.h"
#include "group_finish.h"
#include "tap.h"
#include "wire/proto.h"

#include <errno.h>

static struct sim s;
static struct sim_member *tx, *a, *b;
static struct crls *lists, *theirs;
static struct err err;
static const struct pki_pair *revoked[CRL_REVOKES_MAX + 1];
static enum crl_policy policy;
static int64_t valid_s; /* time of the next list */
static int64_t cert_s; /* see struct sim */
static bool inband; /* members may be rekeyed over their IKE SAs */
static long number;

static inline void usual(uint64_t seed)
{
	struct sim_three three;

	memset(revoked, 0, sizeof(revoked));
	policy = CRL_STRICT;
	valid_s = 7 * 86400;
	number = 0;
	sim_init(&s, seed);
	s.cert_s = cert_s;
	if (inband)
		s.cg.inband = INBAND_ASKED;
	three = sim_start_three(&s, false, 10000, 20);
	tx = three.tx;
	a = three.a;
	b = three.b;
}

static inline void finish(const char *name)
{
	trust_set_crls(s.trust, NULL);
	crls_free(lists);
	crls_free(theirs);
	lists = NULL;
	theirs = NULL;
	sim_finish(&s, name);
}

static inline void revoke_cert(const struct pki_pair *p)
{
	unsigned int i = 0;

	while (revoked[i])
		i++;
	revoked[i] = p;
}

/* Read the list of the CA as it is now. */
static inline struct crls *read_list(void)
{
	struct crl_spec spec = {
		.by = &s.ca,
		.made = s.wall0 + (int64_t)s.ms / 1000,
		.number = ++number,
	};
	struct crls *c;
	char path[96];

	spec.next = spec.made + valid_s;
	memcpy(spec.revokes, revoked, sizeof(spec.revokes));
	snprintf(path, sizeof(path), "%s/list.crl", s.dir);
	crl_write(path, &spec, false);
	if (crls_load(path, policy, s.trust, NULL, &c, &err))
		bail("%s", err.text);
	unlink(path);
	return c;
}

/* Do as a reload of the key server does, with another list. */
static inline int reload(void)
{
	struct crls *c = read_list();

	trust_set_crls(s.trust, c);
	crls_free(lists);
	lists = c;
	if (!s.gcks_up)
		return 0;
	ike_engine_close_revoked(s.engine);
	return sim_reload(&s, &err);
}

/* Do as a reload of a member does. */
static inline void reload_member(struct sim_member *m)
{
	struct crls *c = read_list();

	trust_set_crls(m->trust, c);
	crls_free(theirs);
	theirs = c;
	if (!m->up)
		return;
	member_check_gcks(m->m, m->trust);
	ike_engine_close_revoked(m->engine);
}

/* ---- a record of an earlier release -------------------------------------------- */

#define RECORD_1 33 /* octets behind the version */
#define RECORD_2 54
#define RECORD_3 (RECORD_2 + 1 + CERT_REF_LEN)
#define RECORD_4 (RECORD_3 + 1 + CERT_REF_LEN)

/*
 * Let the record of a.example be of @version, with @len octets of its own behind that,
 * and @n_refs in place of the number of references if that is not 0.
 */
static inline void set_record(uint8_t version, size_t len, uint8_t n_refs)
{
	char key[STORE_KEY_MAX];
	struct wbuf in, out;

	sim_store_up(&s);
	store_key(key, "g", "video", "m", "a.example", NULL);
	wbuf_init(&in, STORE_VALUE_MAX);
	wbuf_init(&out, STORE_VALUE_MAX);
	/* The record of a member that has renewed has more. */
	if (store_get(s.store, key, &in) || in.p[0] < 3 ||
	    (in.p[0] == 3 ? in.len != 1 + RECORD_3 : in.len < 1 + RECORD_4))
		bail("a record of %zu octets", in.len);
	if (n_refs)
		in.p[1 + RECORD_2] = n_refs;
	wbuf_u8(&out, version);
	wbuf_put(&out, in.p + 1, len);
	if (store_begin(s.store) || store_put(s.store, key, out.p, out.len) ||
	    store_commit(s.store))
		bail("store");
	wbuf_free(&in);
	wbuf_free(&out);
	store_close(s.store);
	store_close(s.witness);
}

#endif
