// SPDX-License-Identifier: GPL-2.0
/* poolwatch presets: what definitions there are without anyone writing one. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "escape.h"
#include "json.h"
#include "plan_learned.h"
#include "presets.h"
#include "python.h"
#include "spec_json.h"
#include "target.h"

static void usage(FILE *out)
{
	fputs("usage: poolwatch presets [--json] [-p PID] [NAME]...\n\n"
	      "Lists the pool definitions that are built in, and those in " PRESETS_DIR "; or prints those of NAME, as\n"
	      "they are written. With -p, says of each whether it fits that process, and if not, why.\n\n"
	      "  -p, --pid PID  the process\n"
	      "  --json         one object a line: as 'check --json' has definitions; with -p, what fits\n",
	      out);
}

static void print_libs(const struct spec *spec)
{
	char libs[128] = "", escaped[128];
	size_t len = 0;

	for (size_t i = 0; i < spec->npools; i++)
		for (size_t k = 0; k < spec->pools[i].nlibs && len < sizeof(libs); k++)
			len += (size_t)snprintf(libs + len, sizeof(libs) - len, "%s%s", len ? " " : "", spec->pools[i].libs[k]);
	escape__string(escaped, sizeof(escaped), libs, 0);
	printf("%-34s", escaped);
}

/* What the comment at its beginning says, up to the first full stop: one of a number goes on. */
static void print_summary(const struct preset *p)
{
	const char *s = p->text;
	char text[128];
	size_t n;

	if (s && s[0] == '#') {
		s += strspn(s, "# ");
		n = strcspn(s, "\n");
		for (size_t i = 0; i < n; i++)
			if (s[i] == '.' && (i + 1 == n || s[i + 1] == ' '))
				n = i;
		escape__bytes(text, sizeof(text), s, n, 0);
		fputs(text, stdout);
	}
	if (p->path)
		printf("%s(%s)", s != p->text ? " " : "", p->path);
	putchar('\n');
}

static int report(const struct preset *p, int err, struct spec_error *error, bool json)
{
	if (!error->line) {
		error->file = strdup(p->path ?: p->name);
		snprintf(error->message, sizeof(error->message), "cannot read it: %s", strerror(-err));
	}
	if (json)
		spec_error__print_json(error, stdout);
	else
		spec_error__print(error, stderr);
	spec_error__clear(error);
	return CMD_FAILED;
}

static int show(const struct preset *p, bool json, bool whole)
{
	struct spec_error error;
	struct spec spec = { 0 };
	int err = preset__parse(p, &spec, &error);

	if (err)
		return report(p, err, &error, json);
	if (json) {
		for (size_t i = 0; i < spec.npools; i++)
			spec_pool__print_json(&spec.pools[i], stdout);
	} else if (whole) {
		fwrite(p->text, 1, p->len, stdout);
	} else {
		printf("%-14s", p->name);
		print_libs(&spec);
		print_summary(p);
	}
	spec__clear(&spec);
	return CMD_OK;
}

/* A definition that code handles: all that is known here is whether its library is mapped. Return: 0 or -ENOENT. */
static int fit_builtin(const struct spec_pool *pool, const struct target *t, char *why, size_t size)
{
	for (size_t i = 0; i < t->nmaps; i++) {
		for (size_t k = 0; k < pool->nlibs; k++) {
			if (!plan__lib_matches(t, &t->maps[i], pool->libs[k]))
				continue;
			if (!strcmp(pool->builtin, "jvm-executor"))
				snprintf(why, size, "uses %s; with --jvm-dump, deadlocked executors are found by a thread dump", pool->libs[k]);
			else
				snprintf(why, size, "uses %s; builtin %s looks for pools in it", pool->libs[k], pool->builtin);
			return 0;
		}
	}
	snprintf(why, size, "process %u does not use %s (pool '%s')", t->pid, pool->nlibs ? pool->libs[0] : "it", pool->name);
	return -ENOENT;
}

/* The interpreter says for itself whether it is one that is understood. */
static int fit_python(struct target *t, char *why, size_t size)
{
	char err[PYTHON_ERROR];
	struct python py;
	size_t places;
	int r = python__open(t, &py, err);

	if (r) {
		snprintf(why, size, "%s", err);
		return r;
	}
	places = py.nposts + !!py.lock_exit;
	snprintf(why, size, "Python %u.%u.%u gives up locks in %zu place%s", py.version >> 24, py.version >> 16 & 0xff,
		 py.version >> 8 & 0xff, places, places == 1 ? "" : "s");
	python__close(&py);
	return 0;
}

