// SPDX-License-Identifier: GPL-2.0
/* Addresses as configurations write them. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include "address.h"

static int parse_unix(const char *path, struct address *a)
{
	if (path[0] != '/' || strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return -EINVAL;
	a->kind = ADDRESS_UNIX;
	snprintf(a->host, sizeof(a->host), "%s", path);
	a->port[0] = '\0';
	return 0;
}

static int parse_host_port(const char *text, struct address *a)
{
	const char *host = text, *colon = strrchr(text, ':');
	size_t len;
	char *end;
	unsigned long port;

	if (!colon)
		return -EINVAL;
	len = colon - host;
	if (host[0] == '[') {
		if (len < 3 || host[len - 1] != ']')
			return -EINVAL;
		host++;
		len -= 2;
	} else if (memchr(host, ':', len)) {
		return -EINVAL; /* a bare IPv6 address: where does it end? */
	}
	port = strtoul(colon + 1, &end, 10);
	if (!len || len >= sizeof(a->host) || colon[1] < '0' || colon[1] > '9' || *end || !port || port > 65535)
		return -EINVAL;
	memcpy(a->host, host, len);
	a->host[len] = '\0';
	snprintf(a->port, sizeof(a->port), "%lu", port);
	return 0;
}

int address__parse_remote(const char *text, struct address *a)
{
	struct address parsed;
	int err;

	if (!strncmp(text, "unix:", 5)) {
		err = parse_unix(text + 5, &parsed);
	} else if (!strncmp(text, "udp://", 6) || !strncmp(text, "tcp://", 6)) {
		parsed.kind = text[0] == 'u' ? ADDRESS_UDP : ADDRESS_TCP;
		err = parse_host_port(text + 6, &parsed);
	} else {
		err = -EINVAL;
	}
	if (!err)
		*a = parsed;
	return err;
}

int address__parse_listen(const char *text, struct address *a)
{
	struct address parsed;
	struct in6_addr any;
	int err;

	if (!strncmp(text, "unix:", 5)) {
		err = parse_unix(text + 5, &parsed);
	} else {
		parsed.kind = ADDRESS_TCP;
		err = parse_host_port(text, &parsed);
		if (!err && inet_pton(AF_INET, parsed.host, &any) != 1 && inet_pton(AF_INET6, parsed.host, &any) != 1)
			err = -EINVAL;
	}
	if (!err)
		*a = parsed;
	return err;
}

bool address__is_local(const struct address *a)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (a->kind == ADDRESS_UNIX)
		return true;
	if (inet_pton(AF_INET, a->host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, a->host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}
