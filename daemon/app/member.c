// SPDX-License-Identifier: Apache-2.0
/* Role of a member: member/ on sockets and the kernel. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/key_digests.h"
#include "wire/proto.h"
#include "ike/ppk.h"
#include "ike/psk.h"
#include "kernel/link.h"
#include "kernel/nl.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/mcast.h"
#include "lib/quote.h"
#include "member/member.h"

#define REXMIT_MS 500
#define REXMIT_MAX 12

static void member_send(void *ctx, const struct ep *from, const struct ep *to,
			const uint8_t *p, size_t len)
{
	struct app *a = ctx;
	bool natt = a->natt.app && from->port == a->natt.local.port;
	int ret =
		app_sock_send(natt ? &a->natt : &a->unicast, from, to, p, len);

	if (a->member)
		member_sent(a->member, ret);
}

/*
 * The source address is looked up for each IKE SA, since routing may have
 * changed.
 */
static int member_local_of(void *ctx, const struct ep *peer, struct ep *local)
{
	struct app *a = ctx;
	int ret = udp_source(peer, &local->addr);

	local->port = a->unicast.local.port;
	return ret;
}

static void member_keepalive(void *ctx, const struct ep *from,
			     const struct ep *to)
{
	static const uint8_t octet = 0xff;
	struct app *a = ctx;

	/* Losses do not matter, since keepalives are periodic. */
	if (a->natt.app)
		udp_send(a->natt.fd.fd, from, to, &octet, 1);
}

/*
 * Open the port for UDP encapsulation. Any port works, since the NAT changes the
 * source port anyway; 4500 is left to a key server, or another IKE daemon, that
 * starts after us on this host and needs it. Only next to a port that was
 * configured 4500 is tried first, so that rules of a firewall can name both.
 * Without a port, NAT detection is off.
 */
static void open_natt(struct app *a, const struct ep *unicast)
{
	struct ep local = *unicast;
	struct err err;
	int ret;

	local.port = unicast->port ? IKE_NATT_PORT : 0;
	ret = app_open_sock(a, &a->natt, &local, &a->member_engine, &err);
	if (ret == -EADDRINUSE) {
		local.port = 0;
		ret = app_open_sock(a, &a->natt, &local, &a->member_engine,
				    &err);
	}
	if (ret)
		log_warn("NAT traversal unavailable: %s", err.text);
}

static void on_registered(void *ctx, struct ike_sa *sa,
			  const struct ike_id *idg,
			  const struct gike_answer *answer)
{
	struct app *a = ctx;

	member_registered(a->member, sa, idg, answer->gsa, answer->kd,
			  answer->transport);
	app_wake_edges(a);
}

/*
 * Behind app_stop_member() there is no member, and only ends of IKE SAs, refusals and what
 * the key server has sent by itself can still come, but no answers.
 */
static void on_refused(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
		       uint16_t notify, const char *text)
{
	struct app *a = ctx;

	if (a->member)
		member_refused(a->member, sa, idg, notify, text);
}

static void on_put_off(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
		       uint32_t ms)
{
	struct app *a = ctx;

	member_later(a->member, sa, idg, ms);
}

static void on_left(void *ctx, struct ike_sa *sa, const struct ike_id *idg)
{
	struct app *a = ctx;

	member_left(a->member, sa, idg);
}

static void on_inband(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
		      struct gike_inband *msg)
{
	struct app *a = ctx;

	if (a->member)
		member_inband(a->member, sa, idg, msg);
}

static void on_changed(void *ctx, struct ike_sa *sa, const uint8_t *group,
		       size_t len, uint32_t spi)
{
	struct app *a = ctx;

	(void)sa;
	if (a->member)
		member_changed(a->member, group, len, spi);
}

static void on_grant(void *ctx, struct ike_sa *sa,
		     const struct grant_answer *ans)
{
	app_edges_grant(ctx, sa, ans);
}

static void on_grant_ends(void *ctx, struct ike_sa *sa,
			  const struct grant_ends *ends)
{
	(void)sa;
	app_edges_ends(ctx, ends);
}

