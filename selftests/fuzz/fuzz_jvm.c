// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes as a thread dump: what is found of it lies within its text, executors have workers, each once, and their frames are
 * there; what is said of one agrees with itself.
 */
#include <string.h>
#include "fuzz.h"
#include "jvm_judge.h"

static void within(const struct jvm_dump *d, size_t size, struct jvm_text t)
{
	if (t.len)
		FUZZ_CHECK(t.s >= d->text && t.s + t.len <= d->text + size);
}

static void check_threads(const struct jvm_dump *d, size_t size)
{
	size_t frames = 0;

	FUZZ_CHECK(d->nthreads <= JVM_DUMP_MAX_THREADS);
	for (size_t i = 0; i < d->nthreads; i++) {
		const struct jvm_thread *t = &d->threads[i];

		within(d, size, t->name);
		within(d, size, t->object_class);
		FUZZ_CHECK(t->first == frames && t->nframes <= JVM_DUMP_MAX_FRAMES && t->nid <= INT32_MAX);
		FUZZ_CHECK(!t->parking || t->state >= JVM_WAITING);
		frames += t->nframes;
	}
	FUZZ_CHECK(frames == d->nframes);
	for (size_t i = 0; i < d->nframes; i++) {
		within(d, size, d->frames[i].method);
		within(d, size, d->frames[i].file);
		FUZZ_CHECK(d->frames[i].method.len && !(d->frames[i].native && d->frames[i].file.len));
	}
}

static void check_executors(const struct jvm_dump *d, const struct jvm_executor *e, size_t n)
{
	size_t workers = 0;

	for (size_t i = 0; i < n; i++) {
		FUZZ_CHECK(e[i].nworkers);
		FUZZ_CHECK((e[i].verdict == JVM_DEADLOCK) == (e[i].reason != JVM_REASON_NONE));
		FUZZ_CHECK(e[i].waits || e[i].verdict == JVM_NOTHING);
		workers += e[i].nworkers;
		for (size_t k = 0; k < e[i].nworkers; k++) {
			const struct jvm_worker *w = &e[i].workers[k];

			FUZZ_CHECK(w->thread < d->nthreads && (!k || e[i].workers[k - 1].thread < w->thread));
			if (e[i].waits)
				FUZZ_CHECK(w->await <= w->task && w->task < d->threads[w->thread].nframes);
		}
	}
	FUZZ_CHECK(workers <= d->nthreads);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jvm_executor *e;
	struct jvm_dump *d;
	size_t n;

	if (jvm_dump__parse((const char *)data, size, &d))
		return 0;
	check_threads(d, size);
	if (!jvm_judge(d, &e, &n)) {
		check_executors(d, e, n);
		jvm_executors__free(e, n);
	}
	jvm_dump__free(d);
	return 0;
}
