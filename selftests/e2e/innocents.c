// SPDX-License-Identifier: GPL-2.0
/* See innocents.h. */
#include <semaphore.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>
#include "innocents.h"
#include "slots.h"

static struct slots calm;

static void *passer_by(void *arg)
{
	slots_take(&calm);
	slots_put(&calm);
	return arg;
}

static void *innocent(void *arg)
{
	intptr_t i = (intptr_t)arg;
	pthread_t child;

	for (unsigned int n = 0;; n++) {
		if (n % 4 && !slots_try(&calm)) {
			usleep(500);
			slots_put(&calm);
		}
		slots_take(&calm);
		usleep(200 * (i + 1));
		slots_put(&calm);
		if (n % 16 == 5 && !pthread_create(&child, NULL, passer_by, NULL))
			pthread_join(child, NULL);
		usleep(1000);
	}
	return NULL;
}

/*
 * One takes a permit for each piece of work and hands it on, the other returns the permit when it is done: no pool of
 * threads.
 */
static sem_t permits, work, good;

static void *hand_out(void *arg)
{
	for (;;) {
		sem_wait(&permits);
		sem_post(&work);
	}
	return arg;
}

static void *work_off(void *arg)
{
	for (;;) {
		sem_wait(&work);
		usleep(1000);
		sem_post(&permits);
	}
	return arg;
}

/* The same with the one unit of a pool: one takes, the other gives back. */
static struct slots parcels;
static sem_t sent;

static void *send(void *arg)
{
	for (;;) {
		slots_take(&parcels);
		sem_post(&sent);
	}
	return arg;
}

static void *deliver(void *arg)
{
	for (;;) {
		sem_wait(&sent);
		usleep(1000);
		slots_put(&parcels);
	}
	return arg;
}

/* Semaphores as they should be used, with time limits that pass. */
static void *patient(void *arg)
{
	for (;;) {
		struct timespec end;

		clock_gettime(CLOCK_REALTIME, &end);
		end.tv_nsec += 2000000;
		if (end.tv_nsec >= 1000000000) {
			end.tv_sec++;
			end.tv_nsec -= 1000000000;
		}
		if (!sem_timedwait(&good, &end)) {
			usleep(1500);
			sem_post(&good);
		}
	}
	return arg;
}

void start_innocents(int n)
{
	static void *(*const others[])(void *) = {hand_out, work_off, work_off, patient, patient, patient, patient,
						 send,	   deliver,  deliver};
	pthread_t t;

	slots_init(&calm, 3, 0);
	slots_init(&parcels, 1, 0);
	sem_init(&sent, 0, 0);
	sem_init(&permits, 0, 4);
	sem_init(&work, 0, 0);
	sem_init(&good, 0, 2);
	for (intptr_t i = 0; i < n; i++)
		pthread_create(&t, NULL, innocent, (void *)i);
	for (size_t i = 0; n && i < sizeof(others) / sizeof(*others); i++)
		pthread_create(&t, NULL, others[i], NULL);
}
