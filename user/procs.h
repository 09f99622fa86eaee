/* SPDX-License-Identifier: GPL-2.0 */
/* The processes of this machine, as far as it takes to tell whether they are meant. */
#ifndef POOLWATCH_PROCS_H
#define POOLWATCH_PROCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What tells one process from the next with the same number, and one program from the next in the same process. */
struct procs_identity {
	uint64_t start; /* clock ticks since boot */
	uint64_t exe;	/* hash of its path */
};

struct procs_facts {
	struct procs_identity id;
	char exe[4096];	  /* without " (deleted)" */
	char cgroup[1024];
	uint32_t uid;	  /* effective */
};

/* All process numbers, ascending; kernel threads too. Return: 0, -errno. *@pids is an array to free. */
int procs__list(uint32_t **pids, size_t *n);
/* Return: 0; -ESRCH: gone; -ENOENT: a kernel thread or a zombie; -EACCES. The two differ in how much they read. */
int procs__identify(uint32_t pid, struct procs_identity *id);
int procs__facts(uint32_t pid, struct procs_facts *f);

/*
 * Word from the kernel that a process became another program or another user (the process connector), where it gives it.
 * procs_events__open: descriptor, or -errno: not given here, look again from time to time.
 * procs_events__next: 1 and *@pid; 0: no more now; -ENOBUFS: some were lost, look at all; -errno.
 */
int procs_events__open(void);
int procs_events__next(int fd, uint32_t *pid);

#endif
