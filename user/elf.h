/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What poolwatch needs of an ELF file: functions by name, file offsets, identity. Reads through libelf; the file is the
 * target's and may be anything.
 */
#ifndef POOLWATCH_ELF_H
#define POOLWATCH_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_file;
struct golang;

struct elf_symbol {
	uint64_t vaddr;	 /* link-time address of the function's entry */
	uint64_t offset; /* the same as a file offset */
	uint64_t size;	 /* of the function, bytes; 0: unknown */
	char *name;	 /* as in the symbol table */
	uint64_t addend; /* "sym+off": off, already in vaddr and offset */
};

/* elf__open - from an open descriptor, which stays the caller's. -ENOEXEC: not a 64-bit x86 ELF file; -EINVAL: broken. */
int elf__open(int fd, struct elf_file **out);
void elf__close(struct elf_file *elf);
/* The same for _cleanup_. */
void elf__cleanup(struct elf_file **elf);
/* Where its debug file may lie: colon-separated, the caller's while @elf lives; NULL: /usr/lib/debug. Before anything is asked. */
void elf__set_debug_dirs(struct elf_file *elf, const char *dirs);

/*
 * elf__find - functions called @name: mangled, demangled (with or without parameters), or name+0xoff; from .symtab and .dynsym,
 * versions (@@GLIBC_2.34) ignored; aliases at one address once. Exact names win over demangled ones, exported functions over
 * local ones. More than one is found where an exported function has several versions. A stripped file's separate debug file is
 * looked at too. Return: 0; -ENOENT; -ENOTUNIQ: *@n of them differ; -EOPNOTSUPP: an ifunc, which only selects the function.
 */
int elf__find(struct elf_file *elf, const char *name, struct elf_symbol **out, size_t *n);
void elf_symbol__free(struct elf_symbol *s, size_t n);
/* The function that contains link-time address @vaddr (0 or -ENOENT; out->addend is the distance). */
int elf__symbol_at(struct elf_file *elf, uint64_t vaddr, struct elf_symbol *out);
/* The next function's entry behind @vaddr, or the end of its segment: as far as a function of unknown size can reach. */
uint64_t elf__next_entry(struct elf_file *elf, uint64_t vaddr);

/* Copy @len bytes of code at link-time address @vaddr. */
int elf__code(struct elf_file *elf, uint64_t vaddr, void *buf, size_t len);
/* Build-id in hex, or NULL. Owned by @elf. */
const char *elf__build_id(struct elf_file *elf);
const char *elf__soname(struct elf_file *elf);
bool elf__is_go(struct elf_file *elf);
/* What it says of itself as a Go program; the answer is @elf's. As golang__open. */
int elf__golang(struct elf_file *elf, struct golang **out);
/* Has it no dynamic symbols: what it uses cannot be seen from its imports? */
bool elf__is_static(struct elf_file *elf);
/* The names of its functions; *@names is an array to free, the strings are @elf's. */
int elf__function_names(struct elf_file *elf, const char ***names, size_t *n);
/* Does the FDE that covers @vaddr have a language-specific data area (C++ unwinding acts in this function)? -ENOENT: no FDE. */
int elf__has_lsda(struct elf_file *elf, uint64_t vaddr);
/* The function, or split-off part of one, that contains @vaddr: from its FDE (also in stripped files), else its symbol. Or -ENOENT. */
int elf__extent(struct elf_file *elf, uint64_t vaddr, uint64_t *start, uint64_t *len);
/* Does the dynamic symbol table import @name? */
bool elf__imports(struct elf_file *elf, const char *name);
/* A place in the code. */
struct elf_place {
	uint64_t vaddr, offset;
};
/*
 * elf__sdt - the probe points that the file's notes mark as @provider:@name, nops all of them: up to @room.
 * Return: 0; -ENOENT: none; -EOPNOTSUPP: they are behind a semaphore; -EBADMSG.
 */
int elf__sdt(struct elf_file *elf, const char *provider, const char *name, struct elf_place *places, size_t room, size_t *n);
/* Link-time address to file offset and back. -ENOENT: in no loaded segment. */
int elf__to_offset(struct elf_file *elf, uint64_t vaddr, uint64_t *offset);
int elf__to_vaddr(struct elf_file *elf, uint64_t offset, uint64_t *vaddr);

#endif
