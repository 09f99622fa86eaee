// SPDX-License-Identifier: GPL-2.0
/* Pool definitions: what is understood, and where and why what is not is refused. */
#include "kselftest_harness.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "spec.h"
#include "spec_json.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof(*(a)))

/* @text as one line of "--pool", or as a file. */
static int parse(struct spec *spec, const char *text, bool semicolons, struct spec_error *err)
{
	return spec__parse_text(spec, text, strlen(text), semicolons ? "--pool" : "test.pool", semicolons, err);
}

static char *printed(const struct spec *spec)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; i < spec->npools; i++)
		spec_pool__print(&spec->pools[i], out);
	fclose(out);
	return text;
}

static char *printed_error(const struct spec_error *err)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	spec_error__print(err, out);
	fclose(out);
	return text;
}

TEST(the_example_of_the_manual)
{
	static const char text[] = "# MongoDB\n"
				   "pool mongoc\n"
				   "  lib       libmongoc-1.0.so.0\n"
				   "\n"
				   "\tkey       arg0   # the pool\n"
				   "  capacity  u32[key+0x84]\r\n"
				   "  acquire   mongoc_client_pool_pop mongoc_client_pool_try_pop   ok=ret!=0 resource=ret\n"
				   "  release   mongoc_client_pool_push                             resource=arg1\n"
				   "  resize    mongoc_client_pool_max_size                         capacity=arg1";
	const struct spec_probe *p;
	struct spec_error err;
	struct spec spec = { 0 };

	ASSERT_EQ(parse(&spec, text, false, &err), 0);
	ASSERT_EQ(spec.npools, 1);
	EXPECT_STREQ(spec.pools[0].name, "mongoc");
	EXPECT_STREQ(spec.pools[0].file, "test.pool");
	EXPECT_EQ(spec.pools[0].line, 2);
	EXPECT_EQ(spec.pools[0].column, 1);
	ASSERT_EQ(spec.pools[0].nlibs, 1);
	EXPECT_STREQ(spec.pools[0].libs[0], "libmongoc-1.0.so.0");
	EXPECT_EQ(spec.pools[0].key.shape, PW_SHAPE_ARG);
	EXPECT_EQ(spec.pools[0].capacity.shape, PW_SHAPE_READ_KEY32);
	EXPECT_EQ(spec.pools[0].capacity.imm, 0x84);
	EXPECT_EQ(spec.pools[0].available.shape, PW_SHAPE_NONE);
	EXPECT_EQ(spec.pools[0].owner, SPEC_OWNER_THREAD);
	EXPECT_FALSE(spec.pools[0].poll);
	ASSERT_EQ(spec.pools[0].nprobes, 3);
	p = &spec.pools[0].probes[0];
	EXPECT_EQ(p->kind, PW_ACQUIRE);
	EXPECT_EQ(p->line, 7);
	EXPECT_EQ(p->column, 3);
	ASSERT_EQ(p->nsymbols, 2);
	EXPECT_STREQ(p->symbols[1], "mongoc_client_pool_try_pop");
	EXPECT_EQ(p->ok.shape, PW_SHAPE_RET_NE0);
	EXPECT_EQ(p->resource.shape, PW_SHAPE_RET);
	/* defaults */
	EXPECT_EQ(p->count.shape, PW_SHAPE_IMM);
	EXPECT_EQ(p->count.imm, 1);
	EXPECT_EQ(p->key.shape, PW_SHAPE_NONE);
	EXPECT_EQ(p->ret, SPEC_RET_AUTO);
	p = &spec.pools[0].probes[1];
	EXPECT_EQ(p->kind, PW_RELEASE);
	EXPECT_EQ(p->ok.shape, PW_SHAPE_NONE);
	EXPECT_EQ(p->count.imm, 1);
	p = &spec.pools[0].probes[2];
	EXPECT_EQ(p->kind, PW_RESIZE);
	EXPECT_EQ(p->capacity.shape, PW_SHAPE_ARG);
	EXPECT_EQ(p->capacity.arg, 1);
	EXPECT_EQ(p->count.shape, PW_SHAPE_NONE);
	spec__clear(&spec);
	EXPECT_EQ(spec.npools, 0);
}

