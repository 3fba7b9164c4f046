// SPDX-License-Identifier: Apache-2.0
/*
 * Certificates that an authority has issued: list, renewal, revocation. NAME.pem is the newest
 * certificate of a name; older ones and revoked ones are old/NAME+SERIAL.pem.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/cert.h"
#include "crypto/crl.h"
#include "crypto/pkica.h"
#include "lib/secret.h"
#include "lib/util.h"
#include "pki.h"
#include "table.h"
#include "units.h"

#define CRL_DAYS 30
/* Certificates of one name that are revoked at once. */
#define CHAINS_MAX 256

const struct word pki_days_words[] = {
	WORD("days", "a number of days", set_u32,
	     .off = offsetof(struct pki_request, days), .min = 1, .max = 36500),
	{}
};

static int old_folder(char *path, const char *dir)
{
	if (snprintf(path, PATH_LEN, "%s/old", dir) >= PATH_LEN)
		return complain(EXIT_USAGE, "folder \"%s\": name too long",
				dir);
	return EXIT_OK;
}

/* Where a certificate is kept when another one, or none, takes its place. */
static int old_path(char *path, const char *dir, const char *name,
		    const struct cert_chain *chain)
{
	char folder[PATH_LEN], file[NAME_LEN + SERIAL_STRLEN + 2];
	struct pki_info info;
	int ret = old_folder(folder, dir);

	if (ret)
		return ret;
	pki_describe(chain, &info);
	snprintf(file, sizeof(file), "%s+%s", name, info.serial);
	return make_pki_path(path, folder, file, "pem");
}

/* Load DIR/NAME.pem into *@chain. */
static int load_named(const char *dir, const char *name,
		      struct cert_chain **chain)
{
	char path[PATH_LEN];
	struct err err;
	int ret = make_pki_path(path, dir, name, "pem");

	if (!ret && cert_chain_load(path, chain, &err))
		ret = complain(EXIT_FAILED, "pki: %s", err.text);
	return ret;
}

/* Read DIR, NAME if @named, and the words. */
static int read_ca_words(int argc, char **argv, bool named,
			 struct pki_request *r)
{
	int used = named ? 2 : 1;
	uint32_t seen;
	int ret;

	if (argc < used)
		return check_argc(argc, used, used);
	ret = read_words(pki_days_words, argc - used, argv + used, r, &seen);
	return ret || !named ? ret : read_pki_name(r, argv[1]);
}

/* ---- renew -------------------------------------------------------------- */

static int save_renewed(const char *dir, const char *name,
			const struct cert_chain *old,
			const struct cert_chain *new)
{
	struct new_file f[2] = { { .mode = 0644 }, { .mode = 0644 } };
	char *old_pem = NULL, *new_pem = NULL, folder[PATH_LEN];
	bool made = false;
	int ret = old_path(f[0].path, dir, name, old);

	if (!ret)
		ret = make_pki_path(f[1].path, dir, name, "pem");
	if (!ret)
		ret = old_folder(folder, dir);
	if (!ret && (cert_chain_pem(old, &old_pem, &f[0].len) ||
		     cert_chain_pem(new, &new_pem, &f[1].len)))
		ret = complain(EXIT_FAILED, "pki: out of memory");
	f[0].text = old_pem;
	f[1].text = new_pem;
	if (!ret)
		ret = make_folder(folder, 0755, &made);
	if (!ret)
		ret = write_files(f, 2, true);
	if (ret && made)
		rmdir(folder);
	secret_free(old_pem);
	secret_free(new_pem);
	if (!ret)
		printf("next: bring %s to its host in place of the old one\n"
		       "there: restart mcsecd\n",
		       f[1].path);
	return ret;
}

static int renew_cert(int argc, char **argv)
{
	struct pki_request r = { .days = CERT_DAYS };
	struct cert_chain *old = NULL, *new = NULL;
	struct pki_pair ca = {}, pair = {};
	struct cert_der der;
	time_t now = time(NULL);
	struct err err;
	int ret = read_ca_words(argc, argv, true, &r);

	if (!ret)
		ret = load_authority(argv[0], &ca);
	if (!ret)
		ret = load_named(argv[0], r.name, &old);
	if (!ret && pki_renew(&ca, old, now - CLOCK_SKEW,
			      now + (time_t)r.days * SEC_PER_DAY, &pair, &err))
		ret = complain(EXIT_FAILED, "renew: %s", err.text);
	der = (struct cert_der){ pair.cert, pair.cert_len };
	if (!ret && cert_chain_from_der(&der, 1, &new, &err))
		ret = complain(EXIT_FAILED, "renew: %s", err.text);
	if (!ret)
		ret = save_renewed(argv[0], r.name, old, new);
	if (!ret)
		tell_pki_end(pair.cert, pair.cert_len,
			     now + (time_t)r.days * SEC_PER_DAY);
	cert_chain_free(old);
	cert_chain_free(new);
	pki_pair_free(&pair);
	pki_pair_free(&ca);
	return ret;
}

