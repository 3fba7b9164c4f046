/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads of RFC 7296 section 3, parsed to structs and built from them.
 *
 * Parsing: parsers take a reader over the body of one payload (the octets
 * behind its generic header), check every length against it, and must use the
 * body up exactly. They write only to the given struct; pointers in it ("view")
 * point into the caller's message and are valid as long as it is. They return
 * 0, -EBADMSG if the octets are malformed, or -E2BIG if a limit of this
 * implementation is exceeded. They have no side effects.
 *
 * Building: builders append one payload with its generic header. struct pchain
 * links the Next Payload fields. Errors are kept in the writer (lib/buf.h) and
 * checked once, at the end.
 */
#ifndef WIRE_PAYLOAD_H
#define WIRE_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/proto.h"
#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/selector.h"

/* ---- generic headers ---------------------------------------------------- */

/*
 * Walk a chain of untrusted payloads:
 *	pwalk_init(&w, first, octets, len);
 *	while ((ret = pwalk_next(&w, &p)) > 0) ...
 * pwalk_next() returns 1 with a payload in @p, 0 if the end was reached
 * exactly, or -EBADMSG.
 */
struct pwalk {
	struct rbuf r;
	uint8_t next; /* type of the next payload */
	unsigned int n; /* payloads so far, at most PWALK_MAX */
};

#define PWALK_MAX 64

struct pld {
	uint8_t type;
	uint8_t next; /* type of the following payload */
	bool critical;
	const uint8_t *body; /* view */
	size_t len; /* octets of the body */
};

void pwalk_init(struct pwalk *w, uint8_t first, const uint8_t *p, size_t len);
int pwalk_next(struct pwalk *w, struct pld *p);

/*
 * Chain under construction, which keeps the position of the last Next Payload
 * octet. @next_off of pchain_init() is the offset of the octet that names the
 * first payload (IKE header, SK header), or PCHAIN_DETACHED: then the type of
 * the first payload is read from .first afterwards.
 */
#define PCHAIN_DETACHED ((size_t)-1)

struct pchain {
	struct wbuf *w;
	size_t next_off;
	uint8_t first;
	size_t start; /* offset of the payload being written */
};

void pchain_init(struct pchain *c, struct wbuf *w, size_t next_off);
/* Begin a payload of @type with its header; pchain_end() sets the Length. */
void pchain_begin(struct pchain *c, uint8_t type);
void pchain_end(struct pchain *c);

/* ---- SA and SAg --------------------------------------------------------- */

#define SA_MAX_PROPOSALS 16
#define SA_MAX_TRANSFORMS 48 /* per proposal */

struct transform {
	uint8_t type; /* enum ike_tt */
	uint16_t id;
	uint16_t key_bits; /* attribute 14, 0: absent */
	bool unknown_attr; /* RFC 7296 section 3.3.6: must not be chosen */
	const uint8_t *sigalg; /* attribute 18, view, NULL: absent */
	uint16_t sigalg_len;
};

struct proposal {
	uint8_t num;
	uint8_t proto;
	uint8_t spi_len; /* 0 in IKE_SA_INIT and in SAg */
	uint8_t spi[GIKE_SPI_MAX];
	unsigned int n;
	struct transform t[SA_MAX_TRANSFORMS];
};

/*
 * This struct has about 16 kB. It must not be used in recursive functions; a
 * long-lived one is static const or on the heap.
 */
struct sa_pld {
	unsigned int n;
	struct proposal p[SA_MAX_PROPOSALS];
};

int sa_parse(struct rbuf *r, struct sa_pld *sa);
void sa_build(struct pchain *c, const struct sa_pld *sa);

/* Parse and build transform substructures up to the one marked as the last. */
int transforms_parse(struct rbuf *r, struct transform *t, unsigned int max,
		     unsigned int *n);
void transforms_build(struct wbuf *w, const struct transform *t,
		      unsigned int n);

/*
 * Builders for configuration. proposal_add() returns a new empty proposal with
 * number @num, NULL at the limit; proposal_put() appends a transform and
 * returns 0, or -E2BIG at the limit.
 */
struct proposal *proposal_add(struct sa_pld *sa, uint8_t num, uint8_t proto);
int proposal_put(struct proposal *p, uint8_t type, uint16_t id,
		 uint16_t key_bits);

/* ---- KE, nonce ---------------------------------------------------------- */

struct ke_pld {
	uint16_t group;
	const uint8_t *data; /* view */
	size_t len;
};

/* KE (RFC 7296 section 3.4). */
int ke_parse(struct rbuf *r, struct ke_pld *ke);
void ke_build(struct pchain *c, uint16_t group, const uint8_t *p, size_t len);
/*
 * RFC 7296 section 2.10: 16 to 256 octets, and at least half of the key size of the
 * negotiated PRF; @prf is 0 before one is. Returns 0 or -EBADMSG.
 */
