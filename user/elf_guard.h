/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The door through which a file of the target comes to elfutils: what is absurd is refused here, so that the library's
 * time and memory are bounded by what is let in.
 */
#ifndef POOLWATCH_ELF_GUARD_H
#define POOLWATCH_ELF_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libelf.h>

#define ELF_GUARD_MAX_FILE     (8ull << 30)
#define ELF_GUARD_MAX_SECTIONS 65536
#define ELF_GUARD_MAX_SEGMENTS 1024
#define ELF_GUARD_MAX_INFLATED (512ull << 20) /* bytes of all compressed sections, unpacked */
#define ELF_GUARD_MAX_READ     (512ull << 20) /* bytes of what is read of a file that is not mapped */

struct elf_guard {
	uint64_t size;	      /* of the file */
	uint64_t mtime;	      /* ns */
	uint64_t debug_bytes; /* of memory that its DWARF may take; what is mapped counts a little only */
	uint64_t table_bytes; /* the same of symbol tables, call frames and notes */
	bool has_dwarf;	      /* and it may be read */
};

/*
 * elf_guard__open - @fd stays the caller's and must outlive *@out
 * @steady: nobody will cut the file short while it is open, so it may be mapped (behind its end would be a SIGBUS)
 * Return: 0; -ENOEXEC: no x86-64 program or library; -EFBIG: beyond the bounds; -EBADMSG: its parts lie outside of it;
 * -ENOMEM; -errno of fstat.
 */
int elf_guard__open(int fd, bool steady, struct elf_guard *info, Elf **out);

/* The same for an image in memory (the vdso). */
int elf_guard__memory(char *image, size_t size, struct elf_guard *info, Elf **out);

#endif
