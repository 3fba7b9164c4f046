// SPDX-License-Identifier: Apache-2.0
/*
 * The file with the newest revocation list of each CA: no older list follows, none
 * vanishes, and nothing is noted that is not used.
 */
#include <errno.h>
#include <sys/stat.h>

#include "certs.h"
#include "crls.h"
#include "crypto/crlseen.h"

static struct pki_pair root, inter, other;
static char dir[] = "/tmp/mcsec-seen.XXXXXX";
static char path[64], path2[64];
static char numbers[80]; /* see crypto/crlseen.h */

/* The lists as they are; the policy does not matter here. */
static struct crls *load(void)
{
	struct crls *c;

	err_clear(&err);
	if (crls_load(dir, CRL_STRICT, trust, NULL, &c, &err))
		bail("%s", err.text);
	return c;
}

static void set_up(void)
{
	if (!mkdtemp(dir))
		bail("mkdtemp");
	snprintf(path, sizeof(path), "%s/root.crl", dir);
	snprintf(path2, sizeof(path2), "%s/second.crl", dir);
	snprintf(numbers, sizeof(numbers), "%s.numbers", dir);
	root = make_ca(NULL, "Root", 0);
	inter = make_ca(&root, "Intermediate", 0);
	other = make_ca(NULL, "Other", 0);
	trust = trust_in(&root);
}

static struct crl_seen *seen_now(void)
{
	struct crl_seen *seen = NULL;

	err_clear(&err);
	if (crl_seen_load(numbers, &seen, &err))
		bail("%s", err.text);
	return seen;
}

/* Return what would be said to the lists as they are. */
static int try_lists(void)
{
	struct crls *c = load();
	struct crl_seen *seen = seen_now();
	int ret = crl_seen_check(seen, c, trust, &err);

	crl_seen_free(seen);
	crls_free(c);
	return ret;
}

/* Use the lists as they are. */
static void use_lists(void)
{
	struct crls *c = load();
	struct crl_seen *seen = seen_now();

	if (crl_seen_add(seen, c, &err) || crl_seen_commit(seen, &err))
		bail("%s", err.text);
	crl_seen_free(seen);
	crls_free(c);
}

static bool there(const char *name)
{
	return !access(name, F_OK);
}

static void test_seen(void)
{
	struct crl_spec spec = crl_week(&root, NOW);
	struct crl_seen *seen;
	char beside[96];
	struct stat st;
	struct crls *c;

	snprintf(beside, sizeof(beside), "%s.new", numbers);
	crl_write(path, &spec, false);
	is_int(try_lists(), 0, "the first list is accepted");
	ok(!there(numbers), "a check writes nothing");
	c = load();
	seen = seen_now();
	is_int(crl_seen_add(seen, c, &err), 0,
	       "the first list is written down");
	ok(there(beside) && !there(numbers),
	   "a list that is written down does not count yet");
	crl_seen_drop(seen);
	ok(!there(beside) && !there(numbers), "nothing of it is left");
	crl_seen_free(seen);
	seen = seen_now();
	is_int(crl_seen_add(seen, c, &err), 0,
	       "the first list is written down again");
	is_int(crl_seen_commit(seen, &err), 0,
	       "the list counts when that is committed");
	is_int(crl_seen_commit(seen, &err), 0,
	       "there is nothing to commit twice");
	ok(!there(beside) && !stat(numbers, &st) && (st.st_mode & 0777) == 0600,
	   "the file is of the owner alone");
	crl_seen_free(seen);
	seen = seen_now();
	is_int(crl_seen_add(seen, c, &err), 0, "the same list again");
	ok(!there(beside), "the same list is not written again");
	crl_seen_free(seen);
	crls_free(c);
	is_int(try_lists(), 0, "the same list is accepted");

	spec.number = 4;
	spec.made = NOW;
	crl_write(path, &spec, false);
	is_int(try_lists(), -EINVAL, "a lower number is older: %s", err.text);
	ok(strstr(err.text, "the list of CN=Root is older") &&
		   strstr(err.text, numbers),
	   "the reason names CA and file");
	spec.number = 5;
	spec.made = NOW - 7200;
	crl_write(path, &spec, false);
	is_int(try_lists(), -EINVAL,
	       "an earlier list of the same number is older");
	spec.number = 0;
	crl_write(path, &spec, false);
	is_int(try_lists(), -EINVAL,
	       "an earlier list without a number is older");
	spec.made = NOW;
	crl_write(path, &spec, false);
	is_int(try_lists(), 0, "a later list without a number is newer");

	spec.number = 256;
	spec.made = NOW - 7200;
	crl_write(path, &spec, false);
	is_int(try_lists(), 0, "a greater number is newer at any time");
	use_lists();
	spec.number = 255;
	crl_write(path, &spec, false);
	is_int(try_lists(), -EINVAL, "numbers of several octets are compared");
	spec.digits = 20;
	crl_write(path, &spec, false);
	is_int(try_lists(), 0, "a number of 20 octets is newer");
	spec.digits = 0;
	spec.number = 255;
	unlink(numbers);
	crl_write(path, &spec, false);
	is_int(try_lists(), 0, "without the file an older list is taken");
	unlink(path);
}

