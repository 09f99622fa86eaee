/* SPDX-License-Identifier: GPL-2.0 */
/* The commands: one file each, listed in main.c. */
#ifndef POOLWATCH_CMD_H
#define POOLWATCH_CMD_H

/* Exit codes of every command (poolwatch(1)). */
enum { CMD_OK = 0, CMD_FAILED = 1, CMD_USAGE = 2, CMD_FOUND = 3 };

struct cmd {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the command's name. Return: exit code */
	const char *args;
	const char *help; /* one line */
};

extern const struct cmd commands[];

int cmd_attach(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_probe(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_presets(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_alert(int argc, char **argv);
int cmd_log(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_daemon(int argc, char **argv);

#endif
