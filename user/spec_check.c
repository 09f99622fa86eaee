// SPDX-License-Identifier: GPL-2.0
/* What makes sense of a pool definition as a whole, and what becomes of one: matched to a library, printed, freed. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "escape.h"
#include "spec_int.h"

static const struct spec_probe *find_kind(const struct spec_pool *pool, unsigned int kinds)
{
	for (size_t i = 0; i < pool->nprobes; i++)
		if (kinds & 1u << pool->probes[i].kind)
			return &pool->probes[i];
	return NULL;
}

/* The first probe of @kinds that names its unit (or, if not @named, does not). */
static const struct spec_probe *find_named(const struct spec_pool *pool, unsigned int kinds, bool named)
{
	for (size_t i = 0; i < pool->nprobes; i++)
		if (kinds & 1u << pool->probes[i].kind && (pool->probes[i].resource.shape != PW_SHAPE_NONE) == named)
			return &pool->probes[i];
	return NULL;
}

static int check_resources(struct spec_parser *ps, const struct spec_pool *pool)
{
	const unsigned int gives = 1u << PW_RELEASE | 1u << PW_INVALIDATE | 1u << PW_DISOWN;
	const struct spec_probe *named = find_named(pool, 1u << PW_ACQUIRE, true), *p;

	if (!named) {
		p = find_kind(pool, 1u << PW_DISOWN);
		if (p)
			return spec__fail(ps, p->line, p->column, "disown needs an acquire with 'resource=': whose unit it is must be known");
		p = find_named(pool, gives, true);
		if (p)
			return spec__fail(ps, p->line, p->column, "this %s names its unit, but no acquire has 'resource='", spec__kind_name(p->kind));
		if (pool->owner == SPEC_OWNER_RESOURCE)
			return spec__fail(ps, pool->line, pool->column, "'owner resource' needs an acquire with 'resource='");
		return 0;
	}
	p = find_named(pool, 1u << PW_ACQUIRE, false);
	if (!p)
		p = find_named(pool, gives, false);
	if (p)
		return spec__fail(ps, p->line, p->column, "no 'resource=' here, but the acquire of line %u names its unit", named->line);
	return 0;
}

int spec__check_pool(struct spec_parser *ps, const struct spec_pool *pool)
{
	const struct spec_probe *acquire = find_kind(pool, 1u << PW_ACQUIRE), *p;
	bool worker = find_kind(pool, 1u << PW_SCOPE | 1u << PW_WAIT_ON | 1u << PW_NEXT);
	bool released = find_kind(pool, 1u << PW_RELEASE | 1u << PW_INVALIDATE);

	if (!pool->nlibs && !pool->builtin)
		return spec__fail(ps, pool->line, pool->column, "pool '%s' has no 'lib': name the library, or 'exe'", pool->name);
	if (!acquire && !worker && !pool->builtin)
		return spec__fail(ps, pool->line, pool->column, "pool '%s' has no 'acquire'", pool->name);
	if (acquire && !released && !acquire->sysv && !worker && !pool->builtin)
		return spec__fail(ps, acquire->line, acquire->column, "acquire without a 'release': nothing would ever be given back");
	for (size_t i = 0; i < pool->nprobes; i++) {
		p = &pool->probes[i];
		if (p->key_held && !find_kind(pool, 1u << PW_SCOPE | 1u << PW_ACQUIRE | 1u << PW_NEXT))
			return spec__fail(ps, p->line, p->column, "'key=held' needs a scope or an acquire: nothing here is ever held");
		if ((p->kind == PW_DONE || p->kind == PW_SUBMIT) && !find_kind(pool, 1u << PW_NEXT))
			return spec__fail(ps, p->line, p->column, "%s without a 'next': no worker takes a task", spec__kind_name(p->kind));
		if (pool->key.shape == PW_SHAPE_NONE && p->key.shape == PW_SHAPE_NONE && !p->key_held)
			return spec__fail(ps, p->line, p->column,
					  "no 'key' says which pool this %s is about (e.g. 'key arg0'; 'key 0' if there is but one)",
					  spec__kind_name(p->kind));
	}
	return check_resources(ps, pool);
}

