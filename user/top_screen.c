// SPDX-License-Identifier: GPL-2.0
/* The frame of every page, and the list of pools. */
#include <curses.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include "escape.h"
#include "text.h"
#include "top_columns.h"
#include "top_draw.h"
#include "top_screen.h"

#define HEADER 3 /* lines above the headings */

struct top_layout top_screen__layout(const struct top *t)
{
	unsigned int lines = top_draw__lines(), pane = lines / 6;
	struct top_layout l = { .list = HEADER + 1, .last = lines - 1 };
	enum top_page page = top__page(t);

	pane = pane < 2 ? 2 : pane > 12 ? 12 : pane;
	if (page == TOP_POOL)
		pane += 2;
	if ((page != TOP_POOLS && page != TOP_POOL) || lines < 16)
		pane = 0;
	l.pane_lines = pane;
	l.pane = l.last - pane - (pane ? 1 : 0);
	l.list_lines = l.pane > l.list ? l.pane - l.list : 0;
	return l;
}

unsigned int top_screen__page_lines(const struct top *t)
{
	unsigned int lines = top_screen__layout(t).list_lines;

	return lines ? lines : 1;
}

void top_screen__scroll(struct top_list *list, size_t n, unsigned int lines)
{
	if (list->at >= n)
		list->at = n ? n - 1 : 0;
	if (list->first > list->at)
		list->first = list->at;
	if (lines && list->at >= list->first + lines)
		list->first = list->at - lines + 1;
	/* No empty lines at the end while there are rows above. */
	if (list->first + lines > n)
		list->first = n > lines ? n - lines : 0;
}

static void sessions_text(const struct top *t, char *buf, size_t size)
{
	size_t n = 0;
	const struct source *one = NULL;

	for (size_t i = 0; i < t->sessions.n; i++) {
		if (t->sessions.s[i]->gone)
			continue;
		one = t->sessions.s[i]->source;
		n++;
	}
	if (!n)
		snprintf(buf, size, "no session");
	else if (n == 1)
		snprintf(buf, size, "session %" PRIu32 ", %s", one->session, one->ops->mode);
	else
		snprintf(buf, size, "%zu sessions", n);
}

/* What explains the rows: a filter that hides some, gaps in the books. */
static void remarks(const struct top *t, uint64_t lost)
{
	char word[4 * TOP_WORD], filter[4 * TOP_WORD + 16] = "", gaps[96] = "";

	if (*t->filter && top__page(t) == TOP_POOLS) {
		escape__string(word, sizeof(word), t->filter, top_draw__escape());
		snprintf(filter, sizeof(filter), "filter: %s  ", word);
	}
	if (lost)
		snprintf(gaps, sizeof(gaps), "lost or not understood: %" PRIu64 " times ('poolwatch show stats')",
			 lost);
	top_draw__printf(2, 0, TOP_WARN, "%s%s", filter, gaps);
}

static void header(const struct top *t)
{
	char when[16] = "", sessions[64], states[160] = "";
	time_t now = time(NULL);
	uint64_t lost = 0;
	size_t len = 0;
	struct tm tm;

	if (localtime_r(&now, &tm))
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	sessions_text(t, sessions, sizeof(sessions));
	top_draw__printf(0, 0, TOP_BOLD, "poolwatch %s  %s  every %.3g s%s", when, sessions,
			 (double)t->o.interval_ns / 1e9, t->paused ? "  PAUSED" : "");
	for (int s = VIEW_NO_POOL; s >= 0; s--)
		if (t->states[s])
			len += (size_t)snprintf(states + len, sizeof(states) - len, "%s%u %s", len ? ", " : ": ",
						t->states[s], view_state__name((enum view_state)s));
	top_draw__printf(1, 0, t->states[VIEW_DEADLOCK] || t->states[VIEW_STALL] ? TOP_ALARM : TOP_PLAIN,
			 "%u %s%s; %u %s", t->all_pools, t->all_pools == 1 ? "pool" : "pools", states, t->all_threads,
			 t->all_threads == 1 ? "thread" : "threads");
	for (size_t i = 0; i < t->sessions.n; i++)
		for (size_t k = 0; k < t->sessions.s[i]->views.ncounters; k++)
			lost += t->sessions.s[i]->views.counters[k].counter->count;
	if (t->ended)
		top_draw__line(
			2, 0, TOP_ALARM,
			"What was watched has ended: this is the last picture. Start another: poolwatch attach -p PID");
	else if (*t->notice)
		top_draw__line(2, 0, TOP_WARN, t->notice);
	else
		remarks(t, lost);
}

