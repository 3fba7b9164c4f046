// SPDX-License-Identifier: Apache-2.0
/* Role of a key server: gcks/ on sockets and a store. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/audit.h"
#include "crypto/sealkey.h"
#include "gcks/gcks.h"
#include "store/thread.h"
#include "wire/proto.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/util.h"

/* Receive buffer; see udp_set_rcvbuf(). */
#define RCVBUF_OCTETS (8 << 20)

/*
 * Time that the group layer may take for a join: it waits for its batch, at most a minute
 * (batch-join, after a reload too), then for the rekey before it.
 */
#define JOIN_PATIENCE_MS (60000 + 30000)

/*
 * Return the socket bound to the address @from, else a wildcard socket, or
 * NULL.
 */
static struct sock *find_listener(struct app *a, const struct ep *from)
{
	struct sock *wild = NULL;
	size_t i;

	for (i = 0; i < a->n_listen; i++) {
		struct sock *s = &a->listen[i];

		if (s->local.port != from->port ||
		    s->local.addr.family != from->addr.family)
			continue;
		if (addr_equal(&s->local.addr, &from->addr))
			return s;
		if (addr_is_any(&s->local.addr))
			wild = s;
	}
	return wild;
}

static void gcks_send(void *ctx, const struct ep *from, const struct ep *to,
		      const uint8_t *p, size_t len)
{
	struct sock *s = find_listener(ctx, from);

	if (s)
		app_sock_send(s, from, to, p, len);
}

static bool hears_natt(void *ctx, const struct ep *local)
{
	struct ep natt = *local;

	natt.port = IKE_NATT_PORT;
	return find_listener(ctx, &natt);
}

static enum gike_when group_request(void *ctx, struct ike_sa *sa,
				    const struct gike_req *req,
				    struct gike_reply *reply)
{
	struct app *a = ctx;

	return gcks_group_request(a->gcks, sa, req, reply);
}

static bool is_welcome(void *ctx, struct ike_sa *sa)
{
	struct app *a = ctx;

	return gcks_welcome(a->gcks, sa);
}

static bool one_place(void *ctx)
{
	struct app *a = ctx;

	return gcks_one_place(a->gcks);
}

static void gcks_event(void *ctx, const struct ike_event *ev)
{
	struct app *a = ctx;

	gcks_ike_event(a->gcks, ev);
}

static void gcks_on_sending(void *ctx, struct ike_sa *sa, const uint8_t *group,
			    size_t len, uint32_t spi)
{
	struct app *a = ctx;

	gcks_sending(a->gcks, sa, group, len, spi);
}

static void gcks_on_rival(void *ctx, struct ike_sa *sa, const uint8_t *group,
			  size_t len, uint32_t spi)
{
	struct app *a = ctx;

	gcks_rival(a->gcks, sa, group, len, spi);
}

static void gcks_on_moved(void *ctx, struct ike_sa *sa, const struct ep *from)
{
	struct app *a = ctx;

	if (a->gcks)
		gcks_moved(a->gcks, sa, from);
}

static int gcks_on_fill(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
			struct gike_inband *msg)
{
	struct app *a = ctx;

	return gcks_inband_fill(a->gcks, sa, idg, msg);
}

static void gcks_on_done(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
			 uint16_t notify)
{
	struct app *a = ctx;

	gcks_inband_done(a->gcks, sa, idg, notify);
}

static void gcks_on_grant(void *ctx, struct ike_sa *sa,
			  const struct grant_request *req, struct wbuf *w,
			  struct grant_answer *ans)
{
	struct app *a = ctx;

	gcks_grant_request(a->gcks, sa, req, w, ans);
}

static void gcks_on_closed(void *ctx, struct ike_sa *sa, const char *reason)
{
	struct app *a = ctx;

	(void)reason;
	if (a->gcks)
		gcks_sa_closed(a->gcks, sa);
}

static const struct ike_ops gcks_ops = {
	.send = gcks_send,
	.hears_natt = hears_natt,
	.one_place = one_place,
	.group_request = group_request,
	.welcome = is_welcome,
	.sending = gcks_on_sending,
	.rival = gcks_on_rival,
	.moved = gcks_on_moved,
	.inband_fill = gcks_on_fill,
	.inband_done = gcks_on_done,
	.grant_request = gcks_on_grant,
	.sa_closed = gcks_on_closed,
	.event = gcks_event,
};

/* Return an own address that members connect to, or an unspecified one. */
static struct ep our_addr(const struct app *a, const struct gcks_dest *d)
{
	struct ep e = { .addr = d->source };
	size_t i;

	for (i = 0; i < a->n_listen && addr_is_none(&e.addr); i++)
		if (!addr_is_any(&a->listen[i].local.addr) &&
		    a->listen[i].local.addr.family == d->to.addr.family)
			e = a->listen[i].local;
	return e;
}

