// SPDX-License-Identifier: GPL-2.0
/* One program at some places of a file, in one process. See loader_int.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "cleanup.h"
#include "loader_int.h"

int loader__attach_places(struct loader *l, struct loader_target *lt, struct bpf_program *prog, const struct loader_places *at,
			  uint32_t def)
{
	struct bpf_link *link;
	char path[40];
	int err = 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", at->fd);
	if (l->multi) {
		LIBBPF_OPTS(bpf_uprobe_multi_opts, opts, .offsets = at->offsets, .cookies = at->cookies, .cnt = at->n,
			    .retprobe = at->returns);

		link = bpf_program__attach_uprobe_multi(prog, (pid_t)lt->pid, path, NULL, &opts);
		return link ? loader__keep_link(lt, link, def) : -errno;
	}
	for (size_t i = 0; i < at->n && !err; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = at->cookies[i], .retprobe = at->returns);

		link = bpf_program__attach_uprobe_opts(prog, (pid_t)lt->pid, path, at->offsets[i], &opts);
		err = link ? loader__keep_link(lt, link, def) : -errno;
	}
	return err;
}

int loader__attach_offsets(struct loader *l, struct loader_target *lt, struct bpf_program *prog, int fd, const uint64_t *offsets,
			   size_t n, uint32_t slot, uint32_t def)
{
	_cleanup_free_ __u64 *cookies = calloc(n + 1, sizeof(*cookies));
	const struct loader_places at = { fd, offsets, cookies, n, false };

	if (!cookies)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		cookies[i] = PW_COOKIE(lt->pid, slot);
	return loader__attach_places(l, lt, prog, &at, def);
}