/* Columns that a column takes on the screen. */
static unsigned int width_of(const struct table_column *c)
{
	return top_columns__is_bar(c) ? TOP_BAR_WIDTH : c->width;
}

/* Calls @draw for each column that is on the screen; the first two stay when the others scroll. */
static void each_column(const struct top *t, unsigned int y, const struct view_pool *p,
			void (*draw)(const struct top *t, const struct table_column *c, unsigned int y, unsigned int x,
				     const struct view_pool *p))
{
	const struct table_column *c;
	unsigned int x = 0;

	for (size_t i = 0; (c = top_columns__pool(i, t->total)) && x < top_draw__columns(); i++) {
		if (i >= 2 && i < 2 + t->scroll)
			continue;
		draw(t, c, y, x, p);
		x += width_of(c) + 1;
	}
}

static void draw_heading(const struct top *t, const struct table_column *c, unsigned int y, unsigned int x,
			 const struct view_pool *p)
{
	(void)p;
	top_draw__field(y, x, width_of(c), table__right_aligned(c) && !top_columns__is_bar(c),
			c == t->sort ? TOP_SELECTED : TOP_HEADING, top_columns__is_bar(c) ? "IN USE" : c->title);
}

static void draw_cell(const struct top *t, const struct table_column *c, unsigned int y, unsigned int x,
		      const struct view_pool *p)
{
	bool selected = t->nrows && t->rows[t->list[TOP_POOLS].at].pool == p;
	enum top_style style = top_style__of_state(p->state);
	char cell[256];
	size_t indent = t->tree && !strcmp(c->name, "name") ? 2 : 0;

	memset(cell, ' ', indent);

	if (top_columns__is_bar(c))
		top_columns__bar(cell, sizeof(cell), p, TOP_BAR_WIDTH);
	else
		table__cell(cell + indent, sizeof(cell) - indent, c, p, top_draw__escape());
	if (selected)
		style = TOP_SELECTED;
	else if (strcmp(c->name, "state") && !top_columns__is_bar(c))
		style = TOP_PLAIN;
	top_draw__field(y, x, width_of(c), table__right_aligned(c) && !top_columns__is_bar(c), style, cell);
}

static void draw_process(const struct top_row *row, unsigned int y, bool selected)
{
	char comm[4 * POOLWATCH_COMM + 4];

	escape__string(comm, sizeof(comm), row->first->comm, top_draw__escape());
	if (row->alarms)
		top_draw__printf(y, 0, selected ? TOP_SELECTED : TOP_ALARM, "%s[%" PRIu32 "]  %u %s, %u in trouble",
				 *comm ? comm : "process", row->first->pool->head.tgid, row->pools,
				 row->pools == 1 ? "pool" : "pools", row->alarms);
	else
		top_draw__printf(y, 0, selected ? TOP_SELECTED : TOP_BOLD, "%s[%" PRIu32 "]  %u %s",
				 *comm ? comm : "process", row->first->pool->head.tgid, row->pools,
				 row->pools == 1 ? "pool" : "pools");
}

