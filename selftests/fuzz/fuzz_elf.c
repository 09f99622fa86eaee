// SPDX-License-Identifier: GPL-2.0
/* Any bytes as a target's file: all that poolwatch asks of one. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "elf.h"
#include "fuzz.h"

static void look_at(struct elf_file *elf, const char *name)
{
	struct elf_symbol *s = NULL, at;
	uint64_t offset, back, start, len;
	uint8_t code[32];
	size_t n = 0;
	int err = elf__find(elf, name, &s, &n);

	if (err) {
		FUZZ_CHECK(!s);
		return;
	}
	FUZZ_CHECK(n > 0);
	for (size_t i = 0; i < n; i++) {
		/* Whatever was found is in the file's code. */
		FUZZ_CHECK(!elf__to_offset(elf, s[i].vaddr, &offset) && offset == s[i].offset);
		FUZZ_CHECK(!elf__to_vaddr(elf, offset, &back));
		FUZZ_CHECK(elf__next_entry(elf, s[i].vaddr) > s[i].vaddr);
		elf__code(elf, s[i].vaddr, code, sizeof(code));
		elf__has_lsda(elf, s[i].vaddr);
		if (!elf__extent(elf, s[i].vaddr, &start, &len))
			FUZZ_CHECK(s[i].vaddr - start < len);
		if (!elf__symbol_at(elf, s[i].vaddr, &at)) {
			FUZZ_CHECK(at.vaddr == s[i].vaddr && at.name);
			free(at.name);
		}
	}
	elf_symbol__free(s, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	const char **names = NULL;
	struct elf_file *elf;
	size_t n = 0;

	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(write(fd, data, size) == (ssize_t)size);
	if (elf__open(fd, &elf)) {
		close(fd);
		return 0;
	}
	look_at(elf, "take_slot");
	look_at(elf, "put_slot+0x1");
	look_at(elf, "Shop::close(int)");
	look_at(elf, "pool::take");
	if (!elf__function_names(elf, &names, &n))
		for (size_t i = 0; i < n; i++)
			FUZZ_CHECK(names[i]);
	free(names);
	elf__imports(elf, "pthread_cancel");
	elf__is_static(elf);
	elf__is_go(elf);
	if (elf__soname(elf))
		FUZZ_CHECK(strlen(elf__soname(elf)) <= 4096);
	if (elf__build_id(elf))
		FUZZ_CHECK(strlen(elf__build_id(elf)) <= 128);
	elf__close(elf);
	close(fd);
	return 0;
}
