// SPDX-License-Identifier: GPL-2.0
/* A bounded queue of messages, in memory or in a mapped file. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "spool.h"

#define SPOOL_MAGIC 0x31306c6f6f707770ull /* "pwpool01" */
#define SPOOL_MIN   4096

/*
 * At the beginning of the mapping. Messages lie in data[] behind one another, each with its length before it, padded to
 * 8 bytes; one that would cross the end starts over at 0, with a length of WRAP left behind. Positions count bytes
 * ever, so that they do not repeat. The writer may be killed between any two stores: a message counts once "tail"
 * covers it, and is gone once "head" has passed it.
 */
struct spool_head {
	uint64_t magic;
	uint64_t size;
	uint64_t head, tail; /* position of the oldest message, and behind the newest; modulo size: where in data */
	uint64_t first;	     /* number of the message at head */
	uint64_t next;	     /* number of the next message to come */
	uint64_t lost;
	uint64_t pad;
	uint8_t data[];
};

struct spool {
	struct spool_head *h;
	size_t mapped;
	int fd; /* -1: memory */
};

#define WRAP UINT64_MAX

static uint64_t padded(uint64_t len)
{
	return sizeof(uint64_t) + ((len + 7) & ~7ull);
}

static uint64_t *length_at(const struct spool *s, uint64_t pos)
{
	return (uint64_t *)(s->h->data + pos % s->h->size);
}

/* The position of the message that is at @pos, past a wrap mark. */
static uint64_t settle(const struct spool *s, uint64_t pos)
{
	if (pos < s->h->tail && *length_at(s, pos) == WRAP)
		pos += s->h->size - pos % s->h->size;
	return pos;
}

static bool is_sound(const struct spool *s, size_t size)
{
	const struct spool_head *h = s->h;
	uint64_t pos = h->head, n = h->first;

	if (h->magic != SPOOL_MAGIC || h->size != size || h->head > h->tail || h->tail - h->head > size ||
	    h->head % 8 || h->tail % 8)
		return false;
	for (pos = settle(s, pos); pos < h->tail; pos = settle(s, pos), n++) {
		uint64_t len = *length_at(s, pos);

		if (len > size || padded(len) > h->tail - pos || pos % size + padded(len) > size)
			return false;
		pos += padded(len);
	}
	/* Killed between the two stores of a push or a pop: the numbers may be one off, and do not matter to anyone any
	 * more. */
	return pos == h->tail;
}

static void renumber(struct spool *s)
{
	s->h->next = s->h->first;
	for (uint64_t pos = settle(s, s->h->head); pos < s->h->tail; pos = settle(s, pos), s->h->next++)
		pos += padded(*length_at(s, pos));
}

static int map_file(struct spool *s, const char *path)
{
	struct stat st;

	s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->fd < 0)
		return -errno;
	if (flock(s->fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (fstat(s->fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	/* Blocks are taken now: a mapping has no way to say later that the disk is full. */
	if ((size_t)st.st_size != s->mapped && ftruncate(s->fd, 0))
		return -errno;
	int err = posix_fallocate(s->fd, 0, s->mapped);

	if (err)
		return -err;
	s->h = mmap(NULL, s->mapped, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	return s->h == MAP_FAILED ? -errno : 0;
}

int spool__open(const char *path, size_t size, struct spool **out)
{
	struct spool *s;
	int err = 0;

	if (size < SPOOL_MIN || size % 8)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->fd = -1;
	s->h = MAP_FAILED;
	s->mapped = sizeof(*s->h) + size;
	if (path)
		err = map_file(s, path);
	else {
		s->h = mmap(NULL, s->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		err = s->h == MAP_FAILED ? -errno : 0;
	}
	if (err) {
		spool__close(s);
		return err;
	}
	if (is_sound(s, size)) {
		renumber(s);
	} else {
		memset(s->h, 0, sizeof(*s->h));
		s->h->size = size;
		s->h->magic = SPOOL_MAGIC;
	}
	*out = s;
	return 0;
}

void spool__close(struct spool *s)
{
	if (!s)
		return;
	if (s->h != MAP_FAILED)
		munmap(s->h, s->mapped);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

void spool__pop(struct spool *s)
{
	uint64_t pos = settle(s, s->h->head);

	if (pos >= s->h->tail)
		return;
	s->h->first++;
	__atomic_store_n(&s->h->head, pos + padded(*length_at(s, pos)), __ATOMIC_RELEASE);
}

int spool__push(struct spool *s, const void *data, size_t len)
{
	struct spool_head *h = s->h;
	uint64_t pos = h->tail, need = padded(len), skip = 0;

	if (len > h->size || need > h->size / 2) {
		h->lost++;
		return -EMSGSIZE;
	}
	if (pos % h->size + need > h->size)
		skip = h->size - pos % h->size;
	while (h->tail + skip + need - h->head > h->size) {
		if (settle(s, h->head) >= h->tail)
			h->head = h->tail; /* nothing but a wrap mark is left */
		if (h->head == h->tail)
			break;
		spool__pop(s);
		h->lost++;
	}
	if (skip)
		*length_at(s, pos) = WRAP;
	pos += skip;
	*length_at(s, pos) = len;
	memcpy(length_at(s, pos) + 1, data, len);
	h->next++;
	__atomic_store_n(&h->tail, pos + need, __ATOMIC_RELEASE);
	return 0;
}

const void *spool__at(const struct spool *s, uint64_t n, size_t *len)
{
	uint64_t pos = settle(s, s->h->head);

	if (n < s->h->first || n >= s->h->next)
		return NULL;
	for (uint64_t i = s->h->first; i < n; i++)
		pos = settle(s, pos + padded(*length_at(s, pos)));
	*len = *length_at(s, pos);
	return length_at(s, pos) + 1;
}

uint64_t spool__first(const struct spool *s)
{
	return s->h->first;
}

uint64_t spool__count(const struct spool *s)
{
	return s->h->next - s->h->first;
}

uint64_t spool__lost(const struct spool *s)
{
	return s->h->lost;
}
