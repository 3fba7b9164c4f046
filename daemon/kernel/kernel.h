/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interface of the data plane for the daemon and mcsecctl, as a struct of
 * functions: knl_open() (kernel/nl.h) connects it to the running kernel, and
 * tests implement it as a mock. Objects and rules are those of
 * Documentation/netlink/specs/mcsec.yaml.
 *
 * All functions return 0 or -errno, and change nothing when they fail, but for
 * sa_del() with @last. @err may be NULL. Otherwise it has one line of text
 * after a failure, without a newline: the message of the kernel, and the
 * attribute that it is about. After a success it has a warning of the kernel,
 * or is empty.
 *
 * SPIs and Sender-IDs are in host byte order. Times are in seconds, sizes in
 * octets. A struct kernel belongs to one thread.
 */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/mcsec.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "lib/metric.h"
#include "lib/selector.h"

/* The longest key has 32 octets for AES-256 or ChaCha20, and 4 of salt. */
#define KSA_KEY_MAX 36

#define KDEV_MAX 16 /* length of an interface name, with its NUL */

/* A packet mark. @value has no bits outside of @mask. */
struct kmark {
	uint32_t value;
	uint32_t mask; /* 0: no mark */
};

/*
 * A group with its selector. A group that sets @name and @dst only selects that
 * address. Numbers are in host byte order.
 */
struct kgroup {
	char name[MCSEC_NAME_MAX + 1];
	struct addr dst; /* multicast, IPv4 or IPv6 */
	uint8_t dst_len; /* prefix length of @dst; 0: whole address */
	struct addr src; /* none: any */
	uint8_t src_len; /* prefix length of @src; 0: whole address */
	uint8_t proto; /* 0: any, as for the ports */
	uint16_t sport;
	uint16_t dport;
	struct kmark mark; /* mask 0: any */
	struct kmark in_mark; /* mark of verified packets */
	enum mcsec_policy policy;
	bool forward;
	char owner[MCSEC_NAME_MAX + 1]; /* program that made the group, or "" */
	size_t n_devs; /* 0: any interface */
	char devs[MCSEC_DEVS_MAX][KDEV_MAX];
};

/* Enough for a selector, marks and ten interfaces; longer texts are cut. */
#define KGROUP_STRLEN 512

/*
 * Set @sel to the addresses, protocol and ports of @g. Marks and interfaces are of this
 * host alone, and not compared with the key server.
 */
void kgroup_selector(const struct kgroup *g, struct selector *sel);
/*
 * Return the first setting in which the groups differ, as mcsecd.conf(5) names
 * it, or NULL if they protect the same. Name, owner and policy may differ.
 */
const char *kgroup_differs(const struct kgroup *a, const struct kgroup *b);
/* Return @buf with the selector in words of mcsecctl(8). */
const char *kgroup_str(const struct kgroup *g, char buf[static KGROUP_STRLEN]);

struct kgroup_info {
	struct kgroup group;
	uint32_t out_spi; /* SPI of the selected SA; 0: none */
	uint32_t sas;
	uint64_t out_drops; /* datagrams */
	uint64_t in_drops;
	uint64_t observed;
};

/*
 * Limits of an SA. Only those whose bit is in @set are sent: sa_add() uses the
 * kernel's default for the others, and sa_set() does not change them. A soft or
 * hard limit of 0 means no limit.
 */
enum klimit_bit {
	KLIMIT_SOFT_TIME = 1 << 0,
	KLIMIT_HARD_TIME = 1 << 1,
	KLIMIT_SOFT_PACKETS = 1 << 2,
	KLIMIT_HARD_PACKETS = 1 << 3,
	KLIMIT_SOFT_BYTES = 1 << 4,
	KLIMIT_HARD_BYTES = 1 << 5,
	KLIMIT_IV = 1 << 6, /* sa_add() only: cannot be changed later */
};

struct klimits {
	uint32_t set; /* enum klimit_bit */
	uint64_t soft_time; /* seconds since the SA was added */
	uint64_t hard_time;
	uint64_t soft_packets; /* per direction */
	uint64_t hard_packets;
	uint64_t soft_bytes; /* ESP payload octets, per direction */
	uint64_t hard_bytes;
	uint64_t iv_limit; /* packets per Sender-ID */
};

/*
 * Parameters of sa_add(). A zero in sid_bits, window or max_senders selects the
 * kernel's default. The caller owns the struct, and wipes the key in it.
 */
