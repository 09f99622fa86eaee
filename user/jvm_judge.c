// SPDX-License-Identifier: GPL-2.0
/*
 * Executors in one thread dump, which is one moment: HotSpot writes it with all Java threads stopped.
 *
 * A worker is a thread below an executor's loop. It is idle where that loop waits for work, and then nothing is queued: who
 * submits while a worker is idle wakes it. An executor whose workers all wait for results (of futures, of latches) has nobody
 * left to run what is queued; it is stuck if what they wait for is queued there. A dump does not show queues, so that is
 * concluded from where else it could be:
 *
 * - A FutureTask or ForkJoinTask is done when a worker has run it. It is not running (no thread outside has a task on its
 *   stack), and not queued with another executor (each other one has an idle worker, or is stuck in the same way): so it is
 *   queued here, and will stay there. What cannot be seen: that somebody cancels it, or hands it to a plain thread later.
 * - Anything else (CompletableFuture, Scala's Promise, CountDownLatch) may be completed by any thread. If there is none that can
 *   act (all are idle workers, wait for results or without limit, or are the machine's own), nobody will. A latch that all
 *   workers share may be there to keep the program alive, so this is said of two workers that wait for two things, or more.
 *
 * With neither proof it is a stall, of two or more workers that wait for different things, unless somebody who could give the
 * results is at work.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "jvm_judge.h"

enum doing { DOES_NOT_WORK_HERE, IDLE, WAITS_FOR_TASK, WAITS_FOR_OTHER, BUSY };

/* A thread, classified. */
struct role {
	enum doing doing;
	enum jvm_executor_kind kind;
	struct jvm_text name; /* of its executor */
	struct jvm_worker at;
	size_t executor; /* index, of a worker */
};

struct view {
	const struct jvm_dump *d;
	struct role *roles; /* as threads */
	struct jvm_executor *executors;
	size_t nexecutors;
};

static const char *const libraries[] = {
	"java.", "javax.", "jdk.", "sun.", "scala.", "akka.", "kotlin.", "com.google.common.", "io.netty.",
};

static const struct {
	const char *method;
	bool task; /* the result of a task that was handed to an executor */
} awaits[] = {
	{ "java.util.concurrent.FutureTask.get", true },
	{ "java.util.concurrent.ForkJoinTask.get", true },
	{ "java.util.concurrent.ForkJoinTask.join", true },
	{ "java.util.concurrent.ForkJoinTask.invoke", true },
	{ "java.util.concurrent.ForkJoinTask.invokeAll", true },
	{ "java.util.concurrent.ForkJoinTask.quietlyJoin", true },
	{ "java.util.concurrent.AbstractExecutorService.invokeAll", true },
	{ "java.util.concurrent.ForkJoinPool.invoke", true },
	{ "java.util.concurrent.ForkJoinPool.invokeAll", true },
	{ "java.util.concurrent.CompletableFuture.get", false },
	{ "java.util.concurrent.CompletableFuture.join", false },
	{ "java.util.concurrent.CountDownLatch.await", false },
	{ "java.util.concurrent.ExecutorCompletionService.take", false },
	{ "java.util.concurrent.ExecutorCompletionService.poll", false },
	{ "java.util.concurrent.AbstractExecutorService.invokeAny", false },
	{ "scala.concurrent.Await$.result", false },
	{ "scala.concurrent.Await$.ready", false },
	{ "scala.concurrent.Await.result", false },
	{ "scala.concurrent.Await.ready", false },
	{ "scala.concurrent.forkjoin.ForkJoinTask.join", true },
	{ "com.google.common.util.concurrent.AbstractFuture.get", false },
	{ "com.google.common.util.concurrent.AbstractFuture$TrustedFuture.get", false },
};

/* On the stack of who runs a task. */
static const char *const runs[] = {
	"java.util.concurrent.FutureTask.run",
	"java.util.concurrent.FutureTask.runAndReset",
	"java.util.concurrent.ForkJoinTask.doExec",
	"scala.concurrent.forkjoin.ForkJoinTask.doExec",
};

bool jvm_judge__is_library(struct jvm_text method)
{
	for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries); i++)
		if (jvm_text__begins(method, libraries[i]))
			return true;
	return false;
}

static const struct jvm_frame *frame(const struct jvm_dump *d, const struct jvm_thread *t, size_t i)
{
	return jvm_dump__frame(d, t, i);
}

