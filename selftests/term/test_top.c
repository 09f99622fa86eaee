// SPDX-License-Identifier: GPL-2.0
/* poolwatch top on a terminal: what stands in which cell, what keys do, and that the terminal is given back. */
#include <errno.h>
#include <sys/ioctl.h>
#include "kselftest_harness.h"
#include "pty.h"

#define KEYS "F1Help F3Search F4Filter F5Tree F6Sort TTotal SpacePause fFindings EnterOpen\n"
#define HEADINGS "STATE     POOL             PID IN USE           WAIT OLDEST ACQ/S HOLD99 MARGIN\n"

/* The list while all is well. */
#define CALM_SCREEN                                                                      \
	"poolwatch 00:00:00  session 1, direct  every 0.02 s\n"                          \
	"3 pools: 1 busy, 2 ok; 2 threads\n"                                             \
	"\n" HEADINGS                                                                    \
	"busy      c\\x1b[31mach 4200002 [#######|] 9/10     0      -     0      -      -\n" \
	"ok        db           4200001 [###     |] 1/3     0      -     0      -      -\n" \
	"ok        sem          4200001 [#### |   ] 2/4     0      -    20  2.0ms      -\n" \
	"\n\n\n\n\n\n\n\n\n\n\n"                                                         \
	"FINDINGS: none so far\n"                                                        \
	"\n\n\n\n" KEYS

#define DEADLOCK_SCREEN                                                                  \
	"poolwatch 00:00:00  session 1, direct  every 0.02 s\n"                          \
	"3 pools: 1 DEADLOCK, 1 busy, 1 ok; 4 threads\n"                                 \
	"\n" HEADINGS                                                                    \
	"DEADLOCK  db           4200001 [#########] 3/3     3  642ms     0      -      0\n" \
	"busy      c\\x1b[31mach 4200002 [#######|] 9/10     0      -     0      -      -\n" \
	"ok        sem          4200001 [#### |   ] 2/4     0      -    20  2.0ms      -\n" \
	"\n\n\n\n\n\n\n\n\n\n\n"                                                         \
	"FINDINGS, the latest first\n"                                                   \
	"00:00:00 deadlock in db of api[4200001]: 3 threads hold 3 of the 3 units of db,\n" \
	"00:00:00 nested in db of api[4200001]: a thread that holds 1 unit of db asks for\n" \
	"\n\n" KEYS

FIXTURE(top)
{
	struct pty p;
};

FIXTURE_SETUP(top)
{
	memset(&self->p, 0, sizeof(self->p));
}

FIXTURE_TEARDOWN(top)
{
	pty__stop(&self->p);
}

#define START(term, lines, columns) ASSERT_EQ(pty__start(&self->p, term, lines, columns, false), 0)
#define AWAIT(screen)                                                                             \
	ASSERT_TRUE(pty__await(&self->p, screen))                                                 \
	{                                                                                         \
		TH_LOG("the screen is:\n%s", pty__screen(&self->p));                              \
	}
#define AWAIT_TEXT(text)                                                                          \
	ASSERT_TRUE(pty__await_text(&self->p, text))                                              \
	{                                                                                         \
		TH_LOG("no '%s' on the screen:\n%s", text, pty__screen(&self->p));                \
	}
#define TYPE(keys) pty__type(&self->p, keys)
#define SHOW(phase_) (*self->p.phase = (phase_))

/* Every terminal shows the same. */
static const char *const terminals[] = { "vt100", "linux", "xterm", "xterm-256color", "screen", "tmux" };

TEST_F_TIMEOUT(top, a_deadlock_forms, 120)
{
	for (size_t i = 0; i < sizeof(terminals) / sizeof(terminals[0]); i++) {
		START(terminals[i], 24, 80);
		AWAIT(CALM_SCREEN);
		SHOW(DEADLOCKED);
		AWAIT(DEADLOCK_SCREEN);
		ASSERT_STREQ(self->p.vt.unknown, "");
		pty__stop(&self->p);
	}
	START("vt100", 24, 80);
}

