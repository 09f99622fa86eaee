// SPDX-License-Identifier: GPL-2.0
/*
 * Functions by name and by address. Tables are searched from end to end each time: a search costs less than an index unless
 * there are many, and a target has a few.
 */
#include <string.h>
#include "cleanup.h"
#include "elf_demangle.h"
#include "elf_file.h"
#include "golang.h"

/* How a symbol's name and the wanted one are alike. Of several, the best alone counts. */
enum match { MATCH_NONE, MATCH_DEMANGLED, MATCH_LOCAL, MATCH_GLOBAL };

struct found {
	struct elf_symbol *list;
	size_t n;
	enum match match;
	bool ifunc; /* one was passed over */
};

static bool is_function(const GElf_Sym *sym)
{
	int type = GELF_ST_TYPE(sym->st_info);

	/* Functions written in assembly often have no type. */
	return sym->st_shndx != SHN_UNDEF && sym->st_shndx != SHN_ABS && (type == STT_FUNC || type == STT_NOTYPE);
}

/* The name without "@VERSION", "@@VERSION" (static tables carry them in the name). */
static size_t bare_length(const char *name)
{
	return strcspn(name, "@");
}

static bool same_name(const char *symbol, const char *name, size_t len)
{
	return !strncmp(symbol, name, len) && (!symbol[len] || symbol[len] == '@');
}

static void drop(struct found *f)
{
	elf_symbol__free(f->list, f->n);
	*f = (struct found){ .ifunc = f->ifunc };
}

static int keep(struct elf_file *elf, struct found *f, const GElf_Sym *sym, const char *name, uint64_t addend)
{
	struct elf_symbol *bigger, s = { .vaddr = sym->st_value + addend, .size = sym->st_size, .addend = addend };

	if (s.vaddr < addend || elf__to_offset(elf, s.vaddr, &s.offset))
		return 0;
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i].vaddr == s.vaddr) {
			if (f->list[i].size < s.size)
				f->list[i].size = s.size;
			return 0;
		}
	bigger = reallocarray(f->list, f->n + 1, sizeof(*f->list));
	if (!bigger)
		return -ENOMEM;
	f->list = bigger;
	s.name = strndup(name, bare_length(name));
	if (!s.name)
		return -ENOMEM;
	f->list[f->n++] = s;
	return 0;
}

static int search(struct elf_file *elf, struct elf_table *t, const char *name, size_t len,
		  const struct demangle_query *q, uint64_t addend, struct found *f)
{
	if (!elf_table__load(t))
		return 0;
	for (size_t i = 1; i < t->n; i++) {
		enum match match = MATCH_NONE;
		const char *symbol;
		GElf_Sym sym;
		int err;

		if (!gelf_getsym(t->data, (int)i, &sym) || !sym.st_value || sym.st_shndx == SHN_UNDEF)
			continue;
		if (!is_function(&sym) && GELF_ST_TYPE(sym.st_info) != STT_GNU_IFUNC)
			continue;
		symbol = elf_strptr(t->elf, t->strings, sym.st_name);
		if (!symbol || !*symbol)
			continue;
		if (same_name(symbol, name, len))
			match = GELF_ST_BIND(sym.st_info) == STB_LOCAL ? MATCH_LOCAL : MATCH_GLOBAL;
		else if (q && demangle_query__matches(q, symbol))
			match = MATCH_DEMANGLED;
		if (match == MATCH_NONE || match < f->match || !elf_file__is_code(elf, sym.st_value))
			continue;
		if (GELF_ST_TYPE(sym.st_info) == STT_GNU_IFUNC) {
			f->ifunc = true;
			continue;
		}
		if (match > f->match)
			drop(f);
		f->match = match;
		err = keep(elf, f, &sym, symbol, addend);
		if (err)
			return err;
	}
	return 0;
}

static int search_tables(struct elf_file *elf, size_t from, const char *name, size_t len, const struct demangle_query *q,
			 uint64_t addend, struct found *f)
{
	int err = 0;

	for (size_t i = from; i < elf->ntables && !err; i++)
		err = search(elf, &elf->tables[i], name, len, q, addend, f);
	return err;
}

