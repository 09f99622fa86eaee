/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tables: one list of columns drives aligned text, JSON, and the screen. Pure: rows are the caller's structures,
 * columns know how to get a value out of one.
 */
#ifndef POOLWATCH_TABLE_H
#define POOLWATCH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "finding.h"
#include "json.h"

enum table_type {
	TABLE_TEXT,   /* text: any bytes, escaped where shown */
	TABLE_COUNT,  /* count */
	TABLE_NUMBER, /* number: may be negative */
	TABLE_RATE,   /* rate: per second */
	TABLE_NS,     /* count: a duration in ns; text is human, JSON is ns */
	TABLE_HEX,    /* count: an address */
	TABLE_BOOL,   /* count: 0 or 1 */
	TABLE_FRAME,  /* frame: a place in code */
	TABLE_OBJECT, /* object() writes it; in JSON only */
};

struct table_value {
	bool unknown; /* "-" in text, null in JSON, last when sorted */
	union {
		const char *text; /* lives as long as the row */
		uint64_t count;
		int64_t number;
		double rate;
		const struct finding_frame *frame;
	};
};

struct table_column {
	const char *name;  /* for -o */
	const char *title; /* heading */
	const char *key;   /* in JSON; with the unit: "oldest_wait_ns" */
	const char *help;  /* one line */
	enum table_type type;
	unsigned int width; /* usual columns on a screen, where widths must not jump */
	void (*get)(const void *row, struct table_value *v);
	void (*object)(const void *row, struct json *j, const char *key);
	bool in_object; /* an object() of the table writes it too: not twice in JSON, unless chosen */
};

struct table {
	const char *type; /* of a row, in JSON: {"type":"pool",..} */
	const struct table_column *columns;
	size_t ncolumns;
	const char *defaults; /* names, separated by commas: the columns of text. JSON has all */
};

/* Columns chosen. Points into the table. */
#define TABLE_MAX_COLUMNS 48
struct table_choice {
	const struct table_column *column[TABLE_MAX_COLUMNS];
	size_t n;
};

/*
 * table__choose - @list: names separated by commas; "+a,b" adds to the defaults, "all"; NULL: the defaults
 * Return: 0, or -EINVAL with @err, a line that names the culprit.
 */
int table__choose(const struct table *t, const char *list, struct table_choice *choice, char *err, size_t err_size);
/* All columns of JSON. */
void table__choose_all(const struct table *t, struct table_choice *choice);
const struct table_column *table__column(const struct table *t, const char *name);

struct table_options {
	bool no_headings;
	bool ascii;	    /* the terminal is not UTF-8 */
	unsigned int width; /* columns; 0: no limit */
};

/* Both return 0, or -EIO if the stream has an error; table__print also -ENOMEM. */
int table__print(FILE *out, const struct table_choice *choice, const void *const *rows, size_t n,
		 const struct table_options *o);
int table__json(FILE *out, const struct table *t, const struct table_choice *choice, const void *const *rows, size_t n);
/* One row as an object, where it is part of another. */
void table__json_row(struct json *j, const char *key, const struct table *t, const struct table_choice *choice,
		     const void *row);

/* What --help says of the columns. */
void table__help(FILE *out, const struct table *t);

/* The text of a cell, escaped. As snprintf. */
size_t table__cell(char *buf, size_t size, const struct table_column *c, const void *row, unsigned int escape_flags);
bool table__right_aligned(const struct table_column *c);
/* Order of two rows by a column, ascending, unknown last. */
int table__compare(const struct table_column *c, const void *a, const void *b);

/* "812ns", "64us", "4.2ms", "17s", "3m20s", "2h05m", "3d04h": six characters at most, up to 300 years. As snprintf. */
size_t table__duration(char *buf, size_t size, uint64_t ns);
/* "0", "0.3", "42", "9.9k", "120k", "3.1M": never more than 5 characters. As snprintf. */
size_t table__rate(char *buf, size_t size, double per_second);

#endif
