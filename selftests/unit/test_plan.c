// SPDX-License-Identifier: GPL-2.0
/* Definitions met with a process, which is this one: its own functions are made so that every offset is known. */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "elf.h"
#include "place_kernel.h"
#include "plan.h"

#define FUNCTION(name, text) \
	".globl " #name "\n.type " #name ", @function\n" #name ":\n" text "\n.size " #name ", . - " #name "\n"

__asm__(".pushsection .text\n"
	FUNCTION(take_slot, "mov %rdi,%rax\n push %rbx\n pop %rbx\n ret")
	".globl take_slot_alias\n.type take_slot_alias, @function\n.set take_slot_alias, take_slot\n.size take_slot_alias, 6\n"
	FUNCTION(put_slot, "push %rbx\n pop %rbx\n ret")
	FUNCTION(make_slots, "mov %rsi,%rdi\n nop\n ret")
	FUNCTION(never_back, "push %rbx\n1: pause\n jmp 1b")
	FUNCTION(jumps_off, "test %edi,%edi\n je 1f\n jmp slow_path\n1: ret")
	FUNCTION(slow_path, "push %rax\n pop %rax\n ret")
	FUNCTION(_ZN4Shop5closeEi, "ret")
	FUNCTION(_ZN4Shop5closeEPKc, "ret")
	".globl chosen\n.type chosen, @gnu_indirect_function\n.set chosen, take_slot\n"
	".popsection\n");

extern const char take_slot[], put_slot[], make_slots[], slow_path[], jumps_off[];

FIXTURE(plan) {
	struct target t;
	struct spec spec;
	struct plan plan;
	struct elf_file *elf;
	uint64_t bias;
	char err[PLAN_ERROR];
	char exe[512];
};

static int own_bias(struct dl_phdr_info *info, size_t size, void *data)
{
	*(uint64_t *)data = info->dlpi_addr;
	return 1;
}

FIXTURE_SETUP(plan)
{
	FILE *f = fopen("/proc/self/exe", "r");

	ASSERT_NE(NULL, f);
	ASSERT_EQ(0, elf__open(fileno(f), &self->elf));
	fclose(f);
	dl_iterate_phdr(own_bias, &self->bias);
	ASSERT_EQ(0, target__open(getpid(), &self->t));
	ASSERT_LT(0, readlink("/proc/self/exe", self->exe, sizeof(self->exe) - 1));
	place_kernel__pretend(PLACE_KERNEL(6, 12, 95));
}

FIXTURE_TEARDOWN(plan)
{
	plan__clear(&self->plan);
	spec__clear(&self->spec);
	elf__close(self->elf);
	target__close(&self->t);
	place_kernel__pretend(0);
}


#define MAKE(text, flags) make_plan(&self->t, &self->spec, &self->plan, self->err, text, flags)

static int make_plan(struct target *t, struct spec *spec, struct plan *plan, char *err, const char *text, unsigned int flags)
{
	struct spec_error error = { 0 };

	plan__clear(plan);
	spec__clear(spec);
	if (spec__parse_text(spec, text, strlen(text), "test", true, &error)) {
		fprintf(stderr, "# %u:%u: %s\n", error.line, error.column, error.message);
		spec_error__clear(&error);
		return -1;
	}
	return plan__make(t, spec, flags, plan, err);
}

static uint64_t file_offset(struct elf_file *elf, uint64_t bias, const char *at)
{
	uint64_t offset = 0;

	elf__to_offset(elf, (uintptr_t)at - bias, &offset);
	return offset;
}
#define OFFSET(at) file_offset(self->elf, self->bias, at)

#define SLOTS "pool slots; lib exe; key arg0; capacity 3; "

TEST_F(plan, own_functions)
{
	struct plan_probe *p;
	struct stat st;

	ASSERT_EQ(0, MAKE(SLOTS "acquire take_slot take_slot_alias ret=sites; release put_slot; create make_slots capacity=arg1", 0));
	ASSERT_EQ(1, self->plan.nfiles);
	ASSERT_EQ(0, fstat(self->plan.files[0].fd, &st));
	EXPECT_EQ(st.st_ino, self->plan.files[0].ino);
	EXPECT_EQ(st.st_dev, self->plan.files[0].dev);
	EXPECT_STREQ(self->exe, self->plan.files[0].path);
	EXPECT_STREQ(elf__build_id(self->elf), self->plan.files[0].build_id);

	/* Release first, acquire last; the alias is the same function. */
	ASSERT_EQ(3, self->plan.nprobes);
	p = &self->plan.probes[0];
	EXPECT_EQ(PW_RELEASE, p->probe->kind);
	EXPECT_STREQ("put_slot", p->symbol);
	EXPECT_EQ(OFFSET(put_slot), p->function);
	EXPECT_EQ(OFFSET(put_slot), p->offset);
	EXPECT_STREQ("pushq %rbx", p->insn);
	EXPECT_TRUE(p->emulated);
	EXPECT_FALSE(p->has_return);
	EXPECT_FALSE(p->learn);

	/* arg0 is gone after its first instruction, and it is the key: so at the entry. */
	p++;
	EXPECT_EQ(PW_CREATE, p->probe->kind);
	EXPECT_EQ(OFFSET(make_slots), p->offset);
	EXPECT_FALSE(p->emulated);

	p++;
	EXPECT_EQ(PW_ACQUIRE, p->probe->kind);
	EXPECT_EQ(OFFSET(take_slot), p->function);
	EXPECT_EQ(OFFSET(take_slot) + 3, p->offset);
	EXPECT_TRUE(p->has_return);
	EXPECT_EQ(SPEC_RET_SITES, p->ret);
	ASSERT_EQ(1, p->nrets);
	EXPECT_EQ(OFFSET(take_slot) + 5, p->rets[0]);
	EXPECT_FALSE(p->ret_incomplete);
}