/* The outermost frame that is @method, or -1. */
static long find_frame(const struct jvm_dump *d, const struct jvm_thread *t, const char *method)
{
	for (size_t i = t->nframes; i-- > 0;)
		if (jvm_text__is(frame(d, t, i)->method, method))
			return (long)i;
	return -1;
}

static bool has_frame_of(const struct jvm_dump *d, const struct jvm_thread *t, const char *prefix)
{
	for (size_t i = 0; i < t->nframes; i++)
		if (jvm_text__begins(frame(d, t, i)->method, prefix))
			return true;
	return false;
}

static bool runs_task(const struct jvm_dump *d, const struct jvm_thread *t)
{
	for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++)
		if (find_frame(d, t, runs[i]) >= 0)
			return true;
	return false;
}

static bool is_parked(const struct jvm_dump *d, const struct jvm_thread *t)
{
	return t->parking && !t->carrier && t->nframes &&
	       (jvm_text__is(frame(d, t, 0)->method, "jdk.internal.misc.Unsafe.park") ||
		jvm_text__is(frame(d, t, 0)->method, "sun.misc.Unsafe.park"));
}

/*
 * The method by which a thread waits for a result: of frames [0, @end), called through nothing but libraries. The outermost, if
 * one calls another. Return: what it waits for, or BUSY: it does something else.
 */
static enum doing find_await(const struct jvm_dump *d, const struct jvm_thread *t, size_t end, size_t *await)
{
	enum doing doing = BUSY;

	if (!is_parked(d, t))
		return BUSY;
	for (size_t i = 1; i < end && jvm_judge__is_library(frame(d, t, i)->method); i++) {
		for (size_t k = 0; k < sizeof(awaits) / sizeof(*awaits); k++) {
			if (!jvm_text__is(frame(d, t, i)->method, awaits[k].method))
				continue;
			*await = i;
			if (doing == BUSY)
				doing = awaits[k].task ? WAITS_FOR_TASK : WAITS_FOR_OTHER;
		}
	}
	/* Kinds of FutureTask that are not run by a free worker alone: scheduled ones have their time, libraries their own ways. */
	if (doing == WAITS_FOR_TASK && find_frame(d, t, "java.util.concurrent.FutureTask.awaitDone") >= 0 &&
	    !jvm_text__is(t->object_class, "java.util.concurrent.FutureTask") &&
	    !jvm_text__is(t->object_class, "java.util.concurrent.ExecutorCompletionService$QueueingFuture"))
		doing = WAITS_FOR_OTHER;
	return doing;
}

/* The outermost frame of the program's own code in (@await, @end): the task. Not the compiler's bridge to the method of that name. */
static size_t find_task(const struct jvm_dump *d, const struct jvm_thread *t, size_t await, size_t end)
{
	for (size_t i = end; i-- > await + 1;)
		if (frame(d, t, i)->file.len && !jvm_judge__is_library(frame(d, t, i)->method)) {
			const struct jvm_text *outer = &frame(d, t, i)->method, *inner = &frame(d, t, i - 1)->method;

			return i - 1 > await && inner->len == outer->len && !memcmp(inner->s, outer->s, outer->len) ? i - 1 : i;
		}
	return await;
}

/* "pool-1-thread-12": all but the number. */
static struct jvm_text group_name(struct jvm_text name)
{
	while (name.len && name.s[name.len - 1] >= '0' && name.s[name.len - 1] <= '9')
		name.len--;
	return name;
}

static void classify(const struct jvm_dump *d, size_t thread, struct role *r)
{
	const struct jvm_thread *t = &d->threads[thread];
	long base = find_frame(d, t, "java.util.concurrent.ThreadPoolExecutor.runWorker");
	bool idle;

	*r = (struct role){ .name = group_name(t->name), .at.thread = thread };
	if (base >= 0) {
		r->kind = JVM_THREAD_POOL;
		idle = base && jvm_text__is(frame(d, t, (size_t)base - 1)->method, "java.util.concurrent.ThreadPoolExecutor.getTask");
	} else {
		base = find_frame(d, t, "java.util.concurrent.ForkJoinWorkerThread.run");
		if (base < 0)
			base = find_frame(d, t, "scala.concurrent.forkjoin.ForkJoinWorkerThread.run");
		if (base < 0)
			return;
		r->kind = JVM_FORK_JOIN;
		idle = !runs_task(d, t);
	}
	if (idle && !t->carrier) {
		r->doing = IDLE;
		return;
	}
	r->doing = find_await(d, t, (size_t)base, &r->at.await);
	if (r->doing == BUSY)
		return;
	r->at.task = find_task(d, t, r->at.await, (size_t)base);
	r->at.timed = t->state == JVM_TIMED_WAITING;
}

