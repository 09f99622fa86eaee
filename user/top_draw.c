// SPDX-License-Identifier: GPL-2.0
#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>
#include "escape.h"
#include "top_draw.h"
#include "top_restore.h"

static SCREEN *screen;
static attr_t attributes[TOP_STYLES];
static short pairs[TOP_STYLES];
static bool utf8;

static void prepare_colors(bool mono)
{
	static const struct {
		attr_t attribute, mono;
		short foreground, background;
	} styles[TOP_STYLES] = {
		[TOP_PLAIN] = { A_NORMAL, A_NORMAL, -1, -1 },
		[TOP_BOLD] = { A_BOLD, A_BOLD, -1, -1 },
		[TOP_DIM] = { A_DIM, A_NORMAL, -1, -1 },
		[TOP_HEADING] = { A_NORMAL, A_REVERSE, COLOR_BLACK, COLOR_GREEN },
		[TOP_SELECTED] = { A_NORMAL, A_REVERSE, COLOR_BLACK, COLOR_CYAN },
		[TOP_ALARM] = { A_BOLD, A_BOLD, COLOR_RED, -1 },
		[TOP_WARN] = { A_NORMAL, A_BOLD, COLOR_YELLOW, -1 },
		[TOP_GOOD] = { A_NORMAL, A_NORMAL, COLOR_GREEN, -1 },
		[TOP_KEY] = { A_NORMAL, A_REVERSE, COLOR_BLACK, COLOR_CYAN },
	};
	bool color = !mono && has_colors() && start_color() == OK && COLORS >= 8;

	if (color)
		use_default_colors();
	for (short i = 0; i < TOP_STYLES; i++) {
		attributes[i] = color ? styles[i].attribute : styles[i].mono;
		pairs[i] = 0;
		if (color && (styles[i].foreground != -1 || styles[i].background != -1) &&
		    init_pair((short)(i + 1), styles[i].foreground, styles[i].background) == OK)
			pairs[i] = (short)(i + 1);
	}
}

int top_draw__open(bool mono)
{
	const char *type = getenv("TERM"), *no_color = getenv("NO_COLOR");
	int err;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	err = top_restore__prepare(type);
	if (err)
		return err;
	utf8 = !strcasecmp(nl_langinfo(CODESET), "UTF-8");
	screen = newterm(type, stdout, stdin);
	if (!screen)
		return -ENXIO;
	top_restore__arm();
	set_escdelay(25);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	prepare_colors(mono || (no_color && *no_color));
	return 0;
}

void top_draw__close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
	top_restore__disarm();
}

unsigned int top_draw__lines(void)
{
	return LINES > 0 ? (unsigned int)LINES : 0;
}

unsigned int top_draw__columns(void)
{
	return COLS > 0 ? (unsigned int)COLS : 0;
}

unsigned int top_draw__escape(void)
{
	return utf8 ? 0 : ESCAPE_ASCII;
}

void top_draw__field(unsigned int y, unsigned int x, unsigned int width, bool right, enum top_style style,
		     const char *text)
{
	unsigned int columns, pad;
	size_t bytes;

	if (y >= top_draw__lines() || x >= top_draw__columns() || !width)
		return;
	if (width > top_draw__columns() - x)
		width = top_draw__columns() - x;
	bytes = escape__fit(text, width);
	columns = escape__columns_of(text, bytes);
	pad = width > columns ? width - columns : 0;
	attr_set(attributes[style], pairs[style], NULL);
	move((int)y, (int)x);
	if (right)
		printw("%*s", (int)pad, "");
	addnstr(text, (int)bytes);
	if (!right)
		printw("%*s", (int)pad, "");
	attr_set(A_NORMAL, 0, NULL);
}

void top_draw__line(unsigned int y, unsigned int x, enum top_style style, const char *text)
{
	if (x < top_draw__columns())
		top_draw__field(y, x, top_draw__columns() - x, false, style, text);
}

void top_draw__printf(unsigned int y, unsigned int x, enum top_style style, const char *format, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	top_draw__line(y, x, style, line);
}

enum top_style top_style__of_state(enum view_state state)
{
	switch (state) {
	case VIEW_DEADLOCK:
	case VIEW_STALL:
		return TOP_ALARM;
	case VIEW_FULL:
	case VIEW_UNCERTAIN:
		return TOP_WARN;
	case VIEW_OK:
		return TOP_GOOD;
	default:
		return TOP_PLAIN;
	}
}

enum top_style top_style__of_severity(enum finding_severity severity, enum finding_event event)
{
	if (event == FINDING_RECOVERED || event == FINDING_RETRACTED)
		return TOP_GOOD;
	return severity >= FINDING_ERROR ? TOP_ALARM : severity == FINDING_WARNING ? TOP_WARN : TOP_PLAIN;
}
