// SPDX-License-Identifier: GPL-2.0
/* Threads of a Java virtual machine, in groups that may be the workers of an executor. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "target_maps.h"
#include "watch_jvm.h"

#define PARKED_NS 1000000000ull /* all of a group for that long: worth a look at what for */

int jvm_thread__status(uint32_t pid, uint32_t tid, struct jvm_seen *out)
{
	_cleanup_free_ char *status = NULL;
	const char *ns, *switches, *end;
	char name[40];
	int err;

	snprintf(name, sizeof(name), "task/%u/status", tid);
	err = target__proc_read(pid, name, &status, NULL);
	if (err)
		return err;
	ns = strstr(status, "\nNSpid:");
	switches = strstr(status, "\nvoluntary_ctxt_switches:");
	if (!switches)
		return -EPROTO;
	out->nid = tid;
	if (ns) {
		end = ns + 1 + strcspn(ns + 1, "\n");
		while (end > ns && end[-1] >= '0' && end[-1] <= '9')
			end--;
		out->nid = (uint32_t)strtoul(end, NULL, 10);
	}
	out->switches = strtoull(switches + strlen("\nvoluntary_ctxt_switches:"), NULL, 10);
	return 0;
}

static void read_comm(uint32_t pid, struct jvm_seen *t)
{
	_cleanup_free_ char *text = NULL;
	char name[40];
	size_t len;

	snprintf(name, sizeof(name), "task/%u/comm", t->tid);
	if (target__proc_read(pid, name, &text, &len))
		return;
	if (len && text[len - 1] == '\n')
		len--;
	if (len >= sizeof(t->comm))
		len = sizeof(t->comm) - 1;
	memcpy(t->comm, text, len);
}

/*
 * The kernel keeps 15 bytes: of "ForkJoinPool-1-worker-3" the number is cut off, of "pool-1-thread-12" its last digit. JDK 22
 * and later keep the end ("ForkJoi..orker-3") instead.
 */
static void group_name(const char *comm, char name[POOLWATCH_COMM])
{
	size_t n = strnlen(comm, POOLWATCH_COMM - 1);

	memset(name, 0, POOLWATCH_COMM);
	while (n && comm[n - 1] >= '0' && comm[n - 1] <= '9')
		n--;
	memcpy(name, comm, n);
}

static int by_group(const void *a, const void *b)
{
	const struct jvm_seen *x = a, *y = b;
	char nx[POOLWATCH_COMM], ny[POOLWATCH_COMM];
	int c;

	group_name(x->comm, nx);
	group_name(y->comm, ny);
	c = memcmp(nx, ny, sizeof(nx));
	return c ? c : (x->tid > y->tid) - (x->tid < y->tid);
}

static int by_tid(const void *a, const void *b)
{
	const struct loader_parked *x = a, *y = b;

	return (x->tid > y->tid) - (x->tid < y->tid);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

static void remember(struct jvm_group *g, const struct jvm_group *old, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!memcmp(old[i].name, g->name, sizeof(g->name))) {
			g->asked = old[i].asked;
			g->examined = old[i].examined;
			g->pause = old[i].pause;
			g->next = old[i].next;
			return;
		}
}

static int make_groups(const struct jvm_seen *seen, size_t n, uint64_t now, struct jvm_group **out, size_t *nout)
{
	struct jvm_group *groups = calloc(n + 1, sizeof(*groups));
	size_t count = 0;

	if (!groups)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct jvm_group *g = count ? &groups[count - 1] : NULL;
		char name[POOLWATCH_COMM];

		group_name(seen[i].comm, name);
		if (!g || memcmp(g->name, name, sizeof(name))) {
			g = &groups[count++];
			*g = (struct jvm_group){ .first = i, .parked = true };
			memcpy(g->name, name, sizeof(name));
		}
		g->n++;
		g->parked &= seen[i].parked && seen[i].parked + PARKED_NS <= now;
		g->hash = mix(mix(g->hash, seen[i].tid), seen[i].parked);
	}
	*out = groups;
	*nout = count;
	return 0;
}

int jvm_threads__read(struct watch *w, const struct watched *d, uint64_t now, struct jvm_seen **seen_out, size_t *nseen,
		      struct jvm_group **groups, size_t *ngroups, const struct jvm_group *old, size_t nold)
{
	_cleanup_free_ struct loader_parked *parked = NULL;
	_cleanup_free_ struct jvm_seen *seen = NULL;
	_cleanup_free_ uint32_t *tids = NULL;
	size_t nparked, n;
	int err;

	err = loader__parked(w->loader, d->t.pid, &parked, &nparked);
	if (!err)
		err = target__threads(&d->t, &tids, &n);
	if (err)
		return err;
	if (nparked)
		qsort(parked, nparked, sizeof(*parked), by_tid);
	seen = calloc(n + 1, sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct loader_parked key = { .tid = tids[i] }, *p;

		p = nparked ? bsearch(&key, parked, nparked, sizeof(*parked), by_tid) : NULL;
		seen[i].tid = tids[i];
		seen[i].parked = p ? p->since : 0;
		read_comm(d->t.pid, &seen[i]);
	}
	qsort(seen, n, sizeof(*seen), by_group);
	err = make_groups(seen, n, now, groups, ngroups);
	if (err)
		return err;
	for (size_t i = 0; i < *ngroups; i++)
		remember(&(*groups)[i], old, nold);
	*seen_out = take_ptr(seen);
	*nseen = n;
	return 0;
}
