// SPDX-License-Identifier: GPL-2.0
#include <locale.h>
#include "kselftest_harness.h"
#include "capture.h"
#include "escape.h"

static char buf[256];

static const char *escaped(const char *s, unsigned int flags)
{
	escape__string(buf, sizeof(buf), s, flags);
	return buf;
}

TEST(plain_text_stays)
{
	ASSERT_STREQ(escaped("std::vector<int>::at(unsigned long) ~", 0), "std::vector<int>::at(unsigned long) ~");
	ASSERT_STREQ(escaped("gr\xc3\xbc\xc3\x9f \xe6\xb1\xa0 \xf0\x9f\x8f\x8a", 0),
		     "gr\xc3\xbc\xc3\x9f \xe6\xb1\xa0 \xf0\x9f\x8f\x8a");
	ASSERT_STREQ(escaped("", 0), "");
	ASSERT_STREQ(escaped(NULL, 0), "");
}

TEST(forged_line)
{
	ASSERT_STREQ(escaped("x\nNov 22 host poolwatch: all is well\r", 0),
		     "x\\x0aNov 22 host poolwatch: all is well\\x0d");
}

TEST(terminal_sequences)
{
	ASSERT_STREQ(escaped("\033[2J\033]0;title\a", 0), "\\x1b[2J\\x1b]0;title\\x07");
	ASSERT_STREQ(escaped("a\x7f\x08\tb", 0), "a\\x7f\\x08\\x09b");
	/* C1, as one byte and as U+009B */
	ASSERT_STREQ(escaped("\x9b"
			     "31m",
			     0),
		     "\\x9b31m");
	ASSERT_STREQ(escaped("\xc2\x9b"
			     "31m",
			     0),
		     "\\xc2\\x9b31m");
	ASSERT_STREQ(escaped("\xc2\xa0", 0), "\xc2\xa0");
}

TEST(invalid_utf8)
{
	ASSERT_STREQ(escaped("\xff", 0), "\\xff");
	ASSERT_STREQ(escaped("\xc0\x80", 0), "\\xc0\\x80");
	ASSERT_STREQ(escaped("\xed\xa0\x80", 0), "\\xed\\xa0\\x80");
	ASSERT_STREQ(escaped("\xe6\xb1", 0), "\\xe6\\xb1");
	ASSERT_STREQ(escaped("\xf5\x80\x80\x80", 0), "\\xf5\\x80\\x80\\x80");
}

TEST(invisible_and_reordering)
{
	ASSERT_STREQ(escaped("a\xe2\x80\xae"
			     "b",
			     0),
		     "a\\xe2\\x80\\xaeb"); /* right-to-left override */
	ASSERT_STREQ(escaped("a\xe2\x81\xa6"
			     "b",
			     0),
		     "a\\xe2\\x81\\xa6b"); /* isolate */
	ASSERT_STREQ(escaped("a\xe2\x80\x8b"
			     "b",
			     0),
		     "a\\xe2\\x80\\x8bb"); /* zero width space */
	ASSERT_STREQ(escaped("a\xe2\x80\xa8"
			     "b",
			     0),
		     "a\\xe2\\x80\\xa8b");				      /* line separator */
	ASSERT_STREQ(escaped("\xef\xbb\xbf", 0), "\\xef\\xbb\\xbf");	      /* byte order mark */
	ASSERT_STREQ(escaped("\xf3\xa0\x81\x81", 0), "\\xf3\\xa0\\x81\\x81"); /* tag */
}

TEST(backslash_and_quotes)
{
	ASSERT_STREQ(escaped("\\x0a", 0), "\\\\x0a");
	ASSERT_STREQ(escaped("a\"b", 0), "a\"b");
	ASSERT_STREQ(escaped("a\"b\\", ESCAPE_QUOTE), "a\\\"b\\\\");
}

TEST(ascii_terminal)
{
	/* U+06DB has the byte 0x9b: a terminal that takes bytes for Latin-1 would act on it */
	ASSERT_STREQ(escaped("\xdb\x9b", ESCAPE_ASCII), "\\xdb\\x9b");
	ASSERT_STREQ(escaped("\xdb\x9b", 0), "\xdb\x9b");
}

TEST(embedded_nul)
{
	ASSERT_EQ(escape__bytes(buf, sizeof(buf), "a\0b", 3, 0), 6);
	ASSERT_STREQ(buf, "a\\x00b");
}

TEST(cut_between_pieces)
{
	ASSERT_EQ(escape__string(buf, 8, "ab\n\ncd", 0), 12);
	ASSERT_STREQ(buf, "ab\\x0a");
	/* nothing follows a piece that did not fit */
	ASSERT_EQ(escape__string(buf, 4, "a\xe6\xb1\xa0z", 0), 5);
	ASSERT_STREQ(buf, "a");
	buf[0] = '!';
	ASSERT_EQ(escape__string(buf, 1, "ab", 0), 2);
	ASSERT_STREQ(buf, "");
	ASSERT_EQ(escape__string(NULL, 0, "ab", 0), 2);
}

TEST(every_byte_alone_is_harmless)
{
	for (int b = 1; b < 256; b++) {
		char s[2] = { (char)b, 0 };

		escaped(s, 0);
		for (const char *p = buf; *p; p++)
			ASSERT_TRUE(*p >= 0x20 && *p < 0x7f);
	}
}

TEST(stream_is_the_same)
{
	FILE *out = capture();

	escape__print(out, "a\n\xff\\", 0);
	ASSERT_STREQ(captured_text(out), "a\\x0a\\xff\\\\");
}

TEST(columns)
{
	ASSERT_NE(setlocale(LC_CTYPE, "C.UTF-8"), NULL);
	ASSERT_EQ(escape__columns("abc"), 3);
	ASSERT_EQ(escape__columns("\xe6\xb1\xa0"
				  "x"),
		  3);				    /* wide */
	ASSERT_EQ(escape__columns("e\xcc\x81"), 1); /* combining */
	ASSERT_EQ(escape__fit("abcdef", 3), 3);
	ASSERT_EQ(escape__fit("a\xe6\xb1\xa0"
			      "b",
			      2),
		  1); /* a wide character is not cut in half */
	ASSERT_EQ(escape__fit("a\xe6\xb1\xa0"
			      "b",
			      3),
		  4);
	ASSERT_EQ(escape__fit("ab", 9), 2);
}

TEST_HARNESS_MAIN
