// SPDX-License-Identifier: Apache-2.0
/*
 * A certification authority in a directory: ca.pem and ca.key, and NAME.pem and
 * NAME.key for each key server and member, in the format that mcsecd.conf
 * expects.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "crypto/cert.h"
#include "crypto/pki.h"
#include "lib/util.h"
#include "mcsecctl.h"
#include "pki.h"
#include "units.h"

const char *const pki_type_names[] = { "ed25519",   "ecdsa-p256", "ecdsa-p384",
				       "ml-dsa-44", "ml-dsa-65",  "ml-dsa-87",
				       NULL };
static const enum sig_type types[] = { SIG_ED25519,    SIG_ECDSA_P256,
				       SIG_ECDSA_P384, SIG_ML_DSA_44,
				       SIG_ML_DSA_65,  SIG_ML_DSA_87 };

#define AT(member) .off = offsetof(struct pki_request, member)
#define DAYS \
	WORD("days", "a number of days", set_u32, AT(days), .min = 1, \
	     .max = 36500)
#define TYPE \
	WORD("type", PKI_TYPES, set_name, AT(type), .names = pki_type_names)

const struct word pki_init_words[] = { WORD("name", "the authority's name",
					    set_string, AT(name)),
				       DAYS,
				       TYPE,
				       {} };

const struct word pki_issue_words[] = {
	WORD("dns", "a DNS name", set_list, AT(dns), .max = ALT_MAX),
	WORD("ip", "an address", set_list, AT(ip), .max = ALT_MAX,
	     .bit = LIST_ADDRESSES),
	WORD("email", "an e-mail address", set_list, AT(email), .max = ALT_MAX),
	DAYS,
	TYPE,
	{}
};

void pki_req_of(enum pki_kind kind, const struct pki_request *r,
		struct pki_req *req)
{
	time_t now = time(NULL);

	*req = (struct pki_req){
		.kind = kind,
		.type = types[r->type],
		.name = r->name,
		.dns = r->dns[0] ? r->dns : NULL,
		.ip = r->ip[0] ? r->ip : NULL,
		.email = r->email[0] ? r->email : NULL,
		.not_before = now - CLOCK_SKEW,
		.not_after = now + (time_t)r->days * SEC_PER_DAY,
	};
}

void tell_pki_end(const uint8_t *cert, size_t len, time_t wanted)
{
	struct cert_der der = { cert, len };
	struct cert_chain *chain;
	char end[TIME_STRLEN];
	time_t ends;

	if (cert_chain_from_der(&der, 1, &chain, NULL))
		return;
	ends = cert_chain_not_after(chain);
	if (ends < wanted)
		printf("the certificate ends with that of the authority, %s\n",
		       time_iso(ends, end));
	cert_chain_free(chain);
}

/*
 * Issue a certificate by @ca, self-signed if that is NULL, and write
 * @dir/@file.pem and @dir/@file.key.
 */
static int issue_pair(enum pki_kind kind, const struct pki_request *r,
		      const struct pki_pair *ca, const char *dir,
		      const char *file)
{
	char cert_path[PATH_LEN], key_path[PATH_LEN];
	struct pki_req req;
	struct pki_pair pair = {};
	struct err err = {};
	int ret;

	ret = make_pki_path(cert_path, dir, file, "pem");
	if (!ret)
		ret = make_pki_path(key_path, dir, file, "key");
	if (ret)
		return ret;
	pki_req_of(kind, r, &req);
	ret = pki_issue(ca, &req, &pair, &err);
	if (!ret)
		ret = pki_save(&pair, cert_path, key_path, &err);
	if (!ret) {
		printf("certificate %s\nkey %s\n", cert_path, key_path);
		tell_pki_end(pair.cert, pair.cert_len, req.not_after);
	} else {
		ret = complain(EXIT_FAILED, "pki: %s", err.text);
	}
	pki_pair_free(&pair);
	return ret;
}

int pki_init(struct ctl *ctl, int argc, char **argv)
{
	struct pki_request r = { .name = "mcsec CA", .days = CA_DAYS };
	uint32_t seen;
	int ret;

	(void)ctl;
	if (!argc)
		return check_argc(argc, 1, 1);
	ret = read_words(pki_init_words, argc - 1, argv + 1, &r, &seen);
	if (ret)
		return ret;
	if (strlen(r.name) > NAME_LEN)
		return complain(EXIT_USAGE, "name: at most %d characters",
				NAME_LEN);
	if (mkdir(argv[0], 0700) && errno != EEXIST)
		return complain(EXIT_FAILED, "folder %s: %s", argv[0],
				strerror(errno));
	return issue_pair(PKI_CA, &r, NULL, argv[0], "ca");
}

static void add_first(const char **list, const char *name)
{
	size_t n;

	for (n = 0; list[n]; n++)
		if (!strcmp(list[n], name))
			return;
	memmove(list + 1, list, n * sizeof(*list));
	list[0] = name;
}

int read_pki_name(struct pki_request *r, const char *name)
{
	int ret = check_pki_name(name);

	r->name = name;
	/*
	 * Policies and "gcks-id" contain the name, so the certificate must
	 * prove it in addition to the given names.
	 */
	if (!ret)
		add_first(strchr(name, '@') ? r->email : r->dns, name);
	return ret;
}

int load_authority(const char *dir, struct pki_pair *ca)
{
	char cert_path[PATH_LEN], key_path[PATH_LEN];
	struct err err;
	int ret = make_pki_path(cert_path, dir, "ca", "pem");

	if (!ret)
		ret = make_pki_path(key_path, dir, "ca", "key");
	if (!ret && pki_load(cert_path, key_path, ca, &err))
		ret = complain(EXIT_FAILED,
			       "pki: no authority in %s (\"pki init\" makes one): %s",
			       dir, err.text);
	return ret;
}

static int issue_for(enum pki_kind kind, int argc, char **argv)
{
	struct pki_request r = { .days = CERT_DAYS };
	struct pki_pair ca = {};
	uint32_t seen;
	int ret;

	if (argc < 2)
		return check_argc(argc, 2, 2);
	ret = check_pki_name(argv[1]);
	if (!ret)
		ret = read_words(pki_issue_words, argc - 2, argv + 2, &r,
				 &seen);
	if (!ret)
		ret = read_pki_name(&r, argv[1]);
	if (!ret)
		ret = load_authority(argv[0], &ca);
	if (!ret)
		ret = issue_pair(kind, &r, &ca, argv[0], argv[1]);
	pki_pair_free(&ca);
	return ret;
}

static int issue_gcks(int argc, char **argv)
{
	return issue_for(PKI_GCKS, argc, argv);
}

static int issue_member(int argc, char **argv)
{
	return issue_for(PKI_MEMBER, argc, argv);
}

int pki_gcks(struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	return run_alone(issue_gcks, argc, argv);
}

int pki_member(struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	return run_alone(issue_member, argc, argv);
}
