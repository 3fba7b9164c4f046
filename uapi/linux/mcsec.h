/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/mcsec.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_MCSEC_H
#define _UAPI_LINUX_MCSEC_H

#define MCSEC_FAMILY_NAME	"mcsec"
#define MCSEC_FAMILY_VERSION	1

#define MCSEC_NAME_MAX		31
#define MCSEC_SENDER_IDS_MAX	256
#define MCSEC_DEVS_MAX		64
#define MCSEC_SENDER_NAME_MAX	63
#define MCSEC_WINDOW_MAX	32768

/**
 * enum mcsec_alg - Transform of an SA. All have an ICV of 16 octets.
 * @MCSEC_ALG_AES_GCM_16: RFC 4106, key of 20 or 36 octets (AES key, then 4
 *   octets of salt).
 * @MCSEC_ALG_AES_GMAC: RFC 4543, authentication only, key of 20 or 36 octets.
 * @MCSEC_ALG_CHACHA20_POLY1305: RFC 7634, key of 36 octets (key, then 4 octets
 *   of salt).
 */
enum mcsec_alg {
	MCSEC_ALG_AES_GCM_16,
	MCSEC_ALG_AES_GMAC,
	MCSEC_ALG_CHACHA20_POLY1305,
};

/**
 * enum mcsec_mode - RFC 4303 mode of an SA.
 * @MCSEC_MODE_TRANSPORT: Transport mode, for hosts.
 * @MCSEC_MODE_TUNNEL: Tunnel mode with address preservation (RFC 5374), for
 *   gateways: the outer header has the addresses of the inner one.
 */
enum mcsec_mode {
	MCSEC_MODE_TRANSPORT,
	MCSEC_MODE_TUNNEL,
};

/**
 * enum mcsec_policy - Treatment of a group's unprotected traffic.
 * @MCSEC_POLICY_ENFORCE: Unprotected traffic is dropped.
 * @MCSEC_POLICY_OBSERVE: Unprotected traffic is accepted in the clear and
 *   counted, for the migration of a network.
 */
enum mcsec_policy {
	MCSEC_POLICY_ENFORCE,
	MCSEC_POLICY_OBSERVE,
};

/**
 * enum mcsec_replay - Counter that the replay check of a receiver uses.
 * @MCSEC_REPLAY_IV: The counter in the IV, with one window per Sender-ID.
 *   Senders must use the IV format Sender-ID | counter (RFC 6054), as mcsec
 *   does.
 * @MCSEC_REPLAY_SEQ: The 32-bit ESP sequence number, with one window per SA:
 *   for SAs with a single sender, and for other senders whose IV is no
 *   counter.
 * @MCSEC_REPLAY_NONE: No replay check.
 */
enum mcsec_replay {
	MCSEC_REPLAY_IV,
	MCSEC_REPLAY_SEQ,
	MCSEC_REPLAY_NONE,
};

/**
 * enum mcsec_dir - Directions of an SA.
 * @MCSEC_DIR_IN: The SA receives.
 * @MCSEC_DIR_OUT: The SA sends, once it is selected.
 */
enum mcsec_dir {
	MCSEC_DIR_IN = 1,
	MCSEC_DIR_OUT = 2,
};

/**
 * enum mcsec_sa_state - State of an SA.
 * @MCSEC_SA_STATE_LIVE: The SA is in use, below every hard limit.
 * @MCSEC_SA_STATE_EXPIRED: The SA reached a hard limit; it neither sends nor
 *   receives.
 * @MCSEC_SA_STATE_EXHAUSTED: The IVs of the SA are used up, or the machine was
 *   copied; it no longer sends, but receives.
 */
enum mcsec_sa_state {
	MCSEC_SA_STATE_LIVE,
	MCSEC_SA_STATE_EXPIRED,
	MCSEC_SA_STATE_EXHAUSTED,
};

/**
 * enum mcsec_limit - Limit that a notification is about. The value rollback is
 *   no limit: the machine is a copy of another, or its memory is about to be
 *   written to disk, so its counters could be used twice.
 */
