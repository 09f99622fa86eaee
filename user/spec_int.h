/* SPDX-License-Identifier: GPL-2.0 */
/* Between the files of the parser of pool definitions. */
#ifndef POOLWATCH_SPEC_INT_H
#define POOLWATCH_SPEC_INT_H

#include "spec.h"
#include "spec_lex.h"

enum spec_statement {
	SPEC_LIB,
	SPEC_KEY,
	SPEC_CAPACITY,
	SPEC_AVAILABLE,
	SPEC_MIN_CAPACITY,
	SPEC_WAIT,
	SPEC_OWNER,
	SPEC_FUTEX,
	SPEC_CONFIRM,
	SPEC_WHEN,
	SPEC_BUILTIN,
	SPEC_STATEMENTS, /* from here on: probes, SPEC_STATEMENTS + enum pw_probe_kind */
};

struct spec_parser {
	const char *text;
	size_t len;
	const char *name; /* of the text, in errors */
	struct spec_error *err;
	const struct spec *before; /* definitions that were there */
	struct spec fresh;	   /* those of this text so far */
	struct spec_pool *pool;	   /* the last of them, being filled; NULL before the first */
	unsigned int seen[SPEC_STATEMENTS]; /* in which line of it; 0: not yet */
};

/* Fill in the parser's error. Return: -EINVAL. */
__attribute__((format(printf, 4, 5))) int spec__fail(struct spec_parser *ps, unsigned int line, unsigned int column, const char *fmt, ...);

/* Compile the expression @text at @column of @line, inside the parser's text. */
int spec__expr(struct spec_parser *ps, unsigned int line, unsigned int column, const char *text, size_t len, unsigned int allowed,
	       struct pw_expr *out);

/* A probe statement: symbols, then clauses. */
int spec__parse_probe(struct spec_parser *ps, const struct spec_line *line, enum pw_probe_kind kind);

/* What can be said only of a whole definition. */
int spec__check_pool(struct spec_parser *ps, const struct spec_pool *pool);

/* Append a copy of @len bytes to a list of strings. Return: 0 or -ENOMEM. */
int spec__add_string(char ***list, size_t *n, const char *text, size_t len);

#endif
