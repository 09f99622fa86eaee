// SPDX-License-Identifier: GPL-2.0
/*
 * The ring of events.
 *
 * Writers are BPF programs in any context. They take turns by a raw spinlock with interrupts off, for the copy of some
 * hundred bytes: events are rare (only edges of the ledger), so the lock is all but never contended, and in exchange
 * sequence numbers have no holes and a slot has one writer at a time. A reservation without a lock would need an answer
 * for the writer that is preempted in the middle (uprobe programs are) while others go once round the ring.
 *
 * The lock alone would not do: a tracing program may be attached to something called below, or an NMI may come, on the
 * CPU that holds it. So each CPU has a mark, set before the lock is asked for: whoever finds it set is told -EBUSY. An
 * NMI that interrupts somebody else's turn does not wait for it either.
 *
 * Readers take no lock at all, so that no number of them delays a traced program. Each slot has a sequence mark, as in
 * a seqcount: a copy is good if the mark was that of the wanted event before and after.
 */
#include <linux/irq_work.h>
#include <linux/log2.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>
#include "ring.h"

#define EVENT_WORDS (sizeof(struct poolwatch_event) / sizeof(u64))
static_assert(sizeof(struct poolwatch_event) % sizeof(u64) == 0);

/* In words, so that each is loaded and stored whole while others look. */
struct ring_slot {
	u64 mark; /* sequence number of the event in it, or SLOT_UNSTABLE */
	u64 words[EVENT_WORDS];
};

#define SLOT_UNSTABLE (~0ull)

static struct {
	struct ring_slot *slots;
	u64 size; /* a power of two */
	u64 next; /* written under lock, published last */
	atomic64_t busy;
	raw_spinlock_t lock; /* writers */
	struct irq_work wake;
} ring;

static DEFINE_PER_CPU(int, ring_inside);

DECLARE_WAIT_QUEUE_HEAD(pw_ring_wait);

/* Writers may hold scheduler locks, under which nobody can be woken. */
static void ring_wake(struct irq_work *work)
{
	wake_up_interruptible_all(&pw_ring_wait);
}

static void ring_put(struct poolwatch_event *event)
{
	u64 seq = ring.next;
	struct ring_slot *slot = &ring.slots[seq & (ring.size - 1)];
	const u64 *words = (const u64 *)event;
	size_t i;

	event->seq = seq;
	WRITE_ONCE(slot->mark, SLOT_UNSTABLE);
	smp_wmb(); /* pairs with smp_rmb in pw_ring_read: new words are never seen under the old mark */
	for (i = 0; i < EVENT_WORDS; i++)
		WRITE_ONCE(slot->words[i], words[i]);
	smp_store_release(&slot->mark, seq); /* pairs with the load in pw_ring_read */
	smp_store_release(&ring.next, seq + 1); /* pairs with the load in pw_ring_next */
}

int pw_ring_emit(struct poolwatch_event *event)
{
	unsigned long flags;
	int ret = 0;

	local_irq_save(flags);
	if (this_cpu_inc_return(ring_inside) != 1) {
		ret = -EBUSY;
	} else if (!in_nmi()) {
		raw_spin_lock(&ring.lock);
		ring_put(event);
		raw_spin_unlock(&ring.lock);
	} else if (raw_spin_trylock(&ring.lock)) {
		ring_put(event);
		raw_spin_unlock(&ring.lock);
	} else {
		ret = -EBUSY;
	}
	this_cpu_dec(ring_inside);
	local_irq_restore(flags);

	if (ret)
		atomic64_inc(&ring.busy);
	else if (wq_has_sleeper(&pw_ring_wait))
		irq_work_queue(&ring.wake);
	return ret;
}

int pw_ring_read(u64 cursor, struct poolwatch_event *event, u64 *oldest)
{
	struct ring_slot *slot = &ring.slots[cursor & (ring.size - 1)];
	u64 words[EVENT_WORDS];
	size_t i;

	if (cursor >= pw_ring_next())
		return -EAGAIN;
	if (smp_load_acquire(&slot->mark) == cursor) { /* pairs with the release in ring_put */
		for (i = 0; i < EVENT_WORDS; i++)
			words[i] = READ_ONCE(slot->words[i]);
		smp_rmb(); /* pairs with smp_wmb in ring_put */
		if (READ_ONCE(slot->mark) == cursor) {
			memcpy(event, words, sizeof(words));
			return 0;
		}
	}
	/* The slot may be half written, and ring.next not moved yet: then the one behind it is the oldest. */
	*oldest = max(pw_ring_oldest(), cursor + 1);
	return -EPIPE;
}

u64 pw_ring_next(void)
{
	return smp_load_acquire(&ring.next); /* pairs with the release in ring_put: the slots before it are written */
}

u64 pw_ring_oldest(void)
{
	u64 next = pw_ring_next();

	return next > ring.size ? next - ring.size : 0;
}

u64 pw_ring_size(void)
{
	return ring.size;
}

u64 pw_ring_busy(void)
{
	return atomic64_read(&ring.busy);
}

int pw_ring_init(unsigned int kb)
{
	raw_spin_lock_init(&ring.lock);
	init_irq_work(&ring.wake, ring_wake);
	ring.size = rounddown_pow_of_two((size_t)kb * 1024 / sizeof(struct ring_slot));
	ring.slots = vcalloc(ring.size, sizeof(struct ring_slot));
	return ring.slots ? 0 : -ENOMEM;
}

/* No file is open and no program that could emit is loaded any more: both hold the module. */
void pw_ring_exit(void)
{
	irq_work_sync(&ring.wake);
	vfree(ring.slots);
}