bool spec_probe__requests(const struct spec_probe *probe)
{
	return probe->kind == PW_ACQUIRE || probe->kind == PW_SCOPE || probe->kind == PW_WAIT_ON ||
	       probe->kind == PW_NEXT;
}

bool spec_probe__returns(const struct spec_pool *pool, const struct spec_probe *probe)
{
	const struct pw_expr *key = probe->key.shape != PW_SHAPE_NONE ? &probe->key : &pool->key;

	switch (probe->kind) {
	case PW_ACQUIRE:
	case PW_SCOPE:
	case PW_WAIT_ON:
	case PW_NEXT:
	case PW_SUBMIT:
		return true;
	case PW_CREATE:
		return probe->sysv || (key->uses | probe->ok.uses | probe->capacity.uses | probe->available.uses) & (PW_USES_RET | PW_USES_MEM);
	default:
		return false;
	}
}

char *spec__lib_version(const char *path)
{
	const char *name = strrchr(path, '/'), *so, *dash;

	name = name ? name + 1 : path;
	so = strstr(name, ".so");
	if (!so)
		return NULL;
	if (so[3] == '.' && so[4])
		return strdup(so + 4);
	dash = memrchr(name, '-', (size_t)(so - name));
	return dash && dash[1] >= '0' && dash[1] <= '9' ? strndup(dash + 1, (size_t)(so - dash - 1)) : NULL;
}

bool spec_pool__is_go_sql(const struct spec_pool *pool)
{
	return pool->builtin && !strcmp(pool->builtin, "go-sql");
}

bool spec_pool__has_probes(const struct spec_pool *pool)
{
	return !pool->builtin || spec_pool__is_go_sql(pool);
}

bool spec_pool__guarded(const struct spec_pool *pool, const char *path, const char *build_id)
{
	_cleanup_free_ char *version = spec__lib_version(path);

	for (size_t i = 0; i < pool->nguards; i++) {
		const struct spec_guard *g = &pool->guards[i];

		if (g->kind == SPEC_GUARD_VERSION ? version && !fnmatch(g->text, version, 0)
						  : build_id && !strncmp(g->text, build_id, strlen(g->text)))
			return true;
	}
	return !pool->nguards;
}

static void print_expr(FILE *out, const char *before, const struct pw_expr *e)
{
	char text[EXPR_TEXT];

	if (e->shape == PW_SHAPE_NONE)
		return;
	expr__print(e, text, sizeof(text));
	fprintf(out, "%s%s", before, text);
}

static void print_unless_1(FILE *out, const char *before, const struct pw_expr *e)
{
	if (e->shape != PW_SHAPE_IMM || e->imm != 1)
		print_expr(out, before, e);
}

/* Quoted only if it would not read back as one symbol. One with a quote in it never had blanks. */
static void print_word(FILE *out, const char *word)
{
	bool quote = (word[0] == '#' || strpbrk(word, " \t;=")) && !strchr(word, '"');

	fprintf(out, quote ? " \"%s\"" : " %s", word);
}

static void print_probe(const struct spec_probe *p, FILE *out)
{
	fprintf(out, "  %-12s", spec__kind_name(p->kind));
	for (size_t i = 0; i < p->nsymbols; i++)
		print_word(out, p->symbols[i]);
	if (p->key_held)
		fprintf(out, " key=held");
	print_expr(out, " key=", &p->key);
	if (p->sysv)
		fprintf(out, " count=sembuf");
	print_unless_1(out, " count=", &p->count);
	print_unless_1(out, " ok=", &p->ok);
	print_expr(out, " resource=", &p->resource);
	print_expr(out, " capacity=", &p->capacity);
	print_expr(out, " available=", &p->available);
	if (p->ret != SPEC_RET_AUTO)
		fprintf(out, " ret=%s", spec__ret_name(p->ret));
	fprintf(out, "\n");
}

