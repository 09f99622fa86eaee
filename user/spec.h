/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pool definitions, as people write them (poolwatch-pools(5)). Parsing only: no file is looked at but the one named.
 */
#ifndef POOLWATCH_SPEC_H
#define POOLWATCH_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "../bpf/shared.h"
#include "expr.h"

enum spec_ret { SPEC_RET_AUTO, SPEC_RET_URETPROBE, SPEC_RET_SITES };

/*
 * One "acquire sym sym name=expr ..." statement. A probe is made for each of its symbols. What is not stated and has a
 * default (count=1, ok=1) is filled in; what has none or does not apply to the kind is PW_SHAPE_NONE. ok and
 * resource of an acquire are computed at return, and so is all of a create that needs its return; all else at entry.
 */
struct spec_probe {
	enum pw_probe_kind kind;
	char **symbols; /* mangled, demangled, sym+0xoff */
	size_t nsymbols;
	enum spec_ret ret;
	bool key_held;	   /* key=held */
	bool sysv;	   /* count=sembuf: units and direction from an array of struct sembuf (arg1, arg2 of them) */
	struct pw_expr key; /* shape PW_SHAPE_NONE: the definition's */
	struct pw_expr count, ok, resource, capacity, available;
	unsigned int line, column;
};

/* "when lib-version GLOB" / "when build-id HEX": offsets hold only for these */
struct spec_guard {
	enum spec_guard_kind { SPEC_GUARD_VERSION, SPEC_GUARD_BUILD_ID } kind;
	char *text; /* a build-id: the whole or its first 8 and more digits, lower case */
};

/* One pool definition. */
struct spec_pool {
	char name[POOLWATCH_NAME];
	char **libs; /* soname, path, glob, or "exe": the first that the target maps is taken */
	size_t nlibs;
	struct pw_expr key;	 /* PW_SHAPE_NONE: each probe has its own */
	struct pw_expr capacity; /* PW_SHAPE_NONE: learn */
	struct pw_expr available;
	struct spec_guard *guards; /* none: holds for all versions. If none matches, capacity and available are learned */
	size_t nguards;
	unsigned int min_capacity;
	unsigned int futex_from, futex_to;
	bool poll;	/* wait poll */
	bool confirm;	/* "confirm self-release": POOLWATCH_DEF_CONFIRM */
	enum { SPEC_OWNER_THREAD, SPEC_OWNER_RESOURCE, SPEC_OWNER_GOROUTINE } owner;
	struct spec_probe *probes;
	size_t nprobes;
	char *builtin;	/* "builtin python-sqlalchemy" and the like: handled by code, not by probes written here. NULL: none */
	char *file;	/* where it was read */
	unsigned int line, column;
};

struct spec {
	struct spec_pool *pools;
	size_t npools;
};

struct spec_error {
	char *file; /* as given; "--pool" for text from the command line */
	unsigned int line, column; /* both from 1 */
	char message[160];
	char *source; /* the text of that line, or NULL */
};

#define SPEC_FILE_MAX (1u << 20)

/*
 * spec__parse_text - append the definitions in @text to *@spec
 * @name: what to call the text in errors
 * @semicolons: ';' ends a line too (command line)
 * Return: 0; -EINVAL with *@err (whose file the caller frees with spec_error__clear); -ENOMEM. *@spec is untouched on failure.
 */
int spec__parse_text(struct spec *spec, const char *text, size_t len, const char *name, bool semicolons, struct spec_error *err);

/* spec__parse_file - the same from a file of at most 1 MiB. Also -errno of open and read. */
int spec__parse_file(struct spec *spec, const char *path, struct spec_error *err);

/*
 * spec__short - the definition of "--acquire SYM --release SYM [--capacity N]", named "pool", lib exe, one pool in each
 * process (key 0). @capacity: a number, an expression, or NULL
 */
int spec__short(struct spec *spec, const char *acquire, const char *release, const char *capacity, struct spec_error *err);

/* Are its pools found by the probes that it has? Else only by the code behind its "builtin". */
bool spec_pool__has_probes(const struct spec_pool *pool);
/* "builtin go-sql": it has probes, and code that knows the sizes of its pools. */
bool spec_pool__is_go_sql(const struct spec_pool *pool);

/*
 * spec_probe__returns - is the function's return needed? A create is known at entry if arguments say all there is to
 * know; what it returns and what lies in memory is there at its return only.
 */
bool spec_probe__returns(const struct spec_pool *pool, const struct spec_probe *probe);

/* spec_probe__requests - is a call of it a request, which goes on until it returns? */
bool spec_probe__requests(const struct spec_probe *probe);

/* The version in the name of a library's file, to free: "0.6.3" of libaprutil-1.so.0.6.3, "2.31" of libpthread-2.31.so; or NULL. */
char *spec__lib_version(const char *path);

/* spec_pool__guarded - do the definition's offsets hold for the library file at @path (its real name) with @build_id (or NULL)? */
bool spec_pool__guarded(const struct spec_pool *pool, const char *path, const char *build_id);

/* spec_pool__print - the definition as the grammar has it, defaults left out. */
void spec_pool__print(const struct spec_pool *pool, FILE *out);

/* The statement's word for a kind of probe, "acquire"; the word for how returns are caught, "auto"; for an owner, "thread". */
const char *spec__kind_name(enum pw_probe_kind kind);
const char *spec__ret_name(enum spec_ret ret);
const char *spec__owner_name(int owner);

void spec__clear(struct spec *spec);
void spec_error__clear(struct spec_error *err);

/* spec_error__print - "file:line:column: error: message", the line, and a caret below the column. */
void spec_error__print(const struct spec_error *err, FILE *out);

#endif