/* Whether a preset fits the process, in one line. */
static int fit(const struct preset *p, struct target *t, bool json)
{
	char why[PLAN_ERROR + PLAN_LEARNED] = "", learned[PLAN_LEARNED] = "";
	struct spec_error error;
	struct spec spec = { 0 };
	struct plan plan = { 0 };
	struct json j;
	int err = preset__parse(p, &spec, &error);
	bool learn = false;

	if (err)
		return report(p, err, &error, json);
	if (spec.pools[0].builtin && !strcmp(spec.pools[0].builtin, PYTHON_SQLALCHEMY)) {
		err = fit_python(t, why, sizeof(why));
	} else if (!strcmp(spec.pools[0].name, PYTHON_SEMAPHORES) && python__only_locks(t)) {
		snprintf(why, sizeof(why), "its semaphores are Python's own locks: not watched unless asked for by name");
		err = -ENOENT;
	} else if (!spec_pool__has_probes(&spec.pools[0])) {
		err = fit_builtin(&spec.pools[0], t, why, sizeof(why));
	} else {
		err = plan__make(t, &spec, 0, &plan, why);
	}
	for (size_t i = 0; i < plan.nprobes; i++)
		learn |= plan__learned(&plan, &plan.probes[i], learned);
	if (!err && plan.nfiles) {
		char path[160];

		escape__string(path, sizeof(path), plan.files[0].path, 0);
		snprintf(why, sizeof(why), "%zu function%s in %s%s%s", plan.nprobes, plan.nprobes == 1 ? "" : "s", path, learn ? "; " : "", learned);
	}
	if (json) {
		json__init(&j, stdout);
		json__object(&j, NULL);
		json__string(&j, "type", "preset");
		json__string(&j, "name", p->name);
		json__u64(&j, "pid", t->pid);
		json__bool(&j, "fits", !err);
		json__string(&j, "file", plan.nfiles ? plan.files[0].path : NULL);
		json__u64(&j, "functions", plan.nprobes);
		json__bool(&j, "learn", learn);
		json__string(&j, "why", why);
		json__end_object(&j);
		json__end_line(&j);
	} else {
		printf("%-14s%-6s%s\n", p->name, err ? "no" : "yes", why);
	}
	plan__clear(&plan);
	spec__clear(&spec);
	return CMD_OK;
}

static int show_named(const struct presets *all, const char *name, struct target *t, bool json)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->list[i].name, name))
			return t ? fit(&all->list[i], t, json) : show(&all->list[i], json, true);
	fprintf(stderr, "poolwatch presets: no preset '%s'. 'poolwatch presets' lists them.\n", name);
	return CMD_FAILED;
}

static int list(struct target *t, char **names, int n, bool json)
{
	struct presets all;
	int ret = CMD_OK;

	if (presets__list(PRESETS_DIR, &all)) {
		fprintf(stderr, "poolwatch presets: out of memory\n");
		return CMD_FAILED;
	}
	if (t && !json)
		printf("%-14s%-6s%s\n", "NAME", "FITS", "WHY");
	else if (!n && !json)
		printf("%-14s%-34s%s\n", "NAME", "LIBRARY", "WHAT");
	for (size_t i = 0; !n && i < all.n; i++)
		ret |= t ? fit(&all.list[i], t, json) : show(&all.list[i], json, false);
	for (int i = 0; i < n; i++)
		ret |= show_named(&all, names[i], t, json);
	presets__clear(&all);
	return ret;
}

int cmd_presets(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "pid", required_argument, NULL, 'p' },
		{ 0 },
	};
	unsigned long pid = 0;
	struct target t;
	bool json = false;
	char *end;
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "hp:", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			usage(stdout);
			return CMD_OK;
		case 'j':
			json = true;
			break;
		case 'p':
			pid = strtoul(optarg, &end, 10);
			if (*optarg < '0' || *optarg > '9' || *end || !pid || pid > INT32_MAX) {
				fprintf(stderr, "poolwatch presets: -p wants a process number, not '%s'\n", optarg);
				return CMD_USAGE;
			}
			break;
		default:
			fprintf(stderr, "'poolwatch presets --help' tells its options.\n");
			return CMD_USAGE;
		}
	}
	if (!pid)
		return list(NULL, argv + optind, argc - optind, json);

	ret = target__open((uint32_t)pid, &t);
	if (ret) {
		fprintf(stderr, "poolwatch presets: process %lu: %s\n", pid, target__error(ret));
		return CMD_FAILED;
	}
	ret = list(&t, argv + optind, argc - optind, json);
	target__close(&t);
	return ret;
}
