// SPDX-License-Identifier: GPL-2.0
/*
 * Over libdw. Its own ways from an address to a scope (dwarf_getscopes) walk a whole unit each time, without a bound;
 * here a unit's functions are sorted once, and only the one that was hit is descended into.
 */
#include <dwarf.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <elfutils/libdw.h>
#include "cleanup.h"
#include "lines.h"

struct range {
	uint64_t lo, hi;
	Dwarf_Off die; /* in the table of units: number of the unit */
};

struct ranges {
	struct range *r; /* sorted by lo once complete */
	size_t n, room;
	size_t tried; /* also those not kept: many DIEs may name one long list */
};

struct unit {
	Dwarf_Off die;
	bool sorted; /* functions are complete */
	struct ranges functions;
};

struct lines {
	Dwarf *dw, *alt;
	struct unit *units;
	size_t nunits;
	struct ranges by_addr;
	size_t bytes;
};

static int add_range(struct ranges *t, uint64_t lo, uint64_t hi, Dwarf_Off die)
{
	if (lo >= hi)
		return 0;
	if (t->n == t->room) {
		struct range *bigger = reallocarray(t->r, t->room = t->room ? t->room * 2 : 32, sizeof(*t->r));

		if (!bigger)
			return -ENOMEM;
		t->r = bigger;
	}
	t->r[t->n++] = (struct range){ lo, hi, die };
	return 0;
}

static int add_ranges_of(struct ranges *t, Dwarf_Die *die, Dwarf_Off what)
{
	Dwarf_Addr base, lo, hi;
	ptrdiff_t next = 0;
	int err = 0;

	/* Address 0: of functions that the linker threw away. */
	while (!err && t->tried++ < LINES_MAX_RANGES && (next = dwarf_ranges(die, next, &base, &lo, &hi)) > 0)
		if (lo)
			err = add_range(t, lo, hi, what);
	return err;
}

static int by_lo(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->lo != y->lo ? (x->lo < y->lo ? -1 : 1) : (x->hi > y->hi) - (x->hi < y->hi);
}

static void sort(struct ranges *t)
{
	if (t->n)
		qsort(t->r, t->n, sizeof(*t->r), by_lo);
}

static const struct range *find(const struct ranges *t, uint64_t addr)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->r[mid].lo <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (size_t back = 0; back < 16 && lo > back; back++)
		if (addr < t->r[lo - back - 1].hi)
			return &t->r[lo - back - 1];
	return NULL;
}

static int read_units(struct lines *l)
{
	Dwarf_CU *cu = NULL;
	size_t room = 0;
	Dwarf_Die die;
	uint8_t type;
	int err;

	/* Without asking for the split unit: that would open whatever path the file names. */
	while (l->nunits < LINES_MAX_UNITS && !dwarf_get_units(l->dw, cu, &cu, NULL, &type, &die, NULL)) {
		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		if (l->nunits == room) {
			struct unit *bigger = reallocarray(l->units, room = room ? room * 2 : 32, sizeof(*bigger));

			if (!bigger)
				return -ENOMEM;
			l->units = bigger;
		}
		err = add_ranges_of(&l->by_addr, &die, l->nunits);
		if (err)
			return err;
		l->units[l->nunits++] = (struct unit){ .die = dwarf_dieoffset(&die) };
	}
	sort(&l->by_addr);
	l->bytes += room * sizeof(*l->units) + l->by_addr.room * sizeof(*l->by_addr.r);
	return 0;
}

int lines__open(Elf *elf, Elf *alt, struct lines **out)
{
	struct lines *l = calloc(1, sizeof(*l));
	int err = -EBADMSG;

	if (!l)
		return -ENOMEM;
	/* What is named but not given, libdw would open by itself, whatever lies at that path. */
	if ((lines__alt_name(elf) && !alt) || (alt && lines__alt_name(alt)))
		goto fail;
	l->dw = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	l->alt = alt ? dwarf_begin_elf(alt, DWARF_C_READ, NULL) : NULL;
	if (!l->dw || (alt && !l->alt))
		goto fail;
	if (alt)
		dwarf_setalt(l->dw, l->alt);
	err = read_units(l);
	if (err)
		goto fail;
	*out = l;
	return 0;
fail:
	lines__close(l);
	return err;
}

void lines__close(struct lines *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->nunits; i++)
		free(l->units[i].functions.r);
	free(l->units);
	free(l->by_addr.r);
	dwarf_end(l->dw);
	dwarf_end(l->alt);
	free(l);
}

const char *lines__alt_name(Elf *elf)
{
	Elf_Scn *scn = NULL;
	size_t names;
	GElf_Shdr sh;

	if (elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;
		Elf_Data *data;

		if (!name || strcmp(name, ".gnu_debugaltlink"))
			continue;
		data = elf_rawdata(scn, NULL);
		return data && data->d_buf && memchr(data->d_buf, 0, data->d_size) ? data->d_buf : NULL;
	}
	return NULL;
}

/* Functions stand at the top of a unit, and in namespaces and types. */
static bool may_hold_functions(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
	       tag == DW_TAG_union_type || tag == DW_TAG_module || tag == DW_TAG_enumeration_type;
}

static int read_functions(struct ranges *t, Dwarf_Die *parent, unsigned int depth, size_t *visits)
{
	Dwarf_Die die;
	int err = 0;

	if (depth > 32 || dwarf_child(parent, &die))
		return 0;
	do {
		int tag = dwarf_tag(&die);

		if (!*visits || !--*visits)
			break;
		if (tag == DW_TAG_subprogram)
			err = add_ranges_of(t, &die, dwarf_dieoffset(&die));
		else if (may_hold_functions(tag))
			err = read_functions(t, &die, depth + 1, visits);
	} while (!err && !dwarf_siblingof(&die, &die));
	return err;
}

