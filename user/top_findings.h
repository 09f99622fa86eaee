/* SPDX-License-Identifier: GPL-2.0 */
/* The findings of top: judged, named, told, kept. Private to top_*.c. */
#ifndef POOLWATCH_TOP_FINDINGS_H
#define POOLWATCH_TOP_FINDINGS_H

#include "top_model.h"

/* Judge the last look of each session. What the judge cannot say (no memory) is said with the next look. */
void top_findings__judge(struct top *t);
/* Forget the JSON of what was told since the last sample. */
void top_findings__sampled(struct top *t);
void top_findings__clear(struct top *t);

#endif
