/* SPDX-License-Identifier: GPL-2.0 */
/* The functions that BPF programs call: the only way into the device. */
#ifndef POOLWATCH_KFUNC_H
#define POOLWATCH_KFUNC_H

#include <linux/types.h>

struct bpf_map;

int poolwatch_emit(void *data, u32 data__sz, u32 session);
int poolwatch_bind(struct bpf_map *map, u32 session, u32 table);

/* Offer them to BPF programs. The kernel takes them back with the module's BTF. */
int pw_kfunc_init(void);

/* Events refused because of what they were: a wrong size, type, padding or session. */
u64 pw_kfunc_refused(void);

#endif
