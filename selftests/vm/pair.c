// SPDX-License-Identifier: GPL-2.0
/*
 * A pool of two units, and two threads that, told so by a line on standard input, each take one and then ask for another: the
 * smallest deadlock. Says "ready", then "stuck" when both hold theirs and are about to ask again. Ends with its input.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

static sem_t units;
static pthread_barrier_t both;

__attribute__((noinline)) int take(sem_t *pool)
{
	return sem_wait(pool);
}

__attribute__((noinline)) int give(sem_t *pool)
{
	return sem_post(pool);
}

static void *work(void *unused)
{
	take(&units);
	if (pthread_barrier_wait(&both) == PTHREAD_BARRIER_SERIAL_THREAD)
		puts("stuck");
	take(&units);
	give(&units);
	give(&units);
	return unused;
}

int main(void)
{
	pthread_t thread;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sem_init(&units, 0, 2);
	pthread_barrier_init(&both, NULL, 2);
	puts("ready");
	if (getchar() == EOF)
		return 1;
	for (int i = 0; i < 2; i++)
		pthread_create(&thread, NULL, work, NULL);
	while (getchar() != EOF)
		;
	return 0;
}
