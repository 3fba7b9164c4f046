// SPDX-License-Identifier: Apache-2.0
/* The configuration file, the certificates that it names, and the clock. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>

#include "checks.h"
#include "conf/conf.h"
#include "crypto/cert.h"
#include "crypto/sign.h"
#include "lib/err.h"

#define DAY_S 86400
#define SOON (14 * DAY_S)
#define CHAIN_MAX 16

static const char *date_of(time_t t, char buf[static 24])
{
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(buf, 24, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(buf, 24, "?");
	return buf;
}

/* Verify the own chain as a peer does, which trusts the same CA. */
static int verify_own(const struct checks *c, const struct cert_chain *chain,
		      const struct trust *trust, time_t now, time_t *ends,
		      struct err *err)
{
	enum cert_purpose purpose = c->conf->gcks ? CERT_FOR_GCKS
						  : CERT_FOR_MEMBER;
	struct cert_der ders[CHAIN_MAX];
	struct cert *leaf;
	size_t i, n = cert_chain_count(chain);
	int ret;

	for (i = 0; i < n && i < CHAIN_MAX; i++)
		ders[i] = cert_chain_der(chain, i);
	ret = cert_verify(trust, ders, i, now, purpose, &leaf, err);
	if (ret)
		return ret;
	*ends = cert_ends(leaf);
	cert_free(leaf);
	return 0;
}

static void judge_chain(struct checks *c, const struct cert_chain *chain,
			const struct trust *trust, time_t now)
{
	const char *path = c->conf->identity.certificate;
	time_t ends = 0;
	char date[24];
	struct err err;

	if (cert_chain_not_before(chain) > now)
		check_problem(c, "certificate",
			      "set the clock of this host, or use another certificate",
			      "%s is valid from %s on", path,
			      date_of(cert_chain_not_before(chain), date));
	else if (verify_own(c, chain, trust, now, &ends, &err))
		check_problem(c, "certificate",
			      "issue another one by the CA of identity.ca (mcsecctl pki)",
			      "%s: %s", path, err.text);
	else if (ends - now < SOON)
		check_problem(c, "certificate",
			      "issue another one, or another CA, in time (mcsecctl pki)",
			      "%s or its CA ends in %lld days, at %s", path,
			      (long long)(ends - now) / DAY_S,
			      date_of(ends, date));
	else
		check_ok(c, "certificate", "%s is verified, and ends at %s",
			 path, date_of(ends, date));
}

/* A clock cannot be earlier than what was made on this host. */
static void judge_time(struct checks *c, time_t now)
{
	const char *files[] = { c->conf->file, c->conf->identity.certificate };
	struct timex t = {};
	struct stat st;
	char date[24];
	size_t i;

	for (i = 0; i < 2; i++)
		if (files[i] && !stat(files[i], &st) &&
		    st.st_mtime > now + DAY_S) {
			check_problem(c, "clock",
				      "set the clock of this host, best by NTP",
				      "it is %s, and %s is from later",
				      date_of(now, date), files[i]);
			return;
		}
	if (adjtimex(&t) < 0 || t.status & STA_UNSYNC)
		check_ok(c, "clock",
			 "it is %s; nothing synchronises it now, as NTP does",
			 date_of(now, date));
	else
		check_ok(c, "clock", "it is %s, synchronised",
			 date_of(now, date));
}

static void judge_identity(struct checks *c)
{
	const struct conf_identity *id = &c->conf->identity;
	struct cert_chain *chain = NULL;
	struct sigkey *key = NULL;
	struct trust *trust = NULL;
	struct err err;

	if (cert_chain_load(id->certificate, &chain, &err) ||
	    sigkey_load(id->key, &key, &err) ||
	    trust_load(id->ca, &trust, &err))
		check_problem(c, "certificate",
			      "correct identity in the configuration, or the file",
			      "%s", err.text);
	else if (!cert_chain_fits_key(chain, key))
		check_problem(c, "certificate",
			      "name the key that was made with the certificate in identity.key",
			      "%s is not the key of %s", id->key,
			      id->certificate);
	else
		judge_chain(c, chain, trust, time(NULL));
	trust_free(trust);
	sigkey_free(key);
	cert_chain_free(chain);
}

void check_conf(struct checks *c, const char *file)
{
	struct conf *conf;
	struct err err;

	if (conf_load(file, &conf, &err)) {
		check_problem(c, "configuration",
			      "correct the file, or give the path of another; \"mcsecd --check\" has more",
			      "%s", err.text);
		check_unchecked(c, "certificate", "see configuration",
				"the configuration names it");
		return;
	}
	c->conf = conf;
	check_ok(c, "configuration", "%s: %s%s%s", file,
		 conf->gcks ? "key server" : "",
		 conf->gcks && conf->member ? " and " : "",
		 conf->member ? "member" : "");
	if (conf->identity.certificate)
		judge_identity(c);
	else
		check_ok(c, "certificate", "none is configured");
	judge_time(c, time(NULL));
}
