// SPDX-License-Identifier: GPL-2.0
/* Look values up in a line of JSON, without building anything. It is strict: what a test reads has to be JSON. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "e2e.h"

static const char *skip_space(const char *s)
{
	return s + strspn(s, " \t\r\n");
}

/* Behind the string that begins at @s, or NULL. */
static const char *skip_string(const char *s)
{
	if (*s++ != '"')
		return NULL;
	for (; *s != '"'; s++) {
		if ((unsigned char)*s < 0x20)
			return NULL;
		if (*s != '\\')
			continue;
		s++;
		if (*s == 'u') {
			for (int i = 0; i < 4; i++)
				if (!isxdigit((unsigned char)*++s))
					return NULL;
		} else if (!*s || !strchr("\"\\/bfnrt", *s)) {
			return NULL;
		}
	}
	return s + 1;
}

static const char *skip_number(const char *s)
{
	char *end;

	if (*s != '-' && !isdigit((unsigned char)*s))
		return NULL;
	strtod(s, &end);
	return end == s ? NULL : end;
}

/* Behind the value at @s, or NULL if it is none. */
static const char *skip_value(const char *s)
{
	bool object = *s == '{';
	char close;

	if (*s == '"')
		return skip_string(s);
	if (*s != '{' && *s != '[') {
		static const char *const words[] = { "true", "false", "null" };

		for (size_t i = 0; i < 3; i++)
			if (!strncmp(s, words[i], strlen(words[i])))
				return s + strlen(words[i]);
		return skip_number(s);
	}
	close = object ? '}' : ']';
	s = skip_space(s + 1);
	if (*s == close)
		return s + 1;
	for (;;) {
		if (object) {
			s = skip_string(s);
			if (!s)
				return NULL;
			s = skip_space(s);
			if (*s++ != ':')
				return NULL;
			s = skip_space(s);
		}
		s = skip_value(s);
		if (!s)
			return NULL;
		s = skip_space(s);
		if (*s == close)
			return s + 1;
		if (*s++ != ',')
			return NULL;
		s = skip_space(s);
	}
}

/* The member @name (@len bytes) of the object, or that element of the array, at @s. Well-formed. */
static const char *child(const char *s, const char *name, size_t len)
{
	size_t index = strtoul(name, NULL, 10);
	bool object = *s == '{';

	if (!object && *s != '[')
		return NULL;
	for (s = skip_space(s + 1); *s != '}' && *s != ']';) {
		bool hit;

		if (object) {
			const char *end = skip_string(s);

			hit = (size_t)(end - s) == len + 2 && !strncmp(s + 1, name, len);
			s = skip_space(skip_space(end) + 1);
		} else {
			hit = isdigit((unsigned char)*name) && !index--;
		}
		if (hit)
			return s;
		s = skip_space(skip_value(s));
		if (*s == ',')
			s = skip_space(s + 1);
	}
	return NULL;
}

static const char *find(const char *line, const char *path)
{
	const char *end = line && *line == '{' ? skip_value(line) : NULL, *s = line;

	if (!end || *skip_space(end))
		return NULL;
	while (s && *path) {
		size_t len = strcspn(path, ".");

		s = child(s, path, len);
		path += len + (path[len] == '.');
	}
	return s;
}

bool json_has(const char *line, const char *path)
{
	return find(line, path) != NULL;
}

bool json_true(const char *line, const char *path)
{
	const char *s = find(line, path);

	return s && !strncmp(s, "true", 4);
}

const char *json_str(const char *line, const char *path)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	static char bufs[8][1024];
	static unsigned int turn;
	const char *s = find(line, path);
	char *buf = bufs[turn++ % 8];
	size_t n = 0;

	if (s && !strncmp(s, "null", 4))
		return "(null)";
	if (!s || *s != '"')
		return "(none)";
	for (s++; *s != '"' && n < sizeof(bufs[0]) - 1; s++) {
		char c = *s;

		if (c == '\\') {
			c = *++s;
			if (c == 'u') {
				unsigned int u;

				sscanf(s + 1, "%4x", &u);
				c = u < 0x80 ? u : '?';
				s += 4;
			} else if (strchr(from, c)) {
				c = to[strchr(from, c) - from];
			}
		}
		buf[n++] = c;
	}
	buf[n] = 0;
	return buf;
}

int64_t json_int(const char *line, const char *path)
{
	const char *s = find(line, path);

	if (s && !strncmp(s, "\"0x", 3))
		return (int64_t)strtoull(s + 1, NULL, 16);
	return s && (*s == '-' || isdigit((unsigned char)*s)) ? strtoll(s, NULL, 10) : INT64_MIN;
}

size_t json_len(const char *line, const char *path)
{
	const char *s = find(line, path);
	size_t n = 0;
	char index[24];

	if (!s || *s != '[')
		return SIZE_MAX;
	for (;; n++) {
		snprintf(index, sizeof(index), "%zu", n);
		if (!child(s, index, strlen(index)))
			return n;
	}
}
