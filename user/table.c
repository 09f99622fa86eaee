// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "escape.h"
#include "finding_json.h"
#include "table.h"
#include "text.h"

#define CELL_MAX 512 /* bytes of a cell: a C++ name is cut there, in text */

const struct table_column *table__column(const struct table *t, const char *name)
{
	for (size_t i = 0; i < t->ncolumns; i++)
		if (!strcmp(t->columns[i].name, name))
			return &t->columns[i];
	return NULL;
}

void table__choose_all(const struct table *t, struct table_choice *choice)
{
	choice->n = 0;
	for (size_t i = 0; i < t->ncolumns && choice->n < TABLE_MAX_COLUMNS; i++)
		if (!t->columns[i].in_object)
			choice->column[choice->n++] = &t->columns[i];
}

static int choose_list(const struct table *t, const char *list, struct table_choice *choice, char *err, size_t err_size)
{
	char name[64];

	while (*list) {
		size_t len = strcspn(list, ",");
		const struct table_column *c;
		bool have = false;

		if (len >= sizeof(name))
			len = sizeof(name) - 1;
		memcpy(name, list, len);
		name[len] = '\0';
		c = table__column(t, name);
		if (!c || c->type == TABLE_OBJECT) {
			char shown[4 * sizeof(name)];

			escape__string(shown, sizeof(shown), name, 0);
			snprintf(err, err_size, "no column '%s': --help lists them", shown);
			return -EINVAL;
		}
		for (size_t i = 0; i < choice->n; i++)
			have |= choice->column[i] == c;
		if (!have && choice->n < TABLE_MAX_COLUMNS)
			choice->column[choice->n++] = c;
		list += strcspn(list, ",");
		list += *list == ',';
	}
	return 0;
}

int table__choose(const struct table *t, const char *list, struct table_choice *choice, char *err, size_t err_size)
{
	struct table_choice c = { 0 };
	int ret = 0;

	if (list && !strcmp(list, "all")) {
		for (size_t i = 0; i < t->ncolumns && c.n < TABLE_MAX_COLUMNS; i++)
			if (t->columns[i].type != TABLE_OBJECT)
				c.column[c.n++] = &t->columns[i];
	} else {
		if (!list || *list == '+')
			ret = choose_list(t, t->defaults, &c, err, err_size);
		if (list && !ret)
			ret = choose_list(t, list + (*list == '+'), &c, err, err_size);
		if (!ret && !c.n) {
			snprintf(err, err_size, "no columns given: --help lists them");
			ret = -EINVAL;
		}
	}
	if (!ret)
		*choice = c;
	return ret;
}

size_t table__duration(char *buf, size_t size, uint64_t ns)
{
	static const char *const unit[] = { "ns", "us", "ms", "s" };
	uint64_t s = ns / 1000000000, scale = 1;
	unsigned int u = 0;

	if (s >= 86400)
		return (size_t)(s >= 100 * 86400 ? snprintf(buf, size, "%" PRIu64 "d", s / 86400)
						 : snprintf(buf, size, "%" PRIu64 "d%02" PRIu64 "h", s / 86400,
							    s % 86400 / 3600));
	if (s >= 3600)
		return (size_t)snprintf(buf, size, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s % 3600 / 60);
	if (s >= 60)
		return (size_t)snprintf(buf, size, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	while (u < 3 && ns / scale >= 1000) {
		scale *= 1000;
		u++;
	}
	if (u && ns / scale < 10)
		return (size_t)snprintf(buf, size, "%" PRIu64 ".%" PRIu64 "%s", ns / scale, ns % scale * 10 / scale,
					unit[u]);
	return (size_t)snprintf(buf, size, "%" PRIu64 "%s", ns / scale, unit[u]);
}

size_t table__rate(char *buf, size_t size, double v)
{
	static const char unit[] = "kMGTPE";
	char suffix[2] = "";

	if (!(v >= 0))
		v = 0;
	for (size_t u = 0; v >= 999.5 && u < sizeof(unit) - 1; u++) {
		v /= 1000;
		suffix[0] = unit[u];
	}
	if (v == 0 || v >= 9.95)
		return (size_t)snprintf(buf, size, "%.0f%s", v, suffix);
	return (size_t)snprintf(buf, size, "%.1f%s", v, suffix);
}

bool table__right_aligned(const struct table_column *c)
{
	return c->type == TABLE_COUNT || c->type == TABLE_NUMBER || c->type == TABLE_RATE || c->type == TABLE_NS;
}

size_t table__cell(char *buf, size_t size, const struct table_column *c, const void *row, unsigned int flags)
{
	struct table_value v = { 0 };

	if (c->get)
		c->get(row, &v);
	if (v.unknown || !c->get || (c->type == TABLE_TEXT && !v.text))
		return (size_t)snprintf(buf, size, "-");
	switch (c->type) {
	case TABLE_TEXT:
		return escape__string(buf, size, v.text, flags);
	case TABLE_COUNT:
		return (size_t)snprintf(buf, size, "%" PRIu64, v.count);
	case TABLE_NUMBER:
		return (size_t)snprintf(buf, size, "%" PRId64, v.number);
	case TABLE_RATE:
		return table__rate(buf, size, v.rate);
	case TABLE_NS:
		return table__duration(buf, size, v.count);
	case TABLE_HEX:
		return (size_t)snprintf(buf, size, "0x%" PRIx64, v.count);
	case TABLE_BOOL:
		return (size_t)snprintf(buf, size, "%s", v.count ? "yes" : "no");
	case TABLE_FRAME:
		return text__frame(buf, size, v.frame, flags);
	case TABLE_OBJECT:
		break;
	}
	return (size_t)snprintf(buf, size, "-");
}

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))

