/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The program of the hard cases (cases.c), and poolwatch watching it: a fixture "cases" and the words to tell a test in.
 * Include after kselftest_harness.h and e2e.h.
 */
#ifndef CASES_WATCH_H
#define CASES_WATCH_H

#include <stdlib.h>
#include <string.h>

#define SLOTS                                                                                                          \
	"pool slots; lib exe; key arg0; capacity s32[key]; acquire slots_take slots_try ok=s32(ret)==0; release "      \
	"slots_put; "                                                                                                  \
	"resize slots_resize capacity=s32(arg1)"
#define CONNS                                                                                                          \
	"pool conns; lib exe; key arg0; capacity s32[key]; acquire conn_get ok=ret!=0 resource=ret; release conn_put " \
	"resource=arg1"
#define POLLS                                                                                                          \
	"pool polls; lib exe; key arg0; capacity s32[key]; wait poll; acquire slots_try ok=s32(ret)==0; release "      \
	"slots_put"
#define LEARN	  "pool learn; lib exe; key arg0; acquire slots_take ok=s32(ret)==0; release slots_put"
#define TASKS	  "pool tasks; lib exe; key u64[arg1]; capacity s32[key+0x30]; scope run_task; wait-on await_task key=held"
#define INNOCENTS "6"

FIXTURE(cases)
{
	struct proc program, watch;
	char pid[40];
	int tid[2];
};

FIXTURE_SETUP(cases)
{
	memset(self, 0, sizeof(*self));
}

FIXTURE_TEARDOWN(cases)
{
	proc__free(&self->watch);
	proc__free(&self->program);
}

/* With its innocent threads, and without. */
#define PROGRAM(...)	START_PROGRAM(INNOCENTS, ##__VA_ARGS__)
#define PROGRAM_ALONE() START_PROGRAM("0")
#define START_PROGRAM(...)                                                                                             \
	do {                                                                                                           \
		char *argv_[] = {(char *)e2e__file("cases"), ##__VA_ARGS__, NULL};                                     \
		ASSERT_EQ(proc__start(&self->program, argv_), 0);                                                      \
		ASSERT_NE(proc__expect(&self->program, "ready"), NULL);                                                \
		snprintf(self->pid, sizeof(self->pid), "%d", self->program.pid);                                       \
	} while (0)
#define WATCH(pool, ...)                                                                                               \
	do {                                                                                                           \
		ASSERT_EQ(poolwatch__start(&self->watch, "attach", "-p", self->pid, "--pool", pool, "--json",          \
					   "--budget", "off", ##__VA_ARGS__, NULL),                                    \
			  0);                                                                                          \
		ASSERT_TRUE(poolwatch__watches(&self->watch, self->program.pid));                                      \
	} while (0)
/* An order, and its answer. */
#define DO(order, answer)                                                                                              \
	({                                                                                                             \
		const char *line_;                                                                                     \
		ASSERT_EQ(proc__send(&self->program, "%s", order), 0);                                                 \
		line_ = proc__expect(&self->program, answer);                                                          \
		ASSERT_NE(line_, NULL);                                                                                \
		line_;                                                                                                 \
	})
#define FORMS(order, n) ASSERT_EQ(sscanf(DO(order, "formed"), "formed %d %d", &self->tid[0], &self->tid[1]), n)
/* The next finding of that kind and event. */
#define FINDING(kind, event)                                                                                           \
	({                                                                                                             \
		const char *f_ = poolwatch__finding(&self->watch, kind, event);                                        \
		ASSERT_NE(f_, NULL);                                                                                   \
		f_;                                                                                                    \
	})

static int threads_named(const char *f, const int *tid, int n)
{
	int named = 0;

	for (int i = 0; i < n; i++)
		for (int k = 0; k < (int)json_len(f, "threads"); k++) {
			char path[40];

			snprintf(path, sizeof(path), "threads.%d.tid", k);
			named += json_int(f, path) == tid[i];
		}
	return named;
}

/* These threads and no others. */
#define NAMES(f, n)                                                                                                    \
	do {                                                                                                           \
		if ((int)json_len(f, "threads") != (n) || threads_named(f, self->tid, n) != (n))                       \
			TH_LOG("told: %s", f);                                                                         \
		ASSERT_EQ((int)json_len(f, "threads"), n);                                                             \
		ASSERT_EQ(threads_named(f, self->tid, n), n);                                                          \
	} while (0)

/* poolwatch is stopped, and told these, "KIND EVENT" each, and nothing else. */
#define TOLD(...)                                                                                                      \
	do {                                                                                                           \
		static const char *const told_[] = {__VA_ARGS__};                                                      \
		const size_t n_ = sizeof(told_) / sizeof(*told_);                                                      \
		ASSERT_EQ(poolwatch__stop(&self->watch), n_ ? 3 : 0);                                                  \
		check_told(_metadata, &self->watch, told_, n_);                                                        \
	} while (0)

static void check_told(struct __test_metadata *_metadata, struct proc *watch, const char *const *told, size_t n)
{
	for (size_t i = 0; i < watch->out.n; i++)
		if (poolwatch__count(watch, NULL, NULL) != n)
			TH_LOG("told: %s %s: %s", json_str(watch->out.lines[i], "kind"),
			       json_str(watch->out.lines[i], "event"), json_str(watch->out.lines[i], "explanation"));
	ASSERT_EQ(poolwatch__count(watch, NULL, NULL), n);
	for (size_t i = 0; i < n; i++) {
		char kind[20], event[20];
		size_t times = 0;

		sscanf(told[i], "%19s %19s", kind, event);
		for (size_t k = 0; k < n; k++)
			times += !strcmp(told[i], told[k]);
		ASSERT_EQ(poolwatch__count(watch, kind, event), times) TH_LOG("%s", told[i]);
	}
}

#endif
