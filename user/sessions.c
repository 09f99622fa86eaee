// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "sessions.h"

int sessions__open(struct sessions *all, char why[SESSIONS_WHY])
{
	_cleanup_free_ struct source **sources = NULL;
	size_t n = 0;
	int err = source__list(&sources, &n);

	if (err == -ENOENT) {
		snprintf(why, SESSIONS_WHY, "Nothing is watched. Start: poolwatch attach -p PID");
	} else if (err == -EACCES || err == -EPERM) {
		snprintf(why, SESSIONS_WHY, "Not allowed to see what is watched: run as root, or load the module and join the group 'poolwatch'");
	} else if (err) {
		snprintf(why, SESSIONS_WHY, "cannot read what is watched: %s", strerror(-err));
	}
	if (err)
		return err;
	all->s = calloc(n + 1, sizeof(*all->s));
	if (!all->s) {
		for (size_t i = 0; i < n; i++)
			source__close(sources[i]);
		snprintf(why, SESSIONS_WHY, "out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		all->s[i].source = sources[i];
	all->n = n;
	return 0;
}

int sessions__of(struct sessions *all, struct source *source)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->source = source;
	s->borrowed = true;
	*all = (struct sessions){ .s = s, .n = 1, .fixed = true };
	return 0;
}

void sessions__close(struct sessions *all)
{
	for (size_t i = 0; i < all->n; i++) {
		struct session *s = &all->s[i];

		views__clear(&s->views);
		ledger__clear(&s->now);
		ledger__clear(&s->before);
		if (!s->borrowed)
			source__close(s->source);
	}
	free(all->s);
	*all = (struct sessions){ 0 };
}

/* The new snapshot is taken into the memory of the one before the last. */
static int look(struct session *s, unsigned int tables, const struct views_options *o)
{
	struct ledger spare = s->before;
	int err = s->source->ops->snapshot(s->source, tables, &spare);

	if (err) {
		/* Half a snapshot is no earlier snapshot. */
		ledger__reset(&spare);
		s->before = spare;
		s->looks = s->looks ? 1 : 0;
		return err;
	}
	s->before = s->now;
	s->now = spare;
	s->looks += s->looks < 2;
	return views__make(&s->views, &s->now, s->looks > 1 ? &s->before : NULL, s->source->ops->mode, o);
}

int sessions__look(struct sessions *all, unsigned int tables, const struct views_options *o)
{
	int alive = 0;

	for (size_t i = 0; i < all->n; i++) {
		int err;

		if (all->s[i].gone)
			continue;
		err = look(&all->s[i], tables, o);
		if (err == -ENOENT || err == -ENODEV)
			all->s[i].gone = true;
		else if (err)
			return err;
		else
			alive++;
	}
	return alive;
}
