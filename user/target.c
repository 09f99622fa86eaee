// SPDX-License-Identifier: GPL-2.0
/*
 * A process, through /proc/PID. Everything read about it is a guess until the pidfd, opened first, says at the end that the
 * process is still there: only then were all the reads of one process.
 */
#include <elf.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include "cleanup.h"
#include "target.h"
#include "target_maps.h"

#define PF_KTHREAD 0x00200000

#define NSEC_PER_SEC 1000000000ull

struct proc_stat {
	char state;
	char comm[16];
	unsigned int flags;
	uint64_t start; /* ns */
	uint64_t stack; /* where the main thread's begins */
};

int target__proc_open(uint32_t pid, const char *name, int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	/* A process that ended between two looks at it is no process. */
	return errno == ENOENT && access("/proc/self/stat", F_OK) == 0 ? -ESRCH : -errno;
}

int target__proc_read(uint32_t pid, const char *name, char **out, size_t *len)
{
	_cleanup_close_ int fd = target__proc_open(pid, name, O_RDONLY);
	_cleanup_free_ char *buf = NULL;
	size_t size = 0, n = 0;

	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t r;

		if (size - n < 4096) {
			char *bigger = realloc(buf, size = size ? size * 2 : 8192);

			if (!bigger)
				return -ENOMEM;
			buf = bigger;
		}
		r = read(fd, buf + n, size - n - 1);
		if (r < 0)
			return -errno;
		if (!r)
			break;
		n += (size_t)r;
	}
	buf[n] = '\0';
	*out = take_ptr(buf);
	if (len)
		*len = n;
	return 0;
}

/* The command name stands in parentheses and may hold any byte, parentheses and newlines too: fields count from the last ')'. */
static int parse_stat(const char *text, struct proc_stat *st)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	struct proc_stat s = { 0 };
	unsigned long long start, stack;
	size_t n;

	if (!open || !close || close < open)
		return -EINVAL;
	n = (size_t)(close - open - 1);
	if (n >= sizeof(s.comm))
		n = sizeof(s.comm) - 1;
	memcpy(s.comm, open + 1, n);
	if (sscanf(close + 1, " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu %*u %*d %*u %*u %*u %llu", &s.state,
		   &s.flags, &start, &stack) != 4)
		return -EINVAL;
	s.stack = stack;
	s.start = start * (NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK));
	*st = s;
	return 0;
}

static int read_stat(uint32_t pid, const char *name, struct proc_stat *st)
{
	_cleanup_free_ char *text = NULL;
	int err = target__proc_read(pid, name, &text, NULL);

	return err ?: parse_stat(text, st);
}

static int status_field(const char *status, const char *name, unsigned long *value)
{
	size_t len = strlen(name);

	for (const char *line = status; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len) && line[len] == ':') {
			*value = strtoul(line + len + 1, NULL, 10);
			return 0;
		}
	}
	return -ENOENT;
}

/* A filter belongs to a thread: one thread that has one is enough for a probe that makes system calls to kill the process. */
static int any_seccomp(const struct target *t, bool *out)
{
	_cleanup_free_ uint32_t *tids = NULL;
	size_t n;
	int err = target__threads(t, &tids, &n);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *status = NULL;
		unsigned long mode;
		char name[64];

		snprintf(name, sizeof(name), "task/%u/status", tids[i]);
		if (target__proc_read(t->pid, name, &status, NULL))
			continue; /* the thread ended */
		if (!status_field(status, "Seccomp", &mode) && mode) {
			*out = true;
			return 0;
		}
	}
	*out = false;
	return 0;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/*
 * The id that docker, podman, containerd and cri-o put into the cgroup's path (64 hex digits, bare or as docker-ID.scope), or
 * the name of an LXC or systemd-nspawn container.
 */
static char *container_of_cgroup(const char *cgroup)
{
	static const char *const named[] = { "/lxc.payload.", "/lxc/", "/machine.slice/machine-" };

	for (const char *p = cgroup; *p;) {
		size_t n = 0;

		while (is_hex(p[n]))
			n++;
		if (n == 64)
			return strndup(p, n);
		p += n ? n : 1;
	}
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		const char *p = strstr(cgroup, named[i]);
		size_t n;

		if (!p)
			continue;
		p += strlen(named[i]);
		n = strcspn(p, "/\n");
		if (n > 6 && !strncmp(p + n - 6, ".scope", 6))
			n -= 6;
		if (n)
			return strndup(p, n);
	}
	return NULL;
}