static int compare_roles(const struct role *x, const struct role *y)
{
	size_t n = x->name.len < y->name.len ? x->name.len : y->name.len;
	int c = n ? memcmp(x->name.s, y->name.s, n) : 0;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (!c)
		c = (x->name.len > y->name.len) - (x->name.len < y->name.len);
	return c;
}

static int by_executor(const void *a, const void *b, void *roles)
{
	const struct role *x = (struct role *)roles + *(size_t *)a, *y = (struct role *)roles + *(size_t *)b;
	int c = compare_roles(x, y);

	return c ? c : (x->at.thread > y->at.thread) - (x->at.thread < y->at.thread);
}

static int gather(struct view *v)
{
	_cleanup_free_ size_t *order = calloc(v->d->nthreads + 1, sizeof(*order));
	size_t n = 0;

	v->executors = calloc(v->d->nthreads + 1, sizeof(*v->executors));
	if (!order || !v->executors)
		return -ENOMEM;
	for (size_t i = 0; i < v->d->nthreads; i++)
		if (v->roles[i].doing != DOES_NOT_WORK_HERE)
			order[n++] = i;
	qsort_r(order, n, sizeof(*order), by_executor, v->roles);
	for (size_t from = 0, to; from < n; from = to) {
		struct jvm_executor *e = &v->executors[v->nexecutors];
		const struct role *first = &v->roles[order[from]];

		for (to = from + 1; to < n && !compare_roles(first, &v->roles[order[to]]);)
			to++;
		*e = (struct jvm_executor){ .kind = first->kind, .name = first->name };
		e->workers = calloc(to - from, sizeof(*e->workers));
		if (!e->workers)
			return -ENOMEM;
		for (size_t i = from; i < to; i++) {
			v->roles[order[i]].executor = v->nexecutors;
			e->workers[e->nworkers++] = v->roles[order[i]].at;
			e->timed |= v->roles[order[i]].at.timed;
		}
		v->nexecutors++;
	}
	return 0;
}

/* Do all workers of @e wait for results; for tasks, if @tasks? */
static bool all_wait(const struct view *v, const struct jvm_executor *e, bool tasks)
{
	for (size_t i = 0; i < e->nworkers; i++) {
		enum doing doing = v->roles[e->workers[i].thread].doing;

		if (doing != WAITS_FOR_TASK && (tasks || doing != WAITS_FOR_OTHER))
			return false;
	}
	return true;
}

static bool has_idle(const struct view *v, const struct jvm_executor *e)
{
	for (size_t i = 0; i < e->nworkers; i++)
		if (v->roles[e->workers[i].thread].doing == IDLE)
			return true;
	return false;
}

/* Virtual threads are not in the dump unless one runs just now, but what wakes them is, once there was one that slept. */
static bool has_virtual(const struct jvm_dump *d)
{
	for (size_t i = 0; i < d->nthreads; i++)
		if (d->threads[i].carrier || jvm_text__begins(d->threads[i].name, "VirtualThread-unparker"))
			return true;
	return false;
}

/* Could a task that is waited for be with somebody who is not stuck by waiting for tasks? */
static bool tasks_elsewhere(const struct view *v, const bool *stuck)
{
	for (size_t i = 0; i < v->nexecutors; i++)
		if (!stuck[i] && !has_idle(v, &v->executors[i]))
			return true;
	for (size_t i = 0; i < v->d->nthreads; i++) {
		const struct role *r = &v->roles[i];

		if ((r->doing == DOES_NOT_WORK_HERE || !stuck[r->executor]) && runs_task(v->d, &v->d->threads[i]))
			return true;
	}
	return v->d->cut || has_virtual(v->d);
}

/* A thread of the machine's own, which does nothing for the program. */
static bool is_service(const struct jvm_dump *d, const struct jvm_thread *t)
{
	return !t->nframes || has_frame_of(d, t, "java.lang.ref.") || has_frame_of(d, t, "jdk.internal.ref.");
}

