// SPDX-License-Identifier: Apache-2.0
#include "gcks/quorum.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/document.h"
#include "crypto/cert.h"
#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/identity.h"
#include "gcks/life.h"
#include "gcks/orders.h"
#include "gcks/policy.h"
#include "gcks/reload.h"
#include "gcks/witness.h"
#include "lib/log.h"
#include "lib/quote.h"

/* An order is valid for at most so many seconds. */
#define ORDER_MAX_S (31 * 86400)

const struct conf_quorum *quorum_of(const struct gcks *k)
{
	return k->quorum.needed ? &k->quorum : NULL;
}

void quorum_free(struct quorum_verdict *v)
{
	if (!v)
		return;
	conf_document_free(v->doc);
	free(v);
}

/* ---- signatures --------------------------------------------------------- */

/* Return true if @s is of somebody, or by a key, that is among the ones before it. */
static bool signed_before(const struct quorum_verdict *v,
			  const struct signed_doc *d, size_t i)
{
	size_t n;

	for (n = 0; n < i; n++)
		if (v->signers[n].counts &&
		    (!strcasecmp(v->signers[n].identity,
				 v->signers[i].identity) ||
		     signed_same_key(d, n, i)))
			return true;
	return false;
}

static int count_signer(struct gcks *k, struct quorum_verdict *v,
			const struct signed_doc *d, size_t i, struct err *why)
{
	struct quorum_signer *s = &v->signers[i];
	int ret = signed_identity(d, i, s->identity, why);

	if (ret)
		return ret;
	if (!conf_names_match(&k->quorum.admins, s->identity))
		return err_set(why, -EPERM,
			       "no administrator of this key server");
	ret = signed_verify(d, i, k->deps.trust,
			    (time_t)clock_wall(k->deps.clock), why);
	if (!ret && signed_before(v, d, i))
		ret = err_set(why, -EEXIST,
			      "has signed before, and counts once");
	return ret;
}

static int compare_signers(const void *a, const void *b)
{
	const struct quorum_signer *p = a, *q = b;

	return strcasecmp(p->identity, q->identity);
}

static void check_signers(struct gcks *k, struct quorum_verdict *v,
			  const struct signed_doc *d)
{
	struct quorum_signer *s;
	struct err why;

	for (; v->n_signers < signed_count(d); v->n_signers++) {
		s = &v->signers[v->n_signers];
		why = (struct err){ "" };
		s->counts = !count_signer(k, v, d, v->n_signers, &why);
		v->n_counted += s->counts;
		snprintf(s->why, sizeof(s->why), "%.199s", why.text);
	}
	/* CMS has them in an order that says nothing. */
	qsort(v->signers, v->n_signers, sizeof(*v->signers), compare_signers);
}

/* Append @text to a list, if there is room. */
static void add_name_to(char *list, size_t size, const char *text)
{
	size_t n = strlen(list);

	if (n < size)
		snprintf(list + n, size - n, "%s%s", n ? ", " : "", text);
}

static bool admin_has_signed(const struct quorum_verdict *v, const char *admin)
{
	size_t i;

	for (i = 0; i < v->n_signers; i++)
		if (v->signers[i].counts &&
		    !strcasecmp(v->signers[i].identity, admin))
			return true;
	return false;
}

static int check_quorum(const struct gcks *k, struct quorum_verdict *v)
{
	char missing[300] = "", bad[400] = "", one[300], name[QUOTE_LEN];
	const struct conf_quorum *q = &k->quorum;
	size_t i;

	if (v->n_counted >= v->needed)
		return 0;
	for (i = 0; i < q->admins.n; i++)
		if (!admin_has_signed(v, q->admins.v[i]))
			add_name_to(missing, sizeof(missing), q->admins.v[i]);
	for (i = 0; i < v->n_signers; i++) {
		if (v->signers[i].counts)
			continue;
		snprintf(one, sizeof(one), "%s: %s",
			 v->signers[i].identity[0]
				 ? quote(v->signers[i].identity, name)
				 : "one signature",
			 v->signers[i].why);
		add_name_to(bad, sizeof(bad), one);
	}
	return err_set(&v->refusal, -EPERM,
		       "%zu of %u signatures that are needed; not signed by %s%s%s",
		       v->n_counted, v->needed, missing,
		       *bad ? "; not counted: " : "", bad);
}

