// SPDX-License-Identifier: GPL-2.0
/* See golang.h. The formats: debug/buildinfo and debug/gosym (internal/abi, runtime/symtab.go) of Go. */
#include <errno.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cleanup.h"
#include "golang_int.h"

#define MAX_VERSION 64
#define MAX_NAME    4096
#define MAX_FUNCTIONS (8u << 20)

/* .go.buildinfo since Go 1.18: magic, pointer size, flags; from byte 32 on the version, its length before it. */
#define BUILDINFO_MAGIC	 "\xff Go buildinf:"
#define BUILDINFO_FLAGS	 15
#define BUILDINFO_INLINE 2
#define BUILDINFO_TEXT	 32

/* .gopclntab: where in its header each word is, and of a function's record what is needed. */
#define PCLN_MAGIC_118 0xfffffff0u
#define PCLN_MAGIC_120 0xfffffff1u
#define PCLN_HEADER    72

static void cleanup_golang(struct golang **g)
{
	golang__close(*g);
}

static Elf_Data *section_data(Elf_Scn *scn, const GElf_Shdr *sh)
{
	Elf_Data *data = sh->sh_type == SHT_NOBITS || sh->sh_flags & SHF_COMPRESSED ? NULL : elf_getdata(scn, NULL);

	return data && data->d_buf ? data : NULL;
}

static void read_version(struct golang *g, const Elf_Data *data)
{
	const uint8_t *p = data->d_buf;
	size_t len;

	if (data->d_size <= BUILDINFO_TEXT || memcmp(p, BUILDINFO_MAGIC, strlen(BUILDINFO_MAGIC)) ||
	    !(p[BUILDINFO_FLAGS] & BUILDINFO_INLINE))
		return;
	len = p[BUILDINFO_TEXT];
	if (!len || len >= MAX_VERSION || len > data->d_size - BUILDINFO_TEXT - 1)
		return;
	g->version = strndup((const char *)p + BUILDINFO_TEXT + 1, len);
}

static uint32_t word32(const struct golang *g, uint64_t at)
{
	uint32_t v;

	memcpy(&v, g->pcln + at, sizeof(v));
	return v;
}

static uint64_t word64(const struct golang *g, uint64_t at)
{
	uint64_t v;

	memcpy(&v, g->pcln + at, sizeof(v));
	return v;
}

/* All that the accessors below rely on is checked here, but for what each function's entry says. */
static void read_table(struct golang *g, const Elf_Data *data, uint64_t text)
{
	g->pcln = data->d_buf;
	g->len = data->d_size;
	if (g->len < PCLN_HEADER || (word32(g, 0) != PCLN_MAGIC_118 && word32(g, 0) != PCLN_MAGIC_120) || g->pcln[7] != 8)
		return;
	g->quantum = g->pcln[6];
	/* In a position-independent program the dynamic linker puts it there, and in the file there is nothing. */
	g->text = word64(g, 24) ?: text;
	g->names = word64(g, 32);
	g->units = word64(g, 40);
	g->files = word64(g, 48);
	g->tables = word64(g, 56);
	g->index = word64(g, 64);
	/* Functions' addresses are 32 bits from there. */
	if (!g->text || g->text > UINT64_MAX - UINT32_MAX || g->names >= g->len || g->units >= g->len || g->files >= g->len ||
	    g->tables >= g->len || g->index >= g->len)
		return;
	/* Two words each, and the end of the last one. */
	if (word64(g, 8) > MAX_FUNCTIONS || word64(g, 8) * 8 + 4 > g->len - g->index)
		return;
	g->n = word64(g, 8);
}

