// SPDX-License-Identifier: GPL-2.0
/* poolwatch presets: what definitions there are without anyone writing one. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "cmd.h"
#include "escape.h"
#include "json.h"
#include "presets.h"
#include "spec_json.h"

static void usage(FILE *out)
{
	fputs("usage: poolwatch presets [--json] [NAME]...\n\n"
	      "Lists the pool definitions that are built in, and those in " PRESETS_DIR "; or prints those of NAME, as\n"
	      "they are written.\n\n"
	      "  --json       one object a line: what 'check --json' prints, for all presets or for NAME\n",
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

/* What the comment at its beginning says, up to the first full stop. */
static void print_summary(const struct preset *p)
{
	const char *s = p->text;
	char text[128];
	size_t n;

	if (s && s[0] == '#') {
		s += strspn(s, "# ");
		n = strcspn(s, ".\n");
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

static int show_named(const struct presets *all, const char *name, bool json)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->list[i].name, name))
			return show(&all->list[i], json, true);
	fprintf(stderr, "poolwatch presets: no preset '%s'. 'poolwatch presets' lists them.\n", name);
	return CMD_FAILED;
}

int cmd_presets(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	struct presets all;
	bool json = false;
	int opt, ret = CMD_OK;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'h':
			usage(stdout);
			return CMD_OK;
		case 'j':
			json = true;
			break;
		default:
			fprintf(stderr, "'poolwatch presets --help' tells its options.\n");
			return CMD_USAGE;
		}
	}
	if (presets__list(PRESETS_DIR, &all)) {
		fprintf(stderr, "poolwatch presets: out of memory\n");
		return CMD_FAILED;
	}
	if (optind == argc && !json)
		printf("%-14s%-34s%s\n", "NAME", "LIBRARY", "WHAT");
	for (size_t i = 0; optind == argc && i < all.n; i++)
		ret |= show(&all.list[i], json, false);
	for (int i = optind; i < argc; i++)
		ret |= show_named(&all, argv[i], json);
	presets__clear(&all);
	return ret;
}
