/* SPDX-License-Identifier: GPL-2.0 */
/* What must hold between the keys of a configuration. Part of conf__read. */
#ifndef POOLWATCH_CONF_CHECK_H
#define POOLWATCH_CONF_CHECK_H

#include "conf.h"

/* Also resolves user names. Return: 0, or -EINVAL with *@err. */
int conf__check(struct conf *c, struct conf_error *err);
/* Fill *@err. Return: @code. */
int conf__fail(struct conf_error *err, int code, const char *file, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

#endif
