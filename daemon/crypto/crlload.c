// SPDX-License-Identifier: Apache-2.0
/* Revocation lists from files, and their verification. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crl.h"
#include "crypto/crls.h"
#include "crypto/pkey.h"
#include "lib/err.h"

/* A list of a million certificates has 40 MB. */
#define FILE_MAX_LEN (64 << 20)
#define MAX_LISTS 1024
#define NAME_LEN 512
/* The first octet of DER, a SEQUENCE; no PEM file begins with it. */
#define DER_SEQUENCE 0x30

/* A list that is not verified yet. */
struct raw_list {
	X509_CRL *crl;
	char *path;
};

/* Contents of all files. */
struct bag {
	struct raw_list *v;
	size_t n;
	struct stack_st_X509 *certs;
};

static void free_bag(struct bag *b)
{
	while (b->n) {
		X509_CRL_free(b->v[--b->n].crl);
		free(b->v[b->n].path);
	}
	free(b->v);
	sk_X509_pop_free(b->certs, X509_free);
	ERR_clear_error();
}

/* Take over @crl, even on failure. */
static int bag_add(struct bag *b, X509_CRL *crl, const char *path)
{
	struct raw_list *v = NULL;

	if (b->n < MAX_LISTS)
		v = reallocarray(b->v, b->n + 1, sizeof(*v));
	if (v) {
		b->v = v;
		v[b->n] = (struct raw_list){ crl, strdup(path) };
		if (v[b->n].path) {
			b->n++;
			return 0;
		}
	}
	X509_CRL_free(crl);
	return b->n < MAX_LISTS ? -ENOMEM : -E2BIG;
}

/* ---- files --------------------------------------------------------------- */

static int parse_der_list(struct bag *b, const uint8_t *p, size_t len,
			  const char *path, struct err *err)
{
	const unsigned char *at = p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)len);

	if (crl && at == p + len)
		return bag_add(b, crl, path);
	X509_CRL_free(crl);
	return err_set(err, -EBADMSG,
		       "%s: no revocation list, or a damaged one; write it again, under a name that begins with a dot until it is complete",
		       path);
}

static int take_infos(struct bag *b, struct stack_st_X509_INFO *infos,
		      const char *path, struct err *err)
{
	int i, ret = 0, found = 0;

	for (i = 0; !ret && i < sk_X509_INFO_num(infos); i++) {
		X509_INFO *info = sk_X509_INFO_value(infos, i);

		if (info->x_pkey || info->enc_data)
			return err_set(err, -EBADMSG,
				       "%s: a private key among revocation lists; move it to where only its owner reads it",
				       path);
		if (info->x509) {
			if (!sk_X509_push(b->certs, info->x509))
				return -ENOMEM;
			info->x509 = NULL;
			found++;
		}
		if (info->crl) {
			ret = bag_add(b, info->crl, path);
			info->crl = NULL;
			found++;
		}
	}
	if (!ret && !found)
		ret = err_set(err, -EBADMSG,
			      "%s: neither a revocation list nor a certificate; remove it, or give it a name that begins with a dot",
			      path);
	return ret;
}

static int parse_pem_lists(struct bag *b, const uint8_t *p, size_t len,
			   const char *path, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(p, (int)len);
	struct stack_st_X509_INFO *infos = NULL;
	int ret;

	if (bio)
		infos = PEM_X509_INFO_read_bio(bio, NULL, pem_no_password,
					       NULL);
	if (!bio)
		ret = -ENOMEM;
	else if (!infos)
		ret = err_set(err, -EBADMSG,
			      "%s: a damaged revocation list or certificate; write it again, under a name that begins with a dot until it is complete",
			      path);
	else
		ret = take_infos(b, infos, path, err);
	sk_X509_INFO_pop_free(infos, X509_INFO_free);
	BIO_free(bio);
	return ret;
}

