/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* The match "mcsec" of iptables and ip6tables, as rules have it. */
#ifndef _XT_MCSEC_H
#define _XT_MCSEC_H

#include <linux/types.h>

enum xt_mcsec_flags {
	XT_MCSEC_PROTECTED = 1 << 0,
	XT_MCSEC_GROUP = 1 << 1,
	XT_MCSEC_SENDER = 1 << 2,
	XT_MCSEC_ALL = (1 << 3) - 1,
};

/**
 * struct xt_mcsec_info - what a rule asks for
 * @group: name of a group, with its final 0
 * @sender: the least and the largest Sender-ID
 * @flags: enum xt_mcsec_flags, at least one: what is asked
 * @invert: those of @flags that must not be so
 * @pad: 0
 */
struct xt_mcsec_info {
	char group[32];
	__u32 sender[2];
	__u8 flags;
	__u8 invert;
	__u16 pad;
};

#endif /* _XT_MCSEC_H */