int table__compare(const struct table_column *c, const void *a, const void *b)
{
	struct table_value x = { 0 }, y = { 0 };

	if (!c->get)
		return 0;
	c->get(a, &x);
	c->get(b, &y);
	if (x.unknown || y.unknown)
		return (int)x.unknown - (int)y.unknown;
	switch (c->type) {
	case TABLE_TEXT:
		return strcmp(x.text ? x.text : "", y.text ? y.text : "");
	case TABLE_NUMBER:
		return ORDER(x.number, y.number);
	case TABLE_RATE:
		return ORDER(x.rate, y.rate);
	case TABLE_FRAME:
		return ORDER(x.frame->address, y.frame->address);
	default:
		return ORDER(x.count, y.count);
	}
}

static void cut_to(char *line, unsigned int columns)
{
	line[escape__fit(line, columns)] = '\0';
}

/* A line of cells, padded to @widths; what goes beyond @o->width is cut off. @row NULL: the headings. */
static void print_line(FILE *out, const struct table_choice *choice, const unsigned int *widths, const void *row,
		       const struct table_options *o)
{
	unsigned int used = 0;
	char cell[CELL_MAX];

	for (size_t i = 0; i < choice->n; i++) {
		const struct table_column *c = choice->column[i];
		unsigned int gap = i ? 2 : 0, pad, columns;
		bool last = i + 1 == choice->n, right = table__right_aligned(c);

		if (row)
			table__cell(cell, sizeof(cell), c, row, o->ascii ? ESCAPE_ASCII : 0);
		else
			snprintf(cell, sizeof(cell), "%s", c->title);
		columns = escape__columns(cell);
		pad = widths[i] > columns ? widths[i] - columns : 0;
		if (o->width && used + gap + (right ? pad : 0) >= o->width)
			break;
		if (o->width && used + gap + (right ? pad : 0) + columns > o->width) {
			cut_to(cell, o->width - used - gap - (right ? pad : 0));
			columns = escape__columns(cell);
			last = true;
			if (!columns)
				break;
		}
		fprintf(out, "%*s", (int)(gap + (right ? pad : 0)), "");
		fputs(cell, out);
		used += gap + pad + columns;
		if (last || (o->width && used >= o->width))
			break;
		if (!right)
			fprintf(out, "%*s", (int)pad, "");
	}
	putc('\n', out);
}

int table__print(FILE *out, const struct table_choice *choice, const void *const *rows, size_t n,
		 const struct table_options *o)
{
	unsigned int widths[TABLE_MAX_COLUMNS];
	char cell[CELL_MAX];

	for (size_t i = 0; i < choice->n; i++)
		widths[i] = o->no_headings ? 0 : escape__columns(choice->column[i]->title);
	for (size_t r = 0; r < n; r++) {
		for (size_t i = 0; i < choice->n; i++) {
			unsigned int columns;

			table__cell(cell, sizeof(cell), choice->column[i], rows[r], o->ascii ? ESCAPE_ASCII : 0);
			columns = escape__columns(cell);
			widths[i] = columns > widths[i] ? columns : widths[i];
		}
	}
	if (!o->no_headings)
		print_line(out, choice, widths, NULL, o);
	for (size_t r = 0; r < n; r++)
		print_line(out, choice, widths, rows[r], o);
	return fflush(out) || ferror(out) ? -EIO : 0;
}

static void json_value(struct json *j, const struct table_column *c, const void *row)
{
	struct table_value v = { 0 };

	if (c->object) {
		c->object(row, j, c->key);
		return;
	}
	c->get(row, &v);
	if (v.unknown) {
		json__null(j, c->key);
		return;
	}
	switch (c->type) {
	case TABLE_TEXT:
		json__string(j, c->key, v.text);
		break;
	case TABLE_COUNT:
	case TABLE_NS:
		json__u64(j, c->key, v.count);
		break;
	case TABLE_NUMBER:
		json__i64(j, c->key, v.number);
		break;
	case TABLE_RATE:
		json__double(j, c->key, v.rate);
		break;
	case TABLE_HEX:
		json__hex(j, c->key, v.count);
		break;
	case TABLE_BOOL:
		json__bool(j, c->key, v.count);
		break;
	case TABLE_FRAME:
		finding_json__frame(j, c->key, v.frame);
		break;
	case TABLE_OBJECT:
		break;
	}
}

void table__json_row(struct json *j, const char *key, const struct table *t, const struct table_choice *choice,
		     const void *row)
{
	json__object(j, key);
	json__string(j, "type", t->type);
	for (size_t i = 0; i < choice->n; i++)
		json_value(j, choice->column[i], row);
	json__end_object(j);
}

int table__json(FILE *out, const struct table *t, const struct table_choice *choice, const void *const *rows, size_t n)
{
	struct json j;

	json__init(&j, out);
	for (size_t r = 0; r < n; r++) {
		table__json_row(&j, NULL, t, choice, rows[r]);
		if (json__end_line(&j))
			return -EIO;
	}
	return 0;
}

void table__help(FILE *out, const struct table *t)
{
	for (size_t i = 0; i < t->ncolumns; i++)
		if (t->columns[i].type != TABLE_OBJECT)
			fprintf(out, "  %-16s %s\n", t->columns[i].name, t->columns[i].help);
	fprintf(out, "default: %s\n", t->defaults);
}
