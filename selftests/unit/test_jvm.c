// SPDX-License-Identifier: GPL-2.0
/* Thread dumps of Java virtual machines, and what is concluded from them. Real dumps are those of the fuzz target's corpus. */
#include <errno.h>
#include <kselftest_harness.h>
#include <stdio.h>
#include "jvm_judge.h"

#define CORPUS "selftests/fuzz/corpus/jvm/"

#define HEAD "2026-01-02 03:04:05\nFull thread dump OpenJDK 64-Bit Server VM (21.0.1+12 mixed mode, sharing):\n\n"
#define TAIL "JNI global refs: 2, weak refs: 0\n\n"

/* Parts of a thread in the formats of JDK 17, and of 21 and later. */
#define T17(name, nid, state) "\"" name "\" #9 prio=5 os_prio=0 cpu=1.0ms tid=0x00007f01 nid=" nid " waiting on condition  [0x00007f02]\n" \
	"   java.lang.Thread.State: " state "\n"
#define T21(name, nid, state) "\"" name "\" #30 [" nid "] prio=5 os_prio=0 cpu=1.0ms elapsed=2.0s tid=0x00007f01 nid=" nid \
	" waiting on condition  [0x00007f02]\n   java.lang.Thread.State: " state "\n"
#define AT(where) "\tat " where "\n"
#define PARK(object, class) AT("jdk.internal.misc.Unsafe.park(java.base@21.0.1/Native Method)") \
	"\t- parking to wait for  <" object "> (a " class ")\n" \
	AT("java.util.concurrent.locks.LockSupport.park(java.base@21.0.1/LockSupport.java:221)")
#define TASK_GET(object) PARK(object, "java.util.concurrent.FutureTask") \
	AT("java.util.concurrent.FutureTask.awaitDone(java.base@21.0.1/FutureTask.java:500)") \
	AT("java.util.concurrent.FutureTask.get(java.base@21.0.1/FutureTask.java:190)")
#define PROMISE_JOIN(object) PARK(object, "java.util.concurrent.CompletableFuture$Signaller") \
	AT("java.util.concurrent.CompletableFuture.join(java.base@21.0.1/CompletableFuture.java:2117)")
#define WORK AT("shop.Order.total(Order.java:12)") AT("java.util.concurrent.FutureTask.run(java.base@21.0.1/FutureTask.java:317)") LOOP
#define LOOP AT("java.util.concurrent.ThreadPoolExecutor.runWorker(java.base@21.0.1/ThreadPoolExecutor.java:1144)") \
	AT("java.util.concurrent.ThreadPoolExecutor$Worker.run(java.base@21.0.1/ThreadPoolExecutor.java:642)") \
	AT("java.lang.Thread.run(java.base@21.0.1/Thread.java:1583)") "\n"
#define IDLE PARK("0x99", "java.util.concurrent.locks.AbstractQueuedSynchronizer$ConditionObject") \
	AT("java.util.concurrent.LinkedBlockingQueue.take(java.base@21.0.1/LinkedBlockingQueue.java:435)") \
	AT("java.util.concurrent.ThreadPoolExecutor.getTask(java.base@21.0.1/ThreadPoolExecutor.java:1070)") LOOP
#define WAITS "WAITING (parking)"
#define TIMED "TIMED_WAITING (parking)"

FIXTURE(jvm)
{
	struct jvm_dump *d;
	struct jvm_executor *e;
	size_t n;
};

FIXTURE_SETUP(jvm)
{
}

FIXTURE_TEARDOWN(jvm)
{
	jvm_executors__free(self->e, self->n);
	jvm_dump__free(self->d);
}

static int judge(FIXTURE_DATA(jvm) *self, const char *text, size_t len)
{
	int err;

	jvm_executors__free(self->e, self->n);
	jvm_dump__free(self->d);
	self->e = NULL;
	self->n = 0;
	self->d = NULL;
	err = jvm_dump__parse(text, len, &self->d);
	return err ? err : jvm_judge(self->d, &self->e, &self->n);
}

