/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Units that have a handle: who holds which. A handle that came back stays known, held by nobody: pools hand out the same ones
 * again and again, and to change a value costs a tenth of what an insertion and a deletion cost. Only if very many have gathered,
 * as of a pool whose handles are never the same, are they forgotten when they come back.
 */
#ifndef POOLWATCH_UNIT_BPF_H
#define POOLWATCH_UNIT_BPF_H

#include "ledger.bpf.h"

/* unit__put - the thread of @d holds its resource. Return: 0, or -1: no room. */
extern int unit__put(struct pw_deed *d);
/*
 * unit__take - the resource of @d came back; or (d->flags PW_DISOWN) is its holder's no more. Return: 1, and the holder's
 * record id in d->holder; 0: nobody was known to hold it; -1: two returned it at once, and it is the other who did.
 */
extern int unit__take(struct pw_deed *d);
/* unit__forget - there is no such resource any more. */
extern int unit__forget(struct pw_deed *d);

#endif /* POOLWATCH_UNIT_BPF_H */
