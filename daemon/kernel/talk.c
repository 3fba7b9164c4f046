// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <string.h>

#include "kernel/talk.h"
#include "lib/clock.h"
#include "lib/secret.h"
#include "lib/util.h"

int ktalk_errno(struct err *err, int error)
{
	switch (error) {
	case -EPERM:
		return err_set(err, error,
			       "permission denied: need CAP_NET_ADMIN in the user namespace of the network namespace");
	case -ETIMEDOUT:
		return err_set(err, error,
			       "the kernel did not answer within %d ms",
			       KNL_TIMEOUT_MS);
	case -EINTR:
		return err_set(err, error,
			       "interrupted %d times by changes; try again",
			       KTALK_DUMP_TRIES);
	case -EBADMSG:
		return err_set(err, error,
			       "unexpected answer of the kernel: module and program have different versions");
	default:
		return err_set(err, error, "%s", strerror(-error));
	}
}

/* ---- one request, one answer --------------------------------------------- */

/*
 * Set the text from the attributes that follow the error number in an
 * NLMSG_ERROR or NLMSG_DONE. Returns true if the kernel sent a message.
 */
static bool set_extack_text(struct err *err, const struct nlmsghdr *req,
			    const struct nlmsghdr *nlh, size_t off)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(req);
	/*
	 * The attribute names of the netlink core's own family are unknown
	 * here.
	 */
	uint8_t cmd = req->nlmsg_type == GENL_ID_CTRL ? 0 : genl->cmd;
	uint16_t miss = 0, bad = 0;
	const char *msg = NULL;
	const struct nlattr *a;
	const char *name;
	int len = 0;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return false;

	mnl_attr_for_each(a, nlh, off) {
		switch (mnl_attr_get_type(a)) {
		case NLMSGERR_ATTR_MSG:
			msg = mnl_attr_get_payload(a);
			len = strnlen(msg, mnl_attr_get_payload_len(a));
			break;
		case NLMSGERR_ATTR_OFFS:
			if (!mnl_attr_validate(a, MNL_TYPE_U32))
				bad = kattr_at(req, mnl_attr_get_u32(a));
			break;
		case NLMSGERR_ATTR_MISS_TYPE:
			if (!mnl_attr_validate(a, MNL_TYPE_U32))
				miss = mnl_attr_get_u32(a);
			break;
		}
	}
	name = miss || bad ? kattr_name(cmd, miss ?: bad) : NULL;
	if (msg && name)
		err_set(err, 0, "%.*s (attribute %s)", len, msg, name);
	else if (msg)
		err_set(err, 0, "%.*s", len, msg);
	else if (miss)
		err_set(err, 0, "attribute %s is missing", name ?: "unknown");
	else
		return false;
	return true;
}

/*
 * Return the length of the NLMSG_ERROR payload before the attributes. The
 * kernel repeats the request there if there is an error, unless it was asked
 * not to.
 */
static size_t error_len(const struct nlmsghdr *nlh, const struct nlmsgerr *e)
{
	size_t len = sizeof(*e);

	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		len += mnl_nlmsg_get_payload_len(&e->msg);
	return len;
}

struct answer {
	const struct nlmsghdr *req;
	uint32_t portid;
	ktalk_fn *fn;
	void *arg;
	struct err *err;
	bool changed; /* NLM_F_DUMP_INTR was seen */
	bool spoke; /* the kernel sent a message */
	int ret;
};

/*
 * Process one message. Returns true if it ends the answer, whose result is
 * a->ret.
 */
static bool answer_message(struct answer *a, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e;
	int ret;

	/*
	 * The message answers a request that was given up, or another
	 * program's.
	 */
	if (nlh->nlmsg_seq != a->req->nlmsg_seq || nlh->nlmsg_pid != a->portid)
		return false;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		a->changed = true;

	switch (nlh->nlmsg_type) {
	case NLMSG_ERROR:
		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e)) {
			a->ret = -EBADMSG;
			return true;
		}
		e = mnl_nlmsg_get_payload(nlh);
		/* An answer that could not be parsed outweighs success. */
		if (e->error)
			a->ret = e->error;
		if (e->error || !a->ret)
			a->spoke = set_extack_text(a->err, a->req, nlh,
						   e->error ? error_len(nlh, e)
							    : sizeof(*e));
		return true;
	case NLMSG_DONE:
		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(ret))
			return true;
		memcpy(&ret, mnl_nlmsg_get_payload(nlh), sizeof(ret));
		if (ret < 0) {
			a->ret = ret;
			a->spoke = set_extack_text(a->err, a->req, nlh,
						   sizeof(ret));
		}
		return true;
	case NLMSG_NOOP:
		return false;
	case NLMSG_OVERRUN:
		a->ret = -ENOBUFS;
		return true;
	}
	/* After an error the rest of the answer is only read and discarded. */
	if (!a->ret)
		a->ret = a->fn ? a->fn(nlh, a->arg) : 0;
	return false;
}

static int64_t now_ms(void)
{
	return (int64_t)(clock_ns(CLOCK_MONOTONIC) / NSEC_PER_MSEC);
}

