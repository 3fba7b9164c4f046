/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as plain structs, filled and checked as a whole before
 * anything starts: conf_load() either gives all of it or one sentence
 * "file:line: word: what is wrong". mcsecd.conf(5) has the meaning of each
 * setting and its default.
 *
 * Times are in seconds unless a name ends in _ms. Strings are never NULL
 * unless said. Everything belongs to struct conf.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/sign.h"
#include "lib/addr.h"
#include "lib/err.h"
#include "lib/log.h"

/* Group names are ID_KEY_ID on the wire and netlink strings in the kernel. */
#define CONF_GROUP_NAME_MIN 1
#define CONF_GROUP_NAME_MAX 31
#define CONF_MAX_GROUPS 1024
#define CONF_MAX_NAMES 100000
#define CONF_MAX_LISTEN 16

/*
 * A cipher by IANA number (transform type 1): 20 AES-GCM-16, 21 AES-GMAC, 28
 * ChaCha20-Poly1305. @key_bits: 128 or 256 without the salt; always 256 for
 * ChaCha20-Poly1305, whose transform carries no Key Length.
 */
struct conf_alg {
	uint16_t encr;
	uint16_t key_bits;
};

/* Who may: identities as cert_id_str() prints them, or patterns of them. */
struct conf_names {
	char **v;
	size_t n;
};

struct conf_identity {
	/* PEM files */
	char *certificate;
	char *key;
	char *ca;
};

/* one-place: a second address of an identity is let in, replaces, is refused */
enum conf_one_place {
	ONE_PLACE_ALLOW,
	ONE_PLACE_REPLACE,
	ONE_PLACE_REFUSE,
};

/* A group at the key server. */
struct conf_group {
	char *name;
	/* of the setting, for messages that come later than loading */
	unsigned int line;
	/* what the Data SA protects: this destination, any source and port */
	struct addr address;
	/* where GSA_REKEY goes: a multicast address of its own, and a port */
	struct ep rekey_to;
	/* the address that it is sent from; none: the kernel chooses */
	struct addr rekey_source;
	/* interface it leaves by, "" for the kernel's choice */
	char *rekey_interface;
	uint8_t rekey_ttl;
	/* bit-identical copies of each message, within 3/4 of ATD */
	uint8_t rekey_copies;
	struct conf_alg alg;
	struct conf_alg kek_alg;
	/* IANA KWA (crypto/wrap.h), for IKE SA and Rekey SA alike */
	uint16_t kwa;
	/* what GSA_REKEY is signed with; the key is made by the server */
	enum sig_type rekey_sign;
	/* a new one of these with a rekey after so long; 0: never */
	uint32_t signing_key_lifetime;
	struct conf_names senders;
	struct conf_names receivers;
	/* seconds between two GSA_REKEYs at most: a beat repeats what is current */
	uint16_t beat;
	/* a new Data SA each so often; its lifetime; that of the Rekey SA */
	uint32_t rekey_interval;
	uint32_t lifetime;
	uint32_t kek_lifetime;
	/* RFC 9838 4.4.3.1.1 */
	uint16_t atd;
	uint16_t dtd;
	/* ATD when somebody leaves or is evicted: their keys end with it */
	uint16_t evict_atd;
	/* 8, 12 or 16; most Sender-IDs that one member gets at a time */
	uint8_t sender_id_bits;
	uint16_t max_sender_ids;
	uint32_t max_members;
	enum conf_one_place one_place;
	/* a membership that is not renewed for so long ends; 0: never */
	uint32_t membership_lifetime;
	/* how long joins and leaves may wait for others to share their rekey */
	uint32_t batch_join_ms;
	uint32_t batch_leave_ms;
};

struct conf_gcks {
	struct ep *listen;
	size_t n_listen;
	bool listen_default; /* not in the file */
	/* SQLite file, and the file with the key that seals secrets in it */
	char *store;
	char *seal_key;
	bool store_thread; /* a thread writes both, and nobody waits for it */
	/* SQLite file that shows whether the store went back in time */
	char *witness;
	/* half-open IKE SAs from which on cookies are asked for, and at most */
	uint32_t cookie_threshold;
	uint32_t max_half_open;
	/* IKE SAs of all, of one peer address, of one identity */
	uint32_t max_sas;
	uint32_t max_sas_address;
	uint32_t max_sas_identity;
	/* one that has nothing to do is closed after so long */
	uint32_t sa_idle;
	struct conf_group *groups;
	size_t n_groups;
};

/* A group that this host is a member of. */
struct conf_mgroup {
	char *name;
	unsigned int line;
	/*
	 * Protected from the first moment, before any key is there; a key
	 * server that names another address is refused.
	 */
	struct addr address;
	bool send;
	bool receive;
	/* Sender-IDs to ask for; never 0 here: the file's 0 is one per CPU */
	uint16_t sender_ids;
	/* replay window per sender in packets; senders remembered per SA */
	uint32_t window;
	uint32_t max_senders;
};

struct conf_member {
	/* the key server, and who it has to be by its certificate */
	struct ep gcks;
	char *gcks_id;
	/* own address and port towards it; none: the kernel chooses */
	struct ep local;
	/* where GSA_REKEY is joined, "" for the kernel's choice by route */
	char *interface;
	struct conf_mgroup *groups;
	size_t n_groups;
};

struct conf {
	/* path that was loaded */
	char *file;
	/* unix socket for mcsecctl */
	char *control;
	enum log_level log_level;
	struct conf_identity identity;
	/* roles; NULL when this host doesn't have it. One of them is there. */
	struct conf_gcks *gcks;
	struct conf_member *member;
	/* file for IKE keys in tshark's form; NULL unless debugging */
	char *export_ike_keys;
};

#define CONF_DEFAULT_CONTROL "/run/mcsec/mcsecd.sock"
#define CONF_DEFAULT_FILE "/etc/mcsec/mcsecd.conf"

/*
 * 0, -EINVAL (what is in the file), -ENOMEM, or why it can't be read. @err
 * then has the sentence.
 */
int conf_load(const char *path, struct conf **out, struct err *err);
/* The same from memory, @name standing for the file; for tests and fuzzing. */
int conf_parse(const char *text, const char *name, struct conf **out,
	       struct err *err);
void conf_free(struct conf *c);

/* A copy of @from, for conf_group_free(). -ENOMEM; then @to has nothing. */
int conf_group_copy(struct conf_group *to, const struct conf_group *from);
void conf_group_free(struct conf_group *g);

/*
 * Settings outside of groups that mcsecd uses at its start only may not differ,
 * since a reload could not honour them. 0, or -EBUSY and all are named in @err.
 * Groups are for the roles to judge.
 */
int conf_reload_check(const struct conf *from, const struct conf *to,
		      struct err *err);

/*
 * @id is in the list: equal (ASCII case ignored), or by a pattern: "*" is
 * anybody authenticated, "*.example" any name that ends in ".example".
 */
bool conf_names_match(const struct conf_names *names, const char *id);
/* "aes-gcm-16-128"; "?" for none that we have. */
const char *conf_alg_str(const struct conf_alg *alg);

#endif
