/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by loader*.c only. */
#ifndef POOLWATCH_LOADER_INT_H
#define POOLWATCH_LOADER_INT_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "loader.h"
#include "poolwatch.skel.h"

/* A table, mapped. */
struct loader_table {
	void *base;
	size_t bytes;
	size_t record;
	uint32_t entries;
};

struct loader {
	struct poolwatch_bpf *skel;
	struct ring_buffer *ring;
	struct loader_table table[POOLWATCH_TABLES];
	struct loader_table goroutines; /* struct pw_goroutine, by the slot of the thread */
	struct source source;
	struct ledger scratch;
	bool multi;
	int device_fd; /* the session; -1: direct mode */
	uint32_t session;
	char mode_why[240];
	/* pw_probes: who has which slot */
	uint32_t probe_def[PW_MAX_PROBES]; /* definition slot + 1; 0: free */
	bool probe_stepped[PW_MAX_PROBES];
	struct loader_hits past[PW_MAX_DEFS]; /* of probes that were detached */
	void (*fn)(void *ctx, const struct pw_record *r);
	void *ctx;
	uint64_t missed;
	uint64_t pythons; /* attached to so far */
};

struct loader_link {
	struct bpf_link *link;
	uint32_t def;
};

struct loader_target {
	uint32_t pid;
	uint32_t proc_slot;
	struct loader_link *links;
	size_t nlinks;
	uint32_t *probes; /* slots in pw_probes */
	size_t nprobes;
};

/*
 * loader_attach.c: one more slot of pw_probes for definition @def, which @lt keeps. @stepped: the kernel steps over the instruction
 * there. Return: slot; -ENOSPC, with @err said; -ENOMEM.
 */
int loader__add_probe_slot(struct loader *l, struct loader_target *lt, uint32_t def, bool stepped, char err[LOADER_ERROR]);
/* And a link, which becomes @lt's whatever happens. */
int loader__keep_link(struct loader_target *lt, struct bpf_link *link, uint32_t def);

/* Where a program is put: offsets in the file @fd, each with its cookie. */
struct loader_places {
	int fd;
	const unsigned long *offsets;
	const __u64 *cookies;
	size_t n;
	bool returns; /* at the functions' returns */
};

/* loader_places.c: one link for all of them where the kernel has that, else one each. Return: 0 or -errno, with some attached. */
int loader__attach_places(struct loader *l, struct loader_target *lt, struct bpf_program *prog, const struct loader_places *at,
			  uint32_t def);
/* The same with the cookie of @slot for all. */
int loader__attach_offsets(struct loader *l, struct loader_target *lt, struct bpf_program *prog, int fd, const uint64_t *offsets,
			   size_t n, uint32_t slot, uint32_t def);

/* loader_maps.c: what the loader of @source published. -ENOENT; -EACCES. */
int loader__find_session(const struct source *source, struct pw_session *out);
/* loader_stacks.c: one more loss */
void loader__count_loss(struct loader *l, enum poolwatch_cause cause);
/* What was held of a pool that is gone; if @keep it stays, for all such pools together. */
void loader__forget_pool_times(struct loader *l, uint64_t pool, bool keep);

int loader__map_tables(struct loader *l);
void loader__unmap_tables(struct loader *l);
void loader__init_source(struct loader *l);

static inline struct poolwatch_proc *loader__proc(const struct loader *l, uint32_t slot)
{
	return (struct poolwatch_proc *)l->table[POOLWATCH_PROCS].base + slot;
}

#endif
