// SPDX-License-Identifier: GPL-2.0
/* One function of one file: its code, its surroundings, and what place makes of them. */
#include <fcntl.h>
#include <string.h>
#include "cleanup.h"
#include "place_kernel.h"
#include "place_parts.h"
#include "plan_int.h"

#define MAX_ENTRIES 64

/* A function whose size nobody says is looked at up to here. */
#define UNKNOWN_SIZE 4096

static unsigned int args_of(const struct pw_expr *e)
{
	unsigned int mask = 0;

	switch (e->shape) {
	case PW_SHAPE_ARG:
	case PW_SHAPE_READ_ARG:
		return 1u << e->arg;
	case PW_SHAPE_OPS:
		for (unsigned int i = 0; i < e->nops; i++)
			if (e->ops[i].code == PW_OP_ARG)
				mask |= 1u << e->ops[i].imm;
		return mask;
	}
	return e->uses & PW_USES_ARGS ? (1u << PW_ARGS) - 1 : 0;
}

static unsigned int args_needed(const struct spec_pool *pool, const struct spec_probe *probe)
{
	const struct pw_expr *all[] = { probe->key.shape != PW_SHAPE_NONE ? &probe->key : &pool->key, &probe->count,
					&probe->ok, &probe->resource, &probe->capacity, &probe->available,
					&pool->capacity, &pool->available };
	unsigned int mask = probe->sysv ? (1u << 4) - 1 : 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		mask |= args_of(all[i]);
	return mask;
}

/* The file's number in the plan, of which it becomes a part. */
static int file_of(struct planner *p, const struct module *m, size_t *index)
{
	struct plan_file *bigger, f = { .dev = m->map->dev, .ino = m->map->ino };
	int err;

	for (size_t i = 0; i < p->plan.nfiles; i++)
		if (p->plan.files[i].dev == f.dev && p->plan.files[i].ino == f.ino) {
			*index = i;
			return 0;
		}
	f.go = elf__is_go(m->elf);
	err = f.go ? planner__go_file(p, m, &f) : 0;
	if (err)
		return err;
	bigger = reallocarray(p->plan.files, p->plan.nfiles + 1, sizeof(f));
	if (!bigger)
		return -ENOMEM;
	p->plan.files = bigger;
	f.fd = fcntl(m->fd, F_DUPFD_CLOEXEC, 3);
	if (f.fd < 0)
		return -errno;
	f.path = strdup(m->map->path);
	f.build_id = elf__build_id(m->elf) ? strdup(elf__build_id(m->elf)) : NULL;
	f.version = f.go ? planner__go_version(m) : spec__lib_version(module__name(m));
	*index = p->plan.nfiles;
	bigger[p->plan.nfiles++] = f;
	return f.path ? 0 : -ENOMEM;
}

/* Offsets at which other symbols begin within the function. */
static size_t inner_entries(struct elf_file *elf, uint64_t start, size_t len, uint32_t *out)
{
	uint64_t at = start;
	size_t n = 0;

	while (n < MAX_ENTRIES && (at = elf__next_entry(elf, at)) - start < len)
		out[n++] = (uint32_t)(at - start);
	return n;
}

static int function_len(struct elf_file *elf, const struct elf_symbol *s, uint64_t start, uint64_t *len)
{
	uint64_t extent, end;

	*len = s->size;
	if (!*len && !elf__extent(elf, start, &extent, len))
		*len -= start - extent;
	if (!*len) {
		end = elf__next_entry(elf, start);
		*len = end - start < UNKNOWN_SIZE ? end - start : UNKNOWN_SIZE;
	}
	return *len && *len <= PLACE_MAX_FUNCTION ? 0 : -EILSEQ;
}

static bool is_planned(const struct planner *p, size_t file, uint64_t offset, enum pw_probe_kind kind)
{
	for (size_t i = 0; i < p->plan.nprobes; i++) {
		const struct plan_probe *o = &p->plan.probes[i];

		if (o->pool == p->pool && o->file == file && o->function + o->addend == offset && o->probe->kind == kind)
			return true;
	}
	return false;
}

static int take_place(struct planner *p, struct module *m, uint64_t start, const struct place_plan *place,
		      struct plan_probe *out)
{
	out->offset = out->function + place->entry_offset;
	memcpy(out->insn, place->entry_insn, sizeof(out->insn));
	out->emulated = place->entry_emulated;
	out->sp_adjust = place->sp_adjust;
	out->repeats = place->repeats;
	/* A uretprobe replaces what the stack pointer points to. Where that is still the return address, one trap does for both probes. */
	out->hijack = place->sp_adjust ? out->function : out->offset;
	if (!out->has_return)
		return 0;
	out->ret = place->ret;
	out->ret_incomplete = place->ret_incomplete;
	memcpy(out->why, place->why, sizeof(out->why));
	if (place->ret != SPEC_RET_SITES)
		return 0;
	out->rets = calloc(place->nrets, sizeof(*out->rets));
	if (!out->rets)
		return -ENOMEM;
	for (size_t i = 0; i < place->nrets; i++) {
		int err = elf__to_offset(m->elf, start + (uint64_t)place->rets[i], &out->rets[i]);

		if (err)
			return planner__fail(p, -EILSEQ, "a ret of '%s' lies outside of what %s maps", escaped(out->symbol).text,
					     escaped(m->map->path).text);
	}
	out->nrets = place->nrets;
	return 0;
}

