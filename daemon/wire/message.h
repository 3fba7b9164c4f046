/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE messages: header, what may stand where, and the SK payload
 * (RFC 7296 3.1, 3.14; AEAD as in RFC 5282).
 */
#ifndef IKE_MESSAGE_H
#define IKE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/payload.h"
#include "lib/buf.h"

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

/* 0, -EBADMSG when shorter than a header or Length is not @len */
int ike_hdr_parse(const uint8_t *p, size_t len, struct ike_hdr *h);
/*
 * Octets of the first of several messages, one behind the other, as its header
 * says; @len if that makes no sense.
 */
size_t ike_msg_len(const uint8_t *p, size_t len);
/* Writes the 28 octets; Length is 0 until msg_finish(). */
void ike_hdr_build(struct wbuf *w, const struct ike_hdr *h);
/* Offset of Next Payload in a message whose header starts at 0 */
#define IKE_HDR_NEXT_OFF 16
#define IKE_HDR_MID_OFF 20
#define IKE_HDR_LEN_OFF 24
void msg_finish(struct wbuf *w);

/* ---- SK ----------------------------------------------------------------- */

#define SK_KEY_MAX 36
#define SK_IV_LEN 8
#define SK_ICV_LEN 16

/* One direction of one SA. Holds a secret: sk_key_wipe(). */
struct sk_key {
	uint16_t encr;
	uint16_t key_bits;
	uint8_t len; /* of key, salt included */
	uint8_t key[SK_KEY_MAX];
	uint64_t iv; /* next one to use; sender only */
};

/* Octets of key material for a cipher, salt included, or -ENOTSUP */
int sk_key_len(uint16_t encr, uint16_t key_bits);
int sk_key_set(struct sk_key *k, uint16_t encr, uint16_t key_bits,
	       const uint8_t *key, size_t len);
void sk_key_wipe(struct sk_key *k);

/*
 * Appends an SK payload holding @inner (first payload of type @first) to
 * @w, which holds the IKE header and nothing else, and sets the Length of
 * both. @iv is used as it is: whoever calls makes it unique for the key.
 * 0, -EMSGSIZE, -ENOMEM or what the cipher said.
 */
int sk_seal(struct wbuf *w, const struct sk_key *k, uint64_t iv, uint8_t first,
	    const uint8_t *inner, size_t len);
/*
 * Opens a message whose only outer payload is SK. @plain has room for @len
 * octets. 0; -EBADMSG not of that form or the ICV is wrong, @plain is wiped
 * then. @first: type of the first inner payload.
 */
int sk_open(const uint8_t *p, size_t len, const struct sk_key *k,
	    uint8_t *plain, size_t *plain_len, uint8_t *first);

/* ---- SKF, RFC 7383 ------------------------------------------------------ */

#define SKF_HDR_LEN 4 /* Fragment Number and Total Fragments */

struct skf {
	uint16_t number; /* from 1 */
	uint16_t total;
};

/* What has the header of a message and SKF behind it */
bool is_fragment(const uint8_t *p, size_t len);
/* As sk_seal() and sk_open(), of one fragment. @first is that of the whole. */
int skf_seal(struct wbuf *w, const struct sk_key *k, uint64_t iv, uint8_t first,
	     const struct skf *frag, const uint8_t *inner, size_t len);
int skf_open(const uint8_t *p, size_t len, const struct sk_key *k,
	     struct skf *frag, uint8_t *plain, size_t *plain_len,
	     uint8_t *first);

/* ---- the payloads of one message ---------------------------------------- */

#define MSG_MAX_NOTIFY 24
#define MSG_MAX_DELETE 4

/*
 * Views into the message (clear) or into its decrypted inside. Payloads
 * that may stand once have one slot with body NULL when absent.
 */
struct ike_msg {
	struct ike_hdr h;
	struct pld sa; /* SA, or SAg by the exchange */
	struct pld ke;
	struct pld nonce;
	struct pld idi;
	struct pld idr;
	struct pld idg;
	struct pld auth;
	struct pld gsa;
	struct pld kd;
	unsigned int n_cert;
	struct cert_pld cert[IKE_CERTS_MAX];
	unsigned int n_certreq;
	unsigned int n_notify;
	struct notify_pld notify[MSG_MAX_NOTIFY];
	unsigned int n_delete;
	struct delete_pld del[MSG_MAX_DELETE];
	uint8_t critical; /* the unknown critical payload */
};

enum msg_side {
	MSG_CLEAR, /* outside of SK */
	MSG_ENC, /* inside of SK */
};

/*
 * Sorts a payload chain into @m (m->h is set before) by the table in
 * message.c: what the exchange allows in the clear, what inside SK, and how
 * often. Every notify, delete and certificate is parsed; the others are left
 * to the exchange.
 * 0; -EBADMSG malformed, misplaced or too many; -EPROTONOSUPPORT an unknown
 * critical payload, its type in m->critical; -ENOMSG the exchange type is
 * not known. @why (may be NULL) names what was wrong.
 */
int msg_sort(struct ike_msg *m, enum msg_side side, uint8_t first,
	     const uint8_t *p, size_t len, char *why, size_t why_size);

/* First notify of a type, NULL when none; first error notify */
const struct notify_pld *msg_notify(const struct ike_msg *m, uint16_t type);
const struct notify_pld *msg_error(const struct ike_msg *m);

#endif
