/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a Go program says of itself, stripped or not: which Go made it, its functions (.gopclntab, which its own stack traces
 * need), where fields lie in structures of its runtime and library. The file is the target's and may be anything.
 */
#ifndef POOLWATCH_GOLANG_H
#define POOLWATCH_GOLANG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libelf.h>

struct golang;

/* golang__open - of a file that must stay open meanwhile. Return: 0; -ENOENT: no Go program; -ENOMEM. */
int golang__open(Elf *elf, struct golang **out);
void golang__close(struct golang *g);

/* "go1.23.5", as the linker wrote it (bytes of the target's choice); NULL: not known. */
const char *golang__version(const struct golang *g);

/* The fields that poolwatch reads. */
enum golang_field {
	GOLANG_GOID,	 /* of runtime.g: the goroutine's number */
	GOLANG_MAX_OPEN, /* of database/sql.DB: maxOpen, numOpen, freeConn (a slice: its length is the second word) */
	GOLANG_NUM_OPEN,
	GOLANG_FREE_CONN,
	GOLANG_TX_CONN, /* of database/sql.Tx: dc and done */
	GOLANG_TX_DONE,
	GOLANG_FIELDS,
};

/*
 * golang__field - where a field lies in its structure
 * A release whose layout was seen is known by its version; of any other the program's DWARF is asked, if there is any.
 * Return: 0, or -ENOENT: not known.
 */
int golang__field(struct golang *g, enum golang_field field, uint32_t *offset);

/* A function, by link-time addresses. */
struct golang_function {
	uint64_t start, end;
	const char *name; /* in the file: lives as long as the Elf */
};

/* Number of functions that the table tells of; 0: there is none that is understood (before Go 1.18, or broken). */
size_t golang__functions(const struct golang *g);
/* The @i-th in order of address. Return: 0, or -EINVAL: what the table says of it makes no sense. */
int golang__function(const struct golang *g, size_t i, struct golang_function *out);
/* The one called @name. 0 or -ENOENT. */
int golang__find(const struct golang *g, const char *name, struct golang_function *out);
/*
 * golang__package - the code around @vaddr that belongs to the same package (the linker puts that in a row)
 * Return: 0; -ENOENT: not known, or it is the program's own package (main), which is no library.
 */
int golang__package(const struct golang *g, uint64_t vaddr, uint64_t *start, uint64_t *end);

/*
 * golang__line - the function at @vaddr, the file it is written in (in the program, or NULL), and there the line
 * @line: 0: not known, or code inlined from another file
 * Return: 0 or -ENOENT.
 */
int golang__line(const struct golang *g, uint64_t vaddr, struct golang_function *function, const char **file, uint32_t *line);

/* Bytes of @name that are its package: "database/sql" of "database/sql.(*DB).conn". */
size_t golang__package_len(const char *name);

/* Is @symbol, of source @file (or NULL), of Go's own library, or of a module that others published? */
bool golang__is_library(const char *symbol, const char *file);

#endif