/* Everything the grammar has, as it is printed back, which must be understood as the same. */
TEST(printed_text_is_a_definition)
{
	static const char text[] = "pool all.of_it-1\n"
				   "  lib          libx.so.* exe\n"
				   "  when         lib-version 1.2.*\n"
				   "  when         build-id 0123456789abcdef\n"
				   "  key          u64[arg0+8]\n"
				   "  capacity     12\n"
				   "  available    u64[key]&0x7fffffff\n"
				   "  min-capacity 2\n"
				   "  wait         poll\n"
				   "  owner        resource\n"
				   "  futex        0x28 0x58\n"
				   "  confirm      self-release\n"
				   "  acquire      take \"ns::take(int, long)\" mod::f+0x10 key=arg1 count=s32(arg2) ok=ret>0 resource=ret ret=sites\n"
				   "  release      give resource=arg1\n"
				   "  invalidate   drop resource=arg1\n"
				   "  create       new key=ret ok=ret!=0 capacity=arg2 available=arg3 ret=uretprobe\n"
				   "  resize       size capacity=arg1 available=arg2\n"
				   "  destroy      delete key=arg1\n"
				   "pool workers\n"
				   "  lib          exe\n"
				   "  capacity     learn\n"
				   "  owner        goroutine\n"
				   "  scope        run key=arg0\n"
				   "  wait-on      wait get key=held\n"
				   "pool loops\n"
				   "  lib          exe\n"
				   "  key          arg0\n"
				   "  capacity     learn\n"
				   "  next         pop pop_timed ok=ret!=0\n"
				   "  done         lock key=u64[arg0]\n"
				   "  submit       push key=arg1 capacity=s32[arg0+0x30]\n"
				   "pool sysv\n"
				   "  lib          libc.so.6\n"
				   "  key          arg0\n"
				   "  capacity     learn\n"
				   "  acquire      semtimedop count=sembuf ok=s32(ret)==0\n"
				   "  create       semctl count=sembuf\n"
				   "pool alchemy\n"
				   "  builtin      python-sqlalchemy\n"
				   "  capacity     learn\n";
	struct spec spec = { 0 }, again = { 0 };
	struct spec_error err;
	char *got;

	ASSERT_EQ(parse(&spec, text, false, &err), 0) TH_LOG("%u:%u %s", err.line, err.column, err.message);
	got = printed(&spec);
	EXPECT_STREQ(got, text);
	ASSERT_EQ(parse(&again, got, false, &err), 0);
	EXPECT_EQ(again.npools, 5);
	EXPECT_TRUE(spec.pools[1].probes[1].key_held);
	EXPECT_TRUE(spec.pools[3].probes[0].sysv);
	EXPECT_EQ(spec.pools[3].probes[0].count.shape, PW_SHAPE_NONE);
	EXPECT_EQ(spec.pools[0].futex_to, 0x58);
	EXPECT_EQ(spec.pools[0].min_capacity, 2);
	free(got);
	spec__clear(&spec);
	spec__clear(&again);
}

TEST(command_line_form)
{
	struct spec spec = { 0 };
	struct spec_error err;
	char *got;

	ASSERT_EQ(parse(&spec, "pool p;lib exe ; key arg0;acquire \"a;b\" ok=ret!=0 # note;release c;", true, &err), 0);
	got = printed(&spec);
	EXPECT_STREQ(got, "pool p\n  lib          exe\n  key          arg0\n  capacity     learn\n  acquire      \"a;b\" ok=ret!=0\n"
			  "  release      c\n");
	free(got);
	spec__clear(&spec);
}

/* The rest of a definition around the statement in doubt, which is always on line 4. */
#define AROUND(statement) "pool p\n lib exe\n key arg0\n" statement "\n acquire a\n release b\n"

