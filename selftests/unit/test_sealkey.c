// SPDX-License-Identifier: Apache-2.0
/*
 * Places of a seal key: credentials of systemd, and envelopes whose private key a provider
 * of OpenSSL has, here that for files, with a PIN. What goes wrong is told, and changes no
 * file; a change of the key loses nothing.
 */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/sealkey.h"
#include "lib/credential.h"
#include "lib/log.h"
#include "lib/secret.h"
#include "store/store.h"
#include "store/vault.h"

#define PIN "correct horse"

static char dir[] = "/tmp/mcsec-sealkey-XXXXXX";
static struct err err;
static const char *paths[VAULT_STORES];

/* Return the path of a file in the folder of this test. */
static char *in_dir(const char *name)
{
	char *p;

	if (asprintf(&p, "%s/%s", dir, name) < 0)
		bail("no memory");
	return p;
}

static size_t slurp(const char *path, void *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size);

	if (fd >= 0)
		close(fd);
	return n < 0 ? 0 : (size_t)n;
}

static void spew(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		bail("%s", path);
	close(fd);
}

/* Is the error that of the last call, and does it say this? */
static void says(int ret, int want, const char *part, const char *name)
{
	ok(ret == want && strstr(err.text, part), "%s", name);
	if (ret != want || !strstr(err.text, part))
		printf("# %d, not %d with \"%s\": %s\n", ret, want, part,
		       err.text);
}

/* ---- credentials ---------------------------------------------------------- */

static int load_place(const char *place, bool next)
{
	struct sealkey_cfg cfg = { .place = place };
	struct sealer *s;
	struct sealkey *k;
	int ret;

	memset(&err, 0, sizeof(err));
	ret = sealkey_open(&cfg, &k, &err);
	if (ret)
		return ret;
	ret = sealkey_load(k, next, &s, &err);
	if (!ret)
		sealer_free(s);
	sealkey_close(k);
	return ret;
}

static void test_credential(void)
{
	uint8_t key[SEAL_KEY_LEN] = { 1, 2, 3 };
	char *seal = in_dir("seal"), *next = in_dir("seal.new");
	uint8_t *p;
	size_t n;

	unsetenv("CREDENTIALS_DIRECTORY");
	says(load_place("credential:seal", false), -EACCES,
	     "credential:seal: this process has no credentials",
	     "without systemd there are no credentials");
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	says(load_place("credential:seal", false), -ENOENT,
	     "LoadCredential=seal:",
	     "one that is missing is named, with the setting of systemd");
	spew(seal, key, sizeof(key));
	is_int(load_place("credential:seal", false), 0, "a credential");
	is_int(credential_read("credential:seal", 64, &p, &n, &err), 0,
	       "is read");
	is_mem(p, n, key, sizeof(key), "a credential is read as it was passed");
	secret_free(p);
	chmod(seal, 0440);
	if (!getegid())
		is_int(load_place("credential:seal", false), 0,
		       "one whose mode has the mask of an ACL, as systemd makes it");
	if (!getegid() && !geteuid()) {
		if (chown(seal, 0, 12345))
			bail("chown");
		says(load_place("credential:seal", false), -EPERM, "mode 0440",
		     "one that another group can read is refused");
		if (chown(seal, 0, 0))
			bail("chown");
	}
	chmod(seal, 0604);
	says(load_place("credential:seal", false), -EPERM, "mode 0604",
	     "one that others can read is refused");
	chmod(seal, 0600);
	spew(seal, key, sizeof(key) - 1);
	says(load_place("credential:seal", false), -EBADMSG, "31 octets",
	     "one of another length is refused");
	spew(next, key, 5);
	says(load_place("credential:seal", true), -EBADMSG, "5 octets",
	     "the next one has a length as well");
	unlink(seal);
	unlink(next);
	free(seal);
	free(next);
}

static void test_credential_names(void)
{
	ok(credential_is_name("mcsec-seal.key"), "a name");
	ok(!credential_is_name(""), "no name");
	ok(!credential_is_name(".."), "a parent");
	ok(!credential_is_name("a/b"), "a path");
	ok(!credential_is_name("a:b"), "a colon");
	ok(!credential_is_name("a b"), "a blank");
	ok(!credential_name("/etc/x"), "a file is no credential");
}

