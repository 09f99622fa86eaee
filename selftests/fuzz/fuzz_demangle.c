// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes as a mangled name: an answer within bounds, and in bounded time, which libFuzzer and the test runner watch.
 */
#include <errno.h>
#include <string.h>
#include "demangle.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[2048], *out;

	if (size >= sizeof(name))
		size = sizeof(name) - 1;
	memcpy(name, data, size);
	name[size] = 0;
	for (int params = 0; params < 2; params++) {
		int err = demangle__name(name, params, &out);

		FUZZ_CHECK(!err || err == -ENOENT || err == -E2BIG);
		if (err)
			continue;
		FUZZ_CHECK(out[0] && strlen(out) < DEMANGLE_MAX_OUT);
		free(out);
	}
	return 0;
}
