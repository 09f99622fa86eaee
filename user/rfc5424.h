/* SPDX-License-Identifier: GPL-2.0 */
/* An alert as a syslog message of RFC 5424, with structured data. Pure. */
#ifndef POOLWATCH_RFC5424_H
#define POOLWATCH_RFC5424_H

#include "alert.h"

struct rfc5424_header {
	int facility;	      /* LOG_DAEMON .. */
	const char *hostname; /* made printable; "" gives "-" */
	unsigned int procid;
	const char *version; /* of poolwatch */
};

/* Return: the length of *@out (to free, ends in NUL, has no newline), or -ENOMEM. */
int rfc5424__format(const struct rfc5424_header *h, const struct alert *a, char **out);

#endif
