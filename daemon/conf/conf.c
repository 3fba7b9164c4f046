// SPDX-License-Identifier: Apache-2.0
/*
 * Tables of settings with their defaults, and loading. check.c
 * validates them.
 */
#include "conf/conf.h"

#include <errno.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/check.h"
#include "conf/data.h"
#include "conf/field.h"
#include "conf/quorum.h"
#include "conf/relay.h"
#include "conf/seal.h"
#include "conf/selector.h"
#include "conf/syntax.h"
#include "crypto/wrap.h"
#include "wire/proto.h"
#include "lib/addr.h"
#include "lib/err.h"
#include "lib/file.h"

#define MONTH 2592000
#define WEEK 604800
#define YEAR 31536000
/* The least MTU of IPv6. */
#define FRAGMENT_SIZE 1280

static const struct conf_word kwas[] = { { "kw-128", GIKE_KWA_5649_128 },
					 { "kw-256", GIKE_KWA_5649_256 },
					 { NULL, 0 } };

static const struct conf_word signs[] = { { "ed25519", SIG_ED25519 },
					  { "ecdsa-p256", SIG_ECDSA_P256 },
					  { "ecdsa-p384", SIG_ECDSA_P384 },
					  { "rsa-pss", SIG_RSA_PSS },
					  { NULL, 0 } };

static const struct conf_word one_places[] = { { "allow", ONE_PLACE_ALLOW },
					       { "replace", ONE_PLACE_REPLACE },
					       { "refuse", ONE_PLACE_REFUSE },
					       { NULL, 0 } };

static const struct conf_word inbands[] = { { "never", INBAND_NEVER },
					    { "asked", INBAND_ASKED },
					    { "always", INBAND_ALWAYS },
					    { NULL, 0 } };

static const struct conf_word policies[] = { { "enforce", false },
					     { "observe", true },
					     { NULL, 0 } };

static const struct conf_word levels[] = { { "error", LOG_LEVEL_ERR },
					   { "warning", LOG_LEVEL_WARN },
					   { "info", LOG_LEVEL_INFO },
					   { "debug", LOG_LEVEL_DEBUG },
					   { NULL, 0 } };

static int read_port(struct conf_reader *r, const config_setting_t *s,
		     const struct conf_field *f, void *dst)
{
	struct conf_field port = *f;

	port.size = sizeof(uint16_t);
	return conf_read_number(r, s, &port, &((struct ep *)dst)->port);
}

static int read_rekey_addr(struct conf_reader *r, const config_setting_t *s,
			   const struct conf_field *f, void *dst)
{
	return conf_read_multicast(r, s, f, &((struct ep *)dst)->addr);
}

/*
 * A name has no blanks, because netlink, mcsecctl and logs show it
 * as one word.
 */
static int read_group_name(struct conf_reader *r, const config_setting_t *s,
			   const struct conf_field *f, void *dst)
{
	const char *p = conf_text(r, s);

	if (!p)
		return -EINVAL;
	for (; *p; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '"' || *p == '\\')
			return conf_bad(r, s, NULL,
					"only ASCII without blanks, quotes and backslashes");
	return conf_read_text(r, s, f, dst);
}

static int read_sid_bits(struct conf_reader *r, const config_setting_t *s,
			 const struct conf_field *f, void *dst)
{
	int ret = conf_read_number(r, s, f, dst);
	uint8_t bits = *(uint8_t *)dst;

	if (!ret && bits != 8 && bits != 12 && bits != 16)
		return conf_bad(r, s, NULL, "has to be 8, 12 or 16 (RFC 6054)");
	return ret;
}

/* RFC 7383 section 2.5.1: 576 octets pass everywhere. */
static int read_fragment_size(struct conf_reader *r, const config_setting_t *s,
			      const struct conf_field *f, void *dst)
{
	int ret = conf_read_number(r, s, f, dst);
	uint32_t size = *(uint32_t *)dst;

	if (!ret && size && size < 576)
		return conf_bad(r, s, NULL,
				"is less than 576; 0 is for no fragments");
	return ret;
}

