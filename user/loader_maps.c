// SPDX-License-Identifier: GPL-2.0
/*
 * The tables as sources: those of this loader, mapped; and those of loaders in other processes, found by the map that each
 * publishes (pw_session_map), so that nothing needs to be pinned and nothing stays behind a loader that was killed.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "dev.h"
#include "loader_int.h"

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int map_table(int fd, uint32_t entries, size_t record, int prot, struct loader_table *t)
{
	size_t page = sysconf(_SC_PAGESIZE), bytes = (entries * record + page - 1) / page * page;
	void *base = mmap(NULL, bytes, prot, MAP_SHARED, fd, 0);

	if (base == MAP_FAILED)
		return -errno;
	*t = (struct loader_table){ .base = base, .bytes = bytes, .record = record, .entries = entries };
	return 0;
}

static void unmap_all(struct loader_table table[POOLWATCH_TABLES])
{
	for (int i = 0; i < POOLWATCH_TABLES; i++)
		if (table[i].base)
			munmap(table[i].base, table[i].bytes);
}

/* Copy the records in use. Their id is read first and again behind the copy: a slot that was freed meanwhile is left out. */
static int copy_table(const struct loader_table *t, enum poolwatch_table which, struct ledger *l)
{
	for (uint32_t i = 0; i < t->entries; i++) {
		const struct poolwatch_head *head = (void *)((char *)t->base + i * t->record);
		uint64_t id = __atomic_load_n(&head->id, __ATOMIC_ACQUIRE);
		struct poolwatch_head *to;

		if (!id)
			continue;
		to = ledger__room(l, which, 1);
		if (!to)
			return -ENOMEM;
		memcpy(to, head, t->record);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (to->id == id && __atomic_load_n(&head->id, __ATOMIC_RELAXED) == id)
			ledger__added(l, which, 1);
	}
	return 0;
}

static int snapshot(const struct loader_table table[POOLWATCH_TABLES], unsigned int tables, struct ledger *l)
{
	int err;

	ledger__reset(l);
	l->time = now_ns();
	for (int i = 0; i < POOLWATCH_TABLES; i++) {
		if (!(tables & 1u << i))
			continue;
		err = copy_table(&table[i], i, l);
		if (err)
			return err;
	}
	return ledger__index(l);
}

/* --- this loader's */

static struct loader *loader_of(struct source *s)
{
	return (struct loader *)((char *)s - offsetof(struct loader, source));
}

static int own_snapshot(struct source *s, unsigned int tables, struct ledger *l)
{
	return snapshot(loader_of(s)->table, tables, l);
}

static int own_event_fd(struct source *s)
{
	return loader__event_fd(loader_of(s));
}

/* Events of an own session go to the watch, with their stacks; a view looks at snapshots. */
static int own_next_event(struct source *s, struct poolwatch_event *e, uint64_t *missed)
{
	(void)s;
	(void)e;
	(void)missed;
	return 0;
}

static void own_close(struct source *s)
{
	(void)s;
}

static const struct source_ops own_ops = {
	.mode = "direct",
	.snapshot = own_snapshot,
	.event_fd = own_event_fd,
	.next_event = own_next_event,
	.close = own_close,
};

void loader__init_source(struct loader *l)
{
	l->source.ops = &own_ops;
	l->source.session = l->session ?: (uint32_t)getpid();
	l->source.loader_pid = getpid();
}

struct source *loader__source(struct loader *l)
{
	return &l->source;
}

int loader__map_tables(struct loader *l)
{
	struct bpf_map *maps[POOLWATCH_TABLES] = {
		[POOLWATCH_DEFS] = l->skel->maps.pw_defs,	  [POOLWATCH_PROCS] = l->skel->maps.pw_procs,
		[POOLWATCH_POOLS] = l->skel->maps.pw_pools,	  [POOLWATCH_THREADS] = l->skel->maps.pw_threads,
		[POOLWATCH_EDGES] = l->skel->maps.pw_edges,	  [POOLWATCH_COUNTERS] = l->skel->maps.pw_counters,
	};
	struct poolwatch_counter *c;
	int err;

	for (int i = 0; i < POOLWATCH_TABLES; i++) {
		err = map_table(bpf_map__fd(maps[i]), bpf_map__max_entries(maps[i]), bpf_map__value_size(maps[i]),
				PROT_READ | PROT_WRITE, &l->table[i]);
		if (err)
			return err;
	}
	err = map_table(bpf_map__fd(l->skel->maps.pw_goroutines), bpf_map__max_entries(l->skel->maps.pw_goroutines),
			sizeof(struct pw_goroutine), PROT_READ | PROT_WRITE, &l->goroutines);
	if (err)
		return err;
	c = l->table[POOLWATCH_COUNTERS].base;
	for (uint32_t i = 0; i < POOLWATCH_CAUSES; i++) {
		c[i].head.uid = POOLWATCH_UID_ALL;
		c[i].head.id = 1ull << 32 | i;
	}
	return 0;
}

