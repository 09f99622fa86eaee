// SPDX-License-Identifier: GPL-2.0
/* Probe statements of pool definitions: "acquire SYMBOL... [NAME=VALUE]...". */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "spec_int.h"
#include "suggest.h"

#define KIND(k) (1u << (k))
#define TAKES (KIND(PW_ACQUIRE) | KIND(PW_SCOPE) | KIND(PW_WAIT_ON))
#define GIVES (KIND(PW_RELEASE) | KIND(PW_INVALIDATE))
#define RETURNS (KIND(PW_ACQUIRE) | KIND(PW_CREATE) | KIND(PW_SCOPE) | KIND(PW_WAIT_ON) | KIND(PW_NEXT) | KIND(PW_SUBMIT))
#define FINDS (KIND(PW_ACQUIRE) | KIND(PW_CREATE) | KIND(PW_NEXT))
#define SIZES (KIND(PW_CREATE) | KIND(PW_RESIZE) | KIND(PW_SUBMIT))
#define ANY (KIND(PW_KINDS) - 1)

#define MAX_SYMBOL 1024

static const char *const kind_names[PW_KINDS] = {
	[PW_ACQUIRE] = "acquire", [PW_RELEASE] = "release", [PW_INVALIDATE] = "invalidate", [PW_CREATE] = "create",
	[PW_RESIZE] = "resize",	  [PW_DESTROY] = "destroy", [PW_SCOPE] = "scope",	    [PW_WAIT_ON] = "wait-on",
	[PW_NEXT] = "next",	  [PW_DONE] = "done",	    [PW_SUBMIT] = "submit",
	[PW_DISOWN] = "disown",
};

static const char *const ret_names[] = {
	[SPEC_RET_AUTO] = "auto",
	[SPEC_RET_URETPROBE] = "uretprobe",
	[SPEC_RET_SITES] = "sites",
};

const char *spec__kind_name(enum pw_probe_kind kind)
{
	return (unsigned int)kind < PW_KINDS ? kind_names[kind] : "?";
}

const char *spec__ret_name(enum spec_ret ret)
{
	return (unsigned int)ret < sizeof(ret_names) / sizeof(*ret_names) ? ret_names[ret] : "?";
}

enum clause { CLAUSE_KEY, CLAUSE_COUNT, CLAUSE_OK, CLAUSE_RESOURCE, CLAUSE_CAPACITY, CLAUSE_AVAILABLE, CLAUSE_RET, CLAUSES };

static const char *const clause_names[CLAUSES] = {
	[CLAUSE_KEY] = "key",		[CLAUSE_COUNT] = "count",	  [CLAUSE_OK] = "ok",	[CLAUSE_RESOURCE] = "resource",
	[CLAUSE_CAPACITY] = "capacity", [CLAUSE_AVAILABLE] = "available", [CLAUSE_RET] = "ret",
};

static const struct {
	unsigned int kinds;	   /* of probes that it goes with */
	unsigned int with_ret;	   /* those of them where it is computed at return */
	unsigned int uses;	   /* what else it may use */
} clauses[CLAUSES] = {
	[CLAUSE_KEY] = { ANY, KIND(PW_CREATE), PW_USES_ARGS | PW_USES_MEM },
	[CLAUSE_COUNT] = { TAKES | GIVES, 0, PW_USES_ARGS | PW_USES_KEY | PW_USES_MEM },
	[CLAUSE_OK] = { FINDS, FINDS, PW_USES_ARGS | PW_USES_KEY | PW_USES_MEM },
	[CLAUSE_RESOURCE] = { KIND(PW_ACQUIRE) | GIVES | KIND(PW_DISOWN), KIND(PW_ACQUIRE), PW_USES_ARGS | PW_USES_KEY | PW_USES_MEM },
	[CLAUSE_CAPACITY] = { SIZES, KIND(PW_CREATE), PW_USES_ARGS | PW_USES_KEY | PW_USES_MEM },
	[CLAUSE_AVAILABLE] = { KIND(PW_CREATE) | KIND(PW_RESIZE), KIND(PW_CREATE), PW_USES_ARGS | PW_USES_KEY | PW_USES_MEM },
	[CLAUSE_RET] = { RETURNS, RETURNS, 0 },
};

