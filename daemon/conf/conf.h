/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as plain structs, which are filled and checked completely
 * before anything starts: conf_load() returns all of it, or one error
 * "file:line: word: what is wrong". mcsecd.conf(5) has the meaning and the
 * default of each setting.
 *
 * Times are in seconds unless a name ends in _ms. Strings are never NULL unless
 * stated otherwise. struct conf owns everything.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/crl.h"
#include "crypto/sign.h"
#include "lib/addr.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/selector.h"

/* Group names are ID_KEY_ID on the wire, and netlink strings in the kernel. */
#define CONF_GROUP_NAME_MIN 1
#define CONF_GROUP_NAME_MAX 31
#define CONF_MAX_GROUPS 1024
#define CONF_MAX_NAMES 100000
/* Members of one group, which are the leaves of its key tree. */
#define CONF_MAX_MEMBERS (1u << 20)
/* Members that are rekeyed over their IKE SAs, in one group. */
#define CONF_MAX_INBAND 8192
#define CONF_MAX_PSKS 100000
#define CONF_MAX_LISTEN 16
#define CONF_MAX_DEVS 64 /* the kernel's limit of a group */
#define CONF_MAX_ADMINS 32
#define CONF_MAX_PARENTS 8 /* relays that a group names */
#define CONF_MAX_RELAY_LISTEN 4
/* Data SAs of one group: as many as a GSA payload may have here. */
#define CONF_MAX_DATA 8

/*
 * A cipher by its IANA number (transform type 1): 20 AES-GCM-16, 21 AES-GMAC,
 * 28 ChaCha20-Poly1305. @key_bits is 128 or 256 without the salt, and always
 * 256 for ChaCha20-Poly1305, whose transform has no Key Length.
 */
struct conf_alg {
	uint16_t encr;
	uint16_t key_bits;
};

/* Traffic of a group, and how it is encrypted. */
struct conf_data {
	struct selector sel;
	struct conf_alg alg; /* only a key server has it */
};

/* The Data SAs of a group behind the first one. */
struct conf_more {
	size_t n;
	struct conf_data v[CONF_MAX_DATA - 1];
};

/* A list of identities as cert_id_str() prints them, or of patterns. */
struct conf_names {
	char **v;
	size_t n;
	/*
	 * The same texts for a fast search, @n_patterns patterns and then the
	 * names in order; NULL: @v is searched.
	 */
	char **index;
	size_t n_patterns;
};

/*
 * Paths of PEM files; either certificate, key and ca are set or none, and @id in that
 * case.
 */
struct conf_identity {
	char *certificate;
	char *key;
	char *ca;
	/* A file or a folder of revocation lists, or NULL. */
	char *crl;
	enum crl_policy crl_policy;
	/* File with the age of the newest list of each CA; never NULL. */
	char *crl_numbers;
	/* Own identity without a certificate. */
	char *id;
};

/* A peer that authenticates by a pre-shared key. */
struct conf_psk {
	char *id;
	char *key; /* path */
	unsigned int line;
};

/* Additional key exchanges of IKE SAs (RFC 9370), in this order. */
#define CONF_MAX_ADDKE 7
struct conf_addke {
	size_t n;
	uint16_t method[CONF_MAX_ADDKE]; /* crypto/iana.h */
	bool required; /* false: peers may do without */
};

/* A post-quantum pre-shared key (RFC 8784) for a peer. */
struct conf_ppk {
	char *id;
	char *name; /* PPK_ID */
	char *key; /* path */
	bool mandatory;
	unsigned int line;
};

/*
 * The setting one-place: whether a second address of an identity is allowed,
 * replaces the first, or is refused.
 */
enum conf_one_place {
	ONE_PLACE_ALLOW,
	ONE_PLACE_REPLACE,
	ONE_PLACE_REFUSE,
};

/*
 * The setting inband: which members are rekeyed over their IKE SAs and get no
 * Rekey SA: none, those that ask for it, or all. A stored policy has the values.
 */
enum conf_inband {
	INBAND_NEVER,
	INBAND_ASKED,
	INBAND_ALWAYS,
};

