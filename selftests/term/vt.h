/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A terminal made of cells: what the terminfo entries vt100, linux and xterm make programs send. A sequence that is not
 * known here is remembered in vt->unknown, so that a test can be sure of its cells.
 */
#ifndef POOLWATCH_TEST_VT_H
#define POOLWATCH_TEST_VT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VT_LINES      60
#define VT_COLUMNS    210
#define VT_PARAMETERS 16

struct vt_cell {
	char text[8]; /* one character, UTF-8 */
	bool bold, reverse, dim;
	int color, background; /* -1: the terminal's own */
};

struct vt {
	int lines, columns;
	struct vt_cell cell[VT_LINES][VT_COLUMNS];
	int y, x;
	bool wrap; /* the last column is written: the next character goes to the next line */
	int saved_y, saved_x;
	int top, bottom; /* scroll region */
	struct vt_cell pen;
	bool alternate, cursor_hidden;
	/* the sequence being read */
	enum { VT_TEXT, VT_ESCAPE, VT_CSI, VT_CHARSET, VT_OSC } state;
	char csi[64];
	size_t csi_len;
	char utf8[8];
	size_t utf8_len, utf8_need;
	char last[8]; /* for REP */
	char unknown[80];
};

static inline void vt__erase(struct vt *v, int y, int from, int to)
{
	for (int x = from; x < to; x++) {
		v->cell[y][x] = v->pen;
		strcpy(v->cell[y][x].text, " ");
	}
}

static inline void vt__init(struct vt *v, int lines, int columns)
{
	memset(v, 0, sizeof(*v));
	v->lines = lines;
	v->columns = columns;
	v->bottom = lines - 1;
	v->pen.color = v->pen.background = -1;
	for (int y = 0; y < VT_LINES; y++)
		vt__erase(v, y, 0, VT_COLUMNS);
}

static inline void vt__resize(struct vt *v, int lines, int columns)
{
	v->lines = lines;
	v->columns = columns;
	v->top = 0;
	v->bottom = lines - 1;
	if (v->y >= lines)
		v->y = lines - 1;
	if (v->x >= columns)
		v->x = columns - 1;
}

/* Lines [from, to] move up by n (down if n < 0). */
static inline void vt__scroll(struct vt *v, int from, int to, int n)
{
	for (; n > 0; n--) {
		memmove(v->cell[from], v->cell[from + 1], (size_t)(to - from) * sizeof(v->cell[0]));
		vt__erase(v, to, 0, v->columns);
	}
	for (; n < 0; n++) {
		memmove(v->cell[from + 1], v->cell[from], (size_t)(to - from) * sizeof(v->cell[0]));
		vt__erase(v, from, 0, v->columns);
	}
}

static inline void vt__down(struct vt *v)
{
	if (v->y == v->bottom)
		vt__scroll(v, v->top, v->bottom, 1);
	else if (v->y < v->lines - 1)
		v->y++;
}

static inline void vt__put(struct vt *v, const char *text)
{
	if (v->wrap) {
		v->x = 0;
		v->wrap = false;
		vt__down(v);
	}
	v->cell[v->y][v->x] = v->pen;
	snprintf(v->cell[v->y][v->x].text, sizeof(v->cell[0][0].text), "%s", text);
	memcpy(v->last, v->cell[v->y][v->x].text, sizeof(v->last));
	if (v->x == v->columns - 1)
		v->wrap = true;
	else
		v->x++;
}

static inline void vt__move(struct vt *v, int y, int x)
{
	v->y = y < 0 ? 0 : y >= v->lines ? v->lines - 1 : y;
	v->x = x < 0 ? 0 : x >= v->columns ? v->columns - 1 : x;
	v->wrap = false;
}

static inline void vt__attributes(struct vt *v, const int *p, int n)
{
	for (int i = 0; i < (n ? n : 1); i++) {
		int a = n ? p[i] : 0;

		if (a == 0)
			v->pen = (struct vt_cell){ .color = -1, .background = -1 };
		else if (a == 1)
			v->pen.bold = true;
		else if (a == 2)
			v->pen.dim = true;
		else if (a == 22)
			v->pen.bold = v->pen.dim = false;
		else if (a == 7)
			v->pen.reverse = true;
		else if (a == 27)
			v->pen.reverse = false;
		else if (a >= 30 && a <= 37)
			v->pen.color = a - 30;
		else if (a == 39)
			v->pen.color = -1;
		else if (a >= 40 && a <= 47)
			v->pen.background = a - 40;
		else if (a == 49)
			v->pen.background = -1;
	}
}

