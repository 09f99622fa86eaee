// SPDX-License-Identifier: GPL-2.0
/* poolwatch top: the pools of what is watched, live; of a process that nobody watches, by watching it. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "privilege.h"
#include "opts.h"
#include "top.h"

static void usage(FILE *out)
{
	fputs("usage: poolwatch top [OPTION...]\n\n"
	      "Which pool is full, who holds it, who waits; Enter opens a pool, then a thread. ? helps.\n\n"
	      "  -d, --delay SEC            between looks (1)\n"
	      "  -p, --pid PID              of this process only; it is attached to if nobody watches it yet\n"
	      "  -f, --filter TEXT          only what matches: name, process, PID, state, key\n"
	      "  -b, --batch                samples to the standard output, for logs and scripts\n"
	      "  -n, --iterations N         end after N samples (batch)\n"
	      "  -o COLUMNS                 of batch text; 'poolwatch show --help' lists them\n"
	      "  --no-headings              rows only (batch)\n"
	      "  --json                     one object a sample (batch)\n"
	      "  --mono                     no colour (so does NO_COLOR)\n\n"
	      "For -p, as for attach:\n",
	      out);
	opts__usage(out);
}

struct run {
	struct opts opts;
	struct top_options o;
	struct sessions sessions;
	struct watch *watch; /* NULL: others watch */
	struct top *top;
};

static int usage_error(const char *what, const char *arg)
{
	fprintf(stderr, "poolwatch top: '%s' is no %s ('poolwatch top --help')\n", arg, what);
	return CMD_USAGE;
}

static int take(struct run *r, int opt)
{
	double seconds;
	char *end;

	switch (opt) {
	case 'd':
		if (opts__seconds(optarg, &seconds) || !(seconds >= 0.01 && seconds <= 1e6))
			return usage_error("number of seconds", optarg);
		r->o.interval_ns = (uint64_t)(seconds * 1e9);
		return 0;
	case 'b':
		r->o.batch = true;
		return 0;
	case 'n':
		r->o.looks = strtoull(optarg, &end, 10);
		return *end || !r->o.looks ? usage_error("number of samples", optarg) : 0;
	case 'o':
		r->o.columns = optarg;
		return 0;
	case 'p':
		return opts__pid(optarg, &r->o.pid) ? usage_error("process number", optarg) : 0;
	case 'f':
		r->o.filter = optarg;
		return 0;
	case OPT_OWN:
		r->o.no_headings = true;
		return 0;
	case OPT_OWN + 1:
		r->o.mono = true;
		return 0;
	case OPT_SYSLOG:
	case OPT_FOR:
		fprintf(stderr, "poolwatch top: --syslog and --for go with attach and run\n");
		return CMD_USAGE;
	default:
		return opts__take(&r->opts, "top", opt, optarg);
	}
}

/* Return: -1: go on, else the exit code. */
static int parse(struct run *r, int argc, char **argv)
{
	static const struct option options[] = {
		OPTS_COMMON,
		{ "help", no_argument, NULL, 'h' },
		{ "delay", required_argument, NULL, 'd' },
		{ "batch", no_argument, NULL, 'b' },
		{ "iterations", required_argument, NULL, 'n' },
		{ "pid", required_argument, NULL, 'p' },
		{ "filter", required_argument, NULL, 'f' },
		{ "no-headings", no_argument, NULL, OPT_OWN },
		{ "mono", no_argument, NULL, OPT_OWN + 1 },
		{ 0 },
	};
	struct table_choice choice;
	char why[160];
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "hd:bn:o:p:f:", options, NULL)) != -1) {
		if (opt == 'h') {
			usage(stdout);
			return CMD_OK;
		}
		ret = take(r, opt);
		if (ret)
			return ret;
	}
	if (optind < argc)
		return usage_error("option", argv[optind]);
	r->o.json = r->opts.json;
	if ((r->o.json || r->o.looks || r->o.columns || r->o.no_headings) && !r->o.batch) {
		fprintf(stderr, "poolwatch top: --json, -n, -o and --no-headings go with -b\n");
		return CMD_USAGE;
	}
	if (r->o.columns && table__choose(&views_pools, r->o.columns, &choice, why, sizeof(why))) {
		fprintf(stderr, "poolwatch top: %s\n", why);
		return CMD_USAGE;
	}
	return -1;
}

static void on_finding(void *ctx, struct finding *f)
{
	struct run *r = ctx;

	if (r->top)
		top__finding(r->top, f);
}

