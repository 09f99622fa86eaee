/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What has been told already, remembered across a restart of the daemon, so that a daemon that was killed does not tell it
 * again: a fixed number of findings in a mapped file. Those of another boot are forgotten.
 */
#ifndef POOLWATCH_TOLD_H
#define POOLWATCH_TOLD_H

#include <stdbool.h>
#include <stdint.h>
#include "finding.h"

struct told;

/*
 * told__open - @path NULL: memory only. @now: CLOCK_MONOTONIC ns; @settle_ns: for so long from now on, stalls are taken for the
 * continuation of what was told before. Return: 0; -EBUSY: another daemon has it; -errno.
 */
int told__open(const char *path, uint64_t now, uint64_t settle_ns, struct told **out);
void told__close(struct told *t);

/*
 * told__is_old - is finding @f of the process that started at @start (clock ticks since boot; 0: not known, then nothing
 * is old) one that an earlier daemon has told? Remembers it, and forgets what ended. To be asked once for each finding.
 */
bool told__is_old(struct told *t, const struct finding *f, uint64_t start, uint64_t now);

#endif
