// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "kernel/talk.h"
#include "lib/secret.h"
#include "lib/util.h"

/*
 * Attempts for a socket that another thread has locked (-EAGAIN), and the pause between
 * them.
 */
#define EDGE_TRIES 5
#define EDGE_PAUSE_MS 10

static struct nlmsghdr *begin_request(struct knl *n, uint8_t cmd,
				      uint16_t flags)
{
	return kattr_begin(n->tx, n->family, cmd, flags);
}

/* Report @put, the error of a kattr_put function, which may have left a key behind. */
static int report_put(struct knl *n, int put, struct err *err)
{
	secret_wipe(n->tx, sizeof(n->tx));
	return err_set(err, put, "request cannot be encoded: %s",
		       strerror(-put));
}

/* Send the request. @put is the result of a kattr_put function. */
static int send_request(struct knl *n, int put, struct err *err)
{
	return put ? report_put(n, put, err) : ktalk(n, NULL, NULL, NULL, err);
}

struct single_answer {
	int (*parse)(const struct nlmsghdr *nlh, void *item);
	void *item;
	bool got;
};

static int take_one(const struct nlmsghdr *nlh, void *arg)
{
	struct single_answer *one = arg;

	one->got = true;
	return one->parse(nlh, one->item);
}

static int request_one(struct knl *n, int put,
		       int (*parse)(const struct nlmsghdr *nlh, void *item),
		       void *item, struct err *err)
{
	struct single_answer one = { .parse = parse, .item = item };
	int ret;

	if (put)
		return report_put(n, put, err);
	ret = ktalk(n, take_one, &one, NULL, err);
	return !ret && !one.got ? ktalk_errno(err, -EBADMSG) : ret;
}

/*
 * Items of a dump are kept until it is complete, because the kernel reports
 * only at the end that something has changed, and because callbacks may send
 * requests.
 */
struct dump_items {
	int (*parse)(const struct nlmsghdr *nlh, void *item);
	size_t size;
	size_t n;
	size_t room;
	uint8_t *v;
};

static int take_item(const struct nlmsghdr *nlh, void *arg)
{
	struct dump_items *items = arg;
	size_t room;
	void *v;
	int ret;

	if (items->n == items->room) {
		room = items->room ? 2 * items->room : 16;
		v = reallocarray(items->v, room, items->size);
		if (!v)
			return -ENOMEM;
		items->v = v;
		items->room = room;
	}
	ret = items->parse(nlh, items->v + items->n * items->size);
	if (!ret)
		items->n++;
	return ret;
}

/*
 * Send the dump request in n->tx, and repeat it while the answer is
 * inconsistent.
 */
static int request_items(struct knl *n, int put, struct dump_items *items,
			 struct err *err)
{
	struct nlmsghdr *nlh = (void *)n->tx;
	size_t len = nlh->nlmsg_len;
	uint8_t again[256];
	bool changed;
	int tries;
	int ret;

	if (put || len > sizeof(again))
		return report_put(n, put ?: -EMSGSIZE, err);
	memcpy(again, n->tx, len);

	for (tries = 0; tries < KTALK_DUMP_TRIES; tries++) {
		memcpy(n->tx, again, len);
		items->n = 0;
		ret = ktalk(n, take_item, items, &changed, err);
		if (ret || !changed)
			return ret;
	}
	return ktalk_errno(err, -EINTR);
}

static int op_group_add(void *ctx, const struct kgroup *g, struct err *err)
{
	struct nlmsghdr *nlh = begin_request(ctx, MCSEC_CMD_GROUP_NEW, 0);

	return send_request(ctx, kattr_put_group(nlh, g), err);
}

static int op_group_set(void *ctx, const char *name, enum mcsec_policy policy,
			bool force, struct err *err)
{
	struct nlmsghdr *nlh = begin_request(ctx, MCSEC_CMD_GROUP_SET, 0);

	return send_request(ctx,
			    kattr_put_policy(nlh, name, policy)
				    ?: kattr_put_force(nlh, force),
			    err);
}

static int op_group_del(void *ctx, const char *name, bool force,
			struct err *err)
{
	struct nlmsghdr *nlh = begin_request(ctx, MCSEC_CMD_GROUP_DEL, 0);

