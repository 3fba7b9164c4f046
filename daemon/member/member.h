/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The member (X.1101's SSA and ReSA): registers with the key server, follows
 * its GSA_REKEYs and keeps the kernel's SAs in step. It opens no socket and
 * reads no clock.
 *
 * The kernel's group is made before anything else and is left in place when
 * the member goes: a protected address fails closed whatever becomes of the
 * daemon. SAs that the kernel still has from an earlier run go on until new
 * ones are in, and are deleted DTD later.
 *
 *	member_new()
 *	member_set_engine()	once the ike_engine exists
 *	member_start()		makes the kernel's groups, registers
 *	member_reload()		at another configuration
 *	member_free()		wipes; the kernel's groups and SAs stay
 *
 * Single-threaded.
 */
#ifndef MEMBER_MEMBER_H
#define MEMBER_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "ike/engine.h"
#include "kernel/kernel.h"
#include "kernel/link.h"
#include "lib/metric.h"

struct clock;
struct err;
struct member;
struct timerq;

struct member_deps {
	const struct clock *clock;
	struct timerq *tq;
	const struct kernel *kernel;
	/*
	 * Be (or be no more) a receiver of datagrams to @to, from any source
	 * if @source is none. @interface "": where routing sends to @to, else
	 * towards the key server. Joining twice, or joining again after links
	 * have changed, is no error. The index of the interface (0: unknown)
	 * or -errno, and one line in @why: what is wrong and helps, or what
	 * had to be assumed, or "".
	 */
	int (*join_rekey)(void *ctx, const struct ep *to,
			  const struct addr *source, const char *interface,
			  char *why, size_t size);
	void (*leave_rekey)(void *ctx, const struct ep *to,
			    const struct addr *source);
	/*
	 * Digests of the keys of the kernel's SAs, kept for as long as the
	 * kernel may have these: over a restart of the process. A @digest of
	 * NULL: the SA is gone. find_key_note(): false, nothing is known. Both
	 * may be NULL: an SA of an earlier run is then taken for the one that
	 * the key server means when it has the same SPI.
	 */
	void (*note_key)(void *ctx, const char *group, uint32_t spi,
			 const uint8_t *digest);
	bool (*find_key_note)(void *ctx, const char *group, uint32_t spi,
			      uint8_t *digest);
	void *ctx;
};

/*
 * @deps' objects outlive the member; @conf does, or the next one that it was
 * given by member_reload(). @err: one line on failure.
 */
int member_new(struct member **out, const struct conf_member *conf,
	       const struct member_deps *deps, struct err *err);
void member_set_engine(struct member *m, struct ike_engine *engine);
/*
 * Fails, with one line in @err, when the kernel refuses a group: nothing is
 * sent in clear then, but nothing is protected either.
 */
int member_start(struct member *m, struct err *err);
void member_free(struct member *m);

/* ---- for struct ike_ops of the host ------------------------------------- */

void member_registered(struct member *m, struct ike_sa *sa,
		       const struct ike_id *idg, const struct gsa *gsa,
		       struct kd *kd, bool transport);
void member_refused(struct member *m, struct ike_sa *sa,
		    const struct ike_id *idg, uint16_t notify,
		    const char *text);
void member_left(struct member *m, struct ike_sa *sa, const struct ike_id *idg);
void member_sa_closed(struct member *m, struct ike_sa *sa, const char *reason);

/* ---- events ------------------------------------------------------------- */

/* A datagram that came to a rekey address, without non-ESP marker. */
void member_rekey_input(struct member *m, const struct ep *from,
			const uint8_t *p, size_t len);
void member_kernel_event(struct member *m, const struct kevent *ev);
void member_link_event(struct member *m, const struct link_event *ev);

/* ---- control ------------------------------------------------------------ */

/*
 * Leaves @group (NULL: all): tells the key server and deletes the SAs; the
 * kernel's group stays and stays closed. Registers again with member_join().
 * -ENOENT: no such group; -EALREADY.
 */
int member_leave(struct member *m, const char *group);
int member_join(struct member *m, const char *group);
/* @line: a sentence for an operator about one thing that a reload changes. */
typedef void member_change_fn(void *arg, const char *line);

/*
 * Goes over to @conf: groups that are new are protected and register, changed
 * ones register again where the key server has to know (others count from the
 * next Data SA on), groups that are not in it leave. The SAs of those are
 * deleted; the kernel's group stays and stays closed until an administrator
 * deletes it ("mcsecctl group del NAME --force"), and is listed until then.
 *
 * 0; -EBUSY: @err names what cannot change while the member runs; -ENOMEM or
 * what the kernel refused. Nothing has changed then, and the configuration
 * before stays in use. After a success nobody uses that any more.
 */
int member_reload(struct member *m, const struct conf_member *conf,
		  struct err *err);
/* Says each thing that a reload would change; the kernel may refuse it still. */
int member_reload_check(const struct member *m, const struct conf_member *conf,
			member_change_fn *fn, void *arg, struct err *err);

/* No leave is waiting for an answer: the process may end. */
bool member_idle(const struct member *m);

enum member_state {
	MEMBER_OUT, /* left, or not started */
	MEMBER_WAITING, /* not in; registers when its timer says */
	MEMBER_REGISTERING, /* not in; waits for the key server's answer */
	MEMBER_IN, /* holds keys of the group */
	MEMBER_RENEWING, /* in, and registers again */
	MEMBER_LEAVING, /* waits for the answer to its leave */
	MEMBER_REJOINING, /* leaves, and registers after that */
};

/* The member holds keys of the group. */
bool member_state_is_in(enum member_state state);

struct member_group_status {
	const struct conf_mgroup *conf;
	enum member_state state;
	bool removed; /* not configured any more, and closed */
	uint32_t retry_ms; /* while it waits */
	const char *last_error; /* why it is not in; "" */
	const char *doubt; /* in, and why its keys may be out of date; or NULL */
	bool keyed; /* holds a Rekey SA */
	struct ep rekey_to; /* where it hears rekeys, or none */
	uint32_t rekey_ifindex; /* and on which interface; 0: none */
	const char *rekey_note; /* why not, or what was assumed; "" */
	uint8_t rekey_spi[16];
	uint32_t next_mid;
	uint32_t rekey_left; /* seconds of lifetime left */
	char signing_key[SIGPUB_NAME_LEN]; /* name of what rekeys are signed with */
	uint32_t out_spi; /* SA that sends; 0: none */
	uint32_t data_spi; /* newest SA; 0: none */
	uint32_t data_left;
	unsigned int n_sas; /* old ones too */
	int64_t until; /* it is a member, seconds since 1970; 0 */
	uint32_t atd; /* seconds, as last received */
	uint32_t dtd;
	uint32_t n_sender_ids;
	uint32_t first_sender_id;
	/* since the start */
	uint64_t registrations;
	uint64_t refusals;
	uint64_t rekeys; /* GSA_REKEYs that were followed */
	bool wary; /* somebody else has the signing key */
	uint64_t rivals; /* followed, and denied by the key server */
	uint64_t old; /* those that came too late */
	uint64_t excluded;
	uint64_t kernel_errors;
	uint64_t state_errors; /* moves that its state refused */
};

/*
 * The state in one word for an operator: out, waiting, registering, in, behind
 * (in, with a doubt) or leaving.
 */
const char *member_state_text(const struct member_group_status *s);

/* Of struct member_group_status; the second, while it is keyed. */
extern const struct metric member_group_metrics[];
extern const struct metric member_key_metrics[];

typedef int member_group_fn(void *arg, const struct member_group_status *s);

int member_each_group(struct member *m, member_group_fn *fn, void *arg);
/* GSA_REKEYs dropped, by reason: one for each enum rekey_rc, rekey_metrics */
const uint64_t *member_rekey_drops(const struct member *m);
/* The IKE SA to the key server, NULL when there is none. */
struct ike_sa *member_ike_sa(const struct member *m);

#endif
