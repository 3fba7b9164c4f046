// SPDX-License-Identifier: Apache-2.0
#include "ctl/report.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "audit/trail.h"
#include "crypto/crl.h"
#include "gcks/gcks.h"
#include "ike/engine.h"
#include "rekey/rekey.h"
#include "member/member.h"

#define SPI_HEX 33

json_t *report_text(const char *s)
{
	json_t *v = json_string(s);

	return v ? v : json_string("(not UTF-8)");
}

static void put_json_number(json_t *o, const char *key, uint64_t v)
{
	json_object_set_new(o, key, json_integer((json_int_t)v));
}

static void put_json_text(json_t *o, const char *key, const char *s)
{
	json_object_set_new(o, key, report_text(s));
}

static void put_bool(json_t *o, const char *key, bool v)
{
	json_object_set_new(o, key, json_boolean(v));
}

static void put_addr(json_t *o, const char *key, const struct addr *a)
{
	char buf[ADDR_STRLEN];

	put_json_text(o, key, addr_str(a, buf));
}

/* The address alone is what most readers want; the selector has all of it. */
static void put_selector(json_t *o, const struct selector *sel, bool tunnel)
{
	char text[SELECTOR_STRLEN], a[PREFIX_STRLEN];

	put_json_text(o, "address", prefix_str(&sel->dst, sel->dst_len, a));
	put_json_text(o, "selector", selector_str(sel, text));
	put_json_text(o, "mode", tunnel ? "tunnel" : "transport");
}

/* One Data SA of a group that has several. */
static json_t *data_sa(const struct selector *sel, uint32_t spi)
{
	char text[SELECTOR_STRLEN];
	json_t *o = json_object();

	put_json_text(o, "selector", selector_str(sel, text));
	put_json_number(o, "data-spi", spi);
	return o;
}

static void put_gcks_data(json_t *to, const struct gcks_group_status *s)
{
	json_t *list = json_array(), *o;
	size_t i;

	for (i = 0; i < conf_n_data(s->conf); i++) {
		o = data_sa(conf_sel(s->conf, i), s->data_spis[i]);
		put_json_text(o, "algorithm",
			      conf_alg_str(conf_alg(s->conf, i)));
		json_array_append_new(list, o);
	}
	json_object_set_new(to, "data", list);
}

static void put_member_data(json_t *to, const struct member_group_status *s)
{
	char name[CONF_GROUP_NAME_MAX + 1];
	json_t *list = json_array(), *o;
	unsigned int i;

	for (i = 0; i < s->n_flows; i++) {
		o = data_sa(conf_flow_sel(s->conf, i), s->flow[i].data_spi);
		put_json_text(o, "kernel-group",
			      conf_flow_name(s->conf, i, name));
		put_json_number(o, "out-spi", s->flow[i].out_spi);
		json_array_append_new(list, o);
	}
	json_object_set_new(to, "data", list);
}

static void put_ep(json_t *o, const char *key, const struct ep *e)
{
	char buf[EP_STRLEN];

	put_json_text(o, key, ep_str(e, buf));
}

static void put_rekey_spi(json_t *o, const uint8_t spi[16])
{
	char buf[SPI_HEX];
	int i;

	for (i = 0; i < 16; i++)
		snprintf(buf + 2 * i, 3, "%02x", spi[i]);
	put_json_text(o, "rekey-spi", buf);
}

/* Add all metrics of @table with their values in @obj. */
static void put_metrics(json_t *o, const struct metric *table, const void *obj)
{
	for (; table->name; table++)
		put_json_number(o, table->name, metric_read(table, obj));
}

static json_t *ike_counters(struct ike_engine *engine)
{
	json_t *o = json_object();

	put_metrics(o, ike_metrics, ike_engine_stats(engine));
	return o;
}

/* ---- the key server ----------------------------------------------------- */

struct walk {
	const char *group;
	int *found;
	json_t *list;
	struct gcks *gcks;
	struct member *member;
};

static bool is_wanted(struct walk *w, const char *name)
{
	if (w->group && strcmp(w->group, name))
		return false;
	*w->found = 1;
	return true;
}

