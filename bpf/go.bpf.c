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

__noinline int goroutine__rest(__u32 slot)
{
	struct poolwatch_thread *t = thread_at(slot);
	struct pw_private *own = private_at(slot);
	struct pw_owner_key key = { .goroutine = 1 };
	__u32 n;

	if (!t || !own || !(t->flags & POOLWATCH_THREAD_GOROUTINE) || t->requests || own->nframes)
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
	if (bpf_map_delete_elem(&pw_thread_index, &key))
		return 0;
	t->head.id = 0;
	bpf_map_push_elem(&pw_free_threads, &slot, 0);
	return 0;
}
