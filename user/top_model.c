// SPDX-License-Identifier: GPL-2.0
/* The rows of top: looked at, filtered, sorted, selected. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "top_findings.h"
#include "top_model.h"

#define RESCAN_NS 3000000000ull

uint64_t top__now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

int top__new(const struct top_options *o, struct sessions *sessions, struct top **out)
{
	struct top *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->o = *o;
	if (o->filter)
		snprintf(t->filter, sizeof(t->filter), "%s", o->filter);
	if (names__new(NULL, &t->names))
		t->names = NULL;
	t->sessions = *sessions;
	*sessions = (struct sessions){ 0 };
	t->next_list = top__now() + RESCAN_NS;
	*out = t;
	return 0;
}

void top__free(struct top *t)
{
	if (!t)
		return;
	top_findings__clear(t);
	names__free(t->names);
	sessions__close(&t->sessions);
	free(t->pools);
	free(t->rows);
	free(t->threads);
	free(t);
}

void top__notice(struct top *t, const char *line)
{
	snprintf(t->notice, sizeof(t->notice), "%s", line);
}

static bool is_open(const struct top *t, enum top_page page)
{
	for (unsigned int i = 0; i <= t->depth; i++)
		if (t->page[i] == page)
			return true;
	return false;
}

static struct views_options views_options(const struct top *t)
{
	return (struct views_options){ .stall_ns = t->o.stall_ns,
				       .all = t->all,
				       .threads = is_open(t, TOP_POOL) || is_open(t, TOP_THREAD) || t->o.json };
}

int top_model__look(struct top *t)
{
	struct views_options o = views_options(t);
	uint64_t now = top__now();
	int alive;

	if (!t->sessions.fixed && now >= t->next_list) {
		t->next_list = now + RESCAN_NS;
		/* What cannot be found now may be found later. */
		sessions__rescan(&t->sessions);
	}
	alive = sessions__look(&t->sessions, SOURCE_ALL_TABLES, &o);
	if (alive < 0)
		return alive;
	t->ended = !alive;
	t->looks++;
	top_findings__judge(t);
	return top_model__arrange(t);
}

static bool contains(const char *text, const char *word)
{
	return strcasestr(text, word);
}

/* In its name, process, state, or key. */
static bool pool_matches(const struct view_pool *p, const char *word)
{
	char text[64];

	if (!*word || contains(p->name, word) || contains(p->comm, word) || contains(view_state__name(p->state), word))
		return true;
	snprintf(text, sizeof(text), "%" PRIu32 " 0x%" PRIx64, p->pool->head.tgid, (uint64_t)p->pool->addr);
	return contains(text, word);
}

static unsigned int urgency(enum view_state state)
{
	static const unsigned int order[] = {
		[VIEW_DEADLOCK] = 6, [VIEW_STALL] = 5, [VIEW_FULL] = 4,	   [VIEW_UNCERTAIN] = 3,
		[VIEW_BUSY] = 2,     [VIEW_OK] = 1,    [VIEW_NO_POOL] = 0,
	};

	return order[state];
}

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

/* The order that rows have in their views, session by session. */
static int compare_places(const struct top *t, const struct view_pool *a, const struct view_pool *b)
{
	if (a->session != b->session)
		for (size_t i = 0; i < t->sessions.n; i++) {
			if (a->session == &t->sessions.s[i]->views.session)
				return -1;
			if (b->session == &t->sessions.s[i]->views.session)
				return 1;
		}
	return ORDER(a, b);
}

static int compare_pools(const void *x, const void *y, void *ctx)
{
	const struct view_pool *a = *(const struct view_pool *const *)x, *b = *(const struct view_pool *const *)y;
	const struct top *t = ctx;
	int order;

	if (!t->sort) {
		order = ORDER(urgency(b->state), urgency(a->state));
		order = order ? order : ORDER(b->oldest_wait_ns, a->oldest_wait_ns);
	} else {
		order = table__compare(t->sort, a, b);
		/* Numbers: the largest first. What is not known stays last. */
		if (t->sort->type != TABLE_TEXT) {
			struct table_value va = { 0 }, vb = { 0 };

			t->sort->get(a, &va);
			t->sort->get(b, &vb);
			order = va.unknown || vb.unknown ? order : -order;
		}
	}
	if (t->reverse)
		order = -order;
	return order ? order : compare_places(t, a, b);
}

