// SPDX-License-Identifier: GPL-2.0
/* Where probes go: functions assembled here, so that every offset is known. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "kselftest_harness.h"
#include "place.h"
#include "place_kernel.h"

#define ARG(i) (1u << (i))

/* fn_NAME and end_NAME bracket what NAME is made of. Nothing of it is ever run. */
#define CODE(name, text)                                                                                           \
	extern const uint8_t fn_##name[], end_##name[];                                                            \
	__asm__(".pushsection .rodata\n.globl fn_" #name "\nfn_" #name ":\n" text "\n.globl end_" #name "\nend_" #name \
		":\n .byte 0xcc\n.popsection\n")

#define BASE 0x401000ull

static struct place_code code_at(const uint8_t *from, const uint8_t *to)
{
	return (struct place_code){ .bytes = from, .len = to - from, .vaddr = BASE };
}
#define code(name) code_at(fn_##name, end_##name)

/* The cold part of `cold`, at an address of its own before the function; and a function that `tail` jumps to. */
#define PART (BASE - 0x1000)
static struct place_part the_part;

static int give_part(void *ctx, uint64_t vaddr, struct place_part *out)
{
	if (vaddr < the_part.vaddr || vaddr - the_part.vaddr >= the_part.len)
		return -ENOENT;
	*out = the_part;
	return 0;
}

FIXTURE(place) {
	struct place_plan p;
};

FIXTURE_SETUP(place)
{
	place_kernel__pretend(PLACE_KERNEL(6, 12, 95));
	the_part = (struct place_part){ 0 };
}

FIXTURE_TEARDOWN(place)
{
	place_kernel__pretend(0);
}

#define EXPECT_ENTRY(name, args, offset, emulated, adjust, insn)                   \
	do {                                                                       \
		struct place_code c_ = code(name);                                 \
		ASSERT_EQ(0, place__entry(&c_, (args), &self->p));                 \
		EXPECT_EQ((offset), self->p.entry_offset);                         \
		EXPECT_EQ((emulated), self->p.entry_emulated);                     \
		EXPECT_EQ((adjust), self->p.sp_adjust);                            \
		EXPECT_STREQ((insn), self->p.entry_insn);                          \
	} while (0)

CODE(push, "push %rbx\n mov %rdi,%rbx\n pop %rbx\n ret");
CODE(endbr, "endbr64\n push %rbp\n mov %rsp,%rbp\n pop %rbp\n ret");
CODE(mov_push, "mov %rsi,%rax\n push %r12\n pop %r12\n ret");
CODE(two_pushes, "sub $0x18,%rsp\n lea 0x10(%rsp),%rsp\n pop %rax\n push %rbx\n ret");
/* As glibc's sem_timedwait: a comparison in memory, then a branch that ends the straight line. */
CODE(timedwait, "cmpq $0x3b9ac9ff,0x8(%rsi)\n ja 1f\n push %rbp\n pop %rbp\n ret\n1: mov $-1,%eax\n ret");
/* As glibc's sem_init. */
CODE(init, "test %edx,%edx\n js 1f\n xor %eax,%eax\n ret\n1: mov $-1,%eax\n ret");
/* As glibc's sem_post: the first branch is in the loop of the compare-and-swap. */
CODE(post, "mov 0x8(%rdi),%esi\n mov (%rdi),%rax\n1: cmp $0x7fffffff,%eax\n je 2f\n lea 1(%rax),%rdx\n"
	   "lock cmpxchg %rdx,(%rdi)\n jne 1b\n xor %eax,%eax\n ret\n2: mov $-1,%eax\n ret");
CODE(backward, "mov %rdi,%rax\n1: push %rax\n pop %rcx\n dec %rax\n jne 1b\n ret");
CODE(forward, "mov %rdi,%rax\n nop\n ret");

