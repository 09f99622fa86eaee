// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that are hard to unwind and to name, each stopped at a place that is known to the line. Registers and stack are
 * copied by ptrace, as BPF copies them for the tool.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include "stack.h"
#include "target.h"
#include "kselftest_harness.h"

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
static void enter_namespace(const char *program)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/mnt", "tmpfs", 0, NULL))
		_exit(97);
	char cmd[512];

	snprintf(cmd, sizeof(cmd), "cp -a %s /mnt/hidden", program);
	if (system(cmd))
		_exit(98);
}

static bool blocks_in_read(uint32_t pid, uint32_t tid)
{
	struct target_activity a;

	return !target__activity(pid, tid, &a) && a.state == 'S' && a.syscall == SYS_read && a.args[0] == 0;
}

static void find_reader(struct run *r)
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

static void copy_thread(struct run *r)
{
	struct user_regs_struct u;
	struct iovec local = { r->stack, STACK_COPY }, remote;
	int status;
	ssize_t n;

	if (ptrace(PTRACE_SEIZE, r->tid, 0, 0) || ptrace(PTRACE_INTERRUPT, r->tid, 0, 0) ||
	    waitpid((pid_t)r->tid, &status, __WALL) < 0 || ptrace(PTRACE_GETREGS, r->tid, 0, &u))
		abort();
	memcpy(r->regs, (uint64_t[PW_REGS]){ u.rax, u.rdx, u.rcx, u.rbx, u.rsi, u.rdi, u.rbp, u.rsp, u.r8, u.r9, u.r10, u.r11,
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

/* Started, and stopped where it should be. @arg: of the program. */
static void begin(struct run *r, const char *program, const char *arg, bool hidden)
{
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
		if (hidden) {
			enter_namespace(program);
			program = "/mnt/hidden";
		}
		execl(program, program, arg, NULL);
		_exit(99);
	}
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

static void end(struct run *r)
{
	int status;

	close(r->in);
	close(r->out);
	kill(r->pid, SIGKILL);
	waitpid(r->pid, &status, 0);
	target__close(&r->t);
}

FIXTURE(stack)
{
	struct stack_namer *s;
	struct run r;
	struct finding_frame *f;
	size_t n;
};

FIXTURE_SETUP(stack)
{
	struct stack_options o = { .debug_dirs = STACK_DIR "/debug" };

	self->f = NULL;
	self->n = 0;
	self->r.pid = 0;
	ASSERT_EQ(0, stack__new(&o, &self->s));
}

FIXTURE_TEARDOWN(stack)
{
	stack__free_frames(self->f, self->n);
	stack__free(self->s);
	if (self->r.pid)
		end(&self->r);
}

/* The frame called @symbol, or NULL. */
static const struct finding_frame *frame(const struct finding_frame *f, size_t n, const char *symbol)
{
	for (size_t i = 0; i < n; i++)
		if (f[i].symbol && !strcmp(f[i].symbol, symbol))
			return &f[i];
	return NULL;
}

static void show(const struct finding_frame *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("# %zu %#lx %s+%#lx %s %s:%u%s%s\n", i, f[i].address, f[i].symbol ?: "-", f[i].offset, f[i].module ?: "-",
		       f[i].file ?: "-", f[i].line, f[i].inlined ? " inlined" : "", f[i].user_code ? " user" : "");
}

#define TRACE()                                                                                                            \
	do {                                                                                                               \
		ASSERT_EQ(0, stack__trace(self->s, &self->r.t, self->r.regs, self->r.stack, self->r.len, 0, &self->f,      \
					  &self->n));                                                                      \
		show(self->f, self->n);                                                                                    \
	} while (0)

/* Beginning with wait_here, the frames of stack_target.c in their order; @i is left behind the last. */
#define EXPECT_CHAIN(with_lines)                                                                                           \
	({                                                                                                                 \
		const struct finding_frame *w = frame(self->f, self->n, "wait_here");                                      \
		ASSERT_NE(NULL, w);                                                                                        \
		size_t i = (size_t)(w - self->f);                                                                          \
		ASSERT_LE(i + 4, self->n);                                                                                 \
		EXPECT_TRUE(w->user_code);                                                                                 \
		EXPECT_FALSE(w->inlined);                                                                                  \
		i++;                                                                                                       \
		if (with_lines) {                                                                                          \
			EXPECT_STREQ("take_second", self->f[i].symbol);                                                    \
			EXPECT_TRUE(self->f[i].inlined);                                                                   \
			EXPECT_STREQ("selftests/stack/stack_target.c", self->f[i].file);                                   \
			EXPECT_EQ(self->r.lines[0], self->f[i].line);                                                      \
			i++;                                                                                               \
		}                                                                                                          \
		EXPECT_STREQ("take_first", self->f[i].symbol);                                                             \
		EXPECT_FALSE(self->f[i].inlined);                                                                          \
		EXPECT_TRUE(self->f[i].user_code);                                                                         \
		if (with_lines) {                                                                                          \
			EXPECT_STREQ("selftests/stack/stack_target.c", self->f[i].file);                                   \
			EXPECT_EQ(self->r.lines[1], self->f[i].line);                                                      \
		}                                                                                                          \
		i++;                                                                                                       \
		EXPECT_STREQ("run", self->f[i].symbol);                                                                    \
		if (with_lines)                                                                                            \
			EXPECT_EQ(self->r.lines[2], self->f[i].line);                                                      \
		EXPECT_LT(i + 1, self->n); /* the C library's thread start */                                              \
		i + 1;                                                                                                     \
	})

TEST_F(stack, optimised)
{
	begin(&self->r, STACK_DIR "/plain", NULL, false);
	TRACE();
	EXPECT_CHAIN(true);
	EXPECT_STREQ("plain", frame(self->f, self->n, "run")->module);
	/* The innermost is the C library's read. */
	EXPECT_STREQ("libc.so.6", self->f[0].module);
	EXPECT_FALSE(self->f[0].user_code);
	EXPECT_EQ(self->r.regs[PW_RIP], self->f[0].address);
}

TEST_F(stack, debug_file_by_build_id)
{
	begin(&self->r, STACK_DIR "/split", NULL, false);
	TRACE();
	EXPECT_CHAIN(true);
}

TEST_F(stack, debug_file_by_link)
{
	begin(&self->r, STACK_DIR "/linked", NULL, false);
	TRACE();
	EXPECT_CHAIN(true);
}

TEST_HARNESS_MAIN