/* ---- the document ------------------------------------------------------- */

/* Check the group of @v beside the others, as they run and as they will. */
static int check_beside(struct gcks *k, struct quorum_verdict *v)
{
	struct conf_gcks all = { .n_groups = 0 };
	const struct group *g;
	size_t n = 0;
	int ret;

	TAILQ_FOREACH(g, &k->groups, all)
		n++;
	all.groups = calloc(n, sizeof(*all.groups));
	if (!all.groups)
		return err_set(&v->refusal, -ENOMEM, "out of memory");
	TAILQ_FOREACH(g, &k->groups, all)
		all.groups[all.n_groups++] =
			strcmp(g->conf->name, v->doc->group) ? *g->conf
							     : v->doc->conf;
	ret = conf_document_check(&all, &v->refusal)
		      ?: applied_check_beside(k->deps.store, &all,
					      v->doc->group, &v->refusal);
	free(all.groups);
	return ret;
}

static int check_policy_version(struct gcks *k, const struct group *g,
				struct quorum_verdict *v)
{
	struct err *why = &v->refusal;
	char fixed[POLICY_NAMES_MAX];
	int ret = applied_newest(k->deps.store, g->conf->name, &v->version,
				 NULL, why);

	if (ret)
		return ret;
	/* A document that was signed and not used must not come back later. */
	if (v->doc->version != v->version + 1)
		return err_set(why, -ESTALE,
			       "its version is %llu, and version %llu is applied: write it again with version %llu",
			       (unsigned long long)v->doc->version,
			       (unsigned long long)v->version,
			       (unsigned long long)v->version + 1);
	if (policy_diff(g->conf, &v->doc->conf, POLICY_FIXED, fixed,
			sizeof(fixed)) &
	    POLICY_FIXED)
		return err_set(why, -EBUSY,
			       "%s cannot change while mcsecd runs", fixed);
	return check_beside(k, v);
}

struct waiting {
	const char *identity;
	const char *content;
	bool same;
	uint64_t other; /* number of another document about it; 0: none */
};

static int find_waiting(void *arg, const struct signed_order *o)
{
	struct waiting *w = arg;

	if (strcmp(o->identity, w->identity))
		return 0;
	w->same = !strcmp(o->document, w->content);
	w->other = w->same ? 0 : o->number;
	return 1;
}

/* Return true if fewer have signed @v than an order needs without an emergency. */
static bool emergency_alone(const struct gcks *k,
			    const struct quorum_verdict *v)
{
	return v->doc->emergency && v->n_counted < k->quorum.needed;
}

/* An eviction that enough have ordered needs no confirmation. */
static int check_not_evicted(struct gcks *k, const struct group *g,
			     struct quorum_verdict *v, const char *id)
{
	struct store *s = k->deps.store;
	bool evict = false;
	int ret = signed_orders_unfinished(s, g->conf->name, id, &evict);

	if (ret < 0)
		return err_set(&v->refusal, ret, "orders in the store: %s",
			       store_reason(s, ret));
	if (ret ? evict : gmc_denied(g, id))
		return err_set(&v->refusal, -EALREADY,
			       "it is about somebody who is evicted already");
	return 0;
}

struct unconfirmed {
	const char *by;
	unsigned int n;
};

static int count_unconfirmed(void *arg, const struct signed_order *o)
{
	struct unconfirmed *u = arg;
	size_t len = strlen(u->by);
	const char *at = o->by;

	/* The list has ", " between its names. */
	while ((at = strcasestr(at, u->by))) {
		bool whole = (at == o->by || at[-1] == ' ') &&
			     (!at[len] || at[len] == ',');

		if (whole) {
			u->n++;
			return 0;
		}
		at += len;
	}
	return 0;
}

/* One administrator must not take a whole group out. */
static int check_unconfirmed(struct gcks *k, const struct group *g,
			     struct quorum_verdict *v)
{
	struct store *s = k->deps.store;
	struct unconfirmed u;
	char name[QUOTE_LEN];
	size_t i;
	int ret;