static inline void vt__csi(struct vt *v, char final)
{
	int p[VT_PARAMETERS], n = 0, one;
	char *s = v->csi;
	bool private = *s == '?' || *s == '>';

	for (s += private; *s && n < VT_PARAMETERS; s += *s == ';') {
		p[n++] = (int)strtol(s, &s, 10);
		if (*s && *s != ';')
			break;
	}
	one = n && p[0] ? p[0] : 1;
	if (private) {
		for (int i = 0; i < n; i++) {
			if (p[i] == 1049)
				v->alternate = final == 'h';
			if (p[i] == 25)
				v->cursor_hidden = final == 'l';
		}
		return;
	}
	switch (final) {
	case 'H':
	case 'f':
		vt__move(v, n > 0 && p[0] ? p[0] - 1 : 0, n > 1 && p[1] ? p[1] - 1 : 0);
		break;
	case 'A':
		vt__move(v, v->y - one, v->x);
		break;
	case 'B':
		vt__move(v, v->y + one, v->x);
		break;
	case 'C':
		vt__move(v, v->y, v->x + one);
		break;
	case 'D':
		vt__move(v, v->y, v->x - one);
		break;
	case 'd':
		vt__move(v, one - 1, v->x);
		break;
	case 'G':
		vt__move(v, v->y, one - 1);
		break;
	case 'J':
		if (!n || p[0] == 0) {
			vt__erase(v, v->y, v->x, v->columns);
			for (int y = v->y + 1; y < v->lines; y++)
				vt__erase(v, y, 0, v->columns);
		} else if (p[0] == 1) {
			for (int y = 0; y < v->y; y++)
				vt__erase(v, y, 0, v->columns);
			vt__erase(v, v->y, 0, v->x + 1);
		} else {
			for (int y = 0; y < v->lines; y++)
				vt__erase(v, y, 0, v->columns);
		}
		break;
	case 'K':
		if (!n || p[0] == 0)
			vt__erase(v, v->y, v->x, v->columns);
		else
			vt__erase(v, v->y, 0, p[0] == 1 ? v->x + 1 : v->columns);
		break;
	case 'X':
		vt__erase(v, v->y, v->x, v->x + one < v->columns ? v->x + one : v->columns);
		break;
	case '@':
		for (int i = 0; i < one && v->x + 1 < v->columns; i++)
			memmove(&v->cell[v->y][v->x + 1], &v->cell[v->y][v->x],
				(size_t)(v->columns - v->x - 1) * sizeof(struct vt_cell));
		vt__erase(v, v->y, v->x, v->x + one < v->columns ? v->x + one : v->columns);
		break;
	case 'P':
		if (one > v->columns - v->x)
			one = v->columns - v->x;
		memmove(&v->cell[v->y][v->x], &v->cell[v->y][v->x + one],
			(size_t)(v->columns - v->x - one) * sizeof(struct vt_cell));
		vt__erase(v, v->y, v->columns - one, v->columns);
		break;
	case 'L':
		vt__scroll(v, v->y, v->bottom, -one);
		break;
	case 'M':
		vt__scroll(v, v->y, v->bottom, one);
		break;
	case 'S':
		vt__scroll(v, v->top, v->bottom, one);
		break;
	case 'T':
		vt__scroll(v, v->top, v->bottom, -one);
		break;
	case 'b':
		for (char again[8]; one--; vt__put(v, again))
			memcpy(again, v->last, sizeof(again));
		break;
	case 'r':
		v->top = n > 0 && p[0] ? p[0] - 1 : 0;
		v->bottom = n > 1 && p[1] ? p[1] - 1 : v->lines - 1;
		vt__move(v, 0, 0);
		break;
	case 'm':
		vt__attributes(v, p, n);
		break;
	case 'g':
	case 'h':
	case 'l':
	case 't':
	case 'q':
		break;
	default:
		snprintf(v->unknown, sizeof(v->unknown), "CSI %s %c", v->csi, final);
	}
}

