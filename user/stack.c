// SPDX-License-Identifier: GPL-2.0
/*
 * The namer: which binary an address belongs to, what it is called there, and from registers and stack to all the
 * frames of a thread.
 */
#include <string.h>
#include "cleanup.h"
#include "stack_cache.h"
#include "system_path.h"

#define SLICE_MAX (64u << 10) /* of a blocked thread's stack, read at once */

void stack__free_frames(struct finding_frame *frames, size_t n)
{
	for (size_t i = 0; frames && i < n; i++) {
		free(frames[i].symbol);
		free(frames[i].module);
		free(frames[i].file);
	}
	free(frames);
}

static int dup_or_null(const char *from, char **to)
{
	if (!from)
		return 0;
	*to = strdup(from);
	return *to ? 0 : -ENOMEM;
}

/* All of @names at one address of one module, as frames. */
static int frames_new(const struct binary_name *names, size_t n, const char *module, uint64_t addr, bool is_return,
		      bool user, struct finding_frame **out)
{
	struct finding_frame *frames = calloc(n, sizeof(*frames));
	const char *slash = module ? strrchr(module, '/') : NULL;

	if (!frames)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct finding_frame *f = &frames[i];

		f->address = addr;
		f->line = names[i].line;
		f->inlined = names[i].inlined;
		f->user_code = user;
		/* What was looked up is the call, what is told is the address behind it. */
		f->offset = names[i].offset + (is_return && !names[i].inlined);
		if (dup_or_null(names[i].symbol, &f->symbol) || dup_or_null(names[i].file, &f->file) ||
		    dup_or_null(slash ? slash + 1 : module, &f->module)) {
			stack__free_frames(frames, n);
			return -ENOMEM;
		}
	}
	*out = frames;
	return 0;
}

/* Code that was generated: the perf map tells, if there is one; it may have grown since. */
static int name_generated(struct stack_process *p, const struct target *t, uint64_t addr, uint64_t at, bool is_return,
			  struct finding_frame **out)
{
	struct binary_name name = { 0 };
	_cleanup_free_ char *symbol = NULL;
	const char *text;
	size_t len;
	int err = p->perfmap ? perfmap__find(p->perfmap, at, &text, &len, &name.offset) : -ENOENT;

	if (err && perfmap__is_stale(p->perfmap, t)) {
		struct perfmap *map;

		err = perfmap__read(t, &map);
		if (err == -ENOMEM)
			return err;
		if (!err) {
			perfmap__free(p->perfmap);
			p->perfmap = map;
			err = perfmap__find(map, at, &text, &len, &name.offset);
		}
	}
	if (!err) {
		symbol = strndup(text, len);
		if (!symbol)
			return -ENOMEM;
		name.symbol = symbol;
	} else {
		name.offset = 0;
		is_return = false;
	}
	return frames_new(&name, 1, NULL, addr, is_return, !err, out);
}

static int name_in(struct binary *b, const struct target *t, const struct target_map *m, uint64_t addr, uint64_t at,
		   bool is_return, struct finding_frame **out, size_t *n)
{
	struct binary_name unknown = { .offset = at - m->start + m->offset };
	const struct binary_name *names = &unknown;
	bool user = system_path__is_user(m->path, t->exe);
	struct finding_frame *frames;
	size_t count = 1;
	uint64_t vaddr;
	int err = 0;

	if (b && !binary__vaddr(b, unknown.offset, &vaddr))
		err = binary__name(b, t, m->path, vaddr, &names, &count);
	if (!err)
		err = frames_new(names, count, m->path, addr, is_return, user, &frames);
	if (err)
		return err;
	/* A Go program has its libraries in itself. */
	for (size_t i = 0; b && b->golang && i < count; i++)
		frames[i].user_code &= !frames[i].symbol || !golang__is_library(frames[i].symbol, frames[i].file);
	*out = frames;
	*n = count;
	return 0;
}

