// SPDX-License-Identifier: GPL-2.0
/* Who holds and who asks: the threads of a finding, those that do the same shown once. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "escape.h"
#include "text_out.h"

#define LINE_MAX_BYTES 512
#define MAX_GROUPS     24 /* more different stacks than anybody reads; --json has them all */

/* Threads that do the same at the same places: indexes into the finding's threads, chained, in order. */
struct group {
	size_t first;
	size_t count;
};

static bool same_string(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_frame(const struct finding_frame *a, const struct finding_frame *b)
{
	return a->address == b->address && a->inlined == b->inlined && a->line == b->line &&
	       same_string(a->symbol, b->symbol) && same_string(a->file, b->file);
}

static bool same_stack(const struct finding_frame *a, size_t na, const struct finding_frame *b, size_t nb)
{
	if (na != nb)
		return false;
	for (size_t i = 0; i < na; i++)
		if (!same_frame(&a[i], &b[i]))
			return false;
	return true;
}

static bool same_units(const struct finding_hold *a, const struct finding_hold *b)
{
	return a->pool == b->pool && a->units == b->units && same_frame(&a->site, &b->site) &&
	       same_stack(a->stack, a->nstack, b->stack, b->nstack);
}

static bool same_thread(const struct finding_thread *a, const struct finding_thread *b)
{
	if (a->pid != b->pid || a->nholds != b->nholds || a->requesting != b->requesting ||
	    !a->goroutine != !b->goroutine || !same_string(a->doing, b->doing) ||
	    !same_stack(a->stack, a->nstack, b->stack, b->nstack))
		return false;
	if (a->requesting && !same_units(&a->request, &b->request))
		return false;
	for (size_t i = 0; i < a->nholds; i++)
		if (!same_units(&a->holds[i], &b->holds[i]))
			return false;
	return true;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* "thread 4243 (worker)", "threads 11-14 (worker-0, worker-1, ...), same stack" */
static int headline(struct text_out *t, const struct finding *f, const size_t *member, size_t n)
{
	const struct finding_thread *first = &f->threads[member[0]];
	uint32_t *numbers = calloc(n, sizeof(*numbers));
	char names[240], *line;
	size_t need, len = 0, named = 0;

	if (!numbers)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct finding_thread *th = &f->threads[member[i]];
		size_t before = 0;

		numbers[i] = th->goroutine ? (uint32_t)th->goroutine : th->tid;
		while (before < i && strncmp(f->threads[member[before]].comm, th->comm, sizeof(th->comm)))
			before++;
		if (before < i || named > 3)
			continue;
		if (named == 3)
			len += (size_t)snprintf(names + len, sizeof(names) - len, ", ...");
		else
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s", named ? ", " : "");
		if (named++ < 3) {
			escape__bytes(names + len, sizeof(names) - len, th->comm, strnlen(th->comm, sizeof(th->comm)),
				      t->escape);
			len += strlen(names + len);
		}
	}
	names[len] = '\0';
	qsort(numbers, n, sizeof(*numbers), compare_numbers);
	need = text_out__ranges(NULL, 0, numbers, n) + len + 96;
	line = malloc(need);
	if (!line) {
		free(numbers);
		return -ENOMEM;
	}
	len = (size_t)sprintf(line, "%s%s ", first->goroutine ? "goroutine" : "thread", n > 1 ? "s" : "");
	len += text_out__ranges(line + len, need - len, numbers, n);
	if (first->pid != f->pid)
		len += (size_t)sprintf(line + len, " of process %" PRIu32, first->pid);
	if (*names)
		len += (size_t)sprintf(line + len, " (%s)", names);
	sprintf(line + len, "%s", n > 1 ? ", same stack:" : ":");
	text_out__spaces(t, 2);
	text_out__wrap(t, 2, 4, TEXT_BOLD, line);
	free(line);
	free(numbers);
	return 0;
}

/*
 * " for 812 ms", or " for 640 ms to 812 ms" of several; nothing where no time is told (a nested request that did not
 * block).
 */
static void age_range(char *buf, size_t size, uint64_t least, uint64_t most)
{
	char to[32];

	*buf = '\0';
	if (!most)
		return;
	strcpy(buf, " for ");
	text__age(buf + 5, size - 5, least);
	text__age(to, sizeof(to), most);
	if (strcmp(buf + 5, to))
		snprintf(buf + strlen(buf), size - strlen(buf), " to %s", to);
}

/* The pool's name; with its key where the name alone would mean the finding's pool. */
static void pool_label(char *buf, size_t size, const struct text_out *t, const struct finding *f,
		       const struct finding_hold *h)
{
	escape__string(buf, size, h->pool_name ? h->pool_name : "?", t->escape);
	if (h->pool != f->pool && h->pool_name && !strncmp(h->pool_name, f->pool_name, sizeof(f->pool_name)))
		snprintf(buf + strlen(buf), size - strlen(buf), " 0x%" PRIx64, h->key);
}

static void held(struct text_out *t, const struct finding *f, const size_t *member, size_t n, size_t index)
{
	const struct finding_hold *h = &f->threads[member[0]].holds[index];
	uint64_t least = UINT64_MAX, most = 0;
	char line[LINE_MAX_BYTES], age[80], pool[4 * POOLWATCH_NAME + 24];

	for (size_t i = 0; i < n; i++) {
		uint64_t ms = f->threads[member[i]].holds[index].for_ms;

		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
	}
	age_range(age, sizeof(age), least, most);
	pool_label(pool, sizeof(pool), t, f, h);
	bool placed = h->nstack || h->site.module || h->site.symbol || h->site.address;

	snprintf(line, sizeof(line), "%sholds %" PRIu32 " of %s%s%s", n > 1 ? "each " : "", h->units, pool, age,
		 placed ? ", taken at" : "");
	text_out__spaces(t, 4);
	text_out__wrap(t, 4, 6, TEXT_PLAIN, line);
	if (h->nstack)
		text_out__stack(t, 6, h->stack, h->nstack);
	else if (placed)
		text_out__frame(t, 6, &h->site, TEXT_CYAN);
}

static void asked(struct text_out *t, const struct finding *f, const size_t *member, size_t n)
{
	const struct finding_thread *th = &f->threads[member[0]];
	uint64_t least = UINT64_MAX, most = 0;
	char line[LINE_MAX_BYTES], age[80], pool[4 * POOLWATCH_NAME + 24];
	bool more = false;

	for (size_t i = 0; i < th->nholds; i++)
		more |= th->holds[i].pool == th->request.pool;
	for (size_t i = 0; i < n; i++) {
		uint64_t ms = f->threads[member[i]].request.for_ms;

		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
	}
	age_range(age, sizeof(age), least, most);
	pool_label(pool, sizeof(pool), t, f, &th->request);
	bool placed = th->nstack || th->request.site.module || th->request.site.symbol || th->request.site.address;

	snprintf(line, sizeof(line), "%sasks for %" PRIu32 " %sof %s%s%s%s%s", n > 1 ? "each " : "", th->request.units,
		 more ? "more " : "", pool, *age ? "," : "", age, *age ? " now" : "", placed ? ", at" : "");
	text_out__spaces(t, 4);
	text_out__wrap(t, 4, 6, TEXT_PLAIN, line);
	if (th->nstack)
		text_out__stack(t, 6, th->stack, th->nstack);
	else if (placed)
		text_out__frame(t, 6, &th->request.site, TEXT_CYAN);
}

static void doing(struct text_out *t, const struct finding_thread *th)
{
	char line[LINE_MAX_BYTES];

	if (th->doing) {
		escape__string(line, sizeof(line), th->doing, t->escape);
		text_out__spaces(t, 4);
		fputs("now: ", t->out);
		text_out__wrap(t, 9, 9, TEXT_PLAIN, line);
	}
	if (!th->requesting && th->nstack) {
		if (!th->doing)
			fputs("    now at\n", t->out);
		text_out__stack(t, 6, th->stack, th->nstack);
	}
}

int text_out__threads(struct text_out *t, const struct finding *f)
{
	size_t *member = calloc(f->nthreads + 1, sizeof(*member)), groups = 0, shown = 0;
	bool *done = calloc(f->nthreads + 1, sizeof(*done));
	int err = member && done ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < f->nthreads && groups < MAX_GROUPS; i++) {
		const struct finding_thread *th = &f->threads[i];
		size_t n = 0;

		if (done[i])
			continue;
		for (size_t k = i; k < f->nthreads; k++) {
			if (done[k] || !same_thread(th, &f->threads[k]))
				continue;
			done[k] = true;
			member[n++] = k;
		}
		err = headline(t, f, member, n);
		if (err)
			break;
		for (size_t k = 0; k < th->nholds; k++)
			held(t, f, member, n, k);
		if (th->requesting)
			asked(t, f, member, n);
		doing(t, th);
		shown += n;
		groups++;
	}
	if (!err && shown < f->nthreads)
		fprintf(t->out, "  and %zu more threads, in other ways (--json tells all)\n", f->nthreads - shown);
	free(done);
	free(member);
	return err;
}
