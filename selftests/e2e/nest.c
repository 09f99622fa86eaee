// SPDX-License-Identifier: GPL-2.0
/*
 * A thread takes a slot and, still holding it, asks for a second one, from a function that the compiler puts into its caller:
 * what a stack has to tell of optimised code. It does so for each line "nest" on its standard input, or as often as its first
 * argument says, at once, and ends. Each time it prints the lines of the four calls, innermost first, and addresses as the file
 * has them: of handle_request(), of where it returns to, of where open_session() returns to:
 *
 *   nested AUDIT HANDLE SESSION SERVE 0xHANDLE 0xSESSION 0xSERVE
 *
 * "keep" takes a slot for good, in keep(), and prints the line: "kept LINE".
 *
 * "load FILE" loads a library, by whose function through() it is done from then on.
 *
 * The session is a pool of its own: open_session() is its acquire, and the slots are taken before it returns.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 3

struct pool {
	sem_t units;
};

static struct pool slots, sessions;
static int lines[4];
static void *returns[2];

extern char __executable_start[];

__attribute__((noipa)) int take_slot(struct pool *p)
{
	return sem_wait(&p->units);
}

__attribute__((noipa)) void put_slot(struct pool *p)
{
	sem_post(&p->units);
}

static inline __attribute__((always_inline)) int save_audit(struct pool *p)
{
	int r;

	lines[0] = __LINE__ + 1;
	r = take_slot(p);
	put_slot(p);
	return r + 1;
}

/* The sums keep calls from becoming jumps, and the array makes a frame of some size. */
__attribute__((noipa)) int handle_request(struct pool *p)
{
	volatile char room[200];
	int r = take_slot(p);

	returns[0] = __builtin_return_address(0);
	memset((char *)room, r, sizeof(room));
	lines[1] = __LINE__ + 1;
	r += save_audit(p);
	put_slot(p);
	return r + room[7];
}

__attribute__((noipa)) int open_session(struct pool *p)
{
	int r = sem_wait(&p->units);

	returns[1] = __builtin_return_address(0);
	lines[2] = __LINE__ + 1;
	r += handle_request(&slots);
	return r - 1;
}

__attribute__((noipa)) void close_session(struct pool *p)
{
	sem_post(&p->units);
}

static void *serve(void *arg)
{
	lines[3] = __LINE__ + 1;
	if (open_session(&sessions))
		abort();
	close_session(&sessions);
	return arg;
}

static void *(*through)(void *(*fn)(void *));

static void *serve_through(void *arg)
{
	return through(serve) ? arg : NULL;
}

static void load(char *line)
{
	void *library;

	line[strcspn(line, "\n")] = '\0';
	library = dlopen(line + strlen("load "), RTLD_NOW);
	through = library ? (void *(*)(void *(*)(void *)))dlsym(library, "through") : NULL;
	puts(through ? "load done" : dlerror());
}

static void nest(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, through ? serve_through : serve, NULL) || pthread_join(t, NULL))
		abort();
	printf("nested %d %d %d %d %#lx %#lx %#lx\n", lines[0], lines[1], lines[2], lines[3],
	       (char *)handle_request - __executable_start, (char *)returns[0] - __executable_start,
	       (char *)returns[1] - __executable_start);
}

__attribute__((noipa)) static void keep(void)
{
	take_slot(&slots);
	printf("kept %d\n", __LINE__ - 1);
}

int main(int argc, char **argv)
{
	char line[512];

	sem_init(&slots.units, 0, SLOTS);
	sem_init(&sessions.units, 0, 1);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1) {
		for (int i = atoi(argv[1]); i > 0; i--)
			nest();
		return 0;
	}
	puts("ready");
	while (fgets(line, sizeof(line), stdin))
		if (!strncmp(line, "load ", 5))
			load(line);
		else
			(line[0] == 'k' ? keep : nest)();
	return 0;
}
