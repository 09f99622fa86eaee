// SPDX-License-Identifier: GPL-2.0
/* Pool definitions, and what is wrong with them, as JSON. */
#include "spec_json.h"

static void write_expr(struct json *j, const char *key, const struct pw_expr *e)
{
	char text[EXPR_TEXT];

	if (e->shape == PW_SHAPE_NONE) {
		json__null(j, key);
		return;
	}
	expr__print(e, text, sizeof(text));
	json__string(j, key, text);
}

static void write_strings(struct json *j, const char *key, char *const *list, size_t n)
{
	json__array(j, key);
	for (size_t i = 0; i < n; i++)
		json__string(j, NULL, list[i]);
	json__end_array(j);
}

static void write_probe(struct json *j, const struct spec_probe *p)
{
	json__object(j, NULL);
	json__string(j, "kind", spec__kind_name(p->kind));
	write_strings(j, "symbols", p->symbols, p->nsymbols);
	if (p->key_held)
		json__string(j, "key", "held");
	else
		write_expr(j, "key", &p->key);
	if (p->sysv)
		json__string(j, "count", "sembuf");
	else
		write_expr(j, "count", &p->count);
	write_expr(j, "ok", &p->ok);
	write_expr(j, "resource", &p->resource);
	write_expr(j, "capacity", &p->capacity);
	write_expr(j, "available", &p->available);
	json__string(j, "ret", spec__ret_name(p->ret));
	json__u64(j, "line", p->line);
	json__end_object(j);
}

void spec_pool__print_json(const struct spec_pool *pool, FILE *out)
{
	struct json j;

	json__init(&j, out);
	json__object(&j, NULL);
	json__string(&j, "type", "definition");
	json__string(&j, "name", pool->name);
	json__string(&j, "file", pool->file);
	json__u64(&j, "line", pool->line);
	write_strings(&j, "lib", pool->libs, pool->nlibs);
	json__array(&j, "when");
	for (size_t i = 0; i < pool->nguards; i++) {
		json__object(&j, NULL);
		json__string(&j, pool->guards[i].kind == SPEC_GUARD_VERSION ? "lib-version" : "build-id", pool->guards[i].text);
		json__end_object(&j);
	}
	json__end_array(&j);
	json__string(&j, "builtin", pool->builtin);
	write_expr(&j, "key", &pool->key);
	write_expr(&j, "capacity", &pool->capacity);
	write_expr(&j, "available", &pool->available);
	json__u64(&j, "min_capacity", pool->min_capacity);
	json__string(&j, "wait", pool->poll ? "poll" : "block");
	json__string(&j, "owner", spec__owner_name(pool->owner));
	json__string(&j, "confirm", pool->confirm ? "self-release" : NULL);
	json__array(&j, "futex");
	if (pool->futex_to) {
		json__u64(&j, NULL, pool->futex_from);
		json__u64(&j, NULL, pool->futex_to);
	}
	json__end_array(&j);
	json__array(&j, "probes");
	for (size_t i = 0; i < pool->nprobes; i++)
		write_probe(&j, &pool->probes[i]);
	json__end_array(&j);
	json__end_object(&j);
	json__end_line(&j);
}

void spec_error__print_json(const struct spec_error *err, FILE *out)
{
	struct json j;

	json__init(&j, out);
	json__object(&j, NULL);
	json__string(&j, "type", "error");
	json__string(&j, "file", err->file);
	if (err->line) {
		json__u64(&j, "line", err->line);
		json__u64(&j, "column", err->column);
	} else {
		json__null(&j, "line");
		json__null(&j, "column");
	}
	json__string(&j, "message", err->message);
	json__end_object(&j);
	json__end_line(&j);
}
