// SPDX-License-Identifier: Apache-2.0
/*
 * Requests, refusals, inconsistent dumps and events with a simulated kernel:
 * the functions below replace the sockets of libmnl, but not its framing.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/attr.h"
#include "kernel/nl.h"
#include "tap.h"

/* ---- the kernel ---------------------------------------------------------- */

#define PORTID 4711
#define EVENTS_GROUP 9
#define QUEUE 64
#define ROOM 8192

struct mnl_socket {
	int fd;
	int other;
	uint8_t q[QUEUE][ROOM];
	size_t len[QUEUE];
	int errors[QUEUE]; /* errors in place of datagrams */
	int head, tail;
	unsigned int groups[16];
	int n_groups;
	bool ext_ack, cap_ack;
};

static struct mnl_socket *socks[2];
static int n_socks;

/* State of the module, and its next answer. */
static bool loaded = true;
static uint16_t family_id = 0x20;
static int family_asked;
/* Numbers of the next requests that get no answer, and of memberships refused. */
static int family_silent;
static int join_refused;
static int join_error = EPERM;
static void (*answer)(struct mnl_socket *s, const struct nlmsghdr *req);
static uint8_t last[ROOM];

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
	struct mnl_socket *s = calloc(1, sizeof(*s));
	int fd[2];

	(void)bus;
	(void)flags;
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, fd))
		bail("socketpair");
	s->fd = fd[0];
	s->other = fd[1];
	socks[n_socks++] = s;
	return s;
}

int mnl_socket_close(struct mnl_socket *s)
{
	close(s->fd);
	close(s->other);
	free(s);
	n_socks--;
	return 0;
}

int mnl_socket_bind(struct mnl_socket *s, unsigned int groups, pid_t pid)
{
	(void)s;
	(void)groups;
	(void)pid;
	return 0;
}

int mnl_socket_get_fd(const struct mnl_socket *s)
{
	return s->fd;
}

unsigned int mnl_socket_get_portid(const struct mnl_socket *s)
{
	(void)s;
	return PORTID;
}

int mnl_socket_setsockopt(const struct mnl_socket *s, int type, void *p,
			  socklen_t len)
{
	struct mnl_socket *m = (struct mnl_socket *)s;

	(void)len;
	switch (type) {
	case NETLINK_EXT_ACK:
		m->ext_ack = true;
		break;
	case NETLINK_CAP_ACK:
		m->cap_ack = true;
		break;
	case NETLINK_ADD_MEMBERSHIP:
		if (join_refused && join_refused--) {
			errno = join_error;
			return -1;
		}
		m->groups[m->n_groups++] = *(unsigned int *)p;
		break;
	}
	return 0;
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *s, void *buf, size_t size)
{
	struct mnl_socket *m = (struct mnl_socket *)s;
	size_t len;

	if (m->head == m->tail) {
		errno = EAGAIN;
		return -1;
	}
	len = m->len[m->head];
	errno = m->errors[m->head];
	if (errno) {
		m->errors[m->head] = 0;
		m->head = (m->head + 1) % QUEUE;
		return -1;
	}
	if (len > size) {
		errno = ENOSPC;
		return -1;
	}
	memcpy(buf, m->q[m->head], len);
	m->head = (m->head + 1) % QUEUE;
	return len;
}

/* A queued datagram with one message, to be filled in. */
static struct nlmsghdr *queue(struct mnl_socket *s, const struct nlmsghdr *req,
			      uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(s->q[s->tail]);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = req ? req->nlmsg_seq : 0;
	nlh->nlmsg_pid = req ? PORTID : 0;
	return nlh;
}

static void queued(struct mnl_socket *s, const struct nlmsghdr *nlh)
{
	s->len[s->tail] = nlh->nlmsg_len;
	s->tail = (s->tail + 1) % QUEUE;
}

static void queue_error(struct mnl_socket *s, int error)
{
	s->errors[s->tail] = error;
	s->tail = (s->tail + 1) % QUEUE;
}

static struct nlmsghdr *queue_genl(struct mnl_socket *s,
				   const struct nlmsghdr *req, uint16_t type,
				   uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr *nlh = queue(s, req, type, flags);
	struct genlmsghdr *genl;

	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	return nlh;
}