static int judge_file(FIXTURE_DATA(jvm) *self, const char *path)
{
	static char text[1 << 16];
	FILE *f = fopen(path, "r");
	size_t len;

	if (!f)
		return -errno;
	len = fread(text, 1, sizeof(text), f);
	fclose(f);
	return judge(self, text, len);
}

static bool is(struct jvm_text t, const char *s)
{
	return jvm_text__is(t, s);
}

TEST_F(jvm, a_dump_of_jdk_17)
{
	const struct jvm_thread *t = NULL;
	const struct jvm_frame *f;

	ASSERT_EQ(0, judge_file(self, CORPUS "17-nest"));
	EXPECT_EQ(22, self->d->nthreads);
	for (size_t i = 0; i < self->d->nthreads; i++)
		if (is(self->d->threads[i].name, "pool-1-thread-2"))
			t = &self->d->threads[i];
	ASSERT_NE(NULL, t);
	EXPECT_NE(0, t->nid);
	EXPECT_EQ(JVM_WAITING, t->state);
	EXPECT_TRUE(t->parking);
	EXPECT_TRUE(is(t->object_class, "java.util.concurrent.FutureTask"));
	EXPECT_NE(0, t->object);
	ASSERT_EQ(11, t->nframes);
	f = jvm_dump__frame(self->d, t, 0);
	EXPECT_TRUE(is(f->method, "jdk.internal.misc.Unsafe.park"));
	EXPECT_TRUE(f->native);
	EXPECT_EQ(0, f->file.len);
	f = jvm_dump__frame(self->d, t, 4);
	EXPECT_TRUE(is(f->method, "JvmArticle$Order.total"));
	EXPECT_TRUE(is(f->file, "JvmArticle.java"));
	EXPECT_EQ(38, f->line);
	f = jvm_dump__frame(self->d, t, 10);
	EXPECT_TRUE(is(f->method, "java.lang.Thread.run"));
	EXPECT_TRUE(is(f->file, "Thread.java"));
}

TEST_F(jvm, numbers_of_threads_in_both_formats)
{
	static const char text[] = HEAD T17("a", "0x1f4a", "RUNNABLE") "\n" T21("b", "8011", "BLOCKED (on object monitor)") "\n"
		"\"c\" os_prio=0 tid=0x7f nid=NA runnable  \n\n" TAIL;

	ASSERT_EQ(0, judge(self, text, sizeof(text) - 1));
	ASSERT_EQ(3, self->d->nthreads);
	EXPECT_EQ(0x1f4a, self->d->threads[0].nid);
	EXPECT_EQ(JVM_RUNNABLE, self->d->threads[0].state);
	EXPECT_EQ(8011, self->d->threads[1].nid);
	EXPECT_EQ(JVM_BLOCKED, self->d->threads[1].state);
	EXPECT_EQ(0, self->d->threads[2].nid);
}

/* Names are the program's: whatever they say, the last quote ends them. */
TEST_F(jvm, names_that_lie)
{
	static const char text[] = HEAD T17("x\" #1 nid=0x1 y", "0x2", WAITS) "\n" T17("", "0x3", WAITS) "\n" TAIL;

	ASSERT_EQ(0, judge(self, text, sizeof(text) - 1));
	ASSERT_EQ(2, self->d->nthreads);
	EXPECT_TRUE(is(self->d->threads[0].name, "x\" #1 nid=0x1 y"));
	EXPECT_EQ(2, self->d->threads[0].nid);
	EXPECT_EQ(0, self->d->threads[1].name.len);
	EXPECT_EQ(3, self->d->threads[1].nid);
}

