/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints for datagrams of a group that are protected, verified, dropped, or
 * sent by edges. They cost nothing while they are disabled.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mcsec

#if !defined(_MCSEC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _MCSEC_TRACE_H

#include <linux/tracepoint.h>

#include "compat.h"
#include "sa.h"

/*
 * Common fields: a datagram, its SA, and the Sender-ID and counter
 * of its IV.
 */
DECLARE_EVENT_CLASS(mcsec_datagram,
	TP_PROTO(const struct sk_buff *skb, const struct mcsec_sa *sa, u64 iv),
	TP_ARGS(skb, sa, iv),
	TP_STRUCT__entry(
		__field(const void *, skbaddr)
		__string(group, sa->name)
		__field(u32, spi)
		__field(u32, sender_id)
		__field(u64, counter)
		__field(u32, len)
	),
	TP_fast_assign(
		__entry->skbaddr = skb;
		mcsec_assign_str(group, sa->name);
		__entry->spi = ntohl(sa->spi);
		__entry->sender_id = iv >> sa->sid_shift;
		__entry->counter = mcsec_iv_counter(sa, iv);
		__entry->len = skb->len;
	),
	TP_printk("group=%s spi=0x%08x sender_id=%u counter=%llu len=%u skb=%p",
		  __get_str(group), __entry->spi, __entry->sender_id,
		  __entry->counter, __entry->len, __entry->skbaddr)
);

/* A datagram was protected; len is the length of the ESP datagram. */
DEFINE_EVENT(mcsec_datagram, mcsec_protect,
	TP_PROTO(const struct sk_buff *skb, const struct mcsec_sa *sa, u64 iv),
	TP_ARGS(skb, sa, iv)
);

/* A datagram was verified; len is the length of the clear datagram. */
DEFINE_EVENT(mcsec_datagram, mcsec_unprotect,
	TP_PROTO(const struct sk_buff *skb, const struct mcsec_sa *sa, u64 iv),
	TP_ARGS(skb, sa, iv)
);

/*
 * A datagram was dropped. @reason is the name of the counter. @spi is 0 and
 * @sender_id is -1 if they are unknown. If the datagram did not verify, both
 * are unauthenticated values from its header. @group is empty if the group is
 * unknown.
 */
TRACE_EVENT(mcsec_drop,
	TP_PROTO(const char *group, const char *reason, u32 spi, s32 sender_id),
	TP_ARGS(group, reason, spi, sender_id),
	TP_STRUCT__entry(
		__string(group, group)
		__string(reason, reason)
		__field(u32, spi)
		__field(s32, sender_id)
	),
	TP_fast_assign(
		mcsec_assign_str(group, group);
		mcsec_assign_str(reason, reason);
		__entry->spi = spi;
		__entry->sender_id = sender_id;
	),
	TP_printk("group=%s reason=%s spi=0x%08x sender_id=%d",
		  __get_str(group), __get_str(reason), __entry->spi,
		  __entry->sender_id)
);

/* A copy of ESP is handed to IP for an edge; len is the length of ESP. */
TRACE_EVENT(mcsec_edge_send,
	TP_PROTO(const char *group, u32 edge, const struct sk_buff *skb),
	TP_ARGS(group, edge, skb),
	TP_STRUCT__entry(
		__string(group, group)
		__field(u32, edge)
		__field(u32, len)
	),
	TP_fast_assign(
		mcsec_assign_str(group, group);
		__entry->edge = edge;
		__entry->len = skb->len;
	),
	TP_printk("group=%s edge=%u len=%u",
		  __get_str(group), __entry->edge, __entry->len)
);

/* ESP that came by an edge was verified, and is new; len is that of ESP. */
TRACE_EVENT(mcsec_edge_accept,
	TP_PROTO(const char *group, u32 edge, u32 spi, u32 sender_id, u32 len),
	TP_ARGS(group, edge, spi, sender_id, len),
	TP_STRUCT__entry(
		__string(group, group)
		__field(u32, edge)
		__field(u32, spi)
		__field(u32, sender_id)
		__field(u32, len)
	),
	TP_fast_assign(
		mcsec_assign_str(group, group);
		__entry->edge = edge;
		__entry->spi = spi;
		__entry->sender_id = sender_id;
		__entry->len = len;
	),
	TP_printk("group=%s edge=%u spi=0x%08x sender_id=%u len=%u",
		  __get_str(group), __entry->edge, __entry->spi,
		  __entry->sender_id, __entry->len)
);

#endif /* _MCSEC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