enum mcsec_limit {
	MCSEC_LIMIT_TIME,
	MCSEC_LIMIT_PACKETS,
	MCSEC_LIMIT_BYTES,
	MCSEC_LIMIT_IV,
	MCSEC_LIMIT_ROLLBACK,
};

#define MCSEC_EDGE_RANGES_MAX	16

/**
 * enum mcsec_edge_dir - Where an edge leads, in a tree of hosts. An edge with
 *   both leads to an equal, as in a ring.
 * @MCSEC_EDGE_DIR_UP: To a host nearer to the root. Datagrams of all
 *   Sender-IDs are taken from it.
 * @MCSEC_EDGE_DIR_DOWN: To a host farther from the root. Without up, only
 *   datagrams of the edge's Sender-IDs are taken from it.
 */
enum mcsec_edge_dir {
	MCSEC_EDGE_DIR_UP = 1,
	MCSEC_EDGE_DIR_DOWN = 2,
};

enum {
	MCSEC_A_GROUP_NAME = 1,
	MCSEC_A_GROUP_DST,
	MCSEC_A_GROUP_OUT_SPI,
	MCSEC_A_GROUP_SAS,
	MCSEC_A_GROUP_OUT_DROPS,
	MCSEC_A_GROUP_IN_DROPS,
	MCSEC_A_GROUP_PAD,
	MCSEC_A_GROUP_DST_LEN,
	MCSEC_A_GROUP_SRC,
	MCSEC_A_GROUP_SRC_LEN,
	MCSEC_A_GROUP_PROTO,
	MCSEC_A_GROUP_SPORT,
	MCSEC_A_GROUP_DPORT,
	MCSEC_A_GROUP_MARK,
	MCSEC_A_GROUP_MARK_MASK,
	MCSEC_A_GROUP_DEV,
	MCSEC_A_GROUP_POLICY,
	MCSEC_A_GROUP_FORWARD,
	MCSEC_A_GROUP_OBSERVED,
	MCSEC_A_GROUP_IN_MARK,
	MCSEC_A_GROUP_IN_MARK_MASK,
	MCSEC_A_GROUP_OWNER,
	MCSEC_A_GROUP_FORCE,

	__MCSEC_A_GROUP_MAX,
	MCSEC_A_GROUP_MAX = (__MCSEC_A_GROUP_MAX - 1)
};

enum {
	MCSEC_A_SA_GROUP = 1,
	MCSEC_A_SA_SPI,
	MCSEC_A_SA_DIR,
	MCSEC_A_SA_ALG,
	MCSEC_A_SA_KEY,
	MCSEC_A_SA_MODE,
	MCSEC_A_SA_SID_BITS,
	MCSEC_A_SA_SENDER_ID,
	MCSEC_A_SA_REPLAY,
	MCSEC_A_SA_WINDOW,
	MCSEC_A_SA_MAX_SENDERS,
	MCSEC_A_SA_SOFT_TIME,
	MCSEC_A_SA_HARD_TIME,
	MCSEC_A_SA_SOFT_PACKETS,
	MCSEC_A_SA_HARD_PACKETS,
	MCSEC_A_SA_SOFT_BYTES,
	MCSEC_A_SA_HARD_BYTES,
	MCSEC_A_SA_IV_LIMIT,
	MCSEC_A_SA_STATE,
	MCSEC_A_SA_SELECTED,
	MCSEC_A_SA_AGE,
	MCSEC_A_SA_OUT_PACKETS,
	MCSEC_A_SA_OUT_BYTES,
	MCSEC_A_SA_IN_PACKETS,
	MCSEC_A_SA_IN_BYTES,
	MCSEC_A_SA_IN_REPLAYS,
	MCSEC_A_SA_IN_BAD_ICV,
	MCSEC_A_SA_SENDERS,
	MCSEC_A_SA_LIMIT,
	MCSEC_A_SA_PAD,
	MCSEC_A_SA_LAST_COUNTS,

