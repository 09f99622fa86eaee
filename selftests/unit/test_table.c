// SPDX-License-Identifier: GPL-2.0
#include <locale.h>
#include "kselftest_harness.h"
#include "capture.h"
#include "table.h"

struct fruit {
	const char *name;
	uint64_t count;
	int64_t change;
	double rate;
	uint64_t age_ns;
	uint64_t at;
	struct finding_frame site;
};

#define COLUMN(n, member, expression) \
	static void get_##n(const void *row, struct table_value *v) \
	{ \
		const struct fruit *r = row; \
\
		v->member = (expression); \
	}
COLUMN(name, text, r->name)
COLUMN(count, count, r->count)
COLUMN(rate, rate, r->rate)
COLUMN(age, count, r->age_ns)
COLUMN(at, count, r->at)
COLUMN(ripe, count, r->count > 5)
COLUMN(site, frame, &r->site)

static void get_change(const void *row, struct table_value *v)
{
	const struct fruit *r = row;

	v->unknown = r->change == -1;
	v->number = r->change;
}

static void write_seeds(const void *row, struct json *j, const char *key)
{
	json__array(j, key);
	json__u64(j, NULL, ((const struct fruit *)row)->count);
	json__end_array(j);
}

static const struct table_column columns[] = {
	{ "name", "NAME", "name", "what it is called", TABLE_TEXT, 8, get_name },
	{ "count", "N", "count", "how many", TABLE_COUNT, 4, get_count },
	{ "change", "CHANGE", "change", "more or less", TABLE_NUMBER, 6, get_change },
	{ "rate", "RATE", "rate", "per second", TABLE_RATE, 5, get_rate },
	{ "age", "AGE", "age_ns", "how old", TABLE_NS, 6, get_age },
	{ "at", "AT", "at", "where", TABLE_HEX, 8, get_at },
	{ "ripe", "RIPE", "ripe", "or not", TABLE_BOOL, 4, get_ripe },
	{ "site", "SITE", "site", "in code", TABLE_FRAME, 8, get_site, .in_object = true },
	{ "seeds", "", "seeds", "", TABLE_OBJECT, 0, NULL, write_seeds },
};
static const struct table fruits = { "fruit", columns, sizeof(columns) / sizeof(columns[0]), "name,count,change" };

static const struct fruit apple = { "apple", 12, -1, 0.25, 1500, 0xa0, { .symbol = "f", .module = "m" } };
static const struct fruit pear = { "pe\033[31mar", 3, -2, 1234, 90 * 1000000000ull, 0xb0, { .address = 7 } };
static const struct fruit fig = { "\xe6\xb1\xa0", 100000, 7, 0, 0, 0, { .address = 8 } };
static const void *const rows[] = { &apple, &pear, &fig };

static const char *print(const char *list, const struct table_options *o)
{
	struct table_choice choice;
	char why[160];
	FILE *out;

	setlocale(LC_ALL, "C.UTF-8");
	if (table__choose(&fruits, list, &choice, why, sizeof(why)))
		return NULL;
	out = capture();
	if (table__print(out, &choice, rows, 3, o))
		return NULL;
	return captured_text(out);
}

TEST(aligned_text)
{
	ASSERT_STREQ(print(NULL, &(struct table_options){ 0 }), "NAME               N  CHANGE\n"
								"apple             12       -\n"
								"pe\\x1b[31mar       3      -2\n"
								"\xe6\xb1\xa0            100000       7\n");
	ASSERT_STREQ(print("count,name", &(struct table_options){ .no_headings = true }), "    12  apple\n"
											  "     3  pe\\x1b[31mar\n"
											  "100000  \xe6\xb1\xa0\n");
	ASSERT_STREQ(print("name", &(struct table_options){ .no_headings = true, .ascii = true }),
		     "apple\npe\\x1b[31mar\n\\xe6\\xb1\\xa0\n");
}

TEST(human_values)
{
	ASSERT_STREQ(print("rate,age,at,ripe,site", &(struct table_options){ 0 }), "RATE    AGE  AT    RIPE  SITE\n"
										   " 0.2  1.5us  0xa0  yes   f (m)\n"
										   "1.2k  1m30s  0xb0  no    0x7\n"
										   "   0    0ns  0x0   yes   0x8\n");
}

TEST(adding_columns)
{
	struct table_choice choice;
	char why[160];

	ASSERT_EQ(table__choose(&fruits, "+age,name", &choice, why, sizeof(why)), 0);
	ASSERT_EQ(choice.n, 4);
	ASSERT_STREQ(choice.column[3]->name, "age");
	ASSERT_EQ(table__choose(&fruits, "all", &choice, why, sizeof(why)), 0);
	ASSERT_EQ(choice.n, 8);
	choice.n = 77;
	ASSERT_EQ(table__choose(&fruits, "name,co\nlor", &choice, why, sizeof(why)), -EINVAL);
	ASSERT_STREQ(why, "no column 'co\\x0alor': --help lists them");
	ASSERT_EQ(table__choose(&fruits, "seeds", &choice, why, sizeof(why)), -EINVAL);
	ASSERT_EQ(table__choose(&fruits, "", &choice, why, sizeof(why)), -EINVAL);
	ASSERT_STREQ(why, "no columns given: --help lists them");
	ASSERT_EQ(choice.n, 77);
}

