/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the module have in common: the module, the device, and a loader to drive them. */
#ifndef DEVICE_H
#define DEVICE_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <unistd.h>
#include <linux/poolwatch.h>
#include "driver.h"
#include "driver.skel.h"

/* Include the harness first. It gives a test 30 s; a machine that emulates its processor, with checkers in its kernel, takes longer. */
#ifdef TEST_TIMEOUT_DEFAULT
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 900
#endif

#define DEVICE "/dev/poolwatch"
#define MODULE ".output/kmod/poolwatch.ko"
#define MODULE_NO_BTF ".output/kmod/poolwatch-nobtf.ko"

/* In the test machine: alice and bob are in the group, carol is not. */
enum { GROUP = 900, ALICE = 1000, BOB = 1001, CAROL = 1002 };

/* Load the module with its parameters; gives the device its group, as the udev rule does. 0 or -errno. */
int module__load(const char *path, const char *parameters);
/* Remove it, with one try: 0 or -errno. */
int module__unload(void);
/* Remove it once the kernel has let go of programs whose descriptors were closed. 0, or -errno other than EWOULDBLOCK. */
int module__unload_wait(void);

/* A loader: an open file, its session, its programs. */
struct driver {
	int fd;
	uint32_t session;
	struct driver_bpf *skel;
};

/* Open the device as a loader and load the programs, with on_lock if @lock. 0 or -errno. */
int driver__open(struct driver *d, bool lock);
void driver__close(struct driver *d);

/* These return what the kernel function returned. @map: enum poolwatch_table, or DRIVER_MAP_*. */
int driver__bind(struct driver *d, uint32_t session, uint32_t table, uint32_t map);
int driver__bind_all(struct driver *d);
int driver__emit(struct driver *d, const struct poolwatch_event *e);
int driver__emit_sized(struct driver *d, const void *bytes, uint32_t size, uint32_t session);

/* Emit @count events that all may see, whose value counts up from @first. Return: how many were taken. */
uint64_t driver__emit_many(struct driver *d, uint64_t first, uint32_t count);

/* Write a record of a table. */
int driver__put(struct driver *d, enum poolwatch_table table, uint32_t slot, const void *record);

/* An event of the driver's, for @uid. */
struct poolwatch_event event__of(uint32_t uid, uint64_t value);

/* One read: the event's size, or -errno. */
int event__read(int fd, struct poolwatch_event *e);

/* What a poll without waiting says. */
int device__poll(int fd);

/* ioctls: 0 or -errno. */
int device__info(int fd, struct poolwatch_info *info);
int device__snapshot(int fd, struct poolwatch_snapshot *s);

/*
 * Run @f in a child with that user, group and no capabilities; in the group "poolwatch" if @member. Return: what @f
 * returned (0 to 255), or -1 if it died.
 */
int as_user(uid_t uid, bool member, int (*f)(void *), void *arg);

#endif
