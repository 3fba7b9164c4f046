// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>

#include "kernel/attr.h"
#include "lib/util.h"

struct nlmsghdr *kattr_begin(void *buf, uint16_t type, uint8_t cmd,
			     uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = MCSEC_FAMILY_VERSION;
	return nlh;
}

/* ---- requests ------------------------------------------------------------ */

static int put_attr(struct nlmsghdr *nlh, uint16_t attr, size_t len,
		    const void *p)
{
	return mnl_attr_put_check(nlh, KATTR_TX_MAX, attr, len, p) ? 0
								   : -EMSGSIZE;
}

static int put_u32(struct nlmsghdr *nlh, uint16_t attr, uint32_t v)
{
	return put_attr(nlh, attr, sizeof(v), &v);
}

static int put_u64(struct nlmsghdr *nlh, uint16_t attr, uint64_t v)
{
	return put_attr(nlh, attr, sizeof(v), &v);
}

int kattr_put_name(struct nlmsghdr *nlh, uint16_t attr, const char *name)
{
	size_t len = strnlen(name, MCSEC_NAME_MAX + 1);

	if (!len || len > MCSEC_NAME_MAX)
		return -EINVAL;
	return put_attr(nlh, attr, len + 1, name);
}

static int put_u8_unless_0(struct nlmsghdr *nlh, uint16_t attr, uint8_t v)
{
	return v ? put_attr(nlh, attr, sizeof(v), &v) : 0;
}

static int put_port_unless_0(struct nlmsghdr *nlh, uint16_t attr, uint16_t v)
{
	uint16_t be = htons(v);

	return v ? put_attr(nlh, attr, sizeof(be), &be) : 0;
}

int kattr_put_group(struct nlmsghdr *nlh, const struct kgroup *g)
{
	size_t i, len;
	int ret;

	if (addr_is_none(&g->dst) || g->n_devs > ARRAY_SIZE(g->devs))
		return -EINVAL;
	ret = kattr_put_name(nlh, MCSEC_A_GROUP_NAME, g->name) ?:
	      put_attr(nlh, MCSEC_A_GROUP_DST, g->dst.len, g->dst.b) ?:
	      put_u8_unless_0(nlh, MCSEC_A_GROUP_DST_LEN, g->dst_len) ?:
	      put_u8_unless_0(nlh, MCSEC_A_GROUP_SRC_LEN, g->src_len) ?:
	      put_u8_unless_0(nlh, MCSEC_A_GROUP_PROTO, g->proto) ?:
	      put_port_unless_0(nlh, MCSEC_A_GROUP_SPORT, g->sport) ?:
	      put_port_unless_0(nlh, MCSEC_A_GROUP_DPORT, g->dport);
	if (!ret && !addr_is_none(&g->src))
		ret = put_attr(nlh, MCSEC_A_GROUP_SRC, g->src.len, g->src.b);
	if (!ret && g->mark.mask)
		ret = put_u32(nlh, MCSEC_A_GROUP_MARK, g->mark.value)
			      ?: put_u32(nlh, MCSEC_A_GROUP_MARK_MASK,
					 g->mark.mask);
	if (!ret && g->in_mark.mask)
		ret = put_u32(nlh, MCSEC_A_GROUP_IN_MARK, g->in_mark.value)
			      ?: put_u32(nlh, MCSEC_A_GROUP_IN_MARK_MASK,
					 g->in_mark.mask);
	for (i = 0; !ret && i < g->n_devs; i++) {
		len = strnlen(g->devs[i], KDEV_MAX);
		if (!len || len == KDEV_MAX)
			return -EINVAL;
		ret = put_attr(nlh, MCSEC_A_GROUP_DEV, len + 1, g->devs[i]);
	}
	if (!ret && g->policy != MCSEC_POLICY_ENFORCE)
		ret = put_u32(nlh, MCSEC_A_GROUP_POLICY, g->policy);
	if (!ret && g->forward)
		ret = put_attr(nlh, MCSEC_A_GROUP_FORWARD, 0, NULL);
	if (!ret && *g->owner)
		ret = kattr_put_name(nlh, MCSEC_A_GROUP_OWNER, g->owner);
	return ret;
}

int kattr_put_force(struct nlmsghdr *nlh, bool force)
{
	return force ? put_attr(nlh, MCSEC_A_GROUP_FORCE, 0, NULL) : 0;
}

