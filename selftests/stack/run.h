/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program started, waited for until it blocks where it should, and its registers and stack copied by ptrace, as BPF
 * copies them for the tool.
 */
#ifndef STACK_RUN_H
#define STACK_RUN_H

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include "stack.h"
#include "target.h"

#define STACK_COPY PW_STACK_MAX

struct run {
	pid_t pid;
	uint32_t tid; /* that reads */
	int in, out;
	unsigned int lines[3];
	struct target t;
	uint64_t regs[PW_REGS];
	uint8_t stack[STACK_COPY];
	size_t len;
};

/* In a mount namespace of its own the program lies where nobody else sees a file. */
static inline void enter_namespace(const char *program)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/mnt", "tmpfs", 0, NULL))
		_exit(97);
	char cmd[512];

	snprintf(cmd, sizeof(cmd), "cp -a %s /mnt/hidden && cp -a " STACK_DIR "/debug /mnt/", program);
	if (system(cmd))
		_exit(98);
}

static inline bool blocks_in_read(uint32_t pid, uint32_t tid)
{
	struct target_activity a;

	return !target__activity(pid, tid, &a) && a.state == 'S' && a.syscall == SYS_read && a.args[0] == 0;
}

static inline void find_reader(struct run *r)
{
	for (;;) {
		uint32_t *tids;
		size_t n;

		if (target__threads(&r->t, &tids, &n))
			abort();
		for (size_t i = 0; i < n; i++)
			if (blocks_in_read(r->pid, tids[i]))
				r->tid = tids[i];
		free(tids);
		if (r->tid)
			return;
		sched_yield();
	}
}

static inline void copy_thread(struct run *r)
{
	struct user_regs_struct u;
	struct iovec local = { r->stack, STACK_COPY }, remote;
	int status;
	ssize_t n;

	if (ptrace(PTRACE_SEIZE, r->tid, 0, 0) || ptrace(PTRACE_INTERRUPT, r->tid, 0, 0) ||
	    waitpid((pid_t)r->tid, &status, __WALL) < 0 || ptrace(PTRACE_GETREGS, r->tid, 0, &u))
		abort();
	memcpy(r->regs,
	       (uint64_t[PW_REGS]){ u.rax, u.rdx, u.rcx, u.rbx, u.rsi, u.rdi, u.rbp, u.rsp, u.r8, u.r9, u.r10, u.r11,
				    u.r12, u.r13, u.r14, u.r15, u.rip },
	       sizeof(r->regs));
	remote = (struct iovec){ (void *)u.rsp, STACK_COPY };
	n = process_vm_readv(r->pid, &local, 1, &remote, 1, 0);
	if (n < 0) /* it is nearer to its end */
		for (n = 0; n < STACK_COPY; n += 8) {
			local = (struct iovec){ r->stack + n, 8 };
			remote = (struct iovec){ (void *)(u.rsp + (size_t)n), 8 };
			if (process_vm_readv(r->pid, &local, 1, &remote, 1, 0) != 8)
				break;
		}
	r->len = (size_t)n;
	ptrace(PTRACE_DETACH, r->tid, 0, 0);
}

struct how {
	const char *program;
	const char *arg;	    /* of the program */
	bool hidden;		    /* in a mount namespace */
	void (*before_exec)(pid_t); /* in the parent, while the child waits */
};

/* Started, and looked at where it waits. */
static inline void begin_how(struct run *r, struct how how)
{
	const char *program = how.program;
	int in[2], out[2];
	char line[64] = "";

	*r = (struct run){ 0 };
	if (pipe(in) || pipe(out))
		abort();
	r->pid = fork();
	if (!r->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		if (how.hidden) {
			enter_namespace(program);
			program = "/mnt/hidden";
		}
		if (read(0, line, 1) == 1)
			execl(program, program, how.arg, NULL);
		_exit(99);
	}
	if (how.before_exec)
		how.before_exec(r->pid);
	if (write(in[1], "", 1) != 1)
		abort();
	close(in[0]);
	close(out[1]);
	r->in = in[1];
	r->out = out[0];
	for (size_t n = 0; n < sizeof(line) - 1 && !strchr(line, '\n'); n++)
		if (read(r->out, line + n, 1) != 1)
			abort();
	sscanf(line, "%u %u %u", &r->lines[0], &r->lines[1], &r->lines[2]);
	if (target__open((uint32_t)r->pid, &r->t))
		abort();
	find_reader(r);
	copy_thread(r);
	/* A read that was interrupted by the look at it goes on as it was. */
	r->tid = 0;
	find_reader(r);
}

static inline void begin(struct run *r, const char *program)
{
	begin_how(r, (struct how){ .program = program });
}

static inline void end(struct run *r)
{
	int status;

	close(r->in);
	close(r->out);
	kill(r->pid, SIGKILL);
	waitpid(r->pid, &status, 0);
	target__close(&r->t);
}

#endif
