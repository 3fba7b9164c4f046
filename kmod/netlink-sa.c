// SPDX-License-Identifier: GPL-2.0-only
#include "netlink.h"
#include "compat.h"
#include "esp.h"
#include "nonce.h"

#include <linux/string.h>
#include <net/netlink.h>
#include <net/sock.h>

static u32 u32_or(struct genl_info *info, int attr, u32 absent)
{
	return info->attrs[attr] ? nla_get_u32(info->attrs[attr]) : absent;
}

/* ---- limits ---- */

/*
 * The attributes of soft and hard limits alternate, in the order of enum
 * mcsec_limit.
 */
#define SOFT_LIMIT(limit) (MCSEC_A_SA_SOFT_TIME + 2 * (limit))
#define HARD_LIMIT(limit) (MCSEC_A_SA_HARD_TIME + 2 * (limit))
static_assert(SOFT_LIMIT(MCSEC_LIMIT_BYTES) == MCSEC_A_SA_SOFT_BYTES);
static_assert(HARD_LIMIT(MCSEC_LIMIT_BYTES) == MCSEC_A_SA_HARD_BYTES);

/* Replace a limit if the request contains it. */
static int parse_limit(struct genl_info *info, int attr, u64 *limit)
{
	const struct nlattr *nla = info->attrs[attr];

	if (!nla)
		return 0;
	*limit = nla_get_u64(nla);
	if (*limit > MCSEC_TIME_MAX &&
	    (attr == MCSEC_A_SA_SOFT_TIME || attr == MCSEC_A_SA_HARD_TIME))
		return refuse(info, attr, -ERANGE,
			      "a time limit must be at most 100 years");
	/* The sum of a limit and what was used must not overflow. */
	if (*limit > S64_MAX)
		return refuse(info, attr, -ERANGE,
			      "a limit must be at most 2^63 - 1");
	return 0;
}

/* Replace the limits that the request contains, and check all of them. */
static int parse_limits(struct genl_info *info, struct mcsec_limits *limits)
{
	int i, err;

	for (i = 0; i < MCSEC_LIMIT_IV; i++) {
		err = parse_limit(info, SOFT_LIMIT(i), &limits->soft[i])
			      ?: parse_limit(info, HARD_LIMIT(i),
					     &limits->hard[i]);
		if (err)
			return err;
		if (!limits->hard[i] || limits->soft[i] <= limits->hard[i])
			continue;
		if (info->attrs[SOFT_LIMIT(i)])
			return refuse(info, SOFT_LIMIT(i), -EINVAL,
				      "a soft limit must be at most its hard limit");
		return refuse(info, HARD_LIMIT(i), -EINVAL,
			      "a hard limit must be at least its soft limit");
	}
	return 0;
}

/* ---- sa-new ---- */

static int parse_key(struct genl_info *info, struct mcsec_sa_config *config)
{
	struct nlattr *nla = info->attrs[MCSEC_A_SA_KEY];

	config->key = nla_data(nla);
	config->key_len = nla_len(nla);
	if (mcsec_esp_key_ok(config->alg, config->key_len))
		return 0;
	if (config->alg == MCSEC_ALG_CHACHA20_POLY1305)
		return refuse(info, MCSEC_A_SA_KEY, -EINVAL,
			      "key must be 36 octets long (32 of key, 4 of salt)");
	return refuse(info, MCSEC_A_SA_KEY, -EINVAL,
		      "key must be 20 or 36 octets long (16 or 32 of key, 4 of salt)");
}

/* @sids has room for MCSEC_SENDER_IDS_MAX. */
static int parse_sids(struct genl_info *info, struct mcsec_sa_config *config,
		      u32 *sids)
{
	struct netlink_ext_ack *extack = info->extack;
	const struct nlattr *nla;
	u32 i, sid;
	int rem;

	config->sids = sids;
	nlmsg_for_each_attr(nla, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(nla) != MCSEC_A_SA_SENDER_ID)
			continue;
		sid = nla_get_u32(nla);
		if (config->n_sids == MCSEC_SENDER_IDS_MAX)
			return refuse_nla(extack, nla, -E2BIG,
					  "an SA has at most 256 sender-ids");
		if (sid >> config->sid_bits)
			return refuse_nla(extack, nla, -ERANGE,
					  "sender-id must fit sid-bits");
		for (i = 0; i < config->n_sids; i++) {
			if (sids[i] == sid)
				return refuse_nla(extack, nla, -EINVAL,
						  "sender-id must name each Sender-ID once");
		}
		sids[config->n_sids++] = sid;
	}
	if (config->dir & MCSEC_DIR_OUT && !config->n_sids)
		return refuse(info, MCSEC_A_SA_DIR, -EINVAL,
			      "dir out needs a sender-id to send with");
	if (!(config->dir & MCSEC_DIR_OUT) && config->n_sids)
		return refuse(info, MCSEC_A_SA_SENDER_ID, -EINVAL,
			      "sender-id needs dir out");
	return 0;
}