int kattr_put_policy(struct nlmsghdr *nlh, const char *group,
		     enum mcsec_policy policy)
{
	return kattr_put_name(nlh, MCSEC_A_GROUP_NAME, group)
		       ?: put_u32(nlh, MCSEC_A_GROUP_POLICY, policy);
}

int kattr_put_sa_id(struct nlmsghdr *nlh, const char *group, uint32_t spi)
{
	int ret = kattr_put_name(nlh, MCSEC_A_SA_GROUP, group);

	return ret ?: put_u32(nlh, MCSEC_A_SA_SPI, htonl(spi));
}

int kattr_put_sender(struct nlmsghdr *nlh, const struct ksender *s, bool name)
{
	int ret = kattr_put_sender_id(nlh, s->group, s->spi);

	if (!ret)
		ret = put_u32(nlh, MCSEC_A_SENDER_SENDER_ID, s->sender_id);
	if (!ret && name &&
	    !mnl_attr_put_strz_check(nlh, KATTR_TX_MAX, MCSEC_A_SENDER_NAME,
				     s->name))
		ret = -EMSGSIZE;
	return ret;
}

int kattr_put_sender_id(struct nlmsghdr *nlh, const char *group, uint32_t spi)
{
	int ret = kattr_put_name(nlh, MCSEC_A_SENDER_GROUP, group);

	return ret ?: put_u32(nlh, MCSEC_A_SENDER_SPI, htonl(spi));
}

int kattr_put_edge_id(struct nlmsghdr *nlh, const char *group, uint32_t id)
{
	int ret = kattr_put_name(nlh, MCSEC_A_EDGE_GROUP, group);

	return ret || !id ? ret : put_u32(nlh, MCSEC_A_EDGE_ID, id);
}

static int put_socket(struct nlmsghdr *nlh, const struct kedge *e)
{
	const struct addr *local = &e->local.addr;
	int ret;

	if (e->has_socket)
		return put_u32(nlh, MCSEC_A_EDGE_SOCKET, (uint32_t)e->socket);
	ret = put_port_unless_0(nlh, MCSEC_A_EDGE_LOCAL_PORT, e->local.port);
	if (!ret && !addr_is_none(local) && !addr_is_any(local))
		ret = put_attr(nlh, MCSEC_A_EDGE_LOCAL, local->len, local->b);
	return ret;
}

int kattr_put_edge(struct nlmsghdr *nlh, const struct kedge *e, bool change)
{
	const struct addr *peer = &e->peer.addr;
	size_t i;
	int ret;

	if (e->n_ranges > ARRAY_SIZE(e->ranges))
		return -EINVAL;
	ret = kattr_put_edge_id(nlh, e->group, e->id);
	if (!ret && !change)
		ret = put_socket(nlh, e);
	if (!ret && !addr_is_none(peer))
		ret = put_attr(nlh, MCSEC_A_EDGE_PEER, peer->len, peer->b)
			      ?: put_port_unless_0(nlh, MCSEC_A_EDGE_PEER_PORT,
						   e->peer.port);
	if (!ret && e->dir)
		ret = put_u32(nlh, MCSEC_A_EDGE_DIR, e->dir);
	for (i = 0; !ret && i < e->n_ranges; i++)
		ret = put_u32(nlh, MCSEC_A_EDGE_SENDERS,
			      (uint32_t)e->ranges[i].first << 16 |
				      e->ranges[i].last);
	if (!ret && e->has_mtu)
		ret = put_u32(nlh, MCSEC_A_EDGE_MTU, e->mtu);
	if (!ret && !change && *e->dev)
		ret = put_attr(nlh, MCSEC_A_EDGE_DEV,
			       strnlen(e->dev, KDEV_MAX - 1) + 1, e->dev);
	return ret;
}

#define LIMIT(BIT, ATTR, member) \
	{ \
		KLIMIT_##BIT, MCSEC_A_SA_##ATTR, \
			offsetof(struct klimits, member) \
	}

