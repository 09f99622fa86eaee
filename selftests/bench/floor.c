// SPDX-License-Identifier: GPL-2.0
/*
 * floor OBJECT PID FILE ACQUIRE RELEASE (file offsets): an empty program at the entry of both functions and at the return of the first, until
 * standard input ends.
 */
#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Links are let go by the end of the process. */
static bool attach(struct bpf_object *o, const char *prog, int pid, const char *file, const unsigned long *offsets, int n, bool ret)
{
	LIBBPF_OPTS(bpf_uprobe_multi_opts, multi, .offsets = offsets, .cnt = n, .retprobe = ret);
	struct bpf_program *p = bpf_object__find_program_by_name(o, prog);

	if (bpf_program__attach_uprobe_multi(p, pid, file, NULL, &multi))
		return true;
	/* Before 6.6: one by one. */
	for (int i = 0; i < n; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, one, .retprobe = ret);

		if (!bpf_program__attach_uprobe_opts(p, pid, file, offsets[i], &one))
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct bpf_object *o;
	unsigned long at[2];
	char c;

	if (argc != 6)
		return 2;
	at[0] = strtoul(argv[4], NULL, 0);
	at[1] = strtoul(argv[5], NULL, 0);
	o = bpf_object__open_file(argv[1], NULL);
	if (!o || bpf_object__load(o))
		return 1;
	if (!attach(o, "floor_enter", atoi(argv[2]), argv[3], at, 2, false) ||
	    !attach(o, "floor_leave", atoi(argv[2]), argv[3], at, 1, true)) {
		perror("floor: attach");
		return 1;
	}
	return read(0, &c, 1) != 0;
}