int nonce_check(const struct pld *p, unsigned int prf);
void raw_build(struct pchain *c, uint8_t type, const uint8_t *p, size_t len);

/* ---- identification ----------------------------------------------------- */

struct ike_id {
	uint8_t type; /* enum ike_id_type, 0: none */
	uint16_t len; /* 1 to IKE_ID_MAX */
	uint8_t data[IKE_ID_MAX];
};

int id_parse(struct rbuf *r, struct ike_id *id);
void id_build(struct pchain *c, uint8_t pld, const struct ike_id *id);
bool id_equal(const struct ike_id *a, const struct ike_id *b);
/* Return 0, -E2BIG if @len does not fit, or -EINVAL if it is 0. */
int id_set(struct ike_id *id, uint8_t type, const void *data, size_t len);
/*
 * Make an ID from text: an IPv4 or IPv6 address, a name with '@'
 * (RFC822_ADDR), otherwise FQDN. Returns 0 or -EINVAL.
 */
int id_from_text(struct ike_id *id, const char *text);
/*
 * Format an ID in one line: printable ASCII as it is, addresses as addresses,
 * everything else as hex. Always terminates @buf, and returns it.
 */
#define ID_STR_MAX (2 * IKE_ID_MAX + 16)
const char *id_str(const struct ike_id *id, char *buf, size_t size);

/* ---- certificates, AUTH ------------------------------------------------- */

struct cert_pld {
	uint8_t encoding;
	const uint8_t *data; /* view */
	size_t len;
};

/* CERT and CERTREQ (RFC 7296 sections 3.6 and 3.7). */
int cert_parse(struct rbuf *r, struct cert_pld *c);
void cert_build(struct pchain *c, uint8_t pld, uint8_t encoding,
		const uint8_t *p, size_t len);

/* Auth Method and three reserved octets, before the Authentication Data. */
#define AUTH_HDR_LEN 4

struct auth_pld {
	uint8_t method;
	const uint8_t *alg; /* method 14: DER AlgorithmIdentifier, view */
	size_t alg_len;
	const uint8_t *sig; /* signature value, or all of the data */
	size_t sig_len;
};

int auth_parse(struct rbuf *r, struct auth_pld *a);
/*
 * Build AUTH of method 14. Returns the offset of the signature value in the
 * writer.
 */
size_t auth_build(struct pchain *c, const uint8_t *alg, size_t alg_len,
		  const uint8_t *sig, size_t sig_len);
/* Build AUTH of method 2: Shared Key Message Integrity Code. */
void auth_build_mic(struct pchain *c, const uint8_t *mic, size_t len);

/* ---- notify, delete ----------------------------------------------------- */

struct notify_pld {
	uint8_t proto;
	uint8_t spi_len;
	const uint8_t *spi; /* view */
	uint16_t type;
	const uint8_t *data; /* view */
	size_t len;
};

/* Notify (RFC 7296 section 3.10). */
int notify_parse(struct rbuf *r, struct notify_pld *n);
void notify_build(struct pchain *c, uint16_t type, const void *data,
		  size_t len);
/* Build a notify about the IKE SA: Protocol ID 1, and no data. */
void notify_build_ike(struct pchain *c, uint16_t type);

#define DELETE_MAX_SPIS 32

struct delete_pld {
	uint8_t proto;
	uint8_t spi_len;
	unsigned int n;
	uint8_t spi[DELETE_MAX_SPIS][GIKE_SPI_MAX];
};

int delete_parse(struct rbuf *r, struct delete_pld *d);
void delete_build(struct pchain *c, const struct delete_pld *d);

/* ---- traffic selector (one substructure) -------------------------------- */

struct ts {
	uint8_t ip_proto; /* 0: any */
	uint16_t port_lo;
	uint16_t port_hi;
	struct addr lo; /* lo and hi have one family */
	struct addr hi;
};

int ts_parse(struct rbuf *r, struct ts *ts);
void ts_build(struct wbuf *w, const struct ts *ts);
bool ts_equal(const struct ts *a, const struct ts *b);
/*
 * Set one address or, if @a is NULL, any address of @family (AF_INET,
 * AF_INET6); port 0 is any port.
 */
void ts_set(struct ts *ts, const struct addr *a, uint8_t family,
	    uint8_t ip_proto, uint16_t port);
bool ts_is_any_addr(const struct ts *ts);
bool ts_is_one_addr(const struct ts *ts);
/* Set the two traffic selectors of a Data SA to what @sel selects. */
void ts_from_selector(const struct selector *sel, struct ts *src,
		      struct ts *dst);
/*
 * Set @sel to what both together select. Returns 0, or -EINVAL if no group
 * selects so: by ranges of addresses that are no prefix, ranges of ports, two
 * protocols, or ports of a protocol that has none.
 */
int ts_to_selector(const struct ts *src, const struct ts *dst,
		   struct selector *sel);

#endif
