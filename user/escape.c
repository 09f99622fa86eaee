// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <string.h>
#include <wchar.h>
#include "escape.h"

size_t escape__decode(const char *s, size_t len, uint32_t *c)
{
	const unsigned char *u = (const unsigned char *)s;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t v;
	size_t n;

	if (u[0] < 0x80) {
		*c = u[0];
		return 1;
	}
	if (u[0] >= 0xc2 && u[0] <= 0xdf)
		n = 2, v = u[0] & 0x1f;
	else if ((u[0] & 0xf0) == 0xe0)
		n = 3, v = u[0] & 0x0f;
	else if (u[0] >= 0xf0 && u[0] <= 0xf4)
		n = 4, v = u[0] & 0x07;
	else
		return 0;
	if (len < n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (u[i] & 0x3f);
	}
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*c = v;
	return n;
}

/* Characters that are shown as they are; everything else does something. */
static bool is_harmless(uint32_t c, unsigned int flags)
{
	if (c < 0x7f)
		return c >= 0x20;
	if (flags & ESCAPE_ASCII)
		return false;
	if (c < 0xa0)
		return false;
	if (c == 0xad || c == 0x61c || c == 0x180e) /* soft hyphen, Arabic letter mark, Mongolian vowel separator */
		return false;
	if (c >= 0x200b && c <= 0x200f) /* zero width, left-to-right and right-to-left marks */
		return false;
	if (c >= 0x2028 && c <= 0x202e) /* line and paragraph separators, embeddings and overrides */
		return false;
	if (c >= 0x2060 && c <= 0x206f) /* invisible operators, isolates */
		return false;
	if (c >= 0xfff0 && c <= 0xfffb) /* specials, annotation */
		return false;
	if ((c & 0xfffe) == 0xfffe || c == 0xfeff) /* noncharacters, byte order mark */
		return false;
	return c < 0xe0000; /* tags, private planes */
}

/* The next piece of output for the bytes at *s; *s moves on. Return: its length in @piece. */
static size_t next_piece(const char **s, size_t *len, unsigned int flags, char piece[16])
{
	static const char hex[] = "0123456789abcdef";
	uint32_t c = 0;
	size_t n = escape__decode(*s, *len, &c), used = n ? n : 1, out = 0;

	if (n && is_harmless(c, flags)) {
		if (c == '\\' || (c == '"' && (flags & ESCAPE_QUOTE)))
			piece[out++] = '\\';
		memcpy(piece + out, *s, n);
		out += n;
	} else {
		for (size_t i = 0; i < used; i++) {
			unsigned char b = (*s)[i];

			piece[out++] = '\\';
			piece[out++] = 'x';
			piece[out++] = hex[b >> 4];
			piece[out++] = hex[b & 15];
		}
	}
	*s += used;
	*len -= used;
	return out;
}

size_t escape__bytes(char *dst, size_t size, const char *s, size_t len, unsigned int flags)
{
	size_t need = 0, put = 0;
	bool full = size == 0;
	char piece[16];

	while (len) {
		size_t n = next_piece(&s, &len, flags, piece);

		need += n;
		if (full || put + n >= size) {
			full = true;
			continue;
		}
		memcpy(dst + put, piece, n);
		put += n;
	}
	if (size)
		dst[put] = '\0';
	return need;
}

size_t escape__string(char *dst, size_t size, const char *s, unsigned int flags)
{
	return escape__bytes(dst, size, s ? s : "", s ? strlen(s) : 0, flags);
}

void escape__print(FILE *out, const char *s, unsigned int flags)
{
	size_t len = s ? strlen(s) : 0;
	char piece[16];

	while (len)
		fwrite(piece, 1, next_piece(&s, &len, flags, piece), out);
}

/* An escaped string has no control characters; what the locale does not know counts as one column. */
static unsigned int columns_of(uint32_t c)
{
	int w = c < 0x80 ? 1 : wcwidth((wchar_t)c);

	return w < 0 ? 1 : (unsigned int)w;
}

unsigned int escape__columns(const char *s)
{
	return escape__columns_of(s, strlen(s));
}

unsigned int escape__columns_of(const char *s, size_t len)
{
	unsigned int columns = 0;

	while (len) {
		uint32_t c;
		size_t n = escape__decode(s, len, &c);

		columns += n ? columns_of(c) : 1;
		n = n ? n : 1;
		s += n;
		len -= n;
	}
	return columns;
}

size_t escape__fit(const char *s, unsigned int columns)
{
	size_t len = strlen(s), at = 0, n;
	uint32_t c;

	while (at < len) {
		n = escape__decode(s + at, len - at, &c);
		unsigned int w = n ? columns_of(c) : 1;

		if (w > columns)
			break;
		columns -= w;
		at += n ? n : 1;
	}
	return at;
}
