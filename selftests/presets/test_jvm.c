// SPDX-License-Identifier: GPL-2.0
/* The article's second program, on Debian's Java and Scala's own library, unmodified: attached to while it runs. */
#include <kselftest_harness.h>
#include <sys/stat.h>
#include "follow.h"

#define CLASSES ".output/selftests/presets/java"
#define SCALA	"/usr/share/java/scala-library.jar"
#define NOBODY	"65534"
/* A small machine, which starts fast. */
#define JAVA "java", "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"
#define WAITS_AT "JvmArticle$Order.total JvmArticle.java:38"
#define TASK_AT	 "JvmArticle$Order.call JvmArticle.java:43"
#define BRIDGE_AT "JvmArticle$Order.call JvmArticle.java:24" /* the compiler's: call() for any type */

FIXTURE(jvm)
{
	struct follow f;
	char classes[32]; /* where another user can read them */
};

FIXTURE_SETUP(jvm)
{
	self->f.pid = -1;
}

FIXTURE_TEARDOWN(jvm)
{
	char socket[64], command[80];

	follow__end(&self->f);
	/* A machine that was killed leaves it behind. */
	snprintf(socket, sizeof(socket), "/tmp/.java_pid%d", self->f.pid);
	unlink(socket);
	if (self->classes[0]) {
		snprintf(command, sizeof(command), "rm -r %s", self->classes);
		EXPECT_EQ(0, system(command));
	}
}

static int start(struct follow *f, const char *option, const char *program)
{
	char *argv[] = { JAVA, (char *)(option ?: "-Xshare:auto"), "-cp", CLASSES ":" SCALA, (char *)program, NULL };

	return follow__start(f, argv);
}

static int watch(struct follow *f, const char *pools)
{
	f->jvm_dump = true;
	return follow__watch(f, pools, false);
}

/* Step the watch until @n thread dumps were taken and judged. */
static bool until_dumped(struct follow *f, uint64_t n)
{
	uint64_t end = follow__clock() + FOLLOW_GIVE_UP_S * 1000000000ull;
	struct pollfd fd = { .fd = watch__fd(f->watch), .events = POLLIN };

	while (watch__jvm_dumps(f->watch) < n && follow__clock() < end)
		if (poll(&fd, 1, watch__timeout_ms(f->watch)) < 0 || watch__step(f->watch))
			return false;
	return watch__jvm_dumps(f->watch) >= n && !watch__drain(f->watch);
}

static bool until(struct follow *f, enum finding_kind kind, enum finding_event event)
{
	uint64_t end = follow__clock() + FOLLOW_GIVE_UP_S * 1000000000ull;
	struct pollfd fd = { .fd = watch__fd(f->watch), .events = POLLIN };

	while (!follow__find(f, kind, event) && follow__clock() < end)
		if (poll(&fd, 1, watch__timeout_ms(f->watch)) < 0 || watch__step(f->watch))
			return false;
	return follow__find(f, kind, event);
}

static void expect_stuck(struct __test_metadata *_metadata, const struct followed *d, int n)
{
	ASSERT_NE(NULL, d);
	EXPECT_STREQ("jvm-executor", d->pool);
	EXPECT_EQ(n, d->capacity);
	EXPECT_EQ(n, d->in_use);
	EXPECT_EQ(n, d->waiters);
	EXPECT_EQ(n, (int)d->nthreads);
	EXPECT_EQ(0, d->unknown);
	EXPECT_FALSE(d->uncertain);
}

TEST_F(jvm, tasks_that_wait_for_tasks_of_their_own_pool)
{
	struct follow *f = &self->f;
	const struct followed *d;

	ASSERT_EQ(0, start(f, NULL, "JvmArticle"));
	ASSERT_EQ(0, watch(f, NULL)) TH_LOG("%s", f->error.message);
	d = follow__stuck(f, "nest");
	expect_stuck(_metadata, d, 4);
	EXPECT_STREQ("thread-dump", d->proof);
	EXPECT_EQ(2, d->depth);
	EXPECT_EQ(5, d->needed);
	EXPECT_STREQ(TASK_AT, d->held);
	EXPECT_STREQ(WAITS_AT, d->asked);
	EXPECT_STREQ(BRIDGE_AT, d->outer);
	EXPECT_EQ(1, f->nfound);
}

/* Its threads were parked before there was a probe. One dump, and no more while they sleep. */
TEST_F(jvm, attached_to_when_it_is_too_late)
{
	struct follow *f = &self->f;

	ASSERT_EQ(0, start(f, NULL, "JvmArticle"));
	ASSERT_TRUE(follow__before(f, "nest"));
	ASSERT_EQ(0, watch(f, "jvm-executor")) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(until(f, FINDING_DEADLOCK, FINDING_NEW));
	ASSERT_EQ(0, watch__drain(f->watch));
	expect_stuck(_metadata, &f->found[0], 4);
	EXPECT_STREQ(WAITS_AT, f->found[0].asked);
	EXPECT_EQ(1, f->nfound);
	EXPECT_EQ(1, watch__jvm_dumps(f->watch));
}

