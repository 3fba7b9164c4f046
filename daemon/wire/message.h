/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE messages: header, payloads allowed in each exchange, and the SK payload
 * (RFC 7296 sections 3.1 and 3.14; AEAD as in RFC 5282).
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/payload.h"
#include "lib/buf.h"
#include "lib/err.h"

struct ike_hdr {
	uint8_t spi_i[IKE_SPI_LEN];
	uint8_t spi_r[IKE_SPI_LEN];
	uint8_t next;
	uint8_t version;
	uint8_t xchg;
	uint8_t flags;
	uint32_t mid;
	uint32_t len;
};

/*
 * Parse the header. Returns 0, or -EBADMSG if @len is shorter than a header or
 * differs from Length.
 */
int ike_hdr_parse(const uint8_t *p, size_t len, struct ike_hdr *h);
/*
 * Return the octets of the first of several concatenated messages, as its
 * header says; @len if that is invalid.
 */
size_t ike_msg_len(const uint8_t *p, size_t len);
/* Write the 28 octets of a header; Length is 0 until msg_finish(). */
void ike_hdr_build(struct wbuf *w, const struct ike_hdr *h);
/* Offsets of Next Payload, Message ID and Length in a header at 0. */
#define IKE_HDR_NEXT_OFF 16
#define IKE_HDR_MID_OFF 20
#define IKE_HDR_LEN_OFF 24
void msg_finish(struct wbuf *w);

/* ---- SK ----------------------------------------------------------------- */

#define SK_KEY_MAX 36
#define SK_IV_LEN 8
#define SK_ICV_LEN 16

/* Key of one direction of an SA. A secret, wiped by sk_key_wipe(). */
struct sk_key {
	uint16_t encr;
	uint16_t key_bits;
	uint8_t len; /* octets of key, salt included */
	uint8_t key[SK_KEY_MAX];
	uint64_t iv; /* next one to use; for the sender only */
};

/*
 * Return the octets of key material of a cipher, salt included, or -ENOTSUP.
 */
int sk_key_len(uint16_t encr, uint16_t key_bits);
int sk_key_set(struct sk_key *k, uint16_t encr, uint16_t key_bits,
	       const uint8_t *key, size_t len);
void sk_key_wipe(struct sk_key *k);

/*
 * Append an SK payload with @inner (first payload of type @first) to @w, which
 * holds the IKE header and nothing else, and set the Length of both. The caller
 * must make @iv unique for the key. Returns 0, -EMSGSIZE, -ENOMEM or an error
 * of the cipher; after an error @w holds no plaintext.
 */
int sk_seal(struct wbuf *w, const struct sk_key *k, uint64_t iv, uint8_t first,
	    const uint8_t *inner, size_t len);
/*
 * Decrypt a message whose only outer payload is SK. @plain has room for @len
 * octets. @first gets the type of the first inner payload. Returns 0, or
 * -EBADMSG if the message has another form or the ICV is wrong; then @plain is
 * wiped.
 */
int sk_open(const uint8_t *p, size_t len, const struct sk_key *k,
	    uint8_t *plain, size_t *plain_len, uint8_t *first);

/* ---- SKF, RFC 7383 ------------------------------------------------------ */

#define SKF_HDR_LEN 4 /* Fragment Number and Total Fragments */

struct skf {
	uint16_t number; /* from 1 */
	uint16_t total;
	/* RESERVED of its payload header, which RFC 9838 section 2.4.1.2 signs. */
	uint8_t reserved;
};

/* Return true if the header is followed by an SKF payload. */
bool msg_is_fragment(const uint8_t *p, size_t len);
/*
 * Like sk_seal() and sk_open(), for one fragment. @first is that of the whole
 * message.
 */
int skf_seal(struct wbuf *w, const struct sk_key *k, uint64_t iv, uint8_t first,
	     const struct skf *frag, const uint8_t *inner, size_t len);
int skf_open(const uint8_t *p, size_t len, const struct sk_key *k,
	     struct skf *frag, uint8_t *plain, size_t *plain_len,
	     uint8_t *first);

/* ---- payloads of a message ---------------------------------------------- */

#define MSG_MAX_NOTIFY 24
#define MSG_MAX_DELETE 4

/*
 * Parsed payloads, which point into the message (clear) or into its decrypted
 * contents. A payload that is allowed once has one slot, whose body is NULL if
 * it is absent.
 */
struct ike_msg {
	struct ike_hdr h;
	struct pld sa; /* SA, or SAg in a group exchange */
	struct pld ke;
	struct pld nonce;
	struct pld idi;
	struct pld idr;
	struct pld idg;
	struct pld auth;
	struct pld tsi; /* body is not parsed: Child SAs are refused */
	struct pld tsr;
	struct pld gsa;
	struct pld kd;
	unsigned int n_cert;
	struct cert_pld cert[CERT_MAX_CHAIN];
	unsigned int n_certreq;
	unsigned int n_notify;
	struct notify_pld notify[MSG_MAX_NOTIFY];
	unsigned int n_delete;
	struct delete_pld del[MSG_MAX_DELETE];
	uint8_t critical; /* type of the unknown critical payload */
};

enum msg_side {
	MSG_CLEAR, /* outside SK */
	MSG_ENC, /* inside SK */
};

/*
 * Sort a payload chain into @m (m->h is set by the caller) by the table in
 * message.c: the payloads that the exchange allows in the clear and inside SK,
 * and how often. Notify, Delete and CERT payloads are parsed; the others are
 * left to the exchange. Returns 0; -EBADMSG: malformed, misplaced or too many;
 * -EPROTONOSUPPORT: an unknown critical payload, its type in m->critical;
 * -ENOMSG: unknown exchange type. @err (may be NULL) gets one line that names
 * the error.
 */
int msg_sort(struct ike_msg *m, enum msg_side side, uint8_t first,
	     const uint8_t *p, size_t len, struct err *err);

/*
 * Return the first notify of a type, and the first error notify; NULL if there
 * is none.
 */
const struct notify_pld *msg_notify(const struct ike_msg *m, uint16_t type);
const struct notify_pld *msg_error(const struct ike_msg *m);
/* Return true if a Delete in @m is of the IKE SA that it came over. */
bool msg_deletes_ike_sa(const struct ike_msg *m);

#endif
