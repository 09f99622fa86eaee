/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One program or library that targets map: its ELF file, its debug file, its symbols and lines, and the names already
 * found in it. Shared by all processes that map it, and counted: a process's unwinder keeps those it uses.
 */
#ifndef POOLWATCH_BINARY_H
#define POOLWATCH_BINARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libelf.h>
#include "debugfile.h"
#include "elf_guard.h"
#include "golang.h"
#include "lines.h"
#include "symtab.h"
#include "target.h"

struct binary_options {
	const char *debug_dirs;
	bool debuginfod;
	size_t max_dwarf; /* bytes of debugging information that may be held in memory for one file */
};

/* One name: what finding_frame says but for the address and the module. */
struct binary_name {
	char *symbol; /* demangled; NULL: not known */
	uint64_t offset;
	char *file;
	uint32_t line;
	bool inlined;
};

struct binary {
	unsigned int refs;
	const struct binary_options *options;
	uint64_t dev, ino;
	int fd; /* -1: of memory */
	Elf *elf;
	struct elf_guard guard;
	struct debugfile debug; /* elf NULL: none */
	struct debugfile alt;
	bool named; /* symbols and lines were looked for */
	struct symtab symbols;
	struct lines *lines;
	struct golang *golang; /* NULL: no Go program */
	struct answer **answers; /* hash table of what was asked */
	size_t nanswers, slots;
	size_t bytes;  /* of memory, about */
	uint64_t used; /* by whom it is cached: when it was last asked */
};

/*
 * binary__open - takes @fd, also if it fails
 * @steady: see elf_guard.h
 * @options: must outlive *@out
 * Return: 0 with one reference; else as elf_guard__open.
 */
int binary__open(int fd, bool steady, const struct binary_options *options, struct binary **out);
/* Of an image in memory, which must live as long. */
int binary__open_memory(char *image, size_t size, const struct binary_options *options, struct binary **out);
struct binary *binary__ref(struct binary *b);
void binary__unref(struct binary *b);
/* Give back all that names need. */
void binary__forget(struct binary *b);

/* Are its files still what they were when they were opened? Somebody may have written over them. */
bool binary__is_current(const struct binary *b);

/* File offset to link-time address. -ENOENT: in no loaded segment. */
int binary__vaddr(const struct binary *b, uint64_t offset, uint64_t *vaddr);

/*
 * binary__name - what is at @vaddr: *@n names, innermost first, at least one (of no symbol, offset @vaddr, if nothing
 * is known)
 * @t, @path: of a mapping of it, where to look for the debug file when first asked
 * *@out is @b's, until the next call. Return: 0 or -ENOMEM.
 */
int binary__name(struct binary *b, const struct target *t, const char *path, uint64_t vaddr,
		 const struct binary_name **out, size_t *n);

/* A descriptor of its debug file, if that may be mapped, else -1. */
int binary__debug_fd(struct binary *b, const struct target *t, const char *path);

#endif
