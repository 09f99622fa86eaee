// SPDX-License-Identifier: GPL-2.0
/* What cannot be watched: one line that says why and what to do, the right exit code, and a target that never notices. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <elf.h>
#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "kselftest_harness.h"
#include "e2e.h"

FIXTURE(errors)
{
	struct proc program, watch;
	char pid[16];
};

FIXTURE_SETUP(errors)
{
	pid_t tid;

	memset(self, 0, sizeof(*self));
	ASSERT_EQ(workload__start(&self->program, "workload_own", 1), 0);
	ASSERT_EQ(workload__threads(&self->program, 1, &tid), 0);
	snprintf(self->pid, sizeof(self->pid), "%d", self->program.pid);
}

FIXTURE_TEARDOWN(errors)
{
	/* Whatever was refused, the program still does what it is told. */
	EXPECT_STREQ(workload__do(&self->program, "1 take"), "1 done 1");
	EXPECT_STREQ(workload__do(&self->program, "1 put"), "1 done 0");
	EXPECT_EQ(self->program.err.n, 0);
	proc__free(&self->watch);
	proc__free(&self->program);
}

/* The exit code; nothing on standard output; @n lines on standard error, the first has @words in it. */
#define EXPECT_REFUSED(code, n_lines, words, ...)                                                    \
	do {                                                                                         \
		const char *first_;                                                                  \
		proc__free(&self->watch);                                                            \
		EXPECT_EQ(poolwatch__run(&self->watch, "attach", ##__VA_ARGS__, NULL), code);        \
		EXPECT_EQ(self->watch.out.n, 0);                                                     \
		EXPECT_EQ(self->watch.err.n, n_lines);                                               \
		first_ = self->watch.err.n ? self->watch.err.lines[0] : "";                          \
		EXPECT_NE(strstr(first_, words), NULL)                                               \
			TH_LOG("'%s' is not in '%s'", words, first_);                                \
	} while (0)

TEST_F(errors, no_process)
{
	EXPECT_REFUSED(1, 1, "no process 4194303", "-p", "4194303");
	EXPECT_REFUSED(2, 1, "'0' is no process number", "-p", "0");
	EXPECT_REFUSED(2, 1, "'-1' is no process number", "-p", "-1");
	EXPECT_REFUSED(2, 1, "'12x' is no process number", "-p", "12x");
	EXPECT_REFUSED(1, 1, "kernel thread", "-p", "2");
	EXPECT_REFUSED(1, 1, "no process of '/no/such/program' runs", "-x", "/no/such/program");
	EXPECT_REFUSED(2, 1, "which process? Give -p PID or -x EXE.", NULL);
}

TEST_F(errors, no_symbol)
{
	EXPECT_REFUSED(1, 1, "(did you mean 'take_slot'?)", "-p", self->pid, "--acquire", "take_slt", "--release", "put_slot");
	EXPECT_REFUSED(1, 1, "(did you mean 'put_slot'?)", "-p", self->pid, "--acquire", "take_slot", "--release", "put_slt");
}

TEST_F(errors, wrong_library)
{
	EXPECT_REFUSED(1, 1, "libc.so.6; it is in the executable: write 'lib exe'", "-p", self->pid, "--pool",
		       "pool x; lib libc.so.6; key 0; acquire take_slot; release put_slot");
	EXPECT_REFUSED(1, 1, "libnosuch.so.1", "-p", self->pid, "--pool", "pool x; lib libnosuch.so.1; key 0; acquire take_slot; release put_slot");
}

/* Not the beginning of an instruction: a breakpoint there would break the program. */
TEST_F(errors, within_an_instruction)
{
	EXPECT_REFUSED(1, 1, "take_slot", "-p", self->pid, "--acquire", "take_slot+2", "--release", "put_slot");
	EXPECT_REFUSED(1, 1, "take_slot", "-p", self->pid, "--acquire", "take_slot+65536", "--release", "put_slot");
}

/* As in a container: the first process of a PID namespace, whose numbers are not those that the kernel's programs see. */
static void in_a_container(void)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		_exit(99);
	pid = fork();
	if (!pid)
		return;
	_exit(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 99);
}

TEST_F(errors, other_process_numbers)
{
	proc__before_exec = in_a_container;
	EXPECT_REFUSED(1, 1, "this is a PID namespace of its own", "-p", "1");
	proc__before_exec = NULL;
}

TEST_F(errors, broken_definition)
{
	/* The error, the line, and the place in it. */
	EXPECT_REFUSED(1, 3, "--pool:1:35: error: unknown clause 'no='", "-p", self->pid, "--pool",
		       "pool x; key 0; acquire take_slot  no=1; release put_slot");
	EXPECT_REFUSED(1, 1, "/no/such.pool: error: cannot read it: No such file or directory", "-p", self->pid, "--pool", "/no/such.pool");
	EXPECT_REFUSED(2, 3, "--capacity:1:1: error: unknown 'many'", "-p", self->pid, "--acquire", "take_slot", "--release", "put_slot",
		       "--capacity", "many");
	EXPECT_REFUSED(2, 1, "--acquire SYM and --release SYM belong together", "-p", self->pid, "--acquire", "take_slot");
}

static void be_nobody(void)
{
	if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		_exit(126);
}

static void be_powerless(void)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap))
			_exit(126);
}