TEST_F_TIMEOUT(top, drill_down_to_the_lines, 60)
{
	START("xterm", 24, 80);
	SHOW(DEADLOCKED);
	AWAIT(DEADLOCK_SCREEN);
	TYPE("\r");
	AWAIT("poolwatch 00:00:00  session 1, direct  every 0.02 s\n"
	      "pool db 0xd0 of api[4200001]: DEADLOCK\n"
	      "capacity 3, 3 in use (most 3), 3 waiting; depth 2, nesting 3, safe for 2\n"
	      "    TID THREAD       STATE    HOLDS       HELD  WAITS AT\n"
	      "4200004 worker       DEADLOCK db         812ms  642ms 0x400200\n"
	      "4200003 worker       DEADLOCK db         812ms  641ms 0x400200\n"
	      "4200002 worker       DEADLOCK db         812ms  640ms 0x400200\n"
	      "\n\n\n\n\n\n\n\n\n"
	      "HELD FOR                                WAITED FOR\n"
	      "nothing returned yet                    nobody had to wait yet\n"
	      "\n\n\n\n\n"
	      "F1Help SpacePause EnterOpen EscBack qQuit\n");
	TYPE("\033OB\r");
	AWAIT("poolwatch 00:00:00  session 1, direct  every 0.02 s\n"
	      "This thread is deadlocked.\n"
	      "\n"
	      "  thread 4200003 (worker):\n"
	      "    holds 1 of db for 812 ms, taken at\n"
	      "      0x400100\n"
	      "    asks for 1 more of db, for 641 ms now, at\n"
	      "      0x400200\n"
	      "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"
	      "F1Help SpacePause EnterOpen EscBack qQuit\n");
	TYPE("\033");
	AWAIT_TEXT("pool db 0xd0");
	TYPE("\033");
	AWAIT(DEADLOCK_SCREEN);
	/* The threads go on: the pool is fine, and the finding has its end. */
	SHOW(RECOVERED);
	AWAIT_TEXT("deadlock in db of api[4200001]: recovered after ");
	AWAIT_TEXT("ok        db           4200001 [###     |] 1/3     0      -     0      -      0\n");
}

TEST_F_TIMEOUT(top, histograms_of_a_pool, 60)
{
	START("vt100", 24, 80);
	AWAIT(CALM_SCREEN);
	TYPE("G\r");
	AWAIT_TEXT("4200010 ma\\x0ain     holds    sem x2      5.0s      - 0x400300\n");
	AWAIT_TEXT(" 2.0ms - 4.1ms  |#         | 3\n");
	AWAIT_TEXT("1.0us - 2.0us  |##########| 7\n");
}

TEST_F_TIMEOUT(top, tree_filter_search_sort, 60)
{
	START("vt100", 24, 80);
	SHOW(DEADLOCKED);
	AWAIT(DEADLOCK_SCREEN);
	TYPE("t");
	AWAIT_TEXT(HEADINGS "api[4200001]  2 pools, 1 in trouble\n"
			    "DEADLOCK    db         4200001 [#########] 3/3     3  642ms     0      -      0\n"
			    "ok          sem        4200001 [#### |   ] 2/4     0      -    20  2.0ms      -\n"
			    "web[4200002]  1 pool\n"
			    "busy        c\\x1b[31ma 4200002 [#######|] 9/10     0      -     0      -      -\n");
	TYPE("t\\SE");
	AWAIT_TEXT("Filter: SE_");
	TYPE("x\177m\r");
	AWAIT_TEXT("filter: SEm\n" HEADINGS "ok        sem          4200001 [#### |   ] 2/4     0      -    20  2.0ms      -\n\n");
	TYPE("\\\025nothing\r");
	AWAIT_TEXT("No pool matches the filter.");
	TYPE("\\\025\r");
	AWAIT(DEADLOCK_SCREEN);
	/* The selection goes to what was found; Enter opens that. */
	TYPE("/sem\r\r");
	AWAIT_TEXT("pool sem 0xe0 of api[4200001]: ok");
	TYPE("\033");
	AWAIT(DEADLOCK_SCREEN);
	/* By the second column, names; then the other way round. */
	TYPE("s\033OB\033OB\r");
	AWAIT_TEXT(HEADINGS "busy      c\\x1b[31mach 4200002 [#######|] 9/10     0      -     0      -      -\n"
			    "DEADLOCK  db           4200001 [#########] 3/3     3  642ms     0      -      0\n"
			    "ok        sem          4200001 [#### |   ] 2/4     0      -    20  2.0ms      -\n");
	TYPE("R");
	AWAIT_TEXT(HEADINGS "ok        sem          4200001 [#### |   ] 2/4     0      -    20  2.0ms      -\n"
			    "DEADLOCK  db           4200001 [#########] 3/3     3  642ms     0      -      0\n"
			    "busy      c\\x1b[31mach 4200002 [#######|] 9/10     0      -     0      -      -\n");
	TYPE("\033OC\033OC");
	AWAIT_TEXT("STATE     POOL          WAIT OLDEST ACQ/S HOLD99 MARGIN PROCESS      HOLD50 WAIT\n");
}

