// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <string.h>
#include "cleanup.h"
#include "escape.h"
#include "graph.h"

/* A place in a process. */
struct site {
	uint32_t tgid;
	uint64_t address;
};

struct link {
	const struct poolwatch_edge *edge;
	uint32_t from, to;	     /* pools, by index in the ledger */
	uint32_t from_site, to_site; /* by index in sites */
};

struct graph {
	const struct ledger *l;
	uint32_t tgid; /* 0: all */
	const struct graph_names *names;
	struct site *sites; /* sorted */
	size_t nsites;
	struct link *links;
	size_t nlinks;
	uint32_t *component; /* of each pool: pools that lead to one another have the same */
	bool *shown;	     /* each pool: it is in a link */
};

static void graph__clear(struct graph *g)
{
	free(g->sites);
	free(g->links);
	free(g->component);
	free(g->shown);
}

static int compare_sites(const void *a, const void *b)
{
	const struct site *x = a, *y = b;

	if (x->tgid != y->tgid)
		return x->tgid < y->tgid ? -1 : 1;
	return (x->address > y->address) - (x->address < y->address);
}

static uint32_t site_index(const struct graph *g, uint32_t tgid, uint64_t address)
{
	struct site key = { tgid, address }, *s = bsearch(&key, g->sites, g->nsites, sizeof(key), compare_sites);

	return (uint32_t)(s - g->sites);
}

static int find_sites(struct graph *g)
{
	const struct ledger *l = g->l;
	size_t n = 0;

	g->sites = calloc(2 * l->nedges + 1, sizeof(*g->sites));
	if (!g->sites)
		return -ENOMEM;
	for (size_t i = 0; i < l->nedges; i++) {
		g->sites[n++] = (struct site){ l->edges[i].head.tgid, l->edges[i].from_site };
		g->sites[n++] = (struct site){ l->edges[i].head.tgid, l->edges[i].to_site };
	}
	if (n)
		qsort(g->sites, n, sizeof(*g->sites), compare_sites);
	for (size_t i = 0; i < n; i++)
		if (!g->nsites || compare_sites(&g->sites[g->nsites - 1], &g->sites[i]))
			g->sites[g->nsites++] = g->sites[i];
	return 0;
}

static int compare_links(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	return x->from != y->from ? (x->from < y->from ? -1 : 1) : (x->edge > y->edge) - (x->edge < y->edge);
}

/* Sorted by the pool that they come from. Edges of pools that are gone from the snapshot are left out. */
static int find_links(struct graph *g)
{
	const struct ledger *l = g->l;

	g->links = calloc(l->nedges + 1, sizeof(*g->links));
	g->shown = calloc(l->npools + 1, sizeof(*g->shown));
	if (!g->links || !g->shown)
		return -ENOMEM;
	for (size_t i = 0; i < l->nedges; i++) {
		const struct poolwatch_edge *e = &l->edges[i];
		const struct poolwatch_pool *from = ledger__pool(l, e->from), *to = ledger__pool(l, e->to);

		if ((g->tgid && e->head.tgid != g->tgid) || !from || !to || !ledger__is_pool(l, from) ||
		    !ledger__is_pool(l, to))
			continue;
		g->links[g->nlinks++] = (struct link){
			.edge = e,
			.from = (uint32_t)(from - l->pools),
			.to = (uint32_t)(to - l->pools),
			.from_site = site_index(g, e->head.tgid, e->from_site),
			.to_site = site_index(g, e->head.tgid, e->to_site),
		};
		g->shown[from - l->pools] = g->shown[to - l->pools] = true;
	}
	if (g->nlinks)
		qsort(g->links, g->nlinks, sizeof(*g->links), compare_links);
	return 0;
}

/* Of Tarjan's algorithm, without recursion: there may be as many pools in a row as the table holds. */
struct visit {
	uint32_t number, low; /* number 0: not visited */
	uint32_t next;	      /* link to look at */
	bool open;
};

