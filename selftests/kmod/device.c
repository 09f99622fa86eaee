// SPDX-License-Identifier: GPL-2.0
#include <grp.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <bpf/bpf.h>
#include "device.h"

int module__load(const char *path, const char *parameters)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, parameters, 0) || chown(DEVICE, 0, GROUP))
		err = -errno;
	close(fd);
	return err;
}

int module__unload(void)
{
	return syscall(SYS_delete_module, "poolwatch", O_NONBLOCK) ? -errno : 0;
}

int module__unload_wait(void)
{
	int err;

	while ((err = module__unload()) == -EWOULDBLOCK)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	return err;
}

int driver__open(struct driver *d, bool lock)
{
	int err;

	d->skel = NULL;
	d->fd = open(DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (d->fd < 0)
		return -errno;
	if (ioctl(d->fd, POOLWATCH_IOC_SESSION, &d->session)) {
		err = -errno;
		goto fail;
	}
	d->skel = driver_bpf__open();
	err = d->skel ? bpf_program__set_autoload(d->skel->progs.on_lock, lock) : -errno;
	if (!err)
		err = driver_bpf__load(d->skel);
	if (err)
		goto fail;
	d->skel->bss->session = d->session;
	return 0;
fail:
	driver__close(d);
	return err;
}

void driver__close(struct driver *d)
{
	driver_bpf__destroy(d->skel);
	d->skel = NULL;
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

static int run(struct bpf_program *prog, void *args, size_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = size);
	int err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);

	return err ? err : (int)opts.retval;
}

int driver__bind(struct driver *d, uint32_t session, uint32_t table, uint32_t map)
{
	struct driver_bind args = { session, table, map };

	return run(d->skel->progs.bind, &args, sizeof(args));
}

int driver__bind_all(struct driver *d)
{
	int err = 0;

	for (uint32_t table = 0; table < POOLWATCH_TABLES && !err; table++)
		err = driver__bind(d, d->session, table, table);
	return err;
}

int driver__emit_sized(struct driver *d, const void *bytes, uint32_t size, uint32_t session)
{
	struct driver_emit args = { session, size };

	memcpy(&d->skel->bss->buffer, bytes, size);
	return run(d->skel->progs.emit_buffer, &args, sizeof(args));
}

int driver__emit(struct driver *d, const struct poolwatch_event *e)
{
	return driver__emit_sized(d, e, sizeof(*e), d->session);
}

uint64_t driver__emit_many(struct driver *d, uint64_t first, uint32_t count)
{
	struct driver_many args = { .first = first, .count = count };
	uint64_t before = d->skel->bss->emitted;

	run(d->skel->progs.emit_many, &args, sizeof(args));
	return d->skel->bss->emitted - before;
}

int driver__put(struct driver *d, enum poolwatch_table table, uint32_t slot, const void *record)
{
	struct bpf_map *maps[] = { d->skel->maps.defs,	  d->skel->maps.procs, d->skel->maps.pools,
				   d->skel->maps.threads, d->skel->maps.edges, d->skel->maps.counters };

	return bpf_map_update_elem(bpf_map__fd(maps[table]), &slot, record, BPF_ANY);
}

struct poolwatch_event event__of(uint32_t uid, uint64_t value)
{
	return (struct poolwatch_event){
		.size = sizeof(struct poolwatch_event),
		.type = POOLWATCH_EV_FULL,
		.uid = uid,
		.value = value,
	};
}

int event__read(int fd, struct poolwatch_event *e)
{
	ssize_t n = syscall(SYS_read, fd, e, sizeof(*e)); /* not read(): tests pass addresses that are none */

	return n < 0 ? -errno : (int)n;
}

int device__poll(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLPRI | POLLRDNORM | POLLOUT };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

int device__info(int fd, struct poolwatch_info *info)
{
	return ioctl(fd, POOLWATCH_IOC_INFO, info) ? -errno : 0;
}

int device__snapshot(int fd, struct poolwatch_snapshot *s)
{
	return ioctl(fd, POOLWATCH_IOC_SNAPSHOT, s) ? -errno : 0;
}

int as_user(uid_t uid, bool member, int (*f)(void *), void *arg)
{
	gid_t group = GROUP;
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (setgroups(member, &group) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
			_exit(255);
		_exit(f(arg));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}
