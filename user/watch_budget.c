// SPDX-License-Identifier: GPL-2.0
/*
 * The budget: hits are counted, what one costs was measured when the watch began, and a definition whose probes take more
 * than the allowed share of one CPU is taken off its targets, and said.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "watch_int.h"

#define SECOND 1000000000ull
#define WINDOW (2 * SECOND) /* a burst is no reason yet */

struct watch_budget {
	struct loader_hits last[PW_MAX_DEFS];
	uint64_t spent[PW_MAX_DEFS]; /* ns */
	bool over[PW_MAX_DEFS];
	uint64_t checked;
	struct loader_cost cost;
};

int watch_budget__new(struct watch *w)
{
	w->budget = calloc(1, sizeof(*w->budget));
	if (!w->budget)
		return -ENOMEM;
	return w->options.budget_permille ? loader__measure(w->loader, &w->budget->cost) : 0;
}

void watch_budget__free(struct watch *w)
{
	free(w->budget);
}

static void detach(struct watch *w, uint32_t def, unsigned int permille)
{
	struct finding f = {
		.kind = FINDING_DETACHED,
		.severity = FINDING_WARNING,
		.time = watch__clock(),
		.count = 1,
		.capacity = POOLWATCH_UNKNOWN,
		.needed_capacity = POOLWATCH_UNKNOWN,
		.safe_threads = POOLWATCH_UNKNOWN,
		.margin = POOLWATCH_UNKNOWN,
	};
	char why[240];

	for (size_t i = 0; i < w->ntargets; i++) {
		if (!w->targets[i].attached[def])
			continue;
		loader__detach_def(w->loader, w->targets[i].lt, def);
		/* Who is parked is not known any more. */
		if (watch_jvm__is(&w->options.spec->pools[def]))
			watch_jvm__close(w, &w->targets[i]);
		if (!f.pid)
			f.pid = w->targets[i].t.pid;
	}
	loader__end_def(w->loader, def);
	w->budget->over[def] = true;
	snprintf(f.pool_name, sizeof(f.pool_name), "%s", w->options.spec->pools[def].name);
	snprintf(why, sizeof(why), "its probes took %u.%u %% of a CPU, more than the %u.%u %% that --budget allows: they were removed, and its pools are not watched any more",
		 permille / 10, permille % 10, w->options.budget_permille / 10, w->options.budget_permille % 10);
	f.explanation = why;
	w->found[FINDING_DETACHED]++;
	f.realtime_ns = watch__realtime();
	watch__fill(w, &f);
	if (w->options.finding)
		w->options.finding(w->options.ctx, &f);
	free(f.exe);
	free(f.container);
}

void watch_budget__check(struct watch *w, uint64_t now)
{
	struct watch_budget *b = w->budget;
	uint64_t past = now - b->checked;

	if (past < WINDOW)
		return;
	for (uint32_t def = 0; def < w->options.spec->npools; def++) {
		struct loader_hits hits;
		uint64_t cost, share;

		if (b->over[def] || loader__hits(w->loader, def, &hits))
			continue;
		cost = (hits.emulated - b->last[def].emulated) * b->cost.emulated + (hits.stepped - b->last[def].stepped) * b->cost.stepped;
		b->last[def] = hits;
		b->spent[def] += cost;
		share = b->checked ? cost * 1000 / past : 0;
		loader__set_cost(w->loader, def, &hits, b->spent[def], share, w->options.budget_permille);
		if (w->options.budget_permille && share > w->options.budget_permille)
			detach(w, def, share);
	}
	b->checked = now;
}
