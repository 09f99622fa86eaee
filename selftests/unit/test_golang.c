// SPDX-License-Identifier: GPL-2.0
/* Go's table of functions: a small one whose every word is known, and what becomes of it when its words are not what they should be. */
#include <errno.h>
#include "kselftest_harness.h"
#include "golang.h"
#include "golang_image.h"

#define CONN "database/sql.(*DB).conn"
#define MAIN "main.main"
#define FILE_SQL "/go/src/database/sql/sql.go"
#define FILE_MAIN "/home/x/main.go"

/* As Go 1.20 and later write it: functions of 0x40 and 0x20 bytes, in a file each. */
struct table {
	uint32_t magic;
	uint8_t pad[2], quantum, pointer;
	uint64_t nfunctions, nfiles, text, names, units, files, tables, index;
	char name[sizeof(CONN) + sizeof(MAIN)];
	char file[sizeof(FILE_SQL) + sizeof(FILE_MAIN)];
	uint32_t unit[2];
	/* From 1 on: files of conn and of main; then lines: 10, from 0x20 on 12; and 7. */
	uint8_t step[24];
	uint32_t entry[5];
	struct {
		uint32_t start, name, args, deferreturn, sp, file, line, ndata, unit;
	} record[2];
} __attribute__((packed));

static struct table good_table(void)
{
	struct table t = {
		.magic = 0xfffffff1, .quantum = 1, .pointer = 8, .nfunctions = 2, .nfiles = 2, .text = GOLANG_IMAGE_TEXT,
		.names = offsetof(struct table, name), .units = offsetof(struct table, unit), .files = offsetof(struct table, file),
		.tables = offsetof(struct table, step), .index = offsetof(struct table, entry),
		.name = CONN "\0" MAIN, .file = FILE_SQL "\0" FILE_MAIN, .unit = { 0, sizeof(FILE_SQL) },
		.step = { 0, 2, 0x40, 0, 4, 0x20, 0, 22, 0x20, 4, 0x20, 0, 16, 0x20, 0 },
		.entry = { 0, offsetof(struct table, record[0]) - offsetof(struct table, entry), 0x40,
			   offsetof(struct table, record[1]) - offsetof(struct table, entry), 0x60 },
		.record = { { 0, 0, 0, 0, 0, 1, 7, 0, 0 }, { 0x40, sizeof(CONN), 0, 0, 0, 4, 12, 0, 0 } },
	};

	return t;
}

FIXTURE(golang)
{
	struct table table;
	char *image;
	Elf *elf;
	struct golang *go;
	const char *version; /* NULL: some */
};

static int open_bytes(FIXTURE_DATA(golang) *self, const void *bytes, size_t len)
{
	size_t size;

	self->image = golang_image(bytes, len, self->version ?: "go1.23.5", &size);
	self->elf = self->image ? elf_memory(self->image, size) : NULL;
	return self->elf ? golang__open(self->elf, &self->go) : -ENOMEM;
}

static void close_bytes(FIXTURE_DATA(golang) *self)
{
	golang__close(self->go);
	elf_end(self->elf);
	free(self->image);
	self->go = NULL;
	self->elf = NULL;
	self->image = NULL;
}

FIXTURE_SETUP(golang)
{
	ASSERT_NE(EV_NONE, elf_version(EV_CURRENT));
	self->go = NULL;
	self->elf = NULL;
	self->image = NULL;
	self->version = NULL;
	self->table = good_table();
}

FIXTURE_TEARDOWN(golang)
{
	close_bytes(self);
}

