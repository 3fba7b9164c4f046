// SPDX-License-Identifier: Apache-2.0
/* CAs without revocation lists: their names, and the time that many of them take. */
#include <time.h>

#include "certs.h"
#include "crls.h"
#include "crypto/crls.h"

static struct pki_pair root;
static char dir[] = "/tmp/mcsec-crl.XXXXXX";
static char path[64];

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* Name @n CAs below the root, which have no lists. Returns the time of CPU. */
static double name_many(unsigned int n)
{
	struct crl_spec spec = crl_week(&root, NOW);
	char file[96], name[32], buf[256];
	unsigned int i, found = 0;
	struct pki_pair ca;
	struct crls *c;
	size_t at = 0;
	double ms;

	crl_write(path, &spec, false);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "Below %u", i);
		snprintf(file, sizeof(file), "%s/%u.pem", dir, i);
		ca = make_ca(&root, name, 0);
		crl_write_cert(file, &ca);
		pki_pair_free(&ca);
	}
	if (crls_load(dir, CRL_STRICT, trust, NULL, &c, &err))
		bail("%s", err.text);
	ms = cpu_ms();
	while (crls_missing(c, trust, &at, buf, sizeof(buf)))
		found++;
	ms = cpu_ms() - ms;
	is_int(found, n, "%u CAs without lists are named", n);
	printf("# %u CAs without lists: %.1f ms of CPU\n", n, ms);
	crls_free(c);
	for (i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%u.pem", dir, i);
		unlink(file);
	}
	unlink(path);
	return ms;
}

static void test_many_missing(void)
{
	double few = name_many(16), many = name_many(128);

	/* Eight times as many took 60 times as long when each call began anew. */
	ok(many < 24 * few + 2, "many CAs without lists cost little");
}

static void note_ca(const struct crls *c, const struct pki_pair *ca)
{
	X509 *x = crl_cert(ca);

	crls_note_ca(c, trust, x);
	X509_free(x);
}

/* Return true if exactly these CAs lack lists; "": none but the root. */
static bool is_missing(const struct crls *c, const char *more)
{
	char buf[256], all[512] = "";
	size_t at = 0;

	while (crls_missing(c, trust, &at, buf, sizeof(buf)))
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s ",
			 buf);
	printf("# without lists: %s\n", all);
	return !strncmp(all, "CN=Root ", 8) && !strcmp(all + 8, more);
}

/* A CA that lacks a list is named once, however often its list was asked for. */
static void test_noted(void)
{
	struct pki_pair inter = make_ca(&root, "Intermediate", 0);
	struct pki_pair other = make_ca(NULL, "Other", 0);
	struct crls *c;

	if (crls_load(dir, CRL_STRICT, trust, NULL, &c, &err))
		bail("%s", err.text);
	ok(is_missing(c, ""), "a trusted CA is known");
	note_ca(c, &root);
	ok(is_missing(c, ""), "a trusted CA is not noted once more");
	note_ca(c, &inter);
	ok(is_missing(c, "CN=Intermediate "), "a CA in between is noted");
	note_ca(c, &inter);
	ok(is_missing(c, "CN=Intermediate "), "a CA in between is noted once");
	note_ca(c, &other);
	ok(is_missing(c, "CN=Intermediate "),
	   "no list is missed of a CA that is not trusted");
	crls_free(c);
	pki_pair_free(&inter);
	pki_pair_free(&other);
}

/* A name behind the last of a path is none of it. */
static void test_paths(void)
{
	X509_NAME *name = X509_NAME_new(), *other = X509_NAME_new();
	struct ca_path a = { .v = { name, name }, .n = 1 };
	struct ca_path b = { .v = { name, other }, .n = 1 };

	X509_NAME_add_entry_by_txt(other, "CN", MBSTRING_UTF8,
				   (const unsigned char *)"Other", -1, -1, 0);
	ok(ca_path_same(&a, &b), "two paths of one name are the same");
	a.n = 2;
	ok(!ca_path_same(&a, &b), "a longer path is another one");
	b.n = 2;
	ok(!ca_path_same(&a, &b), "a path with another name is another one");
	X509_NAME_free(name);
	X509_NAME_free(other);
}

int main(void)
{
	if (!mkdtemp(dir))
		bail("mkdtemp");
	snprintf(path, sizeof(path), "%s/root.crl", dir);
	root = make_ca(NULL, "Root", 0);
	trust = trust_in(&root);
	RUN(test_many_missing);
	RUN(test_noted);
	RUN(test_paths);
	trust_free(trust);
	pki_pair_free(&root);
	rmdir(dir);
	return done();
}
