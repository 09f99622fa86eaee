// SPDX-License-Identifier: GPL-2.0
/* The pages below the list of pools: a pool, a thread, findings, help, the choice of an order. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "escape.h"
#include "histogram.h"
#include "text.h"
#include "top_columns.h"
#include "top_draw.h"
#include "top_screen.h"

/* Bytes of @line that fit into @width columns, cut between words where there are any. */
static size_t fit_words(const char *line, unsigned int width)
{
	size_t fits = escape__fit(line, width), at = fits;

	if (!line[fits])
		return fits;
	while (at && line[at] != ' ')
		at--;
	return at > strspn(line, " ") ? at : fits ? fits : strlen(line);
}

/* One line of a text, continued on as many as it needs. Return: how many. @draw: false: count only. */
static size_t draw_wrapped(const char *line, size_t at, const struct top_list *list, const struct top_layout *l,
			   bool draw)
{
	unsigned int indent = (unsigned int)strspn(line, " "), x = 0, width = top_draw__columns();
	size_t n = 0;
	char part[1024];

	indent = indent + 2 < width / 2 ? indent + 2 : 2;
	do {
		size_t len = fit_words(line, width - x);

		snprintf(part, sizeof(part), "%.*s", (int)(len < sizeof(part) - 1 ? len : sizeof(part) - 1), line);
		if (draw && at + n >= list->first && at + n - list->first <= l->list_lines)
			top_draw__line(l->list - 1 + (unsigned int)(at + n - list->first), x, TOP_PLAIN, part);
		line += len;
		line += strspn(line, " ");
		x = indent;
		n++;
	} while (*line);
	return n;
}

/* A text of several lines, from line @list->first on, which moves so that the end stays on the screen. */
static void draw_text(struct top_list *list, const struct top_layout *l, const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	unsigned int room = l->list_lines + 1;

	if (!copy)
		return;
	for (int pass = 0; pass < 2; pass++) {
		size_t at = 0;
		char *p = copy;

		while (*p) {
			char *end = p + strcspn(p, "\n"), was = *end;

			*end = '\0';
			at += draw_wrapped(p, at, list, l, pass == 1);
			*end = was;
			p = end + (was == '\n');
		}
		if (list->first + room > at)
			list->first = at > room ? at - room : 0;
	}
}

static void pane_title(const struct top_layout *l, const char *title)
{
	top_draw__line(l->pane, 0, TOP_HEADING, title);
}

void top_pages__findings_pane(const struct top *t, const struct top_layout *l)
{
	if (!l->pane_lines)
		return;
	pane_title(l, t->nfindings ? "FINDINGS, the latest first" : "FINDINGS: none so far");
	for (size_t i = 0; i < l->pane_lines && i < t->nfindings; i++) {
		const struct top_finding *f = &t->findings[t->nfindings - 1 - i];

		top_draw__line(l->pane + 1 + (unsigned int)i, 0, top_style__of_severity(f->severity, f->event),
			       f->line);
	}
}

/* The two distributions, side by side; of many buckets those of the longest times. */
static void histograms_pane(const struct view_pool *p, const struct top_layout *l)
{
	unsigned int half = top_draw__columns() / 2;

	pane_title(l, "HELD FOR");
	top_draw__field(l->pane, half, half, false, TOP_HEADING, "WAITED FOR");
	for (int side = 0; side < 2; side++) {
		const __u64 *buckets = side ? p->pool->wait : p->pool->hold;
		unsigned int shown = 0;
		char line[300];
		int last = POOLWATCH_BUCKETS - 1, first;

		while (last >= 0 && !buckets[last])
			last--;
		first = last - (int)l->pane_lines + 1;
		for (int i = first < 0 ? 0 : first; i <= last && shown < l->pane_lines; i++)
			if (histogram__line(line, sizeof(line), buckets, i, half - 1))
				top_draw__field(l->pane + 1 + shown++, side * half, half - 1, false, TOP_PLAIN, line);
		if (last < 0)
			top_draw__field(l->pane + 1, side * half, half - 1, false, TOP_PLAIN,
					side ? "nobody had to wait yet" : "nothing returned yet");
	}
}