static int send_rekey(void *ctx, const struct gcks_dest *d, const uint8_t *p,
		      size_t len)
{
	struct app *a = ctx;
	bool v6 = d->to.addr.family == AF_INET6;
	struct ep from = { .addr = d->source }, to = d->to;
	bool mark = to.port == IKE_NATT_PORT;
	struct rekey_path w = {
		.to = to,
		.interface = d->interface,
		.other = our_addr(a, d),
		.fd = a->rekey_fd[v6],
		.setting = "rekey-interface",
	};
	char ep[EP_STRLEN];
	struct err why;
	uint32_t ifindex;
	int ret;

	ret = app_choose_interface(&w, &ifindex, &why);
	if (!ret && v6 && addr_is_link_local(&to.addr))
		to.scope = ifindex;
	/* Loopback, since this host may be a member of its own group. */
	if (!ret)
		ret = udp_mcast_out(a->rekey_fd[v6], to.addr.family, d->ttl,
				    ifindex, true);
	if (!ret)
		ret = app_send(a->rekey_fd[v6],
			       addr_is_none(&from.addr) ? NULL : &from, &to,
			       mark, p, len);
	/*
	 * The key server logs that a copy was not sent; only this layer knows
	 * the setting that helps.
	 */
	if (strcmp(why.text, a->rekey_note)) {
		snprintf(a->rekey_note, sizeof(a->rekey_note), "%s", why.text);
		if (why.text[0])
			log_warn("rekey route missing: to %s: %s",
				 ep_str(&to, ep), why.text);
	}
	return ret;
}

/* The seal key of a configuration, whose texts these are. */
struct seal_place {
	struct sealkey_cfg key;
	struct envelope_cfg wrap;
};

static const struct sealkey_cfg *seal_place(const struct conf_gcks *c,
					    struct seal_place *p)
{
	const struct conf_wrap *w = &c->wrap;

	p->wrap = (struct envelope_cfg){
		.certificate = w->certificate,
		.recovery = (const char *const *)w->recovery.file,
		.n_recovery = w->recovery.n,
		.key = w->key,
		.provider = w->provider,
		.pin = w->pin,
		.oaep = w->oaep,
	};
	p->key = (struct sealkey_cfg){
		.place = c->seal_key,
		.wrap = w->certificate ? &p->wrap : NULL,
	};
	return &p->key;
}

static int open_store(struct app *a, struct err *err)
{
	const struct conf_gcks *c = a->conf->gcks;
	const char *const paths[VAULT_STORES] = { c->store, c->witness };
	struct seal_place place;
	int ret, i;
	bool fresh;

	/* An error shows when the file is opened. */
	file_make_folder(c->store, 0700);
	if (c->seal_key[0] == '/')
		file_make_folder(c->seal_key, 0700);
	file_make_folder(c->witness, 0700);
	/* A new key could not open an existing store. */
	fresh = access(c->store, F_OK) && errno == ENOENT;
	ret = vault_open(&a->vault, seal_place(c, &place), paths, fresh, err);
	a->seal_rejected = ret == -EKEYREJECTED;
	for (i = 0; !ret && c->store_thread && i < VAULT_STORES; i++)
		ret = store_thread(a->vault.store[i], a->loop, err);
	return ret;
}

static int reseal_stores(void *ctx, struct err *err)
{
	struct app *a = ctx;

	return vault_rekey(&a->vault, err);
}

/*
 * Many members that start at once send faster than they are answered: the
 * buffer should hold as many first messages as there may be half-open IKE SAs.
 */
static void set_receive_buffer(struct sock *s)
{
	char ep[EP_STRLEN];
	int got = udp_set_rcvbuf(s->fd.fd, RCVBUF_OCTETS);

	if (got < RCVBUF_OCTETS)
		log_warn("receive buffer too small: %s: room for %d octets of datagrams, not %d: raise net.core.rmem_max",
			 ep_str(&s->local, ep), got < 0 ? 0 : got,
			 RCVBUF_OCTETS);
}

/*
 * A default listener is optional: a host may lack an address family, and
 * another IKE daemon may have the NAT traversal port, unless it was configured.
 */
static bool listener_optional(const struct conf_gcks *c, const struct ep *e,
			      int ret)
{
	if (c->listen_default && e->port == IKE_NATT_PORT && ret == -EADDRINUSE)
		return true;
	return addr_is_any(&e->addr) &&
	       (ret == -EAFNOSUPPORT || ret == -EADDRNOTAVAIL);
}

static int open_listeners(struct app *a, struct err *err)
{
	const struct conf_gcks *c = a->conf->gcks;
	struct ep any = { 0 };
	size_t i;
	int ret;

	for (i = 0; i < c->n_listen; i++) {
		ret = app_open_sock(a, &a->listen[a->n_listen], &c->listen[i],
				    &a->gcks_engine, err);
		if (ret && !listener_optional(c, &c->listen[i], ret))
			return ret;
		if (ret) {
			log_warn("not listening: %s", err->text);
			continue;
		}
		set_receive_buffer(&a->listen[a->n_listen++]);
	}
	if (!a->n_listen)
		return err_set(err, -EADDRNOTAVAIL, "no address to listen on");
	for (i = 0; i < 2; i++) {
		addr_set(&any.addr, i ? AF_INET6 : AF_INET, &in6addr_any);
		/* A missing address family shows when it is used. */
		a->rekey_fd[i] = udp_open(&any, 0);
	}
	return 0;
}

