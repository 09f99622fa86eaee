// SPDX-License-Identifier: GPL-2.0
/*
 * The hard cases, each made exactly when told, beside threads that do nothing wrong (innocents.h). Orders come on standard input:
 *
 *   nest            two threads, two units: take, meet, take. They never end...
 *   rescue          ...unless the pool grows by two                                  "rescued"
 *   circle          two pools of one unit, two threads, in both orders
 *   way_out         the same, but one pool has a second unit, held by a thread that lives
 *   let_go          it gives it back                                                 "all ended"
 *   poll            like nest, by tries every 10 ms
 *   give_up         the first of them stops trying                                   "gave up"
 *   timed           like nest, with a time limit
 *   expire          it passes                                                        "expired"
 *   tries           like nest, but both only try, 100 times, and give up             "tried"
 *   conn            like nest, by handles
 *   hand            one thread takes, another gives back, by handle, 100 times; the first ends while the last unit is
 *                   still on its way                                                 "handed"
 *   post            the same by bare count, 100 times                                "posted"
 *   consumer        the thread that will give back what is...                        "ready"
 *   feed            ...taken by this one, 100 times                                  "fed"
 *   late            one takes and hands on in a loop, the other's first return takes its time   "late ended"
 *   before          a unit is taken by a thread that lives on                        "taken"
 *   after           it gives it back                                                 "all ended"
 *   many            one thread takes units of 17 pools, and another of the first
 *   leave           a thread ends while it holds a handle                            "left TID"
 *   own             a handle is taken, and given back by who took it                 "given back"
 *   keep            a thread holds a handle and does nothing.
 *   return          another thread gives that back                                   "returned"
 *   shared          a child and this process, a pool in memory that both map, elsewhere each: like nest
 *   items           a semaphore that counts items: one waits, twice, another posts   "eaten"
 *   confirm         a thread waits on a semaphore twice and posts it twice           "confirmed"
 *   signal          one that never waited on it posts it                             "signalled"
 *   tasks           two tasks of a GThreadPool of two, each waits for a task of that same pool
 *   quit
 *
 * Where threads never end the answer is "formed TID TID", given before they take their last step.
 */
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "innocents.h"
#include "permits.h"
#include "slots.h"
#include "stage.h"

static struct slots pool, other, many[17], *shared;
static pthread_barrier_t *both; /* in the memory shared with the child, behind the pool */
static sem_t go, back, items, confirmed;
static void *volatile conn;
static volatile int give_up;

/* --- the cases: each thread holds, all meet, and then it asks */

static void *nest(void *arg)
{
	slots_take(&pool);
	begun((intptr_t)arg);
	slots_take(&pool);
	slots_put(&pool);
	slots_put(&pool);
	return NULL;
}

static void *circle(void *arg)
{
	intptr_t i = (intptr_t)arg;

	slots_take(i ? &other : &pool);
	begun(i);
	slots_take(i ? &pool : &other);
	slots_put(i ? &pool : &other);
	slots_put(i ? &other : &pool);
	return NULL;
}

static void *poll(void *arg)
{
	intptr_t i = (intptr_t)arg;
	int got;

	slots_try(&pool);
	begun(i);
	while ((got = slots_try(&pool)) && (i || !give_up))
		usleep(10000);
	if (!got)
		slots_put(&pool);
	slots_put(&pool);
	return NULL;
}

static void *timed(void *arg)
{
	slots_take(&pool);
	begun((intptr_t)arg);
	if (!slots_timed(&pool))
		slots_put(&pool);
	slots_put(&pool);
	return NULL;
}

static void *try_in_vain(void *arg)
{
	slots_take(&pool);
	begun((intptr_t)arg);
	for (int i = 0; i < 100; i++)
		if (!slots_try(&pool))
			slots_put(&pool);
	pthread_barrier_wait(&met);
	slots_put(&pool);
	return NULL;
}

static void *connect_twice(void *arg)
{
	void *a = conn_get(&pool), *b;

	begun((intptr_t)arg);
	b = conn_get(&pool);
	conn_put(&pool, b);
	conn_put(&pool, a);
	return NULL;
}

static void *hold_conn(void *arg)
{
	conn = conn_get(&pool);
	begun((intptr_t)arg);
	return NULL;
}

static void *keep_conn(void *arg)
{
	hold_conn(arg);
	sem_wait(&go);
	return NULL;
}

static void *hand_conns(void *arg)
{
	begun((intptr_t)arg);
	for (int i = 0; i < 100; i++) {
		sem_wait(&back);
		conn = conn_get(&pool);
		sem_post(&go);
	}
	return NULL;
}