/* Can thread @i do nothing unless somebody else does something? */
static bool is_quiet(const struct view *v, size_t i)
{
	const struct jvm_thread *t = &v->d->threads[i];
	size_t await;

	if (is_service(v->d, t))
		return true;
	/* Idle, but for a task whose time will come. */
	if (v->roles[i].doing == IDLE)
		return t->state == JVM_WAITING ||
		       (t->state == JVM_TIMED_WAITING && !has_frame_of(v->d, t, "java.util.concurrent.ScheduledThreadPoolExecutor$"));
	if (t->state == JVM_WAITING && !t->carrier)
		return true;
	return find_await(v->d, t, t->nframes, &await) != BUSY ||
	       (t->state == JVM_TIMED_WAITING && find_frame(v->d, t, "java.util.concurrent.ThreadPoolExecutor.awaitTermination") >= 0);
}

/* Is thread @i at work, or will be without anybody's doing? Where it waits in a system call (for a request), that is not known. */
static bool is_at_work(const struct view *v, size_t i)
{
	const struct jvm_thread *t = &v->d->threads[i];

	if (is_quiet(v, i))
		return false;
	if (v->roles[i].doing == BUSY || runs_task(v->d, t))
		return t->state == JVM_RUNNABLE || t->state == JVM_TIMED_WAITING;
	return t->state == JVM_RUNNABLE && !frame(v->d, t, 0)->native;
}

/* Who is not stuck: is each of them quiet (all_quiet), is one of them at work (some_work)? */
static void look_outside(const struct view *v, const bool *stuck, bool *all_quiet, bool *some_work)
{
	*all_quiet = !v->d->cut && !has_virtual(v->d);
	*some_work = v->d->cut;
	for (size_t i = 0; i < v->d->nthreads; i++) {
		const struct role *r = &v->roles[i];

		if (r->doing != DOES_NOT_WORK_HERE && stuck[r->executor])
			continue;
		*all_quiet &= is_quiet(v, i);
		*some_work |= is_at_work(v, i);
	}
}

/* Two workers that wait for two things. */
static bool wait_apart(const struct view *v, const struct jvm_executor *e)
{
	uint64_t first = v->d->threads[e->workers[0].thread].object;

	for (size_t i = 1; i < e->nworkers; i++)
		if (v->d->threads[e->workers[i].thread].object != first)
			return true;
	return false;
}

static int judge(struct view *v)
{
	_cleanup_free_ bool *tasks = calloc(v->nexecutors + 1, sizeof(*tasks)), *any = calloc(v->nexecutors + 1, sizeof(*any));
	bool elsewhere, all_quiet, some_work;

	if (!tasks || !any)
		return -ENOMEM;
	for (size_t i = 0; i < v->nexecutors; i++) {
		tasks[i] = all_wait(v, &v->executors[i], true);
		any[i] = all_wait(v, &v->executors[i], false);
	}
	elsewhere = tasks_elsewhere(v, tasks);
	look_outside(v, any, &all_quiet, &some_work);
	for (size_t i = 0; i < v->nexecutors; i++) {
		struct jvm_executor *e = &v->executors[i];

		e->waits = any[i];
		if (!any[i])
			continue;
		if (tasks[i] && !elsewhere) {
			e->verdict = JVM_DEADLOCK;
			e->reason = JVM_REASON_TASKS;
		} else if (wait_apart(v, e) && all_quiet) {
			e->verdict = JVM_DEADLOCK;
			e->reason = JVM_REASON_QUIET;
		} else if (wait_apart(v, e) && !some_work) {
			e->verdict = JVM_STALLED;
		}
	}
	return 0;
}

int jvm_judge(const struct jvm_dump *d, struct jvm_executor **out, size_t *n)
{
	_cleanup_free_ struct role *roles = calloc(d->nthreads + 1, sizeof(*roles));
	struct view v = { .d = d, .roles = roles };
	int err = -ENOMEM;

	if (roles) {
		for (size_t i = 0; i < d->nthreads; i++)
			classify(d, i, &roles[i]);
		err = gather(&v) ?: judge(&v);
	}
	if (err) {
		jvm_executors__free(v.executors, v.nexecutors);
		return err;
	}
	*out = v.executors;
	*n = v.nexecutors;
	return 0;
}

void jvm_executors__free(struct jvm_executor *e, size_t n)
{
	for (size_t i = 0; e && i < n; i++)
		free(e[i].workers);
	free(e);
}
