// SPDX-License-Identifier: GPL-2.0
/* Pool definitions: the statements of a definition but its probes (spec_probe.c), and where the text comes from. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "spec_int.h"
#include "suggest.h"

#define MAX_FUTEX 65536

static const char *const statements[] = {
	[SPEC_LIB] = "lib",
	[SPEC_KEY] = "key",
	[SPEC_CAPACITY] = "capacity",
	[SPEC_AVAILABLE] = "available",
	[SPEC_MIN_CAPACITY] = "min-capacity",
	[SPEC_WAIT] = "wait",
	[SPEC_OWNER] = "owner",
	[SPEC_FUTEX] = "futex",
	[SPEC_CONFIRM] = "confirm",
	[SPEC_WHEN] = "when",
	[SPEC_BUILTIN] = "builtin",
	[SPEC_STATEMENTS + PW_ACQUIRE] = "acquire",
	[SPEC_STATEMENTS + PW_RELEASE] = "release",
	[SPEC_STATEMENTS + PW_INVALIDATE] = "invalidate",
	[SPEC_STATEMENTS + PW_CREATE] = "create",
	[SPEC_STATEMENTS + PW_RESIZE] = "resize",
	[SPEC_STATEMENTS + PW_DESTROY] = "destroy",
	[SPEC_STATEMENTS + PW_SCOPE] = "scope",
	[SPEC_STATEMENTS + PW_WAIT_ON] = "wait-on",
	[SPEC_STATEMENTS + PW_NEXT] = "next",
	[SPEC_STATEMENTS + PW_DONE] = "done",
	[SPEC_STATEMENTS + PW_SUBMIT] = "submit",
	[SPEC_STATEMENTS + PW_DISOWN] = "disown",
	[SPEC_STATEMENTS + PW_KINDS] = "pool",
};
#define NSTATEMENTS (sizeof(statements) / sizeof(*statements))

static const char *const builtins[] = { "python-sqlalchemy", "jvm-executor", "go-sql" };

static char *source_line(const struct spec_parser *ps, unsigned int number)
{
	const char *start = ps->text, *end = ps->text + ps->len, *nl;

	while (--number) {
		nl = memchr(start, '\n', (size_t)(end - start));
		if (!nl)
			return NULL;
		start = nl + 1;
	}
	nl = memchr(start, '\n', (size_t)(end - start));
	end = nl ?: end;
	while (end > start && end[-1] == '\r')
		end--;
	return strndup(start, (size_t)(end - start));
}

int spec__fail(struct spec_parser *ps, unsigned int line, unsigned int column, const char *fmt, ...)
{
	struct spec_error *err = ps->err;
	va_list ap;

	err->file = strdup(ps->name);
	err->source = source_line(ps, line);
	err->line = line;
	err->column = column;
	va_start(ap, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int spec__expr(struct spec_parser *ps, unsigned int line, unsigned int column, const char *text, size_t len, unsigned int allowed,
	       struct pw_expr *out)
{
	struct expr_error err;

	if (expr__parse(text, len, allowed, out, &err))
		return spec__fail(ps, line, column + (unsigned int)err.offset, "%s", err.message);
	return 0;
}

int spec__add_string(char ***list, size_t *n, const char *text, size_t len)
{
	char **grown = reallocarray(*list, *n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*list = grown;
	grown[*n] = strndup(text, len);
	if (!grown[*n])
		return -ENOMEM;
	(*n)++;
	return 0;
}

/* The statement's @n values. */
static int expect_values(struct spec_parser *ps, const struct spec_line *line, size_t n, const char *what)
{
	if (line->n < n + 1)
		return spec__fail(ps, line->number, line->end, "expected %s after '%.*s'", what, (int)line->words[0].len,
				  line->words[0].text);
	if (line->n > n + 1)
		return spec__fail(ps, line->number, line->words[n + 1].column,
				  "expected the end of the line (an expression has no spaces)");
	return 0;
}

static int number(struct spec_parser *ps, const struct spec_line *line, const struct spec_word *w, int64_t min, int64_t max, unsigned int *out)
{
	struct expr_error err;
	struct pw_expr e;

	if (expr__parse(w->text, w->len, 0, &e, &err) || e.imm < min || e.imm > max)
		return spec__fail(ps, line->number, w->column, "expected a number from %lld to %lld", (long long)min, (long long)max);
	*out = (unsigned int)e.imm;
	return 0;
}

static int parse_libs(struct spec_parser *ps, const struct spec_line *line)
{
	if (line->n < 2)
		return spec__fail(ps, line->number, line->end, "expected a library's soname, path or glob, or 'exe', after 'lib'");
	for (size_t i = 1; i < line->n; i++) {
		int err = spec__add_string(&ps->pool->libs, &ps->pool->nlibs, line->words[i].text, line->words[i].len);

		if (err)
			return err;
	}
	return 0;
}

