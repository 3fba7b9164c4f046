/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GSA_REKEY (RFC 9838 section 2.4.1): one message to many receivers, without an
 * answer. The key server builds it, the member opens it.
 *
 * Each Rekey SA has one counter. The IV of the AEAD is 32 random bits, drawn
 * for each message, and the Message ID: it cannot repeat while Message IDs do
 * not, and is unlikely to if they do. A key server must therefore store
 * next_mid before the message leaves (gcks/), and may send the same octets any
 * number of times. A member uses the IV of the message.
 */
#ifndef REKEY_REKEY_H
#define REKEY_REKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/gpayload.h"
#include "rekey/refrag.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/metric.h"

struct sigkey;
struct sigpub;

#define REKEY_KEY_MAX 36 /* AES-256 and 4 octets of salt */
#define REKEY_MAX_DEL 4

struct rekey_sa {
	uint8_t spi[GIKE_SPI_LEN_REKEY];
	uint16_t encr;
	uint16_t key_bits;
	uint8_t gsk_e_len;
	uint8_t gsk_e[REKEY_KEY_MAX];
	struct kwk gsk_w; /* default KWK of messages over this SA */
	uint16_t gcauth; /* enum gike_gcauth */
	uint8_t sigalg[SIG_MAX_ALG];
	uint16_t sigalg_len;
	/* Sender: ID of the next message. Receiver: lowest acceptable ID. */
	uint32_t next_mid;
	bool spent; /* all Message IDs are used up */
	const struct sigkey *key; /* sender; not owned */
	struct sigpub *pub; /* receiver; owned */
};

/*
 * Set up a Rekey SA from a policy and its KEYMAT (exactly gsa_keymat_len()
 * octets). next_mid becomes GSA_INITIAL_MESSAGE_ID, or 0. A policy in a rekey
 * has no GCAUTH: @from is the Rekey SA that it came over, whose method,
 * algorithm and key are copied (RFC 9838 section 2.4.1.1: a rekey must not
 * change the method). @from is NULL at registration. Returns 0; -EINVAL: not
 * of GIKE_UPDATE, KEYMAT of another length, or @from where the policy has
 * GCAUTH; -ENOTSUP or -ENOMEM. After an error @rs holds nothing.
 */
int rekey_sa_init(struct rekey_sa *rs, const struct gsa_sa *policy,
		  const uint8_t *keymat, size_t len,
		  const struct rekey_sa *from);
void rekey_sa_wipe(struct rekey_sa *rs);

/*
 * Key server: set the signing key, which must outlive the SA. Returns 0, or
 * -EINVAL if its type is not that of sigalg.
 */
int rekey_sa_set_key(struct rekey_sa *rs, const struct sigkey *key);
/*
 * Member: set the key of AUTH_KEY, which must have the type and curve of
 * sigalg. Returns 0, -EBADMSG, or -EINVAL if it does not match; after an error
 * the former key stays.
 */
int rekey_sa_set_auth_key(struct rekey_sa *rs, const uint8_t *spki, size_t len);

/* Contents of one message. rekey_msg_free() frees kd and wipes. */
struct rekey_msg {
	uint32_t mid; /* set when built or opened */
	bool has_gsa; /* with it kd is valid, too */
	struct gsa gsa;
	struct kd kd;
	bool transport; /* N(USE_TRANSPORT_MODE) */
	unsigned int n_del;
	struct delete_pld del[REKEY_MAX_DEL];
};

/* Initialise a message for building or opening. */
void rekey_msg_init(struct rekey_msg *m);
void rekey_msg_free(struct rekey_msg *m);

/*
 * Append a Delete. @spi NULL stands for all SAs of @proto (SPI of zeros).
 * Returns 0, -EINVAL for another protocol, or -E2BIG.
 */
int rekey_msg_delete(struct rekey_msg *m, uint8_t proto, const uint8_t *spi);
/*
 * Return true if @d deletes all SAs of its protocol (SPI 0), or of all
 * protocols (protocol 0).
 */
