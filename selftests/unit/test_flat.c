// SPDX-License-Identifier: GPL-2.0
/*
 * Three days in seconds: processes that come and go, with all that can be wrong with them, as snapshots and events of a clock
 * that runs fast, through all that the daemon remembers anything in: ledgers, judge, what was told, rate limit, sinks with
 * their spools, metrics. When the same world is there as after the warm-up, so much memory is in use as then.
 *
 * The world repeats itself every half hour, but for its numbers: processes, addresses (no two processes have the same), ids.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "alert.h"
#include "judge.h"
#include "ledger_build.h"
#include "metrics.h"
#include "told.h"

/* Of the address sanitizer; its header comes with clang only. */
size_t __sanitizer_get_current_allocated_bytes(void);

#define HOURS	  72
#define WARM_UP	  6 /* hours: until everything that has a limit has reached it */
#define PERIOD	  1800
#define PLACES	  12 /* processes at a time */
#define BEHAVIOUR 8
#define STEP	  2  /* s between two snapshots */
#define LOOK	  60 /* s between two looks of the metrics */
#define RARE	  16 /* of so many findings one is told to a command: to start one takes long under a sanitizer */

enum { SILENT, NESTS, DEADLOCKS, STALLS, LEAKS, CYCLES, CHURNS, RENAMES };

/* What a place is at @second: which of its processes, and since when. Lives of 60, 120, 240 .. s, that fill a period. */
struct life {
	unsigned int place;
	uint64_t number; /* no other process has it */
	unsigned int behaviour;
	unsigned int age, length; /* s */
};

static struct life life_at(unsigned int place, uint64_t second)
{
	static const unsigned int lengths[] = { 60, 120, 240, 480, 900 };
	const unsigned int n = sizeof(lengths) / sizeof(lengths[0]);
	unsigned int in = second % PERIOD, i = 0;

	while (in >= lengths[(i + place) % n])
		in -= lengths[(i++ + place) % n];
	return (struct life){ .place = place,
			      .number = (second / PERIOD * n + i) * PLACES + place,
			      .behaviour = (place + i) % BEHAVIOUR,
			      .age = in,
			      .length = lengths[(i + place) % n] };
}

static uint32_t pid_of(const struct life *p)
{
	return 1000 + p->number;
}

/* Of a place in code: every process has its own, as with address space randomisation. */
static uint64_t code(const struct life *p, unsigned int n)
{
	return 0x550000000000 + p->number * 0x10000 + n * 0x10;
}

/* Slots are used again, as the kernel does, by the next generation. */
static uint64_t id(const struct life *p, unsigned int slot)
{
	return (p->number + 1) << 32 | slot;
}

static struct poolwatch_thread *thread(struct ledger *l, const struct life *p, unsigned int n)
{
	struct poolwatch_thread *t = build__thread(l, p->place * 4 + n, pid_of(p), pid_of(p) + n);

	t->head.id = id(p, p->place * 4 + n);
	t->start = p->number + 1;
	return t;
}

static void hold(struct ledger *l, struct poolwatch_thread *t, const struct life *p, uint64_t since)
{
	build__hold(l, t, p->place * 2, 1, code(p, 1));
	t->hold[0].since = since;
}

static void ask(struct poolwatch_thread *t, const struct life *p, uint64_t since)
{
	struct poolwatch_request *r = build__request(t, p->place * 2, 1, code(p, 2));

	r->pool = id(p, p->place * 2);
	r->since = since;
	r->flags = POOLWATCH_REQ_FULL;
}

static void edge(struct ledger *l, const struct life *p, unsigned int from, unsigned int to, uint64_t count)
{
	struct poolwatch_edge *e = build__edge(l, p->place * 2 + from, pid_of(p), 0, 0, code(p, 2 * from + 1), code(p, 2 * from + 2));

	e->head.id = id(p, p->place * 2 + from);
	e->from = id(p, p->place * 2 + from);
	e->to = id(p, p->place * 2 + to);
	e->depth = from == to ? 2 : 1;
	e->count = count;
}