static int gcks_group(void *arg, const struct gcks_group_status *s)
{
	struct walk *w = arg;
	json_t *o;

	if (!is_wanted(w, s->conf->name))
		return 0;
	o = json_object();
	put_json_text(o, "name", s->conf->name);
	put_selector(o, &s->conf->sel, s->conf->tunnel);
	if (!addr_is_none(&s->conf->rekey_to.addr))
		put_ep(o, "rekey-address", &s->conf->rekey_to);
	put_json_text(o, "algorithm", conf_alg_str(&s->conf->alg));
	if (s->conf->more.n)
		put_gcks_data(o, s);
	put_json_number(o, "policy-version", s->policy_version);
	put_metrics(o, gcks_group_metrics, s);
	put_json_text(o, "signing-key", s->signing_key);
	put_json_number(o, "signing-key-made", (uint64_t)s->signing_key_made);
	put_bool(o, "keyed", s->keyed);
	if (s->keyed) {
		put_rekey_spi(o, s->rekey_spi);
		put_json_number(o, "next-mid", s->next_mid);
		put_json_number(o, "data-spi", s->data_spi);
		put_metrics(o, gcks_key_metrics, s);
	}
	if (s->unsent_why)
		put_json_text(o, "unsent-why", s->unsent_why);
	put_bool(o, "sent", !s->unsent_change);
	if (s->keyed && s->confirmed_ms)
		put_json_number(o, "confirmed-ms", s->confirmed_ms);
	json_array_append_new(w->list, o);
	return 0;
}

json_t *report_gcks(struct gcks *k, struct ike_engine *engine,
		    const char *group, int *found)
{
	struct walk w = { group, found, json_array(), k, NULL };
	json_t *o = json_object();

	gcks_each_group(k, gcks_group, &w);
	json_object_set_new(o, "groups", w.list);
	if (engine)
		json_object_set_new(o, "ike", ike_counters(engine));
	return o;
}

static int roster_member(void *arg, const struct gcks_member_status *s)
{
	json_t *o = json_object();

	put_json_text(o, "id", s->identity);
	put_bool(o, "send", s->send);
	put_bool(o, "receive", s->receive);
	put_json_number(o, "joined", (uint64_t)s->joined);
	put_json_number(o, "registered", (uint64_t)s->registered);
	if (!addr_is_none(&s->at))
		put_addr(o, "address", &s->at);
	if (s->until)
		put_json_number(o, "until", (uint64_t)s->until);
	if (s->n_sender_ids) {
		put_json_number(o, "first-sender-id", s->first_sender_id);
		put_json_number(o, "n-sender-ids", s->n_sender_ids);
	}
	if (s->inband)
		put_bool(o, "inband", true);
	if (s->send)
		put_bool(o, "confirmed", s->confirmed);
	json_array_append_new(arg, o);
	return 0;
}

static int roster_denied(void *arg, const char *identity, int64_t since)
{
	json_t *o = json_object();

	put_json_text(o, "id", identity);
	put_json_number(o, "since", (uint64_t)since);
	json_array_append_new(arg, o);
	return 0;
}

static int report_roster(void *arg, const struct gcks_group_status *s)
{
	json_t *o, *members, *denied;
	struct walk *w = arg;

	if (!is_wanted(w, s->conf->name))
		return 0;
	o = json_object();
	members = json_array();
	denied = json_array();
	put_json_text(o, "group", s->conf->name);
	gcks_each_member(w->gcks, s->conf->name, roster_member, members);
	gcks_each_denied(w->gcks, s->conf->name, roster_denied, denied);
	json_object_set_new(o, "members", members);
	json_object_set_new(o, "denied", denied);
	json_array_append_new(w->list, o);
	return 0;
}

json_t *report_rosters(struct gcks *k, const char *group, int *found)
{
	struct walk w = { group, found, json_array(), k, NULL };

	gcks_each_group(k, report_roster, &w);
	return w.list;
}

