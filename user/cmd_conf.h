/* SPDX-License-Identifier: GPL-2.0 */
/* What the commands that read poolwatch.conf(5) have in common. */
#ifndef POOLWATCH_CMD_CONF_H
#define POOLWATCH_CMD_CONF_H

#include <stdbool.h>
#include <stdio.h>
#include "conf.h"

/* -c, --config FILE; -h, --help; and one more, without argument: --flag. */
struct cmd_conf_options {
	const char *flag;
	void (*usage)(FILE *out);
	const char *path; /* NULL: not given */
	bool given;	  /* the flag */
};

/* Return: the command's exit code if that was all, or -1 with *@o filled in. */
int cmd_conf__options(int argc, char **argv, struct cmd_conf_options *o);

/* Read @path (NULL: CONF_PATH), and say on stderr what is wrong with it. Return: as conf__load. */
int cmd_conf__load(const char *path, struct conf **out);

#endif