int golang__open(Elf *elf, struct golang **out)
{
	_cleanup_(cleanup_golang) struct golang *g = calloc(1, sizeof(*g));
	Elf_Data *info = NULL, *table = NULL;
	Elf_Scn *scn = NULL;
	uint64_t text = 0;
	size_t names;

	if (!g)
		return -ENOMEM;
	if (elf_getshdrstrndx(elf, &names))
		return -ENOENT;
	g->elf = elf;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name;
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh) || !(name = elf_strptr(elf, names, sh.sh_name)))
			continue;
		if (!strcmp(name, ".go.buildinfo"))
			info = section_data(scn, &sh);
		else if (!strcmp(name, ".gopclntab") || !strcmp(name, ".data.rel.ro.gopclntab"))
			table = section_data(scn, &sh);
		else if (!strcmp(name, ".text"))
			text = sh.sh_addr;
	}
	if (!info && !table)
		return -ENOENT;
	if (info)
		read_version(g, info);
	if (table)
		read_table(g, table, text);
	*out = take_ptr(g);
	return 0;
}

void golang__close(struct golang *g)
{
	if (!g)
		return;
	free(g->version);
	free(g);
}

const char *golang__version(const struct golang *g)
{
	return g->version;
}

size_t golang__functions(const struct golang *g)
{
	return g->n;
}

const uint8_t *golang__record(const struct golang *g, size_t i)
{
	uint64_t at = word32(g, g->index + i * 8 + 4);

	return at <= g->len - g->index && g->len - g->index - at >= GOLANG_RECORD ? g->pcln + g->index + at : NULL;
}

int golang__function(const struct golang *g, size_t i, struct golang_function *out)
{
	uint32_t start, end, name;
	const uint8_t *record;
	uint64_t room;

	if (i >= g->n || !(record = golang__record(g, i)))
		return -EINVAL;
	start = word32(g, g->index + i * 8);
	end = word32(g, g->index + i * 8 + 8);
	memcpy(&name, record + 4, sizeof(name));
	if (start >= end || name >= g->len - g->names)
		return -EINVAL;
	room = g->len - g->names - name;
	if (room > MAX_NAME)
		room = MAX_NAME;
	if (strnlen((const char *)g->pcln + g->names + name, room) == room)
		return -EINVAL;
	*out = (struct golang_function){ g->text + start, g->text + end, (const char *)g->pcln + g->names + name };
	return 0;
}

int golang__find(const struct golang *g, const char *name, struct golang_function *out)
{
	for (size_t i = 0; i < g->n; i++) {
		struct golang_function f;

		if (!golang__function(g, i, &f) && !strcmp(f.name, name)) {
			*out = f;
			return 0;
		}
	}
	return -ENOENT;
}

int golang__at(const struct golang *g, uint64_t vaddr, size_t *index, struct golang_function *out)
{
	size_t lo = 0, hi = g->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (g->text + word32(g, g->index + mid * 8) <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* A table that is not in order gives the wrong function or none: what is found is what contains the address. */
	if (!lo || golang__function(g, lo - 1, out) || vaddr < out->start || vaddr >= out->end)
		return -ENOENT;
	*index = lo - 1;
	return 0;
}

/* An import path may have dots before its last slash; type parameters and receivers have slashes, too. */
size_t golang__package_len(const char *name)
{
	size_t end = strcspn(name, "([{"), at = end;

	while (at && name[at - 1] != '/')
		at--;
	return at + strcspn(name + at, ".([{");
}

int golang__package(const struct golang *g, uint64_t vaddr, uint64_t *start, uint64_t *end)
{
	struct golang_function f, other;
	size_t i, len;

	if (golang__at(g, vaddr, &i, &f))
		return -ENOENT;
	len = golang__package_len(f.name);
	if (!len || f.name[len] != '.' || (len == 4 && !memcmp(f.name, "main", 4)))
		return -ENOENT;
	*start = f.start;
	*end = f.end;
	for (size_t k = i; k-- && !golang__function(g, k, &other) && !strncmp(other.name, f.name, len + 1);)
		*start = other.start;
	for (size_t k = i + 1; !golang__function(g, k, &other) && !strncmp(other.name, f.name, len + 1); k++)
		*end = other.end;
	return 0;
}