int pki_renew_cert(struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	return run_alone(renew_cert, argc, argv);
}

/* ---- walk --------------------------------------------------------------- */

/* Called with the name of a certificate, and whether it is in "old". */
typedef int issued_fn(void *arg, const char *name, bool old,
		      struct cert_chain *chain);

/* Return true if @file is a certificate, whose name then is in @name. */
static bool issued_name(const char *file, bool old,
			char name[static NAME_MAX + 1])
{
	size_t len = strlen(file);
	char *plus;

	if (len < 5 || strcmp(file + len - 4, ".pem") || file[0] == '.')
		return false;
	snprintf(name, NAME_MAX + 1, "%.*s", (int)len - 4, file);
	plus = strrchr(name, '+');
	if (old && plus)
		*plus = '\0';
	return old ? !!plus : !plus && strcmp(name, "crl");
}

/* Pass each certificate of one folder to @fn, which keeps none. */
static int walk_folder(const char *dir, bool old, issued_fn *fn, void *arg)
{
	char name[NAME_MAX + 1], path[PATH_LEN];
	struct cert_chain *chain;
	struct dirent **list;
	struct err err;
	int i, n, ret = EXIT_OK;

	n = scandir(dir, &list, NULL, alphasort);
	if (n < 0)
		return old && errno == ENOENT
			       ? EXIT_OK
			       : complain(EXIT_FAILED, "folder %s: %s", dir,
					  strerror(errno));
	for (i = 0; i < n; i++) {
		if (!ret && issued_name(list[i]->d_name, old, name)) {
			snprintf(path, sizeof(path), "%s/%s", dir,
				 list[i]->d_name);
			/* A file that cannot be read must not stop a revocation. */
			if (cert_chain_load(path, &chain, &err)) {
				warn_user("pki: %s", err.text);
			} else {
				ret = fn(arg, name, old, chain);
				cert_chain_free(chain);
			}
		}
		free(list[i]);
	}
	free(list);
	return ret;
}

static int walk_issued(const char *dir, issued_fn *fn, void *arg)
{
	char folder[PATH_LEN];
	int ret = old_folder(folder, dir);

	if (!ret)
		ret = walk_folder(dir, false, fn, arg);
	return ret ? ret : walk_folder(folder, true, fn, arg);
}

/* ---- states ---------------------------------------------------------------- */

struct listing {
	time_t now;
	struct trust *trust;
	struct crls *crls; /* NULL: none */
	json_t *all;
};

static const char *state_of(const struct listing *l,
			    const struct cert_chain *chain)
{
	time_t ends = cert_chain_not_after(chain);

	if (!pki_is_of(l->trust, chain))
		return "other-authority";
	if (l->crls && crls_revoke_chain(l->crls, chain))
		return "revoked";
	if (ends < l->now)
		return "expired";
	if (cert_chain_not_before(chain) > l->now)
		return "not-yet-valid";
	return ends - l->now < CERT_EXPIRY_WARNING_S ? "ends-soon" : "valid";
}

/* Load the authority's certificate and list, without its key. */
static int load_lists(const char *dir, struct listing *l)
{
	char ca[PATH_LEN], crl[PATH_LEN];
	struct err err;
	int ret = make_pki_path(ca, dir, "ca", "pem");

	if (!ret)
		ret = make_pki_path(crl, dir, "crl", "pem");
	if (!ret && trust_load(ca, &l->trust, &err))
		ret = complain(EXIT_FAILED, "pki: %s", err.text);
	if (!ret && path_exists(crl) &&
	    crls_load(crl, CRL_RELAXED, l->trust, NULL, &l->crls, &err))
		ret = complain(EXIT_FAILED, "pki: %s", err.text);
	return ret;
}

