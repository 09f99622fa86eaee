/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/poolwatch, seen from user space: nobody else opens it. Readers get sources (source.h), a loader its session.
 * What each call of the device does is said in kmod/uapi/linux/poolwatch.h.
 */
#ifndef POOLWATCH_DEV_H
#define POOLWATCH_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "source.h"

#define DEV_PATH "/dev/poolwatch"

/* One line for the user: what went wrong, and what to do. "" after success. */
struct dev_why {
	char line[240];
};

/*
 * dev__open - open the device and make sure that it speaks this program's ABI
 * @loader: for a loader (O_RDWR: begins a session, and BPF programs must be able to reach the device), else for a
 * reader
 * @info: what the device says of itself; may be NULL
 *
 * Return: a descriptor (close-on-exec, non-blocking), or
 * -ENOENT: no such device, the module is not loaded; -EACCES, -EPERM: not for this user; -EBUSY: no session left;
 * -EPROTO: another ABI; -EOPNOTSUPP: @loader, but the module has no BTF; or another -errno of open or ioctl.
 */
int dev__open(bool loader, struct poolwatch_info *info, struct dev_why *why);

/* The number of the session of @fd, from dev__open(true, ...): what the BPF programs pass to the module. 0 or -errno. */
int dev__session(int fd, uint32_t *session);

/*
 * dev__list - the sessions that run, each as an open source in the array *@out of *@n, whose cursor stands at the
 * oldest event kept. The caller closes each and frees the array. Return: 0; -ENOENT with *@why: none runs, or the
 * errors of dev__open(false, ...). dev__present tells the two kinds of -ENOENT apart.
 */
int dev__list(struct source ***out, size_t *n, struct dev_why *why);
bool dev__present(void);

/*
 * dev__check_abi - can this program, of @major.@minor, work with a device that says @info? Pure. The device may be of a
 * later minor version, never of another major. Return: 0 or -EPROTO with both versions in *@why.
 */
int dev__check_abi(const struct poolwatch_info *info, uint32_t major, uint32_t minor, struct dev_why *why);

#endif
