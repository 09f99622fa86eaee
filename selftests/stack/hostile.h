/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file that may be anything, taken through all that reads binaries: names all over its code, and a stack through it.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "binary.h"
#include "unwind.h"

#define HOSTILE_BASE 0x10000000000ull

static struct binary *hostile_open(void *ctx, const struct target *t, const struct target_map *m)
{
	return binary__ref(ctx);
}

static inline void hostile_unwind(struct binary *b, uint64_t pc, uint64_t size)
{
	struct target_map map = { .start = HOSTILE_BASE,
				  .end = HOSTILE_BASE + size,
				  .dev = 1,
				  .ino = 1,
				  .exec = true,
				  .path = (char *)"/hostile" };
	struct target t = { .pid = (uint32_t)getpid(), .pidfd = -1, .maps = &map, .nmaps = 1 };
	uint64_t regs[PW_REGS], stack[512], out[STACK_MAX_FRAMES];
	struct stack_sample s = {
		.regs = regs, .known = STACK_ALL_REGS, .stack = (uint8_t *)stack, .len = sizeof(stack)
	};
	struct unwinder *u;

	for (size_t i = 0; i < 512; i++)
		stack[i] = i % 4 ? pc + i : HOSTILE_BASE * 2 + (i & ~7ul);
	for (size_t i = 0; i < PW_REGS; i++)
		regs[i] = HOSTILE_BASE * 2 + 64 * i;
	regs[PW_RSP] = HOSTILE_BASE * 2;
	regs[PW_RIP] = pc;
	if (unwinder__new(&t, NULL, hostile_open, b, &u))
		return;
	if (unwinder__run(u, &t, &s, out, NULL, STACK_MAX_FRAMES) < 1)
		abort();
	unwinder__free(u);
}

static inline void hostile_run(const uint8_t *data, size_t len)
{
	static const struct binary_options options = { .debug_dirs = "/nonexistent", .max_dwarf = 64 << 20 };
	struct target t = { .pid = (uint32_t)getpid(), .pidfd = -1 };
	int fd = memfd_create("hostile", MFD_CLOEXEC);
	struct binary *b;
	size_t n;

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	if (binary__open(fd, false, &options, &b))
		return;
	if (elf_getphdrnum(b->elf, &n))
		n = 0;
	for (size_t i = 0; i < n && i < 16; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(b->elf, (int)i, &ph) || ph.p_type != PT_LOAD || !(ph.p_flags & PF_X))
			continue;
		for (uint64_t at = 0; at < ph.p_filesz && at < 1 << 13; at += 101) {
			const struct binary_name *names;
			size_t count;

			if (binary__name(b, &t, "/hostile", ph.p_vaddr + at, &names, &count) || !count)
				abort();
			if (at % 4 == 0)
				hostile_unwind(b, HOSTILE_BASE + ph.p_vaddr + at, len);
		}
	}
	binary__unref(b);
}

#endif