static const struct {
	uint32_t bit;
	uint16_t attr;
	size_t off;
} limit_attrs[] = {
	LIMIT(SOFT_TIME, SOFT_TIME, soft_time),
	LIMIT(HARD_TIME, HARD_TIME, hard_time),
	LIMIT(SOFT_PACKETS, SOFT_PACKETS, soft_packets),
	LIMIT(HARD_PACKETS, HARD_PACKETS, hard_packets),
	LIMIT(SOFT_BYTES, SOFT_BYTES, soft_bytes),
	LIMIT(HARD_BYTES, HARD_BYTES, hard_bytes),
	LIMIT(IV, IV_LIMIT, iv_limit),
};

static int put_limits(struct nlmsghdr *nlh, const struct klimits *limits)
{
	uint64_t v;
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(limit_attrs); i++) {
		if (!(limits->set & limit_attrs[i].bit))
			continue;
		memcpy(&v, (const char *)limits + limit_attrs[i].off,
		       sizeof(v));
		ret = put_u64(nlh, limit_attrs[i].attr, v);
		if (ret)
			return ret;
	}
	return 0;
}

int kattr_put_sa_set(struct nlmsghdr *nlh, const struct ksa_set *set)
{
	int ret = put_limits(nlh, &set->limits);

	if (!ret && set->dir)
		ret = put_u32(nlh, MCSEC_A_SA_DIR, set->dir);
	if (!ret && set->select)
		ret = put_attr(nlh, MCSEC_A_SA_SELECTED, 0, NULL);
	return ret;
}

int kattr_put_last_counts(struct nlmsghdr *nlh)
{
	return put_attr(nlh, MCSEC_A_SA_LAST_COUNTS, 0, NULL);
}

int kattr_put_sa(struct nlmsghdr *nlh, const struct ksa *sa)
{
	size_t i;
	int ret;

	if (sa->key_len > sizeof(sa->key) ||
	    sa->n_sender_ids > ARRAY_SIZE(sa->sender_ids))
		return -EINVAL;

	ret = kattr_put_sa_id(nlh, sa->group, sa->spi) ?:
	      put_u32(nlh, MCSEC_A_SA_DIR, sa->dir) ?:
	      put_u32(nlh, MCSEC_A_SA_ALG, sa->alg) ?:
	      put_attr(nlh, MCSEC_A_SA_KEY, sa->key_len, sa->key) ?:
	      put_u32(nlh, MCSEC_A_SA_MODE, sa->mode);
	if (!ret && sa->replay != MCSEC_REPLAY_IV)
		ret = put_u32(nlh, MCSEC_A_SA_REPLAY, sa->replay);
	if (!ret && sa->sid_bits)
		ret = put_u32(nlh, MCSEC_A_SA_SID_BITS, sa->sid_bits);
	if (!ret && sa->window)
		ret = put_u32(nlh, MCSEC_A_SA_WINDOW, sa->window);
	if (!ret && sa->max_senders)
		ret = put_u32(nlh, MCSEC_A_SA_MAX_SENDERS, sa->max_senders);
	for (i = 0; !ret && i < sa->n_sender_ids; i++)
		ret = put_u32(nlh, MCSEC_A_SA_SENDER_ID, sa->sender_ids[i]);
	if (!ret)
		ret = put_limits(nlh, &sa->limits);
	if (!ret && sa->select)
		ret = put_attr(nlh, MCSEC_A_SA_SELECTED, 0, NULL);
	return ret;
}

/* ---- answers ------------------------------------------------------------- */

static int get_u32(const struct nlattr *a, uint32_t *v)
{
	if (mnl_attr_get_payload_len(a) != sizeof(*v))
		return -EBADMSG;
	*v = mnl_attr_get_u32(a);
	return 0;
}

static int get_be32(const struct nlattr *a, uint32_t *v)
{
	int ret = get_u32(a, v);

	*v = ntohl(*v);
	return ret;
}

static int get_u64(const struct nlattr *a, uint64_t *v)
{
	if (mnl_attr_get_payload_len(a) != sizeof(*v))
		return -EBADMSG;
	*v = mnl_attr_get_u64(a);
	return 0;
}

/* Get an enum of the family. A value of a newer module is refused. */
static int get_enum(const struct nlattr *a, const char *const *names,
		    unsigned int *v)
{
	unsigned int n = 0;
	uint32_t val;

	if (get_u32(a, &val))
		return -EBADMSG;
	while (names[n])
		n++;
	if (val >= n)
		return -EBADMSG;
	*v = val;
	return 0;
}