static int function_at(struct lines *l, struct unit *u, Dwarf_Die *unit_die, uint64_t addr, Dwarf_Die *out)
{
	const struct range *r;

	if (!u->sorted) {
		size_t visits = LINES_MAX_VISITS * 16;
		int err = read_functions(&u->functions, unit_die, 0, &visits);

		if (err) {
			free(u->functions.r);
			u->functions = (struct ranges){ 0 };
			return err;
		}
		sort(&u->functions);
		u->sorted = true;
		l->bytes += u->functions.room * sizeof(*u->functions.r);
	}
	r = find(&u->functions, addr);
	return r && dwarf_offdie(l->dw, r->die, out) ? 0 : -ENOENT;
}

/* As dwarf_haspc, which follows a list of any length. */
static bool has_pc(Dwarf_Die *die, uint64_t addr, size_t *visits)
{
	Dwarf_Addr base, lo, hi;
	ptrdiff_t next = 0;

	while (*visits && --*visits && (next = dwarf_ranges(die, next, &base, &lo, &hi)) > 0)
		if (addr >= lo && addr < hi)
			return true;
	return false;
}

/* What is inlined at @addr, outermost first: chain[0] is the function itself. Return: how many. */
static size_t descend(Dwarf_Die *chain, uint64_t addr)
{
	size_t n = 1, visits = LINES_MAX_VISITS;
	Dwarf_Die die, in = chain[0];

	for (unsigned int depth = 0; depth < 256 && n < LINES_MAX_INLINED && !dwarf_child(&in, &die); depth++) {
		bool found = false;

		do {
			int tag = dwarf_tag(&die);

			if (!visits || !--visits)
				return n;
			found = (tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine) &&
				has_pc(&die, addr, &visits);
			if (found && tag == DW_TAG_inlined_subroutine)
				chain[n++] = die;
		} while (!found && !dwarf_siblingof(&die, &die));
		if (!found)
			break;
		in = die;
	}
	return n;
}

static const char *name_of(Dwarf_Die *die)
{
	Dwarf_Attribute at;
	const char *name = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &at) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &at))
		name = dwarf_formstring(&at);
	if (!name && dwarf_attr_integrate(die, DW_AT_name, &at))
		name = dwarf_formstring(&at);
	return name;
}

static uint64_t number_of(Dwarf_Die *die, unsigned int attr)
{
	Dwarf_Attribute at;
	Dwarf_Word v;

	return dwarf_attr(die, attr, &at) && !dwarf_formudata(&at, &v) ? v : 0;
}

/* As the compiler was given it, if it lies below the directory that it ran in. */
static char *short_path(Dwarf_Die *unit, const char *path)
{
	Dwarf_Attribute at;
	const char *dir = dwarf_attr(unit, DW_AT_comp_dir, &at) ? dwarf_formstring(&at) : NULL;
	size_t n = dir ? strlen(dir) : 0;

	if (n && !strncmp(path, dir, n) && path[n] == '/')
		path += n + 1;
	while (path[0] == '.' && path[1] == '/')
		path += 2;
	return strndup(path, 4096);
}

static int set_line(struct line *line, Dwarf_Die *unit, const char *function, const char *file, uint64_t number)
{
	if (function && !(line->function = strndup(function, 4096)))
		return -ENOMEM;
	if (file && !(line->file = short_path(unit, file)))
		return -ENOMEM;
	line->number = file && number <= INT32_MAX ? (uint32_t)number : 0;
	return 0;
}

int lines__find(struct lines *l, uint64_t vaddr, struct line **out, size_t *count)
{
	const struct range *r = find(&l->by_addr, vaddr);
	Dwarf_Die unit, chain[LINES_MAX_INLINED];
	Dwarf_Files *files = NULL;
	struct line *lines;
	size_t n = 0, nfiles;
	const char *file = NULL;
	uint64_t number = 0;
	Dwarf_Line *line;
	int err, at;

	if (!r || !dwarf_offdie(l->dw, l->units[r->die].die, &unit))
		return -ENOENT;
	err = function_at(l, &l->units[r->die], &unit, vaddr, &chain[0]);
	if (err && err != -ENOENT)
		return err;
	if (!err)
		n = descend(chain, vaddr);
	line = dwarf_getsrc_die(&unit, vaddr);
	if (line) {
		file = dwarf_linesrc(line, NULL, NULL);
		number = dwarf_lineno(line, &at) ? 0 : (uint64_t)at;
	}
	if (!n && !file)
		return -ENOENT;
	lines = calloc(n ?: 1, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	err = n ? 0 : set_line(&lines[0], &unit, NULL, file, number);
	if (n > 1 && dwarf_getsrcfiles(&unit, &files, &nfiles))
		files = NULL;
	for (size_t i = 0; !err && i < n; i++) {
		Dwarf_Die *die = &chain[n - 1 - i];

		err = set_line(&lines[i], &unit, name_of(die), file, number);
		/* Where this one was called, in the function that it was inlined into. */
		file = files ? dwarf_filesrc(files, number_of(die, DW_AT_call_file), NULL, NULL) : NULL;
		number = number_of(die, DW_AT_call_line);
	}
	if (err) {
		lines__free(lines, n ?: 1);
		return err;
	}
	*out = lines;
	*count = n ?: 1;
	return 0;
}

void lines__free(struct line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(lines[i].function);
		free(lines[i].file);
	}
	free(lines);
}

size_t lines__bytes(const struct lines *l)
{
	return l ? l->bytes + sizeof(*l) : 0;
}
