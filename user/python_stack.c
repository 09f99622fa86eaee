// SPDX-License-Identifier: GPL-2.0
/* Names and lines of Python frames. */
#include <errno.h>
#include <string.h>
#include "cleanup.h"
#include "python.h"

#define MAX_TABLE (64u << 10) /* bytes of a location table */

/* One location entry of 3.11 and later (Objects/locations.md): how many code units it covers and where they are. */
struct entry {
	unsigned int units;
	bool has_line;
	int32_t delta;
};

static bool read_varint(const uint8_t **p, const uint8_t *end, uint32_t *v)
{
	uint32_t value = 0;

	for (unsigned int shift = 0; *p < end && shift < 30; shift += 6) {
		uint8_t b = *(*p)++;

		value |= (uint32_t)(b & 63) << shift;
		if (!(b & 64)) {
			*v = value;
			return true;
		}
	}
	return false;
}

static bool read_entry(const uint8_t **p, const uint8_t *end, struct entry *e)
{
	uint8_t first = *(*p)++;
	unsigned int code = first >> 3 & 15, skip = 0;
	uint32_t v;

	if (!(first & 128))
		return false;
	*e = (struct entry){ .units = (first & 7) + 1, .has_line = code != 15 };
	switch (code) {
	case 15: /* no location */
		return true;
	case 14: /* line delta, end line delta, two columns */
	case 13: /* line delta only */
		if (!read_varint(p, end, &v))
			return false;
		e->delta = v & 1 ? -(int32_t)(v >> 1) : (int32_t)(v >> 1);
		for (int i = 0; code == 14 && i < 3; i++)
			if (!read_varint(p, end, &v))
				return false;
		return true;
	case 10: /* line delta 0, 1, 2 and two columns */
	case 11:
	case 12:
		e->delta = (int32_t)code - 10;
		skip = 2;
		break;
	default: /* the same line, columns packed */
		skip = 1;
		break;
	}
	if ((size_t)(end - *p) < skip)
		return false;
	*p += skip;
	return true;
}

uint32_t python__table_line(const uint8_t *table, size_t len, uint32_t first_line, uint32_t index)
{
	const uint8_t *p = table, *end = table + len;
	int64_t line = first_line;
	uint64_t at = 0;

	while (p < end) {
		struct entry e;

		if (!read_entry(&p, end, &e))
			return 0;
		line += e.delta;
		at += e.units;
		if (index < at)
			return e.has_line && line > 0 && line < INT32_MAX ? (uint32_t)line : 0;
	}
	return 0;
}

static uint32_t code_line(const struct python *py, const struct python_mem *mem, const struct pw_python_frame *frame)
{
	const struct python_layout *l = &py->layout;
	_cleanup_free_ uint8_t *table = NULL;
	uint64_t bytes, len, start = frame->code + l->code_start;
	int32_t first;

	if (frame->instr < start || frame->instr - start > 1u << 24 ||
	    mem->read(mem->ctx, frame->code + l->code_firstline, &first, sizeof(first)) || first < 0 ||
	    mem->read(mem->ctx, frame->code + l->code_linetable, &bytes, sizeof(bytes)) ||
	    mem->read(mem->ctx, bytes + 16, &len, sizeof(len)) || !len || len > MAX_TABLE)
		return 0;
	table = malloc(len);
	if (!table || mem->read(mem->ctx, bytes + l->bytes_text, table, len))
		return 0;
	return python__table_line(table, len, (uint32_t)first, (uint32_t)((frame->instr - start) / 2));
}

int python__line(const struct python *py, const struct python_mem *mem, const struct pw_python_frame *frame, struct python_line *out)
{
	struct python_line line;
	uint64_t type, names[3]; /* file, name, qualified name */

	/* The object may be gone and its memory another's: it must still say that it is code. */
	if (mem->read(mem->ctx, frame->code + 8, &type, sizeof(type)) || type != py->code_type ||
	    mem->read(mem->ctx, frame->code + py->bpf.code_names, names, sizeof(names)) ||
	    python__str(py, mem, names[0], line.file, sizeof(line.file)) ||
	    python__str(py, mem, names[2], line.function, sizeof(line.function)))
		return -EINVAL;
	line.line = code_line(py, mem, frame);
	*out = line;
	return 0;
}

bool python__is_user_code(const char *file)
{
	const char *lib = strstr(file, "/lib/python3");

	if (strstr(file, "/site-packages/") || strstr(file, "/dist-packages/") || strstr(file, "/sqlalchemy/") || file[0] == '<')
		return false;
	/* /usr/lib/python3.11/threading.py: what lies below a lib/python3.N is the installation's. */
	return !lib;
}