static int read_all(int fd, uint8_t *p, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = read(fd, p + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

static int parse_lists(struct bag *b, int fd, size_t len, const char *path,
		       struct err *err)
{
	uint8_t *p = malloc(len);
	int ret;

	if (!p)
		return -ENOMEM;
	ret = read_all(fd, p, len);
	if (ret)
		err_set(err, ret, "%s: %s", path, strerror(-ret));
	else
		ret = (*p == DER_SEQUENCE
			       ? parse_der_list
			       : parse_pem_lists)(b, p, len, path, err);
	free(p);
	return ret;
}

static int read_lists(struct bag *b, const char *path, struct err *err)
{
	/* A pipe must not stop the daemon. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int ret;

	if (fd < 0 || fstat(fd, &st)) {
		ret = -errno;
		err_set(err, ret, "%s: %s", path, strerror(-ret));
	} else if (!S_ISREG(st.st_mode) || !st.st_size) {
		ret = err_set(err, -EINVAL,
			      "%s: not a file with a revocation list", path);
	} else if (st.st_size > FILE_MAX_LEN) {
		ret = err_set(err, -EFBIG, "%s: more than %d MB", path,
			      FILE_MAX_LEN >> 20);
	} else {
		ret = parse_lists(b, fd, (size_t)st.st_size, path, err);
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

static int is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int read_folder(struct bag *b, const char *path, struct err *err)
{
	struct dirent **names;
	int i, n, ret = 0;
	char *file;

	/* The order of names makes the first error the same each time. */
	n = scandir(path, &names, is_visible, alphasort);
	if (n < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	for (i = 0; i < n; i++) {
		if (!ret &&
		    asprintf(&file, "%s/%s", path, names[i]->d_name) < 0)
			ret = -ENOMEM;
		else if (!ret) {
			ret = read_lists(b, file, err);
			free(file);
		}
		free(names[i]);
	}
	free(names);
	return ret;
}

static int read_path(struct bag *b, const char *path, struct err *err)
{
	struct stat st;
	int ret;

	b->certs = sk_X509_new_null();
	if (!b->certs)
		return -ENOMEM;
	if (stat(path, &st)) {
		ret = -errno;
		return err_set(err, ret, "%s: %s", path, strerror(-ret));
	}
	return S_ISDIR(st.st_mode) ? read_folder(b, path, err)
				   : read_lists(b, path, err);
}

/* ---- verification -------------------------------------------------------- */

/* The sources of issuers, the most trusted first. */
struct issuers {
	const struct trust *trust;
	const struct cert_chain *own; /* NULL: there is none */
	struct stack_st_X509 *certs;
};

static time_t seconds_of(const ASN1_TIME *t)
{
	struct tm tm;

	return t && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : -1;
}

/*
 * Return the certificate in @certs that has signed @crl; NULL if there is none. With
 * *@named a certificate has at least the name of the issuer.
 */
static X509 *find_signer(struct stack_st_X509 *certs, X509_CRL *crl,
			 bool *named)
{
	EVP_PKEY *key;
	X509 *x;
	int i;

	for (i = 0; i < sk_X509_num(certs); i++) {
		x = sk_X509_value(certs, i);
		if (X509_NAME_cmp(X509_get_subject_name(x),
				  X509_CRL_get_issuer(crl)) ||
		    X509_check_ca(x) != 1)
			continue;
		*named = true;
		key = X509_get0_pubkey(x);
		if (key && X509_CRL_verify(crl, key) == 1)
			return x;
	}
	return NULL;
}

static X509 *find_issuer_of_list(const struct issuers *from, X509_CRL *crl,
				 bool *named)
{
	X509 *x = find_signer(trust_certs(from->trust), crl, named);

	if (!x && from->own)
		x = find_signer(chain_certs(from->own), crl, named);
	if (!x)
		x = find_signer(from->certs, crl, named);
	return x;
}

/* No SHA-1 and no MD5, as in chains. */
static bool is_weak(const X509_CRL *crl)
{
	int md = NID_undef;

	OBJ_find_sigid_algs(X509_CRL_get_signature_nid(crl), &md, NULL);
	return md == NID_sha1 || md == NID_md5;
}

/* An extension that is not critical, or is of @but_nid, is allowed. */
static bool is_critical(const X509_EXTENSION *e, int but_nid)
{
	return X509_EXTENSION_get_critical(e) &&
	       OBJ_obj2nid(X509_EXTENSION_get_object((X509_EXTENSION *)e)) !=
		       but_nid;
}

/*
 * RFC 5280 section 5.3: such an entry could be of a certificate of another CA, and no
 * list with it may be used.
 */
static bool has_critical_entry(X509_CRL *crl)
{
	struct stack_st_X509_REVOKED *all = X509_CRL_get_REVOKED(crl);
	const X509_REVOKED *r;
	int i, k;

	for (i = 0; i < sk_X509_REVOKED_num(all); i++) {
		r = sk_X509_REVOKED_value(all, i);
		for (k = 0; k < X509_REVOKED_get_ext_count(r); k++)
			if (is_critical(X509_REVOKED_get_ext(r, k), -1))
				return true;
	}
	return false;
}

/* Return what of the form of a list is not supported, or NULL. */
static const char *check_form(X509_CRL *crl)
{
	ISSUING_DIST_POINT *idp;
	bool partial;
	int i;

	if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0)
		return "a delta list, which is not supported; put the complete list there";
	for (i = 0; i < X509_CRL_get_ext_count(crl); i++)
		if (is_critical(X509_CRL_get_ext(crl, i),
				NID_issuing_distribution_point))
			return "a critical extension is not supported; leave it out";
	if (has_critical_entry(crl))
		return "a critical extension of an entry is not supported; leave it out";
	idp = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &i,
				   NULL);
	if (!idp)
		return i == -1 ? NULL
			       : "its issuing distribution point is damaged";
	partial = idp->indirectCRL > 0 || idp->onlyattr > 0 ||
		  idp->onlysomereasons;
	ISSUING_DIST_POINT_free(idp);
	return partial ? "it is indirect or for some reasons only; put a complete list there"
		       : NULL;
}

/* A number that cannot be compared must not let an older list in. */
static const char *take_number(struct crl_list *l)
{
	int crit;
	ASN1_INTEGER *n =
		X509_CRL_get_ext_d2i(l->crl, NID_crl_number, &crit, NULL);
	int len = n ? ASN1_STRING_length(n) : 0;
	bool good = n && ASN1_STRING_type(n) == V_ASN1_INTEGER &&
		    len <= CRL_NUMBER_MAX;

	if (good)
		memcpy(l->age.number + CRL_NUMBER_MAX - len,
		       ASN1_STRING_get0_data(n), (size_t)len);
	l->age.numbered = good;
	ASN1_INTEGER_free(n);
	return good || (!n && crit == -1)
		       ? NULL
		       : "its number is damaged, negative or too long";
}

static const char *check_list_times(const struct crl_list *l)
{
	if (l->age.this_update < 0)
		return "it has no valid thisUpdate";
	if (l->next_update < 0)
		return "it has no nextUpdate, so it would never be outdated; let the CA set one";
	if (l->next_update <= l->age.this_update)
		return "its nextUpdate is not after its thisUpdate";
	return NULL;
}

/* Return why the list of @l cannot be trusted, or NULL; then l->issuer is set. */
static const char *check_issuer(const struct issuers *from, struct crl_list *l)
{
	bool named = false;
	X509 *x = find_issuer_of_list(from, l->crl, &named);
	X509 *anchor;

	l->chain = x ? trust_chain_of(from->trust, x, from->certs) : NULL;
	if (!l->chain)
		return named ? "its signature is not by that CA, or the CA is not trusted"
			     : "its issuer is unknown; add that CA to identity.ca or to crl";
	if (!(X509_get_key_usage(x) & KU_CRL_SIGN))
		return "that CA may not sign lists (its key usage has no cRLSign)";
	if (is_weak(l->crl))
		return "it is signed with SHA-1 or MD5; let the CA use SHA-256";
	X509_up_ref(x);
	l->issuer = x;
	ca_path_of(from->trust, l->chain, 0, &l->path);
	anchor = sk_X509_value(l->chain, sk_X509_num(l->chain) - 1);
	return x509_key_mark(anchor, l->anchor) || crl_mark(l)
		       ? "its issuer cannot be named"
		       : NULL;
}

static char *print_name(const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	char buf[NAME_LEN];
	int n = 0;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		n = BIO_read(bio, buf, sizeof(buf) - 1);
	if (n > 0)
		text = strndup(buf, (size_t)n);
	else
		text = strdup("(no name)");
	BIO_free(bio);
	return text;
}

static int verify_list(const struct issuers *from, const struct raw_list *raw,
		       struct crl_list *l, struct err *err)
{
	const char *why;
	int n;

	*l = (struct crl_list){
		.crl = raw->crl,
		.name = print_name(X509_CRL_get_issuer(raw->crl)),
		.age.this_update =
			seconds_of(X509_CRL_get0_lastUpdate(raw->crl)),
		.next_update = seconds_of(X509_CRL_get0_nextUpdate(raw->crl)),
	};
	X509_CRL_up_ref(raw->crl);
	n = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(raw->crl));
	l->revoked = n > 0 ? (size_t)n : 0;
	if (!l->name)
		return -ENOMEM;
	why = check_form(l->crl);
	if (!why)
		why = take_number(l);
	if (!why)
		why = check_list_times(l);
	if (!why)
		why = check_issuer(from, l);
	return why ? err_set(err, -EKEYREJECTED, "%s: list of %.160s: %s",
			     raw->path, l->name, why)
		   : 0;
}

