// SPDX-License-Identifier: GPL-2.0
/* poolwatch top: the pools of all running sessions, live. */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "top.h"

static void usage(FILE *out)
{
	fputs("usage: poolwatch top [OPTION...]\n\n"
	      "Which pool is full, who holds it, who waits; Enter opens a pool, then a thread. ? helps.\n\n"
	      "  -d, --delay SEC      between looks (1)\n"
	      "  -b, --batch          samples to the standard output, for logs and scripts\n"
	      "  -n, --iterations N   end after N samples (batch)\n"
	      "  --json               one object a sample (batch)\n"
	      "  -o COLUMNS           of batch text; 'poolwatch show --help' lists them\n"
	      "  --no-headings        rows only (batch)\n"
	      "  -p, --pid PID        of this process only\n"
	      "  -f, --filter TEXT    only what matches: name, process, PID, state, key\n"
	      "  --mono               no colour (so does NO_COLOR)\n"
	      "  --stall SEC          how long without a grant is a stall (5)\n"
	      "  --leak SEC           how long a hold may last before it counts as a leak (any time)\n",
	      out);
}

static int usage_error(const char *what, const char *arg)
{
	fprintf(stderr, "poolwatch top: '%s' is no %s ('poolwatch top --help')\n", arg, what);
	return CMD_USAGE;
}

static bool parse_seconds(const char *arg, uint64_t *ns)
{
	char *end;
	double seconds = strtod(arg, &end);

	if (end == arg || *end || !(seconds >= 0.01 && seconds <= 1e6))
		return false;
	*ns = (uint64_t)(seconds * 1e9);
	return true;
}

/* Return: -1: go on, else the exit code. */
static int parse(struct top_options *o, int argc, char **argv)
{
	enum { JSON = 256, NO_HEADINGS, MONO, STALL, LEAK };
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },	   { "delay", required_argument, NULL, 'd' },
		{ "batch", no_argument, NULL, 'b' },	   { "iterations", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, JSON },	   { "no-headings", no_argument, NULL, NO_HEADINGS },
		{ "pid", required_argument, NULL, 'p' },   { "filter", required_argument, NULL, 'f' },
		{ "mono", no_argument, NULL, MONO },	   { "stall", required_argument, NULL, STALL },
		{ "leak", required_argument, NULL, LEAK }, { 0 },
	};
	char *end;
	int opt;

	while ((opt = getopt_long(argc, argv, "hd:bn:o:p:f:", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			usage(stdout);
			return CMD_OK;
		case 'd':
			if (!parse_seconds(optarg, &o->interval_ns))
				return usage_error("number of seconds", optarg);
			break;
		case 'b':
			o->batch = true;
			break;
		case 'n':
			o->looks = strtoull(optarg, &end, 10);
			if (*end || !o->looks)
				return usage_error("number of samples", optarg);
			break;
		case JSON:
			o->json = true;
			break;
		case NO_HEADINGS:
			o->no_headings = true;
			break;
		case MONO:
			o->mono = true;
			break;
		case 'o':
			o->columns = optarg;
			break;
		case 'p':
			o->pid = (uint32_t)strtoul(optarg, &end, 10);
			if (*end || !o->pid)
				return usage_error("process number", optarg);
			break;
		case 'f':
			o->filter = optarg;
			break;
		case STALL:
			if (!parse_seconds(optarg, &o->stall_ns))
				return usage_error("number of seconds", optarg);
			break;
		case LEAK:
			if (!parse_seconds(optarg, &o->leak_ns))
				return usage_error("number of seconds", optarg);
			break;
		default:
			return CMD_USAGE;
		}
	}
	if (optind < argc)
		return usage_error("option", argv[optind]);
	if ((o->json || o->looks || o->columns || o->no_headings) && !o->batch) {
		fprintf(stderr, "poolwatch top: --json, -n, -o and --no-headings go with -b\n");
		return CMD_USAGE;
	}
	return -1;
}

static int report(int err)
{
	switch (-err) {
	case 0:
		return CMD_OK;
	case ENOTTY:
		fprintf(stderr, "poolwatch top: no terminal: use -b for samples as text, or -b --json\n");
		break;
	case ENXIO:
		fprintf(stderr, "poolwatch top: the terminal type '%s' is not known: set TERM (vt100 does), or use -b\n",
			getenv("TERM") ? getenv("TERM") : "");
		break;
	case ENODEV:
		fprintf(stderr, "poolwatch top: what was watched has ended\n");
		break;
	default:
		fprintf(stderr, "poolwatch top: %s\n", strerror(-err));
	}
	return CMD_FAILED;
}

static int run(const struct top_options *o, struct sessions *sessions)
{
	struct top *t;
	int err = top__new(o, sessions, &t);

	if (!err) {
		err = o->batch ? top__batch(t, stdout) : top__screen(t);
		top__free(t);
	}
	return report(err);
}

int cmd_top(int argc, char **argv)
{
	struct top_options o = { .interval_ns = 1000000000 };
	struct sessions sessions = { 0 };
	struct table_choice choice;
	char why[SESSIONS_WHY];
	int ret;

	setlocale(LC_ALL, "");
	ret = parse(&o, argc, argv);
	if (ret >= 0)
		return ret;
	if (o.columns && table__choose(&views_pools, o.columns, &choice, why, sizeof(why))) {
		fprintf(stderr, "poolwatch top: %s\n", why);
		return CMD_USAGE;
	}
	if (sessions__open(&sessions, why)) {
		fprintf(stderr, "poolwatch top: %s\n", why);
		return CMD_FAILED;
	}
	ret = run(&o, &sessions);
	sessions__close(&sessions);
	return ret;
}
