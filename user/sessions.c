// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "sessions.h"

static int session__add(struct sessions *all, struct source *source, bool borrowed)
{
	struct session **grown = reallocarray(all->s, all->n + 1, sizeof(*grown));
	struct session *s = calloc(1, sizeof(*s));

	if (grown)
		all->s = grown;
	if (!grown || !s) {
		free(s);
		return -ENOMEM;
	}
	s->source = source;
	s->borrowed = borrowed;
	all->s[all->n++] = s;
	return 0;
}

static void session__free(struct session *s)
{
	views__clear(&s->views);
	ledger__clear(&s->now);
	ledger__clear(&s->before);
	if (!s->borrowed)
		source__close(s->source);
	free(s);
}

void sessions__close(struct sessions *all)
{
	for (size_t i = 0; i < all->n; i++)
		session__free(all->s[i]);
	free(all->s);
	*all = (struct sessions){ 0 };
}

int sessions__open(struct sessions *all, char why[SESSIONS_WHY])
{
	_cleanup_free_ struct source **sources = NULL;
	size_t n = 0;
	int err = source__list(&sources, &n);

	if (err == -ENOENT) {
		snprintf(why, SESSIONS_WHY, "Nothing is watched. Start: poolwatch attach -p PID");
	} else if (err == -EACCES || err == -EPERM) {
		snprintf(
			why, SESSIONS_WHY,
			"Not allowed to see what is watched: run as root, or load the module and join the group 'poolwatch'");
	} else if (err) {
		snprintf(why, SESSIONS_WHY, "cannot read what is watched: %s", strerror(-err));
	}
	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		if (!err)
			err = session__add(all, sources[i], false);
		if (err)
			source__close(sources[i]);
	}
	if (err) {
		snprintf(why, SESSIONS_WHY, "out of memory");
		sessions__close(all);
	}
	return err;
}

int sessions__of(struct sessions *all, struct source *source)
{
	*all = (struct sessions){ .fixed = true };
	return session__add(all, source, true);
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

		if (all->s[i]->gone)
			continue;
		err = look(all->s[i], tables, o);
		if (err == -ENOENT || err == -ENODEV)
			all->s[i]->gone = true;
		else if (err)
			return err;
		else
			alive++;
	}
	return alive;
}

int sessions__remake(struct sessions *all, const struct views_options *o)
{
	int err = 0;

	for (size_t i = 0; i < all->n && !err; i++) {
		struct session *s = all->s[i];

		if (s->looks)
			err = views__make(&s->views, &s->now, s->looks > 1 ? &s->before : NULL, s->source->ops->mode,
					  o);
	}
	return err;
}

void sessions__forget(struct sessions *all)
{
	for (size_t i = 0; i < all->n; i++)
		all->s[i]->looks = 0;
}

static bool is_known(const struct sessions *all, const struct source *source)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct source *s = all->s[i]->source;

		if (!all->s[i]->gone && s->session == source->session && s->loader_pid == source->loader_pid &&
		    !strcmp(s->ops->mode, source->ops->mode))
			return true;
	}
	return false;
}

int sessions__rescan(struct sessions *all)
{
	_cleanup_free_ struct source **sources = NULL;
	size_t n = 0, added = 0, kept = 0;
	int err;

	if (all->fixed)
		return 0;
	err = source__list(&sources, &n);
	if (err)
		return err == -ENOENT ? 0 : err;
	for (size_t i = 0; i < n; i++) {
		if (!is_known(all, sources[i]) && !err)
			err = session__add(all, sources[i], false);
		else
			err = err ? err : -EEXIST;
		if (err)
			source__close(sources[i]);
		else
			added++;
		err = err == -EEXIST ? 0 : err;
	}
	/* The last picture of what ended gives way to what runs. */
	for (size_t i = 0; i < all->n; i++) {
		if (all->s[i]->gone && added)
			session__free(all->s[i]);
		else
			all->s[kept++] = all->s[i];
	}
	all->n = kept;
	return err ? err : (int)added;
}
