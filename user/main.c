// SPDX-License-Identifier: GPL-2.0
/* poolwatch: finds the deadlock that lock detectors cannot see. The command table; each command has its own file. */
#include <stdio.h>
#include <string.h>
#include "cmd.h"

const struct cmd commands[] = {
	{ "attach", cmd_attach, "-p PID... [-x EXE]... [OPTION...]", "watch running processes and tell what is found" },
	{ "run", cmd_run, "[--fail-on KIND] [OPTION...] -- CMD [ARG...]", "start a program and watch it from its first instruction" },
	{ "check", cmd_check, "[--json] [--pool ARG]... [FILE]...", "read pool definitions and say what is wrong with them" },
	{ "presets", cmd_presets, "[--json] [-p PID] [NAME]...", "the definitions that come with poolwatch, and which fit a process" },
	{ "show", cmd_show, "pools|threads|stats [-o COLUMNS] [--json] [-v]", "one look at the pools, threads and losses of what is watched" },
	{ "log", cmd_log, "[-f] [-p PID] [--json]", "the events that the module keeps, and those to come" },
	{ "top", cmd_top, "[-d SEC] [-p PID] [-b [-n N] [--json]]", "the pools of what is watched, live" },
	{ "doctor", cmd_doctor, "[-p PID] [--json]", "what this kernel, user and target allow, and what to do about it" },
	{ "probe", cmd_probe, "-p PID [--pool ARG]... [--json]", "what would be probed, where, at what cost; changes nothing" },
	{ "daemon", cmd_daemon, "[--config FILE] [--check-config]", "watch what the configuration names, and send alerts" },
	{ "alert", cmd_alert, "--test [--config FILE]", "send a test alert to where the configuration sends alerts" },
	{ 0 },
};

static void usage(FILE *out)
{
	fprintf(out, "usage: poolwatch COMMAND [OPTION...]\n\n");
	for (const struct cmd *c = commands; c->name; c++)
		fprintf(out, "  %-10s %s\n", c->name, c->help);
	fprintf(out, "\n'poolwatch COMMAND --help' tells a command's options.\n");
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return CMD_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return CMD_OK;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("poolwatch %s\n", POOLWATCH_VERSION);
		return CMD_OK;
	}
	for (const struct cmd *c = commands; c->name; c++)
		if (!strcmp(argv[1], c->name))
			return c->run(argc - 1, argv + 1);
	fprintf(stderr, "poolwatch: no command '%s'. 'poolwatch --help' lists them.\n", argv[1]);
	return CMD_USAGE;
}