/* ---- the set -------------------------------------------------------------- */

/*
 * Add @l, which is taken over, even on failure. Of two lists of one scope the newer
 * one is kept.
 */
static int add_list(struct crls *c, struct crl_list *l)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		if (!crl_same_scope(&c->v[i], l))
			continue;
		if (crl_compare_age(&l->age, &c->v[i].age) > 0) {
			crl_list_wipe(&c->v[i]);
			c->v[i] = *l;
		} else {
			crl_list_wipe(l);
		}
		return 0;
	}
	c->v[c->n++] = *l;
	return 0;
}

/* Add references to the certificates that @l revokes, as issued by @issuer. */
static int add_refs(struct crls *c, const struct crl_list *l,
		    const X509 *issuer)
{
	struct stack_st_X509_REVOKED *all = X509_CRL_get_REVOKED(l->crl);
	int i, ret = 0, n = sk_X509_REVOKED_num(all);
	const ASN1_INTEGER *serial;
	const X509_REVOKED *entry;
	uint8_t(*refs)[CERT_REF_LEN];

	if (n <= 0)
		return 0;
	refs = reallocarray(c->refs, c->n_refs + (size_t)n, sizeof(*refs));
	if (!refs)
		return -ENOMEM;
	c->refs = refs;
	for (i = 0; !ret && i < n; i++) {
		entry = sk_X509_REVOKED_value(all, i);
		serial = X509_REVOKED_get0_serialNumber(entry);
		ret = x509_ref(issuer, serial, refs[c->n_refs + (size_t)i]);
	}
	if (!ret)
		c->n_refs += (size_t)n;
	return ret;
}