static int parse_iv_limit(struct genl_info *info,
			  struct mcsec_sa_config *config)
{
	struct nlattr *nla = info->attrs[MCSEC_A_SA_IV_LIMIT];

	config->iv_limit = nla ? nla_get_u64(nla) : MCSEC_IV_LIMIT_DEFAULT;
	if (!config->iv_limit)
		return refuse(info, MCSEC_A_SA_IV_LIMIT, -EINVAL,
			      "iv-limit must not be 0");
	if (config->iv_limit >> (64 - config->sid_bits))
		return refuse(info, MCSEC_A_SA_IV_LIMIT, -ERANGE,
			      "iv-limit must fit in the 64 bits of an IV beside sid-bits");
	return 0;
}

static int parse_replay(struct genl_info *info, struct mcsec_sa_config *config)
{
	config->replay = u32_or(info, MCSEC_A_SA_REPLAY, MCSEC_REPLAY_IV);
	config->window = u32_or(info, MCSEC_A_SA_WINDOW, MCSEC_WINDOW_DEFAULT);
	config->max_senders =
		u32_or(info, MCSEC_A_SA_MAX_SENDERS, MCSEC_SENDERS_DEFAULT);
	if (!mcsec_window_size_ok(config->window, MCSEC_WINDOW_MAX))
		return refuse(info, MCSEC_A_SA_WINDOW, -EINVAL,
			      "window must be a power of two from 64 to 32768");
	if (!config->max_senders ||
	    config->max_senders > 1 << MCSEC_SID_BITS_MAX)
		return refuse(info, MCSEC_A_SA_MAX_SENDERS, -ERANGE,
			      "max-senders must be from 1 to 65536");
	if (config->max_senders * mcsec_sender_bytes(config->window) >
	    MCSEC_WINDOWS_SA_MAX)
		return refuse(info, MCSEC_A_SA_MAX_SENDERS, -ERANGE,
			      "max-senders times window must be at most 32 MiB: lower one of them");
	return 0;
}

static int parse_sa(struct genl_info *info, struct mcsec_sa_config *config,
		    u32 *sids)
{
	if (!mcsec_nl_need(info, MCSEC_A_SA_GROUP, "group") ||
	    !mcsec_nl_need(info, MCSEC_A_SA_SPI, "spi") ||
	    !mcsec_nl_need(info, MCSEC_A_SA_DIR, "dir") ||
	    !mcsec_nl_need(info, MCSEC_A_SA_ALG, "alg") ||
	    !mcsec_nl_need(info, MCSEC_A_SA_KEY, "key"))
		return -EINVAL;

	config->spi = nla_get_be32(info->attrs[MCSEC_A_SA_SPI]);
	if (ntohl(config->spi) < MCSEC_SPI_MIN)
		return refuse(info, MCSEC_A_SA_SPI, -EINVAL,
			      "spi must be at least 256: RFC 4303 reserves those below");
	config->dir = nla_get_u32(info->attrs[MCSEC_A_SA_DIR]);
	if (!config->dir)
		return refuse(info, MCSEC_A_SA_DIR, -EINVAL,
			      "dir must be in, out or both");
	config->alg = nla_get_u32(info->attrs[MCSEC_A_SA_ALG]);
	config->mode = u32_or(info, MCSEC_A_SA_MODE, MCSEC_MODE_TRANSPORT);
	config->sid_bits =
		u32_or(info, MCSEC_A_SA_SID_BITS, MCSEC_SID_BITS_DEFAULT);
	if (config->sid_bits != 8 && config->sid_bits != 12 &&
	    config->sid_bits != 16)
		return refuse(info, MCSEC_A_SA_SID_BITS, -EINVAL,
			      "sid-bits must be 8, 12 or 16");
	if (info->attrs[MCSEC_A_SA_SELECTED] && !(config->dir & MCSEC_DIR_OUT))
		return refuse(info, MCSEC_A_SA_SELECTED, -EINVAL,
			      "selected needs an SA with dir out");
	return parse_key(info, config) ?:
	       parse_sids(info, config, sids) ?:
	       parse_iv_limit(info, config) ?:
	       parse_replay(info, config) ?:
	       parse_limits(info, &config->limits);
}