json_t *report_trail(const struct trail_state *s)
{
	json_t *o = json_object();

	put_json_text(o, "trail", s->dir);
	put_json_number(o, "records", s->records);
	put_json_number(o, "unsigned", s->behind);
	put_json_number(o, "row", s->row);
	put_json_number(o, "missing", s->missing);
	put_json_text(o, "head", s->head);
	put_bool(o, "scarce", s->scarce);
	put_json_number(o, "late-ms", s->late_ms);
	if (s->error)
		put_json_text(o, "error", s->error);
	return o;
}

json_t *report_crls(const struct crls *crls, const struct trust *trust,
		    int64_t now)
{
	json_t *o = json_object(), *list = json_array(),
	       *missing = json_array();
	char buf[512];
	struct crl_state s;
	const char *ca;
	json_t *e;
	size_t i;

	put_json_text(o, "policy",
		      crls_policy(crls) == CRL_STRICT ? "strict" : "relaxed");
	for (i = 0; i < crls_count(crls); i++) {
		crls_state(crls, i, &s);
		e = json_object();
		put_json_text(e, "issuer", s.issuer);
		put_json_text(e, "state",
			      crl_health_str(crl_health_at(&s, now)));
		put_json_number(e, "this-update", (uint64_t)s.this_update);
		put_json_number(e, "next-update", (uint64_t)s.next_update);
		put_json_number(e, "revoked", s.revoked);
		json_array_append_new(list, e);
	}
	json_object_set_new(o, "lists", list);
	i = 0;
	while ((ca = crls_missing(crls, trust, &i, buf, sizeof(buf))))
		json_array_append_new(missing, report_text(ca));
	json_object_set_new(o, "missing", missing);
	return o;
}

static int audit_line(void *arg, const struct store_audit *a)
{
	json_t *o = json_object();

	put_json_number(o, "seq", a->seq);
	put_json_number(o, "time", (uint64_t)a->time);
	put_json_text(o, "group", a->group);
	put_json_text(o, "id", a->identity);
	put_json_text(o, "event", a->event);
	put_json_text(o, "detail", a->detail);
	if (a->actor && *a->actor)
		put_json_text(o, "actor", a->actor);
	json_array_append_new(arg, o);
	return 0;
}

json_t *report_audit(struct gcks *k, uint64_t after, size_t max)
{
	json_t *list = json_array();

	gcks_audit(k, after, max, audit_line, list);
	return list;
}

/* ---- the member ----------------------------------------------------------- */

static void put_heard(json_t *o, const struct member_group_status *s)
{
	char ep[EP_STRLEN], name[IF_NAMESIZE];

	if (addr_is_none(&s->rekey_to.addr))
		return;
	put_json_text(o, "rekey-address", ep_str(&s->rekey_to, ep));
	put_bool(o, "rekey-joined", s->rekey_ifindex != 0);
	if (if_indextoname(s->rekey_ifindex, name))
		put_json_text(o, "rekey-interface", name);
	if (s->rekey_note[0])
		put_json_text(o, "rekey-note", s->rekey_note);
}

/* Put the settings that are matters of this host alone. */
static void put_local(json_t *o, const struct conf_mgroup *c, uint64_t no_devs)
{
	char text[32], note[64] = "";
	json_t *list;
	size_t i;

	if (c->devs.n) {
		list = json_array();
		for (i = 0; i < c->devs.n; i++)
			json_array_append_new(list,
					      report_text(c->devs.name[i]));
		json_object_set_new(o, "interfaces", list);
		for (i = 0; i < c->devs.n && !*note; i++)
			if (no_devs & 1ull << i)
				snprintf(note, sizeof(note), "no interface %s",
					 c->devs.name[i]);
		if (*note)
			put_json_text(o, "interface-note", note);
	}
	if (c->mark.mask) {
		snprintf(text, sizeof(text), "0x%x/0x%x", c->mark.value,
			 c->mark.mask);
		put_json_text(o, "mark", text);
	}
	if (c->in_mark.mask) {
		snprintf(text, sizeof(text), "0x%x/0x%x", c->in_mark.value,
			 c->in_mark.mask);
		put_json_text(o, "in-mark", text);
	}
	if (c->forward)
		put_bool(o, "forward", true);
	if (c->observe)
		put_json_text(o, "policy", "observe");
}