/* A group of the key server. */
struct conf_group {
	char *name;
	/* Line of the setting, for messages after loading. */
	unsigned int line;
	/*
	 * Traffic selectors of the first Data SA in GSA, and the others with
	 * their algorithms: one registration and one Rekey SA are for all.
	 */
	struct selector sel;
	struct conf_more more;
	/*
	 * Tunnel mode with address preservation (RFC 5374), for gateways; or
	 * else transport mode.
	 */
	bool tunnel;
	/*
	 * Destination of GSA_REKEY: a multicast address of its own,
	 * and a port. Without an address all members are rekeyed inband.
	 */
	struct ep rekey_to;
	/* Source address of GSA_REKEY; none: the kernel chooses. */
	struct addr rekey_source;
	/* Interface for GSA_REKEY; "": the kernel chooses. */
	char *rekey_interface;
	uint8_t rekey_ttl;
	/* Number of identical copies of each message, within 3/4 of ATD. */
	uint8_t rekey_copies;
	struct conf_alg alg;
	struct conf_alg kek_alg;
	/*
	 * IANA number of the key wrap algorithm (crypto/wrap.h), for IKE SA and
	 * Rekey SA.
	 */
	uint16_t kwa;
	/* Signature algorithm of GSA_REKEY; the server generates the key. */
	enum sig_type rekey_sign;
	/*
	 * Lifetime of that key, which is replaced with a rekey; 0:
	 * unlimited.
	 */
	uint32_t signing_key_lifetime;
	struct conf_names senders;
	struct conf_names receivers;
	/*
	 * Members that may relay; if there are some, each member gets grants, by which
	 * relays know it (wire/grant.h).
	 */
	struct conf_names relays;
	/*
	 * Longest interval between two GSA_REKEYs; a beat repeats the current
	 * state.
	 */
	uint16_t beat;
	/*
	 * Interval of new Data SAs, lifetime of a Data SA, lifetime of the
	 * Rekey SA.
	 */
	uint32_t rekey_interval;
	uint32_t lifetime;
	uint32_t kek_lifetime;
	/* Activation and deactivation delay (RFC 9838 4.4.3.1.1). */
	uint16_t atd;
	uint16_t dtd;
	/*
	 * ATD when a member leaves or is evicted, after which it has no valid
	 * key.
	 */
	uint16_t evict_atd;
	/*
	 * Width of Sender-IDs (8, 12 or 16), and the most that one member may
	 * hold.
	 */
	uint8_t sender_id_bits;
	uint16_t max_sender_ids;
	uint32_t max_members;
	enum conf_one_place one_place;
	enum conf_inband inband;
	uint32_t max_inband; /* limit of members that are rekeyed so */
	/* A membership that is not renewed for this time ends; 0: never. */
	uint32_t membership_lifetime;
	/* Longest delay of joins and leaves, which then share a rekey. */
	uint32_t batch_join_ms;
	uint32_t batch_leave_ms;
};

/* Administrators, and how many of them have to sign the policy of a group. */
struct conf_quorum {
	struct conf_names admins;
	uint32_t needed; /* 0: there is no quorum, and the file is the policy */
	bool orders; /* evictions and admissions need them, too */
	uint32_t confirm_within; /* after an eviction by one administrator */
};

#define CONF_MAX_RECOVERY 8

/*
 * The envelope of a seal key (crypto/envelope.h); without @certificate the key is not
 * wrapped.
 */
struct conf_wrap {
	char *certificate;
	char *key;
	char *provider;
	char *pin;
	bool oaep;
	struct conf_recovery {
		char *file[CONF_MAX_RECOVERY];
		size_t n;
	} recovery;
};

