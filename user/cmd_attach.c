// SPDX-License-Identifier: GPL-2.0
/* poolwatch attach: watch running processes, tell findings. */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd.h"
#include "exes.h"
#include "privilege.h"
#include "procs.h"
#include "report.h"
#include "target.h"

#define MAX_PIDS 1024

static void usage(FILE *out)
{
	fputs("usage: poolwatch attach -p PID... [-x EXE]... [OPTION...]\n\n"
	      "Watches the pools of running processes and tells what it finds, until interrupted, until the processes end,\n"
	      "or for --for SECONDS. Exit code: 0 nothing found, 3 something was, 1 failed, 2 usage.\n\n"
	      "  -p, --pid PID              a process; may be repeated, or several separated by commas\n"
	      "  -x, --exe EXE              every process of this executable, those that come later, too: a path, a\n"
	      "                             glob, or a base name\n",
	      out);
	opts__usage(out);
}

static int add_pids(const char *list, uint32_t pids[MAX_PIDS], size_t *n)
{
	char *copy = strdup(list), *save = NULL;
	int err = copy ? 0 : CMD_FAILED;

	for (char *s = copy ? strtok_r(copy, ",", &save) : NULL; s && !err; s = strtok_r(NULL, ",", &save)) {
		if (*n == MAX_PIDS || opts__pid(s, &pids[*n])) {
			fprintf(stderr, "poolwatch attach: '%s' is no process number\n", s);
			err = CMD_USAGE;
		} else {
			++*n;
		}
	}
	free(copy);
	return err;
}

/* A path where nothing is will hardly be run: a slip is told at once. Everything else may come. */
static int add_exe(const char *pattern, struct strlist *exes)
{
	if (pattern[0] == '/' && !strpbrk(pattern, "*?[") && access(pattern, F_OK)) {
		uint32_t *found = NULL;
		size_t count = 0;
		int r = target__find_by_exe(pattern, &found, &count);

		free(found);
		if (r || !count) {
			fprintf(stderr, "poolwatch attach: no process of '%s' runs, and there is no such file\n", pattern);
			return CMD_FAILED;
		}
	}
	if (strlist__add(exes, pattern, strlen(pattern))) {
		fprintf(stderr, "poolwatch attach: %s\n", strerror(ENOMEM));
		return CMD_FAILED;
	}
	return 0;
}

static int watch_all(struct report *report, struct watch *w, const uint32_t *pids, size_t n, const struct strlist *exes, int events)
{
	struct watch_error error = { 0 };
	int r;

	/* Loading, which finds the module's BTF, took CAP_SYS_ADMIN. No target was looked at yet. */
	r = privilege__drop(report->opts->watch.jvm_dump ? PRIVILEGE_JVM_DUMP : 0);
	for (size_t i = 0; i < n && !r; i++)
		r = watch__add(w, pids[i], 0, &error);
	if (r && events >= 0)
		close(events);
	if (!r && exes->n)
		r = exes__new(exes, events, w, report->opts->watch.notice, report, &report->exes);
	if (r) {
		fprintf(stderr, "poolwatch attach: %s\n", error.message[0] ? error.message : strerror(-r));
		return CMD_FAILED;
	}
	if (!watch__targets(w))
		fprintf(stderr, "poolwatch: waiting for a process of '%s'\n", exes->items[0]);
	r = report__loop(report, w, 0, NULL);
	if (r) {
		fprintf(stderr, "poolwatch attach: %s\n", strerror(-r));
		return CMD_FAILED;
	}
	return report->told ? CMD_FOUND : CMD_OK;
}

static int attach(struct opts *opts, const uint32_t *pids, size_t n, const struct strlist *exes)
{
	struct report report = { 0 };
	struct watch_error error = { 0 };
	struct watch *w;
	int r, events;

	r = report__init(&report, opts, "attach");
	if (r)
		return r;
	/* The kernel tells of new processes only who may configure the network; who once could is told for good. */
	events = exes->n ? procs_events__open() : -1;
	r = watch__new(&opts->watch, &w, &error);
	if (r) {
		fprintf(stderr, "poolwatch attach: %s\n", error.message);
		if (events >= 0)
			close(events);
		report__close(&report);
		return CMD_FAILED;
	}
	r = watch_all(&report, w, pids, n, exes, events);
	exes__free(report.exes);
	watch__free(w);
	report__close(&report);
	return r;
}

int cmd_attach(int argc, char **argv)
{
	static const struct option options[] = {
		OPTS_COMMON,
		{ "help", no_argument, NULL, 'h' },
		{ "pid", required_argument, NULL, 'p' },
		{ "exe", required_argument, NULL, 'x' },
		{ 0 },
	};
	uint32_t pids[MAX_PIDS];
	struct strlist exes = { 0 };
	struct opts opts;
	size_t n = 0;
	int opt, r = 0;

	setlocale(LC_ALL, "");
	opts__init(&opts);
	while (!r && (opt = getopt_long(argc, argv, "hp:x:", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			usage(stdout);
			opts__clear(&opts);
			return CMD_OK;
		case 'p':
			r = add_pids(optarg, pids, &n);
			break;
		case 'x':
			r = add_exe(optarg, &exes);
			break;
		default:
			r = opts__take(&opts, "attach", opt, optarg);
		}
	}
	/* "-p 1 2 3": the rest are process numbers, too. */
	for (; !r && optind < argc; optind++)
		r = add_pids(argv[optind], pids, &n);
	if (!r && !n && !exes.n) {
		fprintf(stderr, "poolwatch attach: which process? Give -p PID or -x EXE.\n");
		r = CMD_USAGE;
	}
	if (!r)
		r = opts__finish(&opts, "attach");
	if (!r)
		r = attach(&opts, pids, n, &exes);
	strlist__clear(&exes);
	opts__clear(&opts);
	return r;
}
