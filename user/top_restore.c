// SPDX-License-Identifier: GPL-2.0
/* Apart from top_draw.c: <term.h> takes ordinary words for its macros. */
#include <curses.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <term.h>
#include "top_restore.h"

static struct termios before;
static char leave[256];
static const int fatal_signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT, SIGTRAP, SIGSYS };
#define N(array) (sizeof(array) / sizeof(array[0]))

/* Async-signal-safe. */
static void on_fatal(int sig)
{
	ssize_t n = write(STDOUT_FILENO, leave, strlen(leave));

	(void)n;
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
	signal(sig, SIG_DFL);
	raise(sig);
}

int top_restore__prepare(const char *type)
{
	int known;

	if (tcgetattr(STDIN_FILENO, &before))
		return -ENOTTY;
	/* newterm() would end the program where this one tells. */
	if (!type || setupterm(type, STDOUT_FILENO, &known) != OK || !cursor_address)
		return -ENXIO;
	return 0;
}

void top_restore__arm(void)
{
	/* End attributes, show the cursor, leave keypad mode and the alternate screen. */
	const char *const sequences[] = { exit_attribute_mode, cursor_normal, keypad_local, exit_ca_mode };
	struct sigaction fatal = { .sa_handler = on_fatal };

	leave[0] = '\0';
	for (size_t i = 0; i < N(sequences); i++)
		if (sequences[i] && strlen(leave) + strlen(sequences[i]) < sizeof(leave))
			strcat(leave, sequences[i]);
	sigemptyset(&fatal.sa_mask);
	for (size_t i = 0; i < N(fatal_signals); i++)
		sigaction(fatal_signals[i], &fatal, NULL);
}

void top_restore__disarm(void)
{
	tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	for (size_t i = 0; i < N(fatal_signals); i++)
		signal(fatal_signals[i], SIG_DFL);
}
