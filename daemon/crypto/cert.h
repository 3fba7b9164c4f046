/* SPDX-License-Identifier: Apache-2.0 */
/*
 * X.509 as profiled for IKEv2 (RFC 4945): own chain, verification of the peer's
 * chain, and matching of a certificate with an ID payload.
 */
#ifndef CRYPTO_CERT_H
#define CRYPTO_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "crypto/certref.h"
#include "crypto/iana.h"
#include "crypto/sign.h"
#include "lib/err.h"

/*
 * Role that the peer must have. A certificate with an extended key usage must
 * have serverAuth for a key server, clientAuth for a member, or else only
 * id-kp-ipsecIKE or anyExtendedKeyUsage; without the extension it is valid for
 * both roles.
 */
enum cert_purpose {
	CERT_FOR_GCKS,
	CERT_FOR_MEMBER,
};

/* A certificate that ends in so many seconds is warned of. */
#define CERT_EXPIRY_WARNING_S (14 * 86400)

struct cert_der {
	const uint8_t *p;
	size_t len;
};

struct cert_chain;
struct crls;
struct trust;
/* The verified certificate of a peer. */
struct cert;

/* ---- own chain ---------------------------------------------------------- */

/*
 * Load the own chain: leaf first, then intermediates; from a PEM file, or from
 * DER. *@out is freed with cert_chain_free(). Return 0, or -errno with one line
 * in @err.
 */
int cert_chain_load(const char *path, struct cert_chain **out, struct err *err);
int cert_chain_from_der(const struct cert_der *ders, size_t n,
			struct cert_chain **out, struct err *err);
void cert_chain_free(struct cert_chain *chain);
size_t cert_chain_count(const struct cert_chain *chain);
/*
 * Return a certificate, valid as long as @chain. @i must be below
 * cert_chain_count().
 */
struct cert_der cert_chain_der(const struct cert_chain *chain, size_t i);
/* Write all as PEM. *@pem is freed with secret_free(). Returns 0 or -ENOMEM. */
int cert_chain_pem(const struct cert_chain *chain, char **pem, size_t *len);
/* Return true if the leaf certificate is for this private key. */
bool cert_chain_fits_key(const struct cert_chain *chain,
			 const struct sigkey *key);
/*
 * Get the identity for our ID payload: the first dNSName, else rfc822Name,
 * else iPAddress, else the subject's DN. @data is valid as long as @chain.
 */
void cert_chain_id(const struct cert_chain *chain, uint8_t *type,
		   const uint8_t **data, size_t *len);
/*
 * Copy the public key of a certificate; *@out is freed with sigpub_free(). @i
 * must be below cert_chain_count(). Returns 0, or -EOPNOTSUPP for a key that is
 * not supported.
 */
int cert_chain_pubkey(const struct cert_chain *chain, size_t i,
		      struct sigpub **out);
/* Return the beginning, or end, of the leaf's validity in seconds since 1970. */
time_t cert_chain_not_before(const struct cert_chain *chain);
time_t cert_chain_not_after(const struct cert_chain *chain);

/* ---- trust anchors ------------------------------------------------------ */

/*
 * Load one or more CA certificates, from a PEM file or from DER. *@out is freed
 * with trust_free(). Return 0, or -errno with one line in @err.
 */
int trust_load(const char *path, struct trust **out, struct err *err);
int trust_from_der(const struct cert_der *ders, size_t n, struct trust **out,
		   struct err *err);
void trust_free(struct trust *trust);
/*
 * Get the Certification Authority field of CERTREQ (RFC 7296 section 3.7): the
 * concatenated SHA-1 hashes of the CAs' public keys, 20 octets each. Valid as
 * long as @trust.
 */
void trust_authorities(const struct trust *trust, const uint8_t **p,
		       size_t *len);
/*
 * Called by trust_each() with a CA's subject in one line, and the beginning and
 * end of its validity in seconds since 1970. A result other than 0 ends the
 * iteration.
 */
