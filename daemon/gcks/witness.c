// SPDX-License-Identifier: Apache-2.0
/*
 * Records of the witness:
 *	w/NAME/version	changes of the group
 *	w/NAME/d/ID	denied identity, since when
 *	w/NAME/order	number of the last signed order
 */
#include "gcks/group_key.h"
#include "gcks/witness.h"

#include <errno.h>
#include <stdio.h>

#include "gcks/gmc.h"
#include "lib/log.h"

struct seen {
	struct group *g;
	unsigned int missing; /* denials that the store lacks */
	bool adopt; /* add these to the group */
};

static struct store *witness_of(const struct group *g)
{
	return g->k->deps.witness;
}

static int version_key(const struct group *g, char *key)
{
	return store_key(key, "w", g->conf->name, "version", NULL);
}

static int witness_denied_key(const struct group *g, const char *identity,
			      char *key)
{
	return store_key(key, "w", g->conf->name, "d", identity, NULL);
}

static int visit_denied(void *arg, const char *key, const uint8_t *val,
			size_t len)
{
	char identity[GMC_ID_MAX];
	struct seen *seen = arg;
	int64_t since;
	int ret = group_get_denied(key, val, len, identity, &since);

	if (ret)
		return ret;
	if (gmc_denied(seen->g, identity))
		return 0;
	seen->missing++;
	return seen->adopt ? gmc_note_denied(seen->g, identity, since) : 0;
}

static int each_denied(struct seen *seen)
{
	char key[STORE_KEY_MAX];
	int ret;

	ret = store_key(key, "w", seen->g->conf->name, "d", NULL);
	return ret ? ret
		   : store_each(witness_of(seen->g), key, visit_denied, seen);
}

static int put_denied(struct group *g, const char *identity, int64_t since)
{
	char key[STORE_KEY_MAX];
	int ret = witness_denied_key(g, identity, key);

	return ret ? ret : store_put_u64(witness_of(g), key, since);
}

static int put_version(struct group *g, uint64_t version)
{
	char key[STORE_KEY_MAX];
	int ret = version_key(g, key);

	return ret ? ret : store_put_u64(witness_of(g), key, version);
}

static int witness_txn_end(struct group *g, int ret)
{
	if (!ret)
		return store_commit(witness_of(g));
	store_abort(witness_of(g));
	return ret;
}

static int put_all_records(struct group *g, uint64_t version)
{
	const struct deny_entry *d;
	char key[STORE_KEY_MAX];
	int ret;

	ret = store_key(key, "w", g->conf->name, "d", NULL);
	if (!ret)
		ret = store_del_prefix(witness_of(g), key);
	TAILQ_FOREACH(d, &g->denied, all)
		if (!ret)
			ret = put_denied(g, d->identity, d->since);
	return ret ? ret : put_version(g, version);
}

int witness_rewrite(struct group *g)
{
	int ret;

	if (!witness_of(g))
		return 0;
	ret = store_begin(witness_of(g));
	if (ret)
		return ret;
	return witness_txn_end(g, put_all_records(g, g->st.version));
}

int witness_record(struct group *g, uint64_t version, const char *deny,
		   int64_t since, const char *admit)
{
	struct store *w = witness_of(g);
	char key[STORE_KEY_MAX];
	int ret;

	ret = store_txn_begin(w);
	if (ret)
		return ret;
	/* A record that an earlier commit could not write goes with this one. */
	ret = g->commit.behind ? put_all_records(g, version)
			       : put_version(g, version);
	if (!ret && deny)
		ret = put_denied(g, deny, since);
	if (!ret && admit)
		ret = witness_denied_key(g, admit, key);
	if (!ret && admit)
		ret = store_del(w, key);
	if (ret)
		store_txn_discard(w);
	return ret;
}

static const char *check_restored(const struct group *g, bool known, bool found,
				  uint64_t found_version, unsigned int missing)
{
	if (!known)
		return found ? "the group is missing in the store" : NULL;
	/* The store was written by a release without a witness. */
	if (!g->st.version && !found)
		return NULL;
	if (!found)
		return "the witness of the store is missing";
	if (g->st.version < found_version)
		return "the store is older than its witness";
	/*
	 * A denial that is missing in a newer store was lifted by an admission.
	 */
	if (g->st.version == found_version && missing)
		return "an eviction is missing in the store";
	return NULL;
}

int witness_check(struct group *g, bool known, const char **why,
		  struct err *err)
{
	struct seen seen = { .g = g };
	char key[STORE_KEY_MAX];
	uint64_t version = 0;
	bool found;
	int ret;

	*why = NULL;
	if (!witness_of(g))
		return 0;
	ret = version_key(g, key);
	if (!ret)
		ret = store_get_u64(witness_of(g), key, &version);
	found = ret != -ENOENT;
	if (ret == -ENOENT)
		ret = 0;
	if (!ret)
		ret = each_denied(&seen);
	if (!ret)
		*why = check_restored(g, known, found, version, seen.missing);
	if (!ret && *why) {
		seen.adopt = true;
		ret = each_denied(&seen);
		if (g->st.version < version)
			g->st.version = version;
	} else if (!ret && known && (!found || g->st.version != version)) {
		ret = witness_rewrite(g);
	}
	if (ret)
		err_set(err, ret, "group %s: witness of the store: %s",
			g->conf->name, store_reason(witness_of(g), ret));
	return ret;
}

int witness_order(const struct group *g, uint64_t *number)
{
	char key[STORE_KEY_MAX];
	int ret;

	*number = 0;
	if (!witness_of(g))
		return 0;
	ret = store_key(key, "w", g->conf->name, "order", NULL)
		      ?: store_get_u64(witness_of(g), key, number);
	return ret == -ENOENT ? 0 : ret;
}

int witness_note_order(struct group *g, uint64_t number)
{
	struct store *w = witness_of(g);
	char key[STORE_KEY_MAX];
	struct err why = { "" };
	uint64_t noted;
	int ret = witness_order(g, &noted);

	if (!w || (!ret && noted >= number))
		return 0;
	ret = ret ?: store_key(key, "w", g->conf->name, "order", NULL);
	ret = ret ?: store_txn_begin(w);
	if (!ret)
		ret = store_end_wait(w, store_put_u64(w, key, number), NULL,
				     &why);
	if (!ret)
		return 0;
	g->store_errors++;
	group_err(g, "store failed: the witness was not written: %s",
		  why.text[0] ? why.text : store_reason(w, ret));
	return ret;
}