static int claim_nonces(struct genl_info *info,
			const struct mcsec_sa_config *config)
{
	const struct mcsec_nonces nonces = {
		.ordinary = config->windows->ordinary,
		.alg = config->alg,
		.key = config->key,
		.key_len = config->key_len,
		.bits = config->sid_bits,
		.sids = config->sids,
		.n = config->n_sids,
	};
	unsigned int bad, i = 0;
	const struct nlattr *nla;
	int err, rem;

	if (!(config->dir & MCSEC_DIR_OUT))
		return 0;
	err = mcsec_nonce_claim(&nonces, &bad);
	if (!err)
		return 0;
	if (err == -ENOTUNIQ)
		return refuse(info, MCSEC_A_SA_SID_BITS, -EEXIST,
			      "this host has sent with this key and other sid-bits, so IVs could repeat: use a new key");
	if (err != -EEXIST)
		return refuse_nla(info->extack, NULL, err, "out of memory");
	/* Extack names the attribute with the Sender-ID in question. */
	nlmsg_for_each_attr(nla, info->nlhdr, GENL_HDRLEN, rem)
		if (nla_type(nla) == MCSEC_A_SA_SENDER_ID && i++ == bad)
			break;
	NL_SET_ERR_MSG_ATTR(info->extack, nla,
			    "this host has sent with this key and sender-id before, so IVs would repeat: use a new key");
	return err;
}

/*
 * Make the cipher before the namespace's lock is taken, for which other
 * requests wait: the crypto API may load modules and run self-tests.
 */
static int make_cipher(struct genl_info *info, struct mcsec_sa_config *config)
{
	struct mcsec_cipher *cipher;
	int err;

	cipher = mcsec_cipher_create(config->alg, config->key, config->key_len);
	err = PTR_ERR_OR_ZERO(cipher);
	switch (err) {
	case 0:
		config->cipher = cipher;
		return 0;
	case -ENOENT:
		return refuse(info, MCSEC_A_SA_ALG, -EOPNOTSUPP,
			      "alg is not in the kernel's crypto API: load or build its modules");
	case -ENOMEM:
		return refuse_nla(info->extack, NULL, err, "out of memory");
	default:
		return refuse(info, MCSEC_A_SA_KEY, err,
			      "key is refused by the kernel's crypto API");
	}
}

/*
 * Check that the SA suits the group's edges, if there are any: they carry whole
 * datagrams, and only windows of IVs end a loop of edges.
 */
static int check_group(struct genl_info *info, struct mcsec_group *group)
{
	const struct mcsec_sa_config *config = info->user_ptr[0];

	if (list_empty(&group->edges))
		return 0;
	if (config->mode != MCSEC_MODE_TUNNEL)
		return refuse(info, MCSEC_A_SA_MODE, -EINVAL,
			      "the group has edges, which need mode tunnel");
	if (config->replay != MCSEC_REPLAY_IV)
		return refuse(info, MCSEC_A_SA_REPLAY, -EINVAL,
			      "the group has edges, which need replay iv: datagrams would go round");
	return 0;
}