TEST_F(jvm, what_is_no_dump)
{
	static const char whole[] = HEAD T17("a", "0x1", WAITS) WORK TAIL;
	static const char silly[] = HEAD "\"\n\"a\" nid=0xffffffffffffffffff \n\tat (\n"
		"\tat x(\n\tat x()\n\tat )(\n\t- parking to wait for  <\n\n" TAIL;

	EXPECT_EQ(-EBADMSG, judge(self, "", 0));
	EXPECT_EQ(-EBADMSG, judge(self, "0\n", 2));
	EXPECT_EQ(-EBADMSG, judge(self, "\"a\" nid=0x1\n" TAIL, 12 + strlen(TAIL)));
	/* Cut short: what is missing may be the idle worker. */
	EXPECT_EQ(-EBADMSG, judge(self, whole, sizeof(whole) - 1 - strlen(TAIL)));
	EXPECT_EQ(-EFBIG, judge(self, whole, JVM_DUMP_MAX_BYTES + 1));
	ASSERT_EQ(0, judge(self, silly, sizeof(silly) - 1));
	ASSERT_EQ(1, self->d->nthreads);
	EXPECT_EQ(0, self->d->threads[0].nid);
	EXPECT_EQ(1, self->d->nframes);
}

TEST_F(jvm, many_threads_and_deep_stacks)
{
	const size_t deep = JVM_DUMP_MAX_FRAMES + 10, many = JVM_DUMP_MAX_THREADS + 10;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, HEAD);
	for (size_t i = 0; i < many; i++)
		fprintf(f, T17("t%zu", "0x1", "RUNNABLE"), i);
	fprintf(f, "\n" TAIL);
	fclose(f);
	ASSERT_EQ(0, judge(self, text, len));
	EXPECT_EQ(JVM_DUMP_MAX_THREADS, self->d->nthreads);
	EXPECT_TRUE(self->d->cut);
	free(text);
	f = open_memstream(&text, &len);
	fprintf(f, HEAD T17("t", "0x1", "RUNNABLE"));
	for (size_t i = 0; i < deep; i++)
		fprintf(f, AT("a.B.c%zu(B.java:1)"), i);
	fprintf(f, "\n" TAIL);
	fclose(f);
	ASSERT_EQ(0, judge(self, text, len));
	EXPECT_EQ(JVM_DUMP_MAX_FRAMES, self->d->nframes);
	EXPECT_TRUE(is(self->d->frames[0].method, "a.B.c0"));
	free(text);
}

/* --- real programs, selftests/presets/JvmArticle.java */