static int get_str(const struct nlattr *a, char *buf, size_t size)
{
	size_t len = mnl_attr_get_payload_len(a);
	const char *s = mnl_attr_get_payload(a);

	len = strnlen(s, len);
	if (!len || len >= size)
		return -EBADMSG;
	memcpy(buf, s, len);
	buf[len] = '\0';
	return 0;
}

static int attr_get_addr(const struct nlattr *a, struct addr *addr)
{
	switch (mnl_attr_get_payload_len(a)) {
	case 4:
		addr_set(addr, AF_INET, mnl_attr_get_payload(a));
		return 0;
	case 16:
		addr_set(addr, AF_INET6, mnl_attr_get_payload(a));
		return 0;
	}
	return -EBADMSG;
}

/* mnl_attr_for_each() does not check that the header is complete. */
#define GENL_MSG_MIN (MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct genlmsghdr)))
#define for_each_attr(a, nlh) \
	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr))

static int get_u8(const struct nlattr *a, uint8_t *v)
{
	if (mnl_attr_get_payload_len(a) != sizeof(*v))
		return -EBADMSG;
	*v = mnl_attr_get_u8(a);
	return 0;
}

static int get_be16(const struct nlattr *a, uint16_t *v)
{
	if (mnl_attr_get_payload_len(a) != sizeof(*v))
		return -EBADMSG;
	*v = ntohs(mnl_attr_get_u16(a));
	return 0;
}

static int get_selector(const struct nlattr *a, struct kgroup *g)
{
	switch (mnl_attr_get_type(a)) {
	case MCSEC_A_GROUP_DST:
		return attr_get_addr(a, &g->dst);
	case MCSEC_A_GROUP_DST_LEN:
		return get_u8(a, &g->dst_len);
	case MCSEC_A_GROUP_SRC:
		return attr_get_addr(a, &g->src);
	case MCSEC_A_GROUP_SRC_LEN:
		return get_u8(a, &g->src_len);
	case MCSEC_A_GROUP_PROTO:
		return get_u8(a, &g->proto);
	case MCSEC_A_GROUP_SPORT:
		return get_be16(a, &g->sport);
	case MCSEC_A_GROUP_DPORT:
		return get_be16(a, &g->dport);
	case MCSEC_A_GROUP_MARK:
		return get_u32(a, &g->mark.value);
	case MCSEC_A_GROUP_MARK_MASK:
		return get_u32(a, &g->mark.mask);
	case MCSEC_A_GROUP_IN_MARK:
		return get_u32(a, &g->in_mark.value);
	case MCSEC_A_GROUP_IN_MARK_MASK:
		return get_u32(a, &g->in_mark.mask);
	case MCSEC_A_GROUP_DEV:
		if (g->n_devs == ARRAY_SIZE(g->devs))
			return -EBADMSG;
		return get_str(a, g->devs[g->n_devs++], KDEV_MAX);
	case MCSEC_A_GROUP_POLICY:
		return get_enum(a, kpolicy_names, &g->policy);
	case MCSEC_A_GROUP_FORWARD:
		g->forward = true;
		return 0;
	case MCSEC_A_GROUP_OWNER:
		return get_str(a, g->owner, sizeof(g->owner));
	}
	return 0;
}

int kattr_get_group(const struct nlmsghdr *nlh, struct kgroup_info *g)
{
	const struct nlattr *a;
	int ret = 0;

	memset(g, 0, sizeof(*g));
	if (nlh->nlmsg_len < GENL_MSG_MIN)
		return -EBADMSG;
	for_each_attr(a, nlh) {
		switch (mnl_attr_get_type(a)) {
		case MCSEC_A_GROUP_NAME:
			ret = get_str(a, g->group.name, sizeof(g->group.name));
			break;
		case MCSEC_A_GROUP_OUT_SPI:
			ret = get_be32(a, &g->out_spi);
			break;
		case MCSEC_A_GROUP_SAS:
			ret = get_u32(a, &g->sas);
			break;
		case MCSEC_A_GROUP_OUT_DROPS:
			ret = get_u64(a, &g->out_drops);
			break;
		case MCSEC_A_GROUP_IN_DROPS:
			ret = get_u64(a, &g->in_drops);
			break;
		case MCSEC_A_GROUP_OBSERVED:
			ret = get_u64(a, &g->observed);
			break;
		default:
			ret = get_selector(a, &g->group);
			break;
		}
		if (ret)
			return ret;
	}
	return g->group.name[0] ? 0 : -EBADMSG;
}