static void test_gone(void)
{
	struct crl_spec spec = crl_week(&root, NOW),
			mine = crl_week(&inter, NOW),
			part = crl_week(&root, NOW);
	struct trust *own = trust;
	struct crl_seen *seen;
	struct crls *c;
	char cert[80];

	snprintf(cert, sizeof(cert), "%s/inter.pem", dir);
	part.nid = NID_issuing_distribution_point;
	part.value = "critical,onlyuser:TRUE";
	part.number = 3;
	crl_write(path, &spec, false);
	use_lists();
	unlink(path);
	is_int(try_lists(), -EINVAL, "a list does not vanish: %s", err.text);
	ok(strstr(err.text,
		  "the list of CN=Root, which was in use, is missing"),
	   "the reason names the CA that lacks its list");
	crl_write(path, &part, false);
	is_int(try_lists(), -EINVAL, "a part of a list does not stand for it");
	crl_write(path, &spec, false);
	crl_write(path2, &part, false);
	is_int(try_lists(), 0, "a list of another scope may come: %s",
	       err.text);
	use_lists();
	unlink(path2);
	is_int(try_lists(), -EINVAL, "each scope counts");
	crl_write(path2, &part, false);
	is_int(try_lists(), 0, "both scopes are there");

	/* A CA that is not trusted any more needs no list. */
	c = load();
	trust = trust_in(&other);
	seen = seen_now();
	crls_free(c);
	unlink(path2);
	unlink(path);
	c = load();
	is_int(crl_seen_check(seen, c, trust, &err), 0,
	       "a CA that is not trusted any more needs no list: %s", err.text);
	crl_seen_free(seen);
	crls_free(c);
	trust_free(trust);
	trust = own;
	unlink(numbers);

	/* A CA between needs one as long as the one above is trusted. */
	crl_write(path2, &mine, false);
	crl_write_cert(cert, &inter);
	use_lists();
	unlink(path2);
	is_int(try_lists(), -EINVAL,
	       "the list of a CA between does not vanish");
	unlink(cert);
	is_int(try_lists(), -EINVAL,
	       "a list does not vanish with the certificate of its CA");
	unlink(numbers);
}

/* @what is in the reason, and so is the name of the file. */
static void refuse_numbers(const char *text, size_t len, int code,
			   const char *what, const char *name)
{
	struct crl_seen *seen;

	crl_write_text(numbers, text, len);
	chmod(numbers, 0600);
	err_clear(&err);
	is_int(crl_seen_load(numbers, &seen, &err), code, "%s is refused",
	       name);
	ok(strstr(err.text, what) && strstr(err.text, numbers),
	   "%s: the reason: %s", name, err.text);
}

#define M "0123456789abcdef0123456789abcdef"
#define N "0123456789abcdef0123456789abcdef01234567"

/* Write a file with @n lists. */
static void write_many(unsigned int n)
{
	FILE *f = fopen(numbers, "w");
	unsigned int i;

	for (i = 0; f && i < n; i++)
		fprintf(f, "%08x%s " M " 5 - R\n", i, M + 8);
	if (!f || fclose(f) || chmod(numbers, 0600))
		bail("cannot write %s", numbers);
}