static void put_mark(struct store *s, uint64_t mark)
{
	if (store_begin(s) || store_put_u64(s, "mark", mark) || store_commit(s))
		bail("%s", store_reason(s, -EIO));
}

/* Open the stores, and read the mark of each. */
static int open_marks(const struct sealkey_cfg *cfg, uint64_t a, uint64_t b)
{
	struct vault v;
	uint64_t x = 0, y = 0;
	int ret;

	memset(&err, 0, sizeof(err));
	ret = vault_open(&v, cfg, paths, false, &err);
	if (!ret && (store_get_u64(v.store[0], "mark", &x) ||
		     store_get_u64(v.store[1], "mark", &y) || x != a || y != b))
		ret = -EUCLEAN;
	vault_close(&v);
	return ret;
}

static void make_stores(const struct sealkey_cfg *cfg)
{
	struct vault v;

	if (vault_open(&v, cfg, paths, true, &err))
		bail("%s", err.text);
	put_mark(v.store[0], 7);
	put_mark(v.store[1], 8);
	vault_close(&v);
}

static void remove_stores(void)
{
	char *more;
	size_t i;

	for (i = 0; i < VAULT_STORES; i++) {
		unlink(paths[i]);
		if (asprintf(&more, "%s-wal", paths[i]) < 0)
			bail("no memory");
		unlink(more);
		free(more);
	}
}

static void test_credential_change(void)
{
	static const struct sealkey_cfg cfg = { .place = "credential:seal" };
	uint8_t one[SEAL_KEY_LEN] = { 1 }, two[SEAL_KEY_LEN] = { 2 };
	char *seal = in_dir("seal"), *next = in_dir("seal.new");
	struct vault v;

	says(vault_open(&v, &cfg, paths, true, &err), -ENOENT,
	     "LoadCredential=seal:", "no credential is made for a new store");
	vault_close(&v);
	spew(seal, one, sizeof(one));
	make_stores(&cfg);
	is_int(open_marks(&cfg, 7, 8), 0, "stores are sealed with it");
	if (vault_open(&v, &cfg, paths, false, &err))
		bail("%s", err.text);
	says(vault_rekey(&v, &err), -EOPNOTSUPP,
	     "credential:seal.new: mcsecd cannot make a credential",
	     "an order to change it says what to do");
	vault_close(&v);
	is_int(open_marks(&cfg, 7, 8), 0,
	       "an order that is refused changes nothing");

	spew(next, two, sizeof(two));
	is_int(open_marks(&cfg, 7, 8), 0, "a new one is passed beside it");
	is_int(open_marks(&cfg, 7, 8), 0, "a new one may stay beside it");
	unlink(next);
	says(open_marks(&cfg, 7, 8), -EBADMSG, "not that of the store",
	     "the former one opens nothing then");
	spew(seal, two, sizeof(two));
	is_int(open_marks(&cfg, 7, 8), 0, "the new one in its place does");
	remove_stores();
	unlink(seal);
	free(seal);
	free(next);
}

/* ---- envelopes ------------------------------------------------------------ */

static const char *pem_file(const char *name, const char *end)
{
	static char path[2][128];
	static int i;

	i = !i;
	snprintf(path[i], sizeof(path[i]), "%s/%s.%s", dir, name, end);
	return path[i];
}

static void write_key(const char *name, EVP_PKEY *key, const char *pin)
{
	FILE *f = fopen(pem_file(name, "key"), "w");

	if (!f ||
	    PEM_write_PKCS8PrivateKey(f, key, pin ? EVP_aes_256_cbc() : NULL,
				      pin, pin ? (int)strlen(pin) : 0, NULL,
				      NULL) != 1)
		bail("%s.key", name);
	fclose(f);
}

/* Write a certificate, and its private key with a PIN or without. */
static void make_pair(const char *name, EVP_PKEY *key, const char *pin)
{
	X509 *x = X509_new();
	X509_NAME *subject = X509_get_subject_name(x);
	X509_EXTENSION *id;
	X509V3_CTX ctx;
	FILE *f;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, subject);
	/* The end of a certificate is not the end of its key. */
	X509_gmtime_adj(X509_getm_notBefore(x), -200);
	X509_gmtime_adj(X509_getm_notAfter(x), -100);
	X509_set_pubkey(x, key);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	id = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_key_identifier,
				 "hash");
	if (id)
		X509_add_ext(x, id, -1);
	X509_EXTENSION_free(id);
	if (!X509_sign(x, key,
		       EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256()))
		bail("%s", name);
	f = fopen(pem_file(name, "pem"), "w");
	if (!f || PEM_write_X509(f, x) != 1)
		bail("%s", name);
	fclose(f);
	X509_free(x);
	write_key(name, key, pin);
}

