// SPDX-License-Identifier: GPL-2.0
/* See opts.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cmd.h"
#include "facility.h"
#include "opts.h"
#include "presets.h"
#include "spec_json.h"

#define DEFAULT_BUDGET 50 /* permille of one CPU, per definition */

void opts__init(struct opts *o)
{
	memset(o, 0, sizeof(*o));
	o->watch.budget_permille = DEFAULT_BUDGET;
}

void opts__clear(struct opts *o)
{
	spec__clear(&o->spec);
}

int opts__seconds(const char *text, double *out)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "ms", 1e-3 }, { "us", 1e-6 }, { "min", 60 }, { "m", 60 }, { "h", 3600 } };
	char *end;
	double v = strtod(text, &end);

	if (end == text || !(v >= 0) || v > 1e9)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(end, units[i].unit)) {
			*out = v * units[i].seconds;
			return 0;
		}
	return -EINVAL;
}

int opts__pid(const char *text, uint32_t *out)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (end == text || *end || errno || !v || v > 1u << 22 || *text == '-' || *text == '+')
		return -EINVAL;
	*out = v;
	return 0;
}

static int bad(const char *cmd, const char *option, const char *arg, const char *wanted)
{
	fprintf(stderr, "poolwatch %s: %s wants %s, not '%s'\n", cmd, option, wanted, arg);
	return CMD_USAGE;
}

static int take_seconds(const char *cmd, const char *option, const char *arg, uint64_t *ns)
{
	double seconds;

	if (opts__seconds(arg, &seconds))
		return bad(cmd, option, arg, "a time such as 2.5, 300ms or 10min");
	*ns = seconds * 1e9;
	return 0;
}

static int take_pool(struct opts *o, const char *arg)
{
	struct spec_error error = { 0 };
	int err = presets__resolve(&o->spec, arg, &error);

	o->named = true;
	if (!err)
		return 0;
	if (!error.line && !error.message[0])
		snprintf(error.message, sizeof(error.message), "cannot read it: %s", strerror(-err));
	if (!error.file)
		error.file = strdup(arg);
	spec_error__print(&error, stderr);
	spec_error__clear(&error);
	return CMD_FAILED;
}

int opts__take(struct opts *o, const char *cmd, int opt, const char *arg)
{
	uint64_t ns;
	char *end;
	double v;
	int r;

	switch (opt) {
	case OPT_POOL:
		return take_pool(o, arg);
	case OPT_ACQUIRE:
		o->acquire = arg;
		return 0;
	case OPT_RELEASE:
		o->release = arg;
		return 0;
	case OPT_CAPACITY:
		o->capacity = arg;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_SYSLOG:
		o->syslog = true;
		o->facility = arg;
		return 0;
	case OPT_STALL:
		return take_seconds(cmd, "--stall", arg, &o->watch.stall_ns);
	case OPT_LEAK:
		return take_seconds(cmd, "--leak", arg, &o->watch.leak_ns);
	case OPT_FOR:
		r = take_seconds(cmd, "--for", arg, &ns);
		if (!r)
			o->seconds = ns / 1e9;
		return r;
	case OPT_BUDGET:
		if (!strcmp(arg, "off")) {
			o->watch.budget_permille = 0;
			return 0;
		}
		v = strtod(arg, &end);
		if (*end == '%')
			end++;
		if (end == arg || *end || !(v >= 0.1 && v <= 10000))
			return bad(cmd, "--budget", arg, "a percentage of one CPU, such as 5, or 'off'");
		o->watch.budget_permille = v * 10;
		return 0;
	case OPT_FOLLOW:
		o->watch.follow = true;
		return 0;
	case OPT_STACKS:
		if (!strcmp(arg, "site"))
			o->watch.stacks = WATCH_STACKS_SITE;
		else if (!strcmp(arg, "nested"))
			o->watch.stacks = WATCH_STACKS_NESTED;
		else if (!strcmp(arg, "all"))
			o->watch.stacks = WATCH_STACKS_ALL;
		else
			return bad(cmd, "--stacks", arg, "site, nested or all");
		return 0;
	case OPT_DEBUG_DIR:
		o->watch.debug_dirs = arg;
		return 0;
	case OPT_DEBUGINFOD:
		o->watch.debuginfod = true;
		return 0;
	case OPT_JVM_DUMP:
		o->watch.jvm_dump = true;
		return 0;
	case OPT_NO_DEVICE:
		o->watch.no_device = true;
		return 0;
	}
	fprintf(stderr, "'poolwatch %s --help' tells its options.\n", cmd);
	return CMD_USAGE;
}

