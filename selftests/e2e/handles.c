// SPDX-License-Identifier: GPL-2.0
/*
 * A pool whose units have handles, which never come twice or always, as it is told: "new N" takes and returns N units of N
 * different handles, "same N" N times the same; "hold" takes one more and keeps it, "give" returns that one. Answered by "done".
 */
#include <stdio.h>
#include <string.h>

static long last_handle;
static int slots;

__attribute__((noinline)) int take_unit(int *pool, long *handle, long wanted)
{
	++*pool;
	*handle = wanted;
	return 0;
}

__attribute__((noinline)) void put_unit(int *pool, long handle)
{
	__asm__ volatile("" : : "r"(handle));
	--*pool;
}

int main(void)
{
	char line[64];
	long handle, kept = 0;
	int n;

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "hold\n")) {
			take_unit(&slots, &kept, ++last_handle);
		} else if (!strcmp(line, "give\n")) {
			put_unit(&slots, kept);
		} else if (sscanf(line, "new %d", &n) == 1) {
			while (n--) {
				take_unit(&slots, &handle, ++last_handle);
				put_unit(&slots, handle);
			}
		} else if (sscanf(line, "same %d", &n) == 1) {
			while (n--) {
				take_unit(&slots, &handle, 1L << 40);
				put_unit(&slots, handle);
			}
		}
		puts("done");
		fflush(stdout);
	}
	return 0;
}
