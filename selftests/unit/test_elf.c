// SPDX-License-Identifier: GPL-2.0
/* ELF files: this program itself, whose addresses it knows, libc as it is mapped, and files that are none or broken. */
#include <dlfcn.h>
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
#include "elf.h"

/* Functions of names and sizes known exactly. */
__asm__(".pushsection .text\n"
	".globl take_slot\n.type take_slot, @function\ntake_slot:\n push %rbx\n nop\n pop %rbx\n ret\n.size take_slot, .-take_slot\n"
	".globl take_alias\n.set take_alias, take_slot\n"
	".globl bare_label\nbare_label:\n ret\n"
	".globl _ZN4Shop4Till4openEi\n.type _ZN4Shop4Till4openEi, @function\n_ZN4Shop4Till4openEi:\n ret\n.size _ZN4Shop4Till4openEi, 1\n"
	".globl _ZN4Shop4Till5closeEi\n.type _ZN4Shop4Till5closeEi, @function\n_ZN4Shop4Till5closeEi:\n ret\n.size _ZN4Shop4Till5closeEi, 1\n"
	".globl _ZN4Shop4Till5closeEPKc\n.type _ZN4Shop4Till5closeEPKc, @function\n_ZN4Shop4Till5closeEPKc:\n ret\n.size _ZN4Shop4Till5closeEPKc, 1\n"
	".type _ZN4Shop4Till4openEi.cold, @function\n_ZN4Shop4Till4openEi.cold:\n ret\n.size _ZN4Shop4Till4openEi.cold, 1\n"
	".globl _ZN4Shop5firstIiEET_S1_\n.type _ZN4Shop5firstIiEET_S1_, @function\n_ZN4Shop5firstIiEET_S1_:\n ret\n.size _ZN4Shop5firstIiEET_S1_, 1\n"
	".globl _ZN4pool4take17h0123456789abcdefE\n.type _ZN4pool4take17h0123456789abcdefE, @function\n_ZN4pool4take17h0123456789abcdefE:\n ret\n.size _ZN4pool4take17h0123456789abcdefE, 1\n"
	".type twice, @function\ntwice:\n ret\n.size twice, 1\n"
	".popsection\n");
/* An ifunc, and a second local function called twice. */
__asm__(".pushsection .text\n.globl chosen\n.type chosen, @gnu_indirect_function\n.set chosen, take_slot\n.popsection\n");
__asm__(".pushsection .data\n.globl some_data\n.type some_data, @object\nsome_data:\n .quad 1\n.size some_data, 8\n.popsection\n");

extern char take_slot[], bare_label[], open_i[] __asm__("_ZN4Shop4Till4openEi"), close_i[] __asm__("_ZN4Shop4Till5closeEi"),
	first_int[] __asm__("_ZN4Shop5firstIiEET_S1_"), rust_take[] __asm__("_ZN4pool4take17h0123456789abcdefE");

FIXTURE(self) {
	struct elf_file *elf;
	uint64_t bias;
	int fd;
};

static int own_bias(struct dl_phdr_info *info, size_t size, void *data)
{
	*(uint64_t *)data = info->dlpi_addr;
	return 1; /* the first is the program */
}

FIXTURE_SETUP(self)
{
	self->fd = open("/proc/self/exe", O_RDONLY);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, elf__open(self->fd, &self->elf));
	dl_iterate_phdr(own_bias, &self->bias);
}

FIXTURE_TEARDOWN(self)
{
	elf__close(self->elf);
	/* Still the caller's. */
	EXPECT_EQ(0, close(self->fd));
}

#define EXPECT_FOUND(name_, at_, addend_)                                        \
	do {                                                                     \
		struct elf_symbol *s_ = NULL;                                    \
		size_t n_ = 0;                                                   \
		EXPECT_EQ(0, elf__find(self->elf, name_, &s_, &n_))              \
		{                                                                \
			TH_LOG("looking for %s", name_);                         \
		}                                                                \
		ASSERT_EQ(1, n_);                                                \
		EXPECT_EQ((uintptr_t)(at_) - self->bias + (addend_), s_->vaddr); \
		EXPECT_EQ((addend_), s_->addend);                                \
		elf_symbol__free(s_, n_);                                        \
	} while (0)

#define EXPECT_NOT_FOUND(err_, name_)                                             \
	do {                                                                      \
		struct elf_symbol *s_ = (struct elf_symbol *)1;                   \
		size_t n_ = 0;                                                    \
		EXPECT_EQ((err_), elf__find(self->elf, name_, &s_, &n_))          \
		{                                                                 \
			TH_LOG("looking for %s", name_);                          \
		}                                                                 \
		EXPECT_EQ((struct elf_symbol *)1, s_);                            \
	} while (0)