/* In a stripped Go program: by the table that its own stack traces need. */
static int find_go(struct elf_file *elf, const char *name, uint64_t addend, struct found *f)
{
	struct golang_function fn;
	struct elf_symbol *s;
	struct golang *go;
	int err = elf__golang(elf, &go);

	if (err || golang__find(go, name, &fn) || elf__to_offset(elf, fn.start + addend, &(uint64_t){ 0 }))
		return err == -ENOMEM ? err : 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	*s = (struct elf_symbol){ .vaddr = fn.start + addend, .size = fn.end - fn.start, .addend = addend, .name = strdup(name) };
	elf__to_offset(elf, s->vaddr, &s->offset);
	if (!s->name) {
		free(s);
		return -ENOMEM;
	}
	f->list = s;
	f->n = 1;
	f->match = MATCH_GLOBAL;
	return 0;
}

/* "name+0xoff" or "name+off": a plus that only digits follow. "operator+" has none. */
static char *split_addend(const char *name, uint64_t *addend)
{
	const char *plus = strrchr(name, '+');
	char *end;
	uint64_t n;

	*addend = 0;
	if (plus && plus > name && plus[1] >= '0' && plus[1] <= '9') {
		errno = 0;
		n = strtoull(plus + 1, &end, 0);
		if (!*end && !errno) {
			*addend = n;
			return strndup(name, (size_t)(plus - name));
		}
	}
	return strdup(name);
}

int elf__find(struct elf_file *elf, const char *wanted, struct elf_symbol **out, size_t *n)
{
	_cleanup_free_ char *name = NULL;
	struct found f = { 0 };
	struct demangle_query q;
	uint64_t addend;
	size_t len;
	int err;

	if (strlen(wanted) > ELF_MAX_NAME)
		return -ENOENT;
	name = split_addend(wanted, &addend);
	if (!name)
		return -ENOMEM;
	len = bare_length(name);
	if (!len)
		return -ENOENT;
	err = search_tables(elf, 0, name, len, NULL, addend, &f);
	if (!err && !f.n) {
		size_t own = elf->ntables;

		elf_file__load_debug(elf);
		err = search_tables(elf, own, name, len, NULL, addend, &f);
	}
	if (!err && !f.n && elf->go && elf->stripped)
		err = find_go(elf, name, addend, &f);
	/* Only what cannot be a symbol's own name, or is none, is worth demangling every symbol. */
	if (!err && !f.n && !f.ifunc) {
		demangle_query__init(&q, name);
		err = search_tables(elf, 0, name, len, &q, addend, &f);
	}
	/* Also if another version is plain: callers linked today get the ifunc's choice. */
	if (!err && (f.ifunc || !f.n))
		err = f.ifunc ? -EOPNOTSUPP : -ENOENT;
	/* Versions of one exported function are all meant; a name that differs by more than its version is not clear. */
	if (!err && f.n > 1 && f.match != MATCH_GLOBAL) {
		*n = f.n;
		err = -ENOTUNIQ;
	}
	if (!err && addend)
		for (size_t i = 0; i < f.n && !err; i++)
			if (f.list[i].size && addend >= f.list[i].size)
				err = -ENOENT;
	if (err) {
		drop(&f);
		return err;
	}
	*out = f.list;
	*n = f.n;
	return 0;
}

void elf_symbol__free(struct elf_symbol *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(s[i].name);
	free(s);
}

