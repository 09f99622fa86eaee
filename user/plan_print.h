/* SPDX-License-Identifier: GPL-2.0 */
/* A plan of probes, for people and as JSON. */
#ifndef POOLWATCH_PLAN_PRINT_H
#define POOLWATCH_PLAN_PRINT_H

#include <stdio.h>
#include "plan.h"

/* What a hit costs, in us; see plan_print.c for where the numbers come from. */
struct plan_cost {
	double entry;
	double back; /* the return, 0 if none is looked at */
};
struct plan_cost plan_probe__cost(const struct plan_probe *p);

void plan__print(const struct plan *plan, const struct target *t, FILE *out);
/* One object a line for each probe: {"type":"probe","pool":...}. */
void plan__print_json(const struct plan *plan, const struct target *t, FILE *out);

#endif
