// SPDX-License-Identifier: GPL-2.0
#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include "symtab.h"

/* Where code lies: hand-written symbols have no size, and reach to the next one, but not out of their section. */
struct ranges {
	struct {
		uint64_t start, end;
	} r[256];
	size_t n;
};

struct builder {
	struct symtab_entry *e;
	size_t n, room;
	struct ranges code;
};

static void find_code(Elf *elf, struct ranges *code)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while (code->n < sizeof(code->r) / sizeof(code->r[0]) && (scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_flags & SHF_ALLOC && sh.sh_flags & SHF_EXECINSTR &&
		    sh.sh_addr + sh.sh_size > sh.sh_addr) {
			code->r[code->n].start = sh.sh_addr;
			code->r[code->n++].end = sh.sh_addr + sh.sh_size;
		}
}

static uint64_t code_end(const struct ranges *code, uint64_t addr)
{
	for (size_t i = 0; i < code->n; i++)
		if (addr >= code->r[i].start && addr < code->r[i].end)
			return code->r[i].end;
	return 0;
}

/*
 * The name that people know: global before weak before local, "sem_wait" before "__new_sem_wait", a sized one before a
 * label.
 */
static uint32_t rank_of(const GElf_Sym *sym, const char *name)
{
	uint32_t rank = GELF_ST_BIND(sym->st_info) == STB_GLOBAL ? 0 : GELF_ST_BIND(sym->st_info) == STB_WEAK ? 16 : 32;

	if (name[0] == '_' && name[1] != 'Z' && name[1] != 'R')
		rank += 8;
	if (!sym->st_size)
		rank += 64;
	return rank;
}

static int add(struct builder *b, const GElf_Sym *sym, const char *name)
{
	int type = GELF_ST_TYPE(sym->st_info);
	uint64_t limit;

	if ((type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE) || sym->st_shndx == SHN_UNDEF ||
	    sym->st_shndx == SHN_ABS || !name || !name[0] || name[0] == '$')
		return 0;
	limit = code_end(&b->code, sym->st_value);
	if (!limit || b->n == SYMTAB_MAX)
		return 0;
	if (b->n == b->room) {
		struct symtab_entry *bigger = reallocarray(b->e, b->room = b->room ? b->room * 2 : 256, sizeof(*b->e));

		if (!bigger)
			return -ENOMEM;
		b->e = bigger;
	}
	b->e[b->n++] = (struct symtab_entry){
		.start = sym->st_value,
		.end = sym->st_size && sym->st_size < limit - sym->st_value ? sym->st_value + sym->st_size : limit,
		.name = name,
		.len = (uint32_t)strcspn(name, "@"),
		.rank = rank_of(sym, name),
	};
	return 0;
}

static int read_table(struct builder *b, Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n;
	int err = 0;

	if (!data || !sh->sh_entsize)
		return 0;
	n = data->d_size / sizeof(Elf64_Sym);
	if (n > SYMTAB_MAX)
		n = SYMTAB_MAX;
	for (size_t i = 0; i < n && !err; i++) {
		GElf_Sym sym;

		if (gelf_getsym(data, (int)i, &sym))
			err = add(b, &sym, elf_strptr(elf, sh->sh_link, sym.st_name));
	}
	return err;
}

static int read_tables(struct builder *b, Elf *elf)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	int err = 0;

	b->code.n = 0;
	find_code(elf, &b->code);
	while (!err && (scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && (sh.sh_type == SHT_SYMTAB || sh.sh_type == SHT_DYNSYM))
			err = read_table(b, elf, scn, &sh);
	return err;
}

static int by_start(const void *x, const void *y)
{
	const struct symtab_entry *a = x, *b = y;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->len != b->len ? (a->len < b->len ? -1 : 1) : strcmp(a->name, b->name);
}

int symtab__read(Elf *elf, Elf *debug, struct symtab *out)
{
	struct builder b = { 0 };
	size_t n = 0;
	int err = 0;

	if (debug)
		err = read_tables(&b, debug);
	if (!err)
		err = read_tables(&b, elf);
	if (err) {
		free(b.e);
		return err;
	}
	if (b.n)
		qsort(b.e, b.n, sizeof(*b.e), by_start);
	for (size_t i = 0; i < b.n; i++)
		if (!n || b.e[i].start != b.e[n - 1].start)
			b.e[n++] = b.e[i];
	for (size_t i = 0; i + 1 < n; i++)
		if (b.e[i].rank >= 64 && b.e[i].end > b.e[i + 1].start)
			b.e[i].end = b.e[i + 1].start;
	out->entries = b.e;
	out->n = n;
	return 0;
}

void symtab__clear(struct symtab *t)
{
	free(t->entries);
	*t = (struct symtab){ 0 };
}

const struct symtab_entry *symtab__find(const struct symtab *t, uint64_t vaddr)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->entries[mid].start <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* A label within a function ends before it does: look back a little for the one around it. */
	for (size_t back = 0; back < 16 && lo > back; back++)
		if (vaddr < t->entries[lo - back - 1].end)
			return &t->entries[lo - back - 1];
	return NULL;
}
