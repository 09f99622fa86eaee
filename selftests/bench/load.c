// SPDX-License-Identifier: GPL-2.0
/*
 * What `make bench` measures: pairs of acquire and release, never blocking, never nested. Reads lines "THREADS PAIRS", runs that
 * many pairs in each thread, and answers with the wall time in ns.
 *
 *   load KIND POOLS      KIND: plain sem_wait sem_trywait sem_timedwait apr mutex
 */
#include <apr_general.h>
#include <apr_reslist.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_THREADS 64
#define MAX_POOLS   1000
#define UNITS	    (2 * MAX_THREADS)

/* A pool in plain C, as short as one can be. */
struct slots {
	int free;
	char pad[60];
};
static struct slots slots[MAX_POOLS];

__attribute__((noinline)) int take_slot(struct slots *s)
{
	int n = __atomic_load_n(&s->free, __ATOMIC_RELAXED);

	do
		if (n <= 0)
			return 0;
	while (!__atomic_compare_exchange_n(&s->free, &n, n - 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return 1;
}

__attribute__((noinline)) int put_slot(struct slots *s)
{
	return __atomic_add_fetch(&s->free, 1, __ATOMIC_RELEASE);
}

static union {
	sem_t sem;
	pthread_mutex_t mutex;
	apr_reslist_t *list;
	char pad[64];
} pools[MAX_POOLS];

static void fail(void)
{
	fprintf(stderr, "load: a pair went wrong\n");
	exit(1);
}

static void pair_plain(unsigned int p)
{
	if (!take_slot(&slots[p]))
		fail();
	put_slot(&slots[p]);
}

static void pair_sem_wait(unsigned int p)
{
	if (sem_wait(&pools[p].sem) || sem_post(&pools[p].sem))
		fail();
}

static void pair_sem_trywait(unsigned int p)
{
	if (sem_trywait(&pools[p].sem) || sem_post(&pools[p].sem))
		fail();
}

static void pair_sem_timedwait(unsigned int p)
{
	static const struct timespec never = { 1l << 40, 0 };

	if (sem_timedwait(&pools[p].sem, &never) || sem_post(&pools[p].sem))
		fail();
}

static void pair_apr(unsigned int p)
{
	void *unit;

	if (apr_reslist_acquire(pools[p].list, &unit) || apr_reslist_release(pools[p].list, unit))
		fail();
}

static void pair_mutex(unsigned int p)
{
	if (pthread_mutex_lock(&pools[p].mutex) || pthread_mutex_unlock(&pools[p].mutex))
		fail();
}

static apr_status_t make(void **unit, void *params, apr_pool_t *pool)
{
	*unit = malloc(1);
	return APR_SUCCESS;
}

static apr_status_t unmake(void *unit, void *params, apr_pool_t *pool)
{
	free(unit);
	return APR_SUCCESS;
}

static const struct kind {
	const char *name;
	void (*pair)(unsigned int pool);
} kinds[] = {
	{ "plain", pair_plain },		 { "sem_wait", pair_sem_wait }, { "sem_trywait", pair_sem_trywait },
	{ "sem_timedwait", pair_sem_timedwait }, { "apr", pair_apr },		{ "mutex", pair_mutex },
};

static const struct kind *kind;
static unsigned int npools, nthreads;
static unsigned long npairs;
static pthread_barrier_t barrier;

static void init_pools(void)
{
	static apr_pool_t *pool;

	if (apr_initialize() || apr_pool_create(&pool, NULL))
		fail();
	for (unsigned int i = 0; i < npools; i++) {
		slots[i].free = UNITS;
		if (kind->pair == pair_apr) {
			if (apr_reslist_create(&pools[i].list, 1, UNITS, UNITS, 0, make, unmake, NULL, pool))
				fail();
		} else if (kind->pair == pair_mutex) {
			pthread_mutex_init(&pools[i].mutex, NULL);
		} else if (sem_init(&pools[i].sem, 0, UNITS)) {
			fail();
		}
	}
}

static void *worker(void *arg)
{
	unsigned int p = (unsigned int)(long)arg * 7 % npools;

	pthread_barrier_wait(&barrier);
	for (unsigned long i = 0; i < npairs; i++) {
		kind->pair(p);
		if (++p == npools)
			p = 0;
	}
	pthread_barrier_wait(&barrier);
	return NULL;
}

static unsigned long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static unsigned long long run(void)
{
	pthread_t threads[MAX_THREADS];
	unsigned long long start;

	pthread_barrier_init(&barrier, NULL, nthreads + 1);
	for (long i = 0; i < nthreads; i++)
		if (pthread_create(&threads[i], NULL, worker, (void *)i))
			fail();
	pthread_barrier_wait(&barrier);
	start = now();
	pthread_barrier_wait(&barrier);
	start = now() - start;
	for (unsigned int i = 0; i < nthreads; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&barrier);
	return start;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 3 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name))
			kind = &kinds[i];
	npools = argc == 3 ? atoi(argv[2]) : 0;
	if (!kind || !npools || npools > MAX_POOLS)
		return 2;
	init_pools();
	printf("ready\n");
	fflush(stdout);
	while (scanf("%u %lu", &nthreads, &npairs) == 2 && nthreads && nthreads <= MAX_THREADS) {
		printf("%llu\n", run());
		fflush(stdout);
	}
	return 0;
}
