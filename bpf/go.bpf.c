// SPDX-License-Identifier: GPL-2.0
/* Goroutines: see go.bpf.h. */
#include "ledger.bpf.h"
#include "go.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define GO_FRAMES 16 /* of a library, one within the other */

__noinline int go__way_out(struct pw_way *w)
{
	__u64 frame[2] = {};

	if (!w)
		return -1;
	w->site = 0;
	if (bpf_probe_read_user(&frame[1], sizeof(frame[1]), (void *)w->sp))
		return -1;
	w->site = frame[1];
	frame[0] = w->frame;
	for (int i = 0; i < GO_FRAMES; i++) {
		if (frame[1] - w->from >= w->to - w->from) {
			w->site = frame[1];
			break;
		}
		if (bpf_probe_read_user(frame, sizeof(frame), (void *)frame[0]))
			break;
	}
	return 0;
}

/* Give the record up if there is nothing in it. See struct pw_goroutine. */
__noinline int goroutine__rest(__u32 slot)
{
	struct poolwatch_thread *t = thread_at(slot);
	struct pw_private *own = private_at(slot);
	struct pw_goroutine *g = goroutine_at(slot);
	struct pw_owner_key key = { .goroutine = 1 };
	__u64 use;
	__u32 n;

	if (!t || !own || !g)
		return 0;
	use = *(volatile __u64 *)&g->use;
	barrier();
	if (use & (PW_USE_RUNS | PW_USE_GONE) || !t->head.id || !(t->flags & POOLWATCH_THREAD_GOROUTINE) || t->requests || own->nframes)
		return 0;
	n = own->nholds;
	for (__u32 i = 0; i < POOLWATCH_HOLDS; i++) {
		if (i >= n)
			break;
		if (POOLWATCH_HOLD_UNITS(t->hold[i].word))
			return 0;
	}
	key.owner = t->owner;
	key.tgid = t->head.tgid;
	if (__sync_val_compare_and_swap(&g->use, use, use | PW_USE_GONE) != use)
		return 0;
	bpf_map_delete_elem(&pw_thread_index, &key);
	t->head.id = 0;
	bpf_map_push_elem(&pw_free_threads, &slot, 0);
	return 0;
}

__noinline int goroutine__end(__u32 slot)
{
	struct pw_private *own = private_at(slot);
	struct pw_goroutine *g = goroutine_at(slot);
	__u64 holder;

	if (!own || !g)
		return 0;
	holder = own->deed.holder;
	own->deed.holder = 0;
	if (own->nframes)
		g->sp = own->frame[(own->nframes - 1) & (PW_FRAMES - 1)].sp;
	/* Before it is looked whether the record is empty: who empties it meanwhile leaves the rest to this. */
	__sync_fetch_and_and(&g->use, ~PW_USE_RUNS);
	goroutine__rest(slot);
	return holder && (__u32)holder != slot ? goroutine__rest(holder) : 0;
}
