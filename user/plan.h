/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Definitions met with a target: which functions of which of its files are probed, where and how. What `poolwatch probe`
 * prints and the loader attaches is the same plan. Touches nothing in the target.
 */
#ifndef POOLWATCH_PLAN_H
#define POOLWATCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "place.h"
#include "spec.h"
#include "target.h"

#define PLAN_ERROR 256

/* A file that holds probed functions: opened once, and everything about it read from that descriptor. */
struct plan_file {
	int fd;		   /* the plan's; attach through /proc/self/fd/N */
	char *path;	   /* as the target names it: for people, not for opening */
	uint64_t dev, ino; /* as struct target_map has them */
	char *build_id;	   /* hex, or NULL */
	char *version;	   /* "11.0.2" of libzdb.so.11.0.2, "go1.23.5" of a Go program (the target's bytes), or NULL */
	bool go;	   /* arguments in Go's registers */
	uint32_t goid;	   /* of a Go program: offset of a goroutine's number in struct g */
};

/* One function to probe for one statement. A file, an entry offset and a kind of probe occur once per definition. */
struct plan_probe {
	const struct spec_pool *pool;	/* in the spec, which must outlive the plan */
	const struct spec_probe *probe;
	size_t pool_index;		/* of pool in spec->pools */
	size_t file;			/* index in plan->files */
	char *symbol;			/* the symbol found; raw bytes of the target's choice */
	uint64_t addend;		/* of "sym+0xoff" */
	uint64_t function;		/* file offset of the function's first byte */
	uint64_t offset;		/* file offset of the entry probe */
	uint64_t hijack;		/* file offset of the uretprobe */
	char insn[64];			/* the instruction there */
	bool emulated;			/* by the kernel; else single-stepped */
	int32_t sp_adjust;		/* as struct pw_probe */
	bool repeats;			/* one call may come by there several times */
	bool has_return;		/* the kind of probe looks at returns */
	enum spec_ret ret;		/* if has_return: URETPROBE (at `hijack`) or SITES (at rets[]) */
	uint64_t *rets;			/* file offsets of ret instructions; two probes may share one, in what both tail-call */
	size_t nrets;
	bool ret_incomplete;		/* some returns are not seen */
	bool thrown_through;		/* an exception may leave it: it has something to clean up then */
	struct pw_expr capacity, available; /* what code knows of the pool's sizes, beside its definition; PW_SHAPE_NONE: nothing */
	struct pw_expr resource;	/* and of the unit's name, whatever the definition says */
	uint64_t fold_from, fold_to;	/* Go: addresses of the package's code, in which no site is; equal: none */
	bool learn;			/* no guard of the definition matches: its capacity and available do not hold here */
	char why[160];			/* the choice of the return method, in a sentence */
};

struct plan {
	struct plan_file *files;
	size_t nfiles;
	struct plan_probe *probes; /* per definition: releases first, then the others, acquires last */
	size_t nprobes;
};

/* A definition none of whose libraries the target maps is left out, instead of being an error. */
#define PLAN_SKIP_ABSENT (1u << 0)
/* And one that cannot be planned in this target (an old library, a function that cannot be probed safely): @err has the last reason. */
#define PLAN_SKIP_FAILED (1u << 1)

/*
 * plan__make - meet every definition of @spec (but those whose pools only code finds: spec_pool__has_probes) with @t
 * Return: 0; -ENOENT: a library or symbol is not there; -ENOTUNIQ: a name means several functions; -EOPNOTSUPP: it cannot be
 * probed safely; -EILSEQ: code that cannot be decoded or an address that is no instruction boundary; -ESTALE: the file is no
 * longer the one mapped; -errno of opening files; -ENOMEM. @err has a line that says what to do (no newline; bytes that
 * came from the target are escaped). *@plan is untouched on failure.
 */
int plan__make(const struct target *t, const struct spec *spec, unsigned int flags, struct plan *plan, char err[PLAN_ERROR]);
void plan__clear(struct plan *plan);

/* Does the library pattern @lib of a definition (soname, path, glob, "exe") mean the mapped file @m of @t? */
bool plan__lib_matches(const struct target *t, const struct target_map *m, const char *lib);

#endif