static void *return_conns(void *arg)
{
	begun((intptr_t)arg);
	for (int i = 0; i < 100; i++) {
		sem_post(&back);
		sem_wait(&go);
		if (i == 99)
			pthread_join(thread[0], NULL);
		conn_put(&pool, conn);
	}
	return NULL;
}

static void *hand(void *arg)
{
	return arg ? return_conns(arg) : hand_conns(arg);
}

static void *return_conn(void *arg)
{
	begun((intptr_t)arg);
	conn_put(&pool, conn);
	NOT_THE_LAST();
	return NULL;
}

static void *post_for_others(void *arg)
{
	begun((intptr_t)arg);
	for (int i = 0; i < 100; i++) {
		sem_wait(&go);
		slots_put(&other);
		sem_post(&back);
	}
	return NULL;
}

static void feed(void)
{
	for (int i = 0; i < 100; i++) {
		slots_take(&other);
		sem_post(&go);
		sem_wait(&back);
	}
}

#define LATE_PARCELS 3

/* The one unit is out while this asks for the next, in the same line. */
static void *send_parcels(void *arg)
{
	begun((intptr_t)arg);
	for (int i = 0; i < LATE_PARCELS; i++) {
		slots_take(&other);
		sem_post(&go);
	}
	return NULL;
}

/* Many looks of poolwatch for the first: as on a machine that has no time for this thread. */
static void *deliver_late(void *arg)
{
	begun((intptr_t)arg);
	for (int i = 0; i < LATE_PARCELS; i++) {
		sem_wait(&go);
		usleep(i ? 1000 : 500000);
		slots_put(&other);
	}
	return NULL;
}

static void *parcels(void *arg)
{
	return arg ? deliver_late(arg) : send_parcels(arg);
}

static void *take_all(void *arg)
{
	for (int i = 0; i < 17; i++)
		slots_take(&many[i]);
	begun((intptr_t)arg);
	slots_take(&many[0]);
	return NULL;
}

static void *eat(void *arg)
{
	begun((intptr_t)arg);
	for (int i = 0; i < 10; i++)
		sem_wait(&items);
	return NULL;
}

static void *confirm(void *arg)
{
	begun((intptr_t)arg);
	sem_wait(&confirmed);
	sem_wait(&confirmed);
	sem_post(&confirmed);
	sem_post(&confirmed);
	return NULL;
}

static void *post_confirmed(void *arg)
{
	begun((intptr_t)arg);
	for (int i = 0; i < 2; i++)
		sem_post(&confirmed);
	return NULL;
}

static void *nest_shared(void *arg)
{
	slots_take(shared);
	begun((intptr_t)arg);
	pthread_barrier_wait(both);
	slots_take(shared);
	return NULL;
}

/* --- tasks that wait for tasks */

static struct {
	GThreadPool *pool;
} tasks;

struct task {
	bool waits;
	int done;
};

static pthread_mutex_t task_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t task_done = PTHREAD_COND_INITIALIZER;

void run_task(gpointer data, gpointer user);
void await_task(int *done);

FUNCTION void await_task(int *done)
{
	pthread_mutex_lock(&task_lock);
	while (!*done)
		pthread_cond_wait(&task_done, &task_lock);
	pthread_mutex_unlock(&task_lock);
}

FUNCTION void run_task(gpointer data, gpointer user)
{
	struct task *t = data, *next;

	(void)user;
	if (t->waits) {
		next = calloc(1, sizeof(*next));
		begun(t->done);
		g_thread_pool_push(tasks.pool, next, NULL);
		await_task(&next->done);
		NOT_THE_LAST();
		return;
	}
	pthread_mutex_lock(&task_lock);
	t->done = 1;
	pthread_cond_broadcast(&task_done);
	pthread_mutex_unlock(&task_lock);
}

static void start_tasks(void)
{
	tasks.pool = g_thread_pool_new(run_task, &tasks, 2, FALSE, NULL);
	pthread_barrier_init(&met, NULL, 3);
	nthreads = 2;
	for (int i = 0; i < 2; i++) {
		struct task *t = calloc(1, sizeof(*t));

		*t = (struct task){.waits = true, .done = i};
		g_thread_pool_push(tasks.pool, t, NULL);
	}
	pthread_barrier_wait(&met);
}

/* The pool lies at one address here and at another in the child. */
static int share(void)
{
	int fd = memfd_create("slots", 0), pipes[2];
	pthread_barrierattr_t attr;
	pid_t child;
	char c;

	if (fd < 0 || ftruncate(fd, 4096) || pipe(pipes))
		return 1;
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	slots_init(shared, 2, 1);
	both = (pthread_barrier_t *)(shared + 1);
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(both, &attr, 2);
	child = fork();
	if (!child) {
		void *mine = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		munmap(shared, 4096);
		shared = mine;
		both = (pthread_barrier_t *)(shared + 1);
		if (read(pipes[0], &c, 1) == 1) {
			start(1, nest_shared);
			pause();
		}
		_exit(0);
	}
	printf("child %d\n", child);
	return dup2(pipes[1], 100) < 0;
}

