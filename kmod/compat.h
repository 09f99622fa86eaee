/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between the kernels that this module is for, 6.12 to 7.x. Each entry says which kernel ends it. */
#ifndef POOLWATCH_COMPAT_H
#define POOLWATCH_COMPAT_H

#include <linux/btf.h>
#include <linux/module.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "poolwatch needs Linux 6.12 or later: older ones cannot call module functions from uprobe programs"
#endif

#ifndef CONFIG_64BIT
#error "poolwatch needs a 64-bit kernel: its readers rely on 64-bit loads that are never torn"
#endif

/* 7.0 made trusted arguments what every kfunc asks for, and dropped the flag. Ends with 6.19. */
#ifndef KF_TRUSTED_ARGS
#define KF_TRUSTED_ARGS 0
#endif

/*
 * Whether this module carries BTF. Without it the kernel registers no kfunc and returns success all the same. Not a
 * matter of versions, but of how the kernel and the module were built.
 */
static inline bool pw_has_btf(void)
{
#ifdef CONFIG_DEBUG_INFO_BTF_MODULES
	return THIS_MODULE->btf_data_size != 0;
#else
	return false;
#endif
}

#endif
