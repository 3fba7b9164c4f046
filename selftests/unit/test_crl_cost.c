// SPDX-License-Identifier: Apache-2.0
/* Time that a key server with many CAs needs for its revocation lists. */
#include <time.h>

#include "certs.h"
#include "crls.h"

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

int main(void)
{
	if (!mkdtemp(dir))
		bail("mkdtemp");
	snprintf(path, sizeof(path), "%s/root.crl", dir);
	root = make_ca(NULL, "Root", 0);
	trust = trust_in(&root);
	RUN(test_many_missing);
	trust_free(trust);
	pki_pair_free(&root);
	rmdir(dir);
	return done();
}
