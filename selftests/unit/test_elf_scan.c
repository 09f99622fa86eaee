// SPDX-License-Identifier: GPL-2.0
/* What interpreters need of a file: this program itself, whose calls are made so that each one is known, and broken ones. */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "elf_scan.h"

/*
 * Every way to call an imported function, none of which is ever run; bytes that look like a call in the middle of an instruction;
 * and more calls than there is room for.
 */
__asm__(".pushsection .text\n"
	".globl caller\n.type caller, @function\n"
	"caller:\n .cfi_startproc\n"
	" xor %eax, %eax\n"
	"by_stub: call sem_getvalue@PLT\n"
	"by_word: call *sem_getvalue@GOTPCREL(%rip)\n"
	"other: call sem_unlink@PLT\n"
	"constant: movabs $0, %rax\n"
	" .reloc constant + 3, R_X86_64_PLT32, sem_getvalue - 4\n .reloc constant + 2, R_X86_64_NONE\n"
	"jump_stub: jmp sem_getvalue@PLT\n"
	"jump_word: jmp *sem_unlink@GOTPCREL(%rip)\n"
	" .cfi_endproc\n.size caller, . - caller\n"
	".globl many\n.type many, @function\n"
	"many:\n .cfi_startproc\n .rept 257\n call sem_close@PLT\n .endr\n ret\n .cfi_endproc\n.size many, . - many\n"
	".popsection\n"
	".pushsection .data\n.globl some_data\n.type some_data, @object\nsome_data:\n .quad 1\n.size some_data, 8\n.popsection\n");

extern const char by_stub[] __asm__("by_stub"), by_word[] __asm__("by_word"), other[] __asm__("other"),
	jump_stub[] __asm__("jump_stub"), jump_word[] __asm__("jump_word"), some_data[], caller[];

FIXTURE(scan) {
	int fd;
	uint64_t bias;
	struct elf_call *calls;
	size_t n;
};

static int own_bias(struct dl_phdr_info *info, size_t size, void *data)
{
	*(uint64_t *)data = info->dlpi_addr;
	return 1; /* the first is the program */
}

FIXTURE_SETUP(scan)
{
	self->calls = NULL;
	self->n = 0;
	self->fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	dl_iterate_phdr(own_bias, &self->bias);
}

FIXTURE_TEARDOWN(scan)
{
	free(self->calls);
	EXPECT_EQ(0, close(self->fd));
}

/* The call at @at: its name's number, or -1. */
static int callee(const FIXTURE_DATA(scan) *self, const char *at)
{
	for (size_t i = 0; i < self->n; i++)
		if (self->calls[i].vaddr == (uint64_t)(uintptr_t)at - self->bias)
			return (int)self->calls[i].callee;
	return -1;
}

TEST_F(scan, every_call_and_no_other)
{
	static const char *const names[] = { "sem_unlink", "sem_getvalue" };

	ASSERT_EQ(0, elf_scan__calls(self->fd, names, 2, &self->calls, &self->n));
	EXPECT_EQ(5, self->n);
	EXPECT_EQ(1, callee(self, by_stub));
	EXPECT_EQ(1, callee(self, by_word));
	EXPECT_EQ(0, callee(self, other));
	EXPECT_EQ(1, callee(self, jump_stub));
	EXPECT_EQ(0, callee(self, jump_word));
}

TEST_F(scan, where_a_call_lies_in_the_file)
{
	static const char *const name[] = { "sem_unlink" };
	unsigned char code[6];

	ASSERT_EQ(0, elf_scan__calls(self->fd, name, 1, &self->calls, &self->n));
	ASSERT_EQ(2, self->n);
	for (size_t i = 0; i < self->n; i++) {
		ASSERT_EQ(sizeof(code), pread(self->fd, code, sizeof(code), (off_t)self->calls[i].offset));
		EXPECT_EQ(0, memcmp(code, (const void *)(uintptr_t)(self->bias + self->calls[i].vaddr), sizeof(code)));
	}
}

