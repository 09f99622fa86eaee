// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "activity.h"
#include "cleanup.h"
#include "names.h"
#include "stack.h"
#include "target.h"

#define MAX_TARGETS 32 /* kept open; the one used longest ago makes room */

struct named_target {
	uint32_t pid; /* 0: free */
	bool open;    /* false: it could not be opened; not tried again */
	uint64_t used;
	struct target target;
};

struct names {
	struct stack_namer *stacks;
	struct named_target targets[MAX_TARGETS];
	uint64_t clock;
};

int names__new(const char *debug_dirs, struct names **out)
{
	const struct stack_options options = { .debug_dirs = debug_dirs };
	struct names *n = calloc(1, sizeof(*n));
	int err;

	if (!n)
		return -ENOMEM;
	err = stack__new(&options, &n->stacks);
	if (err) {
		free(n);
		return err;
	}
	*out = n;
	return 0;
}

static void drop(struct names *n, struct named_target *t)
{
	if (t->open) {
		stack__forget(n->stacks, t->pid);
		target__close(&t->target);
	}
	*t = (struct named_target){ 0 };
}

void names__free(struct names *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < MAX_TARGETS; i++)
		drop(n, &n->targets[i]);
	stack__free(n->stacks);
	free(n);
}

static struct target *target_of(struct names *n, uint32_t pid)
{
	struct named_target *t = NULL, *oldest = &n->targets[0];

	for (size_t i = 0; i < MAX_TARGETS && !t; i++) {
		if (n->targets[i].pid == pid)
			t = &n->targets[i];
		if (n->targets[i].used < oldest->used)
			oldest = &n->targets[i];
	}
	if (t && t->open && !target__alive(&t->target)) {
		drop(n, t);
		oldest = t;
		t = NULL;
	}
	if (!t) {
		t = oldest;
		drop(n, t);
		t->pid = pid;
		t->open = !target__open(pid, &t->target);
	}
	t->used = ++n->clock;
	return t->open ? &t->target : NULL;
}

void names__frame(struct names *n, uint32_t pid, struct finding_frame *f, bool is_return)
{
	struct finding_frame *frames;
	struct target *t;
	size_t count;

	if (!f->address || f->symbol || f->module)
		return;
	t = target_of(n, pid);
	if (!t || stack__name(n->stacks, t, f->address, is_return, &frames, &count))
		return;
	/* Of what was inlined, the innermost is what people know. */
	if (frames[0].symbol || frames[0].module) {
		frames[0].address = f->address;
		*f = frames[0];
		frames[0] = (struct finding_frame){ 0 };
	}
	stack__free_frames(frames, count);
}

int names__frames(struct names *n, uint32_t pid, uint64_t site, struct finding_frame **out, size_t *count)
{
	struct target *t = target_of(n, pid);

	return t ? stack__name(n->stacks, t, site, true, out, count) : -ESRCH;
}

int names__path(struct names *n, uint32_t pid, const uint64_t *pc, size_t npc, struct finding_frame **out, size_t *count)
{
	struct target *t = target_of(n, pid);

	return t ? stack__name_path(n->stacks, t, pc, npc, out, count) : -ESRCH;
}

void names__thread(struct names *n, struct finding_thread *t)
{
	for (size_t i = 0; i < t->nholds; i++)
		names__frame(n, t->pid, &t->holds[i].site, true);
	if (t->requesting)
		names__frame(n, t->pid, &t->request.site, true);
}

static void forget_stack(struct finding_thread *t)
{
	stack__free_frames(t->stack, t->nstack);
	free(t->doing);
	t->stack = NULL;
	t->nstack = 0;
	t->doing = NULL;
}

static int activity(struct finding_thread *t, struct target_activity *a)
{
	char text[256];
	int err = target__activity(t->pid, t->tid, a);

	if (err)
		return err;
	activity__text(text, sizeof(text), a);
	t->doing = strdup(text);
	return 0;
}

void names__doing(struct finding_thread *t)
{
	struct target_activity a;

	free(t->doing);
	t->doing = NULL;
	activity(t, &a);
}

void names__look(struct names *n, struct finding_thread *t)
{
	uint64_t regs[PW_REGS] = { 0 };
	/* Callee-saved registers are not told from outside; most functions are unwound by the stack pointer alone. */
	struct stack_sample sample = { .regs = regs, .known = 1u << PW_RIP | 1u << PW_RSP, .live = true };
	struct target_activity a;
	struct target *target;

	forget_stack(t);
	if (activity(t, &a) || !a.pc || !a.sp)
		return;
	target = target_of(n, t->pid);
	if (!target)
		return;
	regs[PW_RIP] = a.pc;
	regs[PW_RSP] = a.sp;
	if (t->requesting) {
		sample.returns = &t->request.site.address;
		sample.nreturns = 1;
	}
	if (stack__trace_sample(n->stacks, target, &sample, &t->stack, &t->nstack)) {
		t->stack = NULL;
		t->nstack = 0;
	}
}

const char *names__exe(struct names *n, uint32_t pid)
{
	struct target *t = target_of(n, pid);

	return t ? t->exe : NULL;
}
