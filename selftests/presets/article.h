/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The article's program over any library. A program defines the three functions below and includes this, which has main:
 * a line on its standard input says what to do, and "done" answers when that has ended.
 *
 *   setup	make the pool: first of all
 *   nest	as many threads as there are units: take, meet the others, take again, put, put. Never ends
 *   alone	one thread: take, take again, put, put
 *   flat	as many threads as there are units: take, meet the others, put; take, put
 *
 * With ARTICLE_MORE it has lines of its own, too, for which article_more returns 1.
 *
 * Between take and put a library is used as its authors say; all else (waiting, threads, barriers) is the same everywhere.
 */
#ifndef PRESETS_ARTICLE_H
#define PRESETS_ARTICLE_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNITS 4

static void article_setup(void);
static void *article_take(void);
static void article_put(void *unit);
#ifdef ARTICLE_MORE
static int article_more(const char *line);
#else
static inline int article_more(const char *line)
{
	return line == NULL;
}
#endif

static pthread_barrier_t article_met;

__attribute__((noinline)) static void article_second(void)
{
	void *unit = article_take();

	article_put(unit);
}

__attribute__((noinline)) static void article_first(int meet)
{
	void *unit = article_take();

	if (meet)
		pthread_barrier_wait(&article_met);
	article_second();
	article_put(unit);
}

static void *article_nest(void *arg)
{
	article_first(1);
	return arg;
}

static void *article_alone(void *arg)
{
	article_first(0);
	return arg;
}

static void *article_flat(void *arg)
{
	void *unit = article_take();

	pthread_barrier_wait(&article_met);
	article_put(unit);
	article_second();
	return arg;
}

static void article_run(void *(*fn)(void *), int n)
{
	pthread_t t[UNITS];

	for (int i = 0; i < n; i++)
		if (pthread_create(&t[i], NULL, fn, NULL))
			exit(2);
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
}

int main(void)
{
	char line[64];

	pthread_barrier_init(&article_met, NULL, UNITS);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "setup\n"))
			article_setup();
		else if (!strcmp(line, "nest\n"))
			article_run(article_nest, UNITS);
		else if (!strcmp(line, "alone\n"))
			article_run(article_alone, 1);
		else if (!strcmp(line, "flat\n"))
			article_run(article_flat, UNITS);
		else if (!article_more(line))
			return 2;
		puts("done");
		fflush(stdout);
	}
	return 0;
}

#endif