static int read_window(struct conf_reader *r, const config_setting_t *s,
		       const struct conf_field *f, void *dst)
{
	int ret = conf_read_number(r, s, f, dst);
	uint32_t w = *(uint32_t *)dst;

	if (!ret && (w & (w - 1)))
		return conf_bad(r, s, NULL,
				"%u is not a power of two, such as 64, 1024 or 32768",
				w);
	return ret;
}

#define G(member, text, fn, ...) \
	CONF_FIELD(struct conf_group, member, text, fn, __VA_ARGS__)
static const struct conf_field group_fields[] = {
	G(name, "name", read_group_name, .required = true,
	  .example = "\"video\"", .min = CONF_GROUP_NAME_MIN,
	  .max = CONF_GROUP_NAME_MAX),
	G(sel, "address", conf_read_sel_address, 0),
	G(sel, "source", conf_read_sel_source, 0),
	G(sel, "protocol", conf_read_sel_protocol, 0),
	G(sel, "source-port", conf_read_sel_sport, 0),
	G(sel, "destination-port", conf_read_sel_dport, 0),
	G(more, "data", conf_read_data_later, 0),
	G(tunnel, "mode", conf_read_mode, 0),
	G(rekey_to, "rekey-address", read_rekey_addr, 0),
	G(rekey_to, "rekey-port", read_port, .min = 1, .max = 65535),
	G(rekey_source, "rekey-source", conf_read_addr, 0),
	G(rekey_interface, "rekey-interface", conf_read_dev, .min = 1,
	  .max = 15),
	G(rekey_ttl, "rekey-ttl", conf_read_number, .min = 1, .max = 255),
	G(rekey_copies, "rekey-copies", conf_read_number, .min = 1, .max = 8),
	G(alg, "algorithm", conf_read_alg, .words = conf_algs),
	G(kek_alg, "kek-algorithm", conf_read_alg, .words = conf_kek_algs),
	G(kwa, "key-wrap", conf_read_word, .words = kwas),
	G(rekey_sign, "rekey-signature", conf_read_word, .words = signs),
	G(signing_key_lifetime, "signing-key-lifetime", conf_read_number,
	  .min = 0, .max = 10 * YEAR),
	G(senders, "senders", conf_read_names, 0),
	G(receivers, "receivers", conf_read_names, 0),
	G(relays, "relays", conf_read_names, 0),
	G(beat, "beat", conf_read_number, .min = 1, .max = 3600),
	G(rekey_interval, "rekey-interval", conf_read_number, .min = 2,
	  .max = MONTH),
	G(lifetime, "lifetime", conf_read_number, .min = 4, .max = 4 * MONTH),
	G(kek_lifetime, "kek-lifetime", conf_read_number, .min = 4,
	  .max = 4 * MONTH),
	G(atd, "atd", conf_read_number, .min = 0, .max = 600),
	G(dtd, "dtd", conf_read_number, .min = 1, .max = 3600),
	G(evict_atd, "evict-atd", conf_read_number, .min = 0, .max = 600),
	G(sender_id_bits, "sender-id-bits", read_sid_bits, .min = 8, .max = 16),
	G(max_sender_ids, "max-sender-ids", conf_read_number, .min = 1,
	  .max = 256),
	G(max_members, "max-members", conf_read_number, .min = 1,
	  .max = CONF_MAX_MEMBERS),
	G(one_place, "one-place", conf_read_word, .words = one_places),
	G(inband, "inband", conf_read_word, .words = inbands),
	G(max_inband, "max-inband", conf_read_number, .min = 1,
	  .max = CONF_MAX_INBAND),
	G(membership_lifetime, "membership-lifetime", conf_read_number,
	  .min = 0, .max = 10 * YEAR),
	G(batch_join_ms, "batch-join", conf_read_number, .min = 0,
	  .max = 60000),
	G(batch_leave_ms, "batch-leave", conf_read_number, .min = 0,
	  .max = 60000),
	{ 0 }
};

#define M(member, text, fn, ...) \
	CONF_FIELD(struct conf_mgroup, member, text, fn, __VA_ARGS__)