static void pool_facts(const struct view_pool *p)
{
	char name[4 * POOLWATCH_NAME + 4], comm[4 * POOLWATCH_COMM + 4], size[120] = "", capacity[32] = "unknown";

	escape__string(name, sizeof(name), p->name, top_draw__escape());
	escape__string(comm, sizeof(comm), p->comm, top_draw__escape());
	top_draw__printf(1, 0, top_style__of_state(p->state), "pool %s 0x%" PRIx64 " of %s[%" PRIu32 "]: %s", name,
			 (uint64_t)p->pool->addr, *comm ? comm : "process", p->pool->head.tgid,
			 view_state__name(p->state));
	if (p->capacity != POOLWATCH_UNKNOWN)
		snprintf(capacity, sizeof(capacity), "%" PRId64 "%s", p->capacity,
			 p->capacity_known == LEDGER_CAPACITY_CERTAIN ? "" : " or more");
	if (p->safe_threads != POOLWATCH_UNKNOWN)
		snprintf(size, sizeof(size), "; depth %" PRIu32 ", nesting %" PRId64 ", safe for %" PRId64,
			 p->pool->depth, (int64_t)p->pool->nesting_max, p->safe_threads);
	top_draw__printf(2, 0, TOP_PLAIN, "capacity %s, %" PRId64 " in use (most %" PRId64 "), %u waiting%s", capacity,
			 (int64_t)p->pool->in_use, (int64_t)p->pool->in_use_max, p->waiters, size);
}

/* The last column takes what is left of the line. */
static void thread_line(const struct view_thread *th, unsigned int y, bool selected)
{
	const struct table_column *c;
	unsigned int x = 0, width, next;
	char cell[256];

	if (selected)
		top_draw__line(y, 0, TOP_SELECTED, "");
	for (size_t i = 0; (c = top_columns__thread(i, &width)) && x < top_draw__columns(); i++) {
		enum top_style style = selected ? TOP_SELECTED : !th ? TOP_HEADING : TOP_PLAIN;

		if (th)
			table__cell(cell, sizeof(cell), c, th, top_draw__escape());
		else
			snprintf(cell, sizeof(cell), "%s", c->title);
		if (th && !selected && th->deadlocked && !strcmp(c->name, "state"))
			style = TOP_ALARM;
		if (!top_columns__thread(i + 1, &next) && top_draw__columns() > x + width)
			width = top_draw__columns() - x;
		top_draw__field(y, x, width, table__right_aligned(c), style, cell);
		x += width + 1;
	}
}

void top_pages__pool(struct top *t, const struct top_layout *l)
{
	const struct view_pool *p = top_model__pool(t);
	struct top_list *list = &t->list[TOP_POOL];

	if (!p) {
		top_draw__line(1, 0, TOP_WARN, "The pool is gone. Esc goes back.");
		return;
	}
	pool_facts(p);
	top_screen__scroll(list, t->nthreads, l->list_lines);
	top_draw__line(l->list - 1, 0, TOP_HEADING, "");
	thread_line(NULL, l->list - 1, false);
	for (unsigned int i = 0; i < l->list_lines && list->first + i < t->nthreads; i++) {
		const struct view_thread *th = t->threads[list->first + i];

		top_model__describe(t, th, false);
		thread_line(th, l->list + i, list->first + i == list->at);
	}
	if (!t->nthreads)
		top_draw__line(l->list, 0, TOP_PLAIN, "Nobody holds a unit of it, nobody asks for one.");
	if (l->pane_lines)
		histograms_pane(p, l);
}

