// SPDX-License-Identifier: Apache-2.0
/* The chain of a peer and revocation lists. */
#include <errno.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "crypto/capath.h"
#include "crypto/cert.h"
#include "crypto/crls.h"
#include "crypto/pkey.h"
#include "lib/err.h"

#define MAX_BELOW 256

/* ---- lists of other keys of a CA ----------------------------------------- */

bool crls_have(const struct crls *crls, const struct ca_path *path,
	       const ASN1_INTEGER *serial)
{
	X509_REVOKED *entry;
	size_t i;

	for (i = 0; i < crls->n; i++)
		if (!crls->v[i].distrusted &&
		    ca_path_same(&crls->v[i].path, path) &&
		    X509_CRL_get0_by_serial(crls->v[i].crl, &entry, serial) ==
			    1)
			return true;
	return false;
}

/*
 * References do not tell what a list revokes of a key that was not known when the list
 * was read.
 */
bool crls_have_of(const struct crls *crls, const struct trust *trust,
		  struct stack_st_X509 *chain)
{
	struct ca_path path;
	int i;

	for (i = 0; i < sk_X509_num(chain) - 1; i++) {
		ca_path_of(trust, chain, i + 1, &path);
		if (crls_have(crls, &path,
			      X509_get0_serialNumber(sk_X509_value(chain, i))))
			return true;
	}
	return false;
}

static bool is_of_later_key(const struct crl_list *l, const X509 *issuer,
			    const struct ca_path *path)
{
	return !l->distrusted &&
	       X509_CRL_get_ext_by_NID(l->crl, NID_issuing_distribution_point,
				       -1) < 0 &&
	       ca_path_same(&l->path, path) &&
	       ASN1_TIME_compare(X509_get0_notBefore(l->issuer),
				 X509_get0_notBefore(issuer)) == 1;
}

bool crls_cover(const struct crls *crls, const X509 *issuer,
		const struct ca_path *path, time_t now)
{
	const struct crl_list *l;
	size_t i;

	for (i = 0; i < crls->n; i++) {
		l = &crls->v[i];
		if (l->age.this_update <= now && now < l->next_update &&
		    is_of_later_key(l, issuer, path))
			return true;
	}
	return false;
}

bool crls_tell(const struct crls *crls, const X509 *issuer,
	       const struct ca_path *path)
{
	const struct crl_list *l;
	size_t i;

	for (i = 0; i < crls->n; i++) {
		l = &crls->v[i];
		if (EVP_PKEY_eq(X509_get0_pubkey(l->issuer),
				X509_get0_pubkey(issuer)) == 1 ||
		    is_of_later_key(l, issuer, path))
			return true;
	}
	return false;
}

static bool has_cert(struct stack_st_X509 *certs, const X509 *x)
{
	int i;

	for (i = 0; i < sk_X509_num(certs); i++)
		if (!X509_cmp(sk_X509_value(certs, i), x))
			return true;
	return false;
}

void crls_note_ca(const struct crls *crls, const struct trust *trust, X509 *x)
{
	if (X509_check_ca(x) != 1 || has_cert(trust_certs(trust), x) ||
	    has_cert(crls->below, x) || sk_X509_num(crls->below) >= MAX_BELOW)
		return;
	X509_up_ref(x);
	if (!sk_X509_push(crls->below, x))
		X509_free(x);
}

/* ---- the chain of a peer ------------------------------------------------- */

static const char *crl_error(int code)
{
	switch (code) {
	case X509_V_ERR_CERT_REVOKED:
		return "revoked by its CA";
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
		return "no revocation list of its CA is there (crl-policy strict)";
	case X509_V_ERR_CRL_HAS_EXPIRED:
		return "the revocation list of its CA has expired (crl-policy strict)";
	case X509_V_ERR_CRL_NOT_YET_VALID:
		return "the revocation list of its CA is not valid yet (crl-policy strict)";
	}
	return X509_verify_cert_error_string(code);
}

/* Return true for errors that are of a list, and not of a certificate. */
static bool is_list_error(int code)
{
	switch (code) {
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
		return true;
	}
	return false;
}

/*
 * A trust anchor is trusted as it is: of the chain it alone has no issuer with which
 * a list could be verified here, and trust_refs_of() has its reference.
 */
static bool is_anchor_error(X509_STORE_CTX *ctx)
{
	int last = sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) - 1;

	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_CERT_REVOKED:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
		break;
	default:
		if (!is_list_error(X509_STORE_CTX_get_error(ctx)))
			return false;
	}
	return X509_STORE_CTX_get_error_depth(ctx) == last;
}