static int get_limit(const struct nlattr *a, struct klimits *limits)
{
	uint64_t v;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limit_attrs); i++) {
		if (limit_attrs[i].attr != mnl_attr_get_type(a))
			continue;
		if (get_u64(a, &v))
			return -EBADMSG;
		memcpy((char *)limits + limit_attrs[i].off, &v, sizeof(v));
		limits->set |= limit_attrs[i].bit;
	}
	return 0;
}

static int append_sender_id(const struct nlattr *a, struct ksa *sa)
{
	if (sa->n_sender_ids == ARRAY_SIZE(sa->sender_ids))
		return -EBADMSG;
	return get_u32(a, &sa->sender_ids[sa->n_sender_ids++]);
}

static int get_sa_attr(const struct nlattr *a, struct ksa_info *i)
{
	struct ksa *sa = &i->sa;

	switch (mnl_attr_get_type(a)) {
	case MCSEC_A_SA_GROUP:
		return get_str(a, sa->group, sizeof(sa->group));
	case MCSEC_A_SA_SPI:
		return get_be32(a, &sa->spi);
	case MCSEC_A_SA_DIR:
		return get_u32(a, &sa->dir);
	case MCSEC_A_SA_ALG:
		return get_enum(a, kalg_names, &sa->alg);
	case MCSEC_A_SA_MODE:
		return get_enum(a, kmode_names, &sa->mode);
	case MCSEC_A_SA_SID_BITS:
		return get_u32(a, &sa->sid_bits);
	case MCSEC_A_SA_SENDER_ID:
		return append_sender_id(a, sa);
	case MCSEC_A_SA_REPLAY:
		return get_enum(a, kreplay_names, &sa->replay);
	case MCSEC_A_SA_WINDOW:
		return get_u32(a, &sa->window);
	case MCSEC_A_SA_MAX_SENDERS:
		return get_u32(a, &sa->max_senders);
	case MCSEC_A_SA_STATE:
		return get_enum(a, kstate_names, &i->state);
	case MCSEC_A_SA_SELECTED:
		sa->select = true;
		return 0;
	case MCSEC_A_SA_AGE:
		return get_u64(a, &i->age);
	case MCSEC_A_SA_OUT_PACKETS:
		return get_u64(a, &i->out_packets);
	case MCSEC_A_SA_OUT_BYTES:
		return get_u64(a, &i->out_bytes);
	case MCSEC_A_SA_IN_PACKETS:
		return get_u64(a, &i->in_packets);
	case MCSEC_A_SA_IN_BYTES:
		return get_u64(a, &i->in_bytes);
	case MCSEC_A_SA_IN_REPLAYS:
		return get_u64(a, &i->in_replays);
	case MCSEC_A_SA_IN_BAD_ICV:
		return get_u64(a, &i->in_bad_icv);
	case MCSEC_A_SA_SENDERS:
		return get_u32(a, &i->senders);
	}
	return get_limit(a, &sa->limits);
}

int kattr_get_sa(const struct nlmsghdr *nlh, struct ksa_info *sa)
{
	const struct nlattr *a;

	memset(sa, 0, sizeof(*sa));
	if (nlh->nlmsg_len < GENL_MSG_MIN)
		return -EBADMSG;
	for_each_attr(a, nlh)
		if (get_sa_attr(a, sa))
			return -EBADMSG;
	return sa->sa.group[0] && sa->sa.spi ? 0 : -EBADMSG;
}