TEST_F(place, entry)
{
	EXPECT_ENTRY(push, ARG(0), 0, true, 0, "pushq %rbx");
	EXPECT_ENTRY(endbr, ARG(0), 4, true, 0, "pushq %rbp");
	EXPECT_ENTRY(mov_push, ARG(0) | ARG(1), 3, true, 0, "pushq %r12");
	/* -0x18 +0x10 +8 */
	EXPECT_ENTRY(two_pushes, ARG(0), 10, true, 0, "pushq %rbx");
	EXPECT_ENTRY(timedwait, ARG(0) | ARG(1), 8, true, 0, "ja 0x40100d");
	EXPECT_ENTRY(init, ARG(0) | ARG(1) | ARG(2), 2, true, 0, "js 0x401007");
	EXPECT_ENTRY(post, ARG(0), 0, false, 0, "movl 8(%rdi), %esi");
	EXPECT_ENTRY(backward, ARG(0), 0, false, 0, "movq %rdi, %rax");
	EXPECT_ENTRY(forward, ARG(0), 3, true, 0, "nop");
}

CODE(sub, "sub $0x28,%rsp\n nop\n add $0x28,%rsp\n ret");
CODE(pop, "pop %rax\n nop\n push %rax\n ret");
CODE(align, "and $-16,%rsp\n nop\n ret");
CODE(frame, "sub %rax,%rsp\n nop\n ret");

TEST_F(place, stack_pointer)
{
	EXPECT_ENTRY(sub, ARG(0), 4, true, 0x28, "nop");
	EXPECT_ENTRY(pop, ARG(0), 1, true, -8, "nop");
	/* Where it is after that, nobody knows. */
	EXPECT_ENTRY(align, ARG(0), 0, false, 0, "andq $0xfffffffffffffff0, %rsp");
	EXPECT_ENTRY(frame, ARG(0), 0, false, 0, "subq %rax, %rsp");
}

CODE(clobber, "mov %rsi,%rdi\n nop\n ret");
CODE(clobber_half, "xor %edi,%edi\n nop\n ret");
CODE(clobber_byte, "mov $1,%dil\n nop\n ret");
CODE(implicit, "cqto\n nop\n ret");
CODE(store, "mov %rsi,(%rdi)\n nop\n ret");
CODE(store_stack, "mov %rsi,-8(%rsp)\n nop\n ret");
CODE(system, "mov $39,%eax\n syscall\n nop\n ret");
CODE(calls, "mov %rdi,%rax\n call *%rax\n nop\n ret");

TEST_F(place, arguments_in_place)
{
	EXPECT_ENTRY(clobber, ARG(0), 0, false, 0, "movq %rsi, %rdi");
	EXPECT_ENTRY(clobber, ARG(1), 3, true, 0, "nop");
	EXPECT_ENTRY(clobber_half, ARG(0), 0, false, 0, "xorl %edi, %edi");
	EXPECT_ENTRY(clobber_byte, ARG(0), 0, false, 0, "movb $1, %dil");
	/* rdx, unnamed. */
	EXPECT_ENTRY(implicit, ARG(2), 0, false, 0, "cqto");
	EXPECT_ENTRY(implicit, ARG(3), 2, true, 0, "nop");
	/* What a definition reads in memory must be as at entry, too. */
	EXPECT_ENTRY(store, ARG(0), 0, false, 0, "movq %rsi, (%rdi)");
	EXPECT_ENTRY(store_stack, ARG(0), 5, true, 0, "nop");
	EXPECT_ENTRY(system, 0, 0, false, 0, "movl $0x27, %eax");
	EXPECT_ENTRY(calls, 0, 0, false, 0, "movq %rdi, %rax");
}

TEST_F(place, other_ways_in)
{
	const uint32_t three = 3, four = 4;
	struct place_code c = code(forward);

	/* Another symbol begins at the nop. */
	c.entries = &three;
	c.nentries = 1;
	ASSERT_EQ(0, place__entry(&c, 0, &self->p));
	EXPECT_EQ(0, self->p.entry_offset);
	/* Behind it: no matter. */
	c.entries = &four;
	ASSERT_EQ(0, place__entry(&c, 0, &self->p));
	EXPECT_EQ(3, self->p.entry_offset);
}

/* As glibc's sem_trywait; the same with the argument's register used up on the way round, and with a call in it. */
CODE(trywait, "mov (%rdi),%rax\n1: test %eax,%eax\n je 2f\n lea -1(%rax),%rdx\n lock cmpxchg %rdx,(%rdi)\n jne 1b\n"
	      "xor %eax,%eax\n ret\n2: mov $-1,%eax\n ret");