/* All groups have one key wrap (conf/check.c), for IKE SAs too, so no other is offered. */
static void restrict_kwa(struct app *a)
{
	struct sa_pld *sa = &a->gcks_proposals;
	uint16_t kwa = a->conf->gcks->groups[0].kwa;
	size_t i, k, n;

	ike_default_proposals(sa);
	for (i = 0; i < sa->n; i++) {
		struct proposal *p = &sa->p[i];

		for (k = n = 0; k < p->n; k++)
			if (p->t[k].type != GIKE_TT_KWA || p->t[k].id == kwa)
				p->t[n++] = p->t[k];
		p->n = n;
	}
}

int app_start_gcks(struct app *a, struct err *err)
{
	const struct conf_gcks *c = a->conf->gcks;
	struct gcks_deps deps = {
		.clock = clock_system(),
		.tq = &a->tq,
		.send_rekey = send_rekey,
		.reseal = reseal_stores,
		.trust = a->trust,
		.ctx = a,
		.psks = a->peer_keys.psks,
		.key = a->key,
		.identity = a->name,
	};
	struct ike_engine_cfg cfg = app_engine_cfg(a);
	int ret;

	ret = open_store(a, err);
	if (!ret)
		ret = app_open_audit(a, err);
	if (!ret)
		ret = app_take_crls(a, err);
	if (!ret)
		ret = open_listeners(a, err);
	if (ret)
		return ret;
	deps.store = a->vault.store[VAULT_MAIN];
	deps.witness = a->vault.store[VAULT_WITNESS];
	ret = gcks_new(c, &deps, &a->gcks, err);
	if (ret)
		return ret;
	restrict_kwa(a);
	cfg.responder = true;
	cfg.proposals = &a->gcks_proposals;
	cfg.plain_ike = c->plain_ike;
	cfg.cookie_always = !c->cookie_threshold;
	cfg.cookie_above = c->cookie_threshold;
	cfg.max_half_open = c->max_half_open;
	cfg.max_sas = c->max_sas;
	cfg.max_per_peer = c->max_sas_address;
	cfg.max_per_identity = c->max_sas_identity;
	cfg.idle_ms = c->sa_idle * MSEC_PER_SEC;
	cfg.lifetime_ms = c->sa_lifetime * MSEC_PER_SEC;
	cfg.ticket_s = c->ticket_lifetime;
	cfg.fragment_size = c->fragment_size;
	cfg.addke = app_addke(&c->addke);
	cfg.rekey_ms = c->sa_rekey * MSEC_PER_SEC;
	cfg.later_ms = JOIN_PATIENCE_MS;
	ret = ike_engine_new(&cfg, &gcks_ops, a, &a->gcks_engine);
	if (ret)
		return err_set(err, ret, "IKE: %s", strerror(-ret));
	gcks_set_engine(a->gcks, a->gcks_engine);
	log_info("started: key server of %zu group%s", c->n_groups,
		 c->n_groups == 1 ? "" : "s");
	return 0;
}

int app_start_check(struct app *a, conf_change_fn *fn, void *arg,
		    struct err *err)
{
	const struct conf_gcks *c = a->conf->gcks;
	const char *const paths[VAULT_STORES] = { c->store, c->witness };
	struct gcks_deps deps = { .clock = clock_system(),
				  .tq = &a->tq,
				  .trust = a->trust,
				  .psks = a->peer_keys.psks };
	char line[PATH_MAX + 64];
	struct seal_place place;
	int ret;

	if (access(c->store, F_OK) && errno == ENOENT &&
	    access(c->witness, F_OK) && errno == ENOENT) {
		snprintf(line, sizeof(line), "store %s: made, without members",
			 c->store);
		fn(arg, line);
		return 0;
	}
	/* Checks may follow each other, and a few wrong PINs lock a token. */
	if (c->wrap.certificate && c->wrap.pin)
		return err_set(err, -EACCES,
			       "its seal key is in an envelope, and a check tells no token the PIN of seal-wrap.pin");
	timerq_init(&a->tq, clock_system());
	ret = vault_open_copy(&a->vault, seal_place(c, &place), paths, err);
	if (!ret) {
		deps.store = a->vault.store[VAULT_MAIN];
		deps.witness = a->vault.store[VAULT_WITNESS];
		ret = gcks_start_check(c, &deps, fn, arg, err);
	}
	vault_close(&a->vault);
	return ret;
}

void app_stop_gcks(struct app *a)
{
	size_t i;

	app_close_sas(a->gcks_engine);
	ike_engine_free(a->gcks_engine);
	a->gcks_engine = NULL;
	gcks_free(a->gcks);
	a->gcks = NULL;
	for (i = 0; i < a->n_listen; i++)
		app_close_sock(a, &a->listen[i]);
	for (i = 0; i < 2; i++)
		if (a->rekey_fd[i] >= 0)
			close(a->rekey_fd[i]);
	app_close_audit(a);
	vault_close(&a->vault);
}
