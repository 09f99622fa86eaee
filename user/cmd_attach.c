// SPDX-License-Identifier: GPL-2.0
/* poolwatch attach: watch running processes, tell findings. */
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "report.h"
#include "target.h"

#define MAX_PIDS 1024

static void usage(FILE *out)
{
	fputs("usage: poolwatch attach -p PID... [-x EXE]... [OPTION...]\n\n"
	      "Watches the pools of running processes and tells what it finds, until interrupted, until the processes end,\n"
	      "or for --for SECONDS. Exit code: 0 nothing found, 3 something was, 1 failed, 2 usage.\n\n"
	      "  -p, --pid PID              a process; may be repeated, or several separated by commas\n"
	      "  -x, --exe EXE              every process of this executable: a path, a glob, or a base name\n",
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

static int add_exe(const char *pattern, uint32_t pids[MAX_PIDS], size_t *n)
{
	uint32_t *found = NULL;
	size_t count = 0;
	int err = target__find_by_exe(pattern, &found, &count);

	if (err || !count) {
		fprintf(stderr, "poolwatch attach: no process of '%s' runs\n", pattern);
		free(found);
		return CMD_FAILED;
	}
	for (size_t i = 0; i < count && *n < MAX_PIDS; i++)
		pids[(*n)++] = found[i];
	free(found);
	return 0;
}

static int attach(struct opts *opts, const uint32_t *pids, size_t n)
{
	struct report report = { 0 };
	struct watch_error error = { 0 };
	struct watch *w;
	int r;

	r = report__init(&report, opts, "attach");
	if (r)
		return r;
	r = watch__new(&opts->watch, &w, &error);
	for (size_t i = 0; i < n && !r; i++) {
		r = watch__add(w, pids[i], 0, &error);
		if (r)
			watch__free(w);
	}
	if (r) {
		fprintf(stderr, "poolwatch attach: %s\n", error.message);
		report__close(&report);
		return CMD_FAILED;
	}
	r = report__loop(&report, w, 0, NULL);
	watch__free(w);
	report__close(&report);
	if (r) {
		fprintf(stderr, "poolwatch attach: %s\n", strerror(-r));
		return CMD_FAILED;
	}
	return report.told ? CMD_FOUND : CMD_OK;
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
			r = add_exe(optarg, pids, &n);
			break;
		default:
			r = opts__take(&opts, "attach", opt, optarg);
		}
	}
	/* "-p 1 2 3": the rest are process numbers, too. */
	for (; !r && optind < argc; optind++)
		r = add_pids(argv[optind], pids, &n);
	if (!r && !n) {
		fprintf(stderr, "poolwatch attach: which process? Give -p PID or -x EXE.\n");
		r = CMD_USAGE;
	}
	if (!r)
		r = opts__finish(&opts, "attach");
	if (!r)
		r = attach(&opts, pids, n);
	opts__clear(&opts);
	return r;
}