TEST_F(jvm, one_worker_is_enough)
{
	struct follow *f = &self->f;

	ASSERT_EQ(0, start(f, NULL, "JvmArticle"));
	ASSERT_EQ(0, watch(f, "jvm-executor")) TH_LOG("%s", f->error.message);
	expect_stuck(_metadata, follow__stuck(f, "single"), 1);
	EXPECT_EQ(2, f->found[0].needed);
}

TEST_F(jvm, a_fork_join_pool)
{
	struct follow *f = &self->f;
	const struct followed *d;

	ASSERT_EQ(0, start(f, NULL, "JvmArticle"));
	ASSERT_EQ(0, watch(f, "jvm-executor")) TH_LOG("%s", f->error.message);
	d = follow__stuck(f, "forkjoin");
	expect_stuck(_metadata, d, 4);
	EXPECT_STREQ("thread-dump", d->proof);
}

/* What a latch waits for is proven only where no other thread could bring it. */
TEST_F(jvm, latches_when_nobody_else_acts)
{
	struct follow *f = &self->f;
	const struct followed *d;

	ASSERT_EQ(0, start(f, NULL, "JvmArticle"));
	ASSERT_EQ(0, watch(f, "jvm-executor")) TH_LOG("%s", f->error.message);
	d = follow__stuck(f, "latch quiet");
	expect_stuck(_metadata, d, 4);
	EXPECT_STREQ("thread-dump", d->proof);
}

/* The main thread reads its input: the answer may come from there. */
TEST_F(jvm, futures_that_somebody_may_complete)
{
	struct follow *f = &self->f;
	const struct followed *d;

	ASSERT_EQ(0, start(f, NULL, "JvmArticle"));
	f->stall_ns = 2000000000;
	ASSERT_EQ(0, watch(f, "jvm-executor")) TH_LOG("%s", f->error.message);
	follow__tell(f, "completable");
	ASSERT_TRUE(until(f, FINDING_STALL, FINDING_NEW));
	d = follow__find(f, FINDING_STALL, FINDING_NEW);
	expect_stuck(_metadata, d, 4);
	EXPECT_EQ(NULL, d->proof);
	EXPECT_EQ(NULL, follow__find(f, FINDING_DEADLOCK, FINDING_NEW));
}

TEST_F(jvm, scala_futures_on_one_execution_context)
{
	struct follow *f = &self->f;
	const struct followed *d;

	ASSERT_EQ(0, start(f, NULL, "ScalaArticle"));
	ASSERT_EQ(0, watch(f, NULL)) TH_LOG("%s", f->error.message);
	d = follow__stuck(f, "nest");
	expect_stuck(_metadata, d, 4);
	EXPECT_STREQ("ScalaArticle$Order.apply ScalaArticle.java:31", d->asked);
	EXPECT_EQ(1, f->nfound);
}

/* Only the time limit of its waits ends it: then it is told that it ended. */
TEST_F(jvm, waits_with_a_limit)
{
	struct follow *f = &self->f;

	ASSERT_EQ(0, start(f, NULL, "JvmArticle"));
	ASSERT_EQ(0, watch(f, "jvm-executor")) TH_LOG("%s", f->error.message);
	expect_stuck(_metadata, follow__stuck(f, "timed"), 4);
	EXPECT_TRUE(until(f, FINDING_DEADLOCK, FINDING_RECOVERED));
	EXPECT_EQ(2, f->nfound);
}

