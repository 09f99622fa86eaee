// SPDX-License-Identifier: GPL-2.0
/*
 * ELF files of targets: hostile input. Never mapped into memory (the file may be truncated meanwhile, which would be a SIGBUS);
 * sizes are checked against the file by libelf, counts here.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>
#include "cleanup.h"
#include "elf_file.h"
#include "golang.h"

#define DEBUG_DIRS "/usr/lib/debug"

void elf__cleanup(struct elf_file **f)
{
	elf__close(*f);
}

static int read_segments(struct elf_file *f)
{
	size_t n;

	if (elf_getphdrnum(f->elf, &n) || n > ELF_MAX_SEGMENTS)
		return -EINVAL;
	f->segments = calloc(n ? n : 1, sizeof(*f->segments));
	if (!f->segments)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(f->elf, (int)i, &p))
			return -EINVAL;
		if (p.p_type != PT_LOAD || !p.p_filesz)
			continue;
		/* Neither the addresses nor the offsets may wrap. */
		if (p.p_vaddr + p.p_filesz < p.p_vaddr || p.p_offset + p.p_filesz < p.p_offset || p.p_offset > INT64_MAX)
			return -EINVAL;
		f->segments[f->nsegments++] = (struct elf_segment){
			.vaddr = p.p_vaddr,
			.offset = p.p_offset,
			.filesz = p.p_filesz,
			.exec = p.p_flags & PF_X,
		};
	}
	return 0;
}

void elf_file__add_tables(struct elf_file *f, Elf *elf, uint32_t type)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != type || sh.sh_entsize != sizeof(Elf64_Sym))
			continue;
		if (f->ntables == sizeof(f->tables) / sizeof(f->tables[0]))
			return;
		f->tables[f->ntables++] = (struct elf_table){
			.elf = elf,
			.scn = scn,
			.strings = sh.sh_link,
			.dynamic = type == SHT_DYNSYM,
		};
		return; /* a file has one of a type */
	}
}

bool elf_table__load(struct elf_table *t)
{
	if (!t->data) {
		t->data = elf_getdata(t->scn, NULL);
		t->n = t->data ? t->data->d_size / sizeof(Elf64_Sym) : 0;
	}
	return t->data;
}

static char *note_build_id(Elf_Data *data)
{
	size_t at = 0, name, desc;
	GElf_Nhdr nh;

	while ((at = gelf_getnote(data, at, &nh, &name, &desc))) {
		const uint8_t *id = (const uint8_t *)data->d_buf + desc;
		char *hex;

		if (nh.n_type != NT_GNU_BUILD_ID || nh.n_namesz != 4 || memcmp((char *)data->d_buf + name, "GNU", 4) ||
		    !nh.n_descsz || nh.n_descsz > 64)
			continue;
		hex = malloc(nh.n_descsz * 2 + 1);
		for (size_t i = 0; hex && i < nh.n_descsz; i++)
			snprintf(hex + 2 * i, 3, "%02x", id[i]);
		return hex;
	}
	return NULL;
}

char *elf_file__read_build_id(Elf *elf)
{
	Elf_Scn *scn = NULL;
	size_t n;
	char *id;

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;
		Elf_Data *data;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_NOTE || sh.sh_size > ELF_MAX_NOTES)
			continue;
		data = elf_getdata(scn, NULL);
		id = data ? note_build_id(data) : NULL;
		if (id)
			return id;
	}
	if (elf_getphdrnum(elf, &n) || n > ELF_MAX_SEGMENTS)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr p;
		Elf_Data *data;

		if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_NOTE || p.p_filesz > ELF_MAX_NOTES)
			continue;
		data = elf_getdata_rawchunk(elf, (int64_t)p.p_offset, p.p_filesz, p.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
		id = data ? note_build_id(data) : NULL;
		if (id)
			return id;
	}
	return NULL;
}

static void read_sections(struct elf_file *f)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(f->elf, &names))
		return;
	while ((scn = elf_nextscn(f->elf, scn))) {
		GElf_Shdr sh;
		Elf_Data *data;
		const char *name;

		if (!gelf_getshdr(scn, &sh))
			continue;
		name = elf_strptr(f->elf, names, sh.sh_name);
		/* Any of these survives stripping. */
		if (name && (!strcmp(name, ".go.buildinfo") || !strcmp(name, ".note.go.buildid") || !strcmp(name, ".gopclntab")))
			f->go = true;
		if (sh.sh_type != SHT_DYNAMIC || f->soname || !(data = elf_getdata(scn, NULL)))
			continue;
		for (int i = 0; (size_t)i < data->d_size / sizeof(Elf64_Dyn); i++) {
			GElf_Dyn d;
			const char *soname;

			if (!gelf_getdyn(data, i, &d) || d.d_tag == DT_NULL)
				break;
			if (d.d_tag == DT_SONAME && (soname = elf_strptr(f->elf, sh.sh_link, d.d_un.d_val))) {
				f->soname = strndup(soname, ELF_MAX_NAME);
				break;
			}
		}
	}
}