static struct pw_expr *clause_expr(struct spec_probe *probe, enum clause c)
{
	switch (c) {
	case CLAUSE_KEY:
		return &probe->key;
	case CLAUSE_COUNT:
		return &probe->count;
	case CLAUSE_OK:
		return &probe->ok;
	case CLAUSE_RESOURCE:
		return &probe->resource;
	case CLAUSE_CAPACITY:
		return &probe->capacity;
	default:
		return &probe->available;
	}
}

/* "name=" at the start of an unquoted word: its length, else 0. What has other characters before '=' is a symbol. */
static size_t clause_name(const struct spec_word *w)
{
	size_t n = 0;

	if (w->quoted)
		return 0;
	while (n < w->len && (isalpha((unsigned char)w->text[n]) || w->text[n] == '-' || w->text[n] == '_'))
		n++;
	return n < w->len && w->text[n] == '=' ? n : 0;
}

static int parse_ret(struct spec_parser *ps, unsigned int line, unsigned int column, const char *text, size_t len, enum spec_ret *ret)
{
	for (unsigned int i = 0; i < sizeof(ret_names) / sizeof(*ret_names); i++) {
		if (strlen(ret_names[i]) == len && !memcmp(ret_names[i], text, len)) {
			*ret = i;
			return 0;
		}
	}
	return spec__fail(ps, line, column, "expected auto, uretprobe or sites after 'ret='");
}

static int wrong_kind(struct spec_parser *ps, unsigned int line, unsigned int column, enum clause c)
{
	char list[80] = "";

	for (unsigned int k = 0; k < PW_KINDS; k++) {
		if (!(clauses[c].kinds & KIND(k)))
			continue;
		if (*list)
			strcat(list, ", ");
		strcat(list, kind_names[k]);
	}
	return spec__fail(ps, line, column, "'%s=' goes only with: %s", clause_names[c], list);
}

static int parse_clause(struct spec_parser *ps, const struct spec_line *line, const struct spec_word *w, size_t name_len,
			struct spec_probe *probe, unsigned int *seen)
{
	const char *value = w->text + name_len + 1, *near;
	size_t len = w->len - name_len - 1;
	unsigned int column = w->column + (unsigned int)name_len + 1, uses;
	struct pw_expr *e;
	enum clause c;
	bool sembuf;
	int err;

	for (c = 0; c < CLAUSES; c++)
		if (strlen(clause_names[c]) == name_len && !memcmp(clause_names[c], w->text, name_len))
			break;
	if (c == CLAUSES) {
		near = suggest__nearest(w->text, name_len, clause_names, CLAUSES);
		if (near)
			return spec__fail(ps, line->number, w->column, "unknown clause '%.*s=': did you mean '%s='?",
					  (int)(name_len < 40 ? name_len : 40), w->text, near);
		return spec__fail(ps, line->number, w->column,
				  "unknown clause '%.*s=': expected key, count, ok, resource, capacity, available or ret (a symbol with '=' "
				  "needs quotes)",
				  (int)(name_len < 16 ? name_len : 16), w->text);
	}
	sembuf = c == CLAUSE_COUNT && len == 6 && !memcmp(value, "sembuf", 6);
	if (!(clauses[c].kinds & KIND(probe->kind)) && !(sembuf && probe->kind == PW_CREATE))
		return wrong_kind(ps, line->number, w->column, c);
	if (*seen & 1u << c)
		return spec__fail(ps, line->number, w->column, "'%s=' is given twice", clause_names[c]);
	*seen |= 1u << c;
	if (c == CLAUSE_RET)
		return parse_ret(ps, line->number, column, value, len, &probe->ret);
	if (c == CLAUSE_KEY && len == 4 && !memcmp(value, "held", 4)) {
		if (probe->kind != PW_WAIT_ON)
			return spec__fail(ps, line->number, column, "'key=held' goes only with: wait-on");
		probe->key_held = true;
		return 0;
	}
	if (sembuf) {
		if (probe->kind != PW_ACQUIRE && probe->kind != PW_CREATE)
			return spec__fail(ps, line->number, column, "'count=sembuf' goes only with acquire, which covers the release, and create");
		probe->sysv = true;
		return 0;
	}
	uses = clauses[c].uses;
	if (clauses[c].with_ret & KIND(probe->kind))
		uses |= PW_USES_RET;
	e = clause_expr(probe, c);
	err = spec__expr(ps, line->number, column, value, len, uses, e);
	if (err)
		return err;
	if ((c == CLAUSE_COUNT || c == CLAUSE_CAPACITY) && e->shape == PW_SHAPE_IMM && (e->imm < 1 || e->imm > INT32_MAX))
		return spec__fail(ps, line->number, column, "%s must be 1 to %d", clause_names[c], INT32_MAX);
	return 0;
}