int kattr_get_sender(const struct nlmsghdr *nlh, struct ksender *s)
{
	const struct nlattr *a;
	int ret = 0;

	memset(s, 0, sizeof(*s));
	if (nlh->nlmsg_len < GENL_MSG_MIN)
		return -EBADMSG;
	for_each_attr(a, nlh) {
		switch (mnl_attr_get_type(a)) {
		case MCSEC_A_SENDER_GROUP:
			ret = get_str(a, s->group, sizeof(s->group));
			break;
		case MCSEC_A_SENDER_SPI:
			ret = get_be32(a, &s->spi);
			break;
		case MCSEC_A_SENDER_SENDER_ID:
			ret = get_u32(a, &s->sender_id);
			break;
		case MCSEC_A_SENDER_COUNTER:
			ret = get_u64(a, &s->counter);
			break;
		case MCSEC_A_SENDER_PACKETS:
			ret = get_u64(a, &s->packets);
			break;
		case MCSEC_A_SENDER_REPLAYS:
			ret = get_u64(a, &s->replays);
			break;
		case MCSEC_A_SENDER_NAME:
			ret = get_str(a, s->name, sizeof(s->name));
			break;
		}
		if (ret)
			return ret;
	}
	return s->group[0] && s->spi ? 0 : -EBADMSG;
}

static int append_range(const struct nlattr *a, struct kedge *e)
{
	struct krange *range = &e->ranges[e->n_ranges];
	uint32_t both;

	if (e->n_ranges == ARRAY_SIZE(e->ranges) || get_u32(a, &both))
		return -EBADMSG;
	range->first = both >> 16;
	range->last = both & 0xffff;
	e->n_ranges++;
	return 0;
}

static int get_edge_attr(const struct nlattr *a, struct kedge *e)
{
	switch (mnl_attr_get_type(a)) {
	case MCSEC_A_EDGE_GROUP:
		return get_str(a, e->group, sizeof(e->group));
	case MCSEC_A_EDGE_ID:
		return get_u32(a, &e->id);
	case MCSEC_A_EDGE_LOCAL:
		return attr_get_addr(a, &e->local.addr);
	case MCSEC_A_EDGE_LOCAL_PORT:
		return get_be16(a, &e->local.port);
	case MCSEC_A_EDGE_PEER:
		return attr_get_addr(a, &e->peer.addr);
	case MCSEC_A_EDGE_PEER_PORT:
		return get_be16(a, &e->peer.port);
	case MCSEC_A_EDGE_DIR:
		return get_u32(a, &e->dir);
	case MCSEC_A_EDGE_SENDERS:
		return append_range(a, e);
	case MCSEC_A_EDGE_MTU:
		return get_u32(a, &e->mtu);
	case MCSEC_A_EDGE_DEV:
		return get_str(a, e->dev, sizeof(e->dev));
	case MCSEC_A_EDGE_IN_PACKETS:
		return get_u64(a, &e->in_packets);
	case MCSEC_A_EDGE_IN_BYTES:
		return get_u64(a, &e->in_bytes);
	case MCSEC_A_EDGE_IN_DROPS:
		return get_u64(a, &e->in_drops);
	case MCSEC_A_EDGE_OUT_PACKETS:
		return get_u64(a, &e->out_packets);
	case MCSEC_A_EDGE_OUT_BYTES:
		return get_u64(a, &e->out_bytes);
	case MCSEC_A_EDGE_OUT_DROPS:
		return get_u64(a, &e->out_drops);
	}
	return 0;
}

int kattr_get_edge(const struct nlmsghdr *nlh, struct kedge *e)
{
	const struct nlattr *a;

	memset(e, 0, sizeof(*e));
	if (nlh->nlmsg_len < GENL_MSG_MIN)
		return -EBADMSG;
	for_each_attr(a, nlh)
		if (get_edge_attr(a, e))
			return -EBADMSG;
	e->has_mtu = e->mtu;
	return e->group[0] && e->id ? 0 : -EBADMSG;
}

int kattr_get_counter(const struct nlmsghdr *nlh, struct kcounter *c)
{
	const struct nlattr *a;
	int ret = 0;

	memset(c, 0, sizeof(*c));
	if (nlh->nlmsg_len < GENL_MSG_MIN)
		return -EBADMSG;
	for_each_attr(a, nlh) {
		switch (mnl_attr_get_type(a)) {
		case MCSEC_A_COUNTER_NAME:
			ret = get_str(a, c->name, sizeof(c->name));
			break;
		case MCSEC_A_COUNTER_VALUE:
			ret = get_u64(a, &c->value);
			break;
		}
		if (ret)
			return ret;
	}
	return c->name[0] ? 0 : -EBADMSG;
}

/* ---- events -------------------------------------------------------------- */

