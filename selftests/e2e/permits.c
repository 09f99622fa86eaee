// SPDX-License-Identifier: GPL-2.0
/* See permits.h. */
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "permits.h"
#include "slots.h"
#include "stage.h"

struct permits {
	sem_t free;
	int capacity;
};

int permit_take(struct permits *p);
void permit_put(struct permits *p);

FUNCTION int permit_take(struct permits *p)
{
	int r = sem_wait(&p->free);

	NOT_THE_LAST();
	return r;
}

FUNCTION void permit_put(struct permits *p)
{
	sem_post(&p->free);
	NOT_THE_LAST();
}

static struct permits permits;
static pthread_barrier_t landed, second;
static sigjmp_buf out;

static void permits_init(int n)
{
	permits.capacity = n;
	sem_init(&permits.free, 0, n);
}

static void *take_two(void *arg)
{
	permit_take(&permits);
	begun((intptr_t)arg);
	permit_take(&permits);
	permit_put(&permits);
	permit_put(&permits);
	return NULL;
}

/* Deep enough that whoever sleeps after the jump does so over what this leaves on the stack, without touching all of it. */
FUNCTION static int ask_from_below(int depth)
{
	volatile char room[200];
	int r;

	room[0] = depth;
	r = depth ? ask_from_below(depth - 1) : permit_take(&permits);
	NOT_THE_LAST();
	return r + room[0] - depth;
}

FUNCTION static void rest(int depth)
{
	volatile char room[3000];

	room[0] = depth;
	pthread_barrier_wait(&landed);
	NOT_THE_LAST();
	room[1] = room[0];
}

static void *jumper(void *arg)
{
	intptr_t i = (intptr_t)arg;

	permit_take(&permits);
	begun(i);
	if (i) {
		pthread_barrier_wait(&second);
		ask_from_below(3);
		permit_put(&permits);
	} else if (!sigsetjmp(out, 1)) {
		ask_from_below(3);
	} else {
		rest(1);
	}
	permit_put(&permits);
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
	siglongjmp(out, 1);
}

int permits__obey(const char *order)
{
	if (!strcmp(order, "asleep")) {
		permits_init(2);
		start(2, take_two);
		until_asleep(0, &permits.free, sizeof(permits.free));
		until_asleep(1, &permits.free, sizeof(permits.free));
		formed();
	} else if (!strcmp(order, "grant")) {
		sem_post(&permits.free);
		sem_post(&permits.free);
		ended("all ended");
	} else if (!strcmp(order, "jump")) {
		permits_init(2);
		pthread_barrier_init(&landed, NULL, 2);
		pthread_barrier_init(&second, NULL, 2);
		signal(SIGUSR1, on_signal);
		start(2, jumper);
		until_asleep(0, &permits.free, sizeof(permits.free));
		pthread_kill(thread[0], SIGUSR1);
		until_asleep(0, &landed, sizeof(landed));
		formed();
		pthread_barrier_wait(&second);
	} else if (!strcmp(order, "land")) {
		pthread_barrier_wait(&landed);
		ended("all ended");
	} else {
		return -1;
	}
	return 0;
}