static inline void vt__escape(struct vt *v, unsigned char c)
{
	v->state = VT_TEXT;
	switch (c) {
	case '[':
		v->state = VT_CSI;
		v->csi_len = 0;
		v->csi[0] = '\0';
		break;
	case ']':
		v->state = VT_OSC;
		break;
	case '(':
	case ')':
		v->state = VT_CHARSET;
		break;
	case '7':
		v->saved_y = v->y;
		v->saved_x = v->x;
		break;
	case '8':
		vt__move(v, v->saved_y, v->saved_x);
		break;
	case 'M':
		if (v->y == v->top)
			vt__scroll(v, v->top, v->bottom, -1);
		else
			vt__move(v, v->y - 1, v->x);
		break;
	case 'D':
		vt__down(v);
		break;
	case 'E':
		v->x = 0;
		vt__down(v);
		break;
	case '=':
	case '>':
	case 'c':
	case 'H':
		break;
	default:
		snprintf(v->unknown, sizeof(v->unknown), "ESC %c", c);
	}
}

static inline void vt__text(struct vt *v, unsigned char c)
{
	char one[2] = { (char)c, '\0' };

	switch (c) {
	case 0x1b:
		v->state = VT_ESCAPE;
		return;
	case '\r':
		vt__move(v, v->y, 0);
		return;
	case '\n':
		v->wrap = false;
		vt__down(v);
		return;
	case '\b':
		vt__move(v, v->y, v->x - 1);
		return;
	case '\t':
		vt__move(v, v->y, (v->x / 8 + 1) * 8);
		return;
	}
	if (c < 0x20 || c == 0x7f)
		return;
	if (c < 0x80) {
		vt__put(v, one);
	} else if (c >= 0xc0) {
		v->utf8[0] = (char)c;
		v->utf8_len = 1;
		v->utf8_need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	} else if (v->utf8_len && v->utf8_len < v->utf8_need) {
		v->utf8[v->utf8_len++] = (char)c;
		v->utf8[v->utf8_len] = '\0';
		if (v->utf8_len == v->utf8_need) {
			vt__put(v, v->utf8);
			v->utf8_len = 0;
		}
	}
}

static inline void vt__feed(struct vt *v, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)bytes[i];

		switch (v->state) {
		case VT_TEXT:
			vt__text(v, c);
			break;
		case VT_ESCAPE:
			vt__escape(v, c);
			break;
		case VT_CHARSET:
			v->state = VT_TEXT;
			break;
		case VT_OSC:
			if (c == '\a' || c == '\\')
				v->state = VT_TEXT;
			break;
		case VT_CSI:
			if (c >= 0x40 && c <= 0x7e) {
				v->state = VT_TEXT;
				vt__csi(v, (char)c);
			} else if (v->csi_len + 1 < sizeof(v->csi)) {
				v->csi[v->csi_len++] = (char)c;
				v->csi[v->csi_len] = '\0';
			}
			break;
		}
	}
}

/* A line's text without the spaces at its end. Valid until the next call. */
static inline const char *vt__line(const struct vt *v, int y)
{
	static char line[VT_COLUMNS * 8 + 1];
	size_t len = 0;

	for (int x = 0; x < v->columns; x++)
		len += (size_t)sprintf(line + len, "%s", v->cell[y][x].text);
	while (len && line[len - 1] == ' ')
		len--;
	line[len] = '\0';
	return line;
}

/* All of it, a line a line, those empty at the end left out. */
static inline const char *vt__screen(const struct vt *v)
{
	static char screen[VT_LINES * (VT_COLUMNS * 8 + 1)];
	size_t len = 0;

	for (int y = 0; y < v->lines; y++)
		len += (size_t)sprintf(screen + len, "%s\n", vt__line(v, y));
	while (len > 1 && screen[len - 1] == '\n' && screen[len - 2] == '\n')
		screen[--len] = '\0';
	return screen;
}

#endif