static void free_lists(struct listing *l)
{
	crls_free(l->crls);
	trust_free(l->trust);
}

/* ---- revoke ------------------------------------------------------------- */

/* All certificates of a name that have not ended. */
struct doomed {
	const char *name;
	time_t now;
	struct cert_chain *chains[CHAINS_MAX];
	size_t n;
};

static int collect_doomed(void *arg, const char *name, bool old,
			  struct cert_chain *chain)
{
	struct doomed *d = arg;
	struct cert_der der = cert_chain_der(chain, 0);
	struct err err;

	(void)old;
	if (strcmp(name, d->name) || cert_chain_not_after(chain) < d->now)
		return EXIT_OK;
	if (d->n == CHAINS_MAX)
		return complain(EXIT_FAILED,
				"revoke: more than %d certificates of \"%s\"",
				CHAINS_MAX, name);
	if (cert_chain_from_der(&der, 1, &d->chains[d->n], &err))
		return complain(EXIT_FAILED, "revoke: %s", err.text);
	d->n++;
	return EXIT_OK;
}

/* Move what belongs to the name away, so that it can be issued anew. */
static int retire_name(const char *dir, const char *name)
{
	static const char *const suffixes[] = { "pem", "key", "csr", "p12" };
	char from[PATH_LEN], to[PATH_LEN], folder[PATH_LEN];
	struct cert_chain *chain;
	struct err err;
	bool made;
	size_t i;
	int ret = make_pki_path(from, dir, name, "pem");

	if (ret || (access(from, F_OK) && errno == ENOENT))
		return ret;
	if (cert_chain_load(from, &chain, &err))
		return complain(EXIT_FAILED, "revoke: %s", err.text);
	ret = old_path(to, dir, name, chain);
	cert_chain_free(chain);
	if (!ret)
		ret = old_folder(folder, dir);
	if (!ret)
		ret = make_folder(folder, 0755, &made);
	/* The certificate is last, so that the rest can be done again. */
	for (i = ARRAY_SIZE(suffixes); i-- && !ret;) {
		ret = make_pki_path(from, dir, name, suffixes[i]);
		strcpy(to + strlen(to) - 3, suffixes[i]);
		if (ret || (access(from, F_OK) && errno == ENOENT))
			continue;
		if (rename(from, to))
			ret = complain(EXIT_FAILED, "%s: %s", from,
				       strerror(errno));
		else
			printf("moved %s to %s\n", from, to);
	}
	return ret;
}

static int write_list(const char *dir, const struct pki_request *r,
		      struct doomed *d)
{
	struct new_file f = { .mode = 0644 };
	struct pki_list list = {
		.path = f.path,
		.chains = d->chains,
		.n = d->n,
		.from = d->now - CLOCK_SKEW,
		.now = d->now,
		.next = d->now + (time_t)r->days * SEC_PER_DAY,
	};
	struct pki_pair ca = {};
	struct err err;
	int ret = make_pki_path(f.path, dir, "crl", "pem");

	if (!ret)
		ret = load_authority(dir, &ca);
	if (!ret && pki_revoke(&ca, &list, &err))
		ret = complain(EXIT_FAILED, "revoke: %s", err.text);
	f.text = list.pem;
	f.len = list.len;
	if (!ret)
		ret = write_files(&f, 1, true);
	if (!ret && d->name)
		printf("revoked: %zu more of \"%s\"\n", list.added, d->name);
	if (!ret)
		printf("the list ends in %u days; \"mcsecctl pki revoke %s\" renews it before\n"
		       "next: bring %s to the key servers as identity.crl, and \"mcsecctl reload\" there\n",
		       r->days, dir, f.path);
	secret_free(list.pem);
	pki_pair_free(&ca);
	return ret;
}

/* Certificates of other names that prove one of those that are revoked. */
struct relatives {
	const char *dir;
	const struct doomed *of;
	struct listing states;
};

static int tell_relative(void *arg, const char *name, bool old,
			 struct cert_chain *chain)
{
	const struct relatives *r = arg;
	const char *state = state_of(&r->states, chain);
	char shared[512];
	size_t i;