/* Answer as netlink_ack() does; an @off or @miss of 0 is left out. */
static void ack(struct mnl_socket *s, const struct nlmsghdr *req, int error,
		const char *msg, uint32_t off, uint32_t miss)
{
	struct nlmsghdr *nlh = queue(s, req, NLMSG_ERROR, 0);
	struct nlmsgerr *e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));

	e->error = error;
	e->msg = *req;
	if (s->cap_ack)
		nlh->nlmsg_flags |= NLM_F_CAPPED;
	if (s->ext_ack && (msg || off || miss)) {
		nlh->nlmsg_flags |= NLM_F_ACK_TLVS;
		if (msg)
			mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, msg);
		if (off)
			mnl_attr_put_u32(nlh, NLMSGERR_ATTR_OFFS, off);
		if (miss)
			mnl_attr_put_u32(nlh, NLMSGERR_ATTR_MISS_TYPE, miss);
	}
	queued(s, nlh);
}

static void finish(struct mnl_socket *s, const struct nlmsghdr *req, int error,
		   const char *msg, uint16_t flags)
{
	struct nlmsghdr *nlh = queue(s, req, NLMSG_DONE, NLM_F_MULTI | flags);

	*(int *)mnl_nlmsg_put_extra_header(nlh, sizeof(int)) = error;
	if (msg) {
		nlh->nlmsg_flags |= NLM_F_ACK_TLVS;
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, msg);
	}
	queued(s, nlh);
}

static void put_family(struct nlmsghdr *nlh)
{
	struct nlattr *groups, *group;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "mcsec");
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, family_id);
	groups = mnl_attr_nest_start(nlh, CTRL_ATTR_MCAST_GROUPS);
	group = mnl_attr_nest_start(nlh, 1);
	mnl_attr_put_strz(nlh, CTRL_ATTR_MCAST_GRP_NAME, "other");
	mnl_attr_put_u32(nlh, CTRL_ATTR_MCAST_GRP_ID, 1);
	mnl_attr_nest_end(nlh, group);
	group = mnl_attr_nest_start(nlh, 2);
	mnl_attr_put_u32(nlh, CTRL_ATTR_MCAST_GRP_ID, EVENTS_GROUP + family_id);
	mnl_attr_put_strz(nlh, CTRL_ATTR_MCAST_GRP_NAME, "events");
	mnl_attr_nest_end(nlh, group);
	mnl_attr_nest_end(nlh, groups);
}

ssize_t mnl_socket_sendto(const struct mnl_socket *s, const void *req,
			  size_t len)
{
	struct mnl_socket *m = (struct mnl_socket *)s;
	const struct nlmsghdr *r = req;
	struct nlmsghdr *nlh;

	if (r->nlmsg_type == GENL_ID_CTRL) {
		family_asked++;
		if (family_silent && family_silent--)
			return len;
		if (!loaded) {
			ack(m, r, -ENOENT, NULL, 0, 0);
			return len;
		}
		nlh = queue_genl(m, r, GENL_ID_CTRL, CTRL_CMD_NEWFAMILY, 0);
		put_family(nlh);
		queued(m, nlh);
		ack(m, r, 0, NULL, 0, 0);
		return len;
	}
	memcpy(last, req, len);
	if (!loaded || r->nlmsg_type != family_id)
		ack(m, r, -ENOENT, NULL, 0, 0);
	else
		answer(m, r);
	return len;
}

/* ---- tests --------------------------------------------------------------- */

static struct kernel k;
static struct err err;
static int calls;

static void say_yes(struct mnl_socket *s, const struct nlmsghdr *req)
{
	calls++;
	ack(s, req, 0, NULL, 0, 0);
}

static void test_open(void)
{
	loaded = false;
	is_int(knl_open(&k, &err), -EOPNOTSUPP, "no module");
	is_str(err.text, "module mcsec is not loaded: run \"modprobe mcsec\"",
	       "a missing module is an error with a word on what to do");
	is_int(n_socks, 0, "no socket is left");
	ok(!k.ops && !k.ctx,
	   "a handle that was not opened has nothing to be used");
	knl_close(&k);
	loaded = true;
	is_int(knl_open(&k, NULL), 0,
	       "a handle opens when the module is loaded");
	ok(socks[0]->ext_ack, "extended ACKs are asked for");
	ok(socks[0]->cap_ack, "requests are not to be sent back");
}

