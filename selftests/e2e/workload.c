// SPDX-License-Identifier: GPL-2.0
/*
 * A program that does what it is told, so that a test knows exactly who holds what and who asks, and when. It has a pool (see
 * pool.h) and threads that wait for orders. Orders come on standard input, a line each; "W" is the number of a thread, from 1.
 *
 *   start N        N more threads                                     started TID...
 *   W take         take a unit; blocks while there is none            W done UNITS (those it holds then), W failed UNITS
 *   W ask          the same, and say so first, with CLOCK_MONOTONIC   W asks NS, then W done UNITS
 *   W try          take one if there is one                           W done UNITS, W failed UNITS
 *   W timed MS     take one within that time                          W done UNITS, W failed UNITS
 *   W put          give back what it took last                        W done UNITS
 *   W put V        give back what thread V took last                  W done UNITS (of W)
 *   W plain N      N times take and put                               W done UNITS
 *   W both N       N times take, take, put, put                       W done UNITS
 *   W jump         take, but "signal W" leaves it by siglongjmp       W done UNITS, W jumped UNITS
 *   W name TEXT    call itself that; \n, \e and \\ are understood     W done UNITS
 *   W exit         end                                                W ended
 *   signal W       SIGUSR1 to thread W                                signalled
 *   cancel W       pthread_cancel, and join                           cancelled W
 *   sites          lines of the calls of a first and a next request   sites FIRST NEXT
 *   fork           the child takes the orders, until it ends          forked PID, child ended
 *   exec           become the same program anew                       ready
 *   quit
 *
 * usage: workload UNITS, which says "ready" when the pool is there
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "pool.h"

#define MAX_WORKERS 64
#define MAX_UNITS 64

struct worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t come;
	char order[80]; /* "": none */
	int nunits;
	void *units[MAX_UNITS]; /* those it took last are last */
	sigjmp_buf out;
	pid_t tid;
};

static struct worker workers[MAX_WORKERS + 1];
static int nworkers;
static __thread struct worker *me;
static pthread_barrier_t begun;

static void say(const char *format, ...)
{
	char line[2000];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	line[n++] = '\n';
	/* One write, so that the answers of threads do not mix. */
	if (write(STDOUT_FILENO, line, n) != n)
		_exit(1);
}

/* The two places that a finding names: where a thread gets its first unit, and where it asks for another. */
static int first_line, next_line;

__attribute__((noinline)) static void *first_request(void)
{
	first_line = __LINE__ + 1;
	void *unit = pool_take();
	__asm__ volatile("" ::: "memory"); /* no tail call: it would not be here that the call returns to */
	return unit;
}

__attribute__((noinline)) static void *next_request(void)
{
	next_line = __LINE__ + 1;
	void *unit = pool_take();
	__asm__ volatile("" ::: "memory");
	return unit;
}

static void answer(struct worker *w, void *unit)
{
	if (unit)
		w->units[w->nunits++] = unit;
	say("%d %s %d", (int)(w - workers), unit ? "done" : "failed", w->nunits);
}

static void take(struct worker *w)
{
	answer(w, w->nunits ? next_request() : first_request());
}

static void jump(struct worker *w)
{
	if (sigsetjmp(w->out, 1))
		say("%d jumped %d", (int)(w - workers), w->nunits);
	else
		take(w);
}

static void on_signal(int sig)
{
	(void)sig;
	siglongjmp(me->out, 1);
}

static void put_of(struct worker *w, int whose)
{
	struct worker *v = whose ? &workers[whose] : w;
	void *unit = v->units[--v->nunits];

	pool_put(unit);
	say("%d done %d", (int)(w - workers), w->nunits);
}

static void plain(struct worker *w, long n, int nested)
{
	for (long i = 0; i < n; i++) {
		void *unit = first_request(), *next = nested ? next_request() : NULL;

		if (next)
			pool_put(next);
		pool_put(unit);
	}
	say("%d done %d", (int)(w - workers), w->nunits);
}

static void name_self(struct worker *w, const char *text)
{
	char name[16] = "";
	int n = 0;

	for (; *text && n < 15; text++) {
		char c = *text;

		if (c == '\\' && text[1]) {
			c = *++text;
			c = c == 'n' ? '\n' : c == 'e' ? '\033' : c;
		}
		name[n++] = c;
	}
	prctl(PR_SET_NAME, name);
	say("%d done %d", (int)(w - workers), w->nunits);
}

