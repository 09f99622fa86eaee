// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <elfutils/libdwfl.h>
#include "cleanup.h"
#include "target_maps.h"
#include "unwind.h"

#define MAX_PLACES 4096	      /* of generated code */
#define MAX_READS  (1u << 14) /* words of memory that one stack may ask for */

/* A mapping without a file. */
struct place {
	uint64_t start, end;
	enum unwind_place what;
};

/* A binary as it is mapped, from its first mapping in a row to the last: what libdwfl calls a module. */
struct module {
	struct unwinder *u;
	uint64_t start;
	struct binary *binary; /* opened when first needed */
	bool asked_debug;
};

struct unwinder {
	Dwfl *dwfl;
	unwind_open_fn open;
	void *ctx;
	struct binary *vdso;
	struct module **modules;
	size_t nmodules;
	struct place *places; /* by address */
	size_t nplaces;
	/* Of the call in progress. */
	const struct target *t;
	const struct stack_sample *sample;
	uint64_t *out;
	uint64_t *lies; /* where each of out[] lies on the stack; NULL: nobody asks */
	size_t n, max;
	size_t reads;
	size_t resumed;			 /* of sample->returns */
	uint64_t slot[STACK_MAX_FRAMES]; /* where each of those stood; 0: it was never replaced */
	bool resuming;			 /* the next frame's address is one of those */
	bool unread;			 /* a word that was asked for could not be read: it ends there, as if that were its end */
	bool whole;			 /* see unwinder__whole */
};

static int by_start(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/*
 * Generated code counts as code only where it is mapped so: else any number on a stack would do for a return address.
 */
static bool parse_place(const char *row, struct place *p)
{
	char perms[5];
	uint64_t ino;
	int name = 0;

	if (sscanf(row, "%" SCNx64 "-%" SCNx64 " %4s %*x %*x:%*x %" SCNu64 " %n", &p->start, &p->end, perms, &ino,
		   &name) != 4)
		return false;
	if (ino || perms[2] != 'x')
		return false;
	p->what = !name				    ? UNWIND_GENERATED :
		  !strcmp(row + name, "[vdso]")	    ? UNWIND_VDSO :
		  !strcmp(row + name, "[uprobes]")  ? UNWIND_UPROBES :
		  !strcmp(row + name, "[vsyscall]") ? UNWIND_NOWHERE :
						      UNWIND_GENERATED;
	return true;
}

void unwinder__look(struct unwinder *u, const struct target *t)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ struct place *places = calloc(MAX_PLACES, sizeof(*places));
	struct place *fewer;
	char *save = NULL;
	size_t n = 0;

	if (!places)
		return;
	if (target__proc_read(t->pid, "maps", &text, NULL))
		return;
	for (char *row = strtok_r(text, "\n", &save); row && n < MAX_PLACES; row = strtok_r(NULL, "\n", &save))
		if (parse_place(row, &places[n]))
			n++;
	if (!n)
		return;
	qsort(places, n, sizeof(*places), by_start);
	fewer = realloc(places, n * sizeof(*places));
	free(u->places);
	u->places = fewer ?: places;
	places = NULL;
	u->nplaces = n;
}

enum unwind_place unwinder__place(const struct unwinder *u, uint64_t addr, uint64_t *start)
{
	size_t lo = 0, hi = u->nplaces;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr < u->places[mid].start) {
			hi = mid;
		} else if (addr >= u->places[mid].end) {
			lo = mid + 1;
		} else {
			*start = u->places[mid].start;
			return u->places[mid].what;
		}
	}
	return UNWIND_NOWHERE;
}

static int find_elf(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base, char **file_name, Elf **elf)
{
	struct module *m = *userdata;
	const struct target_map *map = target__map_at(m->u->t, m->start);

	(void)mod;
	(void)name;
	(void)base;
	(void)file_name;
	if (!m->binary && map && map->start == m->start)
		m->binary = m->u->open(m->u->ctx, m->u->t, map);
	/*
	 * One more reference to what is open already: libdwfl gives it back by elf_end, and the descriptor stays ours.
	 */
	*elf = m->binary ? elf_begin(-1, ELF_C_READ, m->binary->elf) : NULL;
	return -1;
}

/* Asked for .debug_frame, where .eh_frame does not cover an address; the second time for what dwz moved elsewhere. */
static int find_debuginfo(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base, const char *file,
			  const char *link, GElf_Word crc, char **path)
{
	struct module *m = *userdata;
	const struct target_map *map = target__map_at(m->u->t, m->start);

	(void)mod;
	(void)name;
	(void)base;
	(void)file;
	(void)link;
	(void)crc;
	(void)path;
	if (m->asked_debug || !m->binary || !map)
		return -1;
	m->asked_debug = true;
	return binary__debug_fd(m->binary, m->u->t, map->path);
}

