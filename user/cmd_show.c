// SPDX-License-Identifier: GPL-2.0
/* poolwatch show: one look at what is watched. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "cmd.h"
#include "escape.h"
#include "graph.h"
#include "histogram.h"
#include "loader.h"
#include "names.h"
#include "progress.h"
#include "sessions.h"
#include "table.h"
#include "term.h"
#include "views.h"

static void usage(FILE *out)
{
	fputs("usage: poolwatch show pools|threads|graph|stats [OPTION...]\n\n"
	      "One look at every pool, every thread that holds or waits, what was asked for while what was held, or what was\n"
	      "lost, of all running sessions.\n\n"
	      "  -o COLUMNS       names separated by commas; '+a,b' adds to the usual ones; 'all'\n"
	      "  --no-headings    rows only\n"
	      "  --json           one object a line, times in ns\n"
	      "  -p, --pid PID    of this process only; stats: of who watches it\n"
	      "  -a, --all        also what is no pool, threads that only remember, causes that never counted\n"
	      "  -v, --verbose    pools: the distribution of hold and wait times as bars\n"
	      "  --debug-dir DIR  where separate debug files are (/usr/lib/debug)\n"
	      "  --stall SEC      how long without a grant is a stall (5)\n"
	      "  --dot            graph: for Graphviz (so it is if nothing is said); what can deadlock is red\n"
	      "  --folded         graph: for flame graphs, microseconds held by the place that took the unit: now, and by\n"
	      "                   whole stacks and since the watch began where it was started with --stacks=all\n",
	      out);
	fputs("\nColumns of pools:\n", out);
	table__help(out, &views_pools);
	fputs("\nColumns of threads:\n", out);
	table__help(out, &views_threads);
	fputs("\nColumns of stats:\n", out);
	table__help(out, &views_counters);
	fputs("\nColumns of stats, for the definitions:\n", out);
	table__help(out, &views_costs);
}

struct show {
	const char *columns;
	const char *debug_dirs;
	bool json, verbose, folded, dot;
	uint32_t pid; /* 0: all */
	struct views_options views;
	struct table_options table;
	struct term term;
	struct sessions sessions;
};

/* Pointers to rows of all sessions, those of other processes left out. */
struct rows {
	const void **row;
	size_t n;
};