static int obey(const char *order)
{
	if (!strcmp(order, "nest")) {
		start(2, nest);
		formed();
	} else if (!strcmp(order, "rescue")) {
		slots_resize(&pool, pool.capacity + 2);
		ended("rescued");
	} else if (!strcmp(order, "give_up")) {
		give_up = 1;
		ended("gave up");
	} else if (!strcmp(order, "circle")) {
		slots_init(&pool, 1, 0);
		start(2, circle);
		formed();
	} else if (!strcmp(order, "way_out")) {
		slots_init(&pool, 1, 0);
		slots_resize(&other, 2);
		slots_take(&other);
		start(2, circle);
		formed();
	} else if (!strcmp(order, "let_go")) {
		slots_put(&other);
		ended("all ended");
	} else if (!strcmp(order, "poll")) {
		give_up = 0;
		start(2, poll);
		formed();
	} else if (!strcmp(order, "timed")) {
		start(2, timed);
		formed();
	} else if (!strcmp(order, "expire")) {
		slots_expire(&pool);
		ended("expired");
	} else if (!strcmp(order, "tries")) {
		start(2, try_in_vain);
		pthread_barrier_wait(&met);
		ended("tried");
	} else if (!strcmp(order, "hand")) {
		start(2, hand);
		pthread_join(thread[1], NULL);
		printf("handed\n");
	} else if (!strcmp(order, "conn")) {
		start(2, connect_twice);
		formed();
	} else if (!strcmp(order, "leave")) {
		start(1, hold_conn);
		printf("left %d\n", tid[0]);
		pthread_join(thread[0], NULL);
	} else if (!strcmp(order, "own")) {
		conn_put(&pool, conn_get(&pool));
		printf("given back\n");
	} else if (!strcmp(order, "keep")) {
		start(1, keep_conn);
		formed();
	} else if (!strcmp(order, "return")) {
		pthread_t t;

		pthread_barrier_init(&met, NULL, 2);
		pthread_create(&t, NULL, return_conn, (void *)1);
		pthread_barrier_wait(&met);
		pthread_join(t, NULL);
		printf("returned\n");
	} else if (!strcmp(order, "post")) {
		slots_init(&other, 2, 0);
		start(1, post_for_others);
		feed();
		ended("posted");
	} else if (!strcmp(order, "consumer")) {
		slots_init(&other, 2, 0);
		start(1, post_for_others);
		printf("ready\n");
	} else if (!strcmp(order, "feed")) {
		feed();
		ended("fed");
	} else if (!strcmp(order, "late")) {
		slots_init(&other, 1, 0);
		start(2, parcels);
		ended("late ended");
	} else if (!strcmp(order, "before")) {
		slots_resize(&pool, 3);
		slots_take(&pool);
		printf("taken\n");
	} else if (!strcmp(order, "after")) {
		slots_put(&pool);
		ended("all ended");
	} else if (!strcmp(order, "many")) {
		for (int i = 0; i < 17; i++)
			slots_init(&many[i], 1, 0);
		start(1, take_all);
		formed();
	} else if (!strcmp(order, "items")) {
		start(1, eat);
		for (int i = 0; i < 10; i++)
			sem_post(&items);
		ended("eaten");
	} else if (!strcmp(order, "confirm")) {
		start(1, confirm);
		ended("confirmed");
	} else if (!strcmp(order, "signal")) {
		start(1, post_confirmed);
		ended("signalled");
	} else if (!strcmp(order, "shared")) {
		start(1, nest_shared);
		if (write(100, "", 1) == 1)
			formed();
	} else if (!strcmp(order, "tasks")) {
		start_tasks();
		formed();
	} else {
		return permits__obey(order);
	}
	return 0;
}

/* usage: cases [INNOCENTS [shared]] */
int main(int argc, char **argv)
{
	int innocents = argc > 1 ? atoi(argv[1]) : 0;
	char order[80];

	setvbuf(stdout, NULL, _IOLBF, 0);
	slots_init(&pool, 2, 0);
	slots_init(&other, 1, 0);
	sem_init(&go, 0, 0);
	sem_init(&back, 0, 0);
	sem_init(&items, 0, 3);
	sem_init(&confirmed, 0, 3);
	if (argc > 2 && share())
		return 1;
	start_innocents(innocents);
	printf("ready\n");
	while (fgets(order, sizeof(order), stdin)) {
		order[strcspn(order, "\n")] = 0;
		if (obey(order))
			return strcmp(order, "quit");
	}
	return 0;
}
