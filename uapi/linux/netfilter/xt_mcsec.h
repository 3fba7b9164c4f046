/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* Rule data of the match "mcsec" for iptables and ip6tables. */
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
 * struct xt_mcsec_info - parameters of the match
 * @group: name of a group, NUL-terminated
 * @sender: lowest and highest Sender-ID
 * @flags: conditions to check, at least one of enum xt_mcsec_flags
 * @invert: conditions of @flags that must not hold
 * @pad: must be 0
 */
struct xt_mcsec_info {
	char group[32];
	__u32 sender[2];
	__u8 flags;
	__u8 invert;
	__u16 pad;
};

#endif /* _XT_MCSEC_H */
