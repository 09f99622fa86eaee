// SPDX-License-Identifier: GPL-2.0
/* Programs that are hard to unwind and to name, each looked at where it waits, which is known to the line. */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/stat.h>
#include "elf.h"
#include "run.h"
#include "kselftest_harness.h"

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
		printf("# %zu %#lx %s+%#lx %s %s:%u%s%s\n", i, f[i].address, f[i].symbol ?: "-", f[i].offset,
		       f[i].module ?: "-", f[i].file ?: "-", f[i].line, f[i].inlined ? " inlined" : "",
		       f[i].user_code ? " user" : "");
}

#define TRACE()                                                                                                        \
	do {                                                                                                           \
		ASSERT_EQ(0, stack__trace(self->s, &self->r.t, self->r.regs, self->r.stack, self->r.len, 0, &self->f,  \
					  &self->n));                                                                  \
		show(self->f, self->n);                                                                                \
	} while (0)

/* Beginning with wait_here, the frames of stack_target.c in their order; @i is left behind the last. */
#define EXPECT_CHAIN(with_lines)                                                                                       \
	({                                                                                                             \
		const struct finding_frame *w = frame(self->f, self->n, "wait_here");                                  \
		ASSERT_NE(NULL, w);                                                                                    \
		size_t i = (size_t)(w - self->f);                                                                      \
		ASSERT_LE(i + 4, self->n);                                                                             \
		EXPECT_TRUE(w->user_code);                                                                             \
		EXPECT_FALSE(w->inlined);                                                                              \
		i++;                                                                                                   \
		if (with_lines) {                                                                                      \
			EXPECT_STREQ("take_second", self->f[i].symbol);                                                \
			EXPECT_TRUE(self->f[i].inlined);                                                               \
			EXPECT_STREQ("selftests/stack/stack_target.c", self->f[i].file);                               \
			EXPECT_EQ(self->r.lines[0], self->f[i].line);                                                  \
			i++;                                                                                           \
		}                                                                                                      \
		EXPECT_STREQ("take_first", self->f[i].symbol);                                                         \
		EXPECT_FALSE(self->f[i].inlined);                                                                      \
		EXPECT_TRUE(self->f[i].user_code);                                                                     \
		if (with_lines) {                                                                                      \
			EXPECT_STREQ("selftests/stack/stack_target.c", self->f[i].file);                               \
			EXPECT_EQ(self->r.lines[1], self->f[i].line);                                                  \
		}                                                                                                      \
		i++;                                                                                                   \
		EXPECT_STREQ("run", self->f[i].symbol);                                                                \
		if (with_lines)                                                                                        \
			EXPECT_EQ(self->r.lines[2], self->f[i].line);                                                  \
		EXPECT_LT(i + 1, self->n); /* the C library's thread start */                                          \
		i + 1;                                                                                                 \
	})

TEST_F(stack, optimised)
{
	begin(&self->r, STACK_DIR "/plain");
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
	begin(&self->r, STACK_DIR "/split");
	TRACE();
	EXPECT_CHAIN(true);
}

TEST_F(stack, debug_file_by_link)
{
	begin(&self->r, STACK_DIR "/linked");
	TRACE();
	EXPECT_CHAIN(true);
}

TEST_F(stack, fixed_addresses)
{
	begin(&self->r, STACK_DIR "/static");
	TRACE();
	EXPECT_CHAIN(true);
}

/* The only place of .debug_frame's information is the file itself, or its debug file. */
TEST_F(stack, debug_frame)
{
	begin(&self->r, STACK_DIR "/debug_frame");
	TRACE();
	EXPECT_CHAIN(true);
}

TEST_F(stack, frame_pointers)
{
	begin(&self->r, STACK_DIR "/frames");
	TRACE();
	EXPECT_CHAIN(false);
}

