// SPDX-License-Identifier: Apache-2.0
/*
 * Names of the enums of the kernel interface, for the command line and for
 * logs: what is printed can be typed.
 */
#include <string.h>

#include "kernel/kernel.h"

const char *const kalg_names[] = {
	[MCSEC_ALG_AES_GCM_16] = "aes-gcm-16",
	[MCSEC_ALG_AES_GMAC] = "aes-gmac",
	[MCSEC_ALG_CHACHA20_POLY1305] = "chacha20-poly1305",
	NULL,
};

const char *const kpolicy_names[] = { [MCSEC_POLICY_ENFORCE] = "enforce",
				      [MCSEC_POLICY_OBSERVE] = "observe",
				      NULL };

const char *const kmode_names[] = {
	[MCSEC_MODE_TRANSPORT] = "transport",
	[MCSEC_MODE_TUNNEL] = "tunnel",
	NULL,
};

const char *const kreplay_names[] = {
	[MCSEC_REPLAY_IV] = "iv",
	[MCSEC_REPLAY_SEQ] = "seq",
	[MCSEC_REPLAY_NONE] = "none",
	NULL,
};

const char *const kstate_names[] = {
	[MCSEC_SA_STATE_LIVE] = "live",
	[MCSEC_SA_STATE_EXPIRED] = "expired",
	[MCSEC_SA_STATE_EXHAUSTED] = "exhausted",
	NULL,
};

const char *const klimit_names[] = {
	[MCSEC_LIMIT_TIME] = "time",	     [MCSEC_LIMIT_PACKETS] = "packets",
	[MCSEC_LIMIT_BYTES] = "bytes",	     [MCSEC_LIMIT_IV] = "iv",
	[MCSEC_LIMIT_ROLLBACK] = "rollback", NULL,
};

const char *const kevent_names[] = {
	[KEVENT_ACQUIRE] = "acquire",
	[KEVENT_SOFT_EXPIRE] = "soft-expire",
	[KEVENT_HARD_EXPIRE] = "hard-expire",
	[KEVENT_IV_EXHAUSTING] = "iv-exhausting",
	[KEVENT_NEW_SENDER] = "new-sender",
	[KEVENT_UNKNOWN_SPI] = "unknown-spi",
	[KEVENT_GROUP_GONE] = "group-gone",
	[KEVENT_RESYNC] = "resync",
	NULL,
};

int kname_find(const char *const *names, const char *word)
{
	int i;

	for (i = 0; names[i]; i++)
		if (!strcmp(names[i], word))
			return i;
	return -1;
}

const char *kdir_name(uint32_t dir)
{
	switch (dir) {
	case MCSEC_DIR_IN:
		return "in";
	case MCSEC_DIR_OUT:
		return "out";
	case MCSEC_DIR_IN | MCSEC_DIR_OUT:
		return "inout";
	}
	return "none";
}

const char *kedge_dir_name(uint32_t dir)
{
	switch (dir) {
	case MCSEC_EDGE_DIR_UP:
		return "up";
	case MCSEC_EDGE_DIR_DOWN:
		return "down";
	case MCSEC_EDGE_DIR_UP | MCSEC_EDGE_DIR_DOWN:
		return "both";
	}
	return "none";
}

bool kalg_key_ok(enum mcsec_alg alg, size_t len)
{
	switch (alg) {
	case MCSEC_ALG_AES_GCM_16:
	case MCSEC_ALG_AES_GMAC:
		return len == 20 || len == 36;
	case MCSEC_ALG_CHACHA20_POLY1305:
		return len == 36;
	}
	return false;
}