/* Make the SA of the struct mcsec_sa_config in info->user_ptr[0]. */
static int sa_new(struct genl_info *info, struct mcsec_group *group)
{
	struct mcsec_sa_config *config = info->user_ptr[0];
	struct mcsec_sa *sa;
	int err = check_group(info, group);

	if (err)
		return err;
	sa = mcsec_group_sa_new(group, config);
	err = PTR_ERR_OR_ZERO(sa);
	switch (err) {
	case 0:
		break;
	case -EEXIST:
		return refuse(info, MCSEC_A_SA_SPI, err,
			      "the group, or one with its address, has an SA of this spi: choose another spi");
	case -ENOSPC:
		return refuse(info, MCSEC_A_SA_GROUP, err,
			      "a group has at most 64 SAs: delete one");
	case -EDQUOT:
		return refuse_nla(info->extack, NULL, err,
				  "too many SAs in this user's namespaces, or in all unprivileged users': delete some");
	case -EBUSY:
		return refuse_nla(info->extack, NULL, err,
				  "the machine is hibernating, and keys must not reach its disk: try again after it has resumed");
	default:
		return refuse_nla(info->extack, NULL, err, "out of memory");
	}
	/* A claim cannot be returned, so this is the last check. The SA has not
	 * been selected yet, so nothing was sent with it.
	 */
	err = claim_nonces(info, config);
	if (err) {
		mcsec_group_sa_del(group, sa);
		return err;
	}
	if (info->attrs[MCSEC_A_SA_SELECTED])
		mcsec_group_select(group, sa);
	return 0;
}

/*
 * Wipe all keys of the request, not only the last one, which is the one used:
 * the allocator does not clear freed memory.
 */
static void wipe_keys(struct genl_info *info)
{
	struct nlattr *nla;
	int rem;

	nlmsg_for_each_attr(nla, info->nlhdr, GENL_HDRLEN, rem)
		if (nla_type(nla) == MCSEC_A_SA_KEY)
			memzero_explicit(nla_data(nla), nla_len(nla));
}

int mcsec_nl_sa_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct mcsec_net *mnet = mcsec_net_of(genl_info_net(info));
	struct mcsec_sa_config config = { .windows = &mnet->windows };
	u32 *sids;
	int err;

	sids = kcalloc(MCSEC_SENDER_IDS_MAX, sizeof(*sids), GFP_KERNEL);
	if (!sids) {
		NL_SET_ERR_MSG(info->extack, "out of memory");
		err = -ENOMEM;
		goto out;
	}
	info->user_ptr[0] = &config;
	/* Refused early, before a cipher is made for nothing; sa_new() checks
	 * again.
	 */
	err = parse_sa(info, &config, sids) ?:
	      mcsec_nl_act_on_group(info, check_group) ?:
	      make_cipher(info, &config) ?:
	      mcsec_nl_act_on_group(info, sa_new);
	mcsec_cipher_free(config.cipher);
out:
	kfree(sids);
	wipe_keys(info);
	return err;
}

/* ---- the other changes ---- */

/*
 * The windows outlive a change, so nothing is accepted twice because of one. An
 * SA that stopped sending must not send again: mcsec_sa_end() ends only those
 * that send, so a copy of this machine may have used its counters since.
 */
static int parse_new_dir(struct genl_info *info, const struct mcsec_sa *sa,
			 u32 *dir)
{
	*dir = u32_or(info, MCSEC_A_SA_DIR, sa->dir);
	if (!*dir)
		return refuse(info, MCSEC_A_SA_DIR, -EINVAL,
			      "dir must be in, out or both");
	if (*dir & ~sa->dir & MCSEC_DIR_OUT)
		return refuse(info, MCSEC_A_SA_DIR, -EINVAL,
			      "dir out cannot be added to an SA, as its IVs could repeat: add a new SA");
	return 0;
}

static int sa_set(struct genl_info *info, struct mcsec_sa *sa)
{
	struct mcsec_limits limits = sa->limits;
	bool select = info->attrs[MCSEC_A_SA_SELECTED];
	u32 dir;
	int err;

	if (READ_ONCE(sa->state) == MCSEC_SA_STATE_EXPIRED)
		return refuse(info, MCSEC_A_SA_SPI, -EKEYEXPIRED,
			      "the SA has expired: add a new one");
	err = parse_new_dir(info, sa, &dir);
	if (err)
		return err;
	if (select && !(dir & MCSEC_DIR_OUT))
		return refuse(info, MCSEC_A_SA_SELECTED, -EINVAL,
			      "selected needs an SA with dir out");
	if (select && READ_ONCE(sa->state) == MCSEC_SA_STATE_EXHAUSTED)
		return refuse(info, MCSEC_A_SA_SELECTED, -EKEYEXPIRED,
			      "the SA has used up its IVs: add a new one");
	err = parse_limits(info, &limits);
	if (err)
		return err;
	if (memcmp(&limits, &sa->limits, sizeof(limits)))
		mcsec_sa_set_limits(sa, &limits);
	mcsec_group_sa_set_dir(sa->group, sa, dir);
	if (select)
		mcsec_group_select(sa->group, sa);
	return 0;
}

