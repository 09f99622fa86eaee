/* SPDX-License-Identifier: GPL-2.0 */
/* A library of another version than its definition was written for: what that means, in a sentence. */
#ifndef POOLWATCH_PLAN_LEARNED_H
#define POOLWATCH_PLAN_LEARNED_H

#include "plan.h"

#define PLAN_LEARNED 352

/*
 * plan__learned - must the capacity of @probe's pools be learned, because nobody knows where this version keeps it?
 * @line: then says of what file, and what is known instead (no newline; bytes that came from the target are escaped); else untouched
 */
bool plan__learned(const struct plan *plan, const struct plan_probe *probe, char line[PLAN_LEARNED]);

#endif
