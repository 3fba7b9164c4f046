// SPDX-License-Identifier: Apache-2.0
/* The configuration file, the certificates and lists that it names, and the clock. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "lib/util.h"
#include "checks.h"
#include "conf/conf.h"
#include "conf/host.h"
#include "crypto/cert.h"
#include "crypto/crl.h"
#include "crypto/crlseen.h"
#include "crypto/sign.h"
#include "lib/err.h"
#include "lib/proc.h"
#include "units.h"

#define CHAIN_MAX 16

static const char root_cure[] = "run this as root (sudo)";

/* Nobody but root and the user of mcsecd can tell what is in its files. */
static bool is_closed(int ret)
{
	return getuid() && (ret == -EACCES || ret == -EPERM);
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

/* @crls may be NULL. */
static void judge_chain(struct checks *c, const struct cert_chain *chain,
			const struct trust *trust, const struct crls *crls,
			time_t now)
{
	const char *path = c->conf->identity.certificate;
	time_t ends = 0;
	char date[TIME_STRLEN];
	struct err err;

	if (cert_chain_not_before(chain) > now)
		check_problem(c, "certificate",
			      "set the clock of this host, or use another certificate",
			      "%s is valid from %s on", path,
			      time_iso(cert_chain_not_before(chain), date));
	else if (crls && crls_revoke_chain(crls, chain))
		check_problem(c, "certificate",
			      "issue another one (mcsecctl pki), and restart mcsecd if it runs",
			      "%s is revoked by a list of %s: peers that know the list refuse it",
			      path, c->conf->identity.crl);
	else if (verify_own(c, chain, trust, now, &ends, &err))
		check_problem(c, "certificate",
			      "issue another one by the CA of identity.ca (mcsecctl pki)",
			      "%s: %s", path, err.text);
	else if (ends - now < CERT_EXPIRY_WARNING_S)
		check_problem(c, "certificate",
			      "issue another one, or another CA, in time (mcsecctl pki)",
			      "%s or its CA ends in %lld days, at %s", path,
			      (long long)(ends - now) / SEC_PER_DAY,
			      time_iso(ends, date));
	else
		check_ok(c, "certificate", "%s is verified, and ends at %s",
			 path, time_iso(ends, date));
}

/* ---- revocation lists ---------------------------------------------------- */

static const char crl_cure[] =
	"put the newest list of the CA into identity.crl, and \"mcsecctl reload\" if mcsecd runs";

/* Return what follows if a list cannot tell about a certificate. */
static const char *without_list(const struct crls *crls)
{
	return crls_policy(crls) == CRL_STRICT
		       ? "peers with certificates of this CA are refused"
		       : "what this CA has revoked since is not known";
}

static void judge_list(struct checks *c, const struct crls *crls, size_t i,
		       time_t now)
{
	struct crl_state s;
	char date[TIME_STRLEN];

	crls_state(crls, i, &s);
	time_iso(s.next_update, date);
	switch (crl_health_at(&s, now)) {
	case CRL_VALID:
		check_ok(c, "crl",
			 "the list of %s is verified (%zu revoked), and ends at %s",
			 s.issuer, s.revoked, date);
		break;
	case CRL_ENDS_SOON:
		check_problem(c, "crl", crl_cure,
			      "the list of %s ends soon, at %s", s.issuer,
			      date);
		break;
	case CRL_EXPIRED:
		check_problem(c, "crl", crl_cure,
			      "the list of %s ended at %s: %s", s.issuer, date,
			      without_list(crls));
		break;
	case CRL_EARLY:
		check_problem(c, "crl",
			      "set the clock of this host, or that of the CA",
			      "the list of %s is valid from %s on: %s",
			      s.issuer, time_iso(s.this_update, date),
			      without_list(crls));
		break;
	}
}

/* A start refuses lists that are older than those that were in use. */
static void judge_numbers(struct checks *c, const struct crls *crls,
			  const struct trust *trust)
{
	const char *path = c->conf->identity.crl_numbers;
	struct crl_seen *seen;
	struct err err;
	int ret = crl_seen_load(path, &seen, &err);

	if (ret == -EACCES || ret == -EPERM) {
		check_unchecked(c, "crl",
				"run this as the user of mcsecd, or correct the owner and mode",
				"identity.crl-numbers: %s", err.text);
		return;
	}
	if (ret) {
		check_problem(c, "crl",
			      "correct identity.crl-numbers, or the file",
			      "identity.crl-numbers: %s", err.text);
		return;
	}
	if (crl_seen_check(seen, crls, trust, &err))
		check_problem(c, "crl", crl_cure, "identity.crl: %s", err.text);
	crl_seen_free(seen);
}

static void judge_crls(struct checks *c, const struct crls *crls,
		       const struct trust *trust, time_t now)
{
	char buf[512];
	const char *ca;
	size_t i;

	for (i = 0; i < crls_count(crls); i++)
		judge_list(c, crls, i, now);
	i = 0;
	while ((ca = crls_missing(crls, trust, &i, buf, sizeof(buf))))
		check_problem(c, "crl", crl_cure, "the CA %s has no list: %s",
			      ca, without_list(crls));
	judge_numbers(c, crls, trust);
}

static void judge_chain_and_lists(struct checks *c,
				  const struct cert_chain *chain,
				  const struct trust *trust, time_t now)
{
	const struct conf_identity *id = &c->conf->identity;
	struct crls *crls = NULL;
	struct err err;
	int ret = 0;

	if (id->crl)
		ret = crls_load(id->crl, id->crl_policy, trust, chain, &crls,
				&err);
	judge_chain(c, chain, trust, crls, now);
	if (ret)
		check_problem(c, "crl",
			      "correct identity.crl in the configuration, or put the lists there; without them mcsecd does not start",
			      "identity.crl: %s", err.text);
	else if (crls)
		judge_crls(c, crls, trust, now);
	else
		check_ok(c, "crl", "no revocation lists are configured");
	crls_free(crls);
}

/* ---- all of them --------------------------------------------------------- */

/* A clock cannot be earlier than what was made on this host. */
static void judge_time(struct checks *c, time_t now)
{
	const char *files[] = { c->conf->file, c->conf->identity.certificate };
	struct timex t = {};
	struct stat st;
	char date[TIME_STRLEN];
	size_t i;

	for (i = 0; i < 2; i++)
		if (files[i] && !stat(files[i], &st) &&
		    st.st_mtime > now + SEC_PER_DAY) {
			check_problem(c, "clock",
				      "set the clock of this host, best by NTP",
				      "it is %s, and %s is from later",
				      time_iso(now, date), files[i]);
			return;
		}
	if (adjtimex(&t) < 0 || t.status & STA_UNSYNC)
		check_ok(c, "clock",
			 "it is %s; nothing synchronises it now, as NTP does",
			 time_iso(now, date));
	else
		check_ok(c, "clock", "it is %s, synchronised",
			 time_iso(now, date));
}

static void judge_identity(struct checks *c)
{
	const struct conf_identity *id = &c->conf->identity;
	struct cert_chain *chain = NULL;
	struct sigkey *key = NULL;
	struct trust *trust = NULL;
	struct err err;

	int ret;

	ret = cert_chain_load(id->certificate, &chain, &err);
	if (!ret)
		ret = sigkey_load(id->key, &key, &err);
	if (!ret)
		ret = trust_load(id->ca, &trust, &err);
	if (ret && is_closed(ret))
		check_unchecked(c, "certificate", root_cure, "%s", err.text);
	else if (ret)
		check_problem(c, "certificate",
			      "correct identity in the configuration, or the file",
			      "%s", err.text);
	else if (!cert_chain_fits_key(chain, key))
		check_problem(c, "certificate",
			      "name the key that was made with the certificate in identity.key",
			      "%s is not the key of %s", id->key,
			      id->certificate);
	else
		judge_chain_and_lists(c, chain, trust, time(NULL));
	trust_free(trust);
	sigkey_free(key);
	cert_chain_free(chain);
}

static void judge_control(void *arg, const char *line)
{
	check_problem(arg, "configuration",
		      "correct that here, at the key server and at all members",
		      "%s", line);
}

static const char none_cure[] =
	"make one: \"mcsecctl setup gcks\" at a key server, \"mcsecctl pki import\" "
	"with a member's bundle; or give the path of another";
static const char conf_cure[] =
	"correct the file, or give the path of another; \"mcsecd --check\" has more";

static void judge_failure(struct checks *c, int ret, const struct err *why)
{
	if (is_closed(ret))
		check_unchecked(c, "configuration", root_cure, "%s", why->text);
	else
		check_problem(c, "configuration",
			      ret == -ENOENT ? none_cure : conf_cure, "%s",
			      why->text);
	check_unchecked(c, "certificate", "see configuration",
			"the configuration names it");
}

void check_conf(struct checks *c, const char *file)
{
	struct conf *conf;
	struct err err;
	bool other;
	int ret;

	ret = conf_load(file, &conf, &err);
	other = !ret && conf_be_daemon(conf);
	if (other && conf_is_of_units(file)) {
		conf_free(conf);
		ret = conf_load(file, &conf, &err);
	}
	if (ret) {
		if (other)
			proc_be_root();
		judge_failure(c, ret, &err);
		return;
	}
	c->conf = conf;
	check_ok(c, "configuration", "%s: %s%s%s", file,
		 conf->gcks ? "key server" : "",
		 conf->gcks && conf->member ? " and " : "",
		 conf->member ? "member" : "");
	conf_each_control(conf, judge_control, c);
	if (conf->identity.certificate)
		judge_identity(c);
	else
		check_ok(c, "certificate", "none is configured");
	if (other)
		proc_be_root();
	judge_time(c, time(NULL));
}
