// SPDX-License-Identifier: GPL-2.0
/* See jvm_attach.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "jvm_attach.h"
#include "jvm_dump.h"
#include "target_maps.h"

#define TRIES	  400
#define TRY_NS	  10000000 /* between two looks for the socket: 4 s in all */
#define STATUS_MAX 8192
#define DISABLED  "-XX:+DisableAttachMechanism"

/* How the child ends. */
enum outcome { OUTCOME_DONE, OUTCOME_USER, OUTCOME_NOT_CAUGHT, OUTCOME_FILE, OUTCOME_SIGNAL, OUTCOME_SILENT, OUTCOME_BROKEN };

static const char *const outcomes[] = {
	[OUTCOME_DONE] = "it sent no thread dump",
	[OUTCOME_USER] = "its user cannot be taken on: that takes root, or CAP_SETUID and CAP_SETGID",
	[OUTCOME_NOT_CAUGHT] = "it does not catch SIGQUIT, which would end it",
	[OUTCOME_FILE] = "no file can be made in its /tmp nor in its working directory",
	[OUTCOME_SIGNAL] = "it cannot be sent a signal",
	[OUTCOME_SILENT] = "it does not answer",
	[OUTCOME_BROKEN] = "its answer broke off",
};

/* Who the target is, as its status says. */
struct identity {
	uint32_t uid, gid; /* effective */
	uint32_t number;   /* in its own pid namespace, which is what it names its files by */
	bool catches_quit;
};

/* What the child works with: all that it needs was opened before. */
struct order {
	struct identity id;
	int pidfd, status;
	int dirs[2]; /* /tmp in its root, its working directory; -1: not there */
	int out;
	char file[40], socket[40];
};

struct jvm_attach {
	pid_t child;
	int fd;
	uint64_t end;
	char *text;
	size_t len, room;
};

static const char *field(const char *status, const char *name)
{
	const char *line = strstr(status, name);

	return line ? line + strlen(name) : NULL;
}

/* All the numbers are in the file, or it is not one. */
static int read_identity(const char *status, struct identity *id)
{
	const char *uid = field(status, "\nUid:"), *gid = field(status, "\nGid:"), *caught = field(status, "\nSigCgt:");
	const char *pid = field(status, "\nPid:"), *ns = field(status, "\nNSpid:"), *end;

	if (!uid || !gid || !caught || !pid || sscanf(uid, "%*u %u", &id->uid) != 1 || sscanf(gid, "%*u %u", &id->gid) != 1)
		return -EPROTO;
	end = (ns ?: pid) + strcspn(ns ?: pid, "\n");
	while (end > status && end[-1] >= '0' && end[-1] <= '9')
		end--;
	id->number = (uint32_t)strtoul(end, NULL, 10);
	id->catches_quit = strtoull(caught, NULL, 16) >> (SIGQUIT - 1) & 1;
	return id->number ? 0 : -EPROTO;
}

static int identify(uint32_t pid, struct identity *id)
{
	_cleanup_free_ char *status = NULL;
	int err = target__proc_read(pid, "status", &status, NULL);

	return err ? err : read_identity(status, id);
}

/* Told not to be attached to, it takes a SIGQUIT as the wish for a dump on its own output. */
static bool is_disabled(uint32_t pid)
{
	static const char *const files[] = { "cmdline", "environ" };

	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *text = NULL;
		size_t len;

		if (!target__proc_read(pid, files[i], &text, &len) && memmem(text, len, DISABLED, sizeof(DISABLED) - 1))
			return true;
	}
	return false;
}

/* --- the child: system calls only, for this process may have threads */

static bool become(uint32_t uid, uint32_t gid)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (geteuid() != uid || getegid() != gid) {
		if (syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresgid, gid, gid, gid) || syscall(SYS_setresuid, uid, uid, uid))
			return false;
	}
	if (uid && syscall(SYS_capset, &header, none))
		return false;
	return !prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static bool still_catches(const struct order *o)
{
	char status[STATUS_MAX];
	struct identity id;
	ssize_t n = pread(o->status, status, sizeof(status) - 1, 0);

	if (n <= 0)
		return false;
	status[n] = '\0';
	return !read_identity(status, &id) && id.catches_quit;
}

