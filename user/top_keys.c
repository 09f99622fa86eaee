// SPDX-License-Identifier: GPL-2.0
/* What keys do to the model. The keys are those of top(1) and htop(1). */
#include <curses.h>
#include <stdlib.h>
#include <string.h>
#include "top_columns.h"
#include "top_model.h"

#define KEY_ESC	    27
#define CTRL(c)	    ((c)&0x1f)
#define SHORTEST_NS 100000000ull
#define LONGEST_NS  3600000000000ull

static void open_page(struct top *t, enum top_page page)
{
	if (t->depth + 1 == TOP_DEPTH)
		return;
	t->page[++t->depth] = page;
	t->list[page] = (struct top_list){ 0 };
	top_model__arrange(t);
}

static void back(struct top *t)
{
	if (t->depth)
		t->depth--;
	top_model__arrange(t);
}

/* Text pages scroll, lists move the selection. */
static bool is_text(enum top_page page)
{
	return page == TOP_THREAD || page == TOP_FINDING || page == TOP_HELP;
}

static void move_by(struct top *t, long by)
{
	enum top_page page = top__page(t);
	struct top_list *list = &t->list[page];
	size_t *at = is_text(page) ? &list->first : &list->at, n = top_model__length(t, page);

	if (by < 0)
		*at = *at > (size_t)-by ? *at - (size_t)-by : 0;
	else
		*at += (size_t)by;
	/* How long a text is, the screen knows. */
	if (is_text(page))
		return;
	if (*at >= n)
		*at = n ? n - 1 : 0;
	top_model__selected(t);
}

static void set_interval(struct top *t, double seconds)
{
	double ns = seconds * 1e9;

	if (!(ns > 0))
		return;
	t->o.interval_ns = ns < (double)SHORTEST_NS ? SHORTEST_NS : ns > (double)LONGEST_NS ? LONGEST_NS : (uint64_t)ns;
}

static void typed(struct top *t)
{
	switch (t->typing) {
	case TOP_TYPES_FILTER:
		snprintf(t->filter, sizeof(t->filter), "%s", t->typed);
		top_model__arrange(t);
		break;
	case TOP_TYPES_SEARCH:
		snprintf(t->search, sizeof(t->search), "%s", t->typed);
		if (!top_model__search(t, t->list[TOP_POOLS].at) && *t->search)
			top__notice(t, "Not found.");
		break;
	case TOP_TYPES_INTERVAL:
		set_interval(t, strtod(t->typed, NULL));
		break;
	}
}

static void type(struct top *t, int key)
{
	size_t len = strlen(t->typed);

	switch (key) {
	case KEY_ESC:
		t->typing = TOP_TYPES_NOTHING;
		break;
	case '\r':
	case '\n':
	case KEY_ENTER:
		typed(t);
		t->typing = TOP_TYPES_NOTHING;
		break;
	case KEY_BACKSPACE:
	case 127:
	case '\b':
		/* All bytes of the last character. */
		while (len && ((unsigned char)t->typed[len - 1] & 0xc0) == 0x80)
			t->typed[--len] = '\0';
		if (len)
			t->typed[len - 1] = '\0';
		break;
	case CTRL('U'):
		t->typed[0] = '\0';
		break;
	default:
		if (key >= ' ' && key <= 0xff && len + 1 < sizeof(t->typed)) {
			t->typed[len] = (char)key;
			t->typed[len + 1] = '\0';
		}
	}
}

static void begin_typing(struct top *t, int what, const char *text)
{
	t->typing = what;
	snprintf(t->typed, sizeof(t->typed), "%s", text);
}

static void sort_by_neighbour(struct top *t, int by)
{
	const struct table_column *c;
	size_t at = 0, n = 0;

	/* 0 is the usual order. */
	for (; (c = top_model__sort_column(n)); n++)
		if (c == t->sort)
			at = n + 1;
	at = (at + n + 1 + (size_t)(by > 0 ? 1 : n)) % (n + 1);
	t->sort = at ? top_model__sort_column(at - 1) : NULL;
	top_model__arrange(t);
}

