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
#include "lib/quote.h"

/* A list of a million certificates has 40 MB. */
#define FILE_MAX_LEN (64 << 20)
/* All files; the memory for lists is locked, and takes ten times that. */
#define TOTAL_MAX_LEN (256 << 20)
#define MAX_LISTS 1024
#define MAX_CERTS 256
#define NAME_LEN 512
/* The first octet of DER, a SEQUENCE; no PEM file begins with it. */
#define DER_SEQUENCE 0x30

/* The sources of issuers, the most trusted first. */
struct issuers {
	const struct trust *trust;
	const struct cert_chain *own; /* NULL: there is none */
	struct stack_st_X509 *certs;
};

/* All files of a path. */
struct reading {
	struct issuers from;
	struct crls *c;
	size_t total; /* octets of the files */
};

/* Called for each file; the first error ends the reading. */
typedef int file_fn(struct reading *r, const char *path, struct err *err);
/* Called with what a file has. */
typedef int text_fn(struct reading *r, const uint8_t *p, size_t len,
		    const char *path, struct err *err);

/* ---- files --------------------------------------------------------------- */

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

static int read_open(struct reading *r, int fd, size_t len, text_fn *fn,
		     const char *path, struct err *err)
{
	uint8_t *p = malloc(len);
	int ret;

	if (!p)
		return -ENOMEM;
	ret = read_all(fd, p, len);
	if (ret)
		err_set(err, ret, "%s: %s", path, strerror(-ret));
	else
		ret = fn(r, p, len, path, err);
	free(p);
	return ret;
}

static int read_file(struct reading *r, const char *path, text_fn *fn,
		     struct err *err)
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
		ret = read_open(r, fd, (size_t)st.st_size, fn, path, err);
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

/* Errors are found when the file is read. */
static int add_size(struct reading *r, const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode) ||
	    st.st_size > FILE_MAX_LEN)
		return 0;
	r->total += (size_t)st.st_size;
	return r->total <= TOTAL_MAX_LEN
		       ? 0
		       : err_set(err, -EFBIG,
				 "%s: with this file more than %d MB; remove lists that are not needed",
				 path, TOTAL_MAX_LEN >> 20);
}

static int is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int each_of_folder(struct reading *r, const char *path, file_fn *fn,
			  struct err *err)
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
			ret = fn(r, file, err);
			free(file);
		}
		free(names[i]);
	}
	free(names);
	return ret;
}

static int each_file(struct reading *r, const char *path, file_fn *fn,
		     struct err *err)
{
	struct stat st;
	int ret;

	if (stat(path, &st)) {
		ret = -errno;
		return err_set(err, ret, "%s: %s", path, strerror(-ret));
	}
	return S_ISDIR(st.st_mode) ? each_of_folder(r, path, fn, err)
				   : fn(r, path, err);
}

/* ---- certificates among the lists ---------------------------------------- */

