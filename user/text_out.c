// SPDX-License-Identifier: GPL-2.0
/* Words, colours and frames of the report. */
#include <inttypes.h>
#include <string.h>
#include "escape.h"
#include "text_out.h"

#define FRAME_MAX 512 /* bytes of a frame; C++ names are longer than anybody reads */

void text_out__style(struct text_out *t, enum text_style style)
{
	static const char *const sgr[] = {
		[TEXT_PLAIN] = "0",	[TEXT_BOLD] = "1",     [TEXT_DIM] = "2",   [TEXT_RED] = "1;31",
		[TEXT_YELLOW] = "1;33", [TEXT_GREEN] = "1;32", [TEXT_CYAN] = "36",
	};

	if (t->o.color)
		fprintf(t->out, "\033[%sm", sgr[style]);
}

void text_out__spaces(struct text_out *t, unsigned int n)
{
	fprintf(t->out, "%*s", (int)n, "");
}

void text_out__wrap(struct text_out *t, unsigned int first, unsigned int indent, enum text_style style,
		    const char *text)
{
	unsigned int column = first;
	bool at_start = true;

	text_out__style(t, style);
	while (*text) {
		size_t len = strcspn(text, " ");
		unsigned int columns = escape__columns_of(text, len);

		if (!at_start && t->o.width && column + 1 + columns > t->o.width) {
			putc('\n', t->out);
			text_out__spaces(t, indent);
			column = indent;
			at_start = true;
		}
		if (!at_start) {
			putc(' ', t->out);
			column++;
		}
		fwrite(text, 1, len, t->out);
		column += columns;
		at_start = false;
		text += len;
		text += strspn(text, " ");
	}
	text_out__style(t, TEXT_PLAIN);
	putc('\n', t->out);
}

/* The place behind a symbol: " (api.c:31)", "+0x12 (libc.so.6)". */
static void frame_place(char *buf, size_t size, const struct finding_frame *f, bool base_name, unsigned int flags)
{
	const char *file = f->file, *slash = file && base_name ? strrchr(file, '/') : NULL;
	char name[FRAME_MAX / 2], offset[24] = "";

	escape__string(name, sizeof(name), file ? (slash ? slash + 1 : file) : f->module, flags);
	if (file && f->line) {
		snprintf(buf, size, " (%s:%" PRIu32 ")", name, f->line);
		return;
	}
	if (f->offset)
		snprintf(offset, sizeof(offset), "+0x%" PRIx64, f->offset);
	if (*name)
		snprintf(buf, size, "%s (%s)", offset, name);
	else
		snprintf(buf, size, "%s", offset);
}

/* A frame in @columns (0: no limit). */
static size_t frame_text(char *buf, size_t size, const struct finding_frame *f, unsigned int columns,
			 unsigned int flags)
{
	char symbol[FRAME_MAX], place[FRAME_MAX];
	const char *inlined = f->inlined ? " [inlined]" : "";

	if (!f->symbol) {
		char module[FRAME_MAX / 2];

		escape__string(module, sizeof(module), f->module, flags);
		if (*module)
			return (size_t)snprintf(buf, size, "%s+0x%" PRIx64, module, f->offset);
		return (size_t)snprintf(buf, size, "0x%" PRIx64, f->address);
	}
	escape__string(symbol, sizeof(symbol), f->symbol, flags);
	frame_place(place, sizeof(place), f, false, flags);
	if (columns) {
		unsigned int rest, whole = escape__columns(symbol) + (unsigned int)strlen(inlined);

		if (whole + escape__columns(place) > columns)
			frame_place(place, sizeof(place), f, true, flags);
		rest = escape__columns(place) + (unsigned int)strlen(inlined);
		if (escape__columns(symbol) > 11 && escape__columns(symbol) + rest > columns)
			strcpy(symbol + escape__fit(symbol, columns > rest + 11 ? columns - rest - 3 : 8), "...");
	}
	return (size_t)snprintf(buf, size, "%s%s%s", symbol, place, inlined);
}

size_t text__frame(char *buf, size_t size, const struct finding_frame *frame, unsigned int escape_flags)
{
	return frame_text(buf, size, frame, 0, escape_flags);
}

