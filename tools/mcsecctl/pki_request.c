// SPDX-License-Identifier: Apache-2.0
/* Certificates for keys that never leave their hosts: requests, and their signing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/pkica.h"
#include "lib/secret.h"
#include "pki.h"

#define AT(member) .off = offsetof(struct pki_request, member)
#define NAMES WORD("dns", "a DNS name", set_list, AT(dns), .max = ALT_MAX)
#define ADDRESSES \
	WORD("ip", "an address", set_list, AT(ip), .max = ALT_MAX, \
	     .bit = LIST_ADDRESSES)
#define MAILS \
	WORD("email", "an e-mail address", set_list, AT(email), .max = ALT_MAX)

const struct word pki_request_words[] = {
	NAMES,
	ADDRESSES,
	MAILS,
	WORD("type", PKI_TYPES, set_name, AT(type), .names = pki_type_names),
	WORD("replace", NULL, set_true, AT(replace)),
	{}
};

const struct word pki_sign_words[] = { NAMES,
				       ADDRESSES,
				       MAILS,
				       WORD("days", "a number of days", set_u32,
					    AT(days), .min = 1, .max = 36500),
				       WORD("gcks", NULL, set_true, AT(gcks)),
				       {} };

/* Both sides compare this, so that nobody else's key is signed. */
static void print_digest(const struct sigpub *pub)
{
	char name[SIGPUB_NAME_LEN];

	printf("key %s (first digits of its SHA-256)\n",
	       sigpub_name(pub, name));
}

/* ---- request ------------------------------------------------------------ */

/* Take the key that is there, so that a request can be made again, or make one. */
static int take_key(const char *path, enum sig_type type, struct sigkey **key)
{
	struct err err;
	int ret;

	if (path_exists(path)) {
		if (!sigkey_load(path, key, &err))
			return EXIT_OK;
		return complain(EXIT_FAILED, "request: %s", err.text);
	}
	ret = sigkey_generate(type, key);
	if (ret == -EOPNOTSUPP)
		return complain(EXIT_FAILED,
				"request: a key of %s needs OpenSSL 3.5",
				sig_type_str(type));
	return ret ? complain(EXIT_FAILED, "request: key generation failed")
		   : EXIT_OK;
}

static int save_request(const char *dir, const struct pki_request *r,
			const struct sigkey *key, struct new_file *f)
{
	char *pem = NULL, *key_pem = NULL;
	struct pki_req req;
	bool made = false;
	struct err err;
	int ret;

	pki_req_of(PKI_MEMBER, r, &req);
	if (csr_make(key, &req, &pem, &f[1].len, &err))
		ret = complain(EXIT_FAILED, "request: %s", err.text);
	else if (sigkey_pem(key, &key_pem, &f[0].len))
		ret = complain(EXIT_FAILED, "request: out of memory");
	else
		ret = make_folder(dir, 0755, &made);
	f[0].text = key_pem;
	f[1].text = pem;
	if (!ret)
		ret = write_files(f, 2, r->replace);
	if (ret && made)
		rmdir(dir);
	secret_free(key_pem);
	secret_free(pem);
	return ret;
}

int pki_request(struct ctl *ctl, int argc, char **argv)
{
	struct new_file f[2] = { { .mode = 0600, .for_daemon = true },
				 { .mode = 0644 } };
	struct pki_request r = { .days = CERT_DAYS };
	struct sigkey *key = NULL;
	struct sigpub *pub = NULL;
	struct pki_req req;
	uint32_t seen;
	int ret;

	(void)ctl;
	if (argc < 2)
		return check_argc(argc, 2, 2);
	ret = read_words(pki_request_words, argc - 2, argv + 2, &r, &seen);
	if (!ret)
		ret = read_pki_name(&r, argv[1]);
	if (!ret)
		ret = make_pki_path(f[0].path, argv[0], r.name, "key");
	if (!ret)
		ret = make_pki_path(f[1].path, argv[0], r.name, "csr");
	if (ret)
		return ret;
	pki_req_of(PKI_MEMBER, &r, &req);
	ret = take_key(f[0].path, req.type, &key);
	if (!ret)
		ret = save_request(argv[0], &r, key, f);
	if (!ret && !sigkey_pub(key, &pub)) {
		print_digest(pub);
		printf("next: give %s to the authority\n"
		       "there: mcsecctl pki sign DIR %s FILE\n",
		       f[1].path, r.name);
	}
	sigpub_free(pub);
	sigkey_free(key);
	return ret;
}

/* ---- sign --------------------------------------------------------------- */

static int save_signed(const struct pki_pair *pair, struct new_file *f)
{
	struct cert_der der = { pair->cert, pair->cert_len };
	struct cert_chain *chain;
	struct err err;
	char *pem;
	int ret;

	if (cert_chain_from_der(&der, 1, &chain, &err))
		return complain(EXIT_FAILED, "sign: %s", err.text);
	ret = cert_chain_pem(chain, &pem, &f->len);
	cert_chain_free(chain);
	if (ret)
		return complain(EXIT_FAILED, "sign: out of memory");
	f->text = pem;
	ret = write_files(f, 1, false);
	secret_free(pem);
	return ret;
}

static int sign_request(const char *dir, const char *file,
			const struct pki_request *r)
{
	struct pki_pair ca = {}, pair = {};
	struct new_file f = { .mode = 0644 };
	struct sigpub *pub = NULL;
	struct pki_req req;
	struct err err;
	int ret = make_pki_path(f.path, dir, r->name, "pem");

	if (!ret && path_exists(f.path))
		ret = complain(EXIT_FAILED,
			       "%s: exists; \"pki renew\" makes a new one for its key, \"pki revoke\" ends it",
			       f.path);
	if (!ret)
		ret = load_authority(dir, &ca);
	pki_req_of(r->gcks ? PKI_GCKS : PKI_MEMBER, r, &req);
	if (!ret && csr_load(file, &req, &pub, &err))
		ret = complain(EXIT_FAILED, "sign: %s", err.text);
	req.pub = pub;
	if (!ret && pki_issue(&ca, &req, &pair, &err))
		ret = complain(EXIT_FAILED, "sign: %s", err.text);
	if (!ret)
		ret = save_signed(&pair, &f);
	if (!ret) {
		tell_pki_end(pair.cert, pair.cert_len, req.not_after);
		print_digest(pub);
		printf("next: compare that with what \"pki request\" said there\n"
		       "then: bring %s and ca.pem to its host\n",
		       f.path);
	}
	sigpub_free(pub);
	pki_pair_free(&pair);
	pki_pair_free(&ca);
	return ret;
}

static int sign_named(int argc, char **argv)
{
	struct pki_request r = { .days = CERT_DAYS };
	uint32_t seen;
	int ret;

	if (argc < 3)
		return check_argc(argc, 3, 3);
	ret = read_words(pki_sign_words, argc - 3, argv + 3, &r, &seen);
	if (!ret)
		ret = read_pki_name(&r, argv[1]);
	return ret ? ret : sign_request(argv[0], argv[2], &r);
}

int pki_sign(struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	return run_alone(sign_named, argc, argv);
}