struct ksa {
	char group[MCSEC_NAME_MAX + 1];
	uint32_t spi; /* at least 256 */
	uint32_t dir; /* MCSEC_DIR_IN | MCSEC_DIR_OUT */
	enum mcsec_alg alg;
	enum mcsec_mode mode;
	uint8_t key[KSA_KEY_MAX]; /* key, then salt (RFC 4106) */
	size_t key_len; /* octets, salt included */
	uint32_t sid_bits; /* 8, 12 or 16 */
	uint32_t sender_ids[MCSEC_SENDER_IDS_MAX];
	size_t n_sender_ids; /* 1 or more if dir has MCSEC_DIR_OUT */
	enum mcsec_replay replay;
	uint32_t window; /* packets, a power of two */
	uint32_t max_senders; /* Sender-IDs with a window */
	struct klimits limits;
	bool select; /* send with this SA from now on */
};

/*
 * A change of an SA. The SA keeps its windows, so what it has received stays a
 * replay. Sending can be stopped, but not started.
 */
struct ksa_set {
	bool select; /* send with this SA from now on */
	uint32_t dir; /* MCSEC_DIR_*; 0: as it is */
	struct klimits limits;
};

/* An SA as the kernel reports it: sa.key is empty, and every limit is set. */
struct ksa_info {
	struct ksa sa;
	enum mcsec_sa_state state;
	uint64_t age; /* seconds */
	uint64_t out_packets;
	uint64_t out_bytes; /* ESP payload octets */
	uint64_t in_packets;
	uint64_t in_bytes;
	uint64_t in_replays; /* datagrams */
	uint64_t in_bad_icv;
	uint32_t senders; /* Sender-IDs with a window */
};

/* A sender of an SA. sender_add() ignores the counts. */
struct ksender {
	char group[MCSEC_NAME_MAX + 1];
	uint32_t spi;
	uint32_t sender_id;
	char name[MCSEC_SENDER_NAME_MAX + 1]; /* identity of the sender, or "" */
	uint64_t counter; /* highest IV counter accepted */
	uint64_t packets;
	uint64_t replays;
};

/* Sender-IDs from @first to @last. */
struct krange {
	uint16_t first;
	uint16_t last;
};

/*
 * An edge of a group. edge_add() ignores the counts. edge_set() changes the peer if
 * it is not none, the direction if it is not 0, the Sender-IDs if there are some, and
 * the MTU if has_mtu is set.
 */
struct kedge {
	char group[MCSEC_NAME_MAX + 1];
	uint32_t id; /* not 0 */
	bool has_socket; /* use @socket, and ignore @local */
	int socket; /* descriptor of a bound UDP socket */
	struct ep local; /* an address of 0.0.0.0 or ::, or none: any */
	struct ep peer;
	uint32_t dir; /* MCSEC_EDGE_DIR_* */
	struct krange ranges[MCSEC_EDGE_RANGES_MAX];
	size_t n_ranges;
	bool has_mtu;
	uint32_t mtu; /* octets with the IP header; 0: the route's */
	char dev[KDEV_MAX]; /* interface of arrival, or "": the route's */
	uint64_t in_packets;
	uint64_t in_bytes; /* octets of ESP */
	uint64_t in_drops;
	uint64_t out_packets;
	uint64_t out_bytes;
	uint64_t out_drops;
};

enum kevent_type {
	KEVENT_ACQUIRE, /* group; dst */
	KEVENT_SOFT_EXPIRE, /* group, spi, limit */
	KEVENT_HARD_EXPIRE, /* group, spi, limit */
	KEVENT_IV_EXHAUSTING, /* group, spi, sender_id */
	KEVENT_NEW_SENDER, /* group, spi, sender_id */
	KEVENT_UNKNOWN_SPI, /* group, spi: ESP of an unknown SA arrived */
	KEVENT_GROUP_GONE, /* group; dst: taken from its owner */
	/*
	 * Events were lost because the socket overran, or the module was
	 * reloaded. A listener reads the state by dumps, and restores what is
	 * missing. No other member is set.
	 */
	KEVENT_RESYNC,
};

struct kevent {
	enum kevent_type type;
	char group[MCSEC_NAME_MAX + 1];
	struct addr dst;
	uint32_t spi;
	enum mcsec_limit limit;
	uint32_t sender_id;
};

/*
 * Event callback of knl_events_read(). It may call any function of
 * the kernel.
 */
typedef void kevent_fn(void *arg, const struct kevent *ev);

/*
 * Dump callbacks, which are called after the whole answer is known to be
 * consistent, so they may call any function of the kernel. A result other than
 * 0 ends the dump, which returns it.
 */
typedef int kgroup_fn(void *arg, const struct kgroup_info *g);
typedef int ksa_fn(void *arg, const struct ksa_info *sa);
typedef int ksender_fn(void *arg, const struct ksender *s);
typedef int kedge_fn(void *arg, const struct kedge *e);
typedef int kcounter_fn(void *arg, const char *name, uint64_t value);

