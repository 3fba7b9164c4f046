// SPDX-License-Identifier: Apache-2.0
/* Own identity, and the common settings of the IKE engines. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "crypto/cert.h"
#include "crypto/crl.h"
#include "crypto/sign.h"
#include "ike/psk.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/util.h"

static int load_certificate(struct app *a, struct err *err)
{
	const struct conf_identity *id = &a->conf->identity;
	struct err why;
	int ret;

	ret = cert_chain_load(id->certificate, &a->chain, &why);
	if (ret)
		return err_set(err, ret, "%s: identity.certificate: %s",
			       a->conf->file, why.text);
	ret = sigkey_load(id->key, &a->key, &why);
	if (ret)
		return err_set(err, ret, "%s: identity.key: %s", a->conf->file,
			       why.text);
	ret = trust_load(id->ca, &a->trust, &why);
	if (ret)
		return err_set(err, ret, "%s: identity.ca: %s", a->conf->file,
			       why.text);
	if (!cert_chain_fits_key(a->chain, a->key))
		return err_set(err, -EINVAL,
			       "%s: identity.key: %s is not the key of %s",
			       a->conf->file, id->key, id->certificate);
	return 0;
}

/* An identity that cannot be written stays "", and no document can name it. */
static void write_name(struct app *a)
{
	struct ike_id id = a->id;
	const uint8_t *data;
	size_t len;

	if (a->chain) {
		cert_chain_id(a->chain, &id.type, &data, &len);
		if (cert_id_str(id.type, data, len, a->name, sizeof(a->name)))
			a->name[0] = '\0';
	} else if (peer_id_str(&id, a->name, sizeof(a->name))) {
		a->name[0] = '\0';
	}
}

int app_load_identity(struct app *a, struct err *err)
{
	const struct conf_identity *id = &a->conf->identity;
	int ret;

	if (id->certificate)
		ret = load_certificate(a, err);
	else if (peer_id_parse(&a->id, id->id))
		ret = err_set(err, -EINVAL,
			      "%s: identity.id: %s is neither a DNS name, a mail address, an IP address nor key-id:NAME",
			      a->conf->file, id->id);
	else
		ret = 0;
	if (!ret)
		write_name(a);
	return ret ? ret : app_load_peer_keys(a->conf, &a->peer_keys, err);
}

/*
 * A certificate out of its time is not fatal: the clock may be wrong and be set
 * later.
 */
static void check_expiry(void *arg)
{
	struct app *a = arg;
	time_t now = clock_wall(clock_system());
	time_t left = cert_chain_not_after(a->chain) - now;

	if (cert_chain_not_before(a->chain) > now)
		log_err("certificate not yet valid: %s: peers will refuse it",
			a->conf->identity.certificate);
	else if (left <= 0)
		log_err("certificate expired: %s: peers will refuse it",
			a->conf->identity.certificate);
	else if (left < CERT_EXPIRY_WARNING_S)
		log_warn("certificate expires soon: %s: in %lld days",
			 a->conf->identity.certificate,
			 (long long)left / SEC_PER_DAY);
	timer_set(&a->tq, &a->expiry, SEC_PER_DAY * MSEC_PER_SEC);
}

int app_open_key_export(struct app *a, struct err *err)
{
	const char *path = a->conf->export_ike_keys;
	int fd;

	if (!path)
		return 0;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		  0600);
	if (fd >= 0)
		a->key_export = fdopen(fd, "a");
	if (!a->key_export) {
		int ret = -errno;

		if (fd >= 0)
			close(fd);
		return err_set(err, ret, "%s: debug.export-ike-keys: %s: %s",
			       a->conf->file, path, strerror(-ret));
	}
	log_warn("key export enabled: keys of all IKE SAs are written to %s: the file gives access to all that they protect",
		 path);
	return 0;
}

static void export_keys(void *ctx, const char *line)
{
	struct app *a = ctx;

	fprintf(a->key_export, "%s\n", line);
	fflush(a->key_export);
}

void app_watch_expiry(struct app *a)
{
	timer_init(&a->expiry, check_expiry, a);
	if (a->chain)
		check_expiry(a);
}

void app_free_identity(struct app *a)
{
	timer_del(&a->tq, &a->expiry);
	timer_del(&a->tq, &a->crl_watch);
	if (a->key_export)
		fclose(a->key_export);
	app_free_peer_keys(&a->peer_keys);
	trust_free(a->trust);
	crls_free(a->crls);
	cert_chain_free(a->chain);
	sigkey_free(a->key);
}

struct ike_engine_cfg app_engine_cfg(struct app *a)
{
	return (struct ike_engine_cfg){
		.clock = clock_system(),
		.tq = &a->tq,
		.chain = a->chain,
		.key = a->key,
		.trust = a->trust,
		.psks = a->peer_keys.psks,
		.ppks = a->peer_keys.ppks,
		.id = a->id,
		.export_keys = a->key_export ? export_keys : NULL,
	};
}

struct ike_addke app_addke(const struct conf_addke *c)
{
	struct ike_addke a = { .n = c->n, .required = c->required };

	memcpy(a.method, c->method, sizeof(a.method));
	return a;
}

struct sas_to_close {
	struct ike_sa **v;
	size_t n;
	size_t size;
};

static void collect_sa(void *arg, struct ike_sa *sa)
{
	struct sas_to_close *l = arg;

	if (l->n < l->size)
		l->v[l->n++] = sa;
}

static void count_sa(void *arg, struct ike_sa *sa)
{
	(void)sa;
	++*(size_t *)arg;
}

/* A Delete tells peers at once that the IKE SA has ended. */
void app_close_sas(struct ike_engine *engine)
{
	struct sas_to_close l = { 0 };

	if (!engine)
		return;
	ike_engine_each(engine, count_sa, &l.size);
	l.v = calloc(l.size ? l.size : 1, sizeof(struct ike_sa *));
	if (!l.v) {
		log_warn("peers not told of the end: out of memory");
		return;
	}
	ike_engine_each(engine, collect_sa, &l);
	while (l.n)
		ike_close(l.v[--l.n], "mcsecd ends");
	free(l.v);
}