static void test_request(void)
{
	struct ksa sa = { .group = "g", .spi = 256, .key_len = 36 };
	const struct nlmsghdr *sent = (void *)last;

	memset(sa.key, 0x5a, sizeof(sa.key));
	answer = say_yes;
	is_int(k.ops->sa_add(k.ctx, &sa, &err), 0, "a request is answered");
	is_int(calls, 1, "request: once");
	ok(sent->nlmsg_flags & NLM_F_ACK, "a request asks for an ACK");
	ok(memmem(last, sent->nlmsg_len, sa.key, 36),
	   "a request to add an SA has the key");
	/* The buffers are members of struct knl, and must not keep the key. */
	ok(!memmem(k.ctx, 8192, sa.key, 8), "the buffer no longer has it");

	sa.key_len = 100;
	is_int(k.ops->sa_add(k.ctx, &sa, &err), -EINVAL,
	       "an SA that has no form on the wire is refused");
	is_int(calls, 1, "the kernel was not asked");
	ok(!memmem(k.ctx, 8192, sa.key, 8),
	   "an SA that is refused leaves no key behind");
}

/* The socket of an edge is in use for as many requests. */
static int busy;

static void refuse_busy(struct mnl_socket *s, const struct nlmsghdr *req)
{
	calls++;
	if (busy && busy--)
		ack(s, req, -EAGAIN, "socket is in use", 0, 0);
	else
		ack(s, req, 0, NULL, 0, 0);
}

static void test_busy_socket(void)
{
	struct kedge e = { .group = "g", .id = 1, .has_socket = true };

	ok(!ep_parse("10.1.0.2", 4500, &e.peer), "a peer");
	e.dir = MCSEC_EDGE_DIR_UP;
	answer = refuse_busy;
	busy = 2;
	calls = 0;
	is_int(k.ops->edge_add(k.ctx, &e, &err), 0,
	       "an edge is added when its socket is free");
	is_int(calls, 3, "a socket in use is asked for again");
	busy = 100;
	calls = 0;
	is_int(k.ops->edge_add(k.ctx, &e, &err), -EAGAIN,
	       "a socket that stays in use is an error");
	is_int(calls, 5, "a socket is asked for a few times only");
	ok(strstr(err.text, "socket is in use"),
	   "the error of a socket in use is the kernel's");
	answer = say_yes;
	calls = 1;
}

static uint32_t offset_of(const struct nlmsghdr *nlh, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(a) == type)
			return (const char *)a - (const char *)nlh;
	return 0;
}

static void refuse_dst(struct mnl_socket *s, const struct nlmsghdr *req)
{
	ack(s, req, -EINVAL, "not a multicast address",
	    offset_of(req, MCSEC_A_GROUP_DST), 0);
}

static void refuse_missing(struct mnl_socket *s, const struct nlmsghdr *req)
{
	ack(s, req, -EINVAL, NULL, 0, MCSEC_A_SA_KEY);
}

static void refuse_long(struct mnl_socket *s, const struct nlmsghdr *req)
{
	char text[2 * ERR_LEN];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	ack(s, req, -EBUSY, text, 0xffffff, 0);
}

static void refuse_perm(struct mnl_socket *s, const struct nlmsghdr *req)
{
	ack(s, req, -EPERM, NULL, 0, 0);
}

static void refuse_enoent(struct mnl_socket *s, const struct nlmsghdr *req)
{
	ack(s, req, -ENOENT, "no such group", 0, 0);
}

static void silence(struct mnl_socket *s, const struct nlmsghdr *req)
{
	(void)s;
	(void)req;
}

static void only_ack_for_get(struct mnl_socket *s, const struct nlmsghdr *req)
{
	ack(s, req, 0, NULL, 0, 0);
}

static void old_answer_first(struct mnl_socket *s, const struct nlmsghdr *req)
{
	struct nlmsghdr old = *req;

	old.nlmsg_seq--;
	ack(s, &old, -EBUSY, "of a request that was given up", 0, 0);
	ack(s, req, 0, NULL, 0, 0);
}

