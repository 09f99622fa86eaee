// SPDX-License-Identifier: GPL-2.0
/*
 * The article's first program, unmodified, on Debian's Python and SQLAlchemy: attached to while it runs. To try it on another
 * interpreter: POOLWATCH_TEST_PYTHON=/path/to/python3 PYTHONPATH=/where/sqlalchemy/is.
 */
#include <kselftest_harness.h>
#include <sys/stat.h>
#include "follow.h"

#define PROGRAM "selftests/presets/sqlalchemy_article.py"
#define DEBIAN13 ".output/selftests/presets/debian13" /* see debian13 in this folder; the program is at its root */

FIXTURE(sqlalchemy)
{
	struct follow f;
	char database[96];
};

/* Whose Python and SQLAlchemy, and how many of the four connections are opened beyond the pool's size. */
FIXTURE_VARIANT(sqlalchemy)
{
	const char *root; /* NULL: this machine's */
	char *overflow;
};

FIXTURE_VARIANT_ADD(sqlalchemy, here)
{
	NULL, "0",
};

FIXTURE_VARIANT_ADD(sqlalchemy, here_beyond)
{
	NULL, "2",
};

FIXTURE_VARIANT_ADD(sqlalchemy, debian13)
{
	DEBIAN13, "0",
};

FIXTURE_VARIANT_ADD(sqlalchemy, debian13_beyond)
{
	DEBIAN13, "2",
};

/* On the database at @url, attached to while it runs. Return: 0, or an error in f->error. */
static int start(struct follow *f, const char *root, char *url, char *overflow)
{
	char *python = getenv("POOLWATCH_TEST_PYTHON"), *inside = strdupa(root ?: "");
	char *own[] = { python ?: "/usr/bin/python3", PROGRAM, url, overflow, NULL };
	char *other[] = { "chroot", inside, "/usr/bin/python3", strrchr(PROGRAM, '/'), url, overflow, NULL };
	int r = follow__start(f, root ? other : own);

	return r ? r : follow__watch(f, NULL, false);
}

FIXTURE_SETUP(sqlalchemy)
{
	char file[64], url[96];

	snprintf(file, sizeof(file), "/tmp/poolwatch-test-%d.db", getpid());
	snprintf(self->database, sizeof(self->database), "%s%s", variant->root ?: "", file);
	snprintf(url, sizeof(url), "sqlite:///%s", file);
	ASSERT_EQ(0, start(&self->f, variant->root, url, variant->overflow)) TH_LOG("%s", self->f.error.message);
}

FIXTURE_TEARDOWN(sqlalchemy)
{
	follow__end(&self->f);
	unlink(self->database);
}

/* As many threads as connections, each of which holds one: proven, with nothing left over from before. */
static const struct followed *expect_deadlock(struct __test_metadata *_metadata, struct follow *f)
{
	const struct followed *d = follow__stuck(f, "nest");

	EXPECT_NE(NULL, d);
	if (!d)
		return NULL;
	EXPECT_EQ(4, d->capacity);
	EXPECT_EQ(4, d->in_use);
	EXPECT_EQ(4, d->nthreads);
	EXPECT_EQ(0, d->unknown);
	EXPECT_FALSE(d->uncertain);
	return d;
}

TEST_F(sqlalchemy, one_thread_suffices_for_the_nested_session)
{
	struct follow *f = &self->f;

	ASSERT_TRUE(follow__do(f, "alone"));
	ASSERT_EQ(1, f->nfound);
	EXPECT_EQ(FINDING_NESTED, f->found[0].kind);
	EXPECT_STREQ("sqlalchemy", f->found[0].pool);
	EXPECT_EQ(4, f->found[0].capacity);
	EXPECT_EQ(2, f->found[0].depth);
	/* Both sites: function, file and line of the program's own code. */
	EXPECT_STREQ("handle_request sqlalchemy_article.py:45", f->found[0].held);
	EXPECT_STREQ("write_audit_log sqlalchemy_article.py:38", f->found[0].asked);
	EXPECT_STREQ("handle_request sqlalchemy_article.py:48", f->found[0].outer);
}