	__MCSEC_A_SA_MAX,
	MCSEC_A_SA_MAX = (__MCSEC_A_SA_MAX - 1)
};

enum {
	MCSEC_A_SENDER_GROUP = 1,
	MCSEC_A_SENDER_SPI,
	MCSEC_A_SENDER_SENDER_ID,
	MCSEC_A_SENDER_COUNTER,
	MCSEC_A_SENDER_PACKETS,
	MCSEC_A_SENDER_REPLAYS,
	MCSEC_A_SENDER_PAD,
	MCSEC_A_SENDER_NAME,

	__MCSEC_A_SENDER_MAX,
	MCSEC_A_SENDER_MAX = (__MCSEC_A_SENDER_MAX - 1)
};

enum {
	MCSEC_A_EDGE_GROUP = 1,
	MCSEC_A_EDGE_ID,
	MCSEC_A_EDGE_SOCKET,
	MCSEC_A_EDGE_LOCAL,
	MCSEC_A_EDGE_LOCAL_PORT,
	MCSEC_A_EDGE_PEER,
	MCSEC_A_EDGE_PEER_PORT,
	MCSEC_A_EDGE_DIR,
	MCSEC_A_EDGE_SENDERS,
	MCSEC_A_EDGE_MTU,
	MCSEC_A_EDGE_DEV,
	MCSEC_A_EDGE_IN_PACKETS,
	MCSEC_A_EDGE_IN_BYTES,
	MCSEC_A_EDGE_IN_DROPS,
	MCSEC_A_EDGE_OUT_PACKETS,
	MCSEC_A_EDGE_OUT_BYTES,
	MCSEC_A_EDGE_OUT_DROPS,
	MCSEC_A_EDGE_PAD,

	__MCSEC_A_EDGE_MAX,
	MCSEC_A_EDGE_MAX = (__MCSEC_A_EDGE_MAX - 1)
};

enum {
	MCSEC_A_COUNTER_NAME = 1,
	MCSEC_A_COUNTER_VALUE,
	MCSEC_A_COUNTER_PAD,

	__MCSEC_A_COUNTER_MAX,
	MCSEC_A_COUNTER_MAX = (__MCSEC_A_COUNTER_MAX - 1)
};

enum {
	MCSEC_CMD_GROUP_NEW = 1,
	MCSEC_CMD_GROUP_DEL,
	MCSEC_CMD_GROUP_GET,
	MCSEC_CMD_GROUP_FLUSH,
	MCSEC_CMD_SA_NEW,
	MCSEC_CMD_SA_SET,
	MCSEC_CMD_SA_DEL,
	MCSEC_CMD_SA_GET,
	MCSEC_CMD_SA_FLUSH,
	MCSEC_CMD_SENDER_GET,
	MCSEC_CMD_STATS_GET,
	MCSEC_CMD_GROUP_SET,
	MCSEC_CMD_ACQUIRE,
	MCSEC_CMD_SOFT_EXPIRE,
	MCSEC_CMD_HARD_EXPIRE,
	MCSEC_CMD_IV_EXHAUSTING,
	MCSEC_CMD_NEW_SENDER,
	MCSEC_CMD_UNKNOWN_SPI,
	MCSEC_CMD_GROUP_GONE,
	MCSEC_CMD_SENDER_NEW,
	MCSEC_CMD_SENDER_SET,
	MCSEC_CMD_SENDER_DEL,
	MCSEC_CMD_EDGE_NEW,
	MCSEC_CMD_EDGE_SET,
	MCSEC_CMD_EDGE_DEL,
	MCSEC_CMD_EDGE_GET,

	__MCSEC_CMD_MAX,
	MCSEC_CMD_MAX = (__MCSEC_CMD_MAX - 1)
};

#define MCSEC_MCGRP_EVENTS	"events"

#endif /* _UAPI_LINUX_MCSEC_H */
