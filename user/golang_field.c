// SPDX-License-Identifier: GPL-2.0
/* Where fields lie: by the version of Go, or by what the program's DWARF says. */
#include <dwarf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <elfutils/libdw.h>
#include "golang_int.h"

#define MAX_TYPES   (1u << 22) /* DIEs that are looked at, of all units together */
#define MAX_MEMBERS 256
#define MAX_OFFSET  4096

/* Of each field: structure and name. */
static const struct {
	const char *type, *name;
} fields[GOLANG_FIELDS] = {
	[GOLANG_GOID] = { "runtime.g", "goid" },
	[GOLANG_MAX_OPEN] = { "database/sql.DB", "maxOpen" },
	[GOLANG_NUM_OPEN] = { "database/sql.DB", "numOpen" },
	[GOLANG_FREE_CONN] = { "database/sql.DB", "freeConn" },
	[GOLANG_TX_CONN] = { "database/sql.Tx", "dc" },
	[GOLANG_TX_DONE] = { "database/sql.Tx", "done" },
};

/* Releases whose layout was seen: 1.FROM to 1.TO, with whatever patch level. */
static const struct {
	unsigned int from, to;
	uint32_t offset[GOLANG_FIELDS];
} layouts[] = {
	{ 18, 22, { [GOLANG_GOID] = 152, [GOLANG_MAX_OPEN] = 128, [GOLANG_NUM_OPEN] = 80, [GOLANG_FREE_CONN] = 40,
		    [GOLANG_TX_CONN] = 32, [GOLANG_TX_DONE] = 64 } },
	{ 23, 24, { [GOLANG_GOID] = 160, [GOLANG_MAX_OPEN] = 136, [GOLANG_NUM_OPEN] = 88, [GOLANG_FREE_CONN] = 40,
		    [GOLANG_TX_CONN] = 32, [GOLANG_TX_DONE] = 64 } },
	{ 25, 26, { [GOLANG_GOID] = 152, [GOLANG_MAX_OPEN] = 136, [GOLANG_NUM_OPEN] = 88, [GOLANG_FREE_CONN] = 40,
		    [GOLANG_TX_CONN] = 32, [GOLANG_TX_DONE] = 64 } },
	{ 27, 27, { [GOLANG_GOID] = 152, [GOLANG_MAX_OPEN] = 136, [GOLANG_NUM_OPEN] = 88, [GOLANG_FREE_CONN] = 40,
		    [GOLANG_TX_CONN] = 40, [GOLANG_TX_DONE] = 72 } },
};

/* "go1.23", "go1.23.5", "go1.23.5 X:nocoverageredesign", but none of a development version. */
static bool parse_release(const char *version, unsigned int *minor)
{
	int end = 0;

	return version && sscanf(version, "go1.%2u%n", minor, &end) == 1 && strchr(". ", version[end]);
}

static void read_members(struct golang *g, Dwarf_Die *type, const char *type_name)
{
	Dwarf_Die member;

	if (dwarf_child(type, &member))
		return;
	for (unsigned int n = 0; n < MAX_MEMBERS; n++) {
		const char *name = dwarf_tag(&member) == DW_TAG_member ? dwarf_diename(&member) : NULL;
		Dwarf_Attribute at;
		Dwarf_Word offset;

		if (name && dwarf_attr(&member, DW_AT_data_member_location, &at) && !dwarf_formudata(&at, &offset) &&
		    offset < MAX_OFFSET)
			for (unsigned int i = 0; i < GOLANG_FIELDS; i++)
				if (!strcmp(fields[i].type, type_name) && !strcmp(fields[i].name, name)) {
					g->offset[i] = (uint32_t)offset;
					g->known[i] = true;
				}
		if (dwarf_siblingof(&member, &member))
			return;
	}
}

static bool is_wanted(const char *type)
{
	for (unsigned int i = 0; i < GOLANG_FIELDS; i++)
		if (!strcmp(fields[i].type, type))
			return true;
	return false;
}

static bool all_known(const struct golang *g)
{
	for (unsigned int i = 0; i < GOLANG_FIELDS; i++)
		if (!g->known[i])
			return false;
	return true;
}

/* Types are where the linker put them, in whatever unit. */
static void ask_dwarf(struct golang *g)
{
	Dwarf *dw = dwarf_begin_elf(g->elf, DWARF_C_READ, NULL);
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit, die;
	unsigned int n = 0;

	while (dw && n < MAX_TYPES && !all_known(g) && !dwarf_get_units(dw, cu, &cu, NULL, NULL, &unit, NULL)) {
		if (dwarf_child(&unit, &die))
			continue;
		do {
			const char *name = dwarf_tag(&die) == DW_TAG_structure_type ? dwarf_diename(&die) : NULL;

			if (name && is_wanted(name))
				read_members(g, &die, name);
		} while (++n < MAX_TYPES && !dwarf_siblingof(&die, &die));
	}
	dwarf_end(dw);
}

int golang__field(struct golang *g, enum golang_field field, uint32_t *offset)
{
	unsigned int minor;

	/* One before 1.18 says its version elsewhere, and may pass arguments on the stack. */
	if (!g->version)
		return -ENOENT;
	if (parse_release(g->version, &minor))
		for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
			if (minor >= layouts[i].from && minor <= layouts[i].to) {
				*offset = layouts[i].offset[field];
				return 0;
			}
	if (!g->asked) {
		g->asked = true;
		ask_dwarf(g);
	}
	if (!g->known[field])
		return -ENOENT;
	*offset = g->offset[field];
	return 0;
}
