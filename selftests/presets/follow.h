/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program under test (article.h and its like), told what to do a line at a time, and a watch on it whose findings are
 * kept. Nothing here waits for time to pass: for a line of the program, for a finding, or for the end of both.
 */
#ifndef PRESETS_FOLLOW_H
#define PRESETS_FOLLOW_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "presets.h"
#include "watch.h"

#define FOLLOW_FINDINGS 64
#define FOLLOW_GIVE_UP_S 15 /* a test that comes to this has failed */

/* A finding, as far as tests look at it. */
struct followed {
	enum finding_kind kind;
	enum finding_event event;
	char pool[POOLWATCH_NAME];
	int64_t capacity, in_use, waiters, needed, unknown;
	size_t nthreads;
	uint32_t depth;
	uint64_t goroutine; /* of the first thread */
	bool uncertain;
	const char *proof;
	uint64_t seen_ns; /* CLOCK_MONOTONIC: when it was told */
	uint64_t time;
	char held[128];	 /* "function file:line" of the first thread's first hold, file without its directory */
	char asked[128]; /* the same of its request */
	char outer[128]; /* the outermost of the user's own frames of the request */
	char held_in[64], asked_in[64]; /* the modules of the two sites */
	char through[512]; /* "symbol(module) " of each frame of the request's stack, innermost first */
};

struct follow {
	pid_t pid;
	FILE *in, *out; /* of the program */
	struct spec spec;
	struct watch *watch;
	struct watch_error error;
	uint64_t stall_ns; /* 0: longer than any test takes */
	bool jvm_dump;
	struct followed found[FOLLOW_FINDINGS];
	size_t nfound;
	char notices[1000]; /* a line each, as many as fit */
	unsigned int watched; /* processes that were begun to be watched */
};

static inline uint64_t follow__clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The preset for the Poco that is installed: its offsets are others in each. */
static inline const char *follow__poco(void)
{
	return access("/usr/lib/x86_64-linux-gnu/libPocoData.so.80", F_OK) ? "poco100" : "poco";
}

static inline void follow__frame(const struct finding_frame *f, char *buf, size_t size)
{
	const char *base = f->file ? strrchr(f->file, '/') : NULL;

	snprintf(buf, size, "%s %s:%u", f->symbol ? f->symbol : "?", base ? base + 1 : f->file ? f->file : "?", f->line);
}

static inline void follow__stack(const struct finding_thread *t, char *buf, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < t->nstack && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s(%s) ", t->stack[i].symbol ? t->stack[i].symbol : "?",
					t->stack[i].module ? t->stack[i].module : "?");
}

static inline void follow__on_finding(void *ctx, struct finding *f)
{
	struct follow *fo = ctx;
	struct followed *to = &fo->found[fo->nfound];

	if (fo->nfound == FOLLOW_FINDINGS)
		return;
	fo->nfound++;
	*to = (struct followed){ f->kind,    f->event,	      "",	   f->capacity, f->in_use, f->waiters, f->needed_capacity,
				 f->unknown, f->nthreads, f->depth, 0, f->uncertain, f->proof, follow__clock(), f->time };
	snprintf(to->pool, sizeof(to->pool), "%s", f->pool_name);
	if (f->nthreads) {
		const struct finding_thread *t = &f->threads[0];

		to->goroutine = t->goroutine;
		if (t->nholds) {
			follow__frame(&t->holds[0].site, to->held, sizeof(to->held));
			snprintf(to->held_in, sizeof(to->held_in), "%s", t->holds[0].site.module ? t->holds[0].site.module : "");
		}
		follow__frame(&t->request.site, to->asked, sizeof(to->asked));
		snprintf(to->asked_in, sizeof(to->asked_in), "%s", t->request.site.module ? t->request.site.module : "");
		follow__stack(t, to->through, sizeof(to->through));
		for (size_t i = 0; i < t->nstack; i++)
			if (t->stack[i].user_code)
				follow__frame(&t->stack[i], to->outer, sizeof(to->outer));
	}
}

static inline void follow__on_notice(void *ctx, const char *line)
{
	struct follow *f = ctx;

	size_t len = strlen(f->notices);

	snprintf(f->notices + len, sizeof(f->notices) - len, "%s\n", line);
	f->watched += !strncmp(line, "watching process ", 17);
}