CODE(list, "mov (%rdi),%rax\n1: test %eax,%eax\n je 2f\n mov 8(%rdi),%rdi\n dec %eax\n jmp 1b\n2: ret");
CODE(waits, "mov (%rdi),%rax\n1: test %eax,%eax\n je 2f\n ret\n2: call .\n jmp 1b");
CODE(entered, "mov (%rdi),%rax\n1: test %eax,%eax\n je 2f\n dec %eax\n jmp 1b\n2: ret");

/* What a call goes through again and again will do, for a probe that knows it again by its arguments. */
TEST_F(place, loops)
{
	const uint32_t test = 3;
	struct place_code c = code(trywait);

	ASSERT_EQ(0, place__plan(&c, ARG(0), SPEC_RET_AUTO, &self->p));
	EXPECT_EQ(0, self->p.entry_offset);
	EXPECT_FALSE(self->p.repeats);
	c.may_repeat = true;
	ASSERT_EQ(0, place__plan(&c, ARG(0), SPEC_RET_AUTO, &self->p));
	EXPECT_EQ(5, self->p.entry_offset);
	EXPECT_TRUE(self->p.entry_emulated);
	EXPECT_TRUE(self->p.repeats);
	EXPECT_EQ(0, self->p.sp_adjust);
	/* DX is written in it. */
	ASSERT_EQ(0, place__plan(&c, ARG(0) | ARG(2), SPEC_RET_AUTO, &self->p));
	EXPECT_EQ(0, self->p.entry_offset);
	EXPECT_FALSE(self->p.repeats);

	c = code(list);
	c.may_repeat = true;
	ASSERT_EQ(0, place__plan(&c, ARG(0), SPEC_RET_AUTO, &self->p));
	EXPECT_EQ(0, self->p.entry_offset);
	c = code(waits);
	c.may_repeat = true;
	ASSERT_EQ(0, place__plan(&c, ARG(0), SPEC_RET_AUTO, &self->p));
	EXPECT_EQ(0, self->p.entry_offset);
	c = code(entered);
	c.may_repeat = true;
	ASSERT_EQ(0, place__plan(&c, ARG(0), SPEC_RET_AUTO, &self->p));
	EXPECT_EQ(5, self->p.entry_offset);
	c.entries = &test;
	c.nentries = 1;
	ASSERT_EQ(0, place__plan(&c, ARG(0), SPEC_RET_AUTO, &self->p));
	EXPECT_EQ(0, self->p.entry_offset);
}

CODE(switched, "mov %rdi,%rax\n nop\n jmp *%rax\n xor %eax,%eax\n ret");
CODE(got, "mov %rdi,%rax\n nop\n test %eax,%eax\n je 1f\n jmp *0x1000(%rip)\n1: ret");

/* A jump table may lead anywhere in the function, so also to what looks like straight code. */
TEST_F(place, switches)
{
	struct place_code c = code(switched);

	EXPECT_ENTRY(switched, ARG(0), 0, false, 0, "movq %rdi, %rax");
	ASSERT_EQ(0, place__plan(&c, ARG(0), SPEC_RET_SITES, &self->p));
	EXPECT_EQ(1, self->p.nrets);
	EXPECT_EQ(8, self->p.rets[0]);
	EXPECT_FALSE(self->p.ret_incomplete);

	/* Through the GOT: a tail call to another module. */
	EXPECT_ENTRY(got, ARG(0), 3, true, 0, "nop");
	c = code(got);
	ASSERT_EQ(0, place__plan(&c, ARG(0), SPEC_RET_SITES, &self->p));
	EXPECT_EQ(1, self->p.nrets);
	EXPECT_TRUE(self->p.ret_incomplete);
}

CODE(many_rets, "push %rbx\n test %edi,%edi\n je 1f\n pop %rbx\n ret\n1: pop %rbx\n repz ret\n int3\n");
CODE(no_return, "push %rbx\n1: pause\n jmp 1b");
/* Bytes of a ret that no way leads to: data, perhaps. */
CODE(data, "xor %eax,%eax\n ret\n ret\n .byte 0xc3,0x06");

