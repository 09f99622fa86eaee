// SPDX-License-Identifier: GPL-2.0
#include <dlfcn.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <zlib.h>
#include <elfutils/libdwelf.h>
#include "cleanup.h"
#include "debugfile.h"
#include "target_maps.h"

#define MAX_BUILD_ID	64
#define MAX_CHECKSUMMED (1ull << 30) /* bytes of a file that is known by its checksum only */

/* What a debug file must have to be the right one. */
struct wanted {
	const uint8_t *build_id;
	size_t build_id_len;
	const char *link;
	uint32_t crc;
};

bool debugfile__is_steady(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && !st.st_uid && !(st.st_mode & 022);
}

/* A regular file, whatever the path turns out to be; in the target's root its absolute links stay in there. */
static int open_regular(const struct target *t, bool in_target, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };
	_cleanup_close_ int root = -1, fd = -1;
	struct stat st;

	if (in_target) {
		how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
		root = target__proc_open(t->pid, "root", O_PATH | O_DIRECTORY);
		if (root < 0)
			return root;
	}
	fd = (int)syscall(SYS_openat2, in_target ? root : AT_FDCWD, path, &how, sizeof(how));
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		return -errno;
	return S_ISREG(st.st_mode) ? take_fd(&fd) : -ENOENT;
}

static int has_checksum(int fd, uint32_t want)
{
	static const size_t chunk = 1 << 16;
	_cleanup_free_ uint8_t *buf = malloc(chunk);
	unsigned long crc = 0;
	uint64_t at = 0;
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	while (at < MAX_CHECKSUMMED && (n = pread(fd, buf, chunk, (off_t)at)) > 0) {
		crc = crc32(crc, buf, (unsigned int)n);
		at += (uint64_t)n;
	}
	return crc == want;
}

static int is_wanted(const struct debugfile *d, const struct wanted *w)
{
	const void *id;
	ssize_t len;

	if (!w->build_id_len)
		return has_checksum(d->fd, w->crc);
	len = dwelf_elf_gnu_build_id(d->elf, &id);
	return len == (ssize_t)w->build_id_len && !memcmp(id, w->build_id, w->build_id_len);
}

/* Takes @fd, also if it fails. @w: NULL takes any. Return: 0, -ENOENT, -ENOMEM. */
static int adopt(int fd_, const char *path, bool in_target, const struct wanted *w, struct debugfile *out)
{
	_cleanup_close_ int fd = fd_;
	struct debugfile d = { .fd = fd, .in_target = in_target };
	bool steady = !in_target && debugfile__is_steady(fd);
	int ok;

	if (elf_guard__open(fd, steady, &d.guard, &d.elf))
		return -ENOENT;
	ok = w ? is_wanted(&d, w) : 1;
	d.path = ok > 0 ? strdup(path) : NULL;
	if (ok <= 0 || !d.path) {
		elf_end(d.elf);
		return ok ? -ENOMEM : -ENOENT;
	}
	take_fd(&fd);
	*out = d;
	return 0;
}

static int try_path(const struct target *t, bool in_target, const char *path, const struct wanted *w,
		    struct debugfile *out)
{
	int fd = open_regular(t, in_target, path);

	return fd < 0 ? -ENOENT : adopt(fd, path, in_target, w, out);
}

/* In our root, and where the target has another, there. Return: 0, -ENOENT, -ENOMEM. */
static int try_both(const struct target *t, const char *path, const struct wanted *w, struct debugfile *out)
{
	int err = try_path(t, false, path, w, out);

	if (err == -ENOENT && t->foreign_mnt)
		err = try_path(t, true, path, w, out);
	return err;
}

static int by_build_id(const struct target *t, const char *dir, const struct wanted *w, struct debugfile *out)
{
	char path[PATH_MAX], hex[2 * MAX_BUILD_ID + 1];

	for (size_t i = 0; i < w->build_id_len; i++)
		sprintf(hex + 2 * i, "%02x", w->build_id[i]);
	if (snprintf(path, sizeof(path), "%s/.build-id/%.2s/%s.debug", dir, hex, hex + 2) >= (int)sizeof(path))
		return -ENOENT;
	return try_both(t, path, w, out);
}

