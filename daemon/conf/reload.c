// SPDX-License-Identifier: Apache-2.0
/* Settings that a running mcsecd cannot change. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/quorum.h"
#include "conf/seal.h"
#include "lib/err.h"
#include "lib/log.h"

struct names {
	char text[512];
	size_t len;
};

static void check_same(struct names *n, bool same, const char *name)
{
	if (!same && n->len < sizeof(n->text))
		n->len += snprintf(n->text + n->len, sizeof(n->text) - n->len,
				   "%s%s", n->len ? ", " : "", name);
}

static bool same_text(const char *a, const char *b)
{
	return !a || !b ? a == b : !strcmp(a, b);
}

static bool same_listen(const struct conf_gcks *a, const struct conf_gcks *b)
{
	size_t i;

	for (i = 0; a->n_listen == b->n_listen && i < a->n_listen; i++)
		if (!ep_equal(&a->listen[i], &b->listen[i]))
			return false;
	return a->n_listen == b->n_listen;
}

static bool same_addke(const struct conf_addke *a, const struct conf_addke *b)
{
	return a->n == b->n && a->required == b->required &&
	       !memcmp(a->method, b->method, sizeof(a->method));
}

static void check_gcks_same(struct names *n, const struct conf_gcks *a,
			    const struct conf_gcks *b)
{
	check_same(n, same_listen(a, b), "gcks.listen");
	check_same(n, same_text(a->store, b->store), "gcks.store");
	check_same(n, same_text(a->seal_key, b->seal_key), "gcks.seal-key");
	check_same(n, conf_wrap_equal(&a->wrap, &b->wrap), "gcks.seal-wrap");
	check_same(n, same_text(a->witness, b->witness), "gcks.witness");
	check_same(n, a->store_thread == b->store_thread, "gcks.store-thread");
	check_same(n,
		   a->audit == b->audit &&
			   same_text(a->audit_trail, b->audit_trail) &&
			   a->audit_required == b->audit_required &&
			   a->audit_syslog == b->audit_syslog &&
			   a->audit_file_size == b->audit_file_size &&
			   a->audit_file_age == b->audit_file_age &&
			   a->audit_keep == b->audit_keep &&
			   a->audit_records == b->audit_records &&
			   a->audit_interval == b->audit_interval,
		   "gcks.audit...");
	check_same(n, a->cookie_threshold == b->cookie_threshold,
		   "gcks.cookie-threshold");
	check_same(n, a->max_half_open == b->max_half_open,
		   "gcks.max-half-open");
	check_same(n, a->max_sas == b->max_sas, "gcks.max-sas");
	check_same(n, a->max_sas_address == b->max_sas_address,
		   "gcks.max-sas-per-address");
	check_same(n, a->max_sas_identity == b->max_sas_identity,
		   "gcks.max-sas-per-identity");
	check_same(n, a->sa_idle == b->sa_idle, "gcks.sa-idle");
	check_same(n, a->sa_lifetime == b->sa_lifetime, "gcks.sa-lifetime");
	check_same(n, a->sa_rekey == b->sa_rekey, "gcks.sa-rekey");
	check_same(n, a->ticket_lifetime == b->ticket_lifetime,
		   "gcks.ticket-lifetime");
	check_same(n, a->plain_ike == b->plain_ike, "gcks.plain-ike");
	check_same(n, a->fragment_size == b->fragment_size,
		   "gcks.fragment-size");
	check_same(n, same_addke(&a->addke, &b->addke),
		   "gcks.additional-key-exchange...");
	check_same(n, conf_quorum_equal(&a->quorum, &b->quorum), "gcks.quorum");
}

/* The sockets of a relay are open as long as it runs. */
static bool same_relay(const struct conf_relay *a, const struct conf_relay *b)
{
	size_t i;

	if (!a || !b)
		return a == b;
	if (a->n_listen != b->n_listen || a->max_children != b->max_children ||
	    a->others.n != b->others.n)
		return false;
	for (i = 0; i < a->n_listen; i++)
		if (!ep_equal(&a->listen[i], &b->listen[i]))
			return false;
	for (i = 0; i < a->others.n; i++)
		if (!ep_equal(&a->others.v[i].at, &b->others.v[i].at) ||
		    strcmp(a->others.v[i].id, b->others.v[i].id))
			return false;
	return true;
}

static void check_member(struct names *n, const struct conf_member *a,
			 const struct conf_member *b)
{
	check_same(n, a->sa_lifetime == b->sa_lifetime, "member.sa-lifetime");
	check_same(n, a->sa_rekey == b->sa_rekey, "member.sa-rekey");
	check_same(n, a->session_resumption == b->session_resumption,
		   "member.session-resumption");
	check_same(n, a->fragment_size == b->fragment_size,
		   "member.fragment-size");
	check_same(n, same_addke(&a->addke, &b->addke),
		   "member.additional-key-exchange...");
	check_same(n, same_relay(a->relay, b->relay), "member.relay");
}

int conf_reload_check(const struct conf *from, const struct conf *to,
		      struct err *err)
{
	const struct conf_identity *a = &from->identity, *b = &to->identity;
	struct names n = { .len = 0 };

	check_same(&n, same_text(from->control, to->control), "control");
	check_same(&n, same_text(a->certificate, b->certificate),
		   "identity.certificate");
	check_same(&n, same_text(a->key, b->key), "identity.key");
	check_same(&n, same_text(a->ca, b->ca), "identity.ca");
	check_same(&n, same_text(a->id, b->id), "identity.id");
	check_same(&n, same_text(a->crl_numbers, b->crl_numbers),
		   "identity.crl-numbers");
	check_same(&n, same_text(from->export_ike_keys, to->export_ike_keys),
		   "debug.export-ike-keys");
	check_same(&n, !from->gcks == !to->gcks, "the role gcks");
	check_same(&n, !from->member == !to->member, "the role member");
	if (from->gcks && to->gcks)
		check_gcks_same(&n, from->gcks, to->gcks);
	if (from->member && to->member)
		check_member(&n, from->member, to->member);
	if (!n.len)
		return 0;
	return conf_refuse_change(to->file, n.text, err);
}

int conf_refuse_change(const char *where, const char *settings, struct err *err)
{
	return err_set(err, -EBUSY,
		       "%s: %s cannot change while mcsecd runs; nothing was changed, restart mcsecd",
		       where, settings);
}

void conf_log_change(void *arg, const char *line)
{
	(void)arg;
	log_info("reload change: %s", line);
}