int elf__open(int fd, struct elf_file **out)
{
	_cleanup_(elf__cleanup) struct elf_file *f = calloc(1, sizeof(*f));
	GElf_Ehdr ehdr;
	int err;

	if (!f)
		return -ENOMEM;
	f->fd = f->debug_fd = -1;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return -EINVAL;
	f->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (f->fd < 0)
		return -errno;
	f->elf = elf_begin(f->fd, ELF_C_READ, NULL);
	if (!f->elf || elf_kind(f->elf) != ELF_K_ELF)
		return -ENOEXEC;
	if (!gelf_getehdr(f->elf, &ehdr))
		return -EINVAL;
	if (ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_ident[EI_DATA] != ELFDATA2LSB || ehdr.e_machine != EM_X86_64)
		return -ENOEXEC;
	if (ehdr.e_type != ET_EXEC && ehdr.e_type != ET_DYN)
		return -EINVAL;
	err = read_segments(f);
	if (err)
		return err;
	elf_file__add_tables(f, f->elf, SHT_SYMTAB);
	f->stripped = !f->ntables;
	elf_file__add_tables(f, f->elf, SHT_DYNSYM);
	read_sections(f);
	f->build_id = elf_file__read_build_id(f->elf);
	*out = take_ptr(f);
	return 0;
}

void elf__close(struct elf_file *f)
{
	if (!f)
		return;
	golang__close(f->golang);
	elf_end(f->debug);
	elf_end(f->elf);
	if (f->debug_fd >= 0)
		close(f->debug_fd);
	if (f->fd >= 0)
		close(f->fd);
	free(f->segments);
	free(f->build_id);
	free(f->soname);
	free(f);
}

const char *elf__build_id(struct elf_file *f)
{
	return f->build_id;
}

const char *elf__soname(struct elf_file *f)
{
	return f->soname;
}

bool elf__is_static(struct elf_file *f)
{
	for (size_t i = 0; i < f->ntables; i++)
		if (f->tables[i].dynamic && elf_table__load(&f->tables[i]) && f->tables[i].n > 1)
			return false;
	return true;
}

bool elf__is_go(struct elf_file *f)
{
	return f->go;
}

int elf__golang(struct elf_file *f, struct golang **out)
{
	int err = f->golang ? 0 : f->go ? golang__open(f->elf, &f->golang) : -ENOENT;

	if (!err)
		*out = f->golang;
	return err;
}

int elf__to_offset(struct elf_file *f, uint64_t vaddr, uint64_t *offset)
{
	for (size_t i = 0; i < f->nsegments; i++) {
		const struct elf_segment *s = &f->segments[i];

		if (vaddr >= s->vaddr && vaddr - s->vaddr < s->filesz) {
			*offset = vaddr - s->vaddr + s->offset;
			return 0;
		}
	}
	return -ENOENT;
}

int elf__to_vaddr(struct elf_file *f, uint64_t offset, uint64_t *vaddr)
{
	/* Pages at the border of two segments are in both: code is what is asked for. */
	for (int exec = 1; exec >= 0; exec--)
		for (size_t i = 0; i < f->nsegments; i++) {
			const struct elf_segment *s = &f->segments[i];

			if (s->exec == exec && offset >= s->offset && offset - s->offset < s->filesz) {
				*vaddr = offset - s->offset + s->vaddr;
				return 0;
			}
		}
	return -ENOENT;
}

bool elf_file__is_code(const struct elf_file *f, uint64_t vaddr)
{
	for (size_t i = 0; i < f->nsegments; i++) {
		const struct elf_segment *s = &f->segments[i];

		if (s->exec && vaddr >= s->vaddr && vaddr - s->vaddr < s->filesz)
			return true;
	}
	return false;
}