static int by_link(const struct target *t, const char *dir, const char *binary, const struct wanted *w,
		   struct debugfile *out)
{
	static const char *const beside[] = { "/", "/.debug/" };
	size_t len = strrchr(binary, '/') - binary;
	char path[PATH_MAX];
	int err = -ENOENT;

	if (dir)
		return snprintf(path, sizeof(path), "%s%.*s/%s", dir, (int)len, binary, w->link) < (int)sizeof(path) ?
			       try_both(t, path, w, out) :
			       -ENOENT;
	for (size_t i = 0; err == -ENOENT && i < 2; i++)
		if (snprintf(path, sizeof(path), "%.*s%s%s", (int)len, binary, beside[i], w->link) < (int)sizeof(path))
			err = try_both(t, path, w, out);
	return err;
}

/* Loaded only if asked for: a tool that runs as root does not talk to servers by itself. */
static int by_debuginfod(const struct wanted *w, struct debugfile *out)
{
	void *lib = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
	void *(*begin)(void) = lib ? (void *(*)(void))dlsym(lib, "debuginfod_begin") : NULL;
	void (*end)(void *) = lib ? (void (*)(void *))dlsym(lib, "debuginfod_end") : NULL;
	int (*find)(void *, const unsigned char *, int, char **) =
		lib ? (int (*)(void *, const unsigned char *, int, char **))dlsym(lib, "debuginfod_find_debuginfo") :
		      NULL;
	_cleanup_free_ char *path = NULL;
	void *client = NULL;
	int fd = -1;

	if (begin && end && find && (client = begin())) {
		fd = find(client, w->build_id, (int)w->build_id_len, &path);
		end(client);
	}
	return fd < 0 ? -ENOENT : adopt(fd, path ?: "debuginfod", false, w, out);
}

int debugfile__find(const struct target *t, const char *path, Elf *elf, const char *dirs, bool debuginfod,
		    struct debugfile *out)
{
	_cleanup_free_ char *list = strdup(dirs ?: DEBUGFILE_DIRS);
	struct wanted w = { 0 };
	GElf_Word crc = 0;
	const void *id;
	ssize_t len = dwelf_elf_gnu_build_id(elf, &id);
	int err = -ENOENT;
	char *save;

	if (!list)
		return -ENOMEM;
	if (len > 1 && len <= MAX_BUILD_ID) {
		w.build_id = id;
		w.build_id_len = (size_t)len;
	}
	w.link = dwelf_elf_gnu_debuglink(elf, &crc);
	w.crc = crc;
	/* A name, not a path: what has a slash would lead anywhere. */
	if (w.link && (strchr(w.link, '/') || path[0] != '/'))
		w.link = NULL;
	for (char *dir = strtok_r(list, ":", &save); err == -ENOENT && dir; dir = strtok_r(NULL, ":", &save)) {
		if (w.build_id_len)
			err = by_build_id(t, dir, &w, out);
		if (err == -ENOENT && w.link)
			err = by_link(t, dir, path, &w, out);
	}
	if (err == -ENOENT && w.link)
		err = by_link(t, NULL, path, &w, out);
	if (err == -ENOENT && debuginfod && w.build_id_len)
		err = by_debuginfod(&w, out);
	return err;
}

int debugfile__alt(const struct target *t, const char *path, bool in_target, const char *name, struct debugfile *out)
{
	const char *slash = strrchr(path, '/');
	char full[PATH_MAX];

	if (name[0] == '/')
		return try_path(t, in_target, name, NULL, out);
	if (!slash || snprintf(full, sizeof(full), "%.*s/%s", (int)(slash - path), path, name) >= (int)sizeof(full))
		return -ENOENT;
	return try_path(t, in_target, full, NULL, out);
}

void debugfile__close(struct debugfile *d)
{
	if (!d->elf)
		return;
	elf_end(d->elf);
	close(d->fd);
	free(d->path);
	*d = (struct debugfile){ .fd = -1 };
}