	return send_request(ctx,
			    kattr_put_name(nlh, MCSEC_A_GROUP_NAME, name)
				    ?: kattr_put_force(nlh, force),
			    err);
}

static int parse_group(const struct nlmsghdr *nlh, void *item)
{
	return kattr_get_group(nlh, item);
}

static int op_group_get(void *ctx, const char *name, struct kgroup_info *g,
			struct err *err)
{
	struct nlmsghdr *nlh = begin_request(ctx, MCSEC_CMD_GROUP_GET, 0);

	return request_one(ctx, kattr_put_name(nlh, MCSEC_A_GROUP_NAME, name),
			   parse_group, g, err);
}

static int op_group_flush(void *ctx, bool force, struct err *err)
{
	struct nlmsghdr *nlh = begin_request(ctx, MCSEC_CMD_GROUP_FLUSH, 0);

	return send_request(ctx, kattr_put_force(nlh, force), err);
}

static int op_group_dump(void *ctx, kgroup_fn *fn, void *arg, struct err *err)
{
	struct dump_items items = {
		.parse = parse_group,
		.size = sizeof(struct kgroup_info),
	};
	size_t i;
	int ret;

	begin_request(ctx, MCSEC_CMD_GROUP_GET, NLM_F_DUMP);
	ret = request_items(ctx, 0, &items, err);
	for (i = 0; !ret && i < items.n; i++)
		ret = fn(arg, (struct kgroup_info *)items.v + i);
	free(items.v);
	return ret;
}

static int op_sa_add(void *ctx, const struct ksa *sa, struct err *err)
{
	struct nlmsghdr *nlh = begin_request(ctx, MCSEC_CMD_SA_NEW, 0);

	return send_request(ctx, kattr_put_sa(nlh, sa), err);
}

static int op_sa_set(void *ctx, const char *group, uint32_t spi,
		     const struct ksa_set *set, struct err *err)
{
	struct nlmsghdr *nlh = begin_request(ctx, MCSEC_CMD_SA_SET, 0);

	return send_request(ctx,
			    kattr_put_sa_id(nlh, group, spi)
				    ?: kattr_put_sa_set(nlh, set),
			    err);
}

static int parse_sa(const struct nlmsghdr *nlh, void *item)
{
	return kattr_get_sa(nlh, item);
}

static int op_sa_del(void *ctx, const char *group, uint32_t spi,
		     struct ksa_info *last, struct err *err)
{
	struct nlmsghdr *nlh = begin_request(ctx, MCSEC_CMD_SA_DEL, 0);
	int put = kattr_put_sa_id(nlh, group, spi);

	if (!last)
		return send_request(ctx, put, err);
	return request_one(ctx, put ?: kattr_put_last_counts(nlh), parse_sa,
			   last, err);
}

static int op_sa_flush(void *ctx, const char *group, struct err *err)
{
	struct nlmsghdr *nlh = begin_request(ctx, MCSEC_CMD_SA_FLUSH, 0);

	return send_request(ctx, kattr_put_name(nlh, MCSEC_A_SA_GROUP, group),
			    err);
}

static int op_sa_get(void *ctx, const char *group, uint32_t spi,
		     struct ksa_info *sa, struct err *err)
{
	struct nlmsghdr *nlh = begin_request(ctx, MCSEC_CMD_SA_GET, 0);

	return request_one(ctx, kattr_put_sa_id(nlh, group, spi), parse_sa, sa,
			   err);
}

static int op_sa_dump(void *ctx, const char *group, ksa_fn *fn, void *arg,
		      struct err *err)
{
	struct nlmsghdr *nlh = begin_request(ctx, MCSEC_CMD_SA_GET, NLM_F_DUMP);
	struct dump_items items = {
		.parse = parse_sa,
		.size = sizeof(struct ksa_info),
	};
	int put = 0;
	size_t i;
	int ret;

	if (group)
		put = kattr_put_name(nlh, MCSEC_A_SA_GROUP, group);
	ret = request_items(ctx, put, &items, err);
	for (i = 0; !ret && i < items.n; i++)
		ret = fn(arg, (struct ksa_info *)items.v + i);
	free(items.v);
	return ret;
}

