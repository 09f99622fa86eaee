/* SPDX-License-Identifier: GPL-2.0 */
/* Name to addresses without blocking: the resolver works in a thread of the C library's. */
#ifndef POOLWATCH_RESOLVE_H
#define POOLWATCH_RESOLVE_H

#include <netdb.h>

struct resolve;

/* Begin. @socktype: SOCK_STREAM or SOCK_DGRAM. Return: 0 or -errno. */
int resolve__start(const char *host, const char *port, int socktype, struct resolve **out);
/* -EAGAIN: not yet; 0: *@list is there, the resolve's; -ENOENT: there is none. */
int resolve__poll(struct resolve *r, struct addrinfo **list);
/* Also in the middle. */
void resolve__free(struct resolve *r);

#endif