TEST_F(place, ret_sites)
{
	struct place_code c = code(many_rets);

	ASSERT_EQ(0, place__plan(&c, ARG(0), SPEC_RET_SITES, &self->p));
	EXPECT_EQ(SPEC_RET_SITES, self->p.ret);
	ASSERT_EQ(2, self->p.nrets);
	EXPECT_EQ(6, self->p.rets[0]);
	EXPECT_EQ(8, self->p.rets[1]);
	EXPECT_FALSE(self->p.ret_incomplete);

	c = code(no_return);
	EXPECT_EQ(-EOPNOTSUPP, place__plan(&c, ARG(0), SPEC_RET_SITES, &self->p));
	EXPECT_STREQ("ret=sites cannot be done: it has no ret, so it never returns", self->p.why);

	c = code(data);
	ASSERT_EQ(0, place__plan(&c, 0, SPEC_RET_SITES, &self->p));
	ASSERT_EQ(1, self->p.nrets);
	EXPECT_EQ(2, self->p.rets[0]);
}

CODE(cold_hot, "test %edi,%edi\n jne . - 0x1000\n nop\n1: ret");
CODE(cold_part, "mov $5,%eax\n test %esi,%esi\n je . + 0x1000 - 7\n ret");
CODE(cold_loop, "jmp . + 0x1000 + 8\n");

TEST_F(place, parts_elsewhere)
{
	struct place_code c = code(cold_hot);

	/* jne at +2 goes to PART + 2; what is there is not known: it might jump back to the nop. */
	ASSERT_EQ(0, place__plan(&c, ARG(0), SPEC_RET_SITES, &self->p));
	EXPECT_EQ(1, self->p.nrets);
	EXPECT_TRUE(self->p.ret_incomplete);

	the_part = (struct place_part){ fn_cold_part, end_cold_part - fn_cold_part, PART + 2 };
	c.part = give_part;
	ASSERT_EQ(0, place__plan(&c, ARG(0), SPEC_RET_SITES, &self->p));
	EXPECT_EQ(2, self->p.nrets);
	/* The function's own at +9; the part's behind 5 + 2 + 6 bytes. */
	EXPECT_EQ(9, self->p.rets[0] > 0 ? self->p.rets[0] : self->p.rets[1]);
	EXPECT_EQ(-0x1000 + 2 + 13, self->p.rets[0] < 0 ? self->p.rets[0] : self->p.rets[1]);
	EXPECT_FALSE(self->p.ret_incomplete);
}

CODE(jumped_hot, "mov %rdi,%rax\n nop\n test %edi,%edi\n jne . - 0x1000 - 6\n ret");
CODE(jumped_part, "jmp . + 0x1003");

/* A loop whose way back is in the cold part. */
TEST_F(place, cold_part_jumps_back)
{
	struct place_code c = code(jumped_hot);

	EXPECT_EQ(0, place__entry(&c, 0, &self->p));
	EXPECT_EQ(0, self->p.entry_offset);
	the_part = (struct place_part){ fn_jumped_part, end_jumped_part - fn_jumped_part, PART };
	c.part = give_part;
	EXPECT_EQ(0, place__entry(&c, 0, &self->p));
	EXPECT_EQ(0, self->p.entry_offset);
	the_part = (struct place_part){ fn_data, 3, PART };
	EXPECT_EQ(0, place__entry(&c, 0, &self->p));
	EXPECT_EQ(3, self->p.entry_offset);
}

