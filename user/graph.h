/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ledger drawn: what was asked for while what was held, and time held by place. Pure, but for the names that it
 * asks for.
 */
#ifndef POOLWATCH_GRAPH_H
#define POOLWATCH_GRAPH_H

#include <stdint.h>
#include <stdio.h>
#include "finding.h"
#include "held.h"
#include "ledger.h"

/* What the return address @site of process @tgid is called, or the stack with that number. */
struct graph_names {
	/*
	 * *@out: the frames there, innermost first (one, more where functions were inlined, or a whole stack), an array
	 * that the graph frees with their strings. Non-zero: not known, the number is printed.
	 */
	int (*frames)(void *ctx, uint32_t tgid, uint64_t site, struct finding_frame **out, size_t *n);
	void *ctx;
};

/*
 * graph__dot - the hold-to-request graph for Graphviz: a pool, the site that took a unit of it, the site that then
 * asked, and the pool asked for. Edges say how often; those on a cycle of pools, which is where a deadlock can form,
 * are red and have class="cycle".
 * @tgid: of this process only; 0: of all
 * @names: NULL: numbers
 * Return: 0; -ENOMEM; -EIO: @out did not take it.
 */
int graph__dot(FILE *out, const struct ledger *l, uint32_t tgid, const struct graph_names *names);

/*
 * graph__folded - a line for each place that units were taken at: "command;outer function;inner;pool MICROSECONDS", summed over
 * units, sorted
 * @times: since the watch began, with the process's command and, where known, the whole stack. NULL: nobody added that up; then
 * for how long the units have been held that are held now, with the thread's command
 * Return: 0; -ENOMEM; -EIO.
 */
int graph__folded(FILE *out, const struct ledger *l, uint32_t tgid, const struct graph_names *names, const struct held_time *times,
		  size_t ntimes);

#endif
