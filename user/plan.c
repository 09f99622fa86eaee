// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <string.h>
#include "cleanup.h"
#include "escape.h"
#include "plan_int.h"

int planner__fail(struct planner *p, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->err, PLAN_ERROR, fmt, ap);
	va_end(ap);
	return code;
}

struct escaped escaped(const char *s)
{
	struct escaped e;

	escape__string(e.text, sizeof(e.text), s, 0);
	return e;
}

/* All the symbols of one statement. One of several may be missing: not every version of a library has each. */
static int add_statement(struct planner *p, struct module *m, const struct spec_probe *probe)
{
	bool any = false;
	int err;

	/* Whether a transaction is over is asked of its fields, and where those are must be known. */
	if (spec_pool__is_go_sql(p->pool) && probe->kind == PW_DISOWN && !planner__go_sql_tx(m))
		return 0;
	for (size_t i = 0; i < probe->nsymbols; i++) {
		struct elf_symbol *found;
		size_t n = 0;

		err = elf__find(m->elf, probe->symbols[i], &found, &n);
		if (err == -ENOENT)
			continue;
		if (err == -ENOTUNIQ)
			return planner__fail(p, err, "'%s' means %zu functions in %s: write it with its parameters, or mangled",
					     escaped(probe->symbols[i]).text, n, escaped(m->map->path).text);
		if (err == -EOPNOTSUPP)
			return planner__fail(p, err, "'%s' in %s only selects the function to run (an ifunc): name the selected one",
					     escaped(probe->symbols[i]).text, escaped(m->map->path).text);
		if (err)
			return planner__fail(p, err, "cannot read symbols of %s: %s", escaped(m->map->path).text, strerror(-err));
		any = true;
		for (size_t k = 0; k < n && !err; k++)
			err = planner__add_function(p, m, probe, &found[k], probe->symbols[i]);
		elf_symbol__free(found, n);
		if (err)
			return err;
	}
	/* A Go program has the methods that something in it calls. */
	if (!any && spec_pool__is_go_sql(p->pool) && probe->kind != PW_ACQUIRE && probe->kind != PW_RELEASE)
		return 0;
	return any || !probe->nsymbols ? 0 : planner__fail_missing(p, m, probe->symbols[0]);
}

static void clear_probe(struct plan_probe *p)
{
	free(p->symbol);
	free(p->rets);
}

/* Release before acquire: what is given back in between belongs to no request that was seen. */
static int order_of(enum pw_probe_kind kind)
{
	switch (kind) {
	case PW_RELEASE:
	case PW_INVALIDATE:
	case PW_DONE:
	case PW_DISOWN:
		return 0;
	case PW_ACQUIRE:
	case PW_SCOPE:
	case PW_WAIT_ON:
	case PW_NEXT:
		return 2;
	default:
		return 1;
	}
}

static int add_module(struct planner *p, struct module *m)
{
	if (m->fd < 0)
		return planner__fail(p, m->err, "cannot open %s: %s", escaped(m->map->path).text,
				     m->err == -ESTALE ? "it is not the file that is mapped any more" : strerror(-m->err));
	if (!m->elf)
		return planner__fail(p, m->err, "%s is no 64-bit x86 ELF file that can be read", escaped(m->map->path).text);
	for (int order = 0; order < 3; order++)
		for (size_t i = 0; i < p->pool->nprobes; i++) {
			int err;

			if (order_of(p->pool->probes[i].kind) != order)
				continue;
			err = add_statement(p, m, &p->pool->probes[i]);
			if (err)
				return err;
		}
	return 0;
}

static int fail_absent(struct planner *p)
{
	char libs[160] = "";
	size_t n = 0;

	for (size_t i = 0; i < p->pool->nlibs && n < sizeof(libs); i++)
		n += (size_t)snprintf(libs + n, sizeof(libs) - n, "%s%s", i ? " or " : "", escaped(p->pool->libs[i]).text);
	return planner__fail(p, -ENOENT, "process %u does not use %s (pool '%s')", p->t->pid, libs,
			     escaped(p->pool->name).text);
}