static const struct conf_field mgroup_fields[] = {
	M(name, "name", read_group_name, .required = true,
	  .example = "\"video\"", .min = CONF_GROUP_NAME_MIN,
	  .max = CONF_GROUP_NAME_MAX),
	M(sel, "address", conf_read_sel_address, 0),
	M(sel, "source", conf_read_sel_source, 0),
	M(sel, "protocol", conf_read_sel_protocol, 0),
	M(sel, "source-port", conf_read_sel_sport, 0),
	M(sel, "destination-port", conf_read_sel_dport, 0),
	M(more, "data", conf_read_data_later, 0),
	M(tunnel, "mode", conf_read_mode, 0),
	M(devs, "interfaces", conf_read_devs, 0),
	M(mark, "mark", conf_read_mark, 0),
	M(in_mark, "in-mark", conf_read_mark, 0),
	M(forward, "forward", conf_read_bool, 0),
	M(observe, "policy", conf_read_word, .words = policies),
	M(send, "send", conf_read_bool, 0),
	M(receive, "receive", conf_read_bool, 0),
	M(inband, "inband", conf_read_bool, 0),
	M(sender_ids, "sender-ids", conf_read_number, .min = 0, .max = 256),
	M(window, "replay-window", read_window, .min = 64, .max = 32768),
	M(max_senders, "max-senders", conf_read_number, .min = 1, .max = 65536),
	M(relay, "relay", conf_read_bool, 0),
	M(parents, "parents", conf_read_parents, 0),
	{ 0 }
};

static uint16_t count_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);

	return n < 1 ? 1 : n > 256 ? 256 : (uint16_t)n;
}

static int group_defaults(struct conf_group *g)
{
	*g = (struct conf_group){
		.rekey_to.port = GIKE_PORT,
		.rekey_ttl = 32,
		.rekey_copies = 3,
		.alg = { IKE_ENCR_AES_GCM_16, 128 },
		.kek_alg = { IKE_ENCR_AES_GCM_16, 256 },
		.kwa = GIKE_KWA_5649_256,
		.rekey_sign = SIG_ED25519,
		.signing_key_lifetime = MONTH,
		.beat = 15,
		.rekey_interval = 3600,
		.atd = 5,
		.dtd = 15,
		.evict_atd = 1,
		.sender_id_bits = 16,
		.max_sender_ids = 16,
		.max_members = 10000,
		.max_inband = 256,
		.membership_lifetime = WEEK,
		.rekey_interface = strdup(""),
	};
	return g->rekey_interface ? 0 : -ENOMEM;
}

int conf_read_gcks_group(struct conf_reader *r, const config_setting_t *s,
			 struct conf_group *g)
{
	int ret = group_defaults(g);

	if (!ret)
		ret = conf_read_group(r, s, group_fields, g);
	if (!ret)
		ret = conf_read_data(r, s, g);
	if (ret)
		return ret;
	g->line = config_setting_source_line(s);
	if (!g->lifetime)
		g->lifetime = 2 * g->rekey_interval + g->dtd;
	if (!g->kek_lifetime)
		g->kek_lifetime = g->lifetime;
	if (!config_setting_get_member(s, "evict-atd") && g->evict_atd > g->atd)
		g->evict_atd = g->atd;
	return conf_check_group(r, s, g);
}

static int read_gcks_groups(struct conf_reader *r, const config_setting_t *s,
			    const struct conf_field *f, void *dst)
{
	struct conf_gcks *gcks = (void *)((char *)dst - f->offset);
	int i, n = config_setting_length(s), ret = 0;

	if (!config_setting_is_list(s) || n < 1 || n > CONF_MAX_GROUPS)
		return conf_bad(r, s, NULL,
				"has to be a list of 1 to %d groups, ( { ... }, { ... } )",
				CONF_MAX_GROUPS);
	gcks->groups = calloc((size_t)n, sizeof(*gcks->groups));
	if (!gcks->groups)
		return -ENOMEM;
	for (i = 0; i < n && !ret; i++)
		ret = conf_read_gcks_group(r, config_setting_get_elem(s, i),
					   &gcks->groups[gcks->n_groups++]);
	return ret;
}

