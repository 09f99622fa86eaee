// SPDX-License-Identifier: GPL-2.0
/*
 * System V semaphores: a set of two, the first of them the pool of article.h, the second with other units. "setup" sets both
 * values at once; further lines:
 *
 *   values	the same as setup, but value by value
 *   set	say the set's number
 *   use N	take that set, which another process made
 *   both	take a unit of each in one call, and give them back in one
 *   apart	take from the first, then from the second: two pools, so nothing nests
 *   keep	take a unit and never give it back
 *   undo	take a unit that the kernel gives back when the process ends
 */
#include <errno.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#define ARTICLE_MORE
#include "article.h"

#define OTHER_UNITS 7

union argument {
	int val;
	unsigned short *array;
};

static int set = -1;

static void remove_set(void)
{
	semctl(set, 0, IPC_RMID);
}

static void article_setup(void)
{
	unsigned short values[] = { UNITS, OTHER_UNITS };
	union argument arg = { .array = values };

	set = semget(IPC_PRIVATE, 2, 0600);
	if (set < 0 || semctl(set, 0, SETALL, arg))
		exit(2);
	atexit(remove_set);
}

static void setup_values(void)
{
	union argument arg = { .val = UNITS };

	set = semget(IPC_PRIVATE, 2, 0600);
	if (set < 0 || semctl(set, 0, SETVAL, arg))
		exit(2);
	arg.val = OTHER_UNITS;
	if (semctl(set, 1, SETVAL, arg))
		exit(2);
	atexit(remove_set);
}

static void operate(struct sembuf *ops, size_t n)
{
	while (semop(set, ops, n))
		if (errno != EINTR)
			exit(2);
}

static void operate_one(unsigned short num, short op, short flags)
{
	struct sembuf buf = { .sem_num = num, .sem_op = op, .sem_flg = flags };

	operate(&buf, 1);
}

static void *article_take(void)
{
	operate_one(0, -1, 0);
	return NULL;
}

static void article_put(void *unit)
{
	operate_one(0, 1, 0);
	(void)unit;
}

static void both(void)
{
	struct sembuf take[] = { { .sem_num = 0, .sem_op = -1 }, { .sem_num = 1, .sem_op = -2 } };
	struct sembuf give[] = { { .sem_num = 0, .sem_op = 1 }, { .sem_num = 1, .sem_op = 2 } };

	operate(take, 2);
	operate(give, 2);
}

static void apart(void)
{
	operate_one(0, -1, 0);
	operate_one(1, -1, 0);
	operate_one(1, 1, 0);
	operate_one(0, 1, 0);
}

static int article_more(const char *line)
{
	if (!strncmp(line, "use ", 4)) {
		set = atoi(line + 4);
	} else if (!strcmp(line, "values\n")) {
		setup_values();
	} else if (!strcmp(line, "set\n")) {
		printf("%d\n", set);
	} else if (!strcmp(line, "both\n")) {
		both();
	} else if (!strcmp(line, "apart\n")) {
		apart();
	} else if (!strcmp(line, "keep\n")) {
		operate_one(0, -1, 0);
	} else if (!strcmp(line, "undo\n")) {
		operate_one(0, -1, SEM_UNDO);
	} else {
		return 0;
	}
	return 1;
}
