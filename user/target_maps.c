// SPDX-License-Identifier: GPL-2.0
/*
 * A target's mappings, and the files behind them. On overlayfs and btrfs the device (on old kernels also the inode) that
 * /proc/PID/maps prints is not the one that stat(2) gives, so a file's identity is always taken from the file itself:
 * through /proc/PID/map_files, which leads to the mapped file whatever its path is now; where that is not permitted, through
 * the path in the target's root, which must have the inode that maps prints.
 */
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include "cleanup.h"
#include "target_maps.h"

#define DELETED " (deleted)"

/* One line of maps. @path is NULL for what has no name. */
struct line {
	uint64_t start, end, offset, ino;
	unsigned int major, minor;
	char perms[5];
	char *path;
};

static bool strip_deleted(char *path)
{
	size_t n = strlen(path), d = strlen(DELETED);

	if (n <= d || strcmp(path + n - d, DELETED))
		return false;
	path[n - d] = '\0';
	return true;
}

int target__link(const char *link, char **out, bool *deleted)
{
	_cleanup_free_ char *buf = malloc(PATH_MAX + sizeof(DELETED));
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	n = readlink(link, buf, PATH_MAX + sizeof(DELETED) - 1);
	if (n < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	buf[n] = '\0';
	*deleted = strip_deleted(buf);
	*out = take_ptr(buf);
	return 0;
}

/* Whatever the target maps (a device, say), opening it as O_PATH only looks at it. */
static int open_map_file(uint32_t pid, uint64_t start, uint64_t end)
{
	char name[64];

	snprintf(name, sizeof(name), "map_files/%lx-%lx", start, end);
	return target__proc_open(pid, name, O_PATH);
}

/*
 * Where openat2 is refused (systemd's RestrictSUIDSGID does, as its flags cannot be filtered): step by step, and no links.
 * What maps prints has none, unless something took a directory's place since.
 */
static int walk_from(int root, const char *path)
{
	_cleanup_close_ int dir = dup(root);
	_cleanup_free_ char *copy = strdup(path);
	char *rest = copy;

	if (dir < 0 || !copy)
		return dir < 0 ? -errno : -ENOMEM;
	for (char *name; (name = strsep(&rest, "/"));) {
		int fd;

		if (!*name)
			continue;
		if (!strcmp(name, ".."))
			return -EINVAL;
		fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC | (rest ? O_DIRECTORY : 0));
		if (fd < 0)
			return -errno;
		close(dir);
		dir = fd;
	}
	return take_fd(&dir);
}

/* The path as the target sees it: an absolute link in it leads into the target's root, not into ours. */
static int open_in_root(uint32_t pid, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	_cleanup_close_ int root = target__proc_open(pid, "root", O_PATH | O_DIRECTORY);
	int fd;

	if (root < 0)
		return root;
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd < 0 && errno == ENOSYS)
		return walk_from(root, path);
	return fd < 0 ? -errno : fd;
}

static void identify(uint32_t pid, const struct line *l, bool deleted, uint64_t *dev, uint64_t *ino)
{
	_cleanup_close_ int fd = open_map_file(pid, l->start, l->end);
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st)) {
		*dev = st.st_dev;
		*ino = st.st_ino;
		return;
	}
	if (fd == -ESRCH) /* unmapped since, or the process is gone: what maps said is as good as anything */
		goto as_printed;
	if (!deleted && l->path && l->path[0] == '/') {
		_cleanup_close_ int by_path = open_in_root(pid, l->path);

		if (by_path >= 0 && !fstat(by_path, &st) && st.st_ino == l->ino) {
			*dev = st.st_dev;
			*ino = st.st_ino;
			return;
		}
	}
as_printed:
	*dev = makedev(l->major, l->minor);
	*ino = l->ino;
}

/* maps prints a newline of a name as \012 (and a backslash as itself): the link in map_files has the name as it is. */
static char *map_path(uint32_t pid, const struct line *l, bool *deleted)
{
	char link[64], *path;

	if (strstr(l->path, "\\012")) {
		snprintf(link, sizeof(link), "/proc/%u/map_files/%lx-%lx", pid, l->start, l->end);
		if (!target__link(link, &path, deleted))
			return path;
	}
	path = strdup(l->path);
	if (path)
		*deleted = strip_deleted(path);
	return path;
}

static bool parse_line(char *text, struct line *l)
{
	int path = 0;

	if (sscanf(text, "%lx-%lx %4s %lx %x:%x %lu %n", &l->start, &l->end, l->perms, &l->offset, &l->major, &l->minor,
		   &l->ino, &path) != 7)
		return false;
	l->path = path ? text + path : text + strlen(text);
	return true;
}

void target_maps__free(struct target_map *maps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(maps[i].path);
	free(maps);
}

static bool same_file(const struct line *a, const struct line *b)
{
	return a->ino == b->ino && a->major == b->major && a->minor == b->minor && a->path && b->path &&
	       !strcmp(a->path, b->path);
}