static void pools_page(struct top *t, const struct top_layout *l)
{
	struct top_list *list = &t->list[TOP_POOLS];

	top_screen__scroll(list, t->nrows, l->list_lines);
	top_draw__line(l->list - 1, 0, TOP_HEADING, "");
	each_column(t, l->list - 1, NULL, draw_heading);
	for (unsigned int i = 0; i < l->list_lines && list->first + i < t->nrows; i++) {
		const struct top_row *row = &t->rows[list->first + i];
		bool selected = list->first + i == list->at;

		if (selected)
			top_draw__line(l->list + i, 0, TOP_SELECTED, "");
		if (row->pool)
			each_column(t, l->list + i, row->pool, draw_cell);
		else
			draw_process(row, l->list + i, selected);
	}
	if (!t->nrows)
		top_draw__line(l->list, 0, TOP_PLAIN,
			       *t->filter && t->all_pools ? "No pool matches the filter."
							  : "No pool has been used yet.");
	top_pages__findings_pane(t, l);
}

static void last_line(const struct top *t, unsigned int y)
{
	static const char *const prompts[] = { [TOP_TYPES_FILTER] = "Filter: ",
					       [TOP_TYPES_SEARCH] = "Search: ",
					       [TOP_TYPES_INTERVAL] = "Seconds between looks: " };
	static const struct {
		const char *key, *what;
	} keys
		[] = { { "F1", "Help" },    { "F3", "Search" }, { "F4", "Filter" },   { "F5", "Tree" },
		       { "F6", "Sort" },    { "T", "Total" },	{ "Space", "Pause" }, { "f", "Findings" },
		       { "Enter", "Open" }, { "q", "Quit" } },
	    back[] = {
		    { "F1", "Help" }, { "Space", "Pause" }, { "Enter", "Open" }, { "Esc", "Back" }, { "q", "Quit" }
	    };
	bool at_list = top__page(t) == TOP_POOLS;
	unsigned int x = 0;
	char word[4 * TOP_WORD];

	if (t->typing) {
		escape__string(word, sizeof(word), t->typed, top_draw__escape());
		top_draw__printf(y, 0, TOP_BOLD, "%s%s_", prompts[t->typing], word);
		return;
	}
	for (size_t i = 0; i < (at_list ? sizeof(keys) / sizeof(keys[0]) : sizeof(back) / sizeof(back[0])); i++) {
		const char *key = at_list ? keys[i].key : back[i].key, *what = at_list ? keys[i].what : back[i].what;

		if (x + strlen(key) + strlen(what) + 1 > top_draw__columns())
			break;
		top_draw__field(y, x, (unsigned int)strlen(key), false, TOP_KEY, key);
		x += (unsigned int)strlen(key);
		top_draw__field(y, x, (unsigned int)strlen(what) + 1, false, TOP_PLAIN, what);
		x += (unsigned int)strlen(what) + 1;
	}
}

void top_screen__draw(struct top *t)
{
	struct top_layout l;

	erase();
	if (top_draw__lines() < TOP_MIN_LINES || top_draw__columns() < TOP_MIN_COLUMNS) {
		top_draw__printf(0, 0, TOP_PLAIN, "Terminal too small:");
		top_draw__printf(1, 0, TOP_PLAIN, "%ux%u, %dx%d needed", top_draw__columns(), top_draw__lines(),
				 TOP_MIN_COLUMNS, TOP_MIN_LINES);
		refresh();
		return;
	}
	l = top_screen__layout(t);
	header(t);
	switch (top__page(t)) {
	case TOP_POOL:
		top_pages__pool(t, &l);
		break;
	case TOP_THREAD:
		top_pages__thread(t, &l);
		break;
	case TOP_FINDINGS:
		top_pages__findings(t, &l);
		break;
	case TOP_FINDING:
		top_pages__finding(t, &l);
		break;
	case TOP_HELP:
		top_pages__help(t, &l);
		break;
	case TOP_SORT:
		top_pages__sort(t, &l);
		break;
	default:
		pools_page(t, &l);
		break;
	}
	last_line(t, l.last);
	refresh();
}