/* Return true if @x is of the CA that has signed @l, with another key. */
static bool is_other_key(const struct issuers *from, const struct crl_list *l,
			 X509 *x)
{
	struct stack_st_X509 *chain;
	struct ca_path path;
	bool same;

	if (X509_check_ca(x) != 1 ||
	    X509_NAME_cmp(X509_get_subject_name(x),
			  X509_get_subject_name(l->issuer)) ||
	    EVP_PKEY_eq(X509_get0_pubkey(x), X509_get0_pubkey(l->issuer)) == 1)
		return false;
	chain = trust_chain_of(from->trust, x, from->certs);
	if (!chain)
		return false;
	ca_path_of(from->trust, chain, 0, &path);
	same = ca_path_same(&path, &l->path);
	sk_X509_pop_free(chain, X509_free);
	return same;
}

static int add_refs_for(struct crls *c, const struct crl_list *l,
			const struct issuers *from, struct stack_st_X509 *certs)
{
	int i, ret = 0;
	X509 *x;

	for (i = 0; !ret && i < sk_X509_num(certs); i++) {
		x = sk_X509_value(certs, i);
		if (is_other_key(from, l, x))
			ret = add_refs(c, l, x);
	}
	return ret;
}

/* A CA revokes the certificates of all its keys that are known. */
static int add_all_refs(struct crls *c, const struct crl_list *l,
			const struct issuers *from)
{
	int ret = add_refs(c, l, l->issuer);

	if (!ret)
		ret = add_refs_for(c, l, from, trust_certs(from->trust));
	if (!ret && from->own)
		ret = add_refs_for(c, l, from, chain_certs(from->own));
	if (!ret)
		ret = add_refs_for(c, l, from, from->certs);
	return ret;
}

