/* SPDX-License-Identifier: GPL-2.0 */
/* The pages of top on the terminal. Private to top_*.c. */
#ifndef POOLWATCH_TOP_SCREEN_H
#define POOLWATCH_TOP_SCREEN_H

#include "top_model.h"

#define TOP_MIN_LINES	10
#define TOP_MIN_COLUMNS 40

/* Draw the page shown. What did not change is not sent to the terminal. */
void top_screen__draw(struct top *t);
/* Lines of a list on the page shown: what PageDown moves by. */
unsigned int top_screen__page_lines(const struct top *t);

/* Where things stand. */
struct top_layout {
	unsigned int list; /* first line of the list, below its headings */
	unsigned int list_lines;
	unsigned int pane;	 /* title of the pane below */
	unsigned int pane_lines; /* without its title; 0: no pane */
	unsigned int last;	 /* the line of keys */
};
struct top_layout top_screen__layout(const struct top *t);

/* Scroll so that the selection is on the screen. */
void top_screen__scroll(struct top_list *list, size_t n, unsigned int lines);

/* In top_pages.c: all but the list of pools. */
void top_pages__pool(struct top *t, const struct top_layout *l);
void top_pages__thread(struct top *t, const struct top_layout *l);
void top_pages__findings(struct top *t, const struct top_layout *l);
void top_pages__finding(struct top *t, const struct top_layout *l);
void top_pages__help(struct top *t, const struct top_layout *l);
void top_pages__sort(struct top *t, const struct top_layout *l);
/* The latest findings, in the pane. */
void top_pages__findings_pane(const struct top *t, const struct top_layout *l);

#endif