static int room(void *array, size_t *have, size_t want, size_t size)
{
	void *grown;

	if (want <= *have)
		return 0;
	grown = reallocarray(*(void **)array, want, size);
	if (!grown)
		return -ENOMEM;
	*(void **)array = grown;
	*have = want;
	return 0;
}

static int gather_pools(struct top *t)
{
	size_t all = 0;

	memset(t->states, 0, sizeof(t->states));
	t->all_pools = t->all_threads = 0;
	t->npools = 0;
	for (size_t i = 0; i < t->sessions.n; i++)
		all += t->sessions.s[i]->views.npools;
	if (room(&t->pools, &t->room_pools, all + 1, sizeof(*t->pools)))
		return -ENOMEM;
	for (size_t i = 0; i < t->sessions.n; i++) {
		const struct views *v = &t->sessions.s[i]->views;

		t->all_threads += (unsigned int)t->sessions.s[i]->now.nthreads;
		for (size_t k = 0; k < v->npools; k++) {
			if (t->o.pid && v->pools[k].pool->head.tgid != t->o.pid)
				continue;
			t->states[v->pools[k].state]++;
			t->all_pools++;
			if (pool_matches(&v->pools[k], t->filter))
				t->pools[t->npools++] = &v->pools[k];
		}
	}
	qsort_r(t->pools, t->npools, sizeof(*t->pools), compare_pools, t);
	return 0;
}

static bool same_process(const struct view_pool *a, const struct view_pool *b)
{
	return a->session == b->session && a->pool->head.tgid == b->pool->head.tgid;
}

/* Pools below their process, which stands where its first pool would. */
static void make_tree(struct top *t)
{
	for (size_t i = 0; i < t->npools; i++) {
		const struct view_pool *first = t->pools[i];
		struct top_row *process;
		bool done = false;

		for (size_t k = 0; k < t->nrows && !done; k++)
			done = !t->rows[k].pool && same_process(t->rows[k].first, first);
		if (done)
			continue;
		process = &t->rows[t->nrows++];
		*process = (struct top_row){ .first = first };
		for (size_t k = i; k < t->npools; k++) {
			if (!same_process(first, t->pools[k]))
				continue;
			t->rows[t->nrows++] = (struct top_row){ .pool = t->pools[k], .first = first };
			process->pools++;
			process->alarms += t->pools[k]->state == VIEW_DEADLOCK || t->pools[k]->state == VIEW_STALL;
		}
	}
}

static struct top_key key_of_pool(const struct view_pool *p)
{
	return (struct top_key){ .session = p->session->number, .id = p->pool->head.id };
}

static bool is_pool(const struct view_pool *p, struct top_key key)
{
	return p->session->number == key.session && p->pool->head.id == key.id;
}

/* What @t holds or asks of the opened pool: 2 waits, 1 holds, 0 neither. */
static int involved(const struct top *t, const struct view_thread *th)
{
	if (th->session->number != t->pool.session)
		return 0;
	for (int i = 0; i < POOLWATCH_REQUESTS; i++)
		if (th->record->request[i].seq && th->record->request[i].pool == t->pool.id)
			return 2;
	for (size_t i = 0; i < th->who.nholds; i++)
		if (th->who.holds[i].pool == t->pool.id)
			return 1;
	return 0;
}

static int compare_threads(const void *x, const void *y, void *ctx)
{
	const struct view_thread *a = *(const struct view_thread *const *)x, *b = *(const struct view_thread *const *)y;
	int order = ORDER(involved(ctx, b), involved(ctx, a));

	order = order ? order : ORDER(b->wait_ns, a->wait_ns);
	order = order ? order : ORDER(b->oldest_hold_ns, a->oldest_hold_ns);
	return order ? order : ORDER(a, b);
}

static int gather_threads(struct top *t)
{
	size_t all = 0;

	t->nthreads = 0;
	for (size_t i = 0; i < t->sessions.n; i++)
		all += t->sessions.s[i]->views.nthreads;
	if (room(&t->threads, &t->room_threads, all + 1, sizeof(*t->threads)))
		return -ENOMEM;
	for (size_t i = 0; i < t->sessions.n; i++)
		for (size_t k = 0; k < t->sessions.s[i]->views.nthreads; k++)
			if (involved(t, &t->sessions.s[i]->views.threads[k]))
				t->threads[t->nthreads++] = &t->sessions.s[i]->views.threads[k];
	qsort_r(t->threads, t->nthreads, sizeof(*t->threads), compare_threads, t);
	return 0;
}

