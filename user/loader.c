// SPDX-License-Identifier: GPL-2.0
/* Load the programs, open the session, read the ring buffer. See loader.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "cleanup.h"
#include "dev.h"
#include "loader_int.h"

#define MAX_POOLS   4096
#define MAX_THREADS 16384
#define MAX_EDGES   8192

/* What libbpf says goes nowhere: the command reports the failure, once, in its own words. */
static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	if (getenv("POOLWATCH_LIBBPF_DEBUG"))
		return vfprintf(stderr, format, args);
	(void)level;
	return 0;
}

static bool kernel_at_least(unsigned int major, unsigned int minor)
{
	struct utsname u;
	unsigned int a = 0, b = 0;

	if (uname(&u) || sscanf(u.release, "%u.%u", &a, &b) != 2)
		return false;
	return a > major || (a == major && b >= minor);
}

bool loader__kernel_has_multi(void)
{
	return kernel_at_least(6, 10);
}

static uint32_t power_of_two(unsigned int n, unsigned int otherwise)
{
	uint32_t p = 64;

	if (!n)
		n = otherwise;
	while (p < n && p < 1u << 20)
		p <<= 1;
	return p;
}

static void size_maps(struct poolwatch_bpf *skel, uint32_t pools, uint32_t threads, bool whole_stacks)
{
	bpf_map__set_max_entries(skel->maps.pw_pools, pools);
	bpf_map__set_max_entries(skel->maps.pw_free_pools, pools);
	bpf_map__set_max_entries(skel->maps.pw_pool_index, 2 * pools);
	bpf_map__set_max_entries(skel->maps.pw_shared_index, pools);
	bpf_map__set_max_entries(skel->maps.pw_threads, threads);
	bpf_map__set_max_entries(skel->maps.pw_free_threads, threads);
	bpf_map__set_max_entries(skel->maps.pw_thread_index, threads);
	bpf_map__set_max_entries(skel->maps.pw_private, threads);
	bpf_map__set_max_entries(skel->maps.pw_goroutines, threads);
	bpf_map__set_max_entries(skel->maps.pw_taken, whole_stacks ? threads : 1);
	if (!whole_stacks) {
		bpf_map__set_max_entries(skel->maps.pw_paths, 1);
		bpf_map__set_max_entries(skel->maps.pw_stacks, 1);
		bpf_map__set_max_entries(skel->maps.pw_held_times, 1);
		bpf_map__set_max_entries(skel->maps.pw_unit_places, 1);
	}
}

/* All slots of a table are free at first. The highest goes in first: the list is a stack, and low slots stay in use. */
static int fill_free_list(struct bpf_map *list)
{
	for (uint32_t i = bpf_map__max_entries(list); i-- > 0;)
		if (bpf_map__update_elem(list, NULL, 0, &i, sizeof(i), BPF_ANY))
			return -errno;
	return 0;
}

static int bind_tables(struct loader *l)
{
	for (uint32_t t = 0; t < POOLWATCH_TABLES; t++) {
		struct pw_bind_args args = { .session = l->session, .table = t };
		LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &args, .ctx_size_in = sizeof(args));
		int err = bpf_prog_test_run_opts(bpf_program__fd(l->skel->progs.pw_bind), &run);

		if (err)
			return err;
		if ((int)run.retval)
			return (int)run.retval;
	}
	return 0;
}

