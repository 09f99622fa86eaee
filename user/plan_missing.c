// SPDX-License-Identifier: GPL-2.0
/* A symbol that is not where the definition says: where it is, or what it may have been meant to be. */
#include <string.h>
#include "cleanup.h"
#include "plan_int.h"
#include "suggest.h"

static struct module *defined_in(struct planner *p, const struct module *not_here, const char *name)
{
	for (size_t i = 0; i < p->modules.n; i++) {
		struct module *m = &p->modules.list[i];
		struct elf_symbol *s;
		size_t n;

		if (m == not_here || !m->elf || elf__find(m->elf, name, &s, &n))
			continue;
		elf_symbol__free(s, n);
		return m;
	}
	return NULL;
}

int planner__fail_missing(struct planner *p, struct module *m, const char *name)
{
	_cleanup_free_ const char **names = NULL;
	struct module *other = defined_in(p, m, name);
	const char *here = m->exe && p->pool->nlibs && !strcmp(p->pool->libs[0], "exe") ? "exe" : m->map->path;
	const char *nearest = NULL;
	size_t n = 0;

	if (other) {
		const char *lib = other->exe ? "exe" : elf__soname(other->elf) ?: module__name(other);

		return planner__fail(p, -ENOENT, "'%s' is not in %s; it is in %s: write 'lib %s'", escaped(name).text,
				     escaped(here).text, other->exe ? "the executable" : escaped(lib).text, escaped(lib).text);
	}
	if (!elf__function_names(m->elf, &names, &n))
		nearest = suggest__nearest(name, strlen(name), names, n);
	if (nearest)
		return planner__fail(p, -ENOENT, "no symbol '%s' in %s (did you mean '%s'?)", escaped(name).text,
				     escaped(m->map->path).text, escaped(nearest).text);
	return planner__fail(p, -ENOENT, n ? "no symbol '%s' in %s: 'nm -D' and 'nm' list what there is" :
					     "no symbol '%s' in %s: it is stripped; its debug symbols may be installed apart",
			     escaped(name).text, escaped(m->map->path).text);
}
