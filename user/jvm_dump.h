/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A thread dump of a Java virtual machine, as text: what HotSpot writes for the attach protocol's "threaddump" (and for
 * jstack), JDK 8 to 25. The text is the target's and may be anything: bounded, never believed beyond its form. Pure.
 */
#ifndef POOLWATCH_JVM_DUMP_H
#define POOLWATCH_JVM_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JVM_DUMP_MAX_BYTES   (32u << 20)
#define JVM_DUMP_MAX_THREADS 16384
#define JVM_DUMP_MAX_FRAMES  1024 /* of one thread, innermost first; the rest is passed over */

/* A piece of the dump's text, raw bytes; not ended by NUL. */
struct jvm_text {
	const char *s;
	uint32_t len;
};

enum jvm_state { JVM_STATE_NONE, JVM_RUNNABLE, JVM_BLOCKED, JVM_WAITING, JVM_TIMED_WAITING };

struct jvm_frame {
	struct jvm_text method; /* "java.util.concurrent.FutureTask.get" */
	struct jvm_text file;	/* "FutureTask.java"; empty: unknown */
	uint32_t line;		/* 0: unknown */
	bool native;
};

struct jvm_thread {
	struct jvm_text name;
	uint32_t nid; /* thread number in the pid namespace of the target; 0: not told */
	enum jvm_state state;
	bool parking;	/* WAITING or TIMED_WAITING in LockSupport.park */
	bool carrier;	/* of a virtual thread, whose frames these are not */
	uint64_t object; /* what it waits for: an address in the Java heap at the time of the dump; 0: not told */
	struct jvm_text object_class;
	size_t first; /* of its frames in jvm_dump.frames, innermost first */
	size_t nframes;
};

struct jvm_dump {
	char *text;
	struct jvm_thread *threads;
	size_t nthreads;
	struct jvm_frame *frames;
	size_t nframes;
	bool cut; /* more threads than JVM_DUMP_MAX_THREADS: the rest is missing */
};

/*
 * jvm_dump__parse - takes a copy of @text
 * Return: 0; -EBADMSG: it is not a thread dump, or does not come to its end; -EFBIG; -ENOMEM.
 */
int jvm_dump__parse(const char *text, size_t len, struct jvm_dump **out);
void jvm_dump__free(struct jvm_dump *d);

static inline const struct jvm_frame *jvm_dump__frame(const struct jvm_dump *d, const struct jvm_thread *t, size_t i)
{
	return &d->frames[t->first + i];
}

/* Is it @s; does it begin with @s? */
bool jvm_text__is(struct jvm_text t, const char *s);
bool jvm_text__begins(struct jvm_text t, const char *s);

#endif
