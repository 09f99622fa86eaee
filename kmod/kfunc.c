// SPDX-License-Identifier: GPL-2.0
/* The functions that BPF programs call. A loaded program that does so holds a reference to the module. */
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/module.h>
#include "compat.h"
#include "kfunc.h"
#include "ring.h"
#include "session.h"

static atomic64_t refused;

u64 pw_kfunc_refused(void)
{
	return atomic64_read(&refused);
}

static int check_event(const struct poolwatch_event *event, u32 session)
{
	if (event->size != sizeof(*event) || !event->type || event->pad)
		return -EINVAL;
	return pw_session_exists(session) ? 0 : -ENOENT;
}

__bpf_kfunc_start_defs();

/**
 * poolwatch_emit - put an event into the device's ring
 * @data: a struct poolwatch_event; its seq and session are the device's to fill in, in the copy
 * @data__sz: its size
 * @session: the session that it is an event of
 *
 * Any context, NMI included. Never sleeps, never waits for a reader.
 *
 * Return: 0; -EINVAL: not an event; -ENOENT: no such session; -EBUSY: called from within itself, or from an NMI while
 * the ring was being written.
 */
__bpf_kfunc int poolwatch_emit(void *data, u32 data__sz, u32 session)
{
	struct poolwatch_event event; /* checked is what is kept: another program may be writing to @data */
	int ret = -EINVAL;

	if (data__sz == sizeof(event)) {
		memcpy(&event, data, sizeof(event));
		ret = check_event(&event, session);
	}
	if (ret) {
		atomic64_inc(&refused);
		return ret;
	}
	event.session = session;
	return pw_ring_emit(&event);
}

/**
 * poolwatch_bind - show a map as a table of a session
 * @map: a BPF_MAP_TYPE_ARRAY of the table's records
 * @session: opened by the calling process
 * @table: enum poolwatch_table
 *
 * Takes a reference to @map, which the end of the session drops. May sleep.
 *
 * Return: 0; -EINVAL: not such a map, no such table; -ENOENT: no such session; -EPERM: another process's; -EBUSY: bound
 * already.
 */
__bpf_kfunc int poolwatch_bind(struct bpf_map *map, u32 session, u32 table)
{
	return pw_session_bind(session, table, map);
}

__bpf_kfunc_end_defs();

/* A module has one set for each kind of program. */
BTF_KFUNCS_START(pw_probe_ids)
BTF_ID_FLAGS(func, poolwatch_emit)
BTF_KFUNCS_END(pw_probe_ids)

BTF_KFUNCS_START(pw_syscall_ids)
BTF_ID_FLAGS(func, poolwatch_emit)
BTF_ID_FLAGS(func, poolwatch_bind, KF_TRUSTED_ARGS | KF_SLEEPABLE)
BTF_KFUNCS_END(pw_syscall_ids)

static const struct btf_kfunc_id_set pw_probe_set = { .owner = THIS_MODULE, .set = &pw_probe_ids };
static const struct btf_kfunc_id_set pw_syscall_set = { .owner = THIS_MODULE, .set = &pw_syscall_ids };

int pw_kfunc_init(void)
{
	int ret;

	ret = register_btf_kfunc_id_set(BPF_PROG_TYPE_KPROBE, &pw_probe_set);
	if (!ret)
		ret = register_btf_kfunc_id_set(BPF_PROG_TYPE_TRACING, &pw_probe_set);
	if (!ret)
		ret = register_btf_kfunc_id_set(BPF_PROG_TYPE_SYSCALL, &pw_syscall_set);
	return ret;
}