static int parse_capacity(struct spec_parser *ps, const struct spec_line *line, struct pw_expr *out)
{
	const struct spec_word *w = &line->words[1];
	int err;

	if (spec_word__is(w, "learn"))
		return 0;
	err = spec__expr(ps, line->number, w->column, w->text, w->len, PW_USES_KEY | PW_USES_MEM, out);
	if (!err && out->shape == PW_SHAPE_IMM && (out->imm < 1 || out->imm > INT32_MAX))
		return spec__fail(ps, line->number, w->column, "capacity must be 1 to %d, an expression, or 'learn'", INT32_MAX);
	return err;
}

static int parse_guard(struct spec_parser *ps, const struct spec_line *line)
{
	struct spec_guard guard = { .kind = SPEC_GUARD_VERSION }, *grown;
	const struct spec_word *w = &line->words[1];
	struct spec_pool *pool = ps->pool;

	if (spec_word__is(w, "build-id"))
		guard.kind = SPEC_GUARD_BUILD_ID;
	else if (!spec_word__is(w, "lib-version"))
		return spec__fail(ps, line->number, w->column, "expected lib-version or build-id after 'when'");
	w++;
	if (guard.kind == SPEC_GUARD_BUILD_ID) {
		size_t hex = 0;

		while (hex < w->len && isxdigit((unsigned char)w->text[hex]))
			hex++;
		if (hex < w->len || hex < 8 || hex > 128)
			return spec__fail(ps, line->number, w->column, "expected a build-id: at least 8 hexadecimal digits");
	}
	guard.text = strndup(w->text, w->len);
	grown = guard.text ? reallocarray(pool->guards, pool->nguards + 1, sizeof(*grown)) : NULL;
	if (!grown) {
		free(guard.text);
		return -ENOMEM;
	}
	for (char *c = guard.text; guard.kind == SPEC_GUARD_BUILD_ID && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	pool->guards = grown;
	pool->guards[pool->nguards++] = guard;
	return 0;
}

/* Which of @names the word is. Return: its index, or -EINVAL with "expected a, b or c after 'statement'". */
static int one_of(struct spec_parser *ps, const struct spec_line *line, const char *const *names, size_t n)
{
	const struct spec_word *w = &line->words[1];
	char list[96] = "";

	for (size_t i = 0; i < n; i++) {
		if (spec_word__is(w, names[i]))
			return (int)i;
		strcat(list, i == 0 ? "" : i + 1 == n ? " or " : ", ");
		strcat(list, names[i]);
	}
	return spec__fail(ps, line->number, w->column, "expected %s after '%.*s'", list, (int)line->words[0].len, line->words[0].text);
}

static const char *const owners[] = { [SPEC_OWNER_THREAD] = "thread", [SPEC_OWNER_RESOURCE] = "resource", [SPEC_OWNER_GOROUTINE] = "goroutine" };
static const char *const waits[] = { "block", "poll" };
static const char *const confirms[] = { "self-release" };

const char *spec__owner_name(int owner)
{
	return owner >= 0 && (size_t)owner < sizeof(owners) / sizeof(*owners) ? owners[owner] : "?";
}

static int parse_plain(struct spec_parser *ps, const struct spec_line *line, enum spec_statement st)
{
	static const char *const what[] = {
		[SPEC_KEY] = "an expression",
		[SPEC_CAPACITY] = "a number, an expression or 'learn'",
		[SPEC_AVAILABLE] = "an expression",
		[SPEC_MIN_CAPACITY] = "a number",
		[SPEC_WAIT] = "block or poll",
		[SPEC_OWNER] = "thread, resource or goroutine",
		[SPEC_FUTEX] = "two offsets FROM TO",
		[SPEC_CONFIRM] = "self-release",
		[SPEC_WHEN] = "'lib-version GLOB' or 'build-id HEX'",
		[SPEC_BUILTIN] = "a name",
	};
	struct spec_pool *pool = ps->pool;
	const struct spec_word *w = &line->words[1];
	int err = expect_values(ps, line, st == SPEC_FUTEX || st == SPEC_WHEN ? 2 : 1, what[st]);

	if (err)
		return err;
	switch (st) {
	case SPEC_KEY:
		return spec__expr(ps, line->number, w->column, w->text, w->len, PW_USES_ARGS | PW_USES_MEM, &pool->key);
	case SPEC_CAPACITY:
		return parse_capacity(ps, line, &pool->capacity);
	case SPEC_AVAILABLE:
		return spec__expr(ps, line->number, w->column, w->text, w->len, PW_USES_KEY | PW_USES_MEM, &pool->available);
	case SPEC_MIN_CAPACITY:
		return number(ps, line, w, 1, INT32_MAX, &pool->min_capacity);
	case SPEC_WAIT:
		err = one_of(ps, line, waits, 2);
		pool->poll = err == 1;
		return err < 0 ? err : 0;
	case SPEC_OWNER:
		err = one_of(ps, line, owners, 3);
		pool->owner = err < 0 ? 0 : err;
		return err < 0 ? err : 0;
	case SPEC_FUTEX:
		err = number(ps, line, w, 0, MAX_FUTEX, &pool->futex_from) ?: number(ps, line, w + 1, 0, MAX_FUTEX, &pool->futex_to);
		if (!err && pool->futex_from >= pool->futex_to)
			return spec__fail(ps, line->number, w[1].column, "the second offset must be larger than the first");
		return err;
	case SPEC_CONFIRM:
		err = one_of(ps, line, confirms, 1);
		pool->confirm = !err;
		return err;
	case SPEC_WHEN:
		return parse_guard(ps, line);
	case SPEC_BUILTIN:
		err = one_of(ps, line, builtins, sizeof(builtins) / sizeof(*builtins));
		if (err < 0)
			return err;
		pool->builtin = strdup(builtins[err]);
		return pool->builtin ? 0 : -ENOMEM;
	default:
		return -EINVAL;
	}
}

static int check_name(struct spec_parser *ps, const struct spec_line *line)
{
	const struct spec_word *w = &line->words[1];
	const struct spec *both[] = { ps->before, &ps->fresh };

	for (size_t i = 0; i < w->len; i++)
		if (!isalnum((unsigned char)w->text[i]) && !memchr("_.-", w->text[i], 3))
			return spec__fail(ps, line->number, w->column + (unsigned int)i, "a pool's name has letters, digits, '_', '.' and '-' only");
	if (w->len >= POOLWATCH_NAME)
		return spec__fail(ps, line->number, w->column, "a pool's name has at most %d characters", POOLWATCH_NAME - 1);
	for (unsigned int b = 0; b < 2; b++) {
		for (size_t i = 0; i < both[b]->npools; i++) {
			const struct spec_pool *other = &both[b]->pools[i];

			if (strlen(other->name) == w->len && !memcmp(other->name, w->text, w->len))
				return spec__fail(ps, line->number, w->column, "pool '%s' is defined already, at %.80s:%u", other->name,
						  other->file, other->line);
		}
	}
	if (ps->before->npools + ps->fresh.npools == PW_MAX_DEFS)
		return spec__fail(ps, line->number, line->words[0].column, "more than %d pool definitions", PW_MAX_DEFS);
	return 0;
}

static int begin_pool(struct spec_parser *ps, const struct spec_line *line)
{
	struct spec_pool *grown;
	int err = expect_values(ps, line, 1, "a name");

	err = err ?: check_name(ps, line);
	if (err)
		return err;
	grown = reallocarray(ps->fresh.pools, ps->fresh.npools + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	ps->fresh.pools = grown;
	ps->pool = &grown[ps->fresh.npools++];
	*ps->pool = (struct spec_pool){ .line = line->number, .column = line->words[0].column };
	memcpy(ps->pool->name, line->words[1].text, line->words[1].len);
	memset(ps->seen, 0, sizeof(ps->seen));
	ps->pool->file = strdup(ps->name);
	return ps->pool->file ? 0 : -ENOMEM;
}

static int parse_line(struct spec_parser *ps, const struct spec_line *line)
{
	const struct spec_word *w = &line->words[0];
	const char *near;
	unsigned int st;
	int err;

	if (spec_word__is(w, "pool")) {
		err = ps->pool ? spec__check_pool(ps, ps->pool) : 0;
		return err ?: begin_pool(ps, line);
	}
	for (st = 0; st < NSTATEMENTS; st++)
		if (spec_word__is(w, statements[st]))
			break;
	if (st == NSTATEMENTS) {
		if (w->quoted)
			return spec__fail(ps, line->number, w->column, "expected a statement, which has no quotes");
		near = suggest__nearest(w->text, w->len, statements, NSTATEMENTS);
		if (near)
			return spec__fail(ps, line->number, w->column, "unknown statement '%.*s': did you mean '%s'?",
					  (int)(w->len < 40 ? w->len : 40), w->text, near);
		return spec__fail(ps, line->number, w->column, "unknown statement '%.*s': poolwatch-pools(5) lists them",
				  (int)(w->len < 40 ? w->len : 40), w->text);
	}
	if (!ps->pool)
		return spec__fail(ps, line->number, w->column, "expected 'pool NAME' before '%s'", statements[st]);
	if (st >= SPEC_STATEMENTS)
		return spec__parse_probe(ps, line, st - SPEC_STATEMENTS);
	if (ps->seen[st] && st != SPEC_LIB && st != SPEC_WHEN)
		return spec__fail(ps, line->number, w->column, "'%s' is given already, line %u", statements[st], ps->seen[st]);
	ps->seen[st] = line->number;
	return st == SPEC_LIB ? parse_libs(ps, line) : parse_plain(ps, line, st);
}

int spec__parse_text(struct spec *spec, const char *text, size_t len, const char *name, bool semicolons, struct spec_error *err)
{
	struct spec_parser ps = { .text = text, .len = len, .name = name, .err = err, .before = spec };
	struct spec_lexer lx = { .text = text, .len = len, .semicolons = semicolons };
	struct spec_pool *grown;
	struct spec_line line;
	const char *why;
	int ret;

	*err = (struct spec_error){ 0 };
	while ((ret = spec_lex__next(&lx, &line, &why)) > 0) {
		ret = parse_line(&ps, &line);
		if (ret)
			break;
	}
	if (ret == -EINVAL && !err->line)
		spec__fail(&ps, line.number, line.end, "%s", why);
	if (!ret && ps.pool)
		ret = spec__check_pool(&ps, ps.pool);
	else if (!ret)
		ret = spec__fail(&ps, 1, 1, "no pool definition: expected 'pool NAME'");
	if (ret)
		goto out;

	grown = reallocarray(spec->pools, spec->npools + ps.fresh.npools, sizeof(*grown));
	if (!grown) {
		ret = -ENOMEM;
		goto out;
	}
	memcpy(grown + spec->npools, ps.fresh.pools, ps.fresh.npools * sizeof(*grown));
	spec->pools = grown;
	spec->npools += ps.fresh.npools;
	free(ps.fresh.pools);
	return 0;
out:
	spec__clear(&ps.fresh);
	return ret;
}

/* Return: bytes read into @buf, or -errno. One byte more than allowed is room enough to see that a file is too long. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, buf + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

int spec__parse_file(struct spec *spec, const char *path, struct spec_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t len;
	char *buf;
	int ret;

	*err = (struct spec_error){ 0 };
	if (fd < 0)
		return -errno;
	buf = malloc(SPEC_FILE_MAX + 1);
	len = buf ? read_all(fd, buf, SPEC_FILE_MAX + 1) : -ENOMEM;
	close(fd);
	if (len > (ssize_t)SPEC_FILE_MAX)
		ret = -EFBIG;
	else if (len < 0)
		ret = (int)len;
	else
		ret = spec__parse_text(spec, buf, (size_t)len, path, false, err);
	free(buf);
	return ret;
}

/* A symbol of the command line becomes one quoted word of the grammar. */
static int check_option(const char *option, const char *value, struct spec_error *err)
{
	struct spec_parser ps = { .text = value, .len = strlen(value), .name = option, .err = err };

	if (!*value)
		return spec__fail(&ps, 1, 1, "expected a function's name");
	for (const char *c = value; *c; c++)
		if (*c == '"' || (unsigned char)*c < 0x20 || *c == 0x7f)
			return spec__fail(&ps, 1, (unsigned int)(c - value) + 1, "not a character of a function's name");
	return 0;
}

static int check_capacity(const char *value, struct spec_error *err)
{
	struct spec_parser ps = { .text = value, .len = strlen(value), .name = "--capacity", .err = err };
	const struct spec_line line = { .number = 1, .n = 2, .words = { [1] = { .text = value, .len = ps.len, .column = 1 } } };
	struct pw_expr e;

	return parse_capacity(&ps, &line, &e);
}

int spec__short(struct spec *spec, const char *acquire, const char *release, const char *capacity, struct spec_error *err)
{
	char *text;
	int ret, len;

	*err = (struct spec_error){ 0 };
	ret = check_option("--acquire", acquire, err) ?: check_option("--release", release, err);
	if (!ret && capacity)
		ret = check_capacity(capacity, err);
	if (ret)
		return ret;
	len = asprintf(&text, "pool pool\n lib exe\n key 0\n capacity %s\n acquire \"%s\"\n release \"%s\"\n", capacity ?: "learn", acquire, release);
	if (len < 0)
		return -ENOMEM;
	ret = spec__parse_text(spec, text, (size_t)len, "--acquire", false, err);
	free(text);
	return ret;
}
