// SPDX-License-Identifier: Apache-2.0
#include "gcks/signing.h"

#include "gcks/gkm_change.h"
#include "gcks/gkm_store.h"
#include "gcks/gmc.h"
#include "lib/log.h"

static bool key_due(const struct group *g, const struct gkm_change *c)
{
	int64_t age = group_wall(g) - g->st.sign_made;

	/*
	 * A negative age means that the clock was ahead when the key was made.
	 */
	return (c->next.asked & GKM_ASKED_SIGN) ||
	       (g->conf->signing_key_lifetime &&
		(age < 0 || age >= g->conf->signing_key_lifetime));
}

int signing_make(struct group *g, struct gkm_change *c, enum gkm_how how)
{
	int ret;

	if (how == GKM_EXCLUDE || !key_due(g, c))
		return 0;
	ret = sigkey_generate(g->conf->rekey_sign, &c->sign);
	if (!ret)
		c->next.sign_made = group_wall(g);
	return ret;
}

static void signing_key_name(const struct sigkey *key,
			     char buf[static SIGPUB_NAME_LEN])
{
	struct sigpub *pub;

	buf[0] = '\0';
	if (sigkey_pub(key, &pub))
		return;
	sigpub_name(pub, buf);
	sigpub_free(pub);
}

int signing_put(struct group *g, const struct gkm_change *c)
{
	char name[SIGPUB_NAME_LEN];
	int ret;

	if (!c->sign)
		return 0;
	ret = gkm_put_sign(g, c->sign);
	if (ret)
		return ret;
	signing_key_name(c->sign, name);
	return gmc_audit(g->k, g->conf->name, "", "signing-key", name);
}

void signing_asked(struct gkm_change *c)
{
	c->next.asked &= c->sign ? 0 : GKM_ASKED_SIGN;
}

void signing_take(struct group *g, struct gkm_change *c)
{
	char name[SIGPUB_NAME_LEN];

	if (!c->sign)
		return;
	sigkey_free(g->sign);
	g->sign = c->sign;
	c->sign = NULL;
	signing_name(g, name);
	group_info(g, "signing key changed: %s", name);
}

void signing_name(const struct group *g, char buf[static SIGPUB_NAME_LEN])
{
	buf[0] = '\0';
	if (g->sign)
		signing_key_name(g->sign, buf);
}
