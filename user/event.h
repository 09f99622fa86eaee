/* SPDX-License-Identifier: GPL-2.0 */
/* Events of the ledger, as a line of text and as JSON. Pure. */
#ifndef POOLWATCH_EVENT_H
#define POOLWATCH_EVENT_H

#include <stdio.h>
#include "finding.h"
#include "json.h"

/* An event and what is needed to print it. */
struct event_view {
	const struct poolwatch_event *event;
	const char *pool; /* the definition's name; NULL: not known */
	uint64_t realtime_ns;
	struct finding_frame site, held_site; /* address 0: none */
};

/* "nested", "order", "full"..; "unknown" for those of a later minor version. */
const char *event__name(unsigned int type);

/* "14:22:03.123456 nested   sem of process 4242, worker-1[4243]: ..", escaped, with its newline. */
void event__print(FILE *out, const struct event_view *v, unsigned int escape_flags);
/* One object, one line. Return: 0 or -EIO. */
int event__print_json(FILE *out, const struct event_view *v);

#endif