static int read_member_groups(struct conf_reader *r, const config_setting_t *s,
			      const struct conf_field *f, void *dst)
{
	struct conf_member *member = (void *)((char *)dst - f->offset);
	int i, n = config_setting_length(s), ret;

	if (!config_setting_is_list(s) || n < 1 || n > CONF_MAX_GROUPS)
		return conf_bad(r, s, NULL,
				"has to be a list of 1 to %d groups, ( { ... }, { ... } )",
				CONF_MAX_GROUPS);
	member->groups = calloc((size_t)n, sizeof(*member->groups));
	if (!member->groups)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		config_setting_t *e = config_setting_get_elem(s, i);
		struct conf_mgroup *g = &member->groups[i];

		member->n_groups++;
		*g = (struct conf_mgroup){
			.receive = true,
			.window = 1024,
			.max_senders = 1024,
		};
		ret = conf_read_group(r, e, mgroup_fields, g);
		if (!ret)
			ret = conf_read_member_data(r, e, g);
		if (ret)
			return ret;
		g->line = config_setting_source_line(e);
		if (!g->sender_ids)
			g->sender_ids = count_cpus();
		if (!g->send && !g->receive)
			return conf_bad(r, e, NULL,
					"send and receive are both false: one of them has to be true");
		ret = conf_check_mgroup(r, e, g);
		if (ret)
			return ret;
	}
	return 0;
}

static int read_listen(struct conf_reader *r, const config_setting_t *s,
		       const struct conf_field *f, void *dst)
{
	struct conf_gcks *gcks = (void *)((char *)dst - f->offset);
	const struct conf_field port = { .min = GIKE_PORT };
	bool one = config_setting_type(s) == CONFIG_TYPE_STRING;
	const config_setting_t *e;
	int i, ret, n = one ? 1 : config_setting_length(s);

	if (!one && !config_setting_is_array(s) && !config_setting_is_list(s))
		n = 0;
	if (n < 1 || n > CONF_MAX_LISTEN)
		return conf_bad(r, s, NULL,
				"has to be a list of 1 to %d addresses with ports",
				CONF_MAX_LISTEN);
	free(gcks->listen);
	gcks->listen_default = false;
	gcks->n_listen = 0;
	gcks->listen = calloc((size_t)n, sizeof(*gcks->listen));
	if (!gcks->listen)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		e = one ? s : config_setting_get_elem(s, (unsigned int)i);
		ret = conf_read_ep(r, e, &port, &gcks->listen[i]);
		if (ret)
			return ret;
		gcks->n_listen++;
	}
	return 0;
}

#define K(member, text, fn, ...) \
	CONF_FIELD(struct conf_gcks, member, text, fn, __VA_ARGS__)
static const struct conf_field gcks_fields[] = {
	K(listen, "listen", read_listen, 0),
	K(store, "store", conf_read_path, .required = true,
	  .example = "\"/var/lib/mcsec/gcks.db\""),
	K(seal_key, "seal-key", conf_read_place, .required = true,
	  .example = "\"/var/lib/mcsec/seal.key\""),
	K(wrap, "seal-wrap", conf_read_wrap, 0),
	K(witness, "witness", conf_read_path, 0),
	K(store_thread, "store-thread", conf_read_bool, 0),
	K(audit, "audit", conf_read_bool, 0),
	K(audit_trail, "audit-trail", conf_read_path, 0),
	K(audit_required, "audit-required", conf_read_bool, 0),
	K(audit_syslog, "audit-syslog", conf_read_bool, 0),
	K(audit_file_size, "audit-file-size", conf_read_number, .min = 1,
	  .max = 65536),
	K(audit_file_age, "audit-file-age", conf_read_number, .min = 0,
	  .max = 366 * 86400),
	K(audit_keep, "audit-keep", conf_read_number, .min = 0, .max = 100000),
	K(audit_records, "audit-checkpoint-records", conf_read_number, .min = 1,
	  .max = 100000),
	K(audit_interval, "audit-checkpoint-interval", conf_read_number,
	  .min = 1, .max = 86400),
	K(cookie_threshold, "cookie-threshold", conf_read_number, .min = 0,
	  .max = 100000),
	K(max_half_open, "max-half-open", conf_read_number, .min = 1,
	  .max = 100000),
	K(max_sas, "max-sas", conf_read_number, .min = 1, .max = 1000000),
	K(max_sas_address, "max-sas-per-address", conf_read_number, .min = 1,
	  .max = 1000000),
	K(max_sas_identity, "max-sas-per-identity", conf_read_number, .min = 1,
	  .max = 1000000),
	K(sa_idle, "sa-idle", conf_read_number, .min = 1, .max = 86400),
	K(sa_lifetime, "sa-lifetime", conf_read_number, .min = 60,
	  .max = MONTH),
	K(sa_rekey, "sa-rekey", conf_read_number, .min = 0, .max = MONTH),
	K(ticket_lifetime, "ticket-lifetime", conf_read_number, .min = 0,
	  .max = 86400),
	K(plain_ike, "plain-ike", conf_read_bool, 0),
	K(fragment_size, "fragment-size", read_fragment_size, .min = 0,
	  .max = 65535),
	K(addke, "additional-key-exchange", conf_read_addke, 0),
	K(addke.required, "additional-key-exchange-policy", conf_read_word,
	  .words = conf_addke_policies),
	K(quorum, "quorum", conf_read_quorum, 0),
	K(groups, "groups", read_gcks_groups, .required = true,
	  .example = "( { ... } )"),
	{ 0 }
};