	for (i = 0; i < v->n_signers; i++) {
		u = (struct unconfirmed){ v->signers[i].identity, 0 };
		if (!v->signers[i].counts)
			continue;
		ret = signed_orders_waiting(s, g->conf->name, count_unconfirmed,
					    &u);
		if (ret < 0)
			return err_set(&v->refusal, ret,
				       "orders in the store: %s",
				       store_reason(s, ret));
		if (u.n >= QUORUM_UNCONFIRMED)
			return err_set(&v->refusal, -EDQUOT,
				       "%s has evicted %u that others have not confirmed, which is the most: let them confirm first, or sign this order",
				       quote(u.by, name), u.n);
	}
	return 0;
}

/* Find out whether this very document was given before. */
static int find_order(struct gcks *k, const struct group *g,
		      struct quorum_verdict *v, const char *content)
{
	char id[GMC_ID_MAX], *last = NULL;
	struct waiting w = { id, content, false, 0 };
	struct store *s = k->deps.store;
	int ret;

	if (identity_lower(v->doc->identity, id, sizeof(id)))
		return err_set(&v->refusal, -EINVAL,
			       "the identity is too long");
	ret = signed_orders_last(s, g->conf->name, &v->version, &last);
	v->again = last && !strcmp(last, content);
	free(last);
	if (!ret)
		ret = signed_orders_waiting(s, g->conf->name, find_waiting, &w);
	v->waits = w.same;
	if (ret < 0)
		return err_set(&v->refusal, ret, "orders in the store: %s",
			       store_reason(s, ret));
	/* The time in which others confirm must not begin anew. */
	if (w.other && emergency_alone(k, v))
		return err_set(&v->refusal, -EEXIST,
			       "it is about somebody who is out by the emergency order %llu, which has to be confirmed",
			       (unsigned long long)w.other);
	if (v->waits || v->again || !emergency_alone(k, v))
		return 0;
	return check_not_evicted(k, g, v, id) ?: check_unconfirmed(k, g, v);
}

/*
 * An admission that was signed and kept must not undo an eviction that comes later, so
 * it takes the next number and no other. Emergencies may have used numbers while others
 * signed an eviction, which may therefore skip some, but not all that there are; one
 * administrator alone must not.
 */
static int check_number(const struct gcks *k, struct quorum_verdict *v)
{
	uint64_t number = v->doc->version, first = v->version + 1, last = first;

	if (v->doc->kind == DOCUMENT_EVICT && !emergency_alone(k, v))
		last += QUORUM_SKIPPED;
	if (number >= first && number <= last)
		return 0;
	if (number > first && last > first)
		return err_set(&v->refusal, -ESTALE,
			       "its number is %llu, and an eviction has one from %llu to %llu now: write it again",
			       (unsigned long long)number,
			       (unsigned long long)first,
			       (unsigned long long)last);
	return err_set(&v->refusal, -ESTALE,
		       "its number is %llu, and the next order has number %llu: write it again",
		       (unsigned long long)number, (unsigned long long)first);
}

static int check_order(struct gcks *k, const struct group *g,
		       struct quorum_verdict *v, const char *content)
{
	int64_t now = clock_wall(k->deps.clock);
	const struct conf_document *d = v->doc;
	struct err *why = &v->refusal;
	int ret;

	if (!k->quorum.orders)
		return err_set(why, -EOPNOTSUPP,
			       "orders need no signatures here (gcks.quorum.orders)");
	if (d->until <= now)
		return err_set(why, -ETIME,
			       "it expired %lld s ago: write it again",
			       (long long)(now - d->until));
	if (d->until - now > ORDER_MAX_S)
		return err_set(why, -EINVAL,
			       "it is valid for more than %d days: write it again",
			       ORDER_MAX_S / 86400);
	ret = find_order(k, g, v, content);
	if (ret)
		return ret;
	if (!v->waits && !v->again)
		ret = check_number(k, v);
	if (!ret && d->emergency && (v->waits || !v->again))
		v->needed = 1;
	return ret;
}

/* Several key servers may have the same administrators, CA and groups. */
static int check_key_server(const struct gcks *k, struct quorum_verdict *v)
{
	const char *named = v->doc->key_server, *own = k->deps.identity;
	char name[QUOTE_LEN], self[QUOTE_LEN];

	quote(own ? own : "", self);
	if (!named)
		return err_set(&v->refusal, -EINVAL,
			       "it names no key server, as documents of an earlier release: write it again; \"key-server\" is %s here",
			       self);
	if (!own || strcasecmp(named, own))
		return err_set(&v->refusal, -EINVAL,
			       "it is for the key server %s, and this one is %s",
			       quote(named, name), self);
	return 0;
}

