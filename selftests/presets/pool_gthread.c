// SPDX-License-Identifier: GPL-2.0
/*
 * The article's second program in C: tasks of a GThreadPool that give it tasks and wait for them. As article.h, a line on the
 * standard input says what to do:
 *
 *   setup	make the pool, of UNITS workers
 *   alone	one task gives the pool another and waits for it
 *   nest	as many tasks as there are workers meet, and then do that. Never ends
 *   flat	the corrected program: these tasks give the pool others, and who gave it the first waits for all
 *   shrink	tasks that give the pool others, and leave it only one worker: the others go away without asking it for a task
 *   many	one task gives the pool several others: each has a thread started, for which giving it may wait
 *
 * With an argument, GLib may not set how threads are scheduled: then it starts each by a thread of its own, as later versions always
 * do, and g_thread_pool_push waits for that.
 */
#include <errno.h>
#include <glib.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define UNITS 4

/* What a task is to do, and its end. */
struct job {
	void (*run)(struct job *job);
	gboolean done;
};

static GThreadPool *pool;
static GMutex lock;
static GCond ended;
static int left; /* jobs of "flat" and "shrink" that have not ended */
static pthread_barrier_t met;

static void finish(struct job *job)
{
	g_mutex_lock(&lock);
	job->done = TRUE;
	left--;
	g_cond_broadcast(&ended);
	g_mutex_unlock(&lock);
}

static void work(gpointer data, gpointer unused)
{
	struct job *job = data;

	job->run(job);
	finish(job);
}

static void child(struct job *job)
{
	(void)job;
}

/* The lock is held since before the job was given: it cannot end before this waits. */
__attribute__((noinline)) static void wait_for(struct job *job)
{
	while (!job->done)
		g_cond_wait(&ended, &lock);
	g_mutex_unlock(&lock);
}

static void wait_for_all(void)
{
	g_mutex_lock(&lock);
	while (left > 0)
		g_cond_wait(&ended, &lock);
	g_mutex_unlock(&lock);
}

static void give(struct job *job)
{
	g_mutex_lock(&lock);
	left++;
	g_mutex_unlock(&lock);
	if (!g_thread_pool_push(pool, job, NULL))
		exit(2);
}

__attribute__((noinline)) static void ask_child(struct job *job)
{
	struct job other = { .run = child };

	g_mutex_lock(&lock);
	left++;
	if (!g_thread_pool_push(pool, &other, NULL))
		exit(2);
	wait_for(&other);
	(void)job;
}

static void meet_and_ask(struct job *job)
{
	pthread_barrier_wait(&met);
	ask_child(job);
}

/* Waiting for something else is no waiting for the pool. */
static void hand_on(struct job *job)
{
	static GMutex other_lock;
	static GCond never;

	g_mutex_lock(&other_lock);
	g_cond_wait_until(&never, &other_lock, g_get_monotonic_time() + 1000);
	g_mutex_unlock(&other_lock);
	give(job + UNITS);
}

/* Its worker is one too many when it comes back, and leaves the pool to wait for another one. */
static void shrink(struct job *job)
{
	give(job + UNITS);
	pthread_barrier_wait(&met);
	g_thread_pool_set_max_threads(pool, 1, NULL);
}

static void give_many(struct job *job)
{
	for (int i = 0; i < UNITS - 1; i++)
		give(job + UNITS + i);
}

static void many(void (*run)(struct job *job), int n)
{
	struct job jobs[2 * UNITS] = { 0 };

	for (int i = 0; i < UNITS; i++) {
		jobs[i].run = run;
		jobs[UNITS + i].run = child;
	}
	for (int i = 0; i < n; i++)
		give(&jobs[i]);
	wait_for_all();
}

static void forbid_scheduling(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_setattr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(*code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		exit(2);
}

int main(int argc, char **argv)
{
	char line[64];

	if (argc > 1)
		forbid_scheduling();
	pthread_barrier_init(&met, NULL, UNITS);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "setup\n")) {
			pool = g_thread_pool_new(work, NULL, UNITS, FALSE, NULL);
		} else if (!strcmp(line, "alone\n")) {
			many(ask_child, 1);
		} else if (!strcmp(line, "nest\n")) {
			many(meet_and_ask, UNITS);
		} else if (!strcmp(line, "flat\n")) {
			many(hand_on, UNITS);
		} else if (!strcmp(line, "shrink\n")) {
			many(shrink, UNITS);
			g_thread_pool_set_max_threads(pool, UNITS, NULL);
		} else if (!strcmp(line, "many\n")) {
			many(give_many, 1);
		} else {
			return 2;
		}
		puts("done");
		fflush(stdout);
	}
	return 0;
}
