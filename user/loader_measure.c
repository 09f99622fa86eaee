// SPDX-License-Identifier: GPL-2.0
/*
 * What a probe hit costs here: two functions of this process that differ in their first instruction are probed with the real
 * entry program, and called. The program sees a process that is not its target and leaves early; what its work on the
 * ledger takes is added as LEDGER_NS.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "loader_int.h"

#define CALLS 200
#define ROUNDS 5
#define LEDGER_NS 600 /* of the programs, per hit: the kernel's own statistics, selftests/bench */

/* A nop the kernel emulates; a register move it must step over. */
__asm__(".pushsection .text\n"
	".globl loader_measure_emulated, loader_measure_stepped\n"
	".type loader_measure_emulated, @function\n"
	"loader_measure_emulated: nop; ret\n"
	".size loader_measure_emulated, . - loader_measure_emulated\n"
	".type loader_measure_stepped, @function\n"
	"loader_measure_stepped: mov %eax, %eax; ret\n"
	".size loader_measure_stepped, . - loader_measure_stepped\n"
	".popsection\n");
void loader_measure_emulated(void);
void loader_measure_stepped(void);

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* Offset of an address of ours in our own executable. */
static int file_offset(const void *address, unsigned long *out)
{
	unsigned long start, end, offset, at = (unsigned long)address;
	char line[512], perms[8];
	FILE *f = fopen("/proc/self/maps", "re");
	int err = -ENOENT;

	if (!f)
		return -errno;
	while (err && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %7s %lx", &start, &end, perms, &offset) == 4 && at >= start && at < end) {
			*out = at - start + offset;
			err = 0;
		}
	fclose(f);
	return err;
}

/* The best of some rounds: what else ran meanwhile only adds. */
static uint64_t time_calls(void (*fn)(void))
{
	uint64_t best = UINT64_MAX;

	for (int r = 0; r < ROUNDS; r++) {
		uint64_t begin = clock_ns(), took;

		for (int i = 0; i < CALLS; i++)
			fn();
		took = clock_ns() - begin;
		if (took < best)
			best = took;
	}
	return best / CALLS;
}

static int measure(struct loader *l, void (*fn)(void), unsigned int *ns)
{
	__u64 cookie = PW_COOKIE(0, 0); /* nobody's */
	struct bpf_link *link;
	unsigned long offset;
	int err = file_offset((const void *)fn, &offset);

	if (err)
		return err;
	if (l->multi) {
		LIBBPF_OPTS(bpf_uprobe_multi_opts, opts, .offsets = &offset, .cookies = &cookie, .cnt = 1);

		link = bpf_program__attach_uprobe_multi(l->skel->progs.pw_enter, getpid(), "/proc/self/exe", NULL, &opts);
	} else {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = cookie);

		link = bpf_program__attach_uprobe_opts(l->skel->progs.pw_enter, getpid(), "/proc/self/exe", offset, &opts);
	}
	if (!link)
		return -errno;
	*ns = time_calls(fn) + LEDGER_NS;
	bpf_link__destroy(link);
	return 0;
}

int loader__measure(struct loader *l, struct loader_cost *out)
{
	struct poolwatch_counter *foreign = (struct poolwatch_counter *)l->table[POOLWATCH_COUNTERS].base + POOLWATCH_FOREIGN_TGID;
	struct loader_cost cost;
	int err;

	err = measure(l, loader_measure_emulated, &cost.emulated);
	if (!err)
		err = measure(l, loader_measure_stepped, &cost.stepped);
	if (err)
		return err;
	/* Those were ours. */
	foreign->count = 0;
	foreign->last = 0;
	*out = cost;
	return 0;
}
