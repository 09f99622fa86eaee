// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "cleanup.h"
#include "perfmap.h"
#include "target_maps.h"

struct entry {
	uint64_t start, end;
	uint32_t name; /* into text */
	uint32_t len;
};

struct perfmap {
	struct entry *entries; /* by start, not overlapping */
	size_t n;
	char *text;
	size_t text_len;
	struct timespec mtime;
	uint64_t ino, size; /* size: of the file, of which text may be less than all */
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A number and the spaces behind it. Return: what follows, or NULL. */
static const char *take_hex(const char *p, const char *end, uint64_t *value)
{
	uint64_t v = 0;
	int digits = 0;

	if (end - p > 2 && p[0] == '0' && (p[1] | 0x20) == 'x')
		p += 2;
	for (; p < end && hex_digit(*p) >= 0; p++, digits++)
		v = v << 4 | (uint64_t)hex_digit(*p);
	if (!digits || digits > 16 || p == end || *p != ' ')
		return NULL;
	while (p < end && *p == ' ')
		p++;
	*value = v;
	return p;
}

static bool parse_line(const struct perfmap *map, const char *p, const char *end, struct entry *e)
{
	uint64_t start, size;

	p = take_hex(p, end, &start);
	p = p ? take_hex(p, end, &size) : NULL;
	if (!p || p == end || !size || start + size < start)
		return false;
	*e = (struct entry){ start, start + size, (uint32_t)(p - map->text), (uint32_t)(end - p) };
	if (e->len > PERFMAP_MAX_NAME)
		e->len = PERFMAP_MAX_NAME;
	return true;
}

/* Entries at one start are in the order of the file, as positions in the text tell. */
static int by_start(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->name > y->name) - (x->name < y->name);
}

/*
 * Code is made, thrown away and made again at overlapping addresses. The younger entry keeps its range; of an older
 * one, what lies before it remains (what lies behind it is dropped: no compiler leaves half a function). @e is sorted
 * by start; each entry of the result begins before the next, so that only the last one can overlap a new one.
 */
static size_t drop_overlaps(struct entry *e, size_t n)
{
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		bool lost = false;

		while (out && e[out - 1].end > e[i].start) {
			struct entry *last = &e[out - 1];

			if (last->name > e[i].name) {
				lost = true;
				break;
			}
			if (last->start < e[i].start) {
				last->end = e[i].start;
				break;
			}
			out--;
		}
		if (!lost)
			e[out++] = e[i];
	}
	return out;
}

int perfmap__parse(const char *text, size_t len, struct perfmap **out)
{
	struct perfmap *map = calloc(1, sizeof(*map));
	size_t room = 0;

	if (!map)
		return -ENOMEM;
	if (len > PERFMAP_MAX_BYTES)
		len = PERFMAP_MAX_BYTES;
	map->text = malloc(len + 1);
	if (!map->text)
		goto nomem;
	memcpy(map->text, text, len);
	map->text_len = len;
	for (const char *p = map->text, *end = p + len; p < end && map->n < PERFMAP_MAX_ENTRIES;) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		struct entry e;

		eol = eol ?: end;
		if (parse_line(map, p, eol, &e)) {
			if (map->n == room) {
				struct entry *bigger =
					reallocarray(map->entries, room = room ? room * 2 : 64, sizeof(e));

				if (!bigger)
					goto nomem;
				map->entries = bigger;
			}
			map->entries[map->n++] = e;
		}
		p = eol + 1;
	}
	if (map->n) {
		qsort(map->entries, map->n, sizeof(*map->entries), by_start);
		map->n = drop_overlaps(map->entries, map->n);
	}
	*out = map;
	return 0;
nomem:
	perfmap__free(map);
	return -ENOMEM;
}

void perfmap__free(struct perfmap *map)
{
	if (!map)
		return;
	free(map->entries);
	free(map->text);
	free(map);
}

/* The process's number as its own pid namespace has it, which is what it names its file by. */
static int own_number(const struct target *t, unsigned int *number)
{
	_cleanup_free_ char *status = NULL;
	const char *line, *end;
	int err = target__proc_read(t->pid, "status", &status, NULL);

	if (err)
		return err;
	*number = t->pid;
	line = strstr(status, "\nNSpid:");
	if (!line)
		return 0;
	end = line + 1 + strcspn(line + 1, "\n");
	while (end > line && end[-1] >= '0' && end[-1] <= '9')
		end--;
	*number = (unsigned int)strtoul(end, NULL, 10);
	return *number ? 0 : -ENOENT;
}

/* The target chose what lies there: an absolute link must not lead out of its root, a pipe not block. */
static int open_of(const struct target *t, struct stat *st)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	_cleanup_close_ int root = -1, fd = -1;
	unsigned int number;
	char path[64];
	int err = own_number(t, &number);

	if (err)
		return err;
	root = target__proc_open(t->pid, "root", O_PATH | O_DIRECTORY);
	if (root < 0)
		return root;
	snprintf(path, sizeof(path), "tmp/perf-%u.map", number);
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd < 0)
		return -errno;
	if (fstat(fd, st))
		return -errno;
	if (!S_ISREG(st->st_mode) || (st->st_uid && st->st_uid != t->uid))
		return -EPERM;
	return take_fd(&fd);
}

int perfmap__read(const struct target *t, struct perfmap **out)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	size_t size, n = 0;
	struct stat st;
	int err;

	fd = open_of(t, &st);
	if (fd < 0)
		return fd;
	if (st.st_size > PERFMAP_MAX_BYTES)
		return -EFBIG;
	size = (size_t)st.st_size;
	text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	while (n < size) {
		ssize_t r = pread(fd, text + n, size - n, (off_t)n);

		if (r < 0)
			return -errno;
		if (!r)
			break;
		n += (size_t)r;
	}
	/* The last line may be half written. */
	while (n && text[n - 1] != '\n')
		n--;
	err = perfmap__parse(text, n, out);
	if (err)
		return err;
	(*out)->mtime = st.st_mtim;
	(*out)->ino = st.st_ino;
	(*out)->size = (uint64_t)st.st_size;
	return 0;
}

bool perfmap__is_stale(const struct perfmap *map, const struct target *t)
{
	struct stat st;
	_cleanup_close_ int fd = open_of(t, &st);

	if (fd < 0)
		return false;
	return !map || st.st_ino != map->ino || (uint64_t)st.st_size != map->size ||
	       st.st_mtim.tv_sec != map->mtime.tv_sec || st.st_mtim.tv_nsec != map->mtime.tv_nsec;
}

int perfmap__find(const struct perfmap *map, uint64_t addr, const char **name, size_t *len, uint64_t *offset)
{
	size_t lo = 0, hi = map->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct entry *e = &map->entries[mid];

		if (addr < e->start) {
			hi = mid;
		} else if (addr >= e->end) {
			lo = mid + 1;
		} else {
			*name = map->text + e->name;
			*len = e->len;
			*offset = addr - e->start;
			return 0;
		}
	}
	return -ENOENT;
}

size_t perfmap__bytes(const struct perfmap *map)
{
	return map ? sizeof(*map) + map->text_len + map->n * sizeof(*map->entries) : 0;
}
