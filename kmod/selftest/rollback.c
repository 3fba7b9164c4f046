// SPDX-License-Identifier: GPL-2.0-only
/* The guests of tests have neither snapshots nor hibernation. */
#include <linux/module.h>

static int provoke_rollback(const char *value, const struct kernel_param *kp)
{
	u8 what;
	int err = kstrtou8(value, 0, &what);

	if (err)
		return err;
	switch (what) {
	case 0:
		vm_forked(NULL, 0, NULL);
		return 0;
	case 1:
		pm_event(NULL, PM_HIBERNATION_PREPARE, NULL);
		return 0;
	case 2:
		pm_event(NULL, PM_POST_HIBERNATION, NULL);
		return 0;
	}
	return -EINVAL;
}

static const struct kernel_param_ops provoke_ops = {
	.set = provoke_rollback,
};

module_param_cb(rollback, &provoke_ops, NULL, 0200);
MODULE_PARM_DESC(rollback,
		 "for tests: 0 copied, 1 before, 2 after hibernation");
