// SPDX-License-Identifier: GPL-2.0
/*
 * The hard cases of waiting: begun before anybody watched, left in the middle, with a time limit, in vain. As in
 * test_cases.c, exactly the findings that are right.
 */
#include <ctype.h>
#include "kselftest_harness.h"
#include "e2e.h"
#include "cases_watch.h"

#define PERMITS                                                                                                        \
	"pool permits; lib exe; key arg0; capacity s32[key+32]; futex 0 4; acquire permit_take ok=s32(ret)==0; "       \
	"release permit_put"
#define BARE                                                                                                           \
	"pool bare; lib libc.so.6; key arg0; available u32[key]; futex 0 4; acquire sem_wait ok=s32(ret)==0; "         \
	"release sem_post"
#define TIMED                                                                                                          \
	"pool slots; lib exe; key arg0; capacity s32[key]; acquire slots_take slots_try slots_timed ok=s32(ret)==0; "  \
	"release slots_put"

/* An explanation with its times, which are the machine's, as "T s". */
static const char *untimed(const char *text)
{
	static char out[1024];
	size_t n = 0;

	while (*text && n < sizeof(out) - 2) {
		size_t digits = strspn(text, "0123456789.");

		if (digits && !strncmp(text + digits, " s", 2) && !isalpha(text[digits + 2])) {
			out[n++] = 'T';
			text += digits;
		} else {
			out[n++] = *text++;
		}
	}
	out[n] = 0;
	return out;
}

#define SAYS(f, text) ASSERT_STREQ(untimed(json_str(f, "explanation")), text)

/* The pool of two, as read from beside. */
#define SHOW_POOL(show)                                                                                          \
	({                                                                                                             \
		const char *row_ = NULL;                                                                               \
		proc__free(show);                                                                                      \
		ASSERT_EQ(poolwatch__run(show, "show", "pools", "-p", self->pid, "--json", NULL), 0);                  \
		for (size_t i_ = 0; i_ < (show)->out.n && !row_; i_++)                                                 \
			if (json_int((show)->out.lines[i_], "capacity") == 2)                                          \
				row_ = (show)->out.lines[i_];                                                          \
		ASSERT_NE(row_, NULL);                                                                                 \
		row_;                                                                                                  \
	})

/*
 * Attached after the deadlock has formed: who waits is known, who holds is not. With a definition that knows the capacity, so
 * is that all units are out; no proof is made of it.
 */
TEST_F(cases, attached_too_late)
{
	const char *f;

	PROGRAM();
	FORMS("asleep", 2);
	WATCH(PERMITS, "--stall", "1");
	f = FINDING("stall", "new");
	NAMES(f, 2);
	ASSERT_EQ(json_int(f, "pool.capacity"), 2);
	ASSERT_EQ(json_int(f, "pool.in_use"), 0);
	ASSERT_EQ(json_int(f, "pool.unknown"), 2);
	ASSERT_EQ(json_int(f, "pool.waiters"), 2);
	ASSERT_STREQ(json_str(f, "proof"), "(null)");
	for (int i = 0; i < 2; i++) {
		char path[60];

		snprintf(path, sizeof(path), "threads.%d.holds", i);
		ASSERT_EQ(json_len(f, path), 0);
		snprintf(path, sizeof(path), "threads.%d.request.site.symbol", i);
		ASSERT_STREQ(json_str(f, path), "take_two");
		snprintf(path, sizeof(path), "threads.%d.stack.0.symbol", i);
		ASSERT_TRUE(json_has(f, path));
	}
	SAYS(f, "2 threads wait for permits, and nothing was granted for T s: 0 of 2 units are out, 2 more were taken "
		"before the attach, by whom is not known; 2 of those that wait did so before the attach: what they hold "
		"from then is not known");
	DO("grant", "all ended");
	FINDING("stall", "recovered");
	TOLD("stall new", "stall recovered");
}

/* The same of a semaphore that is known by its functions only: neither how many units it has, nor who has them. */
TEST_F(cases, attached_too_late_to_a_semaphore)
{
	const char *f;

	PROGRAM_ALONE();
	FORMS("asleep", 2);
	WATCH(BARE, "--stall", "1");
	f = FINDING("stall", "new");
	NAMES(f, 2);
	ASSERT_STREQ(json_str(f, "pool.capacity"), "(null)");
	ASSERT_EQ(json_int(f, "pool.in_use"), 0);
	ASSERT_EQ(json_int(f, "pool.unknown"), 0);
	ASSERT_EQ(json_int(f, "pool.waiters"), 2);
	SAYS(f, "2 threads wait for bare, and nothing was granted for T s: 0 units are out; 2 of those that wait did so "
		"before the attach: what they hold from then is not known");
	DO("grant", "all ended");
	FINDING("stall", "recovered");
	TOLD("stall new", "stall recovered");
}

