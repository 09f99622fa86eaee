/* SPDX-License-Identifier: GPL-2.0 */
/* Sessions: loaders that have the device open for writing, and the tables that their BPF programs bound. */
#ifndef POOLWATCH_SESSION_H
#define POOLWATCH_SESSION_H

#include <linux/types.h>

struct bpf_map;

#define PW_SESSIONS_MIN 1
#define PW_SESSIONS_MAX 64

int pw_sessions_init(unsigned int max);
void pw_sessions_exit(void);

/* Begin a session of the calling process. Return: 0 with its number in *@number; -EBUSY: as many as can be are open. */
int pw_session_open(u32 *number);
void pw_session_close(u32 number);

/* Any context. What it says may be over when it returns. */
bool pw_session_exists(u32 number);

/* Make @map table @table of the session; takes a reference to it. May sleep. For errors see poolwatch_bind. */
int pw_session_bind(u32 number, u32 table, struct bpf_map *map);

/*
 * pw_session_map - the map bound as @table
 * @number: in: the session, or 0 for the lowest. With @next the lowest from this on that has bound @table. out: the one
 * taken Return: 0 with a reference in *@map, to be put by the caller; -ENOENT: no such session; -ENODATA: not bound.
 */
int pw_session_map(u32 *number, bool next, u32 table, struct bpf_map **map);

u32 pw_sessions_open(void);
u32 pw_sessions_max(void);

#endif
