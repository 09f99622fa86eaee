/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A queue of messages in a fixed amount of memory: what a collector that is away has not got yet. When it is full the oldest
 * message makes room, and is counted. Backed by a file it outlives the process, SIGKILL included (not a crash of the machine).
 */
#ifndef POOLWATCH_SPOOL_H
#define POOLWATCH_SPOOL_H

#include <stddef.h>
#include <stdint.h>

struct spool;

/*
 * spool__open - @size: bytes for messages, 4096 at least; @path: NULL for memory only, else a file that is made (0600), or
 * gone on with if it has that size and is sound; anything else in it is discarded
 * Return: 0; -EINVAL; -EBUSY: another process has it open; -errno.
 */
int spool__open(const char *path, size_t size, struct spool **out);
void spool__close(struct spool *s);

/* Append. Return: 0; -EMSGSIZE: can never fit (counted as lost, too). */
int spool__push(struct spool *s, const void *data, size_t len);

/*
 * spool__at - the message number @n (a number that no other message of this spool has; spool__first is the oldest) or NULL if
 * there is none. Valid until the next call that changes the spool.
 */
const void *spool__at(const struct spool *s, uint64_t n, size_t *len);
uint64_t spool__first(const struct spool *s);
/* Forget the oldest message: it is delivered. */
void spool__pop(struct spool *s);

uint64_t spool__count(const struct spool *s);
/* Messages that made room before they were popped, ever (the file remembers). */
uint64_t spool__lost(const struct spool *s);

#endif