/* What is left of a stripped program: its module, and the address that its own file has there. */
static void expect_stripped(struct __test_metadata *_metadata, const struct finding_frame *f, size_t n,
			    const char *module, const char *full)
{
	static const char *const want[] = { "wait_here", "take_first", "run" };
	int fd = open(full, O_RDONLY);
	struct elf_file *elf;
	size_t found = 0;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, elf__open(fd, &elf));
	for (size_t i = 0; i < n && found < 3; i++) {
		struct elf_symbol sym;

		if (strcmp(f[i].module ?: "", module))
			continue;
		EXPECT_EQ(NULL, f[i].symbol);
		EXPECT_EQ(NULL, f[i].file);
		ASSERT_EQ(0, elf__symbol_at(elf, f[i].offset - 1, &sym));
		if (!found && strcmp(sym.name, want[0])) { /* a static one has the C library's within */
			free(sym.name);
			continue;
		}
		EXPECT_STREQ(want[found], sym.name);
		found++;
		free(sym.name);
	}
	EXPECT_EQ(3, found);
	elf__close(elf);
	close(fd);
}

TEST_F(stack, stripped)
{
	begin(&self->r, STACK_DIR "/stripped");
	TRACE();
	expect_stripped(_metadata, self->f, self->n, "stripped", STACK_DIR "/stripped.full");
}

TEST_F(stack, static_stripped)
{
	begin(&self->r, STACK_DIR "/static_stripped");
	TRACE();
	expect_stripped(_metadata, self->f, self->n, "static_stripped", STACK_DIR "/static");
}

TEST_F(stack, cxx)
{
	begin(&self->r, STACK_DIR "/cxx");
	TRACE();
	const struct finding_frame *w = frame(self->f, self->n, "app::wait_here");

	ASSERT_NE(NULL, w);
	ASSERT_LE(w - self->f + 4, (ptrdiff_t)self->n);
	EXPECT_STREQ("app::Session<int>::fetch(int)::{lambda()#1}::operator()", w[1].symbol);
	EXPECT_TRUE(w[1].inlined);
	EXPECT_STREQ("app::Session<int>::fetch", w[2].symbol);
	EXPECT_STREQ("selftests/stack/stack_cxx.cc", w[2].file);
	EXPECT_STREQ("main", w[3].symbol);
}

/* The program is replaced by another while it runs, as an upgrade does. */
TEST_F(stack, deleted)
{
	char copy[] = "/tmp/poolwatch-stack-XXXXXX", cmd[128];
	int fd = mkstemp(copy);

	ASSERT_LE(0, fd);
	close(fd);
	snprintf(cmd, sizeof(cmd), "cp " STACK_DIR "/plain %s && chmod 755 %s", copy, copy);
	ASSERT_EQ(0, system(cmd));
	begin(&self->r, copy);
	ASSERT_EQ(0, unlink(copy));
	snprintf(cmd, sizeof(cmd), "cp " STACK_DIR "/cxx %s", copy);
	ASSERT_EQ(0, system(cmd));
	ASSERT_EQ(0, target__refresh(&self->r.t));
	TRACE();
	unlink(copy);
	EXPECT_CHAIN(true);
	EXPECT_STREQ(copy + 5, frame(self->f, self->n, "run")->module);
}

TEST_F(stack, other_mount_namespace)
{
	if (geteuid())
		SKIP(return, "needs root to make a mount namespace");
	begin_how(&self->r, (struct how){ .program = STACK_DIR "/split", .hidden = true });
	EXPECT_TRUE(self->r.t.foreign_mnt);
	EXPECT_NE(0, access("/mnt/hidden", F_OK));
	TRACE();
	EXPECT_CHAIN(true);
	EXPECT_STREQ("hidden", frame(self->f, self->n, "run")->module);
}

TEST_F(stack, debug_file_in_other_mount_namespace)
{
	struct stack_options o = { .debug_dirs = "/mnt/debug" };

	if (geteuid())
		SKIP(return, "needs root to make a mount namespace");
	stack__free(self->s);
	ASSERT_EQ(0, stack__new(&o, &self->s));
	begin_how(&self->r, (struct how){ .program = STACK_DIR "/split", .hidden = true });
	TRACE();
	EXPECT_CHAIN(true);
}

TEST_F(stack, generated_code)
{
	begin_how(&self->r, (struct how){ .program = STACK_DIR "/plain", .arg = "generated" });
	TRACE();
	const struct finding_frame *f = frame(self->f, self->n, "LGenerated;::run");
	char path[64];

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", self->r.pid);
	unlink(path);
	ASSERT_NE(NULL, f);
	EXPECT_EQ(10, f->offset);
	EXPECT_EQ(NULL, f->module);
	EXPECT_TRUE(f->user_code);
	EXPECT_STREQ("take_first", f[-1].symbol);
	EXPECT_STREQ("through_generated", f[1].symbol);
	EXPECT_STREQ("run", f[2].symbol);
}

