/* SPDX-License-Identifier: GPL-2.0 */
/* Metrics over HTTP, on a UNIX socket or a local address, without threads of its own. */
#ifndef POOLWATCH_METRICS_SERVER_H
#define POOLWATCH_METRICS_SERVER_H

#include <stddef.h>
#include <stdint.h>

struct metrics_server;

/*
 * metrics_server__new - listen at @address (as conf.listen, already checked), answer GET /metrics with what @body makes:
 * 0 and *@text of @len bytes (to free), or -errno: 503
 * Return: 0; -EADDRINUSE: somebody listens there; -errno.
 */
int metrics_server__new(const char *address, int (*body)(void *ctx, char **text, size_t *len), void *ctx,
			struct metrics_server **out);
void metrics_server__free(struct metrics_server *s);
/* Polls readable when metrics_server__step has something to do before its timeout. */
int metrics_server__fd(const struct metrics_server *s);
/* ms; -1: none. */
int metrics_server__timeout_ms(const struct metrics_server *s);
void metrics_server__step(struct metrics_server *s);

/* metrics_file__write - for node_exporter: all of it or nothing, by rename. 0 or -errno. */
int metrics_file__write(const char *path, const char *text, size_t len);

#endif
