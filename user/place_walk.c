// SPDX-License-Identifier: GPL-2.0
/*
 * Follows the code from its entry. What only a jump table or the unwinder leads to is found by reading from the start to the
 * end; that is believed only if both readings agree, since data between code must not be taken for a ret: a breakpoint
 * in data would change what the program computes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "place_walk.h"

#define MARK_TARGET (1u << 0)
#define MARK_SEEN   (1u << 1)

static struct walk_region *region_of(struct walk *w, uint64_t vaddr)
{
	for (size_t i = 0; i < w->nregions; i++)
		if (vaddr >= w->regions[i].vaddr && vaddr - w->regions[i].vaddr < w->regions[i].len)
			return &w->regions[i];
	return NULL;
}

static int add_region(struct walk *w, const uint8_t *bytes, size_t len, uint64_t vaddr)
{
	struct walk_region *r = &w->regions[w->nregions];

	if (w->nregions == WALK_MAX_REGIONS || !len || len > PLACE_MAX_FUNCTION)
		return -E2BIG;
	*r = (struct walk_region){ .bytes = bytes, .len = len, .vaddr = vaddr, .marks = calloc(len, 1) };
	if (!r->marks)
		return -ENOMEM;
	w->nregions++;
	return 0;
}

static int push_work(struct walk *w, uint64_t vaddr)
{
	if (w->nwork == w->work_size) {
		size_t size = w->work_size ? w->work_size * 2 : 64;
		uint64_t *bigger = reallocarray(w->work, size, sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		w->work = bigger;
		w->work_size = size;
	}
	w->work[w->nwork++] = vaddr;
	return 0;
}

/* Something jumps to @vaddr. */
static int jump_to(struct walk *w, uint64_t vaddr)
{
	struct walk_region *r = region_of(w, vaddr);
	struct place_part part;
	int err;

	if (!r) {
		if (!w->code->part || w->code->part(w->code->ctx, vaddr, &part) || vaddr < part.vaddr ||
		    vaddr - part.vaddr >= part.len) {
			w->blind = w->leaves = true;
			return 0;
		}
		err = add_region(w, part.bytes, part.len, part.vaddr);
		if (err == -E2BIG)
			w->blind = w->leaves = true;
		if (err)
			return err == -E2BIG ? 0 : err;
		r = &w->regions[w->nregions - 1];
	}
	if (r->marks[vaddr - r->vaddr] & MARK_TARGET)
		return 0;
	r->marks[vaddr - r->vaddr] |= MARK_TARGET;
	return push_work(w, vaddr);
}

static void add_ret(struct walk *w, uint64_t vaddr)
{
	if (w->nrets < PLACE_MAX_RETS)
		w->rets[w->nrets++] = vaddr;
	else
		w->too_many_rets = true;
}

/* Follow from @vaddr until the way ends or joins one already seen. */
static int follow(struct walk *w, uint64_t vaddr)
{
	struct walk_region *r = region_of(w, vaddr);
	struct place_insn in;
	int err;

	for (uint64_t off = vaddr - r->vaddr;; off += in.len) {
		/* Behind the last instruction: a call that does not return stood there, or it runs into what follows. */
		if (off >= r->len) {
			w->leaves |= in.flow != FLOW_CALL;
			return 0;
		}
		if (r->marks[off] & MARK_SEEN)
			return 0;
		r->marks[off] |= MARK_SEEN;
		err = place_insn__decode(w->cs, r->bytes + off, r->len - off, r->vaddr + off, &in);
		if (err == -EILSEQ) {
			w->undecodable = true;
			return 0;
		}
		if (err)
			return err;
		w->writes |= in.writes;
		w->calls |= in.flow == FLOW_CALL;
		switch (in.flow) {
		case FLOW_NEXT:
		case FLOW_CALL:
			continue;
		case FLOW_COND:
			err = jump_to(w, in.target);
			if (err)
				return err;
			continue;
		case FLOW_JUMP:
			return jump_to(w, in.target);
		case FLOW_INDIRECT:
			if (in.through_memory)
				w->leaves = true;
			else
				r->indirect = true;
			return 0;
		case FLOW_RET:
			add_ret(w, in.vaddr);
			return 0;
		case FLOW_STOP:
			return 0;
		}
	}
}

static int follow_all(struct walk *w)
{
	while (w->nwork) {
		int err = follow(w, w->work[--w->nwork]);

		if (err)
			return err;
	}
	return 0;
}

/* The fillers that compilers and assemblers put between blocks: nobody runs them, or running them does nothing. */
static bool is_padding(const struct place_insn *in)
{
	return !strncmp(in->text, "nop", 3) || !strcmp(in->text, "int3") || !strcmp(in->text, "xchgw %ax, %ax");
}

/*
 * Read @r from start to end and follow what was not reached. Return: 0; -EILSEQ: this reading and the jumps do not agree;
 * -ENOENT: there was nothing more.
 */
static int sweep(struct walk *w, struct walk_region *r)
{
	bool more = false;
	int err = 0;

	for (uint64_t off = 0, next; off < r->len; off = next) {
		struct place_insn in;

		err = place_insn__decode(w->cs, r->bytes + off, r->len - off, r->vaddr + off, &in);
		if (err)
			return err;
		next = off + in.len;
		for (uint64_t i = off + 1; i < next; i++)
			if (r->marks[i] & MARK_SEEN)
				return -EILSEQ;
		if (r->marks[off] & MARK_SEEN || is_padding(&in))
			continue;
		more = true;
		err = push_work(w, r->vaddr + off) ?: follow_all(w);
		if (err)
			return err;
	}
	return more ? 0 : -ENOENT;
}

int walk__run(struct walk *w, const struct place_code *code)
{
	int err;

	*w = (struct walk){ .code = code };
	err = place_insn__open(&w->cs);
	if (err)
		return err;
	err = add_region(w, code->bytes, code->len, code->vaddr);
	if (err)
		return err == -E2BIG ? -EILSEQ : err;
	err = push_work(w, code->vaddr) ?: follow_all(w);
	for (size_t i = 0; i < code->nroots && !err; i++)
		err = jump_to(w, code->roots[i]) ?: follow_all(w);
	/* Parts may be added while this runs. */
	for (size_t i = 0; i < w->nregions && !err; i++) {
		bool landing_pads = code->has_lsda && i == 0;

		if (!w->regions[i].indirect && !landing_pads)
			continue;
		/* Where a jump table or a landing pad leads back to cannot be told. */
		w->blind = true;
		err = sweep(w, &w->regions[i]);
		if (err == -EILSEQ)
			w->undecodable = true;
		/* A jump through a register to nothing in here is a tail call. */
		if (err == -ENOENT && w->regions[i].indirect)
			w->leaves = true;
		if (err == -EILSEQ || err == -ENOENT)
			err = 0;
	}
	return err;
}

void walk__clear(struct walk *w)
{
	for (size_t i = 0; i < w->nregions; i++)
		free(w->regions[i].marks);
	free(w->work);
	if (w->cs)
		cs_close(&w->cs);
	*w = (struct walk){ 0 };
}

bool walk__is_entry(const struct walk *w, uint32_t offset)
{
	for (size_t i = 0; i < w->code->nentries; i++)
		if (w->code->entries[i] == offset)
			return true;
	return false;
}

bool walk__is_target(const struct walk *w, uint32_t offset)
{
	if (walk__is_entry(w, offset))
		return true;
	return w->nregions && offset < w->regions[0].len && w->regions[0].marks[offset] & MARK_TARGET;
}