static struct envelope_cfg wrap;
static struct sealkey_cfg wrapped = { .wrap = &wrap };

static void make_pairs(void)
{
	EVP_PKEY *key = EVP_RSA_gen(2048), *other = EVP_RSA_gen(2048);
	EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	if (!key || !other || !ed)
		bail("keys");
	make_pair("own", key, PIN);
	make_pair("open", key, NULL);
	make_pair("other", other, NULL);
	make_pair("ed", ed, NULL);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	EVP_PKEY_free(ed);
}

static void reset_wrap(void)
{
	static char *certificate, *key, *pin, *place;

	if (!pin) {
		certificate = in_dir("own.pem");
		if (asprintf(&key, "file:%s/own.key", dir) < 0)
			bail("no memory");
		pin = in_dir("pin");
		place = in_dir("seal.cms");
	}
	spew(pin, PIN "\n", strlen(PIN) + 1);
	wrap = (struct envelope_cfg){
		.certificate = certificate,
		.key = key,
		.provider = "default",
		.pin = pin,
		.oaep = true,
	};
	wrapped.place = place;
}

/* Make the stores and their key, and return the file of the key. */
static size_t begin_wrapped(uint8_t *file, size_t size)
{
	reset_wrap();
	make_stores(&wrapped);
	return slurp(wrapped.place, file, size);
}

static void end_wrapped(const uint8_t *file, size_t n)
{
	uint8_t now[ENVELOPE_MAX];

	is_mem(now, slurp(wrapped.place, now, sizeof(now)), file, n,
	       "the file of the key is as it was");
	reset_wrap();
	is_int(open_marks(&wrapped, 7, 8), 0,
	       "all is there after what went wrong");
	remove_stores();
	unlink(wrapped.place);
}

static int run_openssl(const char *key, const char *pass, uint8_t *out,
		       size_t size, size_t *n)
{
	char *to = in_dir("plain"), *cmd;
	int ret;

	if (asprintf(&cmd,
		     "openssl cms -decrypt -binary -inform PEM -in %s -inkey %s -passin 'pass:%s' -out %s 2>/dev/null",
		     wrapped.place, key, pass, to) < 0)
		bail("no memory");
	ret = system(cmd);
	*n = slurp(to, out, size);
	unlink(to);
	free(cmd);
	free(to);
	return ret;
}

static void test_wrapped(void)
{
	static const char begin[] = "-----BEGIN CMS-----\n";
	uint8_t file[ENVELOPE_MAX], key[64], same[64];
	char *other = in_dir("other.pem");
	const char *const more[] = { other };
	struct stat st;
	size_t n, len;

	reset_wrap();
	wrap.recovery = more;
	wrap.n_recovery = 1;
	make_stores(&wrapped);
	n = slurp(wrapped.place, file, sizeof(file));
	is_mem(file, n < strlen(begin) ? n : strlen(begin), begin,
	       strlen(begin), "the file is CMS in PEM form");
	ok(!stat(wrapped.place, &st) && (st.st_mode & 07777) == 0600,
	   "only the owner reads the envelope");
	is_int(open_marks(&wrapped, 7, 8), 0, "a provider's key opens it");
	is_int(run_openssl(pem_file("own", "key"), PIN, key, sizeof(key), &len),
	       0, "openssl opens it");
	is_int(len, SEAL_KEY_LEN, "openssl finds a key in it");
	is_int(run_openssl(pem_file("other", "key"), "", same, sizeof(same),
			   &len),
	       0, "the recovery key opens it");
	is_mem(same, len, key, SEAL_KEY_LEN,
	       "the recovery key finds the same key");
	spew(wrapped.place, key, SEAL_KEY_LEN);
	says(open_marks(&wrapped, 7, 8), -EBADMSG, "a key that is not wrapped",
	     "the key itself is no envelope");
	wrapped.wrap = NULL;
	is_int(open_marks(&wrapped, 7, 8), 0,
	       "the key itself opens the stores where none is expected");
	wrapped.wrap = &wrap;
	spew(wrapped.place, file, n);
	end_wrapped(file, n);
	free(other);
}

