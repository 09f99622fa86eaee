// SPDX-License-Identifier: GPL-2.0
/* Threads cancelled while they wait for a semaphore: their cleanup handlers must run. */
#include <semaphore.h>
#include "safety.h"

int safety_stop;

static sem_t never, pool;
static unsigned long cancelled, cleaned, joined, taken, returned;

static void count(void *n)
{
	__atomic_add_fetch((unsigned long *)n, 1, __ATOMIC_RELAXED);
}

static void *wait_for_ever(void *arg)
{
	pthread_cleanup_push(count, &cleaned);
	__atomic_store_n((int *)arg, 1, __ATOMIC_RELEASE);
	sem_wait(&never);
	pthread_cleanup_pop(0);
	return NULL;
}

static void cancel_one(void)
{
	pthread_t t;
	void *result;
	int there = 0;

	if (pthread_create(&t, NULL, wait_for_ever, &there))
		abort();
	while (!__atomic_load_n(&there, __ATOMIC_ACQUIRE))
		sched_yield();
	if (pthread_cancel(t) || pthread_join(t, &result))
		abort();
	count(&cancelled);
	if (result == PTHREAD_CANCELED)
		count(&joined);
}

static void *worker(void *arg)
{
	for (unsigned int i = 0; !safety__stopping() || i < 10; i++) {
		cancel_one();
		for (int k = 0; k < 100; k++) {
			if (sem_wait(&pool))
				abort();
			count(&taken);
			if (sem_post(&pool))
				abort();
			count(&returned);
		}
	}
	return arg;
}

int main(void)
{
	int value;

	if (sem_init(&never, 0, 0) || sem_init(&pool, 0, 2))
		abort();
	safety__run(worker);
	safety__expect("cleanup handlers run", cleaned, cancelled);
	safety__expect("threads ended by cancellation", joined, cancelled);
	safety__expect("units returned", returned, taken);
	sem_getvalue(&pool, &value);
	printf("units in the pool: %d\n", value);
	return 0;
}
