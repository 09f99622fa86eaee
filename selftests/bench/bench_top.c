// SPDX-License-Identifier: GPL-2.0
/*
 * What top itself uses: CPU time of a look (copy, judge, rows, drawing on a 200x50 pseudo-terminal) with counters that
 * change all the time, as a share of a core at one look a second. The copy is of memory, as in direct mode.
 */
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fake_source.h"
#include "top.h"

#define LOOKS 200
#define INTERVAL_NS 20000000ull

static uint32_t pools, threads;
static struct ledger records;

/* Half of the threads hold a unit, every tenth waits for one of another pool. */
static void fill(struct ledger *l)
{
	l->time = 1000 * FAKE_SECOND;
	fake_def(l, 0, "db");
	for (uint32_t i = 0; i < 10; i++)
		fake_proc(l, i, 4200000 + i, "api");
	for (uint32_t i = 0; i < pools; i++)
		fake_pool(l, i, 4200000 + i % 10, 0, 0x1000 + i, 10, 5);
	for (uint32_t i = 0; i < threads; i++) {
		struct poolwatch_thread *t = fake_thread(l, i, 4200000 + i % 10, 4200100 + i, "worker");

		if (i % 2)
			fake_hold(l, t, i % pools, 1, FAKE_SECOND, 0x400100);
		if (i % 10 == 0)
			fake_request(l, t, (i + 1) % pools, 1000000, 0x400200);
	}
}

static int make(struct ledger *l, unsigned int look)
{
	for (int table = 0; table < POOLWATCH_TABLES; table++) {
		const void *const from[] = { records.defs,    records.procs, records.pools,
					     records.threads, records.edges, records.counters };
		const size_t n[] = { records.ndefs,    records.nprocs, records.npools,
				     records.nthreads, records.nedges, records.ncounters };
		void *to = n[table] ? ledger__room(l, table, n[table]) : NULL;

		if (!to)
			continue;
		memcpy(to, from[table], n[table] * ledger__record_size(table));
		ledger__added(l, table, n[table]);
	}
	for (size_t i = 0; i < l->npools; i++) {
		l->pools[i].grants = look * (100 + i) * (1 + look % 3);
		l->pools[i].in_use = (look + i) % 11;
		l->pools[i].hold[15 + (look + i) % 5] = look;
	}
	return 0;
}

/* The child: looks until it has done LOOKS of them. */
static int make_and_count(struct ledger *l, unsigned int look)
{
	if (look == LOOKS)
		kill(getpid(), SIGTERM);
	return make(l, look);
}

static int run_top(void)
{
	struct fake_source source = fake_source(make_and_count);
	struct top_options o = { .interval_ns = INTERVAL_NS };
	struct sessions sessions;
	struct top *t;
	int err;

	setenv("TERM", "xterm-256color", 1);
	err = sessions__of(&sessions, &source.source);
	if (!err)
		err = top__new(&o, &sessions, &t);
	if (!err) {
		err = top__screen(t);
		top__free(t);
	}
	return err != 0;
}

static void bench(uint32_t npools, uint32_t nthreads)
{
	struct winsize size = { .ws_row = 50, .ws_col = 200 };
	unsigned long long bytes = 0;
	struct rusage usage;
	char buf[65536];
	double ms;
	int master, status;
	pid_t child;
	ssize_t n;

	pools = npools;
	threads = nthreads;
	ledger__clear(&records);
	fill(&records);
	child = forkpty(&master, NULL, NULL, &size);
	if (!child)
		_exit(run_top());
	while ((n = read(master, buf, sizeof(buf))) > 0)
		bytes += (unsigned long long)n;
	close(master);
	if (child < 0 || wait4(child, &status, 0, &usage) != child || status) {
		fprintf(stderr, "bench_top: top failed\n");
		exit(1);
	}
	ms = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
	     (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
	printf("%5u pools %6u threads: %6.2f ms a look, %5.2f%% of a core at 1 s; %6.1f KiB to the terminal a look, %ld MiB\n",
	       npools, nthreads, ms / LOOKS, ms / LOOKS / 10, (double)bytes / LOOKS / 1024, usage.ru_maxrss / 1024);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	bench(10, 50);
	bench(100, 500);
	bench(1000, 5000);
	ledger__clear(&records);
	return 0;
}
