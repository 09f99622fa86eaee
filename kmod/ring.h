/* SPDX-License-Identifier: GPL-2.0 */
/* The ring of events: one for the device, of fixed size, written from any context, read without a lock. */
#ifndef POOLWATCH_RING_H
#define POOLWATCH_RING_H

#include <linux/types.h>
#include <linux/wait.h>
#include "uapi/linux/poolwatch.h"

#define PW_RING_KB_MIN 4
#define PW_RING_KB_MAX 65536

/* Take the memory: as many events as fit in @kb KiB, rounded down to a power of two. Return: 0 or -ENOMEM. */
int pw_ring_init(unsigned int kb);
void pw_ring_exit(void);

/*
 * Append a copy of @event, whose seq is filled in. Any context, NMI included. Return: 0, or -EBUSY if this CPU is
 * inside the call already, or if an NMI found the ring being written.
 */
int pw_ring_emit(struct poolwatch_event *event);

/*
 * pw_ring_read - copy the event with sequence number @cursor
 * Return: 0; -EAGAIN: not emitted yet; -EPIPE: overwritten, and *@oldest is the oldest one kept (always > @cursor).
 */
int pw_ring_read(u64 cursor, struct poolwatch_event *event, u64 *oldest);

/* Where readers sleep until pw_ring_next() moves. */
extern wait_queue_head_t pw_ring_wait;

u64 pw_ring_next(void);	  /* sequence number of the next event to come */
u64 pw_ring_oldest(void); /* of the oldest one kept; pw_ring_next() if there is none */
u64 pw_ring_size(void);	  /* events */
u64 pw_ring_busy(void);	  /* refused with -EBUSY */

#endif