typedef int trust_fn(void *arg, const char *subject, time_t not_before,
		     time_t not_after);
/* Returns 0, or what @fn returned. */
int trust_each(const struct trust *trust, trust_fn *fn, void *arg);

/*
 * Let cert_check_revoked() use @crls, or none if that is NULL. @crls stays the
 * caller's, and must outlive this setting.
 */
void trust_set_crls(struct trust *trust, const struct crls *crls);
const struct crls *trust_crls(const struct trust *trust);

/* ---- verification ------------------------------------------------------- */

/*
 * Verify a peer's chain, without revocation lists: cert_check_revoked() has to
 * follow. @ders has its certificate first, then the others in any order; @now is in
 * seconds since 1970. Returns 0 with *@leaf, to be freed with cert_free(); -EBADMSG
 * (not a certificate), -EKEYREJECTED (not trusted), -EOPNOTSUPP (unsupported key) or
 * -ENOMEM, with one line in @err such as "certificate has expired".
 */
int cert_verify(const struct trust *trust, const struct cert_der *ders,
		size_t n, time_t now, enum cert_purpose purpose,
		struct cert **leaf, struct err *err);
void cert_free(struct cert *cert);
/*
 * Let a member's chain be recalled that cert_verify() has accepted, if the member
 * has proven that it has the key.
 */
void cert_remember(const struct trust *trust, const struct cert_der *ders,
		   size_t n, const struct cert *cert);
/*
 * Return true if exactly these octets are remembered and valid now, with *@out, to be
 * freed with cert_free(). Of its identities it has the one that cert_known_as() takes,
 * and no subject. While @trust has revocation lists nothing is recalled.
 */
bool cert_recall(const struct trust *trust, const struct cert_der *ders,
		 size_t n, time_t now, struct cert **out);
/*
 * Check the whole chain of @cert against the revocation lists of @trust, if it has
 * any. That costs a signature and a hash over each list, so it follows the proof that
 * the peer has the private key. Returns 0, or -EKEYREVOKED (a list revokes one of the
 * chain), -EKEYREJECTED (no list allows it) or -ENOMEM with one line in @err.
 */
int cert_check_revoked(const struct trust *trust, const struct cert *cert,
		       time_t now, struct err *err);
/*
 * Return references to all certificates that @cert depends on, also to a trust anchor
 * whose issuer is another one. Valid as long as @cert.
 */
const struct cert_refs *cert_refs_of(const struct cert *cert);
/*
 * Return true if the certificate names this identity: dNSName (no wildcards,
 * case ignored), iPAddress, rfc822Name, or the subject as octets. The CN is
 * ignored.
 */
bool cert_match_id(const struct cert *cert, unsigned int id_type,
		   const void *id, size_t len);
/*
 * Like cert_match_id(), and the identity must be the one that cert_chain_id()
 * gives for the certificate. A member that is refused or evicted by name must
 * not return under another name of the same certificate.
 */
bool cert_known_as(const struct cert *cert, unsigned int id_type,
		   const void *id, size_t len);
/*
 * Get the public key, which the caller frees with sigpub_free(). Returns 0, or
 * -errno; then *@out is unchanged.
 */
int cert_pubkey(const struct cert *cert, struct sigpub **out);
/* Return the end of the certificate's validity, in seconds since 1970. */
time_t cert_not_after(const struct cert *cert);
/*
 * Return the end of the chain's validity, which is that of the certificate
 * that ends first, in seconds since 1970.
 */
time_t cert_ends(const struct cert *cert);
/* Write the subject in one line, truncated to @size. Returns @buf. */
const char *cert_subject(const struct cert *cert, char *buf, size_t size);
/*
 * Format an ID for rosters, lists and logs: "s.example", "192.0.2.1", "CN=..."
 * (RFC 2253). Returns 0, -EINVAL if it is malformed or has control characters,
 * or -ENOSPC.
 */
int cert_id_str(unsigned int id_type, const void *id, size_t len, char *buf,
		size_t size);

#endif
