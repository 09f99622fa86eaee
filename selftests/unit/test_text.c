// SPDX-License-Identifier: GPL-2.0
#include <locale.h>
#include "kselftest_harness.h"
#include "capture.h"
#include "findings.h"
#include "text.h"

static const struct text_options plain;

static const char *report(const struct finding *f, const struct text_options *o)
{
	FILE *out = capture();

	setenv("TZ", "UTC", 1);
	setlocale(LC_ALL, "C.UTF-8");
	if (text__finding(out, f, o))
		return NULL;
	return captured_text(out);
}

TEST(deadlock_at_80_columns)
{
	struct finding f = four_deadlocked();

	ASSERT_STREQ(report(&f, &(struct text_options){ .width = 80 }),
		     "DEADLOCK #7 in pool sem of api[4242] at 03:04:05\n"
		     "  4 threads hold all 4 units of sem and each asks for one more: none can go on.\n"
		     "  capacity 4, 4 in use, 4 waiting; key 0x55d0c0de; /usr/bin/api\n"
		     "  threads 4243-4246 (worker-1, worker-2, worker-3, ...), same stack:\n"
		     "    each holds 1 of sem for 812 ms to 815 ms, taken at\n"
		     "      fetch (api.c:31)\n"
		     "    each asks for 1 more of sem, for 640 ms now, at\n"
		     "      fetch_rows (api.c:40) -> sem_wait+0x44 (libc.so.6)\n"
		     "      handle (api.c:55)\n"
		     "      start_thread+0x2f0 (libc.so.6)\n"
		     "  Cure: release what fetch (api.c:31) took before asking again at fetch_rows\n"
		     "    (api.c:40), or take all units at once. 4 threads nesting 2 deep need at\n"
		     "    least 5 units.\n"
		     "\n");
}

TEST(no_line_is_wider_than_asked)
{
	struct finding f = four_deadlocked();

	fetch_stack[2].symbol =
		"std::enable_if<std::is_same<int, int>::value, std::map<std::string, std::vector<int>>>::type fetch_rows()";
	f.explanation = NULL;
	for (unsigned int width = 40; width < 140; width++) {
		const char *s = report(&f, &(struct text_options){ .width = width });

		while (*s) {
			size_t len = strcspn(s, "\n");

			ASSERT_LE(len, width)
			TH_LOG("width %u: %.*s", width, (int)len, s);
			s += len + 1;
		}
	}
	fetch_stack[2].symbol = "fetch_rows";
}

TEST(nested_with_sizing_rule)
{
	struct finding f = four_deadlocked();

	f.kind = FINDING_NESTED;
	f.severity = FINDING_WARNING;
	f.nthreads = 1;
	f.capacity = 10;
	f.in_use = 1;
	f.waiters = 0;
	f.unknown = 2;
	f.safe_threads = 9;
	f.margin = 5;
	f.needed_capacity = 11;
	f.explanation = NULL;
	f.realtime_ns = 0;
	f.container = "3f2a9b";
	f.uncertain = true;
	ASSERT_STREQ(
		report(&f, &plain),
		"NESTED #7 in pool sem of api[4242]\n"
		"  A thread that holds a unit of this pool asked for another one; enough of them at once would wait for each other forever.\n"
		"  capacity 10, 1 in use, 0 waiting, 2 taken before the watch began; key 0x55d0c0de; /usr/bin/api, container 3f2a9b\n"
		"  The books of this pool may be wrong: 'poolwatch show stats' tells what was lost.\n"
		"  thread 4243 (worker-1):\n"
		"    holds 1 of sem for 812 ms, taken at\n"
		"      fetch (api.c:31)\n"
		"    asks for 1 more of sem, for 640 ms now, at\n"
		"      fetch_rows (api.c:40) -> sem_wait+0x44 (libc.so.6)\n"
		"      handle (api.c:55)\n"
		"      start_thread+0x2f0 (libc.so.6)\n"
		"  Cure: release what fetch (api.c:31) took before asking again at fetch_rows (api.c:40), or take all units at once. "
		"Safe for up to 9 threads nesting at once, 4 seen; 10 of them need 11 units.\n"
		"\n");
}

