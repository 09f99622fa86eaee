// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/auxv.h>
#include "cleanup.h"
#include "stack_cache.h"

#define DEFAULT_MAX_BYTES (256u << 20)
#define PROCESS_BYTES	  (256u << 10) /* what an unwinder holds, about: nobody tells */

/* The kernel gives the same image to every process. */
static struct binary *open_vdso(const struct binary_options *options)
{
	char *image = (char *)getauxval(AT_SYSINFO_EHDR);
	struct binary *b = NULL;
	Elf64_Ehdr *eh = (Elf64_Ehdr *)image;

	/* Its section headers come last. */
	if (image)
		binary__open_memory(image, eh->e_shoff + (size_t)eh->e_shnum * eh->e_shentsize, options, &b);
	return b;
}

int stack__new(const struct stack_options *options, struct stack_namer **out)
{
	struct stack_namer *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->debug_dirs = strdup(options && options->debug_dirs ? options->debug_dirs : DEBUGFILE_DIRS);
	if (!s->debug_dirs) {
		free(s);
		return -ENOMEM;
	}
	s->max_bytes = options && options->max_bytes ? options->max_bytes : DEFAULT_MAX_BYTES;
	s->options.debug_dirs = s->debug_dirs;
	s->options.debuginfod = options && options->use_debuginfod;
	s->options.max_dwarf = s->max_bytes / 4 * 3;
	s->vdso = open_vdso(&s->options);
	*out = s;
	return 0;
}

static void process_drop(struct stack_namer *s, size_t i)
{
	unwinder__free(s->processes[i].unwinder);
	perfmap__free(s->processes[i].perfmap);
	s->processes[i] = s->processes[--s->nprocesses];
}

/* Of one that an unwinder goes on using, only the file stays open. */
static void binary_drop(struct stack_namer *s, size_t i)
{
	binary__forget(s->binaries[i]);
	binary__unref(s->binaries[i]);
	s->binaries[i] = s->binaries[--s->nbinaries];
}

void stack__free(struct stack_namer *s)
{
	if (!s)
		return;
	while (s->nprocesses)
		process_drop(s, 0);
	while (s->nbinaries)
		binary_drop(s, 0);
	binary__unref(s->vdso);
	free(s->debug_dirs);
	free(s);
}

void stack__forget(struct stack_namer *s, uint32_t pid)
{
	for (size_t i = 0; i < s->nprocesses; i++)
		if (s->processes[i].pid == pid) {
			process_drop(s, i);
			return;
		}
}

static size_t oldest_process(const struct stack_namer *s)
{
	size_t oldest = 0;

	for (size_t i = 1; i < s->nprocesses; i++)
		if (s->processes[i].used < s->processes[oldest].used)
			oldest = i;
	return oldest;
}

static size_t oldest_binary(const struct stack_namer *s)
{
	size_t oldest = 0;

	for (size_t i = 1; i < s->nbinaries; i++)
		if (s->binaries[i]->used < s->binaries[oldest]->used)
			oldest = i;
	return oldest;
}

size_t stack__bytes(const struct stack_namer *s)
{
	size_t bytes = s->nprocesses * PROCESS_BYTES;

	for (size_t i = 0; i < s->nprocesses; i++)
		bytes += perfmap__bytes(s->processes[i].perfmap);
	for (size_t i = 0; i < s->nbinaries; i++)
		bytes += s->binaries[i]->bytes;
	return bytes;
}

void stack_cache__trim(struct stack_namer *s)
{
	while (stack__bytes(s) > s->max_bytes && (s->nprocesses > 1 || s->nbinaries > 1)) {
		size_t p = s->nprocesses ? oldest_process(s) : 0, b = s->nbinaries ? oldest_binary(s) : 0;

		if (s->nprocesses > 1 && (s->nbinaries < 2 || s->processes[p].used <= s->binaries[b]->used))
			process_drop(s, p);
		else if (s->nbinaries > 1)
			binary_drop(s, b);
		else
			break;
	}
}

struct binary *stack_cache__binary(struct stack_namer *s, const struct target *t, const struct target_map *m)
{
	struct binary *b;
	bool steady;
	int fd;

	for (size_t i = 0; i < s->nbinaries; i++) {
		b = s->binaries[i];
		if (b->dev != m->dev || b->ino != m->ino)
			continue;
		if (binary__is_current(b)) {
			b->used = ++s->clock;
			return b;
		}
		binary_drop(s, i);
		break;
	}
	fd = target__open_map(t, m);
	if (fd < 0)
		return NULL;
	steady = !t->foreign_mnt && debugfile__is_steady(fd);
	if (binary__open(fd, steady, &s->options, &b))
		return NULL;
	if (s->nbinaries == STACK_MAX_BINARIES)
		binary_drop(s, oldest_binary(s));
	b->used = ++s->clock;
	s->binaries[s->nbinaries++] = b;
	return b;
}

static struct binary *open_for_unwinder(void *ctx, const struct target *t, const struct target_map *m)
{
	struct binary *b = stack_cache__binary(ctx, t, m);

	return b ? binary__ref(b) : NULL;
}

int stack_cache__process(struct stack_namer *s, const struct target *t, struct stack_process **out)
{
	struct stack_process new = { .pid = t->pid, .start = t->start };
	int err;

	for (size_t i = 0; i < s->nprocesses; i++) {
		struct stack_process *p = &s->processes[i];

		if (p->pid != t->pid)
			continue;
		if (p->start == t->start && unwinder__is_current(p->unwinder)) {
			p->used = ++s->clock;
			*out = p;
			return 0;
		}
		process_drop(s, i);
		break;
	}
	err = unwinder__new(t, s->vdso, open_for_unwinder, s, &new.unwinder);
	if (err)
		return err;
	if (s->nprocesses == STACK_MAX_PROCESSES)
		process_drop(s, oldest_process(s));
	new.used = ++s->clock;
	s->processes[s->nprocesses] = new;
	*out = &s->processes[s->nprocesses++];
	return 0;
}
