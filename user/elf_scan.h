/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What interpreters need of an ELF file and functions by name do not give: data symbols, and the places in its code that call
 * an imported function. The file is the target's and may be anything.
 */
#ifndef POOLWATCH_ELF_SCAN_H
#define POOLWATCH_ELF_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* Link-time addresses of @n symbols of any kind into @vaddr[], 0 where there is none. Return: 0, -ENOEXEC, -EINVAL. */
int elf_scan__symbols(int fd, const char *const *names, size_t n, uint64_t *vaddr);

/* What to add to link-time addresses of the file, mapped from file offset @offset on at @start. Return: 0, -ENOENT. */
int elf_scan__bias(int fd, uint64_t start, uint64_t offset, uint64_t *bias);

struct elf_call {
	uint64_t offset; /* in the file, of the call or jump instruction */
	uint64_t vaddr;
	unsigned int callee; /* index of its name */
};

#define ELF_SCAN_MAX_CALLS 256

/*
 * elf_scan__calls - every direct or GOT-indirect call of (or jump to) an imported function of one of @names
 * Each one is an instruction boundary: the code was decoded up to it from a place that .eh_frame says is one.
 * Return: 0; -ENOENT: nothing calls any; -E2BIG: more than ELF_SCAN_MAX_CALLS; -ENOEXEC, -EINVAL, -ENOMEM.
 */
int elf_scan__calls(int fd, const char *const *names, size_t nnames, struct elf_call **out, size_t *n);

#endif