static int add_row(struct rows *r, const void *row)
{
	const void **grown = reallocarray(r->row, r->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	r->row = grown;
	r->row[r->n++] = row;
	return 0;
}

static int print_rows(const struct show *s, const struct table *t, const struct rows *r)
{
	struct table_choice choice;
	char why[160];
	int err;

	if (s->json && !s->columns) {
		table__choose_all(t, &choice);
	} else if (table__choose(t, s->columns, &choice, why, sizeof(why))) {
		fprintf(stderr, "poolwatch show: %s\n", why);
		return CMD_USAGE;
	}
	err = s->json ? table__json(stdout, t, &choice, r->row, r->n)
		      : table__print(stdout, &choice, r->row, r->n, &s->table);
	if (err) {
		fprintf(stderr, "poolwatch show: cannot write: %s\n", strerror(-err));
		return CMD_FAILED;
	}
	return CMD_OK;
}

/* On a terminal, what a table cannot say: that it is empty, that the books have gaps. */
static void remark(const struct show *s, size_t rows, const char *none)
{
	uint64_t lost = 0;

	if (!s->term.tty || s->json)
		return;
	if (!rows)
		fprintf(stderr, "%s\n", none);
	for (size_t i = 0; i < s->sessions.n; i++)
		for (size_t k = 0; k < s->sessions.s[i]->views.ncounters; k++)
			lost += s->sessions.s[i]->views.counters[k].counter->count;
	if (lost)
		fprintf(stderr,
			"%" PRIu64 " times something was lost or not understood: 'poolwatch show stats' says what.\n",
			lost);
}

static void print_histograms(const struct show *s, const struct view_pool *p)
{
	char name[4 * POOLWATCH_NAME + 1];

	escape__string(name, sizeof(name), p->name, s->term.utf8 ? 0 : ESCAPE_ASCII);
	printf("\n%s 0x%" PRIx64 " of process %" PRIu32 "\n", name, (uint64_t)p->pool->addr, p->pool->head.tgid);
	puts("  held for");
	histogram__print(stdout, p->pool->hold, 4, s->term.width);
	puts("  waited for");
	histogram__print(stdout, p->pool->wait, 4, s->term.width);
}

static int show_pools(struct show *s)
{
	_cleanup_free_ const void **owned = NULL;
	struct rows r = { 0 };
	int ret;

	for (size_t i = 0; i < s->sessions.n; i++) {
		struct views *v = &s->sessions.s[i]->views;

		for (size_t k = 0; k < v->npools; k++)
			if ((!s->pid || v->pools[k].pool->head.tgid == s->pid) && add_row(&r, &v->pools[k]))
				return CMD_FAILED;
	}
	owned = r.row;
	ret = print_rows(s, &views_pools, &r);
	if (ret)
		return ret;
	remark(s, r.n, "No pool has been used yet.");
	if (s->verbose && !s->json)
		for (size_t i = 0; i < r.n; i++)
			print_histograms(s, r.row[i]);
	return ret;
}

static int show_threads(struct show *s)
{
	_cleanup_free_ const void **owned = NULL;
	struct names *names = NULL;
	struct progress progress;
	struct rows r = { 0 };
	size_t all = 0, done = 0;
	int ret;

	for (size_t i = 0; i < s->sessions.n; i++)
		all += s->sessions.s[i]->views.nthreads;
	/* Without names, numbers are shown. */
	if (names__new(s->debug_dirs, &names))
		names = NULL;
	progress__begin(&progress, "naming places in code", all);
	for (size_t i = 0; i < s->sessions.n; i++) {
		struct views *v = &s->sessions.s[i]->views;

		for (size_t k = 0; k < v->nthreads; k++) {
			progress__at(&progress, done++);
			if (s->pid && v->threads[k].who.pid != s->pid)
				continue;
			if (names)
				names__thread(names, &v->threads[k].who);
			if (names && (s->json || s->verbose || (s->columns && strstr(s->columns, "doing"))))
				names__look(names, &v->threads[k].who);
			if (add_row(&r, &v->threads[k]))
				return CMD_FAILED;
		}
	}
	progress__end(&progress);
	names__free(names);
	owned = r.row;
	ret = print_rows(s, &views_threads, &r);
	if (!ret)
		remark(s, r.n, "No thread holds or waits.");
	return ret;
}

/* Where the graph's names come from. */
struct graph_source {
	struct names *names;
	struct loader_stacks *stacks; /* NULL: the session keeps none, or not for us */
};

static int place_frames(void *ctx, uint32_t tgid, uint64_t place, struct finding_frame **out, size_t *n)
{
	const struct graph_source *g = ctx;
	uint64_t pc[PW_STACK_FRAMES];
	struct pw_stack stack;

	if (!(place & PW_STACK_ID))
		return names__frames(g->names, tgid, place, out, n);
	if (!g->stacks || loader_stacks__stack(g->stacks, place, &stack))
		return -ENOENT;
	for (uint32_t i = 0; i < stack.n; i++)
		pc[i] = stack.pc[i];
	return names__path(g->names, tgid, pc, stack.n, out, n);
}

static int print_graph(const struct show *s, const struct session *session, struct names *names)
{
	struct graph_source source = { .names = names };
	const struct graph_names g = { .frames = place_frames, .ctx = &source };
	_cleanup_free_ struct held_time *times = NULL;
	size_t n = 0;
	int err;

	if (!s->folded)
		return graph__dot(stdout, &session->now, s->pid, names ? &g : NULL);
	err = loader_stacks__open(session->source, &source.stacks);
	if (!err)
		err = loader_stacks__times(source.stacks, &times, &n);
	/* Without, what is held now is told, by site. */
	if (err == -ENOMEM)
		return err;
	err = graph__folded(stdout, &session->now, s->pid, names ? &g : NULL, times, n);
	loader_stacks__close(source.stacks);
	return err;
}

static bool watches(const struct session *s, uint32_t pid)
{
	for (size_t i = 0; i < s->now.nprocs; i++)
		if (s->now.procs[i].head.tgid == pid)
			return true;
	return false;
}

static int show_graph(struct show *s)
{
	struct names *names = NULL;
	size_t shown = 0;
	int err = 0;

	if (s->json || (s->folded && s->dot)) {
		fprintf(stderr, "poolwatch show: a graph is printed as --dot or as --folded\n");
		return CMD_USAGE;
	}
	if (names__new(s->debug_dirs, &names))
		names = NULL;
	for (size_t i = 0; !err && i < s->sessions.n; i++) {
		if (s->pid && !watches(s->sessions.s[i], s->pid))
			continue;
		err = print_graph(s, s->sessions.s[i], names);
		shown++;
	}
	names__free(names);
	if (!err && fflush(stdout))
		err = -errno;
	if (err)
		fprintf(stderr, "poolwatch show: cannot print the graph: %s\n", strerror(-err));
	else if (!shown)
		fprintf(stderr, "poolwatch show: process %" PRIu32 " is not watched: 'poolwatch attach -p %" PRIu32 "' does\n", s->pid,
			s->pid);
	return err || !shown ? CMD_FAILED : CMD_OK;
}

/* Does the session watch the process that was asked for? */
static bool is_asked_for(const struct show *s, const struct session *session)
{
	const struct ledger *l = &session->now;

	for (size_t i = 0; i < l->nprocs; i++)
		if (l->procs[i].head.tgid == s->pid)
			return true;
	return !s->pid;
}

/* What the definitions cost that were met at all. */
static int show_costs(struct show *s)
{
	_cleanup_free_ struct view_cost *costs = NULL;
	_cleanup_free_ const void **owned = NULL;
	struct rows r = { 0 };
	size_t n = 0;
	int ret;

	for (size_t i = 0; i < s->sessions.n; i++)
		n += s->sessions.s[i]->now.ndefs;
	costs = calloc(n + 1, sizeof(*costs));
	if (!costs)
		return CMD_FAILED;
	n = 0;
	for (size_t i = 0; i < s->sessions.n; i++)
		for (size_t k = 0; k < s->sessions.s[i]->now.ndefs; k++) {
			const struct poolwatch_def *d = &s->sessions.s[i]->now.defs[k];

			if ((!d->hits_emulated && !d->hits_stepped && !s->views.all) || !is_asked_for(s, s->sessions.s[i]))
				continue;
			costs[n] = (struct view_cost){ d, &s->sessions.s[i]->views.session };
			if (add_row(&r, &costs[n++]))
				return CMD_FAILED;
			owned = r.row;
		}
	if (!n)
		return CMD_OK;
	ret = print_rows(s, &views_costs, &r);
	if (!ret && !s->json)
		putchar('\n');
	return ret;
}

static int show_stats(struct show *s)
{
	_cleanup_free_ const void **owned = NULL;
	struct rows r = { 0 };
	int ret;

	for (size_t i = 0; i < s->sessions.n; i++) {
		struct views *v = &s->sessions.s[i]->views;

		for (size_t k = 0; k < v->ncounters && is_asked_for(s, s->sessions.s[i]); k++)
			if (add_row(&r, &v->counters[k]))
				return CMD_FAILED;
	}
	owned = r.row;
	/* Columns that were asked for are those of the losses. */
	ret = s->columns ? CMD_OK : show_costs(s);
	if (!ret)
		ret = print_rows(s, &views_counters, &r);
	if (!ret && !r.n && s->term.tty && !s->json)
		fputs("Nothing was lost.\n", stderr);
	return ret;
}

static const struct {
	const char *name;
	int (*show)(struct show *s);
	bool threads;
} whats[] = {
	{ "pools", show_pools, false },
	{ "threads", show_threads, true },
	{ "graph", show_graph, false },
	{ "stats", show_stats, false },
};

static int parse(struct show *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },	   { "json", no_argument, NULL, 'j' },
		{ "all", no_argument, NULL, 'a' },	   { "no-headings", no_argument, NULL, 'H' },
		{ "pid", required_argument, NULL, 'p' },   { "verbose", no_argument, NULL, 'v' },
		{ "debug-dir", required_argument, NULL, 'd' },
		{ "stall", required_argument, NULL, 's' }, { "folded", no_argument, NULL, 'F' },
		{ "dot", no_argument, NULL, 'D' },	   { 0 },
	};
	double seconds;
	char *end;
	int opt;

	while ((opt = getopt_long(argc, argv, "ho:ap:v", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			usage(stdout);
			return -1;
		case 'o':
			s->columns = optarg;
			break;
		case 'j':
			s->json = true;
			break;
		case 'a':
			s->views.all = true;
			break;
		case 'H':
			s->table.no_headings = true;
			break;
		case 'p':
			s->pid = (uint32_t)strtoul(optarg, &end, 10);
			if (*end || !s->pid) {
				fprintf(stderr, "poolwatch show: '%s' is no process number\n", optarg);
				return CMD_USAGE;
			}
			break;
		case 'd':
			s->debug_dirs = optarg;
			break;
		case 'v':
			s->verbose = true;
			break;
		case 's':
			seconds = strtod(optarg, &end);
			if (*end || !(seconds > 0 && seconds < 1e6)) {
				fprintf(stderr, "poolwatch show: '%s' is no number of seconds\n", optarg);
				return CMD_USAGE;
			}
			s->views.stall_ns = (uint64_t)(seconds * 1e9);
			break;
		case 'F':
			s->folded = true;
			break;
		case 'D':
			s->dot = true;
			break;
		default:
			return CMD_USAGE;
		}
	}
	return CMD_OK;
}