static int op_sender_add(void *ctx, const struct ksender *s, struct err *err)
{
	struct nlmsghdr *nlh = begin_request(ctx, MCSEC_CMD_SENDER_NEW, 0);

	return send_request(ctx, kattr_put_sender(nlh, s, *s->name), err);
}

static int op_sender_set(void *ctx, const struct ksender *s, struct err *err)
{
	struct nlmsghdr *nlh = begin_request(ctx, MCSEC_CMD_SENDER_SET, 0);

	return send_request(ctx, kattr_put_sender(nlh, s, true), err);
}

static int op_sender_del(void *ctx, const struct ksender *s, struct err *err)
{
	struct nlmsghdr *nlh = begin_request(ctx, MCSEC_CMD_SENDER_DEL, 0);

	return send_request(ctx, kattr_put_sender(nlh, s, false), err);
}

static int parse_sender(const struct nlmsghdr *nlh, void *item)
{
	return kattr_get_sender(nlh, item);
}

static int op_sender_dump(void *ctx, const char *group, uint32_t spi,
			  ksender_fn *fn, void *arg, struct err *err)
{
	struct nlmsghdr *nlh =
		begin_request(ctx, MCSEC_CMD_SENDER_GET, NLM_F_DUMP);
	struct dump_items items = {
		.parse = parse_sender,
		.size = sizeof(struct ksender),
	};
	size_t i;
	int ret;

	ret = request_items(ctx, kattr_put_sender_id(nlh, group, spi), &items,
			    err);
	for (i = 0; !ret && i < items.n; i++)
		ret = fn(arg, (struct ksender *)items.v + i);
	free(items.v);
	return ret;
}

/*
 * The kernel does not wait for a thread that is using the socket, but returns -EAGAIN.
 */
static int op_edge_add(void *ctx, const struct kedge *e, struct err *err)
{
	const struct timespec pause = { .tv_nsec =
						EDGE_PAUSE_MS * NSEC_PER_MSEC };
	struct nlmsghdr *nlh;
	struct knl *n = ctx;
	int tries;
	int ret;

	n->lent = e->has_socket ? e->socket : -1;
	for (tries = 1;; tries++) {
		nlh = begin_request(ctx, MCSEC_CMD_EDGE_NEW, 0);
		ret = send_request(ctx, kattr_put_edge(nlh, e, false), err);
		if (ret != -EAGAIN || tries == EDGE_TRIES)
			break;
		nanosleep(&pause, NULL);
	}
	n->lent = -1;
	return ret;
}

static int op_edge_set(void *ctx, const struct kedge *e, struct err *err)
{
	struct nlmsghdr *nlh = begin_request(ctx, MCSEC_CMD_EDGE_SET, 0);

	return send_request(ctx, kattr_put_edge(nlh, e, true), err);
}

static int op_edge_del(void *ctx, const char *group, uint32_t id,
		       struct err *err)
{
	struct nlmsghdr *nlh = begin_request(ctx, MCSEC_CMD_EDGE_DEL, 0);

	return send_request(ctx, kattr_put_edge_id(nlh, group, id), err);
}

static int parse_edge(const struct nlmsghdr *nlh, void *item)
{
	return kattr_get_edge(nlh, item);
}

static int op_edge_get(void *ctx, const char *group, uint32_t id,
		       struct kedge *e, struct err *err)
{
	struct nlmsghdr *nlh = begin_request(ctx, MCSEC_CMD_EDGE_GET, 0);

	return request_one(ctx, kattr_put_edge_id(nlh, group, id), parse_edge,
			   e, err);
}

static int op_edge_dump(void *ctx, const char *group, kedge_fn *fn, void *arg,
			struct err *err)
{
	struct nlmsghdr *nlh =
		begin_request(ctx, MCSEC_CMD_EDGE_GET, NLM_F_DUMP);
	struct dump_items items = {
		.parse = parse_edge,
		.size = sizeof(struct kedge),
	};
	size_t i;
	int ret;

	ret = request_items(ctx, kattr_put_edge_id(nlh, group, 0), &items, err);
	for (i = 0; !ret && i < items.n; i++)
		ret = fn(arg, (struct kedge *)items.v + i);
	free(items.v);
	return ret;
}

static int parse_counter(const struct nlmsghdr *nlh, void *item)
{
	return kattr_get_counter(nlh, item);
}

