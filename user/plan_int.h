/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of a plan that are its own. */
#ifndef POOLWATCH_PLAN_INT_H
#define POOLWATCH_PLAN_INT_H

#include "elf.h"
#include "golang.h"
#include "plan.h"
#include "plan_modules.h"

/* A plan in the making. */
struct planner {
	const struct target *t;
	const struct spec_pool *pool; /* the definition at hand */
	size_t pool_index;
	struct modules modules;
	struct plan plan;
	char *err; /* PLAN_ERROR bytes */
};

/* Write the error's line. @fmt may have %s for escaped strings only; see plan__escape. Return: @code. */
__attribute__((format(printf, 3, 4))) int planner__fail(struct planner *p, int code, const char *fmt, ...);

/* Enough of a target's string for a message, harmless. */
struct escaped {
	char text[128];
};
struct escaped escaped(const char *s);

/* plan_function.c: probe function @symbol of @m for @probe. */
int planner__add_function(struct planner *p, struct module *m, const struct spec_probe *probe, const struct elf_symbol *symbol,
			  const char *wanted);
/* plan_go.c: the Go that made it, to free; NULL: it does not tell. */
char *planner__go_version(const struct module *m);
/* What every probe in a Go program needs of its file. -EOPNOTSUPP: not known of this Go. */
int planner__go_file(struct planner *p, const struct module *m, struct plan_file *f);
/* Has the program the pools of "builtin go-sql"? 0 or -ENOENT. */
int planner__go_sql(struct planner *p, const struct module *m);
/* Are the fields of its transactions where "builtin go-sql" expects them? */
bool planner__go_sql_tx(const struct module *m);
/* What belongs to the probe of the function at link-time address @vaddr. */
int planner__go_probe(struct planner *p, const struct module *m, uint64_t vaddr, struct plan_probe *out);
/* plan_missing.c: the error that says where @name is instead, or what it may have been meant to be. */
int planner__fail_missing(struct planner *p, struct module *m, const char *name);

#endif
