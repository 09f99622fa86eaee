// SPDX-License-Identifier: GPL-2.0
/* poolwatch.conf: the table of its keys, and reading. */
#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <libgen.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "conf.h"
#include "conf_check.h"
#include "conf_key.h"
#include "watch.h"

#define SECOND 1000000000ull

static const char *const sink_sections[CONF_SINK_TYPES] = {"syslog", "journal", "remote", "file", "command"};

/* --- sections */

static struct conf_sink *sink_of(struct conf *c, const char *section, enum conf_sink_type type, const char *file,
				 unsigned int line)
{
	struct conf_sink *s;

	for (size_t i = 0; i < c->nsinks; i++)
		if (!strcmp(c->sinks[i].name, section))
			return &c->sinks[i];
	s = reallocarray(c->sinks, c->nsinks + 1, sizeof(*s));
	if (!s)
		return NULL;
	c->sinks = s;
	s = &s[c->nsinks];
	*s = (struct conf_sink){.type = type,
				.enable = true,
				.kinds = (1u << FINDING_KINDS) - 1,
				.spool = 256 << 10,
				.limit_ns = 10 * SECOND,
				.line = line,
				.name = strdup(section),
				.file = strdup(file)};
	if (!s->name || !s->file) {
		free(s->name);
		free(s->file);
		return NULL;
	}
	c->nsinks++;
	return s;
}

static struct conf_target *target_of(struct conf *c, const char *name, const char *file, unsigned int line)
{
	struct conf_target *t;

	for (size_t i = 0; i < c->ntargets; i++)
		if (!strcmp(c->targets[i].name, name))
			return &c->targets[i];
	t = reallocarray(c->targets, c->ntargets + 1, sizeof(*t));
	if (!t)
		return NULL;
	c->targets = t;
	t = &t[c->ntargets];
	*t = (struct conf_target){.line = line, .name = strdup(name), .file = strdup(file)};
	if (!t->name || !t->file) {
		free(t->name);
		free(t->file);
		return NULL;
	}
	c->ntargets++;
	return t;
}

/* --- one file */

struct reading {
	struct conf *conf;
	struct conf_error *err;
	const char *path;
	FILE *file;
	unsigned int line;
	int result;
};

static bool takes_name(const char *section)
{
	return !strcmp(section, "target") || !strcmp(section, "remote") || !strcmp(section, "file") ||
	       !strcmp(section, "command");
}

/* 0 is what inih takes for an error. */
static int stop(struct reading *r, int result)
{
	r->result = result;
	return 0;
}
#define fail(r, code, ...) stop(r, conf__fail((r)->err, code, (r)->path, (r)->line, __VA_ARGS__))

static int no_section(struct reading *r, const char *section)
{
	return fail(r, -EINVAL,
		    "no section [%s]; there are: daemon, target NAME, alert, syslog, journal, remote NAME, file NAME, "
		    "command NAME, "
		    "metrics",
		    section);
}

/* The struct that a section fills, made if it is the first of its name; NULL with the error told. */
static void *section_of(struct reading *r, const char *section)
{
	size_t len = strcspn(section, " ");
	const char *arg = section + len + strspn(section + len, " ");
	char word[64], known[200];
	void *base = r->conf;

	snprintf(word, sizeof(word), "%.*s", (int)len, section);
	if (!conf_key__list(word, known, sizeof(known))) {
		no_section(r, section);
		return NULL;
	}
	if (*arg && !takes_name(word)) {
		fail(r, -EINVAL, "[%s] takes no name", word);
		return NULL;
	}
	if (!strcmp(word, "target")) {
		if (!*arg) {
			fail(r, -EINVAL, "a target needs a name: [target NAME]");
			return NULL;
		}
		base = target_of(r->conf, arg, r->path, r->line);
	}
	for (enum conf_sink_type type = 0; type < CONF_SINK_TYPES; type++)
		if (!strcmp(sink_sections[type], word))
			base = sink_of(r->conf, section, type, r->path, r->line);
	if (!strcmp(word, "metrics") && !r->conf->metrics_file) {
		r->conf->metrics_file = strdup(r->path);
		r->conf->metrics_line = r->line;
		base = r->conf->metrics_file ? base : NULL;
	}
	if (!base)
		fail(r, -ENOMEM, "out of memory");
	return base;
}

/*
 * inih cuts long lines and long names in silence; here they are errors. It says nothing of a section without keys,
 * which here is one with defaults: "[journal]" alone sends alerts to the journal.
 */
static char *read_line(char *buf, int size, void *stream)
{
	struct reading *r = stream;
	char *s, name[64];

	if (r->result || !fgets(buf, size, r->file))
		return NULL;
	r->line++;
	if (!strchr(buf, '\n') && !feof(r->file)) {
		fail(r, -EINVAL, "the line is longer than %d bytes: go on in the next one, indented", size - 2);
		return NULL;
	}
	s = buf + strspn(buf, " \t");
	if (*s != '[')
		return buf;
	if (strcspn(s, "]") >= 48) {
		fail(r, -EINVAL, "the section's name is longer than 46 bytes");
		return NULL;
	}
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(s + 1, "]"), s + 1);
	return strchr(s, ']') && !section_of(r, name) ? NULL : buf;
}

