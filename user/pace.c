// SPDX-License-Identifier: GPL-2.0
/* See pace.h. */
#include "pace.h"

uint64_t pace__next(struct pace *p, uint64_t now, uint64_t tension, bool undecided)
{
	uint64_t pause;

	if (tension != p->tension)
		*p = (struct pace){ .tension = tension, .changed = now };
	if (!tension)
		return PACE_CALM_NS;
	pause = now - p->changed;
	if (undecided || pause < PACE_TENSE_NS)
		return PACE_TENSE_NS;
	return pause < PACE_CALM_NS ? pause : PACE_CALM_NS;
}