size_t top_model__length(const struct top *t, enum top_page page)
{
	size_t n = 0;

	switch (page) {
	case TOP_POOLS:
		return t->nrows;
	case TOP_POOL:
		return t->nthreads;
	case TOP_FINDINGS:
		return t->nfindings;
	case TOP_SORT:
		while (top_model__sort_column(n))
			n++;
		return n + 1; /* and the usual order */
	default:
		return SIZE_MAX; /* text: the screen knows */
	}
}

static void clamp(struct top *t, enum top_page page)
{
	size_t n = top_model__length(t, page);

	if (t->list[page].at >= n)
		t->list[page].at = n ? n - 1 : 0;
}

/* The selection stays on who it is on, not on the line. */
static void restore_selection(struct top *t)
{
	for (size_t i = 0; i < t->nrows; i++)
		if (t->rows[i].pool && is_pool(t->rows[i].pool, t->pool_at))
			t->list[TOP_POOLS].at = i;
	for (size_t i = 0; i < t->nthreads; i++)
		if (t->threads[i]->session->number == t->thread_at.session &&
		    t->threads[i]->record->head.id == t->thread_at.id)
			t->list[TOP_POOL].at = i;
	clamp(t, TOP_POOLS);
	clamp(t, TOP_POOL);
	clamp(t, TOP_FINDINGS);
}

void top_model__selected(struct top *t)
{
	const struct top_row *row = t->nrows ? &t->rows[t->list[TOP_POOLS].at] : NULL;
	const struct view_thread *th = t->nthreads ? t->threads[t->list[TOP_POOL].at] : NULL;

	if (row)
		t->pool_at = row->pool ? key_of_pool(row->pool) : (struct top_key){ 0 };
	if (th)
		t->thread_at = (struct top_key){ th->session->number, th->record->head.id };
}

int top_model__arrange(struct top *t)
{
	struct views_options o = views_options(t);
	int err;

	/* Threads have no rows before a pool is opened. */
	if (o.threads) {
		bool have = false;

		for (size_t i = 0; i < t->sessions.n; i++)
			have |= t->sessions.s[i]->views.nthreads || !t->sessions.s[i]->now.nthreads;
		if (!have && (err = sessions__remake(&t->sessions, &o)))
			return err;
	}
	err = gather_pools(t);
	if (!err)
		err = room(&t->rows, &t->room_rows, 2 * t->npools + 1, sizeof(*t->rows));
	if (err)
		return err;
	t->nrows = 0;
	if (t->tree) {
		make_tree(t);
	} else {
		for (size_t i = 0; i < t->npools; i++)
			t->rows[t->nrows++] = (struct top_row){ .pool = t->pools[i], .first = t->pools[i] };
	}
	t->nthreads = 0;
	if (is_open(t, TOP_POOL))
		err = gather_threads(t);
	if (!err)
		restore_selection(t);
	return err;
}

bool top_model__search(struct top *t, size_t from)
{
	if (!*t->search)
		return false;
	for (size_t i = 0; i < t->nrows; i++) {
		size_t at = (from + i) % t->nrows;

		if (t->rows[at].pool && pool_matches(t->rows[at].pool, t->search)) {
			t->list[TOP_POOLS].at = at;
			top_model__selected(t);
			return true;
		}
	}
	return false;
}

const struct view_pool *top_model__pool(const struct top *t)
{
	for (size_t i = 0; i < t->sessions.n; i++)
		for (size_t k = 0; k < t->sessions.s[i]->views.npools; k++)
			if (is_pool(&t->sessions.s[i]->views.pools[k], t->pool))
				return &t->sessions.s[i]->views.pools[k];
	return NULL;
}

const struct view_thread *top_model__thread(const struct top *t)
{
	for (size_t i = 0; i < t->sessions.n; i++) {
		const struct views *v = &t->sessions.s[i]->views;

		for (size_t k = 0; v->session.number == t->thread.session && k < v->nthreads; k++)
			if (v->threads[k].record->head.id == t->thread.id)
				return &v->threads[k];
	}
	return NULL;
}

void top_model__describe(struct top *t, const struct view_thread *row, bool stack)
{
	/* The rows are top's own; they are const for those who only draw them. */
	struct finding_thread *who = (struct finding_thread *)&row->who;

	if (!t->names || (who->doing && (!stack || who->nstack)))
		return;
	names__thread(t->names, who);
	if (stack)
		names__look(t->names, who);
	else
		names__doing(who);
}