struct conf_gcks {
	struct ep *listen;
	size_t n_listen;
	bool listen_default; /* no setting in the file */
	/* SQLite file, and the place of the key that seals its secrets. */
	char *store;
	char *seal_key;
	struct conf_wrap wrap;
	bool store_thread; /* a thread writes the store, so nothing waits for it */
	/*
	 * SQLite file that detects a store that was restored from
	 * an old copy.
	 */
	char *witness;
	/*
	 * Audit trail (audit/trail.h): whether there is one, its folder, whether
	 * changes are refused when it cannot be written, and whether syslog has
	 * it as well. A file is followed by another when it has so many MiB or
	 * is so many seconds old (0: any age); so many files are kept (0: all).
	 * A checkpoint is signed after so many records or seconds.
	 */
	bool audit;
	char *audit_trail;
	bool audit_required;
	bool audit_syslog;
	uint32_t audit_file_size;
	uint32_t audit_file_age;
	uint32_t audit_keep;
	uint32_t audit_records;
	uint32_t audit_interval;
	/* Number of half-open IKE SAs that starts cookies, and its limit. */
	uint32_t cookie_threshold;
	uint32_t max_half_open;
	/* Limits of IKE SAs: in total, per peer address, per identity. */
	uint32_t max_sas;
	uint32_t max_sas_address;
	uint32_t max_sas_identity;
	/* Whether peers without key wrap may open IKE SAs, for no group. */
	bool plain_ike;
	/* An idle IKE SA is closed after this time. */
	uint32_t sa_idle;
	/* Lifetime of an IKE SA, and the age at which it is renewed; 0: never. */
	uint32_t sa_lifetime;
	uint32_t sa_rekey;
	/* A ticket resumes an IKE SA for so long; 0: there are none. */
	uint32_t ticket_lifetime;
	/* Largest IP datagram with IKE, larger ones are cut; 0: never. */
	uint32_t fragment_size;
	struct conf_addke addke;
	struct conf_quorum quorum;
	struct conf_group *groups;
	size_t n_groups;
};

/* Names of interfaces; none: all of them. */
struct conf_devs {
	size_t n;
	char name[CONF_MAX_DEVS][16];
};

/* A packet mark. @value has no bits outside of @mask; mask 0: no mark. */
struct conf_mark {
	uint32_t value;
	uint32_t mask;
};

/* Relays that are asked for an edge, in this order, and whom their certificates name. */
struct conf_parents {
	size_t n;
	struct conf_parent {
		struct ep at;
		char *id;
	} v[CONF_MAX_PARENTS];
};

/* A host that relays groups, see relay/parent.h. */
struct conf_relay {
	struct ep listen[CONF_MAX_RELAY_LISTEN];
	size_t n_listen;
	uint32_t max_children;
	struct conf_parents others; /* named to children that cannot be served */
};

/* A group that this host is a member of. */
struct conf_mgroup {
	char *name;
	unsigned int line;
	/*
	 * This traffic is protected from the start, before there is a key. A key
	 * server whose traffic selectors or mode differ is refused. Each Data SA
	 * of the group has a flow of its own, and a group of the kernel.
	 */
	struct selector sel;
	struct conf_more more;
	bool tunnel;
	/*
	 * A part of that, which is a matter of this host alone and of which the
	 * key server does not know.
	 */
	struct conf_devs devs;
	struct conf_mark mark;
	/* Mark of verified datagrams. */
	struct conf_mark in_mark;
	/* The host is a gateway, and protects what it routes. */
	bool forward;
	/*
	 * For the migration of a network: datagrams that cannot be protected pass
	 * in the clear.
	 */
	bool observe;
	bool send;
	bool receive;
	/*
	 * Multicast rekeys do not reach this host, so it asks to be rekeyed over
	 * its IKE SA.
	 */
	bool inband;
	/*
	 * Number of Sender-IDs to request, at least 1. A 0 in the file becomes
	 * one per CPU.
	 */
	uint16_t sender_ids;
	/* Replay window per sender in packets, and senders per SA. */
	uint32_t window;
	uint32_t max_senders;
	bool relay; /* this host relays the group */
	struct conf_parents parents; /* relays that it asks itself */
};

struct conf_member {
	/* Key server, and the identity that its certificate must have. */
	struct ep gcks;
	char *gcks_id;
	/*
	 * Local address and port towards the key server; none: the kernel
	 * chooses.
	 */
	struct ep local;
	/*
	 * Interface on which GSA_REKEY is joined; "": the kernel chooses by
	 * route.
	 */
	char *interface;
	/* As those of conf_gcks. */
	uint32_t sa_lifetime;
	uint32_t sa_rekey;
	bool session_resumption; /* by tickets, where the key server gives some */
	uint32_t fragment_size;
	struct conf_addke addke;
	struct conf_relay *relay; /* NULL: relays nothing */
	struct conf_mgroup *groups;
	size_t n_groups;
};

