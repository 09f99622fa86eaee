// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "activity.h"

static const char *const names[] = {
#include "syscalls.inc"
};

/* The argument that tells one call from another of its kind: the descriptor, the word, the process. */
static const char *const first_is_number[] = { "read",	   "write",	"readv",   "writev",	 "pread64",
					       "pwrite64", "recvfrom",	"recvmsg", "sendto",	 "sendmsg",
					       "accept",   "accept4",	"connect", "epoll_wait", "epoll_pwait",
					       "fsync",	   "fdatasync", "flock",   "ioctl",	 "wait4",
					       "kill",	   "close" };

const char *activity__syscall(long number)
{
	return number >= 0 && (size_t)number < sizeof(names) / sizeof(names[0]) ? names[number] : NULL;
}

static const char *state_name(char state)
{
	switch (state) {
	case 'R':
		return "running";
	case 'S':
		return "sleeping";
	case 'D':
		return "waiting uninterruptibly";
	case 'T':
	case 't':
		return "stopped";
	case 'I':
		return "idle";
	case 'Z':
	case 'X':
		return "ended";
	default:
		return "in an unknown state";
	}
}

size_t activity__text(char *buf, size_t size, const struct target_activity *a)
{
	const char *call = activity__syscall(a->syscall);
	char what[128] = "", where[80] = "";

	if (call) {
		snprintf(what, sizeof(what), " in %s", call);
		for (size_t i = 0; i < sizeof(first_is_number) / sizeof(first_is_number[0]); i++)
			if (!strcmp(call, first_is_number[i]))
				snprintf(what, sizeof(what), " in %s(%d)", call, (int)a->args[0]);
		if (!strcmp(call, "futex"))
			snprintf(what, sizeof(what), " in futex(0x%" PRIx64 ")", a->args[0]);
	} else if (a->syscall >= 0) {
		snprintf(what, sizeof(what), " in system call %ld", a->syscall);
	}
	if (*a->wchan)
		snprintf(where, sizeof(where), " at %s", a->wchan);
	return (size_t)snprintf(buf, size, "%s%s%s", state_name(a->state), what, where);
}
