// SPDX-License-Identifier: GPL-2.0
/* What each definition costs: the columns of "show stats" beside the losses. */
#include "views.h"

#define COST_COLUMN(column, member, expression)                              \
	static void cost_##column(const void *row, struct table_value *v) \
	{                                                                 \
		const struct view_cost *r = row;                          \
									  \
		v->member = (expression);                                 \
	}

COST_COLUMN(name, text, r->def->name)
COST_COLUMN(hits, count, r->def->hits_emulated + r->def->hits_stepped)
COST_COLUMN(emulated, count, r->def->hits_emulated)
COST_COLUMN(stepped, count, r->def->hits_stepped)
COST_COLUMN(detached, count, !!(r->def->flags & POOLWATCH_DEF_DETACHED))
COST_COLUMN(session, count, r->session->number)

/* Without a budget nothing is measured. */
#define COST_MEASURED(column, expression)                                 \
	static void cost_##column(const void *row, struct table_value *v) \
	{                                                                 \
		const struct view_cost *r = row;                          \
									  \
		v->unknown = !r->def->budget;                             \
		v->count = (expression);                                  \
	}

COST_MEASURED(cost, r->def->cost)
COST_MEASURED(share, r->def->share)
COST_MEASURED(budget, r->def->budget)

static const struct table_column columns[] = {
	{ "name", "DEFINITION", "definition", "pool definition", TABLE_TEXT, 18, cost_name },
	{ "hits", "HITS", "hits", "of its probes so far", TABLE_COUNT, 9, cost_hits },
	{ "emulated", "EMULATED", "hits_emulated", "of them on instructions that the kernel emulates", TABLE_COUNT, 9, cost_emulated },
	{ "stepped", "STEPPED", "hits_stepped", "of them on instructions that it steps over, which costs more", TABLE_COUNT, 9, cost_stepped },
	{ "cost", "COST", "cost_ns", "time they took, as measured when the watch began", TABLE_NS, 6, cost_cost },
	{ "share", "SHARE", "share_permille", "of one CPU, lately, in 1/1000", TABLE_COUNT, 6, cost_share },
	{ "budget", "BUDGET", "budget_permille", "share beyond which its probes are removed, in 1/1000", TABLE_COUNT, 6, cost_budget },
	{ "detached", "GONE", "detached", "they were", TABLE_BOOL, 4, cost_detached },
	{ "session", "SESSION", "session", "who watches", TABLE_COUNT, 7, cost_session },
};

const struct table views_costs = {
	.type = "definition",
	.columns = columns,
	.ncolumns = sizeof(columns) / sizeof(columns[0]),
	.defaults = "name,hits,stepped,cost,share,budget,detached,session",
};
