// SPDX-License-Identifier: GPL-2.0
/* See launch.h. The one use of ptrace: on a child of our own that has not run yet, and only until it does. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cleanup.h"
#include "launch.h"

/* In the child: exec, or tell the parent why not. */
static void child(char *const argv[], int report)
{
	sigset_t none;
	int err;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		execvp(argv[0], argv);
	err = errno;
	if (write(report, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

/* The entry point of the program (not of the dynamic loader), from the auxiliary vector. */
static int entry_point(pid_t pid, uint64_t *out)
{
	char path[40];
	_cleanup_close_ int fd = -1;
	Elf64_auxv_t v;

	snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (read(fd, &v, sizeof(v)) == sizeof(v))
		if (v.a_type == AT_ENTRY) {
			*out = v.a_un.a_val;
			return 0;
		}
	return -ENOEXEC;
}

static int run_to(pid_t pid, uint64_t address)
{
	struct user_regs_struct regs;
	int status, sig = 0;
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, pid, address, NULL);
	if (errno)
		return -errno;
	if (ptrace(PTRACE_POKETEXT, pid, address, (word & ~0xffl) | 0xcc))
		return -errno;
	for (;;) {
		if (ptrace(PTRACE_CONT, pid, NULL, (long)sig))
			return -errno;
		if (waitpid(pid, &status, 0) != pid)
			return -errno;
		if (!WIFSTOPPED(status))
			return -ECHILD;
		sig = WSTOPSIG(status);
		if (sig == SIGTRAP)
			break; /* others are the program's own, and are passed on */
	}
	if (ptrace(PTRACE_POKETEXT, pid, address, word) || ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		return -errno;
	regs.rip = address;
	return ptrace(PTRACE_SETREGS, pid, NULL, &regs) ? -errno : 0;
}

int launch__stopped(char *const argv[], pid_t *out)
{
	uint64_t entry = 0;
	int report[2], status, err = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid)
		child(argv, report[1]);
	if (pid < 0)
		err = -errno;
	close(report[1]);
	if (!err) {
		/* Closed by exec, or it says what failed. */
		n = read(report[0], &status, sizeof(status));
		if (n == sizeof(status))
			err = -status;
	}
	close(report[0]);
	if (pid < 0)
		return err;
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return err ?: -ECHILD;
	err = entry_point(pid, &entry);
	if (!err)
		err = run_to(pid, entry);
	if (err) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return err;
	}
	*out = pid;
	return 0;
}

int launch__resume(pid_t pid)
{
	return ptrace(PTRACE_DETACH, pid, NULL, NULL) ? -errno : 0;
}