int mcsec_nl_sa_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return mcsec_nl_act_on_sa(info, sa_set);
}

static int put_sa_u64(struct sk_buff *msg, int attr, u64 value)
{
	return nla_put_u64_64bit(msg, attr, value, MCSEC_A_SA_PAD);
}

static int put_counts(struct sk_buff *msg, const struct mcsec_sa_counts *counts)
{
	if (put_sa_u64(msg, MCSEC_A_SA_OUT_PACKETS, counts->out_packets) ||
	    put_sa_u64(msg, MCSEC_A_SA_OUT_BYTES, counts->out_bytes) ||
	    put_sa_u64(msg, MCSEC_A_SA_IN_PACKETS, counts->in_packets) ||
	    put_sa_u64(msg, MCSEC_A_SA_IN_BYTES, counts->in_bytes) ||
	    put_sa_u64(msg, MCSEC_A_SA_IN_REPLAYS, counts->in_replays) ||
	    put_sa_u64(msg, MCSEC_A_SA_IN_BAD_ICV, counts->in_bad_icv))
		return -EMSGSIZE;
	return 0;
}

struct last_counts {
	struct genl_info *info;
	struct mcsec_sa_counts counts;
};

static int fill_last(struct sk_buff *msg, const void *object)
{
	const struct last_counts *of = object;
	struct nlattr **attrs = of->info->attrs;

	if (nla_put_string(msg, MCSEC_A_SA_GROUP,
			   nla_data(attrs[MCSEC_A_SA_GROUP])) ||
	    nla_put_be32(msg, MCSEC_A_SA_SPI,
			 nla_get_be32(attrs[MCSEC_A_SA_SPI])))
		return -EMSGSIZE;
	return put_counts(msg, &of->counts);
}

static int sa_del(struct genl_info *info, struct mcsec_sa *sa)
{
	struct mcsec_sa_last *last = NULL;

	if (info->attrs[MCSEC_A_SA_LAST_COUNTS]) {
		last = mcsec_sa_last_new(sa);
		if (!last)
			return refuse_nla(info->extack, NULL, -ENOMEM,
					  "out of memory");
	}
	info->user_ptr[0] = last;
	mcsec_group_sa_del(sa->group, sa);
	return 0;
}

int mcsec_nl_sa_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct last_counts of = { .info = info };
	int err = mcsec_nl_act_on_sa(info, sa_del);

	if (err || !info->user_ptr[0])
		return err;
	/* No lock of the module is held here, but generic netlink's cb_lock is: see
	 * LAST_WAIT in sa.c.
	 */
	err = mcsec_sa_last_wait(info->user_ptr[0], &of.counts);
	if (err)
		return refuse_nla(info->extack, NULL, err,
				  "the SA is deleted, but its last counts are not known: a packet is still in the cipher");
	return mcsec_nl_reply(info, fill_last, &of);
}

static int sa_flush(struct genl_info *info, struct mcsec_group *group)
{
	mcsec_group_sa_flush(group);
	return 0;
}

int mcsec_nl_sa_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	if (!mcsec_nl_need(info, MCSEC_A_SA_GROUP, "group"))
		return -EINVAL;
	return mcsec_nl_act_on_group(info, sa_flush);
}

/* ---- sa-get ---- */

static int fill_config(struct sk_buff *msg, const struct mcsec_sa *sa)
{
	u32 i;

	if (nla_put_string(msg, MCSEC_A_SA_GROUP, sa->name) ||
	    nla_put_be32(msg, MCSEC_A_SA_SPI, sa->spi) ||
	    nla_put_u32(msg, MCSEC_A_SA_DIR, sa->dir) ||
	    nla_put_u32(msg, MCSEC_A_SA_ALG, sa->alg) ||
	    nla_put_u32(msg, MCSEC_A_SA_MODE, sa->mode) ||
	    nla_put_u32(msg, MCSEC_A_SA_SID_BITS, 64 - sa->sid_shift) ||
	    nla_put_u32(msg, MCSEC_A_SA_REPLAY, sa->replay) ||
	    nla_put_u32(msg, MCSEC_A_SA_WINDOW, sa->window) ||
	    nla_put_u32(msg, MCSEC_A_SA_MAX_SENDERS, sa->senders.max) ||
	    put_sa_u64(msg, MCSEC_A_SA_IV_LIMIT, sa->iv_limit))
		return -EMSGSIZE;
	/* An SA that stopped sending has no Sender-ID left to use. */
	for (i = 0; sa->dir & MCSEC_DIR_OUT && i < sa->n_slots; i++)
		if (nla_put_u32(msg, MCSEC_A_SA_SENDER_ID, sa->slots[i].sid))
			return -EMSGSIZE;
	return 0;
}

