// SPDX-License-Identifier: GPL-2.0
/* Where the lock of CPython's threading module is given up: a function without a name, found in the table of its methods. */
#include <errno.h>
#include <string.h>
#include "cleanup.h"
#include "place_parts.h"
#include "python.h"

#define WORDS 256 /* read at once */
#define MAX_METHODS 32
#define MAX_DATA (64u << 20)
#define METH_NOARGS 4u
#define METH_VARARGS 1u

struct method { /* PyMethodDef */
	uint64_t name, function, flags, doc;
};
#define METHOD_WORDS (sizeof(struct method) / 8)

static bool has_name(const struct python_mem *mem, const struct method *m, const char *name)
{
	char text[16];
	size_t len = strlen(name) + 1;

	return len <= sizeof(text) && !mem->read(mem->ctx, m->name, text, len) && !memcmp(text, name, len);
}

static bool is_flags(const struct method *m, uint32_t flags)
{
	return (uint32_t)m->flags == flags;
}

/* The row of __exit__ in the table that goes on at @at. */
static int find_exit(const struct python_mem *mem, uint64_t at, uint64_t *function)
{
	struct method m;

	for (int i = 0; i < MAX_METHODS; i++, at += sizeof(m)) {
		if (mem->read(mem->ctx, at, &m, sizeof(m)) || !m.name)
			return -ENOENT;
		if (is_flags(&m, METH_VARARGS) && has_name(mem, &m, "__exit__")) {
			*function = m.function;
			return 0;
		}
	}
	return -ENOENT;
}

int python__lock_exit(const struct python_mem *mem, uint64_t from, uint64_t to, uint64_t *function)
{
	uint64_t words[WORDS];

	/* Two names of one function, as no other type has them. A pair that lies across two reads is in the next one. */
	for (uint64_t at = from; at < to && to - at >= 2 * sizeof(struct method);
	     at += sizeof(words) - 2 * sizeof(struct method) + 8) {
		size_t n = to - at < sizeof(words) ? (size_t)(to - at) / 8 : WORDS;
		int err = mem->read(mem->ctx, at, words, n * 8);

		if (err)
			return err;
		for (size_t i = 0; i + 2 * METHOD_WORDS <= n; i++) {
			struct method m[2];

			memcpy(m, words + i, sizeof(m));
			if (m[0].function && m[0].function == m[1].function && is_flags(&m[0], METH_NOARGS) &&
			    is_flags(&m[1], METH_NOARGS) && has_name(mem, &m[0], "release_lock") &&
			    has_name(mem, &m[1], "release"))
				return find_exit(mem, at + i * 8 + sizeof(m), function);
		}
	}
	return -ENOENT;
}

/* Is it of the same file as @code? */
static bool same_file(const struct target_map *m, const struct target_map *code)
{
	return m->ino == code->ino && m->dev == code->dev;
}

/* The cheapest place at which the function at @vaddr has not done anything yet; @vaddr must be where the unwind table begins one. */
static int place_in(int fd, uint64_t vaddr, struct python *py)
{
	_cleanup_(elf__cleanup) struct elf_file *elf = NULL;
	_cleanup_(place_parts__clear) struct place_parts parts = { 0 };
	struct place_code code = { .vaddr = vaddr, .part = place_parts__give, .ctx = &parts };
	struct place_part whole;
	struct place_plan place;
	int err = elf__open(fd, &elf);

	if (err)
		return err;
	parts.elf = elf;
	if (place_parts__give(&parts, vaddr, &whole) || whole.vaddr != vaddr)
		return -EINVAL;
	code.bytes = whole.bytes;
	code.len = whole.len;
	err = place__entry(&code, 0, &place);
	if (!err)
		err = elf__to_offset(elf, vaddr + place.entry_offset, &py->lock_exit);
	if (!err)
		py->lock_stepped = !place.entry_emulated;
	return err;
}

int python__find_lock_exit(struct target *t, const struct target_map *code, int fd, uint64_t bias, struct python *py)
{
	const struct python_mem mem = { target__read, t };
	uint64_t function;
	int err = -ENOENT;

	for (size_t i = 0; err == -ENOENT && i < t->nmaps; i++) {
		const struct target_map *m = &t->maps[i];

		if (!m->exec && same_file(m, code) && m->end - m->start <= MAX_DATA)
			err = python__lock_exit(&mem, m->start, m->end, &function);
	}
	return err ? err : place_in(fd, function - bias, py);
}