struct conf {
	/* Path of the loaded file. */
	char *file;
	/* Unix socket for mcsecctl. */
	char *control;
	enum log_level log_level;
	struct conf_identity identity;
	struct conf_psk *psks;
	size_t n_psks;
	struct conf_ppk *ppks;
	size_t n_ppks;
	/* Roles of this host, at least one of which is not NULL. */
	struct conf_gcks *gcks;
	struct conf_member *member;
	/* File for IKE keys in tshark's format; NULL unless debugging. */
	char *export_ike_keys;
};

/* For hosts without a key server, whose file is beside its store. */
#define CONF_DEFAULT_CRL_NUMBERS "/var/lib/mcsec/crl-numbers"
#define CONF_DEFAULT_CONTROL "/run/mcsec/mcsecd.sock"
#define CONF_DEFAULT_FILE "/etc/mcsec/mcsecd.conf"

/*
 * Load a file. Returns 0, -EINVAL for an error in the file, -ENOMEM, or the
 * reason why it cannot be read. On failure @err is set.
 */
int conf_load(const char *path, struct conf **out, struct err *err);
/* Load from memory, with @name in place of the file; for tests and fuzzing. */
int conf_parse(const char *text, const char *name, struct conf **out,
	       struct err *err);
void conf_free(struct conf *c);

/*
 * Copy @from into @to, which conf_group_free() frees. Returns -ENOMEM with an
 * empty @to.
 */
int conf_group_copy(struct conf_group *to, const struct conf_group *from);
void conf_group_free(struct conf_group *g);

/*
 * Check that no setting differs that mcsecd uses only when it starts. Returns
 * 0, or -EBUSY with all such settings in @err. The roles check their groups.
 */
int conf_reload_check(const struct conf *from, const struct conf *to,
		      struct err *err);
/* Refuse a change of @settings of @where. Returns -EBUSY with a text in @err. */
int conf_refuse_change(const char *where, const char *settings,
		       struct err *err);
/* Receive one line for an operator about one thing that a reload changes. */
typedef void conf_change_fn(void *arg, const char *line);
/*
 * Pass to @fn a line for each group of a member that protects a part only of
 * what goes to its addresses, since an operator may expect more.
 */
void conf_each_gap(const struct conf *c, conf_change_fn *fn, void *arg);
/*
 * Pass to @fn a line for each group of a member that would take what hosts, routers and
 * switches tell each other in the clear, such as one of 224.0.0.1.
 */
void conf_each_control(const struct conf *c, conf_change_fn *fn, void *arg);
/* Log @line; @arg is not used. */
void conf_log_change(void *arg, const char *line);

/* The Data SAs of a group by their number: from 0 to conf_n_data() - 1. */
size_t conf_n_data(const struct conf_group *g);
const struct selector *conf_sel(const struct conf_group *g, size_t i);
const struct conf_alg *conf_alg(const struct conf_group *g, size_t i);
/* The same for the flows of a member's group. */
size_t conf_n_flows(const struct conf_mgroup *g);
const struct selector *conf_flow_sel(const struct conf_mgroup *g, size_t i);
/* Return the flow with this selector, or -ENOENT. */
int conf_flow_of(const struct conf_mgroup *g, const struct selector *sel);
/*
 * Return the name of the kernel's group for a flow, which may be in @buf: that of
 * the group, and for those behind the first one NAME#2 and so on.
 */
const char *conf_flow_name(const struct conf_mgroup *g, size_t i,
			   char buf[static CONF_GROUP_NAME_MAX + 1]);

/* Return the group of this name, or NULL. */
const struct conf_mgroup *conf_find_mgroup(const struct conf_member *c,
					   const char *name);

void conf_names_free(struct conf_names *names);
/*
 * Copy @from with an index. Returns 0 or -ENOMEM, when conf_names_free() frees
 * what @to has.
 */
int conf_names_copy(struct conf_names *to, const struct conf_names *from);
/* Make the index of a list that is complete. Returns 0 or -ENOMEM. */
int conf_names_index(struct conf_names *names);
/*
 * Return true if @id is in the list: equal, ignoring ASCII case, or by a
 * pattern. "*" matches any authenticated identity, and "*.example" any DNS name
 * that ends in ".example".
 */
bool conf_names_match(const struct conf_names *names, const char *id);
/* Return a name such as "aes-gcm-16-128", or "?" for an unsupported cipher. */
const char *conf_alg_str(const struct conf_alg *alg);

#endif