TEST_F(plan, slow_path_elsewhere)
{
	struct plan_probe *p;

	ASSERT_EQ(0, MAKE(SLOTS "acquire jumps_off ret=sites; release put_slot", 0));
	p = &self->plan.probes[1];
	EXPECT_EQ(OFFSET(jumps_off) + 2, p->offset);
	ASSERT_EQ(2, p->nrets);
	EXPECT_EQ(OFFSET(slow_path) + 2, p->rets[0] > p->rets[1] ? p->rets[0] : p->rets[1]);
	EXPECT_FALSE(p->ret_incomplete);
}

TEST_F(plan, offset_in_function)
{
	ASSERT_EQ(0, MAKE(SLOTS "acquire take_slot+0x4 ret=sites; release put_slot", 0));
	EXPECT_EQ(OFFSET(take_slot), self->plan.probes[1].function);
	EXPECT_EQ(OFFSET(take_slot) + 4, self->plan.probes[1].offset);
	EXPECT_EQ(4, self->plan.probes[1].addend);
	EXPECT_EQ(8, self->plan.probes[1].sp_adjust);

	EXPECT_EQ(-EILSEQ, MAKE(SLOTS "acquire take_slot+1; release put_slot", 0));
	EXPECT_NE(NULL, strstr(self->err, "'take_slot+1' is not at the beginning of an instruction"));
	EXPECT_EQ(-ENOENT, MAKE(SLOTS "acquire take_slot+6; release put_slot", 0));
	EXPECT_EQ(NULL, self->plan.probes);
}

#define EXPECT_FAILS(code, text, fmt, ...)                                         \
	do {                                                                       \
		char want_[1024];                                                  \
		snprintf(want_, sizeof(want_), fmt, __VA_ARGS__);                  \
		EXPECT_EQ((code), MAKE(text, 0));                                  \
		EXPECT_STREQ(want_, self->err);                                    \
		EXPECT_EQ(0, self->plan.nprobes);                                  \
		EXPECT_EQ(0, self->plan.nfiles);                                   \
	} while (0)

static const char *libc_path(const struct target *t)
{
	for (size_t i = 0; i < t->nmaps; i++)
		if (t->maps[i].exec && strstr(t->maps[i].path, "/libc.so.6"))
			return t->maps[i].path;
	return "";
}

TEST_F(plan, errors_say_what_to_do)
{
	EXPECT_FAILS(-ENOENT, SLOTS "acquire take_slto; release put_slot",
		     "no symbol 'take_slto' in %s (did you mean 'take_slot'?)", self->exe);
	EXPECT_FAILS(-ENOENT, SLOTS "acquire quite_another_name; release put_slot",
		     "no symbol 'quite_another_name' in %s: 'nm -D' and 'nm' list what there is", self->exe);
	EXPECT_FAILS(-ENOENT, SLOTS "acquire semtimedop; release put_slot",
		     "'semtimedop' is not in %s; it is in libc.so.6: write 'lib libc.so.6'", "exe");
	EXPECT_FAILS(-ENOENT, "pool slots; lib libc.so.6; key arg0; acquire take_slot; release semop",
		     "'take_slot' is not in %s; it is in the executable: write 'lib exe'", libc_path(&self->t));
	EXPECT_FAILS(-ENOENT, "pool slots; lib libnever.so.1 libnever.so.2; key arg0; acquire a; release b",
		     "process %u does not use libnever.so.1 or libnever.so.2 (pool 'slots')", getpid());
	EXPECT_FAILS(-ENOTUNIQ, SLOTS "acquire Shop::close; release put_slot",
		     "'Shop::close' means 2 functions in %s: write it with its parameters, or mangled", self->exe);
	EXPECT_FAILS(-EOPNOTSUPP, SLOTS "acquire chosen; release put_slot",
		     "'chosen' in %s only selects the function to run (an ifunc): name the selected one", self->exe);
	EXPECT_FAILS(-EOPNOTSUPP, SLOTS "acquire never_back ret=sites; release put_slot",
		     "'never_back' in %s cannot be probed safely: ret=sites cannot be done: it has no ret, so it never returns",
		     self->exe);
}

