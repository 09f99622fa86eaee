// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "progress.h"

#define PATIENCE_NS 1000000000ull
#define INTERVAL_NS 100000000ull

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void progress__begin(struct progress *p, const char *what, size_t total)
{
	*p = (struct progress){ .what = what, .total = total, .started = now_ns(), .tty = isatty(STDERR_FILENO) };
}

void progress__at(struct progress *p, size_t done)
{
	uint64_t now;

	if (!p->tty)
		return;
	now = now_ns();
	if (now - p->started < PATIENCE_NS || now - p->shown < INTERVAL_NS)
		return;
	p->shown = now;
	p->visible = true;
	if (p->total)
		fprintf(stderr, "\r%s: %zu of %zu (%zu%%); Ctrl-C ends\033[K", p->what, done, p->total,
			done * 100 / p->total);
	else
		fprintf(stderr, "\r%s: %zu; Ctrl-C ends\033[K", p->what, done);
}

void progress__end(struct progress *p)
{
	if (p->visible)
		fputs("\r\033[K", stderr);
	p->visible = false;
}