#define R(member, text, fn, ...) \
	CONF_FIELD(struct conf_member, member, text, fn, __VA_ARGS__)
static const struct conf_field member_fields[] = {
	R(gcks, "gcks", conf_read_ep, .required = true,
	  .example = "\"192.0.2.1\"", .min = GIKE_PORT),
	R(gcks_id, "gcks-id", conf_read_text, .required = true,
	  .example = "\"gcks.example\"", .min = 1, .max = 320),
	R(local, "local", conf_read_ep, .min = GIKE_PORT),
	R(interface, "interface", conf_read_dev, .min = 1, .max = 15),
	R(sa_lifetime, "sa-lifetime", conf_read_number, .min = 60,
	  .max = MONTH),
	R(sa_rekey, "sa-rekey", conf_read_number, .min = 0, .max = MONTH),
	R(session_resumption, "session-resumption", conf_read_bool, 0),
	R(fragment_size, "fragment-size", read_fragment_size, .min = 0,
	  .max = 65535),
	R(addke, "additional-key-exchange", conf_read_addke, 0),
	R(addke.required, "additional-key-exchange-policy", conf_read_word,
	  .words = conf_addke_policies),
	R(relay, "relay", conf_read_relay, 0),
	R(groups, "groups", read_member_groups, .required = true,
	  .example = "( { ... } )"),
	{ 0 }
};

/*
 * Listen on 0.0.0.0 and [::], on the port of RFC 9838 2.1.1 and that of NAT
 * traversal.
 */
static int default_listen(struct conf_gcks *g)
{
	g->listen = calloc(4, sizeof(*g->listen));
	if (!g->listen)
		return -ENOMEM;
	ep_parse("0.0.0.0", GIKE_PORT, &g->listen[0]);
	ep_parse("::", GIKE_PORT, &g->listen[1]);
	ep_parse("0.0.0.0", IKE_NATT_PORT, &g->listen[2]);
	ep_parse("::", IKE_NATT_PORT, &g->listen[3]);
	g->n_listen = 4;
	g->listen_default = true;
	return 0;
}

static int read_gcks(struct conf_reader *r, const config_setting_t *s,
		     const struct conf_field *f, void *dst)
{
	struct conf_gcks *g = calloc(1, sizeof(*g));
	int ret;

	(void)f;
	if (!g)
		return -ENOMEM;
	*(struct conf_gcks **)dst = g;
	g->cookie_threshold = 64;
	g->max_half_open = 4096;
	g->max_sas = 16384;
	g->max_sas_address = 1024;
	g->max_sas_identity = 4;
	g->sa_idle = 300;
	g->sa_lifetime = 14400;
	g->sa_rekey = 12600;
	g->ticket_lifetime = 3600;
	g->fragment_size = FRAGMENT_SIZE;
	g->addke.required = true;
	g->audit = true;
	g->audit_file_size = 16;
	g->audit_keep = 64;
	g->audit_records = 1000;
	g->audit_interval = 60;
	if (default_listen(g))
		return -ENOMEM;
	ret = conf_read_group(r, s, gcks_fields, g);
	if (!ret)
		ret = conf_check_sa_times(r, s, g->sa_lifetime, &g->sa_rekey);
	if (!ret)
		ret = conf_check_addke(r, s, &g->addke);
	if (!ret)
		ret = conf_check_seal(r, s, g);
	if (!ret && !g->witness &&
	    asprintf(&g->witness, "%s.witness", g->store) < 0) {
		g->witness = NULL;
		ret = -ENOMEM;
	}
	if (!ret && !g->audit_trail &&
	    asprintf(&g->audit_trail, "%s.audit", g->store) < 0) {
		g->audit_trail = NULL;
		ret = -ENOMEM;
	}
	return ret;
}