static void obey(struct worker *w, const char *order)
{
	struct timespec now;
	long n = 0;

	if (!strcmp(order, "take")) {
		take(w);
	} else if (!strcmp(order, "ask")) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		say("%d asks %lld", (int)(w - workers), now.tv_sec * 1000000000ll + now.tv_nsec);
		take(w);
	} else if (!strcmp(order, "try")) {
		answer(w, pool_try());
	} else if (sscanf(order, "timed %ld", &n) == 1) {
		answer(w, pool_timed(n));
	} else if (sscanf(order, "put %ld", &n) == 1 || !strcmp(order, "put")) {
		put_of(w, n);
	} else if (sscanf(order, "plain %ld", &n) == 1) {
		plain(w, n, 0);
	} else if (sscanf(order, "both %ld", &n) == 1) {
		plain(w, n, 1);
	} else if (!strcmp(order, "jump")) {
		jump(w);
	} else if (!strncmp(order, "name ", 5)) {
		name_self(w, order + 5);
	} else if (strcmp(order, "exit")) {
		say("%d what?", (int)(w - workers));
	}
}

static void *work(void *arg)
{
	struct worker *w = me = arg;
	char order[sizeof(w->order)] = "";

	w->tid = syscall(SYS_gettid);
	pthread_barrier_wait(&begun);
	while (strcmp(order, "exit")) {
		pthread_mutex_lock(&w->lock);
		while (!w->order[0])
			pthread_cond_wait(&w->come, &w->lock);
		strcpy(order, w->order);
		w->order[0] = 0;
		pthread_mutex_unlock(&w->lock);
		obey(w, order);
	}
	return NULL;
}

static void start(int n)
{
	char tids[MAX_WORKERS * 12] = "";

	pthread_barrier_init(&begun, NULL, n + 1);
	for (int i = 0; i < n && nworkers < MAX_WORKERS; i++) {
		struct worker *w = &workers[++nworkers];

		*w = (struct worker){ .lock = PTHREAD_MUTEX_INITIALIZER, .come = PTHREAD_COND_INITIALIZER };
		pthread_create(&w->thread, NULL, work, w);
	}
	pthread_barrier_wait(&begun);
	for (int i = nworkers - n + 1; i <= nworkers; i++)
		sprintf(tids + strlen(tids), " %d", workers[i].tid);
	say("started%s", tids);
}

static void tell(struct worker *w, const char *order)
{
	pthread_mutex_lock(&w->lock);
	strncpy(w->order, order, sizeof(w->order) - 1);
	pthread_cond_signal(&w->come);
	pthread_mutex_unlock(&w->lock);
	if (!strcmp(order, "exit")) {
		pthread_join(w->thread, NULL);
		say("%d ended", (int)(w - workers));
	}
}

static void fork_and_wait(void)
{
	pid_t pid = fork();

	if (pid) {
		waitpid(pid, NULL, 0);
		say("child ended");
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	nworkers = 0;
	say("forked %d", getpid());
}

/* Standard input is read byte by byte: a child, or the program after exec, goes on with the next line. */
static int read_line(char *line, size_t size)
{
	size_t n = 0;

	while (read(STDIN_FILENO, &line[n], 1) == 1) {
		if (line[n] == '\n') {
			line[n] = 0;
			return 1;
		}
		if (n + 1 < size)
			n++;
	}
	return 0;
}

int main(int argc, char **argv)
{
	char line[80];
	int n = 0, at = 0;

	signal(SIGUSR1, on_signal);
	pool_open(argc > 1 ? atoi(argv[1]) : 4);
	say("ready");
	while (read_line(line, sizeof(line))) {
		if (sscanf(line, "%d %n", &n, &at) == 1 && n > 0 && n <= nworkers) {
			tell(&workers[n], line + at);
		} else if (sscanf(line, "start %d", &n) == 1 && n > 0 && n + nworkers <= MAX_WORKERS) {
			start(n);
		} else if (sscanf(line, "signal %d", &n) == 1 && n > 0 && n <= nworkers) {
			pthread_kill(workers[n].thread, SIGUSR1);
			say("signalled");
		} else if (sscanf(line, "cancel %d", &n) == 1 && n > 0 && n <= nworkers) {
			pthread_cancel(workers[n].thread);
			pthread_join(workers[n].thread, NULL);
			say("cancelled %d", n);
		} else if (!strcmp(line, "sites")) {
			say("sites %d %d", first_line, next_line);
		} else if (!strcmp(line, "fork")) {
			fork_and_wait();
		} else if (!strcmp(line, "exec")) {
			execv("/proc/self/exe", argv);
		} else if (!strcmp(line, "quit")) {
			return 0;
		} else {
			say("what?");
		}
	}
	return 0;
}
