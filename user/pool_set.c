// SPDX-License-Identifier: GPL-2.0
/* The definitions that a configuration names. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "pool_set.h"
#include "presets.h"

#define FILE_MAX (1 << 20)

static int fail(struct spec_error *err, int code, const char *file, const char *message)
{
	*err = (struct spec_error){.file = strdup(file)};
	snprintf(err->message, sizeof(err->message), "%s", message);
	return code;
}

static void remember(FILE *text, const char *name, const char *content, size_t len)
{
	fprintf(text, "%s\n%zu\n", name, len);
	fwrite(content, 1, len, text);
}

static int read_file(struct spec *spec, const char *path, FILE *text, struct spec_error *err)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *content = malloc(FILE_MAX + 1);
	size_t len;

	if (!content)
		return -ENOMEM;
	if (!f)
		return fail(err, -errno, path, strerror(errno));
	len = fread(content, 1, FILE_MAX + 1, f);
	if (ferror(f))
		return fail(err, -EIO, path, "cannot be read");
	if (len > FILE_MAX)
		return fail(err, -EFBIG, path, "is larger than 1 MiB");
	remember(text, path, content, len);
	return spec__parse_text(spec, content, len, path, false, err);
}

static int read_files(struct spec *spec, const char *pattern, FILE *text, struct spec_error *err)
{
	glob_t g;
	int ret = glob(pattern, 0, NULL, &g);

	if (ret)
		return ret == GLOB_NOMATCH ? fail(err, -ENOENT, pattern, "no such file") : -ENOMEM;
	for (size_t i = 0; i < g.gl_pathc && !ret; i++)
		ret = read_file(spec, g.gl_pathv[i], text, err);
	globfree(&g);
	return ret;
}

static int read_preset(struct spec *spec, const struct preset *p, FILE *text, struct spec_error *err)
{
	if (p->err)
		return fail(err, p->err, p->path, strerror(-p->err));
	remember(text, p->name, p->text, p->len);
	return preset__parse(p, spec, err);
}

static int read_name(struct spec *spec, const char *name, const struct presets *presets, FILE *text,
		     struct spec_error *err)
{
	if (name[0] == '/')
		return read_files(spec, name, text, err);
	for (size_t i = 0; i < presets->n; i++)
		if (!strcmp(presets->list[i].name, name))
			return read_preset(spec, &presets->list[i], text, err);
	return fail(err, -ENOENT, name,
		    "no preset of this name ('poolwatch presets' lists them), and no absolute path");
}

int pool_set__read(const struct strlist *names, struct pool_set *out, struct spec_error *err)
{
	struct pool_set set = {0};
	struct presets presets = {0};
	FILE *text = open_memstream(&set.text, &set.len);
	int ret = text ? presets__list(PRESETS_DIR, &presets) : -ENOMEM;

	for (size_t i = 0; !ret && i < names->n; i++)
		ret = read_name(&set.spec, names->items[i], &presets, text, err);
	for (size_t i = 0; !ret && !names->n && i < presets.n; i++)
		ret = read_preset(&set.spec, &presets.list[i], text, err);
	presets__clear(&presets);
	if (text && fclose(text) && !ret)
		ret = -ENOMEM;
	if (!ret && !set.spec.npools)
		ret = fail(err, -ENOENT, "pools", "there is no definition in what is named there");
	if (ret)
		pool_set__clear(&set);
	else
		*out = set;
	return ret;
}

bool pool_set__equal(const struct pool_set *a, const struct pool_set *b)
{
	return a->len == b->len && !memcmp(a->text, b->text, a->len);
}

void pool_set__clear(struct pool_set *s)
{
	spec__clear(&s->spec);
	free(s->text);
	*s = (struct pool_set){0};
}
