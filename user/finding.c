// SPDX-License-Identifier: GPL-2.0
/* Findings: names of what they say, and whose memory they are (see finding.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "finding.h"

static const char *const kinds[FINDING_KINDS] = {
	[FINDING_NESTED] = "nested", [FINDING_ORDER] = "order", [FINDING_DEADLOCK] = "deadlock",
	[FINDING_STALL] = "stall",   [FINDING_LEAK] = "leak",	[FINDING_DETACHED] = "detached",
};

static const char *const severities[] = {
	[FINDING_INFO] = "info",
	[FINDING_WARNING] = "warning",
	[FINDING_ERROR] = "error",
	[FINDING_CRITICAL] = "critical",
};

static const char *const events[] = {
	[FINDING_NEW] = "new",
	[FINDING_REPEATED] = "repeated",
	[FINDING_RECOVERED] = "recovered",
	[FINDING_RETRACTED] = "retracted",
};

#define name_of(names, i) ((size_t)(i) < sizeof(names) / sizeof(*(names)) ? (names)[i] : "unknown")

const char *finding__kind_name(enum finding_kind kind)
{
	return name_of(kinds, kind);
}

const char *finding__severity_name(enum finding_severity severity)
{
	return name_of(severities, severity);
}

const char *finding__event_name(enum finding_event event)
{
	return name_of(events, event);
}

int finding__kind_by_name(const char *name)
{
	for (int i = 0; i < FINDING_KINDS; i++)
		if (!strcmp(kinds[i], name))
			return i;
	return -EINVAL;
}

void finding_frame__clear(struct finding_frame *frame)
{
	free(frame->symbol);
	free(frame->module);
	free(frame->file);
	*frame = (struct finding_frame){ 0 };
}

static void stack__clear(struct finding_frame *stack, size_t n)
{
	for (size_t i = 0; i < n; i++)
		finding_frame__clear(&stack[i]);
	free(stack);
}

static void hold__clear(struct finding_hold *h)
{
	free(h->pool_name);
	finding_frame__clear(&h->site);
	stack__clear(h->stack, h->nstack);
}

static void thread__clear(struct finding_thread *t)
{
	for (size_t i = 0; i < t->nholds; i++)
		hold__clear(&t->holds[i]);
	free(t->holds);
	hold__clear(&t->request);
	stack__clear(t->stack, t->nstack);
	free(t->doing);
}

void finding__clear(struct finding *f)
{
	for (size_t i = 0; i < f->nthreads; i++)
		thread__clear(&f->threads[i]);
	free(f->threads);
	free(f->pools);
	free(f->exe);
	free(f->container);
	free(f->explanation);
	*f = (struct finding){ 0 };
}