static int name_elsewhere(struct stack_namer *s, const struct target *t, uint64_t addr, uint64_t at, bool is_return,
			  struct finding_frame **out, size_t *n)
{
	const struct binary_name *names;
	struct finding_frame *frames;
	enum unwind_place place;
	struct stack_process *p;
	size_t count = 1;
	uint64_t start;
	int err = stack_cache__process(s, t, &p);

	if (err)
		return err;
	place = unwinder__place(p->unwinder, at, &start);
	if (place == UNWIND_NOWHERE) {
		unwinder__look(p->unwinder, t);
		place = unwinder__place(p->unwinder, at, &start);
	}
	if (place == UNWIND_VDSO && s->vdso) {
		err = binary__name(s->vdso, t, "[vdso]", at - start, &names, &count);
		if (!err)
			err = frames_new(names, count, "[vdso]", addr, is_return, false, &frames);
	} else {
		err = name_generated(p, t, addr, at, is_return, &frames);
	}
	if (err)
		return err;
	*out = frames;
	*n = count;
	return 0;
}

static int name(struct stack_namer *s, const struct target *t, uint64_t addr, bool is_return,
		struct finding_frame **out, size_t *n)
{
	uint64_t at = addr - (is_return && addr);
	const struct target_map *m = target__map_at(t, at);

	return m ? name_in(stack_cache__binary(s, t, m), t, m, addr, at, is_return && addr, out, n) :
		   name_elsewhere(s, t, addr, at, is_return && addr, out, n);
}

int stack__name(struct stack_namer *s, const struct target *t, uint64_t addr, int is_return, struct finding_frame **out,
		size_t *n)
{
	int err = name(s, t, addr, is_return, out, n);

	stack_cache__trim(s);
	return err;
}

void stack__keep(struct stack_namer *s, const struct target *t)
{
	struct stack_process *p;
	size_t n = 0;

	for (size_t i = 0; i < t->nmaps && n < STACK_MAX_KEPT; i++) {
		const struct target_map *m = &t->maps[i];

		if (m->exec && stack_cache__binary(s, t, m))
			n++;
	}
	stack_cache__process(s, t, &p);
	stack_cache__trim(s);
}

int stack__unwind_slots(struct stack_namer *s, const struct target *t, const struct stack_sample *sample, uint64_t *out,
			uint64_t *slots, size_t max)
{
	struct stack_process *p;
	int n = stack_cache__process(s, t, &p);

	if (!n)
		n = unwinder__run(p->unwinder, t, sample, out, slots, max);
	stack_cache__trim(s);
	return n;
}

int stack__returns_to(struct stack_namer *s, const struct target *t, const struct stack_sample *sample, const uint64_t *sites,
		      size_t n)
{
	uint64_t addrs[STACK_MAX_FRAMES];
	struct stack_process *p;
	bool all = true;
	int depth = stack_cache__process(s, t, &p);

	if (depth)
		return depth;
	depth = unwinder__run(p->unwinder, t, sample, addrs, NULL, STACK_MAX_FRAMES);
	for (size_t i = 0; i < n && all; i++) {
		all = false;
		for (int k = 1; k < depth && !all; k++)
			all = addrs[k] == sites[i];
	}
	all = all || !unwinder__whole(p->unwinder);
	stack_cache__trim(s);
	return all;
}

int stack__unwind_sample(struct stack_namer *s, const struct target *t, const struct stack_sample *sample,
			 uint64_t *out, size_t max)
{
	return stack__unwind_slots(s, t, sample, out, NULL, max);
}

/* @first: is the first a return address, too? */
static int name_all(struct stack_namer *s, const struct target *t, const uint64_t *addrs, size_t depth, bool first,
		    struct finding_frame **out, size_t *count)
{
	struct finding_frame *all = NULL;
	size_t n = 0;