static int check_document(struct gcks *k, const char *group,
			  struct quorum_verdict *v, const char *content)
{
	const struct group *g = group_find(k, group, strlen(group));
	char name[QUOTE_LEN];

	v->needed = k->quorum.needed;
	if (!g)
		return err_set(&v->refusal, -ENOENT, "no group \"%.40s\"",
			       group);
	if (check_key_server(k, v))
		return -EINVAL;
	if (strcmp(v->doc->group, group))
		return err_set(&v->refusal, -EINVAL,
			       "it is for another group: %s",
			       quote(v->doc->group, name));
	return v->doc->kind == DOCUMENT_POLICY ? check_policy_version(k, g, v)
					       : check_order(k, g, v, content);
}

/* A document that nobody has signed is JSON. */
static int open_document(const char *text, size_t len, struct signed_doc **d,
			 struct err *err)
{
	size_t i = 0;

	while (i < len && strchr(" \t\r\n", text[i]))
		i++;
	return i < len && text[i] == '{' ? signed_new(text, len, d, err)
					 : signed_parse(text, len, d, err);
}

static int check_signed_doc(struct gcks *k, const char *group, const char *text,
			    size_t len, struct quorum_verdict *v)
{
	struct signed_doc *d;
	const char *content;
	int ret;

	if (!k->quorum.needed || !k->deps.trust)
		return err_set(&v->refusal, -EOPNOTSUPP,
			       "the key server has no quorum (gcks.quorum): its file is the policy");
	v->needed = k->quorum.needed;
	ret = open_document(text, len, &d, &v->refusal);
	if (ret)
		return ret;
	check_signers(k, v, d);
	content = signed_content(d, &len);
	ret = conf_document_parse(content, len, &v->doc, &v->refusal);
	if (!ret)
		ret = check_document(k, group, v, content);
	signed_free(d);
	return ret ? ret : check_quorum(k, v);
}

struct quorum_verdict *quorum_check(struct gcks *k, const char *group,
				    const char *text, size_t len)
{
	struct quorum_verdict *v = calloc(1, sizeof(*v));

	if (v)
		v->ret = check_signed_doc(k, group, text, len, v);
	return v;
}

/* List the effect of an order, which may have been carried out. */
static void list_order(const struct quorum_verdict *v, conf_change_fn *fn,
		       void *arg)
{
	const struct conf_document *d = v->doc;
	char line[512], name[QUOTE_LEN];

	snprintf(line, sizeof(line), "group %s: %s is %s%s", d->group,
		 quote(d->identity, name),
		 d->kind == DOCUMENT_EVICT ? "evicted" : "admitted again",
		 v->waits ? ", as was ordered in an emergency" : "");
	fn(arg, line);
}

void quorum_list_changes(struct gcks *k, const struct quorum_verdict *v,
			 conf_change_fn *fn, void *arg)
{
	const struct group *g =
		v->doc ? group_find(k, v->doc->group, strlen(v->doc->group))
		       : NULL;

	if (g && v->doc->kind == DOCUMENT_POLICY)
		reload_list_changes(g, &v->doc->conf, fn, arg);
	else if (g)
		list_order(v, fn, arg);
}

/* ---- application -------------------------------------------------------- */

struct application {
	gcks_done_fn *done;
	void *arg;
	uint64_t version;
	enum conf_document_kind kind;
};

static void application_done(void *arg, int ret, uint32_t effective_ms,
			     const char *why)
{
	struct application *a = arg;
	char text[ERR_LEN];

	/* Somebody who is out already is what the order wants. */
	if (ret == -EALREADY && a->kind == DOCUMENT_EVICT)
		ret = 0;
	if (ret && a->kind == DOCUMENT_POLICY)
		snprintf(text, sizeof(text),
			 "version %llu is stored, and not in force everywhere yet: %.700s; reload to go on",
			 (unsigned long long)a->version, why);
	else if (ret == -ENOENT && a->kind == DOCUMENT_ADMIT)
		snprintf(text, sizeof(text),
			 "order %llu is stored, and changes nothing: %.700s",
			 (unsigned long long)a->version, why);
	else if (ret)
		snprintf(text, sizeof(text),
			 "order %llu is stored, and not carried out yet: %.700s; it is tried again",
			 (unsigned long long)a->version, why);
	a->done(a->arg, ret ? -EINPROGRESS : 0, effective_ms, ret ? text : "");
	free(a);
}

