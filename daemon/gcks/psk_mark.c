// SPDX-License-Identifier: Apache-2.0
#include "gcks/psk_mark.h"

#include <string.h>

#include "gcks/group.h"
#include "ike/psk.h"

/* The digest of a key for another purpose is another one. */
static const char purpose[] = "mcsec member record";

void psk_mark_of(const struct psks *psks, const char *identity,
		 struct psk_mark *mark)
{
	const struct psk *psk = psks_find(psks, identity);
	uint8_t digest[PRF_MAX_LEN];

	*mark = (struct psk_mark){ .known = false };
	if (!psk || prf_one(IKE_PRF_HMAC_SHA2_256, psk->key, psk->len, purpose,
			    sizeof(purpose) - 1, digest))
		return;
	mark->known = true;
	memcpy(mark->v, digest, sizeof(mark->v));
	explicit_bzero(digest, sizeof(digest));
}

bool psk_mark_same(const struct psk_mark *a, const struct psk_mark *b)
{
	return a->known == b->known &&
	       (!a->known || !memcmp(a->v, b->v, sizeof(a->v)));
}

void psk_mark_put(struct wbuf *w, const struct psk_mark *mark)
{
	wbuf_put(w, mark->v, sizeof(mark->v));
}

void psk_mark_get(struct rbuf *r, struct psk_mark *mark)
{
	rbuf_copy(r, mark->v, sizeof(mark->v));
	mark->known = !r->err;
}

bool psk_is_lost(const struct gmember *m, const struct psks *psks)
{
	return m->by_psk && !psks_find(psks, m->identity);
}
