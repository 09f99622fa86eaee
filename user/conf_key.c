// SPDX-License-Identifier: GPL-2.0
/* The keys of poolwatch.conf: one table, and how each type of value is read. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "conf_key.h"

static const char *const stacks_choices[] = { "nested", "site", "all", NULL };
static const char *const names_choices[] = { "prometheus", "opentelemetry", NULL };
static const char *const severity_choices[] = { "info", "warning", "error", "critical", NULL };

#define CONF(section, name, type, field, ...) { section, name, type, offsetof(struct conf, field), ##__VA_ARGS__ }
#define SINK(section, name, type, field, ...) { section, name, type, offsetof(struct conf_sink, field), ##__VA_ARGS__ }
#define TARGET(name, type, field) { "target", name, type, offsetof(struct conf_target, field) }
#define EVERY_SINK(section)                                                                                                \
	SINK(section, "enable", VALUE_BOOL, enable), SINK(section, "kinds", VALUE_KINDS, kinds),                           \
		SINK(section, "severity", VALUE_CHOICE, severity, severity_choices)

static const struct key keys[] = {
	CONF("daemon", "pools", VALUE_LIST, pools),
	CONF("daemon", "state", VALUE_STRING, state),
	CONF("daemon", "stall", VALUE_DURATION, stall_ns),
	CONF("daemon", "leak", VALUE_DURATION, leak_ns),
	CONF("daemon", "budget", VALUE_PERMILLE, budget_permille),
	CONF("daemon", "scan", VALUE_DURATION, scan_ns),
	CONF("daemon", "max-pools", VALUE_U64, max_pools),
	CONF("daemon", "max-threads", VALUE_U64, max_threads),
	CONF("daemon", "stacks", VALUE_CHOICE, stacks, stacks_choices),
	CONF("daemon", "follow", VALUE_BOOL, follow),
	CONF("daemon", "device", VALUE_BOOL, device),
	CONF("daemon", "jvm-dump", VALUE_BOOL, jvm_dump),
	CONF("daemon", "debuginfod", VALUE_BOOL, debuginfod),
	CONF("daemon", "debug-dirs", VALUE_STRING, debug_dirs),
	TARGET("exe", VALUE_LIST, match.exes),
	TARGET("unit", VALUE_LIST, match.units),
	TARGET("container", VALUE_LIST, match.containers),
	TARGET("user", VALUE_LIST, users),
	TARGET("pools", VALUE_LIST, pools),
	CONF("alert", "rate", VALUE_RATE, rate),
	CONF("alert", "ends", VALUE_BOOL, ends),
	EVERY_SINK("syslog"),
	SINK("syslog", "facility", VALUE_STRING, facility),
	EVERY_SINK("journal"),
	EVERY_SINK("remote"),
	SINK("remote", "to", VALUE_STRING, to),
	SINK("remote", "facility", VALUE_STRING, facility),
	SINK("remote", "spool", VALUE_SIZE, spool),
	SINK("remote", "spool-file", VALUE_STRING, path),
	EVERY_SINK("file"),
	SINK("file", "path", VALUE_STRING, path),
	EVERY_SINK("command"),
	SINK("command", "run", VALUE_LIST, run),
	SINK("command", "limit", VALUE_DURATION, limit_ns),
	CONF("metrics", "listen", VALUE_STRING, listen),
	CONF("metrics", "any-address", VALUE_BOOL, any_address),
	CONF("metrics", "textfile", VALUE_STRING, textfile),
	CONF("metrics", "interval", VALUE_DURATION, textfile_ns),
	CONF("metrics", "names", VALUE_CHOICE, names, names_choices),
	CONF("metrics", "series", VALUE_U64, series),
};
#define NKEYS (sizeof(keys) / sizeof(keys[0]))

const char *conf__key_name(size_t i)
{
	static _Thread_local char name[64];

	if (i >= NKEYS)
		return NULL;
	snprintf(name, sizeof(name), "%s.%s", keys[i].section, keys[i].name);
	return name;
}

static int parse_bool(const char *text, bool *out)
{
	static const char *const yes[] = { "yes", "true", "on", "1", NULL }, *const no[] = { "no", "false", "off", "0", NULL };

	for (size_t i = 0; yes[i]; i++)
		if (!strcmp(text, yes[i]) || !strcmp(text, no[i])) {
			*out = !strcmp(text, yes[i]);
			return 0;
		}
	return -EINVAL;
}

static int parse_u64(const char *text, uint64_t *out)
{
	char *end;
	unsigned long long v = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || v > INT32_MAX)
		return -EINVAL;
	*out = v;
	return 0;
}

/* "2%", "0.5%", or "off". */
static int parse_permille(const char *text, uint64_t *out)
{
	char *end;
	double v;

	if (!strcmp(text, "off")) {
		*out = 0;
		return 0;
	}
	v = strtod(text, &end);
	if (*text < '0' || *text > '9' || strcmp(end, "%") || !(v >= 0.1 && v <= 100))
		return -EINVAL;
	*out = v * 10 + 0.5;
	return 0;
}

