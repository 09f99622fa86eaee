/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon: watches, one for each set of definitions, over the processes that the configuration means; what they find
 * goes to alerts and metrics. Single thread, never blocks.
 */
#ifndef POOLWATCH_DAEMON_H
#define POOLWATCH_DAEMON_H

#include <stddef.h>
#include <stdint.h>
#include "conf.h"

struct daemon;

struct daemon_error {
	int code; /* -errno */
	char message[512]; /* one line */
};

/* Everything that @conf names can be read: definitions, too. Return: 0, or -errno with *@err. */
int daemon__check(const struct conf *conf, struct daemon_error *err);

/* @conf becomes the daemon's, also on failure. @notice: one line for the log. Return: 0, or -errno with *@err. */
int daemon__new(struct conf *conf, void (*notice)(const char *line), struct daemon **out, struct daemon_error *err);
/* Detaches everything. */
void daemon__free(struct daemon *d);

/*
 * daemon__reload - another configuration, which becomes the daemon's, also on failure. What did not change goes on: processes
 * that stay with the same definitions and options keep their ledgers. On failure nothing changes.
 */
int daemon__reload(struct daemon *d, struct conf *conf, struct daemon_error *err);

/* Polls readable when daemon__step has something to do before its timeout. */
int daemon__fd(const struct daemon *d);
int daemon__timeout_ms(const struct daemon *d);
/* Return: 0, or -errno with *@err: it cannot go on. */
int daemon__step(struct daemon *d, struct daemon_error *err);

struct daemon_counts {
	uint64_t targets, findings, deadlocks;
};

void daemon__count(const struct daemon *d, struct daemon_counts *out);
/* One line: the counts, and its own use. */
void daemon__status(const struct daemon *d, char *buf, size_t size);

#endif