TEST_F(self, names)
{
	EXPECT_FOUND("take_slot", take_slot, 0);
	EXPECT_FOUND("take_alias", take_slot, 0);
	EXPECT_FOUND("take_slot@@SHOP_1.0", take_slot, 0);
	EXPECT_FOUND("bare_label", bare_label, 0);
	EXPECT_FOUND("_ZN4Shop4Till4openEi", open_i, 0);
	EXPECT_FOUND("twice", first_int + 2, 0);
}

TEST_F(self, demangled)
{
	EXPECT_FOUND("Shop::Till::open", open_i, 0);
	EXPECT_FOUND("Shop::Till::open(int)", open_i, 0);
	EXPECT_FOUND("Shop::Till::close(int)", close_i, 0);
	EXPECT_FOUND("Shop::Till::close(char const*)", close_i + 1, 0);
	EXPECT_FOUND("int Shop::first<int>(int)", first_int, 0);
	EXPECT_FOUND("Shop::first<int>(int)", first_int, 0);
	EXPECT_FOUND("Shop::first<int>", first_int, 0);
	EXPECT_FOUND("pool::take", rust_take, 0);

	struct elf_symbol *s = NULL;
	size_t n = 0;

	/* Two overloads: which one is meant? */
	EXPECT_EQ(-ENOTUNIQ, elf__find(self->elf, "Shop::Till::close", &s, &n));
	EXPECT_EQ(2, n);
	EXPECT_EQ(NULL, s);
}

TEST_F(self, addend)
{
	EXPECT_FOUND("take_slot+1", take_slot, 1);
	EXPECT_FOUND("take_slot+0x3", take_slot, 3);
	EXPECT_FOUND("Shop::Till::open+0", open_i, 0);
	/* take_slot is 4 bytes long. */
	EXPECT_NOT_FOUND(-ENOENT, "take_slot+4");
	EXPECT_NOT_FOUND(-ENOENT, "take_slot+0xffffffffffffffff");
	EXPECT_NOT_FOUND(-ENOENT, "take_slot+");
	EXPECT_NOT_FOUND(-ENOENT, "take_slot+0xz");
	EXPECT_NOT_FOUND(-ENOENT, "+4");
}

TEST_F(self, not_there)
{
	char longer[8192];

	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	EXPECT_NOT_FOUND(-ENOENT, "take_slto");
	EXPECT_NOT_FOUND(-ENOENT, "take_slo");
	EXPECT_NOT_FOUND(-ENOENT, "take_slot2");
	EXPECT_NOT_FOUND(-ENOENT, "some_data");
	EXPECT_NOT_FOUND(-ENOENT, "");
	EXPECT_NOT_FOUND(-ENOENT, "@");
	EXPECT_NOT_FOUND(-ENOENT, longer);
	EXPECT_NOT_FOUND(-ENOENT, "Shop::Till::shut");
	/* Imported is not here. */
	EXPECT_NOT_FOUND(-ENOENT, "sem_wait");
	EXPECT_NOT_FOUND(-EOPNOTSUPP, "chosen");
}

TEST_F(self, by_address)
{
	struct elf_symbol s;
	uint64_t at = (uintptr_t)take_slot - self->bias, offset, back;
	uint8_t code[4];

	ASSERT_EQ(0, elf__symbol_at(self->elf, at + 3, &s));
	EXPECT_EQ(3, s.addend);
	EXPECT_EQ(4, s.size);
	EXPECT_EQ(at + 3, s.vaddr);
	ASSERT_EQ(0, elf__to_offset(self->elf, at + 3, &offset));
	EXPECT_EQ(offset, s.offset);
	ASSERT_EQ(0, elf__to_vaddr(self->elf, offset, &back));
	EXPECT_EQ(at + 3, back);
	free(s.name);
	ASSERT_EQ(0, elf__code(self->elf, at, code, sizeof(code)));
	EXPECT_EQ(0, memcmp(take_slot, code, sizeof(code)));
	EXPECT_EQ(at + 4, elf__next_entry(self->elf, at));

	EXPECT_EQ(-ENOENT, elf__symbol_at(self->elf, 1, &s));
	EXPECT_EQ(-ENOENT, elf__symbol_at(self->elf, UINT64_MAX, &s));
	EXPECT_EQ(-ENOENT, elf__code(self->elf, UINT64_MAX, code, sizeof(code)));
	EXPECT_EQ(-ENOENT, elf__code(self->elf, at, code, SIZE_MAX));
	EXPECT_EQ(-ENOENT, elf__to_offset(self->elf, UINT64_MAX, &offset));
	EXPECT_EQ(-ENOENT, elf__to_vaddr(self->elf, UINT64_MAX, &offset));
}

TEST_F(self, identity)
{
	EXPECT_EQ(40, strlen(elf__build_id(self->elf) ?: ""));
	EXPECT_EQ(NULL, elf__soname(self->elf));
	EXPECT_FALSE(elf__is_go(self->elf));
	EXPECT_TRUE(elf__imports(self->elf, "sem_timedwait"));
	EXPECT_FALSE(elf__imports(self->elf, "take_slot"));
	EXPECT_FALSE(elf__imports(self->elf, "pthread_cancel"));
}