TEST(groups_of_equal_stacks)
{
	struct finding f = four_deadlocked();
	struct finding_frame other[] = { FRAME("refresh", 4, "api", "cache.c", 9, true) };

	f.threads[1].stack = other;
	f.threads[1].nstack = 1;
	f.threads[3].tid = 4250;
	f.threads[3].pid = 4343;
	f.explanation = "e";
	f.depth = 0;
	ASSERT_STREQ(
		report(&f, &plain),
		"DEADLOCK #7 in pool sem of api[4242] at 03:04:05\n"
		"  E.\n"
		"  capacity 4, 4 in use, 4 waiting; key 0x55d0c0de; /usr/bin/api\n"
		"  threads 4243, 4245 (worker-1, worker-3), same stack:\n"
		"    each holds 1 of sem for 812 ms to 814 ms, taken at\n"
		"      fetch (api.c:31)\n"
		"    each asks for 1 more of sem, for 640 ms now, at\n"
		"      fetch_rows (api.c:40) -> sem_wait+0x44 (libc.so.6)\n"
		"      handle (api.c:55)\n"
		"      start_thread+0x2f0 (libc.so.6)\n"
		"  thread 4244 (worker-2):\n"
		"    holds 1 of sem for 813 ms, taken at\n"
		"      fetch (api.c:31)\n"
		"    asks for 1 more of sem, for 640 ms now, at\n"
		"      refresh (cache.c:9)\n"
		"  thread 4250 of process 4343 (worker-4):\n"
		"    holds 1 of sem for 815 ms, taken at\n"
		"      fetch (api.c:31)\n"
		"    asks for 1 more of sem, for 640 ms now, at\n"
		"      fetch_rows (api.c:40) -> sem_wait+0x44 (libc.so.6)\n"
		"      handle (api.c:55)\n"
		"      start_thread+0x2f0 (libc.so.6)\n"
		"  Cure: release what fetch (api.c:31) took before asking again at fetch_rows (api.c:40), or take all units at once.\n"
		"\n");
}

TEST(library_frames)
{
	struct finding f = four_deadlocked();
	struct finding_frame stack[] = {
		{ .address = 1, .offset = 0x8f3c1, .module = "libc.so.6" },
		{ .address = 2, .symbol = "pool_take", .offset = 8, .module = "libpool.so" },
		{ .address = 3,
		  .symbol = "cmp",
		  .module = "api",
		  .file = "api.c",
		  .line = 3,
		  .user_code = true,
		  .inlined = true },
		{ .address = 3, .symbol = "msort", .offset = 1, .module = "libc.so.6" },
		{ .address = 4, .symbol = "qsort", .offset = 1, .module = "libc.so.6" },
		{ .address = 5, .symbol = "glue", .offset = 1, .module = "libglue.so" },
		{ .address = 6, .symbol = "main", .offset = 0x1f, .module = "api", .user_code = true },
		{ .address = 0x7fff00, .user_code = true },
	};
	const char *head =
		"LEAK #7 in pool sem of api[4242] at 03:04:05\n  E.\n  capacity 4, 4 in use, 4 waiting; key 0x55d0c0de\n"
		"  thread 4243 (worker-1):\n    holds 1 of sem for 812 ms, taken at\n";
	char expect[1024];

	f.kind = FINDING_LEAK;
	f.nthreads = 1;
	f.exe = NULL;
	f.explanation = "e";
	f.threads[0].holds[0].stack = stack;
	f.threads[0].holds[0].nstack = 8;
	f.threads[0].holds[0].site.user_code = false; /* a library called the pool on the user's behalf */
	f.threads[0].requesting = false;
	f.threads[0].nstack = 0;
	snprintf(expect, sizeof(expect), "%s%s", head,
		 "      cmp (api.c:3) [inlined] -> pool_take+0x8 (libpool.so)\n"
		 "      [3 frames in libc.so.6, libglue.so]\n"
		 "      main+0x1f (api)\n"
		 "      0x7fff00\n"
		 "  Cure: release on every path what cmp (api.c:3) [inlined] took, errors included.\n\n");
	ASSERT_STREQ(report(&f, &plain), expect);
	snprintf(expect, sizeof(expect), "%s%s", head,
		 "      libc.so.6+0x8f3c1\n"
		 "      pool_take+0x8 (libpool.so)\n"
		 "      cmp (api.c:3) [inlined]\n"
		 "      msort+0x1 (libc.so.6)\n"
		 "      qsort+0x1 (libc.so.6)\n"
		 "      glue+0x1 (libglue.so)\n"
		 "      main+0x1f (api)\n"
		 "      0x7fff00\n"
		 "  Cure: release on every path what cmp (api.c:3) [inlined] took, errors included.\n\n");
	ASSERT_STREQ(report(&f, &(struct text_options){ .all_frames = true }), expect);
	/* nothing of the user's: nothing is folded */
	f.threads[0].holds[0].nstack = 2;
	snprintf(expect, sizeof(expect), "%s%s", head,
		 "      libc.so.6+0x8f3c1\n"
		 "      pool_take+0x8 (libpool.so)\n"
		 "  Cure: release on every path what fetch (api.c:31) took, errors included.\n\n");
	ASSERT_STREQ(report(&f, &plain), expect);
}

