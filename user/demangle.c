// SPDX-License-Identifier: GPL-2.0
/*
 * Mangled names are programs: a substitution can stand for the text of two earlier ones, so that a name of 200 bytes
 * unfolds to more than any memory holds. libiberty bounds the depth of its recursion but not the length of what it
 * prints. It hands out the text piece by piece, though; when the bound is reached it is left by longjmp. That loses
 * nothing: through its callback interface it keeps all state in its stack frames, with one exception, see has_punycode.
 */
#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <libiberty/demangle.h>
#include "demangle.h"

struct sink {
	char text[DEMANGLE_MAX_OUT];
	size_t len;
	size_t pieces; /* counted, too: some are empty */
	jmp_buf leave;
};

static void take(const char *piece, size_t len, void *opaque)
{
	struct sink *s = opaque;

	if (len >= sizeof(s->text) - s->len || ++s->pieces > sizeof(s->text))
		longjmp(s->leave, 1);
	if (len) {
		memcpy(s->text + s->len, piece, len);
		s->len += len;
	}
}

bool demangle__is_mangled(const char *name)
{
	return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R' || (name[1] == '_' && name[2] == 'Z'));
}

/*
 * A Rust v0 identifier beyond ASCII: libiberty decodes it in memory of its own, which leaving midway would lose, and
 * without leaving, 60 bytes keep it busy for minutes. Such a name stays as it is.
 */
static bool has_punycode(const char *name)
{
	for (const char *c = name; *c; c++)
		if (*c == 'u' && isdigit((unsigned char)c[1]))
			return true;
	return false;
}

/*
 * Not inlined: what is live across setjmp must not sit in registers of the caller. Return: 1 demangled, 0 it is not
 * such a name, -E2BIG.
 */
static __attribute__((noinline)) int print_into(struct sink *s, const char *name, bool rust, bool params)
{
	int options = params ? DMGL_PARAMS | DMGL_ANSI : DMGL_NO_OPTS;
	int ok;

	s->len = s->pieces = 0;
	if (setjmp(s->leave))
		return -E2BIG;
	ok = rust ? rust_demangle_callback(name, DMGL_NO_OPTS, take, s) :
		    cplus_demangle_v3_callback(name, options, take, s);
	return ok && s->len;
}

int demangle__name(const char *name, bool params, char **out)
{
	struct sink s;
	char *text;
	int n;

	if (!demangle__is_mangled(name))
		return -ENOENT;
	if (strnlen(name, DEMANGLE_MAX_IN) == DEMANGLE_MAX_IN)
		return -E2BIG;
	if (name[1] == 'R' && has_punycode(name))
		return -ENOENT;
	/* Rust first: its legacy names are valid C++ ones with a hash at the end. */
	n = print_into(&s, name, true, params);
	if (!n)
		n = print_into(&s, name, false, params);
	if (n <= 0)
		return n ? n : -ENOENT;
	text = strndup(s.text, s.len);
	if (!text)
		return -ENOMEM;
	*out = text;
	return 0;
}
