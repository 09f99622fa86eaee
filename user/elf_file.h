/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of an ELF reader that are its own: the open file and its tables. */
#ifndef POOLWATCH_ELF_FILE_H
#define POOLWATCH_ELF_FILE_H

#include <gelf.h>
#include "elf.h"

/* Beyond these a file is not believed. */
#define ELF_MAX_SEGMENTS 4096
#define ELF_MAX_NOTES	 (1u << 20) /* bytes */
#define ELF_MAX_NAME	 4096

struct elf_segment {
	uint64_t vaddr, offset, filesz;
	bool exec;
};

struct elf_table { /* a symbol table */
	Elf *elf;
	Elf_Scn *scn;
	Elf_Data *data; /* read when first used: static tables can be large */
	size_t strings; /* section number of its names */
	size_t n;
	bool dynamic;
};

struct elf_file {
	int fd; /* ours: a duplicate */
	Elf *elf;
	struct elf_segment *segments; /* PT_LOAD, as they come */
	size_t nsegments;
	struct elf_table tables[3]; /* .symtab, .dynsym, then the debug file's .symtab */
	size_t ntables;
	char *build_id;
	char *soname;
	bool go;
	struct golang *golang; /* NULL: not asked yet */
	bool stripped;	  /* no .symtab of its own */
	const char *debug_dirs;
	bool debug_tried; /* a separate debug file was looked for */
	int debug_fd;
	Elf *debug;
};

/* An address of code: in an executable segment. */
bool elf_file__is_code(const struct elf_file *f, uint64_t vaddr);
/* Read the table's symbols. false: they cannot be read. */
bool elf_table__load(struct elf_table *t);
/* Add the symbol tables of section type @type of @elf. */
void elf_file__add_tables(struct elf_file *f, Elf *elf, uint32_t type);
/* The build-id of any ELF file, in hex, to free; NULL: none. */
char *elf_file__read_build_id(Elf *elf);
/* Find the separate debug file of a stripped file by build-id or debug link, once. It becomes the last table. */
void elf_file__load_debug(struct elf_file *f);

#endif
