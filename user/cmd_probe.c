// SPDX-License-Identifier: GPL-2.0
/* poolwatch probe: what attach would do to a process, and why; done to nobody. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "json.h"
#include "plan_print.h"
#include "presets.h"
#include "spec_json.h"

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

struct request {
	uint32_t pid;
	bool json;
	bool named; /* definitions were asked for */
	struct spec spec;
	const char *acquire, *release, *capacity;
};

static void say_error(const struct request *r, const char *message)
{
	struct json j;

	if (!r->json) {
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

static int say_spec_error(const struct request *r, struct spec_error *error, const char *arg, int err)
{
	if (!error->line && !error->message[0])
		snprintf(error->message, sizeof(error->message), "cannot read it: %s", strerror(-err));
	if (!error->file)
		error->file = strdup(arg);
	if (r->json)
		spec_error__print_json(error, stdout);
	else
		spec_error__print(error, stderr);
	spec_error__clear(error);
	return CMD_FAILED;
}

static int add_pool(struct request *r, const char *arg)
{
	struct spec_error error = { 0 };
	int err = presets__resolve(&r->spec, arg, &error);

	r->named = true;
	return err ? say_spec_error(r, &error, arg, err) : CMD_OK;
}

static int add_short(struct request *r)
{
	struct spec_error error = { 0 };
	int err;

	if (!r->acquire && !r->release && !r->capacity)
		return CMD_OK;
	if (!r->acquire || !r->release) {
		fprintf(stderr, "poolwatch probe: --acquire and --release go together\n");
		return CMD_USAGE;
	}
	err = spec__short(&r->spec, r->acquire, r->release, r->capacity, &error);
	r->named = true;
	return err ? say_spec_error(r, &error, "--acquire", err) : CMD_OK;
}

static int add_presets(struct request *r)
{
	struct presets all;
	int ret = CMD_OK;

	if (r->named)
		return CMD_OK;
	if (presets__list(PRESETS_DIR, &all)) {
		say_error(r, "out of memory");
		return CMD_FAILED;
	}
	for (size_t i = 0; i < all.n && !ret; i++) {
		struct spec_error error = { 0 };
		int err = preset__parse(&all.list[i], &r->spec, &error);

		if (err)
			ret = say_spec_error(r, &error, all.list[i].path ?: all.list[i].name, err);
	}
	presets__clear(&all);
	return ret;
}

static int fail_target(const struct request *r, int err)
{
	char message[160];

	snprintf(message, sizeof(message), "process %u: %s", r->pid, target__error(err));
	say_error(r, message);
	return CMD_FAILED;
}

static int show(const struct request *r)
{
	char err[PLAN_ERROR];
	struct target t;
	struct plan plan;
	int e = target__open(r->pid, &t), ret = CMD_OK;

	if (e)
		return fail_target(r, e);
	e = plan__make(&t, &r->spec, r->named ? 0 : PLAN_SKIP_ABSENT | PLAN_SKIP_FAILED, &plan, err);
	if (e) {
		say_error(r, err);
		target__close(&t);
		return CMD_FAILED;
	}
	if (r->json)
		plan__print_json(&plan, &t, stdout);
	else
		plan__print(&plan, &t, stdout);
	if (!plan.nprobes) {
		say_error(r, err[0] ? err : "no preset fits this process: name its functions with --pool, or --acquire and --release");
		ret = CMD_FAILED;
	}
	plan__clear(&plan);
	target__close(&t);
	return ret;
}

static int parse_pid(struct request *r, const char *text)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || !v || v > INT32_MAX) {
		fprintf(stderr, "poolwatch probe: -p wants a process number, not '%s'\n", text);
		return CMD_USAGE;
	}
	r->pid = (uint32_t)v;
	return CMD_OK;
}

int cmd_probe(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },	      { "pid", required_argument, NULL, 'p' },
		{ "pool", required_argument, NULL, 'P' },     { "acquire", required_argument, NULL, 'A' },
		{ "release", required_argument, NULL, 'R' },  { "capacity", required_argument, NULL, 'C' },
		{ "json", no_argument, NULL, 'j' },	      { 0 },
	};
	struct request r = { 0 };
	int opt, ret = CMD_OK;

	while (!ret && (opt = getopt_long(argc, argv, "hp:", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			usage(stdout);
			spec__clear(&r.spec);
			return CMD_OK;
		case 'p':
			ret = parse_pid(&r, optarg);
			break;
		case 'P':
			ret = add_pool(&r, optarg);
			break;
		case 'A':
			r.acquire = optarg;
			break;
		case 'R':
			r.release = optarg;
			break;
		case 'C':
			r.capacity = optarg;
			break;
		case 'j':
			r.json = true;
			break;
		default:
			fprintf(stderr, "'poolwatch probe --help' tells its options.\n");
			ret = CMD_USAGE;
		}
	}
	if (!ret && (!r.pid || optind < argc)) {
		fprintf(stderr, "poolwatch probe: %s. 'poolwatch probe --help' tells its options.\n",
			r.pid ? "what is behind the options is not understood" : "-p PID is missing");
		ret = CMD_USAGE;
	}
	if (!ret)
		ret = add_short(&r);
	if (!ret)
		ret = add_presets(&r);
	if (!ret)
		ret = show(&r);
	spec__clear(&r.spec);
	return ret;
}
