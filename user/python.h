/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A CPython interpreter in a target: which version, where its runtime is, what the BPF programs must know to walk its
 * frames. Nothing is believed of a version that was not seen: offsets are from a table for 3.11 and 3.12, from the
 * runtime's own description for 3.13, and are tried on the process before they are used.
 */
#ifndef POOLWATCH_PYTHON_USER_H
#define POOLWATCH_PYTHON_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../bpf/python.h"
#include "elf_scan.h"
#include "target.h"

/* Offsets that only user space needs, beside those in struct pw_python. */
struct python_layout {
	uint16_t interp_head;	 /* in the runtime: the newest interpreter */
	uint16_t interp_next;
	uint32_t interp_threads; /* in an interpreter: its newest thread state */
	uint16_t ts_next, ts_interp;
	uint16_t code_firstline, code_linetable, code_start;
	uint16_t bytes_text;
	uint16_t type_flags, type_cached_keys;
};

/* How the attributes of an object are kept, which changed with each version. */
enum python_attrs { PYTHON_ATTRS_311, PYTHON_ATTRS_312, PYTHON_ATTRS_313 };

/* Reads the target's memory: 0 or -errno, never short. */
struct python_mem {
	int (*read)(void *ctx, uint64_t addr, void *buf, size_t len);
	void *ctx;
};

struct python {
	uint32_t version; /* as Py_Version: 0x030b02f0 is 3.11.2 */
	uint64_t runtime, code_type;
	struct pw_python bpf;
	struct python_layout layout;
	enum python_attrs attrs;
	int fd; /* of the file that holds the interpreter; owned */
	struct elf_call *posts; /* where it posts semaphores: no more than ELF_SCAN_MAX_CALLS */
	size_t nposts;
	uint64_t lock_exit; /* where in the file Lock.__exit__ begins, which may post none; 0: it does, as all that gives up a lock */
	bool lock_stepped;  /* there the kernel steps over the instruction: it does not emulate it */
};

#define PYTHON_ERROR 200
#define PYTHON_SQLALCHEMY "python-sqlalchemy" /* the builtin's name */
#define PYTHON_SEMAPHORES "sem" /* the preset of POSIX semaphores, which Python's locks are */

/*
 * python__open - find the interpreter of @t
 * Return: 0; -ENOENT: none is mapped; -EOPNOTSUPP: one is, but not one that is understood; -EAGAIN: it has not begun to run
 * Python code yet; -errno of opening its file; -ENOMEM. On failure @err (PYTHON_ERROR bytes) says why, in a line.
 */
int python__open(struct target *t, struct python *py, char *err);
void python__close(struct python *py);

/*
 * Are the semaphores of this process an interpreter's locks, and nothing else? They are, unless what makes others is mapped
 * (multiprocessing). To watch them as pools would cost much and find nothing.
 */
bool python__only_locks(const struct target *t);

/* python__layout - offsets for @version, or of a runtime that describes itself. -EOPNOTSUPP, -EINVAL: not believable. */
int python__layout(const struct python_mem *mem, uint64_t runtime, uint32_t version, struct python *py, char *err);

/*
 * python__lock_exit - the function that threading.Lock has for __exit__ (python_lock.c)
 * The table of the type's methods is looked for in the memory from @from to @to, which begins and ends at words.
 * Return: 0; -ENOENT: it is not there; -errno of a read.
 */
int python__lock_exit(const struct python_mem *mem, uint64_t from, uint64_t to, uint64_t *function);
/*
 * The same in the data of the file @fd, whose code is mapped at @code: fills in @py->lock_exit.
 * Return: 0; -ENOENT; -EINVAL: what the table has is no function of that file; -errno.
 */
int python__find_lock_exit(struct target *t, const struct target_map *code, int fd, uint64_t bias, struct python *py);

/* --- objects (python_object.c): pure readers of target memory. -EINVAL: not such an object. */

/* An ASCII or Latin-1 string, cut to @size - 1 bytes; other characters as '?'. */
int python__str(const struct python *py, const struct python_mem *mem, uint64_t obj, char *buf, size_t size);
int python__int(const struct python_mem *mem, uint64_t obj, int64_t *value);
/* Attribute @name of an instance. -ENOENT: it has none of that name. */
int python__attr(const struct python *py, const struct python_mem *mem, uint64_t obj, const char *name, uint64_t *value);

/*
 * python__queue_pool - the size of a SQLAlchemy QueuePool, and how many of its units are checked out
 * *@capacity is INT64_MAX for one without a limit. The two are read without stopping the target.
 */
int python__queue_pool(const struct python *py, const struct python_mem *mem, uint64_t pool, int64_t *capacity, int64_t *out);

/* --- frames (python_stack.c) */

struct python_line {
	char function[96]; /* qualified name */
	char file[256];
	uint32_t line; /* 0: unknown */
};

/* Where in its source @frame is. Return: 0, or -EINVAL: the code object is gone. */
int python__line(const struct python *py, const struct python_mem *mem, const struct pw_python_frame *frame, struct python_line *out);
/* The line of instruction @index (in code units) in a location table of 3.11 and later. 0: none. */
uint32_t python__table_line(const uint8_t *table, size_t len, uint32_t first_line, uint32_t index);
/* Not a library's: neither of the standard library, nor below site-packages or dist-packages. */
bool python__is_user_code(const char *file);

#endif
