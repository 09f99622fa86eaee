// SPDX-License-Identifier: GPL-2.0
/* Data symbols of a file, and where it calls what it imports. Bytes are searched, then the few hits decoded. */
#include <capstone/capstone.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include "cleanup.h"
#include "elf_scan.h"

#define MAX_SLOTS 16 /* words of the GOT, and stubs, that lead to the functions asked for */
#define MAX_CODE (256u << 20)
#define MAX_ROW (1u << 20) /* bytes of code between two rows of the unwind table */

static void cleanup_elf(Elf **elf)
{
	elf_end(*elf);
}
#define _cleanup_elf_ _cleanup_(cleanup_elf)

static int open_elf(int fd, Elf **out)
{
	_cleanup_elf_ Elf *elf = NULL;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || gelf_getclass(elf) != ELFCLASS64)
		return -ENOEXEC;
	*out = take_ptr(elf);
	return 0;
}

int elf_scan__symbols(int fd, const char *const *names, size_t n, uint64_t *vaddr)
{
	_cleanup_elf_ Elf *elf = NULL;
	Elf_Scn *scn = NULL;
	int err = open_elf(fd, &elf);

	if (err)
		return err;
	memset(vaddr, 0, n * sizeof(*vaddr));
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;
		Elf_Data *data;

		if (!gelf_getshdr(scn, &sh) || (sh.sh_type != SHT_DYNSYM && sh.sh_type != SHT_SYMTAB) ||
		    sh.sh_entsize != sizeof(Elf64_Sym) || !(data = elf_getdata(scn, NULL)))
			continue;
		for (size_t i = 0; i < data->d_size / sizeof(Elf64_Sym) && i < INT32_MAX; i++) {
			const char *name;
			GElf_Sym sym;

			if (!gelf_getsym(data, (int)i, &sym) || !sym.st_value || sym.st_shndx == SHN_UNDEF)
				continue;
			name = elf_strptr(elf, sh.sh_link, sym.st_name);
			for (size_t k = 0; name && k < n; k++)
				if (!vaddr[k] && !strcmp(name, names[k]))
					vaddr[k] = sym.st_value;
		}
	}
	return 0;
}

int elf_scan__bias(int fd, uint64_t start, uint64_t offset, uint64_t *bias)
{
	_cleanup_elf_ Elf *elf = NULL;
	uint64_t found = 0;
	bool any = false;
	size_t n;
	int err = open_elf(fd, &elf);

	if (err)
		return err;
	if (elf_getphdrnum(elf, &n))
		return -EINVAL;
	for (size_t i = 0; i < n && i < 4096; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_LOAD)
			continue;
		/*
		 * Segments are mapped by whole pages, so the mapping may begin before the segment does. The page may be the last
		 * one of another segment, too: one that begins there is more likely.
		 */
		if (offset < (p.p_offset & ~0xfffull) || offset >= p.p_offset + p.p_filesz)
			continue;
		found = start - (p.p_vaddr - p.p_offset + offset);
		any = true;
		if (offset == (p.p_offset & ~0xfffull))
			break;
	}
	if (!any)
		return -ENOENT;
	*bias = found;
	return 0;
}

struct slot {
	uint64_t vaddr;
	unsigned int callee;
};

struct scan {
	Elf *elf;
	const char *const *names;
	size_t nnames;
	struct slot got[MAX_SLOTS], stub[MAX_SLOTS];
	size_t ngot, nstub;
	struct elf_call *calls;
	size_t ncalls;
};

static const struct slot *slot_at(const struct slot *slots, size_t n, uint64_t vaddr)
{
	for (size_t i = 0; i < n; i++)
		if (slots[i].vaddr == vaddr)
			return &slots[i];
	return NULL;
}

/* The words of the GOT that will hold the functions' addresses. */
static void find_got(struct scan *s)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(s->elf, scn))) {
		Elf_Data *rela, *syms;
		GElf_Shdr sh, symsh;
		Elf_Scn *symscn;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_RELA || sh.sh_entsize != sizeof(Elf64_Rela) ||
		    !(symscn = elf_getscn(s->elf, sh.sh_link)) || !gelf_getshdr(symscn, &symsh) ||
		    symsh.sh_type != SHT_DYNSYM || !(rela = elf_getdata(scn, NULL)) || !(syms = elf_getdata(symscn, NULL)))
			continue;
		for (size_t i = 0; i < rela->d_size / sizeof(Elf64_Rela) && i < INT32_MAX; i++) {
			const char *name;
			GElf_Rela r;
			GElf_Sym sym;

			if (!gelf_getrela(rela, (int)i, &r) ||
			    (GELF_R_TYPE(r.r_info) != R_X86_64_JUMP_SLOT && GELF_R_TYPE(r.r_info) != R_X86_64_GLOB_DAT) ||
			    !gelf_getsym(syms, (int)GELF_R_SYM(r.r_info), &sym) ||
			    !(name = elf_strptr(s->elf, symsh.sh_link, sym.st_name)))
				continue;
			for (unsigned int k = 0; k < s->nnames; k++)
				if (!strcmp(name, s->names[k]) && s->ngot < MAX_SLOTS)
					s->got[s->ngot++] = (struct slot){ r.r_offset, k };
		}
	}
}

static uint64_t rel32(const uint8_t *p, uint64_t next)
{
	int32_t d;

	memcpy(&d, p, sizeof(d));
	return next + (uint64_t)(int64_t)d;
}

