/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cells on the terminal: colours, clipping. Only top_draw.c, top_screen.c and top_pages.c see ncurses. Private to
 * top_*.c.
 */
#ifndef POOLWATCH_TOP_DRAW_H
#define POOLWATCH_TOP_DRAW_H

#include <stdbool.h>
#include <stdio.h>
#include "finding.h"
#include "views.h"

enum top_style {
	TOP_PLAIN,
	TOP_BOLD,
	TOP_DIM,
	TOP_HEADING, /* of a table */
	TOP_SELECTED,
	TOP_ALARM, /* deadlock, stall */
	TOP_WARN,  /* full, uncertain, nested */
	TOP_GOOD,
	TOP_KEY, /* name of a key in the last line */
	TOP_STYLES,
};

/* Take the terminal. Return: 0; -ENOTTY; -ENXIO: its type is not known. */
int top_draw__open(bool mono);
/* Give it back as it was. Also done when a signal ends the program. */
void top_draw__close(void);

unsigned int top_draw__lines(void);
unsigned int top_draw__columns(void);
/* Escape flags that suit the terminal. */
unsigned int top_draw__escape(void);

/* Escaped text at (y, x) in a field of @width columns: cut or padded. Outside of the screen nothing is drawn. */
void top_draw__field(unsigned int y, unsigned int x, unsigned int width, bool right, enum top_style style,
		     const char *text);
/* The same up to the end of the line. */
void top_draw__line(unsigned int y, unsigned int x, enum top_style style, const char *text);
void __attribute__((format(printf, 4, 5)))
top_draw__printf(unsigned int y, unsigned int x, enum top_style style, const char *format, ...);

enum top_style top_style__of_state(enum view_state state);
enum top_style top_style__of_severity(enum finding_severity severity, enum finding_event event);

#endif
