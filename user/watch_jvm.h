/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by watch_jvm*.c only: one watched Java virtual machine. */
#ifndef POOLWATCH_WATCH_JVM_H
#define POOLWATCH_WATCH_JVM_H

#include "jvm_attach.h"
#include "jvm_judge.h"
#include "watch_int.h"

/* A thread, as it was when a dump was asked for. */
struct jvm_seen {
	uint32_t tid;
	uint32_t nid;	   /* in the target's own pid namespace */
	uint64_t parked;   /* since when, CLOCK_MONOTONIC ns; 0: it is not */
	uint64_t switches; /* how often it has given up its CPU: the same later, it has slept all the time */
	bool open;	   /* its executor's workers all wait, and may yet turn out to be stuck: to be looked at again */
	char comm[POOLWATCH_COMM];
};

/* A group of threads by name, which may be an executor's workers: when it was looked at, and when to look again. */
struct jvm_group {
	char name[POOLWATCH_COMM]; /* comm without the number at its end */
	size_t first, n;	   /* in the list of threads */
	bool parked;		   /* all of it, for long enough */
	bool asked;		   /* covered by the dump that is under way */
	uint64_t hash;		   /* of who is parked since when */
	uint64_t examined;	   /* hash when it was last dumped */
	uint64_t pause, next;	   /* ns; not before */
};

struct jvm_stuck_thread {
	struct jvm_seen seen;
	struct finding_frame *frames; /* innermost first */
	size_t nframes;
	size_t asks, works; /* frames of the program: that waits, and the outermost of its task */
};

/* An executor that is stuck: told of to the judge for as long as all of its workers sleep on. */
struct jvm_stuck {
	uint32_t slot; /* of the record made up for it, and of its threads from here on */
	enum jvm_verdict verdict;
	enum jvm_reason reason;
	enum jvm_executor_kind kind;
	bool timed;
	char name[64];	/* of its workers, without their number; raw bytes of the target's choice */
	char await[80]; /* the method they wait in; empty: several */
	uint64_t parked; /* the last of them since when */
	struct jvm_stuck_thread *threads;
	size_t nthreads;
};

struct watch_jvm {
	uint32_t def;
	struct jvm_attach *asking;
	struct jvm_seen *seen; /* all threads, when the dump was asked for; by name group */
	size_t nseen;
	struct jvm_group *groups;
	size_t ngroups;
	struct jvm_stuck *stuck;
	size_t nstuck;
	uint64_t next_check, next_dump; /* CLOCK_MONOTONIC ns */
	uint64_t dumps;			/* taken and judged */
	bool refused;			/* that it cannot be dumped was said */
};

/* watch_jvm_threads.c */
/* All threads of @d, by name group, with what the probes say; and the groups, with what was remembered of those of @old. */
int jvm_threads__read(struct watch *w, const struct watched *d, uint64_t now, struct jvm_seen **seen, size_t *nseen,
		      struct jvm_group **groups, size_t *ngroups, const struct jvm_group *old, size_t nold);
/* How often it has given up its CPU, and its number in its own namespace. */
int jvm_thread__status(uint32_t pid, uint32_t tid, struct jvm_seen *out);

/* watch_jvm_stuck.c */
/* Take over what the judge said of @dump. 0 or -ENOMEM. */
int jvm_stuck__take(struct watch *w, struct watched *d, const struct jvm_dump *dump);
/* Forget executors whose workers went on. Return: whether there were any. */
bool jvm_stuck__check(struct watch *w, struct watched *d);
void jvm_stuck__clear(struct watch_jvm *jvm);
/* Is thread @tid one of them? */
bool jvm_stuck__has(const struct watch_jvm *jvm, uint32_t tid);

#endif