TEST(stall_says_what_holders_do)
{
	struct finding f = four_deadlocked();

	f.kind = FINDING_STALL;
	f.severity = FINDING_ERROR;
	f.nthreads = 1;
	f.explanation = "e";
	f.exe = NULL;
	f.threads[0].requesting = false;
	f.threads[0].doing = "sleeping in read(7, \033[2J) for 3.1 s";
	ASSERT_STREQ(report(&f, &plain),
		     "STALL #7 in pool sem of api[4242] at 03:04:05\n"
		     "  E.\n"
		     "  capacity 4, 4 in use, 4 waiting; key 0x55d0c0de\n"
		     "  thread 4243 (worker-1):\n"
		     "    holds 1 of sem for 812 ms, taken at\n"
		     "      fetch (api.c:31)\n"
		     "    now: sleeping in read(7, \\x1b[2J) for 3.1 s\n"
		     "      fetch_rows (api.c:40) -> sem_wait+0x44 (libc.so.6)\n"
		     "      handle (api.c:55)\n"
		     "      start_thread+0x2f0 (libc.so.6)\n"
		     "  Cure: see what the holders above do; a larger pool helps only if they go on at all.\n"
		     "\n");
}

TEST(several_pools_of_one_name)
{
	struct finding f = four_deadlocked();

	f.kind = FINDING_ORDER;
	f.nthreads = 1;
	f.explanation = "e";
	f.exe = NULL;
	f.threads[0].nstack = 0;
	f.threads[0].request.pool = 0x100000004;
	f.threads[0].request.key = 0xbeef;
	ASSERT_STREQ(
		report(&f, &plain),
		"ORDER #7 in pool sem of api[4242] at 03:04:05\n"
		"  E.\n"
		"  capacity 4, 4 in use, 4 waiting; key 0x55d0c0de\n"
		"  thread 4243 (worker-1):\n"
		"    holds 1 of sem for 812 ms, taken at\n"
		"      fetch (api.c:31)\n"
		"    asks for 1 of sem 0xbeef, for 640 ms now, at\n"
		"      fetch_rows (api.c:40)\n"
		"  Cure: take these pools in the same order everywhere, or release one before asking for the other.\n"
		"\n");
}