/* The file cannot be replaced, or has no room. */
static void test_not_noted(void)
{
	struct crl_spec spec = crl_week(&root, NOW);
	struct crl_seen *seen;
	char beside[96];
	struct crls *c;

	snprintf(beside, sizeof(beside), "%s.new", numbers);
	crl_write(path, &spec, false);
	c = load();
	seen = seen_now();
	if (crl_seen_add(seen, c, &err) || mkdir(numbers, 0700))
		bail("%s", err.text);
	ok(crl_seen_commit(seen, &err) && strstr(err.text, numbers),
	   "a file that cannot be replaced is an error: %s", err.text);
	ok(there(beside), "a file that could not be committed is there");
	crl_seen_drop(seen);
	ok(!there(beside), "a file that could not be committed is dropped");
	crl_seen_free(seen);
	rmdir(numbers);

	write_many(4096);
	seen = seen_now();
	err_clear(&err);
	is_int(crl_seen_add(seen, c, &err), -ENOMEM, "one CA too many");
	ok(strstr(err.text, "no room for another CA") && !there(beside),
	   "the reason is the number of CAs: %s", err.text);
	crl_seen_free(seen);
	write_many(4097);
	is_int(crl_seen_load(numbers, &seen, &err), -ENOMEM,
	       "a file with a CA too many: %s", err.text);
	ok(strstr(err.text, "line 4097: no room"), "the reason has the line");
	unlink(numbers);
	unlink(path);
	crls_free(c);
}

static void test_numbers_file(void)
{
	static const char *const good[] = {
		"",
		"# a comment\n\n",
		M " " M " 5 - CN=Root\n",
		M " " M " 5 " N " CN=Root, O=Two Words\n",
		M " " M " 0 - R",
		M " " M " 9 - R",
	};
	static const char *const bad[] = {
		"x\n",
		M "\n",
		M " " M "\n",
		M " " M " 5\n",
		M " " M " 5 -\n",
		M " " M " 5 - ",
		M " " M " -5 - R\n",
		M " " M " 99999999999999999999 - R\n",
		M " " M " 5 12 R\n",
		M " " M " 5 " N "00 R\n",
		M "0 " M " 5 - R\n",
		M " g" M " 5 - R\n",
		M "  " M " 5 - R\n",
		" " M " " M " 5 - R\n",
		M " " M " 5 - R\n" M " " M " 6 - R\n",
	};
	static const char head[] = "# the first line\n";
	struct crl_spec spec = crl_week(&root, NOW);
	struct crl_seen *seen;
	char text[512], saved[80];
	struct crls *c;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		crl_write_text(numbers, good[i], strlen(good[i]));
		chmod(numbers, 0600);
		err_clear(&err);
		is_int(crl_seen_load(numbers, &seen, &err), 0,
		       "good file %zu: %s", i, err.text);
		crl_seen_free(seen);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), "%s%s", head, bad[i]);
		refuse_numbers(text, strlen(text), -EBADMSG,
			       i + 1 < ARRAY_SIZE(bad) ? "line 2: damaged"
						       : "line 3: damaged",
			       "a damaged line");
	}
	refuse_numbers("#\0\n", 3, -EBADMSG, "a zero octet", "a zero octet");
	chmod(numbers, 0644);
	is_int(crl_seen_load(numbers, &seen, &err), -EPERM,
	       "a file that others may read is refused: %s", err.text);
	unlink(numbers);

	snprintf(saved, sizeof(saved), "%s", numbers);
	snprintf(numbers, sizeof(numbers), "%s/no/no/numbers", dir);
	crl_write(path, &spec, false);
	c = load();
	seen = seen_now();
	ok(crl_seen_add(seen, c, &err) && strstr(err.text, numbers),
	   "a file that cannot be written is named: %s", err.text);
	is_int(crl_seen_commit(seen, &err), 0,
	       "nothing is committed if nothing was written");
	crl_seen_free(seen);
	crls_free(c);
	snprintf(numbers, sizeof(numbers), "%s", saved);
	unlink(path);
}

int main(void)
{
	set_up();
	RUN(test_seen);
	RUN(test_gone);
	RUN(test_numbers_file);
	RUN(test_not_noted);
	trust_free(trust);
	pki_pair_free(&root);
	pki_pair_free(&inter);
	pki_pair_free(&other);
	is_int(rmdir(dir), 0, "nothing is left");
	return done();
}