static void test_pins(void)
{
	uint8_t file[ENVELOPE_MAX];
	size_t n = begin_wrapped(file, sizeof(file));

	spew(wrap.pin, "wrong\n", 6);
	says(open_marks(&wrapped, 7, 8), -EKEYREJECTED,
	     "It was tried once and is not tried again",
	     "a wrong PIN is tried once");
	ok(!strstr(err.text, "wrong\""), "a wrong PIN is not shown");
	spew(wrap.pin, "\n", 1);
	says(open_marks(&wrapped, 7, 8), -EACCES, "one line of text",
	     "an empty PIN is none");
	chmod(wrap.pin, 0644);
	says(open_marks(&wrapped, 7, 8), -EACCES, "mode 0644",
	     "a PIN that others can read is refused");
	chmod(wrap.pin, 0600);
	wrap.pin = NULL;
	says(open_marks(&wrapped, 7, 8), -EACCES,
	     "seal-wrap.pin does not name one", "a PIN is missing");
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	reset_wrap();
	wrap.pin = "credential:pin";
	is_int(open_marks(&wrapped, 7, 8), 0, "a PIN from a credential");
	end_wrapped(file, n);
}

static void test_holders(void)
{
	static char *gone, *other, *mine;
	uint8_t file[ENVELOPE_MAX];
	size_t n = begin_wrapped(file, sizeof(file));

	if (asprintf(&gone, "file:%s/gone.key", dir) < 0 ||
	    asprintf(&other, "file:%s/other.key", dir) < 0)
		bail("no memory");
	mine = in_dir("other.pem");
	wrap.key = gone;
	says(open_marks(&wrapped, 7, 8), -ENODEV, "has no private key at",
	     "the key was removed");
	wrap.key = other;
	says(open_marks(&wrapped, 7, 8), -EKEYREJECTED,
	     "is not that of the certificate", "the key is another one");
	wrap.certificate = mine;
	says(open_marks(&wrapped, 7, 8), -EKEYREJECTED,
	     "wrapped to other certificates", "the envelope is for another");
	reset_wrap();
	wrap.provider = "nosuch";
	says(open_marks(&wrapped, 7, 8), -ENODEV,
	     "OpenSSL cannot load \"nosuch\"", "the provider is missing");
	reset_wrap();
	wrap.certificate = gone + strlen("file:");
	says(open_marks(&wrapped, 7, 8), -ENOENT, "seal-wrap.certificate",
	     "the certificate is missing");
	wrap.certificate = pem_file("ed", "pem");
	says(open_marks(&wrapped, 7, 8), -EOPNOTSUPP, "has to be RSA",
	     "a key of another type wraps nothing");
	end_wrapped(file, n);
	free(gone);
	free(other);
	free(mine);
}

/* A first key that the provider cannot unwrap is not left behind. */
static void test_useless_holder(void)
{
	struct vault v;

	reset_wrap();
	spew(wrap.pin, "wrong", 5);
	is_int(vault_open(&v, &wrapped, paths, true, &err), -EKEYREJECTED,
	       "no store is made with a PIN that is wrong");
	vault_close(&v);
	is_int(access(wrapped.place, F_OK), -1,
	       "no key is left without its holder");
	is_int(access(paths[0], F_OK), -1, "no store is left without its key");
}

static void test_damage(void)
{
	uint8_t file[ENVELOPE_MAX], bad[ENVELOPE_MAX];
	size_t i, n = begin_wrapped(file, sizeof(file)), opened = 0;
	struct envelope *e;
	uint8_t key[SEAL_KEY_LEN];

	if (envelope_new(&wrap, &e, &err))
		bail("%s", err.text);
	for (i = 0; i + 1 < n; i++)
		opened += envelope_unwrap(e, (char *)file, i, key, sizeof(key),
					  &err) != -EINVAL;
	is_int(opened, 0, "an envelope that is cut is told as one");
	for (i = 60; i < n - 30; i += 41) {
		memcpy(bad, file, n);
		bad[i] = bad[i] == 'A' ? 'B' : 'A';
		opened += !envelope_unwrap(e, (char *)bad, n, key, sizeof(key),
					   &err);
	}
	is_int(opened, 0, "one that is altered is not opened");
	is_int(envelope_unwrap(e, (char *)file, n, key, sizeof(key) - 1, &err),
	       -EBADMSG, "a key of another length is refused: %s", err.text);
	envelope_free(e);
	spew(wrapped.place, file, n / 2);
	says(open_marks(&wrapped, 7, 8), -EINVAL, "ends before its last line",
	     "half a file opens nothing");
	spew(wrapped.place, file, n);
	end_wrapped(file, n);
}