TEST_F(jvm, of_another_user)
{
	struct follow *f = &self->f;
	char classpath[96], command[160];
	char *argv[] = { "setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", JAVA, "-cp", classpath, "JvmArticle", NULL };
	const struct followed *d;

	strcpy(self->classes, "/tmp/poolwatch-jvm-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->classes));
	snprintf(command, sizeof(command), "cp %s/*.class %s && chmod -R a+rX %s", CLASSES, self->classes, self->classes);
	ASSERT_EQ(0, system(command));
	snprintf(classpath, sizeof(classpath), "%s", self->classes);
	ASSERT_EQ(0, follow__start(f, argv));
	ASSERT_EQ(0, watch(f, "jvm-executor")) TH_LOG("%s", f->error.message);
	d = follow__stuck(f, "nest");
	expect_stuck(_metadata, d, 4);
	EXPECT_STREQ(WAITS_AT, d->asked);
}

/* --- what is no finding */

TEST_F(jvm, idle_workers)
{
	struct follow *f = &self->f;

	ASSERT_EQ(0, start(f, NULL, "JvmArticle"));
	ASSERT_TRUE(follow__before(f, "idle"));
	ASSERT_EQ(0, watch(f, NULL)) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(until_dumped(f, 1));
	/* They have moved: that is worth another dump. */
	ASSERT_TRUE(follow__do(f, "idle"));
	ASSERT_TRUE(until_dumped(f, 2));
	EXPECT_EQ(0, f->nfound);
}

/* All workers wait for another executor, which is at work: looked at more than once, for it may stop. */
TEST_F(jvm, workers_that_wait_for_others_at_work)
{
	struct follow *f = &self->f;

	f->stall_ns = 1000000000;
	ASSERT_EQ(0, start(f, NULL, "JvmArticle"));
	f->stall_ns = 1000000000;
	ASSERT_TRUE(follow__before(f, "busy"));
	ASSERT_EQ(0, watch(f, "jvm-executor")) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(until_dumped(f, 2));
	EXPECT_EQ(0, f->nfound);
}

TEST_F(jvm, workers_that_keep_the_program_alive)
{
	struct follow *f = &self->f;

	ASSERT_EQ(0, start(f, NULL, "JvmArticle"));
	f->stall_ns = 1000000000;
	ASSERT_TRUE(follow__before(f, "keepalive"));
	ASSERT_EQ(0, watch(f, "jvm-executor")) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(until_dumped(f, 2));
	EXPECT_EQ(0, f->nfound);
}

TEST_F(jvm, workers_that_wait_for_something_else)
{
	struct follow *f = &self->f;

	ASSERT_EQ(0, start(f, NULL, "JvmArticle"));
	f->stall_ns = 1000000000;
	ASSERT_TRUE(follow__before(f, "locked"));
	ASSERT_EQ(0, watch(f, "jvm-executor")) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(until_dumped(f, 1));
	EXPECT_EQ(0, f->nfound);
}

/* --- what is not done to it */

TEST_F(jvm, no_dump_unless_allowed)
{
	struct follow *f = &self->f;

	ASSERT_EQ(0, start(f, NULL, "JvmArticle"));
	ASSERT_TRUE(follow__before(f, "nest"));
	ASSERT_EQ(-ENOENT, follow__watch(f, "jvm-executor", false));
	EXPECT_NE(NULL, strstr(f->error.message, "needs is a thread dump: allow it with --jvm-dump")) TH_LOG("%s", f->error.message);
	watch__free(f->watch);
	f->watch = NULL;
	spec__clear(&f->spec);
	ASSERT_EQ(0, follow__watch(f, NULL, false)) TH_LOG("%s", f->error.message);
	EXPECT_EQ(0, watch__jvm_dumps(f->watch));
	EXPECT_EQ(0, watch__drain(f->watch));
	EXPECT_EQ(0, f->nfound);
}

static bool until_refused(struct follow *f, const char *why)
{
	uint64_t end = follow__clock() + FOLLOW_GIVE_UP_S * 1000000000ull;
	struct pollfd fd = { .fd = watch__fd(f->watch), .events = POLLIN };

	while (!strstr(f->notices, why) && follow__clock() < end)
		if (poll(&fd, 1, watch__timeout_ms(f->watch)) < 0 || watch__step(f->watch))
			return false;
	return strstr(f->notices, why);
}

/* A SIGQUIT would end it: it is not sent one, and goes on. */
TEST_F(jvm, one_that_does_not_catch_the_signal)
{
	struct follow *f = &self->f;
	char socket[64];

	ASSERT_EQ(0, start(f, "-Xrs", "JvmArticle"));
	ASSERT_TRUE(follow__before(f, "nest"));
	/* It listens from its start, so that no signal would be needed. */
	snprintf(socket, sizeof(socket), "/tmp/.java_pid%d", f->pid);
	ASSERT_EQ(0, unlink(socket));
	ASSERT_EQ(0, watch(f, "jvm-executor")) TH_LOG("%s", f->error.message);
	EXPECT_TRUE(until_refused(f, "it does not catch SIGQUIT, which would end it"));
	EXPECT_EQ(0, waitpid(f->pid, NULL, WNOHANG));
	EXPECT_TRUE(follow__before(f, "nothing"));
	EXPECT_EQ(0, watch__jvm_dumps(f->watch));
}

TEST_F(jvm, one_that_listens_without_a_signal)
{
	struct follow *f = &self->f;

	ASSERT_EQ(0, start(f, "-Xrs", "JvmArticle"));
	ASSERT_TRUE(follow__before(f, "nest"));
	ASSERT_EQ(0, watch(f, "jvm-executor")) TH_LOG("%s", f->error.message);
	ASSERT_TRUE(until(f, FINDING_DEADLOCK, FINDING_NEW));
}

TEST_F(jvm, one_that_wants_no_attachment)
{
	struct follow *f = &self->f;

	ASSERT_EQ(0, start(f, "-XX:+DisableAttachMechanism", "JvmArticle"));
	ASSERT_TRUE(follow__before(f, "nest"));
	ASSERT_EQ(0, watch(f, "jvm-executor")) TH_LOG("%s", f->error.message);
	EXPECT_TRUE(until_refused(f, "it runs with -XX:+DisableAttachMechanism"));
	EXPECT_TRUE(follow__before(f, "nothing"));
}

TEST_HARNESS_MAIN