static int get_group_event(const struct nlmsghdr *nlh, struct kevent *ev)
{
	struct kgroup_info g;

	if (kattr_get_group(nlh, &g))
		return -EBADMSG;
	memcpy(ev->group, g.group.name, sizeof(ev->group));
	ev->dst = g.group.dst;
	return 0;
}

static int get_sa_event(const struct nlmsghdr *nlh, struct kevent *ev)
{
	const struct nlattr *a;
	int ret = 0;

	for_each_attr(a, nlh) {
		switch (mnl_attr_get_type(a)) {
		case MCSEC_A_SA_GROUP:
			ret = get_str(a, ev->group, sizeof(ev->group));
			break;
		case MCSEC_A_SA_SPI:
			ret = get_be32(a, &ev->spi);
			break;
		case MCSEC_A_SA_LIMIT:
			ret = get_enum(a, klimit_names, &ev->limit);
			break;
		case MCSEC_A_SA_SENDER_ID:
			ret = get_u32(a, &ev->sender_id);
			break;
		}
		if (ret)
			return ret;
	}
	return ev->group[0] && ev->spi ? 0 : -EBADMSG;
}

static int get_sender_event(const struct nlmsghdr *nlh, struct kevent *ev)
{
	struct ksender s;

	if (kattr_get_sender(nlh, &s))
		return -EBADMSG;
	memcpy(ev->group, s.group, sizeof(ev->group));
	ev->spi = s.spi;
	ev->sender_id = s.sender_id;
	return 0;
}

int kattr_get_event(const struct nlmsghdr *nlh, struct kevent *ev)
{
	const struct genlmsghdr *genl;

	memset(ev, 0, sizeof(*ev));
	if (nlh->nlmsg_len < GENL_MSG_MIN)
		return -EBADMSG;
	genl = mnl_nlmsg_get_payload(nlh);
	switch (genl->cmd) {
	case MCSEC_CMD_ACQUIRE:
		ev->type = KEVENT_ACQUIRE;
		return get_group_event(nlh, ev);
	case MCSEC_CMD_GROUP_GONE:
		ev->type = KEVENT_GROUP_GONE;
		return get_group_event(nlh, ev);
	case MCSEC_CMD_SOFT_EXPIRE:
		ev->type = KEVENT_SOFT_EXPIRE;
		return get_sa_event(nlh, ev);
	case MCSEC_CMD_HARD_EXPIRE:
		ev->type = KEVENT_HARD_EXPIRE;
		return get_sa_event(nlh, ev);
	case MCSEC_CMD_IV_EXHAUSTING:
		ev->type = KEVENT_IV_EXHAUSTING;
		return get_sa_event(nlh, ev);
	case MCSEC_CMD_NEW_SENDER:
		ev->type = KEVENT_NEW_SENDER;
		return get_sender_event(nlh, ev);
	case MCSEC_CMD_UNKNOWN_SPI:
		ev->type = KEVENT_UNKNOWN_SPI;
		return get_sa_event(nlh, ev);
	}
	return -ENOMSG;
}

/* ---- what the kernel says about a request -------------------------------- */

static const char *const group_attrs[] = {
	[MCSEC_A_GROUP_NAME] = "name",
	[MCSEC_A_GROUP_DST] = "dst",
	[MCSEC_A_GROUP_DST_LEN] = "dst-len",
	[MCSEC_A_GROUP_SRC] = "src",
	[MCSEC_A_GROUP_SRC_LEN] = "src-len",
	[MCSEC_A_GROUP_PROTO] = "proto",
	[MCSEC_A_GROUP_SPORT] = "sport",
	[MCSEC_A_GROUP_DPORT] = "dport",
	[MCSEC_A_GROUP_MARK] = "mark",
	[MCSEC_A_GROUP_MARK_MASK] = "mark-mask",
	[MCSEC_A_GROUP_DEV] = "dev",
	[MCSEC_A_GROUP_POLICY] = "policy",
	[MCSEC_A_GROUP_FORWARD] = "forward",
	[MCSEC_A_GROUP_IN_MARK] = "in-mark",
	[MCSEC_A_GROUP_IN_MARK_MASK] = "in-mark-mask",
	[MCSEC_A_GROUP_OWNER] = "owner",
	[MCSEC_A_GROUP_FORCE] = "force",
};