static int place_function(struct planner *p, struct module *m, const struct elf_symbol *s, const char *wanted,
			  struct plan_probe *out)
{
	_cleanup_(place_parts__clear) struct place_parts parts = { .elf = m->elf };
	_cleanup_free_ uint8_t *bytes = NULL;
	uint64_t start = s->vaddr - s->addend, len;
	uint32_t entries[MAX_ENTRIES];
	struct place_code code;
	struct place_plan place;
	int err;

	err = function_len(m->elf, s, start, &len);
	if (!err && s->addend >= len)
		err = -EILSEQ;
	if (!err) {
		bytes = malloc(len);
		err = bytes ? elf__code(m->elf, start, bytes, len) : -ENOMEM;
	}
	if (err)
		return planner__fail(p, err == -ENOMEM ? err : -EILSEQ, "cannot read the code of '%s' in %s", escaped(wanted).text,
				     escaped(m->map->path).text);
	code = (struct place_code){
		.bytes = bytes,
		.len = len,
		.vaddr = start,
		.start = (uint32_t)s->addend,
		.entries = entries,
		.nentries = inner_entries(m->elf, start, len, entries),
		.part = place_parts__give,
		.ctx = &parts,
		.go = elf__is_go(m->elf),
		.may_repeat = spec_probe__requests(out->probe) && !out->probe->sysv,
		/* What has no FDE cannot be unwound at all. */
		.has_lsda = elf__has_lsda(m->elf, start) > 0,
		.can_cancel = p->modules.can_cancel,
		.can_throw = p->modules.can_throw && !module__is_libc(m),
		.can_switch = p->modules.can_switch && !module__is_libc(m),
		.seccomp_unsafe = p->t->seccomp && !place_kernel__uretprobe_seccomp_safe(),
	};
	out->thrown_through = out->has_return && code.has_lsda && code.can_throw;
	if (s->addend && !place__is_boundary(&code, code.start))
		return planner__fail(p, -EILSEQ, "'%s' is not at the beginning of an instruction (%s)", escaped(wanted).text,
				     escaped(m->map->path).text);
	err = out->has_return ? place__plan(&code, args_needed(p->pool, out->probe), out->probe->ret, &place) :
				place__entry(&code, args_needed(p->pool, out->probe), &place);
	if (err == -EOPNOTSUPP)
		return planner__fail(p, err, "'%s' in %s cannot be probed safely: %s", escaped(wanted).text,
				     escaped(m->map->path).text, place.why);
	if (err)
		return planner__fail(p, err, "'%s' in %s begins with an instruction that cannot be probed", escaped(wanted).text,
				     escaped(m->map->path).text);
	return take_place(p, m, start, &place, out);
}

int planner__add_function(struct planner *p, struct module *m, const struct spec_probe *probe, const struct elf_symbol *s,
			  const char *wanted)
{
	struct plan_probe *bigger, out = { .pool = p->pool, .probe = probe, .pool_index = p->pool_index };
	int err;

	err = file_of(p, m, &out.file);
	if (err)
		return err;
	if (is_planned(p, out.file, s->offset, probe->kind))
		return 0;
	out.learn = !spec_pool__guarded(p->pool, module__name(m), elf__build_id(m->elf));
	if (out.learn && s->addend)
		return planner__fail(p, -EOPNOTSUPP, "'%s' is an offset for another version of %s than the one in use",
				     escaped(wanted).text, escaped(m->map->path).text);
	err = elf__to_offset(m->elf, s->vaddr - s->addend, &out.function);
	if (err)
		return err;
	out.addend = s->addend;
	out.has_return = spec_probe__returns(p->pool, probe);
	out.symbol = strdup(s->name);
	if (!out.symbol)
		return -ENOMEM;
	err = place_function(p, m, s, wanted, &out);
	if (!err && p->plan.files[out.file].go)
		err = planner__go_probe(p, m, s->vaddr, &out);
	bigger = err ? NULL : reallocarray(p->plan.probes, p->plan.nprobes + 1, sizeof(out));
	if (!bigger) {
		free(out.symbol);
		free(out.rets);
		return err ?: -ENOMEM;
	}
	p->plan.probes = bigger;
	bigger[p->plan.nprobes++] = out;
	return 0;
}