static void test_refusals(void)
{
	struct kgroup g = { .name = "g" };
	struct ksa sa = { .group = "g", .spi = 256, .key_len = 20 };
	struct kgroup_info info;

	addr_parse("10.0.0.1", &g.dst);
	answer = refuse_dst;
	is_int(k.ops->group_add(k.ctx, &g, &err), -EINVAL, "a refusal");
	is_str(err.text, "not a multicast address (attribute dst)",
	       "with the kernel's words and the attribute");
	is_int(k.ops->group_add(k.ctx, &g, NULL), -EINVAL,
	       "nobody has to hear them");

	answer = refuse_missing;
	is_int(k.ops->sa_add(k.ctx, &sa, &err), -EINVAL, "something missing");
	is_str(err.text, "attribute key is missing",
	       "the missing attribute is named");

	answer = refuse_long;
	is_int(k.ops->group_del(k.ctx, "g", false, &err), -EBUSY,
	       "more words than there is room for");
	is_int(strlen(err.text), sizeof(err.text) - 1,
	       "a text that is too long is cut");

	answer = refuse_perm;
	is_int(k.ops->group_flush(k.ctx, false, &err), -EPERM, "no permission");
	ok(!!strstr(err.text, "CAP_NET_ADMIN"), "says which is needed");

	answer = refuse_enoent;
	family_asked = 0;
	is_int(k.ops->group_del(k.ctx, "x", false, &err), -ENOENT,
	       "no such object");
	is_str(err.text, "no such group",
	       "refusals: the error has the module's words");
	is_int(family_asked, 0, "the family is not looked up again");

	answer = silence;
	is_int(k.ops->group_del(k.ctx, "x", false, &err), -ETIMEDOUT,
	       "no answer is not waited for without end");
	answer = only_ack_for_get;
	is_int(k.ops->group_get(k.ctx, "x", &info, &err), -EBADMSG,
	       "an ACK is no answer to who asks for something");
	answer = old_answer_first;
	is_int(k.ops->group_del(k.ctx, "x", false, &err), 0,
	       "a late answer to an older request is not taken for this one's");
}

static void test_reload(void)
{
	answer = say_yes;
	calls = 0;
	family_id = 0x33;
	is_int(k.ops->group_del(k.ctx, "g", false, &err), 0,
	       "a module loaded anew is found");
	is_int(calls, 1, "a module loaded anew is asked once");
	loaded = false;
	is_int(k.ops->group_del(k.ctx, "g", false, &err), -EOPNOTSUPP,
	       "one that is gone is missed");
	ok(!!strstr(err.text, "not loaded"), "reload: the error is in words");
	loaded = true;
}

/* ---- dumps --------------------------------------------------------------- */

static int torn;
static int dumps;
static int n_groups;

static void dump_groups(struct mnl_socket *s, const struct nlmsghdr *req)
{
	struct nlmsghdr *nlh;
	char name[16];
	int i;

	dumps++;
	for (i = 0; i < n_groups; i++) {
		nlh = queue_genl(s, req, family_id, MCSEC_CMD_GROUP_GET,
				 NLM_F_MULTI);
		if (torn && i == n_groups - 1)
			nlh->nlmsg_flags |= NLM_F_DUMP_INTR;
		snprintf(name, sizeof(name), "g%d", i);
		mnl_attr_put_strz(nlh, MCSEC_A_GROUP_NAME, name);
		mnl_attr_put(nlh, MCSEC_A_GROUP_DST, 4, "\xef\1\1\1");
		queued(s, nlh);
	}
	finish(s, req, 0, NULL, torn && !n_groups ? NLM_F_DUMP_INTR : 0);
	if (torn)
		torn--;
}

static void dump_refused(struct mnl_socket *s, const struct nlmsghdr *req)
{
	finish(s, req, -ENOENT, "no such group", 0);
}

static void dump_bad(struct mnl_socket *s, const struct nlmsghdr *req)
{
	struct nlmsghdr *nlh;

	nlh = queue_genl(s, req, family_id, MCSEC_CMD_GROUP_GET, NLM_F_MULTI);
	queued(s, nlh);
	finish(s, req, 0, NULL, 0);
}

static int seen;

static int count(void *arg, const struct kgroup_info *g)
{
	char want[16];

	snprintf(want, sizeof(want), "g%d", seen);
	seen += !strcmp(g->group.name, want);
	return arg ? 17 : 0;
}

static int ask_again(void *arg, const struct kgroup_info *g)
{
	(void)arg;
	answer = say_yes;
	return k.ops->group_del(k.ctx, g->group.name, false, NULL);
}