static int read_member(struct conf_reader *r, const config_setting_t *s,
		       const struct conf_field *f, void *dst)
{
	struct conf_member *m = calloc(1, sizeof(*m));
	int ret;

	(void)f;
	if (!m)
		return -ENOMEM;
	*(struct conf_member **)dst = m;
	m->interface = strdup("");
	if (!m->interface)
		return -ENOMEM;
	m->sa_lifetime = 14400;
	m->sa_rekey = 10800;
	m->session_resumption = true;
	m->fragment_size = FRAGMENT_SIZE;
	m->addke.required = true;
	ret = conf_read_group(r, s, member_fields, m);
	if (!ret)
		ret = conf_check_sa_times(r, s, m->sa_lifetime, &m->sa_rekey);
	if (!ret)
		ret = conf_check_addke(r, s, &m->addke);
	return ret ? ret : conf_check_member(r, s, m);
}

static const struct conf_word crl_policies[] = { { "relaxed", CRL_RELAXED },
						 { "strict", CRL_STRICT },
						 { 0 } };

#define I(member, text, fn, ...) \
	CONF_FIELD(struct conf_identity, member, text, fn, __VA_ARGS__)
static const struct conf_field identity_fields[] = {
	I(certificate, "certificate", conf_read_path, 0),
	I(key, "key", conf_read_path, 0),
	I(ca, "ca", conf_read_path, 0),
	I(crl, "crl", conf_read_path, 0),
	I(crl_policy, "crl-policy", conf_read_word, .words = crl_policies),
	I(crl_numbers, "crl-numbers", conf_read_path, 0),
	I(id, "id", conf_read_text, .min = 1, .max = 320),
	{ 0 }
};

static int read_identity(struct conf_reader *r, const config_setting_t *s,
			 const struct conf_field *f, void *dst)
{
	int ret;

	(void)f;
	ret = conf_read_group(r, s, identity_fields, dst);
	return ret ? ret : conf_check_identity(r, s, dst);
}

#define P(member, text, fn, ...) \
	CONF_FIELD(struct conf_psk, member, text, fn, __VA_ARGS__)
static const struct conf_field psk_fields[] = {
	P(id, "id", conf_read_text, .required = true,
	  .example = "\"gcks.example\"", .min = 1, .max = 320),
	P(key, "key", conf_read_path, .required = true,
	  .example = "\"/etc/mcsec/psk.key\""),
	{ 0 }
};

static int read_psks(struct conf_reader *r, const config_setting_t *s,
		     const struct conf_field *f, void *dst)
{
	struct conf *c = (void *)((char *)dst - f->offset);
	int i, n = config_setting_length(s), ret;

	if (!config_setting_is_list(s) || n < 1 || n > CONF_MAX_PSKS)
		return conf_bad(r, s, NULL,
				"has to be a list of 1 to %d peers, ( { id = ...; key = ...; }, ... )",
				CONF_MAX_PSKS);
	c->psks = calloc((size_t)n, sizeof(*c->psks));
	if (!c->psks)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		config_setting_t *e =
			config_setting_get_elem(s, (unsigned int)i);

		c->n_psks++;
		c->psks[i].line = config_setting_source_line(e);
		ret = conf_read_group(r, e, psk_fields, &c->psks[i]);
		if (ret)
			return ret;
	}
	return 0;
}

#define Q(member, text, fn, ...) \
	CONF_FIELD(struct conf_ppk, member, text, fn, __VA_ARGS__)