	(void)old;
	if (!strcmp(name, r->of->name) ||
	    (strcmp(state, "valid") && strcmp(state, "ends-soon") &&
	     strcmp(state, "not-yet-valid")))
		return EXIT_OK;
	for (i = 0; i < r->of->n; i++) {
		if (!pki_share_name(r->of->chains[i], chain, shared,
				    sizeof(shared)))
			continue;
		printf("still valid: \"%s\" has a certificate for \"%s\", too; ",
		       name, shared);
		printf("\"mcsecctl pki revoke %s %s\" revokes it\n", r->dir,
		       name);
		break;
	}
	return EXIT_OK;
}

/* A holder of one of them is the same member as before. */
static int tell_relatives(const char *dir, const struct doomed *d)
{
	struct relatives r = { .dir = dir, .of = d, .states.now = d->now };
	int ret = load_lists(dir, &r.states);

	if (!ret)
		ret = walk_issued(dir, tell_relative, &r);
	free_lists(&r.states);
	return ret;
}

static int revoke_name(int argc, char **argv)
{
	struct pki_request r = { .days = CRL_DAYS };
	/* Without a name the list is made again, for a later end. */
	bool named = argc > 1 && strcmp(argv[1], "days");
	struct doomed d = { .now = time(NULL) };
	size_t i;
	int ret = read_ca_words(argc, argv, named, &r);

	d.name = r.name;
	if (!ret && named)
		ret = walk_issued(argv[0], collect_doomed, &d);
	if (!ret && named && !d.n)
		ret = complain(EXIT_FAILED,
			       "revoke: no certificate of \"%s\" in %s that is valid still",
			       r.name, argv[0]);
	if (!ret)
		ret = write_list(argv[0], &r, &d);
	if (!ret && named)
		ret = retire_name(argv[0], r.name);
	if (!ret && named)
		ret = tell_relatives(argv[0], &d);
	for (i = 0; i < d.n; i++)
		cert_chain_free(d.chains[i]);
	return ret;
}

int pki_revoke_name(struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	return run_alone(revoke_name, argc, argv);
}

/* ---- list --------------------------------------------------------------- */

static int add_issued(void *arg, const char *name, bool old,
		      struct cert_chain *chain)
{
	static const char *const kinds[] = {
		[PKI_CA] = "authority",
		[PKI_GCKS] = "key-server",
		[PKI_MEMBER] = "member",
	};
	struct listing *l = arg;
	struct pki_info info;

	pki_describe(chain, &info);
	json_array_append_new(l->all,
			      json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:b}",
					"name", name, "kind", kinds[info.kind],
					"serial", info.serial, "not-before",
					(json_int_t)cert_chain_not_before(chain),
					"not-after",
					(json_int_t)cert_chain_not_after(chain),
					"state", state_of(l, chain), "current",
					!old));
	return EXIT_OK;
}

static enum tint tint_of(const char *state)
{
	return !strcmp(state, "valid")	     ? TINT_GOOD
	       : !strcmp(state, "ends-soon") ? TINT_DOUBT
					     : TINT_BAD;
}

static int print_issued(const json_t *all)
{
	static const struct column columns[] = {
		{ "NAME", 0 },	{ "KIND", COLUMN_SPARE(1) },   { "ENDS", 0 },
		{ "STATE", 0 }, { "SERIAL", COLUMN_SPARE(2) }, {}
	};
	struct table *t = table_new(columns, true);
	const char *name, *kind, *serial, *state;
	json_int_t until;
	char ends[TIME_STRLEN];
	json_t *o;
	size_t i;

	json_array_foreach(all, i, o) {
		json_unpack(o, "{s:s, s:s, s:s, s:s, s:I}", "name", &name,
			    "kind", &kind, "serial", &serial, "state", &state,
			    "not-after", &until);
		table_row(t);
		table_put(t, 0, name);
		table_put(t, 1, kind);
		table_put(t, 2, time_iso(until, ends));
		table_put(t, 3, state);
		table_tint(t, 3, tint_of(state));
		table_put(t, 4, serial);
	}
	return table_print(t);
}

int pki_list(struct ctl *ctl, int argc, char **argv)
{
	struct listing l = { .now = time(NULL) };
	int ret = check_argc(argc, 1, 1);

	if (ret)
		return ret;
	l.all = json_array();
	ret = load_lists(argv[0], &l);
	if (!ret)
		ret = walk_issued(argv[0], add_issued, &l);
	if (!ret)
		ret = ctl->json ? print_json(json_incref(l.all))
				: print_issued(l.all);
	json_decref(l.all);
	free_lists(&l);
	return ret;
}