/*
 * Another program may have changed what the kernel has, which the member does not
 * know until it is compared. Then it is not simply "in".
 */
static void doubt_kernel(const struct walk *w, struct member_group_status *s,
			 struct err *why)
{
	enum member_fault fault;

	if (!member_state_is_in(s->state) || s->doubt)
		return;
	fault = member_difference(w->member, s->conf->name, why);
	if (fault != MEMBER_FAULT_NONE && fault != MEMBER_FAULT_OBSERVES)
		s->doubt = why->text;
}

static int member_group(void *arg, const struct member_group_status *status)
{
	struct member_group_status copy = *status, *s = &copy;
	char text[SELECTOR_STRLEN];
	struct walk *w = arg;
	struct err why = {};
	json_t *o;

	if (!is_wanted(w, s->conf->name))
		return 0;
	doubt_kernel(w, s, &why);
	o = json_object();
	put_json_text(o, "name", s->conf->name);
	put_selector(o, &s->conf->sel, s->conf->tunnel);
	if (s->n_flows > 1)
		put_member_data(o, s);
	put_local(o, s->conf, s->no_devs);
	if (s->keyed_sel)
		put_json_text(o, "key-server-selector",
			      selector_str(s->keyed_sel, text));
	put_json_text(o, "state", member_state_text(s));
	if (s->removed)
		put_bool(o, "removed", true);
	if (s->state == MEMBER_WAITING)
		put_json_number(o, "retry-ms", s->retry_ms);
	put_json_text(o, "last-error", s->last_error);
	if (s->doubt)
		put_json_text(o, "doubt", s->doubt);
	if (s->unread_ms)
		put_json_number(o, "unread-ms", s->unread_ms);
	put_bool(o, "send", s->conf->send);
	put_bool(o, "receive", s->conf->receive);
	if (s->inband)
		put_bool(o, "inband", true);
	put_bool(o, "keyed", s->keyed);
	if (s->keyed) {
		put_rekey_spi(o, s->rekey_spi);
		put_json_number(o, "next-mid", s->next_mid);
		put_metrics(o, member_key_metrics, s);
		put_json_text(o, "signing-key", s->signing_key);
	}
	put_metrics(o, member_group_metrics, s);
	put_heard(o, s);
	if (s->heard)
		put_json_number(o, "heard-ms", s->heard_ms);
	put_json_number(o, "out-spi", s->out_spi);
	put_json_number(o, "data-spi", s->data_spi);
	if (s->until)
		put_json_number(o, "until", (uint64_t)s->until);
	if (s->n_sender_ids)
		put_json_number(o, "first-sender-id", s->first_sender_id);
	if (s->wary)
		put_bool(o, "signing-key-stolen", true);
	if (s->gcks_revoked)
		put_bool(o, "key-server-revoked", true);
	json_array_append_new(w->list, o);
	return 0;
}

static json_t *rekey_drops(struct member *m)
{
	json_t *o = json_object();

	put_metrics(o, rekey_metrics, member_rekey_drops(m));
	return o;
}

static json_t *ike_sa(struct ike_sa *sa)
{
	json_t *o = json_object();
	char algs[192];

	put_json_text(o, "spis", ike_sa_name(sa));
	put_json_text(o, "state", ike_sa_state_name(sa));
	put_json_text(o, "peer", ike_sa_peer_name(sa));
	put_ep(o, "address", ike_sa_peer(sa));
	if (ike_sa_is_up(sa))
		put_json_text(o, "algorithms",
			      ike_sa_algs(sa, algs, sizeof(algs)));
	return o;
}

json_t *report_member(struct member *m, struct ike_engine *engine,
		      const char *group, int *found)
{
	struct walk w = { group, found, json_array(), NULL, m };
	struct ike_sa *sa = member_ike_sa(m);
	json_t *o = json_object();

	member_each_group(m, member_group, &w);
	json_object_set_new(o, "groups", w.list);
	json_object_set_new(o, "rekey-drops", rekey_drops(m));
	if (sa)
		json_object_set_new(o, "ike-sa", ike_sa(sa));
	if (engine)
		json_object_set_new(o, "ike", ike_counters(engine));
	return o;
}