TEST(cut_at_the_width)
{
	ASSERT_STREQ(print("count,name", &(struct table_options){ .width = 11 }), "     N  NAM\n"
										  "    12  app\n"
										  "     3  pe\\\n"
										  "100000  \xe6\xb1\xa0\n");
	/* a wide character is not cut in half, no line ends in spaces that nobody needs */
	ASSERT_STREQ(print("count,name", &(struct table_options){ .width = 9, .no_headings = true }), "    12  a\n"
												      "     3  p\n"
												      "100000\n");
	ASSERT_STREQ(print("name,count", &(struct table_options){ .width = 5, .no_headings = true }), "apple\n"
												      "pe\\x1\n"
												      "\xe6\xb1\xa0\n");
}

TEST(json_is_raw)
{
	struct table_choice choice;
	FILE *out = capture();
	char why[160];

	table__choose_all(&fruits, &choice);
	ASSERT_EQ(table__json(out, &fruits, &choice, rows, 2), 0);
	ASSERT_STREQ(
		captured_text(out),
		"{\"type\":\"fruit\",\"name\":\"apple\",\"count\":12,\"change\":null,\"rate\":0.25,\"age_ns\":1500,\"at\":\"0xa0\","
		"\"ripe\":true,\"seeds\":[12]}\n"
		"{\"type\":\"fruit\",\"name\":\"pe\\u001b[31mar\",\"count\":3,\"change\":-2,\"rate\":1234,\"age_ns\":90000000000,"
		"\"at\":\"0xb0\",\"ripe\":false,\"seeds\":[3]}\n");
	ASSERT_EQ(table__choose(&fruits, "site,age", &choice, why, sizeof(why)), 0);
	out = capture();
	ASSERT_EQ(table__json(out, &fruits, &choice, rows, 1), 0);
	ASSERT_STREQ(
		captured_text(out),
		"{\"type\":\"fruit\",\"site\":{\"symbol\":\"f\",\"offset\":0,\"module\":\"m\",\"file\":null,\"line\":null,"
		"\"address\":\"0x0\",\"inlined\":false},\"age_ns\":1500}\n");
}

TEST(order)
{
	ASSERT_LT(table__compare(&columns[0], &apple, &pear), 0);
	ASSERT_GT(table__compare(&columns[1], &apple, &pear), 0);
	ASSERT_EQ(table__compare(&columns[1], &apple, &apple), 0);
	/* unknown is last, whatever the others are */
	ASSERT_GT(table__compare(&columns[2], &apple, &pear), 0);
	ASSERT_LT(table__compare(&columns[2], &pear, &fig), 0);
	ASSERT_LT(table__compare(&columns[3], &apple, &pear), 0);
}

TEST(durations)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} d[] = {
		{ 0, "0ns" },
		{ 999, "999ns" },
		{ 1000, "1.0us" },
		{ 9999, "9.9us" },
		{ 10000, "10us" },
		{ 999999, "999us" },
		{ 1000000, "1.0ms" },
		{ 64000000, "64ms" },
		{ 999999999, "999ms" },
		{ 1000000000, "1.0s" },
		{ 59999999999, "59s" },
		{ 60000000000, "1m00s" },
		{ 3599000000000, "59m59s" },
		{ 3600000000000, "1h00m" },
		{ 86399000000000, "23h59m" },
		{ 86400000000000, "1d00h" },
		{ 8640000000000000, "100d" },
		{ UINT64_MAX, "213503d" },
	};
	char buf[32];

	for (size_t i = 0; i < sizeof(d) / sizeof(d[0]); i++) {
		table__duration(buf, sizeof(buf), d[i].ns);
		ASSERT_STREQ(buf, d[i].text);
	}
}

TEST(rates)
{
	static const struct {
		double rate;
		const char *text;
	} r[] = {
		{ 0, "0" },	  { -1, "0" },	      { 0.26, "0.3" },	 { 9.94, "9.9" },
		{ 9.96, "10" },	  { 999.4, "999" },   { 999.6, "1.0k" }, { 9949, "9.9k" },
		{ 12345, "12k" }, { 3.14e6, "3.1M" }, { 2e12, "2.0T" },
	};
	char buf[32];

	for (size_t i = 0; i < sizeof(r) / sizeof(r[0]); i++) {
		table__rate(buf, sizeof(buf), r[i].rate);
		ASSERT_STREQ(buf, r[i].text);
	}
}

TEST_HARNESS_MAIN
