/* SPDX-License-Identifier: GPL-2.0 */
/* A fuzz target: any bytes in; what must hold afterwards is checked, whatever the build. */
#ifndef POOLWATCH_FUZZ_H
#define POOLWATCH_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                 \
	do {                                                                                  \
		if (!(condition)) {                                                           \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);       \
			abort();                                                              \
		}                                                                             \
	} while (0)

#endif
