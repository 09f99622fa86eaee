// SPDX-License-Identifier: GPL-2.0
/*
 * Bugs, one for each checker of the debug kernels: if loading this with bug=NAME brings no report, the checker sleeps,
 * and its silence about poolwatch means nothing. Never for any other kernel.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *bug = "";
module_param(bug, charp, 0);
MODULE_PARM_DESC(bug, "kasan, ubsan, lockdep, rcu, sleep, leak or race");

static int sink;

static void out_of_bounds(void)
{
	char *p = kmalloc(16, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	if (p)
		sink = READ_ONCE(p[16]);
	kfree(p);
}

static void shift_too_far(void)
{
	int by = 40;

	OPTIMIZER_HIDE_VAR(by);
	sink = 1 << by;
}

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

static void both_orders(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static int __rcu *pointer;

static void without_the_lock(void)
{
	sink = !rcu_dereference(pointer);
}

static DEFINE_SPINLOCK(lock);

static void sleep_in_atomic(void)
{
	spin_lock(&lock);
	might_sleep();
	spin_unlock(&lock);
}

static void forget(void)
{
	void *p = kmalloc(1234, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	p = NULL;
	OPTIMIZER_HIDE_VAR(p);
}

static int shared;

static int racer(void *unused)
{
	while (!kthread_should_stop()) {
		int i;

		for (i = 0; i < 10000; i++)
			shared++;
		cond_resched();
	}
	return 0;
}

static void race(void)
{
	struct task_struct *task[2];
	int i;

	for (i = 0; i < 2; i++)
		task[i] = kthread_run(racer, NULL, "canary/%d", i);
	msleep(10000);
	for (i = 0; i < 2; i++)
		if (!IS_ERR(task[i]))
			kthread_stop(task[i]);
}

static const struct {
	const char *name;
	void (*commit)(void);
} bugs[] = {
	{ "kasan", out_of_bounds },   { "ubsan", shift_too_far }, { "lockdep", both_orders },
	{ "rcu", without_the_lock }, { "sleep", sleep_in_atomic }, { "leak", forget },
	{ "race", race },
};

static int __init canary_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (strcmp(bug, bugs[i].name))
			continue;
		bugs[i].commit();
		return 0;
	}
	return -EINVAL;
}

static void __exit canary_exit(void)
{
}

module_init(canary_init);
module_exit(canary_exit);
MODULE_DESCRIPTION("bugs that the kernel's checkers must find");
MODULE_LICENSE("GPL");
