// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include "escape.h"
#include "plan_learned.h"

#define KNOWN_TEXT 96
#define ID_DIGITS  12 /* of a build-id, enough to tell two apart */

static bool reads_memory(const struct spec_pool *pool)
{
	bool reads = pool->capacity.uses & PW_USES_MEM;

	for (size_t i = 0; i < pool->nprobes; i++)
		reads |= pool->probes[i].capacity.uses & PW_USES_MEM;
	return reads;
}

/* What the definition was written for, as many as there is room for. */
static void list_known(const struct spec_pool *pool, char out[KNOWN_TEXT])
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < pool->nguards; i++) {
		const struct spec_guard *g = &pool->guards[i];
		bool id = g->kind == SPEC_GUARD_BUILD_ID;
		char text[40], one[64];

		escape__string(text, sizeof(text), g->text, 0);
		snprintf(one, sizeof(one), "%s%s%.*s", i ? ", " : "", id ? "build-id " : "version ", id ? ID_DIGITS : 32, text);
		if (len + strlen(one) + sizeof(", ...") > KNOWN_TEXT) {
			strcpy(out + len, ", ...");
			return;
		}
		len += (size_t)sprintf(out + len, "%s", one);
	}
}

bool plan__learned(const struct plan *plan, const struct plan_probe *probe, char line[PLAN_LEARNED])
{
	const struct plan_file *f = &plan->files[probe->file];
	const char *base = strrchr(f->path, '/');
	char name[96], version[48], known[KNOWN_TEXT], is[64] = "";
	bool by_id = false, by_version = false;

	if (!probe->learn)
		return false;
	escape__string(name, sizeof(name), base ? base + 1 : f->path, 0);
	if (f->go && !probe->pool->nguards) {
		escape__string(version, sizeof(version), f->version ?: "a Go of unknown version", 0);
		snprintf(line, PLAN_LEARNED, "%s was made by %s, of which it is not known where a pool keeps its limit: its capacity is learned",
			 name, version);
		return true;
	}
	/* What only arguments say, or a number, holds for every version. */
	if (probe->pool->capacity.shape == PW_SHAPE_IMM || !reads_memory(probe->pool))
		return false;
	for (size_t i = 0; i < probe->pool->nguards; i++) {
		by_id |= probe->pool->guards[i].kind == SPEC_GUARD_BUILD_ID;
		by_version |= probe->pool->guards[i].kind == SPEC_GUARD_VERSION;
	}
	if (by_id && f->build_id)
		snprintf(is, sizeof(is), " of build-id %.*s", ID_DIGITS, f->build_id);
	else if (by_id)
		strcpy(is, " without a build-id");
	else if (by_version && !f->version)
		strcpy(is, " without a version in its name");
	list_known(probe->pool, known);
	snprintf(line, PLAN_LEARNED, "%s%s is not a version that the definition knows (it knows %s): its capacity is learned", name, is, known);
	return true;
}