static int op_stats_dump(void *ctx, kcounter_fn *fn, void *arg, struct err *err)
{
	struct dump_items items = {
		.parse = parse_counter,
		.size = sizeof(struct kcounter),
	};
	const struct kcounter *c;
	size_t i;
	int ret;

	begin_request(ctx, MCSEC_CMD_STATS_GET, NLM_F_DUMP);
	ret = request_items(ctx, 0, &items, err);
	for (i = 0; !ret && i < items.n; i++) {
		c = (struct kcounter *)items.v + i;
		ret = fn(arg, c->name, c->value);
	}
	free(items.v);
	return ret;
}

static const struct kernel_ops knl_ops = {
	.group_add = op_group_add,
	.group_set = op_group_set,
	.group_del = op_group_del,
	.group_get = op_group_get,
	.group_flush = op_group_flush,
	.group_dump = op_group_dump,
	.sa_add = op_sa_add,
	.sa_set = op_sa_set,
	.sa_del = op_sa_del,
	.sa_flush = op_sa_flush,
	.sa_get = op_sa_get,
	.sa_dump = op_sa_dump,
	.sender_add = op_sender_add,
	.sender_set = op_sender_set,
	.sender_del = op_sender_del,
	.sender_dump = op_sender_dump,
	.edge_add = op_edge_add,
	.edge_set = op_edge_set,
	.edge_del = op_edge_del,
	.edge_get = op_edge_get,
	.edge_dump = op_edge_dump,
	.stats_dump = op_stats_dump,
};

static const struct knl_access *default_access;

void knl_set_access(const struct knl_access *access)
{
	default_access = access;
}

struct mnl_socket *knl_socket(struct err *err)
{
	struct timeval limit = {
		.tv_sec = KNL_TIMEOUT_MS / MSEC_PER_SEC,
		.tv_usec = KNL_TIMEOUT_MS % MSEC_PER_SEC * 1000,
	};
	struct mnl_socket *s = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	int one = 1, error;

	if (!s || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &limit,
		       sizeof(limit)) < 0 ||
	    setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_SNDTIMEO, &limit,
		       sizeof(limit)) < 0) {
		err_set(err, -errno, "netlink socket not available: %s",
			strerror(errno));
		goto close;
	}
	/*
	 * Every refusal has a message, and the answer contains no copy of the
	 * request, which may hold a key.
	 */
	if (!mnl_socket_setsockopt(s, NETLINK_EXT_ACK, &one, sizeof(one)) &&
	    !mnl_socket_setsockopt(s, NETLINK_CAP_ACK, &one, sizeof(one)))
		return s;
	err_set(err, -errno, "netlink without extended ACKs: %s",
		strerror(errno));
close:
	error = errno;
	if (s)
		mnl_socket_close(s);
	errno = error;
	return NULL;
}

/* The same socket from the process that may send. */
static struct mnl_socket *lent_socket(const struct knl_access *access,
				      struct err *err)
{
	int fd = access->open_requests(access->ctx);
	struct mnl_socket *s = fd < 0 ? NULL : mnl_socket_fdopen(fd);
	int error = fd < 0 ? -fd : errno;

	if (s)
		return s;
	if (fd >= 0)
		close(fd);
	err_set(err, -error, "netlink socket not available: %s",
		strerror(error));
	errno = error;
	return NULL;
}

int knl_open(struct kernel *k, struct err *err)
{
	struct knl *n = calloc(1, sizeof(*n));
	int ret;

	if (!n)
		return ktalk_errno(err, -ENOMEM);
	n->access = default_access;
	n->lent = -1;
	n->req = n->access ? lent_socket(n->access, err) : knl_socket(err);
	ret = n->req ? ktalk_resolve(n, err) : -errno;
	if (ret)
		goto close;
	k->ops = &knl_ops;
	k->ctx = n;
	return 0;

close:
	if (n->req)
		mnl_socket_close(n->req);
	free(n);
	return ret;
}

void knl_close(struct kernel *k)
{
	struct knl *n = k->ctx;

	if (!n)
		return;
	if (n->ev)
		mnl_socket_close(n->ev);
	mnl_socket_close(n->req);
	free(n);
	k->ctx = NULL;
	k->ops = NULL;
}