static int add_symbol(struct spec_parser *ps, const struct spec_line *line, const struct spec_word *w, struct spec_probe *probe)
{
	if (w->len > MAX_SYMBOL)
		return spec__fail(ps, line->number, w->column, "a symbol of more than %d bytes", MAX_SYMBOL);
	for (size_t i = 0; i < ps->pool->nprobes; i++) {
		const struct spec_probe *other = &ps->pool->probes[i];

		for (size_t j = 0; other->kind == probe->kind && j < other->nsymbols; j++)
			if (strlen(other->symbols[j]) == w->len && !memcmp(other->symbols[j], w->text, w->len))
				return spec__fail(ps, line->number, w->column, "this symbol is in %s already, line %u",
						  kind_names[probe->kind], other->line);
	}
	return spec__add_string(&probe->symbols, &probe->nsymbols, w->text, w->len);
}

static void set_default(struct pw_expr *e, unsigned int kinds, enum pw_probe_kind kind)
{
	if (!(kinds & KIND(kind)) || e->shape != PW_SHAPE_NONE)
		return;
	e->shape = PW_SHAPE_IMM;
	e->imm = 1;
	e->nops = 1;
	e->ops[0] = (struct pw_op){ .code = PW_OP_IMM, .imm = 1 };
}

int spec__parse_probe(struct spec_parser *ps, const struct spec_line *line, enum pw_probe_kind kind)
{
	struct spec_pool *pool = ps->pool;
	struct spec_probe *probe, *grown = reallocarray(pool->probes, pool->nprobes + 1, sizeof(*grown));
	unsigned int seen = 0;

	if (!grown)
		return -ENOMEM;
	pool->probes = grown;
	/* Owned by the pool from here on, so that whatever fails below frees it with the rest. */
	probe = &grown[pool->nprobes++];
	*probe = (struct spec_probe){ .kind = kind, .line = line->number, .column = line->words[0].column };

	for (size_t i = 1; i < line->n; i++) {
		const struct spec_word *w = &line->words[i];
		size_t name_len = clause_name(w);
		int err;

		if (!name_len && seen)
			return spec__fail(ps, line->number, w->column, "expected a clause: symbols come first (an expression has no spaces)");
		if (name_len)
			err = parse_clause(ps, line, w, name_len, probe, &seen);
		else
			err = add_symbol(ps, line, w, probe);
		if (err)
			return err;
	}
	if (!probe->nsymbols)
		return spec__fail(ps, line->number, line->words[0].column + (unsigned int)line->words[0].len,
				  "expected a function's name after '%s'", kind_names[kind]);
	if (kind == PW_RESIZE && probe->capacity.shape == PW_SHAPE_NONE)
		return spec__fail(ps, line->number, line->end, "expected 'capacity=': what the new capacity is");
	if (!probe->sysv)
		set_default(&probe->count, clauses[CLAUSE_COUNT].kinds, kind);
	set_default(&probe->ok, clauses[CLAUSE_OK].kinds, kind);
	return 0;
}