/*
 * An exception leaves a function without a return: one that has something to clean up then expects that. That its frame is gone is known where the exception is caught. In a program that
 * carries its C++ library itself that cannot be seen; then it is known when the thread asks again.
 */
static int add_catch(struct planner *p, size_t first)
{
	static char *symbols[] = { "__cxa_begin_catch" };
	static const struct spec_probe caught = { .kind = PW_CATCH, .symbols = symbols, .nsymbols = 1, .key_held = true };
	struct module *m = modules__find(p->t, &p->modules, "libstdc++.so.6");
	bool left = false;

	for (size_t i = first; i < p->plan.nprobes; i++)
		left |= p->plan.probes[i].thrown_through;
	return left && m && m->fd >= 0 && m->elf ? add_statement(p, m, &caught) : 0;
}

/* The first of the definition's libraries that has the functions. */
static int add_pool(struct planner *p, unsigned int flags)
{
	char first_err[PLAN_ERROR] = "";
	int first = 0;

	for (size_t i = 0; i < p->pool->nlibs; i++) {
		struct module *m = modules__find(p->t, &p->modules, p->pool->libs[i]);
		size_t before = p->plan.nprobes;
		int err;

		if (!m)
			continue;
		err = spec_pool__is_go_sql(p->pool) ? planner__go_sql(p, m) : 0;
		/* Every process has an executable. */
		if (err == -ENOENT && flags & PLAN_SKIP_ABSENT)
			return 0;
		err = err ?: add_module(p, m) ?: add_catch(p, before);
		if (!err)
			return 0;
		while (p->plan.nprobes > before)
			clear_probe(&p->plan.probes[--p->plan.nprobes]);
		if (!first) {
			first = err;
			memcpy(first_err, p->err, PLAN_ERROR);
		}
		/* Older glibc has its semaphores in libpthread.so.0, and maps libc.so.6 all the same. */
		if (err != -ENOENT)
			break;
	}
	if (first) {
		memcpy(p->err, first_err, PLAN_ERROR);
		return first;
	}
	return flags & PLAN_SKIP_ABSENT ? 0 : fail_absent(p);
}

int plan__make(const struct target *t, const struct spec *spec, unsigned int flags, struct plan *plan, char err[PLAN_ERROR])
{
	struct planner p = { .t = t, .err = err };
	char skipped[PLAN_ERROR] = "";
	int r;

	err[0] = '\0';
	r = modules__open(t, &p.modules);
	if (r)
		return planner__fail(&p, r, "cannot look at the files that process %u maps: %s", t->pid, strerror(-r));
	for (size_t i = 0; i < spec->npools && !r; i++) {
		p.pool = &spec->pools[i];
		p.pool_index = i;
		if (!spec_pool__has_probes(p.pool))
			continue;
		r = add_pool(&p, flags);
		if (flags & PLAN_SKIP_FAILED && r && r != -ENOMEM) {
			memcpy(skipped, err, PLAN_ERROR);
			r = 0;
		}
		/* What one of its libraries lacked is no news if another had it. */
		if (!r)
			memcpy(err, skipped, PLAN_ERROR);
	}
	modules__close(&p.modules);
	if (r) {
		plan__clear(&p.plan);
		if (!err[0])
			planner__fail(&p, r, "cannot plan probes for process %u: %s", t->pid, strerror(-r));
		return r;
	}
	*plan = p.plan;
	return 0;
}

void plan__clear(struct plan *plan)
{
	for (size_t i = 0; i < plan->nprobes; i++)
		clear_probe(&plan->probes[i]);
	for (size_t i = 0; i < plan->nfiles; i++) {
		close(plan->files[i].fd);
		free(plan->files[i].path);
		free(plan->files[i].build_id);
		free(plan->files[i].version);
	}
	free(plan->probes);
	free(plan->files);
	*plan = (struct plan){ 0 };
}
