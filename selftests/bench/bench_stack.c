// SPDX-License-Identifier: GPL-2.0
/*
 * How many addresses a second are named, and stacks unwound: of this process itself, which is big, has lines, and is
 * there. "first": never asked before; "again": asked before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include "stack.h"
#include "target.h"

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "bench_stack: %s\n", what);
	exit(1);
}

/* One address every @step bytes of the code of @t. Return: how many were asked. */
static size_t name_all(struct stack_namer *s, const struct target *t, uint64_t step, size_t max)
{
	size_t asked = 0;

	for (size_t i = 0; i < t->nmaps; i++)
		for (uint64_t at = t->maps[i].start; t->maps[i].exec && at < t->maps[i].end && asked < max;
		     at += step, asked++) {
			struct finding_frame *f;
			size_t n;

			if (stack__name(s, t, at, 1, &f, &n))
				die("no memory");
			stack__free_frames(f, n);
		}
	return asked;
}

static void report(const char *what, size_t n, double seconds)
{
	printf("%-28s %9zu in %7.3f s: %10.0f a second\n", what, n, seconds, (double)n / seconds);
}

static __attribute__((noinline)) int unwind_here(struct stack_namer *s, const struct target *t, size_t times)
{
	uint64_t regs[PW_REGS], out[STACK_MAX_FRAMES];
	static uint8_t stack[4096]; /* not on the stack that it is a copy of */
	ucontext_t c;
	int n = 0;

	if (getcontext(&c))
		die("getcontext");
	regs[PW_RSP] = (uint64_t)c.uc_mcontext.gregs[REG_RSP];
	regs[PW_RBP] = (uint64_t)c.uc_mcontext.gregs[REG_RBP];
	regs[PW_RBX] = (uint64_t)c.uc_mcontext.gregs[REG_RBX];
	for (int i = 8; i < 16; i++)
		regs[PW_R8 + i - 8] = (uint64_t)c.uc_mcontext.gregs[REG_R8 + i - 8];
	regs[PW_RIP] = (uint64_t)c.uc_mcontext.gregs[REG_RIP];
	memcpy(stack, (void *)regs[PW_RSP], sizeof(stack));
	for (size_t i = 0; i < times; i++)
		n = stack__unwind(s, t, regs, stack, sizeof(stack), 0, out, STACK_MAX_FRAMES);
	return n;
}

int main(void)
{
	struct stack_namer *s;
	struct target t;
	double start;
	size_t n;
	int depth;

	if (stack__new(NULL, &s) || target__open((uint32_t)getpid(), &t))
		die("cannot begin");
	start = now();
	n = name_all(s, &t, 64, 15000);
	report("names, first", n, now() - start);
	start = now();
	for (int i = 0; i < 10; i++)
		name_all(s, &t, 64, 15000);
	report("names, again", 10 * n, now() - start);
	start = now();
	depth = unwind_here(s, &t, 10000);
	report("stacks", 10000, now() - start);
	printf("%-28s %9d\n%-28s %9zu KiB\n", "frames of each", depth, "held by the namer", stack__bytes(s) >> 10);
	target__close(&t);
	stack__free(s);
	return 0;
}
