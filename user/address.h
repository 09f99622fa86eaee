/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses as configurations write them. Pure: names are not resolved here. */
#ifndef POOLWATCH_ADDRESS_H
#define POOLWATCH_ADDRESS_H

#include <stdbool.h>

enum address_kind { ADDRESS_UDP, ADDRESS_TCP, ADDRESS_UNIX };

struct address {
	enum address_kind kind;
	char host[256]; /* or the path */
	char port[6];
};

/* "udp://HOST:PORT", "tcp://[V6]:PORT", "unix:/PATH". -EINVAL. */
int address__parse_remote(const char *text, struct address *a);
/* "unix:/PATH", "127.0.0.1:9464", "[::1]:9464": numeric only. -EINVAL. */
int address__parse_listen(const char *text, struct address *a);
/* Cannot be reached from another machine: a UNIX socket, 127.0.0.0/8, ::1. Of an address to listen on. */
bool address__is_local(const struct address *a);

#endif
