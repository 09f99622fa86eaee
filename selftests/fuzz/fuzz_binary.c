// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes as a program that a target maps: named and unwound without a crash. The corpus is a program that stack.mk
 * builds.
 */
#include "../stack/hostile.h"
#include "fuzz.h"

/* With some headers libelf (0.192) forgets sections that it had read: it is not what is tested here. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libelf.so\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	hostile_run(data, size);
	return 0;
}