bool delete_is_all(const struct delete_pld *d);
/* Return true if @d ends the membership: all Rekey SAs are deleted, or all SAs. */
bool delete_excludes(const struct delete_pld *d);

/*
 * Build, sign and encrypt a message; @out must be empty. Uses up one Message ID
 * as soon as @m has passed the checks, also if a later step fails. Returns 0, or
 * with the reason in @err: -EBADMSG or -ENOTSUP, if RFC 9838 section 5 is
 * violated; -EOVERFLOW: Message IDs are used up; -EMSGSIZE: more than 65535
 * octets; or an error of the random generator or of the signature.
 */
int rekey_build(struct rekey_sa *rs, struct rekey_msg *m, struct wbuf *out,
		struct err *err);

/*
 * Like rekey_build(), but a message longer than @most octets (0: no limit) is
 * sent as fragments of at most @most octets, at most REFRAG_MAX of them. @out
 * has one IKE message for each, one after the other; the Length in the header
 * tells where each ends.
 */
int rekey_build_frags(struct rekey_sa *rs, struct rekey_msg *m, size_t most,
		      struct wbuf *out, struct err *err);

/* A member asks the key server after as many beats of silence. */
#define REKEY_SILENCE_BEATS 3

/* Result for a received message; rejected ones are counted and never logged. */
enum rekey_rc {
	REKEY_OK = 0,
	REKEY_SHORT, /* no IKE header, or lengths disagree */
	REKEY_NOT_REKEY, /* wrong version, exchange type or flags */
	REKEY_OTHER_SPI, /* not of this Rekey SA */
	REKEY_OLD, /* Message ID below next_mid */
	REKEY_ICV, /* did not decrypt */
	/*
	 * From here to REKEY_CRITICAL: decrypted, so that its sender has the key of the
	 * Rekey SA.
	 */
	REKEY_SYNTAX, /* payloads malformed */
	REKEY_AUTH_ABSENT, /* signature required and absent */
	REKEY_AUTH_PRESENT, /* Implicit: AUTH is not allowed */
	REKEY_AUTH_ALG, /* other AlgorithmIdentifier than the policy's */
	REKEY_AUTH_BAD, /* signature does not verify */
	REKEY_CRITICAL, /* unknown critical payload */
	REKEY_POLICY, /* violates the tables of RFC 9838 section 5 */
	REKEY_UNSUPPORTED, /* unknown algorithm */
	REKEY_RESOURCE, /* memory is short */
	REKEY_FRAGMENT, /* a fragment, others are missing */
	REKEY_REVOKED, /* the key server is not followed any more */
	REKEY_RC_MAX,
};

/* Metrics of an array of uint64_t, one for each result but the first. */
extern const struct metric rekey_metrics[];
const char *rekey_rc_name(enum rekey_rc rc);

/*
 * Return the Message ID of a message that has an SPI (rekey_peek_spi()); not
 * authenticated.
 */
uint32_t rekey_peek_mid(const uint8_t *p);
/*
 * Return the SPI of a message (16 octets, view) for the lookup of the Rekey
 * SA, or NULL if it is too short.
 */
const uint8_t *rekey_peek_spi(const uint8_t *p, size_t len);

/*
 * Open a message by steps 1 to 6 of RFC 9838 section 2.4.1.4, in this order.
 * No state changes before ICV and signature are verified; then next_mid becomes
 * ID + 1, even if the signed contents turn out to be malformed. The caller must
 * call rekey_msg_init() on @m before; @m is filled only with REKEY_OK. @p is
 * not modified and not referred to afterwards; it has no non-ESP marker. @err
 * (may be NULL) gets one line.
 */
enum rekey_rc rekey_open(struct rekey_sa *rs, const uint8_t *p, size_t len,
			 struct rekey_msg *m, struct err *err);
/*
 * Like rekey_open(), but fragments are accepted and kept in @frags until a
 * message is complete. Until then the result is REKEY_FRAGMENT, and no other
 * state has changed.
 */
enum rekey_rc rekey_open_frags(struct rekey_sa *rs, struct refrag *frags,
			       const uint8_t *p, size_t len,
			       struct rekey_msg *m, struct err *err);

#endif