static const Dwfl_Callbacks dwfl_callbacks = {
	.find_elf = find_elf,
	.find_debuginfo = find_debuginfo,
	.section_address = dwfl_offline_section_address,
};

/* One thread, under the process's number. */
static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg)
{
	struct unwinder *u = arg;

	(void)dwfl;
	if (*thread_arg)
		return 0;
	*thread_arg = u;
	return (pid_t)1;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread_arg)
{
	(void)dwfl;
	(void)tid;
	*thread_arg = arg;
	return true;
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	struct unwinder *u = arg;

	for (int i = 0; i < PW_REGS; i++) {
		Dwarf_Word value = u->sample->regs[i];

		if (u->sample->known & 1u << i && !dwfl_thread_state_registers(thread, i, 1, &value))
			return false;
	}
	return true;
}

/*
 * The word at @addr is a trampoline: what stood there before? Slots are met in the order of the calls, but one may be
 * read more than once.
 */
static bool resume(struct unwinder *u, uint64_t addr, Dwarf_Word *value)
{
	if (u->sample->return_slots) {
		for (size_t i = 0; i < u->sample->nreturns; i++)
			if (u->sample->return_slots[i] == addr) {
				*value = u->sample->returns[i];
				return true;
			}
		return false;
	}
	for (size_t i = 0; i < u->resumed; i++)
		if (u->slot[i] == addr) {
			*value = u->sample->returns[i];
			return true;
		}
	if (u->resumed == u->sample->nreturns || u->resumed == STACK_MAX_FRAMES)
		return false;
	u->slot[u->resumed] = addr;
	u->resuming = true;
	*value = u->sample->returns[u->resumed++];
	return true;
}

/* It is mapped with the first hit, and may be gone with the process before anybody looked: the sample knows better. */
static bool is_trampoline(const struct unwinder *u, uint64_t word)
{
	uint64_t start;

	if (u->sample->trampoline)
		return word == u->sample->trampoline;
	return unwinder__place(u, word, &start) == UNWIND_UPROBES;
}

static bool read_word(struct unwinder *u, Dwarf_Addr addr, Dwarf_Word *result)
{
	const struct stack_sample *s = u->sample;
	uint64_t sp = s->regs[PW_RSP], word;

	if (++u->reads > MAX_READS)
		return false;
	if (addr >= sp && addr - sp < s->len && s->len - (addr - sp) >= sizeof(word))
		memcpy(&word, s->stack + (addr - sp), sizeof(word));
	else if (!s->live || target__read((void *)u->t, addr, &word, sizeof(word)))
		return false;
	*result = word;
	return !is_trampoline(u, word) || resume(u, addr, result);
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr addr, Dwarf_Word *result, void *arg)
{
	struct unwinder *u = arg;
	bool ok = read_word(u, addr, result);

	(void)dwfl;
	u->unread |= !ok;
	return ok;
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = read_memory,
	.set_initial_registers = set_registers,
};

static int add_module(struct unwinder *u, const char *name, uint64_t start, uint64_t end, struct binary *binary)
{
	struct module **bigger = reallocarray(u->modules, u->nmodules + 1, sizeof(struct module *));
	struct module *m = calloc(1, sizeof(*m));
	Dwfl_Module *mod;
	void **userdata;

	if (bigger)
		u->modules = bigger;
	if (!bigger || !m) {
		free(m);
		return -ENOMEM;
	}
	*m = (struct module){ .u = u, .start = start, .binary = binary };
	u->modules[u->nmodules++] = m;
	mod = dwfl_report_module(u->dwfl, name, start, end);
	/* A mapping that overlaps another is not one of the kernel's making: done without. */
	if (mod && dwfl_module_info(mod, &userdata, NULL, NULL, NULL, NULL, NULL, NULL))
		*userdata = m;
	return 0;
}

static int add_modules(struct unwinder *u, const struct target *t)
{
	for (size_t i = 0; i < t->nmaps;) {
		const struct target_map *first = &t->maps[i];
		bool exec = false;
		size_t end = i;
		int err;

		for (; end < t->nmaps; end++) {
			const struct target_map *m = &t->maps[end];

			if (m->dev != first->dev || m->ino != first->ino || (end > i && m->offset <= first->offset))
				break;
			exec |= m->exec;
		}
		err = exec ? add_module(u, first->path, first->start, t->maps[end - 1].end, NULL) : 0;
		if (err)
			return err;
		i = end;
	}
	for (size_t i = 0; u->vdso && i < u->nplaces; i++) {
		const struct place *p = &u->places[i];

		if (p->what == UNWIND_VDSO)
			return add_module(u, "[vdso]", p->start, p->end, binary__ref(u->vdso));
	}
	return 0;
}

