// SPDX-License-Identifier: GPL-2.0
/* POSIX semaphores: unnamed, or with -DNAMED or -DSHARED named, or in memory shared between processes. */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <sys/mman.h>
#include "article.h"

static sem_t *sem;

static void article_setup(void)
{
#if defined(NAMED)
	char name[64];

	snprintf(name, sizeof(name), "/poolwatch-test-%d", getpid());
	sem = sem_open(name, O_CREAT | O_EXCL, 0600, UNITS);
	if (sem == SEM_FAILED)
		exit(2);
	sem_unlink(name);
#elif defined(SHARED)
	sem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sem == MAP_FAILED || sem_init(sem, 1, UNITS))
		exit(2);
#else
	static sem_t mine;

	sem = &mine;
	if (sem_init(sem, 0, UNITS))
		exit(2);
#endif
}

static void *article_take(void)
{
	while (sem_wait(sem))
		if (errno != EINTR)
			exit(2);
	return NULL;
}

static void article_put(void *unit)
{
	sem_post(sem);
}
