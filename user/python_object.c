// SPDX-License-Identifier: GPL-2.0
/*
 * Objects of CPython 3.11 to 3.13, read from outside. The target writes meanwhile and may be anything: every length is
 * bounded, every pointer may be wrong, and what is read is a value or an error, never a reason to crash.
 */
#include <errno.h>
#include <string.h>
#include "cleanup.h"
#include "python.h"

#define TYPE_AT 8	  /* ob_type */
#define MANAGED_DICT_FLAG (1u << 4)
#define INLINE_VALUES_FLAG (1u << 2)
#define LONG_TAG_AT 16	  /* ob_size in 3.11, lv_tag later */
#define LONG_DIGITS_AT 24
#define DICT_KEYS_AT 32
#define DICT_VALUES_AT 40
#define KEYS_INDICES_AT 32
#define MAX_KEYS 64 /* attributes of one object */
#define SHARED_KEYS_MAX 30

static int read_u64(const struct python_mem *mem, uint64_t addr, uint64_t *v)
{
	return mem->read(mem->ctx, addr, v, sizeof(*v));
}

int python__str(const struct python *py, const struct python_mem *mem, uint64_t obj, char *buf, size_t size)
{
	uint64_t len;
	uint32_t state, kind;
	size_t n;
	int err = read_u64(mem, obj + py->bpf.str_length, &len);

	if (!err)
		err = mem->read(mem->ctx, obj + 32, &state, sizeof(state));
	if (err)
		return err;
	/* state: interned in the low bits (2 in 3.11, where nothing else is needed), then kind 3 bits, compact, ascii */
	kind = state >> 2 & 7;
	if (!(state >> 5 & 1) || (kind != 1 && kind != 2 && kind != 4) || len > 1u << 20)
		return -EINVAL;
	n = len < size - 1 ? (size_t)len : size - 1;
	if (state >> 6 & 1) {
		err = mem->read(mem->ctx, obj + py->bpf.str_ascii, buf, n);
		if (err)
			return err;
	} else {
		/* The text follows a longer header: utf8 length and pointer, and in 3.11 the wide length. */
		uint64_t text = obj + py->bpf.str_ascii + (py->attrs == PYTHON_ATTRS_311 ? 24 : 16);

		for (size_t i = 0; i < n; i++) {
			uint32_t c = 0;

			err = mem->read(mem->ctx, text + i * kind, &c, kind);
			if (err)
				return err;
			buf[i] = c < 0x80 ? (char)c : '?';
		}
	}
	buf[n] = '\0';
	return 0;
}

int python__int(const struct python_mem *mem, uint64_t obj, int64_t *value)
{
	/* One digit of 30 bits is all that a size of a pool needs. */
	int64_t tag;
	uint32_t digit;
	int err = mem->read(mem->ctx, obj + LONG_TAG_AT, &tag, sizeof(tag));

	if (!err)
		err = mem->read(mem->ctx, obj + LONG_DIGITS_AT, &digit, sizeof(digit));
	if (err)
		return err;
	if (digit >= 1u << 30 && tag)
		return -EINVAL;
	switch (tag) {
	case -1: /* 3.11: the number of digits, negative for a negative number */
		*value = -(int64_t)digit;
		return 0;
	case 0: /* 3.11: no digits */
	case 1: /* one digit; or in later versions, where the sign is in the low bits, zero */
		*value = tag ? digit : 0;
		return 0;
	case 8: /* later: one digit */
		*value = digit;
		return 0;
	case 8 | 2:
		*value = -(int64_t)digit;
		return 0;
	}
	return -EINVAL;
}

