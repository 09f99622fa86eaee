// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes as a perf map: what is found lies within the text, entries do not overlap, lookups agree with each other.
 */
#include <errno.h>
#include <string.h>
#include "fuzz.h"
#include "perfmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t probes[] = {
		0, 1, 0x1000, 0x1080, 0x10ff, 0x2000, 0x7f0000001000, 0x7f0000001010, ~0ull
	};
	struct perfmap *map;

	if (perfmap__parse((const char *)data, size, &map))
		return 0;
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		const char *name, *again;
		uint64_t offset, before;
		size_t len;

		if (perfmap__find(map, probes[i], &name, &len, &offset))
			continue;
		FUZZ_CHECK(len && len <= PERFMAP_MAX_NAME && len <= size);
		FUZZ_CHECK(offset <= probes[i]);
		FUZZ_CHECK(memmem(data, size, name, len));
		/* Its first byte is in the same entry. */
		FUZZ_CHECK(!perfmap__find(map, probes[i] - offset, &again, &len, &before));
		FUZZ_CHECK(again == name && !before);
	}
	FUZZ_CHECK(perfmap__bytes(map) >= size);
	perfmap__free(map);
	return 0;
}
