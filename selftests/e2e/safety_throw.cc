// SPDX-License-Identifier: GPL-2.0
/* Exceptions thrown through probed functions: one that has something to clean up, one that they just pass. */
#include <stdexcept>
#include "safety.h"

int safety_stop;

static unsigned long thrown, caught, made, unmade, taken, returned;

static void count(unsigned long &n)
{
	__atomic_add_fetch(&n, 1, __ATOMIC_RELAXED);
}

struct guard {
	guard() { count(made); }
	~guard() { count(unmade); }
};

static __attribute__((noinline)) void work(unsigned int i)
{
	if (i % 3 == 0) {
		count(thrown);
		throw std::runtime_error("no slot");
	}
	asm volatile("" ::: "memory");
}

extern "C" __attribute__((noinline)) int take_slot(void *pool, unsigned int i)
{
	guard g;

	work(i);
	return pool != nullptr;
}

extern "C" __attribute__((noinline)) int take_plain(void *pool, unsigned int i)
{
	work(i);
	return pool != nullptr;
}

extern "C" __attribute__((noinline)) void put_slot(void *pool)
{
	asm volatile("" :: "r"(pool) : "memory");
	count(returned);
}

static void *worker(void *)
{
	int pool;

	for (unsigned int i = 0; !safety__stopping() || i < 6; i++) {
		try {
			if (i & 1 ? take_slot(&pool, i) : take_plain(&pool, i)) {
				count(taken);
				put_slot(&pool);
			}
		} catch (const std::runtime_error &) {
			count(caught);
		}
	}
	return nullptr;
}

int main()
{
	safety__run(worker);
	safety__expect("exceptions caught", caught, thrown);
	safety__expect("guards destroyed", unmade, made);
	safety__expect("slots returned", returned, taken);
	return 0;
}
