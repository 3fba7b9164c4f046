/* SPDX-License-Identifier: Apache-2.0 */
/*
 * X.509 as IKEv2 uses it (RFC 4945): chains out, chains in, and whether a
 * certificate says of its holder what the ID payload says.
 */
#ifndef CRYPTO_CERT_H
#define CRYPTO_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "crypto/sign.h"
#include "lib/err.h"

/* Leaf, intermediates; more is refused. One DER certificate is at most so long. */
#define CERT_MAX_CHAIN 8
#define CERT_MAX_LEN 16384

/* IANA, ID payload types */
enum cert_id_type {
	CERT_ID_IPV4_ADDR = 1,
	CERT_ID_FQDN = 2,
	CERT_ID_RFC822_ADDR = 3,
	CERT_ID_IPV6_ADDR = 5,
	CERT_ID_DER_ASN1_DN = 9,
};

/*
 * What the peer is to be. A certificate with an extended key usage must name
 * serverAuth for a key server, clientAuth for a member, or only
 * id-kp-ipsecIKE or anyExtendedKeyUsage; one without is good for both.
 */
enum cert_purpose {
	CERT_FOR_GCKS,
	CERT_FOR_MEMBER,
};

struct cert_der {
	const uint8_t *p;
	size_t len;
};

struct cert_chain;
struct trust;
/* A certificate that cert_verify() found good. */
struct cert;

/* ---- ours ---- */

/* PEM: own certificate first, then intermediates. @err gets words. */
int cert_chain_load(const char *path, struct cert_chain **out, struct err *err);
int cert_chain_from_der(const struct cert_der *ders, size_t n,
			struct cert_chain **out, struct err *err);
void cert_chain_free(struct cert_chain *chain);
size_t cert_chain_count(const struct cert_chain *chain);
/* Lives as long as @chain. @i < cert_chain_count(). */
struct cert_der cert_chain_der(const struct cert_chain *chain, size_t i);
/* The own certificate is for this private key. */
bool cert_chain_fits_key(const struct cert_chain *chain,
			 const struct sigkey *key);
/*
 * What to put into our ID payload: the first dNSName, else rfc822Name, else
 * iPAddress, else the subject's DN. @data lives as long as @chain.
 */
void cert_chain_id(const struct cert_chain *chain, uint8_t *type,
		   const uint8_t **data, size_t *len);
/* Seconds since 1970 until which the own certificate is valid. */
time_t cert_chain_not_after(const struct cert_chain *chain);

/* ---- whom we trust ---- */

/* PEM file with one or more CA certificates. */
int trust_load(const char *path, struct trust **out, struct err *err);
int trust_from_der(const struct cert_der *ders, size_t n, struct trust **out,
		   struct err *err);
void trust_free(struct trust *trust);
/*
 * For CERTREQ (RFC 7296 3.7): the SHA-1 hashes of the CAs' public keys, 20
 * octets each, one after the other. Lives as long as @trust.
 */
void trust_authorities(const struct trust *trust, const uint8_t **p,
		       size_t *len);

/* ---- theirs ---- */

/*
 * @ders: the peer's certificate first, then what else it sent, in any order.
 * 0 and *@leaf for cert_free(), or -EBADMSG (not a certificate), -EKEYREJECTED
 * (not to be trusted), -EOPNOTSUPP (its key), -ENOMEM. *@why then has words
 * that may be logged and shown, such as "certificate has expired"; static.
 */
int cert_verify(const struct trust *trust, const struct cert_der *ders,
		size_t n, time_t now, enum cert_purpose purpose,
		struct cert **leaf, const char **why);
void cert_free(struct cert *cert);
/*
 * The certificate says that its holder is this: dNSName (no wildcards, case
 * ignored), iPAddress, rfc822Name, or the subject as octets. The CN is never
 * looked at.
 */
bool cert_match_id(const struct cert *cert, unsigned int id_type,
		   const void *id, size_t len);
/*
 * Stricter: it is also the one that cert_chain_id() gives for it. Whoever is
 * refused or evicted by name must not come back under another of the names in
 * the same certificate.
 */
bool cert_known_as(const struct cert *cert, unsigned int id_type,
		   const void *id, size_t len);
int cert_pubkey(const struct cert *cert, struct sigpub **out);
time_t cert_not_after(const struct cert *cert);
/* The same of the whole chain: of the certificate in it that ends first. */
time_t cert_ends(const struct cert *cert);
/* Subject in one line, cut to @size. Gives back @buf. */
const char *cert_subject(const struct cert *cert, char *buf, size_t size);
/*
 * An ID as text for rosters, lists and logs: "s.example", "192.0.2.1",
 * "CN=..." (RFC 2253). 0, -EINVAL when it is none or carries control
 * characters, -ENOSPC.
 */
int cert_id_str(unsigned int id_type, const void *id, size_t len, char *buf,
		size_t size);

#endif
