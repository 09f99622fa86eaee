// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes as pool definitions: refused with a place that exists, or understood so that what is printed of them is
 * understood as the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"
#include "spec.h"
#include "spec_json.h"

static char *printed(const struct spec *spec, bool json)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	FUZZ_CHECK(out);
	for (size_t i = 0; i < spec->npools; i++) {
		if (json)
			spec_pool__print_json(&spec->pools[i], out);
		else
			spec_pool__print(&spec->pools[i], out);
	}
	fclose(out);
	return text;
}

static void check_error(struct spec_error *err)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	FUZZ_CHECK(out && err->line && err->column && err->message[0] && !strchr(err->message, '\n'));
	spec_error__print(err, out);
	spec_error__print_json(err, out);
	fclose(out);
	for (size_t i = 0; i < len; i++)
		FUZZ_CHECK((unsigned char)text[i] >= 0x20 || text[i] == '\n' || text[i] == '\t');
	free(text);
	spec_error__clear(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spec spec = { 0 }, again = { 0 };
	char *text, *second, *json;
	struct spec_error err;

	if (!size)
		return 0;
	if (spec__parse_text(&spec, (const char *)data + 1, size - 1, "fuzz", data[0] & 1, &err)) {
		FUZZ_CHECK(!spec.pools && !spec.npools);
		check_error(&err);
		return 0;
	}
	text = printed(&spec, false);
	json = printed(&spec, true);
	FUZZ_CHECK(!spec__parse_text(&again, text, strlen(text), "fuzz", false, &err));
	second = printed(&again, false);
	FUZZ_CHECK(!strcmp(text, second));
	free(text);
	free(second);
	free(json);
	spec__clear(&spec);
	spec__clear(&again);
	return 0;
}
