// SPDX-License-Identifier: GPL-2.0
/* What two configurations have in common: what need not be begun anew. */
#include <string.h>
#include "conf.h"

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_sink(const struct conf_sink *a, const struct conf_sink *b)
{
	return a->type == b->type && same_text(a->name, b->name) && a->enable == b->enable && a->kinds == b->kinds &&
	       a->severity == b->severity && same_text(a->facility, b->facility) && same_text(a->to, b->to) &&
	       same_text(a->path, b->path) && a->spool == b->spool && strlist__equal(&a->run, &b->run) &&
	       a->limit_ns == b->limit_ns;
}

bool conf__same_alerts(const struct conf *a, const struct conf *b)
{
	if (a->rate != b->rate || a->rate_ns != b->rate_ns || a->ends != b->ends || a->nsinks != b->nsinks)
		return false;
	for (size_t i = 0; i < a->nsinks; i++)
		if (!same_sink(&a->sinks[i], &b->sinks[i]))
			return false;
	return true;
}

bool conf__same_watch(const struct conf *a, const struct conf *b)
{
	return a->stall_ns == b->stall_ns && a->leak_ns == b->leak_ns && a->budget_permille == b->budget_permille &&
	       a->max_pools == b->max_pools && a->max_threads == b->max_threads && a->stacks == b->stacks &&
	       a->follow == b->follow && a->device == b->device && a->jvm_dump == b->jvm_dump &&
	       a->debuginfod == b->debuginfod &&
	       same_text(a->debug_dirs, b->debug_dirs);
}
