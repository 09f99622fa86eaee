// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <sys/stat.h>
#include "binary.h"
#include "cleanup.h"
#include "demangle.h"

#define MAX_ANSWERS 16384 /* kept for one file; then all are forgotten */
#define SLOTS	    4096  /* of the table of answers; a power of two */
#define MAX_SYMBOL  4096  /* bytes of one that is not demangled */

struct answer {
	struct answer *next;
	uint64_t vaddr;
	size_t n;
	size_t bytes;
	struct binary_name names[];
};

static void answer_free(struct answer *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->names[i].symbol);
		free(a->names[i].file);
	}
	free(a);
}

static void forget_answers(struct binary *b)
{
	for (size_t i = 0; i < b->slots; i++)
		while (b->answers[i]) {
			struct answer *a = b->answers[i];

			b->answers[i] = a->next;
			b->bytes -= a->bytes;
			answer_free(a);
		}
	b->nanswers = 0;
}

int binary__open(int fd_, bool steady, const struct binary_options *options, struct binary **out)
{
	_cleanup_close_ int fd = fd_;
	struct binary *b = calloc(1, sizeof(*b));
	struct stat st;
	int err;

	if (!b)
		return -ENOMEM;
	err = fstat(fd, &st) ? -errno : elf_guard__open(fd, steady, &b->guard, &b->elf);
	if (err) {
		free(b);
		return err;
	}
	b->fd = take_fd(&fd);
	b->dev = st.st_dev;
	b->ino = st.st_ino;
	b->refs = 1;
	b->options = options;
	b->debug.fd = b->alt.fd = -1;
	b->bytes = sizeof(*b);
	*out = b;
	return 0;
}

int binary__open_memory(char *image, size_t size, const struct binary_options *options, struct binary **out)
{
	struct binary *b = calloc(1, sizeof(*b));
	int err;

	if (!b)
		return -ENOMEM;
	err = elf_guard__memory(image, size, &b->guard, &b->elf);
	if (err) {
		free(b);
		return err;
	}
	b->fd = b->debug.fd = b->alt.fd = -1;
	b->refs = 1;
	b->options = options;
	*out = b;
	return 0;
}

static void close_names(struct binary *b)
{
	b->named = false;
	lines__close(take_ptr(b->lines));
	golang__close(take_ptr(b->golang));
	symtab__clear(&b->symbols);
	debugfile__close(&b->alt);
	debugfile__close(&b->debug);
}

struct binary *binary__ref(struct binary *b)
{
	b->refs++;
	return b;
}

void binary__forget(struct binary *b)
{
	forget_answers(b);
	free(take_ptr(b->answers));
	b->slots = 0;
	close_names(b);
	b->bytes = sizeof(*b);
}

void binary__unref(struct binary *b)
{
	if (!b || --b->refs)
		return;
	binary__forget(b);
	elf_end(b->elf);
	if (b->fd >= 0)
		close(b->fd);
	free(b);
}

static bool is_current(int fd, const struct elf_guard *g)
{
	struct stat st;

	return fd < 0 || (!fstat(fd, &st) && (uint64_t)st.st_size == g->size &&
			  (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec == g->mtime);
}

bool binary__is_current(const struct binary *b)
{
	return is_current(b->fd, &b->guard) && is_current(b->debug.fd, &b->debug.guard) &&
	       is_current(b->alt.fd, &b->alt.guard);
}

int binary__vaddr(const struct binary *b, uint64_t offset, uint64_t *vaddr)
{
	size_t n;

	if (elf_getphdrnum(b->elf, &n))
		return -ENOENT;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(b->elf, (int)i, &ph) || ph.p_type != PT_LOAD)
			continue;
		if (offset >= ph.p_offset && offset - ph.p_offset < ph.p_filesz) {
			*vaddr = ph.p_vaddr + (offset - ph.p_offset);
			return 0;
		}
	}
	return -ENOENT;
}

/* Whatever cannot be read is done without: a stripped binary has module and offset. Only -ENOMEM is an error. */
static int open_names(struct binary *b, const struct target *t, const char *path)
{
	const struct binary_options *o = b->options;
	const struct elf_guard *g = &b->guard;
	Elf *dwarf = b->elf;
	const char *alt;
	int err = 0;

	if (!g->has_dwarf && b->fd >= 0)
		err = debugfile__find(t, path, b->elf, o->debug_dirs, o->debuginfod, &b->debug);
	if (err == -ENOMEM)
		return err;
	if (b->debug.elf) {
		g = &b->debug.guard;
		dwarf = b->debug.elf;
	}
	err = symtab__read(b->elf, b->debug.elf, &b->symbols);
	if (!err && golang__open(b->elf, &b->golang) == -ENOMEM)
		err = -ENOMEM;
	if (err)
		return err;
	b->bytes += b->symbols.n * sizeof(*b->symbols.entries) + b->guard.table_bytes + b->debug.guard.table_bytes;
	if (g->has_dwarf && g->debug_bytes <= o->max_dwarf) {
		alt = lines__alt_name(dwarf);
		if (alt && b->debug.elf)
			err = debugfile__alt(t, b->debug.path, b->debug.in_target, alt, &b->alt);
		else if (alt)
			err = debugfile__alt(t, path, t->foreign_mnt, alt, &b->alt);
		if (b->alt.elf && b->alt.guard.debug_bytes > o->max_dwarf)
			debugfile__close(&b->alt);
		if (err != -ENOMEM)
			err = lines__open(dwarf, b->alt.elf, &b->lines);
		if (err == -ENOMEM)
			return err;
		if (b->lines)
			b->bytes += g->debug_bytes + b->alt.guard.debug_bytes + lines__bytes(b->lines);
	}
	return 0;
}