/* What the kernel emulates: arch/x86/kernel/uprobes.c. */
TEST_F(place, emulated)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool old, since_616;
	} cases[] = {
		{ "\x90", 1, true, true },		/* nop */
		{ "\x66\x90", 2, true, true },		/* xchg %ax,%ax */
		{ "\xf3\x90", 2, true, true },		/* pause */
		{ "\x49\x90", 2, false, false },	/* xchg %r8,%rax, which looks like one */
		{ "\x55", 1, true, true },		/* push %rbp */
		{ "\x41\x54", 2, true, true },		/* push %r12 */
		{ "\x40\x55", 2, false, false },	/* push %rbp with an empty REX */
		{ "\x66\x55", 2, false, false },	/* push %bp */
		{ "\x6a\x00", 2, false, false },	/* push $0 */
		{ "\xff\x35\0\0\0\0", 6, false, false },/* push of memory */
		{ "\x5d", 1, false, false },		/* pop %rbp */
		{ "\xc3", 1, false, false },		/* ret */
		{ "\xe8\0\0\0\0", 5, true, true },	/* call */
		{ "\xe9\0\0\0\0", 5, true, true },	/* jmp */
		{ "\xeb\x00", 2, true, true },
		{ "\x74\x00", 2, true, true },		/* je */
		{ "\x0f\x84\0\0\0\0", 6, true, true },
		{ "\xf2\xe8\0\0\0\0", 6, true, true },	/* bnd call */
		{ "\x2e\x74\x00", 3, false, false },	/* je with a hint: the kernel refuses that prefix */
		{ "\xe3\x00", 2, false, false },	/* jrcxz */
		{ "\xff\xd0", 2, false, false },	/* call *%rax */
		{ "\xff\xe0", 2, false, false },	/* jmp *%rax */
		{ "\xf3\x0f\x1e\xfa", 4, false, false },/* endbr64 */
		{ "\x0f\x1f\x00", 3, false, true },	/* nopl (%rax) */
		{ "\x0f\x1f\x44\x00\x00", 5, false, true },
		{ "\x66\x0f\x1f\x44\x00\x00", 6, false, true },
		{ "\x2e\x0f\x1f\x00", 4, false, false },
		{ "\x48\x83\xec\x08", 4, false, false },/* sub */
		{ "\xc5\xf8\x77", 3, false, false },	/* vzeroupper: 77 is no ja here */
		{ "", 0, false, false },
		{ "\x41", 1, false, false },
		{ "\x0f", 1, false, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		place_kernel__pretend(PLACE_KERNEL(6, 12, 95));
		EXPECT_EQ(cases[i].old, place__is_emulated((const uint8_t *)cases[i].bytes, cases[i].len))
		{
			TH_LOG("case %zu", i);
		}
		place_kernel__pretend(PLACE_KERNEL(6, 18, 0));
		EXPECT_EQ(cases[i].since_616, place__is_emulated((const uint8_t *)cases[i].bytes, cases[i].len))
		{
			TH_LOG("case %zu, 6.18", i);
		}
	}
}

CODE(nop5, "mov %rsi,-8(%rsp)\n .byte 0x0f,0x1f,0x44,0,0\n push %rax\n pop %rax\n ret");
CODE(nop5_first, "endbr64\n .byte 0x0f,0x1f,0x44,0,0\n ret");

/* It may become a call there: never below a leaf function's own data. */
TEST_F(place, nop_of_5_bytes)
{
	place_kernel__pretend(PLACE_KERNEL(6, 18, 0));
	EXPECT_ENTRY(nop5, 0, 10, true, 0, "pushq %rax");
	EXPECT_ENTRY(nop5_first, 0, 4, true, 0, "nopl (%rax, %rax)");
}

CODE(unprobeable, "lock incl (%rdi)\n ret");
CODE(garbage, ".byte 0x06,0x06\n");
CODE(xchg, ".byte 0x49,0x90\n ret");

TEST_F(place, not_probeable)
{
	struct place_code c = code(garbage);

	/* What follows the locked instruction runs as often. */
	EXPECT_ENTRY(unprobeable, ARG(0), 3, false, 0, "retq");

	EXPECT_EQ(-EILSEQ, place__entry(&c, 0, &self->p));
	EXPECT_ENTRY(xchg, ARG(0), 2, false, 0, "retq");
	/* Its argument is gone after it. */
	c = code(xchg);
	EXPECT_EQ(-EILSEQ, place__entry(&c, ARG(4), &self->p));
	c.len = 0;
	EXPECT_EQ(-EILSEQ, place__entry(&c, 0, &self->p));
}

TEST_F(place, boundaries)
{
	struct place_code c = code(endbr);
	static const uint32_t yes[] = { 0, 4, 5, 8, 9 };

	for (uint32_t i = 0, k = 0; i < 12; i++) {
		bool is = k < 5 && yes[k] == i;

		EXPECT_EQ(is, place__is_boundary(&c, i))
		{
			TH_LOG("offset %u", i);
		}
		k += is;
	}
}

TEST_F(place, at_an_address)
{
	struct place_code c = code(two_pushes);

	/* Behind sub $0x18 and lea 0x10(%rsp): 8 below the entry's. */
	c.start = 9;
	ASSERT_EQ(0, place__plan(&c, ARG(0), SPEC_RET_AUTO, &self->p));
	EXPECT_EQ(9, self->p.entry_offset);
	EXPECT_EQ(8, self->p.sp_adjust);
	EXPECT_FALSE(self->p.entry_emulated);
	c.start = 8;
	EXPECT_EQ(-EILSEQ, place__plan(&c, ARG(0), SPEC_RET_AUTO, &self->p));
	c.start = 1000;
	EXPECT_EQ(-EILSEQ, place__plan(&c, ARG(0), SPEC_RET_AUTO, &self->p));
	c = code(align);
	c.start = 4;
	EXPECT_EQ(0, place__entry(&c, ARG(0), &self->p));
	EXPECT_EQ(-EOPNOTSUPP, place__plan(&c, ARG(0), SPEC_RET_AUTO, &self->p));
}

