// SPDX-License-Identifier: GPL-2.0
/* What the commands that read poolwatch.conf(5) have in common. */
#include <getopt.h>
#include "cmd.h"
#include "cmd_conf.h"
#include "escape.h"

int cmd_conf__options(int argc, char **argv, struct cmd_conf_options *o)
{
	const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {o->flag, no_argument, NULL, 'f'},
	    {"help", no_argument, NULL, 'h'},
	    {0},
	};

	for (int c; (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
		switch (c) {
		case 'c':
			o->path = optarg;
			break;
		case 'f':
			o->given = true;
			break;
		case 'h':
			o->usage(stdout);
			return CMD_OK;
		default:
			o->usage(stderr);
			return CMD_USAGE;
		}
	}
	if (optind < argc) {
		o->usage(stderr);
		return CMD_USAGE;
	}
	return -1;
}

int cmd_conf__load(const char *path, struct conf **out)
{
	char line[600];
	int ret = conf__load(path, out, line, sizeof(line));

	if (ret) {
		escape__print(stderr, line, 0);
		fputc('\n', stderr);
		fflush(stderr);
	}
	return ret;
}
