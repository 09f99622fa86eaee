/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by watch*.c only. */
#ifndef POOLWATCH_WATCH_INT_H
#define POOLWATCH_WATCH_INT_H

#include "judge.h"
#include "loader.h"
#include "pace.h"
#include "stack.h"
#include "watch.h"

/* A watched process. */
struct watched {
	struct target t;
	struct loader_target *lt;
	struct python *python;	    /* its interpreter, if one is watched */
	struct watch_jvm *jvm;	    /* its Java virtual machine, if it is watched */
	bool attached[PW_MAX_DEFS]; /* by definition */
	bool ended;		    /* it exited: a last look, then it goes */
	uint64_t added;		    /* CLOCK_MONOTONIC ns: before it was opened */
	size_t nmaps;		    /* when the maps were last looked at */
	uint64_t mapped;	    /* CLOCK_MONOTONIC ns: when they were last looked at for a stack */
	uint64_t rescan;	    /* CLOCK_MONOTONIC ns: when to look for libraries that were loaded since */
	uint64_t young;		    /* until then look often: it has just become another program */
};

/* The stack that came with an edge's event, named at once, for the finding that follows. */
struct watch_trace {
	uint64_t pool, held, site, held_site; /* as in the event */
	char comm[POOLWATCH_COMM];	    /* of the thread, which may have ended since */
	struct finding_frame *frames;
	size_t n;
	struct finding_frame *held_frames; /* where the hold was taken, if whole stacks are kept */
	size_t nheld;
};

/* A thread that was blocked in an acquire when we attached: it made no request that we saw. See watch_late.c. */
struct watch_late {
	uint32_t pid, tid;
	uint32_t def;
	uint64_t futex; /* the word it sleeps on */
	uint64_t key;	/* of the pool */
	uint64_t site;	/* return address of the acquire; 0: not found */
	uint64_t since; /* when it was seen first, ns */
	uint64_t start; /* of the thread: boot time, ns */
	char comm[POOLWATCH_COMM];
	uint64_t regs[PW_REGS];
};

/* What was seen of a thread in a request. See watch_presence.c. */
struct watch_seen {
	uint64_t thread, seq; /* as in its record */
	uint64_t first;	      /* when it was looked at first, ns */
	uint64_t again;	      /* when to look again */
	enum judge_presence presence;
};

#define WATCH_TRACES 256

/* A stack of Python code, named. */
struct watch_python_stack {
	uint64_t site; /* its number */
	struct finding_frame *frames;
	size_t n;
};

#define WATCH_PYTHON_STACKS 512

struct watch {
	struct watch_options options;
	struct loader *loader;
	struct judge *judge;
	struct stack_namer *namer;
	struct ledger snap[2]; /* the last two looks */
	int now;	       /* index of the latest */
	bool looked;	       /* snap[now] is filled */
	bool due;	       /* an event asks for a look */
	bool told;	       /* of events since the last look */
	bool young_edges;      /* some are left to the next look */
	struct pace pace;
	uint64_t next_look;    /* CLOCK_MONOTONIC ns */
	uint64_t looks;
	struct watched *targets;
	size_t ntargets;
	struct watch_trace traces[WATCH_TRACES];
	size_t next_trace;
	struct watch_python_stack python_stacks[WATCH_PYTHON_STACKS];
	size_t next_python_stack;
	uint64_t found[FINDING_KINDS];
	uint64_t lost_mappings; /* as counted before the records of this step */
	struct watch_late *late;
	size_t nlate;
	uint64_t late_checked; /* CLOCK_MONOTONIC ns */
	struct watch_seen *seen; /* by the thread's slot */
	size_t nseen;
	uint64_t seeing; /* ns that the look going on has spent on threads' stacks */
	uint64_t swept;	 /* CLOCK_MONOTONIC ns: when goroutines were last looked at */
	struct watch_budget *budget;
	uint32_t jvm_slots; /* the next one for a record of watch_jvm_stuck.c */
	int epoll_fd;
};

