// SPDX-License-Identifier: GPL-2.0
/* Rate limit of alerts. */
#include <string.h>
#include "limiter.h"

static bool is_for(const struct limiter_slot *s, const struct finding *f)
{
	return s->used && s->kind == f->kind && !strncmp(s->pool_name, f->pool_name, POOLWATCH_NAME);
}

/* Slots of windows that ended with nothing to tell are free again. */
static struct limiter_slot *slot_of(struct limiter *l, const struct finding *f, uint64_t now)
{
	struct limiter_slot *free_slot = NULL;

	for (struct limiter_slot *s = l->slots; s < l->slots + LIMITER_SLOTS; s++) {
		if (is_for(s, f))
			return s;
		if (!free_slot && (!s->used || (!s->suppressed && now - s->since >= l->window_ns)))
			free_slot = s;
	}
	if (!free_slot)
		return &l->slots[LIMITER_SLOTS - 1];
	*free_slot = (struct limiter_slot){.used = true, .kind = f->kind, .since = now};
	memcpy(free_slot->pool_name, f->pool_name, POOLWATCH_NAME);
	return free_slot;
}

bool limiter__pass(struct limiter *l, const struct finding *f, uint64_t now)
{
	struct limiter_slot *s;

	if (!l->rate)
		return true;
	s = slot_of(l, f, now);
	/* A window with something held back ends by limiter__due, so that the count is told before the next alert. */
	if (now - s->since >= l->window_ns && !s->suppressed) {
		s->since = now;
		s->passed = 0;
	}
	if (s->passed < l->rate) {
		s->passed++;
		return true;
	}
	if (!s->suppressed || f->severity > s->severity)
		s->severity = f->severity;
	s->suppressed++;
	l->total++;
	return false;
}

uint64_t limiter__deadline(const struct limiter *l)
{
	uint64_t first = UINT64_MAX;

	for (const struct limiter_slot *s = l->slots; s < l->slots + LIMITER_SLOTS; s++)
		if (s->suppressed && s->since + l->window_ns < first)
			first = s->since + l->window_ns;
	return first;
}

bool limiter__due(struct limiter *l, uint64_t now, struct limiter_slot *out)
{
	for (struct limiter_slot *s = l->slots; s < l->slots + LIMITER_SLOTS; s++) {
		if (!s->suppressed || now - s->since < l->window_ns)
			continue;
		*out = *s;
		s->since = now;
		s->passed = 0;
		s->suppressed = 0;
		return true;
	}
	return false;
}
