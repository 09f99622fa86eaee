// SPDX-License-Identifier: GPL-2.0
/* user/dev.c against the device: its errors, sessions as sources, snapshots and events of one session. */
#include <poll.h>
#include <sys/stat.h>
#include "kselftest_harness.h"
#include "device.h"
#include "dev.h"

FIXTURE(source)
{
	struct driver a, b;
	struct source **list;
	size_t n;
	struct dev_why why;
};

FIXTURE_SETUP(source)
{
	ASSERT_EQ(module__load(MODULE, "ring_kb=4 max_sessions=2"), 0);
	ASSERT_EQ(driver__open(&self->a, false), 0);
	ASSERT_EQ(driver__open(&self->b, false), 0);
	self->list = NULL;
	self->n = 0;
}

FIXTURE_TEARDOWN(source)
{
	for (size_t i = 0; i < self->n; i++)
		source__close(self->list[i]);
	free(self->list);
	driver__close(&self->a);
	driver__close(&self->b);
	EXPECT_EQ(module__unload_wait(), 0);
}

TEST(without_the_module)
{
	struct source **list;
	struct dev_why why;
	size_t n;

	EXPECT_FALSE(dev__present());
	EXPECT_EQ(dev__open(false, NULL, &why), -ENOENT);
	EXPECT_STREQ(why.line, "/dev/poolwatch: not there: load the module (modprobe poolwatch)");
	EXPECT_EQ(dev__open(true, NULL, &why), -ENOENT);
	EXPECT_EQ(dev__list(&list, &n, &why), -ENOENT);
}

TEST(without_btf)
{
	struct poolwatch_info info;
	struct dev_why why;
	int fd;

	ASSERT_EQ(module__load(MODULE_NO_BTF, ""), 0);
	fd = dev__open(false, &info, &why);
	EXPECT_GE(fd, 0);
	EXPECT_EQ(info.features, 0);
	close(fd);
	EXPECT_EQ(dev__open(true, NULL, &why), -EOPNOTSUPP);
	EXPECT_NE(strstr(why.line, "built without BTF"), NULL);
	EXPECT_EQ(module__unload(), 0);
}

TEST_F(source, why_it_does_not_open)
{
	EXPECT_EQ(dev__open(true, NULL, &self->why), -EBUSY);
	EXPECT_NE(strstr(self->why.line, "max_sessions"), NULL);
}

static int open_denied(void *arg)
{
	struct dev_why why;

	return dev__open((intptr_t)arg, NULL, &why) != -EACCES || !strstr(why.line, arg ? "only root" : "in its group");
}

TEST_F(source, who_may_not_open_it)
{
	EXPECT_EQ(as_user(CAROL, false, open_denied, NULL), 0);
	EXPECT_EQ(as_user(ALICE, true, open_denied, (void *)1), 0);
}

TEST_F(source, lists_the_sessions_that_have_bound)
{
	EXPECT_EQ(dev__list(&self->list, &self->n, &self->why), -ENOENT);
	EXPECT_EQ(self->n, 0);
	EXPECT_TRUE(dev__present());
	ASSERT_EQ(driver__bind_all(&self->b), 0);
	ASSERT_EQ(dev__list(&self->list, &self->n, &self->why), 0);
	ASSERT_EQ(self->n, 1);
	EXPECT_EQ(self->list[0]->session, self->b.session);
	EXPECT_STREQ(self->list[0]->ops->mode, "device");
}

TEST_F(source, snapshots_every_table)
{
	struct poolwatch_thread t = { 0 };
	struct poolwatch_pool p = { 0 };
	struct ledger l = { 0 };

	ASSERT_EQ(driver__bind_all(&self->a), 0);
	for (uint32_t slot = 0; slot < DRIVER_SLOTS; slot++) { /* more than one call's worth */
		t.head.id = slot + 1000;
		ASSERT_EQ(driver__put(&self->a, POOLWATCH_THREADS, slot, &t), 0);
	}
	p.head.id = 1ull << 32 | 9;
	ASSERT_EQ(driver__put(&self->a, POOLWATCH_POOLS, 9, &p), 0);
	ASSERT_EQ(dev__list(&self->list, &self->n, &self->why), 0);
	for (int again = 0; again < 2; again++) {
		ASSERT_EQ(self->list[0]->ops->snapshot(self->list[0], SOURCE_ALL_TABLES, &l), 0);
		EXPECT_EQ(l.session, self->a.session);
		ASSERT_EQ(l.nthreads, DRIVER_SLOTS);
		for (uint32_t i = 0; i < DRIVER_SLOTS; i++)
			EXPECT_EQ(l.threads[i].head.id, i + 1000);
		ASSERT_EQ(l.npools, 1);
		EXPECT_EQ(ledger__pool(&l, p.head.id), &l.pools[0]);
		EXPECT_EQ(l.ndefs + l.nprocs + l.nedges + l.ncounters, 0);
	}
	ASSERT_EQ(self->list[0]->ops->snapshot(self->list[0], 1u << POOLWATCH_POOLS, &l), 0);
	EXPECT_EQ(l.nthreads, 0);
	EXPECT_EQ(l.npools, 1);
	driver__close(&self->a);
	EXPECT_EQ(self->list[0]->ops->snapshot(self->list[0], SOURCE_ALL_TABLES, &l), -ENOENT);
	ledger__clear(&l);
}

TEST_F(source, events_are_of_its_session)
{
	struct poolwatch_event e;
	struct pollfd p = { .events = POLLIN };
	uint64_t missed;
	struct source *s;

	ASSERT_EQ(driver__bind_all(&self->a), 0);
	ASSERT_EQ(dev__list(&self->list, &self->n, &self->why), 0);
	s = self->list[0];
	p.fd = s->ops->event_fd(s);
	EXPECT_EQ(poll(&p, 1, 0), 0);
	EXPECT_EQ(s->ops->next_event(s, &e, &missed), 0);
	ASSERT_EQ(driver__emit_many(&self->a, 100, 2), 2);
	ASSERT_EQ(driver__emit_many(&self->b, 200, 2), 2);
	ASSERT_EQ(driver__emit_many(&self->a, 102, 1), 1);
	EXPECT_EQ(poll(&p, 1, 0), 1);
	for (uint64_t value = 100; value < 103; value++) {
		ASSERT_EQ(s->ops->next_event(s, &e, &missed), 1);
		EXPECT_EQ(e.value, value);
		EXPECT_EQ(e.session, self->a.session);
	}
	EXPECT_EQ(s->ops->next_event(s, &e, &missed), 0);
}

TEST_F(source, says_how_many_events_were_missed)
{
	struct poolwatch_event e;
	uint64_t missed = 0;
	struct source *s;

	ASSERT_EQ(driver__bind_all(&self->a), 0);
	ASSERT_EQ(dev__list(&self->list, &self->n, &self->why), 0);
	s = self->list[0];
	ASSERT_EQ(driver__emit_many(&self->a, 0, 1), 1);
	ASSERT_EQ(s->ops->next_event(s, &e, &missed), 1);
	ASSERT_EQ(driver__emit_many(&self->a, 1, 32 + 7), 32 + 7);
	EXPECT_EQ(s->ops->next_event(s, &e, &missed), -EPIPE);
	EXPECT_EQ(missed, 7);
	for (uint64_t value = 8; value < 40; value++) {
		ASSERT_EQ(s->ops->next_event(s, &e, &missed), 1);
		EXPECT_EQ(e.value, value);
	}
	EXPECT_EQ(s->ops->next_event(s, &e, &missed), 0);
}

TEST_HARNESS_MAIN
