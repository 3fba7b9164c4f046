/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The netfilter hooks of a network namespace, which are registered only while
 * it has groups. The caller holds mnet->lock.
 */
#ifndef _MCSEC_HOOKS_H
#define _MCSEC_HOOKS_H

struct mcsec_net;

/*
 * Register the hooks before the first group is made. Returns 0, -EBUSY while the module
 * is being unloaded, or another -errno.
 */
int mcsec_hooks_register(struct mcsec_net *mnet);
/*
 * Unregister the hooks if no group is left: after a group was deleted or could
 * not be made.
 */
void mcsec_hooks_unregister(struct mcsec_net *mnet);

#endif /* _MCSEC_HOOKS_H */