static int parse_choice(const char *text, const char *const *choices, unsigned int *out)
{
	for (unsigned int i = 0; choices[i]; i++)
		if (!strcmp(text, choices[i])) {
			*out = i;
			return 0;
		}
	return -EINVAL;
}

static int parse_kinds(const char *text, unsigned int *out)
{
	struct strlist words = { 0 };
	unsigned int set = 0;
	int err = strlist__split(&words, text);

	for (size_t i = 0; !err && i < words.n; i++) {
		int kind = finding__kind_by_name(words.items[i]);

		if (kind < 0)
			err = kind;
		else
			set |= 1u << kind;
	}
	strlist__clear(&words);
	if (!err)
		*out = set;
	return err;
}

/* "10/1m" into rate and, behind it, rate_ns; "off". */
static int parse_rate(const char *text, uint64_t *rate)
{
	const char *slash = strchr(text, '/');
	char count[16];
	uint64_t n, ns;

	if (!strcmp(text, "off")) {
		rate[0] = 0;
		return 0;
	}
	if (!slash || (size_t)(slash - text) >= sizeof(count))
		return -EINVAL;
	snprintf(count, sizeof(count), "%.*s", (int)(slash - text), text);
	if (parse_u64(count, &n) || conf__duration(slash + 1, &ns) || !n || !ns)
		return -EINVAL;
	rate[0] = n;
	rate[1] = ns;
	return 0;
}
_Static_assert(offsetof(struct conf, rate_ns) == offsetof(struct conf, rate) + sizeof(uint64_t), "parse_rate fills both");

static const char *const expected[] = {
	[VALUE_BOOL] = "yes or no",
	[VALUE_U64] = "a number",
	[VALUE_DURATION] = "a duration: 250ms, 5s, 2m, 1h, 3d, or off",
	[VALUE_SIZE] = "a size: 65536, 256K, 4M",
	[VALUE_PERMILLE] = "0.1% to 100%, or off",
	[VALUE_STRING] = "a value",
	[VALUE_LIST] = "words; a quoted one must end in a quote",
	[VALUE_CHOICE] = "one of",
	[VALUE_KINDS] = "kinds of findings: nested order deadlock stall leak detached",
	[VALUE_RATE] = "COUNT/DURATION: 10/1m, or off",
};

int conf_key__set(const struct key *k, void *base, const char *text)
{
	void *field = (char *)base + k->offset;
	char *copy;

	switch (k->type) {
	case VALUE_BOOL:
		return parse_bool(text, field);
	case VALUE_U64:
		return parse_u64(text, field);
	case VALUE_DURATION:
		return conf__duration(text, field);
	case VALUE_SIZE:
		return conf__size(text, field);
	case VALUE_PERMILLE:
		return parse_permille(text, field);
	case VALUE_CHOICE:
		return parse_choice(text, k->choices, field);
	case VALUE_KINDS:
		return parse_kinds(text, field);
	case VALUE_RATE:
		return parse_rate(text, field);
	case VALUE_LIST:
		return *text ? strlist__split(field, text) : -EINVAL;
	case VALUE_STRING:
		copy = *text ? strdup(text) : NULL;
		if (!copy)
			return *text ? -ENOMEM : -EINVAL;
		free(*(char **)field);
		*(char **)field = copy;
		return 0;
	}
	return -EINVAL;
}

const struct key *conf_key__find(const char *section, const char *name)
{
	for (size_t i = 0; i < NKEYS; i++)
		if (!strcmp(keys[i].section, section) && !strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

bool conf_key__list(const char *section, char *buf, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < NKEYS; i++)
		if (!strcmp(keys[i].section, section) && len < size)
			len += snprintf(buf + len, size - len, "%s%s", len ? " " : "", keys[i].name);
	return len;
}

void conf_key__expected(const struct key *k, char *buf, size_t size)
{
	size_t len = snprintf(buf, size, "%s", expected[k->type]);

	for (size_t i = 0; k->type == VALUE_CHOICE && k->choices[i] && len < size; i++)
		len += snprintf(buf + len, size - len, "%s%s", i ? ", " : " ", k->choices[i]);
}
