// SPDX-License-Identifier: GPL-2.0
/*
 * A pool whose acquire looks at the number of free units several times before it takes one, as a compare-and-swap that is
 * disturbed does: every call goes through the loop four times, or finds nothing free. The loop has the only instruction that the
 * kernel emulates. On standard input: "pair N" takes and puts N times, "nest" takes twice and puts twice, "fail" takes what is not
 * there; each is answered by "done UNITS-TAKEN".
 */
#include <stdio.h>
#include <string.h>

int take_slot(int *left);
void put_slot(int *left);

__asm__(".text\n"
	".globl take_slot\n"
	".type take_slot, @function\n"
	"take_slot:\n"
	"	mov (%rdi), %eax\n"
	"	mov $4, %ecx\n"
	"1:	test %eax, %eax\n"
	"	je 2f\n"
	"	dec %ecx\n"
	"	jne 1b\n"
	"	lock decl (%rdi)\n"
	"	mov $1, %eax\n"
	"	ret\n"
	"2:	xor %eax, %eax\n"
	"	ret\n"
	".size take_slot, . - take_slot\n");

__attribute__((noinline)) void put_slot(int *left)
{
	__atomic_add_fetch(left, 1, __ATOMIC_RELAXED);
}

int main(void)
{
	static int left = 2, none;
	char line[64];
	int n;

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		int taken = 0, nest = !strcmp(line, "nest\n");

		if (nest) {
			taken += take_slot(&left);
			taken += take_slot(&left);
			put_slot(&left);
			put_slot(&left);
		} else if (!strcmp(line, "fail\n")) {
			taken += take_slot(&none);
		} else if (sscanf(line, "pair %d", &n) == 1) {
			for (int i = 0; i < n; i++) {
				taken += take_slot(&left);
				put_slot(&left);
			}
		}
		printf("done %d\n", taken);
		fflush(stdout);
	}
	return 0;
}
