// SPDX-License-Identifier: GPL-2.0
/*
 * One program, told to do the same things twice: watched without the module, then through the device. What is found must be the
 * same, word for word, but for what no two runs share: process and thread numbers, addresses, times, and which mode it was.
 */
#include <stdlib.h>
#include <string.h>
#include "kselftest_harness.h"
#include "device.h"
#include "e2e.h"

#define WORKLOAD "../e2e/workload_own"
#define UNITS 4

enum { NESTED, DEADLOCK, LEAK, FINDINGS };

static const struct {
	const char *kind, *event;
} wanted[FINDINGS] = {
	[NESTED] = { "nested", "new" },
	[DEADLOCK] = { "deadlock", "new" },
	[LEAK] = { "leak", "new" },
};

/* Numbers of processes and threads are told apart: the first becomes #1, and so on. */
static bool is_number_of_task(const char *name, size_t len)
{
	return len == 3 && (!strncmp(name, "pid", 3) || !strncmp(name, "tid", 3));
}

/* "in_use": a nested request is told of while it may or may not be granted already. */
static bool is_of_one_run(const char *name, size_t len)
{
	static const char *const names[] = { "time", "key", "for_ms", "recovered_ms", "resource", "address", "id", "in_use", "doing" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len && !strncmp(names[i], name, len))
			return true;
	return false;
}

/* Behind the value that begins at @s: a string, an object, or a word. */
static const char *behind(const char *s)
{
	int depth = 0;

	if (*s != '"' && *s != '{')
		return s + strcspn(s, ",}]");
	do {
		if (*s == '"')
			for (s++; *s && *s != '"'; s++)
				s += *s == '\\' && s[1];
		depth += *s == '{';
		depth -= *s == '}';
		s += !!*s;
	} while (*s && depth);
	return s;
}

/* The first frame of the stack at @s that is the program's: what the pool's own code does below it depends on the moment. */
static const char *own_frame(const char *s)
{
	const char *frame = strstr(s, "{\"symbol\":\"next_request\""), *end = strchr(s, ']');

	return frame && end && frame < end ? frame : s + 1;
}

/* The line as it would be in any run; the caller frees it. */
static char *plain(const char *line)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	long task[64];
	int ntasks = 0;

	for (const char *s = line; *s;) {
		const char *end = *s == '"' ? behind(s) : s + 1, *value = end + 1;

		fwrite(s, 1, end - s, out);
		if (*s == '"' && *end == ':' && is_number_of_task(s + 1, end - s - 2)) {
			long number = strtol(value, NULL, 10);
			int i;

			for (i = 0; i < ntasks && task[i] != number; i++)
				;
			if (i == ntasks && ntasks < 64)
				task[ntasks++] = number;
			fprintf(out, ":#%d", i + 1);
			end = behind(value);
		} else if (*s == '"' && *end == ':' && is_of_one_run(s + 1, end - s - 2)) {
			/* That there is none is no matter of the run. */
			fprintf(out, strncmp(value, "null", 4) ? ":*" : ":null");
			end = behind(value);
		} else if (end - s == 7 && !strncmp(s, "\"stack\":[", 9)) {
			fprintf(out, ":[");
			end = own_frame(value);
		}
		s = end;
	}
	fclose(out);
	return text;
}

FIXTURE(same)
{
	struct proc program, watch;
	char *found[2][FINDINGS];
};

FIXTURE_SETUP(same)
{
	memset(self, 0, sizeof(*self));
}

FIXTURE_TEARDOWN(same)
{
	proc__free(&self->watch);
	proc__free(&self->program);
	for (int i = 0; i < 2 * FINDINGS; i++)
		free(self->found[i / FINDINGS][i % FINDINGS]);
	module__unload_wait();
}

#define DO(order, answer) ASSERT_STREQ(workload__do(&self->program, order), answer)

