// SPDX-License-Identifier: GPL-2.0
/* Alerts to a file of JSON lines that others may rotate: by moving it away, with or without a SIGHUP, or by copy and
 * truncate. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include "alert.h"

struct file_alerts {
	struct alert_sink base;
	char *path;
	int fd;
	bool torn; /* the last line was cut by a full disk: end it before the next */
};

static int open_file(struct file_alerts *f)
{
	/* O_NONBLOCK for the case that the path is a FIFO without a reader: that is an error, not a wait. */
	int fd = open(f->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);

	if (fd < 0)
		return -errno;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = fd;
	f->torn = false;
	return 0;
}

/* Is the open file still what the path names? */
static bool is_current(const struct file_alerts *f)
{
	struct stat named, open_one;

	return f->fd >= 0 && !stat(f->path, &named) && !fstat(f->fd, &open_one) && named.st_dev == open_one.st_dev &&
	       named.st_ino == open_one.st_ino;
}

static int send_json(struct alert_sink *s, const struct alert *a)
{
	struct file_alerts *f = (struct file_alerts *)s;
	struct iovec parts[] = {{"\n", 1}, {(char *)a->json, a->json_len}, {"\n", 1}};
	ssize_t want, n;

	if (!is_current(f)) {
		int err = open_file(f);

		if (err)
			return err;
	}
	want = f->torn + a->json_len + 1;
	n = writev(f->fd, f->torn ? parts : parts + 1, f->torn ? 3 : 2);
	if (n == want) {
		f->torn = false;
		return 0;
	}
	if (n > 0)
		f->torn = true;
	return n < 0 ? -errno : -ENOSPC;
}

static void reopen(struct alert_sink *s)
{
	struct file_alerts *f = (struct file_alerts *)s;

	/* On failure the old one stays: better there than nowhere. */
	if (!is_current(f))
		open_file(f);
}

static void sink_free(struct alert_sink *s)
{
	struct file_alerts *f = (struct file_alerts *)s;

	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f);
}

static const struct alert_sink_ops ops = {.send = send_json, .reopen = reopen, .free = sink_free};

int alert_file__new(const struct conf_sink *c, struct alert_sink **out)
{
	struct file_alerts *f = calloc(1, sizeof(*f));
	int err = -ENOMEM;

	if (!f)
		return err;
	f->base = (struct alert_sink){.ops = &ops, .fd = -1};
	f->fd = -1;
	f->path = strdup(c->path);
	if (f->path)
		err = open_file(f);
	if (err) {
		sink_free(&f->base);
		return err;
	}
	*out = &f->base;
	return 0;
}