TEST_F_TIMEOUT(top, pause, 60)
{
	START("vt100", 24, 80);
	AWAIT(CALM_SCREEN);
	TYPE(" ");
	AWAIT_TEXT("every 0.02 s  PAUSED");
	SHOW(DEADLOCKED);
	TYPE("?");
	AWAIT_TEXT("which pool is full, who holds it, who waits");
	TYPE("\033");
	AWAIT_TEXT("3 pools: 1 busy, 2 ok; 2 threads");
	TYPE(" ");
	AWAIT(DEADLOCK_SCREEN);
}

TEST_F_TIMEOUT(top, findings, 60)
{
	START("vt100", 24, 80);
	SHOW(DEADLOCKED);
	AWAIT(DEADLOCK_SCREEN);
	TYPE("f");
	AWAIT_TEXT("FINDINGS, the latest first; Enter opens one\n00:00:00 deadlock in db");
	TYPE("\r");
	AWAIT_TEXT("DEADLOCK #2 in pool db of api[4200001] at 00:00:00\n"
		   "  3 threads hold 3 of the 3 units of db, each waits for another, and none can go\n"
		   "    on.\n");
	AWAIT_TEXT("  threads 4200002-4200004 (worker), same stack:\n"
		   "    each holds 1 of db for 812 ms, taken at\n"
		   "      0x400100\n"
		   "    each asks for 1 more of db, for 640 ms to 642 ms now, at\n"
		   "      0x400200\n");
}

TEST_F_TIMEOUT(top, resize, 60)
{
	START("xterm", 24, 80);
	SHOW(DEADLOCKED);
	AWAIT(DEADLOCK_SCREEN);
	pty__resize(&self->p, 50, 200);
	AWAIT_TEXT("STATE     POOL             PID IN USE           WAIT OLDEST ACQ/S HOLD99 MARGIN PROCESS      HOLD50 WAIT50 WAIT99  NEST "
		   "DEPTH NESTMAX  HOLD OLDHOLD  UNK KEY               AGE SESSION\n"
		   "DEADLOCK  db           4200001 [#########] 3/3     3  642ms     0      -      0 api               -      -      -     3 "
		   "    2       3     3   812ms    0 0xd0              10s       1\n");
	AWAIT_TEXT("3 threads hold 3 of the 3 units of db, each waits for another, and none can go on\n");
	pty__resize(&self->p, 8, 30);
	AWAIT("Terminal too small:\n30x8, 40x10 needed\n");
	pty__resize(&self->p, 24, 80);
	AWAIT(DEADLOCK_SCREEN);
}

TEST_F_TIMEOUT(top, colour, 60)
{
	const struct vt_cell *state = &self->p.vt.cell[4][0], *calm = &self->p.vt.cell[6][0];

	START("xterm-256color", 24, 80);
	SHOW(DEADLOCKED);
	AWAIT(DEADLOCK_SCREEN);
	/* the first is selected: black on cyan; the second down, so that the state's own colour shows */
	ASSERT_EQ(state->background, 6);
	TYPE("\033OB");
	AWAIT_TEXT("DEADLOCK  db");
	while (state->background == 6)
		ASSERT_TRUE(pty__read(&self->p));
	ASSERT_EQ(state->color, 1);
	ASSERT_TRUE(state->bold);
	ASSERT_EQ(calm->color, 2);
	ASSERT_EQ(self->p.vt.cell[3][0].background, 2);
}

TEST_F_TIMEOUT(top, monochrome, 60)
{
	ASSERT_EQ(pty__start(&self->p, "xterm-256color", 24, 80, true), 0);
	SHOW(DEADLOCKED);
	AWAIT(DEADLOCK_SCREEN);
	ASSERT_TRUE(self->p.vt.cell[3][0].reverse);
	ASSERT_TRUE(self->p.vt.cell[4][0].reverse);
	for (int y = 0; y < 24; y++)
		for (int x = 0; x < 80; x++) {
			ASSERT_EQ(self->p.vt.cell[y][x].color, -1);
			ASSERT_EQ(self->p.vt.cell[y][x].background, -1);
		}
}