static int fill_set(struct crls *c, const struct bag *b,
		    const struct issuers *from, struct err *err)
{
	struct crl_list l;
	int ret = 0;
	size_t i;

	c->v = calloc(b->n ? b->n : 1, sizeof(*c->v));
	if (!c->v)
		return -ENOMEM;
	for (i = 0; !ret && i < b->n; i++) {
		ret = verify_list(from, &b->v[i], &l, err);
		if (ret)
			crl_list_wipe(&l);
		else
			ret = add_list(c, &l);
	}
	for (i = 0; !ret && i < c->n; i++)
		ret = add_all_refs(c, &c->v[i], from);
	crls_sort(c);
	return ret;
}

int crls_load(const char *path, enum crl_policy policy,
	      const struct trust *trust, const struct cert_chain *own,
	      struct crls **out, struct err *err)
{
	struct crls *c = calloc(1, sizeof(*c));
	struct issuers from = { trust, own, NULL };
	struct bag b = { 0 };
	int ret = c ? 0 : -ENOMEM;

	err_clear(err);
	if (!ret)
		ret = read_path(&b, path, err);
	from.certs = b.certs;
	if (!ret) {
		c->policy = policy;
		ret = fill_set(c, &b, &from, err);
	}
	free_bag(&b);
	if (!ret) {
		*out = c;
		return 0;
	}
	crls_free(c);
	if (!err->text[0])
		err_set(err, ret, "%s: %s", path,
			ret == -E2BIG ? "too many lists" : strerror(-ret));
	return ret;
}

bool crls_revoke_chain(const struct crls *crls, const struct cert_chain *own)
{
	struct stack_st_X509 *certs = chain_certs(own);
	X509_REVOKED *entry;
	size_t j;
	int i;

	for (i = 0; i < sk_X509_num(certs); i++)
		for (j = 0; j < crls->n; j++)
			/* The issuer is compared as well. */
			if (X509_CRL_get0_by_cert(crls->v[j].crl, &entry,
						  sk_X509_value(certs, i)) == 1)
				return true;
	return false;
}

const char *crls_missing(const struct crls *crls, const struct trust *trust,
			 size_t i, char *buf, size_t size)
{
	struct stack_st_X509 *certs = trust_certs(trust);
	struct ca_path path;
	X509 *x;
	int k;

	for (k = 0; k < sk_X509_num(certs); k++) {
		x = sk_X509_value(certs, k);
		ca_path_of_anchor(trust, x, &path);
		if (!crls_tell(crls, x, &path) && !i--)
			return x509_subject(x, buf, size);
	}
	return NULL;
}