static int check_class(uint32_t pid)
{
	_cleanup_close_ int fd = target__proc_open(pid, "exe", O_RDONLY);
	Elf64_Ehdr ehdr;

	if (fd < 0)
		return fd;
	if (pread(fd, &ehdr, sizeof(ehdr), 0) != sizeof(ehdr) || memcmp(ehdr.e_ident, ELFMAG, SELFMAG))
		return -ENOEXEC;
	/* x32 is EM_X86_64 with 32-bit addresses. */
	return ehdr.e_ident[EI_CLASS] == ELFCLASS64 && ehdr.e_machine == EM_X86_64 ? 0 : -ENOEXEC;
}

static int read_identity(struct target *t)
{
	_cleanup_free_ char *status = NULL, *cgroup = NULL, *exe = NULL;
	unsigned long uid;
	struct stat ours, theirs;
	char path[64];
	bool deleted;
	int err;

	err = target__proc_read(t->pid, "status", &status, NULL);
	if (err)
		return err;
	if (status_field(status, "Uid", &uid))
		return -EINVAL;
	t->uid = (uint32_t)uid;

	err = check_class(t->pid);
	if (err)
		return err;
	snprintf(path, sizeof(path), "/proc/%u/exe", t->pid);
	err = target__link(path, &exe, &deleted);
	if (err)
		return err;
	t->exe = take_ptr(exe);

	snprintf(path, sizeof(path), "/proc/%u/ns/mnt", t->pid);
	if (stat(path, &theirs))
		return errno == ENOENT ? -ESRCH : -errno;
	if (stat("/proc/self/ns/mnt", &ours))
		return -errno;
	t->foreign_mnt = ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev;

	/* A kernel without cgroups has no such file: no container then. */
	if (!target__proc_read(t->pid, "cgroup", &cgroup, NULL))
		t->container = container_of_cgroup(cgroup);
	return any_seccomp(t, &t->seccomp);
}

int target__open(uint32_t pid, struct target *t)
{
	struct target n = { .pid = pid, .pidfd = -1 };
	struct proc_stat st;
	unsigned long tgid;
	_cleanup_free_ char *status = NULL;
	int err;

	if (!pid || pid > INT32_MAX)
		return -ESRCH;
	err = target__proc_read(pid, "status", &status, NULL);
	if (err)
		return err;
	/* The number of a thread means its process. */
	if (!status_field(status, "Tgid", &tgid) && tgid)
		n.pid = (uint32_t)tgid;

	n.pidfd = (int)syscall(SYS_pidfd_open, n.pid, 0);
	if (n.pidfd < 0)
		return -errno;
	err = read_stat(n.pid, "stat", &st);
	if (err)
		goto fail;
	err = -EINVAL;
	if (st.flags & PF_KTHREAD)
		goto fail;
	/* A zombie leader whose threads go on has no memory that its number leads to: nothing can be attached by it. */
	err = -ESRCH;
	if (st.state == 'Z' || st.state == 'X')
		goto fail;
	n.start = st.start;
	n.stack = st.stack;
	memcpy(n.comm, st.comm, sizeof(n.comm));

	err = read_identity(&n);
	if (!err)
		err = target__refresh(&n);
	if (!err && !target__alive(&n))
		err = -ESRCH;
	if (err)
		goto fail;
	*t = n;
	return 0;
fail:
	target__close(&n);
	return err;
}

int target__renew(struct target *t)
{
	struct target n = { .pid = t->pid };
	struct proc_stat st;
	int err = read_stat(t->pid, "stat", &st);
	bool another;

	if (!err)
		err = read_identity(&n);
	if (!err && !target__alive(t))
		err = -ESRCH;
	if (err) {
		free(n.exe);
		free(n.container);
		return err;
	}
	another = st.stack != t->stack || strcmp(n.exe, t->exe) || n.uid != t->uid;
	free(t->exe);
	free(t->container);
	t->exe = n.exe;
	t->container = n.container;
	t->uid = n.uid;
	t->seccomp = n.seccomp;
	t->foreign_mnt = n.foreign_mnt;
	t->stack = st.stack;
	memcpy(t->comm, st.comm, sizeof(t->comm));
	return another;
}

