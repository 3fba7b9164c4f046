/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The member (X.1101's SSA and ReSA): registers with the key server, follows
 * its GSA_REKEYs and keeps the kernel's SAs up to date. The member opens no
 * socket and reads no clock, so that tests run it without either.
 *
 * The kernel's group is created before anything else and stays when the member
 * is freed: a protected address fails closed whatever happens to the daemon.
 * SAs of an earlier run stay in use until new ones are installed, and are
 * deleted DTD later.
 *
 *	member_new()
 *	member_protect()	makes the kernel's groups
 *	member_set_engine()	once the ike_engine exists
 *	member_start()		registers
 *	member_reload()		applies another configuration
 *	member_free()		wipes keys; the kernel's groups and SAs stay
 *
 * Single-threaded.
 */
#ifndef MEMBER_MEMBER_H
#define MEMBER_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/hash.h"
#include "conf/conf.h"
#include "ike/engine.h"
#include "kernel/kernel.h"
#include "kernel/link.h"
#include "lib/err.h"
#include "lib/metric.h"

struct clock;
struct err;
struct member;
struct timerq;
struct trust;

/* Bits of member_deps.auth(); 0: a certificate alone. */
enum member_auth {
	MEMBER_BY_PSK = 1 << 0, /* by a pre-shared key instead */
	MEMBER_WITH_PPK = 1 << 1, /* a PPK is mixed in */
};

struct member_deps {
	const struct clock *clock;
	struct timerq *tq;
	const struct kernel *kernel;
	/*
	 * join_rekey() starts receiving datagrams to @to, from any source if
	 * @source is unspecified; leave_rekey() stops it. @interface "" means
	 * the one by which routing sends to @to, or else to the key server.
	 * Joining twice, or again after links have changed, is no error.
	 * Returns the index of the interface (0: unknown) or -errno, with one
	 * line in @err: the error and what helps, an assumption, or "".
	 */
	int (*join_rekey)(void *ctx, const struct ep *to,
			  const struct addr *source, const char *interface,
			  struct err *err);
	void (*leave_rekey)(void *ctx, const struct ep *to,
			    const struct addr *source);
	/*
	 * Tell switches and routers again that this host receives what it has
	 * joined, after its link was down. May be NULL.
	 */
	void (*report_rekey)(void *ctx, const struct ep *to,
			     const struct addr *source);
	/*
	 * Digests of the keys of the kernel's SAs, which survive a restart of
	 * the process like the SAs. note_key() stores one; a @digest of NULL
	 * deletes it. find_key_note() returns false if there is none. Both may
	 * be NULL: an SA of an earlier run is then identified by its SPI alone.
	 */
	void (*note_key)(void *ctx, const char *group, uint32_t spi,
			 const uint8_t *digest);
	bool (*find_key_note)(void *ctx, const char *group, uint32_t spi,
			      uint8_t *digest);
	/*
	 * Return what authenticates this host towards the key server, bits of
	 * enum member_auth. May be NULL: a certificate.
	 */
	unsigned int (*auth)(void *ctx);
	/* Return true if the interface exists. May be NULL: all do. */
	bool (*has_interface)(void *ctx, const char *name);
	/*
	 * Return true if the interface is up and has a carrier. May be NULL: all
	 * are.
	 */
	bool (*carries)(void *ctx, uint32_t ifindex);
	/*
	 * Return true if packets of the interface @upper may pass @lower, for example a
	 * port of the bridge @upper. May be NULL: interfaces have none below them.
	 */
	bool (*is_below)(void *ctx, uint32_t lower, uint32_t upper);
	void *ctx;
};

/*
 * Create a member. @deps is copied; what it points to must outlive the member,
 * and so must @conf until member_reload() replaces it. Returns 0, or -errno
 * with one line in @err.
 */
int member_new(const struct conf_member *conf, const struct member_deps *deps,
	       struct member **out, struct err *err);
/* Set the engine that requests are sent by; not owned, set before member_start(). */
void member_set_engine(struct member *m, struct ike_engine *engine);
/*
 * Protect the groups in the kernel, so that whatever fails behind this leaves them
 * closed. Returns 0, or -errno with one line in @err if the kernel refuses a group.
 */
int member_protect(struct member *m, struct err *err);
/*
 * Protect the groups, unless that is done, and register. Returns 0, or -errno
 * with one line in @err if the kernel refuses a group: then mcsecd sends
 * nothing, and what applications send to groups that are not protected leaves
 * in the clear.
 */
int member_start(struct member *m, struct err *err);
/*
 * Note that the kernel has lost the SA with this key, and with it the replay
 * windows. If the key server offers the SA again, the member requests another
 * one.
 */
void member_note_spent(struct member *m, const uint8_t digest[HASH_SHA256_LEN]);
/* Wipe keys and free @m, which may be NULL; the kernel keeps groups and SAs. */
void member_free(struct member *m);

/* ---- callbacks for struct ike_ops --------------------------------------- */

/* Handle the events of struct ike_ops with the same names. */
void member_registered(struct member *m, struct ike_sa *sa,
		       const struct ike_id *idg, const struct gsa *gsa,
		       struct kd *kd, bool transport);
void member_refused(struct member *m, struct ike_sa *sa,
		    const struct ike_id *idg, uint16_t notify,
		    const char *text);
void member_left(struct member *m, struct ike_sa *sa, const struct ike_id *idg);
/* The key server answers in @ms milliseconds, as ike_ops.later(). */
void member_later(struct member *m, struct ike_sa *sa, const struct ike_id *idg,
		  uint32_t ms);
/* Handle a GSA_INBAND_REKEY, as ike_ops.inband(). */
void member_inband(struct member *m, struct ike_sa *sa,
		   const struct ike_id *idg, struct gike_inband *msg);
/* The key server says which Data SA senders use, as ike_ops.changed(). */
void member_changed(struct member *m, const uint8_t *group, size_t len,
		    uint32_t spi);
void member_sa_closed(struct member *m, struct ike_sa *sa, const char *reason);
/* Note the result of sending a datagram to the key server, 0 or -errno. */
void member_sent(struct member *m, int ret);

/* ---- events ------------------------------------------------------------- */

/* Handle a datagram to a rekey address, without non-ESP marker. */
void member_rekey_input(struct member *m, const struct ep *from,
			const uint8_t *p, size_t len);
/* Handle an event of the kernel's groups and SAs, or of this host's links. */
void member_kernel_event(struct member *m, const struct kevent *ev);
void member_link_event(struct member *m, const struct link_event *ev);
/*
 * Look at the revocation lists of @trust, which have changed: a group whose key server
 * had a certificate that is revoked now does not follow its rekeys any more, and
 * registers again. Comes before ike_engine_close_revoked().
 */
void member_check_gcks(struct member *m, const struct trust *trust);

/* ---- control ------------------------------------------------------------ */

/*
 * member_leave() leaves @group (NULL: all): it tells the key server and deletes
 * the SAs; the kernel's group stays closed. member_join() registers again. They
 * return 0, -ENOENT (no such group) or -EALREADY; with NULL always 0.
 */
int member_leave(struct member *m, const char *group);
int member_join(struct member *m, const char *group);

/*
 * Apply @conf. New groups are protected and register; changed ones register
 * again if the key server must know, while other settings apply from the next
 * Data SA on; missing ones leave. The SAs of these are deleted; the kernel's
 * group drops all traffic, and is listed, until an administrator deletes it
 * ("mcsecctl group del NAME --force").
 *
 * Returns 0; -EBUSY: @err names a setting that cannot change while the member
 * runs; -ENOMEM, or an error of the kernel. After an error nothing has changed,
 * and the former configuration stays in use. After a success the former one is
 * not used any more.
 */
int member_reload(struct member *m, const struct conf_member *conf,
		  struct err *err);
/*
 * Pass to @fn each change that a reload would make. The kernel may still
 * refuse the reload.
 */
int member_reload_check(const struct member *m, const struct conf_member *conf,
			conf_change_fn *fn, void *arg, struct err *err);

/* Return true if no leave waits for an answer, so that the process may end. */
bool member_idle(const struct member *m);

enum member_state {
	MEMBER_OUT, /* left, or not started */
	MEMBER_WAITING, /* not in; registers when the timer fires */
	MEMBER_REGISTERING, /* not in; waits for the key server */
	MEMBER_IN, /* holds keys of the group */
	MEMBER_RENEWING, /* in, and registers again */
	MEMBER_LEAVING, /* waits for the answer to the leave */
	MEMBER_REJOINING, /* leaves, then registers */
};

/* Return true if the member holds keys of the group. */
bool member_state_is_in(enum member_state state);

struct member_group_status {
	const struct conf_mgroup *conf;
	/* Traffic selectors of the key server if they differ, or NULL. */
	const struct selector *keyed_sel;
	enum member_state state;
	bool removed; /* no longer configured, still closed */
	uint32_t retry_ms; /* time to the next try */
	const char *last_error; /* why it is not in, or "" */
	/* last_error was found by this host, and not told by the key server. */
	bool found_here;
	/* Why the keys may be out of date, or NULL; only while it is in. */
	const char *doubt;
	bool silent; /* no rekey or beat for three intervals */
	/* Why no rekey can be received, or NULL; only while it is in. */
	const char *deaf;
	/*
	 * Time for which senders may use a Data SA that this member may never have had,
	 * since it was not in when that was made; only while it is in.
	 */
	uint32_t unread_ms;
	bool heard; /* a GSA_REKEY was verified, or rekeyed inband */
	uint64_t heard_ms; /* since the last one */
	/* The key server has told its time. */
	bool has_clock;
	/* This host's clock less that of the key server, milliseconds. */
	int64_t clock_ahead_ms;
	bool keyed; /* holds a Rekey SA */
	struct ep rekey_to; /* where rekeys are received, or unspecified */
	uint32_t rekey_ifindex; /* interface of that; 0: none */
	const char *rekey_note; /* why it failed, or an assumption; "" */
	uint64_t no_devs; /* missing ones of conf->devs, as bits */
	uint8_t rekey_spi[16];
	uint32_t next_mid;
	uint32_t rekey_left; /* seconds of lifetime left */
	/* Name of the key that signs rekeys. */
	char signing_key[SIGPUB_NAME_LEN];
	/* SPIs of the sending SA and of the newest one, of the first flow; 0: none. */
	uint32_t out_spi;
	uint32_t data_spi;
	uint32_t data_left;
	/* The same of all flows: the Data SAs of the group. */
	unsigned int n_flows;
	struct {
		uint32_t out_spi;
		uint32_t data_spi;
	} flow[CONF_MAX_DATA];
	unsigned int n_sas; /* retired ones included */
	int64_t until; /* end of membership, seconds since 1970; 0: unknown */
	uint32_t atd; /* seconds, as last received */
	uint32_t dtd;
	uint32_t n_sender_ids;
	uint32_t first_sender_id;
	/* Counters since the start. */
	uint64_t registrations;
	uint64_t refusals;
	uint64_t rekeys; /* GSA_REKEYs that were applied, inband ones too */
	uint64_t inband_rekeys;
	bool inband; /* rekeyed over the IKE SA, without a Rekey SA */
	bool wary; /* a rival has the signing key */
	bool gcks_revoked; /* the key server's certificate is revoked */
	uint64_t rivals; /* applied, then denied by the key server */
	uint64_t old; /* GSA_REKEYs that came too late */
	uint64_t excluded;
	uint64_t kernel_errors;
	uint64_t state_errors; /* refused state transitions */
};

/*
 * Return the state as one word for an operator:
 *
 *	MEMBER_OUT			out
 *	MEMBER_WAITING			waiting
 *	MEMBER_REGISTERING		registering
 *	MEMBER_IN			in, or behind with a doubt
 *	MEMBER_RENEWING			the same
 *	MEMBER_LEAVING			leaving
 *	MEMBER_REJOINING		leaving
 */
const char *member_state_text(const struct member_group_status *s);

/*
 * Metrics of struct member_group_status; member_key_metrics only while keyed.
 */
extern const struct metric member_group_metrics[];
extern const struct metric member_key_metrics[];

typedef int member_group_fn(void *arg, const struct member_group_status *s);

/*
 * Call @fn for each group. Returns 0, or what @fn returned if that is not 0.
 */
int member_each_group(struct member *m, member_group_fn *fn, void *arg);
/*
 * Return the GSA_REKEYs dropped by reason: one counter for each enum rekey_rc,
 * described by rekey_metrics.
 */
const uint64_t *member_rekey_drops(const struct member *m);
/* Return the IKE SA to the key server, or NULL. */
struct ike_sa *member_ike_sa(const struct member *m);
/* Return true if the key server has not answered since an IKE SA was begun. */
bool member_gcks_unreachable(const struct member *m);

/* Reasons why the kernel drops datagrams that are told as problems. */
enum member_lost {
	MEMBER_LOST_CLEAR, /* received, and not ESP */
	MEMBER_LOST_UNKNOWN, /* received, of an SA that this host does not have */
	MEMBER_LOST_SENDERS, /* received, of one sender too many */
	MEMBER_LOST_UNSENT, /* this host has no SA to send with */
	MEMBER_LOST_REASONS
};

/*
 * The caller has member_watch_lost() read the kernel's counters at this interval.
 * member_each_lost() then reads them once more and calls @fn for each group that has
 * lost datagrams since the oldest of these samples, @n of them at least; but not for
 * what a group has lost before it had all keys, and not for groups that are not in. A
 * drop is forgotten a minute later, or little more.
 */
#define MEMBER_LOST_MS 10000
#define MEMBER_LOST_SAMPLES 7
typedef void member_lost_fn(void *arg, const struct conf_mgroup *conf,
			    enum member_lost why, uint64_t n);
void member_watch_lost(struct member *m);
void member_each_lost(struct member *m, member_lost_fn *fn, void *arg);

/* Faults of the kernel's group; MEMBER_FAULT_OBSERVES is no reason to doubt the keys. */
enum member_fault {
	MEMBER_FAULT_NONE, /* as this member has made it */
	MEMBER_FAULT_UNREAD, /* the kernel cannot be asked */
	MEMBER_FAULT_NO_GROUP,
	MEMBER_FAULT_OTHER_GROUP, /* protects something else */
	MEMBER_FAULT_NO_SA,
	MEMBER_FAULT_DEAD_SA, /* has reached a limit */
	MEMBER_FAULT_OTHER_SA, /* sends with another SA */
	MEMBER_FAULT_OBSERVES, /* accepts and sends traffic in the clear */
};

/*
 * Compare the kernel's group and SAs with those of the member, which asks the
 * kernel twice. After another result than MEMBER_FAULT_NONE @why has one line.
 * A @group that the member does not have, or has removed, has no fault.
 */
enum member_fault member_difference(const struct member *m, const char *group,
				    struct err *why);

#endif
