// SPDX-License-Identifier: GPL-2.0
#include <stddef.h>
#include <string.h>
#include "system_path.h"

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* "python3.11" is python: a version may follow the name, and nothing else. */
static bool is_interpreter(const char *base)
{
	static const char *const names[] = { "python", "perl",	  "ruby",     "node",	"nodejs", "java",
					     "php",    "php-fpm", "lua",      "luajit", "guile",  "pypy",
					     "mono",   "dotnet",  "beam.smp", "bash",	"dash" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (begins(base, names[i]) && !base[strlen(names[i]) + strspn(base + strlen(names[i]), "0123456789.")])
			return true;
	return false;
}

static bool in_system_directory(const char *path)
{
	static const char *const dirs[] = { "/lib/",	 "/lib32/",	"/lib64/",     "/libx32/",
					    "/usr/lib/", "/usr/lib32/", "/usr/lib64/", "/usr/libx32/" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (begins(path, dirs[i]))
			return true;
	return false;
}

/* Directories of what comes with a language, or with the C library. */
static bool in_runtime(const char *path)
{
	static const char *const parts[] = { "/python", "/perl",   "/ruby",   "/jvm/", "/node",
					     "/php",	"/gconv/", "/audit/", "/go" };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strstr(path, parts[i]))
			return true;
	return false;
}

/* Runtimes and basic libraries, wherever they are installed: pyenv, conda and containers carry their own. */
static bool is_known_library(const char *base)
{
	static const char *const names[] = { "libc.so",	    "libc-2.",	 "libpthread", "libstdc++.", "libgcc_s.",
					     "libm.so",	    "libpython", "libperl.so", "libruby",    "libjvm.so",
					     "libnode.so",  "libphp",	 "libluajit-", "libguile-",  "libmono",
					     "libcoreclr.", "ld-linux",	 "ld-musl-" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (begins(base, names[i]))
			return true;
	return false;
}

bool system_path__is_user(const char *path, const char *exe)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

	if (path[0] != '/')
		return false;
	if (exe && !strcmp(path, exe))
		return !is_interpreter(base);
	if (is_known_library(base))
		return false;
	return !in_system_directory(path) || (!begins(base, "lib") && !begins(base, "ld-") && !in_runtime(path));
}