static void test_other_store(void)
{
	uint8_t file[ENVELOPE_MAX], now[ENVELOPE_MAX];
	size_t n = begin_wrapped(file, sizeof(file));
	struct sealkey *k;
	struct sealer *s;

	unlink(wrapped.place);
	if (sealkey_open(&wrapped, &k, &err) ||
	    sealkey_make(k, false, &s, &err))
		bail("%s", err.text);
	sealer_free(s);
	sealkey_close(k);
	says(open_marks(&wrapped, 7, 8), -EBADMSG, "not that of the store",
	     "the key of another store");
	ok(slurp(wrapped.place, now, sizeof(now)) && memcmp(now, file, n),
	   "stays where it is");
	spew(wrapped.place, file, n);
	end_wrapped(file, n);
}

static void test_wrapped_change(void)
{
	uint8_t file[ENVELOPE_MAX], now[ENVELOPE_MAX] = { 0 };
	size_t n = begin_wrapped(file, sizeof(file));
	char *next = in_dir("seal.cms.new");
	struct sealer *s;
	struct vault v;

	if (vault_open(&v, &wrapped, paths, false, &err))
		bail("%s", err.text);
	/* The order comes when the token is gone. */
	unlink(wrap.pin);
	is_int(vault_rekey(&v, &err), 0,
	       "the key is changed without its holder");
	put_mark(v.store[0], 9);
	vault_close(&v);
	ok(slurp(wrapped.place, now, sizeof(now)) && memcmp(now, file, n),
	   "the file has another one");
	reset_wrap();
	is_int(open_marks(&wrapped, 9, 8), 0, "all is there after a start");

	if (vault_open(&v, &wrapped, paths, false, &err))
		bail("%s", err.text);
	if (v.store[1]->ops->begin(v.store[1]->ctx))
		bail("begin");
	ok(vault_rekey(&v, &err) < 0, "a change that the witness refuses: %s",
	   err.text);
	v.store[1]->ops->abort(v.store[1]->ctx);
	if (store_reseal(v.store[1], v.next))
		bail("reseal");
	s = v.next;
	v.next = NULL;
	says(vault_rekey(&v, &err), -EBUSY, "restart mcsecd",
	     "a change that a former process began waits for a start");
	slurp(next, now, sizeof(now));
	v.next = s;
	vault_close(&v);
	spew(next, "0123456789abcdef0123456789abcdef", 32);
	says(open_marks(&wrapped, 9, 8), -EBADMSG, "a key that is not wrapped",
	     "a next key of another form is not ignored");
	is_int(access(next, F_OK), 0,
	       "a next key of another form is not removed");
	spew(next, now, 100);
	says(open_marks(&wrapped, 9, 8), -EBADMSG,
	     "is not used: it is not whole",
	     "half an envelope of a key that has sealed something");
	is_int(access(next, F_OK), 0, "is not removed");
	spew(next, now, strlen((char *)now));
	is_int(open_marks(&wrapped, 9, 8), 0,
	       "a change that was interrupted is completed by the start");
	is_int(access(next, F_OK), -1, "a completed change leaves no next key");
	spew(next, now, 100);
	is_int(open_marks(&wrapped, 9, 8), 0, "half an envelope is no key");
	is_int(access(next, F_OK), -1, "half an envelope is removed");
	spew(next, "0123456789abcdef0123456789abcdef", 32);
	is_int(open_marks(&wrapped, 9, 8), 0,
	       "a file that no change has named is no key");
	is_int(access(next, F_OK), -1,
	       "a file that no change has named is removed");
	if (vault_open(&v, &wrapped, paths, false, &err))
		bail("%s", err.text);
	put_mark(v.store[0], 7);
	vault_close(&v);
	n = slurp(wrapped.place, file, sizeof(file));
	end_wrapped(file, n);
	free(next);
}

