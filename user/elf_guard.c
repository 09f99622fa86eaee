// SPDX-License-Identifier: GPL-2.0
#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <string.h>
#include <sys/stat.h>
#include "elf_guard.h"

static bool inside(uint64_t offset, uint64_t len, uint64_t size)
{
	return offset <= size && len <= size - offset;
}

/* Of mapped debugging information, what libdw makes of it (lines, abbreviations) is about this share of it. */
#define MAPPED_SHARE 16

struct sums {
	uint64_t debug, tables; /* bytes as they are in the file */
	uint64_t inflated;	/* bytes of compressed ones, unpacked */
};

/* What is read only to be counted, or looked at by the kernel alone, does not matter. */
static bool is_table(const GElf_Shdr *sh, const char *name)
{
	return sh->sh_type == SHT_SYMTAB || sh->sh_type == SHT_DYNSYM || sh->sh_type == SHT_STRTAB ||
	       sh->sh_type == SHT_NOTE || !strcmp(name, ".eh_frame") || !strcmp(name, ".eh_frame_hdr") ||
	       !strcmp(name, ".gnu_debugaltlink") || !strcmp(name, ".gnu_debuglink");
}

static int check_section(Elf *elf, Elf_Scn *scn, size_t names, struct elf_guard *g, struct sums *sums)
{
	const char *name;
	GElf_Shdr sh;
	GElf_Chdr ch;

	if (!gelf_getshdr(scn, &sh))
		return -EBADMSG;
	if (sh.sh_type == SHT_NOBITS || sh.sh_type == SHT_NULL)
		return 0;
	if (!inside(sh.sh_offset, sh.sh_size, g->size))
		return -EBADMSG;
	if (sh.sh_flags & SHF_COMPRESSED) {
		if (!gelf_getchdr(scn, &ch))
			return -EBADMSG;
		if (ch.ch_size > ELF_GUARD_MAX_INFLATED || (sums->inflated += ch.ch_size) > ELF_GUARD_MAX_INFLATED)
			return -EFBIG;
	}
	name = elf_strptr(elf, names, sh.sh_name);
	if (!name)
		return 0;
	/* No sum overflows: there are 65536 sections at most, of 8 GiB each. */
	if (!strncmp(name, ".debug_", 7)) {
		sums->debug += sh.sh_size;
		g->has_dwarf |= !strcmp(name, ".debug_info");
	} else if (is_table(&sh, name)) {
		sums->tables += sh.sh_size;
	}
	return 0;
}

/* The compression of before 2015 has its sizes within the data: not looked into, so not let through. */
static bool has_old_compression(Elf *elf, size_t names)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;

		if (name && !strncmp(name, ".zdebug", 7))
			return true;
	}
	return false;
}

static int check(Elf *elf, bool mapped, struct elf_guard *g)
{
	size_t sections, segments, names;
	struct sums sums = { 0 };
	Elf_Scn *scn = NULL;
	GElf_Ehdr eh;
	int err;

	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh) || gelf_getclass(elf) != ELFCLASS64 ||
	    eh.e_machine != EM_X86_64 || eh.e_ident[EI_DATA] != ELFDATA2LSB ||
	    (eh.e_type != ET_EXEC && eh.e_type != ET_DYN))
		return -ENOEXEC;
	if (elf_getphdrnum(elf, &segments) || elf_getshdrnum(elf, &sections))
		return -EBADMSG;
	if (segments > ELF_GUARD_MAX_SEGMENTS || sections > ELF_GUARD_MAX_SECTIONS)
		return -EFBIG;
	if (!inside(eh.e_phoff, segments * sizeof(Elf64_Phdr), g->size) ||
	    !inside(eh.e_shoff, sections * sizeof(Elf64_Shdr), g->size))
		return -EBADMSG;
	if (!sections || elf_getshdrstrndx(elf, &names))
		return 0;
	while ((scn = elf_nextscn(elf, scn))) {
		err = check_section(elf, scn, names, g, &sums);
		if (err)
			return err;
	}
	if (g->has_dwarf && has_old_compression(elf, names))
		g->has_dwarf = false;
	if (!mapped && sums.debug + sums.tables > ELF_GUARD_MAX_READ)
		return -EFBIG;
	g->debug_bytes = sums.inflated + (mapped ? sums.debug / MAPPED_SHARE : sums.debug);
	g->table_bytes = mapped ? 0 : sums.tables;
	return 0;
}

int elf_guard__memory(char *image, size_t size, struct elf_guard *info, Elf **out)
{
	struct elf_guard g = { .size = size };
	Elf *elf;
	int err;

	elf_version(EV_CURRENT);
	elf = elf_memory(image, size);
	if (!elf)
		return -ENOEXEC;
	err = check(elf, true, &g);
	if (err) {
		elf_end(elf);
		return err;
	}
	*info = g;
	*out = elf;
	return 0;
}

int elf_guard__open(int fd, bool steady, struct elf_guard *info, Elf **out)
{
	struct elf_guard g = { 0 };
	struct stat st;
	Elf *elf;
	int err;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(Elf64_Ehdr))
		return -ENOEXEC;
	if ((uint64_t)st.st_size > ELF_GUARD_MAX_FILE)
		return -EFBIG;
	g.size = (uint64_t)st.st_size;
	g.mtime = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, steady ? ELF_C_READ_MMAP_PRIVATE : ELF_C_READ, NULL);
	if (!elf)
		return -ENOEXEC;
	err = check(elf, steady, &g);
	if (err) {
		elf_end(elf);
		return err;
	}
	*info = g;
	*out = elf;
	return 0;
}
