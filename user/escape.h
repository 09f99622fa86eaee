/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Make bytes of a target's choice harmless on a terminal or in a log: they may forge lines, move the cursor, retitle
 * the window. Escaped as \xNN, byte by byte: C0 and C1 control characters, DEL, what is not UTF-8, and the invisible
 * characters that reorder or break lines (bidirectional controls, zero-width characters, U+2028, U+2029). A backslash
 * is doubled, so that nothing but an escape looks like one.
 */
#ifndef POOLWATCH_ESCAPE_H
#define POOLWATCH_ESCAPE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ESCAPE_ASCII (1u << 0) /* the terminal is not UTF-8: escape everything above 0x7e, too */
#define ESCAPE_QUOTE (1u << 1) /* the text will stand in double quotes: put a backslash before those */

/*
 * escape__bytes - escape @len bytes of @s into @dst, which always ends in NUL if @size > 0. Cut where it does not fit,
 * never inside a character or an escape. Return: the bytes that all of it needs, without the NUL (as snprintf).
 */
size_t escape__bytes(char *dst, size_t size, const char *s, size_t len, unsigned int flags);
/* The same for a string; NULL gives "". */
size_t escape__string(char *dst, size_t size, const char *s, unsigned int flags);
/* To a stream. */
void escape__print(FILE *out, const char *s, unsigned int flags);

/*
 * escape__decode - the character at @s (@len > 0 bytes left). Return: its length in bytes, 1 to 4, with *@c; 0: not
 * UTF-8 (an overlong form, a surrogate, beyond U+10FFFF, or cut off).
 */
size_t escape__decode(const char *s, size_t len, uint32_t *c);

/* Columns that an escaped string takes on a terminal. */
unsigned int escape__columns(const char *s);
unsigned int escape__columns_of(const char *s, size_t len);
/* The bytes of the longest beginning of @s that fits into @columns. */
size_t escape__fit(const char *s, unsigned int columns);

#endif
