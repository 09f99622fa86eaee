// SPDX-License-Identifier: GPL-2.0
/* The definitions that come with poolwatch, those of this machine, and what an argument of --pool means. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "presets.h"
#include "suggest.h"

static const struct {
	const char *name, *text;
} builtin[] = {
#include "presets.inc"
};
#define NBUILTIN (sizeof(builtin) / sizeof(*builtin))

static void clear_preset(struct preset *p)
{
	free(p->name);
	free(p->text);
	free(p->path);
}

void presets__clear(struct presets *presets)
{
	for (size_t i = 0; i < presets->n; i++)
		clear_preset(&presets->list[i]);
	free(presets->list);
	*presets = (struct presets){ 0 };
}

/* The preset called @name, made if there is none, with nothing else in it. */
static struct preset *fresh(struct presets *presets, const char *name, size_t len)
{
	struct preset *p;

	for (size_t i = 0; i < presets->n; i++) {
		p = &presets->list[i];
		if (strlen(p->name) == len && !memcmp(p->name, name, len)) {
			free(p->text);
			free(p->path);
			*p = (struct preset){ .name = p->name };
			return p;
		}
	}
	p = reallocarray(presets->list, presets->n + 1, sizeof(*p));
	if (!p)
		return NULL;
	presets->list = p;
	p += presets->n;
	*p = (struct preset){ .name = strndup(name, len) };
	if (!p->name)
		return NULL;
	presets->n++;
	return p;
}

static int read_file(struct preset *p)
{
	int fd = open(p->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return -errno;
	p->text = malloc(SPEC_FILE_MAX + 1);
	if (!p->text) {
		close(fd);
		return -ENOMEM;
	}
	while ((n = read(fd, p->text + p->len, SPEC_FILE_MAX + 1 - p->len)) > 0)
		p->len += (size_t)n;
	n = n < 0 ? -errno : p->len > SPEC_FILE_MAX ? -EFBIG : 0;
	close(fd);
	if (n) {
		free(p->text);
		p->text = NULL;
		p->len = 0;
	}
	return (int)n;
}

static int add_directory(const char *dir, struct presets *out)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int err = 0;

	if (!d)
		return 0;
	while (!err && (entry = readdir(d))) {
		size_t len = strlen(entry->d_name);
		struct preset *p;

		if (len <= 5 || entry->d_name[0] == '.' || strcmp(entry->d_name + len - 5, ".pool"))
			continue;
		p = fresh(out, entry->d_name, len - 5);
		if (!p || asprintf(&p->path, "%s/%s", dir, entry->d_name) < 0) {
			if (p)
				p->path = NULL;
			err = -ENOMEM;
			break;
		}
		p->err = read_file(p);
	}
	closedir(d);
	return err;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct preset *)a)->name, ((const struct preset *)b)->name);
}

int presets__list(const char *dir, struct presets *out)
{
	struct presets all = { 0 };
	int err = 0;

	for (size_t i = 0; !err && i < NBUILTIN; i++) {
		struct preset *p = fresh(&all, builtin[i].name, strlen(builtin[i].name));

		if (p)
			p->text = strdup(builtin[i].text);
		if (!p || !p->text)
			err = -ENOMEM;
		else
			p->len = strlen(p->text);
	}
	if (!err && dir)
		err = add_directory(dir, &all);
	if (err) {
		presets__clear(&all);
		return err;
	}
	if (all.n)
		qsort(all.list, all.n, sizeof(*all.list), by_name);
	*out = all;
	return 0;
}

int preset__parse(const struct preset *preset, struct spec *spec, struct spec_error *err)
{
	*err = (struct spec_error){ 0 };
	if (preset->err)
		return preset->err;
	return spec__parse_text(spec, preset->text, preset->len, preset->path ?: preset->name, false, err);
}

/* One word without a slash can only have been meant as a preset's name. */
static int unknown(const struct presets *presets, const char *arg, struct spec_error *err)
{
	const char **names = calloc(presets->n + 1, sizeof(*names)), *near = NULL;

	for (size_t i = 0; names && i < presets->n; i++)
		names[i] = presets->list[i].name;
	if (names)
		near = suggest__nearest(arg, strlen(arg), names, presets->n);
	err->file = strdup("--pool");
	err->source = strdup(arg);
	err->line = 1;
	err->column = 1;
	if (near)
		snprintf(err->message, sizeof(err->message), "no preset, file or definition '%.40s': did you mean '%s'?", arg, near);
	else
		snprintf(err->message, sizeof(err->message), "no preset, file or definition '%.40s': 'poolwatch presets' lists what there is", arg);
	free(names);
	return -ENOENT;
}

int presets__resolve(struct spec *spec, const char *arg, struct spec_error *err)
{
	struct presets presets;
	int ret;

	*err = (struct spec_error){ 0 };
	ret = presets__list(PRESETS_DIR, &presets);
	if (ret)
		return ret;
	for (size_t i = 0; i < presets.n; i++) {
		if (!strcmp(presets.list[i].name, arg)) {
			ret = preset__parse(&presets.list[i], spec, err);
			goto out;
		}
	}
	if (!strpbrk(arg, " \t;\n")) {
		ret = spec__parse_file(spec, arg, err);
		if (ret == -ENOENT && !strchr(arg, '/'))
			ret = unknown(&presets, arg, err);
	} else if (!access(arg, R_OK)) {
		ret = spec__parse_file(spec, arg, err);
	} else {
		ret = spec__parse_text(spec, arg, strlen(arg), "--pool", true, err);
	}
out:
	presets__clear(&presets);
	return ret;
}
