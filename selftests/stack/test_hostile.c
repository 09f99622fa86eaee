// SPDX-License-Identifier: GPL-2.0
/* Damaged and malicious binaries: no crash, and an end. What they are called in the end is of no interest. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include "hostile.h"
#include "kselftest_harness.h"

struct file {
	uint8_t *data;
	size_t len;
};

static struct file read_all(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct file f;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		abort();
	f.len = (size_t)st.st_size;
	f.data = malloc(f.len);
	if (read(fd, f.data, f.len) != st.st_size)
		abort();
	close(fd);
	return f;
}

static uint64_t seed;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

/* Where a section lies, or the whole file. */
static void section(const struct file *f, const char *name, size_t *from, size_t *len)
{
	Elf *elf = elf_memory((char *)f->data, f->len);
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	size_t names;

	*from = 0;
	*len = f->len;
	if (elf_getshdrstrndx(elf, &names))
		abort();
	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type != SHT_NOBITS &&
		    !strcmp(elf_strptr(elf, names, sh.sh_name), name)) {
			*from = sh.sh_offset;
			*len = sh.sh_size;
		}
	elf_end(elf);
}

static void damage(const struct file *f, const char *name, int rounds)
{
	struct file copy = { malloc(f->len), f->len };
	size_t from, len;

	section(f, name, &from, &len);
	for (int i = 0; i < rounds; i++) {
		static const uint8_t nasty[] = { 0, 1, 0x7f, 0x80, 0xff };
		size_t n = 1 + next() % 8;

		memcpy(copy.data, f->data, f->len);
		while (n--)
			copy.data[from + next() % len] = next() & 1 ? nasty[next() % 5] : (uint8_t)next();
		hostile_run(copy.data, copy.len);
	}
	free(copy.data);
}

FIXTURE(hostile)
{
	struct file f;
};

FIXTURE_SETUP(hostile)
{
	elf_version(EV_CURRENT);
	seed = 88172645463325252ull;
	self->f = read_all(STACK_DIR "/plain");
}

FIXTURE_TEARDOWN(hostile)
{
	free(self->f.data);
}

FIXTURE_VARIANT(hostile)
{
	const char *section;
};

#define DAMAGED(id, name)                                                                                              \
	FIXTURE_VARIANT_ADD(hostile, id)                                                                               \
	{                                                                                                              \
		.section = name                                                                                        \
	}

DAMAGED(info, ".debug_info");
DAMAGED(abbrev, ".debug_abbrev");
DAMAGED(line, ".debug_line");
DAMAGED(str, ".debug_str");
DAMAGED(rnglists, ".debug_rnglists");
DAMAGED(eh_frame, ".eh_frame");
DAMAGED(eh_frame_hdr, ".eh_frame_hdr");
DAMAGED(symtab, ".symtab");
DAMAGED(strtab, ".strtab");
DAMAGED(note, ".note.gnu.build-id");
DAMAGED(anywhere, "");

TEST_F(hostile, damaged)
{
	damage(&self->f, variant->section, 40);
}

/* The header and the tables that it points to. */
TEST_F(hostile, header)
{
	if (strcmp(variant->section, ""))
		return;
	for (size_t i = 0; i < sizeof(Elf64_Ehdr); i++)
		for (int v = 0; v < 3; v++) {
			uint8_t was = self->f.data[i];

			self->f.data[i] = (uint8_t[]){ 0, 0xff, (uint8_t)(was + 1) }[v];
			hostile_run(self->f.data, self->f.len);
			self->f.data[i] = was;
		}
}

TEST_F(hostile, cut_short)
{
	if (strcmp(variant->section, ""))
		return;
	for (size_t len = 0; len < self->f.len; len += 1 + len / 8)
		hostile_run(self->f.data, len);
}

static Elf64_Shdr *header_of(struct file *f, const char *name)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)f->data;
	Elf64_Shdr *sh = (Elf64_Shdr *)(f->data + eh->e_shoff);
	const char *names = (const char *)f->data + sh[eh->e_shstrndx].sh_offset;

	for (int i = 0; i < eh->e_shnum; i++)
		if (!strcmp(names + sh[i].sh_name, name))
			return &sh[i];
	abort();
}

/* A file of @size bytes that begins with @f; what is behind takes no room. */
static int guard(const struct file *f, off_t size, bool steady)
{
	int fd = memfd_create("absurd", MFD_CLOEXEC), err;
	struct elf_guard g;
	Elf *elf;

	if (fd < 0 || write(fd, f->data, f->len) != (ssize_t)f->len || ftruncate(fd, size))
		abort();
	err = elf_guard__open(fd, steady, &g, &elf);
	if (!err)
		elf_end(elf);
	close(fd);
	return err;
}

/* Sizes that nobody has memory or time for are refused before they are read. */
TEST_F(hostile, absurd_sizes)
{
	struct file *f = &self->f;
	Elf64_Chdr bomb = { .ch_type = ELFCOMPRESS_ZLIB, .ch_size = 1ull << 40, .ch_addralign = 1 };
	Elf64_Ehdr *eh = (Elf64_Ehdr *)f->data;
	Elf64_Shdr *sh, was;

	if (strcmp(variant->section, ""))
		return;
	EXPECT_EQ(0, guard(f, (off_t)f->len, false));
	EXPECT_EQ(0, guard(f, 1ll << 33, false));
	EXPECT_EQ(-EFBIG, guard(f, (1ll << 33) + 1, false));
	EXPECT_EQ(-EFBIG, guard(f, (1ll << 33) + 1, true));

	sh = header_of(f, ".symtab");
	was = *sh;
	sh->sh_size = 1ull << 30;
	EXPECT_EQ(-EBADMSG, guard(f, 1ll << 30, false));
	EXPECT_EQ(-EFBIG, guard(f, 1ll << 31, false));
	EXPECT_EQ(0, guard(f, 1ll << 31, true));
	sh->sh_size = ~0ull;
	EXPECT_EQ(-EBADMSG, guard(f, 1ll << 31, true));
	*sh = was;

	sh = header_of(f, ".debug_info");
	was = *sh;
	sh->sh_size = 1ull << 30;
	EXPECT_EQ(-EFBIG, guard(f, 1ll << 31, false));
	*sh = was;

	sh = header_of(f, ".debug_str");
	sh->sh_flags |= SHF_COMPRESSED;
	memcpy(f->data + sh->sh_offset, &bomb, sizeof(bomb));
	EXPECT_EQ(-EFBIG, guard(f, (off_t)f->len, false));
	EXPECT_EQ(-EFBIG, guard(f, (off_t)f->len, true));
	sh->sh_flags &= ~(Elf64_Xword)SHF_COMPRESSED;

	eh->e_type = ET_REL;
	EXPECT_EQ(-ENOEXEC, guard(f, (off_t)f->len, false));
	eh->e_type = ET_DYN;
	eh->e_machine = EM_AARCH64;
	EXPECT_EQ(-ENOEXEC, guard(f, (off_t)f->len, false));
}

TEST_HARNESS_MAIN