int elf__symbol_at(struct elf_file *elf, uint64_t vaddr, struct elf_symbol *out)
{
	const char *best_name = NULL;
	GElf_Sym best = { 0 };
	uint64_t offset;
	int err;

	elf_file__load_debug(elf);
	for (size_t k = 0; k < elf->ntables; k++) {
		struct elf_table *t = &elf->tables[k];

		for (size_t i = 1; elf_table__load(t) && i < t->n; i++) {
			const char *name;
			GElf_Sym sym;
			bool better;

			if (!gelf_getsym(t->data, (int)i, &sym) || sym.st_value > vaddr || !sym.st_value ||
			    sym.st_shndx == SHN_UNDEF ||
			    (!is_function(&sym) && GELF_ST_TYPE(sym.st_info) != STT_GNU_IFUNC))
				continue;
			if (sym.st_size && vaddr - sym.st_value >= sym.st_size)
				continue;
			/* The nearest below; of aliases, the exported one, which is what people know. */
			better = !best_name || sym.st_value > best.st_value ||
				 (sym.st_value == best.st_value && GELF_ST_BIND(best.st_info) == STB_LOCAL &&
				  GELF_ST_BIND(sym.st_info) != STB_LOCAL);
			if (!better || !(name = elf_strptr(t->elf, t->strings, sym.st_name)) || !*name)
				continue;
			best = sym;
			best_name = name;
		}
	}
	if (!best_name || !elf_file__is_code(elf, vaddr))
		return -ENOENT;
	err = elf__to_offset(elf, vaddr, &offset);
	if (err)
		return err;
	best_name = strndup(best_name, bare_length(best_name));
	if (!best_name)
		return -ENOMEM;
	*out = (struct elf_symbol){
		.vaddr = vaddr,
		.offset = offset,
		.size = best.st_size,
		.name = (char *)best_name,
		.addend = vaddr - best.st_value,
	};
	return 0;
}

uint64_t elf__next_entry(struct elf_file *elf, uint64_t vaddr)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < elf->nsegments; i++) {
		const struct elf_segment *s = &elf->segments[i];

		if (s->exec && vaddr >= s->vaddr && vaddr - s->vaddr < s->filesz)
			next = s->vaddr + s->filesz;
	}
	elf_file__load_debug(elf);
	for (size_t k = 0; k < elf->ntables; k++)
		for (size_t i = 1; elf_table__load(&elf->tables[k]) && i < elf->tables[k].n; i++) {
			GElf_Sym sym;

			if (gelf_getsym(elf->tables[k].data, (int)i, &sym) && sym.st_value > vaddr && sym.st_value < next &&
			    (is_function(&sym) || GELF_ST_TYPE(sym.st_info) == STT_GNU_IFUNC))
				next = sym.st_value;
		}
	return next;
}

bool elf__imports(struct elf_file *elf, const char *name)
{
	for (size_t k = 0; k < elf->ntables; k++) {
		struct elf_table *t = &elf->tables[k];

		for (size_t i = 1; t->dynamic && elf_table__load(t) && i < t->n; i++) {
			const char *symbol;
			GElf_Sym sym;

			if (gelf_getsym(t->data, (int)i, &sym) && sym.st_shndx == SHN_UNDEF &&
			    (symbol = elf_strptr(t->elf, t->strings, sym.st_name)) && !strcmp(symbol, name))
				return true;
		}
	}
	return false;
}

int elf__function_names(struct elf_file *elf, const char ***out, size_t *n)
{
	_cleanup_free_ const char **names = NULL;
	size_t count = 0, size = 0;

	elf_file__load_debug(elf);
	for (size_t k = 0; k < elf->ntables; k++) {
		struct elf_table *t = &elf->tables[k];

		for (size_t i = 1; elf_table__load(t) && i < t->n; i++) {
			const char *symbol;
			GElf_Sym sym;

			if (!gelf_getsym(t->data, (int)i, &sym) || GELF_ST_TYPE(sym.st_info) != STT_FUNC ||
			    sym.st_shndx == SHN_UNDEF || !(symbol = elf_strptr(t->elf, t->strings, sym.st_name)))
				continue;
			if (count == size) {
				const char **bigger = reallocarray(names, size ? size * 2 : 1024, sizeof(*names));

				if (!bigger)
					return -ENOMEM;
				names = bigger;
				size = size ? size * 2 : 1024;
			}
			names[count++] = symbol;
		}
	}
	*out = take_ptr(names);
	*n = count;
	return 0;
}