TEST_F(jvm, real_ones)
{
	static const struct {
		const char *dump;
		enum jvm_executor_kind kind;
		const char *name;
		bool waits;
		enum jvm_verdict verdict;
		enum jvm_reason reason;
		const char *awaits;
	} want[] = {
		{ "17-nest", JVM_THREAD_POOL, "pool-1-thread-", true, JVM_DEADLOCK, JVM_REASON_TASKS, "java.util.concurrent.FutureTask.get" },
		{ "25-nest", JVM_THREAD_POOL, "pool-1-thread-", true, JVM_DEADLOCK, JVM_REASON_TASKS, "java.util.concurrent.FutureTask.get" },
		{ "17-forkjoin", JVM_FORK_JOIN, "ForkJoinPool-1-worker-", true, JVM_DEADLOCK, JVM_REASON_TASKS, "java.util.concurrent.FutureTask.get" },
		{ "25-forkjoin", JVM_FORK_JOIN, "ForkJoinPool-1-worker-", true, JVM_DEADLOCK, JVM_REASON_TASKS, "java.util.concurrent.FutureTask.get" },
		{ "17-scala", JVM_THREAD_POOL, "pool-1-thread-", true, JVM_DEADLOCK, JVM_REASON_QUIET, "scala.concurrent.Await.result" },
		/* The main thread reads its input: what comes may be the answer. */
		{ "17-completable", JVM_THREAD_POOL, "pool-1-thread-", true, JVM_STALLED, 0, "java.util.concurrent.CompletableFuture.join" },
		{ "17-latch", JVM_FORK_JOIN, "ForkJoinPool-1-worker-", true, JVM_STALLED, 0, "java.util.concurrent.CountDownLatch.await" },
		/* All wait at one latch; for an executor that is at work. */
		{ "17-keepalive", JVM_THREAD_POOL, "pool-1-thread-", true, JVM_NOTHING, 0, "java.util.concurrent.CountDownLatch.await" },
		{ "17-busy", JVM_THREAD_POOL, "pool-1-thread-", true, JVM_NOTHING, 0, "java.util.concurrent.FutureTask.get" },
		{ "17-idle", JVM_THREAD_POOL, "pool-1-thread-", false, JVM_NOTHING, 0, NULL },
		{ "25-idle", JVM_THREAD_POOL, "pool-1-thread-", false, JVM_NOTHING, 0, NULL },
		{ "17-locked", JVM_THREAD_POOL, "pool-1-thread-", false, JVM_NOTHING, 0, NULL },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		const struct jvm_executor *e;
		char path[96];

		snprintf(path, sizeof(path), CORPUS "%s", want[i].dump);
		ASSERT_EQ(0, judge_file(self, path)) TH_LOG("%s", path);
		ASSERT_EQ(!strcmp(want[i].dump, "17-busy") ? 2 : 1, self->n) TH_LOG("%s", path);
		e = &self->e[0];
		EXPECT_EQ(want[i].kind, e->kind) TH_LOG("%s", path);
		EXPECT_TRUE(is(e->name, want[i].name)) TH_LOG("%s", path);
		EXPECT_EQ(4, e->nworkers) TH_LOG("%s", path);
		EXPECT_EQ(want[i].waits, e->waits) TH_LOG("%s", path);
		EXPECT_EQ(want[i].verdict, e->verdict) TH_LOG("%s", path);
		EXPECT_EQ(want[i].reason, e->reason) TH_LOG("%s", path);
		EXPECT_FALSE(e->timed) TH_LOG("%s", path);
		for (size_t k = 0; want[i].awaits && k < e->nworkers; k++) {
			const struct jvm_thread *t = &self->d->threads[e->workers[k].thread];

			EXPECT_TRUE(is(jvm_dump__frame(self->d, t, e->workers[k].await)->method, want[i].awaits)) TH_LOG("%s", path);
		}
	}
}

/* --- what each conclusion depends on, one thing changed at a time */

#define JUDGE(text) judge(self, HEAD text TAIL, sizeof(HEAD text TAIL) - 1)
#define VERDICT(want_verdict, want_reason, text) do {                          \
	ASSERT_EQ(0, JUDGE(text));                                              \
	ASSERT_GE(self->n, 1);                                                  \
	EXPECT_EQ(want_verdict, self->e[0].verdict);                            \
	EXPECT_EQ(want_reason, self->e[0].reason);                              \
} while (0)
#define STUCK1 T21("p-1", "11", WAITS) TASK_GET("0x10") WORK
#define STUCK2 T21("p-2", "12", WAITS) TASK_GET("0x20") WORK

TEST_F(jvm, tasks_of_its_own)
{
	VERDICT(JVM_DEADLOCK, JVM_REASON_TASKS, STUCK1 STUCK2);
	EXPECT_EQ(2, self->e[0].nworkers);
	/* One worker is enough. */
	VERDICT(JVM_DEADLOCK, JVM_REASON_TASKS, STUCK1);
	/* The task, and where it waits. */
	EXPECT_TRUE(is(jvm_dump__frame(self->d, &self->d->threads[0], self->e[0].workers[0].task)->method, "shop.Order.total"));
	EXPECT_TRUE(is(jvm_dump__frame(self->d, &self->d->threads[0], self->e[0].workers[0].await)->method,
		       "java.util.concurrent.FutureTask.get"));
	/* The same where the compiler put a bridge before it. */
	VERDICT(JVM_DEADLOCK, JVM_REASON_TASKS, T21("p-1", "11", WAITS) TASK_GET("0x10") AT("shop.Order.call(Order.java:12)")
		AT("shop.Order.call(Order.java:3)") AT("shop.Order$$Lambda/0x01.call(Unknown Source)")
		AT("java.util.concurrent.FutureTask.run(java.base@21.0.1/FutureTask.java:317)") LOOP);
	EXPECT_EQ(12, jvm_dump__frame(self->d, &self->d->threads[0], self->e[0].workers[0].task)->line);
	/* Only its time can end it. */
	VERDICT(JVM_DEADLOCK, JVM_REASON_TASKS, T21("p-1", "11", TIMED) TASK_GET("0x10") WORK STUCK2);
	EXPECT_TRUE(self->e[0].timed);
}