static int accept_relaxed(int ok, X509_STORE_CTX *ctx)
{
	return ok || is_anchor_error(ctx) ||
	       is_list_error(X509_STORE_CTX_get_error(ctx));
}

/* One verification, for its callbacks. */
struct judge {
	const struct trust *trust;
	time_t now;
};

/*
 * libcrypto takes lists of the key alone that has signed the certificate. One that the
 * CA has signed with a later key has its certificates of former keys as well.
 */
static bool is_covered(X509_STORE_CTX *ctx)
{
	const struct judge *j = X509_STORE_CTX_get_app_data(ctx);
	struct stack_st_X509 *chain = X509_STORE_CTX_get0_chain(ctx);
	int by = X509_STORE_CTX_get_error_depth(ctx) + 1;
	struct ca_path path;

	ca_path_of(j->trust, chain, by, &path);
	return crls_cover(trust_crls(j->trust), sk_X509_value(chain, by), &path,
			  j->now);
}

static int accept_strict(int ok, X509_STORE_CTX *ctx)
{
	return ok || is_anchor_error(ctx) ||
	       (is_list_error(X509_STORE_CTX_get_error(ctx)) &&
		is_covered(ctx));
}

static bool has_key(struct stack_st_X509 *chain, const X509 *issuer)
{
	int i;

	for (i = 0; i < sk_X509_num(chain); i++)
		if (EVP_PKEY_eq(X509_get0_pubkey(sk_X509_value(chain, i)),
				X509_get0_pubkey(issuer)) == 1)
			return true;
	return false;
}

/*
 * libcrypto finds lists by the name of the CA and takes the newest one, and then
 * refuses all certificates if another CA of that name, or another key of the CA, has
 * signed it. So it gets the lists of this chain only. NULL: out of memory.
 */
static struct stack_st_X509_CRL *lists_for(const struct crls *crls,
					   struct stack_st_X509 *chain)
{
	struct stack_st_X509_CRL *lists = sk_X509_CRL_new_null();
	size_t i;

	for (i = 0; lists && i < crls->n; i++)
		if (has_key(chain, crls->v[i].issuer) &&
		    !sk_X509_CRL_push(lists, crls->v[i].crl)) {
			sk_X509_CRL_free(lists);
			lists = NULL;
		}
	return lists;
}

int cert_check_revoked(const struct trust *trust, const struct cert *cert,
		       time_t now, struct err *err)
{
	struct stack_st_X509 *chain = cert_certs(cert);
	const struct crls *crls = trust_crls(trust);
	struct judge judge = { trust, now };
	struct stack_st_X509_CRL *lists;
	X509_STORE_CTX *ctx;
	int code, ret = 0;
	X509 *by;

	if (!crls)
		return 0;
	if (crls_revoke(crls, cert_refs_of(cert)) ||
	    crls_have_of(crls, trust, chain))
		return err_set(err, -EKEYREVOKED, "%s",
			       crl_error(X509_V_ERR_CERT_REVOKED));
	lists = lists_for(crls, chain);
	ctx = trust_verification(trust, chain, sk_X509_value(chain, 0),
				 X509_V_FLAG_CRL_CHECK |
					 X509_V_FLAG_CRL_CHECK_ALL);
	if (!lists || !ctx) {
		sk_X509_CRL_free(lists);
		X509_STORE_CTX_free(ctx);
		return err_set(err, -ENOMEM, "out of memory");
	}
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), now);
	X509_STORE_CTX_set0_crls(ctx, lists);
	X509_STORE_CTX_set_app_data(ctx, &judge);
	X509_STORE_CTX_set_verify_cb(ctx, crls->policy == CRL_STRICT
						  ? accept_strict
						  : accept_relaxed);
	if (X509_verify_cert(ctx) != 1) {
		code = X509_STORE_CTX_get_error(ctx);
		by = sk_X509_value(X509_STORE_CTX_get0_chain(ctx),
				   X509_STORE_CTX_get_error_depth(ctx) + 1);
		if (by && is_list_error(code))
			crls_note_ca(crls, trust, by);
		ret = err_set(err,
			      code == X509_V_ERR_CERT_REVOKED ? -EKEYREVOKED
							      : -EKEYREJECTED,
			      "%s", crl_error(code));
	}
	trust_verified(ctx);
	sk_X509_CRL_free(lists);
	return ret;
}