#define FOUND(mode, which)                                                                                  \
	do {                                                                                                \
		const char *f_ = poolwatch__finding(&self->watch, wanted[which].kind, wanted[which].event); \
		ASSERT_NE(f_, NULL);                                                                        \
		self->found[mode][which] = plain(f_);                                                       \
	} while (0)

static void watch(struct __test_metadata *_metadata, FIXTURE_DATA(same) *self, int mode)
{
	char pid[16], says[80];
	pid_t tid[UNITS];
	const char *line;

	ASSERT_EQ(workload__start(&self->program, WORKLOAD, UNITS), 0);
	ASSERT_EQ(workload__threads(&self->program, UNITS, tid), 0);
	snprintf(pid, sizeof(pid), "%d", self->program.pid);
	ASSERT_EQ(poolwatch__start(&self->watch, "attach", "-p", pid, "--acquire", "take_slot", "--release", "put_slot", "--capacity",
				   "4", "--json", "--stall", "600", "--budget", "off", NULL), 0);
	snprintf(says, sizeof(says), "poolwatch: watching process %s ", pid);
	line = proc__expect_err(&self->watch, says);
	ASSERT_NE(line, NULL);
	EXPECT_NE(strstr(line, mode ? "device mode" : "direct mode"), NULL);
}

static void unwatch(struct __test_metadata *_metadata, FIXTURE_DATA(same) *self)
{
	EXPECT_EQ(poolwatch__stop(&self->watch), 3);
	proc__free(&self->watch);
	proc__free(&self->program);
}

/* A nested request, a deadlock and, in another process, a thread that ends with a unit; each waited for before the next. */
static void play(struct __test_metadata *_metadata, FIXTURE_DATA(same) *self, int mode)
{
	watch(_metadata, self, mode);
	DO("1 take", "1 done 1");
	DO("1 take", "1 done 2");
	FOUND(mode, NESTED);
	DO("1 put", "1 done 1");
	DO("1 put", "1 done 0");
	for (int i = 1; i <= UNITS; i++)
		ASSERT_NE(workload__do(&self->program, "%d take", i), NULL);
	for (int i = 1; i <= UNITS; i++)
		ASSERT_NE(workload__do(&self->program, "%d ask", i), NULL);
	FOUND(mode, DEADLOCK);
	EXPECT_NE(strstr(self->found[mode][DEADLOCK], "\"waiters\":4"), NULL);
	unwatch(_metadata, self);

	watch(_metadata, self, mode);
	DO("2 take", "2 done 1");
	DO("2 exit", "2 ended");
	FOUND(mode, LEAK);
	unwatch(_metadata, self);
}

TEST_F(same, findings_with_the_module_and_without)
{
	play(_metadata, self, 0);
	ASSERT_EQ(module__load(MODULE, ""), 0);
	play(_metadata, self, 1);
	ASSERT_EQ(module__unload_wait(), 0);
	for (int i = 0; i < FINDINGS; i++) {
		EXPECT_STREQ(self->found[0][i], self->found[1][i]);
		EXPECT_NE(strstr(self->found[0][i], "\"symbol\":\"first_request\""), NULL);
	}
}

TEST(what_is_of_one_run_and_what_is_not)
{
	char *text = plain("{\"tid\":7,\"pid\":5,\"key\":\"0x1,\\\"}\",\"x\":[{\"tid\":5,\"for_ms\":3},{\"tid\":7,\"resource\":null}],"
			   "\"doing\":{\"a\":{\"b\":\"}\"}},\"stack\":[{\"symbol\":\"f\"},{\"symbol\":\"next_request\",\"offset\":2}],\"units\":2}");

	EXPECT_STREQ(text, "{\"tid\":#1,\"pid\":#2,\"key\":*,\"x\":[{\"tid\":#2,\"for_ms\":*},{\"tid\":#1,\"resource\":null}],"
			   "\"doing\":*,\"stack\":[{\"symbol\":\"next_request\",\"offset\":2}],\"units\":2}");
	free(text);
}

TEST_HARNESS_MAIN
