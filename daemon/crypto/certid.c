// SPDX-License-Identifier: Apache-2.0
/* Identities in certificates, and their text form. */
#include <ctype.h>
#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/cert.h"
#include "crypto/pkey.h"
#include "lib/addr.h"

/* RFC 1035: 255 octets including the length octets. */
#define FQDN_MAX 253
#define EMAIL_MAX 320

static bool same_nocase(const uint8_t *a, const uint8_t *b, size_t n)
{
	/*
	 * Both strings are free of zero octets, since cert_id_str() accepted
	 * them.
	 */
	return !strncasecmp((const char *)a, (const char *)b, n);
}

static bool name_char(uint8_t c)
{
	return isalnum(c) || c == '-' || c == '.' || c == '_';
}

static int fqdn_str(const uint8_t *id, size_t len, char *buf)
{
	struct addr a;
	size_t i;

	if (!len || len > FQDN_MAX || id[0] == '.')
		return -EINVAL;
	for (i = 0; i < len; i++)
		if (id[i] & 0x80 || !name_char(id[i]))
			return -EINVAL;
	memcpy(buf, id, len);
	buf[len] = '\0';
	/* A name that reads as an address could match an address in a list. */
	return addr_parse(buf, &a) ? 0 : -EINVAL;
}

static int email_str(const uint8_t *id, size_t len, char *buf)
{
	const uint8_t *at = memchr(id, '@', len);
	size_t i;

	if (!len || len > EMAIL_MAX || !at || at == id || at == id + len - 1 ||
	    memchr(at + 1, '@', len - (size_t)(at + 1 - id)))
		return -EINVAL;
	for (i = 0; i < len; i++)
		if (id[i] <= ' ' || id[i] >= 0x7f || id[i] == '*')
			return -EINVAL;
	memcpy(buf, id, len);
	buf[len] = '\0';
	return 0;
}

/* RFC 2253, with everything but plain ASCII escaped. */
static int dn_str(const uint8_t *id, size_t len, char *buf, size_t size)
{
	const unsigned char *p = id;
	X509_NAME *name;
	BIO *bio = NULL;
	int n, ret = -EINVAL;

	if (!len || len > CERT_MAX_LEN)
		return -EINVAL;
	name = d2i_X509_NAME(NULL, &p, (long)len);
	if (!name || p != id + len || !X509_NAME_entry_count(name))
		goto out;
	bio = BIO_new(BIO_s_mem());
	if (!bio || X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0)
		goto out;
	n = (int)BIO_pending(bio);
	if (n <= 0)
		goto out;
	if ((size_t)n >= size) {
		ret = -ENOSPC;
		goto out;
	}
	if (BIO_read(bio, buf, n) != n)
		goto out;
	buf[n] = '\0';
	ret = memchr(buf, '\0', (size_t)n) ? -EINVAL : 0;
out:
	BIO_free(bio);
	X509_NAME_free(name);
	return ret;
}

int cert_id_str(unsigned int id_type, const void *id, size_t len, char *buf,
		size_t size)
{
	char tmp[EMAIL_MAX + 1];
	struct addr a;
	int ret;

	switch (id_type) {
	case IKE_ID_IPV4_ADDR:
	case IKE_ID_IPV6_ADDR:
		if (len != (id_type == IKE_ID_IPV4_ADDR ? 4 : 16))
			return -EINVAL;
		addr_set(&a, len == 4 ? AF_INET : AF_INET6, id);
		addr_str(&a, tmp);
		ret = 0;
		break;
	case IKE_ID_FQDN:
		ret = fqdn_str(id, len, tmp);
		break;
	case IKE_ID_RFC822_ADDR:
		ret = email_str(id, len, tmp);
		break;
	case IKE_ID_DER_ASN1_DN:
		return dn_str(id, len, buf, size);
	default:
		return -EINVAL;
	}
	if (ret)
		return ret;
	if (strlen(tmp) >= size)
		return -ENOSPC;
	strcpy(buf, tmp);
	return 0;
}

/* ---- the identity of a certificate -------------------------------------- */

static int id_copy(const void *p, size_t n, uint8_t **id, size_t *len)
{
	*id = malloc(n);
	if (!*id)
		return -ENOMEM;
	memcpy(*id, p, n);
	*len = n;
	return 0;
}

/* Get the first name of a kind, as octets. */
static int san_id(const GENERAL_NAMES *names, int kind, uint8_t **id,
		  size_t *len)
{
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

		if (g->type == kind && ASN1_STRING_length(g->d.ia5) > 0)
			return id_copy(ASN1_STRING_get0_data(g->d.ia5),
				       (size_t)ASN1_STRING_length(g->d.ia5), id,
				       len);
	}
	return -ENOENT;
}

