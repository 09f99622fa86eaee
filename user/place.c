// SPDX-License-Identifier: GPL-2.0
/* The choice of where to probe, by the rules of poolwatch-probe(1), WHERE A PROBE GOES. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "cleanup.h"
#include "place.h"
#include "place_walk.h"

/* Processor's numbers of the registers that arguments come in. */
static const uint8_t sysv_args[PW_ARGS] = { 7, 6, 2, 1, 8, 9 };
static const uint8_t go_args[PW_ARGS] = { 0, 3, 1, 7, 6, 8 };
#define GO_GOROUTINE 14

static uint32_t needed_registers(const struct place_code *code, unsigned int args_needed)
{
	uint32_t mask = code->go ? 1u << GO_GOROUTINE : 0;

	for (unsigned int i = 0; i < PW_ARGS; i++)
		if (args_needed & 1u << i)
			mask |= 1u << (code->go ? go_args : sysv_args)[i];
	return mask;
}

static void use_entry(struct place_plan *plan, uint32_t offset, const struct place_insn *in, int64_t sp_delta)
{
	plan->entry_offset = offset;
	plan->entry_emulated = in->emulated;
	plan->sp_adjust = (int32_t)-sp_delta;
	memcpy(plan->entry_insn, in->text, sizeof(plan->entry_insn));
}

static int decode_at(const struct walk *w, uint32_t off, struct place_insn *in)
{
	const struct place_code *c = w->code;

	if (off >= c->len)
		return -EILSEQ;
	return place_insn__decode(w->cs, c->bytes + off, c->len - off, c->vaddr + off, in);
}

/*
 * Go functions begin by comparing the stack pointer with the goroutine's limit; the branch leads to a call that grows the stack
 * and then jumps to the entry again. So the entry may run twice, and what stands behind the branch runs once.
 */
static bool is_go_stack_check(const struct walk *w, const struct place_insn *branch)
{
	struct place_insn in;
	uint64_t off = branch->target - w->code->vaddr;
	bool called = false;

	if (!w->code->go || branch->flow != FLOW_COND || branch->target <= branch->vaddr || off >= w->code->len)
		return false;
	for (unsigned int i = 0; i < 32; i++, off += in.len) {
		if (off >= w->code->len || decode_at(w, (uint32_t)off, &in))
			return false;
		if (in.flow == FLOW_JUMP)
			return called && in.target == w->code->vaddr;
		called |= in.flow == FLOW_CALL;
		if (in.flow != FLOW_NEXT && in.flow != FLOW_CALL)
			return false;
	}
	return false;
}

/*
 * May a probe that knows a call again stand in a loop of this function? A leaf that leaves the arguments alone, retrying a locked
 * instruction: whatever jumps back has come by in a straight line before, and finds the registers as they were.
 */
static bool may_loop(const struct walk *w, uint32_t needed)
{
	return w->code->may_repeat && !w->code->go && !w->blind && !w->leaves && !w->undecodable && !w->calls && !(w->writes & needed);
}

/*
 * The first place from the entry on, in a straight line, that the kernel emulates; or, where it takes no probe at the entry
 * (a locked instruction), @any that it takes. Nothing found leaves the plan alone.
 */
static void find_place(const struct walk *w, uint32_t needed, bool any, struct place_plan *plan)
{
	struct place_insn in;
	int64_t sp = 0;
	bool only_endbr = true, twice = w->code->go && walk__is_target(w, 0), repeats = false;

	for (uint32_t off = 0; !decode_at(w, off, &in); off += in.len) {
		if (off && walk__is_target(w, off)) {
			repeats = true;
			if (walk__is_entry(w, off) || !may_loop(w, needed))
				return;
		}
		/*
		 * A nop of 5 bytes becomes a call where the kernel can do that, and a call writes below the stack pointer: a leaf
		 * function may have something there, but not before its first instruction.
		 */
		if (!twice && (in.emulated || any) && in.probeable && (!in.long_nop5 || only_endbr)) {
			use_entry(plan, off, &in, sp);
			plan->repeats = repeats;
			return;
		}
		if (w->blind)
			return;
		if (is_go_stack_check(w, &in))
			twice = false;
		else if (in.flow != FLOW_NEXT)
			return;
		if (in.writes & needed || in.sp_lost || (in.writes_memory && !any))
			return;
		sp += in.sp_delta;
		only_endbr = only_endbr && in.len == 4 && !memcmp(w->code->bytes + off, "\xf3\x0f\x1e\xfa", 4);
	}
}

/* "sym+off": there and nowhere else. How far the stack pointer has moved is told by a straight way to it. */
static int place_at_start(const struct walk *w, bool *sp_known, struct place_plan *plan)
{
	struct place_insn in;
	int64_t sp = 0;
	int err;

	if (!place__is_boundary(w->code, w->code->start))
		return -EILSEQ;
	*sp_known = true;
	for (uint32_t off = 0; off < w->code->start; off += in.len) {
		err = decode_at(w, off, &in);
		if (err)
			return err;
		if (in.sp_lost || (in.flow != FLOW_NEXT && in.flow != FLOW_COND && in.flow != FLOW_CALL))
			*sp_known = false;
		sp += in.sp_delta;
	}
	err = decode_at(w, w->code->start, &in);
	if (err || !in.probeable)
		return -EILSEQ;
	use_entry(plan, w->code->start, &in, *sp_known ? sp : 0);
	return 0;
}