static void test_dumps(void)
{
	answer = dump_groups;
	n_groups = 40;
	is_int(k.ops->group_dump(k.ctx, count, NULL, &err), 0, "a dump");
	is_int(seen, 40, "gives every group in order");

	seen = 0;
	dumps = 0;
	torn = 2;
	is_int(k.ops->group_dump(k.ctx, count, NULL, &err), 0,
	       "a dump that was torn twice");
	is_int(dumps, 3, "a dump that was torn twice is requested three times");
	is_int(seen, 40, "a dump that was torn gives each group once");

	seen = 0;
	dumps = 0;
	n_groups = 0;
	torn = 1;
	is_int(k.ops->group_dump(k.ctx, count, NULL, &err), 0, "an empty one");
	is_int(dumps, 2, "an empty dump is torn at its end");
	is_int(seen, 0, "an empty dump has no groups");

	n_groups = 2;
	torn = 1000;
	is_int(k.ops->group_dump(k.ctx, count, NULL, &err), -EINTR,
	       "one that changes all the time is given up");
	is_int(seen, 0, "nothing of a dump that changes all the time is shown");
	torn = 0;

	is_int(k.ops->group_dump(k.ctx, count, &k, &err), 17,
	       "a callback's value ends a dump");
	is_int(seen, 1, "dumps: at once");

	calls = 0;
	is_int(k.ops->group_dump(k.ctx, ask_again, NULL, &err), 0,
	       "a callback may send requests");
	is_int(calls, 2, "requests of a callback are answered");

	answer = dump_refused;
	is_int(k.ops->sa_dump(k.ctx, "nope", NULL, NULL, &err), -ENOENT,
	       "an error at the end of a dump");
	is_str(err.text, "no such group", "the error has the module's words");

	answer = dump_bad;
	is_int(k.ops->group_dump(k.ctx, count, NULL, &err), -EBADMSG,
	       "an answer without a name is not understood");
}

/* ---- events -------------------------------------------------------------- */

static struct kevent events[16];
static int n_events;

static void on_event(void *arg, const struct kevent *ev)
{
	(void)arg;
	events[n_events++] = *ev;
}

static void event(struct mnl_socket *s, uint16_t family, uint8_t cmd,
		  uint32_t spi)
{
	struct nlmsghdr *nlh = queue_genl(s, NULL, family, cmd, 0);

	kattr_put_sa_id(nlh, "g", spi);
	mnl_attr_put_u32(nlh, MCSEC_A_SA_LIMIT, MCSEC_LIMIT_TIME);
	queued(s, nlh);
}

static void test_events(void)
{
	struct nlmsghdr *nlh;
	struct mnl_socket *s;
	int fd;

	fd = knl_events_open(&k, on_event, NULL, &err);
	s = socks[1];
	is_int(fd, s->fd, "events have a descriptor");
	ok(s->groups[0] == EVENTS_GROUP + 0x33 ||
		   s->groups[1] == EVENTS_GROUP + 0x33,
	   "the module's group is joined");
	is_int(knl_events_read(&k, &err), 0, "nothing to read is no error");
	is_int(n_events, 0, "nothing to read is no event");

	event(s, 0x33, MCSEC_CMD_SOFT_EXPIRE, 256);
	event(s, 0x33, MCSEC_CMD_SA_GET, 256);
	event(s, 0x44, MCSEC_CMD_HARD_EXPIRE, 257);
	event(s, 0x33, MCSEC_CMD_HARD_EXPIRE, 0);
	event(s, 0x33, MCSEC_CMD_HARD_EXPIRE, 258);
	is_int(knl_events_read(&k, &err), 0, "events are read");
	is_int(n_events, 3, "other messages are passed over");
	is_int(events[0].type, KEVENT_SOFT_EXPIRE, "the first");
	is_int(events[1].type, KEVENT_RESYNC,
	       "an event without an SPI means to look at everything");
	is_int(events[2].spi, 258, "the last event is heard");

	n_events = 0;
	queue_error(s, ENOBUFS);
	event(s, 0x33, MCSEC_CMD_HARD_EXPIRE, 259);
	is_int(knl_events_read(&k, &err), 0, "an overrun is no error");
	is_int(n_events, 2, "an overrun is an event");
	is_int(events[0].type, KEVENT_RESYNC,
	       "the event of an overrun says so");
	is_int(events[1].spi, 259, "before what came later");

	n_events = 0;
	nlh = queue_genl(s, NULL, GENL_ID_CTRL, CTRL_CMD_NEWFAMILY, 0);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "wireguard");
	queued(s, nlh);
	knl_events_read(&k, &err);
	is_int(n_events, 0, "another module is not ours");

	family_id = 0x55;
	nlh = queue_genl(s, NULL, GENL_ID_CTRL, CTRL_CMD_NEWFAMILY, 0);
	put_family(nlh);
	queued(s, nlh);
	knl_events_read(&k, &err);
	is_int(n_events, 1, "the module loaded anew");
	is_int(events[0].type, KEVENT_RESYNC, "means to look at everything");
	is_int(s->groups[s->n_groups - 1], EVENTS_GROUP + 0x55,
	       "the new group of a module loaded anew is joined");
	n_events = 0;
	event(s, 0x55, MCSEC_CMD_SOFT_EXPIRE, 260);
	knl_events_read(&k, &err);
	is_int(n_events, 1, "events of a module loaded anew are heard");

	n_events = 0;
	nlh = queue_genl(s, NULL, 0x55, MCSEC_CMD_HARD_EXPIRE, 0);
	kattr_put_sa_id(nlh, "g", 261);
	mnl_attr_put_u32(nlh, MCSEC_A_SA_LIMIT, 77);
	queued(s, nlh);
	is_int(knl_events_read(&k, &err), 0, "an event of a newer module");
	is_int(n_events, 1, "an event that is not understood is not dropped");
	is_int(events[0].type, KEVENT_RESYNC,
	       "an event that is not understood means to look at everything");
}