int cmd_show(int argc, char **argv)
{
	const size_t n = sizeof(whats) / sizeof(whats[0]);
	struct show s = { 0 };
	char why[SESSIONS_WHY];
	size_t what = 0;
	int ret;

	setlocale(LC_ALL, "");
	ret = parse(&s, argc, argv);
	if (ret)
		return ret < 0 ? CMD_OK : ret;
	while (optind < argc && what < n && strcmp(argv[optind], whats[what].name))
		what++;
	if (optind != argc - 1 || what == n) {
		fprintf(stderr, "poolwatch show: say what: pools, threads, graph or stats ('poolwatch show --help')\n");
		return CMD_USAGE;
	}
	if ((s.folded || s.dot) && whats[what].show != show_graph) {
		fprintf(stderr, "poolwatch show: --dot and --folded are for 'show graph'\n");
		return CMD_USAGE;
	}
	s.term = term__of(stdout);
	s.table.width = s.term.width;
	s.table.ascii = s.term.tty && !s.term.utf8;
	s.views.threads = whats[what].threads;
	if (sessions__open(&s.sessions, why)) {
		fprintf(stderr, "poolwatch show: %s\n", why);
		return CMD_FAILED;
	}
	/* Twice: a deadlock is proven by two snapshots. */
	ret = sessions__look(&s.sessions, SOURCE_ALL_TABLES, &s.views);
	if (ret > 0)
		ret = sessions__look(&s.sessions, SOURCE_ALL_TABLES, &s.views);
	if (ret <= 0) {
		fprintf(stderr, "poolwatch show: %s\n", ret ? strerror(-ret) : "what was watched has just ended");
		ret = CMD_FAILED;
	} else {
		ret = whats[what].show(&s);
	}
	sessions__close(&s.sessions);
	return ret;
}
