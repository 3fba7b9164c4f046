// SPDX-License-Identifier: GPL-2.0-only
#include "rollback.h"
#include "group.h"

#include <linux/notifier.h>
#include <linux/random.h>
#include <linux/suspend.h>

/* The virtual machine was cloned, or a snapshot was restored. */
static int vm_forked(struct notifier_block *nb, unsigned long action,
		     void *data)
{
	mcsec_nets_end_sas(false);
	return NOTIFY_DONE;
}

static struct notifier_block vmfork_notifier = {
	.notifier_call = vm_forked,
};

/*
 * A hibernation image contains the memory, and can be resumed more than once.
 * Keys are therefore wiped before. Programs still run for a while, and are
 * notified that their SAs have ended. They get no new SA until the machine has
 * resumed or hibernation has failed. An SA is made under the same lock under
 * which the SAs of a namespace are ended, so it is either found there, or is
 * refused. Suspend to RAM is not concerned.
 */
static int pm_event(struct notifier_block *nb, unsigned long action, void *data)
{
	switch (action) {
	case PM_HIBERNATION_PREPARE:
		mcsec_sa_refuse(true);
		mcsec_nets_end_sas(true);
		mcsec_sa_wait_wiped();
		break;
	case PM_POST_HIBERNATION:
		mcsec_sa_refuse(false);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block pm_notifier = {
	.notifier_call = pm_event,
};

#ifdef DEBUG
#include "selftest/rollback.c"
#endif

int mcsec_rollback_init(void)
{
	int err;

	err = register_random_vmfork_notifier(&vmfork_notifier);
	if (err)
		return err;
	err = register_pm_notifier(&pm_notifier);
	if (err)
		unregister_random_vmfork_notifier(&vmfork_notifier);
	return err;
}

void mcsec_rollback_exit(void)
{
	unregister_pm_notifier(&pm_notifier);
	unregister_random_vmfork_notifier(&vmfork_notifier);
}
