// SPDX-License-Identifier: GPL-2.0
#include <locale.h>
#include <math.h>
#include "kselftest_harness.h"
#include "capture.h"
#include "finding_json.h"
#include "findings.h"
#include "json.h"

static const char *string_of(const char *s, size_t len)
{
	FILE *out = capture();
	struct json j;

	json__init(&j, out);
	json__bytes(&j, NULL, s, len);
	return captured_text(out);
}
#define STRING(s) string_of(s, sizeof(s) - 1)

TEST(nesting_and_commas)
{
	FILE *out = capture();
	struct json j;

	json__init(&j, out);
	json__object(&j, NULL);
	json__array(&j, "empty");
	json__end_array(&j);
	json__array(&j, "a");
	json__u64(&j, NULL, UINT64_MAX);
	json__i64(&j, NULL, INT64_MIN);
	json__object(&j, NULL);
	json__end_object(&j);
	json__end_array(&j);
	json__bool(&j, "t", true);
	json__bool(&j, "f", false);
	json__null(&j, "n");
	json__hex(&j, "h", 0xdeadbeefcafe);
	json__string(&j, "s", NULL);
	json__string(&j, "k\"ey\n", "v");
	json__end_object(&j);
	ASSERT_EQ(json__end_line(&j), 0);
	json__u64(&j, NULL, 7);
	ASSERT_EQ(json__end_line(&j), 0);
	ASSERT_STREQ(
		captured_text(out),
		"{\"empty\":[],\"a\":[18446744073709551615,-9223372036854775808,{}],\"t\":true,\"f\":false,\"n\":null,"
		"\"h\":\"0xdeadbeefcafe\",\"s\":null,\"k\\\"ey\\n\":\"v\"}\n7\n");
}

TEST(doubles)
{
	FILE *out = capture();
	struct json j;

	json__init(&j, out);
	json__array(&j, NULL);
	json__double(&j, NULL, 1.5);
	json__double(&j, NULL, 0);
	json__double(&j, NULL, 1e-9);
	json__double(&j, NULL, NAN);
	json__double(&j, NULL, INFINITY);
	json__end_array(&j);
	ASSERT_STREQ(captured_text(out), "[1.5,0,1e-09,null,null]");
}