static void on_sa_closed(void *ctx, struct ike_sa *sa, const char *reason)
{
	struct app *a = ctx;

	if (a->member)
		member_sa_closed(a->member, sa, reason);
}

/*
 * A member only initiates, so the number of events is that of its own requests,
 * which become rare when they fail.
 */
static void member_event(void *ctx, const struct ike_event *ev)
{
	char peer[PEER_STRLEN];

	(void)ctx;
	peer_str(ev->peer_name, ev->peer, peer);
	switch (ev->type) {
	case IKE_EV_UP:
		log_info("authentication succeeded: key server %s: %s", peer,
			 ev->text);
		break;
	case IKE_EV_CLOSED:
		log_info("IKE SA closed: key server %s: %s", peer, ev->text);
		break;
	case IKE_EV_AUTH_FAILED:
		log_warn("authentication failed: key server %s: %s", peer,
			 ev->text);
		break;
	case IKE_EV_REFUSED:
		log_warn("refused by peer: key server %s: %s", peer, ev->text);
		break;
	case IKE_EV_REQUEST_REFUSED:
		log_debug("request refused: %s: %s", peer, ev->text);
		break;
	case IKE_EV_CAP:
		log_warn("limit reached: %s: %s", peer, ev->text);
		break;
	case IKE_EV_MOVED:
		log_info("address changed: key server %s: %s", peer, ev->text);
		break;
	}
}

static const struct ike_ops member_ops = {
	.send = member_send,
	.local_of = member_local_of,
	.keepalive = member_keepalive,
	.registered = on_registered,
	.refused = on_refused,
	.later = on_put_off,
	.left = on_left,
	.inband = on_inband,
	.changed = on_changed,
	.grant_answer = on_grant,
	.grant_ends = on_grant_ends,
	.sa_closed = on_sa_closed,
	.event = member_event,
};

static int join_rekey(void *ctx, const struct ep *to, const struct addr *source,
		      const char *interface, struct err *err)
{
	struct app *a = ctx;
	struct rekey_path w = {
		.to = *to,
		.interface = interface,
		.other = a->conf->member->gcks,
		.fd = a->unicast.fd.fd,
		.setting = "interface",
	};
	uint32_t ifindex;
	int ret;

	ret = app_choose_interface(&w, &ifindex, err);
	if (ret)
		return ret;
	ret = mcast_join(a->mcast, to, source, ifindex);
	return ret ? err_set(err, ret, "%s", strerror(-ret)) : (int)ifindex;
}

static void leave_rekey(void *ctx, const struct ep *to,
			const struct addr *source)
{
	struct app *a = ctx;

	mcast_leave(a->mcast, to, source);
}

/* After an error the next try to join makes up for it. */
static void report_rekey(void *ctx, const struct ep *to,
			 const struct addr *source)
{
	struct app *a = ctx;

	mcast_report(a->mcast, to, source);
}

static void set_key_digest(void *ctx, const char *group, uint32_t spi,
			   const uint8_t *digest)
{
	struct app *a = ctx;

	key_digests_set(a->key_digests, group, spi, digest);
}

static bool find_key_note(void *ctx, const char *group, uint32_t spi,
			  uint8_t *digest)
{
	struct app *a = ctx;

	return key_digests_get(a->key_digests, group, spi, digest);
}

/* Tell by what the key server is authenticated; ike/authenticate.c chooses in the same way. */
static unsigned int member_auth(void *ctx)
{
	const struct app *a = ctx;
	const char *id = a->conf->member->gcks_id;

	return (psks_find(a->peer_keys.psks, id) ? MEMBER_BY_PSK : 0) |
	       (ppks_find(a->peer_keys.ppks, id) ? MEMBER_WITH_PPK : 0);
}

/* The module knows an interface by its first name only, so no other one counts. */
static bool has_interface(void *ctx, const char *name)
{
	const struct app *a = ctx;
	struct link_info link;

	return !linkmon_find(a->links, name, 0, &link);
}

static bool carries_packets(void *ctx, uint32_t ifindex)
{
	const struct app *a = ctx;
	struct link_info link;

	return !linkmon_find(a->links, NULL, (int)ifindex, &link) && link.up;
}

