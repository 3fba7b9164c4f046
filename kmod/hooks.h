/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The netfilter hooks of a network namespace, which are there while it has
 * groups. mnet->lock.
 */
#ifndef _MCSEC_HOOKS_H
#define _MCSEC_HOOKS_H

struct mcsec_net;

/* Before the first group is made: returns 0 or -errno. */
int mcsec_hooks_get(struct mcsec_net *mnet);
/* After a group was deleted, or could not be made. */
void mcsec_hooks_put(struct mcsec_net *mnet);

#endif /* _MCSEC_HOOKS_H */