static void process(struct ledger *l, const struct life *p)
{
	uint64_t born = l->time - p->age * SEC, half = born + p->length / 2 * SEC;
	bool late = p->age >= p->length / 2;
	struct poolwatch_proc *proc = build__proc(l, p->place, pid_of(p), POOLWATCH_PROC_FROM_START);
	struct poolwatch_thread *t;

	proc->head.id = id(p, p->place);
	/* Some have a name that nobody had before: there is no end to them. */
	if (p->behaviour == RENAMES)
		snprintf(proc->comm, sizeof(proc->comm), "job%u", pid_of(p));
	for (unsigned int i = 0; i < 2; i++) {
		struct poolwatch_pool *pool = build__pool(l, p->place * 2 + i, pid_of(p), i, 2);

		pool->head.id = id(p, p->place * 2 + i);
		/* And some a new pool every ten seconds. */
		if (p->behaviour == CHURNS && i)
			pool->head.id += (1ull + p->age / 10) << 52;
		pool->addr = code(p, 100) + pool->head.id;
		pool->requests = pool->grants = pool->releases = p->age * 100;
		pool->created = born;
		pool->last_grant = late ? half : l->time;
	}
	if (p->behaviour == NESTS || p->behaviour == RENAMES)
		edge(l, p, 0, 0, 1 + p->age);
	if (p->behaviour == CYCLES) {
		edge(l, p, 0, 1, 1);
		edge(l, p, 1, 0, 1);
	}
	for (unsigned int i = 0; i < 2 && late && p->behaviour == DEADLOCKS; i++) {
		t = thread(l, p, i);
		hold(l, t, p, half);
		ask(t, p, half);
	}
	for (unsigned int i = 0; i < 3 && late && p->behaviour == STALLS && p->age < p->length / 2 + 20; i++) {
		t = thread(l, p, i);
		if (i < 2)
			hold(l, t, p, half);
		else
			ask(t, p, half);
	}
	if (late && p->behaviour == LEAKS) {
		t = thread(l, p, 0);
		hold(l, t, p, born);
		t->flags = POOLWATCH_THREAD_EXITED;
		t->exited = half;
	}
}

static void happen(struct judge *j, enum poolwatch_event_type type, const struct life *p, uint64_t time)
{
	struct poolwatch_event e = { .size = sizeof(e), .type = type, .time = time, .tgid = pid_of(p), .tid = pid_of(p), .units = 1,
				     .site = code(p, 1), .pool = id(p, p->place * 2) };

	judge__event(j, &e);
}

struct flat {
	struct judge *judge;
	struct told *told;
	struct alerts *alerts, *commands;
	struct metrics *metrics;
	uint64_t now;
	uint64_t found[FINDING_KINDS], ended;
};

static int emit(void *ctx, struct finding *f)
{
	struct flat *m = ctx;

	if (f->event == FINDING_NEW)
		m->found[f->kind]++;
	else if (f->event == FINDING_RECOVERED)
		m->ended++;
	f->realtime_ns = f->time;
	f->exe = strdup("/usr/bin/api");
	/* As in daemon_groups.c. */
	if (!told__is_old(m->told, f, f->pid, m->now)) {
		alerts__finding(m->alerts, f, m->now);
		if (f->id % RARE == 0)
			alerts__finding(m->commands, f, m->now);
	}
	return 0;
}

static void look_at_metrics(struct flat *m, const struct ledger *l)
{
	struct metrics_own own = { .version = "1" };
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	metrics__begin(m->metrics);
	metrics__add(m->metrics, l, 1);
	metrics__end(m->metrics);
	if (!out || metrics__write(m->metrics, &own, false, out) || fclose(out))
		abort();
	free(text);
}

static struct alerts *open_alerts(const char *dir, const char *text)
{
	char path[200], message[600];
	struct conf_error err = { 0 };
	struct alerts *a;
	struct conf *c;
	FILE *f;

	snprintf(path, sizeof(path), "%s/conf", dir);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
	if (conf__read(path, NULL, false, &c, &err) || alerts__new(c, &a, message, sizeof(message)))
		abort();
	conf__free(c);
	return a;
}

FIXTURE(flat)
{
	struct flat m;
	struct ledger l[2];
	char dir[64];
};

