// SPDX-License-Identifier: GPL-2.0
/* System V semaphores. */
#include <errno.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include "article.h"

static int set;

static void remove_set(void)
{
	semctl(set, 0, IPC_RMID);
}

static void article_setup(void)
{
	union {
		int val;
		void *buf;
	} arg = { .val = UNITS };

	set = semget(IPC_PRIVATE, 1, 0600);
	if (set < 0 || semctl(set, 0, SETVAL, arg))
		exit(2);
	atexit(remove_set);
}

static void operate(short op)
{
	struct sembuf buf = { .sem_num = 0, .sem_op = op };

	while (semop(set, &buf, 1))
		if (errno != EINTR)
			exit(2);
}

static void *article_take(void)
{
	operate(-1);
	return NULL;
}

static void article_put(void *unit)
{
	operate(1);
}