static int fill_limits(struct sk_buff *msg, const struct mcsec_limits *limits)
{
	int i;

	for (i = 0; i < MCSEC_LIMIT_IV; i++)
		if (put_sa_u64(msg, SOFT_LIMIT(i), limits->soft[i]) ||
		    put_sa_u64(msg, HARD_LIMIT(i), limits->hard[i]))
			return -EMSGSIZE;
	return 0;
}

static int fill_sa(struct sk_buff *msg, const void *object)
{
	const struct mcsec_sa *sa = object;
	const struct mcsec_group *group = sa->group;
	struct mcsec_sa_counts counts;
	u64 age;

	if (fill_config(msg, sa) || fill_limits(msg, &sa->limits))
		return -EMSGSIZE;
	mcsec_sa_read_counts(sa, &counts);
	age = ktime_divns(ktime_sub(ktime_get_boottime(), sa->added),
			  NSEC_PER_SEC);
	if (nla_put_u32(msg, MCSEC_A_SA_STATE, READ_ONCE(sa->state)) ||
	    (rcu_access_pointer(group->out) == sa &&
	     nla_put_flag(msg, MCSEC_A_SA_SELECTED)) ||
	    put_sa_u64(msg, MCSEC_A_SA_AGE, age) || put_counts(msg, &counts) ||
	    nla_put_u32(msg, MCSEC_A_SA_SENDERS,
			atomic_read(&sa->senders.count)))
		return -EMSGSIZE;
	return 0;
}

static int sa_get(struct genl_info *info, struct mcsec_sa *sa)
{
	return mcsec_nl_reply(info, fill_sa, sa);
}

int mcsec_nl_sa_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return mcsec_nl_act_on_sa(info, sa_get);
}

/*
 * Dump the SAs of a group, newest first as in the list. cb->args[1] is the
 * serial of the last one that was dumped, or 0. SAs that are added during the
 * dump are not shown, and deleted ones do not disturb it.
 */
static int dump_group(struct sk_buff *skb, struct netlink_callback *cb,
		      struct mcsec_group *group, const struct nlattr *spi)
{
	struct mcsec_sa *sa;

	hlist_for_each_entry(sa, &group->sas, node) {
		if ((cb->args[1] && sa->serial >= cb->args[1]) ||
		    (spi && sa->spi != nla_get_be32(spi)))
			continue;
		if (mcsec_nl_dump_one(skb, cb, MCSEC_CMD_SA_GET, fill_sa, sa))
			return -EMSGSIZE;
		cb->args[1] = sa->serial;
	}
	return 0;
}

int mcsec_nl_sa_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr **attrs = mcsec_dump_attrs(cb);
	struct mcsec_net *mnet = mcsec_net_of(sock_net(skb->sk));
	const struct nlattr *spi = attrs[MCSEC_A_SA_SPI];
	struct mcsec_group *group;
	unsigned long id;
	int err;

	mutex_lock(&mnet->lock);
	if (attrs[MCSEC_A_SA_GROUP]) {
		group = mcsec_nl_group(mnet, attrs, cb->extack);
		err = -ENOENT;
		if (group) {
			dump_group(skb, cb, group, spi);
			err = skb->len;
		}
		goto out;
	}
	xa_for_each_start(&mnet->by_id, id, group, cb->args[0]) {
		/* The group in which the last message ended has
		 * been deleted.
		 */
		if (id != cb->args[0])
			cb->args[1] = 0;
		cb->args[0] = id;
		if (dump_group(skb, cb, group, spi))
			break;
		cb->args[0] = id + 1;
		cb->args[1] = 0;
	}
	err = skb->len;
out:
	mutex_unlock(&mnet->lock);
	return err;
}
