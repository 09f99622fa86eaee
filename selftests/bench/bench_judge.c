// SPDX-License-Identifier: GPL-2.0
/*
 * What a look costs, by the number of threads and pools: CPU time (of the first, and median and best of those after it),
 * memory that the judge keeps, and the most that it needs during a look, in all and for each thread and pool: that
 * number stays as it is while they grow a thousandfold, or memory would not be linear in them.
 */
#include <malloc.h>
#include <stdio.h>
#include <time.h>
#include "finding.h"
#include "judge.h"
#include "../unit/ledger_build.h"

#define LOOKS 21

enum load { CALM, WAITING, DEADLOCKED };
static const char *const loads[] = {"calm", "waiting", "deadlocked"};

/* What is allocated, and the most that was. The bench has one thread. */
static size_t used, peak;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static void *count_in(void *p)
{
	used += malloc_usable_size(p);
	if (used > peak)
		peak = used;
	return p;
}

void *malloc(size_t size)
{
	return count_in(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return count_in(__libc_calloc(n, size));
}

void *realloc(void *p, size_t size)
{
	used -= malloc_usable_size(p);
	return count_in(__libc_realloc(p, size));
}

void free(void *p)
{
	used -= malloc_usable_size(p);
	__libc_free(p);
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * SEC + t.tv_nsec;
}

/*
 * calm: each thread holds one unit. waiting: half of them also ask for a unit of the next pool, and chains of waiting
 * end in one that runs. deadlocked: all ask, of full pools.
 */
static void fill(struct ledger *l, uint32_t threads, uint32_t pools, enum load load)
{
	l->time = T0;
	build__def(l, 0, "sem", 0);
	build__proc(l, 0, 100, 0);
	for (uint32_t p = 0; p < pools; p++)
		build__pool(l, p, 100, 0, threads / pools);
	for (uint32_t i = 0; i < threads; i++) {
		struct poolwatch_thread *t = build__thread(l, i, 100, 101 + i);
		uint32_t p = i % pools;

		t->hold[0] = (struct poolwatch_hold){.word = hold_word(p, 1, 0), .since = T0 - SEC, .site = 0x401000};
		l->pools[p].in_use++;
		if (load == DEADLOCKED || (load == WAITING && i / pools % 2))
			build__request(t, (p + 1) % pools, 1, 0x402000);
	}
	for (uint32_t e = 0; e < 2 * pools; e++)
		build__edge(l, e, 100, e % pools, e < pools ? e : (e + 1) % pools, 0x401000, 0x402000);
	if (ledger__index(l))
		abort();
}

static int count(void *ctx, struct finding *f)
{
	(void)f;
	++*(unsigned int *)ctx;
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void bench(uint32_t threads, uint32_t pools, enum load load)
{
	const struct judge_options options = {.stall_ns = 5 * SEC, .leak_ns = 60 * SEC, .repeat_ns = 10 * SEC};
	struct ledger now = {0}, before;
	uint64_t took[LOOKS], first = 0;
	unsigned int found = 0;
	struct judge *j;
	size_t start;

	fill(&now, threads, pools, load);
	build__copy(&before, &now, 50 * MS);
	start = peak = used;
	if (judge__new(&options, &j))
		abort();
	for (int i = 0; i < LOOKS + 1; i++) {
		uint64_t begin = cpu_ns();

		if (judge__look(j, &now, &before, count, &found))
			abort();
		if (i)
			took[i - 1] = cpu_ns() - begin;
		else
			first = cpu_ns() - begin;
		before.time = now.time;
		now.time += 50 * MS;
	}
	qsort(took, LOOKS, sizeof(*took), compare);
	printf("%8u %7u  %-10s %8.2f %8.2f %8.2f %9zu %9zu %7zu %8u\n", threads, pools, loads[load], first / 1e6,
	       took[LOOKS / 2] / 1e6, took[0] / 1e6, (used - start) / 1024, (peak - start) / 1024,
	       (peak - start) / (threads + pools), found);
	judge__free(j);
	ledger__clear(&now);
	ledger__clear(&before);
}

int main(void)
{
	static const uint32_t sizes[][2] = {{100, 10}, {1000, 100}, {10000, 1000}, {10000, 10}, {100000, 10000}};

	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	printf("%8s %7s  %-10s %8s %8s %8s %9s %9s %7s %8s\n", "threads", "pools", "load", "first ms", "median", "best",
	       "kept KiB", "peak KiB", "B each", "findings");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (enum load load = CALM; load <= DEADLOCKED; load++)
			bench(sizes[i][0], sizes[i][1], load);
	return 0;
}
