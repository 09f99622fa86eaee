/* SPDX-License-Identifier: GPL-2.0 */
/*
 * top: the picture one keeps open. The model (what is seen, sorted, selected) knows no terminal; the screen draws it;
 * keys change it; the loop waits.
 */
#ifndef POOLWATCH_TOP_H
#define POOLWATCH_TOP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "sessions.h"

/* What runs beside the loop: a watch of its own (top -p). All may be NULL together. */
struct top_pump {
	int (*fd)(void *ctx);
	int (*timeout_ms)(void *ctx);
	int (*step)(void *ctx); /* 0, or -errno: it has ended */
	void *ctx;
};

struct top_options {
	uint64_t interval_ns; /* between looks */
	uint64_t looks;	      /* batch: samples; 0: until interrupted */
	bool batch;
	bool json; /* batch only */
	bool no_headings;
	bool mono;
	const char *columns;	    /* batch text; NULL: the usual ones */
	const char *filter;	    /* NULL: none */
	uint32_t pid;		    /* 0: all */
	uint64_t stall_ns, leak_ns; /* 0: defaults */
	bool no_judge;		    /* findings come from elsewhere, through top__finding */
	struct top_pump pump;
};

struct top;

/* @sessions becomes top's if it succeeds. Return: 0 or -ENOMEM. */
int top__new(const struct top_options *o, struct sessions *sessions, struct top **out);
void top__free(struct top *t);

/* A finding, to be listed and, in JSON, put into the next sample. Not kept. */
void top__finding(struct top *t, const struct finding *f);
/* A line for the header, until the next. */
void top__notice(struct top *t, const char *line);

/*
 * Run until the end. Return: 0; -ENOTTY: no terminal; -ENXIO: the terminal's type is not known; -EIO: cannot write;
 * -ENODEV: all that was watched has ended (batch only; a screen goes on showing the last picture).
 */
int top__screen(struct top *t);
int top__batch(struct top *t, FILE *out);

#endif
