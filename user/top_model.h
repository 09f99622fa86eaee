/* SPDX-License-Identifier: GPL-2.0 */
/* What top shows, apart from how. Private to top_*.c. */
#ifndef POOLWATCH_TOP_MODEL_H
#define POOLWATCH_TOP_MODEL_H

#include "judge.h"
#include "names.h"
#include "top.h"

enum top_page { TOP_POOLS, TOP_POOL, TOP_THREAD, TOP_FINDINGS, TOP_FINDING, TOP_HELP, TOP_SORT, TOP_PAGES };

#define TOP_DEPTH	 8     /* pages opened from one another */
#define TOP_MAX_FINDINGS 200   /* listed; the oldest is forgotten */
#define TOP_MAX_TEXT	 65536 /* bytes kept of a report */
#define TOP_WORD	 64    /* bytes of a filter or a search */

/* A finding as it was told: the ledger it came from moves on. */
struct top_finding {
	uint64_t number; /* from 1, never used again */
	char *line;	 /* one, escaped */
	char *text;	 /* the report, not wrapped */
	enum finding_severity severity;
	enum finding_event event;
};

/* A line of the list of pools: a pool, or with the tree the process above its pools. */
struct top_row {
	const struct view_pool *pool;  /* NULL: a process */
	const struct view_pool *first; /* of the process */
	unsigned int pools, alarms;
};

enum { TOP_TYPES_NOTHING, TOP_TYPES_FILTER, TOP_TYPES_SEARCH, TOP_TYPES_INTERVAL };

/* Who is selected, independent of where it stands. */
struct top_key {
	uint32_t session;
	uint64_t id;
};

/* The judge of one session: it remembers what it said of it. */
struct top_judge {
	const struct source *source;
	struct judge *judge;
};

struct top_list {
	size_t at;    /* selected */
	size_t first; /* on the screen */
};

struct top {
	struct top_options o;
	struct sessions sessions;
	struct top_judge *judges; /* by source, none with o.no_judge */
	size_t njudges;
	struct names *names; /* NULL: could not be had; numbers are shown */

	/* pages */
	enum top_page page[TOP_DEPTH];
	unsigned int depth; /* page[depth] is shown */
	bool paused, tree, total, all, reverse;
	const struct table_column *sort; /* NULL: state, then oldest wait */
	char filter[TOP_WORD], search[TOP_WORD];
	bool redraw; /* what is shown has changed */
	int typing;  /* TOP_TYPES_*: a line is being typed */
	char typed[TOP_WORD];
	struct top_list list[TOP_PAGES];
	unsigned int scroll;		   /* columns of the list of pools that are scrolled out to the left */
	struct top_key pool, thread;	   /* opened */
	struct top_key pool_at, thread_at; /* selected in the lists */

	/* rows of what is shown */
	const struct view_pool **pools; /* filtered and sorted */
	size_t npools, room_pools;
	struct top_row *rows;
	size_t nrows, room_rows;
	const struct view_thread **threads; /* of the opened pool: who waits longest first, then who holds longest */
	size_t nthreads, room_threads;
	unsigned int states[VIEW_NO_POOL + 1]; /* pools in each state, before filtering */
	unsigned int all_pools, all_threads;

	struct top_finding findings[TOP_MAX_FINDINGS]; /* oldest first */
	size_t nfindings;
	uint64_t found;	 /* so far */
	uint64_t opened; /* number of the finding opened */
	char **fresh;	 /* JSON of those since the last sample */
	size_t nfresh;
	char notice[200];
	uint64_t looks;
	uint64_t next_list; /* CLOCK_MONOTONIC ns: when to look for new sessions */
	bool ended;	    /* nothing is left that could be looked at */
};

uint64_t top__now(void);

/* A new look at all sessions, judged, and the rows made from it. Return: 0 or -errno. */
int top_model__look(struct top *t);
/* Make the rows again, after a change of filter, order or page. */
int top_model__arrange(struct top *t);

/* The pool or thread opened, or NULL if it is gone. */
const struct view_pool *top_model__pool(const struct top *t);
const struct view_thread *top_model__thread(const struct top *t);
/* Name the sites of a row's thread and say what it does; with @stack also where it is. Once a look. */
void top_model__describe(struct top *t, const struct view_thread *row, bool stack);
const struct top_finding *top_model__finding(const struct top *t);

/* The columns that can be sorted by, in order of the screen; NULL after the last. */
const struct table_column *top_model__sort_column(size_t index);
/* Lines of the list of a page. */
size_t top_model__length(const struct top *t, enum top_page page);
/* Remember who is selected, by who it is. */
void top_model__selected(struct top *t);
/* Select the next row that has t->search in it, from the one at @from on. Return: false: there is none. */
bool top_model__search(struct top *t, size_t from);

static inline enum top_page top__page(const struct top *t)
{
	return t->page[t->depth];
}

/* Act on a key (ncurses' codes). Return: false: quit. */
bool top_keys__press(struct top *t, int key, unsigned int page_lines);
#endif