uint64_t watch__clock(void);
uint64_t watch__realtime(void);
struct watched *watch__find(struct watch *w, uint32_t pid);
void watch__notice(struct watch *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* watch_fill.c: names, stacks, process, into what the judge said. */
void watch__fill(struct watch *w, struct finding *f);
void watch__keep_trace(struct watch *w, const struct pw_record *r);
void watch__forget_traces(struct watch *w);
void watch__warm(struct watch *w, const struct watched *d);

/* watch_late.c */
void watch_late__find(struct watch *w, const struct watched *d, const struct plan *plan, const uint32_t *def_slot);
void watch_late__forget(struct watch *w, uint32_t pid);
int watch_late__add(struct watch *w, struct ledger *l);

/* watch_presence.c: for struct judge_options; @watch: struct watch */
enum judge_presence watch__presence(void *watch, const struct poolwatch_thread *t);

/* watch_goroutine.c: the same of a goroutine, which is no matter of its thread */
enum judge_presence watch_goroutine__presence(struct watch *w, const struct poolwatch_thread *t);
/* Goroutines that left their requests, or ended in them, make no other: their records are given up. Now and then. */
void watch_goroutine__sweep(struct watch *w, uint64_t now);

/* watch_target.c */
int watch__attach_new(struct watch *w, struct watched *d, unsigned int flags, struct watch_error *err);
void watch__rescan(struct watch *w, uint64_t now);
void watch__drop(struct watch *w, struct watched *d, const char *why);
void watch__check_pool(struct watch *w, struct watched *d, uint64_t pool);
void watch__on_exec(struct watch *w, struct watched *d);

/* watch_python.c: pools in Python programs */
/* Attach to @d's interpreter if a definition asks for that. Adds to *@attached. 0, or -errno with a line in @err. */
int watch_python__attach(struct watch *w, struct watched *d, size_t *attached, char err[LOADER_ERROR]);
/* A definition asks for an interpreter that is not attached to. */
bool watch_python__pending(const struct watch *w, const struct watched *d);
void watch_python__close(struct watched *d);
void watch_python__on_event(struct watch *w, struct watched *d, const struct poolwatch_event *e);
/*
 * Name @site, and give its stack in *@stack if that is not filled in yet (may be NULL). Return: true if it is Python's.
 */
bool watch_python__name(struct watch *w, struct watched *d, struct finding_frame *site, struct finding_frame **stack, size_t *nstack);
void watch_python__forget_stacks(struct watch *w);

/* watch_jvm.c: executors in Java programs */
bool watch_jvm__is(const struct spec_pool *pool);
/* As watch_python__attach; -EOPNOTSUPP: it is a machine, but one that cannot be watched. */
int watch_jvm__attach(struct watch *w, struct watched *d, size_t *attached, char err[LOADER_ERROR]);
/* A definition asks for a machine, and none is there yet. */
bool watch_jvm__pending(const struct watch *w, const struct watched *d);
void watch_jvm__close(struct watch *w, struct watched *d);
/* Who is parked, and what for. Never blocks. */
void watch_jvm__step(struct watch *w, uint64_t now);
/* When to call it next, CLOCK_MONOTONIC ns. */
uint64_t watch_jvm__next(const struct watch *w);
/* watch_jvm_stuck.c: executors that are stuck, into a snapshot; and what is known of them, into a finding. */
int watch_jvm__add(struct watch *w, struct ledger *l);
/* Return: it is one of those. */
bool watch_jvm__fill(struct watch *w, struct finding *f);
/* watch_stacks.c: whole stacks of what is held */
void watch_stacks__learn(struct watch *w, struct watched *d, const struct pw_record *r);
/* The frames of a stack's number: *@out is an array to free. Return: 0; -ENOENT: not known; -ENOMEM. */
int watch_stacks__frames(struct watch *w, const struct watched *d, uint64_t id, struct finding_frame **out, size_t *n);
/* Where thread @t took what it holds, as long as it is in the look that is going on. */
void watch_stacks__fill(struct watch *w, const struct watched *d, struct finding_thread *t);

/* What unwinding a thread needs, as it was taken down by the programs: a sample in memory of its own. */
struct watch_sample {
	struct stack_sample sample;
	uint64_t regs[PW_REGS];
	uint64_t returns[PW_RETURNS], slots[PW_RETURNS];
};
/* Of a record, as long as that is there. -EINVAL: it has no stack. */
int watch__sample_of(const struct pw_record *r, struct watch_sample *out);
/* Of a blocked thread, as it is now. As loader__registers. */
int watch__sample_now(struct watch *w, uint32_t tid, struct watch_sample *out);
/* watch_fill.c: code that was loaded since the maps were last read lies on stacks, too. */
void watch__catch_up(struct watch *w, struct watched *d, uint64_t site);

/* watch_budget.c */
int watch_budget__new(struct watch *w);
void watch_budget__free(struct watch *w);
void watch_budget__check(struct watch *w, uint64_t now);

#endif