TEST_F(scan, none_and_too_many)
{
	static const char *const none[] = { "no_such_function" }, *const many[] = { "sem_close" };

	EXPECT_EQ(-ENOENT, elf_scan__calls(self->fd, none, 1, &self->calls, &self->n));
	EXPECT_EQ(-E2BIG, elf_scan__calls(self->fd, many, 1, &self->calls, &self->n));
	EXPECT_EQ(NULL, self->calls);
	EXPECT_EQ(0, self->n);
}

TEST_F(scan, symbols_of_any_kind)
{
	static const char *const names[] = { "some_data", "no_such_data", "caller" };
	uint64_t vaddr[3] = { 1, 1, 1 };

	ASSERT_EQ(0, elf_scan__symbols(self->fd, names, 3, vaddr));
	EXPECT_EQ((uint64_t)(uintptr_t)some_data - self->bias, vaddr[0]);
	EXPECT_EQ(0, vaddr[1]);
	EXPECT_EQ((uint64_t)(uintptr_t)caller - self->bias, vaddr[2]);
}

/* Each mapping of this program gives the same. */
TEST_F(scan, what_to_add_to_addresses)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, offset;
	char line[512], exe[256] = "";
	uint64_t bias;
	int n = 0;

	ASSERT_NE(NULL, maps);
	ASSERT_LT(0, readlink("/proc/self/exe", exe, sizeof(exe) - 1));
	while (fgets(line, sizeof(line), maps)) {
		if (!strstr(line, exe) || sscanf(line, "%lx-%*x %*s %lx", &start, &offset) != 2)
			continue;
		bias = 1;
		EXPECT_EQ(0, elf_scan__bias(self->fd, start, offset, &bias));
		EXPECT_EQ(self->bias, bias);
		n++;
	}
	fclose(maps);
	EXPECT_LT(1, n);
	bias = 1;
	EXPECT_EQ(-ENOENT, elf_scan__bias(self->fd, 0x10000, 1ull << 40, &bias));
	EXPECT_EQ(1, bias);
}

TEST_F(scan, what_is_no_elf_file)
{
	static const char *const name[] = { "sem_unlink" };
	int fd = memfd_create("text", MFD_CLOEXEC);
	uint64_t v = 1;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENOEXEC, elf_scan__symbols(fd, name, 1, &v));
	ASSERT_EQ(5, write(fd, "#!/bi", 5));
	EXPECT_EQ(-ENOEXEC, elf_scan__symbols(fd, name, 1, &v));
	EXPECT_EQ(-ENOEXEC, elf_scan__bias(fd, 0, 0, &v));
	EXPECT_EQ(-ENOEXEC, elf_scan__calls(fd, name, 1, &self->calls, &self->n));
	EXPECT_EQ(1, v);
	close(fd);
}

/* A file that ends anywhere says less, and harms nobody. */
TEST_F(scan, what_was_cut_off)
{
	static const char *const name[] = { "sem_unlink" };
	int fd = memfd_create("cut", MFD_CLOEXEC);
	struct stat st;
	off_t at = 0;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(self->fd, &st));
	for (off_t left = st.st_size; left > 0;) {
		char buf[65536];
		ssize_t n = pread(self->fd, buf, sizeof(buf), at);

		ASSERT_LT(0, n);
		ASSERT_EQ(n, pwrite(fd, buf, (size_t)n, at));
		at += n;
		left -= n;
	}
	for (off_t len = st.st_size - 1; len > 32; len = len * 2 / 3) {
		struct elf_call *calls = NULL;
		uint64_t v;
		size_t n;

		ASSERT_EQ(0, ftruncate(fd, len));
		elf_scan__symbols(fd, name, 1, &v);
		elf_scan__bias(fd, 0, 0, &v);
		if (!elf_scan__calls(fd, name, 1, &calls, &n)) {
			EXPECT_LT(0, n);
			free(calls);
		} else {
			EXPECT_EQ(NULL, calls);
		}
	}
	close(fd);
}

TEST_HARNESS_MAIN
