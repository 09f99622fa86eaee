/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A finding: what the judge says, complete enough to be printed as text, JSON or a log line without looking anywhere
 * else. Pure. Owned strings and arrays; finding__clear frees them.
 */
#ifndef POOLWATCH_FINDING_H
#define POOLWATCH_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../kmod/uapi/linux/poolwatch.h"

enum finding_kind {
	FINDING_NESTED,
	FINDING_ORDER,
	FINDING_DEADLOCK,
	FINDING_STALL,
	FINDING_LEAK,
	FINDING_DETACHED, /* a definition exceeded its budget and was detached */
	FINDING_KINDS,
};

enum finding_severity { FINDING_INFO, FINDING_WARNING, FINDING_ERROR, FINDING_CRITICAL };

/* What becomes of a finding after it was first told. */
enum finding_event {
	FINDING_NEW,
	FINDING_REPEATED,  /* the same again, told with back-off; count says how often */
	FINDING_RECOVERED, /* it ended; recovered_ms says after how long. For a leak: returned after all */
	FINDING_RETRACTED, /* it was never true: the pool turned out to be a signalling semaphore */
};

/* One place in code. file NULL: no line known. symbol NULL: only module and offset, which is then into the module. */
struct finding_frame {
	uint64_t address;
	char *symbol; /* demangled, raw bytes from the target: escape where printed */
	uint64_t offset;
	char *module; /* base name */
	char *file;
	uint32_t line;	/* 0: unknown */
	bool inlined;	/* this frame was inlined into the next */
	bool user_code; /* not a known library's: shown first, not folded */
};

struct finding_hold {
	uint64_t pool; /* head.id */
	char *pool_name;
	uint64_t key;
	uint32_t units;
	uint64_t for_ms;
	uint64_t resource; /* 0: none */
	struct finding_frame site;
	struct finding_frame *stack; /* where it was taken, if that was captured */
	size_t nstack;
};

struct finding_thread {
	uint32_t tid;
	uint32_t pid;
	uint64_t goroutine; /* 0: a thread */
	char comm[POOLWATCH_COMM];
	struct finding_hold *holds;
	size_t nholds;
	bool requesting;
	struct finding_hold request; /* pool, units, for_ms, site */
	struct finding_frame *stack; /* innermost first: of the request, or what it does now */
	size_t nstack;
	char *doing; /* stall: "sleeping in futex(0x55.., FUTEX_WAIT) at futex_wait_queue for 3.1 s"; NULL otherwise */
};

struct finding {
	enum finding_kind kind;
	enum finding_event event;
	enum finding_severity severity;
	uint64_t realtime_ns; /* CLOCK_REALTIME of the first time; filled in by who prints */
	uint64_t time;	      /* CLOCK_MONOTONIC ns */
	uint32_t id;	      /* from 1, of this run */
	uint64_t count;
	/* the pool */
	uint64_t pool; /* head.id */
	char pool_name[POOLWATCH_NAME];
	uint64_t key;
	int64_t capacity; /* POOLWATCH_UNKNOWN */
	int64_t in_use;
	int64_t waiters;
	int64_t unknown;
	uint64_t *pools; /* order, deadlock over several: head.id of each, in the order of the cycle */
	size_t npools;
	/* the process */
	uint32_t pid;
	char comm[POOLWATCH_COMM];
	char *exe;
	char *container;
	/* who */
	struct finding_thread *threads;
	size_t nthreads;
	/* the sizing rule, of nested and deadlock: 0 where it does not apply */
	uint32_t depth;
	uint32_t nesting_threads;
	int64_t needed_capacity; /* for one more thread than are safe now; POOLWATCH_UNKNOWN */
	int64_t safe_threads;	 /* nesting at once, with this capacity; POOLWATCH_UNKNOWN */
	int64_t margin;		 /* safe_threads - nesting_threads; POOLWATCH_UNKNOWN */
	const char *proof;	 /* "reduction", "observed"; NULL: none */
	uint64_t recovered_ms;
	bool uncertain;
	bool worker;	   /* units are workers, and what holds them are tasks */
	char *explanation; /* one sentence, plain */
};

const char *finding__kind_name(enum finding_kind kind);
const char *finding__severity_name(enum finding_severity severity);
const char *finding__event_name(enum finding_event event);
/* Return: the kind called @name, or -EINVAL. */
int finding__kind_by_name(const char *name);

void finding__clear(struct finding *f);
void finding_frame__clear(struct finding_frame *frame);

#endif
