// SPDX-License-Identifier: GPL-2.0
/* The processes of this machine. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "cleanup.h"
#include "procs.h"

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int procs__list(uint32_t **out, size_t *n_out)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	_cleanup_free_ uint32_t *pids = NULL;
	size_t n = 0, room = 0;

	if (!dir)
		return -errno;
	for (struct dirent *d; (d = readdir(dir));) {
		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		if (n == room) {
			uint32_t *more = reallocarray(pids, room ? 2 * room : 256, sizeof(*pids));

			if (!more)
				return -ENOMEM;
			pids = more;
			room = room ? 2 * room : 256;
		}
		pids[n++] = strtoul(d->d_name, NULL, 10);
	}
	if (n)
		qsort(pids, n, sizeof(*pids), by_number);
	*out = take_ptr(pids);
	*n_out = n;
	return 0;
}

/* A file of /proc/PID, ended by NUL; cut if it does not fit. Return: its length or -errno. */
static ssize_t read_file(uint32_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return n;
}

static int read_exe(uint32_t pid, char *buf, size_t size)
{
	static const char deleted[] = " (deleted)";
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/exe", pid);
	n = readlink(path, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	if ((size_t)n > strlen(deleted) && !strcmp(buf + n - strlen(deleted), deleted))
		buf[n - strlen(deleted)] = '\0';
	return 0;
}

/* FNV-1a. */
static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
	return h;
}

static int identify(uint32_t pid, struct procs_identity *id, char *exe, size_t size)
{
	char stat[1024], *p;
	ssize_t n = read_file(pid, "stat", stat, sizeof(stat));
	int err;

	if (n < 0)
		return n;
	/* The name in parentheses may hold anything, parentheses too. */
	p = strrchr(stat, ')');
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
			 &id->start) != 1)
		return -ESRCH;
	err = read_exe(pid, exe, size);
	if (err)
		return err;
	id->exe = hash(exe);
	return 0;
}

int procs__identify(uint32_t pid, struct procs_identity *out)
{
	struct procs_identity id;
	char exe[4096];
	int err = identify(pid, &id, exe, sizeof(exe));

	if (!err)
		*out = id;
	return err;
}

/* The line of the unified hierarchy: "0::/path". */
static void parse_cgroup(char *text, char *buf, size_t size)
{
	buf[0] = '\0';
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (!strncmp(line, "0::", 3))
			snprintf(buf, size, "%s", line + 3);
}

int procs__facts(uint32_t pid, struct procs_facts *f)
{
	char text[4096], *uid;
	ssize_t n;
	int err = identify(pid, &f->id, f->exe, sizeof(f->exe));

	if (err)
		return err;
	n = read_file(pid, "cgroup", text, sizeof(text));
	if (n < 0)
		return n;
	parse_cgroup(text, f->cgroup, sizeof(f->cgroup));
	n = read_file(pid, "status", text, sizeof(text));
	if (n < 0)
		return n;
	/* Behind "Name:", in which newlines are escaped. */
	uid = strstr(text, "\nUid:");
	return uid && sscanf(uid, "\nUid: %*u %" SCNu32, &f->uid) == 1 ? 0 : -ESRCH;
}

struct listen_message {
	struct nlmsghdr header;
	struct cn_msg msg;
	enum proc_cn_mcast_op op;
} __attribute__((packed, aligned(NLMSG_ALIGNTO)));

int procs_events__open(void)
{
	const struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
	const struct listen_message m = {
	    .header = {.nlmsg_len = sizeof(m), .nlmsg_type = NLMSG_DONE},
	    .msg = {.id = {.idx = CN_IDX_PROC, .val = CN_VAL_PROC}, .len = sizeof(m.op)},
	    .op = PROC_CN_MCAST_LISTEN,
	};
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) || send(fd, &m, sizeof(m), 0) < 0)
		return -errno;
	return take_fd(&fd);
}

int procs_events__next(int fd, uint32_t *pid)
{
	_Alignas(struct nlmsghdr) char buf[512];
	struct sockaddr_nl from;
	socklen_t len = sizeof(from);

	for (;;) {
		ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);
		const struct nlmsghdr *h = (const struct nlmsghdr *)buf;
		struct proc_event e;

		if (n < 0)
			return errno == EAGAIN ? 0 : errno == EINTR ? -EAGAIN : -errno;
		/* The kernel only: any process may send to our port. */
		if (from.nl_pid || (size_t)n < NLMSG_LENGTH(sizeof(struct cn_msg)) || !NLMSG_OK(h, (size_t)n))
			continue;
		n -= NLMSG_LENGTH(sizeof(struct cn_msg));
		memset(&e, 0, sizeof(e));
		memcpy(&e, ((const struct cn_msg *)NLMSG_DATA(h))->data, (size_t)n < sizeof(e) ? (size_t)n : sizeof(e));
		if (e.what == PROC_EVENT_NONE && e.event_data.ack.err)
			return -(int)e.event_data.ack.err;
		if (e.what == PROC_EVENT_EXEC)
			*pid = e.event_data.exec.process_tgid;
		else if (e.what == PROC_EVENT_UID)
			*pid = e.event_data.id.process_tgid;
		else
			continue;
		return 1;
	}
}