/* The socket, if it is there and somebody listens. The working directory is its directory. */
static int call(const struct order *o)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	if (fstatat(AT_FDCWD, o->socket, &st, AT_SYMLINK_NOFOLLOW) || !S_ISSOCK(st.st_mode) || (st.st_uid && st.st_uid != o->id.uid))
		return -1;
	memcpy(name.sun_path, o->socket, sizeof(o->socket));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof(name))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Where the machine looks for it. One that is there already is somebody else's, and stays. */
static int make_file(const struct order *o, bool *made)
{
	struct stat st;

	for (int i = 0; i < 2; i++) {
		int fd = openat(o->dirs[i], o->file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

		*made = fd >= 0;
		if (fd >= 0)
			close(fd);
		if (fd >= 0 || (!fstatat(o->dirs[i], o->file, &st, AT_SYMLINK_NOFOLLOW) && st.st_uid == o->id.uid))
			return i;
	}
	return -1;
}

static int ask_for_socket(const struct order *o, enum outcome *why)
{
	const struct timespec pause = { .tv_nsec = TRY_NS };
	int dir, fd = -1;
	bool made;

	if (!still_catches(o)) {
		*why = OUTCOME_NOT_CAUGHT;
		return -1;
	}
	dir = make_file(o, &made);
	if (dir < 0) {
		*why = OUTCOME_FILE;
		return -1;
	}
	*why = OUTCOME_NOT_CAUGHT;
	if (still_catches(o)) {
		*why = OUTCOME_SIGNAL;
		if (!syscall(SYS_pidfd_send_signal, o->pidfd, SIGQUIT, NULL, 0)) {
			*why = OUTCOME_SILENT;
			for (int i = 0; i < TRIES && (fd = call(o)) < 0; i++)
				syscall(SYS_nanosleep, &pause, NULL);
		}
	}
	if (made)
		unlinkat(o->dirs[dir], o->file, 0);
	return fd;
}

static enum outcome obey(const struct order *o)
{
	static const char request[] = "1\0threaddump\0\0\0"; /* version, command, three arguments, each ended by NUL */
	enum outcome why;
	char buf[16384];
	ssize_t n;
	int fd;

	if (!become(o->id.uid, o->id.gid))
		return OUTCOME_USER;
	if (o->dirs[0] < 0 || fchdir(o->dirs[0]))
		return OUTCOME_FILE;
	fd = call(o);
	if (fd < 0)
		fd = ask_for_socket(o, &why);
	if (fd < 0)
		return why;
	if (write(fd, request, sizeof(request)) != sizeof(request))
		return OUTCOME_BROKEN;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0, w; at < n; at += w) {
			w = write(o->out, buf + at, (size_t)(n - at));
			if (w <= 0)
				return OUTCOME_BROKEN;
		}
	return n ? OUTCOME_BROKEN : OUTCOME_DONE;
}

/* Of what this process has open, maps and programs among it, the child keeps only what it works with. */
static void keep_only(struct order *o)
{
	int *keep[] = { &o->pidfd, &o->status, &o->dirs[0], &o->dirs[1], &o->out };
	const int n = sizeof(keep) / sizeof(*keep), first = 3;

	/* Out of the way first. */
	for (int i = 0; i < n; i++)
		if (*keep[i] >= 0)
			*keep[i] = fcntl(*keep[i], F_DUPFD_CLOEXEC, 64);
	for (int i = 0; i < n; i++)
		*keep[i] = *keep[i] >= 0 ? dup2(*keep[i], first + i) : -1;
	syscall(SYS_close_range, first + n, ~0u, 0);
}

/* --- the parent */

static void order__close(struct order *o)
{
	cleanup_close(&o->status);
	cleanup_close(&o->dirs[0]);
	cleanup_close(&o->dirs[1]);
	cleanup_close(&o->out);
}