static void announce(struct mnl_socket *s, uint16_t id)
{
	struct nlmsghdr *nlh =
		queue_genl(s, NULL, GENL_ID_CTRL, CTRL_CMD_NEWFAMILY, 0);

	family_id = id;
	put_family(nlh);
	queued(s, nlh);
}

/* A module that was loaded again is followed until its events are heard. */
static void test_events_again(void)
{
	struct mnl_socket *s = socks[1];
	int joined;

	n_events = 0;
	announce(s, 0x66);
	family_silent = 2;
	joined = s->n_groups;
	is_int(knl_events_read(&k, &err), -EAGAIN,
	       "a module that does not answer is an error to be repeated");
	ok(strstr(err.text, "did not answer"), "the reason is told: %s",
	   err.text);
	is_int(n_events, 0, "a module that does not answer has no event");
	is_int(knl_events_read(&k, &err), -EAGAIN,
	       "the error stays until there is an answer");
	is_int(s->n_groups, joined, "nothing is joined without an answer");
	is_int(knl_events_read(&k, &err), 0, "the module answers at last");
	is_int(s->groups[s->n_groups - 1], EVENTS_GROUP + 0x66,
	       "the events of a module that answers late are joined");
	is_int(n_events, 1, "a module that answers late is one event");
	is_int(events[0].type, KEVENT_RESYNC,
	       "a module that answers late means to look at everything");
	family_asked = 0;
	is_int(knl_events_read(&k, &err), 0, "nothing more is to be done");
	is_int(family_asked, 0, "a module that is followed is not asked again");

	n_events = 0;
	announce(s, 0x77);
	join_refused = 1;
	is_int(knl_events_read(&k, &err), -EAGAIN,
	       "events that are not joined are an error to be repeated");
	ok(strstr(err.text, "not permitted"), "the reason is told: %s",
	   err.text);
	is_int(n_events, 1, "groups are looked at before events are joined");
	is_int(knl_events_read(&k, &err), 0, "the events are joined at last");
	is_int(s->groups[s->n_groups - 1], EVENTS_GROUP + 0x77,
	       "the group that was refused is joined");
	is_int(n_events, 2, "events that come late are looked for at once");
	is_int(events[1].type, KEVENT_RESYNC,
	       "events that come late mean to look at everything");

	/* The announcement itself is lost. */
	n_events = 0;
	family_id = 0x88;
	queue_error(s, ENOBUFS);
	is_int(knl_events_read(&k, &err), 0, "an overrun while it is loaded");
	is_int(s->groups[s->n_groups - 1], EVENTS_GROUP + 0x88,
	       "a module whose announcement is lost is followed");
	is_int(n_events, 1, "the overrun is one event");

	/* Another kernel may say that the socket is a member already. */
	join_refused = 1;
	join_error = EEXIST;
	queue_error(s, ENOBUFS);
	is_int(knl_events_read(&k, &err), 0, "events that are joined already");

	queue_error(s, EBADF);
	is_int(knl_events_read(&k, &err), -EBADF,
	       "a broken socket is an error");
}

int main(void)
{
	RUN(test_open);
	RUN(test_request);
	RUN(test_busy_socket);
	RUN(test_refusals);
	RUN(test_reload);
	RUN(test_dumps);
	RUN(test_events);
	RUN(test_events_again);
	knl_close(&k);
	is_int(n_socks, 0, "all sockets are closed");
	ok(!k.ctx, "a handle that is closed is empty");
	return done();
}