/* @prev: the line of the last mapping in @maps; several mappings in a row are usually of one file, which is looked at once. */
static int add_map(uint32_t pid, const struct line *l, const struct line *prev, struct target_map **maps, size_t *n,
		   size_t *size)
{
	struct target_map m = {
		.start = l->start,
		.end = l->end,
		.offset = l->offset,
		.exec = l->perms[2] == 'x',
		.shared = l->perms[3] == 's',
	};

	if (*n == *size) {
		struct target_map *bigger = reallocarray(*maps, *size ? *size * 2 : 64, sizeof(**maps));

		if (!bigger)
			return -ENOMEM;
		*maps = bigger;
		*size = *size ? *size * 2 : 64;
	}
	m.path = map_path(pid, l, &m.deleted);
	if (!m.path)
		return -ENOMEM;
	if (*n && same_file(l, prev)) {
		m.dev = (*maps)[*n - 1].dev;
		m.ino = (*maps)[*n - 1].ino;
	} else {
		identify(pid, l, m.deleted, &m.dev, &m.ino);
	}
	(*maps)[(*n)++] = m;
	return 0;
}

int target__refresh(struct target *t)
{
	_cleanup_free_ char *text = NULL;
	struct target_map *maps = NULL;
	struct line prev = { 0 };
	size_t n = 0, size = 0;
	char *save = NULL;
	int err;

	err = target__proc_read(t->pid, "maps", &text, NULL);
	if (err)
		return err;
	for (char *row = strtok_r(text, "\n", &save); row; row = strtok_r(NULL, "\n", &save)) {
		struct line l;

		/* Inode 0: anonymous, the stack, the vdso. */
		if (!parse_line(row, &l) || !l.ino || (l.perms[0] != 'r' && l.perms[2] != 'x'))
			continue;
		err = add_map(t->pid, &l, &prev, &maps, &n, &size);
		if (err) {
			target_maps__free(maps, n);
			return err;
		}
		prev = l;
	}
	/* The maps of a process that ended are empty, and so are a kernel thread's. */
	if (!n) {
		free(maps);
		return -ESRCH;
	}
	target_maps__free(t->maps, t->nmaps);
	t->maps = maps;
	t->nmaps = n;
	return 0;
}

const struct target_map *target__map_at(const struct target *t, uint64_t addr)
{
	size_t lo = 0, hi = t->nmaps;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr < t->maps[mid].start)
			hi = mid;
		else if (addr >= t->maps[mid].end)
			lo = mid + 1;
		else
			return &t->maps[mid];
	}
	return NULL;
}

int target__open_map(const struct target *t, const struct target_map *m)
{
	_cleanup_close_ int path_fd = open_map_file(t->pid, m->start, m->end);
	struct stat st, again;
	char link[32];
	_cleanup_close_ int fd = -1;

	if (path_fd < 0 && !m->deleted && m->path[0] == '/')
		path_fd = open_in_root(t->pid, m->path);
	if (path_fd < 0)
		return path_fd;
	if (fstat(path_fd, &st))
		return -errno;
	if (st.st_dev != m->dev || st.st_ino != m->ino)
		return -ESTALE;
	/* To open a device can do something; a file with code is a regular one. */
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
	fd = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &again))
		return -errno;
	if (again.st_dev != st.st_dev || again.st_ino != st.st_ino)
		return -ESTALE;
	return take_fd(&fd);
}

static bool exe_matches(const char *pattern, uint32_t pid, const struct stat *wanted)
{
	_cleanup_free_ char *exe = NULL;
	char link[32];
	struct stat st;
	bool deleted;
	const char *base;

	snprintf(link, sizeof(link), "/proc/%u/exe", pid);
	if (target__link(link, &exe, &deleted))
		return false; /* a kernel thread, or not ours to see */
	if (strchr(pattern, '/'))
		return !fnmatch(pattern, exe, FNM_PATHNAME) ||
		       (wanted && !stat(link, &st) && st.st_dev == wanted->st_dev && st.st_ino == wanted->st_ino);
	base = strrchr(exe, '/');
	return !fnmatch(pattern, base ? base + 1 : exe, 0);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int target__find_by_exe(const char *pattern, uint32_t **out, size_t *count)
{
	_cleanup_free_ uint32_t *pids = NULL;
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	size_t n = 0, size = 0;
	struct stat wanted;
	bool have_wanted = strchr(pattern, '/') && !stat(pattern, &wanted);
	struct dirent *d;

	if (!dir)
		return -errno;
	while ((d = readdir(dir))) {
		unsigned long pid = strtoul(d->d_name, NULL, 10);

		if (!pid || !exe_matches(pattern, (uint32_t)pid, have_wanted ? &wanted : NULL))
			continue;
		if (n == size) {
			uint32_t *bigger = reallocarray(pids, size = size ? size * 2 : 16, sizeof(*pids));

			if (!bigger)
				return -ENOMEM;
			pids = bigger;
		}
		pids[n++] = (uint32_t)pid;
	}
	if (n)
		qsort(pids, n, sizeof(*pids), by_number);
	*out = take_ptr(pids);
	*count = n;
	return 0;
}