TEST(errors)
{
	static const struct {
		const char *text;
		unsigned int line, column;
		const char *message;
	} cases[] = {
		/* no definition */
		{ "", 1, 1, "no pool definition: expected 'pool NAME'" },
		{ "# nothing\n\n", 1, 1, "no pool definition: expected 'pool NAME'" },
		{ "\n lib exe\n", 2, 2, "expected 'pool NAME' before 'lib'" },
		{ "pool\n", 1, 5, "expected a name after 'pool'" },
		{ "pool a b\n", 1, 8, "expected the end of the line (an expression has no spaces)" },
		{ "pool a/b\n", 1, 7, "a pool's name has letters, digits, '_', '.' and '-' only" },
		{ "pool \"a b\"\n", 1, 8, "a pool's name has letters, digits, '_', '.' and '-' only" },
		{ "pool abcdefghijklmnopqrstuvwxyz_23456\n", 1, 6, "a pool's name has at most 31 characters" },
		{ AROUND("") "pool p\n", 7, 6, "pool 'p' is defined already, at test.pool:1" },
		/* words */
		{ AROUND(" acquier x"), 4, 2, "unknown statement 'acquier': did you mean 'acquire'?" },
		{ AROUND(" Capacity 3"), 4, 2, "unknown statement 'Capacity': did you mean 'capacity'?" },
		{ AROUND(" mincapacity 3"), 4, 2, "unknown statement 'mincapacity': did you mean 'min-capacity'?" },
		{ AROUND(" frobnicate x"), 4, 2, "unknown statement 'frobnicate': poolwatch-pools(5) lists them" },
		{ AROUND(" \"lib\" x"), 4, 3, "expected a statement, which has no quotes" },
		{ AROUND(" destroy \"x"), 4, 12, "expected a closing '\"'" },
		{ AROUND(" destroy \"\""), 4, 10, "an empty word" },
		{ AROUND(" destroy \"x\"y"), 4, 13, "expected a blank after the closing '\"'" },
		{ AROUND(" destroy x\033[2J"), 4, 11, "a control character: this is not a text file" },
		{ AROUND(" destroy \"x\001\""), 4, 12, "a control character in a quoted word" },
		/* statements of values */
		{ AROUND(" lib"), 4, 5, "expected a library's soname, path or glob, or 'exe', after 'lib'" },
		{ AROUND(" key arg1"), 4, 2, "'key' is given already, line 3" },
		{ AROUND(" capacity"), 4, 10, "expected a number, an expression or 'learn' after 'capacity'" },
		{ AROUND(" capacity u32[key + 4]"), 4, 19, "expected the end of the line (an expression has no spaces)" },
		{ AROUND(" capacity u32[arg0]"), 4, 15, "no arguments here: this is computed for any of the pool's probes" },
		{ AROUND(" capacity ret"), 4, 11, "no 'ret' here: this is not computed at a return" },
		{ AROUND(" capacity 0"), 4, 11, "capacity must be 1 to 2147483647, an expression, or 'learn'" },
		{ AROUND(" capacity 2147483648"), 4, 11, "capacity must be 1 to 2147483647, an expression, or 'learn'" },
		{ AROUND(" capacity many"), 4, 11, "unknown 'many': expected arg0..arg5, ret, key, a number, u8..u64[...], s8..s64[...]" },
		{ AROUND(" available u32[key"), 4, 19, "expected ']'" },
		{ AROUND(" min-capacity 0"), 4, 15, "expected a number from 1 to 2147483647" },
		{ AROUND(" min-capacity key"), 4, 15, "expected a number from 1 to 2147483647" },
		{ AROUND(" wait spin"), 4, 7, "expected block or poll after 'wait'" },
		{ AROUND(" owner process"), 4, 8, "expected thread, resource or goroutine after 'owner'" },
		{ AROUND(" confirm it"), 4, 10, "expected self-release after 'confirm'" },
		{ AROUND(" futex 8"), 4, 9, "expected two offsets FROM TO after 'futex'" },
		{ AROUND(" futex 8 8"), 4, 10, "the second offset must be larger than the first" },
		{ AROUND(" futex -1 8"), 4, 8, "expected a number from 0 to 65536" },
		{ AROUND(" when version 1"), 4, 7, "expected lib-version or build-id after 'when'" },
		{ AROUND(" when lib-version"), 4, 18, "expected 'lib-version GLOB' or 'build-id HEX' after 'when'" },
		{ AROUND(" when build-id 1234"), 4, 16, "expected a build-id: at least 8 hexadecimal digits" },
		{ AROUND(" when build-id 0123456x"), 4, 16, "expected a build-id: at least 8 hexadecimal digits" },
		{ AROUND(" builtin cobol"), 4, 10, "expected python-sqlalchemy, jvm-executor or go-sql after 'builtin'" },
		/* probes */
		{ AROUND(" destroy"), 4, 9, "expected a function's name after 'destroy'" },
		{ AROUND(" destroy key=arg0"), 4, 9, "expected a function's name after 'destroy'" },
		{ AROUND(" release x y x"), 4, 14, "this symbol is in release already, line 4" },
		{ AROUND(" acquire x okk=ret!=0"), 4, 12, "unknown clause 'okk=': did you mean 'ok='?" },
		{ AROUND(" acquire operator=="), 4, 10,
		  "unknown clause 'operator=': expected key, count, ok, resource, capacity, available or ret (a symbol with '=' needs quotes)" },
		{ AROUND(" acquire x ok=ret ok=1"), 4, 19, "'ok=' is given twice" },
		{ AROUND(" acquire x ok=ret != 0"), 4, 19, "expected a clause: symbols come first (an expression has no spaces)" },
		{ AROUND(" acquire x ok="), 4, 15, "expected an expression" },
		{ AROUND(" acquire x ok=ret+"), 4, 19, "expected a value: arg0..arg5, ret, key, a number, u8..u64[...], s8..s64[...]" },
		{ AROUND(" acquire x key=ret"), 4, 16, "no 'ret' here: this is not computed at a return" },
		{ AROUND(" acquire x key=u64[key]"), 4, 20, "no 'key' here: this computes the key" },
		{ AROUND(" acquire x count=ret"), 4, 18, "no 'ret' here: this is not computed at a return" },
		{ AROUND(" acquire x count=0"), 4, 18, "count must be 1 to 2147483647" },
		{ AROUND(" acquire x capacity=3"), 4, 12, "'capacity=' goes only with: create, resize, submit" },
		{ AROUND(" acquire x ret=never"), 4, 16, "expected auto, uretprobe or sites after 'ret='" },
		{ AROUND(" acquire x key=held"), 4, 16, "'key=held' goes only with: wait-on" },
		{ AROUND(" release x count=sembuf"), 4, 18, "'count=sembuf' goes only with acquire, which covers the release, and create" },
		{ AROUND(" release x resource=ret"), 4, 21, "no 'ret' here: this is not computed at a return" },
		{ AROUND(" release x ok=1"), 4, 12, "'ok=' goes only with: acquire, create, next" },
		{ AROUND(" release x ret=sites"), 4, 12, "'ret=' goes only with: acquire, create, scope, wait-on, next, submit" },
		{ AROUND(" next x count=2"), 4, 9, "'count=' goes only with: acquire, release, invalidate, scope, wait-on" },
		{ AROUND(" scope x resource=arg0"), 4, 10, "'resource=' goes only with: acquire, release, invalidate, disown" },
		{ AROUND(" resize x"), 4, 10, "expected 'capacity=': what the new capacity is" },
		/* the definition as a whole */
		{ "pool p\n key arg0\n acquire a\n release b\n", 1, 1, "pool 'p' has no 'lib': name the library, or 'exe'" },
		{ " pool p\n lib exe\n key arg0\n", 1, 2, "pool 'p' has no 'acquire'" },
		{ "pool p\n lib exe\n key arg0\n release b\n", 1, 1, "pool 'p' has no 'acquire'" },
		{ "pool p\n lib exe\n key arg0\n  acquire a\npool q\n", 4, 3, "acquire without a 'release': nothing would ever be given back" },
		{ "pool p\n lib exe\n acquire a\n release b key=arg0\n", 3, 2,
		  "no 'key' says which pool this acquire is about (e.g. 'key arg0'; 'key 0' if there is but one)" },
		{ "pool p\n lib exe\n key arg0\n wait-on a key=held\n", 4, 2, "'key=held' needs a scope or an acquire: nothing here is ever held" },
		{ "pool p\n lib exe\n key arg0\n scope a\n done b\n", 5, 2, "done without a 'next': no worker takes a task" },
		{ "pool p\n lib exe\n key arg0\n scope a\n submit b\n", 5, 2, "submit without a 'next': no worker takes a task" },
		{ "pool p\n lib exe\n key arg0\n acquire a\n release b resource=arg1\n", 5, 2,
		  "this release names its unit, but no acquire has 'resource='" },
		{ "pool p\n lib exe\n key arg0\n acquire a resource=ret\n release b\n", 5, 2,
		  "no 'resource=' here, but the acquire of line 4 names its unit" },
		{ "pool p\n lib exe\n key arg0\n acquire a resource=ret\n acquire c\n release b resource=arg1\n", 5, 2,
		  "no 'resource=' here, but the acquire of line 4 names its unit" },
		{ AROUND(" owner resource"), 1, 1, "'owner resource' needs an acquire with 'resource='" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct spec_pool before = { .name = "before", .file = (char *)"x" };
		struct spec spec = { .pools = &before, .npools = 1 };
		struct spec_error err;

		ASSERT_EQ(parse(&spec, cases[i].text, false, &err), -EINVAL) TH_LOG("%s", cases[i].text);
		EXPECT_EQ(err.line, cases[i].line) TH_LOG("%s", cases[i].text);
		EXPECT_EQ(err.column, cases[i].column) TH_LOG("%s", cases[i].text);
		EXPECT_STREQ(err.message, cases[i].message);
		EXPECT_STREQ(err.file, "test.pool");
		/* untouched */
		EXPECT_EQ(spec.npools, 1);
		EXPECT_EQ(spec.pools, &before);
		spec_error__clear(&err);
	}
}

TEST(no_nul_byte)
{
	struct spec spec = { 0 };
	struct spec_error err;

	EXPECT_EQ(spec__parse_text(&spec, "pool p\n lib a\0b\n", 16, "x", false, &err), -EINVAL);
	EXPECT_EQ(err.line, 2);
	EXPECT_EQ(err.column, 7);
	EXPECT_STREQ(err.message, "a control character: this is not a text file");
	spec_error__clear(&err);
}

TEST(limits)
{
	char *text = NULL;
	struct spec spec = { 0 };
	struct spec_error err;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (int i = 0; i < PW_MAX_DEFS; i++)
		fprintf(out, "pool p%d\nlib exe\nkey 0\nacquire a\nrelease b\n", i);
	fclose(out);
	EXPECT_EQ(spec__parse_text(&spec, text, len, "x", false, &err), 0);
	EXPECT_EQ(spec.npools, PW_MAX_DEFS);
	EXPECT_EQ(parse(&spec, "pool one_more\n", false, &err), -EINVAL);
	EXPECT_EQ(err.column, 1);
	EXPECT_STREQ(err.message, "more than 64 pool definitions");
	spec_error__clear(&err);
	spec__clear(&spec);
	free(text);

	out = open_memstream(&text, &len);
	fprintf(out, "pool p\nlib");
	for (int i = 0; i < 128; i++)
		fprintf(out, " x");
	fclose(out);
	EXPECT_EQ(spec__parse_text(&spec, text, len, "x", false, &err), -EINVAL);
	EXPECT_EQ(err.line, 2);
	EXPECT_EQ(err.column, 4 + 2 * 127 + 1);
	EXPECT_STREQ(err.message, "too many words on one line: repeat the statement instead");
	spec_error__clear(&err);
	free(text);

	text = malloc(1026);
	memset(text, 'x', 1025);
	text[1025] = '\0';
	EXPECT_EQ(spec__short(&spec, text, "b", NULL, &err), -EINVAL);
	EXPECT_STREQ(err.message, "a symbol of more than 1024 bytes");
	spec_error__clear(&err);
	free(text);
}

TEST(error_with_a_caret)
{
	static const struct {
		const char *text;
		bool semicolons;
		const char *want;
	} cases[] = {
		{ "pool p\n\tlib exe\n\tkey\targ0+\n", false,
		  "test.pool:3:11: error: expected a value: arg0..arg5, ret, key, a number, u8..u64[...], s8..s64[...]\n"
		  "  \tkey\targ0+\n"
		  "  \t   \t     ^\n" },
		{ "pool p; lib exe; key arg9; acquire a", true,
		  "--pool:1:22: error: arg9: the arguments known are arg0 to arg5\n"
		  "  pool p; lib exe; key arg9; acquire a\n"
		  "                       ^\n" },
		{ "pool p\r\n lib \033[31m\r\n", false,
		  "test.pool:2:6: error: a control character: this is not a text file\n"
		  "   lib \\x1b[31m\n"
		  "       ^\n" },
		/* bytes of a character, columns of the screen, and an escape that is wider than what it stands for */
		{ "pool p\n lib \xc3\xa9t\xc3\xa9 a\xffz # \xff", false,
		  "test.pool:2:13: error: an invisible character, or one that is not UTF-8\n"
		  "   lib \xc3\xa9t\xc3\xa9 a\\xffz # \\xff\n"
		  "            ^\n" },
		{ "pool p\n lob \xff", false, "test.pool:2:6: error: an invisible character, or one that is not UTF-8\n   lob \\xff\n       ^\n" },
		{ "pool p\n lob \xe2\x80\xae", false,
		  "test.pool:2:6: error: an invisible character, or one that is not UTF-8\n   lob \\xe2\\x80\\xae\n       ^\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct spec spec = { 0 };
		struct spec_error err;
		char *got;

		ASSERT_EQ(parse(&spec, cases[i].text, cases[i].semicolons, &err), -EINVAL);
		got = printed_error(&err);
		EXPECT_STREQ(got, cases[i].want);
		free(got);
		spec_error__clear(&err);
	}
}

TEST(short_form)
{
	struct spec spec = { 0 };
	struct spec_error err;
	char *got;

	ASSERT_EQ(spec__short(&spec, "take_slot", "ns::put(int, long)", "3", &err), 0);
	got = printed(&spec);
	EXPECT_STREQ(got, "pool pool\n  lib          exe\n  key          0\n  capacity     3\n  acquire      take_slot\n"
			  "  release      \"ns::put(int, long)\"\n");
	free(got);
	EXPECT_EQ(spec.pools[0].key.shape, PW_SHAPE_IMM);
	spec__clear(&spec);
	ASSERT_EQ(spec__short(&spec, "a", "b", NULL, &err), 0);
	EXPECT_EQ(spec.pools[0].capacity.shape, PW_SHAPE_NONE);
	spec__clear(&spec);

	static const struct {
		const char *acquire, *release, *capacity, *file, *message;
		unsigned int column;
	} cases[] = {
		{ "", "b", "3", "--acquire", "expected a function's name", 1 },
		{ "a", "", "3", "--release", "expected a function's name", 1 },
		{ "a\"", "b", "3", "--acquire", "not a character of a function's name", 2 },
		{ "a", "b\n acquire c", "3", "--release", "not a character of a function's name", 2 },
		{ "a", "b", "0", "--capacity", "capacity must be 1 to 2147483647, an expression, or 'learn'", 1 },
		{ "a", "b", "3x", "--capacity", "'x' in a number", 2 },
		{ "a", "b", "3\n acquire c", "--capacity", "expected an operator or the end", 2 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ASSERT_EQ(spec__short(&spec, cases[i].acquire, cases[i].release, cases[i].capacity, &err), -EINVAL);
		EXPECT_STREQ(err.file, cases[i].file);
		EXPECT_STREQ(err.message, cases[i].message);
		EXPECT_EQ(err.line, 1);
		EXPECT_EQ(err.column, cases[i].column);
		EXPECT_EQ(spec.npools, 0);
		spec_error__clear(&err);
	}
}

TEST(guards)
{
	static const struct {
		const char *when, *path, *build_id;
		bool holds;
	} cases[] = {
		{ "", "/lib/libx.so.1", NULL, true },
		{ " when lib-version 0.6.*;", "/usr/lib/libaprutil-1.so.0.6.3", NULL, true },
		{ " when lib-version 0.6.*;", "/usr/lib/libaprutil-1.so.0.7.1", NULL, false },
		{ " when lib-version 6;", "/opt/libc.so.5/libc.so.6", NULL, true },
		{ " when lib-version 2.31;", "/lib/libpthread-2.31.so", NULL, true },
		{ " when lib-version ?*;", "/lib/libaprutil-x.so", NULL, false },
		{ " when lib-version ?*;", "/opt/a-1.so.5/app", NULL, false },
		{ " when lib-version ?*;", "/opt/app", NULL, false },
		{ " when build-id A96BC3283AEF;", "/x", "a96bc3283aef294600bc9a3d15a452aef5ecb406", true },
		{ " when build-id a96bc3283aef;", "/x", "b96bc3283aef294600bc9a3d15a452aef5ecb406", false },
		{ " when build-id a96bc3283aef;", "/x", "a96bc328", false },
		{ " when build-id a96bc3283aef;", "/x", NULL, false },
		/* any of several */
		{ " when lib-version 1; when lib-version 2;", "/x.so.2", NULL, true },
		{ " when lib-version 1; when build-id 01234567;", "/x.so.2", "0123456789", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct spec spec = { 0 };
		struct spec_error err;
		char text[200];

		snprintf(text, sizeof(text), "pool p; lib exe; key 0; %s acquire a; release b", cases[i].when);
		ASSERT_EQ(parse(&spec, text, true, &err), 0);
		EXPECT_EQ(spec_pool__guarded(&spec.pools[0], cases[i].path, cases[i].build_id), cases[i].holds) TH_LOG("%zu", i);
		spec__clear(&spec);
	}
}

TEST(whose_return_is_needed)
{
	static const struct {
		const char *probe;
		bool returns;
	} cases[] = {
		{ "acquire f", true }, { "scope f", true }, { "wait-on f", true }, { "next f", true }, { "invalidate f", false }, { "resize f capacity=arg1", false },
		{ "destroy f", false }, { "create f", false }, { "create f capacity=u32(arg2)", false }, { "create f key=arg1", false },
		{ "create f key=ret", true }, { "create f key=u64[arg0]", true }, { "create f ok=ret!=0", true },
		{ "create f capacity=u32[key]", true }, { "create f available=ret", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct spec spec = { 0 };
		struct spec_error err;
		char text[200];

		snprintf(text, sizeof(text), "pool p; lib exe; key arg0; available u32[key]; %s; acquire a; release b", cases[i].probe);
		ASSERT_EQ(parse(&spec, text, true, &err), 0);
		EXPECT_EQ(spec_probe__returns(&spec.pools[0], &spec.pools[0].probes[0]), cases[i].returns) TH_LOG("%s", cases[i].probe);
		EXPECT_FALSE(spec_probe__returns(&spec.pools[0], &spec.pools[0].probes[2]));
		spec__clear(&spec);
	}
	/* the definition's key counts, unless the probe has its own */
	for (int own = 0; own < 2; own++) {
		struct spec spec = { 0 };
		struct spec_error err;
		char text[200];

		snprintf(text, sizeof(text), "pool p; lib exe; key u64[arg0]; create f %s; acquire a; release b", own ? "key=arg0" : "");
		ASSERT_EQ(parse(&spec, text, true, &err), 0);
		EXPECT_EQ(spec_probe__returns(&spec.pools[0], &spec.pools[0].probes[0]), !own);
		spec__clear(&spec);
	}
}

FIXTURE(files) {
	char path[32];
	struct spec spec;
	struct spec_error err;
};

FIXTURE_SETUP(files)
{
	int fd;

	memset(self, 0, sizeof(*self));
	strcpy(self->path, "/tmp/poolwatch-spec-XXXXXX");
	fd = mkstemp(self->path);
	ASSERT_GE(fd, 0);
	close(fd);
}

FIXTURE_TEARDOWN(files)
{
	unlink(self->path);
	spec__clear(&self->spec);
	spec_error__clear(&self->err);
}

static void fill(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	for (size_t len = strlen(text); n; n -= len < n ? len : n)
		fwrite(text, 1, len < n ? len : n, f);
	fclose(f);
}

TEST_F(files, a_definition)
{
	static const char text[] = "pool p\nlib exe\nkey 0\nacquire a\nrelease b\n";

	fill(self->path, text, strlen(text));
	ASSERT_EQ(spec__parse_file(&self->spec, self->path, &self->err), 0);
	EXPECT_STREQ(self->spec.pools[0].file, self->path);
}

TEST_F(files, an_error_names_the_file)
{
	fill(self->path, "pool p\nlob exe\n", 15);
	ASSERT_EQ(spec__parse_file(&self->spec, self->path, &self->err), -EINVAL);
	EXPECT_STREQ(self->err.file, self->path);
	EXPECT_STREQ(self->err.source, "lob exe");
	EXPECT_EQ(self->err.line, 2);
}

TEST_F(files, size)
{
	fill(self->path, "# a comment that is as long as it can be\n", SPEC_FILE_MAX);
	EXPECT_EQ(spec__parse_file(&self->spec, self->path, &self->err), -EINVAL);
	EXPECT_STREQ(self->err.message, "no pool definition: expected 'pool NAME'");
	spec_error__clear(&self->err);
	fill(self->path, "# a comment that is as long as it can be\n", SPEC_FILE_MAX + 1);
	EXPECT_EQ(spec__parse_file(&self->spec, self->path, &self->err), -EFBIG);
	EXPECT_EQ(self->err.line, 0);
}

TEST_F(files, none)
{
	unlink(self->path);
	EXPECT_EQ(spec__parse_file(&self->spec, self->path, &self->err), -ENOENT);
	EXPECT_EQ(spec__parse_file(&self->spec, "/", &self->err), -EISDIR);
}

TEST(json)
{
	struct spec spec = { 0 };
	struct spec_error err;
	char *got = NULL;
	size_t len;
	FILE *out = open_memstream(&got, &len);

	ASSERT_EQ(parse(&spec, "pool p; lib exe; when lib-version 1.*; key arg0; futex 0 8; acquire a ok=ret!=0 ret=sites; release b", true, &err), 0);
	spec_pool__print_json(&spec.pools[0], out);
	spec__clear(&spec);
	ASSERT_EQ(parse(&spec, "pool \"\"", true, &err), -EINVAL);
	spec_error__print_json(&err, out);
	err.line = 0;
	spec_error__print_json(&err, out);
	spec_error__clear(&err);
	fclose(out);
	EXPECT_STREQ(got,
		     "{\"type\":\"definition\",\"name\":\"p\",\"file\":\"--pool\",\"line\":1,\"lib\":[\"exe\"],\"when\":[{\"lib-version\":\"1.*\"}],"
		     "\"builtin\":null,\"key\":\"arg0\",\"capacity\":null,\"available\":null,\"min_capacity\":0,\"wait\":\"block\","
		     "\"owner\":\"thread\",\"confirm\":null,\"futex\":[0,8],\"probes\":["
		     "{\"kind\":\"acquire\",\"symbols\":[\"a\"],\"key\":null,\"count\":\"1\",\"ok\":\"ret!=0\",\"resource\":null,"
		     "\"capacity\":null,\"available\":null,\"ret\":\"sites\",\"line\":1},"
		     "{\"kind\":\"release\",\"symbols\":[\"b\"],\"key\":null,\"count\":\"1\",\"ok\":null,\"resource\":null,"
		     "\"capacity\":null,\"available\":null,\"ret\":\"auto\",\"line\":1}]}\n"
		     "{\"type\":\"error\",\"file\":\"--pool\",\"line\":1,\"column\":6,\"message\":\"an empty word\"}\n"
		     "{\"type\":\"error\",\"file\":\"--pool\",\"line\":null,\"column\":null,\"message\":\"an empty word\"}\n");
	free(got);
}

TEST_HARNESS_MAIN