/* Keeps the import that `identity` looks for. */
int (*volatile imported)(sem_t *, const struct timespec *) = sem_timedwait;

TEST_F(self, lsda)
{
	/* C, with an FDE and nothing to run in it; the functions above have no FDE. */
	EXPECT_EQ(0, elf__has_lsda(self->elf, (uintptr_t)own_bias - self->bias));
	EXPECT_EQ(-ENOENT, elf__has_lsda(self->elf, (uintptr_t)take_slot - self->bias));
}

TEST(libc)
{
	struct elf_symbol *s;
	struct elf_file *elf;
	/* By handle: a sanitizer's library stands before it. */
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	void *at = dlsym(libc, "sem_post"), *wait = dlsym(libc, "sem_clockwait");
	struct link_map *map;
	Dl_info info;
	size_t n;
	int fd;

	ASSERT_NE(0, dladdr1(at, &info, (void **)&map, RTLD_DL_LINKMAP));
	fd = open(info.dli_fname, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, elf__open(fd, &elf));
	close(fd);
	EXPECT_STREQ("libc.so.6", elf__soname(elf));
	/* Two versions of one function, once. */
	ASSERT_EQ(0, elf__find(elf, "sem_post", &s, &n));
	ASSERT_EQ(1, n);
	EXPECT_EQ((uintptr_t)at - map->l_addr, s->vaddr);
	EXPECT_STREQ("sem_post", s->name);
	EXPECT_LT(0, s->size);
	elf_symbol__free(s, n);
	ASSERT_EQ(0, elf__find(elf, "sem_clockwait", &s, &n));
	ASSERT_EQ(1, n);
	EXPECT_EQ((uintptr_t)wait - map->l_addr, s->vaddr);
	elf_symbol__free(s, n);
	/* Several implementations by processor. */
	EXPECT_EQ(-EOPNOTSUPP, elf__find(elf, "memcpy", &s, &n));
	elf__close(elf);
}

static int open_bytes(const void *bytes, size_t len)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, bytes, len) != (ssize_t)len)
		abort();
	return fd;
}

TEST(no_elf)
{
	static const char script[] = "#!/bin/sh\nexit 0\n";
	struct elf_file *elf = (struct elf_file *)1;
	Elf64_Ehdr eh;
	int fd = open("/proc/self/exe", O_RDONLY);

	ASSERT_EQ(sizeof(eh), pread(fd, &eh, sizeof(eh), 0));
	close(fd);
	fd = open_bytes(script, sizeof(script));
	EXPECT_EQ(-ENOEXEC, elf__open(fd, &elf));
	close(fd);
	fd = open_bytes("", 0);
	EXPECT_EQ(-ENOEXEC, elf__open(fd, &elf));
	close(fd);
	/* x32, i386, a foreign machine, an object file, a header with nothing behind it. */
	for (int i = 0; i < 5; i++) {
		Elf64_Ehdr bad = eh;

		if (i == 0)
			bad.e_ident[EI_CLASS] = ELFCLASS32;
		else if (i == 1)
			bad.e_machine = EM_386;
		else if (i == 2)
			bad.e_machine = EM_AARCH64;
		else if (i == 3)
			bad.e_type = ET_REL;
		fd = open_bytes(&bad, sizeof(bad));
		EXPECT_EQ(i < 3 ? -ENOEXEC : -EINVAL, elf__open(fd, &elf))
		{
			TH_LOG("case %d", i);
		}
		close(fd);
	}
	EXPECT_EQ(-EBADF, elf__open(-1, &elf));
	EXPECT_EQ((struct elf_file *)1, elf);
}

/* The file shrinks under us: everything fails, nothing crashes. */
TEST(truncated_while_open)
{
	struct elf_symbol *s;
	struct elf_file *elf;
	struct stat st;
	size_t n;
	void *all;
	int own = open("/proc/self/exe", O_RDONLY), fd;
	uint8_t code[4];
	uint64_t at;

	ASSERT_EQ(0, fstat(own, &st));
	all = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, own, 0);
	ASSERT_NE(MAP_FAILED, all);
	fd = open_bytes(all, st.st_size);
	ASSERT_EQ(0, elf__open(fd, &elf));
	ASSERT_EQ(0, elf__find(elf, "take_slot", &s, &n));
	at = s->vaddr;
	elf_symbol__free(s, n);
	ASSERT_EQ(0, ftruncate(fd, 64));
	EXPECT_EQ(-EINVAL, elf__code(elf, at, code, sizeof(code)));
	elf__has_lsda(elf, at);
	elf__close(elf);
	close(fd);
	close(own);
}

TEST_HARNESS_MAIN