int x509_id(const X509 *x, uint8_t *type, uint8_t **id, size_t *len)
{
	static const struct {
		int kind;
		uint8_t type;
	} order[] = {
		{ GEN_DNS, IKE_ID_FQDN },
		{ GEN_EMAIL, IKE_ID_RFC822_ADDR },
		{ GEN_IPADD, IKE_ID_IPV4_ADDR },
	};
	const unsigned char *der;
	GENERAL_NAMES *names;
	int ret = -ENOENT;
	size_t i, n;

	names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	for (i = 0; names && ret == -ENOENT && i < 3; i++) {
		*type = order[i].type;
		ret = san_id(names, order[i].kind, id, len);
	}
	GENERAL_NAMES_free(names);
	if (!ret && *type == IKE_ID_IPV4_ADDR && *len == 16)
		*type = IKE_ID_IPV6_ADDR;
	if (ret != -ENOENT)
		return ret;
	if (X509_NAME_get0_der(X509_get_subject_name(x), &der, &n) != 1 || !n)
		return -EBADMSG;
	*type = IKE_ID_DER_ASN1_DN;
	return id_copy(der, n, id, len);
}

/* ---- matching ----------------------------------------------------------- */

static bool name_is(unsigned int id_type, const uint8_t *s, size_t n,
		    const uint8_t *id, size_t len)
{
	const uint8_t *at;

	if (n != len)
		return false;
	if (id_type == IKE_ID_FQDN)
		return same_nocase(s, id, n);
	if (id_type != IKE_ID_RFC822_ADDR)
		return !memcmp(s, id, n);
	/* The local part of a mailbox may be case-sensitive. */
	at = memchr(id, '@', len);
	return !memcmp(s, id, (size_t)(at - id)) &&
	       same_nocase(s + (at - id), at, n - (size_t)(at - id));
}

static bool san_is(const GENERAL_NAME *g, unsigned int id_type,
		   const uint8_t *id, size_t len)
{
	switch (id_type) {
	case IKE_ID_FQDN:
		if (g->type != GEN_DNS)
			return false;
		break;
	case IKE_ID_RFC822_ADDR:
		if (g->type != GEN_EMAIL)
			return false;
		break;
	case IKE_ID_IPV4_ADDR:
	case IKE_ID_IPV6_ADDR:
		if (g->type != GEN_IPADD)
			return false;
		break;
	default:
		return false;
	}
	return name_is(id_type, ASN1_STRING_get0_data(g->d.ia5),
		       (size_t)ASN1_STRING_length(g->d.ia5), id, len);
}

static bool subject_is(const X509 *x, const uint8_t *id, size_t len)
{
	const unsigned char *der;
	size_t n;

	return X509_NAME_get0_der(X509_get_subject_name(x), &der, &n) == 1 &&
	       n == len && !memcmp(der, id, len);
}

bool x509_match_id(const X509 *x, unsigned int id_type, const void *id,
		   size_t len)
{
	char buf[CERT_MAX_LEN];
	GENERAL_NAMES *names;
	bool found = false;
	int i;

	/*
	 * An identity that cannot be printed cannot be in a list, so it never
	 * matches.
	 */
	if (cert_id_str(id_type, id, len, buf, sizeof(buf)))
		return false;
	if (id_type == IKE_ID_DER_ASN1_DN)
		return subject_is(x, id, len);
	names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	for (i = 0; names && i < sk_GENERAL_NAME_num(names) && !found; i++)
		found = san_is(sk_GENERAL_NAME_value(names, i), id_type, id,
			       len);
	GENERAL_NAMES_free(names);
	return found;
}

bool id_is(unsigned int own_type, const uint8_t *own, size_t n,
	   unsigned int id_type, const void *id, size_t len)
{
	char buf[CERT_MAX_LEN];

	return own_type == id_type &&
	       !cert_id_str(id_type, id, len, buf, sizeof(buf)) &&
	       name_is(id_type, own, n, id, len);
}

bool x509_known_as(const X509 *x, unsigned int id_type, const void *id,
		   size_t len)
{
	uint8_t type, *own;
	bool same;
	size_t n;

	if (x509_id(x, &type, &own, &n))
		return false;
	same = id_is(type, own, n, id_type, id, len);
	free(own);
	return same;
}

const char *x509_subject(const X509 *x, char *buf, size_t size)
{
	const unsigned char *der;
	size_t n;

	if (X509_NAME_get0_der(X509_get_subject_name(x), &der, &n) != 1 ||
	    dn_str(der, n, buf, size))
		snprintf(buf, size, "(no subject)");
	return buf;
}