TEST(control_characters)
{
	ASSERT_STREQ(STRING("\b\t\n\f\r\"\\/"), "\"\\b\\t\\n\\f\\r\\\"\\\\/\"");
	ASSERT_STREQ(STRING("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\\u007f\"");
	ASSERT_STREQ(STRING("\033[2J\033]0;owned\a"), "\"\\u001b[2J\\u001b]0;owned\\u0007\"");
	/* U+009B is a control sequence introducer. */
	ASSERT_STREQ(STRING("\xc2\x9b"
			    "31m"),
		     "\"\\u009b31m\"");
}

TEST(utf8)
{
	ASSERT_STREQ(STRING("gr\xc3\xbc\xc3\x9f \xe6\xb1\xa0 \xf0\x9f\x8f\x8a"),
		     "\"gr\xc3\xbc\xc3\x9f \xe6\xb1\xa0 \xf0\x9f\x8f\x8a\"");
	/* one U+FFFD for each byte that begins nothing */
	ASSERT_STREQ(STRING("a\x80z"), "\"a\xef\xbf\xbdz\"");
	ASSERT_STREQ(STRING("\xff\xfe"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
	ASSERT_STREQ(STRING("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");		  /* overlong */
	ASSERT_STREQ(STRING("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""); /* surrogate */
	ASSERT_STREQ(STRING("\xf4\x90\x80\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	ASSERT_STREQ(STRING("\xe6\xb1"), "\"\xef\xbf\xbd\xef\xbf\xbd\""); /* cut off */
	ASSERT_STREQ(STRING("\xe6\"}"), "\"\xef\xbf\xbd\\\"}\"");	  /* must not swallow the quote */
}

TEST(write_error_is_told)
{
	FILE *full = fopen("/dev/full", "w");
	struct json j;

	ASSERT_NE(full, NULL);
	json__init(&j, full);
	json__null(&j, NULL);
	ASSERT_EQ(json__end_line(&j), -EIO);
	fclose(full);
}

TEST(finding_as_documented)
{
	struct finding f = four_deadlocked();
	FILE *out = capture();

	f.nthreads = 1;
	f.threads[0].nstack = 1;
	ASSERT_EQ(finding_json__write(out, &f), 0);
	ASSERT_STREQ(
		captured_text(out),
		"{\"type\":\"finding\",\"kind\":\"deadlock\",\"severity\":\"critical\",\"time\":\"2026-01-02T03:04:05.678901Z\",\"id\":7,"
		"\"count\":1,\"pool\":{\"name\":\"sem\",\"key\":\"0x55d0c0de\",\"capacity\":4,\"in_use\":4,\"waiters\":4,\"unknown\":0,"
		"\"id\":\"0x100000003\"},\"process\":{\"pid\":4242,\"comm\":\"api\",\"exe\":\"/usr/bin/api\",\"container\":null},"
		"\"threads\":[{\"tid\":4243,\"pid\":4242,\"comm\":\"worker-1\",\"holds\":[{\"pool\":\"sem\",\"key\":\"0x55d0c0de\","
		"\"count\":1,\"for_ms\":812,\"resource\":null,\"site\":{\"symbol\":\"fetch\",\"offset\":18,\"module\":\"api\","
		"\"file\":\"api.c\",\"line\":31,\"address\":\"0x40101f\",\"inlined\":false}}],\"request\":{\"pool\":\"sem\","
		"\"key\":\"0x55d0c0de\",\"count\":1,\"for_ms\":640,\"site\":{\"symbol\":\"fetch_rows\",\"offset\":32,\"module\":\"api\","
		"\"file\":\"api.c\",\"line\":40,\"address\":\"0x401028\",\"inlined\":false}},\"stack\":[{\"symbol\":\"futex_wait\","
		"\"offset\":18,\"module\":\"libc.so.6\",\"file\":null,\"line\":null,\"address\":\"0x7f0000001234\",\"inlined\":false}],"
		"\"goroutine\":null,\"doing\":null}],\"depth\":2,\"nesting_threads\":4,\"needed_capacity\":5,\"margin\":-1,"
		"\"proof\":\"reduction\",\"explanation\":\"4 threads hold all 4 units of sem and each asks for one more: none can go on.\","
		"\"event\":\"new\",\"recovered_ms\":null,\"safe_threads\":3,\"uncertain\":false,\"pools\":[]}\n");
}

TEST(what_is_not_known_is_null)
{
	struct finding_hold hold = { .pool_name = "\"},{\"x\":\"", .resource = 0x10 };
	struct finding_thread t = {
		.tid = 1, .pid = 2, .goroutine = 77, .comm = "sixteen-letters!", .holds = &hold, .nholds = 1
	};
	struct finding f = {
		.kind = FINDING_LEAK,
		.event = FINDING_RECOVERED,
		.severity = FINDING_WARNING,
		.id = 1,
		.count = 2,
		.pool_name = "p\xff\n",
		.capacity = POOLWATCH_UNKNOWN,
		.recovered_ms = 4200,
		.threads = &t,
		.nthreads = 1,
		.pools = (uint64_t[]){ 1, 2 },
		.npools = 2,
		.uncertain = true,
	};
	FILE *out = capture();

	ASSERT_EQ(finding_json__write(out, &f), 0);
	ASSERT_STREQ(
		captured_text(out),
		"{\"type\":\"finding\",\"kind\":\"leak\",\"severity\":\"warning\",\"time\":\"1970-01-01T00:00:00.000000Z\",\"id\":1,\"count\":2,"
		"\"pool\":{\"name\":\"p\xef\xbf\xbd\\n\",\"key\":\"0x0\",\"capacity\":null,\"in_use\":0,\"waiters\":0,\"unknown\":0,"
		"\"id\":\"0x0\"},\"process\":{\"pid\":0,\"comm\":\"\",\"exe\":null,\"container\":null},\"threads\":[{\"tid\":1,\"pid\":2,"
		"\"comm\":\"sixteen-letters!\",\"holds\":[{\"pool\":\"\\\"},{\\\"x\\\":\\\"\",\"key\":\"0x0\",\"count\":0,\"for_ms\":0,"
		"\"resource\":\"0x10\",\"site\":null}],\"request\":null,\"stack\":[],\"goroutine\":77,\"doing\":null}],\"depth\":null,"
		"\"nesting_threads\":null,\"needed_capacity\":null,\"margin\":null,\"proof\":null,\"explanation\":null,"
		"\"event\":\"recovered\",\"recovered_ms\":4200,\"safe_threads\":null,\"uncertain\":true,\"pools\":[\"0x1\",\"0x2\"]}\n");
}

TEST_HARNESS_MAIN