static bool is_below(void *ctx, uint32_t lower, uint32_t upper)
{
	const struct app *a = ctx;

	return linkmon_is_below(a->links, (int)lower, (int)upper);
}

static void log_gap(void *arg, const char *line)
{
	(void)arg;
	log_warn("partly protected: %s", line);
}

static void log_control(void *arg, const char *line)
{
	(void)arg;
	log_warn("control traffic dropped: %s", line);
}

/* The kernel had an SA with this key in an earlier run, and has lost it since. */
static void lost_key(void *ctx, const uint8_t digest[HASH_SHA256_LEN])
{
	struct app *a = ctx;

	member_note_spent(a->member, digest);
}

/*
 * The file is next to the control socket, which is unique for each daemon, too.
 */
static int open_key_digests(struct app *a, struct err *err)
{
	char *path;

	if (asprintf(&path, "%s.keys", a->conf->control) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	a->key_digests = key_digests_new(path);
	free(path);
	return a->key_digests ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static void on_rekey(void *ctx, const struct ep *from, const struct ep *to,
		     const uint8_t *p, size_t len)
{
	struct app *a = ctx;

	if (to->port == IKE_NATT_PORT && !app_strip_marker(&p, &len))
		return;
	member_rekey_input(a->member, from, p, len);
}

static void on_kernel_event(void *arg, const struct kevent *ev)
{
	struct app *a = arg;

	member_kernel_event(a->member, ev);
}

static void on_link_event(void *arg, const struct link_event *ev)
{
	struct app *a = arg;

	member_link_event(a->member, ev);
}

/*
 * Without the kernel's events keys would outlive their lifetime unnoticed, so
 * the daemon stops.
 */
static void kernel_broken(struct app *a, const char *what, int ret)
{
	log_err("events lost: %s: %s; exiting", what, strerror(-ret));
	a->failed = true;
	loop_stop(a->loop);
}

/*
 * A module that was loaded again may not answer yet. Keys would outlive their lifetime
 * as above, but only until a try succeeds; meanwhile the health has the reason.
 */
static void read_kernel(struct app *a)
{
	bool told = a->events_error[0];
	struct err err;
	int ret = knl_events_read(&a->kernel, &err);

	if (ret && ret != -EAGAIN) {
		kernel_broken(a, "kernel events", ret);
		return;
	}
	snprintf(a->events_error, sizeof(a->events_error), "%s",
		 ret ? err.text : "");
	if (ret)
		timer_set(&a->tq, &a->events_retry, KNL_AGAIN_MS);
	if (ret && !told)
		log_err("events not received: the module was loaded again: %s",
			err.text);
	else if (!ret && told)
		log_info("events received again");
}

static void read_kernel_again(void *arg)
{
	read_kernel(arg);
}

static void kernel_readable(void *arg, uint32_t events)
{
	(void)events;
	read_kernel(arg);
}

static void links_readable(void *arg, uint32_t events)
{
	struct app *a = arg;
	int ret = linkmon_read(a->links);

	(void)events;
	if (ret)
		kernel_broken(a, "link events", ret);
}

static int open_kernel(struct app *a, struct err *err)
{
	struct err why;
	int ret;

	ret = knl_open(&a->kernel, &why);
	if (ret)
		return err_set(err, ret, "kernel: %s", why.text);
	a->kernel_open = true;
	timer_init(&a->events_retry, read_kernel_again, a);
	ret = knl_events_open(&a->kernel, on_kernel_event, a, &why);
	if (ret < 0)
		return err_set(err, ret, "kernel: %s", why.text);
	a->kernel_fd = (struct loop_fd){ ret, kernel_readable, a };
	ret = loop_add(a->loop, &a->kernel_fd, EPOLLIN);
	if (ret) {
		a->kernel_fd.fd = -1;
		return err_set(err, ret, "kernel: %s", strerror(-ret));
	}
	ret = linkmon_open(on_link_event, a, &a->links);
	if (ret)
		return err_set(err, ret, "rtnetlink: %s", strerror(-ret));
	a->link_fd =
		(struct loop_fd){ linkmon_fd(a->links), links_readable, a };
	ret = loop_add(a->loop, &a->link_fd, EPOLLIN);
	return ret ? err_set(err, ret, "rtnetlink: %s", strerror(-ret)) : 0;
}

int app_protect_member(struct app *a, struct err *err)
{
	struct member_deps deps = {
		.clock = clock_system(),
		.tq = &a->tq,
		.kernel = &a->kernel,
		.join_rekey = join_rekey,
		.report_rekey = report_rekey,
		.leave_rekey = leave_rekey,
		.note_key = set_key_digest,
		.find_key_note = find_key_note,
		.auth = member_auth,
		.has_interface = has_interface,
		.carries = carries_packets,
		.is_below = is_below,
		.ctx = a,
	};
	int ret;

	ret = open_kernel(a, err);
	if (!ret)
		ret = open_key_digests(a, err);
	if (!ret)
		ret = member_new(a->conf->member, &deps, &a->member, err);
	return ret ? ret : member_protect(a->member, err);
}

static void watch_lost(void *arg)
{
	struct app *a = arg;

	member_watch_lost(a->member);
	timer_set(&a->tq, &a->lost, MEMBER_LOST_MS);
}

int app_start_member(struct app *a, struct err *err)
{
	const struct conf_member *c = a->conf->member;
	struct ike_engine_cfg cfg = app_engine_cfg(a);
	struct ep local = c->local;
	int ret;

	/* A member that may have missed a rekey must be quick. */
	cfg.rexmit_ms = REXMIT_MS;
	cfg.rexmit_max = REXMIT_MAX;
	cfg.lifetime_ms = c->sa_lifetime * MSEC_PER_SEC;
	cfg.resume = c->session_resumption;
	cfg.fragment_size = c->fragment_size;
	cfg.addke = app_addke(&c->addke);
	cfg.rekey_ms = c->sa_rekey * MSEC_PER_SEC;

	ret = mcast_new(a->loop, on_rekey, a, &a->mcast);
	if (ret)
		return err_set(err, ret, "out of memory");
	if (addr_is_none(&local.addr)) {
		addr_set(&local.addr, c->gcks.addr.family, &in6addr_any);
		local.port = 0;
	}
	ret = app_open_sock(a, &a->unicast, &local, &a->member_engine, err);
	if (ret)
		return ret;
	open_natt(a, &local);
	cfg.natt_port = a->natt.app ? a->natt.local.port : 0;
	ret = ike_engine_new(&cfg, &member_ops, a, &a->member_engine);
	if (ret)
		return err_set(err, ret, "IKE: %s", strerror(-ret));
	member_set_engine(a->member, a->member_engine);
	ret = member_start(a->member, err);
	timer_init(&a->lost, watch_lost, a);
	if (ret)
		return ret;
	watch_lost(a);
	key_digests_prune(a->key_digests, lost_key, a);
	conf_each_gap(a->conf, log_gap, NULL);
	conf_each_control(a->conf, log_control, NULL);
	log_info("started: member of %zu group%s", c->n_groups,
		 c->n_groups == 1 ? "" : "s");
	return 0;
}

/*
 * Stop the role. Groups and SAs stay in the kernel: protected addresses stay
 * closed, and traffic continues with the current keys until their hard
 * lifetimes.
 */
void app_stop_member(struct app *a)
{
	/*
	 * The member is freed first, otherwise it would take the end of its IKE
	 * SAs for a failure.
	 */
	timer_del(&a->tq, &a->lost);
	member_free(a->member);
	a->member = NULL;
	key_digests_free(a->key_digests);
	a->key_digests = NULL;
	app_close_sas(a->member_engine);
	ike_engine_free(a->member_engine);
	a->member_engine = NULL;
	mcast_free(a->mcast);
	app_close_sock(a, &a->unicast);
	app_close_sock(a, &a->natt);
	if (a->links) {
		loop_del(a->loop, &a->link_fd);
		linkmon_close(a->links);
	}
	if (a->kernel_open) {
		timer_del(&a->tq, &a->events_retry);
		loop_del(a->loop, &a->kernel_fd);
		knl_close(&a->kernel);
	}
}