static const char *const sa_attrs[] = {
	[MCSEC_A_SA_GROUP] = "group",
	[MCSEC_A_SA_SPI] = "spi",
	[MCSEC_A_SA_DIR] = "dir",
	[MCSEC_A_SA_ALG] = "alg",
	[MCSEC_A_SA_KEY] = "key",
	[MCSEC_A_SA_MODE] = "mode",
	[MCSEC_A_SA_SID_BITS] = "sid-bits",
	[MCSEC_A_SA_SENDER_ID] = "sender-id",
	[MCSEC_A_SA_REPLAY] = "replay",
	[MCSEC_A_SA_WINDOW] = "window",
	[MCSEC_A_SA_MAX_SENDERS] = "max-senders",
	[MCSEC_A_SA_SOFT_TIME] = "soft-time",
	[MCSEC_A_SA_HARD_TIME] = "hard-time",
	[MCSEC_A_SA_SOFT_PACKETS] = "soft-packets",
	[MCSEC_A_SA_HARD_PACKETS] = "hard-packets",
	[MCSEC_A_SA_SOFT_BYTES] = "soft-bytes",
	[MCSEC_A_SA_HARD_BYTES] = "hard-bytes",
	[MCSEC_A_SA_IV_LIMIT] = "iv-limit",
	[MCSEC_A_SA_SELECTED] = "select",
	[MCSEC_A_SA_LAST_COUNTS] = "last-counts",
};

static const char *const sender_attrs[] = {
	[MCSEC_A_SENDER_GROUP] = "group",
	[MCSEC_A_SENDER_SPI] = "spi",
	[MCSEC_A_SENDER_SENDER_ID] = "sender-id",
	[MCSEC_A_SENDER_NAME] = "name",
};

static const char *const edge_attrs[] = {
	[MCSEC_A_EDGE_GROUP] = "group",	     [MCSEC_A_EDGE_ID] = "id",
	[MCSEC_A_EDGE_SOCKET] = "socket",    [MCSEC_A_EDGE_LOCAL] = "local",
	[MCSEC_A_EDGE_LOCAL_PORT] = "local", [MCSEC_A_EDGE_PEER] = "peer",
	[MCSEC_A_EDGE_PEER_PORT] = "peer",   [MCSEC_A_EDGE_DIR] = "dir",
	[MCSEC_A_EDGE_SENDERS] = "senders",  [MCSEC_A_EDGE_MTU] = "mtu",
	[MCSEC_A_EDGE_DEV] = "dev",
};

const char *kattr_name(uint8_t cmd, uint16_t attr)
{
	switch (cmd) {
	case MCSEC_CMD_GROUP_NEW:
	case MCSEC_CMD_GROUP_SET:
	case MCSEC_CMD_GROUP_DEL:
	case MCSEC_CMD_GROUP_GET:
	case MCSEC_CMD_GROUP_FLUSH:
		return attr < ARRAY_SIZE(group_attrs) ? group_attrs[attr]
						      : NULL;
	case MCSEC_CMD_SA_NEW:
	case MCSEC_CMD_SA_SET:
	case MCSEC_CMD_SA_DEL:
	case MCSEC_CMD_SA_GET:
	case MCSEC_CMD_SA_FLUSH:
		return attr < ARRAY_SIZE(sa_attrs) ? sa_attrs[attr] : NULL;
	case MCSEC_CMD_SENDER_NEW:
	case MCSEC_CMD_SENDER_SET:
	case MCSEC_CMD_SENDER_DEL:
	case MCSEC_CMD_SENDER_GET:
		return attr < ARRAY_SIZE(sender_attrs) ? sender_attrs[attr]
						       : NULL;
	case MCSEC_CMD_EDGE_NEW:
	case MCSEC_CMD_EDGE_SET:
	case MCSEC_CMD_EDGE_DEL:
	case MCSEC_CMD_EDGE_GET:
		return attr < ARRAY_SIZE(edge_attrs) ? edge_attrs[attr] : NULL;
	}
	return NULL;
}

uint16_t kattr_at(const struct nlmsghdr *req, uint32_t off)
{
	const struct nlattr *a;
	uint32_t start;

	for_each_attr(a, req) {
		start = (const char *)a - (const char *)req;
		if (off >= start && off < start + a->nla_len)
			return mnl_attr_get_type(a);
	}
	return 0;
}
