/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The BPF programs and their maps: load, attach, read, forget. loader*.c are the only files that see libbpf.
 */
#ifndef POOLWATCH_LOADER_H
#define POOLWATCH_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../bpf/python.h"
#include "../bpf/shared.h"
#include "held.h"
#include "plan.h"
#include "source.h"
#include "spec.h"
#include "target.h"

struct loader;
struct loader_target; /* the probes in one process */
struct python;

struct loader_options {
	unsigned int max_pools, max_threads; /* 0: defaults; rounded up to a power of two */
	bool no_device;
	bool python; /* the programs that follow CPython, too */
	bool jvm;    /* and those that follow Java virtual machines */
	bool whole_stacks; /* of what is held: bpf/stacks.h */
};

#define LOADER_ERROR 300

/*
 * loader__new - load the programs, bind the tables to the device if it is there
 * Return: 0; -EPERM: CAP_BPF and CAP_PERFMON are needed; -EOPNOTSUPP: a kernel without BTF or too old; -errno.
 * @err: one line.
 */
int loader__new(const struct loader_options *options, struct loader **out, char err[LOADER_ERROR]);
void loader__free(struct loader *l);

/* "device" or "direct", and in a sentence why. */
const char *loader__mode(const struct loader *l, const char **why);
/* Does this kernel attach many probes at a time, and to the process meant only? (6.6 has it, 6.10 has it right.) */
bool loader__kernel_has_multi(void);
/* Are the probes attached many at a time (uprobe_multi)? Else one perf event each. */
bool loader__multi(const struct loader *l);

/* The POOLWATCH_DEF_* of a definition. */
uint32_t loader__def_flags(const struct spec_pool *p);
/* Put definition @p into @slot of the table (0 .. PW_MAX_DEFS - 1). */
int loader__set_def(struct loader *l, uint32_t slot, const struct spec_pool *p);
/* Its probes are gone and stay away: over its budget. */
void loader__end_def(struct loader *l, uint32_t slot);

/*
 * loader__attach - all probes of @plan in process @t: releases, then returns, then acquires. @def_slot[i]: the slot of definition i
 * of the plan's spec. Return: 0, or -errno with *@err, with nothing left attached.
 */
int loader__attach(struct loader *l, const struct target *t, const struct plan *plan, const uint32_t *def_slot, bool from_start,
		   struct loader_target **out, char err[LOADER_ERROR]);
/* The same process again: more probes (a library that was loaded later, or the program that exec put there). */
int loader__attach_more(struct loader *l, struct loader_target *lt, const struct plan *plan, const uint32_t *def_slot,
			char err[LOADER_ERROR]);
/* Functions probed in it. */
size_t loader__functions(const struct loader_target *lt);
/* The probes of the interpreter @py, for the definition in @def_slot, into a process that is attached. 0 or -errno with *@err. */
int loader__attach_python(struct loader *l, struct loader_target *lt, const struct python *py, uint32_t def_slot, uint32_t def_flags,
			  char err[LOADER_ERROR]);
/* The captured stack that a site of Python code is the number of. -ENOENT: there was no room. */
int loader__python_stack(struct loader *l, uint64_t site, struct pw_python_stack *out);
/* The process's interpreter is gone. */
void loader__forget_python(struct loader *l, uint32_t pid);
/*
 * The probes of a Java virtual machine, @begin and @end of parking in the file @fd, for the definition in @def_slot, into a process
 * that is attached. 0 or -errno with *@err.
 */
int loader__attach_jvm(struct loader *l, struct loader_target *lt, int fd, const uint64_t *begin, size_t nbegin, const uint64_t *end,
		       size_t nend, uint32_t def_slot, uint32_t def_flags, char err[LOADER_ERROR]);
/* A thread that parked, and since when (CLOCK_MONOTONIC ns). */
struct loader_parked {
	uint32_t tid;
	uint64_t since;
};
/* The process's threads that are parked now: an array to free, in no order. 0 or -errno. */
int loader__parked(struct loader *l, uint32_t pid, struct loader_parked **out, size_t *n);
/* A thread is parked that was so before the attach. Nothing is changed if it parked since. */
int loader__add_parked(struct loader *l, uint32_t pid, uint32_t tid, uint64_t since);
/* The process's machine is gone. */
void loader__forget_jvm(struct loader *l, uint32_t pid);
/* The record of a pool, mapped: what the programs cannot read of it is written here. NULL: it is gone. */
struct poolwatch_pool *loader__pool(struct loader *l, uint64_t id);

/* The thread with this head.id was seen outside its requests, the last of which is @seq (0: it is inside them after all). */
void loader__set_left(struct loader *l, uint64_t thread, uint64_t seq);

/* What is known of the goroutine with this head.id beside its record. -ENOENT: it is gone. */
int loader__goroutine(const struct loader *l, uint64_t thread, struct pw_goroutine *out);
/*
 * loader__rest_goroutine - give up the record of a goroutine that was seen outside its requests, or dead: they end. It keeps its record if it
 * holds something, or has made another request than @seq. Return: was it given up?
 */
