// SPDX-License-Identifier: GPL-2.0
/* Findings: names, and that clearing one frees all of it (the leak checker of the sanitizer looks on). */
#include <errno.h>
#include <sanitizer/lsan_interface.h>
#include <stdlib.h>
#include <string.h>
#include "kselftest_harness.h"
#include "finding.h"

TEST(names)
{
	static const char *const kinds[] = {"nested", "order", "deadlock", "stall", "leak", "detached"};

	for (int i = 0; i < FINDING_KINDS; i++) {
		ASSERT_STREQ(finding__kind_name(i), kinds[i]);
		ASSERT_EQ(finding__kind_by_name(kinds[i]), i);
	}
	ASSERT_EQ(finding__kind_by_name("nest"), -EINVAL);
	ASSERT_EQ(finding__kind_by_name(""), -EINVAL);
	ASSERT_STREQ(finding__kind_name(FINDING_KINDS), "unknown");
	ASSERT_STREQ(finding__severity_name(FINDING_INFO), "info");
	ASSERT_STREQ(finding__severity_name(FINDING_WARNING), "warning");
	ASSERT_STREQ(finding__severity_name(FINDING_ERROR), "error");
	ASSERT_STREQ(finding__severity_name(FINDING_CRITICAL), "critical");
	ASSERT_STREQ(finding__severity_name(99), "unknown");
	ASSERT_STREQ(finding__event_name(FINDING_NEW), "new");
	ASSERT_STREQ(finding__event_name(FINDING_REPEATED), "repeated");
	ASSERT_STREQ(finding__event_name(FINDING_RECOVERED), "recovered");
	ASSERT_STREQ(finding__event_name(FINDING_RETRACTED), "retracted");
}

static struct finding_frame frame(void)
{
	return (struct finding_frame){
	    .symbol = strdup("fetch"), .module = strdup("api"), .file = strdup("api.c"), .line = 31};
}

static struct finding_hold hold(void)
{
	struct finding_hold h = {
	    .pool_name = strdup("sem"), .site = frame(), .stack = calloc(2, sizeof(*h.stack)), .nstack = 2};

	h.stack[0] = frame();
	return h;
}

TEST(clear)
{
	struct finding f = {.pools = malloc(8),
			    .npools = 1,
			    .exe = strdup("/usr/bin/api"),
			    .container = strdup("c"),
			    .explanation = strdup("because"),
			    .threads = calloc(2, sizeof(*f.threads)),
			    .nthreads = 2,
			    .count = 3};

	for (int i = 0; i < 2; i++) {
		struct finding_thread *t = &f.threads[i];

		t->holds = calloc(1, sizeof(*t->holds));
		t->nholds = 1;
		t->holds[0] = hold();
		t->request = hold();
		t->stack = calloc(1, sizeof(*t->stack));
		t->nstack = 1;
		t->stack[0] = frame();
		t->doing = strdup("sleeping");
	}
	finding__clear(&f);
	ASSERT_EQ(f.threads, NULL);
	ASSERT_EQ(f.count, 0);
	finding__clear(&f);
	ASSERT_EQ(__lsan_do_recoverable_leak_check(), 0);
}

TEST_HARNESS_MAIN