static const struct conf_field ppk_fields[] = {
	Q(id, "id", conf_read_text, .required = true,
	  .example = "\"gcks.example\"", .min = 1, .max = 320),
	Q(name, "ppk-id", conf_read_text, .required = true,
	  .example = "\"ppk-1\"", .min = 1, .max = 128),
	Q(key, "key", conf_read_path, .required = true,
	  .example = "\"/etc/mcsec/ppk.key\""),
	Q(mandatory, "mandatory", conf_read_bool, 0),
	{ 0 }
};

static int read_ppks(struct conf_reader *r, const config_setting_t *s,
		     const struct conf_field *f, void *dst)
{
	struct conf *c = (void *)((char *)dst - f->offset);
	int i, n = config_setting_length(s), ret;

	if (!config_setting_is_list(s) || n < 1 || n > CONF_MAX_PSKS)
		return conf_bad(r, s, NULL,
				"has to be a list of 1 to %d peers, ( { id = ...; ppk-id = ...; key = ...; }, ... )",
				CONF_MAX_PSKS);
	c->ppks = calloc((size_t)n, sizeof(*c->ppks));
	if (!c->ppks)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		config_setting_t *e =
			config_setting_get_elem(s, (unsigned int)i);

		c->n_ppks++;
		c->ppks[i].line = config_setting_source_line(e);
		c->ppks[i].mandatory = true;
		ret = conf_read_group(r, e, ppk_fields, &c->ppks[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static const struct conf_field debug_fields[] = {
	CONF_FIELD(struct conf, export_ike_keys, "export-ike-keys",
		   conf_read_path, 0),
	{ 0 }
};

static int read_debug(struct conf_reader *r, const config_setting_t *s,
		      const struct conf_field *f, void *dst)
{
	/* The only setting of this group is a member of struct conf itself. */
	return conf_read_group(r, s, debug_fields, (char *)dst - f->offset);
}

#define C(member, text, fn, ...) \
	CONF_FIELD(struct conf, member, text, fn, __VA_ARGS__)
static const struct conf_field root_fields[] = {
	C(control, "control", conf_read_path, 0),
	C(log_level, "log-level", conf_read_word, .words = levels),
	C(identity, "identity", read_identity, .required = true,
	  .example = "{ ... }"),
	C(psks, "psk", read_psks, 0),
	C(ppks, "ppk", read_ppks, 0),
	C(gcks, "gcks", read_gcks, 0),
	C(member, "member", read_member, 0),
	C(export_ike_keys, "debug", read_debug, 0),
	{ 0 }
};

static int default_crl_numbers(struct conf *c)
{
	char **path = &c->identity.crl_numbers;

	if (*path)
		return 0;
	if (!c->gcks)
		*path = strdup(CONF_DEFAULT_CRL_NUMBERS);
	else if (asprintf(path, "%s.crl-numbers", c->gcks->store) < 0)
		*path = NULL;
	return *path ? 0 : -ENOMEM;
}

static int read_root(struct conf_reader *r, config_t *cfg, struct conf *c)
{
	const config_setting_t *root = config_root_setting(cfg);
	int ret;

	c->file = strdup(r->file);
	c->control = strdup(CONF_DEFAULT_CONTROL);
	c->log_level = LOG_LEVEL_INFO;
	if (!c->file || !c->control)
		return -ENOMEM;
	ret = conf_read_group(r, root, root_fields, c);
	if (!ret)
		ret = conf_check(r, root, c);
	if (!ret)
		ret = default_crl_numbers(c);
	return ret ? ret : conf_settle_audit(r, root, c);
}

static int finish_conf(struct conf_reader *r, config_t *cfg, struct conf **out)
{
	struct conf *c = calloc(1, sizeof(*c));
	int ret = c ? read_root(r, cfg, c) : -ENOMEM;

	config_destroy(cfg);
	if (ret) {
		if (ret == -ENOMEM)
			err_set(r->err, ret, "%s: out of memory", r->file);
		conf_free(c);
		return ret;
	}
	*out = c;
	return 0;
}

/* The line where libconfig gave up may be far behind the one with the error. */
static void set_parse_error(struct conf_reader *r, config_t *cfg,
			    const char *file)
{
	unsigned int line = (unsigned int)config_error_line(cfg), open;
	char bracket;

	open = conf_open_quote(file);
	if (open) {
		err_set(r->err, -EINVAL,
			"%s:%u: a quote is not closed on this line", file,
			open);
		return;
	}
	open = conf_open_bracket(file, line, &bracket);
	if (open)
		err_set(r->err, -EINVAL,
			"%s:%u: the %c of this line is not closed (noticed on line %u)",
			file, open, bracket, line);
	else
		err_set(r->err, -EINVAL,
			"%s:%u: %s; a value is a number without a unit, true, false or a text in quotes, and ends with \";\"",
			file, line, config_error_text(cfg));
}

static int syntax_error(struct conf_reader *r, config_t *cfg)
{
	const char *file = config_error_file(cfg);
	int ret = -EINVAL;

	if (config_error_type(cfg) == CONFIG_ERR_PARSE) {
		set_parse_error(r, cfg, file ? file : r->file);
	} else if (conf_is_folder(r->file)) {
		ret = -EISDIR;
		err_set(r->err, ret, "%s: is a folder, not a configuration",
			r->file);
	} else {
		ret = errno ? -errno : -EIO;
		if (ret == -EACCES)
			file_denied(r->file, false, r->err);
		else
			err_set(r->err, ret, "%s: %s", r->file, strerror(-ret));
	}
	config_destroy(cfg);
	return ret;
}

int conf_load(const char *path, struct conf **out, struct err *err)
{
	struct conf_reader r = { path, err };
	config_t cfg;

	config_init(&cfg);
	errno = 0;
	if (!config_read_file(&cfg, path))
		return syntax_error(&r, &cfg);
	return finish_conf(&r, &cfg, out);
}

int conf_parse(const char *text, const char *name, struct conf **out,
	       struct err *err)
{
	struct conf_reader r = { name, err };
	config_t cfg;

	config_init(&cfg);
	if (!config_read_string(&cfg, text))
		return syntax_error(&r, &cfg);
	return finish_conf(&r, &cfg, out);
}

void conf_group_free(struct conf_group *g)
{
	free(g->name);
	free(g->rekey_interface);
	conf_names_free(&g->senders);
	conf_names_free(&g->receivers);
	conf_names_free(&g->relays);
	memset(g, 0, sizeof(*g));
}

int conf_group_copy(struct conf_group *to, const struct conf_group *from)
{
	int ret, rs, rl;

	*to = *from;
	to->name = strdup(from->name);
	to->rekey_interface = strdup(from->rekey_interface);
	ret = conf_names_copy(&to->senders, &from->senders);
	rs = conf_names_copy(&to->receivers, &from->receivers);
	rl = conf_names_copy(&to->relays, &from->relays);
	if (!ret && !rs && !rl && to->name && to->rekey_interface)
		return 0;
	conf_group_free(to);
	return -ENOMEM;
}

static void free_gcks(struct conf_gcks *g)
{
	size_t i;

	if (!g)
		return;
	for (i = 0; i < g->n_groups; i++)
		conf_group_free(&g->groups[i]);
	free(g->groups);
	free(g->listen);
	free(g->store);
	free(g->seal_key);
	conf_wrap_free(&g->wrap);
	free(g->witness);
	free(g->audit_trail);
	conf_names_free(&g->quorum.admins);
	free(g);
}

static void free_member(struct conf_member *m)
{
	size_t i;

	if (!m)
		return;
	for (i = 0; i < m->n_groups; i++) {
		free(m->groups[i].name);
		conf_parents_clear(&m->groups[i].parents);
	}
	conf_relay_free(m->relay);
	free(m->groups);
	free(m->gcks_id);
	free(m->interface);
	free(m);
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	free_gcks(c->gcks);
	free_member(c->member);
	free(c->identity.certificate);
	free(c->identity.key);
	free(c->identity.ca);
	free(c->identity.crl);
	free(c->identity.crl_numbers);
	free(c->identity.id);
	for (size_t i = 0; i < c->n_psks; i++) {
		free(c->psks[i].id);
		free(c->psks[i].key);
	}
	free(c->psks);
	for (size_t i = 0; i < c->n_ppks; i++) {
		free(c->ppks[i].id);
		free(c->ppks[i].name);
		free(c->ppks[i].key);
	}
	free(c->ppks);
	free(c->file);
	free(c->control);
	free(c->export_ike_keys);
	free(c);
}