static void list_signers(const struct quorum_verdict *v, char *buf, size_t size,
			 const char *between)
{
	size_t i, n = 0;

	buf[0] = '\0';
	for (i = 0; i < v->n_signers && n < size; i++)
		if (v->signers[i].counts)
			n += snprintf(buf + n, size - n, "%s%s",
				      n ? between : "", v->signers[i].identity);
}

/* Store what was recorded with the result @ret, and wait for that. */
static int submit_recorded(struct store *s, int ret, struct err *err)
{
	struct err why;

	ret = store_end_wait(s, ret, NULL, &why);
	return ret ? err_set(err, ret, "not stored: %s", why.text) : 0;
}

/* One transaction has the document and its line in the audit trail. */
static int store_document(struct gcks *k, const struct quorum_verdict *v,
			  const char *pem, struct err *err)
{
	static const size_t size = SIGNED_SIGNERS * SIGNED_ID_MAX;
	struct store *s = k->deps.store;
	char *names = malloc(size), detail[512];
	struct applied a = { v->doc->version, clock_wall(k->deps.clock), names,
			     pem };
	int ret = names ? store_txn_begin(s) : -ENOMEM;

	if (ret) {
		free(names);
		return err_set(err, ret, "not stored: %s",
			       store_reason(s, ret));
	}
	list_signers(v, names, size, ", ");
	snprintf(detail, sizeof(detail), "version %llu: signed by %.450s",
		 (unsigned long long)a.version, names);
	list_signers(v, names, size, "\n");
	ret = applied_put(s, v->doc->group, &a);
	if (!ret)
		ret = gmc_audit(k, v->doc->group, "", "policy-signed", detail);
	free(names);
	return submit_recorded(s, ret, err);
}

/* Keep an order, and what is to be confirmed, within a transaction. */
static int put_order_records(struct gcks *k, const struct quorum_verdict *v,
			     const char *content, const char *by)
{
	const struct conf_document *d = v->doc;
	bool alone = v->n_counted < k->quorum.needed;
	struct store *s = k->deps.store;
	char id[GMC_ID_MAX], detail[512];
	struct signed_order o = {
		.number = d->version,
		.identity = id,
		.document = content,
		.evict = d->kind == DOCUMENT_EVICT,
		.by = by,
		.until = d->until,
		.deadline =
			clock_wall(k->deps.clock) + k->quorum.confirm_within,
	};
	int ret = identity_lower(d->identity, id, sizeof(id));

	snprintf(detail, sizeof(detail), "%s, number %llu%s: signed by %.400s",
		 d->kind == DOCUMENT_EVICT ? "evict" : "admit",
		 (unsigned long long)d->version,
		 alone ? ", to be confirmed" : "", by);
	if (!ret && d->version > v->version)
		ret = signed_orders_put_last(s, d->group, &o);
	if (!ret)
		ret = signed_orders_put_unfinished(s, d->group, &o);
	if (!ret)
		ret = alone ? signed_orders_put_waiting(s, d->group, &o)
			    : signed_orders_del_waiting(s, d->group, id);
	return ret ? ret
		   : gmc_audit(k, d->group, id,
			       v->waits ? "order-confirmed" : "order-signed",
			       detail);
}

static int store_order(struct gcks *k, struct group *g,
		       const struct quorum_verdict *v, const char *pem,
		       struct err *err)
{
	static const size_t size = SIGNED_SIGNERS * SIGNED_ID_MAX;
	struct store *s = k->deps.store;
	char *by = malloc(size);
	struct signed_doc *d = NULL;
	size_t len;
	int ret;

