// SPDX-License-Identifier: GPL-2.0
/* The probes of a Java virtual machine, and who is parked in it. See loader.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "loader_int.h"

int loader__attach_jvm(struct loader *l, struct loader_target *lt, int fd, const uint64_t *begin, size_t nbegin, const uint64_t *end,
		       size_t nend, uint32_t def, uint32_t def_flags, char err[LOADER_ERROR])
{
	struct pw_probe probe = { .def = def, .def_flags = def_flags, .def_capacity = POOLWATCH_UNKNOWN };
	uint32_t slot;
	/* Notes mark nops, which the kernel emulates. */
	int r = loader__add_probe_slot(l, lt, def, false, err);

	if (r < 0)
		return r;
	slot = (uint32_t)r;
	r = bpf_map__update_elem(l->skel->maps.pw_probes, &slot, sizeof(slot), &probe, sizeof(probe), BPF_ANY);
	/* The ends first: who is seen to park is seen to end that. */
	if (!r)
		r = loader__attach_offsets(l, lt, l->skel->progs.pw_jvm_unpark, fd, end, nend, slot, def);
	if (!r)
		r = loader__attach_offsets(l, lt, l->skel->progs.pw_jvm_park, fd, begin, nbegin, slot, def);
	if (r) {
		snprintf(err, LOADER_ERROR, "cannot attach to the Java virtual machine of process %u: %s", lt->pid, strerror(-r));
		loader__detach_def(l, lt, def);
	}
	return r;
}

int loader__parked(struct loader *l, uint32_t pid, struct loader_parked **out, size_t *n)
{
	_cleanup_free_ struct loader_parked *list = NULL;
	struct bpf_map *map = l->skel->maps.pw_parked;
	size_t count = 0, room = 0, seen = 0;
	uint64_t key, next, since;
	bool more;

	/* A key that goes while it is the last one read sends the walk back to the start: bounded by what the map can hold. */
	for (more = !bpf_map__get_next_key(map, NULL, &key, sizeof(key)); more && seen < 2 * bpf_map__max_entries(map); seen++) {
		more = !bpf_map__get_next_key(map, &key, &next, sizeof(next));
		if (key >> 32 == pid && !bpf_map__lookup_elem(map, &key, sizeof(key), &since, sizeof(since), 0)) {
			if (count == room) {
				struct loader_parked *grown = reallocarray(list, room + 256, sizeof(*grown));

				if (!grown)
					return -ENOMEM;
				list = grown;
				room += 256;
			}
			list[count++] = (struct loader_parked){ (uint32_t)key, since };
		}
		key = next;
	}
	*out = take_ptr(list);
	*n = count;
	return 0;
}

int loader__add_parked(struct loader *l, uint32_t pid, uint32_t tid, uint64_t since)
{
	uint64_t key = (uint64_t)pid << 32 | tid;

	return bpf_map__update_elem(l->skel->maps.pw_parked, &key, sizeof(key), &since, sizeof(since), BPF_NOEXIST);
}

void loader__forget_jvm(struct loader *l, uint32_t pid)
{
	struct bpf_map *map = l->skel->maps.pw_parked;
	uint64_t key, next;
	bool more;

	for (more = !bpf_map__get_next_key(map, NULL, &key, sizeof(key)); more; key = next) {
		more = !bpf_map__get_next_key(map, &key, &next, sizeof(next));
		if (key >> 32 == pid)
			bpf_map__delete_elem(map, &key, sizeof(key), 0);
	}
}
