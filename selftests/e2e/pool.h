/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pool of a workload, one of several kinds chosen when it is compiled. All of it is inlined, so that the code that asks
 * calls the pool's own functions and is the site that poolwatch has to name; only the functions of OWN have a symbol here.
 * A unit is a pointer that is not NULL.
 */
#ifndef E2E_POOL_H
#define E2E_POOL_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline struct timespec pool_deadline(long ms)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

#if defined(POOL_OWN)
/* As an author would write one: a mutex, a condition, a count. */
struct pool {
	pthread_mutex_t lock;
	pthread_cond_t back;
	int left;
};

static struct pool the_pool = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 };

static void unlock(void *lock)
{
	pthread_mutex_unlock(lock);
}

int take_slot(struct pool *p);
int try_slot(struct pool *p);
int timed_slot(struct pool *p, long ms);
void put_slot(struct pool *p);

__attribute__((noinline)) int take_slot(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	pthread_cleanup_push(unlock, &p->lock);
	while (!p->left)
		pthread_cond_wait(&p->back, &p->lock);
	p->left--;
	pthread_cleanup_pop(1);
	return 0;
}

__attribute__((noinline)) int try_slot(struct pool *p)
{
	int r = -1;

	pthread_mutex_lock(&p->lock);
	if (p->left) {
		p->left--;
		r = 0;
	}
	pthread_mutex_unlock(&p->lock);
	return r;
}

__attribute__((noinline)) int timed_slot(struct pool *p, long ms)
{
	struct timespec end = pool_deadline(ms);
	int r = 0;

	pthread_mutex_lock(&p->lock);
	while (!p->left && !r)
		r = pthread_cond_timedwait(&p->back, &p->lock, &end);
	if (p->left) {
		p->left--;
		r = 0;
	}
	pthread_mutex_unlock(&p->lock);
	return r ? -1 : 0;
}

__attribute__((noinline)) void put_slot(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->left++;
	pthread_cond_signal(&p->back);
	pthread_mutex_unlock(&p->lock);
}

#define POOL_UNIT ((void *)&the_pool)
static inline void pool_open(int units)
{
	the_pool.left = units;
}
#define pool_take() (take_slot(&the_pool) ? NULL : POOL_UNIT)
#define pool_try() (try_slot(&the_pool) ? NULL : POOL_UNIT)
#define pool_timed(ms) (timed_slot(&the_pool, ms) ? NULL : POOL_UNIT)
#define pool_put(unit) ((void)(unit), put_slot(&the_pool))

#elif defined(POOL_SEM)
#include <semaphore.h>

static sem_t the_pool;

#define POOL_UNIT ((void *)&the_pool)
static inline void pool_open(int units)
{
	sem_init(&the_pool, 0, units);
}
#define pool_take() (sem_wait(&the_pool) ? NULL : POOL_UNIT)
#define pool_try() (sem_trywait(&the_pool) ? NULL : POOL_UNIT)
#define pool_timed(ms) \
	({ \
		struct timespec end_ = pool_deadline(ms); \
		sem_timedwait(&the_pool, &end_) ? NULL : POOL_UNIT; \
	})
#define pool_put(unit) ((void)(unit), sem_post(&the_pool))

#elif defined(POOL_APR)
#include <apr_general.h>
#include <apr_pools.h>
#include <apr_reslist.h>

static apr_reslist_t *the_pool;

static apr_status_t make(void **unit, void *params, apr_pool_t *memory)
{
	static int n;

	(void)params;
	(void)memory;
	*unit = (void *)(uintptr_t)(0x1000 + 16 * __atomic_fetch_add(&n, 1, __ATOMIC_RELAXED));
	return APR_SUCCESS;
}

static apr_status_t unmake(void *unit, void *params, apr_pool_t *memory)
{
	(void)unit;
	(void)params;
	(void)memory;
	return APR_SUCCESS;
}

static inline void pool_open(int units)
{
	apr_pool_t *memory;

	apr_initialize();
	apr_pool_create(&memory, NULL);
	if (apr_reslist_create(&the_pool, units, units, units, 0, make, unmake, NULL, memory))
		exit(1);
}

static inline void *pool_no_try(void)
{
	return NULL;
}
#define pool_take() \
	({ \
		void *unit_ = NULL; \
		apr_reslist_acquire(the_pool, &unit_) ? NULL : unit_; \
	})
#define pool_try() pool_no_try()
/* Its time limit is the list's, not the call's. */
#define pool_timed(ms) (apr_reslist_timeout_set(the_pool, (ms) * 1000), pool_take())
#define pool_put(unit) apr_reslist_release(the_pool, unit)

#elif defined(POOL_MONGOC)
#include <mongoc/mongoc.h>

static mongoc_client_pool_t *the_pool;

static inline void pool_open(int units)
{
	char text[80];
	mongoc_uri_t *uri;

	mongoc_init();
	snprintf(text, sizeof(text), "mongodb://127.0.0.1:1/?maxPoolSize=%d", units);
	uri = mongoc_uri_new(text);
	the_pool = mongoc_client_pool_new(uri);
	mongoc_uri_destroy(uri);
}
#define pool_take() mongoc_client_pool_pop(the_pool)
#define pool_try() mongoc_client_pool_try_pop(the_pool)
#define pool_timed(ms) ((void)(ms), NULL)
#define pool_put(unit) mongoc_client_pool_push(the_pool, unit)

#else
#error which pool?
#endif

#endif