	if (!by)
		return err_set(err, -ENOMEM, "not stored: out of memory");
	ret = open_document(pem, strlen(pem), &d, err);
	if (ret) {
		free(by);
		return ret;
	}
	list_signers(v, by, size, ", ");
	ret = store_txn_begin(s);
	if (ret)
		err_set(err, ret, "not stored: %s", store_reason(s, ret));
	else
		ret = submit_recorded(s,
				      put_order_records(k, v,
							signed_content(d, &len),
							by),
				      err);
	signed_free(d);
	free(by);
	if (ret)
		return ret;
	/* The order counts, and signed_orders_watch() has it noted again. */
	if (witness_note_order(g, v->doc->version))
		k->order_failed = true;
	return 0;
}

/* Returns 0 if the order answers, or -errno with a text in @err. */
static int apply_order(struct gcks *k, struct group *g,
		       const struct quorum_verdict *v, const char *pem,
		       struct application *a, struct err *err)
{
	bool evict = v->doc->kind == DOCUMENT_EVICT;
	char id[GMC_ID_MAX], name[QUOTE_LEN];
	int ret = 0;

	/* One signature again is the same eviction, which has its time. */
	if (!v->waits || v->n_counted >= k->quorum.needed)
		ret = store_order(k, g, v, pem, err);
	if (ret)
		return ret;
	identity_lower(v->doc->identity, id, sizeof(id));
	group_info(g, "signed order: number %llu: %s %s",
		   (unsigned long long)v->doc->version,
		   evict ? "evict" : "admit", quote(id, name));
	signed_orders_watch(k);
	signed_orders_execute(g,
			      &(struct signed_order){
				      .number = v->doc->version,
				      .identity = id,
				      .evict = evict,
				      .until = v->doc->until,
			      },
			      application_done, a);
	return 0;
}

static int adopt_policy(struct gcks *k, struct group *g,
			const struct quorum_verdict *v, const char *pem,
			struct application *a, struct err *err)
{
	struct policy *p = policy_new(&v->doc->conf, 0);
	int ret = p ? store_document(k, v, pem, err)
		    : err_set(err, -ENOMEM, "out of memory");

	if (ret) {
		policy_free(p);
		return ret;
	}
	group_info(g, "signed policy applied: version %llu",
		   (unsigned long long)v->doc->version);
	orders_add_policy(g, p, application_done, a);
	return 0;
}

/* Returns 0 if @done is called, or -errno with a text in @err. */
static int apply_verdict(struct gcks *k, const struct quorum_verdict *v,
			 const char *pem, gcks_done_fn *done, void *arg,
			 struct err *err)
{
	struct group *g = group_find(k, v->doc->group, strlen(v->doc->group));
	struct application *a = calloc(1, sizeof(*a));
	int ret;

	if (!a)
		return err_set(err, -ENOMEM, "out of memory");
	*a = (struct application){ done, arg, v->doc->version, v->doc->kind };
	ret = v->doc->kind == DOCUMENT_POLICY
		      ? adopt_policy(k, g, v, pem, a, err)
		      : apply_order(k, g, v, pem, a, err);
	if (ret)
		free(a);
	return ret;
}

void quorum_apply(struct gcks *k, const char *group, const char *text,
		  size_t len, gcks_done_fn *done, void *arg)
{
	struct quorum_verdict *v = quorum_check(k, group, text, len);
	char why[ERR_LEN] = "out of memory";
	int ret = -ENOMEM;

	if (v) {
		ret = v->ret
			      ?: apply_verdict(k, v, text, done, arg,
					       &v->refusal);
		snprintf(why, sizeof(why), "%s", v->refusal.text);
	}
	quorum_free(v);
	if (ret)
		done(arg, ret, 0, why);
}

int quorum_history(struct gcks *k, const char *group, applied_fn *fn, void *arg)
{
	if (!group_find(k, group, strlen(group)))
		return -ENOENT;
	return applied_each(k->deps.store, group, fn, arg);
}

int quorum_waiting(struct gcks *k, const char *group, signed_order_fn *fn,
		   void *arg)
{
	if (!k->quorum.orders)
		return 0;
	return signed_orders_waiting(k->deps.store, group, fn, arg);
}

uint64_t quorum_last_order(struct gcks *k, const char *group)
{
	uint64_t number;

	return signed_orders_last(k->deps.store, group, &number, NULL) ? 0
								       : number;
}

const char *quorum_key_server(const struct gcks *k)
{
	return k->deps.identity ? k->deps.identity : "";
}
