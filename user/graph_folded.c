// SPDX-License-Identifier: GPL-2.0
/*
 * Folded stacks (flamegraph.pl, speedscope, inferno): frames from the outermost, with ';' between them, a space, a
 * number.
 */
#include <inttypes.h>
#include <string.h>
#include "cleanup.h"
#include "escape.h"
#include "graph.h"
#include "../bpf/stacks.h"

struct held {
	uint32_t tgid;
	char comm[POOLWATCH_COMM];
	uint64_t site;
	uint32_t def;
	uint64_t us;
};

static int by_place(const void *a, const void *b)
{
	const struct held *x = a, *y = b;
	int comm = strncmp(x->comm, y->comm, POOLWATCH_COMM);

	if (x->tgid != y->tgid)
		return x->tgid < y->tgid ? -1 : 1;
	if (comm)
		return comm;
	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	return (x->def > y->def) - (x->def < y->def);
}

/* The two characters that the format has for itself are replaced. */
static void print_frame(FILE *out, const char *text)
{
	char escaped[1024];

	escape__string(escaped, sizeof(escaped), text, 0);
	for (char *c = escaped; *c; c++)
		putc(*c == ';' ? ':' : *c, out);
}

static void print_frames(FILE *out, struct finding_frame *frames, size_t n)
{
	while (n--) {
		struct finding_frame *f = &frames[n];

		putc(';', out);
		if (f->symbol) {
			print_frame(out, f->symbol);
		} else {
			print_frame(out, f->module ?: "");
			fprintf(out, "+%#" PRIx64, f->offset);
		}
		finding_frame__clear(f);
	}
	free(frames);
}

/* A line without its number. */
static char *describe(const struct ledger *l, const struct held *h, const struct graph_names *names)
{
	const struct poolwatch_def *def = ledger__def(l, h->def);
	char comm[POOLWATCH_COMM + 1] = "", name[POOLWATCH_NAME + 1] = "", *text = NULL;
	struct finding_frame *frames;
	size_t n, len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	memcpy(comm, h->comm, POOLWATCH_COMM);
	if (def)
		memcpy(name, def->name, POOLWATCH_NAME);
	print_frame(out, comm);
	if (names && h->site && !names->frames(names->ctx, h->tgid, h->site, &frames, &n))
		print_frames(out, frames, n);
	else if (h->site & PW_STACK_ID)
		fputs(";[unknown stack]", out);
	else
		fprintf(out, ";%#" PRIx64, h->site);
	putc(';', out);
	print_frame(out, name[0] ? name : "pool");
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static int collect_holds(const struct ledger *l, uint32_t tgid, struct held **out, size_t *count)
{
	struct held *held = calloc(l->nthreads * POOLWATCH_HOLDS + 1, sizeof(*held));
	size_t n = 0;

	if (!held)
		return -ENOMEM;
	for (size_t i = 0; i < l->nthreads; i++) {
		const struct poolwatch_thread *t = &l->threads[i];

		for (int j = 0; j < POOLWATCH_HOLDS && (!tgid || t->head.tgid == tgid); j++) {
			const struct poolwatch_hold *h = &t->hold[j];
			uint64_t word = h->word, since = h->since;
			const struct poolwatch_pool *p = ledger__pool_at(l, POOLWATCH_HOLD_POOL(word));

			if (!word || !POOLWATCH_HOLD_UNITS(word) || !p || !ledger__is_pool(l, p) || since >= l->time)
				continue;
			held[n] = (struct held){ .tgid = t->head.tgid,
						 .site = h->site,
						 .def = p->def,
						 .us = (l->time - since) / 1000 * POOLWATCH_HOLD_UNITS(word) };
			memcpy(held[n++].comm, t->comm, POOLWATCH_COMM);
		}
	}
	*out = held;
	*count = n;
	return 0;
}

static int collect_times(const struct ledger *l, uint32_t tgid, const struct held_time *times, size_t ntimes, struct held **out,
			 size_t *count)
{
	struct held *held = calloc(ntimes + 1, sizeof(*held));
	size_t n = 0;

	if (!held)
		return -ENOMEM;
	for (size_t i = 0; i < ntimes; i++) {
		const struct held_time *t = &times[i];
		const struct poolwatch_pool *p = ledger__pool(l, t->pool);

		/* Of pools that are gone, only those were kept that were pools. */
		if ((tgid && t->tgid != tgid) || !t->us || (t->pool && (!p || !ledger__is_pool(l, p))))
			continue;
		held[n] = (struct held){ .tgid = t->tgid, .site = t->place, .def = t->def, .us = t->us };
		for (size_t k = 0; k < l->nprocs; k++)
			if (l->procs[k].head.tgid == t->tgid)
				memcpy(held[n].comm, l->procs[k].comm, POOLWATCH_COMM);
		n++;
	}
	*out = held;
	*count = n;
	return 0;
}

struct line {
	char *text;
	uint64_t us;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->text, ((const struct line *)b)->text);
}

/* One stack may have several numbers, and differ from another in nothing that is shown. */
static int print_lines(FILE *out, struct line *lines, size_t n)
{
	if (n)
		qsort(lines, n, sizeof(*lines), by_text);
	for (size_t i = 0; i < n; i++) {
		if (i + 1 < n && !by_text(&lines[i], &lines[i + 1]))
			lines[i + 1].us += lines[i].us;
		else
			fprintf(out, "%s %" PRIu64 "\n", lines[i].text, lines[i].us);
	}
	return ferror(out) ? -EIO : 0;
}

int graph__folded(FILE *out, const struct ledger *l, uint32_t tgid, const struct graph_names *names, const struct held_time *times,
		  size_t ntimes)
{
	_cleanup_free_ struct held *held = NULL;
	_cleanup_free_ struct line *lines = NULL;
	size_t n, nlines = 0;
	int err = times ? collect_times(l, tgid, times, ntimes, &held, &n) : collect_holds(l, tgid, &held, &n);

	if (err)
		return err;
	lines = calloc(n + 1, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	/* Naming is what takes long: each place once. */
	if (n)
		qsort(held, n, sizeof(*held), by_place);
	for (size_t i = 0; i < n && !err; i++) {
		if (i + 1 < n && !by_place(&held[i], &held[i + 1])) {
			held[i + 1].us += held[i].us;
			continue;
		}
		lines[nlines].us = held[i].us;
		lines[nlines].text = describe(l, &held[i], names);
		if (lines[nlines].text)
			nlines++;
		else
			err = -ENOMEM;
	}
	if (!err)
		err = print_lines(out, lines, nlines);
	while (nlines)
		free(lines[--nlines].text);
	return err;
}