/* From a plain key to an envelope, and on to another holder, with openssl. */
static void test_moves(void)
{
	uint8_t file[ENVELOPE_MAX];
	char *cmd;
	size_t n;

	reset_wrap();
	wrapped.wrap = NULL;
	make_stores(&wrapped);
	if (asprintf(&cmd,
		     "cd %s && openssl cms -encrypt -binary -aes-256-gcm -keyid -in seal.cms -outform PEM -out w -recip own.pem -keyopt rsa_padding_mode:oaep && chmod 600 w && mv w seal.cms",
		     dir) < 0)
		bail("no memory");
	is_int(system(cmd), 0, "openssl wraps a key");
	wrapped.wrap = &wrap;
	is_int(open_marks(&wrapped, 7, 8), 0,
	       "a key that openssl wrapped opens the stores");
	wrap.oaep = false;
	is_int(open_marks(&wrapped, 7, 8), 0,
	       "the envelope says how it was padded");
	n = slurp(wrapped.place, file, sizeof(file));
	end_wrapped(file, n);
	free(cmd);
}

/* A reseal makes no envelope of a kind that the key's holder may not open. */
static void stays_padded(const char *options, bool oaep, const char *why,
			 const char *name)
{
	char *next = in_dir("seal.cms.new"), *cmd;
	uint8_t file[ENVELOPE_MAX];
	struct vault v;
	size_t n;

	reset_wrap();
	wrapped.wrap = NULL;
	make_stores(&wrapped);
	wrapped.wrap = &wrap;
	if (asprintf(&cmd,
		     "cd %s && openssl cms -encrypt -binary -aes-256-gcm -keyid -in seal.cms -outform PEM -out w -recip own.pem %s && chmod 600 w && mv w seal.cms",
		     dir, options) < 0)
		bail("no memory");
	is_int(system(cmd), 0, "openssl wraps it: %s", name);
	n = slurp(wrapped.place, file, sizeof(file));
	wrap.oaep = oaep;
	if (vault_open(&v, &wrapped, paths, false, &err))
		bail("%s", err.text);
	says(vault_rekey(&v, &err), -EOPNOTSUPP, why, name);
	is_int(access(next, F_OK), -1, "no next key remains: %s", name);
	vault_close(&v);
	end_wrapped(file, n);
	free(next);
	free(cmd);
}

static void test_paddings(void)
{
	struct vault v;

	stays_padded("", true,
		     "this would be \"oaep\", and the envelope that was opened at the start has \"pkcs1\", which",
		     "the older padding does not become OAEP");
	stays_padded("-keyopt rsa_padding_mode:oaep", false,
		     "this would be \"pkcs1\", and the envelope that was opened at the start has \"oaep\", which",
		     "OAEP does not become the older padding");
	stays_padded("-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256",
		     true, "\"oaep\" with other parameters",
		     "OAEP does not change its hash");
	reset_wrap();
	wrap.oaep = false;
	make_stores(&wrapped);
	if (vault_open(&v, &wrapped, paths, false, &err))
		bail("%s", err.text);
	is_int(vault_rekey(&v, &err), 0, "the older padding stays");
	vault_close(&v);
	is_int(open_marks(&wrapped, 7, 8), 0,
	       "an envelope of the older padding is opened after a reseal");
	remove_stores();
	unlink(wrapped.place);
}

int main(void)
{
	char *cmd;

	log_set_level(LOG_LEVEL_ERR);
	if (!mkdtemp(dir))
		bail("mkdtemp");
	paths[0] = in_dir("gcks.db");
	paths[1] = in_dir("witness.db");
	make_pairs();
	RUN(test_credential);
	RUN(test_credential_names);
	RUN(test_credential_change);
	RUN(test_wrapped);
	RUN(test_pins);
	RUN(test_holders);
	RUN(test_useless_holder);
	RUN(test_damage);
	RUN(test_other_store);
	RUN(test_wrapped_change);
	RUN(test_moves);
	RUN(test_paddings);
	if (asprintf(&cmd, "rm -rf %s", dir) < 0 || system(cmd))
		bail("rm");
	free(cmd);
	return done();
}
