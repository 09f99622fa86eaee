/* SPDX-License-Identifier: GPL-2.0 */
/* top over a fake source, on a pseudo-terminal of cells. */
#ifndef POOLWATCH_TEST_PTY_H
#define POOLWATCH_TEST_PTY_H

#include <ctype.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "fake_source.h"
#include "top.h"
#include "vt.h"

/* What the fake source shows; set by the test, read by top. */
enum phase { CALM, DEADLOCKED, RECOVERED, GONE };

#define PATIENCE_MS \
	20000 /* for something to appear on the screen: far more than it takes, less than the harness allows */

/* Process numbers that no process can have, so that nothing is found about them. */
#define API 4200001
#define WEB 4200002

struct pty {
	int master;
	pid_t child;
	struct termios before;
	struct vt vt;
	volatile int *phase;
};

static volatile int *fake_phase;

/* "db" of three in api, "sem" of four in api, "cache" of ten in web. */
static int make_ledger(struct ledger *l, unsigned int look)
{
	struct poolwatch_pool *p;
	struct poolwatch_edge *e;
	enum phase phase = *fake_phase;

	if (phase == GONE)
		return -ENOENT;
	fake_def(l, 0, "db");
	fake_def(l, 1, "sem");
	fake_def(l, 2, "c\033[31mache");
	fake_proc(l, 0, API, "api");
	fake_proc(l, 1, WEB, "web");
	p = fake_pool(l, 0, API, 0, 0xd0, 3, phase == DEADLOCKED ? 3 : 1);
	p->grants = 50;
	p->in_use_max = 3;
	if (phase != CALM) {
		p->depth = 2;
		p->nesting_max = 3;
		p->nested = 3;
	}
	p = fake_pool(l, 1, API, 1, 0xe0, 4, 2);
	p->grants = 100 + look * 20;
	p->in_use_max = 3;
	p->hold[21] = 10 + look * 10;
	p->hold[22] = 3;
	p->wait[11] = 7;
	fake_pool(l, 2, WEB, 2, 0xf0, 10, 9)->in_use_max = 10;
	for (uint32_t i = 0; i < (phase == DEADLOCKED ? 3 : 1); i++) {
		struct poolwatch_thread *t = fake_thread(l, i, API, API + 1 + i, "worker");

		fake_hold(l, t, 0, 1, 812000000, 0x400100);
		if (phase == DEADLOCKED)
			fake_request(l, t, 0, 640000000 + i * 1000000, 0x400200);
	}
	fake_hold(l, fake_thread(l, 3, API, API + 9, "ma\nin"), 1, 2, 5 * FAKE_SECOND, 0x400300);
	if (phase == CALM)
		return 0;
	e = fake_record(l, POOLWATCH_EDGES, 0, API);
	e->from = e->to = 1ull << 32;
	e->from_site = 0x400100;
	e->to_site = 0x400200;
	e->count = 3;
	e->first = e->last = l->time;
	e->depth = 2;
	e->tid = API + 1;
	return 0;
}

/* Runs in the child: its exit code is top's -errno. */
static inline int pty__child(const char *term, bool mono)
{
	static struct fake_source source;
	struct top_options o = { .interval_ns = 20000000, .mono = mono };
	struct sessions sessions;
	struct top *t;
	int err;

	setenv("TERM", term, 1);
	setenv("TZ", "UTC", 1);
	unsetenv("NO_COLOR");
	unsetenv("COLUMNS");
	unsetenv("LINES");
	setlocale(LC_ALL, "C.UTF-8");
	source = fake_source(make_ledger);
	err = sessions__of(&sessions, &source.source);
	if (!err)
		err = top__new(&o, &sessions, &t);
	if (err)
		return 99;
	err = top__screen(t);
	top__free(t);
	printf("back\n");
	fflush(stdout);
	return -err;
}

static inline int pty__start(struct pty *p, const char *term, int lines, int columns, bool mono)
{
	struct winsize size = { .ws_row = (unsigned short)lines, .ws_col = (unsigned short)columns };

	vt__init(&p->vt, lines, columns);
	p->phase = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p->phase == MAP_FAILED)
		return -1;
	fake_phase = p->phase;
	p->child = forkpty(&p->master, NULL, NULL, &size);
	if (p->child < 0)
		return -1;
	if (!p->child)
		_exit(pty__child(term, mono));
	return 0;
}

static inline void pty__stop(struct pty *p)
{
	if (p->child > 0) {
		kill(p->child, SIGKILL);
		waitpid(p->child, NULL, 0);
	}
	if (p->master >= 0)
		close(p->master);
	munmap((void *)p->phase, sizeof(int));
}

/* Take in what the program wrote next. Return: false: it closed the terminal, or writes nothing for long. */
static inline bool pty__read(struct pty *p)
{
	struct pollfd fd = { .fd = p->master, .events = POLLIN };
	char bytes[4096];
	ssize_t n;

	if (poll(&fd, 1, PATIENCE_MS) <= 0)
		return false;
	n = read(p->master, bytes, sizeof(bytes));
	if (n <= 0)
		return false;
	vt__feed(&p->vt, bytes, (size_t)n);
	return true;
}

/* The screen, with times of day as 00:00:00. */
static inline const char *pty__screen(const struct pty *p)
{
	static char s[VT_LINES * (VT_COLUMNS * 8 + 2)];

	snprintf(s, sizeof(s), "%s", vt__screen(&p->vt));
	for (char *c = s; *c; c++)
		if (isdigit(c[0]) && isdigit(c[1]) && c[2] == ':' && isdigit(c[3]) && isdigit(c[4]) && c[5] == ':' &&
		    isdigit(c[6]) && isdigit(c[7]))
			memcpy(c, "00:00:00", 8);
	return s;
}

/* Until the screen is exactly that. Return: false: it never was. */
static inline bool pty__await(struct pty *p, const char *screen)
{
	while (strcmp(pty__screen(p), screen))
		if (!pty__read(p))
			return false;
	return true;
}

/* Until the screen has @text somewhere. */
static inline bool pty__await_text(struct pty *p, const char *text)
{
	while (!strstr(pty__screen(p), text))
		if (!pty__read(p))
			return false;
	return true;
}

static inline void pty__type(struct pty *p, const char *keys)
{
	ssize_t n = write(p->master, keys, strlen(keys));

	(void)n;
}

static inline void pty__resize(struct pty *p, int lines, int columns)
{
	struct winsize size = { .ws_row = (unsigned short)lines, .ws_col = (unsigned short)columns };

	vt__resize(&p->vt, lines, columns);
	ioctl(p->master, TIOCSWINSZ, &size);
}

/* To the end. Return: the wait status. */
static inline int pty__end(struct pty *p)
{
	int status;

	while (pty__read(p))
		;
	waitpid(p->child, &status, 0);
	p->child = 0;
	return status;
}

#endif
