/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A JSON writer that streams: what goes in comes out at once, on one line, with commas and nesting taken care of.
 * Strings may be any bytes: control characters are escaped, and what is not UTF-8 becomes U+FFFD.
 */
#ifndef POOLWATCH_JSON_H
#define POOLWATCH_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH 32 /* nesting; deeper is a bug of the caller */

/* The members are the writer's. The stream stays the caller's. */
struct json {
	FILE *out;
	unsigned int depth;
	uint32_t more; /* bit n: something was written at depth n, so a comma comes next */
};

void json__init(struct json *j, FILE *out);

/* In an object every value has a @key; in an array, and at the top, @key is NULL. */
void json__object(struct json *j, const char *key);
void json__end_object(struct json *j);
void json__array(struct json *j, const char *key);
void json__end_array(struct json *j);
void json__string(struct json *j, const char *key, const char *s); /* NULL: null */
void json__bytes(struct json *j, const char *key, const char *s, size_t len);
void json__u64(struct json *j, const char *key, uint64_t v);
void json__i64(struct json *j, const char *key, int64_t v);
void json__hex(struct json *j, const char *key, uint64_t v);  /* "0x..": addresses do not fit a double */
void json__double(struct json *j, const char *key, double v); /* six significant digits; null if it is not finite */
void json__bool(struct json *j, const char *key, bool v);
void json__null(struct json *j, const char *key);
void json__raw(struct json *j, const char *key, const char *value); /* JSON that was written before */

/* End the line. Return: 0, or -EIO if the stream has an error. */
int json__end_line(struct json *j);

#endif
