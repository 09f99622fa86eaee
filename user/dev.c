// SPDX-License-Identifier: GPL-2.0
/* /dev/poolwatch: opening it, and the source that reads a session from it. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "cleanup.h"
#include "dev.h"

#define SNAPSHOT_ROOM 64 /* records asked for at once */
#define EVENT_ROOM 512	 /* bytes: events of later minor versions may be longer */

struct dev_source {
	struct source source;
	int fd;
	uint64_t expected; /* sequence number that follows the last one read or known to be missed */
	bool overrun;	   /* some were missed; how many is known from the next event */
	bool pending;	   /* event is that one, not returned yet */
	struct poolwatch_event event;
};

static int fail(int err, struct dev_why *why, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int fail(int err, struct dev_why *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why->line, sizeof(why->line), format, args);
	va_end(args);
	return err;
}

int dev__check_abi(const struct poolwatch_info *info, uint32_t major, uint32_t minor, struct dev_why *why)
{
	if (info->abi_major == major && info->abi_minor >= minor)
		return 0;
	return fail(-EPROTO, why,
		    "the poolwatch module speaks ABI %u.%u, this program ABI %u.%u: install both from the same version, then "
		    "unload and load the module",
		    info->abi_major, info->abi_minor, major, minor);
}

static int why_not_open(int err, bool loader, struct dev_why *why)
{
	switch (err) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return fail(-ENOENT, why, DEV_PATH ": not there: load the module (modprobe poolwatch)");
	case EACCES:
		return fail(-EACCES, why, loader ? DEV_PATH ": only root may write it" :
						   DEV_PATH ": permission denied: be root or in its group (poolwatch)");
	case EPERM:
		return fail(-EPERM, why, DEV_PATH ": a loader needs CAP_BPF and CAP_PERFMON");
	case EBUSY:
		return fail(-EBUSY, why, DEV_PATH ": all its sessions are taken: end one, or load the module with a larger "
					 "max_sessions");
	default:
		return fail(-err, why, DEV_PATH ": %s", strerror(err));
	}
}

