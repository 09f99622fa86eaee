/* SPDX-License-Identifier: GPL-2.0 */
/* Start a program and stop it before its first own instruction, with its libraries mapped, so that probes can be placed. */
#ifndef POOLWATCH_LAUNCH_H
#define POOLWATCH_LAUNCH_H

#include <sys/types.h>

/*
 * launch__stopped - fork and exec @argv (found by PATH), run the dynamic loader, and stop at the program's entry point
 * Return: 0 with *@pid, a traced child; -errno of fork or exec; -ECHILD: it ended before that.
 */
int launch__stopped(char *const argv[], pid_t *pid);
/* Let it go. Return: 0 or -errno. */
int launch__resume(pid_t pid);

#endif