bool loader__rest_goroutine(struct loader *l, uint64_t thread, uint64_t seq);

/* Take the probes of one definition away. */
void loader__detach_def(struct loader *l, struct loader_target *lt, uint32_t def_slot);
/* Take all probes away (they are gone already if the process is). The ledger stays. */
void loader__detach(struct loader *l, struct loader_target *lt);
/* It has become another program: its name, and whose it is. */
void loader__rename(struct loader *l, struct loader_target *lt, const struct target *t);
/* Forget everything the ledger says of a process, and free @lt. */
void loader__forget(struct loader *l, struct loader_target *lt);
/* Free what nobody needs any more: records of destroyed pools. Cheap; now and then. */
void loader__reap(struct loader *l);

/* Hits of one definition's probes so far, in all processes: those on emulated instructions, and single-stepped ones. */
struct loader_hits {
	uint64_t emulated;
	uint64_t stepped;
};
int loader__hits(struct loader *l, uint32_t def_slot, struct loader_hits *out);

/* Show it in the definition's record: @cost ns in all; @share of one CPU lately, and the @budget for that, in 1/1000. */
void loader__set_cost(struct loader *l, uint32_t def_slot, const struct loader_hits *hits, uint64_t cost, uint32_t share, uint32_t budget);

/* The address of a pool that was booked as private. -ENOENT: there is no such pool, or it is shared. */
int loader__private_pool(const struct loader *l, uint64_t pool, uint64_t *addr);
/* How often a cause of loss has counted so far. */
uint64_t loader__lost(const struct loader *l, enum poolwatch_cause cause);
/* The books of the pool with this head.id may be wrong from now on. */
void loader__doubt_pool(struct loader *l, uint64_t pool);

/*
 * What one probe hit costs on this machine, in ns: the trap by which the kernel sees it, on an instruction it emulates and on one
 * it single-steps, and the programs behind it. Measured on two functions of this process, in a few ms.
 */
struct loader_cost {
	unsigned int emulated;
	unsigned int stepped;
};
int loader__measure(struct loader *l, struct loader_cost *out);

/* Records of the ring buffer. */
int loader__event_fd(const struct loader *l);
/* loader__consume - calls @fn for each record that waits, its stack included. Return: how many, or -errno. */
int loader__consume(struct loader *l, void (*fn)(void *ctx, const struct pw_record *r), void *ctx);

/*
 * Whole stacks, of a loader that was asked for them.
 *
 * loader__learn_stack - from now on know the stack @id again: @n (1 .. PW_STACK_FRAMES) return addresses, the first that of the
 * acquire, each @at[i] words from it on the stack. Return: 0, or -errno: it will not be known again (counted); the number may be.
 */
int loader__learn_stack(struct loader *l, uint32_t tgid, uint64_t id, const uint64_t *pc, const uint16_t *at, uint32_t n);
bool loader__whole_stacks(const struct loader *l);
/* The stack of a number. -ENOENT: it was not learned, or the process is gone. */
int loader__stack(struct loader *l, uint64_t id, struct pw_stack *out);
/* Number of the stack that entry @hold of the hold set of the thread in slot @thread was taken with; 0: not known. */
uint64_t loader__taken(struct loader *l, uint32_t thread, unsigned int hold);
/* Stacks and times of a process that is gone, or is another program now. */
void loader__forget_stacks(struct loader *l, uint32_t tgid);

/*
 * The same of a session elsewhere, through the maps of its loader, whatever way the ledger itself is read; so for root only: the
 * device shows no stacks. -EOPNOTSUPP: it keeps none; -EACCES; -ENOENT: its loader is not found.
 */
struct loader_stacks;
int loader_stacks__open(const struct source *source, struct loader_stacks **out);
void loader_stacks__close(struct loader_stacks *s);
int loader_stacks__stack(struct loader_stacks *s, uint64_t id, struct pw_stack *out);
uint64_t loader_stacks__taken(struct loader_stacks *s, uint32_t thread, unsigned int hold);
/* *@out: an array to free. 0 or -ENOMEM. */
int loader_stacks__times(struct loader_stacks *s, struct held_time **out, size_t *n);

/* Registers of a blocked thread, and what it will return to, without stopping it. -EAGAIN: it runs; -ESRCH: no such thread. */
int loader__registers(struct loader *l, uint32_t tid, struct pw_registers *out);

/* The tables, mapped: a source that lives as long as the loader and must not be closed. */
struct source *loader__source(struct loader *l);
/* Sessions of other loaders, read through their maps (needs CAP_SYS_ADMIN to find them). As source__list. */
int loader__other_sessions(struct source ***out, size_t *n);

/* What this kernel and user can do; for doctor. */
struct loader_abilities {
	bool btf;	   /* /sys/kernel/btf/vmlinux */
	bool load;	   /* a program can be loaded */
	bool uprobe_multi; /* kernel 6.6, used from 6.10 on */
	int load_errno;
};
void loader__probe_abilities(struct loader_abilities *a);

#endif
