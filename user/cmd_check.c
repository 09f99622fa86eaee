// SPDX-License-Identifier: GPL-2.0
/* poolwatch check: read pool definitions as attach would, and say what they were understood as. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "cmd.h"
#include "presets.h"
#include "spec_json.h"

static void usage(FILE *out)
{
	fputs("usage: poolwatch check [--json] [--pool ARG]... [FILE]...\n\n"
	      "Reads pool definitions (poolwatch-pools(5)) and prints each as it was understood. What is wrong is told with\n"
	      "file, line and column. Exit code: 0 all is well, 1 an error in a definition, 2 usage.\n\n"
	      "  --pool ARG   what attach would take: a preset's name, a file, or text in which ';' is a new line\n"
	      "  --json       one object a line, definitions and errors\n"
	      "  FILE         a file of definitions; '-' is the standard input\n",
	      out);
}

struct check {
	bool json;
	bool failed;
};

static void check(struct check *c, const char *arg, bool pool)
{
	struct spec spec = { 0 };
	struct spec_error error;
	int err;

	if (pool)
		err = presets__resolve(&spec, arg, &error);
	else
		err = spec__parse_file(&spec, strcmp(arg, "-") ? arg : "/dev/stdin", &error);

	for (size_t i = 0; i < spec.npools; i++) {
		if (c->json)
			spec_pool__print_json(&spec.pools[i], stdout);
		else
			spec_pool__print(&spec.pools[i], stdout);
	}
	if (err) {
		c->failed = true;
		if (!error.line) {
			error.file = strdup(arg);
			snprintf(error.message, sizeof(error.message), "cannot read it: %s", strerror(-err));
		}
		if (c->json)
			spec_error__print_json(&error, stdout);
		else
			spec_error__print(&error, stderr);
	}
	spec_error__clear(&error);
	spec__clear(&spec);
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "pool", required_argument, NULL, 'p' },
		{ 0 },
	};
	struct check c = { 0 };
	bool any = false;
	int opt, files;

	/* Twice over the options, so that --json may stand behind a --pool. */
	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			usage(stdout);
			return CMD_OK;
		case 'j':
			c.json = true;
			break;
		case 'p':
			any = true;
			break;
		default:
			fprintf(stderr, "'poolwatch check --help' tells its options.\n");
			return CMD_USAGE;
		}
	}
	if (!any && optind == argc) {
		fprintf(stderr, "poolwatch check: nothing to check. Give a FILE, or --pool FILE|PRESET|TEXT.\n");
		return CMD_USAGE;
	}
	files = optind;
	optind = 0; /* start over (glibc) */
	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1)
		if (opt == 'p')
			check(&c, optarg, true);
	for (int i = files; i < argc; i++)
		check(&c, argv[i], false);
	return c.failed ? CMD_FAILED : CMD_OK;
}