FIXTURE_SETUP(flat)
{
	const struct judge_options options = { .stall_ns = 5 * SEC, .leak_ns = 3600 * SEC, .repeat_ns = 10 * SEC };
	char path[100], conf[400];

	strcpy(self->dir, "/tmp/poolwatch-flat-XXXXXX");
	ASSERT_NE(mkdtemp(self->dir), NULL);
	snprintf(path, sizeof(path), "%s/told", self->dir);
	ASSERT_EQ(0, judge__new(&options, &self->m.judge));
	ASSERT_EQ(0, told__open(path, T0, 0, &self->m.told));
	ASSERT_EQ(0, metrics__new(50, &self->m.metrics));
	snprintf(conf, sizeof(conf), "[file]\npath = /dev/null\n[remote never]\nto = unix:%s/nobody\nspool = 16K\nspool-file = %s/spool\n"
		 "[alert]\nrate = 2/10m\n", self->dir, self->dir);
	self->m.alerts = open_alerts(self->dir, conf);
	self->m.commands = open_alerts(self->dir, "[command]\nrun = /bin/true\n[alert]\nrate = off\n");
}

FIXTURE_TEARDOWN(flat)
{
	static const char *const files[] = { "told", "spool", "conf" };
	char path[100];

	judge__free(self->m.judge);
	told__close(self->m.told);
	alerts__free(self->m.alerts);
	alerts__free(self->m.commands);
	metrics__free(self->m.metrics);
	ledger__clear(&self->l[0]);
	ledger__clear(&self->l[1]);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", self->dir, files[i]);
		unlink(path);
	}
	EXPECT_EQ(0, rmdir(self->dir));
}

static void step(struct flat *m, struct ledger *l, const struct ledger *before, uint64_t s)
{
	ledger__reset(l);
	l->session = 1;
	l->time = m->now = T0 + s * SEC;
	build__def(l, 0, "sem", 0);
	build__def(l, 1, "queue", 0);
	for (unsigned int i = 0; i < PLACES; i++) {
		struct life p = life_at(i, s), last = s ? life_at(i, s - STEP) : p;

		if (last.number != p.number)
			happen(m->judge, POOLWATCH_EV_PROC_EXIT, &last, m->now);
		if (p.behaviour == LEAKS && p.age == p.length / 2)
			happen(m->judge, POOLWATCH_EV_EXIT, &p, m->now);
		process(l, &p);
	}
	if (ledger__index(l) || judge__look(m->judge, l, s ? before : NULL, emit, m))
		abort();
	alerts__step(m->alerts, m->now);
	alerts__step(m->commands, m->now);
	if (s % LOOK == 0)
		look_at_metrics(m, l);
}

/* Commands take real time; the last of them is waited for, so that it counts for nothing. */
static void let_commands_end(struct flat *m)
{
	while (!alerts__idle(m->commands)) {
		struct pollfd p = { .fd = alerts__fd(m->commands), .events = POLLIN };

		poll(&p, 1, 1000);
		alerts__step(m->commands, m->now);
	}
}

TEST_F_TIMEOUT(flat, three_days, 600)
{
	uint64_t warm = 0, deadlocks = 0;

	for (uint64_t s = 0; s <= HOURS * 3600; s += STEP) {
		step(&self->m, &self->l[s / STEP & 1], &self->l[!(s / STEP & 1)], s);
		for (unsigned int i = 0; i < PLACES; i++) {
			struct life p = life_at(i, s);

			deadlocks += p.behaviour == DEADLOCKS && p.age == p.length / 2;
		}
		if (s == WARM_UP * 3600) {
			let_commands_end(&self->m);
			warm = __sanitizer_get_current_allocated_bytes();
		}
	}
	let_commands_end(&self->m);
	EXPECT_EQ(warm, __sanitizer_get_current_allocated_bytes());

	/* And it did happen: each deadlock was found once, and all else at least as often as it was there. */
	EXPECT_EQ(deadlocks, self->m.found[FINDING_DEADLOCK]);
	EXPECT_LT(1000, deadlocks);
	for (int kind = 0; kind < FINDING_DETACHED; kind++) {
		EXPECT_LT(1000, self->m.found[kind]) TH_LOG("%s", finding__kind_name(kind));
	}
	EXPECT_LT(3000, self->m.ended);
	EXPECT_LT(1000, alerts__suppressed(self->m.alerts));
	EXPECT_LT(1000, alerts__sink(self->m.alerts, 1)->lost);
	EXPECT_LT(30, alerts__sink(self->m.commands, 0)->sent);
}

TEST_HARNESS_MAIN
