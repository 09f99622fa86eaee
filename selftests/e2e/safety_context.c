// SPDX-License-Identifier: GPL-2.0
/* Coroutines that switch inside probed functions: calls return in another order than they were made, on other stacks. */
#include <ucontext.h>
#include "safety.h"

#define COROUTINES 4

int safety_stop;

struct scheduler {
	ucontext_t main, co[COROUTINES];
	int current;
	int done[COROUTINES];
	_Alignas(16) char stacks[COROUTINES][65536];
};

static __thread struct scheduler *here;
static unsigned long entered, left, returned;

static void count(unsigned long *n)
{
	__atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
}

static void yield(void)
{
	struct scheduler *s = here;

	swapcontext(&s->co[s->current], &s->main);
}

__attribute__((noinline)) int take_slot(void *pool)
{
	count(&entered);
	yield();
	__asm__ volatile("" :: "r"(pool) : "memory");
	count(&left);
	return 1;
}

__attribute__((noinline)) void put_slot(void *pool)
{
	__asm__ volatile("" :: "r"(pool) : "memory");
	count(&returned);
}

static void coroutine(void)
{
	int pool;

	for (int i = 0; i < 20; i++) {
		if (take_slot(&pool))
			put_slot(&pool);
		if (i % 3 == here->current % 3)
			yield();
	}
	here->done[here->current] = 1;
	/* uc_link leads back to the scheduler. */
}

static void one_round(struct scheduler *s)
{
	int left_to_do = COROUTINES;

	for (int i = 0; i < COROUTINES; i++) {
		getcontext(&s->co[i]);
		s->co[i].uc_stack.ss_sp = s->stacks[i];
		s->co[i].uc_stack.ss_size = sizeof(s->stacks[i]);
		s->co[i].uc_link = &s->main;
		s->done[i] = 0;
		makecontext(&s->co[i], coroutine, 0);
	}
	while (left_to_do) {
		left_to_do = 0;
		for (int i = 0; i < COROUTINES; i++) {
			if (s->done[i])
				continue;
			s->current = i;
			swapcontext(&s->main, &s->co[i]);
			left_to_do += !s->done[i];
		}
	}
}

static void *worker(void *arg)
{
	here = aligned_alloc(64, (sizeof(*here) + 63) / 64 * 64);
	if (!here)
		abort();
	for (unsigned int i = 0; !safety__stopping() || i < 2; i++)
		one_round(here);
	free(here);
	return arg;
}

int main(void)
{
	safety__run(worker);
	safety__expect("calls left as they were entered", left, entered);
	safety__expect("slots returned", returned, entered);
	return 0;
}
