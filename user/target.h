/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process to watch, seen from outside: identity, what it maps, files opened once (through /proc/PID/map_files or root, so
 * that it works in other mount namespaces and for deleted files). Touches nothing in it.
 */
#ifndef POOLWATCH_TARGET_H
#define POOLWATCH_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct target_map { /* one executable or readable file mapping */
	uint64_t start, end, offset;
	uint64_t dev, ino; /* as stat() gives st_dev, st_ino of the open file */
	bool exec, shared;
	char *path; /* as in maps, without " (deleted)"; raw bytes of the target's choice */
	bool deleted;
};

struct target {
	uint32_t pid; /* tgid in our pid namespace, which is the first one: see target__in_first_pid_namespace */
	int pidfd;
	uint64_t start; /* boot time ns, from /proc/PID/stat (tick resolution) */
	uint64_t stack; /* where its stack begins, which exec changes; 0: not to be seen */
	uint32_t uid;
	char comm[16];
	char *exe;
	char *container; /* container id from its cgroup path, or NULL */
	bool seccomp;	 /* a filter is installed */
	bool foreign_mnt; /* another mount namespace than ours */
	const char *debug_dirs; /* where debug files lie, set by whoever opened it; NULL: /usr/lib/debug */
	struct target_map *maps;
	size_t nmaps;
};

/*
 * Are processes' numbers those that the kernel's programs see? In another PID namespace, a container's, they are not: every hit
 * would be of a process that is not watched.
 */
bool target__in_first_pid_namespace(void);
#define TARGET_OTHER_PIDS \
	"this is a PID namespace of its own (a container's), where process numbers are not the kernel's: " \
	"run poolwatch outside of it, or share the host's (docker run --pid=host)"

/*
 * target__open - Return: 0; -ESRCH: no such process; -EACCES: no privilege; -ENOEXEC: a 32-bit program, or another machine's;
 * -EINVAL: a kernel thread.
 */
int target__open(uint32_t pid, struct target *t);
void target__close(struct target *t);
/* What a failure of target__open means, and what to do: to be said after "process N: ". */
const char *target__error(int err);
/* Read the maps again (after dlopen). */
int target__refresh(struct target *t);
/*
 * Read anew what exec changes: name, executable, user, container, filters (not the maps). Return: 1: it is another program, or
 * user, than before; 0: it is not; -errno, and nothing has changed.
 */
int target__renew(struct target *t);
/* Is it still the same process? */
bool target__alive(const struct target *t);
/* Open the file behind mapping @m, checked to be that file (device, inode). Return: a descriptor or -errno. */
int target__open_map(const struct target *t, const struct target_map *m);
/* Read target memory. Return: 0 or -errno, never short. Usable as expr_env.read with a struct target * as ctx. */
int target__read(void *t, uint64_t addr, void *buf, size_t len);
/* The mapping that contains @addr, or NULL. */
const struct target_map *target__map_at(const struct target *t, uint64_t addr);
/* Threads: *@tids is an array to free. */
int target__threads(const struct target *t, uint32_t **tids, size_t *n);
/* All processes whose executable matches @pattern (absolute path or glob, or a base name). */
int target__find_by_exe(const char *pattern, uint32_t **pids, size_t *n);

/* What a thread does now: state letter, system call number or -1, its arguments, sp, pc, wait channel. */
struct target_activity {
	char state;
	long syscall;
	uint64_t args[6];
	uint64_t sp, pc;
	char wchan[64];
};
int target__activity(uint32_t pid, uint32_t tid, struct target_activity *a);
/* Does the thread sleep, and is not runnable, stopped or gone? Needs no privilege. Return: 1, 0, or -errno. */
int target__sleeps(uint32_t pid, uint32_t tid);

#endif