/* One symbol of several may be missing; a whole definition may be passed over. */
TEST_F(plan, lenient)
{
	ASSERT_EQ(0, MAKE(SLOTS "acquire take_slot_v2 take_slot; release put_slot put_slot_v2", 0));
	EXPECT_EQ(2, self->plan.nprobes);

	EXPECT_EQ(0, MAKE("pool other; lib libnever.so.1; key arg0; acquire a; release b; " SLOTS "acquire take_slot; release put_slot",
			  PLAN_SKIP_ABSENT));
	EXPECT_EQ(2, self->plan.nprobes);
	EXPECT_EQ(1, self->plan.probes[0].pool_index);

	EXPECT_EQ(-ENOENT, MAKE(SLOTS "acquire nothing_like_it; release put_slot", PLAN_SKIP_ABSENT));
	EXPECT_EQ(0, MAKE(SLOTS "acquire nothing_like_it; release put_slot", PLAN_SKIP_FAILED));
	EXPECT_EQ(0, self->plan.nprobes);
	EXPECT_NE('\0', self->err[0]);
}

TEST_F(plan, guards)
{
	char text[512];

	snprintf(text, sizeof(text), SLOTS "when build-id %s; acquire take_slot+3; release put_slot", elf__build_id(self->elf));
	ASSERT_EQ(0, MAKE(text, 0));
	EXPECT_FALSE(self->plan.probes[0].learn);

	ASSERT_EQ(0, MAKE(SLOTS "when build-id 0123456789abcdef; acquire take_slot; release put_slot", 0));
	EXPECT_TRUE(self->plan.probes[0].learn);
	EXPECT_TRUE(self->plan.probes[1].learn);

	/* An offset for another build may be in the middle of anything. */
	EXPECT_EQ(-EOPNOTSUPP, MAKE(SLOTS "when build-id 0123456789abcdef; acquire take_slot+3; release put_slot", 0));
}

/* The functions of the C library, as the dynamic linker sees them. */
TEST_F(plan, libc)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	struct link_map *map;
	struct elf_file *elf;
	Dl_info info;

	ASSERT_NE(0, dladdr1(dlsym(libc, "sem_post"), &info, (void **)&map, RTLD_DL_LINKMAP));
	ASSERT_EQ(0, MAKE("pool sem; lib libc.so.6; key arg0; acquire sem_wait sem_timedwait ok=s32(ret)==0; release sem_post", 0));
	ASSERT_EQ(3, self->plan.nprobes);
	ASSERT_EQ(0, elf__open(self->plan.files[0].fd, &elf));
	for (size_t i = 0; i < 3; i++) {
		const struct plan_probe *p = &self->plan.probes[i];
		uint64_t vaddr = (uintptr_t)dlsym(libc, p->symbol) - map->l_addr, offset;

		ASSERT_EQ(0, elf__to_offset(elf, vaddr, &offset));
		EXPECT_EQ(offset, p->function);
		EXPECT_GE(p->offset, p->function);
		EXPECT_LT(p->offset, p->function + 32);
		EXPECT_EQ(i > 0, p->has_return);
	}
	elf__close(elf);
}

TEST_F(plan, libraries)
{
	const struct target_map *exe = NULL, *libc = NULL;

	for (size_t i = 0; i < self->t.nmaps; i++) {
		if (self->t.maps[i].exec && !strcmp(self->t.maps[i].path, self->exe))
			exe = &self->t.maps[i];
		if (self->t.maps[i].exec && strstr(self->t.maps[i].path, "/libc.so.6"))
			libc = &self->t.maps[i];
	}
	ASSERT_NE(NULL, exe);
	ASSERT_NE(NULL, libc);
	EXPECT_TRUE(plan__lib_matches(&self->t, exe, "exe"));
	EXPECT_FALSE(plan__lib_matches(&self->t, libc, "exe"));
	EXPECT_TRUE(plan__lib_matches(&self->t, exe, self->exe));
	EXPECT_TRUE(plan__lib_matches(&self->t, exe, "test_plan"));
	EXPECT_TRUE(plan__lib_matches(&self->t, libc, "libc.so.6"));
	EXPECT_TRUE(plan__lib_matches(&self->t, libc, "libc.so"));
	EXPECT_TRUE(plan__lib_matches(&self->t, libc, "libc.so.*"));
	EXPECT_TRUE(plan__lib_matches(&self->t, libc, libc->path));
	EXPECT_FALSE(plan__lib_matches(&self->t, libc, "libc.so.60"));
	EXPECT_FALSE(plan__lib_matches(&self->t, libc, "libc"));
	EXPECT_FALSE(plan__lib_matches(&self->t, libc, "/libc.so.6"));
	EXPECT_FALSE(plan__lib_matches(&self->t, libc, ""));
}

TEST_HARNESS_MAIN
