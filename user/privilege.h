/* SPDX-License-Identifier: GPL-2.0 */
/* Less privilege: what watching takes, and no more, before anything of a target is read. */
#ifndef POOLWATCH_PRIVILEGE_H
#define POOLWATCH_PRIVILEGE_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

/* What a thread dump of another user's Java program takes beside: to be that user, in a child of its own. */
#define PRIVILEGE_JVM_DUMP (1ull << CAP_SETUID | 1ull << CAP_SETGID)

/*
 * privilege__drop - give up, for good and for all that this process starts, every capability but CAP_BPF and CAP_PERFMON
 * (programs and probes), CAP_SYS_PTRACE (memory and maps of others), CAP_DAC_READ_SEARCH (their files) and
 * CAP_CHECKPOINT_RESTORE (files that were replaced, through /proc/PID/map_files); CAP_SYS_ADMIN too where probes are perf
 * events; and those whose bits are in @also. Call it while the process has one thread. Return: 0 or -errno.
 */
int privilege__drop(uint64_t also);

/* Has this process what attaching takes beside CAP_BPF and CAP_PERFMON: CAP_SYS_ADMIN, where probes are perf events? */
bool privilege__can_attach(void);

#endif
