// SPDX-License-Identifier: GPL-2.0
/* See stage.h. */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "stage.h"

pthread_barrier_t met;
pthread_t thread[STAGE_MAX];
pid_t tid[STAGE_MAX];
int nthreads;

void begun(int i)
{
	tid[i] = syscall(SYS_gettid);
	pthread_barrier_wait(&met);
}

void start(int n, void *(*run)(void *))
{
	pthread_barrier_init(&met, NULL, n + 1);
	nthreads = n;
	for (intptr_t i = 0; i < n; i++)
		pthread_create(&thread[i], NULL, run, (void *)i);
	pthread_barrier_wait(&met);
}

void formed(void)
{
	printf("formed");
	for (int i = 0; i < nthreads; i++)
		printf(" %d", tid[i]);
	printf("\n");
}

void ended(const char *answer)
{
	for (int i = 0; i < nthreads; i++)
		pthread_join(thread[i], NULL);
	printf("%s\n", answer);
}

/* Running threads have no system call there. */
static bool sleeps_in(int i, uintptr_t at, size_t size)
{
	unsigned long call, arg = 0;
	char path[64];
	int n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid[i]);
	f = fopen(path, "r");
	if (!f)
		return false;
	n = fscanf(f, "%lu %lx", &call, &arg);
	fclose(f);
	return n == 2 && call == SYS_futex && arg - at < size;
}

void until_asleep(int i, const void *at, size_t size)
{
	while (!sleeps_in(i, (uintptr_t)at, size))
		sched_yield();
}