static int handle(void *user, const char *section, const char *name, const char *value)
{
	struct reading *r = user;
	char word[64], text[140];
	const struct key *k;
	void *base;
	int err;

	if (r->result)
		return 0;
	if (!*section)
		return fail(r, -EINVAL, "'%.40s' stands before the first [section]", name);
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(section, " "), section);
	k = conf_key__find(word, name);
	if (!k) {
		conf_key__list(word, text, sizeof(text));
		return fail(r, -EINVAL, "[%s] has no key '%.40s'; it has: %s", word, name, text);
	}
	base = section_of(r, section);
	if (!base)
		return 0;
	err = conf_key__set(k, base, value);
	if (!err)
		return 1;
	conf_key__expected(k, text, sizeof(text));
	return fail(r, err == -ENOMEM ? err : -EINVAL, "%s = %.60s: expected %s", name, value, text);
}

static int read_file(struct conf *c, const char *path, bool optional, struct conf_error *err)
{
	struct reading r = {.conf = c, .err = err, .path = path};
	int line;

	r.file = fopen(path, "re");
	if (!r.file)
		return optional && errno == ENOENT ? 0 : conf__fail(err, -errno, path, 0, "%s", strerror(errno));
	line = ini_parse_stream(read_line, &r, handle, &r);
	if (!r.result && ferror(r.file))
		r.result = conf__fail(err, -EIO, path, 0, "read error");
	fclose(r.file);
	if (!r.result && line)
		r.result = conf__fail(err, line < 0 ? -ENOMEM : -EINVAL, path, line < 0 ? 0 : line,
				      line < 0 ? "out of memory" : "expected [SECTION], KEY = VALUE, or a comment");
	return r.result;
}

static int is_conf(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return d->d_name[0] != '.' && len > 5 && !strcmp(d->d_name + len - 5, ".conf");
}

static int read_dir(struct conf *c, const char *dir, struct conf_error *err)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_conf, alphasort), ret = 0;

	if (n < 0)
		return errno == ENOENT ? 0 : conf__fail(err, -errno, dir, 0, "%s", strerror(errno));
	for (int i = 0; i < n; i++) {
		char *path = NULL;

		if (!ret && asprintf(&path, "%s/%s", dir, names[i]->d_name) < 0)
			ret = conf__fail(err, -ENOMEM, NULL, 0, "out of memory");
		if (!ret)
			ret = read_file(c, path, false, err);
		free(path);
		free(names[i]);
	}
	free(names);
	return ret;
}

int conf__read(const char *path, const char *dir, bool optional, struct conf **out, struct conf_error *err)
{
	struct conf *c = calloc(1, sizeof(*c));
	int ret = 0;

	if (!c)
		return conf__fail(err, -ENOMEM, NULL, 0, "out of memory");
	*c = (struct conf){.stall_ns = 5 * SECOND,
			   .budget_permille = 20,
			   .scan_ns = 2 * SECOND,
			   .follow = true,
			   .device = true,
			   .stacks = WATCH_STACKS_NESTED,
			   .rate = 10,
			   .rate_ns = 60 * SECOND,
			   .ends = true,
			   .textfile_ns = 15 * SECOND,
			   .series = 200};
	if (path)
		ret = read_file(c, path, optional, err);
	if (!ret && dir)
		ret = read_dir(c, dir, err);
	/* Without a word on where alerts go they go to syslog: a daemon that tells nobody is of no use. */
	if (!ret && !c->nsinks && !sink_of(c, "syslog", CONF_SYSLOG, path ? path : "", 0))
		ret = conf__fail(err, -ENOMEM, NULL, 0, "out of memory");
	if (!ret)
		ret = conf__check(c, err);
	if (ret)
		conf__free(c);
	else
		*out = c;
	return ret;
}

int conf__load(const char *path, struct conf **out, char *line, size_t size)
{
	struct conf_error err = {0};
	char *dir = NULL, *copy;
	int ret = -ENOMEM;

	path = path ?: CONF_PATH;
	copy = strdup(path);
	if (copy && asprintf(&dir, "%s/conf.d", dirname(copy)) >= 0)
		ret = conf__read(path, dir, false, out, &err);
	if (ret && err.line)
		snprintf(line, size, "%s:%u: %s", err.file, err.line, err.message);
	else if (ret)
		snprintf(line, size, "%s: %s", err.file ?: path, err.message[0] ? err.message : strerror(-ret));
	conf_error__clear(&err);
	free(copy);
	free(dir);
	return ret;
}

static void sink_clear(struct conf_sink *s)
{
	free(s->name);
	free(s->facility);
	free(s->to);
	free(s->path);
	strlist__clear(&s->run);
	free(s->file);
}

static void target_clear(struct conf_target *t)
{
	free(t->name);
	match__clear(&t->match);
	strlist__clear(&t->users);
	strlist__clear(&t->pools);
	free(t->file);
}

void conf__free(struct conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->nsinks; i++)
		sink_clear(&c->sinks[i]);
	for (size_t i = 0; i < c->ntargets; i++)
		target_clear(&c->targets[i]);
	free(c->sinks);
	free(c->targets);
	strlist__clear(&c->pools);
	free(c->state);
	free(c->debug_dirs);
	free(c->listen);
	free(c->textfile);
	free(c->metrics_file);
	free(c);
}

void conf_error__clear(struct conf_error *err)
{
	free(err->file);
	*err = (struct conf_error){0};
}