/* As a user without any privilege, and as root without capabilities. */
TEST_F(errors, no_privilege)
{
	for (int i = 0; i < 2; i++) {
		proc__before_exec = i ? be_powerless : be_nobody;
		EXPECT_REFUSED(1, 1, "no permission to load BPF programs: run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE",
			       "-p", self->pid, "--acquire", "take_slot", "--release", "put_slot");
		proc__before_exec = NULL;
	}
}

/* The smallest 32-bit program: it waits in pause(2). Written here, so that no compiler for it is needed. */
static bool write_32_bit(const char *path)
{
	static const unsigned char code[] = {
		0xb8, 29, 0, 0, 0, /* mov $29, %eax: pause */
		0xcd, 0x80,	   /* int $0x80 */
		0xeb, 0xf7,	   /* again */
	};
	const uint32_t base = 0x08048000;
	struct {
		Elf32_Ehdr e;
		Elf32_Phdr p;
		unsigned char code[sizeof(code)];
	} f = {
		.e = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
		       .e_type = ET_EXEC, .e_machine = EM_386, .e_version = EV_CURRENT, .e_phoff = sizeof(Elf32_Ehdr),
		       .e_ehsize = sizeof(Elf32_Ehdr), .e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 1 },
		.p = { .p_type = PT_LOAD, .p_vaddr = base, .p_paddr = base, .p_filesz = sizeof(f), .p_memsz = sizeof(f),
		       .p_flags = PF_R | PF_X, .p_align = 0x1000 },
	};
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	bool ok;

	f.e.e_entry = base + ((char *)f.code - (char *)&f);
	memcpy(f.code, code, sizeof(code));
	ok = fd >= 0 && write(fd, &f, sizeof(f)) == sizeof(f);
	close(fd);
	return ok;
}

TEST_F(errors, a_32_bit_program)
{
	char dir[] = "/tmp/poolwatch-e2e-XXXXXX", path[64], pid[16];
	char *argv[] = { path, NULL };
	struct proc small = { 0 };

	ASSERT_NE(mkdtemp(dir), NULL);
	snprintf(path, sizeof(path), "%s/small", dir);
	ASSERT_TRUE(write_32_bit(path));
	ASSERT_EQ(proc__start(&small, argv), 0);
	snprintf(pid, sizeof(pid), "%d", small.pid);
	/* Started is not yet exec'ed. */
	for (;;) {
		char exe[32], to[64] = "";

		snprintf(exe, sizeof(exe), "/proc/%s/exe", pid);
		if (readlink(exe, to, sizeof(to) - 1) > 0 && !strcmp(to, path))
			break;
	}
	EXPECT_REFUSED(1, 1, "32-bit", "-p", pid, "--acquire", "take_slot", "--release", "put_slot");
	EXPECT_EQ(proc__end(&small, 15), 128 + 15);
	proc__free(&small);
	unlink(path);
	rmdir(dir);
}

TEST_HARNESS_MAIN