TEST_F(stack, vdso)
{
	struct finding_frame *f;
	unsigned long start = 0;
	char line[256];
	FILE *maps;
	size_t n;

	begin(&self->r, STACK_DIR "/plain");
	snprintf(line, sizeof(line), "/proc/%d/maps", self->r.pid);
	maps = fopen(line, "r");
	while (fgets(line, sizeof(line), maps) && (!strstr(line, "[vdso]") || sscanf(line, "%lx", &start) != 1))
		;
	fclose(maps);
	ASSERT_NE(0, start);
	/* Its functions are few and small; the first page holds headers, and somewhere behind them code. */
	for (unsigned long at = start; at < start + 8192; at += 16) {
		ASSERT_EQ(0, stack__name(self->s, &self->r.t, at, 0, &f, &n));
		EXPECT_STREQ("[vdso]", f->module);
		EXPECT_FALSE(f->user_code);
		if (f->symbol && strstr(f->symbol, "vdso_clock_gettime")) {
			stack__free_frames(f, n);
			return;
		}
		stack__free_frames(f, n);
	}
	EXPECT_TRUE(false);
}

TEST_F(stack, blocked_thread)
{
	begin(&self->r, STACK_DIR "/plain");
	ASSERT_EQ(0, stack__of_thread(self->s, &self->r.t, self->r.tid, self->r.regs, &self->f, &self->n));
	EXPECT_CHAIN(true);
}

/*
 * Without the other registers: as far as stack pointers alone lead, which for code without frame pointers is all the
 * way.
 */
TEST_F(stack, blocked_thread_without_registers)
{
	begin(&self->r, STACK_DIR "/plain");
	ASSERT_EQ(0, stack__of_thread(self->s, &self->r.t, self->r.tid, NULL, &self->f, &self->n));
	EXPECT_CHAIN(true);
}

/* Registers that are not those it blocks with: it went on meanwhile. */
TEST_F(stack, moved_thread)
{
	begin(&self->r, STACK_DIR "/plain");
	self->r.regs[PW_RSP] += 8;
	EXPECT_EQ(-EBUSY, stack__of_thread(self->s, &self->r.t, self->r.tid, self->r.regs, &self->f, &self->n));
	EXPECT_EQ(-ESRCH, stack__of_thread(self->s, &self->r.t, 0x3ffffff, NULL, &self->f, &self->n));
}

/* A copy that ends early ends the stack, and nothing is read from the target then. */
TEST_F(stack, short_copy)
{
	uint64_t addrs[STACK_MAX_FRAMES];
	int full, n;

	begin(&self->r, STACK_DIR "/plain");
	full = stack__unwind(self->s, &self->r.t, self->r.regs, self->r.stack, self->r.len, 0, addrs, STACK_MAX_FRAMES);
	ASSERT_LT(4, full);
	n = stack__unwind(self->s, &self->r.t, self->r.regs, self->r.stack, 64, 0, addrs, STACK_MAX_FRAMES);
	EXPECT_LT(1, n);
	EXPECT_LT(n, full);
	EXPECT_EQ(1, stack__unwind(self->s, &self->r.t, self->r.regs, NULL, 0, 0, addrs, STACK_MAX_FRAMES));
	EXPECT_EQ(self->r.regs[PW_RIP], addrs[0]);
	EXPECT_EQ(full, stack__unwind(self->s, &self->r.t, self->r.regs, NULL, 0, 1, addrs, STACK_MAX_FRAMES));
	EXPECT_EQ(2, stack__unwind(self->s, &self->r.t, self->r.regs, self->r.stack, self->r.len, 0, addrs, 2));
}

/*
 * Are these calls in progress? Only a stack that was seen to its end can say that one is not.
 */
