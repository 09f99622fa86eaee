// SPDX-License-Identifier: GPL-2.0
/* Probed functions left by longjmp, from several frames deep, again and again: their returns never come. */
#include <setjmp.h>
#include "safety.h"

int safety_stop;

static unsigned long jumps, landed, taken, returned;

static void count(unsigned long *n)
{
	__atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
}

__attribute__((noinline)) int take_slot(void *pool, jmp_buf back, unsigned int depth)
{
	int r = 1;

	if (depth)
		r = take_slot(pool, back, depth - 1);
	else if (back) {
		count(&jumps);
		longjmp(back, 1);
	}
	__asm__ volatile("" : "+r"(r) :: "memory");
	return r;
}

__attribute__((noinline)) void put_slot(void *pool)
{
	__asm__ volatile("" :: "r"(pool) : "memory");
	count(&returned);
}

static void *worker(void *arg)
{
	for (volatile unsigned int i = 0; !safety__stopping() || i < 10; i++) {
		jmp_buf back;
		int pool;

		if (setjmp(back)) {
			count(&landed);
			continue;
		}
		if (take_slot(&pool, i & 1 ? back : NULL, i % 5)) {
			count(&taken);
			put_slot(&pool);
		}
	}
	return arg;
}

int main(void)
{
	safety__run(worker);
	safety__expect("jumps landed", landed, jumps);
	safety__expect("slots returned", returned, taken);
	return 0;
}