static int place_entry(const struct walk *w, unsigned int args_needed, bool *sp_known, struct place_plan *plan)
{
	struct place_insn in;
	int err;

	if (w->code->start)
		return place_at_start(w, sp_known, plan);
	*sp_known = true;
	err = decode_at(w, 0, &in);
	if (err)
		return err;
	plan->entry_insn[0] = '\0';
	find_place(w, needed_registers(w->code, args_needed), false, plan);
	if (plan->entry_insn[0])
		return 0;
	if (in.probeable)
		use_entry(plan, 0, &in, 0);
	else
		find_place(w, needed_registers(w->code, args_needed), true, plan);
	return plan->entry_insn[0] ? 0 : -EILSEQ;
}

/* Why a uretprobe could break this target, or NULL. @asked: the definition's author answers for exceptions. */
static const char *uretprobe_danger(const struct place_code *c, bool asked)
{
	if (c->go)
		return "Go moves stacks and checks return addresses";
	if (c->seccomp_unsafe)
		return "a seccomp filter may kill the system call that this kernel makes of a uretprobe";
	if (c->has_lsda)
		return "exceptions are handled or cleaned up after in it";
	if (c->can_cancel)
		return "threads here can be cancelled, and cancellation would skip their cleanup handlers";
	if (c->can_switch)
		return "threads here switch stacks";
	if (c->can_throw && !asked)
		return "an exception may pass through it";
	return NULL;
}

/* Why the ret instructions cannot be probed, or NULL. */
static const char *sites_obstacle(const struct walk *w)
{
	if (w->undecodable)
		return "its code cannot be decoded in full";
	if (w->too_many_rets)
		return "it has too many ret instructions";
	if (!w->nrets)
		return w->leaves ? "it has no ret, it only jumps elsewhere: probe the function that it jumps to" :
				   "it has no ret, so it never returns";
	return NULL;
}

__attribute__((format(printf, 2, 3))) static void say(struct place_plan *plan, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(plan->why, sizeof(plan->why), format, ap);
	va_end(ap);
}

static int place_returns(const struct walk *w, enum spec_ret want, struct place_plan *plan)
{
	const char *danger = uretprobe_danger(w->code, want == SPEC_RET_URETPROBE);
	const char *obstacle = sites_obstacle(w);

	if (want == SPEC_RET_URETPROBE && danger) {
		say(plan, "ret=uretprobe is refused: %s", danger);
		return -EOPNOTSUPP;
	}
	if (want != SPEC_RET_SITES && !danger) {
		plan->ret = SPEC_RET_URETPROBE;
		say(plan, want == SPEC_RET_AUTO ? "nothing unwinds through it, no filter is in the way" : "asked for");
		return 0;
	}
	if (obstacle) {
		if (want == SPEC_RET_SITES)
			say(plan, "ret=sites cannot be done: %s", obstacle);
		else
			say(plan, "no uretprobe: %s; no ret sites: %s", danger, obstacle);
		return -EOPNOTSUPP;
	}
	plan->ret = SPEC_RET_SITES;
	plan->nrets = w->nrets;
	for (size_t i = 0; i < w->nrets; i++)
		plan->rets[i] = (int64_t)(w->rets[i] - w->code->vaddr);
	plan->ret_incomplete = w->leaves;
	say(plan, "%s%s", danger && want == SPEC_RET_AUTO ? danger : "asked for",
	    w->leaves ? "; it also leaves by jumps, and returns behind those are not seen" : "");
	return 0;
}

static int plan_code(const struct place_code *code, unsigned int args_needed, bool returns, enum spec_ret want,
		     struct place_plan *out)
{
	_cleanup_(walk__clear) struct walk w = { 0 };
	struct place_plan plan = { .ret = SPEC_RET_SITES };
	bool sp_known = true;
	int err;

	err = walk__run(&w, code);
	if (!err)
		err = place_entry(&w, args_needed, &sp_known, &plan);
	if (!err && returns && !sp_known) {
		say(&plan, "how far the stack pointer has moved at this address cannot be told");
		err = -EOPNOTSUPP;
	}
	if (!err && returns)
		err = place_returns(&w, want, &plan);
	*out = plan;
	return err;
}

int place__plan(const struct place_code *code, unsigned int args_needed, enum spec_ret want, struct place_plan *plan)
{
	return plan_code(code, args_needed, true, want, plan);
}

int place__entry(const struct place_code *code, unsigned int args_needed, struct place_plan *plan)
{
	return plan_code(code, args_needed, false, SPEC_RET_AUTO, plan);
}

bool place__is_boundary(const struct place_code *code, uint32_t offset)
{
	struct place_insn in;
	uint32_t off = 0;
	csh cs;

	if (offset >= code->len || place_insn__open(&cs))
		return false;
	while (off < offset && !place_insn__decode(cs, code->bytes + off, code->len - off, code->vaddr + off, &in))
		off += in.len;
	cs_close(&cs);
	return off == offset;
}
