// SPDX-License-Identifier: GPL-2.0
/* The probes of a Java virtual machine, and who is parked in it. See loader.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "loader_int.h"

#define MAX_PLACES 16

static int attach_places(struct loader *l, struct loader_target *lt, struct bpf_program *prog, const char *path, const uint64_t *at,
			 size_t n, uint64_t cookie, uint32_t def)
{
	unsigned long offsets[MAX_PLACES];
	__u64 cookies[MAX_PLACES];
	struct bpf_link *link;
	int r = 0;

	if (n > MAX_PLACES)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		offsets[i] = at[i];
		cookies[i] = cookie;
	}
	if (l->multi) {
		LIBBPF_OPTS(bpf_uprobe_multi_opts, opts, .offsets = offsets, .cookies = cookies, .cnt = n);

		link = bpf_program__attach_uprobe_multi(prog, (pid_t)lt->pid, path, NULL, &opts);
		return link ? loader__keep_link(lt, link, def) : -errno;
	}
	for (size_t i = 0; i < n && !r; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = cookie);

		link = bpf_program__attach_uprobe_opts(prog, (pid_t)lt->pid, path, offsets[i], &opts);
		r = link ? loader__keep_link(lt, link, def) : -errno;
	}
	return r;
}

int loader__attach_jvm(struct loader *l, struct loader_target *lt, int fd, const uint64_t *begin, size_t nbegin, const uint64_t *end,
		       size_t nend, uint32_t def, uint32_t def_flags, char err[LOADER_ERROR])
{
	struct pw_probe probe = { .def = def, .def_flags = def_flags, .def_capacity = POOLWATCH_UNKNOWN };
	uint32_t *slots = realloc(lt->probes, (lt->nprobes + 1) * sizeof(*slots)), slot;
	char path[40];
	int r;

	if (!slots)
		return -ENOMEM;
	lt->probes = slots;
	r = loader__take_probe_slot(l, def);
	if (r < 0) {
		snprintf(err, LOADER_ERROR, "more than %d probes in all: watch fewer processes or definitions", PW_MAX_PROBES);
		return r;
	}
	slot = (uint32_t)r;
	lt->probes[lt->nprobes++] = slot;
	/* Notes mark nops, which the kernel emulates. */
	l->probe_stepped[slot] = false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = bpf_map__update_elem(l->skel->maps.pw_probes, &slot, sizeof(slot), &probe, sizeof(probe), BPF_ANY);
	/* The ends first: who is seen to park is seen to end that. */
	if (!r)
		r = attach_places(l, lt, l->skel->progs.pw_jvm_unpark, path, end, nend, PW_COOKIE(lt->pid, slot), def);
	if (!r)
		r = attach_places(l, lt, l->skel->progs.pw_jvm_park, path, begin, nbegin, PW_COOKIE(lt->pid, slot), def);
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
