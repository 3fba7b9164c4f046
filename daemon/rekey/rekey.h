/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GSA_REKEY, RFC 9838 2.4.1: one message, many readers, no answer.
 *
 * Used by both ends: the key server builds, the member opens. One counter
 * per Rekey SA; the IV of the AEAD is 32 random bits, drawn for each message,
 * and the Message ID, so an IV cannot repeat while Message IDs do not, and is
 * unlikely to if they do. A key server must therefore have next_mid in its
 * store before the message leaves (gcks/), and may send the same octets as
 * often as it likes. A member takes the IV as it comes.
 */
#ifndef IKE_REKEY_H
#define IKE_REKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/gpayload.h"
#include "rekey/refrag.h"
#include "lib/buf.h"
#include "lib/metric.h"

struct sigkey;
struct sigpub;

#define REKEY_KEY_MAX 36 /* AES-256 and four octets of salt */
#define REKEY_MAX_DEL 4

struct rekey_sa {
	uint8_t spi[GIKE_SPI_LEN_REKEY];
	uint16_t encr;
	uint16_t key_bits;
	uint8_t gsk_e_len;
	uint8_t gsk_e[REKEY_KEY_MAX];
	struct kwk gsk_w; /* default KWK of what travels over it */
	uint16_t gcauth; /* enum gike_gcauth */
	uint8_t sigalg[IKE_SIGALG_MAX];
	uint16_t sigalg_len;
	/* Sender: ID of the next message. Receiver: the lowest acceptable. */
	uint32_t next_mid;
	bool spent; /* all Message IDs used, nothing goes any more */
	const struct sigkey *key; /* sender; not owned */
	struct sigpub *pub; /* receiver; owned */
};

/*
 * From a policy and its KEYMAT (exactly gsa_keymat_len() octets).
 * next_mid := GSA_INITIAL_MESSAGE_ID, else 0.
 * A policy from a rekey has no GCAUTH: pass @from, the Rekey SA it came
 * over, and method, algorithm and key are taken from it (RFC 9838 2.4.1.1:
 * the method must not change by rekey). NULL at registration.
 * 0, -EINVAL, -ENOTSUP, -ENOMEM. On error nothing is held.
 */
int rekey_sa_init(struct rekey_sa *rs, const struct gsa_sa *policy,
		  const uint8_t *keymat, size_t len,
		  const struct rekey_sa *from);
void rekey_sa_wipe(struct rekey_sa *rs);

/* Key server: @key outlives the SA. -EINVAL when its type is not sigalg's. */
int rekey_sa_set_key(struct rekey_sa *rs, const struct sigkey *key);
/*
 * Member: AUTH_KEY. Must be of the type and curve that sigalg names.
 * 0, -EBADMSG, -EINVAL (does not match; the key held before stays).
 */
int rekey_sa_set_auth_key(struct rekey_sa *rs, const uint8_t *spki, size_t len);

/* What one message says. rekey_msg_free() frees kd and wipes. */
struct rekey_msg {
	uint32_t mid; /* filled in by build and open */
	bool has_gsa; /* then kd counts too */
	struct gsa gsa;
	struct kd kd;
	bool transport; /* N(USE_TRANSPORT_MODE) */
	unsigned int n_del;
	struct delete_pld del[REKEY_MAX_DEL];
};

void rekey_msg_init(struct rekey_msg *m);
void rekey_msg_free(struct rekey_msg *m);

/* Appends a Delete. @spi NULL: all SAs of @proto (SPI of zeros). */
int rekey_msg_delete(struct rekey_msg *m, uint8_t proto, const uint8_t *spi);
/* Does @d name all SAs of its protocol (SPI 0), or (protocol 0) of all? */
bool delete_is_all(const struct delete_pld *d);

/*
 * Builds, signs and seals. Consumes one Message ID, also when it fails after
 * the ID was put into a message. @out must be empty. What breaks section 5
 * of RFC 9838 is refused: -EBADMSG or -ENOTSUP, reason in @why.
 * -EOVERFLOW: no Message ID is left. -EMSGSIZE: over 65535 octets.
 */
int rekey_build(struct rekey_sa *rs, struct rekey_msg *m, struct wbuf *out,
		char *why, size_t why_size);

/*
 * The same, but what is longer than @most octets goes as fragments of at most
 * that (0: never), one IKE message behind the other in @out; the Length in its
 * header says where each ends. At most REFRAG_MAX.
 */
int rekey_build_frags(struct rekey_sa *rs, struct rekey_msg *m, size_t most,
		      struct wbuf *out, char *why, size_t why_size);

/* Why a message was not taken; counted, never logged one by one */
enum rekey_rc {
	REKEY_OK = 0,
	REKEY_SHORT, /* no IKE header in it, or lengths disagree */
	REKEY_NOT_REKEY, /* version, exchange type or flags */
	REKEY_OTHER_SPI, /* not of this Rekey SA */
	REKEY_OLD, /* Message ID below the expected one */
	REKEY_ICV, /* did not decrypt */
	REKEY_SYNTAX, /* decrypted, payloads malformed */
	REKEY_AUTH_ABSENT, /* signature wanted, none there */
	REKEY_AUTH_PRESENT, /* Implicit: an AUTH payload must not be */
	REKEY_AUTH_ALG, /* not the AlgorithmIdentifier of the policy */
	REKEY_AUTH_BAD, /* signature does not verify */
	REKEY_CRITICAL, /* unknown payload with the critical bit */
	REKEY_POLICY, /* breaks the tables of RFC 9838 5 */
	REKEY_UNSUPPORTED, /* an algorithm that is not known here */
	REKEY_RESOURCE, /* no memory */
	REKEY_FRAGMENT, /* a fragment; others are missing */
	REKEY_RC_MAX,
};

/* Of an array of uint64_t, one for each of these but the first. */
extern const struct metric rekey_metrics[];
const char *rekey_rc_name(enum rekey_rc rc);

/* Message ID of what has an SPI (rekey_peek_spi()); nothing proves it */
uint32_t rekey_peek_mid(const uint8_t *p);
/* SPI of a message (16 octets, view) to look the Rekey SA up, or NULL */
const uint8_t *rekey_peek_spi(const uint8_t *p, size_t len);

/*
 * Steps 1 to 6 of RFC 9838 2.4.1.4, in that order. No state changes before
 * ICV and signature have verified; then next_mid := ID + 1, also when what
 * was signed turns out to be malformed. @m: rekey_msg_init() before; filled
 * only with REKEY_OK. Octets in @p are not changed and not referred to.
 * No non-ESP marker in front.
 */
enum rekey_rc rekey_open(struct rekey_sa *rs, const uint8_t *p, size_t len,
			 struct rekey_msg *m, char *why, size_t why_size);
/*
 * The same, and fragments are taken too: kept in @frags until all of a message
 * are there. Until then REKEY_FRAGMENT, and nothing has changed.
 */
enum rekey_rc rekey_open_frags(struct rekey_sa *rs, struct refrag *frags,
			       const uint8_t *p, size_t len,
			       struct rekey_msg *m, char *why, size_t why_size);

#endif
