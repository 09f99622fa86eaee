// SPDX-License-Identifier: GPL-2.0
/* What has been told already. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>
#include "cleanup.h"
#include "told.h"

#define TOLD_MAGIC   0x3130646c6f747770ull /* "pwtold01" */
#define TOLD_ENTRIES 2048

struct told_entry {
	uint64_t sites; /* hash of kind, pool and places in code; 0: free */
	uint64_t place; /* hash of process, its start, and the pool's key */
	uint64_t stamp; /* larger: newer */
	uint32_t kind;
	uint32_t run; /* of the daemon that told it */
};

struct told_file {
	uint64_t magic;
	char boot[40];
	uint64_t stamp;
	uint32_t run;
	uint32_t pad;
	struct told_entry entries[TOLD_ENTRIES];
};

struct told {
	struct told_file *f;
	int fd;
	uint64_t settled; /* CLOCK_MONOTONIC ns */
};

static int read_boot_id(char *buf, size_t size)
{
	_cleanup_close_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (n < 0)
		return -errno;
	memset(buf + n, 0, size - n);
	return 0;
}

static int map_file(struct told *t, const char *path)
{
	int err;

	t->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (t->fd < 0)
		return -errno;
	if (flock(t->fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	err = posix_fallocate(t->fd, 0, sizeof(*t->f));
	if (err)
		return -err;
	t->f = mmap(NULL, sizeof(*t->f), PROT_READ | PROT_WRITE, MAP_SHARED, t->fd, 0);
	return t->f == MAP_FAILED ? -errno : 0;
}

int told__open(const char *path, uint64_t now, uint64_t settle_ns, struct told **out)
{
	struct told *t = calloc(1, sizeof(*t));
	char boot[sizeof(t->f->boot)];
	int err;

	if (!t)
		return -ENOMEM;
	t->fd = -1;
	t->f = MAP_FAILED;
	t->settled = now + settle_ns;
	err = read_boot_id(boot, sizeof(boot));
	if (!err && path)
		err = map_file(t, path);
	if (!err && !path) {
		t->f = mmap(NULL, sizeof(*t->f), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		err = t->f == MAP_FAILED ? -errno : 0;
	}
	if (err) {
		told__close(t);
		return err;
	}
	if (t->f->magic != TOLD_MAGIC || memcmp(t->f->boot, boot, sizeof(boot))) {
		memset(t->f, 0, sizeof(*t->f));
		memcpy(t->f->boot, boot, sizeof(boot));
		t->f->magic = TOLD_MAGIC;
	}
	t->f->run++;
	*out = t;
	return 0;
}

void told__close(struct told *t)
{
	if (!t)
		return;
	if (t->f != MAP_FAILED)
		munmap(t->f, sizeof(*t->f));
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}

/* --- fingerprints: FNV-1a */

static void mix(uint64_t *h, const void *data, size_t len)
{
	for (const unsigned char *p = data; len--; p++)
		*h = (*h ^ *p) * 0x100000001b3ull;
}

static void mix_frame(uint64_t *h, const struct finding_frame *frame)
{
	/* By name where there is one: addresses differ from run to run, but not within a process; both are fine. */
	if (frame->symbol)
		mix(h, frame->symbol, strlen(frame->symbol) + 1);
	else
		mix(h, &frame->address, sizeof(frame->address));
	mix(h, &frame->offset, sizeof(frame->offset));
	if (frame->module)
		mix(h, frame->module, strlen(frame->module) + 1);
}

static uint64_t sites_of(const struct finding *f)
{
	uint64_t h = 0xcbf29ce484222325ull;

	mix(&h, &f->kind, sizeof(f->kind));
	mix(&h, f->pool_name, strnlen(f->pool_name, sizeof(f->pool_name)));
	/* Who was first to do it may differ between two runs; where it is done does not. */
	if (f->nthreads && f->threads[0].nholds)
		mix_frame(&h, &f->threads[0].holds[0].site);
	if (f->nthreads && f->threads[0].requesting)
		mix_frame(&h, &f->threads[0].request.site);
	return h ? h : 1;
}

static uint64_t place_of(const struct finding *f, uint64_t start)
{
	uint64_t h = 0xcbf29ce484222325ull;

	mix(&h, &f->pid, sizeof(f->pid));
	mix(&h, &start, sizeof(start));
	mix(&h, &f->key, sizeof(f->key));
	return h;
}

/* --- entries */

static void remember(struct told *t, const struct told_entry *e)
{
	struct told_entry *oldest = t->f->entries;

	for (struct told_entry *i = t->f->entries; i < t->f->entries + TOLD_ENTRIES; i++) {
		if (!i->sites) {
			oldest = i;
			break;
		}
		if (i->stamp < oldest->stamp)
			oldest = i;
	}
	*oldest = *e;
	oldest->stamp = ++t->f->stamp;
	oldest->run = t->f->run;
}

static void forget(struct told *t, const struct told_entry *e)
{
	for (struct told_entry *i = t->f->entries; i < t->f->entries + TOLD_ENTRIES; i++)
		if (i->sites == e->sites && i->place == e->place)
			i->sites = 0;
}

/* Told by an earlier daemon, in a way that makes @e nothing new? */
static bool covers(const struct told *t, const struct told_entry *i, const struct told_entry *e, uint64_t now)
{
	if (!i->sites || i->run == t->f->run || i->place != e->place)
		return false;
	switch (e->kind) {
	case FINDING_DEADLOCK:
		/* Its proof needs requests that this daemon saw: it is another one. */
		return false;
	case FINDING_STALL:
		/* What is left of a deadlock or stall whose requests were made before this daemon came. */
		return now < t->settled && (i->kind == FINDING_DEADLOCK || i->kind == FINDING_STALL);
	default:
		return i->sites == e->sites;
	}
}

bool told__is_old(struct told *t, const struct finding *f, uint64_t start, uint64_t now)
{
	struct told_entry e = {.sites = sites_of(f), .place = place_of(f, start), .kind = f->kind};

	if (!start)
		return false;
	if (f->event == FINDING_RECOVERED || f->event == FINDING_RETRACTED) {
		forget(t, &e);
		return false;
	}
	if (f->event != FINDING_NEW)
		return false;
	for (const struct told_entry *i = t->f->entries; i < t->f->entries + TOLD_ENTRIES; i++)
		if (covers(t, i, &e, now))
			return true;
	remember(t, &e);
	return false;
}