TEST_F(stack, calls_in_progress)
{
	static const char *const programs[] = { STACK_DIR "/plain", STACK_DIR "/debug_frame" };

	for (size_t p = 0; p < 2; p++) {
		uint64_t addrs[STACK_MAX_FRAMES], sites[2];
		struct stack_sample sample = { .regs = self->r.regs, .known = STACK_ALL_REGS, .stack = self->r.stack };
		int n;

		if (self->r.pid)
			end(&self->r);
		begin(&self->r, programs[p]);
		sample.len = self->r.len;
		n = stack__unwind(self->s, &self->r.t, self->r.regs, self->r.stack, self->r.len, 0, addrs, STACK_MAX_FRAMES);
		ASSERT_LT(3, n);
		sites[0] = addrs[1];
		sites[1] = addrs[3];
		EXPECT_EQ(1, stack__returns_to(self->s, &self->r.t, &sample, sites, 2));
		/* An address that is near, but no call that is on the stack; and where it is now is no return address. */
		sites[1] = addrs[3] + 1;
		EXPECT_EQ(0, stack__returns_to(self->s, &self->r.t, &sample, sites, 2));
		sites[1] = addrs[0];
		EXPECT_EQ(0, stack__returns_to(self->s, &self->r.t, &sample, sites, 2));
		/* Not seen to its end. */
		sample.len = 64;
		EXPECT_EQ(1, stack__returns_to(self->s, &self->r.t, &sample, sites, 2));
	}
}

static int probes[2];

