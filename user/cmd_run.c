// SPDX-License-Identifier: GPL-2.0
/* poolwatch run: start a program and watch it from its first instruction. */
#include <getopt.h>
#include <linux/capability.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
#include "cmd.h"
#include "launch.h"
#include "privilege.h"
#include "report.h"

static void usage(FILE *out)
{
	fputs("usage: poolwatch run [--fail-on KIND[,KIND]] [OPTION...] -- CMD [ARG...]\n\n"
	      "Runs CMD and watches its pools from its first instruction on. Exit code: CMD's (128 + N for signal N);\n"
	      "with --fail-on, 3 if such a finding was made; 1 failed, 2 usage.\n\n"
	      "  --fail-on KIND             nested, order, deadlock, stall, leak, or 'any'; a deadlock, or with --for the\n"
	      "                             end of the time, ends CMD, which would never end itself\n",
	      out);
	opts__usage(out);
}

static int take_kinds(const char *list, struct report *r)
{
	char copy[120], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", list);
	for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		int kind = finding__kind_by_name(s);

		if (!strcmp(s, "any")) {
			for (kind = 0; kind < FINDING_DETACHED; kind++)
				r->fail[kind] = true;
		} else if (kind < 0) {
			fprintf(stderr, "poolwatch run: no kind of finding '%s': nested, order, deadlock, stall, leak, any\n", s);
			return CMD_USAGE;
		} else {
			r->fail[kind] = true;
		}
	}
	return 0;
}

static int exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run(struct opts *opts, struct report *report, char *const argv[])
{
	struct watch_error error = { 0 };
	int status = 0, r;
	struct watch *w;
	pid_t pid;

	report->stop_on_deadlock = true;
	r = report__init(report, opts, "run");
	if (r)
		return r;
	r = watch__new(&opts->watch, &w, &error);
	if (r) {
		fprintf(stderr, "poolwatch run: %s\n", error.message);
		return CMD_FAILED;
	}
	r = launch__stopped(argv, &pid);
	if (r) {
		fprintf(stderr, "poolwatch run: cannot start %s: %s\n", argv[0], strerror(-r));
		watch__free(w);
		return CMD_FAILED;
	}
	/* Not before: the child keeps what the user has. It may become another user, and is ended all the same. */
	r = privilege__drop(1ull << CAP_KILL | (opts->watch.jvm_dump ? PRIVILEGE_JVM_DUMP : 0));
	if (r)
		snprintf(error.message, sizeof(error.message), "cannot give up privilege: %s", strerror(-r));
	else
		r = watch__add(w, pid, WATCH_FROM_START, &error);
	if (r) {
		fprintf(stderr, "poolwatch run: %s\n", error.message);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		watch__free(w);
		return CMD_FAILED;
	}
	r = launch__resume(pid);
	if (!r)
		r = report__loop(report, w, pid, &status);
	watch__free(w);
	report__close(report);
	/* Still there: interrupted, the time is over, or it is deadlocked. It is ours: it does not stay behind. */
	if (waitpid(pid, &status, WNOHANG) == 0) {
		kill(pid, SIGTERM);
		for (int i = 0; i < 20 && waitpid(pid, &status, WNOHANG) == 0; i++)
			usleep(50000);
		if (waitpid(pid, &status, WNOHANG) == 0) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
		}
	}
	if (r) {
		fprintf(stderr, "poolwatch run: %s\n", strerror(-r));
		return CMD_FAILED;
	}
	return report->failed ? CMD_FOUND : exit_code(status);
}

int cmd_run(int argc, char **argv)
{
	enum { OPT_FAIL_ON = OPT_OWN };
	static const struct option options[] = {
		OPTS_COMMON,
		{ "help", no_argument, NULL, 'h' },
		{ "fail-on", required_argument, NULL, OPT_FAIL_ON },
		{ 0 },
	};
	struct report report = { 0 };
	struct opts opts;
	int opt, r = 0;

	setlocale(LC_ALL, "");
	opts__init(&opts);
	/* '+': the options of CMD are its own. */
	while (!r && (opt = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			usage(stdout);
			opts__clear(&opts);
			return CMD_OK;
		case OPT_FAIL_ON:
			r = take_kinds(optarg, &report);
			break;
		default:
			r = opts__take(&opts, "run", opt, optarg);
		}
	}
	if (!r && optind == argc) {
		fprintf(stderr, "poolwatch run: run what? poolwatch run [OPTION...] -- CMD [ARG...]\n");
		r = CMD_USAGE;
	}
	if (!r)
		r = opts__finish(&opts, "run");
	if (!r)
		r = run(&opts, &report, argv + optind);
	opts__clear(&opts);
	return r;
}