TEST_F(place, return_method)
{
	struct place_code safe = code(push), c;

	ASSERT_EQ(0, place__plan(&safe, ARG(0), SPEC_RET_AUTO, &self->p));
	EXPECT_EQ(SPEC_RET_URETPROBE, self->p.ret);
	EXPECT_EQ(0, self->p.nrets);

	for (int i = 0; i < 6; i++) {
		c = safe;
		c.go = i == 0;
		c.has_lsda = i == 1;
		c.can_cancel = i == 2;
		c.can_switch = i == 3;
		c.seccomp_unsafe = i == 4;
		c.can_throw = i == 5;
		ASSERT_EQ(0, place__plan(&c, ARG(0), SPEC_RET_AUTO, &self->p));
		EXPECT_EQ(SPEC_RET_SITES, self->p.ret);
		EXPECT_EQ(1, self->p.nrets);
		/* Asked for: refused, but exceptions are what the definition's author knows about. */
		EXPECT_EQ(i == 5 ? 0 : -EOPNOTSUPP, place__plan(&c, ARG(0), SPEC_RET_URETPROBE, &self->p))
		{
			TH_LOG("danger %d", i);
		}
	}
	ASSERT_EQ(0, place__plan(&safe, ARG(0), SPEC_RET_SITES, &self->p));
	EXPECT_EQ(SPEC_RET_SITES, self->p.ret);

	/* Neither way. */
	c = code(no_return);
	c.can_cancel = true;
	EXPECT_EQ(-EOPNOTSUPP, place__plan(&c, ARG(0), SPEC_RET_AUTO, &self->p));
	EXPECT_STREQ("no uretprobe: threads here can be cancelled, and cancellation would skip their cleanup handlers; "
		     "no ret sites: it has no ret, so it never returns", self->p.why);
}

CODE(go, "cmp 0x10(%r14),%rsp\n jbe 1f\n push %rbp\n mov %rsp,%rbp\n pop %rbp\n ret\n"
	 "1: mov %rax,8(%rsp)\n call .\n mov 8(%rsp),%rax\n jmp fn_go");

/* Growing the stack runs the entry again. */
TEST_F(place, go)
{
	struct place_code c = code(go);

	EXPECT_ENTRY(go, ARG(0), 4, true, 0, "jbe 0x40100c");
	c.go = true;
	ASSERT_EQ(0, place__plan(&c, ARG(0), SPEC_RET_AUTO, &self->p));
	EXPECT_EQ(6, self->p.entry_offset);
	EXPECT_EQ(SPEC_RET_SITES, self->p.ret);
	EXPECT_EQ(1, self->p.nrets);
	EXPECT_EQ(11, self->p.rets[0]);
}

TEST(seccomp_and_uretprobes)
{
	static const struct {
		unsigned int version;
		bool safe;
	} cases[] = {
		{ PLACE_KERNEL(6, 1, 0), true },	{ PLACE_KERNEL(6, 10, 14), true }, { PLACE_KERNEL(6, 11, 0), false },
		{ PLACE_KERNEL(6, 11, 11), false },	{ PLACE_KERNEL(6, 12, 0), false }, { PLACE_KERNEL(6, 12, 95), true },
		{ PLACE_KERNEL(6, 13, 1), false },	{ PLACE_KERNEL(6, 13, 12), true }, { PLACE_KERNEL(6, 14, 0), true },
		{ PLACE_KERNEL(6, 18, 44), true },	{ PLACE_KERNEL(6, 12, 300), true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		place_kernel__pretend(cases[i].version);
		EXPECT_EQ(cases[i].safe, place_kernel__uretprobe_seccomp_safe())
		{
			TH_LOG("case %zu", i);
		}
	}
	place_kernel__pretend(0);
	EXPECT_NE(0, place_kernel__version());
}

TEST_HARNESS_MAIN
