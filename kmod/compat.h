/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels that mcsec supports: 6.1 and later. A
 * function that a newer kernel added is defined here under its own name; where an
 * interface changed, the .c files call a wrapper mcsec_*().
 */
#ifndef _MCSEC_COMPAT_H
#define _MCSEC_COMPAT_H

#include <linux/crypto.h>
#include <linux/hrtimer.h>
#include <linux/ipv6.h>
#include <linux/local_lock.h>
#include <linux/netdevice.h>
#include <linux/netfilter_ipv6.h>
#include <linux/version.h>
#include <net/genetlink.h>
#include <net/inet_sock.h>
#include <net/ip6_route.h>
#include <net/route.h>

/* Counters are plain 64-bit words that other CPUs read without a lock. */
static_assert(BITS_PER_LONG == 64, "mcsec needs a 64-bit kernel");

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#include <net/gso.h>
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* Define the completion of an AEAD request: void name(void *data, int err). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define MCSEC_CRYPTO_DONE(name, data, err) \
	static void name##_(void *data, int err); \
	static void name(struct crypto_async_request *base, int err) \
	{ \
		name##_(base->data, err); \
	} \
	static void name##_(void *data, int err)
#else
#define MCSEC_CRYPTO_DONE(name, data, err) static void name(void *data, int err)
#endif

/* A macro of Linux 6.10, which late releases of 6.1 have as well. */
#ifndef dst_rt6_info
#define dst_rt6_info(dst_) container_of(dst_, struct rt6_info, dst)
#endif

/* The library's ChaCha state became a struct in Linux 6.16. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
struct mcsec_chacha_state {
	u32 words[16];
};

#define mcsec_chacha_words(state) ((state)->words)
#else
#define mcsec_chacha_state chacha_state
#define mcsec_chacha_words(state) (state)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*fn)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

/*
 * On a kernel without these macros disabled BH exclude all else that disables them on
 * this CPU, also on PREEMPT_RT, so no lock is needed.
 */
#ifndef local_lock_nested_bh
#define local_lock_nested_bh(lock)
#define local_unlock_nested_bh(lock)
#endif

/* Assign a string field of a trace event inside of TP_fast_assign(). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define mcsec_assign_str(field, string) __assign_str(field, string)
#else
#define mcsec_assign_str(field, string) __assign_str(field)
#endif

/*
 * Return true if tc filters, or BPF programs in their place, see the packets of
 * @dev.
 */
static inline bool mcsec_has_tc(const struct net_device *dev)
{
#ifdef CONFIG_NET_CLS_ACT
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	return rcu_access_pointer(dev->miniq_ingress) ||
	       rcu_access_pointer(dev->miniq_egress);
#else
	return rcu_access_pointer(dev->tcx_ingress) ||
	       rcu_access_pointer(dev->tcx_egress);
#endif
#else
	return false;
#endif
}

/* Get and set whether the socket's host hears its multicast (IP_MULTICAST_LOOP). */
static inline bool mcsec_mc_loop(const struct sock *sk)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	return inet_sk(sk)->mc_loop;
#else
	return inet_test_bit(MC_LOOP, sk);
#endif
}

static inline void mcsec_set_mc_loop(struct sock *sk, bool loops)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	inet_sk(sk)->mc_loop = loops;
#else
	inet_assign_bit(MC_LOOP, sk, loops);
#endif
}

/* Return true if the socket set IPV6_DONTFRAG (RFC 3542 11.2). */
static inline bool mcsec_dontfrag6(const struct sock *sk)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	return inet6_sk(sk)->dontfrag;
#else
	return inet6_test_bit(DONTFRAG, sk);
#endif
}

/*
 * Find the route of a multicast datagram that arrived by @dev, which may be a
 * port of the VRF that skb->dev is. Returns 0 or an error.
 */
static inline int mcsec_route_input4(struct sk_buff *skb,
				     struct net_device *dev)
{
	const struct iphdr *iph = ip_hdr(skb);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	return ip_route_input_noref(skb, iph->daddr, iph->saddr, iph->tos, dev);
#else
	return ip_route_input_noref(skb, iph->daddr, iph->saddr, ip4h_dscp(iph),
				    dev)
		       ? -EHOSTUNREACH
		       : 0;
#endif
}

/*
 * The same for IPv6. Nothing is returned: a datagram that is refused gets a route whose
 * input function drops it.
 */
static inline void mcsec_route_input6(struct sk_buff *skb)
{
#if !IS_ENABLED(CONFIG_IPV6)
#elif LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
	nf_get_ipv6_ops()->route_input(skb);
#else
	ip6_route_input(skb);
#endif
}

/* The functions of UDP tunnels take the sock itself since Linux 7.2. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 2, 0)
#define mcsec_udp_tunnel_sk(sock) (sock)
#else
#define mcsec_udp_tunnel_sk(sock) ((sock)->sk)
#endif

/* Return the attributes of a dump request. */
static inline struct nlattr **mcsec_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	return genl_dumpit_info(cb)->attrs;
#else
	return genl_info_dump(cb)->attrs;
#endif
}

#endif /* _MCSEC_COMPAT_H */
