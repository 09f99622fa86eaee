/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a thread dump says of a Java program's executors: do all workers of one wait for what only a free worker can do?
 * Pure. See jvm_judge.c for what is proven and what is not.
 */
#ifndef POOLWATCH_JVM_JUDGE_H
#define POOLWATCH_JVM_JUDGE_H

#include "jvm_dump.h"

enum jvm_executor_kind { JVM_THREAD_POOL, JVM_FORK_JOIN };

enum jvm_verdict {
	JVM_NOTHING,  /* a worker is free, or does something, or waits for something else */
	JVM_STALLED,  /* all workers wait for results; who will give them is not known */
	JVM_DEADLOCK, /* all workers wait for results, and nobody else can give them */
};

enum jvm_reason {
	JVM_REASON_NONE,
	JVM_REASON_TASKS, /* deadlock: what they wait for are tasks, which no thread runs and no other executor can have queued */
	JVM_REASON_QUIET, /* deadlock: no other thread of the process can act */
};

struct jvm_worker {
	size_t thread; /* in jvm_dump.threads */
	size_t await;  /* frame: the method that waits for a result; of those that do */
	size_t task;   /* frame: the outermost of its task's own code, or that of the method that waits */
	bool timed;    /* the wait has a limit */
};

struct jvm_executor {
	enum jvm_executor_kind kind;
	struct jvm_text name; /* what its workers' names have in common: "pool-1-thread-"; may be empty */
	struct jvm_worker *workers; /* as they stand in the dump */
	size_t nworkers;
	enum jvm_verdict verdict;
	enum jvm_reason reason;
	bool waits; /* all of its workers wait for results, whatever the verdict */
	bool timed; /* at least one of the waits has a limit */
};

/* All executors that have workers in @d, by kind and name. Return: 0 or -ENOMEM. */
int jvm_judge(const struct jvm_dump *d, struct jvm_executor **out, size_t *n);
void jvm_executors__free(struct jvm_executor *e, size_t n);

/* A class of the JDK or of a known library, as the name of one of its methods says. */
bool jvm_judge__is_library(struct jvm_text method);

#endif