struct kernel_ops {
	/*
	 * Returns -EEXIST if the name or the selector is taken. A group of the
	 * same owner whose socket was closed becomes a group of this socket.
	 */
	int (*group_add)(void *ctx, const struct kgroup *g, struct err *err);
	/* Without @force a group that has an owner is refused with -EPERM. */
	int (*group_set)(void *ctx, const char *name, enum mcsec_policy policy,
			 bool force, struct err *err);
	/* Returns -ENOENT if there is no such group, as the other functions do. */
	int (*group_del)(void *ctx, const char *name, bool force,
			 struct err *err);
	int (*group_get)(void *ctx, const char *name, struct kgroup_info *g,
			 struct err *err);
	/* Delete all groups of the namespace, with @force those with an owner as well. */
	int (*group_flush)(void *ctx, bool force, struct err *err);
	int (*group_dump)(void *ctx, kgroup_fn *fn, void *arg, struct err *err);

	/* Returns -EEXIST if the group has an SA of this SPI. */
	int (*sa_add)(void *ctx, const struct ksa *sa, struct err *err);
	/* Changes what @set names. Returns -EINVAL if the SA would start sending. */
	int (*sa_set)(void *ctx, const char *group, uint32_t spi,
		      const struct ksa_set *set, struct err *err);
	/*
	 * With @last not NULL, wait until no packet uses the SA any more, and return
	 * its counts, the fields from out_packets to in_bad_icv. After an error other
	 * than -ENOENT the SA may be deleted nevertheless.
	 */
	int (*sa_del)(void *ctx, const char *group, uint32_t spi,
		      struct ksa_info *last, struct err *err);
	/* Delete all SAs of @group. */
	int (*sa_flush)(void *ctx, const char *group, struct err *err);
	int (*sa_get)(void *ctx, const char *group, uint32_t spi,
		      struct ksa_info *sa, struct err *err);
	/* With a NULL @group the SAs of all groups are dumped. */
	int (*sa_dump)(void *ctx, const char *group, ksa_fn *fn, void *arg,
		       struct err *err);

	/*
	 * Returns -EEXIST if the SA has a sender of this Sender-ID, -ENOSPC or
	 * -EDQUOT at a limit.
	 */
	int (*sender_add)(void *ctx, const struct ksender *s, struct err *err);
	/* Set the name of a sender, or remove it if it is "". */
	int (*sender_set)(void *ctx, const struct ksender *s, struct err *err);
	/* Delete name and counts. Earlier packets of the sender remain replays. */
	int (*sender_del)(void *ctx, const struct ksender *s, struct err *err);
	int (*sender_dump)(void *ctx, const char *group, uint32_t spi,
			   ksender_fn *fn, void *arg, struct err *err);

	/* Returns -EEXIST or -ENOTUNIQ if there is such an edge. */
	int (*edge_add)(void *ctx, const struct kedge *e, struct err *err);
	int (*edge_set)(void *ctx, const struct kedge *e, struct err *err);
	int (*edge_del)(void *ctx, const char *group, uint32_t id,
			struct err *err);
	int (*edge_get)(void *ctx, const char *group, uint32_t id,
			struct kedge *e, struct err *err);
	int (*edge_dump)(void *ctx, const char *group, kedge_fn *fn, void *arg,
			 struct err *err);

	int (*stats_dump)(void *ctx, kcounter_fn *fn, void *arg,
			  struct err *err);
};

struct kernel {
	const struct kernel_ops *ops;
	void *ctx;
};

/* Names of enum values as the spec and the command line write them. */

/* Return the index in the enum, or -1. @names ends with NULL. */
int kname_find(const char *const *names, const char *word);

extern const char *const kalg_names[]; /* enum mcsec_alg */
extern const char *const kmode_names[]; /* enum mcsec_mode */
extern const char *const kpolicy_names[]; /* enum mcsec_policy */
extern const char *const kreplay_names[]; /* enum mcsec_replay */
extern const char *const kstate_names[]; /* enum mcsec_sa_state */
extern const char *const klimit_names[]; /* enum mcsec_limit */
extern const char *const kevent_names[]; /* enum kevent_type */

/* Counters of a network namespace, whose values stats_dump() reads. */
extern const struct metric kernel_metrics[];

/* Return "in", "out" or "inout". */
const char *kdir_name(uint32_t dir);

/* Return "up", "down" or "both" for MCSEC_EDGE_DIR_*. */
const char *kedge_dir_name(uint32_t dir);

/* Return true if @alg takes a key of @len octets, including the salt. */
bool kalg_key_ok(enum mcsec_alg alg, size_t len);

#endif
