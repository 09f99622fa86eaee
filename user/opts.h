/* SPDX-License-Identifier: GPL-2.0 */
/* The options that attach, run and top have in common (poolwatch(1)). */
#ifndef POOLWATCH_OPTS_H
#define POOLWATCH_OPTS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include "spec.h"
#include "watch.h"

struct opts {
	struct spec spec;
	struct watch_options watch;
	bool named;	/* definitions were given: --pool, --acquire */
	bool json;
	bool syslog;
	const char *facility;
	double seconds; /* --for; 0: no limit */
	/* of --acquire, until all options are read */
	const char *acquire, *release, *capacity;
};

/* For getopt_long: common options first, to be followed by a command's own. Values from 256 on are the common ones'. */
#define OPTS_COMMON                                                \
	{ "pool", required_argument, NULL, OPT_POOL },             \
	{ "acquire", required_argument, NULL, OPT_ACQUIRE },       \
	{ "release", required_argument, NULL, OPT_RELEASE },       \
	{ "capacity", required_argument, NULL, OPT_CAPACITY },     \
	{ "json", no_argument, NULL, OPT_JSON },                   \
	{ "syslog", optional_argument, NULL, OPT_SYSLOG },         \
	{ "stall", required_argument, NULL, OPT_STALL },           \
	{ "leak", required_argument, NULL, OPT_LEAK },             \
	{ "budget", required_argument, NULL, OPT_BUDGET },         \
	{ "follow", no_argument, NULL, OPT_FOLLOW },               \
	{ "stacks", required_argument, NULL, OPT_STACKS },         \
	{ "debug-dir", required_argument, NULL, OPT_DEBUG_DIR },   \
	{ "debuginfod", no_argument, NULL, OPT_DEBUGINFOD },       \
	{ "jvm-dump", no_argument, NULL, OPT_JVM_DUMP },           \
	{ "no-device", no_argument, NULL, OPT_NO_DEVICE },         \
	{ "for", required_argument, NULL, OPT_FOR }

enum {
	OPT_POOL = 256,
	OPT_ACQUIRE,
	OPT_RELEASE,
	OPT_CAPACITY,
	OPT_JSON,
	OPT_SYSLOG,
	OPT_STALL,
	OPT_LEAK,
	OPT_BUDGET,
	OPT_FOLLOW,
	OPT_STACKS,
	OPT_DEBUG_DIR,
	OPT_DEBUGINFOD,
	OPT_JVM_DUMP,
	OPT_NO_DEVICE,
	OPT_FOR,
	OPT_OWN, /* the first that is free for a command */
};

void opts__init(struct opts *o);
/* One common option, as getopt_long returned it. Return: 0, or an exit code after one line to stderr. */
int opts__take(struct opts *o, const char *cmd, int opt, const char *arg);
/* After the last one: definitions resolved, defaults filled in. Return: 0, or an exit code after one line to stderr. */
int opts__finish(struct opts *o, const char *cmd);
void opts__clear(struct opts *o);

/* The help text of the common options. */
void opts__usage(FILE *out);

/* A number of seconds, "2.5"; or ms, us, s, min, h behind it. Return: 0 or -EINVAL. */
int opts__seconds(const char *text, double *out);
/* A process number. */
int opts__pid(const char *text, uint32_t *out);

#endif