	for (size_t i = 0; i < depth; i++) {
		struct finding_frame *frames, *bigger;
		size_t more;
		int err = name(s, t, addrs[i], first || i > 0, &frames, &more);

		bigger = err ? NULL : reallocarray(all, n + more, sizeof(*all));
		if (!bigger) {
			if (!err)
				stack__free_frames(frames, more);
			stack__free_frames(all, n);
			return -ENOMEM;
		}
		all = bigger;
		memcpy(all + n, frames, more * sizeof(*all));
		n += more;
		free(frames);
	}
	stack_cache__trim(s);
	*out = all;
	*count = n;
	return 0;
}

int stack__name_path(struct stack_namer *s, const struct target *t, const uint64_t *pc, size_t npc, struct finding_frame **out,
		     size_t *n)
{
	return name_all(s, t, pc, npc, true, out, n);
}

int stack__trace_sample(struct stack_namer *s, const struct target *t, const struct stack_sample *sample,
			struct finding_frame **out, size_t *count)
{
	uint64_t addrs[STACK_MAX_FRAMES];
	int depth = stack__unwind_sample(s, t, sample, addrs, STACK_MAX_FRAMES);

	return depth < 0 ? depth : name_all(s, t, addrs, depth, false, out, count);
}

int stack__unwind(struct stack_namer *s, const struct target *t, const uint64_t regs[PW_REGS], const uint8_t *stack,
		  size_t len, int live, uint64_t *out, size_t max)
{
	struct stack_sample sample = {
		.regs = regs, .known = STACK_ALL_REGS, .live = live, .stack = stack, .len = len
	};

	return stack__unwind_sample(s, t, &sample, out, max);
}

int stack__trace(struct stack_namer *s, const struct target *t, const uint64_t regs[PW_REGS], const uint8_t *stack,
		 size_t len, int live, struct finding_frame **out, size_t *n)
{
	struct stack_sample sample = {
		.regs = regs, .known = STACK_ALL_REGS, .live = live, .stack = stack, .len = len
	};

	return stack__trace_sample(s, t, &sample, out, n);
}

/* Up to the end of the mapping that @sp is in: where a page cannot be read any more. */
static size_t read_slice(const struct target *t, uint64_t sp, uint8_t *buf, size_t size)
{
	size_t n = 0;

	while (n < size) {
		size_t step = 4096 - (sp + n) % 4096;

		if (step > size - n)
			step = size - n;
		if (target__read((void *)t, sp + n, buf + n, step))
			break;
		n += step;
	}
	return n;
}

int stack__of_thread(struct stack_namer *s, const struct target *t, uint32_t tid, const uint64_t *regs,
		     struct finding_frame **out, size_t *n)
{
	_cleanup_free_ uint8_t *slice = malloc(SLICE_MAX);
	struct target_activity before, after;
	uint64_t few[PW_REGS] = { 0 };
	struct stack_sample sample = { .regs = regs ?: few, .known = STACK_ALL_REGS, .live = true, .stack = slice };
	struct finding_frame *frames;
	size_t count;
	int err;

	if (!slice)
		return -ENOMEM;
	err = target__activity(t->pid, tid, &before);
	if (err)
		return err;
	if (!before.pc)
		return -EBUSY;
	if (!regs) {
		few[PW_RSP] = before.sp;
		few[PW_RIP] = before.pc;
		sample.known = 1u << PW_RSP | 1u << PW_RIP;
	} else if (regs[PW_RSP] != before.sp || regs[PW_RIP] != before.pc) {
		return -EBUSY;
	}
	sample.len = read_slice(t, sample.regs[PW_RSP], slice, SLICE_MAX);
	err = stack__trace_sample(s, t, &sample, &frames, &count);
	if (err)
		return err;
	/* It went on while it was looked at: what was read may be of two moments. */
	err = target__activity(t->pid, tid, &after);
	if (!err && (after.sp != before.sp || after.pc != before.pc))
		err = -EBUSY;
	if (err) {
		stack__free_frames(frames, count);
		return err;
	}
	*out = frames;
	*n = count;
	return 0;
}
