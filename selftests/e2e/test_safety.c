// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that a careless probe breaks (safety_*), each under load while poolwatch attaches and detaches again and again: what
 * they say at the end must be what they say when nobody looks. SAFETY_CYCLES says how often; 1,000 take some minutes, since the
 * kernel waits for all processors each time a probe goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "loader.h"
#include "plan.h"

#define CYCLES 50
#define DEADLINE_MS 60000 /* for a program to say something, or to run into a probe */

struct program {
	pid_t pid;
	int in, out;
};

static bool start(const char *path, struct program *p)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return false;
	p->pid = fork();
	if (!p->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(path, path, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	p->in = in[1];
	p->out = out[0];
	return p->pid > 0;
}

/* Until it says "ready\n", or to the end of what it says. */
static bool listen_to(struct program *p, char *buf, size_t size, bool ready)
{
	size_t n = 0;

	for (;;) {
		struct pollfd fd = { .fd = p->out, .events = POLLIN };
		ssize_t r;

		if (poll(&fd, 1, DEADLINE_MS) != 1 || n + 1 >= size)
			return false;
		r = read(p->out, buf + n, ready ? 1 : size - n - 1);
		if (r < 0)
			return false;
		n += r;
		buf[n] = '\0';
		if (ready && n >= 6 && !strcmp(buf + n - 6, "ready\n"))
			return true;
		if (!r)
			return !ready;
	}
}

/* Let it end, and take what it said. Return: its wait status, or -1. */
static int finish(struct program *p, char *said, size_t size)
{
	int status = -1;
	bool ok;

	close(p->in);
	ok = listen_to(p, said, size, false);
	close(p->out);
	if (!ok)
		kill(p->pid, SIGKILL);
	waitpid(p->pid, &status, 0);
	return ok ? status : -1;
}

#define SLOTS "pool slots; lib exe; key arg0; capacity 3; "
#define SEM "pool sem; lib libc.so.6; key arg0; available u32[key]; acquire sem_wait sem_trywait sem_timedwait ok=s32(ret)==0; release sem_post"

static const struct kind {
	const char *name, *program, *pools;
	const char *acquire; /* a function for which `ret` is expected */
	enum spec_ret ret;
} kinds[] = {
	{ "an exception cleaned up after", "safety_throw", SLOTS "acquire take_slot; release put_slot", "take_slot", SPEC_RET_SITES },
	{ "an exception passing", "safety_throw", SLOTS "acquire take_plain; release put_slot", "take_plain", SPEC_RET_SITES },
	{ "cancellation", "safety_cancel", SEM, "sem_wait", SPEC_RET_SITES },
	{ "longjmp", "safety_longjmp", SLOTS "acquire take_slot; release put_slot", "take_slot", SPEC_RET_URETPROBE },
	{ "swapcontext", "safety_context", SLOTS "acquire take_slot; release put_slot", "take_slot", SPEC_RET_SITES },
	{ "Go", "safety_go", SLOTS "acquire main.(*Pool).Take; release main.(*Pool).Put", "main.(*Pool).Take", SPEC_RET_SITES },
	/* The uretprobe is a system call that the filter does not list; where the kernel shows it to filters, rets are probed. */
	{ "a strict filter", "safety_seccomp", SEM, "sem_wait", SPEC_RET_AUTO },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* One program and what watches it, in a thread of its own: most of the time is waiting, which they can do together. */
struct job {
	const struct kind *kind;
	char plain[1024], probed[1024];
	char failed[LOADER_ERROR + 200]; /* empty: all is well */
	unsigned int cycles;
};

#define FAIL(job, ...)                                                        \
	({                                                                    \
		snprintf((job)->failed, sizeof((job)->failed), __VA_ARGS__);  \
		-1;                                                           \
	})

static uint64_t hits(struct loader *l)
{
	struct loader_hits h;

	loader__hits(l, 0, &h);
	return h.emulated + h.stepped;
}

/* One attach and detach, with the program running into the probes between. */
static int cycle(struct job *j, struct loader *l, const struct target *t, const struct plan *plan)
{
	char err[LOADER_ERROR] = "";
	const uint32_t slot = 0;
	struct loader_target *lt;
	struct timespec now, end;
	uint64_t before = hits(l);
	int r = loader__attach(l, t, plan, &slot, false, &lt, err);

	if (r)
		return FAIL(j, "attach: %s", err);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += DEADLINE_MS / 1000;
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > end.tv_sec)
			r = FAIL(j, "it does not run into the probes");
		else if (!target__alive(t))
			r = FAIL(j, "it died");
	} while (!r && hits(l) == before && !sched_yield());
	loader__detach(l, lt);
	loader__forget(l, lt);
	return r;
}

