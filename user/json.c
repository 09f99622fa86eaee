// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "escape.h"
#include "json.h"

void json__init(struct json *j, FILE *out)
{
	*j = (struct json){ .out = out };
}

static void put_string(FILE *out, const char *s, size_t len)
{
	static const char short_form[] = "\bb\tt\nn\ff\rr\"\"\\\\";

	putc('"', out);
	for (size_t i = 0; i < len;) {
		unsigned char b = s[i];
		uint32_t c;
		size_t n;

		if (b >= 0x20 && b < 0x7f && b != '"' && b != '\\') {
			putc(b, out);
			i++;
			continue;
		}
		n = escape__decode(s + i, len - i, &c);
		if (!n) {
			fputs("\xef\xbf\xbd", out);
			i++;
			continue;
		}
		i += n;
		if (c >= 0xa0) {
			fwrite(s + i - n, 1, n, out);
			continue;
		}
		/* C0, DEL and C1: the latter two need no escape in JSON, but a terminal may show this line. */
		const char *p = c ? strchr(short_form, (int)c) : NULL;

		if (p && (p - short_form) % 2 == 0)
			fprintf(out, "\\%c", p[1]);
		else
			fprintf(out, "\\u%04" PRIx32, c);
	}
	putc('"', out);
}

/* What comes before a value: a comma, and in an object its key. */
static void lead(struct json *j, const char *key)
{
	if (j->more & 1u << j->depth)
		putc(',', j->out);
	j->more |= 1u << j->depth;
	if (key) {
		put_string(j->out, key, strlen(key));
		putc(':', j->out);
	}
}

static void open_level(struct json *j, const char *key, char bracket)
{
	lead(j, key);
	putc(bracket, j->out);
	assert(j->depth + 1 < JSON_DEPTH);
	j->depth++;
	j->more &= ~(1u << j->depth);
}

static void close_level(struct json *j, char bracket)
{
	assert(j->depth > 0);
	j->depth--;
	putc(bracket, j->out);
}

void json__object(struct json *j, const char *key)
{
	open_level(j, key, '{');
}

void json__end_object(struct json *j)
{
	close_level(j, '}');
}

void json__array(struct json *j, const char *key)
{
	open_level(j, key, '[');
}

void json__end_array(struct json *j)
{
	close_level(j, ']');
}

void json__string(struct json *j, const char *key, const char *s)
{
	if (s)
		json__bytes(j, key, s, strlen(s));
	else
		json__null(j, key);
}

void json__bytes(struct json *j, const char *key, const char *s, size_t len)
{
	lead(j, key);
	put_string(j->out, s, len);
}

void json__u64(struct json *j, const char *key, uint64_t v)
{
	lead(j, key);
	fprintf(j->out, "%" PRIu64, v);
}

void json__i64(struct json *j, const char *key, int64_t v)
{
	lead(j, key);
	fprintf(j->out, "%" PRId64, v);
}

void json__hex(struct json *j, const char *key, uint64_t v)
{
	lead(j, key);
	fprintf(j->out, "\"0x%" PRIx64 "\"", v);
}

void json__double(struct json *j, const char *key, double v)
{
	char text[32];

	if (!isfinite(v)) {
		json__null(j, key);
		return;
	}
	lead(j, key);
	snprintf(text, sizeof(text), "%.6g", v);
	/* The locale's decimal comma is no JSON. */
	for (char *p = text; *p; p++)
		if (*p == ',')
			*p = '.';
	fputs(text, j->out);
}

void json__bool(struct json *j, const char *key, bool v)
{
	lead(j, key);
	fputs(v ? "true" : "false", j->out);
}

void json__null(struct json *j, const char *key)
{
	lead(j, key);
	fputs("null", j->out);
}

void json__raw(struct json *j, const char *key, const char *value)
{
	lead(j, key);
	fputs(value, j->out);
}

int json__end_line(struct json *j)
{
	assert(j->depth == 0);
	putc('\n', j->out);
	j->more = 0;
	return fflush(j->out) || ferror(j->out) ? -EIO : 0;
}
