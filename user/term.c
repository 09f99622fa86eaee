// SPDX-License-Identifier: GPL-2.0
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "term.h"

struct term term__of(FILE *stream)
{
	const char *name = getenv("TERM"), *no_color = getenv("NO_COLOR"), *columns = getenv("COLUMNS");
	struct term t = { .tty = isatty(fileno(stream)), .utf8 = !strcasecmp(nl_langinfo(CODESET), "UTF-8") };
	struct winsize size;

	if (!t.tty)
		return t;
	t.color = name && *name && strcmp(name, "dumb") && !(no_color && *no_color);
	if (columns && atoi(columns) > 0)
		t.width = (unsigned int)atoi(columns);
	else if (!ioctl(fileno(stream), TIOCGWINSZ, &size) && size.ws_col)
		t.width = size.ws_col;
	else
		t.width = 80;
	return t;
}
