// SPDX-License-Identifier: GPL-2.0
/*
 * Pools in Python programs, as the watch sees them: interpreters found and attached to, sizes read from the objects
 * themselves, stacks named while the code objects are there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "python.h"
#include "watch_int.h"

#define TRIES 8 /* to read a pool while nothing is taken or returned */

static bool is_python(const struct spec_pool *pool)
{
	return pool->builtin && !strcmp(pool->builtin, PYTHON_SQLALCHEMY);
}

int watch_python__attach(struct watch *w, struct watched *d, size_t *attached, char err[LOADER_ERROR])
{
	const struct spec *spec = w->options.spec;
	char why[PYTHON_ERROR];
	struct python *py;
	int r;

	for (uint32_t i = 0; i < spec->npools; i++) {
		if (!is_python(&spec->pools[i]) || d->attached[i])
			continue;
		py = calloc(1, sizeof(*py));
		if (!py)
			return -ENOMEM;
		r = python__open(&d->t, py, why);
		if (r) {
			free(py);
			/* An interpreter that will not be watched is said once; one that is about to begin is looked at again. */
			if (r == -EOPNOTSUPP)
				d->attached[i] = true;
			if (r == -EAGAIN || (r == -ENOENT && w->options.spec_is_default))
				return 0;
			snprintf(err, LOADER_ERROR, "%s", why[0] ? why : strerror(-r));
			return r;
		}
		r = loader__attach_python(w->loader, d->lt, py, i, loader__def_flags(&spec->pools[i]), err);
		if (r) {
			python__close(py);
			free(py);
			return r;
		}
		watch_python__close(d);
		d->python = py;
		d->attached[i] = true;
		++*attached;
		return 0;
	}
	return 0;
}

bool watch_python__pending(const struct watch *w, const struct watched *d)
{
	for (size_t i = 0; i < w->options.spec->npools; i++)
		if (is_python(&w->options.spec->pools[i]) && !d->attached[i])
			return true;
	return false;
}

void watch_python__close(struct watched *d)
{
	if (!d->python)
		return;
	python__close(d->python);
	free(d->python);
	d->python = NULL;
}

/*
 * The pool's own books, read when it is seen for the first time: its size, and how many units were out that nobody was
 * seen to take. The target runs meanwhile: its books and ours must not have moved between two readings.
 */
static void size_pool(struct watch *w, struct watched *d, uint64_t id)
{
	const struct python_mem mem = { target__read, &d->t };
	struct poolwatch_pool *p = loader__pool(w->loader, id);
	int64_t capacity, out, in_use, again, unknown = INT64_MAX;
	int err;

	if (!p)
		return;
	for (int i = 0; i < TRIES; i++) {
		in_use = __atomic_load_n(&p->in_use, __ATOMIC_ACQUIRE);
		err = python__queue_pool(d->python, &mem, p->addr, &capacity, &out);
		again = __atomic_load_n(&p->in_use, __ATOMIC_ACQUIRE);
		if (err)
			return;
		/* A unit is out a moment before it is booked, never after: the least is right. */
		if (in_use == again && out - in_use < unknown)
			unknown = out - in_use;
		if (unknown <= 0)
			break;
	}
	if (capacity > INT32_MAX) {
		/* No limit: nobody ever waits for it. */
		__atomic_fetch_or(&p->flags, POOLWATCH_POOL_ENDED, __ATOMIC_ACQ_REL);
		return;
	}
	if (unknown >= 0 && unknown <= capacity)
		p->available = capacity - unknown;
	__atomic_store_n(&p->capacity, capacity, __ATOMIC_RELEASE);
	__atomic_fetch_or(&p->flags, POOLWATCH_POOL_STATED, __ATOMIC_ACQ_REL);
}

/* A stack's frames, named once. Code objects live as long as their modules, but a process may end at any moment. */
static const struct watch_python_stack *stack_of(struct watch *w, struct watched *d, uint64_t site)
{
	const struct python_mem mem = { target__read, &d->t };
	struct watch_python_stack *s, *oldest = &w->python_stacks[w->next_python_stack];
	struct finding_frame *frames;
	struct pw_python_stack raw;

	for (size_t i = 0; i < WATCH_PYTHON_STACKS; i++)
		if (w->python_stacks[i].site == site)
			return &w->python_stacks[i];
	if (!d || !d->python || loader__python_stack(w->loader, site, &raw))
		return NULL;
	frames = calloc(raw.n ? raw.n : 1, sizeof(*frames));
	if (!frames)
		return NULL;
	for (uint32_t i = 0; i < raw.n; i++) {
		struct python_line line;

		frames[i].address = raw.frame[i].code;
		if (python__line(d->python, &mem, &raw.frame[i], &line))
			continue;
		frames[i].symbol = strdup(line.function);
		frames[i].file = strdup(line.file);
		frames[i].line = line.line;
		frames[i].user_code = python__is_user_code(line.file);
	}
	s = oldest;
	w->next_python_stack = (w->next_python_stack + 1) % WATCH_PYTHON_STACKS;
	stack__free_frames(s->frames, s->n);
	*s = (struct watch_python_stack){ site, frames, raw.n };
	return s;
}

void watch_python__forget_stacks(struct watch *w)
{
	for (size_t i = 0; i < WATCH_PYTHON_STACKS; i++)
		stack__free_frames(w->python_stacks[i].frames, w->python_stacks[i].n);
}

void watch_python__on_event(struct watch *w, struct watched *d, const struct poolwatch_event *e)
{
	if (!d || !d->python)
		return;
	if (e->type == POOLWATCH_EV_POOL && e->def < w->options.spec->npools && is_python(&w->options.spec->pools[e->def]))
		size_pool(w, d, e->pool);
	if (e->site & PW_PYTHON_SITE)
		stack_of(w, d, e->site);
	if (e->held_site & PW_PYTHON_SITE)
		stack_of(w, d, e->held_site);
}

static void copy_frame(const struct finding_frame *from, struct finding_frame *to)
{
	*to = *from;
	to->symbol = from->symbol ? strdup(from->symbol) : NULL;
	to->module = from->module ? strdup(from->module) : NULL;
	to->file = from->file ? strdup(from->file) : NULL;
}

bool watch_python__name(struct watch *w, struct watched *d, struct finding_frame *site, struct finding_frame **stack, size_t *nstack)
{
	const struct watch_python_stack *s;
	size_t user = 0;

	if (!(site->address & PW_PYTHON_SITE))
		return false;
	s = stack_of(w, d, site->address);
	if (!s || !s->n)
		return true;
	/* What people know is where their own code asked, not SQLAlchemy's way to the pool. */
	while (user < s->n && !s->frames[user].user_code)
		user++;
	if (!site->symbol && !site->module) {
		uint64_t address = site->address;

		copy_frame(&s->frames[user < s->n ? user : 0], site);
		site->address = address;
	}
	if (stack && !*stack) {
		*stack = calloc(s->n, sizeof(**stack));
		for (size_t i = 0; *stack && i < s->n; i++)
			copy_frame(&s->frames[i], &(*stack)[i]);
		*nstack = *stack ? s->n : 0;
	}
	return true;
}