static int read_number(const char *path)
{
	FILE *f = fopen(path, "r");
	int n = -1;

	if (f && fscanf(f, "%d", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

/* Return probes on wait_here and take_first of the child alone, from its first instruction. */
static void probe_returns(pid_t pid)
{
	static const char *const names[] = { "wait_here", "take_first" };
	int fd = open(STACK_DIR "/plain", O_RDONLY);
	struct elf_file *elf;

	if (elf__open(fd, &elf))
		abort();
	for (int i = 0; i < 2; i++) {
		struct elf_symbol *sym;
		size_t n;
		struct perf_event_attr a = { .size = sizeof(a), .sample_period = 1 };

		if (elf__find(elf, names[i], &sym, &n) || n != 1)
			abort();
		a.type = (uint32_t)read_number("/sys/bus/event_source/devices/uprobe/type");
		a.config = 1; /* at return */
		a.config1 = (uint64_t)(uintptr_t)STACK_DIR "/plain";
		a.config2 = sym->offset;
		probes[i] = (int)syscall(SYS_perf_event_open, &a, pid, -1, -1, 0);
		elf_symbol__free(sym, n);
		if (probes[i] < 0)
			abort();
	}
	elf__close(elf);
	close(fd);
}

static uint64_t base_of(const struct target *t)
{
	for (size_t i = 0; i < t->nmaps; i++)
		if (!strcmp(t->maps[i].path, t->exe))
			return t->maps[i].start;
	abort();
}

/* Return addresses that the kernel put its trampoline in place of. */
TEST_F(stack, probed_returns)
{
	struct stack_sample sample = { .known = STACK_ALL_REGS };
	uint64_t returns[2];
	struct run plain;

	if (geteuid())
		SKIP(return, "needs root to set probes");
	begin(&plain, STACK_DIR "/plain");
	ASSERT_EQ(0, stack__trace(self->s, &plain.t, plain.regs, plain.stack, plain.len, 0, &self->f, &self->n));
	returns[0] = frame(self->f, self->n, "take_first")->address - base_of(&plain.t);
	returns[1] = frame(self->f, self->n, "run")->address - base_of(&plain.t);
	stack__free_frames(self->f, self->n);
	self->f = NULL;

	/* Of calls without a trampoline, they change nothing. */
	sample.regs = plain.regs;
	sample.stack = plain.stack;
	sample.len = plain.len;
	sample.returns = (uint64_t[]){ returns[0] + base_of(&plain.t), returns[1] + base_of(&plain.t) };
	sample.nreturns = 2;
	ASSERT_EQ(0, stack__trace_sample(self->s, &plain.t, &sample, &self->f, &self->n));
	EXPECT_NE(NULL, frame(self->f, self->n, "run"));
	stack__free_frames(self->f, self->n);
	self->f = NULL;
	end(&plain);

	begin_how(&self->r, (struct how){ .program = STACK_DIR "/plain", .before_exec = probe_returns });
	TRACE();
	EXPECT_STREQ("wait_here", self->f[self->n - 1].symbol);
	stack__free_frames(self->f, self->n);
	self->f = NULL;

	returns[0] += base_of(&self->r.t);
	returns[1] += base_of(&self->r.t);
	sample.regs = self->r.regs;
	sample.stack = self->r.stack;
	sample.len = self->r.len;
	sample.returns = returns;
	sample.nreturns = 2;
	ASSERT_EQ(0, stack__trace_sample(self->s, &self->r.t, &sample, &self->f, &self->n));
	show(self->f, self->n);
	EXPECT_CHAIN(true);
	close(probes[0]);
	close(probes[1]);
}

/* With room for next to nothing, everything is still found, each time anew. */
TEST_F(stack, no_room)
{
	struct stack_options o = { .debug_dirs = STACK_DIR "/debug", .max_bytes = 600 << 10 };
	struct run *r = &self->r, other;
	struct finding_frame *f;
	size_t n;

	stack__free(self->s);
	ASSERT_EQ(0, stack__new(&o, &self->s));
	begin(r, STACK_DIR "/plain");
	begin(&other, STACK_DIR "/split");
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, stack__trace(self->s, &r->t, r->regs, r->stack, r->len, 0, &f, &n));
		EXPECT_NE(NULL, frame(f, n, "take_second"));
		stack__free_frames(f, n);
		EXPECT_LE(stack__bytes(self->s), o.max_bytes);
		ASSERT_EQ(0, stack__trace(self->s, &other.t, other.regs, other.stack, other.len, 0, &f, &n));
		EXPECT_NE(NULL, frame(f, n, "take_second"));
		stack__free_frames(f, n);
		EXPECT_LE(stack__bytes(self->s), o.max_bytes);
	}
	end(&other);
}

/* Another program under the same number, and one file under another inode: nothing of the old one is told. */
TEST_F(stack, forgets)
{
	char copy[] = "/tmp/poolwatch-stack-XXXXXX", cmd[128];
	struct finding_frame *f;
	size_t n;
	int fd = mkstemp(copy);

	ASSERT_LE(0, fd);
	close(fd);
	snprintf(cmd, sizeof(cmd), "cp " STACK_DIR "/plain %s && chmod 755 %s", copy, copy);
	ASSERT_EQ(0, system(cmd));
	begin(&self->r, copy);
	TRACE();
	stack__free_frames(self->f, self->n);
	self->f = NULL;
	end(&self->r);

	/* Written over in place. */
	snprintf(cmd, sizeof(cmd), "cat " STACK_DIR "/cxx >%s", copy);
	ASSERT_EQ(0, system(cmd));
	begin(&self->r, copy);
	ASSERT_EQ(0, stack__trace(self->s, &self->r.t, self->r.regs, self->r.stack, self->r.len, 0, &f, &n));
	EXPECT_NE(NULL, frame(f, n, "app::wait_here"));
	EXPECT_EQ(NULL, frame(f, n, "take_first"));
	stack__free_frames(f, n);
	unlink(copy);
}

/*
 * Cut short under our hands while it is mapped, by root, and so under the program's, which is then of no interest any
 * more.
 */
TEST_F(stack, cut_short)
{
	char copy[] = "/tmp/poolwatch-stack-XXXXXX", cmd[128];
	struct finding_frame *f;
	size_t n;
	int fd = mkstemp(copy);

	ASSERT_LE(0, fd);
	snprintf(cmd, sizeof(cmd), "cp " STACK_DIR "/plain %s && chmod 755 %s", copy, copy);
	ASSERT_EQ(0, system(cmd));
	close(fd);
	begin(&self->r, copy);
	TRACE();
	EXPECT_CHAIN(true);
	/* A program that runs cannot be cut short, but a library can: it is enough that it no longer runs. */
	kill(self->r.pid, SIGKILL);
	waitid(P_PID, (id_t)self->r.pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	ASSERT_EQ(0, truncate(copy, 4096));
	ASSERT_EQ(0, stack__trace(self->s, &self->r.t, self->r.regs, self->r.stack, self->r.len, 0, &f, &n));
	EXPECT_EQ(NULL, frame(f, n, "take_first"));
	stack__free_frames(f, n);
	unlink(copy);
}

TEST_HARNESS_MAIN