TEST(hostile_names)
{
	struct finding f = four_deadlocked();
	struct finding_frame *site = &f.threads[0].holds[0].site;

	f.nthreads = 1;
	f.depth = 0;
	strcpy(f.comm, "a\nDEADLOCK #8");
	strcpy(f.pool_name, "\033[31mred");
	strcpy(f.threads[0].comm, "\xc2\x9b\x7f");
	f.exe = "/tmp/\r\xff";
	f.explanation = "one\ntwo";
	f.threads[0].nstack = 0;
	f.threads[0].holds[0].pool_name = "\a";
	site->symbol = "f\n";
	site->file = "\xe2\x80\xae.c";
	f.threads[0].request.site = (struct finding_frame){ .module = "m\b", .offset = 16 };
	ASSERT_STREQ(
		report(&f, &plain),
		"DEADLOCK #7 in pool \\x1b[31mred of a\\x0aDEADLOCK #8[4242] at 03:04:05\n"
		"  One\\x0atwo.\n"
		"  capacity 4, 4 in use, 4 waiting; key 0x55d0c0de; /tmp/\\x0d\\xff\n"
		"  thread 4243 (\\xc2\\x9b\\x7f):\n"
		"    holds 1 of \\x07 for 812 ms, taken at\n"
		"      f\\x0a (\\xe2\\x80\\xae.c:31)\n"
		"    asks for 1 more of sem, for 640 ms now, at\n"
		"      m\\x08+0x10\n"
		"  Cure: release what f\\x0a (\\xe2\\x80\\xae.c:31) took before asking again at m\\x08+0x10, or take all units at once.\n"
		"\n");
}

TEST(follow_ups_are_one_line)
{
	struct finding f = four_deadlocked();

	f.event = FINDING_RECOVERED;
	f.recovered_ms = 4250;
	ASSERT_STREQ(report(&f, &plain), "recovered after 4.2 s: deadlock #7 in pool sem of api[4242]\n");
	f.kind = FINDING_LEAK;
	ASSERT_STREQ(report(&f, &plain), "returned after 4.2 s: leak #7 in pool sem of api[4242]\n");
	f.kind = FINDING_NESTED;
	f.event = FINDING_REPEATED;
	f.count = 17;
	ASSERT_STREQ(report(&f, &plain), "again, 17 times by now: nested #7 in pool sem of api[4242]\n");
	f.event = FINDING_RETRACTED;
	f.explanation = "threads\ngo";
	ASSERT_STREQ(report(&f, &plain), "retracted: nested #7 in pool sem of api[4242]: threads\\x0ago\n");
	f.explanation = NULL;
	ASSERT_STREQ(report(&f, &plain), "retracted: nested #7 in pool sem of api[4242]: it is no pool\n");
}

TEST(colour_only_adds_sequences)
{
	struct finding f = four_deadlocked();
	const char *colored = report(&f, &(struct text_options){ .color = true, .width = 60 });
	char stripped[4096], *to = stripped;

	ASSERT_NE(strstr(colored, "\033[1;31mDEADLOCK\033[0m"), NULL);
	for (const char *p = colored; *p; p++) {
		if (*p == '\033')
			p += strcspn(p, "m");
		else
			*to++ = *p;
	}
	*to = '\0';
	ASSERT_STREQ(report(&f, &(struct text_options){ .width = 60 }), stripped);
}

TEST(ages)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} ages[] = {
		{ 0, "0 ms" },
		{ 999, "999 ms" },
		{ 1000, "1.0 s" },
		{ 59999, "59.9 s" },
		{ 60000, "1 min 0 s" },
		{ 3599999, "59 min 59 s" },
		{ 3600000, "1 h 0 min" },
		{ 86399999, "23 h 59 min" },
		{ 86400000, "1 d 0 h" },
		{ 8640000000, "100 d 0 h" },
	};
	char buf[32];

	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		text__age(buf, sizeof(buf), ages[i].ms);
		ASSERT_STREQ(buf, ages[i].text);
	}
}

TEST(write_error_is_told)
{
	struct finding f = four_deadlocked();
	FILE *full = fopen("/dev/full", "w");

	ASSERT_NE(full, NULL);
	ASSERT_EQ(text__finding(full, &f, &plain), -EIO);
	fclose(full);
}

TEST_HARNESS_MAIN
