// SPDX-License-Identifier: GPL-2.0
/* The probes of a Python interpreter, and what its programs captured. See loader.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "loader_int.h"
#include "python.h"

int loader__attach_python(struct loader *l, struct loader_target *lt, const struct python *py, uint32_t def, uint32_t def_flags,
			  char err[LOADER_ERROR])
{
	struct pw_python told = py->bpf;
	uint64_t posts[ELF_SCAN_MAX_CALLS];
	uint32_t slot;
	int r = loader__add_probe_slot(l, lt, def, py->lock_stepped, err);

	if (r < 0)
		return r;
	slot = (uint32_t)r;
	for (size_t i = 0; i < py->nposts; i++)
		posts[i] = py->posts[i].offset;
	told.def = def;
	told.def_flags = def_flags;
	told.began = ++l->pythons;
	r = bpf_map__update_elem(l->skel->maps.pw_pythons, &slot, sizeof(slot), &told, sizeof(told), BPF_ANY);
	if (!r)
		r = loader__attach_offsets(l, lt, l->skel->progs.pw_py_post, py->fd, posts, py->nposts, slot, def);
	if (!r && py->lock_exit)
		r = loader__attach_offsets(l, lt, l->skel->progs.pw_py_unlock, py->fd, &py->lock_exit, 1, slot, def);
	if (r) {
		snprintf(err, LOADER_ERROR, "cannot attach to Python in process %u: %s", lt->pid, strerror(-r));
		loader__detach_def(l, lt, def);
	}
	return r;
}

int loader__python_stack(struct loader *l, uint64_t site, struct pw_python_stack *out)
{
	int r = bpf_map__lookup_elem(l->skel->maps.pw_python_stacks, &site, sizeof(site), out, sizeof(*out), 0);

	if (!r && out->n > PW_PYTHON_FRAMES)
		out->n = PW_PYTHON_FRAMES;
	return r;
}

void loader__forget_python(struct loader *l, uint32_t pid)
{
	struct bpf_map *map = l->skel->maps.pw_python_stacks;
	struct pw_python_stack stack;
	uint64_t key, next;
	bool more;

	more = !bpf_map__get_next_key(map, NULL, &key, sizeof(key));
	while (more) {
		more = !bpf_map__get_next_key(map, &key, &next, sizeof(next));
		if (!loader__python_stack(l, key, &stack) && stack.tgid == pid)
			bpf_map__delete_elem(map, &key, sizeof(key), 0);
		key = next;
	}
}

struct poolwatch_pool *loader__pool(struct loader *l, uint64_t id)
{
	uint32_t slot = (uint32_t)id;
	struct poolwatch_pool *p = (struct poolwatch_pool *)l->table[POOLWATCH_POOLS].base + slot;

	return slot < l->table[POOLWATCH_POOLS].entries && p->head.id == id ? p : NULL;
}
