// SPDX-License-Identifier: GPL-2.0
/*
 * What is unwound: wait_here, called by take_second, inlined into take_first, called by run, or with an argument by
 * generated code. It ends in read(2) of standard input; before that it prints the lines of the three calls. stack.mk
 * builds it in many ways.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned int lines[3];

/* The sum keeps calls from becoming jumps, and the arrays keep frames of different sizes. */
__attribute__((noipa)) int wait_here(int n)
{
	char c[32] = "";

	printf("%u %u %u\n", lines[0], lines[1], lines[2]);
	fflush(stdout);
	while (n && read(0, c, 1) < 0)
		;
	return c[0] + n;
}

static inline __attribute__((always_inline)) int take_second(int n)
{
	lines[0] = __LINE__ + 1;
	return wait_here(n) + 1;
}

__attribute__((noipa)) int take_first(int n)
{
	volatile char room[200];

	memset((char *)room, n, sizeof(room));
	lines[1] = __LINE__ + 1;
	return take_second(n) + room[n];
}

/* As a JIT compiler does: code in anonymous memory, with a frame pointer, that calls back. */
static int through_generated(int n)
{
	static const unsigned char code[] = {
		0x55,			/* push %rbp */
		0x48, 0x89, 0xe5,	/* mov %rsp, %rbp */
		0x48, 0x83, 0xec, 0x40, /* sub $64, %rsp */
		0xff, 0xd6,		/* call *%rsi */
		0xc9,			/* leave */
		0xc3,			/* ret */
	};
	char path[64];
	FILE *map;
	unsigned char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(p, code, sizeof(code));
	if (mprotect(p, 4096, PROT_READ | PROT_EXEC))
		abort();
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	map = fopen(path, "w");
	fprintf(map, "%lx %zx LGenerated;::run\n", (unsigned long)p, sizeof(code));
	fclose(map);
	return ((int (*)(int, int (*)(int)))p)(n, take_first);
}

static void *run(void *generated)
{
	int r;

	if (generated) {
		r = through_generated(1);
	} else {
		lines[2] = __LINE__ + 1;
		r = take_first(1);
	}
	return (void *)(long)(r + 1);
}

int main(int argc, char **argv)
{
	pthread_t thread;
	void *r;

	(void)argv;
	if (pthread_create(&thread, NULL, run, argc > 1 ? &thread : NULL))
		return 1;
	pthread_join(thread, &r);
	if (argc > 1) {
		char path[64];

		snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
		unlink(path);
	}
	return r == NULL;
}