static void enter(struct top *t)
{
	const struct top_row *row;
	size_t at = t->list[top__page(t)].at;

	switch (top__page(t)) {
	case TOP_POOLS:
		row = at < t->nrows ? &t->rows[at] : NULL;
		if (!row || !row->pool)
			return;
		t->pool = (struct top_key){ row->pool->session->number, row->pool->pool->head.id };
		t->thread_at = (struct top_key){ 0 };
		open_page(t, TOP_POOL);
		break;
	case TOP_POOL:
		if (at >= t->nthreads)
			return;
		t->thread = (struct top_key){ t->threads[at]->session->number, t->threads[at]->record->head.id };
		open_page(t, TOP_THREAD);
		break;
	case TOP_FINDINGS:
		if (at >= t->nfindings)
			return;
		t->opened = t->findings[t->nfindings - 1 - at].number;
		open_page(t, TOP_FINDING);
		break;
	case TOP_SORT:
		t->sort = at ? top_model__sort_column(at - 1) : NULL;
		back(t);
		break;
	default:
		break;
	}
}

static void scroll_columns(struct top *t, int by)
{
	size_t n = 0;

	while (top_columns__pool(n, t->total))
		n++;
	if (by < 0 && t->scroll)
		t->scroll--;
	if (by > 0 && t->scroll + 3 < n)
		t->scroll++;
}

/* Keys that only the list of pools has. Return: false: not one of them. */
static bool press_at_pools(struct top *t, int key)
{
	switch (key) {
	case KEY_LEFT:
		scroll_columns(t, -1);
		return true;
	case KEY_RIGHT:
		scroll_columns(t, 1);
		return true;
	case KEY_F(3):
	case '/':
		begin_typing(t, TOP_TYPES_SEARCH, "");
		return true;
	case 'n':
		if (!top_model__search(t, t->list[TOP_POOLS].at + 1))
			top__notice(t, *t->search ? "Not found." : "Search first: /");
		return true;
	case KEY_F(4):
	case '\\':
		begin_typing(t, TOP_TYPES_FILTER, t->filter);
		return true;
	case KEY_F(5):
	case 't':
		t->tree = !t->tree;
		break;
	case KEY_F(6):
	case 's':
		open_page(t, TOP_SORT);
		return true;
	case '<':
		sort_by_neighbour(t, -1);
		return true;
	case '>':
		sort_by_neighbour(t, 1);
		return true;
	case 'R':
	case 'I':
		t->reverse = !t->reverse;
		break;
	case 'T':
		t->total = !t->total;
		return true;
	case 'a':
		t->all = !t->all;
		break;
	default:
		return false;
	}
	top_model__arrange(t);
	return true;
}

bool top_keys__press(struct top *t, int key, unsigned int page_lines)
{
	if (t->typing) {
		type(t, key);
		return true;
	}
	*t->notice = '\0';
	if (top__page(t) == TOP_POOLS && press_at_pools(t, key))
		return true;
	switch (key) {
	case 'q':
	case KEY_F(10):
	case CTRL('C'):
		return false;
	case KEY_UP:
	case 'k':
		move_by(t, -1);
		break;
	case KEY_DOWN:
	case 'j':
		move_by(t, 1);
		break;
	case KEY_PPAGE:
	case CTRL('B'):
		move_by(t, -(long)page_lines);
		break;
	case KEY_NPAGE:
	case CTRL('F'):
		move_by(t, (long)page_lines);
		break;
	case KEY_HOME:
	case 'g':
		move_by(t, -1000000);
		break;
	case KEY_END:
	case 'G':
		move_by(t, 1000000);
		break;
	case '\r':
	case '\n':
	case KEY_ENTER:
		enter(t);
		break;
	case KEY_ESC:
	case KEY_BACKSPACE:
	case 127:
	case '\b':
	case KEY_LEFT:
		back(t);
		break;
	case KEY_F(1):
	case '?':
	case 'h':
		if (top__page(t) != TOP_HELP)
			open_page(t, TOP_HELP);
		break;
	case 'f':
		if (top__page(t) != TOP_FINDINGS && top__page(t) != TOP_FINDING)
			open_page(t, TOP_FINDINGS);
		break;
	case ' ':
	case 'Z':
		t->paused = !t->paused;
		break;
	case 'd':
		begin_typing(t, TOP_TYPES_INTERVAL, "");
		break;
	case '+':
		set_interval(t, (double)t->o.interval_ns / 1e9 * 2);
		break;
	case '-':
		set_interval(t, (double)t->o.interval_ns / 1e9 / 2);
		break;
	case CTRL('L'):
		clearok(curscr, TRUE);
		break;
	}
	return true;
}