TEST_F(jvm, a_worker_that_is_not_stuck)
{
	VERDICT(JVM_NOTHING, 0, STUCK1 T21("p-2", "12", WAITS) IDLE);
	VERDICT(JVM_NOTHING, 0, STUCK1 T21("p-2", "12", "RUNNABLE") WORK);
	VERDICT(JVM_NOTHING, 0, STUCK1 T21("p-2", "12", "TIMED_WAITING (sleeping)")
		AT("java.lang.Thread.sleep0(java.base@21/Native Method)") WORK);
	/* Parked by its own code, which calls a library that awaits further out. */
	VERDICT(JVM_NOTHING, 0, STUCK1 T21("p-2", "12", WAITS) PARK("0x30", "shop.Lock") AT("shop.Lock.lock(Lock.java:3)")
		AT("java.util.concurrent.FutureTask.get(java.base@21/FutureTask.java:190)") WORK);
	/* A frame of that name, but it runs. */
	VERDICT(JVM_NOTHING, 0, STUCK1 T21("p-2", "12", "RUNNABLE") TASK_GET("0x20") WORK);
}

TEST_F(jvm, tasks_that_may_be_elsewhere)
{
	/* Another executor that is busy may have them queued; it is at work. */
	VERDICT(JVM_NOTHING, 0, STUCK1 STUCK2 T21("q-1", "21", "RUNNABLE") WORK);
	/* It is blocked itself: it may go on. */
	VERDICT(JVM_STALLED, 0, STUCK1 STUCK2 T21("q-1", "21", "BLOCKED (on object monitor)") AT("shop.Lock.lock(Lock.java:3)") WORK);
	/* It waits itself, and nobody else does anything. */
	VERDICT(JVM_DEADLOCK, JVM_REASON_QUIET, STUCK1 STUCK2 T21("q-1", "21", WAITS) PARK("0x30", "shop.Lock")
		AT("shop.Lock.lock(Lock.java:3)") WORK);
	/* One worker alone that waits for another executor is every day's. */
	VERDICT(JVM_NOTHING, 0, STUCK1 T21("q-1", "21", "BLOCKED (on object monitor)") AT("shop.Lock.lock(Lock.java:3)") WORK);
	/* One of it is idle: nothing is queued there. */
	VERDICT(JVM_DEADLOCK, JVM_REASON_TASKS, STUCK1 STUCK2 T21("q-1", "21", WAITS) IDLE);
	/* It is stuck in the same way. */
	VERDICT(JVM_DEADLOCK, JVM_REASON_TASKS, STUCK1 T21("q-1", "21", WAITS) TASK_GET("0x30") WORK);
	ASSERT_EQ(2, self->n);
	EXPECT_EQ(JVM_DEADLOCK, self->e[1].verdict);
	/* A plain thread runs a task. */
	VERDICT(JVM_NOTHING, 0, STUCK1 T21("plain", "31", "RUNNABLE") AT("shop.Order.total(Order.java:12)")
		AT("java.util.concurrent.FutureTask.run(java.base@21/FutureTask.java:317)") AT("java.lang.Thread.run(java.base@21/Thread.java:1)") "\n");
	/* Scheduled ones have their own time. */
	VERDICT(JVM_NOTHING, 0, T21("p-1", "11", WAITS) PARK("0x10", "java.util.concurrent.ScheduledThreadPoolExecutor$ScheduledFutureTask")
		AT("java.util.concurrent.FutureTask.awaitDone(java.base@21/FutureTask.java:500)")
		AT("java.util.concurrent.FutureTask.get(java.base@21/FutureTask.java:190)") WORK);
	/* Virtual threads are not in the dump. */
	VERDICT(JVM_STALLED, 0, T21("P-1", "11", WAITS) TASK_GET("0x10") WORK T21("P-2", "12", WAITS) TASK_GET("0x20") WORK
		T21("VirtualThread-unparker", "41", WAITS) IDLE);
}