int elf__code(struct elf_file *f, uint64_t vaddr, void *buf, size_t len)
{
	for (size_t i = 0; i < f->nsegments; i++) {
		const struct elf_segment *s = &f->segments[i];
		size_t done = 0;

		if (!s->exec || vaddr < s->vaddr || vaddr - s->vaddr >= s->filesz)
			continue;
		if (len > s->filesz - (vaddr - s->vaddr))
			return -ENOENT;
		while (done < len) {
			ssize_t n = pread(f->fd, (char *)buf + done, len - done,
					  (off_t)(vaddr - s->vaddr + s->offset + done));

			if (n < 0)
				return -errno;
			if (!n) /* the segment says more than the file has */
				return -EINVAL;
			done += (size_t)n;
		}
		return 0;
	}
	return -ENOENT;
}

void elf__set_debug_dirs(struct elf_file *f, const char *dirs)
{
	f->debug_dirs = dirs;
}

static Elf *open_debug(const char *path, int *fd_out)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	Elf *elf;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return NULL;
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || gelf_getclass(elf) != ELFCLASS64) {
		elf_end(elf);
		return NULL;
	}
	*fd_out = take_fd(&fd);
	return elf;
}

static Elf *debug_by_build_id(const struct elf_file *f, const char *dir, int *fd)
{
	_cleanup_free_ char *path = NULL, *id = NULL;
	Elf *elf;

	if (!f->build_id || strlen(f->build_id) < 4 ||
	    asprintf(&path, "%s/.build-id/%.2s/%s.debug", dir, f->build_id, f->build_id + 2) < 0)
		return NULL;
	elf = open_debug(path, fd);
	if (!elf)
		return NULL;
	id = elf_file__read_build_id(elf);
	if (id && !strcmp(id, f->build_id))
		return elf;
	elf_end(elf);
	close(*fd);
	return NULL;
}

static bool crc_is(int fd, uint32_t wanted)
{
	_cleanup_free_ uint8_t *buf = malloc(1 << 16);
	uLong crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n;

	if (!buf)
		return false;
	while ((n = pread(fd, buf, 1 << 16, at)) > 0) {
		crc = crc32(crc, buf, (uInt)n);
		at += n;
	}
	return !n && (uint32_t)crc == wanted;
}

/* The section .gnu_debuglink: a file name, padded to 4, and the CRC-32 of that file. */
static Elf *debug_by_link(const struct elf_file *f, const char *dir, int *fd)
{
	char self[32], where[4096];
	Elf_Scn *scn = NULL;
	size_t names;
	ssize_t n;

	if (elf_getshdrstrndx(f->elf, &names))
		return NULL;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
	n = readlink(self, where, sizeof(where) - 1);
	if (n <= 0)
		return NULL;
	where[n] = '\0';
	*strrchr(where, '/') = '\0';

	while ((scn = elf_nextscn(f->elf, scn))) {
		_cleanup_free_ char *path = NULL;
		GElf_Shdr sh;
		Elf_Data *data;
		const char *name;
		size_t len;
		uint32_t crc;
		Elf *elf;

		if (!gelf_getshdr(scn, &sh) || !(name = elf_strptr(f->elf, names, sh.sh_name)) ||
		    strcmp(name, ".gnu_debuglink") || sh.sh_type != SHT_PROGBITS || sh.sh_size > ELF_MAX_NAME)
			continue;
		data = elf_rawdata(scn, NULL);
		if (!data || !data->d_buf)
			return NULL;
		len = strnlen(data->d_buf, data->d_size);
		/* A name only: it must not lead out of the directory. */
		if (!len || (len + 4) / 4 * 4 + 4 > data->d_size || memchr(data->d_buf, '/', len))
			return NULL;
		memcpy(&crc, (char *)data->d_buf + (len + 4) / 4 * 4, 4);
		if (asprintf(&path, "%s%s/%s", dir, where, (char *)data->d_buf) < 0)
			return NULL;
		elf = open_debug(path, fd);
		if (elf && crc_is(*fd, crc))
			return elf;
		if (elf) {
			elf_end(elf);
			close(*fd);
		}
		return NULL;
	}
	return NULL;
}

void elf_file__load_debug(struct elf_file *f)
{
	_cleanup_free_ char *dirs = NULL;
	char *save;

	if (!f->stripped || f->debug_tried)
		return;
	f->debug_tried = true;
	dirs = strdup(f->debug_dirs ?: DEBUG_DIRS);
	if (!dirs)
		return;
	for (char *dir = strtok_r(dirs, ":", &save); dir && !f->debug; dir = strtok_r(NULL, ":", &save))
		f->debug = debug_by_build_id(f, dir, &f->debug_fd) ?: debug_by_link(f, dir, &f->debug_fd);
	if (f->debug)
		elf_file__add_tables(f, f->debug, SHT_SYMTAB);
}
