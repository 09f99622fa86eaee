// SPDX-License-Identifier: GPL-2.0
/* Syslog facilities by name. */
#include <errno.h>
#include <stddef.h>
#include <strings.h>
#define SYSLOG_NAMES /* for facilitynames */
#include <syslog.h>
#include "facility.h"

int facility__by_name(const char *name)
{
	for (const CODE *c = facilitynames; c->c_name; c++)
		if (!strcasecmp(c->c_name, name))
			/* 0 is the kernel's own, which a process cannot use; "mark" is syslogd's. */
			return c->c_val > LOG_KERN && c->c_val <= LOG_LOCAL7 ? c->c_val : -EINVAL;
	return -EINVAL;
}