void top_pages__thread(struct top *t, const struct top_layout *l)
{
	const struct view_thread *th = top_model__thread(t);
	const struct text_options o = { .ascii = top_draw__escape() != 0, .width = top_draw__columns() };
	_cleanup_free_ char *text = NULL;
	struct finding f = { 0 };
	size_t size;
	FILE *out;

	if (!th) {
		top_draw__line(1, 0, TOP_WARN,
			       "The thread holds nothing and asks for nothing any more. Esc goes back.");
		return;
	}
	top_model__describe(t, th, true);
	/* Shown as a report shows it. */
	f.pid = th->who.pid;
	f.pool = t->pool.id;
	f.threads = (struct finding_thread *)&th->who;
	f.nthreads = 1;
	out = open_memstream(&text, &size);
	if (!out)
		return;
	text__threads(out, &f, &o);
	if (!fclose(out))
		draw_text(&t->list[TOP_THREAD], l, text);
	if (th->deadlocked)
		top_draw__line(1, 0, TOP_ALARM, "This thread is deadlocked.");
}

void top_pages__findings(struct top *t, const struct top_layout *l)
{
	struct top_list *list = &t->list[TOP_FINDINGS];

	top_screen__scroll(list, t->nfindings, l->list_lines);
	top_draw__line(l->list - 1, 0, TOP_HEADING,
		       t->nfindings ? "FINDINGS, the latest first; Enter opens one" : "FINDINGS: none so far");
	for (unsigned int i = 0; i < l->list_lines && list->first + i < t->nfindings; i++) {
		const struct top_finding *f = &t->findings[t->nfindings - 1 - list->first - i];

		top_draw__line(l->list + i, 0,
			       list->first + i == list->at ? TOP_SELECTED
							   : top_style__of_severity(f->severity, f->event),
			       f->line);
	}
}

void top_pages__finding(struct top *t, const struct top_layout *l)
{
	const struct top_finding *f = top_model__finding(t);

	draw_text(&t->list[TOP_FINDING], l, f ? f->text : "This finding is too old: it is no longer kept.");
}

void top_pages__help(struct top *t, const struct top_layout *l)
{
	draw_text(
		&t->list[TOP_HELP], l,
		"poolwatch top: which pool is full, who holds it, who waits.\n"
		"\n"
		"  Up Down PgUp PgDn Home End   select; j and k too\n"
		"  Left Right                   more columns\n"
		"  Enter                        open a pool: holders and waiters; again: a thread, where it is\n"
		"  Esc Backspace                back\n"
		"  F3 or /   n                  search; the next one\n"
		"  F4 or \\                      show only what matches: name, process, PID, state, key\n"
		"  F5 or t                      tree by process\n"
		"  F6 or s                      sort by...\n"
		"  < >   R or I                 sort by the column to the left, right; reverse\n"
		"  T                            over the last interval, or since start\n"
		"  a                            also what is no pool (signalling semaphores and the like)\n"
		"  f                            all findings\n"
		"  Space or Z                   pause\n"
		"  d   + -                      seconds between looks\n"
		"  Ctrl-L                       draw anew\n"
		"  q F10 Ctrl-C                 quit\n"
		"\n"
		"States: ok; busy: three quarters in use, or somebody waits; full: all in use; STALL: full, and nothing\n"
		"granted for longer than --stall while somebody waits; DEADLOCK: proven; uncertain: the books may be\n"
		"wrong, 'poolwatch show stats' says why.\n"
		"Bar: # in use, ? taken before the watch began, | the most ever in use.\n"
		"MARGIN: how many more threads may nest at once before it can deadlock.\n");
}

void top_pages__sort(struct top *t, const struct top_layout *l)
{
	struct top_list *list = &t->list[TOP_SORT];
	size_t n = top_model__length(t, TOP_SORT);

	top_screen__scroll(list, n, l->list_lines);
	top_draw__line(l->list - 1, 0, TOP_HEADING, "SORT BY");
	for (unsigned int i = 0; i < l->list_lines && list->first + i < n; i++) {
		const struct table_column *c = list->first + i ? top_model__sort_column(list->first + i - 1) : NULL;
		enum top_style style = list->first + i == list->at ? TOP_SELECTED : TOP_PLAIN;

		if (c)
			top_draw__printf(l->list + i, 0, style, "%-8s %s", c->title, c->help);
		else
			top_draw__line(l->list + i, 0, style, "usual    the most urgent state, then the longest wait");
	}
}