/* By the preset it is a pool only once a thread has posted what it waited for: threads that only wait may wait for a signal. */
TEST_F(cases, attached_too_late_to_what_may_be_a_signal)
{
	PROGRAM();
	FORMS("asleep", 2);
	WATCH("sem", "--stall", "1", "--for", "3");
	ASSERT_EQ(proc__wait(&self->watch), 0);
	ASSERT_EQ(self->watch.out.n, 0);
}

/*
 * One holds and has left its second request by siglongjmp, the other holds and asks. By the books both ask, and both sleep: it
 * would be a deadlock. But the first waits elsewhere, and may come back with what it holds. Nothing is heard of it in between.
 */
TEST_F(cases, left_by_longjmp)
{
	struct proc show = {0};
	const char *f;

	PROGRAM();
	WATCH(PERMITS, "--stall", "1");
	FORMS("jump", 2);
	f = FINDING("stall", "new");
	NAMES(f, 2);
	ASSERT_EQ(json_int(f, "pool.waiters"), 1);
	for (int i = 0; i < 2; i++) {
		char path[60];

		snprintf(path, sizeof(path), "threads.%d.tid", i);
		if (json_int(f, path) == self->tid[0]) {
			snprintf(path, sizeof(path), "threads.%d.request", i);
			ASSERT_STREQ(json_str(f, path), "(null)");
		}
	}
	SAYS(f, "1 thread waits for permits, and nothing was granted for T s: 2 of 2 units are out; of 2 holders 1 waits for "
		"more of it and 0 for another pool");
	/* Nor do those who look at the books from beside see one. */
	ASSERT_EQ(poolwatch__run(&show, "show", "threads", "-p", self->pid, "--json", NULL), 0);
	for (size_t i = 0; i < show.out.n; i++)
		ASSERT_STRNE(json_str(show.out.lines[i], "state"), "DEADLOCK");
	proc__free(&show);
	DO("land", "all ended");
	FINDING("stall", "recovered");
	TOLD("nested new", "stall new", "stall recovered");
}

/* Time limits: as long as they last it is a deadlock like any other; they pass, and what failed is counted. Nobody holds it. */
TEST_F(cases, time_limits_in_a_circle)
{
	struct proc show = {0};
	const char *f;

	PROGRAM();
	WATCH(TIMED);
	FORMS("timed", 2);
	f = FINDING("deadlock", "new");
	NAMES(f, 2);
	SAYS(f, "2 threads hold 2 of the 2 units of slots, each waits for another, and none can go on");
	DO("expire", "expired");
	f = FINDING("deadlock", "recovered");
	/* It ends with the first of them. */
	if (strcmp(untimed(json_str(f, "explanation")), "recovered after T s; 2 requests failed"))
		SAYS(f, "recovered after T s; 1 request failed");
	f = SHOW_POOL(&show);
	ASSERT_EQ(json_int(f, "requests"), 4);
	ASSERT_EQ(json_int(f, "grants"), 2);
	ASSERT_EQ(json_int(f, "failures"), 2);
	ASSERT_EQ(json_int(f, "releases"), 2);
	ASSERT_EQ(json_int(f, "in_use"), 0);
	proc__free(&show);
	TOLD("nested new", "deadlock new", "deadlock recovered");
}

/* Tries that fail, of two threads that hold all there is: each is inside its request, again and again, and none waits. */
TEST_F(cases, tries_in_a_circle)
{
	struct proc show = {0};
	const char *f;

	PROGRAM();
	WATCH(TIMED, "--stall", "1");
	DO("tries", "tried");
	f = SHOW_POOL(&show);
	ASSERT_EQ(json_int(f, "requests"), 202);
	ASSERT_EQ(json_int(f, "grants"), 2);
	ASSERT_EQ(json_int(f, "failures"), 200);
	ASSERT_EQ(json_int(f, "releases"), 2);
	ASSERT_EQ(json_int(f, "in_use"), 0);
	proc__free(&show);
	TOLD("nested new");
}

TEST_HARNESS_MAIN