/* As the DWARF of programs says that were made by them; one of a version not seen has nothing else here to ask. */
TEST_F(golang, where_fields_lie)
{
	static const struct {
		const char *version;
		uint32_t goid, max_open, tx_conn, tx_done; /* goid 0: not known */
	} want[] = {
		{ "go1.17.1", 0 },
		{ "go1.18", 152, 128, 32, 64 },
		{ "go1.22.12", 152, 128, 32, 64 },
		{ "go1.23.8", 160, 136, 32, 64 },
		{ "go1.24.4", 160, 136, 32, 64 },
		{ "go1.25.12", 152, 136, 32, 64 },
		{ "go1.26.11 X:nodwarf5", 152, 136, 32, 64 },
		{ "go1.27.3", 152, 136, 40, 72 },
		{ "go1.27rc1", 0 },
		{ "go1.28.0", 0 },
	};
	uint32_t offset;

	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
		self->version = want[i].version;
		ASSERT_EQ(0, open_bytes(self, &self->table, sizeof(self->table)));
		if (want[i].goid) {
			EXPECT_EQ(0, golang__field(self->go, GOLANG_GOID, &offset));
			EXPECT_EQ(want[i].goid, offset) TH_LOG("%s", want[i].version);
			EXPECT_EQ(0, golang__field(self->go, GOLANG_MAX_OPEN, &offset));
			EXPECT_EQ(want[i].max_open, offset) TH_LOG("%s", want[i].version);
			EXPECT_EQ(0, golang__field(self->go, GOLANG_TX_CONN, &offset));
			EXPECT_EQ(want[i].tx_conn, offset) TH_LOG("%s", want[i].version);
			EXPECT_EQ(0, golang__field(self->go, GOLANG_TX_DONE, &offset));
			EXPECT_EQ(want[i].tx_done, offset) TH_LOG("%s", want[i].version);
		} else {
			EXPECT_EQ(-ENOENT, golang__field(self->go, GOLANG_GOID, &offset)) TH_LOG("%s", want[i].version);
		}
		close_bytes(self);
	}
}

TEST_F(golang, what_it_says)
{
	struct golang_function f;
	uint64_t start, end;
	const char *file;
	uint32_t line;

	ASSERT_EQ(0, open_bytes(self, &self->table, sizeof(self->table)));
	EXPECT_STREQ("go1.23.5", golang__version(self->go));
	ASSERT_EQ(2, golang__functions(self->go));
	ASSERT_EQ(0, golang__find(self->go, CONN, &f));
	EXPECT_EQ(GOLANG_IMAGE_TEXT, f.start);
	EXPECT_EQ(GOLANG_IMAGE_TEXT + 0x40, f.end);
	EXPECT_EQ(-ENOENT, golang__find(self->go, "database/sql.(*DB).con", &f));
	EXPECT_EQ(-EINVAL, golang__function(self->go, 2, &f));
	ASSERT_EQ(0, golang__package(self->go, GOLANG_IMAGE_TEXT + 1, &start, &end));
	EXPECT_EQ(GOLANG_IMAGE_TEXT, start);
	EXPECT_EQ(GOLANG_IMAGE_TEXT + 0x40, end);
	EXPECT_EQ(-ENOENT, golang__package(self->go, GOLANG_IMAGE_TEXT + 0x40, &start, &end));
	ASSERT_EQ(0, golang__line(self->go, GOLANG_IMAGE_TEXT + 0x1f, &f, &file, &line));
	EXPECT_STREQ(CONN, f.name);
	EXPECT_STREQ(FILE_SQL, file);
	EXPECT_EQ(10, line);
	ASSERT_EQ(0, golang__line(self->go, GOLANG_IMAGE_TEXT + 0x20, &f, &file, &line));
	EXPECT_EQ(12, line);
	ASSERT_EQ(0, golang__line(self->go, GOLANG_IMAGE_TEXT + 0x5f, &f, &file, &line));
	EXPECT_STREQ(MAIN, f.name);
	EXPECT_STREQ(FILE_MAIN, file);
	EXPECT_EQ(7, line);
	EXPECT_EQ(-ENOENT, golang__line(self->go, GOLANG_IMAGE_TEXT + 0x60, &f, &file, &line));
	EXPECT_EQ(-ENOENT, golang__line(self->go, GOLANG_IMAGE_TEXT - 1, &f, &file, &line));
}

