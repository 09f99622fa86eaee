// SPDX-License-Identifier: GPL-2.0
#include "kselftest_harness.h"
#include "capture.h"
#include "escape.h"
#include "event.h"

static struct poolwatch_event nested = {
	.size = sizeof(struct poolwatch_event),
	.type = POOLWATCH_EV_NESTED,
	.session = 3,
	.seq = 99,
	.tgid = 4242,
	.tid = 4243,
	.pool = 0x100000002,
	.held = 0x100000002,
	.units = 1,
	.comm = "sixteen-letters!",
};

static const char *line(const struct event_view *v)
{
	FILE *out = capture();

	setenv("TZ", "UTC", 1);
	event__print(out, v, 0);
	return captured_text(out);
}

static struct event_view view(const struct poolwatch_event *e)
{
	return (struct event_view){
		.event = e,
		.pool = "sem",
		.realtime_ns = 1767323045678901234ull,
		.site = { .symbol = "fetch_rows", .file = "api.c", .line = 40 },
		.held_site = { .symbol = "fetch", .offset = 18, .module = "api" },
	};
}

TEST(text)
{
	struct poolwatch_event e = nested;
	struct event_view v = view(&e);

	ASSERT_STREQ(
		line(&v),
		"03:04:05.678901 nested     sem of process 4242, sixteen-letters![4243]: holds a unit taken at fetch+0x12 (api), "
		"asks for another at fetch_rows (api.c:40)\n");
	e.type = POOLWATCH_EV_WAITED;
	e.value = 4250000000;
	ASSERT_STREQ(
		line(&v),
		"03:04:05.678901 waited     sem of process 4242, sixteen-letters![4243]: got a unit after 4.2 s at fetch_rows (api.c:40)\n");
	e.units = 0;
	ASSERT_STREQ(
		line(&v),
		"03:04:05.678901 waited     sem of process 4242, sixteen-letters![4243]: gave up after 4.2 s at fetch_rows (api.c:40)\n");
	e = (struct poolwatch_event){ .type = POOLWATCH_EV_PROC_EXIT, .tgid = 7 };
	ASSERT_STREQ(line(&v), "03:04:05.678901 proc-exit  process 7: the process ended\n");
	e.type = 999;
	ASSERT_STREQ(line(&v), "03:04:05.678901 unknown    process 7\n");
}

TEST(every_type_has_a_name_and_words)
{
	struct poolwatch_event e = nested;
	struct event_view v = view(&e);

	for (e.type = POOLWATCH_EV_POOL; e.type <= POOLWATCH_EV_UNCERTAIN; e.type++) {
		ASSERT_STRNE(event__name(e.type), "unknown");
		ASSERT_NE(strstr(line(&v), "[4243]: "), NULL);
	}
}

TEST(hostile_names)
{
	struct poolwatch_event e = nested;
	struct event_view v = view(&e);

	strcpy(e.comm, "a\n03:04:05 ok");
	v.pool = "\033[2J";
	v.site.symbol = "f\xff";
	v.held_site = (struct finding_frame){ 0 };
	ASSERT_STREQ(
		line(&v),
		"03:04:05.678901 nested     \\x1b[2J of process 4242, a\\x0a03:04:05 ok[4243]: holds a unit taken at ?, "
		"asks for another at f\\xff (api.c:40)\n");
}

TEST(json)
{
	struct event_view v = view(&nested);
	FILE *out = capture();

	ASSERT_EQ(event__print_json(out, &v), 0);
	ASSERT_STREQ(
		captured_text(out),
		"{\"type\":\"event\",\"event\":\"nested\",\"time\":\"2026-01-02T03:04:05.678901Z\",\"seq\":99,\"session\":3,\"pid\":4242,"
		"\"tid\":4243,\"comm\":\"sixteen-letters!\",\"pool\":\"sem\",\"pool_id\":\"0x100000002\",\"held_id\":\"0x100000002\",\"units\":1,"
		"\"value\":0,\"site\":{\"symbol\":\"fetch_rows\",\"offset\":0,\"module\":null,\"file\":\"api.c\",\"line\":40,\"address\":\"0x0\","
		"\"inlined\":false},\"held_site\":{\"symbol\":\"fetch\",\"offset\":18,\"module\":\"api\",\"file\":null,\"line\":null,"
		"\"address\":\"0x0\",\"inlined\":false}}\n");
}

TEST_HARNESS_MAIN
