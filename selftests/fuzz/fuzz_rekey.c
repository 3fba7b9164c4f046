// SPDX-License-Identifier: Apache-2.0
/*
 * GSA_REKEY at a member: datagrams as they come, and what another member
 * could seal. Nobody but the key server can get a signed one through: the
 * only content that is taken is that of the messages signed here.
 */
#include "ike_fuzz.h"

static struct sigkey *key;
static struct rekey_sa sas[2]; /* Implicit, signed */

/* The two messages that the key server signed. */
static struct good {
	uint8_t p[8192];
	size_t len;
	uint8_t first;
} good[2];

static void check(bool fine)
{
	if (!fine)
		abort();
}

static void once(void)
{
	struct rekey_msg m;
	struct rekey_sa rs;
	struct wbuf w;

	if (key)
		return;
	key = fuzz_key();
	fuzz_rekey_sa(&sas[0], false, key);
	fuzz_rekey_sa(&sas[1], true, key);
	for (int i = 0; i < 2; i++) {
		fuzz_rekey_sa(&rs, true, key);
		if (i)
			fuzz_lkh_msg(&m, &rs);
		else
			fuzz_delete_msg(&m);
		wbuf_init(&w, IKE_MSG_MAX);
		check(!rekey_build(&rs, &m, &w, NULL));
		good[i].len = fuzz_rekey_inner(&rs, w.p, w.len, good[i].p,
					       &good[i].first);
		wbuf_free(&w);
		rekey_msg_free(&m);
		rekey_sa_wipe(&rs);
	}
}

static bool is_good(uint8_t first, const uint8_t *p, size_t len)
{
	for (int i = 0; i < 2; i++)
		if (first == good[i].first && len == good[i].len &&
		    !memcmp(p, good[i].p, len))
			return true;
	return false;
}

static enum rekey_rc open_it(struct rekey_sa *rs, const uint8_t *p, size_t len)
{
	uint32_t before = rs->next_mid;
	struct rekey_msg m;
	struct err err;
	enum rekey_rc rc;

	rekey_msg_init(&m);
	rc = rekey_open(rs, p, len, &m, &err);
	check((unsigned int)rc < REKEY_RC_MAX);
	if (rc)
		check(!m.has_gsa && !m.kd.n_bags && !m.n_del);
	if (rc && rc != REKEY_POLICY && rc != REKEY_UNSUPPORTED &&
	    rc != REKEY_SYNTAX)
		check(rs->next_mid == before);
	rekey_msg_free(&m);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool sign = size && data[0] % FR_MAX != FR_IMPLICIT;
	struct rekey_sa *rs = &sas[sign];
	enum rekey_rc rc;
	struct wbuf w;

	if (size < 2)
		return 0;
	once();
	rs->next_mid = 0;
	rs->spent = false;
	if (data[0] % FR_MAX == FR_RAW) {
		/* The KEK is known here, but not the signing key. */
		open_it(rs, data + 1, size - 1);
	} else {
		fuzz_rekey_seal(rs, 0, data[1], data + 2, size - 2, &w);
		rc = open_it(rs, w.p, w.len);
		if (!rc && sign)
			check(is_good(data[1], data + 2, size - 2));
		wbuf_free(&w);
	}
	return 0;
}