void spec_pool__print(const struct spec_pool *pool, FILE *out)
{
	fprintf(out, "pool %s\n", pool->name);
	if (pool->nlibs) {
		fprintf(out, "  lib         ");
		for (size_t i = 0; i < pool->nlibs; i++)
			print_word(out, pool->libs[i]);
		fprintf(out, "\n");
	}
	for (size_t i = 0; i < pool->nguards; i++) {
		fprintf(out, "  when         %s", pool->guards[i].kind == SPEC_GUARD_VERSION ? "lib-version" : "build-id");
		print_word(out, pool->guards[i].text);
		fprintf(out, "\n");
	}
	if (pool->builtin)
		fprintf(out, "  builtin      %s\n", pool->builtin);
	print_expr(out, "  key          ", &pool->key);
	fprintf(out, pool->key.shape == PW_SHAPE_NONE ? "" : "\n");
	print_expr(out, "  capacity     ", &pool->capacity);
	fprintf(out, pool->capacity.shape == PW_SHAPE_NONE ? "  capacity     learn\n" : "\n");
	print_expr(out, "  available    ", &pool->available);
	fprintf(out, pool->available.shape == PW_SHAPE_NONE ? "" : "\n");
	if (pool->min_capacity)
		fprintf(out, "  min-capacity %u\n", pool->min_capacity);
	if (pool->poll)
		fprintf(out, "  wait         poll\n");
	if (pool->owner != SPEC_OWNER_THREAD)
		fprintf(out, "  owner        %s\n", spec__owner_name(pool->owner));
	if (pool->futex_to)
		fprintf(out, "  futex        0x%x 0x%x\n", pool->futex_from, pool->futex_to);
	if (pool->confirm)
		fprintf(out, "  confirm      self-release\n");
	for (size_t i = 0; i < pool->nprobes; i++)
		print_probe(&pool->probes[i], out);
}

static void free_strings(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static void clear_pool(struct spec_pool *pool)
{
	free_strings(pool->libs, pool->nlibs);
	for (size_t i = 0; i < pool->nguards; i++)
		free(pool->guards[i].text);
	free(pool->guards);
	for (size_t i = 0; i < pool->nprobes; i++)
		free_strings(pool->probes[i].symbols, pool->probes[i].nsymbols);
	free(pool->probes);
	free(pool->builtin);
	free(pool->file);
}

void spec__clear(struct spec *spec)
{
	for (size_t i = 0; i < spec->npools; i++)
		clear_pool(&spec->pools[i]);
	free(spec->pools);
	*spec = (struct spec){ 0 };
}

void spec_error__clear(struct spec_error *err)
{
	free(err->file);
	free(err->source);
	*err = (struct spec_error){ 0 };
}

/* Escaped as it stands there, but for tabs, which both lines have, so that the caret is right whatever their width. */
static void print_source(const char *source, size_t len, bool blank, FILE *out)
{
	_cleanup_free_ char *text = malloc(4 * len + 1);

	fputs("  ", out);
	while (text && len) {
		const char *tab = memchr(source, '\t', len);
		size_t n = tab ? (size_t)(tab - source) : len;

		escape__bytes(text, 4 * n + 1, source, n, 0);
		if (blank)
			fprintf(out, "%*s", (int)escape__columns(text), "");
		else
			fputs(text, out);
		if (tab)
			putc('\t', out);
		n += tab != NULL;
		source += n;
		len -= n;
	}
}

void spec_error__print(const struct spec_error *err, FILE *out)
{
	size_t len, before = err->column - 1;

	escape__print(out, err->file ?: "?", 0);
	if (err->line)
		fprintf(out, ":%u:%u", err->line, err->column);
	fputs(": error: ", out);
	escape__print(out, err->message, 0);
	putc('\n', out);
	if (!err->line || !err->source)
		return;
	len = strlen(err->source);
	print_source(err->source, len, false, out);
	putc('\n', out);
	print_source(err->source, before < len ? before : len, true, out);
	fputs("^\n", out);
}
