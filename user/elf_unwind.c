// SPDX-License-Identifier: GPL-2.0
/* What .eh_frame says of a function: does a personality routine act in it when the stack is unwound? */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <string.h>
#include "cleanup.h"
#include "elf_file.h"

/* The letters of a CIE's augmentation "z...", with their data. */
struct augmentation {
	uint8_t address; /* encoding of an FDE's range */
	uint8_t lsda;	 /* encoding of its LSDA; DW_EH_PE_omit: there is none */
};

static bool read_uleb(const uint8_t **p, const uint8_t *end, uint64_t *value)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; *p < end && shift < 64; shift += 7) {
		uint8_t b = *(*p)++;

		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*value = v;
			return true;
		}
	}
	return false;
}

static size_t encoded_size(uint8_t encoding)
{
	switch (encoding & 0x07) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
		return 8;
	case DW_EH_PE_udata4:
		return 4;
	case DW_EH_PE_udata2:
		return 2;
	}
	return 0; /* LEB128, and what nobody writes */
}

/* The value as written, sign-extended; where it counts from is the caller's matter. */
static bool read_encoded(const uint8_t **p, const uint8_t *end, uint8_t encoding, uint64_t *value)
{
	size_t n = encoded_size(encoding);
	uint64_t v = 0;

	if (!n || (size_t)(end - *p) < n)
		return false;
	memcpy(&v, *p, n);
	*p += n;
	if (n < 8 && encoding & DW_EH_PE_signed && v >> (8 * n - 1))
		v |= UINT64_MAX << (8 * n);
	*value = v;
	return true;
}

static bool parse_augmentation(const Dwarf_CIE *cie, struct augmentation *a)
{
	const uint8_t *p = cie->augmentation_data, *end = p + cie->augmentation_data_size;
	uint64_t personality;

	*a = (struct augmentation){ .address = DW_EH_PE_absptr, .lsda = DW_EH_PE_omit };
	if (!cie->augmentation || !*cie->augmentation)
		return true;
	if (cie->augmentation[0] != 'z')
		return false;
	for (const char *c = cie->augmentation + 1; *c; c++) {
		switch (*c) {
		case 'R':
			if (p >= end)
				return false;
			a->address = *p++;
			break;
		case 'L':
			if (p >= end)
				return false;
			a->lsda = *p++;
			break;
		case 'P':
			if (p >= end)
				return false;
			p++;
			if (!read_encoded(&p, end, p[-1], &personality))
				return false;
			break;
		case 'S':
		case 'B':
			break;
		default:
			return false;
		}
	}
	return true;
}

/* What an FDE says. */
struct fde {
	uint64_t start, size;
	bool lsda;
};

/* Does the FDE at hand cover @vaddr? Then *@out is what it says. */
static bool fde_covers(const Dwarf_FDE *fde, const struct augmentation *a, const uint8_t *section, uint64_t section_vaddr,
		       uint64_t vaddr, struct fde *out)
{
	const uint8_t *p = fde->start;
	uint64_t start, size, len, lsda;

	if (!read_encoded(&p, fde->end, a->address, &start))
		return false;
	if ((a->address & 0x70) == DW_EH_PE_pcrel)
		start += section_vaddr + (uint64_t)(fde->start - section);
	else if (a->address & 0x70)
		return false;
	if (!read_encoded(&p, fde->end, a->address & 0x07, &size) || vaddr < start || vaddr - start >= size)
		return false;
	*out = (struct fde){ .start = start, .size = size };
	/* What cannot be read may be one. */
	if (a->lsda != DW_EH_PE_omit)
		out->lsda = !read_uleb(&p, fde->end, &len) || !read_encoded(&p, fde->end, a->lsda, &lsda) || lsda;
	return true;
}

static int search_section(const uint8_t *ident, Elf_Data *data, uint64_t section_vaddr, uint64_t vaddr, struct fde *out)
{
	struct augmentation a = { 0 };
	Dwarf_Off off = 0, next, cie_off = (Dwarf_Off)-1;
	bool cie_ok = false;

	for (;; off = next) {
		Dwarf_CFI_Entry entry, cie;
		Dwarf_Off ignored;
		int r;

		next = off; /* left alone by some failures */
		r = dwarf_next_cfi(ident, data, true, off, &next, &entry);
		if (r > 0 || next <= off)
			return -ENOENT;
		if (r < 0 || dwarf_cfi_cie_p(&entry))
			continue;
		/* FDEs of one CIE mostly stand together. */
		if (entry.fde.CIE_pointer != cie_off) {
			cie_off = entry.fde.CIE_pointer;
			cie_ok = !dwarf_next_cfi(ident, data, true, cie_off, &ignored, &cie) && dwarf_cfi_cie_p(&cie) &&
				 parse_augmentation(&cie.cie, &a);
		}
		if (cie_ok && fde_covers(&entry.fde, &a, data->d_buf, section_vaddr, vaddr, out))
			return 0;
	}
}

static int find_fde(struct elf_file *f, uint64_t vaddr, struct fde *out)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(f->elf, &names))
		return -ENOENT;
	while ((scn = elf_nextscn(f->elf, scn))) {
		const char *name, *ident;
		GElf_Shdr sh;
		Elf_Data *data;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS ||
		    !(name = elf_strptr(f->elf, names, sh.sh_name)) || strcmp(name, ".eh_frame"))
			continue;
		data = elf_rawdata(scn, NULL);
		ident = elf_getident(f->elf, NULL);
		if (!data || !data->d_buf || !ident)
			return -ENOENT;
		return search_section((const uint8_t *)ident, data, sh.sh_addr, vaddr, out);
	}
	return -ENOENT;
}

int elf__has_lsda(struct elf_file *f, uint64_t vaddr)
{
	struct fde fde;

	return find_fde(f, vaddr, &fde) ?: fde.lsda;
}

int elf__extent(struct elf_file *f, uint64_t vaddr, uint64_t *start, uint64_t *len)
{
	struct elf_symbol s;
	struct fde fde;
	int err = find_fde(f, vaddr, &fde);

	if (!err) {
		*start = fde.start;
		*len = fde.size;
		return 0;
	}
	err = elf__symbol_at(f, vaddr, &s);
	if (err)
		return err;
	free(s.name);
	if (!s.size)
		return -ENOENT;
	*start = s.vaddr - s.addend;
	*len = s.size;
	return 0;
}