TEST_F(sqlalchemy, four_threads_deadlock_long_before_the_timeout)
{
	const struct followed *d = expect_deadlock(_metadata, &self->f);

	ASSERT_NE(NULL, d);
	EXPECT_STREQ("sqlalchemy", d->pool);
	EXPECT_STREQ("handle_request sqlalchemy_article.py:45", d->held);
	EXPECT_STREQ("write_audit_log sqlalchemy_article.py:38", d->asked);
	EXPECT_STREQ("handle_request sqlalchemy_article.py:48", d->outer);
}

TEST_F(sqlalchemy, a_connection_that_another_thread_was_quicker_to_open)
{
	struct follow *f = &self->f;

	ASSERT_TRUE(follow__do(f, "race"));
	EXPECT_EQ(1, f->nfound); /* its main thread holds three */
	expect_deadlock(_metadata, f);
}

/* What was counted for it is given back by the same thread: it holds nothing afterwards. */
TEST_F(sqlalchemy, a_connection_that_could_not_be_opened)
{
	struct follow *f = &self->f;

	ASSERT_TRUE(follow__do(f, "fail"));
	EXPECT_EQ(0, f->nfound);
	expect_deadlock(_metadata, f);
}

/* Those beyond the pool's size are closed when they are given back, and opened again. */
TEST_F(sqlalchemy, a_deadlock_after_much_use)
{
	struct follow *f = &self->f;

	for (int i = 0; i < 3; i++)
		ASSERT_TRUE(follow__do(f, "flat"));
	EXPECT_EQ(0, f->nfound);
	expect_deadlock(_metadata, f);
}

TEST_F(sqlalchemy, the_session_passed_down_yields_nothing)
{
	struct follow *f = &self->f;

	for (int i = 0; i < 3; i++)
		ASSERT_TRUE(follow__do(f, "flat"));
	EXPECT_EQ(0, f->nfound);
}

/* A driver that is written in C, talks to a server, and gives up the interpreter lock meanwhile. */
FIXTURE(psycopg2)
{
	struct follow f;
	char command[128]; /* that ends the server */
};

FIXTURE_SETUP(psycopg2)
{
	char command[128], url[128];

	snprintf(self->command, sizeof(self->command), "selftests/presets/postgres stop /tmp/poolwatch-test-%d.pg", getpid());
	snprintf(command, sizeof(command), "selftests/presets/postgres start /tmp/poolwatch-test-%d.pg", getpid());
	snprintf(url, sizeof(url), "postgresql+psycopg2://postgres@/postgres?host=/tmp/poolwatch-test-%d.pg", getpid());
	ASSERT_EQ(0, system(command));
	ASSERT_EQ(0, start(&self->f, NULL, url, "0")) TH_LOG("%s", self->f.error.message);
}

FIXTURE_TEARDOWN(psycopg2)
{
	follow__end(&self->f);
	EXPECT_EQ(0, system(self->command));
}

TEST_F(psycopg2, makes_no_difference)
{
	struct follow *f = &self->f;

	ASSERT_TRUE(follow__do(f, "flat"));
	EXPECT_EQ(0, f->nfound);
	ASSERT_TRUE(follow__do(f, "alone"));
	ASSERT_EQ(1, f->nfound);
	EXPECT_EQ(FINDING_NESTED, f->found[0].kind);
	EXPECT_EQ(4, f->found[0].capacity);
	EXPECT_STREQ("handle_request sqlalchemy_article.py:45", f->found[0].held);
	EXPECT_STREQ("write_audit_log sqlalchemy_article.py:38", f->found[0].asked);
	expect_deadlock(_metadata, f);
}

TEST_HARNESS_MAIN
