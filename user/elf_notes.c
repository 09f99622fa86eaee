// SPDX-License-Identifier: GPL-2.0
/* SystemTap's notes: places that a program's authors marked for probes (sys/sdt.h). */
#include <string.h>
#include "cleanup.h"
#include "elf_file.h"

#define SDT_TYPE 3
#define SDT_NAME "stapsdt"
#define NOP	 0x90

/* In a note: address of the probe, of .stapsdt.base when it was linked, of a semaphore; then provider, name, arguments. */
#define SDT_HEAD 24

/* What is found of one section of notes. */
struct search {
	struct elf_file *elf;
	const char *provider, *name;
	uint64_t base; /* of .stapsdt.base; 0: none */
	struct elf_place *places;
	size_t n, room;
	bool semaphore;
};

/* Addresses were written when the file was linked; it may have been moved since, and with it .stapsdt.base. */
static uint64_t moved(const struct search *s, uint64_t vaddr, uint64_t base)
{
	return s->base && base ? vaddr + (s->base - base) : vaddr;
}

static void take_note(struct search *s, const uint8_t *desc, size_t size)
{
	const char *provider = (const char *)desc + SDT_HEAD, *name;
	uint64_t head[3], vaddr, offset;
	size_t left = size - SDT_HEAD, len;
	uint8_t code;

	len = strnlen(provider, left);
	if (len == left || strcmp(provider, s->provider))
		return;
	name = provider + len + 1;
	left -= len + 1;
	if (strnlen(name, left) == left || strcmp(name, s->name))
		return;
	memcpy(head, desc, sizeof(head));
	vaddr = moved(s, head[0], head[1]);
	/* What is not a nop is not what the note says. */
	if (elf__code(s->elf, vaddr, &code, 1) || code != NOP || elf__to_offset(s->elf, vaddr, &offset))
		return;
	s->semaphore |= head[2];
	if (s->n < s->room)
		s->places[s->n++] = (struct elf_place){ vaddr, offset };
}

static void take_section(struct search *s, Elf_Scn *scn)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t at = 0, name, desc;
	GElf_Nhdr note;

	if (!data || data->d_size > ELF_MAX_NOTES)
		return;
	while ((at = gelf_getnote(data, at, &note, &name, &desc)))
		if (note.n_type == SDT_TYPE && note.n_namesz == sizeof(SDT_NAME) && note.n_descsz > SDT_HEAD &&
		    !memcmp((char *)data->d_buf + name, SDT_NAME, sizeof(SDT_NAME)))
			take_note(s, (const uint8_t *)data->d_buf + desc, note.n_descsz);
}

int elf__sdt(struct elf_file *elf, const char *provider, const char *name, struct elf_place *places, size_t room, size_t *n)
{
	struct search s = { .elf = elf, .provider = provider, .name = name, .places = places, .room = room };
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	size_t names;

	if (elf_getshdrstrndx(elf->elf, &names))
		return -EBADMSG;
	while ((scn = elf_nextscn(elf->elf, scn))) {
		const char *section = gelf_getshdr(scn, &sh) ? elf_strptr(elf->elf, names, sh.sh_name) : NULL;

		if (section && !strcmp(section, ".stapsdt.base"))
			s.base = sh.sh_addr;
	}
	while ((scn = elf_nextscn(elf->elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_NOTE)
			take_section(&s, scn);
	/* A semaphore must be raised for the probe to be reached: not done here. */
	if (s.semaphore)
		return -EOPNOTSUPP;
	*n = s.n;
	return s.n ? 0 : -ENOENT;
}