static size_t first_link(const struct graph *g, uint32_t pool)
{
	size_t lo = 0, hi = g->nlinks;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (g->links[mid].from < pool)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void close_component(struct graph *g, struct visit *v, const uint32_t *open, size_t *nopen, uint32_t root)
{
	uint32_t p;

	do {
		p = open[--*nopen];
		v[p].open = false;
		g->component[p] = root;
	} while (p != root);
}

static int find_components(struct graph *g)
{
	size_t n = g->l->npools, depth, nopen = 0;
	_cleanup_free_ struct visit *v = calloc(n + 1, sizeof(*v));
	_cleanup_free_ uint32_t *path = calloc(n + 1, sizeof(*path));
	_cleanup_free_ uint32_t *open = calloc(n + 1, sizeof(*open));
	uint32_t number = 0;

	g->component = calloc(n + 1, sizeof(*g->component));
	if (!v || !path || !open || !g->component)
		return -ENOMEM;
	for (uint32_t start = 0; start < n; start++) {
		if (v[start].number)
			continue;
		path[0] = start;
		depth = 1;
		while (depth) {
			uint32_t p = path[depth - 1];
			struct visit *here = &v[p];

			if (!here->number) {
				*here = (struct visit){ ++number, number, (uint32_t)first_link(g, p), true };
				open[nopen++] = p;
			}
			if (here->next < g->nlinks && g->links[here->next].from == p) {
				uint32_t to = g->links[here->next++].to;

				if (!v[to].number)
					path[depth++] = to;
				else if (v[to].open && v[to].number < here->low)
					here->low = v[to].number;
				continue;
			}
			if (here->low == here->number)
				close_component(g, v, open, &nopen, p);
			if (--depth && here->low < v[path[depth - 1]].low)
				v[path[depth - 1]].low = here->low;
		}
	}
	return 0;
}

/* Within double quotes of DOT, which takes a backslash for itself. */
static void print_quoted(FILE *out, const char *text)
{
	char escaped[1024];

	escape__string(escaped, sizeof(escaped), text, 0);
	for (const char *c = escaped; *c; c++) {
		if (*c == '"' || *c == '\\')
			putc('\\', out);
		putc(*c, out);
	}
}

static void free_frames(struct finding_frame *frames, size_t n)
{
	for (size_t i = 0; i < n; i++)
		finding_frame__clear(&frames[i]);
	free(frames);
}

static int get_frames(const struct graph_names *names, uint32_t tgid, uint64_t site, struct finding_frame **frames,
		      size_t *n)
{
	return names && site ? names->frames(names->ctx, tgid, site, frames, n) : -ENOENT;
}

/* The frame that is told of several: the innermost of the user's own, else the innermost. */
static const struct finding_frame *told(const struct finding_frame *frames, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (frames[i].user_code)
			return &frames[i];
	return frames;
}

static void print_site_label(const struct graph *g, const struct site *s, FILE *out)
{
	struct finding_frame *frames;
	const struct finding_frame *f;
	size_t n;

	if (!s->address || get_frames(g->names, s->tgid, s->address, &frames, &n)) {
		fprintf(out, "%#" PRIx64, s->address);
		return;
	}
	f = told(frames, n);
	if (f->symbol)
		print_quoted(out, f->symbol);
	else
		fprintf(out, "+%#" PRIx64, f->offset);
	fputs("\\n", out);
	if (f->file) {
		print_quoted(out, f->file);
		fprintf(out, ":%" PRIu32, f->line);
	} else {
		print_quoted(out, f->module ?: "");
	}
	free_frames(frames, n);
}

static void print_pool(const struct graph *g, uint32_t i, FILE *out)
{
	const struct poolwatch_pool *p = &g->l->pools[i];
	const struct poolwatch_def *def = ledger__def(g->l, p->def);
	char name[POOLWATCH_NAME + 1] = "";
	int64_t capacity;

	if (def)
		memcpy(name, def->name, POOLWATCH_NAME);
	fprintf(out, "\tpool%u [shape=box, label=\"", i);
	print_quoted(out, name[0] ? name : "pool");
	fprintf(out, "\\n%#" PRIx64 " of %" PRIu32 "\\n%" PRId64, (uint64_t)p->addr, p->head.tgid, (int64_t)p->in_use);
	if (ledger__capacity(g->l, p, &capacity) != LEDGER_CAPACITY_UNKNOWN)
		fprintf(out, " of %" PRId64, capacity);
	fputs(" in use\"];\n", out);
}

static bool on_cycle(const struct graph *g, const struct link *k)
{
	return g->component[k->from] == g->component[k->to];
}

/* One arrow of several links that share it. */
struct arrow {
	char from[24], to[24];
	const char *label;
	uint64_t count;
	bool cycle;
};

static int compare_arrows(const void *a, const void *b)
{
	const struct arrow *x = a, *y = b;
	int from = strcmp(x->from, y->from);

	return from ? from : strcmp(x->to, y->to);
}

static int print_arrows(const struct graph *g, FILE *out)
{
	_cleanup_free_ struct arrow *arrows = calloc(3 * g->nlinks + 1, sizeof(*arrows));
	size_t n = 0;

	if (!arrows)
		return -ENOMEM;
	for (size_t i = 0; i < g->nlinks; i++) {
		const struct link *k = &g->links[i];
		struct arrow *a = &arrows[n];
		bool cycle = on_cycle(g, k);

		a[0] = (struct arrow){ .label = "taken", .count = k->edge->count, .cycle = cycle };
		a[1] = (struct arrow){ .label = "then", .count = k->edge->count, .cycle = cycle };
		a[2] = (struct arrow){ .label = "asked", .count = k->edge->count, .cycle = cycle };
		snprintf(a[0].from, sizeof(a->from), "pool%u", k->from);
		snprintf(a[0].to, sizeof(a->to), "site%u", k->from_site);
		snprintf(a[1].from, sizeof(a->from), "site%u", k->from_site);
		snprintf(a[1].to, sizeof(a->to), "site%u", k->to_site);
		snprintf(a[2].from, sizeof(a->from), "site%u", k->to_site);
		snprintf(a[2].to, sizeof(a->to), "pool%u", k->to);
		n += 3;
	}
	if (n)
		qsort(arrows, n, sizeof(*arrows), compare_arrows);
	for (size_t i = 0; i < n; i++) {
		struct arrow *a = &arrows[i];

		if (i + 1 < n && !compare_arrows(a, a + 1)) {
			a[1].count += a->count;
			a[1].cycle |= a->cycle;
			continue;
		}
		fprintf(out, "\t%s -> %s [label=\"%s %" PRIu64 "\"%s];\n", a->from, a->to, a->label, a->count,
			a->cycle ? ", class=\"cycle\", color=red, penwidth=2" : "");
	}
	return 0;
}

static int print_graph(const struct graph *g, FILE *out)
{
	_cleanup_free_ bool *used = calloc(g->nsites + 1, sizeof(*used));
	int err;

	if (!used)
		return -ENOMEM;
	fputs("digraph poolwatch {\n\tnode [fontname=\"monospace\"];\n", out);
	for (uint32_t i = 0; i < g->l->npools; i++)
		if (g->shown[i])
			print_pool(g, i, out);
	for (size_t i = 0; i < g->nlinks; i++)
		used[g->links[i].from_site] = used[g->links[i].to_site] = true;
	for (uint32_t i = 0; i < g->nsites; i++) {
		if (!used[i])
			continue;
		fprintf(out, "\tsite%u [label=\"", i);
		print_site_label(g, &g->sites[i], out);
		fputs("\"];\n", out);
	}
	err = print_arrows(g, out);
	fputs("}\n", out);
	return err ? err : ferror(out) ? -EIO : 0;
}

int graph__dot(FILE *out, const struct ledger *l, uint32_t tgid, const struct graph_names *names)
{
	_cleanup_(graph__clear) struct graph g = { .l = l, .tgid = tgid, .names = names };
	int err = find_sites(&g);

	if (!err)
		err = find_links(&g);
	if (!err)
		err = find_components(&g);
	return err ? err : print_graph(&g, out);
}
