/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Programs that a careless probe breaks. Each says "ready" once its threads are at work, works until its standard input
 * ends, and then says what came out of it: the same words however long it ran, unless something was lost on the way.
 */
#ifndef SAFETY_H
#define SAFETY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SAFETY_THREADS 3

extern int safety_stop; /* written once, read by the threads (atomically) */

static inline int safety__stopping(void)
{
	return __atomic_load_n(&safety_stop, __ATOMIC_ACQUIRE);
}

/* Run @worker in SAFETY_THREADS threads, each with its number, until standard input ends. */
static inline void safety__run(void *(*worker)(void *))
{
	pthread_t threads[SAFETY_THREADS];
	char c;

	for (long i = 0; i < SAFETY_THREADS; i++)
		if (pthread_create(&threads[i], NULL, worker, (void *)i))
			abort();
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		abort();
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	__atomic_store_n(&safety_stop, 1, __ATOMIC_RELEASE);
	for (long i = 0; i < SAFETY_THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* "NAME: all N of them" would depend on time; "NAME: as many as TWIN" does not. */
static inline void safety__expect(const char *what, unsigned long got, unsigned long want)
{
	if (got == want && got)
		printf("%s: every one\n", what);
	else
		printf("%s: %lu of %lu\n", what, got, want);
}

#ifdef __cplusplus
}
#endif
#endif
