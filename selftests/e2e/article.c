// SPDX-License-Identifier: GPL-2.0
/*
 * The article's program: a pool of units, threads that take one and then, still holding it, ask for a second. What it does is
 * told on its standard input, a line at a time, so that a test knows exactly what happens and when:
 *
 *   nest N       N threads: take, meet the others, take again, put, put. With N >= units: they never end
 *   alone        one thread takes, takes again, puts, puts
 *   plain N      N threads take and put 1000 times each, never nesting
 *   try N        one thread tries N times to take from an empty pool, and gives up
 *   quit
 *
 * Each command is answered by a line "done", or for one that will not end "started" once every thread holds its unit.
 * usage: article UNITS
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static sem_t slots;
static int units;
static pthread_barrier_t met;

/* The pool's two functions, as an author would write them. Not inlined, so that they have an address. */
__attribute__((noinline)) int take_slot(sem_t *pool)
{
	while (sem_wait(pool))
		if (errno != EINTR)
			return -1;
	return 0;
}

__attribute__((noinline)) int try_slot(sem_t *pool)
{
	return sem_trywait(pool);
}

__attribute__((noinline)) void put_slot(sem_t *pool)
{
	sem_post(pool);
}

__attribute__((noinline)) static void save_audit(void)
{
	take_slot(&slots);
	put_slot(&slots);
}

__attribute__((noinline)) static void handle_request(int meet)
{
	take_slot(&slots);
	if (meet)
		pthread_barrier_wait(&met);
	save_audit();
	put_slot(&slots);
}

static void *nester(void *arg)
{
	handle_request(arg != NULL);
	return NULL;
}

static void *plain(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++) {
		take_slot(&slots);
		put_slot(&slots);
	}
	return NULL;
}

static void threads(int n, void *(*fn)(void *), void *arg, int join)
{
	pthread_t t[256];

	for (int i = 0; i < n; i++)
		pthread_create(&t[i], NULL, fn, arg);
	for (int i = 0; join && i < n; i++)
		pthread_join(t[i], NULL);
}

int main(int argc, char **argv)
{
	char line[80];
	int n = 0;

	units = argc > 1 ? atoi(argv[1]) : 4;
	sem_init(&slots, 0, units);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "nest %d", &n) == 1 && n > 0 && n <= 256) {
			int left;

			pthread_barrier_init(&met, NULL, (n < units ? n : units) + 1);
			threads(n, nester, &met, 0);
			pthread_barrier_wait(&met);
			if (n < units) {
				/* Enough for all: it is over when all units are back. */
				do
					sem_getvalue(&slots, &left);
				while (left != units);
				puts("done");
			} else {
				puts("started");
			}
		} else if (!strncmp(line, "alone", 5)) {
			threads(1, nester, NULL, 1);
			puts("done");
		} else if (sscanf(line, "plain %d", &n) == 1 && n > 0 && n <= 256) {
			threads(n, plain, NULL, 1);
			puts("done");
		} else if (sscanf(line, "try %d", &n) == 1) {
			for (int i = 0; i < units; i++)
				take_slot(&slots);
			for (int i = 0; i < n; i++)
				try_slot(&slots);
			for (int i = 0; i < units; i++)
				put_slot(&slots);
			puts("done");
		} else if (!strncmp(line, "quit", 4)) {
			return 0;
		}
	}
	return 0;
}