/* Where other processes find these maps. */
static int publish(struct loader *l)
{
	struct pw_session s = { .magic = PW_SESSION_MAGIC,
				.abi_major = POOLWATCH_ABI_MAJOR,
				.abi_minor = POOLWATCH_ABI_MINOR,
				.loader = getpid(),
				.session = l->session };
	const struct {
		struct bpf_map *map;
		uint32_t *id;
	} maps[] = {
		{ l->skel->maps.pw_defs, &s.map_id[POOLWATCH_DEFS] },
		{ l->skel->maps.pw_procs, &s.map_id[POOLWATCH_PROCS] },
		{ l->skel->maps.pw_pools, &s.map_id[POOLWATCH_POOLS] },
		{ l->skel->maps.pw_threads, &s.map_id[POOLWATCH_THREADS] },
		{ l->skel->maps.pw_edges, &s.map_id[POOLWATCH_EDGES] },
		{ l->skel->maps.pw_counters, &s.map_id[POOLWATCH_COUNTERS] },
		{ l->skel->maps.pw_hits, &s.hits_map_id },
		{ l->skel->maps.pw_stacks, &s.stacks_map_id },
		{ l->skel->maps.pw_taken, &s.taken_map_id },
		{ l->skel->maps.pw_held_times, &s.times_map_id },
	};
	const size_t n = sizeof(maps) / sizeof(maps[0]) - (loader__whole_stacks(l) ? 0 : 3);
	uint32_t zero = 0;

	for (size_t i = 0; i < n; i++) {
		struct bpf_map_info info = { 0 };
		uint32_t len = sizeof(info);

		if (bpf_map_get_info_by_fd(bpf_map__fd(maps[i].map), &info, &len))
			return -errno;
		*maps[i].id = info.id;
	}
	return bpf_map__update_elem(l->skel->maps.pw_session_map, &zero, sizeof(zero), &s, sizeof(s), BPF_ANY);
}

static void open_device(struct loader *l, const struct loader_options *options)
{
	struct dev_why why = { "" };
	int fd;

	l->device_fd = -1;
	if (options->no_device) {
		snprintf(l->mode_why, sizeof(l->mode_why), "asked not to use " DEV_PATH);
		return;
	}
	fd = dev__open(true, NULL, &why);
	if (fd < 0 || dev__session(fd, &l->session)) {
		if (fd >= 0)
			close(fd);
		l->session = 0;
		snprintf(l->mode_why, sizeof(l->mode_why), "%s", why.line);
		return;
	}
	l->device_fd = fd;
	snprintf(l->mode_why, sizeof(l->mode_why), DEV_PATH " takes this session as number %u", l->session);
}

static int load_error(int err, char line[LOADER_ERROR])
{
	if (err == -EPERM || err == -EACCES)
		snprintf(line, LOADER_ERROR, "no permission to load BPF programs: run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE");
	else if (access("/sys/kernel/btf/vmlinux", R_OK))
		snprintf(line, LOADER_ERROR, "this kernel has no BTF (/sys/kernel/btf/vmlinux): it needs CONFIG_DEBUG_INFO_BTF; 'poolwatch doctor' tells more");
	else
		snprintf(line, LOADER_ERROR, "the kernel refused the BPF programs: %s; 'poolwatch doctor' tells what is missing", strerror(-err));
	return err;
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct loader *l = ctx;

	if (size >= sizeof(struct pw_record) && l->fn)
		l->fn(l->ctx, data);
	return 0;
}