/* Index of @name in the keys of a dictionary, its own value in *@value (if keys carry values). */
static int find_key(const struct python *py, const struct python_mem *mem, uint64_t keys, const char *name, size_t *index,
		    uint64_t *value)
{
	struct {
		uint64_t refs;
		uint8_t log2_size, log2_index_bytes, kind, pad;
		uint32_t version;
		int64_t usable, used;
	} head;
	uint64_t entries;
	size_t size;
	int err = mem->read(mem->ctx, keys, &head, sizeof(head));

	if (err)
		return err;
	if (head.log2_index_bytes > 12 || head.kind > 2 || head.used < 0)
		return -EINVAL;
	entries = keys + KEYS_INDICES_AT + (1ull << head.log2_index_bytes);
	size = head.kind ? 16 : 24;
	for (size_t i = 0; i < (size_t)head.used && i < MAX_KEYS; i++) {
		uint64_t entry[2]; /* key, value */
		char text[64];

		err = mem->read(mem->ctx, entries + i * size + (head.kind ? 0 : 8), entry, sizeof(entry));
		if (err)
			return err;
		if (!entry[0] || python__str(py, mem, entry[0], text, sizeof(text)) || strcmp(text, name))
			continue;
		*index = i;
		*value = entry[1];
		return 0;
	}
	return -ENOENT;
}

/* The array of an instance's attributes that are kept apart from their names, or 0: they are in a dictionary. */
static int inline_values(const struct python *py, const struct python_mem *mem, uint64_t obj, uint64_t flags, uint64_t *values,
			 uint64_t *dict)
{
	uint64_t word;
	int err = read_u64(mem, obj - 24, &word);

	if (err)
		return err;
	*values = *dict = 0;
	switch (py->attrs) {
	case PYTHON_ATTRS_311:
		*dict = word;
		return word ? 0 : read_u64(mem, obj - 32, values);
	case PYTHON_ATTRS_312:
		if (word & 1)
			*values = word + 1;
		else
			*dict = word;
		return 0;
	case PYTHON_ATTRS_313:
		if (word)
			*dict = word;
		else if (flags & INLINE_VALUES_FLAG)
			*values = obj + 16 + 8;
		return 0;
	}
	return -EINVAL;
}

int python__attr(const struct python *py, const struct python_mem *mem, uint64_t obj, const char *name, uint64_t *value)
{
	uint64_t type, flags, values, dict, keys, v;
	size_t index;
	int err = read_u64(mem, obj + TYPE_AT, &type);

	if (!err)
		err = read_u64(mem, type + py->layout.type_flags, &flags);
	if (err)
		return err;
	if (!(flags & MANAGED_DICT_FLAG))
		return -EINVAL;
	err = inline_values(py, mem, obj, flags, &values, &dict);
	if (!err && dict) {
		err = read_u64(mem, dict + DICT_KEYS_AT, &keys) ?: read_u64(mem, dict + DICT_VALUES_AT, &values);
		if (values && py->attrs == PYTHON_ATTRS_313)
			values += 8;
	} else if (!err) {
		err = read_u64(mem, type + py->layout.type_cached_keys, &keys);
	}
	if (!err)
		err = find_key(py, mem, keys, name, &index, &v);
	if (!err && values) {
		if (index >= SHARED_KEYS_MAX)
			return -EINVAL;
		err = read_u64(mem, values + index * 8, &v);
	}
	if (err)
		return err;
	if (!v)
		return -ENOENT;
	*value = v;
	return 0;
}

static int int_attr(const struct python *py, const struct python_mem *mem, uint64_t obj, const char *name, int64_t *value)
{
	uint64_t v;
	int err = python__attr(py, mem, obj, name, &v);

	return err ? err : python__int(mem, v, value);
}

int python__queue_pool(const struct python *py, const struct python_mem *mem, uint64_t pool, int64_t *capacity, int64_t *out)
{
	int64_t size, max_overflow, overflow, queued;
	uint64_t queue, deque, q;
	int err = python__attr(py, mem, pool, "_pool", &queue);

	if (!err)
		err = int_attr(py, mem, pool, "_max_overflow", &max_overflow) ?:
		      int_attr(py, mem, pool, "_overflow", &overflow) ?:
		      int_attr(py, mem, queue, "maxsize", &size) ?:
		      python__attr(py, mem, queue, "queue", &deque) ?:
		      read_u64(mem, deque + LONG_TAG_AT, &q); /* ob_size */
	if (err)
		return err;
	queued = (int64_t)q;
	if (size < 0 || max_overflow < -1 || queued < 0 || queued > INT32_MAX)
		return -EINVAL;
	*capacity = max_overflow < 0 || !size ? INT64_MAX : size + max_overflow;
	*out = size - queued + overflow;
	return 0;
}
