// SPDX-License-Identifier: GPL-2.0
/* poolwatch probe: what attach would do to a process, and why; done to nobody. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "json.h"
#include "opts.h"
#include "plan_print.h"

static void usage(FILE *out)
{
	fputs("usage: poolwatch probe -p PID [--pool ARG]... [--acquire SYM --release SYM [--capacity N]] [--json]\n\n"
	      "Says for each function that attach would probe: at which instruction, whether the kernel emulates or single-steps it,\n"
	      "how returns would be seen and why so, and what a hit may cost. Attaches nothing.\n\n"
	      "  -p, --pid PID      the process\n"
	      "  --pool ARG         a preset's name, a file, or text in which ';' is a new line; default: every preset whose\n"
	      "                     library the process maps\n"
	      "  --acquire SYM --release SYM --capacity N\n"
	      "                     one pool, of functions of the executable\n"
	      "  --json             one object a line\n",
	      out);
}

static void say_error(const struct opts *o, const char *message)
{
	struct json j;

	if (!o->json) {
		fprintf(stderr, "poolwatch probe: %s\n", message);
		return;
	}
	json__init(&j, stdout);
	json__object(&j, NULL);
	json__string(&j, "type", "error");
	json__string(&j, "message", message);
	json__end_object(&j);
	json__end_line(&j);
}

static int fail_target(const struct opts *o, uint32_t pid, int err)
{
	char message[160];

	snprintf(message, sizeof(message), "process %u: %s", pid, target__error(err));
	say_error(o, message);
	return CMD_FAILED;
}

static int show(const struct opts *o, uint32_t pid)
{
	char err[PLAN_ERROR];
	struct target t;
	struct plan plan;
	int e = target__open(pid, &t), ret = CMD_OK;

	if (e)
		return fail_target(o, pid, e);
	e = plan__make(&t, &o->spec, o->named ? 0 : PLAN_SKIP_ABSENT | PLAN_SKIP_FAILED, &plan, err);
	if (e) {
		say_error(o, err);
		target__close(&t);
		return CMD_FAILED;
	}
	if (o->json)
		plan__print_json(&plan, &t, stdout);
	else
		plan__print(&plan, &t, stdout);
	if (!plan.nprobes) {
		say_error(o, err[0] ? err : "no preset fits this process: name its functions with --pool, or --acquire and --release");
		ret = CMD_FAILED;
	}
	plan__clear(&plan);
	target__close(&t);
	return ret;
}

static int parse(struct opts *o, uint32_t *pid, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "pid", required_argument, NULL, 'p' },
		{ "pool", required_argument, NULL, OPT_POOL },
		{ "acquire", required_argument, NULL, OPT_ACQUIRE },
		{ "release", required_argument, NULL, OPT_RELEASE },
		{ "capacity", required_argument, NULL, OPT_CAPACITY },
		{ "json", no_argument, NULL, OPT_JSON },
		{ 0 },
	};
	int opt, ret = CMD_OK;

	while (!ret && (opt = getopt_long(argc, argv, "hp:", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			usage(stdout);
			exit(CMD_OK);
		case 'p':
			if (opts__pid(optarg, pid)) {
				fprintf(stderr, "poolwatch probe: -p wants a process number, not '%s'\n", optarg);
				ret = CMD_USAGE;
			}
			break;
		case '?':
			fprintf(stderr, "'poolwatch probe --help' tells its options.\n");
			ret = CMD_USAGE;
			break;
		default:
			ret = opts__take(o, "probe", opt, optarg);
		}
	}
	if (!ret && (!*pid || optind < argc)) {
		fprintf(stderr, "poolwatch probe: %s. 'poolwatch probe --help' tells its options.\n",
			*pid ? "what is behind the options is not understood" : "-p PID is missing");
		ret = CMD_USAGE;
	}
	return ret ? ret : opts__finish(o, "probe");
}

int cmd_probe(int argc, char **argv)
{
	struct opts o;
	uint32_t pid = 0;
	int ret;

	opts__init(&o);
	ret = parse(&o, &pid, argc, argv);
	if (!ret)
		ret = show(&o, pid);
	opts__clear(&o);
	return ret;
}