#define WAITER1 T21("p-1", "11", WAITS) PROMISE_JOIN("0x10") WORK
#define WAITER2 T21("p-2", "12", WAITS) PROMISE_JOIN("0x20") WORK
#define MAIN_READS T21("main", "1", "RUNNABLE") \
	AT("java.io.FileInputStream.readBytes(java.base@21/Native Method)") AT("shop.Main.main(Main.java:3)") "\n"
#define MAIN_WAITS T21("main", "1", WAITS) PARK("0x40", "shop.Lock") AT("shop.Main.main(Main.java:3)") "\n"

TEST_F(jvm, promises)
{
	/* Nobody is left to keep them. */
	VERDICT(JVM_DEADLOCK, JVM_REASON_QUIET, WAITER1 WAITER2 MAIN_WAITS);
	VERDICT(JVM_DEADLOCK, JVM_REASON_QUIET, WAITER1 WAITER2 MAIN_WAITS T21("q-1", "21", WAITS) IDLE);
	VERDICT(JVM_STALLED, 0, WAITER1 WAITER2 MAIN_READS);
	/* Another executor is at work; a plain thread is. */
	VERDICT(JVM_NOTHING, 0, WAITER1 WAITER2 MAIN_WAITS T21("q-1", "21", "RUNNABLE") WORK);
	VERDICT(JVM_NOTHING, 0, WAITER1 WAITER2 T21("main", "1", "RUNNABLE") AT("shop.Main.main(Main.java:3)") "\n");
	/* A timer. */
	VERDICT(JVM_STALLED, 0, WAITER1 WAITER2 MAIN_WAITS T21("s-1", "21", TIMED) PARK("0x50", "shop.C")
		AT("java.util.concurrent.ScheduledThreadPoolExecutor$DelayedWorkQueue.take(java.base@21/ScheduledThreadPoolExecutor.java:1)")
		AT("java.util.concurrent.ThreadPoolExecutor.getTask(java.base@21/ThreadPoolExecutor.java:1070)") LOOP);
	/* One worker, or all of them at one thing: it may be there to keep the program alive. */
	VERDICT(JVM_NOTHING, 0, WAITER1 MAIN_WAITS);
	VERDICT(JVM_NOTHING, 0, WAITER1 T21("p-2", "12", WAITS) PROMISE_JOIN("0x10") WORK MAIN_WAITS);
}

TEST_F(jvm, executors_by_name)
{
	ASSERT_EQ(0, JUDGE(T21("b-10", "11", WAITS) IDLE T21("a-2", "12", WAITS) IDLE T21("b-9", "13", WAITS) IDLE T21("7", "14", WAITS) IDLE));
	ASSERT_EQ(3, self->n);
	EXPECT_EQ(0, self->e[0].name.len);
	EXPECT_TRUE(is(self->e[1].name, "a-"));
	EXPECT_TRUE(is(self->e[2].name, "b-"));
	ASSERT_EQ(2, self->e[2].nworkers);
	EXPECT_EQ(0, self->e[2].workers[0].thread);
	EXPECT_EQ(2, self->e[2].workers[1].thread);
}

TEST_HARNESS_MAIN