static void on_gone(void *ctx, uint32_t pid, const char *why)
{
	struct run *r = ctx;
	char line[200];

	snprintf(line, sizeof(line), "process %u is not watched any more: %s", pid, why);
	if (r->top)
		top__notice(r->top, line);
}

static void on_notice(void *ctx, const char *line)
{
	struct run *r = ctx;

	if (r->top)
		top__notice(r->top, line);
	else
		fprintf(stderr, "poolwatch: %s\n", line);
}

static int pump_fd(void *ctx)
{
	return watch__fd(ctx);
}

static int pump_timeout_ms(void *ctx)
{
	return watch__timeout_ms(ctx);
}

static int pump_step(void *ctx)
{
	int err = watch__step(ctx);

	return err ? err : watch__targets(ctx) ? 0 : -ENODEV;
}

/* Watch the process ourselves. Return: 0 or an exit code after one line to stderr. */
static int attach(struct run *r)
{
	struct watch_error error = { 0 };
	int err = opts__finish(&r->opts, "top");

	if (err)
		return err;
	r->opts.watch.finding = on_finding;
	r->opts.watch.gone = on_gone;
	r->opts.watch.notice = on_notice;
	r->opts.watch.ctx = r;
	err = watch__new(&r->opts.watch, &r->watch, &error);
	/* Loading, which finds the module's BTF, took CAP_SYS_ADMIN. */
	if (!err)
		err = privilege__drop(r->opts.watch.jvm_dump ? PRIVILEGE_JVM_DUMP : 0);
	if (!err)
		err = watch__add(r->watch, r->o.pid, 0, &error);
	if (!err)
		err = sessions__of(&r->sessions, watch__source(r->watch));
	if (err) {
		fprintf(stderr, "poolwatch top: %s\n", *error.message ? error.message : strerror(-err));
		return CMD_FAILED;
	}
	r->o.no_judge = true;
	r->o.pump =
		(struct top_pump){ .fd = pump_fd, .timeout_ms = pump_timeout_ms, .step = pump_step, .ctx = r->watch };
	return 0;
}

/* Does a running session watch the process? */
static bool is_watched(struct sessions *all, uint32_t pid)
{
	const struct views_options o = { 0 };

	if (sessions__look(all, 1u << POOLWATCH_PROCS, &o) <= 0)
		return false;
	for (size_t i = 0; i < all->n; i++) {
		const struct ledger *l = &all->s[i]->now;

		for (size_t k = 0; k < l->nprocs; k++)
			if (l->procs[k].head.tgid == pid && !(l->procs[k].flags & POOLWATCH_PROC_EXITED))
				return true;
	}
	return false;
}

/* What to show: the sessions that run, or a watch of our own. Return: 0 or an exit code after one line to stderr. */
static int find_sessions(struct run *r)
{
	char why[SESSIONS_WHY];
	int err = sessions__open(&r->sessions, why);

	if (!r->o.pid && !err)
		return 0;
	if (!r->o.pid) {
		fprintf(stderr, "poolwatch top: %s\n", why);
		return CMD_FAILED;
	}
	if (!err && !r->opts.named && is_watched(&r->sessions, r->o.pid)) {
		/* That look saw one table only: it is no earlier snapshot. */
		sessions__forget(&r->sessions);
		return 0;
	}
	sessions__close(&r->sessions);
	return attach(r);
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
		fprintf(stderr,
			"poolwatch top: the terminal type '%s' is not known: set TERM (vt100 does), or use -b\n",
			getenv("TERM") ? getenv("TERM") : "");
		break;
	case ENODEV:
		fprintf(stderr, "poolwatch top: what was watched has ended\n");
		return CMD_OK;
	default:
		fprintf(stderr, "poolwatch top: %s\n", strerror(-err));
	}
	return CMD_FAILED;
}

int cmd_top(int argc, char **argv)
{
	struct run r = { .o = { .interval_ns = 1000000000 } };
	int ret;

	setlocale(LC_ALL, "");
	opts__init(&r.opts);
	ret = parse(&r, argc, argv);
	if (ret < 0)
		ret = find_sessions(&r);
	if (!ret && r.sessions.n) {
		r.o.stall_ns = r.opts.watch.stall_ns;
		r.o.leak_ns = r.opts.watch.leak_ns;
		ret = top__new(&r.o, &r.sessions, &r.top);
		if (!ret)
			ret = r.o.batch ? top__batch(r.top, stdout) : top__screen(r.top);
		ret = report(ret);
		top__free(r.top);
		r.top = NULL;
	}
	sessions__close(&r.sessions);
	if (r.watch)
		watch__free(r.watch);
	opts__clear(&r.opts);
	return ret;
}