TEST_F_TIMEOUT(top, the_session_ends, 60)
{
	START("vt100", 24, 80);
	SHOW(DEADLOCKED);
	AWAIT(DEADLOCK_SCREEN);
	SHOW(GONE);
	AWAIT_TEXT("What was watched has ended: this is the last picture.");
	AWAIT_TEXT("DEADLOCK  db           4200001 [#########] 3/3     3  642ms     0      -      0\n");
	TYPE("q");
	ASSERT_EQ(pty__end(&self->p), 0);
}

/* However it ends, the terminal is as it was: its modes, the screen, the cursor. */
static const struct ending {
	const char *keys;
	int signal;
	int status; /* of wait */
} endings[] = {
	{ "q", 0, 0 },	      { "\003", 0, 0 },		  { NULL, SIGTERM, 0 },	       { NULL, SIGHUP, 0 },
	{ NULL, SIGINT, 0 }, { NULL, SIGSEGV, SIGSEGV }, { NULL, SIGABRT, SIGABRT }, { "\034", SIGQUIT, SIGQUIT },
};

TEST_F_TIMEOUT(top, every_way_to_end, 120)
{
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		struct termios before, after;
		int status;

		START("xterm", 24, 80);
		/* Keep the terminal open, and its modes to be seen, when the program is gone. */
		int slave = open(ptsname(self->p.master), O_RDWR | O_NOCTTY);

		ASSERT_EQ(tcgetattr(slave, &before), 0);
		before.c_lflag |= ICANON | ECHO; /* as a new terminal has them, if top was quicker */
		before.c_iflag |= ICRNL;
		AWAIT(CALM_SCREEN);
		ASSERT_TRUE(self->p.vt.alternate);
		ASSERT_TRUE(self->p.vt.cursor_hidden);
		ASSERT_EQ(tcgetattr(slave, &after), 0);
		ASSERT_EQ(after.c_lflag & (ICANON | ECHO), 0);
		if (endings[i].keys)
			TYPE(endings[i].keys);
		else
			kill(self->p.child, endings[i].signal);
		ASSERT_EQ(waitpid(self->p.child, &status, 0), self->p.child);
		self->p.child = 0;
		ASSERT_EQ(status & 0x7f, endings[i].status);
		if (!endings[i].status)
			ASSERT_EQ(status, 0);
		while (self->p.vt.alternate || self->p.vt.cursor_hidden)
			ASSERT_TRUE(pty__read(&self->p));
		ASSERT_EQ(tcgetattr(slave, &after), 0);
		ASSERT_EQ(after.c_lflag & (ICANON | ECHO | ISIG), before.c_lflag & (ICANON | ECHO | ISIG));
		ASSERT_EQ(after.c_iflag, before.c_iflag);
		ASSERT_EQ(after.c_oflag, before.c_oflag);
		close(slave);
		pty__stop(&self->p);
	}
	START("vt100", 24, 80);
}

TEST_F_TIMEOUT(top, the_terminal_goes_away, 60)
{
	int status;

	START("vt100", 24, 80);
	AWAIT(CALM_SCREEN);
	close(self->p.master);
	self->p.master = -1;
	ASSERT_EQ(waitpid(self->p.child, &status, 0), self->p.child);
	self->p.child = 0;
	ASSERT_TRUE(WIFEXITED(status));
}

TEST_F_TIMEOUT(top, unknown_terminal, 60)
{
	START("no-such-terminal", 24, 80);
	ASSERT_EQ(pty__end(&self->p), W_EXITCODE(ENXIO, 0));
	/* nothing was drawn */
	ASSERT_STREQ(pty__screen(&self->p), "back\n");
}

TEST_F_TIMEOUT(top, dumb_terminal, 60)
{
	START("dumb", 24, 80);
	ASSERT_EQ(pty__end(&self->p), W_EXITCODE(ENXIO, 0));
}

TEST_F_TIMEOUT(top, no_terminal, 60)
{
	int status;
	pid_t pid;

	START("vt100", 24, 80);
	pid = fork();
	if (!pid) {
		close(0);
		open("/dev/null", O_RDONLY);
		_exit(pty__child("vt100", false));
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_EQ(status, W_EXITCODE(ENOTTY, 0));
}

TEST_HARNESS_MAIN
