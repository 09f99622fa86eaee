/* SPDX-License-Identifier: GPL-2.0 */
/* Giving up what is not needed any more. */
#ifndef POOLWATCH_PRIVILEGE_H
#define POOLWATCH_PRIVILEGE_H

/*
 * privilege__drop - keep CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, as far as they are there; the rest cannot
 * come back but by an exec of root's, which the unit's secure bits prevent. Kernels before 6.10 attach with CAP_SYS_ADMIN only:
 * there it stays, too. Return: 0 or -errno.
 */
int privilege__drop(void);

#endif