/* The end of a PEM file sets an error, too. */
static bool is_pem_end(void)
{
	return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

static int damaged_pem(const char *path, struct err *err)
{
	return err_set(err, -EBADMSG,
		       "%s: a damaged revocation list or certificate; write it again, under a name that begins with a dot until it is complete",
		       path);
}

static int take_certs(struct reading *r, const uint8_t *p, size_t len,
		      const char *path, struct err *err)
{
	BIO *bio = *p == DER_SEQUENCE ? NULL : BIO_new_mem_buf(p, (int)len);
	int ret = bio || *p == DER_SEQUENCE ? 0 : -ENOMEM;
	X509 *x;

	ERR_clear_error();
	while (!ret && bio &&
	       (x = PEM_read_bio_X509(bio, NULL, pem_no_password, NULL))) {
		if (sk_X509_num(r->from.certs) == MAX_CERTS)
			ret = err_set(err, -E2BIG,
				      "%s: more than %d certificates among the lists",
				      path, MAX_CERTS);
		else if (!sk_X509_push(r->from.certs, x))
			ret = -ENOMEM;
		if (ret)
			X509_free(x);
	}
	if (!ret && bio && !is_pem_end())
		ret = damaged_pem(path, err);
	BIO_free(bio);
	ERR_clear_error();
	return ret;
}

static int read_certs(struct reading *r, const char *path, struct err *err)
{
	return read_file(r, path, take_certs, err);
}

/* ---- verification -------------------------------------------------------- */

static time_t seconds_of(const ASN1_TIME *t)
{
	struct tm tm;

	return t && ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : -1;
}

/*
 * The parts of a list that tell who has signed it. The entries, of which there may be
 * millions, are not parsed before it is known that a CA has made them.
 */
struct outer {
	ASN1_STRING signed_part; /* in the file */
	X509_NAME *issuer;
	X509_ALGOR *alg;
	ASN1_BIT_STRING *signature;
};

static void free_outer(struct outer *o)
{
	X509_NAME_free(o->issuer);
	X509_ALGOR_free(o->alg);
	ASN1_BIT_STRING_free(o->signature);
	ERR_clear_error();
}

/* Enter a SEQUENCE at *@p; returns its length, or -1. */
static long enter_sequence(const uint8_t **p, const uint8_t *end)
{
	int tag, class;
	long n;

	return ASN1_get_object(p, &n, &tag, &class, end - *p) ==
				       V_ASN1_CONSTRUCTED &&
			       tag == V_ASN1_SEQUENCE &&
			       class == V_ASN1_UNIVERSAL
		       ? n
		       : -1;
}

static bool parse_issuer(struct outer *o, const uint8_t *p, const uint8_t *end)
{
	ASN1_INTEGER *version;
	long n;

	if (p < end && *p == V_ASN1_INTEGER) {
		version = d2i_ASN1_INTEGER(NULL, &p, end - p);
		ASN1_INTEGER_free(version);
		if (!version)
			return false;
	}
	n = enter_sequence(&p, end);
	if (n < 0)
		return false;
	p += n;
	o->issuer = d2i_X509_NAME(NULL, &p, end - p);
	return o->issuer;
}

/* Return false if that is no list. @o is to be freed in any case. */
static bool parse_outer(struct outer *o, const uint8_t *p, size_t len)
{
	const uint8_t *end = p + len, *from;
	long n;

	*o = (struct outer){ 0 };
	if (enter_sequence(&p, end) != end - p)
		return false;
	from = p;
	n = enter_sequence(&p, end);
	if (n < 0 || !parse_issuer(o, p, p + n))
		return false;
	p += n;
	o->signed_part = (ASN1_STRING){
		.length = (int)(p - from),
		.type = V_ASN1_SEQUENCE,
		.data = (unsigned char *)from,
	};
	o->alg = d2i_X509_ALGOR(NULL, &p, end - p);
	if (o->alg)
		o->signature = d2i_ASN1_BIT_STRING(NULL, &p, end - p);
	return o->signature && p == end;
}

static bool has_signed(X509 *x, const struct outer *o)
{
	ASN1_TYPE any = { .type = V_ASN1_SEQUENCE };
	EVP_PKEY *key = X509_get0_pubkey(x);

	any.value.sequence = (ASN1_STRING *)&o->signed_part;
	return key && ASN1_item_verify(ASN1_ITEM_rptr(ASN1_ANY), o->alg,
				       o->signature, &any, key) == 1;
}

/*
 * Find the certificate in @certs that has signed the list, and its chain; l->chain
 * stays NULL if there is none. With *@named one has at least the name of the issuer.
 */
static void find_signer(const struct issuers *from, struct stack_st_X509 *certs,
			const struct outer *o, struct crl_list *l, bool *named)
{
	X509 *x;
	int i;

	for (i = 0; !l->chain && i < sk_X509_num(certs); i++) {
		x = sk_X509_value(certs, i);
		if (X509_NAME_cmp(X509_get_subject_name(x), o->issuer) ||
		    X509_check_ca(x) != 1)
			continue;
		*named = true;
		/* The signature of a CA that is not trusted is not looked at. */
		l->chain = trust_chain_of(from->trust, x, from->certs);
		if (l->chain && !has_signed(x, o)) {
			sk_X509_pop_free(l->chain, X509_free);
			l->chain = NULL;
		}
	}
}

/* Return why the list has no trusted signer, or NULL; then l->chain begins with it. */
static const char *check_signer(const struct issuers *from,
				const struct outer *o, struct crl_list *l)
{
	bool named = false;

	find_signer(from, trust_certs(from->trust), o, l, &named);
	if (!l->chain && from->own)
		find_signer(from, chain_certs(from->own), o, l, &named);
	if (!l->chain)
		find_signer(from, from->certs, o, l, &named);
	if (l->chain)
		return NULL;
	return named ? "its signature is not by that CA, or the CA is not trusted"
		     : "its issuer is unknown; add that CA to identity.ca or to crl";
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

/* Return why the issuer may not sign the list, or NULL; then l->issuer is set. */
static const char *check_issuer(const struct issuers *from, struct crl_list *l)
{
	X509 *x = sk_X509_value(l->chain, 0);
	X509 *anchor = sk_X509_value(l->chain, sk_X509_num(l->chain) - 1);

	/* The algorithm has to be the same in the part that is signed. */
	if (X509_CRL_verify(l->crl, X509_get0_pubkey(x)) != 1)
		return "its signature is not by that CA";
	if (!(X509_get_key_usage(x) & KU_CRL_SIGN))
		return "that CA may not sign lists (its key usage has no cRLSign)";
	if (is_weak(l->crl))
		return "it is signed with SHA-1 or MD5; let the CA use SHA-256";
	X509_up_ref(x);
	l->issuer = x;
	ca_path_of(from->trust, l->chain, 0, &l->path);
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

static const char *check_list(const struct issuers *from, struct crl_list *l)
{
	const char *why;
	int n;

	n = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(l->crl));
	l->revoked = n > 0 ? (size_t)n : 0;
	l->age.this_update = seconds_of(X509_CRL_get0_lastUpdate(l->crl));
	l->next_update = seconds_of(X509_CRL_get0_nextUpdate(l->crl));
	why = check_form(l->crl);
	if (!why)
		why = take_number(l);
	if (!why)
		why = check_list_times(l);
	return why ?: check_issuer(from, l);
}

static int no_list(const char *path, struct err *err)
{
	return err_set(err, -EBADMSG,
		       "%s: no revocation list, or a damaged one; write it again, under a name that begins with a dot until it is complete",
		       path);
}

/* On failure @l is to be wiped as well. */
static int verify_list(const struct issuers *from, const struct outer *o,
		       const uint8_t *p, size_t len, const char *path,
		       struct crl_list *l, struct err *err)
{
	char name[QUOTE_LEN];
	const char *why;

	l->name = print_name(o->issuer);
	if (!l->name)
		return -ENOMEM;
	why = check_signer(from, o, l);
	if (!why) {
		l->crl = d2i_X509_CRL(NULL, &p, (long)len);
		if (!l->crl)
			return no_list(path, err);
		why = check_list(from, l);
	}
	return why ? err_set(err, -EKEYREJECTED, "%s: list of %s: %s", path,
			     quote(l->name, name), why)
		   : 0;
}

/* ---- the set -------------------------------------------------------------- */

/*
 * Add @l, which is taken over, even on failure. Of two lists of one scope the newer
 * one is kept.
 */
static int add_list(struct crls *c, struct crl_list *l)
{
	struct crl_list *v;
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
	v = c->n < MAX_LISTS ? reallocarray(c->v, c->n + 1, sizeof(*v)) : NULL;
	if (!v) {
		crl_list_wipe(l);
		return c->n < MAX_LISTS ? -ENOMEM : -E2BIG;
	}
	c->v = v;
	v[c->n++] = *l;
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
static int add_other_refs(struct crls *c, const struct crl_list *l,
			  const struct issuers *from)
{
	int ret = add_refs_for(c, l, from, trust_certs(from->trust));

	if (!ret && from->own)
		ret = add_refs_for(c, l, from, chain_certs(from->own));
	if (!ret)
		ret = add_refs_for(c, l, from, from->certs);
	return ret;
}

static int take_list(struct reading *r, const uint8_t *p, size_t len,
		     const char *path, struct err *err)
{
	struct crl_list l = { 0 };
	struct outer o;
	int ret;

	if (parse_outer(&o, p, len))
		ret = verify_list(&r->from, &o, p, len, path, &l, err);
	else
		ret = no_list(path, err);
	free_outer(&o);
	if (ret)
		crl_list_wipe(&l);
	else
		ret = add_list(r->c, &l);
	return ret;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/* Set *@found for lists and certificates; other objects are left alone. */
static int take_object(struct reading *r, const char *name, const uint8_t *p,
		       size_t len, bool *found, const char *path,
		       struct err *err)
{
	if (ends_with(name, "PRIVATE KEY"))
		return err_set(err, -EBADMSG,
			       "%s: a private key among revocation lists; move it to where only its owner reads it",
			       path);
	if (!strcmp(name, PEM_STRING_X509_CRL)) {
		*found = true;
		return take_list(r, p, len, path, err);
	}
	/* read_certs() has taken them. */
	*found = *found || ends_with(name, "CERTIFICATE");
	return 0;
}

static int take_pem(struct reading *r, const uint8_t *p, size_t len,
		    const char *path, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(p, (int)len);
	int ret = bio ? 0 : -ENOMEM;
	unsigned char *data;
	char *name, *header;
	bool found = false;
	long n;

	ERR_clear_error();
	while (!ret && PEM_read_bio(bio, &name, &header, &data, &n) == 1) {
		ret = take_object(r, name, data, (size_t)n, &found, path, err);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t)n);
		ERR_clear_error();
		if (ret)
			break;
	}
	if (!ret && !is_pem_end())
		ret = damaged_pem(path, err);
	else if (!ret && !found)
		ret = err_set(err, -EBADMSG,
			      "%s: neither a revocation list nor a certificate; remove it, or give it a name that begins with a dot",
			      path);
	BIO_free(bio);
	ERR_clear_error();
	return ret;
}

static int take_lists(struct reading *r, const uint8_t *p, size_t len,
		      const char *path, struct err *err)
{
	return (*p == DER_SEQUENCE ? take_list : take_pem)(r, p, len, path,
							   err);
}

static int read_lists(struct reading *r, const char *path, struct err *err)
{
	return read_file(r, path, take_lists, err);
}

static int judge_issuer(const struct crls *c, struct crl_list *l,
			const struct trust *trust)
{
	struct cert_refs refs = { 0 };
	int ret = trust_refs_of(trust, l->chain, &refs);

	l->distrusted = crls_revoke(c, &refs) ||
			crls_have_of(c, trust, l->chain);
	cert_refs_free(&refs);
	return ret;
}

/*
 * A thief who has a key of a CA can make lists until the CA above revokes that key,
 * and must not do so with others of its keys behind that. A list that revokes the
 * issuer of another one has a shorter path, and is judged before.
 */
static int judge_issuers(const struct crls *c, const struct trust *trust)
{
	int n, ret = 0;
	size_t i;

	for (n = 0; n <= CA_PATH_MAX; n++)
		for (i = 0; !ret && i < c->n; i++)
			if (c->v[i].path.n == n)
				ret = judge_issuer(c, &c->v[i], trust);
	return ret;
}

/* Add references to what all lists revoke. */
static int find_revoked(struct reading *r)
{
	struct crls *c = r->c;
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < c->n; i++)
		ret = add_refs(c, &c->v[i], c->v[i].issuer);
	crls_sort(c);
	if (!ret)
		ret = judge_issuers(c, r->from.trust);
	for (i = 0; !ret && i < c->n; i++)
		if (!c->v[i].distrusted)
			ret = add_other_refs(c, &c->v[i], &r->from);
	crls_sort(c);
	return ret;
}

/* Certificates come first, because a list may be in a file before that of its CA. */
static int read_path(struct reading *r, const char *path, struct err *err)
{
	int ret = each_file(r, path, add_size, err);

	if (!ret)
		ret = each_file(r, path, read_certs, err);
	if (!ret)
		ret = each_file(r, path, read_lists, err);
	return ret ? ret : find_revoked(r);
}

static void note_all(const struct crls *crls, const struct trust *trust,
		     struct stack_st_X509 *certs)
{
	int i;

	for (i = 0; i < sk_X509_num(certs); i++)
		crls_note_ca(crls, trust, sk_X509_value(certs, i));
}

int crls_load(const char *path, enum crl_policy policy,
	      const struct trust *trust, const struct cert_chain *own,
	      struct crls **out, struct err *err)
{
	struct reading r = {
		.from = { trust, own, sk_X509_new_null() },
		.c = calloc(1, sizeof(*r.c)),
	};
	int ret = r.c && r.from.certs ? 0 : -ENOMEM;

	err_clear(err);
	if (!ret) {
		r.c->policy = policy;
		r.c->below = sk_X509_new_null();
		ret = r.c->below ? read_path(&r, path, err) : -ENOMEM;
	}
	if (!ret && own)
		note_all(r.c, trust, chain_certs(own));
	if (!ret)
		note_all(r.c, trust, r.from.certs);
	sk_X509_pop_free(r.from.certs, X509_free);
	ERR_clear_error();
	if (!ret) {
		*out = r.c;
		return 0;
	}
	crls_free(r.c);
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

/* Return true if @x depends on a CA of @trust, and no list tells about what it issues. */
static bool lacks_list(const struct crls *crls, const struct trust *trust,
		       X509 *x)
{
	struct stack_st_X509 *chain = trust_chain_of(trust, x, crls->below);
	struct ca_path path;
	bool lacks;

	if (!chain)
		return false;
	ca_path_of(trust, chain, 0, &path);
	lacks = !crls_tell(crls, x, &path);
	sk_X509_pop_free(chain, X509_free);
	return lacks;
}

/* Each of them costs the verification of a chain, so that no call begins anew. */
const char *crls_missing(const struct crls *crls, const struct trust *trust,
			 size_t *at, char *buf, size_t size)
{
	struct stack_st_X509 *certs = trust_certs(trust);
	size_t n = (size_t)sk_X509_num(certs);
	size_t all = n + (size_t)sk_X509_num(crls->below);
	struct ca_path path;
	bool lacks;
	X509 *x;

	while (*at < all) {
		if (*at < n) {
			x = sk_X509_value(certs, (int)*at);
			ca_path_of_anchor(trust, x, &path);
			lacks = !crls_tell(crls, x, &path);
		} else {
			x = sk_X509_value(crls->below, (int)(*at - n));
			lacks = lacks_list(crls, trust, x);
		}
		++*at;
		if (lacks)
			return x509_subject(x, buf, size);
	}
	return NULL;
}
