// SPDX-License-Identifier: Apache-2.0
/* Status of an IKE SA and of an engine. */
#include <stdio.h>

#include "ike/sa.h"

const struct kwk *ike_sa_kwk(const struct ike_sa *sa)
{
	return sa->keys.have && sa->suite.kwa ? &sa->keys.gsk_w : NULL;
}

const char *ike_sa_peer_name(const struct ike_sa *sa)
{
	return sa_peer_name(sa);
}

const struct ike_id *ike_sa_peer_id(const struct ike_sa *sa)
{
	return sa->peer_id;
}

int64_t ike_sa_peer_ends(const struct ike_sa *sa)
{
	return sa->peer_ends;
}

bool ike_sa_peer_revoked(const struct ike_sa *sa)
{
	return sa->peer_revoked;
}

bool ike_sa_move_failed(const struct ike_sa *sa)
{
	return sa->mobike && sa->mobike->failed;
}

const struct cert_refs *ike_sa_peer_certs(const struct ike_sa *sa)
{
	return &sa->peer_certs;
}

bool ike_sa_behind_nat(const struct ike_sa *sa)
{
	return sa->nat_there;
}

const struct ep *ike_sa_peer(const struct ike_sa *sa)
{
	return &sa->path.peer;
}

const struct ep *ike_sa_local(const struct ike_sa *sa)
{
	return &sa->path.local;
}

const char *ike_sa_state_name(const struct ike_sa *sa)
{
	return ike_st_name(sa->state);
}

const char *ike_sa_name(const struct ike_sa *sa)
{
	return sa_name(sa);
}

uint64_t ike_sa_serial(const struct ike_sa *sa)
{
	return sa->serial;
}

bool ike_sa_is_up(const struct ike_sa *sa)
{
	return sa->state == IKE_ST_UP;
}

const char *ike_sa_opens_by(const struct ike_sa *sa)
{
	return sa->state == IKE_ST_INIT_SENT ? ike_xchg_name(sa->my_xchg)
					     : NULL;
}

bool ike_sa_is_initiator(const struct ike_sa *sa)
{
	return !sa->gcks;
}

void ike_sa_set_user(struct ike_sa *sa, void *user)
{
	sa->user = user;
}

void *ike_sa_user(const struct ike_sa *sa)
{
	return sa->user;
}

static const char *encr_text(const struct ike_suite *s)
{
	switch (s->encr) {
	case IKE_ENCR_AES_GCM_16:
		return s->key_bits == 256 ? "aes-gcm-16-256" : "aes-gcm-16-128";
	case IKE_ENCR_CHACHA20_POLY1305:
		return "chacha20-poly1305";
	}
	return "?";
}

static const char *prf_text(uint16_t prf)
{
	switch (prf) {
	case IKE_PRF_HMAC_SHA2_256:
		return "sha2-256";
	case IKE_PRF_HMAC_SHA2_384:
		return "sha2-384";
	case IKE_PRF_HMAC_SHA2_512:
		return "sha2-512";
	}
	return "?";
}

/* Write all methods that the keys depend on, as "x25519+ml-kem-768". */
static const char *ke_text(const struct ike_suite *s, char *buf, size_t size)
{
	size_t len = snprintf(buf, size, "%s", ke_name(s->ke));
	uint16_t method;

	for (unsigned int n = 0; (method = suite_addke(s, n)) && len < size;
	     n++)
		len += snprintf(buf + len, size - len, "+%s", ke_name(method));
	return buf;
}

const char *ike_sa_algs(const struct ike_sa *sa, char *buf, size_t size)
{
	char kw[16] = "", ke[96];

	if (!size)
		return "";
	if (sa->suite.kwa)
		snprintf(kw, sizeof(kw), " kw-%d", 8 * sa->keys.gsk_w.len);
	if (!sa->keys.have)
		buf[0] = 0;
	else
		snprintf(buf, size, "%s %s %s%s%s%s", encr_text(&sa->suite),
			 prf_text(sa->suite.prf),
			 ke_text(&sa->suite, ke, sizeof(ke)), kw,
			 sa->ppk ? " ppk" : "", sa->resumed ? " resumed" : "");
	return buf;
}

void ike_engine_each(struct ike_engine *engine,
		     void (*fn)(void *arg, struct ike_sa *sa), void *arg)
{
	struct ike_sa *sa;

	LIST_FOREACH(sa, &engine->sas, link)
		if (!sa->shadow)
			fn(arg, sa);
}

const struct ike_stats *ike_engine_stats(const struct ike_engine *engine)
{
	return &engine->stats;
}