/* Return: the columns used, indentation included. */
static unsigned int frame_line(struct text_out *t, unsigned int indent, const struct finding_frame *f,
			       enum text_style style)
{
	char line[2 * FRAME_MAX + 64];

	frame_text(line, sizeof(line), f, t->o.width > indent ? t->o.width - indent : 0, t->escape);
	text_out__spaces(t, indent);
	text_out__style(t, style);
	fputs(line, t->out);
	text_out__style(t, TEXT_PLAIN);
	return indent + escape__columns(line);
}

void text_out__frame(struct text_out *t, unsigned int indent, const struct finding_frame *f, enum text_style style)
{
	frame_line(t, indent, f, style);
	putc('\n', t->out);
}

/* "[3 frames in libc.so.6, libapr-1.so.0]" */
static void folded(struct text_out *t, unsigned int indent, const struct finding_frame *f, size_t n)
{
	char line[FRAME_MAX], module[64];
	int len;

	if (n == 1) {
		text_out__frame(t, indent, f, TEXT_DIM);
		return;
	}
	len = snprintf(line, sizeof(line), "[%zu frames", n);
	for (size_t i = 0, named = 0; i < n; i++) {
		size_t before = 0;

		if (!f[i].module)
			continue;
		while (before < i && !(f[before].module && !strcmp(f[before].module, f[i].module)))
			before++;
		if (before < i)
			continue;
		if (named == 4) {
			len += snprintf(line + len, sizeof(line) - (size_t)len, ", ...");
			break;
		}
		escape__string(module, sizeof(module), f[i].module, t->escape);
		len += snprintf(line + len, sizeof(line) - (size_t)len, "%s%s", named++ ? ", " : " in ", module);
	}
	snprintf(line + len, sizeof(line) - (size_t)len, "]");
	text_out__spaces(t, indent);
	text_out__wrap(t, indent, indent + 2, TEXT_DIM, line);
}

/* " -> sem_wait (libc.so.6)": the library function that the user's innermost frame called. */
static void called(struct text_out *t, unsigned int column, const struct finding_frame *f)
{
	char line[2 * FRAME_MAX + 64];

	frame_text(line, sizeof(line), f, 0, t->escape);
	if (t->o.width && column + 4 + escape__columns(line) > t->o.width)
		return;
	text_out__style(t, TEXT_DIM);
	fprintf(t->out, " -> %s", line);
	text_out__style(t, TEXT_PLAIN);
}

void text_out__stack(struct text_out *t, unsigned int indent, const struct finding_frame *f, size_t n)
{
	size_t mine = 0, i = 0;
	unsigned int column;

	while (mine < n && !f[mine].user_code)
		mine++;
	if (mine == n || t->o.all_frames) {
		for (; i < n; i++)
			text_out__frame(t, indent, &f[i], f[i].user_code ? TEXT_CYAN : TEXT_PLAIN);
		return;
	}
	column = frame_line(t, indent, &f[mine], TEXT_CYAN);
	if (mine)
		called(t, column, &f[mine - 1]);
	putc('\n', t->out);
	for (i = mine + 1; i < n;) {
		size_t end = i;

		if (f[i].user_code) {
			text_out__frame(t, indent, &f[i], TEXT_CYAN);
			i++;
			continue;
		}
		while (end < n && !f[end].user_code)
			end++;
		folded(t, indent, f + i, end - i);
		i = end;
	}
}

size_t text_out__ranges(char *buf, size_t size, const uint32_t *numbers, size_t n)
{
	size_t need = 0;

	if (size)
		*buf = '\0';
	for (size_t i = 0; i < n;) {
		size_t end = i + 1;
		char *at = need < size ? buf + need : NULL;
		size_t room = need < size ? size - need : 0;

		while (end < n && numbers[end] == numbers[end - 1] + 1)
			end++;
		if (end - i > 1)
			need += (size_t)snprintf(at, room, "%s%" PRIu32 "-%" PRIu32, i ? ", " : "", numbers[i],
						 numbers[end - 1]);
		else
			need += (size_t)snprintf(at, room, "%s%" PRIu32, i ? ", " : "", numbers[i]);
		i = end;
	}
	return need;
}