static int take_short(struct opts *o, const char *cmd)
{
	struct spec_error error = { 0 };
	int err;

	if (!o->acquire || !o->release) {
		fprintf(stderr, "poolwatch %s: --acquire SYM and --release SYM belong together\n", cmd);
		return CMD_USAGE;
	}
	err = spec__short(&o->spec, o->acquire, o->release, o->capacity, &error);
	o->named = true;
	if (!err)
		return 0;
	spec_error__print(&error, stderr);
	spec_error__clear(&error);
	return CMD_USAGE;
}

static int take_presets(struct opts *o, const char *cmd)
{
	struct presets all;
	int r = CMD_OK;

	if (presets__list(PRESETS_DIR, &all))
		return CMD_FAILED;
	for (size_t i = 0; i < all.n; i++) {
		struct spec_error error = { 0 };
		int err = preset__parse(&all.list[i], &o->spec, &error);

		if (!err)
			continue;
		/* A broken file of this machine does not take the other presets away. */
		if (error.line)
			spec_error__print(&error, stderr);
		else
			fprintf(stderr, "poolwatch %s: preset %s: %s\n", cmd, all.list[i].name, strerror(-err));
		spec_error__clear(&error);
	}
	presets__clear(&all);
	o->watch.spec_is_default = true;
	return r;
}

int opts__finish(struct opts *o, const char *cmd)
{
	int r = 0;

	if (o->acquire || o->release)
		r = take_short(o, cmd);
	else if (o->capacity) {
		fprintf(stderr, "poolwatch %s: --capacity goes with --acquire and --release; a definition states its own\n", cmd);
		r = CMD_USAGE;
	}
	if (!r && !o->named)
		r = take_presets(o, cmd);
	o->watch.spec = &o->spec;
	return r;
}

void opts__usage(FILE *out)
{
	fputs("What is a pool (default: every preset whose library the process maps):\n"
	      "  --pool FILE|PRESET|TEXT    a definition, poolwatch-pools(5); in TEXT ';' is a new line. May be repeated\n"
	      "  --acquire SYM --release SYM [--capacity N]\n"
	      "                             one without a file: functions of the executable\n"
	      "What is a finding:\n"
	      "  --stall SECONDS            a wait this long without a grant is a stall (5)\n"
	      "  --leak SECONDS             a hold this long is a leak (off)\n"
	      "Output:\n"
	      "  --json                     one object a line\n"
	      "  --syslog[=FACILITY]        findings to syslog, too (daemon)\n"
	      "  --stacks site|nested|all   stacks told: none, of nested requests and of who waits for good (nested),\n"
	      "                             also of what every other thread of a finding does now, and of each hold (all)\n"
	      "  --debug-dir DIR[:DIR]      where separate debug files are (/usr/lib/debug)\n"
	      "  --debuginfod               fetch debug files that are missing\n"
	      "Other:\n"
	      "  --for SECONDS              end after this time\n"
	      "  --budget PERCENT|off       of one CPU, for each definition's probes; beyond it they are removed (5)\n"
	      "  --follow                   children after fork and exec, too\n"
	      "  --jvm-dump                 Java: take a thread dump when an executor may be deadlocked; it stops the\n"
	      "                             process for some milliseconds\n"
	      "  --no-device                do not feed /dev/poolwatch\n",
	      out);
}