int dev__open(bool loader, struct poolwatch_info *info, struct dev_why *why)
{
	struct poolwatch_info got = { 0 };
	_cleanup_close_ int fd = -1;
	int err;

	why->line[0] = 0;
	fd = open(DEV_PATH, (loader ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return why_not_open(errno, loader, why);
	if (ioctl(fd, POOLWATCH_IOC_INFO, &got))
		return fail(-EPROTO, why, DEV_PATH ": does not say its ABI (%s): the module is of another version than this "
					  "program, ABI %d.%d", strerror(errno), POOLWATCH_ABI_MAJOR, POOLWATCH_ABI_MINOR);
	err = dev__check_abi(&got, POOLWATCH_ABI_MAJOR, POOLWATCH_ABI_MINOR, why);
	if (err)
		return err;
	if (loader && !(got.features & POOLWATCH_FEATURE_KFUNCS))
		return fail(-EOPNOTSUPP, why, DEV_PATH ": the module was built without BTF, so BPF programs cannot reach it: "
					      "build it where the kernel's vmlinux and pahole are");
	if (info)
		*info = got;
	return take_fd(&fd);
}

int dev__session(int fd, uint32_t *session)
{
	__u32 number;

	if (ioctl(fd, POOLWATCH_IOC_SESSION, &number))
		return -errno;
	*session = number;
	return 0;
}

bool dev__present(void)
{
	return !access(DEV_PATH, F_OK);
}

/*
 * Records of @size bytes in @from, to where they are @want bytes each: what a later minor version appended is left out.
 * In place: they only move to the front.
 */
static void narrow(char *records, size_t n, size_t size, size_t want)
{
	for (size_t i = 1; size != want && i < n; i++)
		memmove(records + i * want, records + i * size, want);
}

/* One call of the device. Return: records copied into @l, or -errno. *@cursor goes on. *@more: the table may hold more. */
static int copy_some(struct dev_source *d, enum poolwatch_table table, struct ledger *l, uint64_t *cursor, bool *more)
{
	size_t want = ledger__record_size(table);
	char *room = ledger__room(l, table, SNAPSHOT_ROOM);
	struct poolwatch_snapshot s = {
		.session = d->source.session,
		.table = table,
		.cursor = *cursor,
		.buf = (uintptr_t)room,
		.len = SNAPSHOT_ROOM * want,
	};
	size_t fit;

	if (!room)
		return -ENOMEM;
	if (ioctl(d->fd, POOLWATCH_IOC_SNAPSHOT, &s))
		return -errno;
	if (s.record < want)
		return -EPROTO;
	fit = s.len / s.record;
	if (s.count > fit)
		return -EPROTO;
	narrow(room, s.count, s.record, want);
	ledger__added(l, table, s.count);
	*cursor = s.cursor;
	*more = s.count == fit;
	return s.count;
}

static int copy_table(struct dev_source *d, enum poolwatch_table table, struct ledger *l)
{
	uint64_t cursor = 0;
	bool more = true;

	while (more) {
		int n = copy_some(d, table, l, &cursor, &more);

		if (n == -ENODATA) /* the loader has not come to it yet */
			return 0;
		if (n < 0 && n != -EINTR)
			return n;
	}
	return 0;
}

static int dev_snapshot(struct source *s, unsigned int tables, struct ledger *l)
{
	struct dev_source *d = (struct dev_source *)s;
	struct timespec now;
	int err;

	ledger__reset(l);
	clock_gettime(CLOCK_MONOTONIC, &now);
	l->time = now.tv_sec * 1000000000ull + now.tv_nsec;
	l->session = s->session;
	for (unsigned int table = 0; table < POOLWATCH_TABLES; table++) {
		if (!(tables & 1u << table))
			continue;
		err = copy_table(d, table, l);
		if (err)
			return err;
	}
	return ledger__index(l);
}

static int dev_event_fd(struct source *s)
{
	return ((struct dev_source *)s)->fd;
}

/* Return: 1 and *@e, 0: none now, -EPIPE: the device has overwritten some, -errno. */
static int read_event(struct dev_source *d, struct poolwatch_event *e)
{
	union {
		struct poolwatch_event event;
		char bytes[EVENT_ROOM];
	} room;
	ssize_t n;

	do
		n = read(d->fd, &room, sizeof(room));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if ((size_t)n < sizeof(*e))
		return -EPROTO;
	*e = room.event;
	return 1;
}

static int dev_next_event(struct source *s, struct poolwatch_event *e, uint64_t *missed)
{
	struct dev_source *d = (struct dev_source *)s;

	for (;;) {
		int r;

		if (!d->pending) {
			r = read_event(d, &d->event);
			if (r == -EPIPE) {
				d->overrun = true;
				continue;
			}
			if (r <= 0)
				return r;
			d->pending = true;
		}
		if (d->overrun) {
			d->overrun = false;
			*missed = d->event.seq - d->expected;
			d->expected = d->event.seq;
			return -EPIPE;
		}
		d->pending = false;
		d->expected = d->event.seq + 1;
		if (d->event.session == s->session) {
			*e = d->event;
			return 1;
		}
	}
}

static void dev_close(struct source *s)
{
	struct dev_source *d = (struct dev_source *)s;

	close(d->fd);
	free(d);
}

static const struct source_ops dev_ops = {
	.mode = "device",
	.snapshot = dev_snapshot,
	.event_fd = dev_event_fd,
	.next_event = dev_next_event,
	.close = dev_close,
};

/* The source of a session, with an open file of its own: the cursor is the file's. */
static int dev_source(uint32_t session, struct source **out, struct dev_why *why)
{
	struct dev_source *d = calloc(1, sizeof(*d));
	struct poolwatch_info info;
	int fd;

	if (!d)
		return -ENOMEM;
	fd = dev__open(false, &info, why);
	if (fd < 0) {
		free(d);
		return fd;
	}
	d->source.ops = &dev_ops;
	d->source.session = session;
	d->fd = fd;
	d->expected = info.oldest;
	*out = &d->source;
	return 0;
}

/* The lowest-numbered session from *@session on that has its definitions bound. Return: 0, -ENOENT: none, -errno. */
static int next_session(int fd, uint32_t *session)
{
	/* No record is wanted, only its session: a cursor behind the end. */
	struct poolwatch_def unused;
	struct poolwatch_snapshot s = {
		.session = *session,
		.table = POOLWATCH_DEFS,
		.flags = POOLWATCH_SNAP_NEXT,
		.cursor = UINT64_MAX,
		.buf = (uintptr_t)&unused,
		.len = sizeof(unused),
	};

	if (ioctl(fd, POOLWATCH_IOC_SNAPSHOT, &s))
		return -errno;
	*session = s.session;
	return 0;
}

int dev__list(struct source ***out, size_t *n, struct dev_why *why)
{
	_cleanup_close_ int fd = dev__open(false, NULL, why);
	struct source **list = NULL;
	uint32_t session = 1;
	size_t count = 0;
	int err;

	if (fd < 0)
		return fd;
	for (; !(err = next_session(fd, &session)); session++) {
		struct source **longer = reallocarray(list, count + 1, sizeof(*list));

		if (!longer) {
			err = -ENOMEM;
			break;
		}
		list = longer;
		err = dev_source(session, &list[count], why);
		if (err)
			break;
		count++;
	}
	if (err == -ENOENT && count) {
		*out = list;
		*n = count;
		return 0;
	}
	while (count)
		source__close(list[--count]);
	free(list);
	if (err == -ENOENT)
		return fail(err, why, "nothing is being watched: start 'poolwatch attach' or the daemon");
	return err;
}