int loader__new(const struct loader_options *options, struct loader **out, char err[LOADER_ERROR])
{
	struct loader *l = calloc(1, sizeof(*l));
	struct poolwatch_bpf *skel;
	int r;

	if (!l)
		return -ENOMEM;
	libbpf_set_print(quiet);
	open_device(l, options);
	skel = l->skel = poolwatch_bpf__open();
	if (!skel) {
		r = load_error(-errno, err);
		goto fail;
	}
	size_maps(skel, power_of_two(options->max_pools, MAX_POOLS), power_of_two(options->max_threads, MAX_THREADS), options->whole_stacks);
	skel->rodata->pw_whole_stacks = options->whole_stacks;
	skel->rodata->pw_session = l->session;
	l->multi = loader__kernel_has_multi();
	if (l->multi) {
		bpf_program__set_expected_attach_type(skel->progs.pw_enter, BPF_TRACE_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(skel->progs.pw_leave, BPF_TRACE_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(skel->progs.pw_release, BPF_TRACE_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(skel->progs.pw_sysv_enter, BPF_TRACE_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(skel->progs.pw_sysv_leave, BPF_TRACE_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(skel->progs.pw_go_enter, BPF_TRACE_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(skel->progs.pw_go_leave, BPF_TRACE_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(skel->progs.pw_go_release, BPF_TRACE_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(skel->progs.pw_py_post, BPF_TRACE_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(skel->progs.pw_py_unlock, BPF_TRACE_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(skel->progs.pw_jvm_park, BPF_TRACE_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(skel->progs.pw_jvm_unpark, BPF_TRACE_UPROBE_MULTI);
	}
	if (l->device_fd < 0)
		bpf_program__set_autoload(skel->progs.pw_bind, false);
	bpf_program__set_autoload(skel->progs.pw_py_post, options->python);
	bpf_program__set_autoload(skel->progs.pw_py_unlock, options->python);
	bpf_program__set_autoload(skel->progs.pw_jvm_park, options->jvm);
	bpf_program__set_autoload(skel->progs.pw_jvm_unpark, options->jvm);
	if (!options->jvm)
		bpf_map__set_max_entries(skel->maps.pw_parked, 1);
	if (!options->python)
		bpf_map__set_max_entries(skel->maps.pw_pythons, 1);
	r = poolwatch_bpf__load(skel);
	if (r) {
		load_error(r, err);
		goto fail;
	}
	if ((r = fill_free_list(skel->maps.pw_free_pools)) || (r = fill_free_list(skel->maps.pw_free_threads)) ||
	    (r = fill_free_list(skel->maps.pw_free_edges)) || (r = loader__map_tables(l))) {
		snprintf(err, LOADER_ERROR, "cannot set up the ledger: %s", strerror(-r));
		goto fail;
	}
	if (l->device_fd >= 0 && (r = bind_tables(l))) {
		snprintf(err, LOADER_ERROR, "cannot hand the ledger to " DEV_PATH ": %s", strerror(-r));
		goto fail;
	}
	l->ring = ring_buffer__new(bpf_map__fd(skel->maps.pw_events), on_record, l, NULL);
	if (!l->ring) {
		r = -errno;
		snprintf(err, LOADER_ERROR, "cannot read the ring buffer: %s", strerror(-r));
		goto fail;
	}
	skel->links.pw_exit = bpf_program__attach(skel->progs.pw_exit);
	skel->links.pw_exec = bpf_program__attach(skel->progs.pw_exec);
	skel->links.pw_fork = bpf_program__attach(skel->progs.pw_fork);
	if (!skel->links.pw_exit || !skel->links.pw_exec || !skel->links.pw_fork) {
		r = load_error(-errno, err);
		goto fail;
	}
	loader__init_source(l);
	r = publish(l);
	if (r) {
		snprintf(err, LOADER_ERROR, "cannot publish the session: %s", strerror(-r));
		goto fail;
	}
	*out = l;
	return 0;
fail:
	loader__free(l);
	return r;
}

void loader__free(struct loader *l)
{
	if (!l)
		return;
	ring_buffer__free(l->ring);
	loader__unmap_tables(l);
	poolwatch_bpf__destroy(l->skel);
	ledger__clear(&l->scratch);
	if (l->device_fd >= 0)
		close(l->device_fd);
	free(l);
}

const char *loader__mode(const struct loader *l, const char **why)
{
	if (why)
		*why = l->mode_why;
	return l->device_fd >= 0 ? "device" : "direct";
}

bool loader__multi(const struct loader *l)
{
	return l->multi;
}

int loader__set_def(struct loader *l, uint32_t slot, const struct spec_pool *p)
{
	struct poolwatch_def *d = (struct poolwatch_def *)l->table[POOLWATCH_DEFS].base + slot;

	if (slot >= PW_MAX_DEFS)
		return -E2BIG;
	memset(d, 0, sizeof(*d));
	snprintf(d->name, sizeof(d->name), "%s", p->name);
	d->head.uid = POOLWATCH_UID_ALL;
	d->flags = loader__def_flags(p);
	d->min_capacity = p->min_capacity;
	d->capacity = p->capacity.shape == PW_SHAPE_IMM ? p->capacity.imm : POOLWATCH_UNKNOWN;
	d->futex_from = p->futex_from;
	d->futex_to = p->futex_to;
	__atomic_store_n(&d->head.id, 1ull << 32 | slot, __ATOMIC_RELEASE);
	return 0;
}

void loader__end_def(struct loader *l, uint32_t slot)
{
	struct poolwatch_def *d = (struct poolwatch_def *)l->table[POOLWATCH_DEFS].base + slot;
	struct poolwatch_pool *pools = l->table[POOLWATCH_POOLS].base;

	__atomic_fetch_or(&d->flags, POOLWATCH_DEF_DETACHED, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < l->table[POOLWATCH_POOLS].entries; i++)
		if (pools[i].head.id && pools[i].def == slot)
			__atomic_fetch_or(&pools[i].flags, POOLWATCH_POOL_ENDED, __ATOMIC_RELAXED);
}

void loader__set_cost(struct loader *l, uint32_t slot, const struct loader_hits *hits, uint64_t cost, uint32_t share, uint32_t budget)
{
	struct poolwatch_def *d = (struct poolwatch_def *)l->table[POOLWATCH_DEFS].base + slot;

	d->hits_emulated = hits->emulated;
	d->hits_stepped = hits->stepped;
	d->cost = cost;
	d->share = share;
	d->budget = budget;
}

static struct poolwatch_pool *pool_of(const struct loader *l, uint64_t id)
{
	struct poolwatch_pool *p = (struct poolwatch_pool *)l->table[POOLWATCH_POOLS].base + (uint32_t)id;

	return (uint32_t)id < l->table[POOLWATCH_POOLS].entries && p->head.id == id ? p : NULL;
}

int loader__private_pool(const struct loader *l, uint64_t id, uint64_t *addr)
{
	const struct poolwatch_pool *p = pool_of(l, id);

	if (!p || p->flags & POOLWATCH_POOL_SHARED)
		return -ENOENT;
	*addr = p->addr;
	return 0;
}

uint64_t loader__lost(const struct loader *l, enum poolwatch_cause cause)
{
	const struct poolwatch_counter *c = l->table[POOLWATCH_COUNTERS].base;

	return __atomic_load_n(&c[cause].count, __ATOMIC_RELAXED);
}

void loader__doubt_pool(struct loader *l, uint64_t id)
{
	struct poolwatch_pool *p = pool_of(l, id);

	if (!p || p->flags & POOLWATCH_POOL_UNCERTAIN)
		return;
	p->uncertain_since = p->created;
	__atomic_fetch_or(&p->flags, POOLWATCH_POOL_UNCERTAIN, __ATOMIC_RELAXED);
}

void loader__set_left(struct loader *l, uint64_t id, uint64_t seq)
{
	uint32_t slot = (uint32_t)id;
	struct poolwatch_thread *t = (struct poolwatch_thread *)l->table[POOLWATCH_THREADS].base + slot;

	/* If the slot changes hands now, its next thread may begin with this: no request of it has that number yet, or it is wiped. */
	if (slot < l->table[POOLWATCH_THREADS].entries && t->head.id == id && t->left != seq)
		__atomic_store_n(&t->left, seq, __ATOMIC_RELAXED);
}

int loader__event_fd(const struct loader *l)
{
	return ring_buffer__epoll_fd(l->ring);
}

int loader__consume(struct loader *l, void (*fn)(void *ctx, const struct pw_record *r), void *ctx)
{
	l->fn = fn;
	l->ctx = ctx;
	return ring_buffer__consume(l->ring);
}

int loader__registers(struct loader *l, uint32_t tid, struct pw_registers *out)
{
	union bpf_iter_link_info which = { .task.tid = tid };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &which, .link_info_len = sizeof(which));
	struct pw_registers r;
	struct bpf_link *link;
	ssize_t n = -1;
	int fd, saved;

	link = bpf_program__attach_iter(l->skel->progs.pw_registers, &opts);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	saved = errno;
	if (fd >= 0) {
		n = read(fd, &r, sizeof(r));
		saved = errno;
		close(fd);
	}
	bpf_link__destroy(link);
	if (fd < 0 || n < 0)
		return -saved;
	if (n != sizeof(r) || r.tid != tid)
		return -ESRCH;
	if (!r.state)
		return -EAGAIN;
	*out = r;
	return 0;
}

void loader__probe_abilities(struct loader_abilities *a)
{
	const struct loader_options options = { .no_device = true, .python = true, .jvm = true, .max_pools = 64, .max_threads = 64 };
	char err[LOADER_ERROR];
	struct loader *l;

	memset(a, 0, sizeof(*a));
	a->btf = !access("/sys/kernel/btf/vmlinux", R_OK);
	a->load_errno = -loader__new(&options, &l, err);
	if (a->load_errno)
		return;
	a->load = true;
	a->uprobe_multi = l->multi;
	loader__free(l);
}
