// SPDX-License-Identifier: GPL-2.0
/* Go programs: what has to be known of one before it is probed, and what only it can say of its pools. */
#include <errno.h>
#include <string.h>
#include "plan_int.h"

#define SQL_CONN "database/sql.(*DB).conn" /* in every program that uses that package */

/* Of the target's choice: shown without what could harm. */
static struct escaped version_of(const struct golang *go)
{
	return escaped(golang__version(go) ?: "of a version that it does not tell");
}

char *planner__go_version(const struct module *m)
{
	struct golang *go;

	return !elf__golang(m->elf, &go) && golang__version(go) ? strdup(golang__version(go)) : NULL;
}

int planner__go_file(struct planner *p, const struct module *m, struct plan_file *f)
{
	struct golang *go;
	int err = elf__golang(m->elf, &go);

	if (err == -ENOMEM)
		return err;
	if (err || golang__field(go, GOLANG_GOID, &f->goid))
		return planner__fail(p, -EOPNOTSUPP,
				     "%s is a program of Go %s: where that keeps the number of a goroutine is not known, and the program has no "
				     "debugging information (built with -ldflags=-w?) that says so",
				     escaped(m->map->path).text, err ? "that is not understood" : version_of(go).text);
	return 0;
}

int planner__go_sql(struct planner *p, const struct module *m)
{
	struct golang_function f;
	struct elf_symbol *s;
	struct golang *go;
	size_t n;

	if (!m->elf || !elf__is_go(m->elf))
		return planner__fail(p, -ENOENT, "process %u is no Go program (pool '%s')", p->t->pid, escaped(p->pool->name).text);
	if (!elf__golang(m->elf, &go) && golang__functions(go))
		return golang__find(go, SQL_CONN, &f) ? planner__fail(p, -ENOENT, "process %u is a Go program without database/sql (pool '%s')",
								      p->t->pid, escaped(p->pool->name).text) : 0;
	/* Its table of functions is not understood: its symbols will do, if it has them. */
	if (elf__find(m->elf, SQL_CONN, &s, &n))
		return planner__fail(p, -ENOENT, "process %u is a Go program without database/sql, or without a table of functions that is understood (pool '%s')",
				     p->t->pid, escaped(p->pool->name).text);
	elf_symbol__free(s, n);
	return 0;
}

bool planner__go_sql_tx(const struct module *m)
{
	uint32_t conn, done;
	struct golang *go;

	return !elf__golang(m->elf, &go) && !golang__field(go, GOLANG_TX_CONN, &conn) && !golang__field(go, GOLANG_TX_DONE, &done);
}

/* A transaction's connection, unless the transaction was over before. */
static int sql_tx(struct planner *p, const struct module *m, struct plan_probe *out)
{
	struct expr_error err;
	uint32_t conn, done;
	struct golang *go;
	char text[64];

	if (elf__golang(m->elf, &go) || golang__field(go, GOLANG_TX_CONN, &conn) || golang__field(go, GOLANG_TX_DONE, &done))
		return -ENOENT;
	snprintf(text, sizeof(text), "u64[arg0+%u]*(u32[arg0+%u]==0)", conn, done);
	if (expr__parse(text, strlen(text), PW_USES_ARGS | PW_USES_MEM, &out->resource, &err))
		return planner__fail(p, -EINVAL, "%s: %s", text, err.message);
	return 0;
}

/* sql.DB has no limit where maxOpen is 0, and then its capacity is POOLWATCH_UNLIMITED. */
static int sql_sizes(struct planner *p, const struct module *m, struct plan_probe *out)
{
	uint32_t max, open, idle;
	char text[96];
	struct expr_error err;
	struct golang *go;

	if (elf__golang(m->elf, &go) || golang__field(go, GOLANG_MAX_OPEN, &max)) {
		out->learn = true;
		return 0;
	}
	snprintf(text, sizeof(text), "s64[key+%u]+(s64[key+%u]==0)*%lld", max, max, POOLWATCH_UNLIMITED);
	if (expr__parse(text, strlen(text), PW_USES_KEY | PW_USES_MEM, &out->capacity, &err))
		return planner__fail(p, -EINVAL, "%s: %s", text, err.message);
	if (golang__field(go, GOLANG_NUM_OPEN, &open) || golang__field(go, GOLANG_FREE_CONN, &idle))
		return 0;
	/* What may still be opened, and what is open and idle: the length of a slice is its second word. */
	snprintf(text, sizeof(text), "s64[key+%u]-s64[key+%u]+s64[key+%u]", max, open, idle + 8);
	if (expr__parse(text, strlen(text), PW_USES_KEY | PW_USES_MEM, &out->available, &err))
		return planner__fail(p, -EINVAL, "%s: %s", text, err.message);
	return 0;
}

int planner__go_probe(struct planner *p, const struct module *m, uint64_t vaddr, struct plan_probe *out)
{
	uint64_t start, end, from, to;
	struct golang *go;
	int err;

	/* As addresses in the process: what is mapped of the file is moved as a whole. */
	if (!elf__golang(m->elf, &go) && !golang__package(go, vaddr, &start, &end) && !elf__to_offset(m->elf, start, &from) &&
	    !elf__to_offset(m->elf, end - 1, &to)) {
		out->fold_from = m->map->start - m->map->offset + from;
		out->fold_to = m->map->start - m->map->offset + to + 1;
	}
	if (!spec_pool__is_go_sql(p->pool))
		return 0;
	err = sql_sizes(p, m, out);
	return !err && out->probe->kind == PW_DISOWN ? sql_tx(p, m, out) : err;
}
