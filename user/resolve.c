// SPDX-License-Identifier: GPL-2.0
/* Name resolution that does not block. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "resolve.h"

struct resolve {
	struct gaicb request;
	struct addrinfo hints;
	char host[256], port[6];
};

int resolve__start(const char *host, const char *port, int socktype, struct resolve **out)
{
	struct resolve *r = calloc(1, sizeof(*r));
	struct gaicb *list[1];

	if (!r)
		return -ENOMEM;
	snprintf(r->host, sizeof(r->host), "%s", host);
	snprintf(r->port, sizeof(r->port), "%s", port);
	r->hints.ai_socktype = socktype;
	r->request = (struct gaicb){.ar_name = r->host, .ar_service = r->port, .ar_request = &r->hints};
	/* Numeric addresses, the usual case of a careful administrator, need no thread. */
	r->hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	if (getaddrinfo(r->host, r->port, &r->hints, &r->request.ar_result)) {
		r->request.ar_result = NULL;
		r->hints.ai_flags = AI_NUMERICSERV;
		list[0] = &r->request;
		if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL)) {
			free(r);
			return -EAGAIN;
		}
	}
	*out = r;
	return 0;
}

int resolve__poll(struct resolve *r, struct addrinfo **list)
{
	int err = r->request.ar_result ? 0 : gai_error(&r->request);

	if (err == EAI_INPROGRESS)
		return -EAGAIN;
	if (err || !r->request.ar_result)
		return -ENOENT;
	*list = r->request.ar_result;
	return 0;
}

void resolve__free(struct resolve *r)
{
	if (!r)
		return;
	if (!r->request.ar_result && gai_error(&r->request) == EAI_INPROGRESS &&
	    gai_cancel(&r->request) == EAI_NOTCANCELED) {
		/* The resolver's thread still writes to it. It is a few hundred bytes, at most once a reload. */
		return;
	}
	if (r->request.ar_result)
		freeaddrinfo(r->request.ar_result);
	free(r);
}
