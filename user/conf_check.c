// SPDX-License-Identifier: GPL-2.0
/* What must hold between the keys of a configuration. */
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "address.h"
#include "conf_check.h"
#include "facility.h"

int conf__fail(struct conf_error *err, int code, const char *file, unsigned int line, const char *fmt, ...)
{
	va_list ap;

	conf_error__clear(err);
	err->file = file ? strdup(file) : NULL;
	err->line = line;
	va_start(ap, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	return code;
}

#define fail(err, section, ...) conf__fail(err, -EINVAL, (section)->file, (section)->line, __VA_ARGS__)

static int check_remote(const struct conf_sink *s, struct conf_error *err)
{
	struct address a;

	if (!s->to)
		return fail(err, s, "[%s] needs 'to': udp://HOST:PORT, tcp://HOST:PORT or unix:PATH", s->name);
	if (address__parse_remote(s->to, &a))
		return fail(err, s, "[%s] to = %s: expected udp://HOST:PORT, tcp://HOST:PORT or unix:PATH", s->name,
			    s->to);
	if (s->path && s->path[0] != '/')
		return fail(err, s, "[%s] spool-file = %s: expected an absolute path", s->name, s->path);
	if (s->spool < 4096 || s->spool > (64 << 20))
		return fail(err, s, "[%s] spool: expected 4K to 64M", s->name);
	return 0;
}

static int check_sink(const struct conf_sink *s, struct conf_error *err)
{
	if (s->facility && facility__by_name(s->facility) < 0)
		return fail(err, s, "[%s] facility = %s: expected daemon, user, auth, local0 .. local7 or the like",
			    s->name, s->facility);
	switch (s->type) {
	case CONF_REMOTE:
		return check_remote(s, err);
	case CONF_FILE:
		if (!s->path || s->path[0] != '/')
			return fail(err, s, "[%s] needs 'path': an absolute path", s->name);
		return 0;
	case CONF_COMMAND:
		if (!s->run.n || s->run.items[0][0] != '/')
			return fail(err, s, "[%s] needs 'run': a program by absolute path, and its arguments", s->name);
		if (!s->limit_ns)
			return fail(err, s, "[%s] limit: a command must have one", s->name);
		return 0;
	default:
		return 0;
	}
}

/* A user by name, or by number: it need not have a name (containers). */
static int resolve_user(const char *name, uint32_t *uid)
{
	char *end;
	unsigned long n = strtoul(name, &end, 10);
	const struct passwd *pw;

	if (*name && !*end && n < UINT32_MAX) {
		*uid = n;
		return 0;
	}
	pw = getpwnam(name);
	if (!pw)
		return -ENOENT;
	*uid = pw->pw_uid;
	return 0;
}

static int check_target(struct conf_target *t, struct conf_error *err)
{
	for (size_t i = 0; i < t->match.exes.n; i++)
		if (strchr(t->match.exes.items[i], '/') && t->match.exes.items[i][0] != '/')
			return fail(err, t, "[target %s] exe = %s: expected an absolute path or glob, or a base name",
				    t->name, t->match.exes.items[i]);
	for (size_t i = 0; i < t->match.containers.n; i++)
		if (strlen(t->match.containers.items[i]) < 12)
			return fail(err, t, "[target %s] container = %s: expected at least 12 digits of its id",
				    t->name, t->match.containers.items[i]);
	if (t->users.n) {
		t->match.uids = calloc(t->users.n, sizeof(*t->match.uids));
		if (!t->match.uids)
			return -ENOMEM;
	}
	for (size_t i = 0; i < t->users.n; i++)
		if (resolve_user(t->users.items[i], &t->match.uids[t->match.nuids++]))
			return fail(err, t, "[target %s] user = %s: no such user", t->name, t->users.items[i]);
	if (match__empty(&t->match))
		return fail(err, t, "[target %s] names no process: give exe, unit, container or user", t->name);
	return 0;
}

int conf__check(struct conf *c, struct conf_error *err)
{
	struct address a;
	int ret;

	for (size_t i = 0; i < c->nsinks; i++) {
		ret = check_sink(&c->sinks[i], err);
		if (ret)
			return ret;
	}
	for (size_t i = 0; i < c->ntargets; i++) {
		ret = check_target(&c->targets[i], err);
		if (ret)
			return ret;
	}
	if (c->listen && address__parse_listen(c->listen, &a))
		return conf__fail(err, -EINVAL, c->metrics_file, c->metrics_line,
				  "[metrics] listen = %s: expected unix:PATH, IPV4:PORT or [IPV6]:PORT", c->listen);
	if (c->listen && !address__is_local(&a) && !c->any_address)
		return conf__fail(
		    err, -EINVAL, c->metrics_file, c->metrics_line,
		    "[metrics] listen = %s can be reached from other machines: say any-address = yes if that is meant",
		    c->listen);
	if (c->textfile && c->textfile[0] != '/')
		return conf__fail(err, -EINVAL, c->metrics_file, c->metrics_line,
				  "[metrics] textfile = %s: expected an absolute path", c->textfile);
	return 0;
}