static int open_tmp(uint32_t pid)
{
	_cleanup_close_ int root = target__proc_open(pid, "root", O_PATH | O_DIRECTORY);
	int fd;

	if (root < 0)
		return root;
	fd = openat(root, "tmp", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int jvm_attach__start(const struct target *t, uint64_t now, struct jvm_attach **out, char why[JVM_ATTACH_ERROR])
{
	_cleanup_(order__close) struct order o = { .status = -1, .dirs = { -1, -1 }, .out = -1 };
	struct jvm_attach *a;
	int pipes[2], err;

	err = is_disabled(t->pid) ? -EOPNOTSUPP : identify(t->pid, &o.id);
	if (err) {
		snprintf(why, JVM_ATTACH_ERROR, "%s", err == -EOPNOTSUPP ? "it runs with " DISABLED : strerror(-err));
		return err;
	}
	o.pidfd = t->pidfd;
	o.status = target__proc_open(t->pid, "status", O_RDONLY);
	o.dirs[0] = open_tmp(t->pid);
	o.dirs[1] = target__proc_open(t->pid, "cwd", O_PATH | O_DIRECTORY);
	if (o.status < 0 || o.dirs[0] < 0) {
		err = o.status < 0 ? o.status : o.dirs[0];
		snprintf(why, JVM_ATTACH_ERROR, "its /tmp: %s", strerror(-err));
		return err;
	}
	snprintf(o.file, sizeof(o.file), ".attach_pid%u", o.id.number);
	snprintf(o.socket, sizeof(o.socket), ".java_pid%u", o.id.number);
	a = calloc(1, sizeof(*a));
	if (!a || pipe2(pipes, O_CLOEXEC)) {
		err = a ? -errno : -ENOMEM;
		free(a);
		snprintf(why, JVM_ATTACH_ERROR, "%s", strerror(-err));
		return err;
	}
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	o.out = pipes[1];
	a->fd = pipes[0];
	a->end = now + JVM_ATTACH_LIMIT_NS;
	a->child = fork();
	if (!a->child) {
		signal(SIGPIPE, SIG_IGN);
		keep_only(&o);
		_exit(obey(&o));
	}
	if (a->child < 0) {
		err = -errno;
		snprintf(why, JVM_ATTACH_ERROR, "fork: %s", strerror(-err));
		jvm_attach__free(a);
		return err;
	}
	*out = a;
	return 0;
}

int jvm_attach__fd(const struct jvm_attach *a)
{
	return a->fd;
}

/* Return: bytes read, 0 at the end, -EAGAIN, -errno. */
static ssize_t read_more(struct jvm_attach *a)
{
	ssize_t n;

	if (a->len == a->room) {
		size_t room = a->room ? 2 * a->room : 65536;
		char *text = a->room < JVM_DUMP_MAX_BYTES ? realloc(a->text, room) : NULL;

		if (!text)
			return a->room < JVM_DUMP_MAX_BYTES ? -ENOMEM : -EFBIG;
		a->text = text;
		a->room = room;
	}
	n = read(a->fd, a->text + a->len, a->room - a->len);
	if (n > 0)
		a->len += (size_t)n;
	return n < 0 ? -errno : n;
}

static int finish(struct jvm_attach *a, char why[JVM_ATTACH_ERROR])
{
	int status = 0;
	unsigned int outcome;

	/* It has closed its pipe, so it ends. */
	while (waitpid(a->child, &status, 0) < 0 && errno == EINTR)
		;
	a->child = -1;
	outcome = WIFEXITED(status) ? WEXITSTATUS(status) : OUTCOME_BROKEN;
	if (outcome == OUTCOME_DONE && a->len >= 2 && !memcmp(a->text, "0\n", 2))
		return 1;
	snprintf(why, JVM_ATTACH_ERROR, "%s", outcomes[outcome <= OUTCOME_BROKEN ? outcome : OUTCOME_BROKEN]);
	return outcome == OUTCOME_USER ? -EPERM : outcome == OUTCOME_NOT_CAUGHT ? -EOPNOTSUPP : -EIO;
}

int jvm_attach__step(struct jvm_attach *a, uint64_t now, char why[JVM_ATTACH_ERROR])
{
	ssize_t n;

	do
		n = read_more(a);
	while (n > 0 || n == -EINTR);
	if (!n)
		return finish(a, why);
	if (n != -EAGAIN) {
		snprintf(why, JVM_ATTACH_ERROR, "its thread dump: %s", strerror((int)-n));
		return (int)n;
	}
	if (now < a->end)
		return 0;
	snprintf(why, JVM_ATTACH_ERROR, "%s", outcomes[OUTCOME_SILENT]);
	return -ETIMEDOUT;
}

const char *jvm_attach__text(const struct jvm_attach *a, size_t *len)
{
	*len = a->len - 2;
	return a->text + 2;
}

void jvm_attach__free(struct jvm_attach *a)
{
	if (!a)
		return;
	if (a->child > 0) {
		kill(a->child, SIGKILL);
		while (waitpid(a->child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(a->fd);
	free(a->text);
	free(a);
}