void target__close(struct target *t)
{
	if (t->pidfd >= 0)
		close(t->pidfd);
	free(t->exe);
	free(t->container);
	target_maps__free(t->maps, t->nmaps);
	*t = (struct target){ .pidfd = -1 };
}

bool target__alive(const struct target *t)
{
	struct pollfd p = { .fd = t->pidfd, .events = POLLIN };

	/* A pidfd is readable once the whole process has ended; its number is not reused before that. */
	return poll(&p, 1, 0) == 0;
}

int target__read(void *ctx, uint64_t addr, void *buf, size_t len)
{
	const struct target *t = ctx;
	struct iovec to = { buf, len };
	struct iovec from = { (void *)(uintptr_t)addr, len }; /* NOLINT: an address of the target */
	ssize_t n;

	if (!len)
		return 0;
	n = process_vm_readv((pid_t)t->pid, &to, 1, &from, 1, 0);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EFAULT;
}

int target__threads(const struct target *t, uint32_t **out, size_t *count)
{
	_cleanup_free_ uint32_t *tids = NULL;
	_cleanup_closedir_ DIR *dir = NULL;
	size_t n = 0, size = 0;
	struct dirent *d;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u/task", t->pid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	while ((d = readdir(dir))) {
		unsigned long tid = strtoul(d->d_name, NULL, 10);

		if (!tid)
			continue;
		if (n == size) {
			uint32_t *bigger = reallocarray(tids, size = size ? size * 2 : 64, sizeof(*tids));

			if (!bigger)
				return -ENOMEM;
			tids = bigger;
		}
		tids[n++] = (uint32_t)tid;
	}
	if (!n)
		return -ESRCH;
	*out = take_ptr(tids);
	*count = n;
	return 0;
}

int target__sleeps(uint32_t pid, uint32_t tid)
{
	struct proc_stat st;
	char name[64];
	int err;

	snprintf(name, sizeof(name), "task/%u/stat", tid);
	err = read_stat(pid, name, &st);
	return err ?: st.state == 'S';
}

int target__activity(uint32_t pid, uint32_t tid, struct target_activity *out)
{
	_cleanup_free_ char *call = NULL, *wchan = NULL;
	struct target_activity a = { .syscall = -1 };
	struct proc_stat st;
	char name[64];
	int err;

	snprintf(name, sizeof(name), "task/%u/stat", tid);
	err = read_stat(pid, name, &st);
	if (err)
		return err;
	a.state = st.state;

	snprintf(name, sizeof(name), "task/%u/syscall", tid);
	err = target__proc_read(pid, name, &call, NULL);
	if (err)
		return err;
	/* "running"; or "-1 sp pc" of a thread stopped outside of a system call; or "nr arg0..arg5 sp pc". */
	if (sscanf(call, "-1 %lx %lx", &a.sp, &a.pc) != 2 &&
	    sscanf(call, "%ld %lx %lx %lx %lx %lx %lx %lx %lx", &a.syscall, &a.args[0], &a.args[1], &a.args[2], &a.args[3],
		   &a.args[4], &a.args[5], &a.sp, &a.pc) != 9)
		a.syscall = -1;

	snprintf(name, sizeof(name), "task/%u/wchan", tid);
	if (!target__proc_read(pid, name, &wchan, NULL) && strcmp(wchan, "0"))
		snprintf(a.wchan, sizeof(a.wchan), "%.63s", wchan);
	*out = a;
	return 0;
}

bool target__in_first_pid_namespace(void)
{
	const ino_t first = 0xeffffffc; /* PROC_PID_INIT_INO, the same in all kernels */
	struct stat st;

	return stat("/proc/self/ns/pid", &st) || st.st_ino == first;
}

const char *target__error(int err)
{
	switch (err) {
	case -ESRCH:
		return "there is no such process: 'ps -e' lists those that run";
	case -EACCES:
	case -EPERM:
		return "no permission to look at it: run as root, or with CAP_SYS_PTRACE";
	case -ENOEXEC:
		return "it is a 32-bit or foreign program: only x86-64 can be probed";
	case -EINVAL:
		return "it is a kernel thread: it has no pools";
	default:
		return strerror(-err);
	}
}