int unwinder__new(const struct target *t, struct binary *vdso, unwind_open_fn open, void *ctx, struct unwinder **out)
{
	struct unwinder *u = calloc(1, sizeof(*u));
	int err = -ENOMEM;

	if (!u)
		return -ENOMEM;
	u->open = open;
	u->ctx = ctx;
	u->vdso = vdso;
	u->t = t;
	unwinder__look(u, t);
	u->dwfl = dwfl_begin(&dwfl_callbacks);
	if (!u->dwfl)
		goto fail;
	dwfl_report_begin(u->dwfl);
	err = add_modules(u, t);
	if (dwfl_report_end(u->dwfl, NULL, NULL) && !err)
		err = -ENOMEM;
	if (err)
		goto fail;
	/*
	 * An ELF file only to tell the architecture by; without one libdwfl opens some module. It may fail, then CFI is
	 * not used.
	 */
	dwfl_attach_state(u->dwfl, vdso ? vdso->elf : NULL, (pid_t)t->pid, &thread_callbacks, u);
	*out = u;
	return 0;
fail:
	unwinder__free(u);
	return err;
}

bool unwinder__is_current(const struct unwinder *u)
{
	for (size_t i = 0; i < u->nmodules; i++)
		if (u->modules[i]->binary && !binary__is_current(u->modules[i]->binary))
			return false;
	return true;
}

void unwinder__free(struct unwinder *u)
{
	if (!u)
		return;
	if (u->dwfl)
		dwfl_end(u->dwfl);
	for (size_t i = 0; i < u->nmodules; i++) {
		binary__unref(u->modules[i]->binary);
		free(u->modules[i]);
	}
	free(u->modules);
	free(u->places);
	free(u);
}

/* Frame pointers lead anywhere where there are none: an address at which there is no code ends the stack. */
static bool is_code(const struct unwinder *u, uint64_t pc)
{
	const struct target_map *m = target__map_at(u->t, pc);
	enum unwind_place place;
	uint64_t start;

	if (m)
		return m->exec;
	place = unwinder__place(u, pc, &start);
	return place == UNWIND_VDSO || place == UNWIND_GENERATED;
}

/* Where the address that leads to @frame lay: a call pushes it, and its return leaves the stack pointer behind it. */
static uint64_t return_slot(Dwfl_Frame *frame)
{
	Dwarf_Word sp;

	return dwfl_frame_reg(frame, PW_RSP, &sp) ? 0 : sp - sizeof(sp);
}

static int take_frame(Dwfl_Frame *frame, void *arg)
{
	const struct stack_sample *s = ((struct unwinder *)arg)->sample;
	struct unwinder *u = arg;
	Dwarf_Addr pc;

	if (!dwfl_frame_pc(frame, &pc, NULL) || (u->n && !is_code(u, pc)))
		return DWARF_CB_ABORT;
	/*
	 * Not all of these calls have a trampoline: one whose return is caught at its ret instruction stands there as
	 * it is.
	 */
	if (u->n && !s->return_slots && !u->resuming && u->resumed < s->nreturns && u->resumed < STACK_MAX_FRAMES &&
	    pc == s->returns[u->resumed])
		u->slot[u->resumed++] = 0;
	u->resuming = false;
	if (u->lies)
		u->lies[u->n] = u->n ? return_slot(frame) : 0;
	u->out[u->n++] = pc;
	return u->n == u->max ? DWARF_CB_ABORT : DWARF_CB_OK;
}

static bool has_cfi(const struct unwinder *u, uint64_t pc)
{
	Dwfl_Module *mod = dwfl_addrmodule(u->dwfl, pc);
	Dwarf_CFI *cfi[2] = { NULL };
	Dwarf_Addr bias[2];

	if (!mod)
		return false;
	cfi[0] = dwfl_module_eh_cfi(mod, &bias[0]);
	for (int i = 0; i < 2; i++) {
		Dwarf_Frame *frame;

		if (i)
			cfi[1] = dwfl_module_dwarf_cfi(mod, &bias[1]);
		if (cfi[i] && !dwarf_cfi_addrframe(cfi[i], pc - bias[i], &frame)) {
			free(frame);
			return true;
		}
	}
	return false;
}

bool unwinder__whole(const struct unwinder *u)
{
	if (!u->whole)
		return false;
	for (size_t i = 0; i < u->n; i++)
		if (!has_cfi(u, u->out[i] - (i > 0)))
			return false;
	return true;
}

int unwinder__run(struct unwinder *u, const struct target *t, const struct stack_sample *s, uint64_t *out, uint64_t *slots, size_t max)
{
	u->t = t;
	u->sample = s;
	u->out = out;
	u->lies = slots;
	u->max = max;
	u->n = u->reads = u->resumed = 0;
	u->resuming = u->unread = false;
	if (s->nreturns)
		unwinder__look(u, t);
	u->whole = !dwfl_getthread_frames(u->dwfl, 1, take_frame, u) && !u->unread;
	if (!u->n) {
		if (slots)
			slots[0] = 0;
		u->out[u->n++] = s->regs[PW_RIP];
	}
	u->sample = NULL;
	return (int)u->n;
}