/* In the file of a position-independent program the address of the code is not filled in: it is that of .text. */
TEST_F(golang, where_the_code_begins)
{
	struct golang_function f;

	self->table.text = 0;
	ASSERT_EQ(0, open_bytes(self, &self->table, sizeof(self->table)));
	ASSERT_EQ(0, golang__find(self->go, MAIN, &f));
	EXPECT_EQ(GOLANG_IMAGE_TEXT + 0x40, f.start);
}

/* Numbers of functions for which there is no room, one of which is a small number of bytes if it is multiplied in 64 bits. */
TEST_F(golang, more_functions_than_fit)
{
	static const uint64_t n[] = { 13, 1u << 20, 8u << 20, (8u << 20) + 1, 1ull << 32, 1ull << 61, (1ull << 61) + 1, UINT64_MAX };

	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
		self->table.nfunctions = n[i];
		ASSERT_EQ(0, open_bytes(self, &self->table, sizeof(self->table)));
		EXPECT_EQ(0, golang__functions(self->go)) TH_LOG("%llu", (unsigned long long)n[i]);
		close_bytes(self);
	}
}

/* Addresses would begin anew at 0. */
TEST_F(golang, code_at_the_end_of_all_addresses)
{
	struct golang_function f;

	self->table.text = UINT64_MAX - UINT32_MAX;
	ASSERT_EQ(0, open_bytes(self, &self->table, sizeof(self->table)));
	ASSERT_EQ(0, golang__find(self->go, MAIN, &f));
	EXPECT_EQ(UINT64_MAX - UINT32_MAX + 0x60, f.end);
	close_bytes(self);
	self->table.text++;
	ASSERT_EQ(0, open_bytes(self, &self->table, sizeof(self->table)));
	EXPECT_EQ(0, golang__functions(self->go));
}

TEST_F(golang, other_formats)
{
	self->table.magic = 0xfffffffb; /* Go 1.2 */
	ASSERT_EQ(0, open_bytes(self, &self->table, sizeof(self->table)));
	EXPECT_EQ(0, golang__functions(self->go));
	close_bytes(self);
	self->table.magic = 0xfffffff1;
	self->table.pointer = 4;
	ASSERT_EQ(0, open_bytes(self, &self->table, sizeof(self->table)));
	EXPECT_EQ(0, golang__functions(self->go));
}

/* All that is asked of a table. What it says of a function lies in it, or the sanitizers tell. */
static size_t ask_everything(const struct golang *go)
{
	struct golang_function f;
	uint64_t start, end;
	const char *file;
	uint32_t line;
	size_t sum = 0;

	for (size_t i = 0; i <= golang__functions(go); i++)
		if (!golang__function(go, i, &f))
			sum += strlen(f.name) + (f.start < f.end);
	golang__find(go, "no such function", &f);
	for (uint64_t at = GOLANG_IMAGE_TEXT - 1; at < GOLANG_IMAGE_TEXT + 0x62; at += 0xf) {
		golang__package(go, at, &start, &end);
		if (!golang__line(go, at, &f, &file, &line))
			sum += strlen(f.name) + (file ? strlen(file) : 0) + line;
	}
	return sum;
}

TEST_F(golang, cut_off_anywhere)
{
	for (size_t len = sizeof(self->table); len-- > 0;) {
		ASSERT_EQ(0, open_bytes(self, &self->table, len));
		ask_everything(self->go);
		close_bytes(self);
	}
}

TEST_F(golang, any_word_of_it_wrong)
{
	static const uint64_t words[] = { 0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 63, UINT64_MAX };
	static const size_t widths[] = { 1, 4, 8 };
	struct table bad;

	for (size_t w = 0; w < 3; w++)
		for (size_t at = 0; at + widths[w] <= sizeof(bad); at++)
			for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
				bad = self->table;
				memcpy((char *)&bad + at, &words[i], widths[w]);
				ASSERT_EQ(0, open_bytes(self, &bad, sizeof(bad)));
				ask_everything(self->go);
				close_bytes(self);
			}
	/* As it was, all of that has an answer. */
	ASSERT_EQ(0, open_bytes(self, &self->table, sizeof(self->table)));
	EXPECT_LT(0, ask_everything(self->go));
}

TEST_HARNESS_MAIN