/* The stubs of a PLT that jump through one of those words: "[endbr64] [bnd] jmp *word(%rip)". */
static void find_stubs(struct scan *s, const uint8_t *code, size_t len, uint64_t vaddr)
{
	/* Those without anything but the jump are of 8 bytes, and the last one ends the section. */
	for (size_t i = 0; i + 8 <= len; i += 8) {
		const struct slot *got;
		size_t at = i;

		if (!memcmp(code + at, "\xf3\x0f\x1e\xfa", 4))
			at += 4;
		if (code[at] == 0xf2)
			at++;
		if (at + 6 > len || code[at] != 0xff || code[at + 1] != 0x25)
			continue;
		got = slot_at(s->got, s->ngot, rel32(code + at + 2, vaddr + at + 6));
		if (got && s->nstub < MAX_SLOTS)
			s->stub[s->nstub++] = (struct slot){ vaddr + i, got->callee };
	}
}

static int find_calls(struct scan *s, const uint8_t *code, size_t len, uint64_t vaddr, uint64_t offset)
{
	for (size_t i = 0; i + 6 <= len; i++) {
		const struct slot *to = NULL;

		if (code[i] == 0xe8 || code[i] == 0xe9)
			to = slot_at(s->stub, s->nstub, rel32(code + i + 1, vaddr + i + 5));
		else if (code[i] == 0xff && (code[i + 1] == 0x15 || code[i + 1] == 0x25))
			to = slot_at(s->got, s->ngot, rel32(code + i + 2, vaddr + i + 6));
		if (!to)
			continue;
		if (s->ncalls == ELF_SCAN_MAX_CALLS)
			return -E2BIG;
		s->calls[s->ncalls++] = (struct elf_call){ offset + i, vaddr + i, to->callee };
	}
	return 0;
}

static int each_code_section(struct scan *s, bool plt)
{
	Elf_Scn *scn = NULL;
	size_t names;
	int err = 0;

	if (elf_getshdrstrndx(s->elf, &names))
		return -EINVAL;
	while (!err && (scn = elf_nextscn(s->elf, scn))) {
		const char *name;
		Elf_Data *data;
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_PROGBITS || !(sh.sh_flags & SHF_EXECINSTR) ||
		    sh.sh_size > MAX_CODE || !(name = elf_strptr(s->elf, names, sh.sh_name)) ||
		    !strncmp(name, ".plt", 4) != plt || !(data = elf_rawdata(scn, NULL)) || !data->d_buf)
			continue;
		if (plt)
			find_stubs(s, data->d_buf, data->d_size, sh.sh_addr);
		else
			err = find_calls(s, data->d_buf, data->d_size, sh.sh_addr, sh.sh_offset);
	}
	return err;
}

/* The bytes may be the middle of something else: decode up to them from where a row of the unwind table begins. */
static bool is_boundary(struct scan *s, csh cs, Dwarf_CFI *cfi, const struct elf_call *call)
{
	_cleanup_free_ Dwarf_Frame *frame = NULL;
	Dwarf_Addr start, end;
	Elf_Scn *scn = NULL;

	if (dwarf_cfi_addrframe(cfi, call->vaddr, &frame) || dwarf_frame_info(frame, &start, &end, NULL) < 0 ||
	    start > call->vaddr || call->vaddr - start > MAX_ROW)
		return false;
	while ((scn = elf_nextscn(s->elf, scn))) {
		const uint8_t *code;
		Elf_Data *data;
		GElf_Shdr sh;
		cs_insn *insn;
		uint64_t at = start;
		size_t left;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_PROGBITS || start < sh.sh_addr ||
		    start - sh.sh_addr >= sh.sh_size || !(data = elf_rawdata(scn, NULL)) || !data->d_buf)
			continue;
		insn = cs_malloc(cs);
		if (!insn)
			return false;
		code = (const uint8_t *)data->d_buf + (start - sh.sh_addr);
		left = data->d_size - (start - sh.sh_addr);
		while (at < call->vaddr && cs_disasm_iter(cs, &code, &left, &at, insn))
			;
		cs_free(insn, 1);
		return at == call->vaddr;
	}
	return false;
}

static int keep_boundaries(struct scan *s)
{
	Dwarf_CFI *cfi = dwarf_getcfi_elf(s->elf);
	size_t kept = 0;
	csh cs;

	if (!cfi)
		return -EINVAL;
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &cs)) {
		dwarf_cfi_end(cfi);
		return -ENOMEM;
	}
	for (size_t i = 0; i < s->ncalls; i++)
		if (is_boundary(s, cs, cfi, &s->calls[i]))
			s->calls[kept++] = s->calls[i];
	s->ncalls = kept;
	cs_close(&cs);
	dwarf_cfi_end(cfi);
	return 0;
}

int elf_scan__calls(int fd, const char *const *names, size_t nnames, struct elf_call **out, size_t *n)
{
	_cleanup_elf_ Elf *elf = NULL;
	_cleanup_free_ struct elf_call *calls = NULL;
	struct scan s = { .names = names, .nnames = nnames };
	int err = open_elf(fd, &elf);

	if (err)
		return err;
	calls = calloc(ELF_SCAN_MAX_CALLS, sizeof(*calls));
	if (!calls)
		return -ENOMEM;
	s.elf = elf;
	s.calls = calls;
	find_got(&s);
	err = each_code_section(&s, true) ?: each_code_section(&s, false);
	if (!err)
		err = keep_boundaries(&s);
	if (err)
		return err;
	if (!s.ncalls)
		return -ENOENT;
	*out = take_ptr(calls);
	*n = s.ncalls;
	return 0;
}
