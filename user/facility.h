/* SPDX-License-Identifier: GPL-2.0 */
/* Syslog facilities by name. */
#ifndef POOLWATCH_FACILITY_H
#define POOLWATCH_FACILITY_H

/* LOG_DAEMON and the like (already shifted), or -EINVAL. */
int facility__by_name(const char *name);

#endif
