// SPDX-License-Identifier: GPL-2.0
/*
 * libiberty's demanglers write through a callback and keep nothing on the heap there, so that a name which would expand
 * without end is left by a jump as soon as it is longer than any that could match.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stddef.h>
#include <string.h>
#include <libiberty/demangle.h>
#include "elf_demangle.h"

#define MAX_MANGLED 1024

/* Longer than this no name gets. */
#define MAX_DEMANGLED (1u << 16)

/* Compares while the name is being written. */
struct compare {
	const char *rest; /* of the wanted name */
	size_t written;
	bool differs;
	jmp_buf enough;
};

/* The jump can leave a small buffer of the Rust demangler behind, so an ordinary mismatch lets it finish. */
static void compare_piece(const char *text, size_t len, void *opaque)
{
	struct compare *c = opaque;

	c->written += len;
	if (c->written > MAX_DEMANGLED)
		longjmp(c->enough, 1);
	if (c->differs)
		return;
	if (strncmp(c->rest, text, len))
		c->differs = true;
	else
		c->rest += len;
}

static bool demangles_to(const char *mangled, const char *wanted, int options, bool rust)
{
	struct compare c = { .rest = wanted };
	int ok;

	if (setjmp(c.enough))
		return false;
	ok = rust ? rust_demangle_callback(mangled, options, compare_piece, &c) :
		    cplus_demangle_v3_callback(mangled, options, compare_piece, &c);
	return ok && !c.differs && !*c.rest;
}

bool demangle_query__matches(const struct demangle_query *q, const char *mangled)
{
	static const int forms[] = { 0, DMGL_PARAMS | DMGL_ANSI, DMGL_PARAMS | DMGL_ANSI | DMGL_RET_DROP };

	if (mangled[0] != '_' || (mangled[1] != 'Z' && mangled[1] != 'R') || strnlen(mangled, MAX_MANGLED) == MAX_MANGLED)
		return false;
	/* The compiler's pieces and variants of a function (.cold, .part.0, .constprop.0) are not the function. */
	if (strchr(mangled, '.') || !strstr(mangled, q->word))
		return false;
	if (demangles_to(mangled, q->name, 0, true))
		return true;
	for (size_t i = 0; mangled[1] == 'Z' && i < sizeof(forms) / sizeof(forms[0]); i++)
		if (demangles_to(mangled, q->name, forms[i], false))
			return true;
	return false;
}

/* These have abbreviations in mangled names, or none at all. */
static bool is_abbreviated(const char *word, size_t len)
{
	static const char *const words[] = { "std",	"operator", "string",	"basic_string", "allocator",
					     "istream", "ostream",  "iostream", "basic_istream", "basic_ostream", "basic_iostream" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == len && !memcmp(words[i], word, len))
			return true;
	return false;
}

/* The last plain word of the qualified name: cheaper to look for than to demangle thousands of symbols. */
void demangle_query__init(struct demangle_query *q, const char *name)
{
	size_t end = strcspn(name, "(<{$"), i = 0;

	q->name = name;
	q->word[0] = '\0';
	while (i < end) {
		size_t n = 0;

		while (i + n < end && (isalnum((unsigned char)name[i + n]) || name[i + n] == '_'))
			n++;
		if (n > 1 && n < sizeof(q->word) && !isdigit((unsigned char)name[i]) && !is_abbreviated(name + i, n)) {
			memcpy(q->word, name + i, n);
			q->word[n] = '\0';
		}
		i += n ? n : 1;
	}
}
