// SPDX-License-Identifier: GPL-2.0
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>
#include "cleanup.h"
#include "plan.h"
#include "plan_modules.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const char *module__name(const struct module *m)
{
	return base_name(m->map->path);
}

bool module__is_libc(const struct module *m)
{
	static const char *const sonames[] = { "libc.so.6", "libpthread.so.0", "libc.musl-x86_64.so.1" };
	const char *soname = m->elf ? elf__soname(m->elf) : NULL;

	for (size_t i = 0; soname && i < sizeof(sonames) / sizeof(sonames[0]); i++)
		if (!strcmp(soname, sonames[i]))
			return true;
	return false;
}

static bool is_exe(const struct target *t, const struct target_map *m)
{
	char link[32];
	struct stat st;

	snprintf(link, sizeof(link), "/proc/%u/exe", t->pid);
	if (!stat(link, &st))
		return st.st_dev == m->dev && st.st_ino == m->ino;
	return !strcmp(m->path, t->exe);
}

bool plan__lib_matches(const struct target *t, const struct target_map *m, const char *lib)
{
	const char *base = base_name(m->path);
	size_t len = strlen(lib);

	if (!strcmp(lib, "exe"))
		return is_exe(t, m);
	if (strchr(lib, '/'))
		return !strcmp(lib, m->path) || !fnmatch(lib, m->path, FNM_PATHNAME);
	/* The file behind libzdb.so.11 is libzdb.so.11.0.2. */
	if (!strncmp(base, lib, len) && (!base[len] || (base[len] == '.' && strstr(lib, ".so"))))
		return true;
	return !fnmatch(lib, base, 0);
}

struct module *modules__find(const struct target *t, struct modules *ms, const char *lib)
{
	for (size_t i = 0; i < ms->n; i++)
		if (plan__lib_matches(t, ms->list[i].map, lib))
			return &ms->list[i];
	for (size_t i = 0; i < ms->n; i++) {
		const char *soname = ms->list[i].elf ? elf__soname(ms->list[i].elf) : NULL;

		if (soname && !strcmp(soname, lib))
			return &ms->list[i];
	}
	return NULL;
}

static bool imports_any(struct elf_file *elf, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (elf__imports(elf, names[i]))
			return true;
	return false;
}

/* What a static program can do shows in what it defines, if it has symbols at all. */
static bool defines(struct elf_file *elf, const char *name)
{
	struct elf_symbol *s;
	size_t n;
	int err = elf__find(elf, name, &s, &n);

	if (err)
		return err != -ENOENT;
	elf_symbol__free(s, n);
	return true;
}

static bool has_symbols(struct elf_file *elf)
{
	_cleanup_free_ const char **names = NULL;
	size_t n;

	return !elf__function_names(elf, &names, &n) && n;
}

static void look_for_dangers(struct modules *ms, const struct module *m)
{
	static const char *const cancel[] = { "pthread_cancel" };
	static const char *const throw[] = { "__cxa_throw", "__cxa_rethrow", "_Unwind_RaiseException" };
	static const char *const change[] = { "swapcontext", "makecontext", "setcontext", "jump_fcontext", "make_fcontext" };

	if (m->exe && elf__is_static(m->elf)) {
		bool blind = !has_symbols(m->elf);

		ms->can_cancel |= blind || defines(m->elf, "pthread_cancel");
		ms->can_throw |= blind || defines(m->elf, "__cxa_throw") || defines(m->elf, "_Unwind_RaiseException");
		ms->can_switch |= defines(m->elf, "swapcontext");
		return;
	}
	ms->can_cancel |= imports_any(m->elf, cancel, 1);
	ms->can_throw |= imports_any(m->elf, throw, sizeof(throw) / sizeof(throw[0]));
	/*
	 * greenlet switches stacks in assembly of its own. OpenSSL only does it within jobs that nobody starts unasked, and is in
	 * every server.
	 */
	if (strncmp(module__name(m), "libcrypto.so", strlen("libcrypto.so")))
		ms->can_switch |= imports_any(m->elf, change, sizeof(change) / sizeof(change[0])) ||
				  strstr(module__name(m), "greenlet");
}

static bool is_known(const struct modules *ms, const struct target_map *m)
{
	for (size_t i = 0; i < ms->n; i++)
		if (ms->list[i].map->dev == m->dev && ms->list[i].map->ino == m->ino)
			return true;
	return false;
}

static void cleanup_modules(struct modules *m)
{
	modules__close(m);
}

int modules__open(const struct target *t, struct modules *out)
{
	_cleanup_(cleanup_modules) struct modules ms = { 0 };

	ms.list = calloc(t->nmaps ? t->nmaps : 1, sizeof(*ms.list));
	if (!ms.list)
		return -ENOMEM;
	for (size_t i = 0; i < t->nmaps; i++) {
		struct module *m = &ms.list[ms.n];

		if (!t->maps[i].exec || is_known(&ms, &t->maps[i]))
			continue;
		*m = (struct module){ .map = &t->maps[i], .exe = is_exe(t, &t->maps[i]) };
		ms.n++;
		m->fd = target__open_map(t, m->map);
		m->err = m->fd < 0 ? m->fd : elf__open(m->fd, &m->elf);
		if (!m->elf)
			continue;
		elf__set_debug_dirs(m->elf, t->debug_dirs);
		look_for_dangers(&ms, m);
	}
	*out = ms;
	ms = (struct modules){ 0 };
	return 0;
}

void modules__close(struct modules *ms)
{
	for (size_t i = 0; i < ms->n; i++) {
		elf__close(ms->list[i].elf);
		if (ms->list[i].fd >= 0)
			close(ms->list[i].fd);
	}
	free(ms->list);
	*ms = (struct modules){ 0 };
}