/* follow__start - start @argv and wait for its line "ready". Return: 0, or -1. */
static inline int follow__start(struct follow *f, char *const argv[])
{
	int to[2], from[2];
	char line[64];

	memset(f, 0, sizeof(*f));
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		return -1;
	f->pid = fork();
	if (!f->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setpgid(0, 0);
		dup2(to[0], 0);
		dup2(from[1], 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	f->in = fdopen(to[1], "w");
	f->out = fdopen(from[0], "r");
	return f->pid > 0 && fgets(line, sizeof(line), f->out) && !strcmp(line, "ready\n") ? 0 : -1;
}

static inline void follow__tell(struct follow *f, const char *line)
{
	fprintf(f->in, "%s\n", line);
	fflush(f->in);
}

/* Tell it a line before it is watched, and wait until that is done. */
static inline bool follow__before(struct follow *f, const char *what)
{
	char line[64] = "";

	follow__tell(f, what);
	return fgets(line, sizeof(line), f->out) && !strcmp(line, "done\n");
}

/* follow__watch - attach to it. @pools: as --pool, or NULL: every preset. Return: 0, or -errno with f->error. */
static inline int follow__watch(struct follow *f, const char *pools, bool children)
{
	struct watch_options o = { .spec = &f->spec, .finding = follow__on_finding, .notice = follow__on_notice, .ctx = f,
				   .no_device = true, .jvm_dump = f->jvm_dump, .follow = children, .stall_ns = f->stall_ns ?: FOLLOW_GIVE_UP_S * 1000000000ull };
	struct presets list = { 0 };
	struct spec_error err = { 0 };
	int r = 0;

	if (pools) {
		r = presets__resolve(&f->spec, pools, &err);
	} else {
		r = presets__list(NULL, &list);
		for (size_t i = 0; i < list.n && !r; i++)
			r = preset__parse(&list.list[i], &f->spec, &err);
		presets__clear(&list);
		o.spec_is_default = true;
	}
	if (r) {
		snprintf(f->error.message, sizeof(f->error.message), "%s", err.message);
		return r;
	}
	r = watch__new(&o, &f->watch, &f->error);
	return r ? r : watch__add(f->watch, (uint32_t)f->pid, 0, &f->error);
}

/* The first finding of @kind from @from on, or NULL. */
static inline const struct followed *follow__find(const struct follow *f, enum finding_kind kind, enum finding_event event)
{
	for (size_t i = 0; i < f->nfound; i++)
		if (f->found[i].kind == kind && f->found[i].event == event)
			return &f->found[i];
	return NULL;
}

/* Step the watch until the program says a line (into @line), or until a finding of @kind comes (@line NULL). */
static inline bool follow__until(struct follow *f, char *line, size_t size, enum finding_kind kind)
{
	uint64_t end = follow__clock() + FOLLOW_GIVE_UP_S * 1000000000ull;
	struct pollfd fds[] = { { .fd = watch__fd(f->watch), .events = POLLIN }, { .fd = line ? fileno(f->out) : -1, .events = POLLIN } };

	while (follow__clock() < end) {
		if (!line && follow__find(f, kind, FINDING_NEW))
			return true;
		fds[1].revents = 0;
		if (poll(fds, line ? 2 : 1, watch__timeout_ms(f->watch)) < 0 || watch__step(f->watch))
			return false;
		if (line && fds[1].revents)
			return fgets(line, (int)size, f->out) != NULL;
	}
	return false;
}

/* Step the watch until @n processes in all were begun to be watched. */
static inline bool follow__until_watched(struct follow *f, unsigned int n)
{
	uint64_t end = follow__clock() + FOLLOW_GIVE_UP_S * 1000000000ull;
	struct pollfd fd = { .fd = watch__fd(f->watch), .events = POLLIN };

	while (f->watched < n && follow__clock() < end)
		if (poll(&fd, 1, watch__timeout_ms(f->watch)) < 0 || watch__step(f->watch))
			return false;
	return f->watched >= n;
}

/* Do @what and wait until it is done and everything about it was told. */
static inline bool follow__do(struct follow *f, const char *what)
{
	char line[64] = "";

	follow__tell(f, what);
	return follow__until(f, line, sizeof(line), 0) && !strcmp(line, "done\n") && !watch__drain(f->watch);
}

/* Do @what, which never ends, and wait for a deadlock to be told. */
static inline const struct followed *follow__stuck(struct follow *f, const char *what)
{
	follow__tell(f, what);
	return follow__until(f, NULL, 0, FINDING_DEADLOCK) ? follow__find(f, FINDING_DEADLOCK, FINDING_NEW) : NULL;
}

static inline void follow__end(struct follow *f)
{
	watch__free(f->watch);
	spec__clear(&f->spec);
	if (f->pid > 0) {
		kill(-f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	if (f->in)
		fclose(f->in);
	if (f->out)
		fclose(f->out);
}

#endif
