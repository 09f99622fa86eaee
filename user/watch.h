/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A watch: pool definitions, the processes they are looked for in, the loaded BPF programs, the judge. What attach, run,
 * top -p and the daemon have in common. Not thread-safe: one thread owns it and calls watch__step.
 */
#ifndef POOLWATCH_WATCH_H
#define POOLWATCH_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include "finding.h"
#include "source.h"
#include "spec.h"

enum watch_stacks { WATCH_STACKS_NESTED, WATCH_STACKS_SITE, WATCH_STACKS_ALL };

struct watch_options {
	const struct spec *spec; /* definitions; stays the caller's, must outlive the watch */
	bool spec_is_default;	 /* they were not asked for by name: those that a target does not map are passed over in silence */
	uint64_t stall_ns;	 /* 0: default (5 s) */
	uint64_t leak_ns;	 /* 0: leaks by exit only */
	unsigned int budget_permille; /* share of one CPU a definition's probes may cost, in 1/1000; 0: no limit */
	bool follow;		 /* children after fork and exec, too */
	enum watch_stacks stacks;
	const char *debug_dirs;
	bool debuginfod;
	bool jvm_dump;		 /* Java virtual machines may be asked for thread dumps */
	bool no_device;		 /* do not feed /dev/poolwatch even where it is */
	unsigned int max_pools, max_threads; /* 0: defaults */

	/* Called from watch__step and watch__remove. The finding is complete: named frames, process, explanation; not kept after the call. */
	void (*finding)(void *ctx, struct finding *f);
	/* An event of the ledger; may be NULL. */
	void (*event)(void *ctx, const struct poolwatch_event *e);
	/* A target ended or could not be watched any longer; may be NULL. */
	void (*gone)(void *ctx, uint32_t pid, const char *why);
	/* One line about what was attached or refused, for the user; may be NULL. */
	void (*notice)(void *ctx, const char *line);
	void *ctx;
};

struct watch_error {
	int code;	   /* -errno */
	char message[300]; /* one line: what went wrong, of what, and what to do */
};

struct watch;

/* Load the BPF programs. Return: 0 or -errno with *@err. */
int watch__new(const struct watch_options *options, struct watch **out, struct watch_error *err);
/* Detach everything; leaves nothing behind. Findings that are open end without a word. */
void watch__free(struct watch *w);

#define WATCH_FROM_START (1u << 0) /* the target has not run its first instruction yet: no unknown holds */

/*
 * Attach to a process. -EEXIST: already watched. -ENOENT: no definition has anything in it. -EAGAIN: one that had its number was
 * watched and has ended, which watch__step has still to tell.
 */
int watch__add(struct watch *w, uint32_t pid, unsigned int flags, struct watch_error *err);
/* Detach from it and forget its ledger. */
int watch__remove(struct watch *w, uint32_t pid);
/* Processes watched now. */
unsigned int watch__targets(const struct watch *w);

/* A descriptor (epoll) that polls readable when watch__step has something to do before its timeout. */
int watch__fd(const struct watch *w);
/* The longest time to wait for the descriptor before calling watch__step, ms. */
int watch__timeout_ms(const struct watch *w);
/* Do what is due: events, judgement, ended targets. Never blocks. Return: 0 or -errno (the watch is of no use any more). */
int watch__step(struct watch *w);
/* watch__step until nothing is left to tell: before reporting "nothing was found" at the end. */
int watch__drain(struct watch *w);

/* The ledger, for views. Belongs to the watch. */
struct source *watch__source(struct watch *w);

/* Thread dumps that the Java virtual machines watched now have given. */
uint64_t watch__jvm_dumps(const struct watch *w);

/* Looks at the ledger so far. */
uint64_t watch__looks(const struct watch *w);
/* Exact counts of findings told so far, by kind. */
uint64_t watch__found(const struct watch *w, enum finding_kind kind);

#endif