static int need_names(struct binary *b, const struct target *t, const char *path)
{
	int err = b->named ? 0 : open_names(b, t, path);

	if (err)
		close_names(b);
	else
		b->named = true;
	return err;
}

int binary__debug_fd(struct binary *b, const struct target *t, const char *path)
{
	if (need_names(b, t, path) || !b->debug.elf || b->debug.in_target || !debugfile__is_steady(b->debug.fd))
		return -1;
	return fcntl(b->debug.fd, F_DUPFD_CLOEXEC, 0);
}

static char *readable(const char *name, size_t len)
{
	_cleanup_free_ char *raw = strndup(name, len < MAX_SYMBOL ? len : MAX_SYMBOL);
	char *out;

	if (!raw || !demangle__is_mangled(raw))
		return take_ptr(raw);
	switch (demangle__name(raw, false, &out)) {
	case 0:
		return out;
	case -ENOMEM:
		return NULL;
	default:
		return take_ptr(raw);
	}
}

/* The last of @lines is the function that is really there: its name is the symbol table's, if that knows it. */
static int fill(struct answer *a, const struct symtab_entry *symbol, struct line *lines, size_t n)
{
	a->n = n ?: 1;
	for (size_t i = 0; i < a->n; i++) {
		struct binary_name *name = &a->names[i];
		const char *function = n ? lines[i].function : NULL;
		size_t len = function ? strlen(function) : 0;

		name->inlined = i + 1 < a->n;
		if (!name->inlined && symbol) {
			function = symbol->name;
			len = symbol->len;
			name->offset = a->vaddr - symbol->start;
		} else if (!function) {
			name->offset = a->vaddr;
		}
		if (function) {
			name->symbol = readable(function, len);
			if (!name->symbol)
				return -ENOMEM;
			a->bytes += strlen(name->symbol) + 1;
		}
		if (n && lines[i].file) {
			name->file = take_ptr(lines[i].file);
			name->line = lines[i].number;
			a->bytes += strlen(name->file) + 1;
		}
	}
	return 0;
}

/* What a stripped Go program says itself, as the tables of others would. */
static int ask_golang(const struct binary *b, uint64_t vaddr, struct symtab_entry *symbol, struct line **out, size_t *n)
{
	struct golang_function f;
	const char *file;
	struct line *line;
	uint32_t number;

	if (!b->golang || golang__line(b->golang, vaddr, &f, &file, &number))
		return -ENOENT;
	*symbol = (struct symtab_entry){ .start = f.start, .end = f.end, .name = f.name, .len = (uint32_t)strlen(f.name) };
	if (!file)
		return 0;
	line = calloc(1, sizeof(*line));
	if (line)
		line->file = strdup(file);
	if (!line || !line->file) {
		free(line);
		return -ENOMEM;
	}
	line->number = number;
	*out = line;
	*n = 1;
	return 0;
}

static int answer_new(struct binary *b, uint64_t vaddr, struct answer **out)
{
	const struct symtab_entry *symbol = symtab__find(&b->symbols, vaddr);
	struct symtab_entry told;
	struct line *lines = NULL;
	struct answer *a = NULL;
	size_t n = 0;
	int err = 0;

	if (b->lines) {
		size_t before = lines__bytes(b->lines);

		err = lines__find(b->lines, vaddr, &lines, &n);
		b->bytes += lines__bytes(b->lines) - before;
	}
	if (!symbol && !n && err != -ENOMEM) {
		err = ask_golang(b, vaddr, &told, &lines, &n);
		symbol = err ? NULL : &told;
	}
	if (err == -ENOMEM)
		return err;
	a = calloc(1, sizeof(*a) + (n ?: 1) * sizeof(a->names[0]));
	err = -ENOMEM;
	if (a) {
		a->vaddr = vaddr;
		a->bytes = sizeof(*a) + (n ?: 1) * sizeof(a->names[0]);
		err = fill(a, symbol, lines, n);
	}
	lines__free(lines, n);
	if (err) {
		if (a)
			answer_free(a);
		return err;
	}
	*out = a;
	return 0;
}

static size_t slot_of(const struct binary *b, uint64_t vaddr)
{
	return (size_t)(vaddr * 0x9e3779b97f4a7c15u >> 32) & (b->slots - 1);
}

int binary__name(struct binary *b, const struct target *t, const char *path, uint64_t vaddr,
		 const struct binary_name **out, size_t *n)
{
	struct answer *a;
	size_t slot;
	int err = need_names(b, t, path);

	if (err)
		return err;
	if (!b->slots) {
		b->answers = calloc(SLOTS, sizeof(*b->answers));
		if (!b->answers)
			return -ENOMEM;
		b->slots = SLOTS;
		b->bytes += b->slots * sizeof(*b->answers);
	}
	slot = slot_of(b, vaddr);
	for (a = b->answers[slot]; a && a->vaddr != vaddr; a = a->next)
		;
	if (!a) {
		err = answer_new(b, vaddr, &a);
		if (err)
			return err;
		if (b->nanswers == MAX_ANSWERS)
			forget_answers(b);
		a->next = b->answers[slot];
		b->answers[slot] = a;
		b->nanswers++;
		b->bytes += a->bytes;
	}
	*out = a->names;
	*n = a->n;
	return 0;
}
