// SPDX-License-Identifier: GPL-2.0
/*
 * Several ways to one call of an acquire, which nothing but the stack tells apart: first() and second() are the same but for their
 * address, and so are the functions that call them. Orders on the standard input:
 *
 *   take WAY	take a slot that way and keep it
 *   give	give back the slot that was taken last
 *   end	end
 *
 * WAY: "first", "second": run > way > first or second > take_any > take_slot. "deep": as first, with an acquire of another pool in
 * progress around it (open_session), whose return address the kernel may have put away. "room N": through a function whose frame
 * has N bytes more.
 *
 *   thread MS WAY	a thread takes a slot that way, keeps it for MS ms, and gives it back
 *
 * "give" and "thread" answer "held WAY LEAST MOST": us between the end of the take and the begin of the give, and from begin to end.
 */
#include <alloca.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 8

struct pool {
	sem_t units;
};

static struct pool slots, sessions;

static struct {
	char way[100];
	long begun, taken;
} held[SLOTS];
static int nheld;

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

__attribute__((noipa)) int take_slot(struct pool *p)
{
	return sem_wait(&p->units);
}

__attribute__((noipa)) void put_slot(struct pool *p)
{
	sem_post(&p->units);
}

/* The sums keep calls from becoming jumps. */
__attribute__((noipa)) static int take_any(struct pool *p)
{
	return take_slot(p) + 1;
}

__attribute__((noipa)) static int first(struct pool *p)
{
	return take_any(p) + 1;
}

__attribute__((noipa)) static int second(struct pool *p)
{
	return take_any(p) + 1;
}

__attribute__((noipa)) static int way_first(struct pool *p)
{
	return first(p) + 1;
}

__attribute__((noipa)) static int way_second(struct pool *p)
{
	return second(p) + 1;
}

__attribute__((noipa)) int open_session(struct pool *p)
{
	int r = sem_wait(&p->units);

	return r + way_first(&slots) - 3;
}

__attribute__((noipa)) void close_session(struct pool *p)
{
	sem_post(&p->units);
}

__attribute__((noipa)) static int way_deep(struct pool *p)
{
	int r = open_session(p) + 3;

	close_session(p);
	return r;
}

__attribute__((noipa)) static int way_room(struct pool *p, size_t n)
{
	volatile char *room = alloca(n + 1);

	room[n] = 1;
	return way_first(p) + room[n] - 1;
}

__attribute__((noipa)) static int run(const char *way)
{
	int r;

	if (!strcmp(way, "first"))
		r = way_first(&slots);
	else if (!strcmp(way, "second"))
		r = way_second(&slots);
	else if (!strcmp(way, "deep"))
		r = way_deep(&sessions);
	else
		r = way_room(&slots, strtoul(way + strlen("room "), NULL, 10));
	return r - 3;
}

static void take(const char *way)
{
	snprintf(held[nheld].way, sizeof(held[nheld].way), "%s", way);
	held[nheld].begun = now_us();
	if (run(way))
		abort();
	held[nheld++].taken = now_us();
	printf("took %s\n", way);
}

static void give(void)
{
	long begun = now_us();

	put_slot(&slots);
	nheld--;
	printf("held %s %ld %ld\n", held[nheld].way, begun - held[nheld].taken, now_us() - held[nheld].begun);
}

static void *keep(void *order)
{
	long ms = strtol(order, (char **)&order, 10), begun, taken, given;

	begun = now_us();
	if (run((char *)order + 1))
		abort();
	taken = now_us();
	usleep(ms * 1000);
	given = now_us();
	put_slot(&slots);
	printf("held %s %ld %ld\n", (char *)order + 1, given - taken, now_us() - begun);
	return NULL;
}

int main(void)
{
	char line[100];
	pthread_t t;

	sem_init(&slots.units, 0, SLOTS);
	sem_init(&sessions.units, 0, 1);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "end\n")) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "take ", 5))
			take(line + 5);
		else if (!strncmp(line, "thread ", 7))
			pthread_create(&t, NULL, keep, line + 7) || pthread_join(t, NULL) ? abort() : (void)0;
		else
			give();
	}
	return 0;
}