static int receive_answer(struct knl *n, struct answer *a)
{
	int64_t end = now_ms() + KNL_TIMEOUT_MS;
	const struct nlmsghdr *nlh;
	ssize_t got;
	int len;

	while (now_ms() < end) {
		got = mnl_socket_recvfrom(n->req, n->rx, sizeof(n->rx));
		if (got < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN || errno == EWOULDBLOCK)
				break;
			return errno == ENOSPC ? -EMSGSIZE : -errno;
		}
		len = got;
		nlh = (const void *)n->rx;
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
			if (answer_message(a, nlh))
				return a->ret;
	}
	return -ETIMEDOUT;
}

/* Everybody may look up a family. */
static int send_message(struct knl *n, const struct nlmsghdr *req)
{
	bool family = req->nlmsg_type != GENL_ID_CTRL;
	int ret = 0;

	if (n->access && family && n->lent >= 0)
		ret = n->access->lend(n->access->ctx, n->lent);
	if (ret)
		return ret;
	if (n->access && family)
		return n->access->send(n->access->ctx,
				       mnl_socket_get_fd(n->req), req,
				       req->nlmsg_len);
	return mnl_socket_sendto(n->req, req, req->nlmsg_len) < 0 ? -errno : 0;
}

/*
 * Send a request and read its answer, with fn, arg and err of @a. Afterwards a->spoke
 * says whether the kernel sent a message, which a->err then has.
 */
static int exchange_messages(struct knl *n, struct nlmsghdr *req,
			     struct answer *a)
{
	int ret;

	a->req = req;
	a->portid = mnl_socket_get_portid(n->req);
	err_clear(a->err);
	req->nlmsg_seq = ++n->seq;
	if (!(req->nlmsg_flags & NLM_F_DUMP))
		req->nlmsg_flags |= NLM_F_ACK;

	ret = send_message(n, req);
	if (!ret)
		ret = receive_answer(n, a);
	return ret && !a->spoke ? ktalk_errno(a->err, ret) : ret;
}

int ktalk(struct knl *n, ktalk_fn *fn, void *arg, bool *changed,
	  struct err *err)
{
	const struct answer asked = { .fn = fn, .arg = arg, .err = err };
	struct nlmsghdr *req = (void *)n->tx;
	uint16_t family = n->family;
	struct answer a = asked;
	int ret;

	ret = exchange_messages(n, req, &a);
	/*
	 * The module sends a message with -ENOENT. Without one the error may
	 * come from the netlink core, which does not know the family's number.
	 */
	if (ret == -ENOENT && !a.spoke) {
		ret = ktalk_resolve(n, err);
		if (!ret && n->family == family) {
			ret = ktalk_errno(err, -ENOENT);
		} else if (!ret) {
			req->nlmsg_type = n->family;
			a = asked;
			ret = exchange_messages(n, req, &a);
		}
	}
	if (changed)
		*changed = a.changed;
	secret_wipe(n->tx, req->nlmsg_len);
	return ret;
}

/* ---- the family ---------------------------------------------------------- */

struct family {
	uint16_t id;
	uint32_t events_group;
};

static void get_mcast_group(const struct nlattr *nest, struct family *f)
{
	const struct nlattr *a, *name = NULL, *id = NULL;

	mnl_attr_for_each_nested(a, nest) {
		if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GRP_NAME &&
		    !mnl_attr_validate(a, MNL_TYPE_NUL_STRING))
			name = a;
		else if (mnl_attr_get_type(a) == CTRL_ATTR_MCAST_GRP_ID &&
			 !mnl_attr_validate(a, MNL_TYPE_U32))
			id = a;
	}
	if (name && id && !strcmp(mnl_attr_get_str(name), MCSEC_MCGRP_EVENTS))
		f->events_group = mnl_attr_get_u32(id);
}

static int get_family(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a, *nest;
	struct family *f = arg;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr))
		return -EBADMSG;
	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(a)) {
		case CTRL_ATTR_FAMILY_ID:
			if (mnl_attr_validate(a, MNL_TYPE_U16))
				return -EBADMSG;
			f->id = mnl_attr_get_u16(a);
			break;
		case CTRL_ATTR_MCAST_GROUPS:
			mnl_attr_for_each_nested(nest, a)
				get_mcast_group(nest, f);
			break;
		}
	}
	return 0;
}

int ktalk_resolve(struct knl *n, struct err *err)
{
	/*
	 * The request that failed is still in n->tx, so another
	 * buffer is used.
	 */
	uint8_t buf[KATTR_TX_MAX];
	struct nlmsghdr *nlh =
		kattr_begin(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	struct family f = {};
	struct answer a = { .fn = get_family, .arg = &f, .err = err };
	int ret;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, MCSEC_FAMILY_NAME);
	ret = exchange_messages(n, nlh, &a);
	if (ret == -ENOENT)
		return err_set(err, -EOPNOTSUPP,
			       "module mcsec is not loaded: run \"modprobe mcsec\"");
	if (!ret && (!f.id || !f.events_group))
		ret = ktalk_errno(err, -EBADMSG);
	if (!ret) {
		n->family = f.id;
		n->events_group = f.events_group;
	}
	return ret;
}