static int attach_and_detach(struct job *j, struct loader *l, const struct target *t, const struct spec *spec)
{
	const struct plan_probe *acquire = NULL;
	char err[PLAN_ERROR];
	struct plan plan;
	int r = 0;

	if (plan__make(t, spec, 0, &plan, err))
		return FAIL(j, "plan: %s", err);
	for (size_t i = 0; i < plan.nprobes; i++)
		if (!strcmp(plan.probes[i].symbol, j->kind->acquire))
			acquire = &plan.probes[i];
	if (!acquire || acquire->ret_incomplete || (j->kind->ret != SPEC_RET_AUTO && acquire->ret != j->kind->ret))
		r = FAIL(j, "planned otherwise: %s", acquire ? acquire->why : "no acquire");
	else if (loader__set_def(l, 0, &spec->pools[0]))
		r = FAIL(j, "no definition");
	for (unsigned int i = 0; i < j->cycles && !r; i++)
		r = cycle(j, l, t, &plan);
	plan__clear(&plan);
	return r;
}

static int watch(struct job *j, uint32_t pid)
{
	struct loader_options options = { .no_device = true };
	struct spec_error error = { 0 };
	struct spec spec = { 0 };
	char err[LOADER_ERROR];
	struct loader *l;
	struct target t;
	int r;

	if (spec__parse_text(&spec, j->kind->pools, strlen(j->kind->pools), "test", true, &error))
		return FAIL(j, "definition: %s", error.message);
	if (target__open(pid, &t))
		return FAIL(j, "it is not there");
	if (loader__new(&options, &l, err)) {
		r = FAIL(j, "load: %s", err);
	} else {
		r = attach_and_detach(j, l, &t, &spec);
		loader__free(l);
	}
	target__close(&t);
	spec__clear(&spec);
	return r;
}

static void *run(void *arg)
{
	struct job *j = arg;
	struct program p;
	char path[256], ignored[16];
	int r = 0, status;

	snprintf(path, sizeof(path), "%s/%s", SAFETY_DIR, j->kind->program);
	for (int probed = 0; probed < 2 && !r; probed++) {
		char *said = probed ? j->probed : j->plain;

		if (!start(path, &p) || !listen_to(&p, ignored, sizeof(ignored), true))
			r = FAIL(j, "it does not get ready");
		else if (probed)
			r = watch(j, p.pid);
		status = finish(&p, said, sizeof(j->plain));
		if (!r && status)
			r = FAIL(j, "wait status %#x", status);
	}
	return NULL;
}

FIXTURE(programs) {
	int unused;
};
FIXTURE_SETUP(programs) {}
FIXTURE_TEARDOWN(programs) {}

TEST_F_TIMEOUT(programs, say_the_same, 1500)
{
	static struct job jobs[KINDS];
	pthread_t threads[KINDS];
	const char *cycles = getenv("SAFETY_CYCLES");

	for (size_t i = 0; i < KINDS; i++) {
		jobs[i] = (struct job){ .kind = &kinds[i], .cycles = cycles ? atoi(cycles) : CYCLES };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, run, &jobs[i]));
	}
	for (size_t i = 0; i < KINDS; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_STREQ("", jobs[i].failed)
		{
			TH_LOG("with %s", kinds[i].name);
		}
		/* Right by itself, and the same under probes. */
		EXPECT_NE(NULL, strstr(jobs[i].plain, "every one\n"));
		EXPECT_EQ(NULL, strstr(jobs[i].plain, " of "));
		EXPECT_STREQ(jobs[i].plain, jobs[i].probed)
		{
			TH_LOG("with %s", kinds[i].name);
		}
	}
}

TEST_HARNESS_MAIN