void loader__unmap_tables(struct loader *l)
{
	unmap_all(l->table);
	if (l->goroutines.base)
		munmap(l->goroutines.base, l->goroutines.bytes);
}

/* --- other loaders' */

struct other {
	struct source source;
	struct loader_table table[POOLWATCH_TABLES];
	int session_fd;
};

static int other_snapshot(struct source *s, unsigned int tables, struct ledger *l)
{
	struct other *o = (struct other *)s;

	/* The maps live as long as we have them mapped: that their loader is gone must be asked. */
	if (kill(s->loader_pid, 0) && errno == ESRCH)
		return -ENOENT;
	return snapshot(o->table, tables, l);
}

static int other_event_fd(struct source *s)
{
	(void)s;
	return -EOPNOTSUPP;
}

static int other_next_event(struct source *s, struct poolwatch_event *e, uint64_t *missed)
{
	(void)s;
	(void)e;
	(void)missed;
	return -EOPNOTSUPP;
}

static void other_close(struct source *s)
{
	struct other *o = (struct other *)s;

	unmap_all(o->table);
	free(o);
}

static const struct source_ops other_ops = {
	.mode = "direct",
	.snapshot = other_snapshot,
	.event_fd = other_event_fd,
	.next_event = other_next_event,
	.close = other_close,
};

/* A descriptor of the map with @id, if it is an array called @name (NULL: any) of records of @record bytes. */
static int open_map(uint32_t id, const char *name, size_t record, uint32_t *entries)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	_cleanup_close_ int fd = bpf_map_get_fd_by_id(id);

	if (fd < 0)
		return -errno;
	if (bpf_map_get_info_by_fd(fd, &info, &len))
		return -errno;
	if (info.type != BPF_MAP_TYPE_ARRAY || info.value_size != record || (name && strcmp(info.name, name)))
		return -ENOENT;
	*entries = info.max_entries;
	return take_fd(&fd);
}

static int open_other(const struct pw_session *session, struct source **out)
{
	struct other *o = calloc(1, sizeof(*o));
	uint32_t entries;
	int err = 0;

	if (!o)
		return -ENOMEM;
	for (int i = 0; i < POOLWATCH_TABLES && !err; i++) {
		size_t record = ledger__record_size(i);
		int fd = open_map(session->map_id[i], NULL, record, &entries);

		if (fd < 0) {
			err = fd;
			break;
		}
		err = map_table(fd, entries, record, PROT_READ, &o->table[i]);
		close(fd);
	}
	if (err) {
		other_close(&o->source);
		return err;
	}
	o->source.ops = &other_ops;
	o->source.session = session->session ?: session->loader;
	o->source.loader_pid = session->loader;
	*out = &o->source;
	return 0;
}

/* What the next living loader behind the map *@id published. Return: 0; -EACCES; -ENOENT: there is no other. */
static int next_session(uint32_t *id, struct pw_session *session)
{
	while (!bpf_map_get_next_id(*id, id)) {
		uint32_t entries, zero = 0;
		int fd = open_map(*id, "pw_session_map", sizeof(*session), &entries), r;

		if (fd == -EPERM || fd == -EACCES)
			return -EACCES;
		if (fd < 0)
			continue;
		r = bpf_map_lookup_elem(fd, &zero, session);
		close(fd);
		if (!r && session->magic == PW_SESSION_MAGIC && session->abi_major == POOLWATCH_ABI_MAJOR &&
		    (!kill(session->loader, 0) || errno != ESRCH))
			return 0;
	}
	return errno == EPERM || errno == EACCES ? -EACCES : -ENOENT;
}

int loader__find_session(const struct source *source, struct pw_session *out)
{
	uint32_t id = 0;
	int r;

	while (!(r = next_session(&id, out)))
		if (source->loader_pid ? out->loader == source->loader_pid : out->session == source->session)
			return 0;
	return r;
}

int loader__other_sessions(struct source ***out, size_t *n)
{
	struct source **list = NULL, *s;
	struct pw_session session;
	size_t count = 0;
	uint32_t id = 0;
	int r;

	while (!(r = next_session(&id, &session))) {
		struct source **grown;

		if (session.loader == (uint32_t)getpid() || open_other(&session, &s))
			continue;
		grown = realloc(list, (count + 1) * sizeof(*list));
		if (!grown) {
			source__close(s);
			break;
		}
		list = grown;
		list[count++] = s;
	}
	if (r == -EACCES) {
		while (count)
			source__close(list[--count]);
	}
	if (!count) {
		free(list);
		return r ?: -ENOMEM;
	}
	*out = list;
	*n = count;
	return 0;
}

int source__list(struct source ***out, size_t *n)
{
	struct dev_why why;
	int err = dev__list(out, n, &why);

	/* The device shows its sessions to whom it admits; a loader that could not reach it is found through its maps. */
	return err ? loader__other_sessions(out, n) : 0;
}
