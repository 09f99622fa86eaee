// SPDX-License-Identifier: GPL-2.0
/* poolwatch: the window on the ledger that BPF programs keep. Order of start and end, and the module's parameters. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include "chardev.h"
#include "compat.h"
#include "kfunc.h"
#include "ring.h"
#include "session.h"

static unsigned int ring_kb = 256;
module_param(ring_kb, uint, 0444);
MODULE_PARM_DESC(ring_kb, "memory for events, KiB, 4 to 65536 (default 256: 2048 events)");

static unsigned int max_sessions = 16;
module_param(max_sessions, uint, 0444);
MODULE_PARM_DESC(max_sessions, "loaders that may have the device open at once, 1 to 64 (default 16)");

static int __init poolwatch_init(void)
{
	int ret;

	if (ring_kb < PW_RING_KB_MIN || ring_kb > PW_RING_KB_MAX) {
		pr_err("ring_kb=%u: must be %u to %u\n", ring_kb, PW_RING_KB_MIN, PW_RING_KB_MAX);
		return -EINVAL;
	}
	if (max_sessions < PW_SESSIONS_MIN || max_sessions > PW_SESSIONS_MAX) {
		pr_err("max_sessions=%u: must be %u to %u\n", max_sessions, PW_SESSIONS_MIN, PW_SESSIONS_MAX);
		return -EINVAL;
	}

	ret = pw_ring_init(ring_kb);
	if (ret)
		return ret;
	ret = pw_sessions_init(max_sessions);
	if (ret)
		goto err_ring;
	ret = pw_kfunc_init();
	if (ret)
		goto err_sessions;
	if (!pw_has_btf())
		pr_warn("built without BTF: BPF programs cannot reach the device\n");
	ret = pw_chardev_init();
	if (ret)
		goto err_sessions;
	return 0;

err_sessions:
	pw_sessions_exit();
err_ring:
	pw_ring_exit();
	return ret;
}

static void __exit poolwatch_exit(void)
{
	pw_chardev_exit();
	pw_sessions_exit();
	pw_ring_exit();
}

module_init(poolwatch_init);
module_exit(poolwatch_exit);
MODULE_DESCRIPTION("poolwatch: who holds and who waits for units of resource pools, at /dev/poolwatch");
MODULE_LICENSE("GPL");
